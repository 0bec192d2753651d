//! `send`: sends an issue.

pub(super) mod approve;
pub(super) mod breakdown;
pub(super) mod compare;
pub(super) mod dry_run;
mod hosts;
mod notice_sum;
pub(super) mod prepare;
pub(super) mod progress;
pub(super) mod request;
pub(super) mod resolve;
pub(super) mod review;
pub(super) mod run;
pub(super) mod run_log;
mod test_letter;
mod two_records;

use std::path::{Path, PathBuf};

use crate::cli::SendArgs;
use crate::domain::IssueName;
use crate::error::{Error, ErrorKind, Exit};
use crate::ledger::{Ledger, Lock, Review, ReviewKind, Scratch};
use crate::relay::{Durability, LookAhead, Outbox, Relay};
use crate::report::{JsonLines, Terminal, plural};
use jiff::{SignedDuration, Timestamp};

use super::import::import_list;
use super::{Context, Project};
use breakdown::Breakdown;
use dry_run::{DryRun, forecast_words};
use prepare::{Prepared, forecast, prepare, queue_rejected};
use request::{Mode, SendRequest};
use review::{
    agree_to_changes, changes_since_dry_run, keep_dry_run, refuse_cancelled, refuse_unapproved,
    refuse_unknown_members, review, say_changes,
};
use run::Run;
use run_log::RunLog;
use test_letter::send_tests;
use two_records::refuse_lost_records;

/// How long to remember a server that does not tolerate look-ahead.
const REMEMBERED_FOR: SignedDuration = SignedDuration::from_hours(180 * 24);

/// Runs the command.
pub fn run(context: Context<'_>, arguments: &SendArgs) -> Result<Exit, Error> {
    let issue = context.project.issue_to_change(arguments.issue.as_ref())?;
    match &arguments.test {
        Some(addresses) => {
            super::runtime()?.block_on(send_tests(context, &issue, addresses, arguments.reader.as_deref()))
        }
        None => send(context, &issue, &SendRequest::new(arguments)),
    }
}

/// What a run holds until it ends.
enum RunGuard {
    Lock(Lock),
    #[expect(dead_code, reason = "held for its drop")]
    Scratch(Scratch),
}

impl RunGuard {
    /// Whether other hosts are sending the issue already, and have imported the list.
    fn joins(&self) -> bool {
        matches!(self, Self::Lock(lock) if lock.joins())
    }
}

/// Sends an issue, or does a dry run; an approved issue must be unchanged.
pub(super) fn send(context: Context<'_>, issue: &IssueName, request: &SendRequest) -> Result<Exit, Error> {
    let runtime = super::runtime()?;
    let (mut ledger, held) = open_ledger(context.project, issue, request)?;
    // During a live send, letters in transit belong to it and were not interrupted.
    if !request.is_dry_run() || !context.project.is_locked()? {
        say_interrupted(&ledger, context.terminal)?;
    }
    if !held.joins() {
        import_list(context, &mut ledger, &request.list)?;
    }
    refuse_cancelled(context.project, &ledger, issue)?;
    if !request.is_dry_run() {
        refuse_lost_records(context, &ledger, issue)?;
    }
    let mut prepared = prepare(context, ledger, issue, request)?;
    let now = review(context.project, &prepared.ledger, &prepared.composer, &prepared.job)?;
    let log = || -> Result<RunLog, Error> {
        let file = JsonLines::open(&request.log_path(context.project))?;
        Ok(RunLog::new(file, issue, request.selection.options(), context.terminal))
    };
    if request.is_dry_run() {
        say_empty_segments(context, &prepared.ledger)?;
        let dry = plan(context.project, &prepared, request, &now)?;
        return make_dry_run(
            &runtime,
            Run { context, log: log()?, dry: Some(dry), is_cron: false },
            prepared,
            request,
            now,
        );
    }
    ask_before(context, &prepared, request, &now)?;
    if request.selection.is_for_all() {
        prepared.ledger.keep_review(issue, ReviewKind::SentToAll, &now, Timestamp::now())?;
    }
    if prepared.letters > 0 {
        prepared.ledger.keep_review(issue, ReviewKind::Left, &now, Timestamp::now())?;
    }
    queue_rejected(context, &prepared)?;
    let relay = open_relay(context, issue, &prepared.ledger)?;
    if let RunGuard::Lock(lock) = &held {
        lock.share()?;
        hosts::take_part(context.project, &mut prepared, &now)?;
    }
    let is_cron = matches!(request.mode, Mode::Approved(_));
    runtime.block_on(Run { context, log: log()?, dry: None, is_cron }.go(prepared, relay))
}

/// The ledger of a run: the real one, locked, or a copy for a dry run.
fn open_ledger(
    project: &Project,
    issue: &IssueName,
    request: &SendRequest,
) -> Result<(Ledger, RunGuard), Error> {
    if request.is_dry_run() {
        let scratch = Scratch::new(&project.state_folder())?;
        return Ok((scratch.ledger(project.ledger_place()?)?, RunGuard::Scratch(scratch)));
    }
    let lock = project.lock_to_send(issue, request.wait)?;
    let ledger = project.ledger()?;
    super::history::freeze(project, &ledger, Timestamp::now())?;
    Ok((ledger, RunGuard::Lock(lock)))
}

/// The relay, with what earlier runs learnt about it and without their unfinished letters.
fn open_relay(context: Context<'_>, issue: &IssueName, ledger: &Ledger) -> Result<Relay, Error> {
    let mut relay = context.relay(issue)?;
    recall_look_ahead(&mut relay, ledger)?;
    if let Relay::Outbox(outbox) = &relay
        && let Err(error) = outbox.clear_unfinished()
    {
        let folder = outbox.dir().display();
        context.terminal.say(format!("Cannot remove unfinished letters from `{folder}`: {error}"));
    }
    Ok(relay)
}

/// Says what is known before real letters are sent, and asks unless the request already has the answer.
fn ask_before(
    context: Context<'_>,
    prepared: &Prepared,
    request: &SendRequest,
    now: &Review,
) -> Result<(), Error> {
    let issue = &prepared.job.issue;
    let is_begun = prepared.ledger.has_left(issue)?;
    match &request.mode {
        Mode::Approved(approved) => {
            refuse_unapproved(issue, approved, now, is_begun)?;
            let members = prepared.ledger.approved_members(issue)?;
            // Approvals of older versions are for everybody.
            if !members.is_empty() {
                refuse_unknown_members(prepared, &members)?;
            }
        }
        _ if !is_begun => say_changes(context, issue, now),
        _ => {}
    }
    agree_to_changes(context, prepared, request, now)?;
    if prepared.letters > 0 {
        say_old_date(context, prepared)?;
    }
    if let Some(forecast) = forecast(context.project, prepared)? {
        context.terminal.say(forecast_words(context.project, prepared.letters, &forecast));
    }
    if matches!(request.mode, Mode::Ask) { confirm(context, prepared) } else { Ok(()) }
}

/// Turns look-ahead off for a server that did not tolerate it in the last half year.
fn recall_look_ahead(relay: &mut Relay, ledger: &Ledger) -> Result<(), Error> {
    let name = relay.name();
    let since = Timestamp::now().saturating_sub(REMEMBERED_FOR).unwrap_or(Timestamp::MIN);
    if let Relay::Smtp(server) = relay
        && ledger.look_ahead(&name, since)? == Some(false)
    {
        server.look_ahead = LookAhead::known(false);
    }
    Ok(())
}

fn say_interrupted(ledger: &Ledger, terminal: Terminal) -> Result<(), Error> {
    for (issue, letters) in ledger.recover(Timestamp::now())? {
        let letters = plural(letters, "letter", "letters");
        terminal.say(format!(
            "An earlier run of {issue} was interrupted: {letters} in doubt; see `medlemsbrev resolve {issue}`."
        ));
    }
    Ok(())
}

/// Names the configured segments that are empty because of a field that no member has.
fn say_empty_segments(context: Context<'_>, ledger: &Ledger) -> Result<(), Error> {
    let fields = ledger.fields()?;
    for (name, segment) in &context.project.config.segments {
        if let Err(error) = context.project.configured_segment(name, segment, &fields) {
            context.terminal.say(error.to_string());
        }
    }
    Ok(())
}

/// Says that the issue's date has passed, and how many of its events are over.
fn say_old_date(context: Context<'_>, prepared: &Prepared) -> Result<(), Error> {
    let issue = prepared.composer.issue();
    let zone = context.project.config.association.time_zone.0.clone();
    let today = Timestamp::now().to_zoned_datetime(zone).date();
    if issue.date >= today {
        return Ok(());
    }
    let source = context.project.source(&issue.name)?;
    let events = source.sections.iter().flat_map(|section| &section.events);
    let over = events.filter(|event| event.is_over(today)).count() as u64;
    let events =
        if over == 0 { String::new() } else { format!("; {} over", plural(over, "event is", "events are")) };
    context.terminal.say(format!("{} is dated {}{events}.", issue.name, issue.date));
    Ok(())
}

/// How many members get a notice although they get no newsletters.
fn despite_opt_out(prepared: &Prepared) -> String {
    match prepared.opted_out {
        0 => String::new(),
        some => {
            let members = plural(some, "member gets", "members get");
            format!(" It is a notice: {members} it although they unsubscribed from newsletters.")
        }
    }
}

/// Asks before real letters are sent.
fn confirm(context: Context<'_>, prepared: &Prepared) -> Result<(), Error> {
    if prepared.letters == 0 {
        return Ok(());
    }
    let letters = plural(prepared.letters, "letter", "letters");
    let relay = context.relay(&prepared.job.issue)?.name();
    let title = &prepared.composer.issue().title;
    super::agree(
        context.terminal,
        &format!("Send {letters} of «{title}» through {relay}?{}", despite_opt_out(prepared)),
        &format!("{letters} to send: use --yes to send without a prompt, or --dry-run to look first"),
    )
}

/// Does a dry run, and stores its review for the next run to compare with.
fn make_dry_run(
    runtime: &tokio::runtime::Runtime,
    run: Run<'_>,
    prepared: Prepared,
    request: &SendRequest,
    now: Review,
) -> Result<Exit, Error> {
    let (context, issue) = (run.context, prepared.job.issue.clone());
    let relay = dry_run_outbox(&dry_run_folder(context.project, &issue))?;
    let code = runtime.block_on(run.go(prepared, relay))?;
    if request.selection.options().is_none() {
        keep_dry_run(context, &issue, now);
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
    // A selection of members cannot be compared with all of them.
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
            let message = format!("cannot empty the folder `{}`: {error}", dir.display());
            return Err(Error::new(ErrorKind::TryAgain, message));
        }
    }
    Ok(Relay::Outbox(Outbox::new(dir.to_owned(), Durability::Cached)))
}
