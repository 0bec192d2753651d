//! What a run does if the ledger's server goes away in the middle: it sends nothing and waits.

use std::time::Instant;

use crate::ledger::{Ledger, LedgerError, Part};

use super::watchman::Watchman;
use super::{Job, Pause, RunEnd, RunNews, SendError, delays};

/// Returns the result of a round, after waiting for the ledger's server if that was gone; the end is `None` if this
/// cut the round short.
///
/// # Errors
/// Those of the round, and if the server does not come back.
pub(super) async fn after_round(
    done: Result<(Ledger, RunEnd), SendError>,
    part: Option<Part>,
    job: &Job,
    watchman: &mut Watchman,
    report: &mut impl FnMut(RunNews<'_>),
) -> Result<(Ledger, Option<RunEnd>), SendError> {
    let (part, gone, end) = match (done, part) {
        (Err(SendError::Ledger(gone)), Some(part)) if gone.is_gone() => (part, gone, None),
        // Only outcomes were left to record, and they are in a file.
        (Ok((ledger, end)), Some(part)) if !ledger.still_claims() => {
            (part, LedgerError::Gone("it ended the session".to_owned()), Some(end))
        }
        (done, _) => return done.map(|(ledger, end)| (ledger, Some(end))),
    };
    Ok((come_back(&part, gone, job, watchman, report).await?, end))
}

/// Waits for the server as long as for a relay, and takes part in sending again.
async fn come_back(
    part: &Part,
    mut why: LedgerError,
    job: &Job,
    watchman: &mut Watchman,
    report: &mut impl FnMut(RunNews<'_>),
) -> Result<Ledger, SendError> {
    let began = Instant::now();
    for delay in delays(job.patience) {
        if began.elapsed() + delay > job.patience {
            break;
        }
        report(RunNews::Pause(delay, Pause::LedgerGone(&why)));
        tokio::select! {
            () = tokio::time::sleep(delay) => {}
            _ended = watchman.ended() => break,
        }
        match part.come_back((job.clock)()) {
            Ok(ledger) => return Ok(ledger),
            Err(error) if error.may_pass() => why = error,
            Err(error) => return Err(error.into()),
        }
    }
    Err(why.into())
}
