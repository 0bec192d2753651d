//! Shows a run in progress.

use std::cell::Cell;
use std::io::IsTerminal;
use std::time::{Duration, Instant};

use crate::domain::Outcome;
use crate::report::{Terminal, count, plural};
use crate::send::Pause;

/// How often to print a line if there is no terminal for a bar.
const LINE_EVERY: Duration = Duration::from_secs(10);

/// A bar on a terminal; elsewhere, with `-v`, an occasional line.
#[derive(Debug)]
pub(in crate::commands) struct Progress {
    pub bar: indicatif::ProgressBar,
    accepted: Cell<u64>,
    refused: Cell<u64>,
    deferred: Cell<u64>,
    in_doubt: Cell<u64>,
    /// When the last line was printed; `None` on a terminal.
    line: Cell<Option<Instant>>,
}

impl Progress {
    pub fn new(terminal: Terminal, letters: u64) -> Self {
        let has_lines = terminal.verbose > 0 && !std::io::stderr().is_terminal();
        Self {
            bar: terminal.progress(letters),
            accepted: Cell::default(),
            refused: Cell::default(),
            deferred: Cell::default(),
            in_doubt: Cell::default(),
            line: Cell::new(has_lines.then(Instant::now)),
        }
    }

    /// Counts a finished letter; one that is retried does not move the bar.
    pub fn count(&self, outcome: &Outcome, terminal: Terminal) {
        let counter = match outcome {
            Outcome::Accepted(_) => &self.accepted,
            Outcome::Rejected(_) => &self.refused,
            Outcome::Deferred(_) => &self.deferred,
            Outcome::InDoubt(_) => &self.in_doubt,
        };
        counter.set(counter.get() + 1);
        self.bar.inc(u64::from(!matches!(outcome, Outcome::Deferred(_))));
        self.bar.set_message(self.counts());
        if self.line.get().is_some_and(|last| last.elapsed() >= LINE_EVERY) {
            self.line.set(Some(Instant::now()));
            let (done, all) = (self.bar.position(), self.bar.length().unwrap_or_default());
            terminal.say(format!("{} of {}: {}; {}", count(done), count(all), self.counts(), self.speed()));
        }
    }

    /// The rate so far, and the remaining time at that rate.
    fn speed(&self) -> String {
        let rate = self.bar.per_sec();
        let left = indicatif::HumanDuration(self.bar.eta());
        format!("{rate:.1} a second, {left:#} left")
    }

    fn counts(&self) -> String {
        let counted = [
            (&self.accepted, "accepted"),
            (&self.refused, "rejected"),
            (&self.deferred, "deferred"),
            (&self.in_doubt, "in doubt"),
        ];
        let counted = counted.iter().filter(|(counter, _)| counter.get() > 0);
        counted
            .map(|(counter, word)| format!("{} {word}", count(counter.get())))
            .collect::<Vec<_>>()
            .join(", ")
    }

    /// Says why no letter is sent for a while.
    pub fn pause(&self, delay: Duration, why: &Pause<'_>, terminal: Terminal) {
        self.deferred.set(0);
        let why = match why {
            Pause::Deferred(letters) => format!("{} deferred", plural(*letters, "letter", "letters")),
            Pause::Refused(reply) => format!("the server's limit is reached ({reply})"),
            Pause::RelayGone(error) => error.to_string(),
            Pause::LedgerGone(error) => error.to_string(),
        };
        let seconds = delay.as_secs().max(1);
        self.bar.suspend(|| terminal.say(format!("{why}; trying again in {seconds} s")));
    }
}
