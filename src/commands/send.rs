//! `send`: the main job.

pub(super) mod approve;
pub(super) mod breakdown;
pub(super) mod compare;
pub(super) mod dry_run;
pub(super) mod prepare;
pub(super) mod progress;
pub(super) mod request;
pub(super) mod resolve;
pub(super) mod review;
pub(super) mod run;
pub(super) mod run_log;
mod test_letter;

use std::path::{Path, PathBuf};

use crate::cli::Send;
use crate::domain::IssueName;
use crate::error::{Error, Exit, Kind};
use crate::ledger::{Ledger, Review};
use crate::relay::{Durability, Outbox, Relay};
use crate::report::{JsonLines, Terminal, plural};
use jiff::Timestamp;

use super::Project;
use super::import::{Scratch, import_list};
use breakdown::Breakdown;
use dry_run::{DryRun, forecast_words};
use prepare::{Prepared, forecast, prepare, queue_rejected};
use request::{Mode, SendRequest};
use review::{changes_since_dry_run, keep_dry_run, refuse_cancelled, refuse_unapproved, review, say_changes};
use run::Run;
use run_log::RunLog;
use test_letter::send_test;

/// Runs the command.
pub fn run(project: &Project, arguments: &Send, terminal: Terminal) -> Result<Exit, Error> {
    let issue = project.issue_to_change(arguments.issue.as_ref())?;
    match &arguments.test {
        Some(address) => super::runtime()?.block_on(send_test(project, &issue, address, terminal)),
        None => send(project, &issue, &SendRequest::new(arguments), terminal),
    }
}

/// Sends an issue, or makes a dry run of it; an approved one must be unchanged.
pub(super) fn send(
    project: &Project,
    issue: &IssueName,
    request: &SendRequest,
    terminal: Terminal,
) -> Result<Exit, Error> {
    let runtime = super::runtime()?;
    // The copy is dropped after the run, the lock held until then.
    let (scratch, _lock) = if request.is_dry_run() {
        (Some(Scratch::new(project)?), None)
    } else {
        (None, Some(project.lock_within(&format!("send {issue}"), request.wait)?))
    };
    let mut ledger = match &scratch {
        Some(scratch) => scratch.ledger()?,
        None => project.ledger()?,
    };
    say_what_was_cut_off(&ledger, issue, terminal)?;
    import_list(&mut ledger, project, &request.list, terminal)?;
    refuse_cancelled(&ledger, issue)?;
    if let Some(address) = &request.selection.retry_rejected {
        queue_rejected(&ledger, issue, address)?;
    }
    let prepared = prepare(ledger, project, issue, request, terminal)?;
    let now = review(project, &prepared.ledger, &prepared.composer, &prepared.job)?;
    let log = || -> Result<RunLog, Error> {
        let file = JsonLines::open(&request.log_path(project))?;
        Ok(RunLog::new(file, issue, request.selection.options(), terminal))
    };
    if request.is_dry_run() {
        say_empty_segments(project, &prepared.ledger, terminal)?;
        let dry = plan(project, &prepared, request, &now)?;
        let run = Run { project, log: log()?, terminal, dry: Some(dry) };
        return make_dry_run(&runtime, run, prepared, request, now);
    }
    let is_begun = prepared.ledger.has_deliveries(issue)?;
    match &request.mode {
        Mode::Approved(approved) => refuse_unapproved(issue, approved, &now, is_begun)?,
        _ if !is_begun => say_changes(project, issue, &now, terminal),
        _ => {}
    }
    if let Some(forecast) = forecast(project, &prepared)? {
        terminal.say(forecast_words(project, prepared.letters, &forecast));
    }
    if matches!(request.mode, Mode::Ask) {
        confirm(project, &prepared, terminal)?;
    }
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

/// Asks before real letters go out.
fn confirm(project: &Project, prepared: &Prepared, terminal: Terminal) -> Result<(), Error> {
    if prepared.letters == 0 {
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

/// Makes a dry run, and keeps what it saw for the next run to compare with.
fn make_dry_run(
    runtime: &tokio::runtime::Runtime,
    run: Run<'_>,
    prepared: Prepared,
    request: &SendRequest,
    now: Review,
) -> Result<Exit, Error> {
    let (project, terminal, issue) = (run.project, run.terminal, prepared.job.issue.clone());
    let relay = dry_run_outbox(&dry_run_folder(project, &issue))?;
    let code = runtime.block_on(run.go(prepared, relay))?;
    if request.selection.options().is_none() {
        keep_dry_run(project, &issue, now, terminal);
    }
    Ok(code)
}

/// What a dry run knows before its first letter.
fn plan(
    project: &Project,
    prepared: &Prepared,
    request: &SendRequest,
    now: &Review,
) -> Result<DryRun, Error> {
    let issue = &prepared.job.issue;
    // A part of the members can't be compared with all of them.
    let is_whole = request.selection.options().is_none();
    Ok(DryRun {
        breakdown: Breakdown::new(&project.config.segments, &prepared.composer),
        forecast: forecast(project, prepared)?,
        changes: is_whole.then(|| changes_since_dry_run(project, issue, now)).flatten(),
        is_whole,
        folder: dry_run_folder(project, issue),
        log: request.log_path(project),
        is_usual_log: request.log_file.is_none(),
    })
}

fn dry_run_folder(project: &Project, issue: &IssueName) -> PathBuf {
    project.dir.join("outbox").join(issue.as_str()).join("dry-run")
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
