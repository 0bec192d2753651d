//! Links with a member's field in them, such as `https://example.se/{{member.number}}`, for members who lack the
//! field.

use std::collections::BTreeSet;
use std::ops::Range;

use crate::compose::{TagKind, template_tags};
use crate::domain::{Member, Section};

use super::readers::{NAMED, name_of};
use super::text::SectionText;
use super::{CheckedLetters, Finding};

/// The personal links of an issue, with the members for whom they are incomplete.
#[derive(Debug, Default)]
pub(super) struct PersonalLinks {
    /// By section; created for the first member.
    sections: Option<Vec<Vec<PersonalLink>>>,
}

/// A link in a section's Markdown that contains fields of the member.
#[derive(Debug)]
struct PersonalLink {
    range: Range<usize>,
    fields: BTreeSet<String>,
    lacking: u64,
    first_lacking: Vec<String>,
    /// Those of its fields that some member lacks.
    lacked: BTreeSet<String>,
}

impl PersonalLinks {
    /// Checks the links in the sections that a member gets.
    pub fn add(&mut self, sections: &[Section], sees: &[bool], member: &Member) {
        let links = self.sections.get_or_insert_with(|| sections.iter().map(links_of).collect());
        let seen = links.iter_mut().zip(sees).filter(|(_, sees)| **sees);
        seen.flat_map(|(links, _)| links).for_each(|link| link.add(member));
    }
}

impl PersonalLink {
    fn add(&mut self, member: &Member) {
        let is_empty = |field: &&String| member.field(field).is_none_or(|value| value.trim().is_empty());
        let empty: Vec<String> = self.fields.iter().filter(is_empty).cloned().collect();
        if empty.is_empty() {
            return;
        }
        self.lacked.extend(empty);
        self.lacking += 1;
        if self.first_lacking.len() < NAMED {
            self.first_lacking.push(name_of(member).to_owned());
        }
    }

    fn finding(&self, section: &SectionText<'_>) -> Finding {
        let fields: Vec<String> = self.lacked.iter().map(|field| format!("`{field}`")).collect();
        let members =
            if self.lacking == 1 { "1 member".to_owned() } else { format!("{} members", self.lacking) };
        let more = if self.lacking > self.first_lacking.len() as u64 { " …" } else { "" };
        let message = format!(
            "the link is incomplete for {members} without {}: {}{more}",
            fields.join(" or "),
            self.first_lacking.join(", ")
        );
        let field = self.lacked.first().map_or("number", String::as_str);
        let advice =
            format!("fill in the field, or put {{{{#if member.{field}}}}} … {{{{/if}}}} around the link");
        Finding::warning("link-field-empty", message, advice).at(section.place(&self.range))
    }
}

/// Finds links that are incomplete for some of their readers.
pub(super) fn links(letters: &CheckedLetters<'_>) -> Vec<Finding> {
    let sections = letters.readers.personal().sections.iter().flatten();
    let of_section = |(section, links): (&Section, &Vec<PersonalLink>)| {
        let lacking: Vec<&PersonalLink> = links.iter().filter(|link| link.lacking > 0).collect();
        if lacking.is_empty() {
            return Vec::new();
        }
        let section = SectionText::new(section);
        lacking.into_iter().map(|link| link.finding(&section)).collect::<Vec<_>>()
    };
    letters.source.sections.iter().zip(sections).flat_map(of_section).collect()
}

fn links_of(section: &Section) -> Vec<PersonalLink> {
    if !section.markdown.contains("{{") {
        return Vec::new();
    }
    let text = SectionText::new(section);
    let link = |range: &Range<usize>| {
        let fields = fields_in(&section.markdown, range);
        let (lacking, first_lacking, lacked) = (0, Vec::new(), BTreeSet::new());
        (!fields.is_empty()).then(|| PersonalLink {
            range: range.clone(),
            fields,
            lacking,
            first_lacking,
            lacked,
        })
    };
    text.markdown.links.iter().filter_map(|found| link(&found.range)).collect()
}

/// The fields used at a place in the Markdown, except those that a surrounding block tests for.
fn fields_in(markdown: &str, range: &Range<usize>) -> BTreeSet<String> {
    let mut open: Vec<&str> = Vec::new();
    let mut fields = BTreeSet::new();
    for tag in template_tags(markdown).take_while(|tag| tag.range.start < range.end) {
        match tag.kind() {
            TagKind::Open(_) => open.push(tag.text),
            TagKind::Close(_) => drop(open.pop()),
            TagKind::Value if tag.range.start >= range.start => {
                let inner = tag.text.trim_matches(['{', '}', '~', ' ']);
                let is_asked = open.iter().any(|block| block.contains(inner));
                let field = inner.strip_prefix("member.").filter(|_| !is_asked);
                // A tag with a default for an empty field contains a space.
                fields.extend(field.filter(|field| !field.contains(char::is_whitespace)).map(str::to_owned));
            }
            _ => {}
        }
    }
    fields
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::tests::issue;
    use super::*;
    use crate::domain::MemberId;

    fn member(name: &str, number: Option<&str>) -> Member {
        Member {
            id: MemberId(1),
            number: number.map(str::to_owned),
            name: name.to_owned(),
            address: None,
            fields: BTreeMap::new(),
        }
    }

    #[test]
    fn an_incomplete_link_names_its_members() {
        for (markdown, want) in [
            ("[Konto](https://example.se/{{member.number}})", Some("1 member without `number`: Bo")),
            ("[{{ member.number }}](https://example.se)", Some("1 member without `number`: Bo")),
            (
                "<a href=\"https://example.se/{{member.area}}\">x</a>",
                Some("2 members without `area`: Bo, Eva"),
            ),
            ("{{#if member.number}}[Konto](https://example.se/{{member.number}}){{/if}}", None),
            ("[Konto](https://example.se/{{member.number \"0\"}})", None),
            ("Nummer {{member.number}}, [Konto](https://example.se)", None),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let source = issue(dir.path(), "", markdown);
            let mut found = PersonalLinks::default();
            found.add(&source.sections, &[true], &member("Bo", None));
            found.add(&source.sections, &[true], &member("Eva", Some("17")));
            found.add(&source.sections, &[false], &member("Ulf", None));
            let section = SectionText::new(&source.sections[0]);
            let links = found.sections.iter().flatten().flatten().filter(|link| link.lacking > 0);
            let messages: Vec<String> = links.map(|link| link.finding(&section).message).collect();
            assert_eq!(messages.len(), usize::from(want.is_some()), "{markdown}: {messages:?}");
            assert!(
                messages.iter().all(|message| want.is_some_and(|want| message.ends_with(want))),
                "{messages:?}"
            );
        }
    }
}
