//! Issues that every member must get, even those who opted out of newsletters.

use std::collections::HashSet;

use crate::domain::{IssueKind, IssueName, MemberId};

use super::{Ledger, LedgerError};

impl Ledger {
    /// Records the kind of an issue. Nothing is written if it is known already.
    ///
    /// # Errors
    /// If letters of the other kind have been sent, or the ledger cannot be written.
    pub fn set_kind(&self, issue: &IssueName, kind: IssueKind) -> Result<(), LedgerError> {
        if self.kind(issue)? == kind {
            return Ok(());
        }
        let sql = "SELECT 1 FROM delivery WHERE issue = ?1 AND attempts > 0 LIMIT 1";
        let has_left = self.db.optional(sql, [issue], |_| Ok(()))?;
        if has_left.is_some() {
            return Err(LedgerError::KindChanged { issue: issue.clone() });
        }
        let sql = match kind {
            IssueKind::Notice => "INSERT INTO notice VALUES (?1)",
            IssueKind::Newsletter => "DELETE FROM notice WHERE issue = ?1",
        };
        self.db.execute(sql, [issue])?;
        Ok(())
    }

    /// The kind of an issue.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn kind(&self, issue: &IssueName) -> Result<IssueKind, LedgerError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM notice WHERE issue = ?1)";
        let is_notice: bool = self.db.one(sql, [issue], |row| row.get(0))?;
        Ok(if is_notice { IssueKind::Notice } else { IssueKind::Newsletter })
    }

    /// The active members who opted out of newsletters.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn opted_out(&self) -> Result<HashSet<MemberId>, LedgerError> {
        let sql = "SELECT id FROM member WHERE active = 1 AND (
                       id IN (SELECT member FROM opted_out WHERE reason IN ('unsubscribed', 'complaint'))
                       OR address_key IN (SELECT address_key FROM suppression
                                          WHERE reason IN ('unsubscribed', 'complaint')))";
        self.db.list(sql, (), |row| row.get(0))
    }
}
