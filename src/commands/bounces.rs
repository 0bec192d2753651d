//! `bounces`: what came back, and what is done about it.

use std::io::Read;
use std::path::{Path, PathBuf};
use std::process::ExitCode;

use jiff::Timestamp;
use ring::digest::{SHA256, digest};
use serde::Serialize;

use crate::cli::Bounces;
use crate::config::ConfigError;
use crate::domain::bounce::{Class, Kind as BounceKind, Verdict};
use crate::domain::{Address, MemberId, Suppression, SuppressionReason, Token, TokenKey};
use crate::error::{Error, Kind};
use crate::inbox::{Hints, Reader, Report};
use crate::ledger::{BounceAction, BounceRecord, Ledger, LedgerError};
use crate::report::{JsonLines, Table, Terminal, count};

use super::Project;

/// The source that is one message on standard input, as a mail server's pipe or procmail gives it.
const STDIN: &str = "-";

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
    let project = match Project::open(dir) {
        Err(error) if arguments.dry_run && is_missing(dir) => {
            drop(error);
            None
        }
        opened => Some(opened?),
    };
    let hints = Hints { own_addresses: project.as_ref().map(own_addresses).unwrap_or_default() };
    let reader = Reader::new(&hints).map_err(|error| Error::new(Kind::Config, error.to_string()))?;
    let files = files(&arguments.sources)?;
    match (project, arguments.dry_run) {
        (project, true) => explain(project.as_ref(), &reader, &files, terminal)?,
        (Some(project), false) => act(&project, &reader, &files, terminal)?,
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

/// The message files: a Maildir's new and read ones, a folder's own, or the file itself.
fn files(sources: &[PathBuf]) -> Result<Vec<PathBuf>, Error> {
    let mut files = Vec::new();
    for source in sources {
        if source.is_file() || source == Path::new(STDIN) {
            files.push(source.clone());
        } else if source.join("cur").is_dir() || source.join("new").is_dir() {
            for folder in ["new", "cur"].map(|name| source.join(name)).iter().filter(|path| path.is_dir()) {
                files.extend(files_in(folder)?);
            }
        } else {
            files.extend(files_in(source)?);
        }
    }
    Ok(files)
}

fn files_in(folder: &Path) -> Result<Vec<PathBuf>, Error> {
    let entries = std::fs::read_dir(folder).map_err(|error| unreadable(folder, &error))?;
    let mut files: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    files.sort();
    Ok(files)
}

/// One message's bytes.
fn message_bytes(file: &Path) -> std::io::Result<Vec<u8>> {
    if file != Path::new(STDIN) {
        return std::fs::read(file);
    }
    let mut bytes = Vec::new();
    std::io::stdin().lock().read_to_end(&mut bytes)?;
    Ok(bytes)
}

fn unreadable(path: &Path, error: &std::io::Error) -> Error {
    Error::new(Kind::Data, format!("can't read `{}`: {error}", path.display()))
}

/// Says what the messages mean, and of which members.
fn explain(
    project: Option<&Project>,
    reader: &Reader,
    files: &[PathBuf],
    terminal: Terminal,
) -> Result<(), Error> {
    let ledger = project.map(|project| Ledger::open_existing(&project.ledger_path())).transpose()?.flatten();
    let key = match (project, &ledger) {
        (Some(project), Some(_)) => Some(project.token_key()?),
        _ => None,
    };
    for file in files {
        let bytes = message_bytes(file).map_err(|error| unreadable(file, &error))?;
        let report = reader.read(&bytes);
        let who = match (&ledger, &key) {
            (Some(ledger), Some(key)) => Some(Who { ledger, key }),
            _ => None,
        };
        let token = who.as_ref().and_then(|who| who.token(&report));
        let mut recipients = Vec::new();
        for verdict in &report.recipients {
            let member = who.as_ref().map(|who| who.member(token.as_ref(), &verdict.address)).transpose()?;
            recipients.push(Recipient { verdict, member: member.flatten() });
        }
        let message = Message { file: file.display().to_string(), kind: report.kind, recipients };
        if terminal.json {
            let line = serde_json::to_string(&message);
            terminal.data(line.map_err(|error| Error::new(Kind::TryAgain, error.to_string()))?);
        } else {
            terminal.data(message.to_string());
        }
    }
    Ok(())
}

/// Reads each message once: records what it says, and suppresses the addresses that are dead or were withdrawn.
fn act(project: &Project, reader: &Reader, files: &[PathBuf], terminal: Terminal) -> Result<(), Error> {
    let _lock = project.lock("bounces")?;
    let ledger = project.ledger()?;
    let key = project.token_key()?;
    let mut log = JsonLines::open(&project.log_path("bounce"))?;
    let mut table = Table::new(["what", "address", "reason", "done", "file"]);
    let (mut read, mut known, mut unread) = (0, 0, Vec::new());
    for file in files {
        let bytes = match message_bytes(file) {
            Ok(bytes) => bytes,
            // A mail program moved it meanwhile; the next run finds it.
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
            Err(error) => {
                unread.push(format!("`{}`: {error}", file.display()));
                continue;
            }
        };
        let digest = data_encoding::HEXLOWER.encode(digest(&SHA256, &bytes).as_ref());
        if ledger.has_bounce(&digest)? {
            known += 1;
            continue;
        }
        let report = reader.read(&bytes);
        let now = Timestamp::now();
        let records = ledger.at_once(|ledger| {
            let who = Who { ledger, key: &key };
            let records = who.records(&report, &digest, &file.display().to_string(), now)?;
            records.iter().try_for_each(|record| ledger.add_bounce(record, now))?;
            Ok::<_, LedgerError>(records)
        })?;
        read += 1;
        for record in &records {
            log.add(&LogLine { time: now, event: "read", record })?;
            let text = |value: &Option<String>| value.clone().unwrap_or_default();
            let done = record.action.as_str().replace('_', " ");
            table.row([
                record.kind.clone(),
                text(&record.address),
                text(&record.reason),
                done,
                record.file.clone(),
            ]);
        }
    }
    if read > 0 {
        terminal.data(table.to_string());
    }
    terminal.say(format!("{} read, {} known already.", count(read), count(known)));
    if unread.is_empty() {
        return Ok(());
    }
    let message =
        format!("{} could not be read, the others were:\n{}", count(unread.len() as u64), unread.join("\n"));
    Err(Error::new(Kind::TryAgain, message))
}

/// Whose letter a message speaks of.
struct Who<'a> {
    ledger: &'a Ledger,
    key: &'a TokenKey,
}

impl Who<'_> {
    /// The first token that this project signed.
    fn token(&self, report: &Report) -> Option<Token> {
        report.tokens.iter().find_map(|text| self.key.verify(text))
    }

    /// The member a verdict is about: the token's, else the one with the address, if a letter went there.
    fn member(&self, token: Option<&Token>, address: &str) -> Result<Option<MemberId>, LedgerError> {
        if let Some(token) = token {
            return Ok(Some(token.member));
        }
        let Ok(address) = Address::parse(address) else { return Ok(None) };
        let Some(row) = self.ledger.member_by_address(&address)? else { return Ok(None) };
        Ok(self.ledger.was_mailed(row.member.id)?.then_some(row.member.id))
    }

    /// What is recorded of a message and done about it; one record at least, so that it is read once.
    fn records(
        &self,
        report: &Report,
        digest: &str,
        file: &str,
        now: Timestamp,
    ) -> Result<Vec<BounceRecord>, LedgerError> {
        let token = self.token(report);
        let kind = serde_json::to_value(report.kind).ok().and_then(|kind| kind.as_str().map(str::to_owned));
        let blank = BounceRecord {
            digest: digest.to_owned(),
            position: 0,
            file: file.to_owned(),
            kind: kind.unwrap_or_default(),
            address: None,
            class: None,
            status: None,
            reason: None,
            diagnostic: None,
            issue: token.as_ref().map(|token| token.issue.clone()),
            member: None,
            action: BounceAction::None,
        };
        if report.recipients.is_empty() {
            let from = report.from.clone();
            let member = self.member(token.as_ref(), &from)?;
            let action = self.withdraw(report.kind, token.as_ref(), member, &from, now)?;
            let address = Some(from).filter(|from| !from.is_empty());
            return Ok(vec![BounceRecord { address, member, action, ..blank }]);
        }
        let verdicts = report.recipients.iter().enumerate();
        verdicts
            .map(|(position, verdict)| {
                let member = self.member(token.as_ref(), &verdict.address)?;
                let action = self.judge(report.kind, token.as_ref(), member, verdict, now)?;
                Ok(BounceRecord {
                    position,
                    address: Some(verdict.address.clone()),
                    class: Some(format!("{:?}", verdict.class).to_lowercase()),
                    status: verdict.status.clone(),
                    reason: Some(verdict.reason.to_string()),
                    diagnostic: Some(verdict.diagnostic.clone()),
                    member,
                    action,
                    ..blank.clone()
                })
            })
            .collect()
    }

    /// A request to leave by the member's own token or from its own address.
    fn withdraw(
        &self,
        kind: BounceKind,
        token: Option<&Token>,
        member: Option<MemberId>,
        from: &str,
        now: Timestamp,
    ) -> Result<BounceAction, LedgerError> {
        match (kind, member) {
            (BounceKind::Unsubscribe, Some(member)) => {
                let note = format!("mail from {from}");
                self.suppress(token, member, from, SuppressionReason::Unsubscribed, &note, now)
            }
            (BounceKind::Unsubscribe, None) => Ok(BounceAction::NotOurs),
            _ => Ok(BounceAction::None),
        }
    }

    fn judge(
        &self,
        kind: BounceKind,
        token: Option<&Token>,
        member: Option<MemberId>,
        verdict: &Verdict,
        now: Timestamp,
    ) -> Result<BounceAction, LedgerError> {
        let Some(member) = member else { return Ok(BounceAction::NotOurs) };
        let reason = match (kind, verdict.class) {
            // A report on DKIM or DMARC is no recipient's complaint (RFC 6591).
            (BounceKind::Complaint, Class::Hard) => SuppressionReason::Complaint,
            (BounceKind::Bounce, Class::Hard) => SuppressionReason::HardBounce,
            (BounceKind::Bounce, Class::Soft) => return Ok(BounceAction::Counted),
            _ => return Ok(BounceAction::None),
        };
        let status = verdict.status.clone().unwrap_or_default();
        let note = format!("{} {status} {}", verdict.reason, verdict.diagnostic);
        self.suppress(token, member, &verdict.address, reason, &note, now)
    }

    /// Suppresses the address that the letter went to; a report may name the one it was forwarded to.
    fn suppress(
        &self,
        token: Option<&Token>,
        member: MemberId,
        address: &str,
        reason: SuppressionReason,
        note: &str,
        now: Timestamp,
    ) -> Result<BounceAction, LedgerError> {
        let mailed = match token {
            Some(token) => self.ledger.mailed_address(&token.issue, member)?,
            None => None,
        };
        let own = self.ledger.member(member)?.and_then(|row| row.member.address).map(String::from);
        // A dead address is suppressed where the letter went; a wish to be left alone holds for the member's own too.
        let is_wish = matches!(reason, SuppressionReason::Unsubscribed | SuppressionReason::Complaint);
        let own = own.filter(|_| is_wish || mailed.is_none());
        let mut addresses: Vec<String> = mailed.into_iter().chain(own).collect();
        if addresses.is_empty() {
            addresses.push(address.to_owned());
        }
        let mut is_new = false;
        for address in addresses {
            is_new |=
                self.ledger.suppress(&Suppression { address, reason, since: now, note: note.to_owned() })?;
        }
        Ok(if is_new { BounceAction::Suppressed } else { BounceAction::AlreadySuppressed })
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
