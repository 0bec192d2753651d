//! The members of an issue, their sections, and the size of their letters.

use std::collections::BTreeSet;

use crate::compose::{ComposeError, Composer, IssueSource};
use crate::domain::{Member, Section};

use super::personal::PersonalLinks;
use super::text::TextFile;
use super::{CheckedLetters, Finding};

/// Bytes of HTML at which a letter is large, and above which Gmail hides its end.
const LARGE: usize = 90_000;
const CLIPPED: usize = 102_400;
/// The maximum number of members to name.
pub(super) const NAMED: usize = 5;
/// A longer name is probably text in the wrong column.
const LONG_NAME: usize = 100;
/// How many letters to render, besides one for each combination of sections.
const RENDERED: u64 = 1_000;

/// The members who can be mailed, and facts about their letters.
#[derive(Debug, Default)]
pub struct Audience {
    members: u64,
    without_section: u64,
    /// For each section, how many get it.
    seen: Vec<u64>,
    choices: BTreeSet<Vec<bool>>,
    /// The size of the largest HTML part in bytes.
    largest: usize,
    /// Members whom the greeting does not name although it should.
    unnamed: u64,
    first_unnamed: Vec<String>,
    /// Members whose names are too long for a header.
    long_names: Vec<String>,
    personal: PersonalLinks,
}

/// The name of a member in findings.
pub(super) fn name_of(member: &Member) -> &str {
    if member.name.is_empty() { "(no name)" } else { &member.name }
}

impl Audience {
    /// Adds a member.
    ///
    /// # Errors
    /// If the member's letter cannot be rendered.
    pub fn add(
        &mut self,
        source: &IssueSource,
        composer: &Composer,
        member: &Member,
    ) -> Result<(), ComposeError> {
        if composer.greets_neutrally(member) {
            self.unnamed += 1;
            if self.first_unnamed.len() < NAMED {
                self.first_unnamed.push(name_of(member).to_owned());
            }
        }
        if member.name.chars().count() > LONG_NAME {
            self.long_names.push(member.name.clone());
        }
        let choice = self.count(&source.sections, member);
        self.personal.add(&source.sections, &choice, member);
        let is_written = choice.contains(&true);
        if is_written && (self.choices.insert(choice) || self.members <= RENDERED) {
            self.largest = self.largest.max(composer.render(member)?.html.len());
        }
        Ok(())
    }

    fn count(&mut self, sections: &[Section], member: &Member) -> Vec<bool> {
        let sees =
            |section: &Section| section.audience.as_ref().is_none_or(|audience| audience.matches(member));
        let choice: Vec<bool> = sections.iter().map(sees).collect();
        self.members += 1;
        self.without_section += u64::from(!choice.contains(&true));
        self.seen.resize(choice.len(), 0);
        self.seen.iter_mut().zip(&choice).for_each(|(seen, sees)| *seen += u64::from(*sees));
        choice
    }

    /// The personal links, and the members who lack their fields.
    pub(super) fn personal(&self) -> &PersonalLinks {
        &self.personal
    }

    fn reach_of(&self, sections: &[Section]) -> Vec<Finding> {
        if self.members == 0 {
            return Vec::new();
        }
        let unseen = sections.iter().zip(&self.seen).filter(|(_, seen)| **seen == 0);
        let mut findings: Vec<Finding> = unseen
            .map(|(section, _)| {
                let audience = section.audience.as_ref().map_or("", |audience| audience.source());
                let message =
                    format!("no member sees the section «{}»: its audience is {audience}", section.title);
                let advice =
                    "correct the audience; `medlemsbrev import --dry-run` shows the member list's columns";
                Finding::warning("section-unseen", message, advice)
                    .at(TextFile::read(&section.path).key("", "audience"))
            })
            .collect();
        if self.without_section > 0 {
            let message = match self.without_section {
                1 => "1 member gets no letter: no section is for that member".to_owned(),
                number => format!("{number} members get no letter: no section is for them"),
            };
            let advice = "write a section without an audience, or ignore this if it is intended";
            findings.push(Finding::warning("member-without-section", message, advice));
        }
        findings
    }
}

/// Finds members with a name that a greeting cannot use.
pub(super) fn greetings(letters: &CheckedLetters<'_>) -> Vec<Finding> {
    let Audience { unnamed, first_unnamed, .. } = letters.readers;
    if *unnamed == 0 {
        return Vec::new();
    }
    let more = if *unnamed > first_unnamed.len() as u64 { " …" } else { "" };
    let members = if *unnamed == 1 { "1 member is".to_owned() } else { format!("{unnamed} members are") };
    let message = format!(
        "{members} greeted without a name, because it is not clear: {}{more}",
        first_unnamed.join(", ")
    );
    let advice = "write the names as «First Last», or give the list a column for first names";
    vec![Finding::warning("greeting-neutral", message, advice)]
}

/// Finds members whose name is too long for the To header.
pub(super) fn long_names(letters: &CheckedLetters<'_>) -> Vec<Finding> {
    let finding = |name: &String| {
        let start: String = name.chars().take(40).collect();
        let message = format!(
            "the name of the member `{start}…` has {} characters: no mail program shows it whole",
            name.chars().count()
        );
        Finding::warning("member-name", message, "shorten it in the member list")
    };
    letters.readers.long_names.iter().take(NAMED).map(finding).collect()
}

/// Finds letters that Gmail clips before the unsubscribe link.
pub(super) fn size(letters: &CheckedLetters<'_>) -> Vec<Finding> {
    let largest = letters.readers.largest.max(letters.rendered.html.len());
    judge_size(largest, letters.facts.allow_large).into_iter().collect()
}

/// Finds sections without readers and members without sections.
pub(super) fn reach(letters: &CheckedLetters<'_>) -> Vec<Finding> {
    letters.readers.reach_of(&letters.source.sections)
}

fn judge_size(bytes: usize, allow_large: bool) -> Option<Finding> {
    let message =
        format!("the largest letter has {} kB of HTML; Gmail clips letters after 102 kB", bytes / 1000);
    let advice = "shorten it and link to the rest";
    match bytes {
        0..LARGE => None,
        CLIPPED.. if !allow_large => {
            Some(Finding::error("letter-size", message, format!("{advice}; or use --allow-large")))
        }
        _ => Some(Finding::warning("letter-size", message, advice)),
    }
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeMap;

    use super::super::Severity::{Error, Warning};
    use super::super::tests::issue;
    use super::*;
    use crate::domain::{Address, MemberId};

    fn member(kind: &str) -> Member {
        Member {
            id: MemberId(1),
            number: None,
            name: "Bo".to_owned(),
            address: Address::parse("bo@example.se").ok(),
            fields: BTreeMap::from([("type".to_owned(), kind.to_owned())]),
        }
    }

    #[test]
    fn letters_stay_below_the_clipping_limit() {
        for (bytes, allow_large, want) in [
            (89_999, false, None),
            (90_000, false, Some(Warning)),
            (102_399, false, Some(Warning)),
            (102_400, false, Some(Error)),
            (200_000, true, Some(Warning)),
        ] {
            assert_eq!(judge_size(bytes, allow_large).map(|finding| finding.severity), want, "{bytes}");
        }
    }

    #[test]
    fn a_section_has_readers_and_a_member_a_section() {
        for (kinds, want) in [
            (&[][..], &[][..]),
            (&["byalag"], &[]),
            (&["byalag", "förening"], &["member-without-section"]),
            (&["förening"], &["section-unseen", "member-without-section"]),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let source = issue(dir.path(), "audience = 'typ = \"byalag\"'\n", "Hej\n");
            let mut readers = Audience::default();
            kinds.iter().for_each(|kind| drop(readers.count(&source.sections, &member(kind))));
            let found = readers.reach_of(&source.sections);
            assert_eq!(found.iter().map(|finding| finding.rule).collect::<Vec<_>>(), want, "{kinds:?}");
            let unseen = found.iter().find(|finding| finding.rule == "section-unseen");
            assert!(unseen.is_none_or(|finding| finding.message.contains("typ = \"byalag\"")), "{unseen:?}");
        }
    }
}
