//! Letters on paper: printed and posted ones.

use std::collections::BTreeMap;

use jiff::Timestamp;

use crate::domain::{IssueName, MemberId};

use super::db::ResultRow;
use super::types::Stamp;
use super::{Ledger, LedgerError};

/// The numbers of an issue's letters on paper.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Serialize)]
pub struct OnPaper {
    pub to_print: u64,
    pub posted: u64,
}

impl Ledger {
    /// Records printed letters with their page counts; those that were posted before must be posted again.
    ///
    /// # Errors
    /// If the ledger cannot be written; then none is recorded.
    pub fn record_paper(
        &self,
        issue: &IssueName,
        letters: &BTreeMap<MemberId, usize>,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let transaction = self.begin()?;
        let sql = "INSERT INTO paper VALUES (?1, ?2, 'to_print', ?3, ?4) ON CONFLICT (issue, member)
                   DO UPDATE SET state = 'to_print', pages = excluded.pages, at = excluded.at";
        for (member, pages) in letters {
            transaction.execute(sql, (issue, member, pages, Stamp(now)))?;
        }
        transaction.commit()
    }

    /// Records that all printed letters of an issue were posted; returns their number.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub fn paper_posted(&self, issue: &IssueName, now: Timestamp) -> Result<usize, LedgerError> {
        let sql = "UPDATE paper SET state = 'posted', at = ?2 WHERE issue = ?1 AND state = 'to_print'";
        self.db.execute(sql, (issue, Stamp(now)))
    }

    /// The printed letters of an issue by member: whether they were posted, and when that was recorded.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn paper_letters(
        &self,
        issue: &IssueName,
    ) -> Result<BTreeMap<MemberId, (bool, Timestamp)>, LedgerError> {
        let sql = "SELECT member, state = 'posted', at FROM paper WHERE issue = ?1";
        self.db.list(sql, [issue], |row| {
            let Stamp(at) = row.get(2)?;
            Ok((row.get(0)?, (row.get(1)?, at)))
        })
    }

    /// The numbers of an issue's letters on paper.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn on_paper(&self, issue: &IssueName) -> Result<OnPaper, LedgerError> {
        let sql =
            "SELECT count(*) FILTER (WHERE state = 'to_print'), count(*) FILTER (WHERE state = 'posted')
                   FROM paper WHERE issue = ?1";
        let row = |row: &ResultRow<'_>| Ok(OnPaper { to_print: row.get(0)?, posted: row.get(1)? });
        self.db.one(sql, [issue], row)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn printed_letters_are_posted_once_and_may_be_printed_again() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&dir.path().join("l.db")).unwrap();
        ledger
            .db
            .batch("INSERT INTO member (id, name, added_at, changed_at) VALUES (1, 'A', 'x', 'x')")
            .unwrap();
        let issue: IssueName = "2026-1".parse().unwrap();
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let letters = BTreeMap::from([(MemberId(1), 3)]);
        ledger.record_paper(&issue, &letters, now).unwrap();
        assert_eq!(ledger.on_paper(&issue).unwrap(), OnPaper { to_print: 1, posted: 0 });
        assert_eq!(
            (ledger.paper_posted(&issue, now).unwrap(), ledger.paper_posted(&issue, now).unwrap()),
            (1, 0)
        );
        ledger.record_paper(&issue, &letters, now).unwrap();
        assert_eq!(ledger.on_paper(&issue).unwrap(), OnPaper { to_print: 1, posted: 0 });
    }
}
