//! Deliveries: queued once per issue and member, then moved from state to state.

use std::collections::HashSet;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use crate::domain::{Address, IssueName, Member, MemberId, State};

use super::db::ResultRow;
use super::members::{ISSUE_MEMBERS, MAILABLE, MEMBER_COLUMNS, member_row};
use super::types::Stamp;
use super::{Attempt, BounceAction, Ledger, LedgerError};

const A_WEEK: SignedDuration = SignedDuration::from_hours(7 * 24);

/// Whether the address of member `m` already got another member's letter of the issue `?1`. `SQLite` does not choose
/// the index by itself, and cannot use it to compare with a typed column: `||` removes the type.
pub(super) const SHARES_LETTER: &str = "EXISTS (SELECT 1 FROM delivery o INDEXED BY delivery_address
     WHERE o.issue = ?1 AND lower(o.address) = (m.address_key || '') AND o.address IS NOT NULL AND o.member <> m.id
     AND o.state IN ('sending', 'accepted', 'in_doubt'))";

/// Whether a delivery of the issue `?1` belongs to the same letter as that of member `?2`.
pub(super) const SAME_LETTER: &str = "(address IS NOT NULL
     AND lower(address) = (SELECT lower(address) FROM delivery WHERE issue = ?1 AND member = ?2)
     AND message_id = (SELECT message_id FROM delivery WHERE issue = ?1 AND member = ?2))";

/// Selects what [`delivery_row`] reads.
const DELIVERY_ROWS: &str = "SELECT d.member, m.name, coalesce(d.address, m.address), d.state, d.message_id,
     d.attempts, d.code, d.status, d.reply, d.changed_at, m.address
     FROM delivery d JOIN member m ON m.id = d.member";

/// Selects the members of an issue's deliveries `d` that were never tried and may be sent.
pub(super) fn untried_members() -> String {
    format!(
        "SELECT d.member FROM {ISSUE_MEMBERS} JOIN delivery d ON d.issue = ?1 AND d.member = m.id
         WHERE d.state IN ('queued', 'deferred') AND d.attempts = 0 AND {MAILABLE} AND NOT {SHARES_LETTER}"
    )
}

fn delivery_row(row: &ResultRow<'_>) -> Result<DeliveryRow, LedgerError> {
    let Stamp(since) = row.get(9)?;
    Ok(DeliveryRow {
        member: row.get(0)?,
        name: row.get(1)?,
        address: row.get(2)?,
        state: row.get(3)?,
        message_id: row.get(4)?,
        attempts: row.get(5)?,
        code: row.get(6)?,
        status: row.get(7)?,
        reply: row.get(8)?,
        since,
        present: row.get::<Option<String>>(10)?.and_then(|text| Address::parse(&text).ok()),
    })
}

/// The result of queueing a letter again.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Requeued {
    /// It was not queued: it is in another state meanwhile.
    No,
    Yes,
    /// It was queued, and this address is not suppressed any more.
    Lifted(String),
}

/// A delivery for reports.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct DeliveryRow {
    pub member: MemberId,
    pub name: String,
    /// The address that the letter was or would be sent to.
    pub address: Option<String>,
    /// The member's present address.
    #[serde(skip)]
    pub present: Option<Address>,
    pub state: State,
    pub message_id: Option<String>,
    pub attempts: u32,
    pub code: Option<u16>,
    pub status: Option<String>,
    pub reply: Option<String>,
    pub since: Timestamp,
}

impl DeliveryRow {
    /// The last attempt to send the letter of `issue`.
    pub fn attempt(&self, issue: &IssueName) -> Attempt {
        Attempt { issue: issue.clone(), member: self.member, number: self.attempts }
    }

    /// Tells whether the letter was sent to this address, or the member has it now.
    pub fn is_to(&self, address: &Address) -> bool {
        let key = address.key();
        self.address.as_ref().is_some_and(|sent| sent.to_lowercase() == key)
            || self.present.as_ref().is_some_and(|present| present.key() == key)
    }
}

impl Ledger {
    /// Calls `each` for every member who can be mailed and has no letter of the issue that was sent or may have been.
    ///
    /// # Errors
    /// Those of the ledger and of `each`.
    pub fn for_each_open<E: From<LedgerError>>(
        &self,
        issue: &IssueName,
        mut each: impl FnMut(Member) -> Result<(), E>,
    ) -> Result<(), E> {
        let sql = format!(
            "SELECT {MEMBER_COLUMNS} FROM {ISSUE_MEMBERS} LEFT JOIN delivery d ON d.issue = ?1 AND d.member = m.id
             WHERE {MAILABLE} AND (d.state IS NULL OR d.state IN ('queued', 'deferred')) AND NOT {SHARES_LETTER} ORDER BY m.id"
        );
        self.db.each(&sql, [issue], |row| each(member_row(row)?.member))
    }

    /// Queues a delivery for every open member who matches `is_recipient` and has none yet.
    ///
    /// # Errors
    /// If the ledger cannot be written; then none is queued.
    pub fn queue(
        &self,
        issue: &IssueName,
        now: Timestamp,
        is_recipient: impl Fn(&Member) -> bool,
    ) -> Result<(), LedgerError> {
        let transaction = self.begin()?;
        let sql = "INSERT INTO delivery (issue, member, state, changed_at) VALUES (?1, ?2, 'queued', ?3)
                   ON CONFLICT DO NOTHING";
        self.for_each_open(issue, |member| {
            if is_recipient(&member) {
                transaction.execute(sql, (issue, member.id, Stamp(now)))?;
            }
            Ok::<_, LedgerError>(())
        })?;
        transaction.commit()?;
        self.db.has_grown("delivery")
    }

    /// The next members after `after`, by id, whose letters were never tried and may be sent.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn claimable(
        &self,
        issue: &IssueName,
        after: MemberId,
        limit: usize,
    ) -> Result<Vec<Member>, LedgerError> {
        let sql = format!(
            "SELECT {MEMBER_COLUMNS} FROM {ISSUE_MEMBERS}
             JOIN delivery d ON d.issue = ?1 AND d.member = m.id
             WHERE d.member > ?2 AND d.state IN ('queued', 'deferred') AND d.attempts = 0
             AND {MAILABLE} AND NOT {SHARES_LETTER}
             ORDER BY d.member LIMIT ?3"
        );
        self.db.list(&sql, (issue, after, limit), |row| Ok(member_row(row)?.member))
    }

    /// The members who share an address and whose letter of the issue may be sent, by id.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn claimable_at(&self, issue: &IssueName, address: &Address) -> Result<Vec<Member>, LedgerError> {
        let sql = format!(
            "SELECT {MEMBER_COLUMNS} FROM {ISSUE_MEMBERS} JOIN delivery d ON d.issue = ?1 AND d.member = m.id
             WHERE m.address_key = ?2 AND d.state IN ('queued', 'deferred') AND {MAILABLE} AND NOT {SHARES_LETTER}
             ORDER BY m.id"
        );
        self.db.list(&sql, (issue, address.key()), |row| Ok(member_row(row)?.member))
    }

    /// The members whose letters were tried before and may be sent again, those with the fewest attempts first.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn tried_before(&self, issue: &IssueName) -> Result<Vec<MemberId>, LedgerError> {
        let sql = "SELECT member FROM delivery WHERE issue = ?1 AND state IN ('queued', 'deferred') AND attempts > 0
                   ORDER BY attempts, member";
        self.db.list(sql, [issue], |row| row.get(0))
    }

    /// The deliveries of an issue that are in `state`.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn deliveries(&self, issue: &IssueName, state: State) -> Result<Vec<DeliveryRow>, LedgerError> {
        let sql = format!("{DELIVERY_ROWS} WHERE d.issue = ?1 AND d.state = ?2 ORDER BY d.member");
        self.db.list(&sql, (issue, state), delivery_row)
    }

    /// The letters of an issue that were refused with a 5xx reply since the server last accepted one, in the order in
    /// which they were settled.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn refused_since_acceptance(&self, issue: &IssueName) -> Result<Vec<DeliveryRow>, LedgerError> {
        let sql = format!(
            "{DELIVERY_ROWS} WHERE d.issue = ?1 AND d.state IN ('deferred', 'rejected') AND d.code >= 500
             AND d.changed_at > coalesce(
                 (SELECT max(changed_at) FROM delivery WHERE issue = ?1 AND state = 'accepted'), '')
             ORDER BY d.changed_at, d.state, d.member"
        );
        let mut rows: Vec<DeliveryRow> = self.db.list(&sql, [issue], delivery_row)?;
        let mut letters = HashSet::new();
        rows.retain(|row| letters.insert(row.message_id.clone()));
        Ok(rows)
    }

    /// Applies a person's decision: a letter in doubt becomes accepted or queued again, and a rejected one queued,
    /// for all who share it. Returns false if the delivery is in another state.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub fn resolve(
        &self,
        issue: &IssueName,
        member: MemberId,
        state: State,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        let set = "UPDATE delivery SET state = ?3, reply = 'decided by hand', code = NULL, status = NULL, changed_at = ?4
                   WHERE issue = ?1 AND (state = 'in_doubt' OR state = 'rejected' AND ?3 = 'queued')";
        let sharing = format!(
            "{set} AND member <> ?2 AND {SAME_LETTER}
             AND state = (SELECT state FROM delivery WHERE issue = ?1 AND member = ?2)"
        );
        let values = (issue, member, state, Stamp(now));
        self.db.execute(&sharing, values)?;
        Ok(self.db.execute(&format!("{set} AND member = ?2"), values)? == 1)
    }

    /// The last attempts of all who share a letter, including the given one.
    fn attempts_of_letter(&self, attempt: &Attempt) -> Result<Vec<Attempt>, LedgerError> {
        let sql = format!(
            "SELECT member, attempts FROM delivery WHERE issue = ?1 AND (member = ?2 OR {SAME_LETTER})"
        );
        self.db.list(&sql, (&attempt.issue, attempt.member), |row| {
            Ok(Attempt { issue: attempt.issue.clone(), member: row.get(0)?, number: row.get(1)? })
        })
    }

    /// Queues a letter again that is in doubt or was rejected, and lifts the suppression caused by its refusal, since
    /// a person who retries has a reason to. A suppression by a bounce, a complaint or the owner's wish stays.
    ///
    /// # Errors
    /// If the ledger cannot be written; then nothing is changed.
    pub fn queue_again(&self, attempt: &Attempt, why: &str, now: Timestamp) -> Result<Requeued, LedgerError> {
        self.at_once(|ledger| {
            let sharing = ledger.attempts_of_letter(attempt)?;
            if !ledger.resolve(&attempt.issue, attempt.member, State::Queued, now)? {
                return Ok(Requeued::No);
            }
            let suppressed = sharing.iter().map(|attempt| ledger.suppressed_by(attempt));
            let Some(address) = suppressed.collect::<Result<Vec<_>, _>>()?.into_iter().flatten().next()
            else {
                return Ok(Requeued::Yes);
            };
            Ok(match Address::parse(&address) {
                Ok(parsed) if ledger.lift_suppression(attempt.member, &parsed, why, now)? => {
                    Requeued::Lifted(address)
                }
                _ => Requeued::Yes,
            })
        })
    }

    /// The address that is suppressed because of this attempt's refusal.
    fn suppressed_by(&self, attempt: &Attempt) -> Result<Option<String>, LedgerError> {
        let sql = "SELECT s.address FROM bounce b JOIN suppression s ON s.address_key = lower(b.address)
                   WHERE b.digest = ?1 AND b.action = ?2 AND s.reason = 'hard_bounce'";
        let values = (attempt.digest(), BounceAction::Suppressed);
        self.db.optional(sql, values, |row| row.get(0))
    }

    /// When letters of any issue were handed to the relay between `since` and `now`, oldest first. Later times were
    /// recorded while the clock was ahead. Times older than a week are deleted; a clock that is a day ahead deletes
    /// none that matter.
    ///
    /// # Errors
    /// If the ledger cannot be read or written.
    pub fn handed_over(&self, since: Timestamp, now: Timestamp) -> Result<Vec<Timestamp>, LedgerError> {
        let long_ago =
            since.as_millisecond().saturating_sub(i64::try_from(A_WEEK.as_millis()).unwrap_or(i64::MAX));
        self.db.execute("DELETE FROM handed_over WHERE at < ?1", [long_ago])?;
        let sql = "SELECT at FROM handed_over WHERE at BETWEEN ?1 AND ?2 ORDER BY at";
        let span = (since.as_millisecond(), now.as_millisecond());
        let times: Vec<i64> = self.db.list(sql, span, |row| row.get(0))?;
        Ok(times.into_iter().filter_map(|at| Timestamp::from_millisecond(at).ok()).collect())
    }

    /// Tells whether the issue has deliveries.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn has_deliveries(&self, issue: &IssueName) -> Result<bool, LedgerError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM delivery WHERE issue = ?1)";
        self.db.one(sql, [issue], |row| row.get(0))
    }

    /// The state of one delivery and the number of its attempts; `None` if there is none.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn progress_of(
        &self,
        issue: &IssueName,
        member: MemberId,
    ) -> Result<Option<(State, u32)>, LedgerError> {
        let sql = "SELECT state, attempts FROM delivery WHERE issue = ?1 AND member = ?2";
        self.db.optional(sql, (issue, member), |row| Ok((row.get(0)?, row.get(1)?)))
    }

    /// Tells whether an address has or may have a letter of the issue, whichever member it was for.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn has_letter(&self, issue: &IssueName, address: &Address) -> Result<bool, LedgerError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM delivery INDEXED BY delivery_address
                   WHERE issue = ?1 AND lower(address) = ?2
                   AND address IS NOT NULL AND state IN ('sending', 'accepted', 'in_doubt'))";
        self.db.one(sql, (issue, address.key()), |row| row.get(0))
    }

    /// Records by a person's decision that a letter which only the send log knows was accepted; false if the ledger
    /// has another outcome for it.
    ///
    /// # Errors
    /// If the ledger cannot be written; then nothing is recorded.
    pub fn accept_from_log(
        &self,
        issue: &IssueName,
        member: MemberId,
        address: &Address,
        message_id: &str,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        self.at_once(|ledger| {
            let sql = "INSERT INTO delivery (issue, member, state, changed_at) VALUES (?1, ?2, 'queued', ?3)
                       ON CONFLICT DO NOTHING";
            ledger.db.execute(sql, (issue, member, Stamp(now)))?;
            let sql =
                "UPDATE delivery SET state = 'accepted', address = ?3, message_id = ?4, changed_at = ?5,
                       reply = 'accepted, says the send log', code = NULL, status = NULL
                       WHERE issue = ?1 AND member = ?2 AND state IN ('queued', 'sending', 'in_doubt')";
            let values = (issue, member, address.as_str(), message_id, Stamp(now));
            Ok(ledger.db.execute(sql, values)? == 1)
        })
    }

    /// Counts a letter outside any issue, such as a test letter, towards the quotas.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub fn count_handed_over(&self, now: Timestamp) -> Result<(), LedgerError> {
        self.db.execute("INSERT INTO handed_over VALUES (?1)", [now.as_millisecond()])?;
        Ok(())
    }

    /// Tells whether a letter of the issue was or may have been sent.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn has_left(&self, issue: &IssueName) -> Result<bool, LedgerError> {
        self.has_in(issue, &[State::Accepted, State::InDoubt, State::Sending])
    }

    /// Tells whether a delivery of the issue is in one of these states.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn has_in(&self, issue: &IssueName, states: &[State]) -> Result<bool, LedgerError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM delivery WHERE issue = ?1 AND state = ?2)";
        for state in states {
            if self.db.one(sql, (issue, state), |row| row.get(0))? {
                return Ok(true);
            }
        }
        Ok(false)
    }

    /// The issues with deliveries.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn issues(&self) -> Result<Vec<IssueName>, LedgerError> {
        self.db.list("SELECT DISTINCT issue FROM delivery ORDER BY issue", (), |row| row.get(0))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// Without the index, each letter would be compared with every other one.
    #[test]
    fn letters_of_an_address_are_found_by_the_index() {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&dir.path().join("ledger.db")).unwrap();
        let sql = format!("EXPLAIN QUERY PLAN SELECT m.id FROM member m WHERE {SHARES_LETTER}");
        let steps: Vec<String> = ledger.db.list(&sql, ["2026-1"], |row| row.get(3)).unwrap();
        assert!(
            steps.iter().any(|step| step.contains("delivery_address (issue=? AND <expr>=?)")),
            "{steps:?}"
        );
    }
}
