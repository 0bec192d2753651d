//! How fast letters leave: slower when the relay complains, never above the quotas.

use std::collections::VecDeque;
use std::sync::{Mutex, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use crate::diagnosis::{self, About};
use crate::domain::{Outcome, Quota, Reply};

/// The server is closing the connection (RFC 5321 §3.8).
const CLOSING: u16 = 421;
/// The first pause between two letters after a complaint.
const FIRST_GAP: Duration = Duration::from_millis(100);
const LONGEST_GAP: Duration = Duration::from_secs(30);
/// A pause that is not worth keeping.
const SHORTEST_GAP: Duration = Duration::from_millis(5);

/// One pace for all connections of a run.
#[derive(Debug)]
pub(super) struct Pace(Mutex<State>);

#[derive(Debug)]
struct State {
    gap: Duration,
    /// When the next letter may leave.
    next: Instant,
    slowed: Option<Instant>,
    windows: Vec<Window>,
}

/// The letters that a quota still counts, oldest first.
#[derive(Debug)]
struct Window {
    quota: Quota,
    gone: VecDeque<Timestamp>,
}

/// Whether a letter may leave.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Go,
    Wait(Duration),
    /// The quota has no place before `until`.
    Used {
        quota: Quota,
        until: Timestamp,
    },
}

impl Pace {
    /// A pace for a run; `gone` are the letters that left before it, oldest first.
    pub fn new(quotas: &[Quota], gone: &[Timestamp]) -> Self {
        let windows = quotas
            .iter()
            .map(|quota| Window { quota: *quota, gone: gone.iter().copied().collect() })
            .collect();
        Self(Mutex::new(State { gap: Duration::ZERO, next: Instant::now(), slowed: None, windows }))
    }

    /// Takes a turn if there is one.
    pub fn turn(&self, now: Timestamp) -> Turn {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for window in &mut state.windows {
            if let Some(free) = window.free_at(now) {
                let quota = window.quota;
                return match Duration::try_from(free.duration_since(now)) {
                    Ok(wait) if quota.is_waited_for() => Turn::Wait(wait.max(SHORTEST_GAP)),
                    _ => Turn::Used { quota, until: free },
                };
            }
        }
        let at = Instant::now();
        if at < state.next {
            return Turn::Wait(state.next - at);
        }
        state.next = at + state.gap;
        state.windows.iter_mut().for_each(|window| window.gone.push_back(now));
        Turn::Go
    }

    /// Gives back a turn that was not used.
    pub fn give_back(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        for window in &mut state.windows {
            window.gone.pop_back();
        }
    }

    /// Slows down after a complaint about too many letters, and speeds up again with every letter that is taken.
    pub fn adapt_to(&self, outcome: &Outcome) {
        match outcome {
            Outcome::Accepted(_) => {
                let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
                state.gap = state.gap * 9 / 10;
                if state.gap < SHORTEST_GAP {
                    state.gap = Duration::ZERO;
                }
            }
            Outcome::Deferred(reply) if is_too_fast(reply) => self.slow_down(),
            _ => {}
        }
    }

    /// Doubles the pause between letters; complaints that come together count once.
    pub fn slow_down(&self) {
        let mut state = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        let now = Instant::now();
        let is_fresh = state.slowed.is_some_and(|at| now - at < state.gap.max(Duration::from_secs(1)));
        if !is_fresh {
            state.slowed = Some(now);
            state.gap = (state.gap * 2).clamp(FIRST_GAP, LONGEST_GAP);
            state.next = now + state.gap;
        }
    }
}

/// Tells whether the relay complains of too many letters at once.
fn is_too_fast(reply: &Reply) -> bool {
    reply.code == Some(CLOSING) || matches!(diagnosis::about(reply), About::Us(fault) if fault.passes())
}

impl Window {
    /// When a letter may leave again; `None` if one may now.
    fn free_at(&mut self, now: Timestamp) -> Option<Timestamp> {
        let ends =
            |gone: Timestamp, quota: Quota| gone.saturating_add(quota.span()).unwrap_or(Timestamp::MAX);
        while self.gone.front().is_some_and(|gone| ends(*gone, self.quota) <= now) {
            self.gone.pop_front();
        }
        let surplus = (self.gone.len() + 1).checked_sub(self.quota.letters as usize)?;
        let last = self.gone.get(surplus.checked_sub(1)?)?;
        Some(ends(*last, self.quota))
    }
}

/// What the quotas make of a number of letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forecast {
    /// The quota that takes longest.
    pub quota: Quota,
    pub runs: u64,
    pub done: Timestamp,
}

impl Forecast {
    /// Looks ahead from `now`; `gone` are the letters that left before. `None` if no quota is in the way.
    pub fn make(quotas: &[Quota], gone: &[Timestamp], letters: u64, now: Timestamp) -> Option<Self> {
        let of_quota = |quota: &Quota| {
            let begin = now.saturating_sub(quota.span()).unwrap_or(Timestamp::MIN);
            let counted: Vec<&Timestamp> = gone.iter().filter(|at| **at > begin).collect();
            let per_span = u64::from(quota.letters);
            let over = letters.saturating_sub(per_span.saturating_sub(counted.len() as u64));
            let spans = over.div_ceil(per_span);
            if spans == 0 {
                return None;
            }
            // The first places come back when the oldest counted letter is out of the span.
            let first = counted.first().map_or(now, |at| **at);
            let wait = SignedDuration::try_from_secs_f64(
                quota.span().as_secs_f64() * u32::try_from(spans).map_or(f64::from(u32::MAX), f64::from),
            );
            let done = first.saturating_add(wait.unwrap_or(SignedDuration::MAX)).unwrap_or(Timestamp::MAX);
            Some(Self { quota: *quota, runs: if quota.is_waited_for() { 1 } else { spans + 1 }, done })
        };
        quotas.iter().filter_map(of_quota).max_by_key(|forecast| forecast.done)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn at(seconds: i64) -> Timestamp {
        Timestamp::from_second(1_800_000_000 + seconds).unwrap()
    }

    fn quotas(texts: &[&str]) -> Vec<Quota> {
        texts.iter().map(|text| text.parse().unwrap()).collect()
    }

    #[test]
    fn a_quota_counts_letters_of_earlier_runs() {
        let pace = Pace::new(&quotas(&["3/h"]), &[at(-7200), at(-1800), at(-60)]);
        assert_eq!(pace.turn(at(0)), Turn::Go);
        assert!(matches!(pace.turn(at(1)), Turn::Used { until, .. } if until == at(1800)));
        assert_eq!(pace.turn(at(1800)), Turn::Go);
    }

    #[test]
    fn a_quota_that_was_lowered_waits_for_enough_places() {
        let pace = Pace::new(&quotas(&["1/h"]), &[at(-300), at(-200), at(-100)]);
        assert!(matches!(pace.turn(at(0)), Turn::Used { until, .. } if until == at(3500)));
    }

    #[test]
    fn a_minute_is_waited_for() {
        let pace = Pace::new(&quotas(&["1/min"]), &[]);
        assert_eq!(pace.turn(at(0)), Turn::Go);
        assert_eq!(pace.turn(at(20)), Turn::Wait(Duration::from_secs(40)));
    }

    #[test]
    fn complaints_slow_the_run_and_success_speeds_it_up() {
        let pace = Pace::new(&[], &[]);
        let gap = || pace.0.lock().unwrap().gap;
        let complaint = Outcome::Deferred(Reply::from_server(421, "4.7.0 too many messages"));
        pace.adapt_to(&complaint);
        pace.adapt_to(&complaint);
        assert_eq!(gap(), FIRST_GAP);
        assert!(matches!(pace.turn(at(0)), Turn::Wait(_)));
        pace.adapt_to(&Outcome::Deferred(Reply::from_server(450, "4.2.0 greylisted, come back later")));
        (0..40).for_each(|_| pace.adapt_to(&Outcome::Accepted(Reply::from_server(250, "ok"))));
        assert_eq!(gap(), Duration::ZERO);
    }

    #[test]
    fn the_forecast_says_how_many_runs_it_takes() {
        let forecast = |texts: &[&str], gone: &[Timestamp], letters| {
            let made = Forecast::make(&quotas(texts), gone, letters, at(0));
            made.map(|forecast| (forecast.quota.to_string(), forecast.runs, forecast.done))
        };
        assert_eq!(forecast(&["200/h"], &[], 200), None);
        assert_eq!(forecast(&["200/h"], &[], 312), Some(("200/h".to_owned(), 2, at(3600))));
        assert_eq!(forecast(&["200/h", "300/day"], &[], 312), Some(("300/day".to_owned(), 2, at(86400))));
        assert_eq!(forecast(&["2/h"], &[at(-1800)], 2), Some(("2/h".to_owned(), 2, at(1800))));
        assert_eq!(forecast(&["10/min"], &[], 25), Some(("10/min".to_owned(), 1, at(120))));
    }
}
