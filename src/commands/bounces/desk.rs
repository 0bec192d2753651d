//! `bounces`: each message once; what it says is recorded, and dead or withdrawn addresses are suppressed.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::Serialize;

use crate::cli::Bounces;
use crate::domain::TokenKey;
use crate::error::Error;
use crate::inbox::Reader;
use crate::ledger::{BounceRecord, Ledger, LedgerError};
use crate::mailbox::MessageFile;
use crate::report::{JsonLines, Table, Terminal, count};

use super::super::{Project, sha256};
use super::Clerk;
use super::farewell::Leaver;
use super::who::Who;

/// One line of the bounce log.
#[derive(Debug, Serialize)]
pub struct LogLine<'a> {
    pub time: Timestamp,
    pub event: &'static str,
    #[serde(flatten)]
    pub record: &'a BounceRecord,
}

/// Where messages are handled one by one.
pub(super) struct Desk<'a> {
    reader: &'a Reader,
    who: Who<'a>,
    move_to: Option<PathBuf>,
    log: JsonLines,
    table: Table,
    read: u64,
    known: u64,
    confirms: bool,
    leavers: Vec<Leaver>,
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
            who: Who { ledger, key, soft_issues: inbox.soft_issues.0 },
            move_to: arguments.move_to.clone().or_else(configured),
            log: JsonLines::open(&log)?,
            table: Table::new(["what", "address", "reason", "done", "file"]),
            read: 0,
            known: 0,
            confirms: inbox.confirm,
            leavers: Vec::new(),
        })
    }

    /// Whether there was any message.
    pub fn has_read(&self) -> bool {
        self.read + self.known > 0
    }

    /// Those who left in this run and are to be told so.
    pub fn leavers(&self) -> &[Leaver] {
        &self.leavers
    }

    /// Shows what was done.
    pub fn tell(&self, terminal: Terminal) {
        if self.read > 0 {
            terminal.data(self.table.to_string());
        }
        terminal.say(format!("{} read, {} known already.", count(self.read), count(self.known)));
    }
}

impl Clerk for Desk<'_> {
    fn take(&mut self, name: &str, bytes: &[u8]) -> Result<(), Error> {
        let ledger = self.who.ledger;
        let digest = sha256(bytes);
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
        if let Some(record) = records.first().filter(|_| self.confirms) {
            self.leavers.extend(Leaver::of(&report, record, &self.who)?);
        }
        for record in &records {
            self.log.add(&LogLine { time: now, event: "read", record })?;
            let text = |value: &Option<String>| value.clone().unwrap_or_default();
            let done = record.action.as_str().replace('_', " ");
            let (address, reason) = (text(&record.address), text(&record.reason));
            self.table.row([record.kind.clone(), address, reason, done, record.file.clone()]);
        }
        Ok(())
    }

    fn put_away(&self, file: &MessageFile) -> std::io::Result<()> {
        file.put_away(self.move_to.as_deref())
    }
}
