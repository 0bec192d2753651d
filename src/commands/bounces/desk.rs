//! `bounces`: processes each message once, records its meaning, and suppresses dead and withdrawn addresses.

use std::collections::{BTreeMap, HashSet};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::Value;

use crate::cli::BouncesArgs;
use crate::domain::Sha256;
use crate::domain::TokenKey;
use crate::domain::bounce::MessageKind;
use crate::error::{Error, ErrorKind};
use crate::feedback::{BounceAttribution, BounceLogLine};
use crate::inbox::{MessageReader, MessageReport, unix_lines};
use crate::ledger::{BounceAction, BounceRecord, Ledger, LedgerError};
use crate::mailbox::{Handling, MessageFile};
use crate::report::{JsonLines, LogError, Table, Terminal, count, plural};

use super::super::Context;
use super::InboxProcessor;
use super::farewell::Unsubscriber;

/// Processes messages one by one.
pub(super) struct MessageDesk<'a> {
    reader: &'a MessageReader,
    attribution: BounceAttribution<'a>,
    move_to: Option<PathBuf>,
    log: JsonLines,
    log_path: PathBuf,
    /// Digest and position of the log's lines; loaded when a message comes again.
    logged: Option<HashSet<(String, usize)>>,
    table: Table,
    read: u64,
    known: u64,
    confirms: bool,
    unsubscribers: Vec<Unsubscriber>,
    terminal: Terminal,
    /// Suppressions by messages without a token of ours, and how many are allowed without asking.
    unverified: u64,
    most_unverified: u64,
    /// Messages that people wrote themselves, by issue.
    replies: BTreeMap<String, u64>,
}

/// More suppressions without a token may be forged, unless the association is large.
const MOST_UNVERIFIED: u64 = 20;
/// For large associations, one in this many members instead.
const SHARE_UNVERIFIED: u64 = 10;
/// Number of characters of a subject to show.
const SHOWN: usize = 60;

impl<'a> MessageDesk<'a> {
    pub fn new(
        context: Context<'a>,
        ledger: &'a Ledger,
        key: &'a TokenKey,
        reader: &'a MessageReader,
        arguments: &BouncesArgs,
    ) -> Result<Self, Error> {
        let Context { project, terminal } = context;
        let inbox = &project.config.inbox;
        let configured = || inbox.move_to.as_ref().map(|to| project.dir.join(to));
        let log = arguments.log_file.clone().unwrap_or_else(|| project.log_path("bounce"));
        Ok(Self {
            reader,
            attribution: BounceAttribution {
                ledger,
                key,
                soft_issues: inbox.soft_issues.0,
                has_tokens: project.config.sender.bounce_address.is_some(),
                authenticator: inbox.authserv_id.as_deref(),
            },
            move_to: arguments.move_to.clone().or_else(configured),
            log: JsonLines::open(&log)?,
            log_path: log,
            logged: None,
            table: Table::new(["what", "address", "reason", "done", "file"]),
            read: 0,
            known: 0,
            confirms: inbox.confirm,
            unsubscribers: Vec::new(),
            terminal,
            unverified: 0,
            most_unverified: MOST_UNVERIFIED.max(ledger.active_members()? / SHARE_UNVERIFIED),
            replies: BTreeMap::new(),
        })
    }

    /// Writes the log lines of a message whose first run crashed before writing them.
    fn complete_log(&mut self, digest: &str) -> Result<(), Error> {
        let logged = match &mut self.logged {
            Some(logged) => logged,
            unread => unread.insert(logged(&self.log_path)?),
        };
        for (time, record) in self.attribution.ledger.bounces_of(digest)? {
            if logged.insert((record.digest.clone(), record.position)) {
                self.log.add(&BounceLogLine { time, event: "read", record: &record })?;
            }
        }
        Ok(())
    }

    /// Whether there was any message.
    pub fn has_read(&self) -> bool {
        self.read + self.known > 0
    }

    /// Those who unsubscribed in this run and get a confirmation.
    pub fn unsubscribers(&self) -> &[Unsubscriber] {
        &self.unsubscribers
    }

    /// Reports what was done.
    pub fn tell(&self, terminal: Terminal) {
        if self.read > 0 {
            terminal.data(self.table.to_string());
        }
        terminal.say(format!("{} read, {} already known.", count(self.read), count(self.known)));
        for (issue, replies) in &self.replies {
            let about = if issue.is_empty() { String::new() } else { format!(" to {issue}") };
            let replies = plural(*replies, "reply", "replies");
            terminal.say(format!("{replies}{about} by people, left for you to read."));
        }
    }

    /// Asks before messages that anybody could have written unsubscribe many members.
    fn agree_to_unverified(&mut self) -> Result<(), Error> {
        let message = format!(
            "messages without a valid token would suppress more than {} members: they may be forged",
            self.most_unverified
        );
        match self.terminal.confirm(&format!("{message}. Continue?")) {
            Some(true) => {
                self.most_unverified = u64::MAX;
                Ok(())
            }
            Some(false) => Err(Error::cancelled()),
            None => Err(Error::new(ErrorKind::Data, format!("{message}; the rest was not read"))
                .hint("look at the messages, delete the forged ones, and run `bounces` in a terminal")),
        }
    }

    /// Records a message; `None` means that it would suppress more members without a token than the user agreed to.
    fn record(
        &mut self,
        report: &MessageReport,
        digest: &str,
        name: &str,
        now: Timestamp,
    ) -> Result<Option<Vec<BounceRecord>>, LedgerError> {
        let ledger = self.attribution.ledger;
        let is_verified = self.attribution.token(report).is_some();
        let most = self.most_unverified.saturating_sub(self.unverified);
        let recorded = ledger.at_once(|ledger| {
            let records = self.attribution.records(report, digest, name, now)?;
            let suppressed =
                records.iter().filter(|record| record.action == BounceAction::Suppressed).count();
            let suppressed = if is_verified { 0 } else { suppressed as u64 };
            if suppressed > most {
                return Err(Unrecorded::TooMany);
            }
            records.iter().try_for_each(|record| ledger.add_bounce(record, now))?;
            Ok((records, suppressed))
        });
        match recorded {
            Ok((records, suppressed)) => {
                self.unverified += suppressed;
                Ok(Some(records))
            }
            Err(Unrecorded::TooMany) => Ok(None),
            Err(Unrecorded::Ledger(error)) => Err(error),
        }
    }

    /// Whether a person wrote to us, not a machine; such mail is counted, and stays in the mailbox.
    fn is_reply(&mut self, report: &MessageReport, record: &BounceRecord) -> bool {
        let is_reply = is_from_member(record) && report.may_be_answered;
        if is_reply {
            let issue = record.issue.as_ref().map_or_else(String::new, ToString::to_string);
            *self.replies.entry(issue).or_default() += 1;
        }
        is_reply
    }

    /// Adds the table row of a record: whom it is about, why, and what was done.
    fn show(&mut self, report: &MessageReport, record: &BounceRecord, is_reply: bool) -> Result<(), Error> {
        let mut address = record.address.clone().unwrap_or_default();
        if let (MessageKind::Unsubscribe, Some(member)) = (record.kind, record.member) {
            // Anybody who has the letter can unsubscribe with its link, for example if it was forwarded.
            let [mailed, own] = self.attribution.addresses(record.issue.as_ref(), member)?;
            let theirs = mailed.or(own).filter(|theirs| !theirs.eq_ignore_ascii_case(&address));
            address = theirs.map_or(address.clone(), |theirs| format!("{theirs} (by {address})"));
        }
        let (kind, reason, done) = if is_reply {
            let subject: String = report.subject.chars().take(SHOWN).collect();
            ("reply".to_owned(), subject, "for you".to_owned())
        } else {
            let reason = record.reason.map_or_else(String::new, |reason| reason.to_string());
            (record.kind.to_string(), reason, <&str>::from(record.action).replace('_', " "))
        };
        self.table.row([kind, address, reason, done, record.file.clone()]);
        Ok(())
    }
}

/// Whether a message is a member's own, or answers a member's letter, and is not a report about a letter.
fn is_from_member(record: &BounceRecord) -> bool {
    record.kind == MessageKind::Other && record.member.is_some()
}

/// Why a message was not recorded.
enum Unrecorded {
    TooMany,
    Ledger(LedgerError),
}

impl From<LedgerError> for Unrecorded {
    fn from(error: LedgerError) -> Self {
        Self::Ledger(error)
    }
}

fn logged(log: &Path) -> Result<HashSet<(String, usize)>, LogError> {
    let mut logged = HashSet::new();
    JsonLines::read(log, |line| {
        let digest = line.get("digest").and_then(Value::as_str).map(str::to_owned);
        let position = line.get("position").and_then(Value::as_u64);
        logged.extend(digest.zip(position.and_then(|position| position.try_into().ok())));
    })?;
    Ok(logged)
}

impl InboxProcessor for MessageDesk<'_> {
    fn take(&mut self, name: &str, bytes: &[u8]) -> Result<Handling, Error> {
        let ledger = self.attribution.ledger;
        // IMAP uses network line ends and a Maildir local ones, but it is the same message.
        let digest = Sha256::of(&unix_lines(bytes));
        if ledger.has_bounce(&digest)? {
            self.known += 1;
            self.complete_log(&digest)?;
            let stays = ledger.bounces_of(&digest)?.iter().any(|(_, record)| is_from_member(record));
            return Ok(if stays { Handling::Stays } else { Handling::PutAway });
        }
        let report = self.reader.read(bytes);
        let now = Timestamp::now();
        let records = match self.record(&report, &digest, name, now)? {
            Some(records) => records,
            None => {
                self.agree_to_unverified()?;
                self.record(&report, &digest, name, now)?.unwrap_or_default()
            }
        };
        self.read += 1;
        if let Some(record) = records.first().filter(|_| self.confirms) {
            self.unsubscribers.extend(Unsubscriber::of(&report, record, &self.attribution)?);
        }
        let mut handling = Handling::PutAway;
        for record in &records {
            self.log.add(&BounceLogLine { time: now, event: "read", record })?;
            let is_reply = self.is_reply(&report, record);
            if is_reply {
                handling = Handling::Stays;
            }
            self.show(&report, record, is_reply)?;
        }
        Ok(handling)
    }

    fn put_away(&self, file: &MessageFile) -> std::io::Result<()> {
        file.put_away(self.move_to.as_deref())
    }
}
