//! Reads the open deliveries ahead of the workers, a page at a time: memory does not grow with the list.

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
    let mut after = MemberId(i64::MIN);
    let mut left = job.limit.unwrap_or(u64::MAX);
    loop {
        let page = ledger.claimable(&job.issue, after, PAGE)?;
        let Some(last) = page.last() else { return Ok(()) };
        after = last.id;
        for member in page.into_iter().filter(|member| job.is_for(composer, member)) {
            if left == 0 || sender.blocking_send(Ok(member)).is_err() {
                return Ok(());
            }
            left -= 1;
        }
    }
}
