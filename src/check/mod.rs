//! Checks an issue before it is sent.
//!
//! [`source`] checks the issue's files, [`letters`] the letters composed from them. Each rule is a function from the
//! issue to its findings. Errors must not depend on the clock: a rule that does could stop the rest of an interrupted
//! run.

mod attachments;
mod contrast;
mod dates;
mod delivery;
mod events;
mod finding;
mod footer;
mod headers;
mod images;
mod leftovers;
mod link_text;
mod links;
mod markdown;
mod notice;
#[cfg(feature = "online")]
mod online;
mod personal;
mod readers;
mod structure;
mod templates;
mod text;
mod words;

use std::path::PathBuf;

use crate::compose::{Association, ComposeError, Composer, IssueSource, RenderedLetter};

use crate::domain::{IssueKind, Partner};
use text::{Passage, SectionText, TextFile};
use words::CheckWords;

pub use crate::compose::html::{StartTag, elements};
pub use delivery::Delivery;
pub use finding::{Finding, FindingReport, Severity};
#[cfg(feature = "online")]
pub use online::{PublishedKey, SenderNames, online};
pub use readers::Audience;
pub use text::place_of_key;

/// The facts that the rules need besides the issue's files.
#[derive(Debug)]
pub struct Facts {
    pub association: Association,
    /// Image file of the logo.
    pub logo: Option<PathBuf>,
    /// The association's partners, with the files of their logos.
    pub partners: Vec<Partner>,
    pub delivery: Delivery,
    /// The sender's name in inboxes.
    pub sender_name: String,
    /// The project's templates folder.
    pub templates: PathBuf,
    /// The required number of days between a notice and its meeting.
    pub notice_days: Option<u16>,
    /// Whether the configuration defines the members with a vote.
    pub has_voting: bool,
    /// Whether letters that Gmail clips are allowed.
    pub allow_large: bool,
}

/// The issue from the rules' point of view.
struct Subject<'a> {
    source: &'a IssueSource,
    facts: &'a Facts,
    words: CheckWords,
    issue_file: TextFile,
    sections: Vec<SectionText<'a>>,
}

/// The letter to a neutral reader, and facts about the members' letters.
struct CheckedLetters<'a> {
    source: &'a IssueSource,
    facts: &'a Facts,
    issue_file: TextFile,
    rendered: RenderedLetter,
    /// The link to unsubscribe; `None` for a notice.
    unsubscribe: Option<String>,
    readers: &'a Audience,
}

const SOURCE_RULES: [fn(&Subject<'_>) -> Vec<Finding>; 30] = [
    links::targets,
    links::anchors,
    links::not_parsed,
    links::trackers,
    leftovers::merge_tags,
    attachments::promised,
    link_text::empty,
    link_text::vague,
    link_text::bare_url,
    images::alt_texts,
    images::files,
    images::hero,
    structure::heading_order,
    structure::empty_sections,
    structure::many_sections,
    structure::long_words,
    images::unused,
    images::layouts,
    notice::days,
    notice::voters,
    templates::outdated,
    events::over,
    events::times,
    events::places,
    dates::weekdays,
    leftovers::words,
    leftovers::placeholders,
    attachments::sizes,
    attachments::kinds,
    attachments::left_out,
];

const LETTER_RULES: [fn(&CheckedLetters<'_>) -> Vec<Finding>; 11] = [
    headers::subject,
    headers::preheader,
    headers::sender_name,
    footer::required,
    footer::remote_loads,
    contrast::pairs,
    readers::size,
    readers::reach,
    readers::greetings,
    readers::long_names,
    personal::links,
];

/// Checks an issue's files and the configuration for its delivery.
pub fn source(source: &IssueSource, facts: &Facts) -> Vec<Finding> {
    let subject = Subject::new(source, facts);
    let mut findings: Vec<Finding> = SOURCE_RULES.iter().flat_map(|rule| rule(&subject)).collect();
    findings.extend(delivery::rules(&facts.delivery));
    findings
}

/// Checks the letters.
///
/// # Errors
/// If the letter cannot be rendered.
pub fn letters(
    source: &IssueSource,
    composer: &Composer,
    readers: &Audience,
    facts: &Facts,
) -> Result<Vec<Finding>, ComposeError> {
    let reader = composer.neutral_reader();
    let letters = CheckedLetters {
        source,
        facts,
        issue_file: issue_file(source),
        rendered: composer.render(&reader)?,
        unsubscribe: match composer.issue().kind {
            IssueKind::Newsletter => Some(composer.unsubscribe_link(&reader)?),
            IssueKind::Notice => None,
        },
        readers,
    };
    Ok(LETTER_RULES.iter().flat_map(|rule| rule(&letters)).collect())
}

/// Sorts by file and line, errors first within a line; findings without a place come last.
pub fn sort(findings: &mut [Finding]) {
    findings.sort_by(|a, b| {
        let key = |finding: &Finding| {
            let place = finding.place.as_ref();
            (place.is_none(), place.map(|place| (place.path.clone(), place.line())), finding.severity)
        };
        key(a).cmp(&key(b))
    });
}

impl<'a> Subject<'a> {
    fn new(source: &'a IssueSource, facts: &'a Facts) -> Self {
        Self {
            source,
            facts,
            words: CheckWords::load(),
            issue_file: issue_file(source),
            sections: source.sections.iter().map(SectionText::new).collect(),
        }
    }

    /// All visible text in the issue's file and in its sections.
    fn passages(&self) -> Vec<Passage<'_>> {
        let issue = &self.source.issue;
        let head =
            [Some(&issue.title), Some(&issue.subject), issue.preheader.as_ref(), issue.greeting.as_ref()];
        let mut texts: Vec<&String> = head.into_iter().flatten().collect();
        texts.dedup();
        let head = texts.into_iter().map(|text| self.issue_file.passage(text, 0));
        head.chain(self.sections.iter().flat_map(SectionText::passages)).collect()
    }
}

fn issue_file(source: &IssueSource) -> TextFile {
    TextFile::read(&source.dir.join("issue.toml"))
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::*;

    /// An issue of 15 April 2026 with one section; `front` is added to its front matter.
    pub(super) fn issue(dir: &Path, front: &str, markdown: &str) -> IssueSource {
        let head = "title = \"Brevet\"\ndate = 2026-04-15\n";
        std::fs::write(dir.join("issue.toml"), head).unwrap();
        let section = format!("+++\ntitle = \"Avsnitt\"\n{front}+++\n{markdown}");
        std::fs::write(dir.join("10-a.md"), section).unwrap();
        IssueSource::load(dir, &"2026-1".parse().unwrap(), "sv").unwrap()
    }

    pub(super) fn facts() -> Facts {
        Facts {
            association: Association {
                name: "Byalaget".to_owned(),
                postal_address: "Bygatan 1, 100 00 Byn".to_owned(),
                website: None,
                contact: "kansliet@example.se".to_owned(),
                phone: None,
            },
            logo: None,
            partners: Vec::new(),
            delivery: Delivery::default(),
            sender_name: "Byalaget".to_owned(),
            templates: PathBuf::from("/nowhere"),
            notice_days: None,
            has_voting: false,
            allow_large: false,
        }
    }

    /// The findings of a rule in a section: rule, line and message.
    pub(super) fn found(
        rule: fn(&Subject<'_>) -> Vec<Finding>,
        front: &str,
        markdown: &str,
    ) -> Vec<(&'static str, usize, String)> {
        let dir = tempfile::tempdir().unwrap();
        let source = issue(dir.path(), front, markdown);
        let facts = facts();
        let findings = rule(&Subject::new(&source, &facts));
        findings.into_iter().map(|f| (f.rule, f.line().unwrap_or(0), f.message)).collect()
    }

    /// The names of the rules broken by a section.
    pub(super) fn names(rule: fn(&Subject<'_>) -> Vec<Finding>, markdown: &str) -> Vec<&'static str> {
        found(rule, "", markdown).into_iter().map(|(name, ..)| name).collect()
    }
}
