//! The refusals of a run so far: which are the recipients' own, and whether the run should continue.

use std::collections::BTreeSet;
use std::sync::{Mutex, MutexGuard, PoisonError};

use crate::diagnosis::{About, about, masked};
use crate::domain::Outcome;
use crate::ledger::Attempt;
use crate::relay::{After, Delivered};

use super::SettledLetter;

/// This many unclear refusals with the same words are about us.
const HELD_IN_A_ROW: usize = 3;
const HELD_DOMAINS: usize = 2;
/// This many refusals of any kind, without an acceptance in between, are about us.
const REFUSED_IN_A_ROW: usize = 10;
const REFUSED_DOMAINS: usize = 3;
/// This many broken connections in a row after the final dot end the run.
const TOO_MANY_DOUBTS: u64 = 5;

/// Counts over all connections and rounds of a run, in the order in which letters are settled.
#[derive(Debug, Default)]
pub(super) struct Tally(Mutex<RunCounts>);

#[derive(Debug, Default)]
struct RunCounts {
    /// Whether the server has accepted a letter of the issue, in this run or before.
    has_accepted: bool,
    /// Letters in doubt since the last accepted one.
    doubtful: u64,
    /// Refusals of unknown kind since the last accepted letter: their letters are deferred.
    held: Vec<Refused>,
    /// Refusals of recipients since the last accepted letter: their letters are rejected.
    streak: Vec<Refused>,
    corrections: Vec<StateCorrection>,
}

/// A refused letter.
#[derive(Debug, Clone)]
struct Refused {
    event: SettledLetter,
    attempt: Attempt,
    words: String,
    domain: String,
}

/// A letter that turned out to be settled in the wrong state.
#[derive(Debug, Clone)]
pub(super) struct StateCorrection {
    /// The letter with the right outcome.
    pub event: SettledLetter,
    pub attempt: Attempt,
}

impl Tally {
    /// A tally for an issue, which may have accepted letters already.
    pub fn new(has_accepted: bool) -> Self {
        Self(Mutex::new(RunCounts { has_accepted, ..RunCounts::default() }))
    }

    /// Adds a refusal of an earlier run, so that a kill, a quota or a small selection does not reset the count.
    pub fn recall(&self, event: &SettledLetter, attempt: &Attempt) {
        let mut counts = self.counts();
        let refused = Refused::new(event, attempt);
        match (&event.outcome, about(event.outcome.reply())) {
            (Outcome::Deferred(_), About::Unknown) => counts.held.push(refused),
            (Outcome::Rejected(_), About::Recipient) => counts.streak.push(refused),
            _ => {}
        }
    }

    /// Decides what an outcome means for the letter and for the run, before more members are affected. `event` makes
    /// the event of an outcome.
    pub fn judge(
        &self,
        delivered: Delivered,
        attempt: &Attempt,
        event: impl FnOnce(Outcome) -> SettledLetter,
    ) -> (SettledLetter, After) {
        let mut counts = self.counts();
        let Delivered { outcome, after } = delivered;
        match outcome {
            Outcome::Accepted(_) => {
                counts.accept();
                (event(outcome), after)
            }
            // Our own words are about this letter: the server lacks an extension that the address needs.
            Outcome::Rejected(reply) if reply.code.is_none() => {
                counts.refuse(event(Outcome::Rejected(reply)), attempt, after)
            }
            Outcome::Rejected(reply) => match about(&reply) {
                About::Us(_) | About::Message => (event(Outcome::Deferred(reply)), After::Stop),
                About::Recipient => counts.refuse(event(Outcome::Rejected(reply)), attempt, after),
                About::Unknown => counts.hold(event(Outcome::Deferred(reply)), attempt, after),
            },
            Outcome::InDoubt(_) => {
                counts.doubtful += 1;
                let after = if counts.doubtful >= TOO_MANY_DOUBTS { After::Stop } else { after };
                (event(outcome), after)
            }
            Outcome::Deferred(_) => (event(outcome), after),
        }
    }

    /// The letters that were settled in the wrong state; called when all letters of a round are settled.
    pub fn corrections(&self) -> Vec<StateCorrection> {
        let mut counts = self.counts();
        // The only letter left was refused again: its address is dead if the server accepts other letters.
        if let ([last], true) = (counts.held.as_slice(), counts.has_accepted)
            && last.attempt.number > 1
        {
            let held = std::mem::take(&mut counts.held);
            counts.confirm(held);
        }
        std::mem::take(&mut counts.corrections)
    }

    fn counts(&self) -> MutexGuard<'_, RunCounts> {
        self.0.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl RunCounts {
    /// The server takes our mail, so the refusals before were the recipients' own.
    fn accept(&mut self) {
        self.has_accepted = true;
        self.doubtful = 0;
        self.streak.clear();
        let held = std::mem::take(&mut self.held);
        self.confirm(held);
    }

    fn confirm(&mut self, held: Vec<Refused>) {
        self.corrections.extend(held.into_iter().map(|refusal| {
            let reply = refusal.event.outcome.reply().clone();
            refusal.correction(Outcome::Rejected(reply))
        }));
    }

    /// Ten in a row, and from several domains if any letter was accepted before, since one domain may have closed
    /// down.
    fn are_too_many(&self, refusals: &[Refused]) -> bool {
        let is_one_domains = self.has_accepted && domains(refusals.iter()) < REFUSED_DOMAINS;
        refusals.len() >= REFUSED_IN_A_ROW && !is_one_domains
    }

    /// A refusal of unknown kind: three with the same words, or ten of any kind, are about us.
    fn hold(&mut self, event: SettledLetter, attempt: &Attempt, after: After) -> (SettledLetter, After) {
        let refusal = Refused::new(&event, attempt);
        // A letter that was held in an earlier round counts once.
        self.held.retain(|held| held.event.household.lead.id != event.household.lead.id);
        let same = self.held.iter().rev().take_while(|held| held.words == refusal.words).count() + 1;
        self.held.push(refusal);
        let last = |number: usize| self.held.iter().rev().take(number);
        let is_about_us =
            same >= HELD_IN_A_ROW && domains(last(same)) >= HELD_DOMAINS || self.are_too_many(&self.held);
        (event, if is_about_us { After::Stop } else { after })
    }

    /// A refusal that clearly means the recipient; ten in a row are about us nevertheless.
    fn refuse(
        &mut self,
        mut event: SettledLetter,
        attempt: &Attempt,
        after: After,
    ) -> (SettledLetter, After) {
        self.streak.push(Refused::new(&event, attempt));
        if !self.are_too_many(&self.streak) {
            return (event, after);
        }
        let _this_one = self.streak.pop();
        event.outcome = Outcome::Deferred(event.outcome.reply().clone());
        for refusal in std::mem::take(&mut self.streak) {
            let reply = refusal.event.outcome.reply().clone();
            self.corrections.push(refusal.correction(Outcome::Deferred(reply)));
        }
        (event, After::Stop)
    }
}

impl Refused {
    fn new(event: &SettledLetter, attempt: &Attempt) -> Self {
        let address = event.household.lead.address.as_ref();
        let domain = address.map_or_else(String::new, |address| address.domain().to_lowercase());
        Self { event: event.clone(), attempt: attempt.clone(), words: masked(event.outcome.reply()), domain }
    }

    fn correction(self, outcome: Outcome) -> StateCorrection {
        StateCorrection { event: SettledLetter { outcome, ..self.event }, attempt: self.attempt }
    }
}

fn domains<'a>(refusals: impl Iterator<Item = &'a Refused>) -> usize {
    refusals.map(|refusal| refusal.domain.as_str()).collect::<BTreeSet<_>>().len()
}

#[cfg(test)]
mod tests;
