//! Whether a server accepts the next letter's envelope together with a final dot.

use std::sync::{Mutex, MutexGuard, PoisonError};

/// RFC 2920 §3.1 allows it, but some servers that offer PIPELINING drop the data after the dot, or treat it as an
/// error. So one connection tries it with one letter before the others do.
#[derive(Debug, Default)]
pub struct LookAhead {
    is_tolerated: Mutex<Option<bool>>,
    trial: tokio::sync::Mutex<()>,
}

/// The permit to send an envelope ahead; during the trial there is only one.
pub(super) struct LookAheadPermit<'a> {
    look_ahead: &'a LookAhead,
    /// `None` once the server has tolerated it.
    trial: Option<tokio::sync::MutexGuard<'a, ()>>,
}

impl LookAhead {
    /// The result of an earlier run's trial with the server.
    pub fn known(is_tolerated: bool) -> Self {
        Self { is_tolerated: Mutex::new(Some(is_tolerated)), ..Self::default() }
    }

    /// The result of the trial; `None` if there was none.
    pub fn is_tolerated(&self) -> Option<bool> {
        *self.state()
    }

    pub(super) fn permit(&self) -> Option<LookAheadPermit<'_>> {
        let trial = match self.is_tolerated() {
            Some(true) => None,
            Some(false) => return None,
            None => Some(self.trial.try_lock().ok()?),
        };
        Some(LookAheadPermit { look_ahead: self, trial })
    }

    fn state(&self) -> MutexGuard<'_, Option<bool>> {
        self.is_tolerated.lock().unwrap_or_else(PoisonError::into_inner)
    }
}

impl LookAheadPermit<'_> {
    /// Whether the server has tolerated it before.
    pub(super) fn is_proven(&self) -> bool {
        self.trial.is_none()
    }

    /// Ends the trial. There may be several servers behind one name, so one failure counts for all, even if another
    /// server tolerated it.
    pub(super) fn conclude(self, is_tolerated: bool) {
        let mut state = self.look_ahead.state();
        *state = Some(is_tolerated && *state != Some(false));
    }
}
