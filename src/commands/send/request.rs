//! The request for a send, from the command line.

use std::path::PathBuf;
use std::time::Duration;

use crate::cli::SendArgs;
use crate::commands::Project;
use crate::commands::import::ListRequest;
use crate::domain::Address;
use crate::ledger::Review;

/// A send of one issue.
#[derive(Debug, Default)]
pub(in crate::commands) struct SendRequest {
    pub selection: Selection,
    pub mode: Mode,
    /// Stop unless there are this many letters.
    pub expect: Option<u64>,
    pub allow_large: bool,
    /// Whether to send the rest although the issue has changed since its first letters were sent.
    pub changed: bool,
    /// How long to wait for another run.
    pub wait: Duration,
    /// Replaces the usual log.
    pub log_file: Option<PathBuf>,
    pub list: ListRequest,
}

/// What to do with the letters.
#[derive(Debug, Default)]
pub(in crate::commands) enum Mode {
    /// Send them after a question.
    #[default]
    Ask,
    /// Send them without a question.
    Yes,
    /// Send them if nothing has changed since this approval.
    Approved(Review),
    /// Write them to a folder.
    DryRun,
}

/// The members that a run is for (default: all).
#[derive(Debug, Default)]
pub(in crate::commands) struct Selection {
    pub segment: Option<String>,
    pub limit: Option<u64>,
    pub only_missing: bool,
    pub retry_rejected: Option<Vec<Address>>,
}

impl SendRequest {
    /// The request from the command line.
    pub fn new(arguments: &SendArgs) -> Self {
        let mode = match (arguments.dry_run, arguments.yes) {
            (true, _) => Mode::DryRun,
            (false, true) => Mode::Yes,
            (false, false) => Mode::Ask,
        };
        Self {
            selection: Selection {
                segment: arguments.segment.clone(),
                limit: arguments.limit,
                only_missing: arguments.only_missing,
                retry_rejected: arguments.retry_rejected.clone(),
            },
            mode,
            expect: arguments.expect,
            allow_large: arguments.allow_large,
            changed: arguments.changed,
            wait: arguments.wait.0,
            log_file: arguments.log_file.clone(),
            list: ListRequest::new(&arguments.reading),
        }
    }

    /// Tells whether no letter is really sent.
    pub fn is_dry_run(&self) -> bool {
        matches!(self.mode, Mode::DryRun)
    }

    /// The log that the run writes to.
    pub fn log_path(&self, project: &Project) -> PathBuf {
        let name = if self.is_dry_run() { "dry-run" } else { "send" };
        self.log_file.clone().unwrap_or_else(|| project.log_path(name))
    }
}

impl Selection {
    /// Tells whether the run is for every member of the audience; a limit only delays the rest.
    pub fn is_for_all(&self) -> bool {
        self.segment.is_none() && !self.only_missing && self.retry_rejected.is_none()
    }

    /// The selection as command-line options; `None` if it is everybody.
    pub fn options(&self) -> Option<String> {
        let parts = [
            self.segment.as_ref().map(|segment| format!("--segment '{segment}'")),
            self.limit.map(|limit| format!("--limit {limit}")),
            self.only_missing.then(|| "--only-missing".to_owned()),
            self.retry_rejected.as_ref().map(|addresses| {
                addresses
                    .iter()
                    .fold("--retry-rejected".to_owned(), |option, address| format!("{option} {address}"))
            }),
        ];
        let parts: Vec<String> = parts.into_iter().flatten().collect();
        (!parts.is_empty()).then(|| parts.join(" "))
    }
}
