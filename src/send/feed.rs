//! Reads the open deliveries ahead of the workers, page by page, so that memory use does not grow with the list.
//! Letters that were tried before come last, so that one that is refused repeatedly does not hold up the others.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use tokio::sync::mpsc;

use crate::compose::Composer;
use crate::domain::{Address, Household, Member, MemberId};
use crate::ledger::{Ledger, LedgerError};

use super::{Job, SendError};

const PAGE: usize = 256;
/// How many letters to prepare ahead if other hosts could send them.
const SHARED_PAGE: usize = 16;

/// How often a host checks whether the others have finished.
const LOOK_EVERY: Duration = Duration::from_millis(500);

/// Starts the feeder; the channel ends after the last member, at the limit, or after an error.
pub(super) fn start(
    ledger: &Ledger,
    composer: Arc<Composer>,
    job: Arc<Job>,
) -> Result<mpsc::Receiver<Result<Household, LedgerError>>, SendError> {
    let ledger = ledger.another()?;
    // Letters that wait here are kept from other hosts.
    let (sender, receiver) = mpsc::channel(if ledger.is_shared() { SHARED_PAGE } else { PAGE });
    std::thread::Builder::new().name("feed".to_owned()).spawn(move || {
        if let Err(error) = feed(&ledger, &composer, &job, &sender) {
            // If nobody receives it any more, the run has ended for another reason.
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
    // Read before the round starts: letters that it tries itself are for the next round.
    let tried_before = ledger.tried_before(&job.issue)?;
    let mut left = job.limit.unwrap_or(u64::MAX);
    let shared = ledger.shared_addresses()?;
    let mut hand_over = |member: Member| {
        let id = member.id;
        let household = if job.is_for(composer, &member) {
            household(ledger, composer, job, member, &shared)?
        } else {
            None
        };
        let Some(household) = household else {
            ledger.give_back(&job.issue, id)?;
            return Ok(true);
        };
        let is_taken = left > 0 && sender.blocking_send(Ok(household)).is_ok();
        left = left.saturating_sub(1);
        Ok::<_, LedgerError>(is_taken)
    };
    let mut pages = MemberPages { ledger, job, after: MemberId(i64::MIN) };
    while let Some(page) = pages.next(&|| sender.is_closed())? {
        for member in page {
            if !hand_over(member)? {
                return Ok(());
            }
        }
    }
    for id in tried_before {
        let row = ledger.member_of(&job.issue, id)?.filter(|row| row.skip().is_none());
        if let Some(row) = row
            && ledger.reserve_again(&job.issue, id)?
            && !hand_over(row.member)?
        {
            return Ok(());
        }
    }
    Ok(())
}

/// The members whose letters were never tried, page by page.
struct MemberPages<'a> {
    ledger: &'a Ledger,
    job: &'a Job,
    after: MemberId,
}

impl MemberPages<'_> {
    /// The next members; `None` after the last one. Among several hosts each gets its own members, and later those of
    /// dead hosts: it waits until the others have finished, or the run `is_over`.
    fn next(&mut self, is_over: &dyn Fn() -> bool) -> Result<Option<Vec<Member>>, LedgerError> {
        let (ledger, issue) = (self.ledger, &self.job.issue);
        if !ledger.is_shared() {
            let page = ledger.claimable(issue, self.after, PAGE)?;
            self.after = page.last().map_or(self.after, |last| last.id);
            return Ok(Some(page).filter(|page| !page.is_empty()));
        }
        loop {
            let page = ledger.reserve(issue, PAGE)?;
            if !page.is_empty() {
                return Ok(Some(page));
            }
            ledger.bury_dead_hosts((self.job.clock)())?;
            if is_over() || !ledger.others_have_work(issue)? {
                // Rows that were only locked, or belonged to a dead host, are available by now.
                let page = ledger.reserve(issue, PAGE)?;
                return Ok(Some(page).filter(|page| !page.is_empty()));
            }
            std::thread::sleep(LOOK_EVERY);
        }
    }
}

/// The member with those who share its address; `None` if another one of them is the lead.
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
