//! Letters on their way: a letter is claimed, delivered and settled; the triggers of the schema allow nothing else.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, named_params};
use serde::{Deserialize, Serialize};

use crate::domain::{IssueName, Letter, MemberId, Outcome, Reply, State, Suppression};

use super::deliveries::SAME_LETTER;
use super::types::Stamp;
use super::{BounceAction, BounceRecord, Ledger, LedgerError, ReviewKind, bounces, suppressions};

/// The number of a run; only the newest may claim letters.
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

/// A letter that may go out: it is durably recorded as on its way.
#[derive(Debug)]
#[must_use = "a claimed letter stays in doubt until it is settled"]
pub struct Claim {
    attempt: Attempt,
    letter: Letter,
}

/// What became of an attempt to claim a letter.
#[derive(Debug)]
pub enum Claimed {
    Letter(Claim),
    /// The delivery is not open any more, or the member has left, has another address or is suppressed.
    Closed,
    /// The issue was cancelled.
    Cancelled,
}

/// What a final refusal means for the register; it is recorded with the letter's state.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Refusal {
    pub record: BounceRecord,
    /// Set if the address is dead.
    pub suppression: Option<Suppression>,
}

/// How a claimed letter ended.
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

/// What was recorded of a letter's end.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Settled {
    /// False if a person has decided about the letter meanwhile; then the decision stays.
    pub is_recorded: bool,
    /// The refusal, as it was recorded.
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

    /// Which attempt this is.
    pub fn attempt(&self) -> &Attempt {
        &self.attempt
    }

    pub(super) fn into_parts(self) -> (Attempt, Vec<MemberId>) {
        (self.attempt, self.letter.others)
    }
}

impl Ledger {
    /// Begins a run: from now on no earlier one can claim a letter.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub fn begin_run(&self, issue: &IssueName, now: Timestamp) -> Result<RunId, LedgerError> {
        let sql = "INSERT INTO run (issue, began_at) VALUES (?1, ?2) RETURNING id";
        Ok(RunId(self.connection.query_row(sql, (issue, Stamp(now)), |row| row.get(0))?))
    }

    /// Whether a server, `host:port`, tolerates the next envelope together with a final dot, if a run has tried it since `since`.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn look_ahead(&self, server: &str, since: Timestamp) -> Result<Option<bool>, LedgerError> {
        let sql = "SELECT look_ahead FROM server WHERE name = ?1 AND at >= ?2";
        Ok(self.connection.query_row(sql, (server, Stamp(since)), |row| row.get(0)).optional()?)
    }

    /// Records whether a server tolerates it.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub fn keep_look_ahead(&self, server: &str, tolerates: bool, now: Timestamp) -> Result<(), LedgerError> {
        let sql = "INSERT OR REPLACE INTO server VALUES (?1, ?2, ?3)";
        self.connection.execute(sql, (server, tolerates, Stamp(now)))?;
        Ok(())
    }

    /// Clears up after a run that died: outcomes that it could not record are recorded, and letters that it left on
    /// their way are in doubt. Returns how many letters those are, by issue. Only for the holder of the lock.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub fn recover(&self, now: Timestamp) -> Result<BTreeMap<IssueName, u64>, LedgerError> {
        self.record_spooled()?;
        let sql = "UPDATE delivery SET state = 'in_doubt', changed_at = ?1,
                   reply = 'the run was cut off while the letter was on its way' WHERE state = 'sending'
                   RETURNING issue, message_id";
        let mut statement = self.connection.prepare(sql)?;
        let found = statement.query_map([Stamp(now)], |row| Ok((row.get(0)?, row.get(1)?)))?;
        let letters: BTreeSet<(IssueName, String)> = found.collect::<Result<_, _>>()?;
        let mut interrupted = BTreeMap::new();
        letters.into_iter().for_each(|(issue, _)| *interrupted.entry(issue).or_default() += 1);
        Ok(interrupted)
    }

    /// Corrects a letter that this attempt has settled: a deferred one was the recipient's own refusal after all, with
    /// its `refusal`, or a rejected one was not, and what its refusal did is taken back. `None` if it has changed
    /// meanwhile.
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
            if ledger.connection.execute(sql, values)? == 0 {
                return Ok(None);
            }
            let sql = format!(
                "UPDATE delivery INDEXED BY delivery_address SET state = ?3, changed_at = ?4
                 WHERE issue = ?1 AND member <> ?2 AND state = ?5 AND {SAME_LETTER}"
            );
            let values = (&attempt.issue, attempt.member, to, Stamp(now), from);
            ledger.connection.execute(&sql, values)?;
            if to == State::Deferred {
                take_back(&ledger.connection, attempt)?;
            }
            let bounce = refusal.map(|refusal| record(&ledger.connection, refusal, now)).transpose()?;
            Ok(Some(Settled { is_recorded: true, bounce }))
        })
    }
}

/// Takes a queued or deferred delivery.
pub(super) fn claim(
    connection: &Connection,
    run: RunId,
    issue: &IssueName,
    letter: &Letter,
    now: Timestamp,
) -> Result<Taken, LedgerError> {
    let newest = "SELECT max(id) FROM run";
    let newest: Option<i64> = connection.prepare_cached(newest)?.query_row((), |row| row.get(0))?;
    if newest != Some(run.0) {
        return Err(LedgerError::OtherRun);
    }
    let sql = "SELECT EXISTS (SELECT 1 FROM review WHERE issue = ?1 AND kind = ?2)";
    let values = (issue, ReviewKind::Cancelled);
    if connection.prepare_cached(sql)?.query_row(values, |row| row.get(0))? {
        return Ok(Taken::Cancelled);
    }
    if !letter.others.is_empty() {
        return claim_together(connection, issue, letter, now);
    }
    let number = claim_one(connection, issue, letter.member, letter, now)?;
    let Some(number) = number else { return Ok(Taken::Closed) };
    count_handed_over(connection, now)?;
    Ok(Taken::Attempt(number))
}

/// Takes the deliveries of all who share a letter, or none.
fn claim_together(
    connection: &Connection,
    issue: &IssueName,
    letter: &Letter,
    now: Timestamp,
) -> Result<Taken, LedgerError> {
    connection.execute_batch("SAVEPOINT household")?;
    let lead = claim_one(connection, issue, letter.member, letter, now)?;
    let mut are_all = lead.is_some();
    for other in &letter.others {
        are_all = are_all && claim_one(connection, issue, *other, letter, now)?.is_some();
    }
    if !are_all {
        connection.execute_batch("ROLLBACK TO household")?;
    }
    connection.execute_batch("RELEASE household")?;
    match lead.filter(|_| are_all) {
        Some(number) => {
            count_handed_over(connection, now)?;
            Ok(Taken::Attempt(number))
        }
        None => Ok(Taken::Closed),
    }
}

fn count_handed_over(connection: &Connection, now: Timestamp) -> Result<(), LedgerError> {
    connection.prepare_cached("INSERT INTO handed_over VALUES (?1)")?.execute([now.as_millisecond()])?;
    Ok(())
}

/// Takes one member's delivery for a letter; returns the attempt's number, or `None` if it is not open.
fn claim_one(
    connection: &Connection,
    issue: &IssueName,
    member: MemberId,
    letter: &Letter,
    now: Timestamp,
) -> Result<Option<u32>, LedgerError> {
    let sql = "UPDATE delivery SET state = 'sending', address = :address, message_id = :message_id,
               attempts = attempts + 1, changed_at = :now
               WHERE issue = :issue AND member = :member AND state IN ('queued', 'deferred')
               AND EXISTS (SELECT 1 FROM member WHERE id = :member AND active = 1 AND address_key = :key)
               AND NOT EXISTS (SELECT 1 FROM suppression WHERE address_key = :key
                               AND (reason NOT IN ('unsubscribed', 'complaint')
                                    OR NOT EXISTS (SELECT 1 FROM notice WHERE issue = :issue)))
               AND NOT EXISTS (SELECT 1 FROM opted_out WHERE member = :member
                               AND (reason NOT IN ('unsubscribed', 'complaint')
                                    OR NOT EXISTS (SELECT 1 FROM notice WHERE issue = :issue)))
               AND NOT EXISTS (SELECT 1 FROM held WHERE member = :member)
               AND NOT EXISTS (SELECT 1 FROM delivery o INDEXED BY delivery_address
                               WHERE o.issue = :issue AND lower(o.address) = :key
                               AND o.address IS NOT NULL AND o.member <> :member
                               AND NOT (o.state = 'sending' AND o.message_id = :message_id)
                               AND o.state IN ('sending', 'accepted', 'in_doubt'))
               RETURNING attempts";
    let claimed = connection.prepare_cached(sql)?.query_row(
        named_params! {
            ":issue": issue,
            ":member": member,
            ":address": letter.recipient.as_str(),
            ":message_id": letter.message_id,
            ":key": letter.recipient.key(),
            ":now": Stamp(now),
        },
        |row| row.get(0),
    );
    Ok(claimed.optional()?)
}

/// The same as [`Claimed`], without the letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Taken {
    Attempt(u32),
    Closed,
    Cancelled,
}

/// Records how a letter of this attempt ended, with what its refusal means.
pub(super) fn settle(connection: &Connection, settlement: &Settlement) -> Result<Settled, LedgerError> {
    let Settlement { attempt, others, outcome, refusal, at } = settlement;
    let Reply { code, status, text } = outcome.reply();
    let sql = "UPDATE delivery SET state = ?4, code = ?5, status = ?6, reply = ?7, changed_at = ?8
               WHERE issue = ?1 AND member = ?2 AND attempts = ?3 AND state IN ('sending', 'in_doubt')
               AND state <> ?4";
    let state = State::from(outcome);
    let values = (&attempt.issue, attempt.member, attempt.number, state, code, status, text, Stamp(*at));
    if connection.prepare_cached(sql)?.execute(values)? == 0 {
        return Ok(Settled::default());
    }
    let sql = "UPDATE delivery SET state = ?4, code = ?5, status = ?6, reply = ?7, changed_at = ?8
               WHERE issue = ?1 AND member = ?2 AND state IN ('sending', 'in_doubt') AND state <> ?4 AND message_id =
               (SELECT message_id FROM delivery WHERE issue = ?1 AND member = ?3)";
    for other in others {
        let values = (&attempt.issue, other, attempt.member, state, code, status, text, Stamp(*at));
        connection.prepare_cached(sql)?.execute(values)?;
    }
    let refusal = refusal.as_ref().filter(|_| state == State::Rejected);
    let bounce = refusal.map(|refusal| record(connection, refusal, *at)).transpose()?;
    Ok(Settled { is_recorded: true, bounce })
}

fn record(connection: &Connection, refusal: &Refusal, now: Timestamp) -> Result<BounceRecord, LedgerError> {
    let action = match &refusal.suppression {
        Some(dead) if suppressions::add(connection, dead)? => BounceAction::Suppressed,
        Some(_) => BounceAction::AlreadySuppressed,
        None => BounceAction::Counted,
    };
    let record = BounceRecord { action, ..refusal.record.clone() };
    bounces::add(connection, &record, now)?;
    Ok(record)
}

/// Takes back what the refusal of an attempt did: its record, and the suppression that it made.
fn take_back(connection: &Connection, attempt: &Attempt) -> Result<(), LedgerError> {
    let digest = attempt.digest();
    let sql = "DELETE FROM suppression WHERE reason = 'hard_bounce' AND address_key IN (
               SELECT lower(address) FROM bounce WHERE digest = ?1 AND action = ?2)";
    connection.execute(sql, (&digest, BounceAction::Suppressed))?;
    connection.execute("DELETE FROM bounce WHERE digest = ?1", [&digest])?;
    Ok(())
}

impl Attempt {
    /// What identifies the record of a refusal of this attempt, as a message's digest identifies a bounce.
    pub fn digest(&self) -> String {
        let Self { issue, member, number } = self;
        crate::domain::Sha256::of(format!("{issue} {member} {number}").as_bytes())
    }
}
