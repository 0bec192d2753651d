//! Reviews of an issue, and decisions about it.

use std::collections::{BTreeMap, HashSet};

use jiff::{SignedDuration, Timestamp};
use serde::{Deserialize, Serialize};
use strum::{EnumString, IntoStaticStr};

use crate::domain::{IssueName, MemberId};

use super::members::{ISSUE_MEMBERS, MAILABLE};
use super::types::Stamp;
use super::{Ledger, LedgerError, members};

/// The kind of a review.
#[derive(Debug, Clone, Copy, PartialEq, Eq, EnumString, IntoStaticStr)]
#[strum(serialize_all = "snake_case")]
pub enum ReviewKind {
    Approved,
    /// The issue is not sent any further.
    Cancelled,
    /// The editors were reminded that the issue is due.
    Reminded,
    /// A run for all members has started, not only for some of them.
    SentToAll,
    /// Letters composed from these files have been sent.
    Left,
}

/// Digests of everything that an issue's letters are made of.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Review {
    /// When it was made.
    pub at: Timestamp,
    /// SHA-256 by path.
    pub files: BTreeMap<String, String>,
    /// SHA-256 of the recipients with their fields.
    pub list: String,
    /// The number of recipients, including those who have their letter already.
    pub letters: u64,
}

impl Ledger {
    /// Stores a review, replacing an earlier one of its kind.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub fn keep_review(
        &self,
        issue: &IssueName,
        kind: ReviewKind,
        review: &Review,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let files = serde_json::to_string(&review.files).map_err(members::corrupt)?;
        let sql = "INSERT INTO review VALUES (?1, ?2, ?3, ?4, ?5, ?6) ON CONFLICT (issue, kind) DO UPDATE
                   SET at = excluded.at, files = excluded.files, list = excluded.list, letters = excluded.letters";
        let values = (issue, kind, Stamp(now), files, &review.list, review.letters);
        self.db.execute(sql, values)?;
        Ok(())
    }

    /// The last review of a kind.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn review(&self, issue: &IssueName, kind: ReviewKind) -> Result<Option<Review>, LedgerError> {
        let sql = "SELECT at, files, list, letters FROM review WHERE issue = ?1 AND kind = ?2";
        let found = self.db.optional(sql, (issue, kind), |row| {
            let Stamp(at) = row.get(0)?;
            let files: String = row.get(1)?;
            Ok((Review { at, files: BTreeMap::new(), list: row.get(2)?, letters: row.get(3)? }, files))
        });
        let Some((review, files)) = found? else { return Ok(None) };
        let files = serde_json::from_str(&files).map_err(members::corrupt)?;
        Ok(Some(Review { files, ..review }))
    }

    /// Stores an approval and the members it is for, replacing an earlier one.
    ///
    /// # Errors
    /// If the ledger cannot be written; then the earlier one stays.
    pub fn approve(
        &self,
        issue: &IssueName,
        review: &Review,
        members: &[MemberId],
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        self.at_once(|ledger| {
            ledger.keep_review(issue, ReviewKind::Approved, review, now)?;
            ledger.db.execute("DELETE FROM approved_member WHERE issue = ?1", [issue])?;
            for member in members {
                ledger.db.execute("INSERT INTO approved_member VALUES (?1, ?2)", (issue, member))?;
            }
            Ok(())
        })
    }

    /// The members whom the approval is for; approvals of older versions have none.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn approved_members(&self, issue: &IssueName) -> Result<HashSet<MemberId>, LedgerError> {
        let sql = "SELECT member FROM approved_member WHERE issue = ?1";
        self.db.list(sql, [issue], |row| row.get(0))
    }

    /// Tells whether an approved letter can still be sent: its member can be mailed, and the letter was not queued
    /// yet, is waiting, or was left in transit.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn has_approved_left(&self, issue: &IssueName) -> Result<bool, LedgerError> {
        let sql = format!(
            "SELECT EXISTS (SELECT 1 FROM {ISSUE_MEMBERS} JOIN approved_member a ON a.member = m.id
             LEFT JOIN delivery d ON d.issue = a.issue AND d.member = a.member
             WHERE a.issue = ?1 AND (d.state = 'sending'
             OR {MAILABLE} AND (d.state IS NULL OR d.state IN ('queued', 'deferred'))))"
        );
        self.db.one(&sql, [issue], |row| row.get(0))
    }

    /// Records that a message about an issue was printed; false if it was already printed within `span`.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub fn tell(
        &self,
        issue: &IssueName,
        what: &str,
        span: SignedDuration,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        let before = now.saturating_sub(span).unwrap_or(Timestamp::MIN);
        let sql = "INSERT INTO told VALUES (?1, ?2, ?3) ON CONFLICT (issue, what)
                   DO UPDATE SET at = excluded.at WHERE told.at <= ?4 OR told.at > excluded.at";
        Ok(self.db.execute(sql, (issue, what, Stamp(now), Stamp(before)))? > 0)
    }

    /// Deletes a review; false if there was none.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub fn drop_review(&self, issue: &IssueName, kind: ReviewKind) -> Result<bool, LedgerError> {
        let sql = "DELETE FROM review WHERE issue = ?1 AND kind = ?2";
        Ok(self.db.execute(sql, (issue, kind))? > 0)
    }

    /// Active members who have not been sent a letter of the issue: none was queued, or it is waiting.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn without_letter(&self, issue: &IssueName) -> Result<HashSet<MemberId>, LedgerError> {
        let sql = "SELECT id FROM member WHERE active = 1
                   AND NOT EXISTS (SELECT 1 FROM delivery WHERE issue = ?1 AND member = member.id
                                   AND state NOT IN ('queued', 'deferred'))";
        self.db.list(sql, [issue], |row| row.get(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_last_review_of_a_kind_stays() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&dir.path().join("l.db")).unwrap();
        let issue: IssueName = "2026-1".parse().unwrap();
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        for letters in [3, 4] {
            let files = BTreeMap::from([("a.md".to_owned(), "ff".to_owned())]);
            let review = Review { files, letters, ..Review::default() };
            ledger.keep_review(&issue, ReviewKind::Approved, &review, now).unwrap();
        }
        let kept = ledger.review(&issue, ReviewKind::Approved).unwrap().unwrap();
        assert_eq!((kept.letters, kept.files.len(), kept.at), (4, 1, now));
        assert_eq!(ledger.review(&issue, ReviewKind::Reminded).unwrap(), None);
        assert!(ledger.drop_review(&issue, ReviewKind::Approved).unwrap());
        assert!(!ledger.drop_review(&issue, ReviewKind::Approved).unwrap());
    }
}
