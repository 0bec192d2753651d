//! Letters in transit: a letter is claimed, delivered and settled; the triggers of the schema allow nothing else.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::{IssueName, Letter, MemberId, Outcome, Quota, Reply, State, Suppression};

use super::db::Db;
use super::deliveries::SAME_LETTER;
use super::types::Stamp;
use super::{BounceAction, BounceRecord, Ledger, LedgerError, ReviewKind, bounces, suppressions};

/// The number of a run; only the newest run may claim letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct RunId(i64);

/// One attempt to send one issue's letter to one member.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Attempt {
    pub issue: IssueName,
    pub member: MemberId,
    /// Counted from 1.
    pub number: u32,
}

/// A letter that may be sent: it is durably recorded as in transit.
#[derive(Debug)]
#[must_use = "a claimed letter stays in doubt until it is settled"]
pub struct Claim {
    attempt: Attempt,
    letter: Letter,
}

/// The result of an attempt to claim a letter.
#[derive(Debug)]
pub enum Claimed {
    Letter(Claim),
    /// The delivery is not open any more, or the member has left, is suppressed or has a new address.
    Closed,
    /// The issue was cancelled.
    Cancelled,
    /// The hosts together have used up a quota until this time.
    Full(Quota, Timestamp),
}

/// The consequences of a permanent refusal for the register, recorded together with the letter's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub record: BounceRecord,
    /// Set if the address is dead.
    pub suppression: Option<Suppression>,
}

/// The outcome of a claimed letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Settlement {
    pub attempt: Attempt,
    /// Members who share the letter.
    #[serde(default)]
    pub others: Vec<MemberId>,
    pub outcome: Outcome,
    pub refusal: Option<Refusal>,
    pub at: Timestamp,
}

/// The record of a letter's outcome.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settled {
    /// False if a person has decided about the letter meanwhile; then that decision stays.
    pub is_recorded: bool,
    /// The refusal as recorded.
    pub bounce: Option<BounceRecord>,
}

impl Claim {
    pub(super) fn new(attempt: Attempt, letter: Letter) -> Self {
        Self { attempt, letter }
    }

    /// The letter.
    pub fn letter(&self) -> &Letter {
        &self.letter
    }

    /// The attempt that was claimed.
    pub fn attempt(&self) -> &Attempt {
        &self.attempt
    }

    pub(super) fn into_parts(self) -> (Attempt, Vec<MemberId>) {
        (self.attempt, self.letter.others)
    }
}

impl Ledger {
    /// Starts a run: from now on no earlier one can claim a letter.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub fn begin_run(&self, issue: &IssueName, now: Timestamp) -> Result<RunId, LedgerError> {
        let sql = "INSERT INTO run (issue, began_at) VALUES (?1, ?2) RETURNING id";
        self.db.one(sql, (issue, Stamp(now)), |row| row.get(0)).map(RunId)
    }

    /// Whether a server, `host:port`, tolerates the next envelope together with a final dot, if a run has tried it
    /// since `since`.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn look_ahead(&self, server: &str, since: Timestamp) -> Result<Option<bool>, LedgerError> {
        let sql = "SELECT look_ahead FROM server WHERE name = ?1 AND at >= ?2";
        self.db.optional(sql, (server, Stamp(since)), |row| row.get(0))
    }

    /// Records whether a server tolerates look-ahead.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub fn keep_look_ahead(&self, server: &str, tolerates: bool, now: Timestamp) -> Result<(), LedgerError> {
        let sql = "INSERT INTO server VALUES (?1, ?2, ?3)
                   ON CONFLICT (name) DO UPDATE SET look_ahead = excluded.look_ahead, at = excluded.at";
        self.db.execute(sql, (server, tolerates, Stamp(now)))?;
        Ok(())
    }

    /// Cleans up after a dead run: records the outcomes that it could not record, and marks the letters it left in
    /// transit as in doubt. Returns the number of those letters by issue. Only for the holder of the lock.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub fn recover(&self, now: Timestamp) -> Result<BTreeMap<IssueName, u64>, LedgerError> {
        self.record_spooled()?;
        if self.is_shared() {
            self.db.doubt_ownerless(&Stamp(now).to_string())?;
            return self.bury_dead_hosts(now);
        }
        let sql = "UPDATE delivery SET state = 'in_doubt', changed_at = ?1,
                   reply = 'the run was cut off while the letter was on its way' WHERE state = 'sending'
                   RETURNING issue, message_id";
        let letters: BTreeSet<(IssueName, String)> =
            self.db.list(sql, [Stamp(now)], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let mut interrupted = BTreeMap::new();
        letters.into_iter().for_each(|(issue, _)| *interrupted.entry(issue).or_default() += 1);
        Ok(interrupted)
    }

    /// Corrects the state of a letter that this attempt has settled: a deferred one was refused for the recipient's
    /// own reason after all, with its `refusal`, or a rejected one was not, and the consequences of its refusal are
    /// undone. `None` if the letter has changed meanwhile.
    ///
    /// # Errors
    /// If the ledger cannot be written; then nothing is changed.
    pub fn correct(
        &self,
        attempt: &Attempt,
        outcome: &Outcome,
        refusal: Option<&Refusal>,
        now: Timestamp,
    ) -> Result<Option<Settled>, LedgerError> {
        let to = State::from(outcome);
        let from = if to == State::Rejected { State::Deferred } else { State::Rejected };
        self.at_once(|ledger| {
            let sql = "UPDATE delivery SET state = ?5, changed_at = ?6
                       WHERE issue = ?1 AND member = ?2 AND attempts = ?3 AND state = ?4";
            let values = (&attempt.issue, attempt.member, attempt.number, from, to, Stamp(now));
            if ledger.db.execute(sql, values)? == 0 {
                return Ok(None);
            }
            let sql = format!(
                "UPDATE delivery INDEXED BY delivery_address SET state = ?3, changed_at = ?4
                 WHERE issue = ?1 AND member <> ?2 AND state = ?5 AND {SAME_LETTER}"
            );
            let values = (&attempt.issue, attempt.member, to, Stamp(now), from);
            ledger.db.execute(&sql, values)?;
            if to == State::Deferred {
                take_back(&ledger.db, attempt)?;
            }
            let bounce = refusal.map(|refusal| record(&ledger.db, refusal, now)).transpose()?;
            Ok(Some(Settled { is_recorded: true, bounce }))
        })
    }
}

/// Claims a queued or deferred delivery.
pub(super) fn claim(
    db: &Db,
    run: RunId,
    issue: &IssueName,
    letter: &Letter,
    quotas: &[Quota],
    now: Timestamp,
) -> Result<Taken, LedgerError> {
    if !may_claim(db, run)? {
        return Err(LedgerError::OtherRun);
    }
    let sql = "SELECT EXISTS (SELECT 1 FROM review WHERE issue = ?1 AND kind = ?2)";
    let values = (issue, ReviewKind::Cancelled);
    if db.one(sql, values, |row| row.get(0))? {
        return Ok(Taken::Cancelled);
    }
    if let Some((quota, until)) = used_up(db, quotas)? {
        return Ok(Taken::Full(quota, until));
    }
    if !letter.others.is_empty() {
        return claim_together(db, issue, letter, now);
    }
    let number = claim_one(db, issue, letter.member, letter, now)?;
    let Some(number) = number else { return Ok(Taken::Closed) };
    count_handed_over(db, now)?;
    Ok(Taken::Attempt(number))
}

/// Tells whether a run has not been superseded by another one, and its host has not been found dead.
fn may_claim(db: &Db, run: RunId) -> Result<bool, LedgerError> {
    if db.host().is_some() {
        return db.is_alive();
    }
    let newest: Option<i64> = db.one("SELECT max(id) FROM run", (), |row| row.get(0))?;
    Ok(newest == Some(run.0))
}

/// The time at which a quota allows one more letter; `None` if all allow one now. Letters of all hosts count, by the
/// server's clock.
fn used_up(db: &Db, quotas: &[Quota]) -> Result<Option<(Quota, Timestamp)>, LedgerError> {
    let Some(now) = db.clock()?.filter(|_| !quotas.is_empty()) else { return Ok(None) };
    // A separate statement, so that the count includes what others committed while this one waited.
    db.lock_quotas()?;
    for quota in quotas {
        let span = i64::try_from(quota.span().as_millis()).unwrap_or(i64::MAX);
        let sql = "SELECT at FROM handed_over WHERE at > ?1 ORDER BY at DESC LIMIT 1 OFFSET ?2";
        let values = (now.saturating_sub(span), quota.letters.saturating_sub(1));
        if let Some(oldest) = db.optional(sql, values, |row| row.get::<i64>(0))? {
            let until = Timestamp::from_millisecond(oldest.saturating_add(span));
            return Ok(Some((*quota, until.unwrap_or(Timestamp::MAX))));
        }
    }
    Ok(None)
}

/// Claims the deliveries of all who share a letter, or none.
fn claim_together(db: &Db, issue: &IssueName, letter: &Letter, now: Timestamp) -> Result<Taken, LedgerError> {
    db.batch("SAVEPOINT household")?;
    let lead = claim_one(db, issue, letter.member, letter, now)?;
    let mut are_all = lead.is_some();
    for other in &letter.others {
        are_all = are_all && claim_one(db, issue, *other, letter, now)?.is_some();
    }
    if !are_all {
        db.batch("ROLLBACK TO household")?;
    }
    db.batch("RELEASE household")?;
    match lead.filter(|_| are_all) {
        Some(number) => {
            count_handed_over(db, now)?;
            Ok(Taken::Attempt(number))
        }
        None => Ok(Taken::Closed),
    }
}

fn count_handed_over(db: &Db, now: Timestamp) -> Result<(), LedgerError> {
    let at = db.clock()?.unwrap_or(now.as_millisecond());
    db.execute("INSERT INTO handed_over VALUES (?1)", [at])?;
    Ok(())
}

/// Claims one member's delivery; returns the attempt's number, or `None` if the delivery is not open.
fn claim_one(
    db: &Db,
    issue: &IssueName,
    member: MemberId,
    letter: &Letter,
    now: Timestamp,
) -> Result<Option<u32>, LedgerError> {
    let owner = db.host().map(|host| format!(", host = {host}")).unwrap_or_default();
    let sql = format!(
        "UPDATE delivery SET state = 'sending'{owner}, address = ?3, message_id = ?4,
               attempts = attempts + 1, changed_at = ?6
               WHERE issue = ?1 AND member = ?2 AND state IN ('queued', 'deferred')
               AND EXISTS (SELECT 1 FROM member WHERE id = ?2 AND active = 1 AND address_key = ?5)
               AND NOT EXISTS (SELECT 1 FROM suppression WHERE address_key = ?5
                               AND (reason NOT IN ('unsubscribed', 'complaint')
                                    OR NOT EXISTS (SELECT 1 FROM notice WHERE issue = ?1)))
               AND NOT EXISTS (SELECT 1 FROM opted_out WHERE member = ?2
                               AND (reason NOT IN ('unsubscribed', 'complaint')
                                    OR NOT EXISTS (SELECT 1 FROM notice WHERE issue = ?1)))
               AND NOT EXISTS (SELECT 1 FROM held WHERE member = ?2)
               AND NOT EXISTS (SELECT 1 FROM delivery o INDEXED BY delivery_address
                               WHERE o.issue = ?1 AND lower(o.address) = ?5
                               AND o.address IS NOT NULL AND o.member <> ?2
                               AND NOT (o.state = 'sending' AND o.message_id = ?4)
                               AND o.state IN ('sending', 'accepted', 'in_doubt'))
               RETURNING attempts"
    );
    let (address, key) = (letter.recipient.as_str(), letter.recipient.key());
    let values = (issue, member, address, &letter.message_id, key, Stamp(now));
    db.optional(&sql, values, |row| row.get(0))
}

/// Like [`Claimed`], without the letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    Attempt(u32),
    Closed,
    Cancelled,
    Full(Quota, Timestamp),
}

/// Records the outcome of a letter of this attempt, with the consequences of a refusal.
pub(super) fn settle(db: &Db, settlement: &Settlement) -> Result<Settled, LedgerError> {
    let Settlement { attempt, others, outcome, refusal, at } = settlement;
    let Reply { code, status, text } = outcome.reply();
    let sql = "UPDATE delivery SET state = ?4, code = ?5, status = ?6, reply = ?7, changed_at = ?8
               WHERE issue = ?1 AND member = ?2 AND attempts = ?3 AND state IN ('sending', 'in_doubt')
               AND state <> ?4";
    let state = State::from(outcome);
    let values = (&attempt.issue, attempt.member, attempt.number, state, code, status, text, Stamp(*at));
    if db.execute(sql, values)? == 0 {
        return Ok(Settled::default());
    }
    let sql = "UPDATE delivery SET state = ?4, code = ?5, status = ?6, reply = ?7, changed_at = ?8
               WHERE issue = ?1 AND member = ?2 AND state IN ('sending', 'in_doubt') AND state <> ?4 AND message_id =
               (SELECT message_id FROM delivery WHERE issue = ?1 AND member = ?3)";
    for other in others {
        let values = (&attempt.issue, other, attempt.member, state, code, status, text, Stamp(*at));
        db.execute(sql, values)?;
    }
    let refusal = refusal.as_ref().filter(|_| state == State::Rejected);
    let bounce = refusal.map(|refusal| record(db, refusal, *at)).transpose()?;
    Ok(Settled { is_recorded: true, bounce })
}

fn record(db: &Db, refusal: &Refusal, now: Timestamp) -> Result<BounceRecord, LedgerError> {
    let action = match &refusal.suppression {
        Some(dead) if suppressions::add(db, dead)? => BounceAction::Suppressed,
        Some(_) => BounceAction::AlreadySuppressed,
        None => BounceAction::Counted,
    };
    let record = BounceRecord { action, ..refusal.record.clone() };
    bounces::add(db, &record, now)?;
    Ok(record)
}

/// Undoes the consequences of an attempt's refusal: its record, and the suppression that it caused.
fn take_back(db: &Db, attempt: &Attempt) -> Result<(), LedgerError> {
    let digest = attempt.digest();
    let sql = "DELETE FROM suppression WHERE reason = 'hard_bounce' AND address_key IN (
               SELECT lower(address) FROM bounce WHERE digest = ?1 AND action = ?2)";
    db.execute(sql, (&digest, BounceAction::Suppressed))?;
    db.execute("DELETE FROM bounce WHERE digest = ?1", [&digest])?;
    Ok(())
}

impl Attempt {
    /// The identifier for the record of this attempt's refusal, like a message's digest for a bounce.
    pub fn digest(&self) -> String {
        let Self { issue, member, number } = self;
        crate::domain::Sha256::of(format!("{issue} {member} {number}").as_bytes())
    }
}
