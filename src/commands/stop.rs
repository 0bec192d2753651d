//! Signals that stop a run: letters in transit finish first.

use std::time::{Duration, Instant};

use tokio::signal::unix::{SignalKind, signal};
use tokio::sync::watch;

use crate::error::ErrorKind;

/// A closed terminal, `timeout` and systemd send several signals at once; a deliberate second one comes later.
const ONE_PRESS: Duration = Duration::from_secs(2);

/// When each kind of signal first arrived.
#[derive(Debug, Default)]
struct Received {
    interrupt: Option<Instant>,
    terminate: Option<Instant>,
}

#[derive(Debug, Clone, Copy)]
enum Stop {
    Interrupt,
    Terminate,
    Hangup,
}

impl Received {
    /// Records a signal. Returns true if it forces an exit: the same signal first arrived at least two seconds ago.
    /// SIGHUP never does, since closing a terminal sends it more than once.
    fn forces_exit(&mut self, stop: Stop, now: Instant) -> bool {
        let first = match stop {
            Stop::Interrupt => &mut self.interrupt,
            Stop::Terminate => &mut self.terminate,
            Stop::Hangup => return false,
        };
        now.duration_since(*first.get_or_insert(now)) >= ONE_PRESS
    }
}

/// The meaning of SIGHUP for a command.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Hangup {
    /// Stop: the command needs its terminal.
    #[cfg(feature = "interactive")]
    Stops,
    /// Stop as for Ctrl-C, unless the program was started to ignore SIGHUP, for example by `nohup`.
    StopsUnlessIgnored,
}

/// Becomes true after the first Ctrl-C, SIGTERM or SIGHUP. The same signal after two seconds ends the program at
/// once.
pub(super) fn stop_on_signal(hangup: Hangup) -> watch::Receiver<bool> {
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        let (Ok(mut interrupt), Ok(mut terminate)) =
            (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            return;
        };
        let is_ignored = hangup == Hangup::StopsUnlessIgnored && is_hangup_ignored();
        let mut hangup = if is_ignored { None } else { signal(SignalKind::hangup()).ok() };
        let mut received = Received::default();
        loop {
            let signal = tokio::select! {
                _ = interrupt.recv() => Stop::Interrupt,
                _ = terminate.recv() => Stop::Terminate,
                () = next(hangup.as_mut()) => Stop::Hangup,
            };
            if received.forces_exit(signal, Instant::now()) {
                std::process::exit(i32::from(ErrorKind::TryAgain.exit_code()));
            }
            stop.send_replace(true);
        }
    });
    stopped
}

/// The next signal; waits forever if there is no stream of them.
async fn next(signals: Option<&mut tokio::signal::unix::Signal>) {
    match signals {
        Some(signals) => {
            signals.recv().await;
        }
        None => std::future::pending().await,
    }
}

/// Tells whether the program was started to ignore SIGHUP, as with `nohup` (proc(5), `SigIgn`).
fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:"));
    let mask = mask.and_then(|mask| u64::from_str_radix(mask.trim(), 16).ok());
    mask.is_some_and(|mask| mask & 1 == 1)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn only_the_same_signal_two_seconds_later_forces_an_exit() {
        use Stop::{Hangup, Interrupt, Terminate};
        let cases: [(&[(Stop, u64)], bool); 7] = [
            (&[(Interrupt, 0)], false),
            (&[(Interrupt, 0), (Interrupt, 1999)], false),
            (&[(Interrupt, 0), (Interrupt, 2000)], true),
            (&[(Interrupt, 0), (Terminate, 5000)], false),
            (&[(Terminate, 0), (Hangup, 10), (Terminate, 3000)], true),
            (&[(Hangup, 0), (Hangup, 10_000)], false),
            (&[(Interrupt, 0), (Interrupt, 1000), (Interrupt, 2500)], true),
        ];
        let start = Instant::now();
        for (signals, want) in cases {
            let mut received = Received::default();
            let mut forces = false;
            for (signal, after) in signals {
                forces = received.forces_exit(*signal, start + Duration::from_millis(*after));
            }
            assert_eq!(forces, want, "{signals:?}");
        }
    }
}
