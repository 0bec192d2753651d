//! `bounces`: each message once; what it says is recorded, and dead or withdrawn addresses are suppressed.

use std::collections::HashSet;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde_json::Value;

use crate::cli::Bounces;
use crate::domain::Sha256;
use crate::domain::TokenKey;
use crate::error::Error;
use crate::feedback::{BounceAttribution, BounceLogLine};
use crate::inbox::{Reader, unix_lines};
use crate::ledger::{Ledger, LedgerError};
use crate::mailbox::MessageFile;
use crate::report::{JsonLines, LogError, Table, Terminal, count};

use super::super::Project;
use super::InboxProcessor;
use super::farewell::Unsubscriber;

/// Where messages are handled one by one.
pub(super) struct Desk<'a> {
    reader: &'a Reader,
    attribution: BounceAttribution<'a>,
    move_to: Option<PathBuf>,
    log: JsonLines,
    log_path: PathBuf,
    /// Digest and position of the log's lines; read where a message comes again.
    logged: Option<HashSet<(String, usize)>>,
    table: Table,
    read: u64,
    known: u64,
    confirms: bool,
    unsubscribers: Vec<Unsubscriber>,
}

impl<'a> Desk<'a> {
    pub fn new(
        project: &Project,
        ledger: &'a Ledger,
        key: &'a TokenKey,
        reader: &'a Reader,
        arguments: &Bounces,
    ) -> Result<Self, Error> {
        let inbox = &project.config.inbox;
        let configured = || inbox.move_to.as_ref().map(|to| project.dir.join(to));
        let log = arguments.log_file.clone().unwrap_or_else(|| project.log_path("bounce"));
        Ok(Self {
            reader,
            attribution: BounceAttribution { ledger, key, soft_issues: inbox.soft_issues.0 },
            move_to: arguments.move_to.clone().or_else(configured),
            log: JsonLines::open(&log)?,
            log_path: log,
            logged: None,
            table: Table::new(["what", "address", "reason", "done", "file"]),
            read: 0,
            known: 0,
            confirms: inbox.confirm,
            unsubscribers: Vec::new(),
        })
    }

    /// Writes the lines of a message that was read by a run which crashed before it wrote them.
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

    /// Those who left in this run and are to be told so.
    pub fn unsubscribers(&self) -> &[Unsubscriber] {
        &self.unsubscribers
    }

    /// Shows what was done.
    pub fn tell(&self, terminal: Terminal) {
        if self.read > 0 {
            terminal.data(self.table.to_string());
        }
        terminal.say(format!("{} read, {} known already.", count(self.read), count(self.known)));
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

impl InboxProcessor for Desk<'_> {
    fn take(&mut self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let ledger = self.attribution.ledger;
        // IMAP has the line ends of the wire, a Maildir those of the machine: it is the same message.
        let digest = Sha256::of(&unix_lines(bytes));
        if ledger.has_bounce(&digest)? {
            self.known += 1;
            return self.complete_log(&digest);
        }
        let report = self.reader.read(bytes);
        let now = Timestamp::now();
        let records = ledger.at_once(|ledger| {
            let records = self.attribution.records(&report, &digest, name, now)?;
            records.iter().try_for_each(|record| ledger.add_bounce(record, now))?;
            Ok::<_, LedgerError>(records)
        })?;
        self.read += 1;
        if let Some(record) = records.first().filter(|_| self.confirms) {
            self.unsubscribers.extend(Unsubscriber::of(&report, record, &self.attribution)?);
        }
        for record in &records {
            self.log.add(&BounceLogLine { time: now, event: "read", record })?;
            let done = <&str>::from(record.action).replace('_', " ");
            let address = record.address.clone().unwrap_or_default();
            let reason = record.reason.map_or_else(String::new, |reason| reason.to_string());
            self.table.row([record.kind.to_string(), address, reason, done, record.file.clone()]);
        }
        Ok(())
    }

    fn put_away(&self, file: &MessageFile) -> std::io::Result<()> {
        file.put_away(self.move_to.as_deref())
    }
}
