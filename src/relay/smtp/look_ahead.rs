//! Whether a server accepts the next letter's envelope together with a final dot.

use std::sync::OnceLock;

use tokio::sync::{Mutex, MutexGuard};

/// RFC 2920 §3.1 allows it, but some servers that offer PIPELINING drop what follows the dot, or call it an error. So one
/// connection tries it before the others do.
#[derive(Debug, Default)]
pub struct LookAhead {
    is_tolerated: OnceLock<bool>,
    trial: Mutex<()>,
}

/// The leave to send an envelope ahead; as long as the trial runs there is only one.
pub(super) struct Leave<'a> {
    look_ahead: &'a LookAhead,
    /// None once the server has borne it.
    trial: Option<MutexGuard<'a, ()>>,
}

impl LookAhead {
    pub(super) fn leave(&self) -> Option<Leave<'_>> {
        let trial = match self.is_tolerated.get() {
            Some(true) => None,
            Some(false) => return None,
            None => Some(self.trial.try_lock().ok()?),
        };
        Some(Leave { look_ahead: self, trial })
    }
}

impl Leave<'_> {
    /// Whether the server has borne it before.
    pub(super) fn is_proven(&self) -> bool {
        self.trial.is_none()
    }

    /// Ends the trial. What the server has borne once it is believed to bear always.
    pub(super) fn conclude(self, is_tolerated: bool) {
        let _known_already = self.look_ahead.is_tolerated.set(is_tolerated);
    }
}
