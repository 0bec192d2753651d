//! The members next to the letter, kept in memory and searched at every keystroke.

use crate::domain::{Address, Household, Member, MemberId, SearchQuery, SearchedText, Segment};

/// A member in the list.
#[derive(Debug)]
pub struct BrowserMember {
    pub member: Member,
    /// The reason why the member gets no letter of any issue, such as `no e-mail address`.
    pub skipped: Option<String>,
}

/// All members, in the order of the register.
#[derive(Debug, Default)]
pub struct BrowserMembers {
    all: Vec<BrowserMember>,
    /// The searchable text of each member.
    texts: Vec<SearchedText>,
}

/// The filter of the member list.
#[derive(Debug, Default)]
pub(super) struct Filter<'a> {
    query: SearchQuery,
    segment: Option<&'a Segment>,
}

/// A member's position among those that match a filter.
#[derive(Debug, Default, PartialEq, Eq)]
pub(super) struct ListNeighbours {
    pub previous: Option<MemberId>,
    pub next: Option<MemberId>,
}

impl BrowserMembers {
    /// Indexes the members.
    pub fn new(all: Vec<BrowserMember>) -> Self {
        let texts = all.iter().map(|reader| SearchedText::of(&reader.member)).collect();
        Self { all, texts }
    }

    /// All members.
    pub fn iter(&self) -> impl Iterator<Item = &BrowserMember> {
        self.all.iter()
    }

    /// The member with this id.
    pub fn get(&self, id: MemberId) -> Option<&BrowserMember> {
        let position = self.all.binary_search_by_key(&id, |reader| reader.member.id).ok()?;
        self.all.get(position)
    }

    /// The member together with those who get the same letter: who can be mailed at the address and match `is_for`.
    pub(super) fn household(&self, member: &Member, is_for: impl Fn(&Member) -> bool) -> Household {
        let key = member.address.as_ref().map(Address::key);
        let is_reader = |reader: &&BrowserMember| {
            reader.skipped.is_none()
                && reader.member.address.as_ref().map(Address::key) == key
                && is_for(&reader.member)
        };
        let mut readers = self.all.iter().filter(is_reader).map(|reader| reader.member.clone());
        match readers.next().filter(|_| key.is_some()) {
            Some(lead) => {
                let household = Household { lead, others: readers.collect() };
                let is_member = household.members().any(|reader| reader.id == member.id);
                if is_member { household } else { member.clone().into() }
            }
            None => member.clone().into(),
        }
    }

    pub(super) fn found<'a>(&'a self, filter: &Filter<'_>) -> impl Iterator<Item = &'a BrowserMember> {
        let pairs = self.all.iter().zip(&self.texts);
        pairs.filter(|(reader, text)| filter.takes(&reader.member, text)).map(|(reader, _)| reader)
    }

    /// The neighbours of `member` among those that match the filter; the neutral reader (0) comes first.
    pub(super) fn neighbours(&self, member: MemberId, filter: &Filter<'_>) -> ListNeighbours {
        let mut neighbours = ListNeighbours::default();
        for id in self.found(filter).map(|reader| reader.member.id) {
            if id > member {
                neighbours.next = Some(id);
                break;
            }
            if id < member {
                neighbours.previous = Some(id);
            }
        }
        neighbours
    }
}

impl<'a> Filter<'a> {
    /// Members who match the query and the segment.
    pub fn new(query: &str, segment: Option<&'a Segment>) -> Self {
        Self { query: SearchQuery::new(query), segment }
    }

    fn takes(&self, member: &Member, text: &SearchedText) -> bool {
        self.query.matches(text) && self.segment.is_none_or(|segment| segment.matches(member))
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::*;

    fn readers() -> BrowserMembers {
        let member = |id: i64, name: &str, address: &str, organisation: &str| BrowserMember {
            member: Member {
                id: MemberId(id),
                number: None,
                name: name.to_owned(),
                address: Address::parse(address).ok(),
                fields: BTreeMap::from([("organisation".to_owned(), organisation.to_owned())]),
            },
            skipped: None,
        };
        BrowserMembers::new(vec![
            member(2, "Gösta Älghorna", "gosta@example.org", "Byalaget"),
            member(3, "Åsa Ek", "asa@example.se", "Skärgårdens vänner"),
            member(7, "Bo Ek", "bo@example.org", "Byalaget"),
        ])
    }

    #[test]
    fn a_search_covers_name_address_and_organisation() {
        let readers = readers();
        for (query, want) in [
            ("", &[2, 3, 7][..]),
            ("gosta", &[2]),
            ("GÖSTA älg", &[2]),
            ("ek", &[3, 7]),
            ("ek byalaget", &[7]),
            ("example.org", &[2, 7]),
            ("skargard", &[3]),
            ("nobody", &[]),
        ] {
            let found: Vec<i64> =
                readers.found(&Filter::new(query, None)).map(|reader| reader.member.id.0).collect();
            assert_eq!(found, want, "{query}");
        }
        let segment = Segment::parse("organisation = byalaget").unwrap();
        let found = readers.found(&Filter::new("ek", Some(&segment))).count();
        assert_eq!(found, 1);
    }

    #[test]
    fn neighbours_are_those_of_the_search() {
        let readers = readers();
        for (member, query, previous, next) in [
            (0, "", None, Some(2)),
            (2, "", None, Some(3)),
            (3, "", Some(2), Some(7)),
            (7, "", Some(3), None),
            (2, "ek", None, Some(3)),
            (3, "byalaget", Some(2), Some(7)),
            (7, "nobody", None, None),
        ] {
            let want = ListNeighbours { previous: previous.map(MemberId), next: next.map(MemberId) };
            let found = readers.neighbours(MemberId(member), &Filter::new(query, None));
            assert_eq!(found, want, "{member} {query}");
        }
    }

    #[test]
    fn a_member_is_found_by_number() {
        let readers = readers();
        assert_eq!(readers.get(MemberId(3)).unwrap().member.name, "Åsa Ek");
        assert!(readers.get(MemberId(4)).is_none());
    }
}
