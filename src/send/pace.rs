//! The speed of sending: slower when the relay complains, and never above the quotas.

use std::collections::VecDeque;
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use jiff::{SignedDuration, Timestamp};

use crate::diagnosis::{self, About};
use crate::domain::{Outcome, Quota, Reply};

/// The server is closing the connection (RFC 5321 §3.8).
const CLOSING: u16 = 421;
/// The first pause between two letters after a complaint.
const FIRST_GAP: Duration = Duration::from_millis(100);
const LONGEST_GAP: Duration = Duration::from_secs(30);
/// How long complaints are tolerated even without patience.
const GRACE: Duration = Duration::from_secs(2);
/// A shorter pause is dropped.
const SHORTEST_GAP: Duration = Duration::from_millis(5);

/// One pace for all connections of a run. It uses the monotonic clock, so that changes of the system clock do no
/// harm.
#[derive(Debug)]
pub(super) struct Pace {
    /// When the run started, on both clocks.
    began: (Instant, Timestamp),
    /// How long to wait for a server that accepts letters too slowly.
    patience: Duration,
    state: Mutex<PaceState>,
}

#[derive(Debug)]
struct PaceState {
    gap: Duration,
    /// When the next letter may be sent.
    next: Instant,
    slowed: Option<Instant>,
    /// Since when letters have waited for a server that complains.
    slow_since: Option<Instant>,
    windows: Vec<QuotaWindow>,
    /// How many connections the server has accepted, and whether it has rejected one.
    connected: usize,
    turned_away: bool,
}

/// The letters that still count for a quota, oldest first.
#[derive(Debug)]
struct QuotaWindow {
    quota: Quota,
    /// Times since the start of the run; those of earlier runs are negative.
    gone: VecDeque<SignedDuration>,
}

/// Whether a letter may be sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Turn {
    Go,
    Wait(Duration),
    /// The server keeps complaining, and patience is used up.
    TooSlow,
    /// The quota allows no letter before `until`.
    Used {
        quota: Quota,
        until: Timestamp,
    },
}

impl Pace {
    /// The pace of a run that starts `now`; `gone` are the times of earlier letters, oldest first.
    pub fn new(quotas: &[Quota], gone: &[Timestamp], patience: Duration, now: Timestamp) -> Self {
        let gone: VecDeque<SignedDuration> = gone.iter().map(|at| at.duration_since(now)).collect();
        let windows = quotas.iter().map(|quota| QuotaWindow { quota: *quota, gone: gone.clone() }).collect();
        let began = (Instant::now(), now);
        let state = PaceState {
            gap: Duration::ZERO,
            next: began.0,
            slowed: None,
            slow_since: None,
            windows,
            connected: 0,
            turned_away: false,
        };
        Self { began, patience, state: Mutex::new(state) }
    }

    /// Takes a turn if there is one.
    pub fn turn(&self, at: Instant) -> Turn {
        let since = SignedDuration::try_from(at.duration_since(self.began.0)).unwrap_or(SignedDuration::MAX);
        let mut state = self.state();
        for window in &mut state.windows {
            if let Some(free) = window.free_at(since) {
                let quota = window.quota;
                let wait = free.saturating_sub(since);
                return match Duration::try_from(wait) {
                    Ok(wait) if quota.is_waited_for() => Turn::Wait(wait.max(SHORTEST_GAP)),
                    _ => Turn::Used { quota, until: self.on_the_clock(free) },
                };
            }
        }
        if at < state.next {
            let wait = state.next - at;
            let slow_for = state.slow_since.map_or(Duration::ZERO, |since| at.duration_since(since));
            let is_over = slow_for + wait > self.patience + GRACE;
            return if is_over { Turn::TooSlow } else { Turn::Wait(wait) };
        }
        state.next = at + state.gap;
        state.windows.iter_mut().for_each(|window| window.gone.push_back(since));
        Turn::Go
    }

    fn on_the_clock(&self, since: SignedDuration) -> Timestamp {
        self.began.1.saturating_add(since).unwrap_or(Timestamp::MAX)
    }

    fn state(&self) -> MutexGuard<'_, PaceState> {
        self.state.lock().unwrap_or_else(PoisonError::into_inner)
    }

    /// Counts a connection that the server has accepted.
    pub fn let_in(&self) {
        self.state().connected += 1;
    }

    /// Records that the server has rejected a connection.
    pub fn turned_away(&self) {
        self.state().turned_away = true;
        self.slow_down();
    }

    /// How many connections to open in the next round: as many as the server accepted, if it rejected one.
    pub fn connections(&self, wanted: usize) -> usize {
        let mut state = self.state();
        let connected = std::mem::take(&mut state.connected);
        let turned_away = std::mem::take(&mut state.turned_away);
        if turned_away { connected.clamp(1, wanted) } else { wanted }
    }

    /// Returns a turn that was not used.
    pub fn give_back(&self) {
        let mut state = self.state();
        for window in &mut state.windows {
            window.gone.pop_back();
        }
    }

    /// Slows down after a complaint about too many letters, and speeds up again with every accepted letter.
    pub fn adapt_to(&self, outcome: &Outcome) {
        match outcome {
            Outcome::Accepted(_) => {
                let mut state = self.state();
                state.gap = state.gap * 9 / 10;
                if state.gap < SHORTEST_GAP {
                    state.gap = Duration::ZERO;
                    state.slow_since = None;
                }
            }
            Outcome::Deferred(reply) if is_too_fast(reply) => self.slow_down(),
            _ => {}
        }
    }

    /// Doubles the pause between letters; simultaneous complaints count once.
    pub fn slow_down(&self) {
        let mut state = self.state();
        let now = Instant::now();
        let is_fresh = state.slowed.is_some_and(|at| now - at < state.gap.max(Duration::from_secs(1)));
        if !is_fresh {
            state.slowed = Some(now);
            state.slow_since.get_or_insert(now);
            state.gap = (state.gap * 2).clamp(FIRST_GAP, LONGEST_GAP);
            state.next = now + state.gap;
        }
    }
}

/// Tells whether the relay complains about too many letters at once.
fn is_too_fast(reply: &Reply) -> bool {
    reply.code == Some(CLOSING) || matches!(diagnosis::about(reply), About::Us(fault) if fault.passes())
}

impl QuotaWindow {
    /// When a letter may be sent again; `None` if one may be sent now.
    fn free_at(&mut self, now: SignedDuration) -> Option<SignedDuration> {
        let ends = |gone: SignedDuration, quota: Quota| gone.saturating_add(quota.span());
        while self.gone.front().is_some_and(|gone| ends(*gone, self.quota) <= now) {
            self.gone.pop_front();
        }
        let surplus = (self.gone.len() + 1).checked_sub(self.quota.letters as usize)?;
        let last = self.gone.get(surplus.checked_sub(1)?)?;
        Some(ends(*last, self.quota))
    }
}

/// The effect of the quotas on a number of letters.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Forecast {
    /// The quota that takes longest.
    pub quota: Quota,
    pub runs: u64,
    pub done: Timestamp,
}

impl Forecast {
    /// Looks ahead from `now`; `gone` are the times of earlier letters. `None` if no quota delays them.
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
            // The first turns are free when the oldest counted letter is out of the period.
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

    fn pace(texts: &[&str], gone: &[Timestamp]) -> Pace {
        Pace::new(&quotas(texts), gone, Duration::from_mins(10), at(0))
    }

    fn after(pace: &Pace, seconds: u64) -> Turn {
        pace.turn(pace.began.0 + Duration::from_secs(seconds))
    }

    #[test]
    fn a_quota_counts_letters_of_earlier_runs() {
        let pace = pace(&["3/h"], &[at(-7200), at(-1800), at(-60)]);
        assert_eq!(after(&pace, 0), Turn::Go);
        assert!(matches!(after(&pace, 1), Turn::Used { until, .. } if until == at(1800)));
        assert_eq!(after(&pace, 1800), Turn::Go);
    }

    #[test]
    fn a_quota_that_was_lowered_waits_for_enough_places() {
        let pace = pace(&["1/h"], &[at(-300), at(-200), at(-100)]);
        assert!(matches!(after(&pace, 0), Turn::Used { until, .. } if until == at(3500)));
    }

    #[test]
    fn a_minute_is_waited_for_and_a_turn_can_be_returned() {
        let pace = pace(&["1/min"], &[]);
        assert_eq!(after(&pace, 0), Turn::Go);
        assert_eq!(after(&pace, 20), Turn::Wait(Duration::from_secs(40)));
        pace.give_back();
        assert_eq!(after(&pace, 20), Turn::Go);
    }

    #[test]
    fn complaints_slow_the_run_and_success_speeds_it_up() {
        let pace = pace(&[], &[]);
        let gap = || pace.state().gap;
        let complaint = Outcome::Deferred(Reply::from_server(421, "4.7.0 too many messages"));
        pace.adapt_to(&complaint);
        pace.adapt_to(&complaint);
        assert_eq!(gap(), FIRST_GAP);
        assert!(matches!(after(&pace, 0), Turn::Wait(_)));
        pace.adapt_to(&Outcome::Deferred(Reply::from_server(450, "4.2.0 greylisted, come back later")));
        (0..40).for_each(|_| pace.adapt_to(&Outcome::Accepted(Reply::from_server(250, "ok"))));
        assert_eq!(gap(), Duration::ZERO);
    }

    #[test]
    fn a_complaining_server_is_not_waited_for_beyond_patience() {
        let pace = Pace::new(&[], &[], Duration::from_secs(1), at(0));
        pace.slow_down();
        assert!(matches!(after(&pace, 0), Turn::Wait(_)));
        pace.state().next += Duration::from_secs(4);
        assert_eq!(after(&pace, 0), Turn::TooSlow);
    }

    #[test]
    fn rejected_connections_are_not_opened_again() {
        let pace = pace(&[], &[]);
        (0..3).for_each(|_| pace.let_in());
        assert_eq!(pace.connections(5), 5);
        (0..2).for_each(|_| pace.let_in());
        pace.turned_away();
        assert_eq!((pace.connections(5), pace.connections(5)), (2, 5));
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
