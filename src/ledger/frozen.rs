//! Stored counts of issues that are over: later imports, segments and `prune` do not change them.

use jiff::{SignedDuration, Timestamp};

use crate::domain::{Address, IssueName};

use super::db::ResultRow;
use super::members::corrupt;
use super::types::Stamp;
use super::{IssueSummary, Ledger, LedgerError};

/// How long after its last letter an issue may still change.
const SETTLES_IN: SignedDuration = SignedDuration::from_hours(30 * 24);

/// Whether the report on an issue was mailed to somebody.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MailedReport {
    /// A run was interrupted: the report may have arrived.
    Sending,
    Sent,
    Refused,
}

impl MailedReport {
    fn as_str(self) -> &'static str {
        match self {
            Self::Sending => "sending",
            Self::Sent => "sent",
            Self::Refused => "refused",
        }
    }
}

impl Ledger {
    /// The issues whose last letter was sent at least 30 days ago and whose counts are not stored yet.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn to_freeze(&self, now: Timestamp) -> Result<Vec<IssueName>, LedgerError> {
        let before = now.saturating_sub(SETTLES_IN).unwrap_or(Timestamp::MIN);
        let mut issues = Vec::new();
        for issue in self.issues()? {
            let is_over = self.last_letter(&issue)?.is_some_and(|last| last <= before);
            if is_over && self.frozen(&issue)?.is_none() {
                issues.push(issue);
            }
        }
        Ok(issues)
    }

    /// Stores the counts of an issue; counts stored before stay.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub fn freeze(
        &self,
        issue: &IssueName,
        summary: &IssueSummary,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        let counts = serde_json::to_string(summary).map_err(corrupt)?;
        let sql = "INSERT INTO frozen VALUES (?1, ?2, ?3) ON CONFLICT DO NOTHING";
        self.db.execute(sql, (issue, Stamp(now), counts))?;
        Ok(())
    }

    /// The stored counts of an issue, and the time when they were stored.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn frozen(&self, issue: &IssueName) -> Result<Option<(Timestamp, IssueSummary)>, LedgerError> {
        let sql = "SELECT at, counts FROM frozen WHERE issue = ?1";
        let row = |row: &ResultRow<'_>| Ok((row.get::<Stamp>(0)?, row.get::<String>(1)?));
        let found = self.db.optional(sql, [issue], row)?;
        let read =
            |(Stamp(at), counts): (Stamp, String)| Ok((at, serde_json::from_str(&counts).map_err(corrupt)?));
        found.map(read).transpose()
    }

    /// The issues with stored counts.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn frozen_issues(&self) -> Result<Vec<IssueName>, LedgerError> {
        self.db.list("SELECT issue FROM frozen ORDER BY issue", (), |row| row.get(0))
    }

    /// Whether the report on an issue was mailed to this address.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn mailed_report(
        &self,
        issue: &IssueName,
        to: &Address,
    ) -> Result<Option<MailedReport>, LedgerError> {
        let sql = "SELECT state FROM mailed_report WHERE issue = ?1 AND recipient = ?2";
        let state: Option<String> = self.db.optional(sql, (issue, to.key()), |row| row.get(0))?;
        Ok(state.map(|state| match state.as_str() {
            "sent" => MailedReport::Sent,
            "refused" => MailedReport::Refused,
            _ => MailedReport::Sending,
        }))
    }

    /// Records whether the report was mailed; `None` if it certainly was not, and a retry is due.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub fn set_mailed_report(
        &self,
        issue: &IssueName,
        to: &Address,
        state: Option<MailedReport>,
        now: Timestamp,
    ) -> Result<(), LedgerError> {
        match state {
            Some(state) => {
                let sql = "INSERT INTO mailed_report VALUES (?1, ?2, ?3, ?4)
                           ON CONFLICT (issue, recipient) DO UPDATE SET state = excluded.state, at = excluded.at";
                self.db.execute(sql, (issue, to.key(), state.as_str(), Stamp(now)))?;
            }
            None => {
                let sql = "DELETE FROM mailed_report WHERE issue = ?1 AND recipient = ?2";
                self.db.execute(sql, (issue, to.key()))?;
            }
        }
        Ok(())
    }
}

#[cfg(test)]
mod tests {
    use super::super::db::sqlite;
    use super::*;

    #[test]
    fn a_ledger_of_the_previous_version_is_counted_and_keeps_its_counts() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("l.db");
        sqlite::tests::write_older(
            &path,
            9,
                "INSERT INTO member (id, name, address, address_key, added_at, changed_at) VALUES
                     (1, 'Anna', 'a@example.org', 'a@example.org', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z'),
                     (2, 'Bo', NULL, NULL, '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z'),
                     (3, 'Cia', 'c@example.org', 'c@example.org', '2026-01-01T00:00:00Z', '2026-01-01T00:00:00Z'),
                     (4, 'Dan', 'd@example.org', 'd@example.org', '2026-06-01T00:00:00Z', '2026-06-01T00:00:00Z');
                 INSERT INTO delivery (issue, member, state, changed_at) VALUES
                     ('2026-1', 1, 'queued', '2026-04-15T06:00:00Z'), ('2026-1', 3, 'queued', '2026-04-15T06:00:00Z');
                 UPDATE delivery SET state = 'accepted';
                 INSERT INTO review VALUES ('2026-1', 'sent_to_all', '2026-04-15T06:00:00Z', '{}', '', 2);
                 INSERT INTO paper VALUES ('2026-1', 2, 'posted', 2, '2026-04-16T06:00:00Z');
                 INSERT INTO bounce (digest, position, at, file, kind, class, reason, issue, member, action) VALUES
                     ('x', 0, '2026-04-17T06:00:00Z', 'f', 'bounce', 'hard', 'user-unknown', '2026-1', 3, 'suppressed');",
        );
        let ledger = Ledger::open(&path).unwrap();
        let issue: IssueName = "2026-1".parse().unwrap();
        let at = |text: &str| text.parse::<Timestamp>().unwrap();
        assert!(ledger.to_freeze(at("2026-05-10T00:00:00Z")).unwrap().is_empty());
        assert_eq!(ledger.to_freeze(at("2026-05-17T00:00:00Z")).unwrap(), std::slice::from_ref(&issue));
        let summary = ledger.summary(&issue, &[], |_| None).unwrap();
        assert_eq!((summary.members, summary.sent, summary.reached, summary.on_paper), (3, 2, 2, 1));
        assert_eq!(summary.bounced["user-unknown"], 1);
        ledger.freeze(&issue, &summary, at("2026-05-17T00:00:00Z")).unwrap();
        ledger.freeze(&issue, &IssueSummary::default(), at("2026-06-17T00:00:00Z")).unwrap();
        assert_eq!(ledger.frozen(&issue).unwrap().unwrap().1, summary);
        assert!(ledger.to_freeze(at("2026-07-17T00:00:00Z")).unwrap().is_empty());
    }

    #[test]
    fn a_report_is_mailed_once_or_may_be_retried() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&dir.path().join("l.db")).unwrap();
        let (issue, now): (IssueName, _) = ("2026-1".parse().unwrap(), Timestamp::UNIX_EPOCH);
        let to = Address::parse("Styrelsen@example.se").unwrap();
        assert_eq!(ledger.mailed_report(&issue, &to).unwrap(), None);
        for state in [MailedReport::Sending, MailedReport::Sent, MailedReport::Refused] {
            ledger.set_mailed_report(&issue, &to, Some(state), now).unwrap();
            assert_eq!(ledger.mailed_report(&issue, &to).unwrap(), Some(state));
        }
        ledger.set_mailed_report(&issue, &to, None, now).unwrap();
        assert_eq!(ledger.mailed_report(&issue, &to).unwrap(), None);
    }
}
