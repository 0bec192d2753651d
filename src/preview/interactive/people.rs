//! The recipients, filtered by a search and a segment at once.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::segment::SegmentError;
use crate::domain::{Member, MemberId, SearchQuery, SearchedText, Segment};

/// The segments to filter by.
#[derive(Debug, Default)]
pub struct Segments {
    /// Those of the configuration.
    pub named: BTreeMap<String, Segment>,
    /// The fields that members have.
    pub fields: BTreeSet<String>,
}

impl Segments {
    /// The segment with this name, or of this expression.
    ///
    /// # Errors
    /// Says what is wrong with the expression, and where.
    pub fn find(&self, text: &str) -> Result<Segment, SegmentError> {
        let text = self.named.get(text).map_or(text, Segment::source);
        Segment::parse_over(text, &self.fields)
    }

    /// The names that start with `start`.
    pub fn names<'a>(&'a self, start: &str) -> Vec<&'a str> {
        self.named.keys().map(String::as_str).filter(|name| name.starts_with(start)).collect()
    }
}

/// All recipients, and which of them are listed.
#[derive(Debug)]
pub struct People {
    /// The neutral reader comes first.
    all: Vec<MemberEntry>,
    listed: Vec<usize>,
    /// The position of the chosen one among those listed.
    at: usize,
    search: String,
    segment: Option<(String, Segment)>,
}

#[derive(Debug)]
struct MemberEntry {
    member: Member,
    /// The searchable text.
    text: SearchedText,
}

impl People {
    /// The recipients, preceded by the neutral reader, who is chosen first.
    pub fn new(neutral: Member, members: Vec<Member>) -> Self {
        let all: Vec<MemberEntry> = std::iter::once(neutral).chain(members).map(MemberEntry::new).collect();
        let listed = (0..all.len()).collect();
        Self { all, listed, at: 0, search: String::new(), segment: None }
    }

    /// How many recipients there are, without the neutral reader.
    pub fn total(&self) -> usize {
        self.all.len() - 1
    }

    /// How many are listed, without the neutral reader.
    pub fn count(&self) -> usize {
        self.listed.iter().filter(|index| **index > 0).count()
    }

    /// The position of the chosen one among those listed.
    pub fn at(&self) -> usize {
        self.at
    }

    /// Those listed from a position on.
    pub fn listed_from(&self, start: usize) -> impl Iterator<Item = &Member> {
        self.listed.iter().skip(start).filter_map(|index| self.member(*index))
    }

    /// The number of the chosen one among all; the neutral reader's is 0.
    pub fn chosen(&self) -> Option<usize> {
        self.listed.get(self.at).copied()
    }

    /// The recipient with this number among all.
    pub fn member(&self, number: usize) -> Option<&Member> {
        self.all.get(number).map(|entry| &entry.member)
    }

    /// The search text; empty if there is none.
    pub fn search(&self) -> &str {
        &self.search
    }

    /// The name or expression of the segment; empty for everybody.
    pub fn segment(&self) -> &str {
        self.segment.as_ref().map_or("", |(text, _)| text)
    }

    /// Moves the choice by a number of positions.
    pub fn step(&mut self, by: isize) {
        let last = self.listed.len().saturating_sub(1);
        self.at = self.at.saturating_add_signed(by).min(last);
    }

    /// Chooses the recipient with this id; tells whether there is one.
    pub fn choose(&mut self, id: MemberId) -> bool {
        let has_it = |number: usize| self.member(number).is_some_and(|member| number > 0 && member.id == id);
        let found = self.listed.iter().position(|number| has_it(*number));
        self.at = found.unwrap_or(self.at);
        found.is_some()
    }

    /// Lists only recipients who match every word.
    pub fn set_search(&mut self, search: &str) {
        search.clone_into(&mut self.search);
        self.list();
    }

    /// Lists only members of a segment, given with its text.
    pub fn set_segment(&mut self, segment: Option<(String, Segment)>) {
        self.segment = segment;
        self.list();
    }

    fn list(&mut self) {
        let chosen = self.chosen();
        let query = SearchQuery::new(&self.search);
        let is_listed = |(index, entry): &(usize, &MemberEntry)| {
            query.matches(&entry.text)
                && self
                    .segment
                    .as_ref()
                    .is_none_or(|(_, segment)| *index > 0 && segment.matches(&entry.member))
        };
        self.listed = self.all.iter().enumerate().filter(is_listed).map(|(index, _)| index).collect();
        // The chosen recipient stays chosen while listed.
        self.at = self.listed.iter().position(|index| Some(*index) == chosen).unwrap_or(0);
    }
}

impl MemberEntry {
    fn new(member: Member) -> Self {
        Self { text: SearchedText::of(&member), member }
    }
}

#[cfg(test)]
pub(super) mod tests {
    use super::*;
    use crate::domain::Address;
    use crate::domain::MemberId;

    pub fn member(id: i64, name: &str, kind: &str) -> Member {
        let address = format!("{}@example.org", name.to_lowercase().replace(' ', "."));
        Member {
            id: MemberId(id),
            number: None,
            name: name.to_owned(),
            address: Address::parse(&address).ok(),
            fields: BTreeMap::from([("type".to_owned(), kind.to_owned())]),
        }
    }

    pub fn people() -> People {
        let members = [(1, "Anna Ek", "byalag"), (2, "Bo Lind", "byalag"), (3, "Cia Ek", "annan")];
        let members = members.map(|(id, name, kind)| member(id, name, kind));
        People::new(member(0, "medlem", ""), members.to_vec())
    }

    pub fn segments() -> Segments {
        let named = [("byalagen", "typ = byalag"), ("byarna", "typ = by"), ("ovriga", "typ = annan")];
        let named = named.map(|(name, text)| (name.to_owned(), Segment::parse(text).unwrap()));
        Segments { named: named.into(), fields: BTreeSet::from(["type".to_owned(), "name".to_owned()]) }
    }

    fn names(people: &People) -> Vec<&str> {
        people.listed_from(0).map(|member| member.name.as_str()).collect()
    }

    #[test]
    fn search_and_segment_choose_together() {
        let mut people = people();
        assert_eq!((people.total(), people.count(), people.chosen()), (3, 3, Some(0)));
        people.step(3);
        people.set_search("EK");
        assert_eq!((names(&people), people.chosen()), (vec!["Anna Ek", "Cia Ek"], Some(3)));
        let segment = segments().find("byalagen").unwrap();
        people.set_segment(Some(("byalagen".to_owned(), segment)));
        assert_eq!((names(&people), people.chosen()), (vec!["Anna Ek"], Some(1)));
        people.set_search("nobody");
        assert_eq!((people.count(), people.chosen()), (0, None));
        people.set_search("");
        assert_eq!(names(&people), ["Anna Ek", "Bo Lind"]);
    }

    #[test]
    fn a_step_ends_at_the_ends() {
        let mut people = people();
        people.step(-1);
        assert_eq!(people.at(), 0);
        people.step(isize::MAX);
        assert_eq!(people.at(), 3);
        assert!(people.choose(MemberId(2)));
        assert_eq!(people.chosen(), Some(2));
        assert!(!people.choose(MemberId(99)));
    }

    #[test]
    fn a_segment_is_a_name_or_an_expression() {
        let segments = segments();
        assert!(segments.find("byalagen").is_ok() && segments.find("name contains ek").is_ok());
        assert!(segments.find("byalaget").unwrap_err().message.contains("no member has a field"));
        assert_eq!(segments.names("bya"), ["byalagen", "byarna"]);
    }
}
