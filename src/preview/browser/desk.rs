//! The current content of the page.

use std::collections::BTreeMap;
use std::path::PathBuf;
use std::sync::Arc;

use serde::Serialize;
use tokio::sync::watch;

use crate::check::{Finding, FindingReport};
use crate::compose::{ComposeError, Composer};
use crate::domain::{Member, Segment};

use super::BrowserMembers;

/// The issue from the current files, ready to be shown to any member.
#[derive(Debug)]
pub struct Edition {
    pub composer: Composer,
    pub readers: Arc<BrowserMembers>,
    /// The segments of the configuration.
    pub segments: BTreeMap<String, Segment>,
    /// Formats an error as the command line does.
    pub explain: fn(ComposeError) -> String,
    /// Lays out a letter for print, if the program can.
    pub print: Option<PrintOption>,
}

/// Makes a PDF of a member's letter, or returns why it cannot.
pub type Print = dyn Fn(&Composer, Member) -> Result<Vec<u8>, String> + Send + Sync;

/// A way to print, with a `Debug` output of only its name.
pub struct PrintOption(pub Box<Print>);

impl std::fmt::Debug for PrintOption {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("PrintOption")
    }
}

/// The content of the page: the last edition that could be composed, and problems since then.
#[derive(Debug, Clone, Default)]
pub(super) struct Showing {
    /// The number of editions so far.
    pub number: u64,
    pub edition: Option<Arc<Edition>>,
    trouble: Option<Arc<str>>,
    findings: Option<Arc<Vec<Finding>>>,
}

/// The newest edition, shared by everybody who looks at it.
#[derive(Debug, Clone)]
pub struct PreviewDesk {
    showing: Arc<watch::Sender<Showing>>,
    /// The project's folder, to which the files of findings are relative.
    root: Arc<PathBuf>,
}

/// The status of the page besides the letter.
#[derive(Debug, Serialize)]
pub(super) struct PreviewStatus<'a> {
    edition: u64,
    issue: Option<&'a str>,
    title: Option<&'a str>,
    members: usize,
    segments: Vec<&'a str>,
    /// Whether letters can be shown in print layout.
    can_print: bool,
    trouble: Option<&'a str>,
    /// `None` until the files have been checked.
    findings: Option<Vec<FindingReport<'a>>>,
}

impl PreviewDesk {
    /// An empty desk for the project in `root`.
    pub fn new(root: PathBuf) -> Self {
        Self { showing: Arc::default(), root: Arc::new(root) }
    }

    /// Shows an edition, and removes the error.
    pub fn show(&self, edition: Edition) {
        self.showing.send_modify(|showing| {
            showing.number += 1;
            showing.edition = Some(Arc::new(edition));
            showing.trouble = None;
        });
    }

    /// Shows an error, formatted as on the command line, above the last edition.
    pub fn trouble(&self, text: &str) {
        self.showing.send_modify(|showing| showing.trouble = Some(text.into()));
    }

    /// Shows the findings of a check, errors first: in the order of files, they could be anywhere in the list.
    pub fn remark(&self, mut findings: Vec<Finding>) {
        findings.sort_by_key(|finding| finding.severity);
        self.showing.send_modify(|showing| showing.findings = Some(Arc::new(findings)));
    }

    /// The current edition.
    pub fn edition(&self) -> Option<Arc<Edition>> {
        self.showing.borrow().edition.clone()
    }

    /// Subscribes to the current state and every change.
    pub(super) fn follow(&self) -> watch::Receiver<Showing> {
        let mut receiver = self.showing.subscribe();
        receiver.mark_changed();
        receiver
    }

    pub(super) fn showing(&self) -> Showing {
        self.showing.borrow().clone()
    }

    /// The current state in JSON.
    pub(super) fn status(&self, showing: &Showing) -> String {
        let edition = showing.edition.as_deref();
        let issue = edition.map(|edition| edition.composer.issue());
        let findings = showing.findings.as_ref();
        let status = PreviewStatus {
            edition: showing.number,
            issue: issue.map(|issue| issue.name.as_str()),
            title: issue.map(|issue| issue.title.as_str()),
            members: edition.map_or(0, |edition| edition.readers.iter().count()),
            segments: edition
                .into_iter()
                .flat_map(|edition| edition.segments.keys())
                .map(String::as_str)
                .collect(),
            can_print: edition.is_some_and(|edition| edition.print.is_some()),
            trouble: showing.trouble.as_deref(),
            findings: findings
                .map(|findings| findings.iter().map(|finding| finding.report(&self.root)).collect()),
        };
        serde_json::to_string(&status).unwrap_or_default()
    }
}
