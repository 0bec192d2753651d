//! Watches for events that end a run early: a signal, a cancellation by another process, the end of its window.

use std::time::Duration;

use tokio::sync::watch;

use crate::ledger::{Ledger, LedgerError, LedgerPlace, ReviewKind};

use super::{Job, RunEnd, wait_for_stop};

/// How often to check for a decision by another process.
const LOOK_EVERY: Duration = Duration::from_secs(1);

/// Why a run must end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StopReason {
    Signal,
    Cancelled,
    WindowClosed,
}

/// Watches for one run.
#[derive(Debug)]
pub(super) struct Watchman {
    reason: watch::Receiver<Option<StopReason>>,
    over: watch::Receiver<bool>,
}

impl Watchman {
    /// Starts watching for `stop`, for a cancellation in the ledger at `place`, and for the time after which the job
    /// may send no more.
    ///
    /// # Errors
    /// If the ledger cannot be opened.
    pub fn start(
        place: &LedgerPlace,
        job: &Job,
        mut stop: watch::Receiver<bool>,
    ) -> Result<Self, LedgerError> {
        let mut ledger = Ledger::open(place)?;
        let place = place.clone();
        let (issue, clock) = (job.issue.clone(), job.clock);
        let began = clock();
        // A run that starts after that time was started on purpose.
        let until = job.until.filter(|until| *until > began);
        let (found, reason) = watch::channel(None);
        let (ended, over) = watch::channel(false);
        tokio::spawn(async move {
            let reason = loop {
                tokio::select! {
                    () = wait_for_stop(&mut stop) => break StopReason::Signal,
                    () = tokio::time::sleep(LOOK_EVERY) => {}
                    // Nobody is listening any more: the run has ended.
                    () = found.closed() => return,
                }
                if until.is_some_and(|until| until <= clock()) {
                    break StopReason::WindowClosed;
                }
                // What cannot be read now can be in a second; claims look too.
                match ledger.review(&issue, ReviewKind::Cancelled) {
                    Ok(Some(_)) => break StopReason::Cancelled,
                    Err(error) if error.is_gone() => {
                        if let Ok(another) = Ledger::open(&place) {
                            ledger = another;
                        }
                    }
                    _ => {}
                }
            };
            found.send_replace(Some(reason));
            ended.send_replace(true);
        });
        Ok(Self { reason, over })
    }

    /// True once the run must end.
    pub fn over(&self) -> watch::Receiver<bool> {
        self.over.clone()
    }

    /// The reason for the run to end; `None` if it may continue.
    pub fn end(&self) -> Option<RunEnd> {
        self.reason.borrow().map(|reason| match reason {
            StopReason::Signal => RunEnd::Interrupted,
            StopReason::Cancelled => RunEnd::Cancelled,
            StopReason::WindowClosed => RunEnd::WindowClosed,
        })
    }

    /// Waits until the run must end.
    pub async fn ended(&mut self) -> RunEnd {
        if self.reason.wait_for(Option::is_some).await.is_err() {
            std::future::pending::<()>().await;
        }
        self.end().unwrap_or(RunEnd::Interrupted)
    }
}
