//! `send`: the main job.

use std::process::ExitCode;
use std::sync::Arc;
use std::time::Duration;

use crate::cli::Send;
use crate::compose::Mark;
use crate::domain::{Address, IssueName, Member, Outcome, State};
use crate::error::{Error, Kind};
use crate::ledger::{Ledger, Review};
use crate::relay::{Durability, Outbox, Relay};
use crate::report::{JsonLines, Terminal, plural};
use crate::send::{Forecast, Job};
use jiff::Timestamp;

use super::Project;
use super::approve::refuse_cancelled;
use super::import::{Scratch, import_list};
use super::review::{keep_dry_run, refuse_unapproved, review, say_changes};
use super::run::{Prepared, Run};

/// Runs the command.
pub fn run(project: &Project, arguments: &Send, terminal: Terminal) -> Result<ExitCode, Error> {
    if arguments.due {
        return super::due::run(project, arguments, terminal);
    }
    let issue = project.issue(arguments.issue.as_ref())?;
    match &arguments.test {
        Some(address) => super::runtime()?.block_on(test(project, &issue, address, terminal)),
        None => send(project, &issue, arguments, None, terminal),
    }
}

/// Sends an issue, or makes a dry run of it; where it was `approved` it must be the same still.
pub(super) fn send(
    project: &Project,
    issue: &IssueName,
    arguments: &Send,
    approved: Option<&Review>,
    terminal: Terminal,
) -> Result<ExitCode, Error> {
    let runtime = super::runtime()?;
    // The copy is dropped after the run, the lock held until then.
    let (scratch, _lock) = if arguments.dry_run {
        (Some(Scratch::new(project)?), None)
    } else {
        (None, Some(project.lock_within(&format!("send {issue}"), arguments.wait.0)?))
    };
    let mut ledger = match &scratch {
        Some(scratch) => scratch.ledger()?,
        None => project.ledger()?,
    };
    let cut_off = ledger.doubt_what_was_cut_off(Timestamp::now())? as u64;
    if cut_off > 0 {
        let letters = plural(cut_off, "letter", "letters");
        terminal.say(format!(
            "An earlier run was cut off: {letters} in doubt, see `medlemsbrev status {issue}`."
        ));
    }
    import_list(&mut ledger, project, &arguments.reading, terminal)?;
    refuse_cancelled(&ledger, issue)?;
    if let Some(address) = &arguments.retry_rejected {
        queue_rejected(&ledger, issue, address)?;
    }
    let prepared = prepare(ledger, project, issue, arguments, terminal)?;
    let now = review(project, &prepared.ledger, &prepared.composer, &prepared.job)?;
    let is_begun = prepared.ledger.has_deliveries(issue)?;
    match approved {
        Some(approved) => refuse_unapproved(issue, approved, &now, is_begun)?,
        None if !arguments.dry_run && !is_begun => say_changes(project, issue, &now, terminal),
        None => {}
    }
    forecast(project, &prepared, terminal)?;
    confirm(project, &prepared, arguments, terminal)?;
    let relay = if arguments.dry_run { dry_run_outbox(project, issue)? } else { project.relay(issue)? };
    if let Relay::Outbox(outbox) = &relay
        && let Err(error) = outbox.clear_unfinished()
    {
        terminal.say(format!("Half-written letters stay in `{}`: {error}", outbox.dir().display()));
    }
    let kind = if arguments.dry_run { "dry-run" } else { "send" };
    let log = arguments.log_file.clone().unwrap_or_else(|| project.log_path(kind));
    let log = JsonLines::open(&log)?;
    let code =
        runtime.block_on(Run { project, log, terminal, is_dry: arguments.dry_run }.go(prepared, relay))?;
    if arguments.dry_run && arguments.segment.is_none() {
        keep_dry_run(project, issue, now, terminal);
    }
    Ok(code)
}

/// Queues the rejected letter of one member; the decision lifts the address's suppression after a bounce.
fn queue_rejected(ledger: &Ledger, issue: &IssueName, address: &Address) -> Result<(), Error> {
    let member = ledger.member_by_address(address)?.map(|row| row.member.id);
    let why = "send --retry-rejected";
    let is_queued = match member {
        Some(member) => ledger.queue_again(issue, member, Some(address), why, Timestamp::now())?,
        None => false,
    };
    if is_queued {
        return Ok(());
    }
    Err(Error::new(Kind::Data, format!("no letter of {issue} to {address} was rejected; nothing was sent"))
        .hint(format!("see which were: medlemsbrev status {issue}")))
}

/// Composes every letter of the run once, so that nothing is wrong with the last one when the first is out.
pub(super) fn prepare(
    ledger: Ledger,
    project: &Project,
    issue: &IssueName,
    arguments: &Send,
    terminal: Terminal,
) -> Result<Prepared, Error> {
    let fields = ledger.fields()?;
    let segment = arguments.segment.as_ref().map(|text| project.segment(text, &fields)).transpose()?;
    let composer = super::check::before_sending(project, issue, &ledger, arguments.allow_large, terminal)?;
    let only = match &arguments.retry_rejected {
        Some(address) => {
            Some(ledger.member_by_address(address)?.map(|row| row.member.id).into_iter().collect())
        }
        None if arguments.only_missing => Some(ledger.without_delivery(issue)?),
        None => None,
    };
    let job = Job {
        issue: issue.clone(),
        segment,
        limit: arguments.limit,
        only,
        connections: project.config.transport.connections.0,
        patience: if arguments.dry_run { Duration::ZERO } else { project.config.transport.patience.0 },
        quotas: if arguments.dry_run { Vec::new() } else { project.config.transport.quota.clone() },
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
    let letters = letters.min(arguments.limit.unwrap_or(u64::MAX));
    if let Some(expected) = arguments.expect.filter(|expected| *expected != letters) {
        let message =
            format!("{letters} letters are to be sent, not {expected} as expected; nothing was sent");
        return Err(Error::new(Kind::Data, message).hint("look at the list with `send --dry-run`"));
    }
    let connections = job.connections.min(usize::try_from(letters).unwrap_or(usize::MAX)).max(1);
    Ok(Prepared { ledger, composer: Arc::new(composer), job: Job { connections, ..job }, letters })
}

/// Says when the letters will be out, where a quota is in the way.
fn forecast(project: &Project, prepared: &Prepared, terminal: Terminal) -> Result<(), Error> {
    let quotas = &project.config.transport.quota;
    let now = Timestamp::now();
    let gone = prepared.ledger.handed_over(crate::send::counted_since(now))?;
    if let Some(Forecast { quota, runs, done }) = Forecast::make(quotas, &gone, prepared.letters, now) {
        let letters = plural(prepared.letters, "letter", "letters");
        let runs = plural(runs, "run", "runs");
        terminal.say(format!("{letters} at {quota}: {runs}, done about {}.", project.clock_time(done)));
    }
    Ok(())
}

/// Asks before real letters go out.
fn confirm(
    project: &Project,
    prepared: &Prepared,
    arguments: &Send,
    terminal: Terminal,
) -> Result<(), Error> {
    if arguments.yes || arguments.dry_run || prepared.letters == 0 {
        return Ok(());
    }
    let letters = plural(prepared.letters, "letter", "letters");
    let relay = project.relay(&prepared.job.issue)?.name();
    let title = &prepared.composer.issue().title;
    match terminal.confirm(&format!("Send {letters} of «{title}» through {relay}?")) {
        Some(true) => Ok(()),
        Some(false) => Err(Error::new(Kind::Usage, "nothing was sent")),
        None => Err(Error::new(Kind::Usage, format!("{letters} to be sent, and nobody here to ask"))
            .hint("add --yes to send without a question, or --dry-run to look first")),
    }
}

/// An empty folder for the letters of a dry run.
fn dry_run_outbox(project: &Project, issue: &IssueName) -> Result<Relay, Error> {
    let dir = project.dir.join("outbox").join(issue.as_str()).join("dry-run");
    match std::fs::remove_dir_all(&dir) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => {
            let message = format!("can't empty the folder `{}`: {error}", dir.display());
            return Err(Error::new(Kind::TryAgain, message));
        }
    }
    Ok(Relay::Outbox(Outbox::new(dir, Durability::Cached)))
}

/// One marked letter that no ledger knows of.
async fn test(
    project: &Project,
    issue: &IssueName,
    address: &Address,
    terminal: Terminal,
) -> Result<ExitCode, Error> {
    let ledger = super::preview::register(project, terminal)?;
    let member = ledger.member_by_address(address)?.map(|row| row.member);
    let composer = project.composer(issue, ledger.fields()?)?;
    let reader = member.unwrap_or_else(|| composer.neutral_reader());
    let reader = Member { address: Some(address.clone()), ..reader };
    let letter = composer.letter(&reader, Mark::Test, Timestamp::now())?;
    let relay = project.relay(issue)?;
    let mut session = relay.connect().await?;
    let delivered = session.deliver(&letter).await;
    session.close().await;
    let state = State::from(&delivered.outcome);
    let reply = delivered.outcome.reply();
    if terminal.json {
        terminal.json(&serde_json::json!({ "address": address, "outcome": state, "reply": reply }));
    } else {
        terminal.data(format!("Test letter to {address}: {}: {reply}", state.as_str()));
    }
    Ok(match delivered.outcome {
        Outcome::Accepted(_) => ExitCode::SUCCESS,
        Outcome::Deferred(_) => ExitCode::from(Kind::TryAgain.exit_code()),
        Outcome::Rejected(_) | Outcome::InDoubt(_) => ExitCode::from(1),
    })
}
