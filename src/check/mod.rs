//! What would be wrong with an issue, before it is sent.
//!
//! [`source`] looks at the issue's files, [`letters`] at what is composed of them. Each rule is a function from the
//! issue to its findings. Only what is wrong at any time is an error: a run that was interrupted must not be stopped
//! by a rule that looks at the clock.

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
mod own_files;
mod personal;
mod readers;
mod structure;
mod templates;
mod text;
mod words;

use std::path::PathBuf;

use crate::compose::{Association, ComposeError, Composer, IssueSource, Rendered};

use crate::domain::{IssueKind, Partner};
use text::{Passage, SectionText, TextFile};
use words::Words;

pub use crate::compose::html::{Element, elements};
pub use delivery::Delivery;
pub use finding::{Finding, Report, Severity};
#[cfg(feature = "online")]
pub use online::{PublishedKey, Sending, online};
pub use readers::Readers;
pub use text::place_of_key;

/// What the rules need to know besides the issue's files.
#[derive(Debug)]
pub struct Facts {
    pub association: Association,
    /// Image file of the logo.
    pub logo: Option<PathBuf>,
    /// The association's partners, with their logos' files.
    pub partners: Vec<Partner>,
    pub delivery: Delivery,
    /// Who the letters are from, as inboxes show it.
    pub sender_name: String,
    /// The project's folder of templates.
    pub templates: PathBuf,
    /// Days that must lie between a notice and its meeting.
    pub notice_days: Option<u16>,
    /// Whether the configuration says who is a member with a vote.
    pub has_voting: bool,
    /// Whether letters that Gmail clips are meant.
    pub allow_large: bool,
}

/// The issue as the rules see it.
struct Subject<'a> {
    source: &'a IssueSource,
    facts: &'a Facts,
    words: Words,
    issue_file: TextFile,
    sections: Vec<SectionText<'a>>,
}

/// The letter to a neutral reader, and what the members get.
struct Letters<'a> {
    source: &'a IssueSource,
    facts: &'a Facts,
    issue_file: TextFile,
    rendered: Rendered,
    /// The link to leave; a notice has none.
    unsubscribe: Option<String>,
    readers: &'a Readers,
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

const LETTER_RULES: [fn(&Letters<'_>) -> Vec<Finding>; 14] = [
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
    own_files::missing,
    own_files::shared,
    own_files::sizes,
];

/// Looks at an issue's files and at how it would be delivered.
pub fn source(source: &IssueSource, facts: &Facts) -> Vec<Finding> {
    let subject = Subject::new(source, facts);
    let mut findings: Vec<Finding> = SOURCE_RULES.iter().flat_map(|rule| rule(&subject)).collect();
    findings.extend(delivery::rules(&facts.delivery));
    findings
}

/// Looks at the letters.
///
/// # Errors
/// If the letter cannot be rendered.
pub fn letters(
    source: &IssueSource,
    composer: &Composer,
    readers: &Readers,
    facts: &Facts,
) -> Result<Vec<Finding>, ComposeError> {
    let reader = composer.neutral_reader();
    let letters = Letters {
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

/// In the order of the files, errors first where two are in one place; findings without a place come last.
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
            words: Words::load(),
            issue_file: issue_file(source),
            sections: source.sections.iter().map(SectionText::new).collect(),
        }
    }

    /// Everything that a reader reads, in the issue's file and in its sections.
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

    /// An issue of 15 April 2026 with one section; `front` is in its front matter.
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

    /// What a rule finds in a section: rule, line and message.
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

    /// The names of the rules that a section breaks.
    pub(super) fn names(rule: fn(&Subject<'_>) -> Vec<Finding>, markdown: &str) -> Vec<&'static str> {
        found(rule, "", markdown).into_iter().map(|(name, ..)| name).collect()
    }
}
