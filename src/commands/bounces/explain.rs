//! `bounces --dry-run`: explains messages and says which members they are about.

use serde::Serialize;

use serde_json::value::RawValue;

use crate::domain::bounce::{MessageKind, Verdict};
use crate::domain::{MemberId, TokenKey};
use crate::error::{Error, ErrorKind};
use crate::feedback::BounceAttribution;
use crate::inbox::MessageReader;
use crate::ledger::Ledger;
use crate::mailbox::{Handling, MessageFile};
use crate::report::Terminal;

use super::super::Project;
use super::InboxProcessor;

/// The meaning of a message, as JSON.
#[derive(Debug, Serialize)]
struct ExplainedMessage<'a> {
    file: &'a str,
    kind: MessageKind,
    recipients: Vec<Recipient<'a>>,
}

#[derive(Debug, Serialize)]
struct Recipient<'a> {
    #[serde(flatten)]
    verdict: &'a Verdict,
    member: Option<MemberId>,
}

/// Explains each message and changes nothing.
pub(super) struct Explainer<'a> {
    reader: &'a MessageReader,
    /// `None` without a project or before its first run: no member is known.
    known: Option<(Ledger, TokenKey)>,
    terminal: Terminal,
    /// The messages for `--json`.
    explained: Vec<Box<RawValue>>,
}

impl<'a> Explainer<'a> {
    pub fn new(
        project: Option<&Project>,
        reader: &'a MessageReader,
        terminal: Terminal,
    ) -> Result<Self, Error> {
        let ledger = match project {
            Some(project) => Ledger::open_for_reading(project.ledger_place()?)?,
            None => None,
        };
        let known = match (project, ledger) {
            (Some(project), Some(ledger)) => Some((ledger, project.token_key()?)),
            _ => None,
        };
        Ok(Self { reader, known, terminal, explained: Vec::new() })
    }
}

impl Explainer<'_> {
    /// Prints the explained messages for `--json`.
    pub fn finish(self) {
        if self.terminal.json {
            self.terminal.json(&self.explained);
        }
    }
}

impl InboxProcessor for Explainer<'_> {
    fn take(&mut self, name: &str, bytes: &[u8]) -> Result<Handling, Error> {
        let report = self.reader.read(bytes);
        let attribution = self.known.as_ref().map(|(ledger, key)| BounceAttribution {
            ledger,
            key,
            soft_issues: usize::MAX,
            has_tokens: false,
            authenticator: None,
        });
        let token = attribution.as_ref().and_then(|known| known.token(&report));
        let mut recipients = Vec::new();
        for verdict in &report.recipients {
            let member = attribution
                .as_ref()
                .map(|known| known.member(token.as_ref(), &verdict.address))
                .transpose()?;
            recipients.push(Recipient { verdict, member: member.flatten() });
        }
        let message = ExplainedMessage { file: name, kind: report.kind, recipients };
        if self.terminal.json {
            let message = serde_json::value::to_raw_value(&message);
            self.explained.push(message.map_err(|error| Error::new(ErrorKind::TryAgain, error.to_string()))?);
        } else {
            self.terminal.data(message.to_string());
        }
        Ok(Handling::PutAway)
    }

    fn put_away(&self, _file: &MessageFile) -> std::io::Result<()> {
        Ok(())
    }
}

impl std::fmt::Display for ExplainedMessage<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "{}: {}", self.file, self.kind)?;
        for Recipient { verdict, member } in &self.recipients {
            let Verdict { address, class, status, reason, diagnostic } = verdict;
            let status = status.as_deref().unwrap_or("-");
            write!(f, "\n  {address}: {class} {status} {reason}: {diagnostic}")?;
            if let Some(member) = member {
                write!(f, " (member {member})")?;
            }
        }
        Ok(())
    }
}
