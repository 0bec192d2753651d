//! What the inbox said, each message once.

use jiff::Timestamp;
use rusqlite::{OptionalExtension, named_params};
use serde::Serialize;

use crate::domain::{IssueName, MemberId};

use super::{Ledger, LedgerError, stamp};

/// One recipient of one message of the inbox.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct BounceRecord {
    /// SHA-256 of the message, in hexadecimal.
    pub digest: String,
    /// Which of the message's recipients, from 0.
    pub position: usize,
    pub file: String,
    pub kind: String,
    pub address: Option<String>,
    pub class: Option<String>,
    pub status: Option<String>,
    pub reason: Option<String>,
    pub diagnostic: Option<String>,
    pub issue: Option<IssueName>,
    pub member: Option<MemberId>,
    pub action: BounceAction,
}

/// An address of the member list that has to be corrected.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Correction {
    pub member: MemberId,
    pub name: String,
    pub organisation: Option<String>,
    pub address: String,
    pub since: String,
    /// The last bounce's reason, in the names of the trade.
    pub reason: Option<String>,
}

/// What was done about a message.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum BounceAction {
    Suppressed,
    AlreadySuppressed,
    Counted,
    None,
    /// The message names nobody that a letter went to, or its token is not ours.
    NotOurs,
}

impl BounceAction {
    const ALL: [Self; 5] =
        [Self::Suppressed, Self::AlreadySuppressed, Self::Counted, Self::None, Self::NotOurs];

    /// The name in the ledger and in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Suppressed => "suppressed",
            Self::AlreadySuppressed => "already_suppressed",
            Self::Counted => "counted",
            Self::None => "none",
            Self::NotOurs => "not_ours",
        }
    }
}

impl Ledger {
    /// Tells whether the message with this digest was read before.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn has_bounce(&self, digest: &str) -> Result<bool, LedgerError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM bounce WHERE digest = ?1)";
        Ok(self.connection.prepare_cached(sql)?.query_row([digest], |row| row.get(0))?)
    }

    /// Keeps what one message said.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub fn add_bounce(&self, record: &BounceRecord, now: Timestamp) -> Result<(), LedgerError> {
        let sql = "INSERT INTO bounce (digest, position, at, file, kind, address, class, status, reason, diagnostic,
                   issue, member, action) VALUES (:digest, :position, :at, :file, :kind, :address, :class, :status,
                   :reason, :diagnostic, :issue, :member, :action) ON CONFLICT DO NOTHING";
        self.connection.prepare_cached(sql)?.execute(named_params! {
            ":digest": record.digest,
            ":position": record.position,
            ":at": stamp(now),
            ":file": record.file,
            ":kind": record.kind,
            ":address": record.address,
            ":class": record.class,
            ":status": record.status,
            ":reason": record.reason,
            ":diagnostic": record.diagnostic,
            ":issue": record.issue.as_ref().map(IssueName::as_str),
            ":member": record.member.map(|member| member.0),
            ":action": record.action.as_str(),
        })?;
        Ok(())
    }

    /// What one message said and when it was read; nothing if that was pruned or forgotten.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn bounces_of(&self, digest: &str) -> Result<Vec<(Timestamp, BounceRecord)>, LedgerError> {
        let sql = "SELECT position, at, file, kind, address, class, status, reason, diagnostic, issue, member, action
                   FROM bounce WHERE digest = ?1 AND file <> '' ORDER BY position";
        let mut statement = self.connection.prepare_cached(sql)?;
        let rows = statement.query_map([digest], |row| {
            let action: String = row.get(11)?;
            let at: String = row.get(1)?;
            let issue: Option<String> = row.get(9)?;
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
                issue: issue.and_then(|issue| issue.parse().ok()),
                member: row.get::<_, Option<i64>>(10)?.map(MemberId),
                action: BounceAction::ALL
                    .into_iter()
                    .find(|known| known.as_str() == action)
                    .unwrap_or(BounceAction::None),
            };
            Ok((at.parse().unwrap_or_default(), record))
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// Runs `work` in one transaction: all of it is kept or nothing.
    ///
    /// # Errors
    /// Those of the ledger and of `work`.
    pub fn at_once<T, E: From<LedgerError>>(&self, work: impl FnOnce(&Self) -> Result<T, E>) -> Result<T, E> {
        let transaction = self.connection.unchecked_transaction().map_err(LedgerError::from)?;
        let done = work(self)?;
        transaction.commit().map_err(LedgerError::from)?;
        Ok(done)
    }

    /// Tells whether a letter of any issue went to this member, or at least was tried.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn was_mailed(&self, member: MemberId) -> Result<bool, LedgerError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM delivery WHERE member = ?1 AND attempts > 0)";
        Ok(self.connection.prepare_cached(sql)?.query_row([member.0], |row| row.get(0))?)
    }

    /// The issue that was last sent to this member.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn last_issue_of(&self, member: MemberId) -> Result<Option<IssueName>, LedgerError> {
        let sql = "SELECT issue FROM delivery WHERE member = ?1 AND attempts > 0
                   ORDER BY changed_at DESC, issue DESC LIMIT 1";
        let issue: Option<String> =
            self.connection.prepare_cached(sql)?.query_row([member.0], |row| row.get(0)).optional()?;
        Ok(issue.and_then(|issue| issue.parse().ok()))
    }

    /// How many of the last issues to this member, other than `issue`, bounced softly with no success between.
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
        let mut statement = self.connection.prepare_cached(sql)?;
        let mut rows = statement.query((member.0, issue.map_or("", IssueName::as_str)))?;
        let mut in_a_row = 0;
        while let Some(row) = rows.next()? {
            if !row.get::<_, bool>(0)? {
                break;
            }
            in_a_row += 1;
        }
        Ok(in_a_row)
    }

    /// The active members whose address bounced so that it is not mailed any more, by organisation.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn corrections(&self) -> Result<Vec<Correction>, LedgerError> {
        let sql = "SELECT m.id, m.name, m.fields ->> '$.organisation', s.address, s.since,
                   (SELECT b.reason FROM bounce b WHERE b.member = m.id AND b.reason IS NOT NULL
                    ORDER BY b.at DESC LIMIT 1)
                   FROM suppression s JOIN member m ON m.address_key = s.address_key AND m.active = 1
                   WHERE s.reason IN ('hard_bounce', 'soft_bounces') ORDER BY 3, 2, 1";
        let mut statement = self.connection.prepare(sql)?;
        let rows = statement.query_map((), |row| {
            Ok(Correction {
                member: MemberId(row.get(0)?),
                name: row.get(1)?,
                organisation: row.get(2)?,
                address: row.get(3)?,
                since: row.get(4)?,
                reason: row.get(5)?,
            })
        })?;
        Ok(rows.collect::<Result<_, _>>()?)
    }

    /// The address to which an issue's letter to this member went.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn mailed_address(&self, issue: &IssueName, member: MemberId) -> Result<Option<String>, LedgerError> {
        let sql = "SELECT address FROM delivery WHERE issue = ?1 AND member = ?2";
        let found =
            self.connection.prepare_cached(sql)?.query_row((issue.as_str(), member.0), |row| row.get(0));
        Ok(found.optional()?.flatten())
    }
}
