//! Reads the open deliveries ahead of the workers, a page at a time: memory does not grow with the list. Letters that were
//! tried before come last, so that one that is refused again and again holds up no other.

use std::path::Path;
use std::sync::Arc;

use tokio::sync::mpsc;

use crate::compose::Composer;
use crate::domain::{Member, MemberId};
use crate::ledger::{Ledger, LedgerError};

use super::{Job, SendError};

const PAGE: usize = 256;

/// Starts the feeder; the channel ends after the last member, at the limit, or after an error.
pub(super) fn start(
    ledger: &Path,
    composer: Arc<Composer>,
    job: Arc<Job>,
) -> Result<mpsc::Receiver<Result<Member, LedgerError>>, SendError> {
    let ledger = Ledger::open(ledger)?;
    let (sender, receiver) = mpsc::channel(PAGE);
    std::thread::Builder::new().name("feed".to_owned()).spawn(move || {
        if let Err(error) = feed(&ledger, &composer, &job, &sender) {
            // If nobody listens any more the run has ended for another reason.
            let _ended = sender.blocking_send(Err(error));
        }
    })?;
    Ok(receiver)
}

fn feed(
    ledger: &Ledger,
    composer: &Composer,
    job: &Job,
    sender: &mpsc::Sender<Result<Member, LedgerError>>,
) -> Result<(), LedgerError> {
    // Before the round tries any: what it tries itself is for the next one.
    let tried_before = ledger.tried_before(&job.issue)?;
    let mut left = job.limit.unwrap_or(u64::MAX);
    let mut hand_over = |member: Member| {
        if !job.is_for(composer, &member) {
            return true;
        }
        let is_taken = left > 0 && sender.blocking_send(Ok(member)).is_ok();
        left = left.saturating_sub(1);
        is_taken
    };
    let mut after = MemberId(i64::MIN);
    loop {
        let page = ledger.claimable(&job.issue, after, PAGE)?;
        let Some(last) = page.last() else { break };
        after = last.id;
        if !page.into_iter().all(&mut hand_over) {
            return Ok(());
        }
    }
    for id in tried_before {
        let row = ledger.member(id)?.filter(|row| row.skip().is_none());
        if row.is_some_and(|row| !hand_over(row.member)) {
            return Ok(());
        }
    }
    Ok(())
}
