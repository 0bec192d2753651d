//! `bounces`: what came back, and what is done about it.

mod report;
mod sources;
mod who;

use std::path::Path;
use std::process::ExitCode;

use jiff::Timestamp;
use serde::Serialize;

use crate::cli::{Bounces, BouncesCommand};
use crate::config::ConfigError;
use crate::domain::bounce::{Kind as BounceKind, Verdict};
use crate::domain::{Address, MemberId};
use crate::error::{Error, Kind};
use crate::inbox::{Hints, Reader};
use crate::ledger::{BounceRecord, Ledger, LedgerError};
use crate::report::{JsonLines, Table, Terminal, count};

use super::Project;
use sources::Source;
use who::Who;

/// What a message says, as JSON.
#[derive(Debug, Serialize)]
struct Message<'a> {
    file: String,
    kind: BounceKind,
    recipients: Vec<Recipient<'a>>,
}

#[derive(Debug, Serialize)]
struct Recipient<'a> {
    #[serde(flatten)]
    verdict: &'a Verdict,
    member: Option<MemberId>,
}

/// One line of the bounce log.
#[derive(Debug, Serialize)]
pub(super) struct LogLine<'a> {
    pub time: Timestamp,
    pub event: &'static str,
    #[serde(flatten)]
    pub record: &'a BounceRecord,
}

/// Runs the command; to say what messages mean it needs no project.
pub fn run(dir: &Path, arguments: &Bounces, terminal: Terminal) -> Result<ExitCode, Error> {
    if let Some(BouncesCommand::Report { csv }) = arguments.command {
        return report::run(&Project::open(dir)?, csv, terminal);
    }
    let project = match Project::open(dir) {
        Err(error) if arguments.dry_run && is_missing(dir) => {
            drop(error);
            None
        }
        opened => Some(opened?),
    };
    let hints = Hints { own_addresses: project.as_ref().map(own_addresses).unwrap_or_default() };
    let reader = Reader::new(&hints).map_err(|error| Error::new(Kind::Config, error.to_string()))?;
    let configured = project.as_ref().map(|project| {
        let sources = &project.config.inbox.sources;
        sources.iter().map(|source| project.dir.join(source)).collect::<Vec<_>>()
    });
    let named =
        if arguments.sources.is_empty() { configured.unwrap_or_default() } else { arguments.sources.clone() };
    if named.is_empty() {
        return Err(Error::new(Kind::Usage, "what is to be read?")
            .hint("name a Maildir, an mbox or message files, or set sources = [\"Maildir\"] in [inbox]"));
    }
    let files = sources::find(&named)?;
    match (project, arguments.dry_run) {
        (project, true) => explain(project.as_ref(), &reader, &files, terminal)?,
        (Some(project), false) => act(&project, &reader, &files, arguments, terminal)?,
        (None, false) => {}
    }
    Ok(ExitCode::SUCCESS)
}

fn is_missing(dir: &Path) -> bool {
    matches!(crate::config::Config::load(dir), Err(ConfigError::Missing { .. }))
}

fn own_addresses(project: &Project) -> Vec<String> {
    let sender = &project.config.sender;
    let addresses = [Some(&sender.address), sender.reply_to.as_ref(), sender.bounce_address.as_ref()];
    addresses.into_iter().flatten().map(Address::to_string).collect()
}

/// Says what the messages mean, and of which members.
fn explain(
    project: Option<&Project>,
    reader: &Reader,
    files: &[Source],
    terminal: Terminal,
) -> Result<(), Error> {
    let ledger = project.map(|project| Ledger::open_existing(&project.ledger_path())).transpose()?.flatten();
    let key = match (project, &ledger) {
        (Some(project), Some(_)) => Some(project.token_key()?),
        _ => None,
    };
    for file in files {
        for (name, bytes) in file.messages().map_err(|error| Error::unreadable(&file.path, &error))? {
            let report = reader.read(&bytes);
            let who = match (&ledger, &key) {
                (Some(ledger), Some(key)) => Some(Who { ledger, key, soft_issues: usize::MAX }),
                _ => None,
            };
            let token = who.as_ref().and_then(|who| who.token(&report));
            let mut recipients = Vec::new();
            for verdict in &report.recipients {
                let member =
                    who.as_ref().map(|who| who.member(token.as_ref(), &verdict.address)).transpose()?;
                recipients.push(Recipient { verdict, member: member.flatten() });
            }
            let message = Message { file: name, kind: report.kind, recipients };
            if terminal.json {
                let line = serde_json::to_string(&message);
                terminal.data(line.map_err(|error| Error::new(Kind::TryAgain, error.to_string()))?);
            } else {
                terminal.data(message.to_string());
            }
        }
    }
    Ok(())
}

/// Reads each message once: records what it says, and suppresses the addresses that are dead or were withdrawn.
fn act(
    project: &Project,
    reader: &Reader,
    files: &[Source],
    arguments: &Bounces,
    terminal: Terminal,
) -> Result<(), Error> {
    let _lock = project.lock("bounces")?;
    let inbox = &project.config.inbox;
    let configured = || inbox.move_to.as_ref().map(|to| project.dir.join(to));
    let move_to = arguments.move_to.clone().or_else(configured);
    let log = arguments.log_file.clone().unwrap_or_else(|| project.log_path("bounce"));
    let ledger = project.ledger()?;
    let key = project.token_key()?;
    let who = Who { ledger: &ledger, key: &key, soft_issues: inbox.soft_issues.0 };
    let mut desk = Desk {
        reader,
        who,
        log: JsonLines::open(&log)?,
        table: Table::new(["what", "address", "reason", "done", "file"]),
        read: 0,
        known: 0,
    };
    let mut unread = Vec::new();
    for file in files {
        let handled = match file.messages() {
            // A mail program moved it meanwhile; the next run finds it.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => Err(error),
            Ok(messages) => {
                messages.into_iter().try_for_each(|(name, bytes)| desk.handle(&name, &bytes))?;
                file.put_away(move_to.as_deref())
            }
        };
        if let Err(error) = handled {
            unread.push(format!("`{}`: {error}", file.path.display()));
        }
    }
    if desk.read > 0 {
        terminal.data(desk.table.to_string());
    }
    terminal.say(format!("{} read, {} known already.", count(desk.read), count(desk.known)));
    if unread.is_empty() {
        return Ok(());
    }
    let message = format!(
        "{} could not be read or moved, the others were:\n{}",
        count(unread.len() as u64),
        unread.join("\n")
    );
    Err(Error::new(Kind::TryAgain, message))
}

/// Where messages are handled one by one.
struct Desk<'a> {
    reader: &'a Reader,
    who: Who<'a>,
    log: JsonLines,
    table: Table,
    read: u64,
    known: u64,
}

impl Desk<'_> {
    fn handle(&mut self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let ledger = self.who.ledger;
        let digest = super::sha256(bytes);
        if ledger.has_bounce(&digest)? {
            self.known += 1;
            return Ok(());
        }
        let report = self.reader.read(bytes);
        let now = Timestamp::now();
        let records = ledger.at_once(|ledger| {
            let records = self.who.records(&report, &digest, name, now)?;
            records.iter().try_for_each(|record| ledger.add_bounce(record, now))?;
            Ok::<_, LedgerError>(records)
        })?;
        self.read += 1;
        for record in &records {
            self.log.add(&LogLine { time: now, event: "read", record })?;
            let text = |value: &Option<String>| value.clone().unwrap_or_default();
            let done = record.action.as_str().replace('_', " ");
            let (address, reason) = (text(&record.address), text(&record.reason));
            self.table.row([record.kind.clone(), address, reason, done, record.file.clone()]);
        }
        Ok(())
    }
}

impl std::fmt::Display for Message<'_> {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let kind = serde_json::to_value(self.kind).ok();
        let kind = kind.as_ref().and_then(|kind| kind.as_str()).unwrap_or_default();
        write!(f, "{}: {kind}", self.file)?;
        for Recipient { verdict, member } in &self.recipients {
            let Verdict { address, class, status, reason, diagnostic } = verdict;
            let status = status.as_deref().unwrap_or("-");
            write!(f, "\n  {address}: {class:?} {status} {reason}: {diagnostic}")?;
            if let Some(member) = member {
                write!(f, " (member {member})")?;
            }
        }
        Ok(())
    }
}
