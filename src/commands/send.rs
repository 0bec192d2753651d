//! `send`: the main job.

pub(super) mod approve;
pub(super) mod breakdown;
pub(super) mod dry_run;
pub(super) mod progress;
pub(super) mod refusals;
pub(super) mod resolve;
pub(super) mod review;
pub(super) mod run;
pub(super) mod run_log;

use std::path::{Path, PathBuf};
use std::sync::Arc;
use std::time::Duration;

use crate::cli::Send;
use crate::compose::Mark;
use crate::domain::{Address, IssueName, Member, Outcome, State};
use crate::error::{Error, Exit, Kind};
use crate::ledger::{Ledger, Review};
use crate::relay::{Durability, Outbox, Relay};
use crate::report::{JsonLines, Terminal, plural};
use crate::send::{Forecast, Job};
use jiff::Timestamp;

use super::Project;
use super::import::{Scratch, import_list};
use approve::refuse_cancelled;
use breakdown::Breakdown;
use dry_run::{DryRun, forecast_words};
use review::{changes_since_dry_run, keep_dry_run, refuse_unapproved, review, say_changes};
use run::{Prepared, Run};
use run_log::RunLog;

/// Runs the command.
pub fn run(project: &Project, arguments: &Send, terminal: Terminal) -> Result<Exit, Error> {
    if arguments.due {
        return super::schedule::due::run(project, arguments, terminal);
    }
    let issue = project.issue_to_change(arguments.issue.as_ref())?;
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
) -> Result<Exit, Error> {
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
    say_what_was_cut_off(&ledger, issue, terminal)?;
    import_list(&mut ledger, project, &arguments.reading, terminal)?;
    refuse_cancelled(&ledger, issue)?;
    if let Some(address) = &arguments.retry_rejected {
        queue_rejected(&ledger, issue, address)?;
    }
    let prepared = prepare(ledger, project, issue, arguments, terminal)?;
    let now = review(project, &prepared.ledger, &prepared.composer, &prepared.job)?;
    let log = || -> Result<RunLog, Error> {
        let file = JsonLines::open(&log_path(project, arguments))?;
        Ok(RunLog::new(file, issue, selection(arguments), terminal))
    };
    if arguments.dry_run {
        say_empty_segments(project, &prepared.ledger, terminal)?;
        let dry = dry_run(project, &prepared, arguments, &now)?;
        let run = Run { project, log: log()?, terminal, dry: Some(dry) };
        return make_dry_run(&runtime, run, prepared, arguments, now);
    }
    let is_begun = prepared.ledger.has_deliveries(issue)?;
    match approved {
        Some(approved) => refuse_unapproved(issue, approved, &now, is_begun)?,
        None if !is_begun => say_changes(project, issue, &now, terminal),
        None => {}
    }
    if let Some(forecast) = forecast(project, &prepared)? {
        terminal.say(forecast_words(project, prepared.letters, &forecast));
    }
    confirm(project, &prepared, arguments, terminal)?;
    let relay = project.relay(issue)?;
    if let Relay::Outbox(outbox) = &relay
        && let Err(error) = outbox.clear_unfinished()
    {
        terminal.say(format!("Half-written letters stay in `{}`: {error}", outbox.dir().display()));
    }
    runtime.block_on(Run { project, log: log()?, terminal, dry: None }.go(prepared, relay))
}

fn say_what_was_cut_off(ledger: &Ledger, issue: &IssueName, terminal: Terminal) -> Result<(), Error> {
    let cut_off = ledger.doubt_what_was_cut_off(Timestamp::now())? as u64;
    if cut_off > 0 {
        let letters = plural(cut_off, "letter", "letters");
        terminal.say(format!(
            "An earlier run was cut off: {letters} in doubt, see `medlemsbrev status {issue}`."
        ));
    }
    Ok(())
}

/// Says which segments of the configuration are empty because they name a field that no member has.
fn say_empty_segments(project: &Project, ledger: &Ledger, terminal: Terminal) -> Result<(), Error> {
    let fields = ledger.fields()?;
    for (name, segment) in &project.config.segments {
        if let Err(error) = project.configured_segment(name, segment, &fields) {
            terminal.say(error.to_string());
        }
    }
    Ok(())
}

/// Makes a dry run, and keeps what it saw for the next run to compare with.
fn make_dry_run(
    runtime: &tokio::runtime::Runtime,
    run: Run<'_>,
    prepared: Prepared,
    arguments: &Send,
    now: Review,
) -> Result<Exit, Error> {
    let (project, terminal, issue) = (run.project, run.terminal, prepared.job.issue.clone());
    let relay = dry_run_outbox(&dry_run_folder(project, &issue))?;
    let code = runtime.block_on(run.go(prepared, relay))?;
    if selection(arguments).is_none() {
        keep_dry_run(project, &issue, now, terminal);
    }
    Ok(code)
}

fn dry_run_folder(project: &Project, issue: &IssueName) -> PathBuf {
    project.dir.join("outbox").join(issue.as_str()).join("dry-run")
}

/// What a dry run knows before its first letter.
fn dry_run(project: &Project, prepared: &Prepared, arguments: &Send, now: &Review) -> Result<DryRun, Error> {
    let issue = &prepared.job.issue;
    // A part of the members can't be compared with all of them.
    let is_whole = selection(arguments).is_none();
    Ok(DryRun {
        breakdown: Breakdown::new(&project.config.segments, &prepared.composer),
        forecast: forecast(project, prepared)?,
        changes: is_whole.then(|| changes_since_dry_run(project, issue, now)).flatten(),
        is_whole,
        folder: dry_run_folder(project, issue),
        log: log_path(project, arguments),
        is_usual_log: arguments.log_file.is_none(),
    })
}

fn log_path(project: &Project, arguments: &Send) -> PathBuf {
    let name = if arguments.dry_run { "dry-run" } else { "send" };
    arguments.log_file.clone().unwrap_or_else(|| project.log_path(name))
}

/// Which of the members the run is for, in the words of the command line; `None` where for all.
fn selection(arguments: &Send) -> Option<String> {
    let parts = [
        arguments.segment.as_ref().map(|segment| format!("--segment '{segment}'")),
        arguments.limit.map(|limit| format!("--limit {limit}")),
        arguments.only_missing.then(|| "--only-missing".to_owned()),
        arguments.retry_rejected.as_ref().map(|address| format!("--retry-rejected {address}")),
    ];
    let parts: Vec<String> = parts.into_iter().flatten().collect();
    (!parts.is_empty()).then(|| parts.join(" "))
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
    let segment =
        arguments.segment.as_ref().map(|text| project.segment(text, "--segment", &fields)).transpose()?;
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

/// When the letters will be out, where a quota of the configuration is in the way.
fn forecast(project: &Project, prepared: &Prepared) -> Result<Option<Forecast>, Error> {
    let now = Timestamp::now();
    let gone = prepared.ledger.handed_over(crate::send::counted_since(now))?;
    Ok(Forecast::make(&project.config.transport.quota, &gone, prepared.letters, now))
}

/// Asks before real letters go out.
fn confirm(
    project: &Project,
    prepared: &Prepared,
    arguments: &Send,
    terminal: Terminal,
) -> Result<(), Error> {
    if arguments.yes || prepared.letters == 0 {
        return Ok(());
    }
    let letters = plural(prepared.letters, "letter", "letters");
    let relay = project.relay(&prepared.job.issue)?.name();
    let title = &prepared.composer.issue().title;
    super::agree(
        terminal,
        &format!("Send {letters} of «{title}» through {relay}?"),
        &format!("{letters} to be sent: add --yes to send without a question, or --dry-run to look first"),
    )
}

/// An empty folder for the letters of a dry run.
fn dry_run_outbox(dir: &Path) -> Result<Relay, Error> {
    match std::fs::remove_dir_all(dir) {
        Ok(()) => {}
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {}
        Err(error) => {
            let message = format!("can't empty the folder `{}`: {error}", dir.display());
            return Err(Error::new(Kind::TryAgain, message));
        }
    }
    Ok(Relay::Outbox(Outbox::new(dir.to_owned(), Durability::Cached)))
}

/// One marked letter that no ledger knows of.
async fn test(
    project: &Project,
    issue: &IssueName,
    address: &Address,
    terminal: Terminal,
) -> Result<Exit, Error> {
    let ledger = super::preview::register(project, terminal)?;
    let member = ledger.member_by_address(address)?.map(|row| row.member);
    let composer = project.composer(issue, ledger.fields()?)?;
    let reader = member.unwrap_or_else(|| composer.neutral_reader());
    let reader = Member { address: Some(address.clone()), ..reader };
    let letter = composer.letter(&reader, Mark::Test, Timestamp::now())?;
    let relay = project.relay(issue)?;
    let mut session = relay.connect().await?;
    let delivered = session.deliver(&letter, None).await;
    session.close().await;
    let state = State::from(&delivered.outcome);
    let reply = delivered.outcome.reply();
    if terminal.json {
        terminal.json(&serde_json::json!({ "address": address, "outcome": state, "reply": reply }));
    } else {
        terminal.text(format!("Test letter to {address}: {}: {reply}", state.as_str()));
    }
    Ok(match delivered.outcome {
        Outcome::Accepted(_) => Exit::Done,
        Outcome::Deferred(_) => Exit::Failed(Kind::TryAgain),
        Outcome::Rejected(_) | Outcome::InDoubt(_) => Exit::Partly,
    })
}
