//! Prepares a run: every letter is composed once before the first one is sent.

use std::collections::HashSet;
use std::sync::Arc;
use std::time::Duration;

use jiff::Timestamp;

use crate::commands::archive::is_public;
use crate::commands::{Context, Project};
use crate::compose::Composer;
use crate::domain::{Address, Household, IssueKind, IssueName, MemberId, Segment, State};
use crate::error::{Error, ErrorKind};
use crate::ledger::{DeliveryRow, Ledger, Requeued};
use crate::send::{Forecast, Grouping, Job};

use super::request::{Mode, SendRequest};

/// Everything that a run needs after the checks.
pub(in crate::commands) struct Prepared {
    pub ledger: Ledger,
    pub composer: Arc<Composer>,
    pub job: Job,
    /// Number of letters in this run.
    pub letters: u64,
    /// Number of members who get this notice although they get no newsletters.
    pub opted_out: u64,
    /// Rejected letters among them, which are queued again when the run starts.
    pub retry: Vec<DeliveryRow>,
}

/// Composes every letter of the run once, so that an error in the last one is found before the first one is sent.
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
    ledger.set_kind(issue, composer.issue().kind)?;
    let retry = match &request.selection.retry_rejected {
        Some(addresses) => rejected_letters(&ledger, issue, addresses)?,
        None => Vec::new(),
    };
    let only = match &request.selection.retry_rejected {
        Some(_) => Some(retry.iter().map(|row| row.member).collect()),
        None if request.selection.only_missing => Some(ledger.without_letter(issue)?),
        None if matches!(request.mode, Mode::Approved(_)) => {
            Some(ledger.approved_members(issue)?).filter(|members| !members.is_empty())
        }
        None => None,
    };
    let job = job(context.project, request, &composer, segment, only);
    let (letters, opted_out) = rehearse(&ledger, &composer, &job, &retry)?;
    let letters = letters.min(request.selection.limit.unwrap_or(u64::MAX));
    if let Some(expected) = request.expect.filter(|expected| *expected != letters) {
        let message =
            format!("there are {letters} letters to send, not {expected} as expected; nothing was sent");
        return Err(
            Error::new(ErrorKind::Data, message).hint("see the letters with: medlemsbrev send --dry-run")
        );
    }
    let connections = job.connections.min(usize::try_from(letters).unwrap_or(usize::MAX)).max(1);
    Ok(Prepared {
        ledger,
        composer: Arc::new(composer),
        job: Job { connections, ..job },
        letters,
        opted_out,
        retry,
    })
}

/// Composes every letter of the job, including those to retry; returns the number of letters, and of members among
/// them who get no newsletters.
fn rehearse(
    ledger: &Ledger,
    composer: &Composer,
    job: &Job,
    retry: &[DeliveryRow],
) -> Result<(u64, u64), Error> {
    let mut letters = 0;
    let mut opted_out = 0;
    let unsubscribed = match composer.issue().kind {
        IssueKind::Notice => ledger.opted_out()?,
        IssueKind::Newsletter => HashSet::new(),
    };
    let now = Timestamp::now();
    let mut grouping = Grouping::new(ledger.shared_addresses()?);
    let mut take = |household: Household| {
        letters += 1;
        composer.rehearse(&household, now)
    };
    ledger.for_each_open(&job.issue, |member| {
        if job.is_for(composer, &member) {
            opted_out += u64::from(unsubscribed.contains(&member.id));
            grouping.add(member).map_or(Ok(()), &mut take)?;
        }
        Ok::<_, Error>(())
    })?;
    for row in retry.iter().filter(|row| row.state == State::Rejected) {
        let member = ledger.member(row.member)?.map(|row| row.member);
        if let Some(member) = member.filter(|member| job.is_for(composer, member)) {
            grouping.add(member).map_or(Ok(()), &mut take)?;
        }
    }
    grouping.households().try_for_each(take)?;
    Ok((letters, opted_out))
}

fn job(
    project: &Project,
    request: &SendRequest,
    composer: &Composer,
    segment: Option<Segment>,
    only: Option<HashSet<MemberId>>,
) -> Job {
    Job {
        issue: composer.issue().name.clone(),
        segment,
        limit: request.selection.limit,
        only,
        connections: project.config.transport.connections.0,
        patience: if request.is_dry_run() { Duration::ZERO } else { project.config.transport.patience.0 },
        quotas: if request.is_dry_run() { Vec::new() } else { project.config.transport.quota.clone() },
        until: window_end(project, composer),
        clock: Timestamp::now,
    }
}

/// When the letters will have been sent if a quota delays them.
pub(super) fn forecast(project: &Project, prepared: &Prepared) -> Result<Option<Forecast>, Error> {
    let now = Timestamp::now();
    let gone = prepared.ledger.handed_over(crate::send::counted_since(now), now)?;
    Ok(Forecast::make(&project.config.transport.quota, &gone, prepared.letters, now))
}

/// The rejected letters to these addresses, or all of them, including letters that an earlier retry has queued.
fn rejected_letters(
    ledger: &Ledger,
    issue: &IssueName,
    addresses: &[Address],
) -> Result<Vec<DeliveryRow>, Error> {
    let mut rows = ledger.deliveries(issue, State::Rejected)?;
    for state in [State::Queued, State::Deferred] {
        rows.extend(ledger.deliveries(issue, state)?.into_iter().filter(|row| row.attempts > 0));
    }
    if addresses.is_empty() {
        return Ok(rows);
    }
    for address in addresses {
        if !rows.iter().any(|row| row.is_to(address)) {
            let message = format!("{issue} has no rejected letter to {address}; nothing was sent");
            return Err(Error::new(ErrorKind::Data, message)
                .hint(format!("list the rejected letters with: medlemsbrev status {issue}")));
        }
    }
    Ok(rows.into_iter().filter(|row| addresses.iter().any(|address| row.is_to(address))).collect())
}

/// Queues rejected letters again, and names the addresses that are mailed again because of it.
pub(super) fn queue_rejected(context: Context<'_>, prepared: &Prepared) -> Result<(), Error> {
    let issue = &prepared.job.issue;
    for row in prepared.retry.iter().filter(|row| row.state == State::Rejected) {
        let now = Timestamp::now();
        if let Requeued::Lifted(address) =
            prepared.ledger.queue_again(&row.attempt(issue), "send --retry-rejected", now)?
        {
            context.terminal.say(format!("{address} is no longer suppressed."));
        }
    }
    Ok(())
}

/// The end of the time in which the issue may be sent.
fn window_end(project: &Project, composer: &Composer) -> Option<Timestamp> {
    let zone = project.config.association.time_zone.0.clone();
    composer.issue().send_until.and_then(|until| zone.to_timestamp(until).ok())
}
