//! The input of every command: the project and the terminal.

use std::path::PathBuf;

use crate::domain::IssueName;
use crate::error::Error;
use crate::net::Transcript;
use crate::relay::Relay;
use crate::report::{Terminal, print_transcript};

use super::Project;

/// The opened project and the terminal, which always go together.
#[derive(Debug, Clone, Copy)]
pub(super) struct Context<'a> {
    pub project: &'a Project,
    pub terminal: Terminal,
}

impl Context<'_> {
    /// Prints conversations with servers on stderr with `-vv`; `None` otherwise.
    pub fn transcript(&self) -> Option<Transcript> {
        (self.terminal.verbose > 1).then_some(print_transcript)
    }

    /// The configured relay; an outbox writes to the issue's folder.
    ///
    /// # Errors
    /// If the password cannot be read.
    pub fn relay(&self, issue: &IssueName) -> Result<Relay, Error> {
        self.relay_or(self.project.outbox(issue))
    }

    /// The configured relay; an outbox writes to this folder.
    ///
    /// # Errors
    /// If the password cannot be read.
    pub fn relay_or(&self, outbox: PathBuf) -> Result<Relay, Error> {
        self.project.relay(outbox, self.transcript())
    }
}
