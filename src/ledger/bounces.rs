//! Results of reading the inbox, with each message counted once.

use std::collections::HashMap;

use jiff::Timestamp;
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};

use crate::domain::bounce::{Class, MessageKind, Reason};
use crate::domain::{IssueName, MemberId};

use super::db::Db;
use super::types::Stamp;
use super::{Ledger, LedgerError};

/// One recipient of a message in the inbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BounceRecord {
    /// SHA-256 of the message, in hexadecimal.
    pub digest: String,
    /// The number of the recipient in the message, from 0.
    pub position: usize,
    pub file: String,
    pub kind: MessageKind,
    pub address: Option<String>,
    pub class: Option<Class>,
    pub status: Option<String>,
    pub reason: Option<Reason>,
    pub diagnostic: Option<String>,
    pub issue: Option<IssueName>,
    pub member: Option<MemberId>,
    pub action: BounceAction,
}

/// An address in the member list that needs correction.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct AddressCorrection {
    pub member: MemberId,
    pub name: String,
    pub organisation: Option<String>,
    pub address: String,
    pub since: Timestamp,
    /// The last bounce's reason.
    pub reason: Option<Reason>,
    /// The words of an automatic answer.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub words: Option<String>,
}

/// The action taken on a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize, EnumString, IntoStaticStr)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum BounceAction {
    Suppressed,
    AlreadySuppressed,
    Counted,
    None,
    /// It has no token of ours and may be forged: recorded without consequences.
    Unverified,
    /// The message names nobody to whom a letter was sent, or its token is not ours.
    NotOurs,
}

impl Ledger {
    /// Tells whether the message with this digest was read before.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn has_bounce(&self, digest: &str) -> Result<bool, LedgerError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM bounce WHERE digest = ?1)";
        self.db.one(sql, [digest], |row| row.get(0))
    }

    /// Records one recipient of a message.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub fn add_bounce(&self, record: &BounceRecord, now: Timestamp) -> Result<(), LedgerError> {
        add(&self.db, record, now)
    }

    /// The records of one message and the time when it was read; none if they were pruned or forgotten.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn bounces_of(&self, digest: &str) -> Result<Vec<(Timestamp, BounceRecord)>, LedgerError> {
        let sql = "SELECT position, at, file, kind, address, class, status, reason, diagnostic, issue, member, action
                   FROM bounce WHERE digest = ?1 AND file <> '' ORDER BY position";
        self.db.list(sql, [digest], |row| {
            let Stamp(at) = row.get(1)?;
            let record = BounceRecord {
                digest: digest.to_owned(),
                position: row.get(0)?,
                file: row.get(2)?,
                kind: row.get(3)?,
                address: row.get(4)?,
                class: row.get(5)?,
                status: row.get(6)?,
                reason: row.get(7)?,
                diagnostic: row.get(8)?,
                issue: row.get(9)?,
                member: row.get(10)?,
                action: row.get(11)?,
            };
            Ok((at, record))
        })
    }

    /// Runs `work` in one transaction: all of it is kept or nothing.
    ///
    /// # Errors
    /// Those of the ledger and of `work`.
    pub fn at_once<T, E: From<LedgerError>>(&self, work: impl FnOnce(&Self) -> Result<T, E>) -> Result<T, E> {
        let transaction = self.begin()?;
        let done = work(self)?;
        transaction.commit()?;
        Ok(done)
    }

    /// Tells whether a letter of any issue was sent to this member, or was at least tried.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn was_mailed(&self, member: MemberId) -> Result<bool, LedgerError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM delivery WHERE member = ?1 AND attempts > 0)";
        self.db.one(sql, [member], |row| row.get(0))
    }

    /// The issue last sent to this member.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn last_issue_of(&self, member: MemberId) -> Result<Option<IssueName>, LedgerError> {
        let sql = "SELECT issue FROM delivery WHERE member = ?1 AND attempts > 0
                   ORDER BY changed_at DESC, issue DESC LIMIT 1";
        self.db.optional(sql, [member], |row| row.get(0))
    }

    /// The members whose letters of this issue were accepted but came back, with the last reason. A report without an
    /// issue counts for the last letter before it.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn bounced_members(
        &self,
        issue: &IssueName,
    ) -> Result<HashMap<MemberId, Option<Reason>>, LedgerError> {
        let sql = "SELECT d.member, b.reason FROM bounce b CROSS JOIN delivery d
                   WHERE d.issue = ?1 AND d.member = b.member AND d.state = 'accepted' AND coalesce(b.issue,
                     (SELECT l.issue FROM delivery l WHERE l.member = d.member AND l.state = 'accepted'
                      AND l.changed_at <= b.at ORDER BY l.changed_at DESC LIMIT 1)) = d.issue AND b.kind = 'bounce' AND b.class IN ('hard', 'soft')
                   AND b.action NOT IN ('unverified', 'not_ours') ORDER BY b.at";
        self.db.list(sql, [issue], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// The number of members whose letters of this issue were accepted but came back.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn came_back(&self, issue: &IssueName) -> Result<u64, LedgerError> {
        Ok(self.bounced_members(issue)?.len() as u64)
    }

    /// How many of the last issues sent to this member, other than `issue`, bounced softly without a success in
    /// between.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn soft_bounces_in_a_row(
        &self,
        member: MemberId,
        issue: Option<&IssueName>,
    ) -> Result<usize, LedgerError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM bounce b WHERE b.member = d.member AND b.issue = d.issue
                   AND b.kind = 'bounce' AND b.class = 'soft') FROM delivery d
                   WHERE d.member = ?1 AND d.issue <> ?2 AND d.state IN ('accepted', 'rejected')
                   ORDER BY d.changed_at DESC, d.issue DESC";
        let values = (member, issue.map_or("", IssueName::as_str));
        let bounced: Vec<bool> = self.db.list(sql, values, |row| row.get(0))?;
        Ok(bounced.into_iter().take_while(|bounced| *bounced).count())
    }

    /// The active members whose address is not mailed any more because of a bounce, by organisation.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn corrections(&self) -> Result<Vec<AddressCorrection>, LedgerError> {
        let sql = "SELECT m.id, m.name, m.fields ->> 'organisation', s.address, s.since,
                   (SELECT b.reason FROM bounce b WHERE b.member = m.id AND b.reason IS NOT NULL
                    ORDER BY b.at DESC LIMIT 1), NULL
                   FROM suppression s JOIN member m ON m.address_key = s.address_key AND m.active = 1
                   WHERE s.reason IN ('hard_bounce', 'soft_bounces') ORDER BY 3 NULLS FIRST, 2, 1";
        self.listed_corrections(sql)
    }

    fn listed_corrections(&self, sql: &str) -> Result<Vec<AddressCorrection>, LedgerError> {
        self.db.list(sql, (), |row| {
            let Stamp(since) = row.get(4)?;
            Ok(AddressCorrection {
                member: row.get(0)?,
                name: row.get(1)?,
                organisation: row.get(2)?,
                address: row.get(3)?,
                since,
                reason: row.get(5)?,
                words: row.get(6)?,
            })
        })
    }

    /// The reason of the last refusal of each member's letter of an issue.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn refusal_reasons(&self, issue: &IssueName) -> Result<HashMap<MemberId, Reason>, LedgerError> {
        let sql =
            "SELECT member, reason FROM bounce WHERE issue = ?1 AND file = 'smtp' AND member IS NOT NULL
                   AND reason IS NOT NULL ORDER BY at";
        self.db.list(sql, [issue], |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// The member to whom the last letter to this address was sent, whoever has the address now.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn mailed_at(&self, address: &str) -> Result<Option<MemberId>, LedgerError> {
        // Issue by issue, because the index of addresses starts with the issue.
        let sql = "SELECT d.member FROM (SELECT DISTINCT issue FROM run) r
                   CROSS JOIN delivery d INDEXED BY delivery_address
                   WHERE d.issue = r.issue AND lower(d.address) = ?1 AND d.address IS NOT NULL
                   AND d.attempts > 0 ORDER BY d.changed_at DESC LIMIT 1";
        let key = address.to_lowercase();
        self.db.optional(sql, [key], |row| row.get(0))
    }

    /// News from automatic answers about members whose address has not changed since, the latest first.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn news(&self) -> Result<Vec<AddressCorrection>, LedgerError> {
        let sql = "SELECT id, name, organisation, address, at, reason, diagnostic FROM (
                       SELECT m.id, m.name, m.fields ->> 'organisation' AS organisation,
                           coalesce(m.address, '') AS address, b.at, b.reason, b.diagnostic,
                           row_number() OVER (PARTITION BY m.id ORDER BY b.at DESC, b.digest, b.position) AS place
                       FROM bounce b JOIN member m ON m.id = b.member AND m.active = 1
                       WHERE b.kind = 'auto-reply' AND b.reason IS NOT NULL AND b.file <> ''
                       AND lower(b.address) = m.address_key) AS replies
                   WHERE place = 1 ORDER BY at DESC, id";
        self.listed_corrections(sql)
    }

    /// The address to which an issue's letter to this member was sent.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn mailed_address(&self, issue: &IssueName, member: MemberId) -> Result<Option<String>, LedgerError> {
        let sql = "SELECT address FROM delivery WHERE issue = ?1 AND member = ?2";
        let found = self.db.optional(sql, (issue, member), |row| row.get(0));
        Ok(found?.flatten())
    }
}

/// Records one recipient of a message; a known record stays as it is.
pub(super) fn add(db: &Db, record: &BounceRecord, now: Timestamp) -> Result<(), LedgerError> {
    let sql =
        "INSERT INTO bounce (digest, position, at, file, kind, address, class, status, reason, diagnostic,
               issue, member, action) VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8, ?9, ?10, ?11, ?12, ?13)
               ON CONFLICT DO NOTHING";
    let values = (
        &record.digest,
        record.position,
        Stamp(now),
        &record.file,
        record.kind,
        &record.address,
        record.class,
        &record.status,
        record.reason,
        &record.diagnostic,
        &record.issue,
        record.member,
        record.action,
    );
    db.execute(sql, values)?;
    Ok(())
}
