//! Reads the open deliveries ahead of the workers, a page at a time: memory does not grow with the list. Letters that were
//! tried before come last, so that one that is refused again and again holds up no other.

use std::collections::HashSet;
use std::sync::Arc;

use tokio::sync::mpsc;

use crate::compose::Composer;
use crate::domain::{Address, Household, Member, MemberId};
use crate::ledger::{Ledger, LedgerError, Place};

use super::{Job, SendError};

const PAGE: usize = 256;

/// Starts the feeder; the channel ends after the last member, at the limit, or after an error.
pub(super) fn start(
    ledger: &Place,
    composer: Arc<Composer>,
    job: Arc<Job>,
) -> Result<mpsc::Receiver<Result<Household, LedgerError>>, SendError> {
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
    sender: &mpsc::Sender<Result<Household, LedgerError>>,
) -> Result<(), LedgerError> {
    // Before the round tries any: what it tries itself is for the next one.
    let tried_before = ledger.tried_before(&job.issue)?;
    let mut left = job.limit.unwrap_or(u64::MAX);
    let shared = ledger.shared_addresses()?;
    let mut hand_over = |member: Member| {
        if !job.is_for(composer, &member) {
            return Ok(true);
        }
        let Some(household) = household(ledger, composer, job, member, &shared)? else { return Ok(true) };
        let is_taken = left > 0 && sender.blocking_send(Ok(household)).is_ok();
        left = left.saturating_sub(1);
        Ok::<_, LedgerError>(is_taken)
    };
    let mut after = MemberId(i64::MIN);
    loop {
        let page = ledger.claimable(&job.issue, after, PAGE)?;
        let Some(last) = page.last() else { break };
        after = last.id;
        for member in page {
            if !hand_over(member)? {
                return Ok(());
            }
        }
    }
    for id in tried_before {
        let row = ledger.member_of(&job.issue, id)?.filter(|row| row.skip().is_none());
        if let Some(row) = row
            && !hand_over(row.member)?
        {
            return Ok(());
        }
    }
    Ok(())
}

/// The member with those who share its address; `None` if the letter goes by another one of them.
fn household(
    ledger: &Ledger,
    composer: &Composer,
    job: &Job,
    member: Member,
    shared: &HashSet<String>,
) -> Result<Option<Household>, LedgerError> {
    let Some(address) = member.address.clone().filter(|address| shared.contains(&Address::key(address)))
    else {
        return Ok(Some(member.into()));
    };
    let mut members = ledger.claimable_at(&job.issue, &address)?;
    members.retain(|other| job.is_for(composer, other));
    let mut members = members.into_iter();
    let lead = members.next().filter(|lead| lead.id == member.id);
    Ok(lead.map(|lead| Household { lead, others: members.collect() }))
}
