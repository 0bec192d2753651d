//! Preparing a run: every letter is composed once before the first one leaves.

use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::commands::archive::is_public;
use crate::commands::{Context, Project};
use crate::compose::Composer;
use crate::domain::{Address, IssueName};
use crate::error::{Error, Kind};
use crate::ledger::Ledger;
use crate::send::{Forecast, Job};

use super::request::SendRequest;

/// What a run needs once everything is checked.
pub(in crate::commands) struct Prepared {
    pub ledger: Ledger,
    pub composer: Arc<Composer>,
    pub job: Job,
    /// Letters that this run is to send.
    pub letters: u64,
}

/// Composes every letter of the run once, so that nothing is wrong with the last one when the first is out.
pub(super) fn prepare(
    context: Context<'_>,
    ledger: Ledger,
    issue: &IssueName,
    request: &SendRequest,
) -> Result<Prepared, Error> {
    let fields = ledger.fields()?;
    let segment = request
        .selection
        .segment
        .as_ref()
        .map(|text| context.project.segment(text, "--segment", &fields))
        .transpose()?;
    let has_web_page = request.selection.is_for_all() || is_public(&ledger, issue)?;
    let composer =
        crate::commands::check::before_sending(context, issue, &ledger, request.allow_large, has_web_page)?;
    let only = match &request.selection.retry_rejected {
        Some(address) => {
            Some(ledger.member_by_address(address)?.map(|row| row.member.id).into_iter().collect())
        }
        None if request.selection.only_missing => Some(ledger.without_delivery(issue)?),
        None => None,
    };
    let job = Job {
        issue: issue.clone(),
        segment,
        limit: request.selection.limit,
        only,
        connections: context.project.config.transport.connections.0,
        patience: if request.is_dry_run() {
            Duration::ZERO
        } else {
            context.project.config.transport.patience.0
        },
        quotas: if request.is_dry_run() {
            Vec::new()
        } else {
            context.project.config.transport.quota.clone()
        },
        clock: Timestamp::now,
    };
    let mut letters = 0;
    let now = Timestamp::now();
    ledger.for_each_open(issue, |member| {
        if job.is_for(&composer, &member) {
            composer.rehearse(&member, now)?;
            letters += 1;
        }
        Ok::<_, Error>(())
    })?;
    let letters = letters.min(request.selection.limit.unwrap_or(u64::MAX));
    if let Some(expected) = request.expect.filter(|expected| *expected != letters) {
        let message =
            format!("there are {letters} letters to send, not {expected} as expected; nothing was sent");
        return Err(Error::new(Kind::Data, message).hint("see the letters with: medlemsbrev send --dry-run"));
    }
    let connections = job.connections.min(usize::try_from(letters).unwrap_or(usize::MAX)).max(1);
    Ok(Prepared { ledger, composer: Arc::new(composer), job: Job { connections, ..job }, letters })
}

/// When the letters will have left if a quota delays them.
pub(super) fn forecast(project: &Project, prepared: &Prepared) -> Result<Option<Forecast>, Error> {
    let now = Timestamp::now();
    let gone = prepared.ledger.handed_over(crate::send::counted_since(now))?;
    Ok(Forecast::make(&project.config.transport.quota, &gone, prepared.letters, now))
}

/// Queues the rejected letter of one member; the decision lifts the address's suppression after a bounce.
pub(super) fn queue_rejected(ledger: &Ledger, issue: &IssueName, address: &Address) -> Result<(), Error> {
    let member = ledger.member_by_address(address)?.map(|row| row.member.id);
    let why = "send --retry-rejected";
    let is_queued = match member {
        Some(member) => ledger.queue_again(issue, member, Some(address), why, Timestamp::now())?,
        None => false,
    };
    if is_queued {
        return Ok(());
    }
    Err(Error::new(Kind::Data, format!("{issue} has no rejected letter to {address}; nothing was sent"))
        .hint(format!("list the rejected letters with: medlemsbrev status {issue}")))
}
