//! Headings and sections.

use std::collections::BTreeSet;

use super::markdown::Heading;
use super::text::SectionText;
use super::{Finding, Subject};

/// Finds headings that skip a level: people who listen to a letter navigate by them.
pub(super) fn heading_order(subject: &Subject<'_>) -> Vec<Finding> {
    let of_section = |section: &SectionText<'_>| {
        let headings = &section.markdown.headings;
        let above = headings.iter().map(|heading| heading.level).min().unwrap_or(1) - 1;
        let before = std::iter::once(above).chain(headings.iter().map(|heading| heading.level));
        let skipped = |(heading, before): (&Heading, usize)| {
            (heading.level > before + 1).then(|| {
                let marks = "#".repeat(before + 1);
                let message = "this heading is more than one level below the one before it";
                Finding::warning("heading-order", message, format!("start it with `{marks}`"))
                    .at(section.place(&heading.range))
            })
        };
        headings.iter().zip(before).filter_map(skipped).collect::<Vec<_>>()
    };
    subject.sections.iter().flat_map(of_section).collect()
}

/// Finds sections with a title and no content.
pub(super) fn empty_sections(subject: &Subject<'_>) -> Vec<Finding> {
    let is_empty =
        |section: &&SectionText<'_>| !section.markdown.has_content && section.section.events.is_empty();
    let finding = |section: &SectionText<'_>| {
        let message = format!("the section «{}» is empty", section.section.title);
        Finding::error("section-empty", message, "write it, or move the file out of the issue folder")
            .at(section.head())
    };
    subject.sections.iter().filter(is_empty).map(finding).collect()
}

/// More sections than this are too many for a letter.
const MANY: usize = 12;

/// Finds letters that are too long for anybody to finish.
pub(super) fn many_sections(subject: &Subject<'_>) -> Vec<Finding> {
    let sections = subject.sections.len();
    if sections <= MANY {
        return Vec::new();
    }
    let message = format!("the letter has {sections} sections");
    let advice = "join some, or keep some for the next letter or your website";
    let first_too_many = subject.sections.get(MANY).map(SectionText::head);
    let finding = Finding::warning("sections-many", message, advice);
    vec![match first_too_many {
        Some(place) => finding.at(place),
        None => finding,
    }]
}

/// Longer words are hard to read, and break badly on phones.
const LONG_WORD: usize = 30;

/// Finds words of more than 30 letters, each once.
pub(super) fn long_words(subject: &Subject<'_>) -> Vec<Finding> {
    let mut seen = BTreeSet::new();
    let mut findings = Vec::new();
    for passage in subject.passages() {
        for (start, word) in words(&passage.text) {
            let letters = word.chars().count();
            let is_tag = word.bytes().all(|byte| byte == b'x');
            if letters > LONG_WORD && !is_tag && seen.insert(word.to_lowercase()) {
                let message =
                    format!("`{word}` has {letters} letters: it is hard to read, and breaks badly on phones");
                let advice = "split it, rewrite it, or put a hyphen where it may break";
                let place = passage.place(start..start + word.len());
                findings.push(Finding::note("word-long", message, advice).at(place));
            }
        }
    }
    findings
}

/// The words of a text with their positions in bytes; a hyphen ends a word.
fn words(text: &str) -> impl Iterator<Item = (usize, &str)> {
    text.split(|c: char| !c.is_alphabetic())
        .filter(|word| !word.is_empty())
        .map(|word| (word.as_ptr().addr() - text.as_ptr().addr(), word))
}

#[cfg(test)]
mod tests {
    use super::super::tests::{found, names};
    use super::*;

    #[test]
    fn headings_go_down_step_by_step() {
        for (markdown, lines) in [
            ("### a\n\n### b\n\n#### c\n\n### d\n", &[][..]),
            ("# a\n\n## b\n\n### c\n\n# d\n", &[]),
            ("text\n", &[]),
            ("# a\n\n### b\n", &[6]),
            ("### a\n\n## b\n", &[4]),
            ("## a\n\n##### b\n\n### c\n", &[6]),
        ] {
            let found = found(heading_order, "", markdown);
            let found: Vec<usize> = found.iter().map(|(_, line, _)| *line).collect();
            assert_eq!(found, lines, "{markdown}");
        }
    }

    #[test]
    fn long_words_are_named_once_and_addresses_are_not() {
        let long = "Skärgårdskommunikationsutredningen";
        let lines: Vec<usize> = found(long_words, "", &format!("Om {long}.\n\n{}\n", long.to_lowercase()))
            .iter()
            .map(|f| f.1)
            .collect();
        assert_eq!(lines, [4]);
        for markdown in [
            "Skärgårdskommunikations-utredningen",
            "skargardskommunikationsutredningen@example.se",
            "[här](https://example.se/skargardskommunikationsutredningen)",
            "{{member.abcdefghijklmnopqrstuvwxyzabcdefghij}}",
        ] {
            assert!(names(long_words, markdown).is_empty(), "{markdown}");
        }
    }

    #[test]
    fn a_section_has_something_to_read() {
        assert_eq!(names(empty_sections, "\n\n<!-- senare -->\n"), ["section-empty"]);
        assert!(names(empty_sections, "Hej\n").is_empty());
        let event = "[[event]]\ntitle = \"Möte\"\ndate = 2026-05-09\n";
        assert!(found(empty_sections, event, "").is_empty());
    }
}
