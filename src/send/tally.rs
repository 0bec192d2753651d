//! What a run has met so far: whether it should continue.

use std::sync::atomic::{AtomicU64, Ordering};

use crate::domain::Outcome;
use crate::relay::{After, Delivered};

/// Counts over all connections and rounds of a run.
#[derive(Debug, Default)]
pub(super) struct Tally {
    accepted: AtomicU64,
    refused: AtomicU64,
    /// Letters in doubt since the last one that was accepted.
    doubtful: AtomicU64,
    /// Refusals that are about the sender since the last letter that was accepted.
    about_sender: AtomicU64,
}

/// This many refusals and nobody accepted: it is not about the recipients.
const TOO_MANY_REFUSALS: u64 = 20;
/// This many broken connections after the final dot in a row.
const TOO_MANY_DOUBTS: u64 = 5;
/// This many refusals in a row that are about the sender.
const TOO_MANY_ABOUT_SENDER: u64 = 3;
/// This many attempts to one recipient that each met such a refusal: it is about the recipient after all.
const ENOUGH_ATTEMPTS: u32 = 3;

impl Tally {
    /// Counts what became of a letter, and stops the run before it burns more members. `attempt` is the number of the
    /// letter's attempts, this one with it.
    pub fn judge(&self, delivered: Delivered, attempt: u32) -> Delivered {
        let add = |counter: &AtomicU64| counter.fetch_add(1, Ordering::Relaxed) + 1;
        let stop = |outcome| Delivered { outcome, after: After::Stop };
        match delivered.outcome {
            Outcome::Accepted(_) => {
                add(&self.accepted);
                self.doubtful.store(0, Ordering::Relaxed);
                self.about_sender.store(0, Ordering::Relaxed);
                delivered
            }
            Outcome::Rejected(reply) if reply.is_about_sender() => {
                if add(&self.about_sender) >= TOO_MANY_ABOUT_SENDER {
                    return stop(Outcome::Deferred(reply));
                }
                // One refusal among letters that are accepted is the recipient's own; only a further attempt can tell.
                let accepts_others = self.accepted.load(Ordering::Relaxed) > 0;
                let is_final = attempt >= ENOUGH_ATTEMPTS || attempt > 1 && accepts_others;
                let outcome = if is_final { Outcome::Rejected(reply) } else { Outcome::Deferred(reply) };
                Delivered { outcome, ..delivered }
            }
            Outcome::Rejected(_) => {
                let is_hopeless =
                    add(&self.refused) >= TOO_MANY_REFUSALS && self.accepted.load(Ordering::Relaxed) == 0;
                if is_hopeless { stop(delivered.outcome) } else { delivered }
            }
            Outcome::InDoubt(_) if add(&self.doubtful) >= TOO_MANY_DOUBTS => stop(delivered.outcome),
            Outcome::InDoubt(_) | Outcome::Deferred(_) => delivered,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Reply;

    fn rejected(text: &str) -> Delivered {
        Delivered { outcome: Outcome::Rejected(Reply::from_server(550, text)), after: After::GoOn }
    }

    fn accepted() -> Delivered {
        Delivered { outcome: Outcome::Accepted(Reply::from_server(250, "ok")), after: After::GoOn }
    }

    #[test]
    fn a_policy_against_us_stops_the_run_and_burns_nobody() {
        let tally = Tally::default();
        tally.judge(accepted(), 1);
        for want in [After::GoOn, After::GoOn, After::Stop] {
            let judged = tally.judge(rejected("5.7.1 relay access denied"), 1);
            assert!(matches!(judged.outcome, Outcome::Deferred(_)));
            assert_eq!(judged.after, want);
        }
    }

    #[test]
    fn a_policy_of_one_recipient_is_final_at_the_second_attempt() {
        let tally = Tally::default();
        tally.judge(accepted(), 1);
        assert!(matches!(tally.judge(rejected("5.7.1 no newsletters"), 1).outcome, Outcome::Deferred(_)));
        tally.judge(accepted(), 1);
        assert!(matches!(tally.judge(rejected("5.7.1 no newsletters"), 2).outcome, Outcome::Rejected(_)));
    }

    #[test]
    fn twenty_refusals_and_nobody_accepted_stop_the_run() {
        let tally = Tally::default();
        let ends: Vec<After> = (0..20).map(|_| tally.judge(rejected("5.1.1 unknown"), 1).after).collect();
        assert_eq!(ends.iter().filter(|after| **after == After::Stop).count(), 1);
    }
}
