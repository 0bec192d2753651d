//! `send`: the main job.

use std::process::ExitCode;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;
use tokio::sync::watch;

use crate::cli::{Reading, Send};
use crate::compose::{Composer, Mark};
use crate::domain::{Address, IssueName, Member, MemberId, Outcome, Segment, State};
use crate::error::{Error, Kind};
use crate::ledger::{Counts, Ledger, Skip};
use crate::relay::{Durability, Outbox, Relay};
use crate::report::{JsonLines, Terminal, plural};
use crate::send::{End, Event, Job};

use super::Project;
use super::import::{Scratch, import};

/// What a run needs once everything is checked.
struct Prepared {
    ledger: Ledger,
    composer: Arc<Composer>,
    job: Job,
    /// Letters that this run is to send.
    letters: u64,
}

/// One line of the send and dry-run logs.
#[derive(Debug, Serialize)]
struct LogLine<'a> {
    time: Timestamp,
    run: &'a str,
    issue: &'a IssueName,
    event: &'a str,
    #[serde(skip_serializing_if = "Option::is_none")]
    member: Option<MemberId>,
    #[serde(skip_serializing_if = "Option::is_none")]
    address: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    reason: Option<&'a str>,
    #[serde(skip_serializing_if = "Option::is_none")]
    letter: Option<LogLetter<'a>>,
    #[serde(skip_serializing_if = "Option::is_none")]
    counts: Option<&'a Counts>,
}

#[derive(Debug, Serialize)]
struct LogLetter<'a> {
    sender: &'a str,
    message_id: &'a str,
    bytes: usize,
    sections: Vec<&'a str>,
    code: Option<u16>,
    status: Option<&'a str>,
    reply: &'a str,
}

/// The result of a run, as JSON.
#[derive(Debug, Serialize)]
struct Report<'a> {
    issue: &'a IssueName,
    run: &'a str,
    dry_run: bool,
    /// Letters of this run.
    letters: u64,
    counts: &'a Counts,
    total: u64,
}

/// Runs the command.
pub fn run(project: &Project, arguments: &Send, terminal: Terminal) -> Result<ExitCode, Error> {
    let issue = project.issue(arguments.issue.as_ref())?;
    let runtime = tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::new(Kind::TryAgain, format!("the system gives no threads: {error}")))?;
    if let Some(address) = &arguments.test {
        return runtime.block_on(test(project, &issue, address, terminal));
    }
    // The copy is dropped after the run, the lock held until then.
    let (scratch, _lock) = if arguments.dry_run {
        (Some(Scratch::new(project)?), None)
    } else {
        (None, Some(project.lock(&format!("send {issue}"))?))
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
    let prepared = prepare(ledger, project, &issue, arguments, terminal)?;
    confirm(project, &prepared, arguments, terminal)?;
    let relay = if arguments.dry_run { dry_run_outbox(project, &issue)? } else { project.relay(&issue)? };
    let kind = if arguments.dry_run { "dry-run" } else { "send" };
    let log = JsonLines::open(&project.log_path(kind))?;
    runtime.block_on(Run { project, log, terminal, is_dry: arguments.dry_run }.go(prepared, relay))
}

fn import_list(
    ledger: &mut Ledger,
    project: &Project,
    reading: &Reading,
    terminal: Terminal,
) -> Result<(), Error> {
    let Some(file) = &project.config.members.file else { return Ok(()) };
    let imported = import(ledger, project, &project.dir.join(file), reading, terminal)?;
    imported.refusals().for_each(|row| terminal.say(row));
    if let Some(summary) = imported.summary() {
        terminal.say(summary);
    }
    Ok(())
}

/// Composes every letter of the run once, so that nothing is wrong with the last one when the first is out.
fn prepare(
    ledger: Ledger,
    project: &Project,
    issue: &IssueName,
    arguments: &Send,
    terminal: Terminal,
) -> Result<Prepared, Error> {
    let fields = ledger.fields()?;
    let segment = arguments.segment.as_ref().map(|text| project.segment(text, &fields)).transpose()?;
    let composer = super::check::before_sending(project, issue, &ledger, arguments.allow_large, terminal)?;
    let job = Job {
        issue: issue.clone(),
        segment,
        limit: arguments.limit,
        connections: project.config.transport.connections.0,
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

/// A run with where it reports to.
struct Run<'a> {
    project: &'a Project,
    log: JsonLines,
    terminal: Terminal,
    is_dry: bool,
}

impl Run<'_> {
    async fn go(mut self, prepared: Prepared, relay: Relay) -> Result<ExitCode, Error> {
        let Prepared { ledger, composer, job, letters } = prepared;
        let run = Timestamp::now().strftime("%Y%m%dT%H%M%SZ").to_string();
        let issue = job.issue.clone();
        let segment = job.segment.clone();
        ledger.queue(&issue, Timestamp::now(), |member| job.is_for(&composer, member))?;
        self.log_skipped(&ledger, &composer, segment.as_ref(), &run, &issue)?;
        let name = relay.name();
        let mut tried = 0;
        let (ledger, end) = if letters == 0 {
            (ledger, End::Done)
        } else {
            let bar = self.terminal.progress(letters);
            let report = |event: &Event| {
                tried += 1;
                self.letter(event, &composer, &run, &issue, &bar);
            };
            let stop = stop_on_signal();
            let sent =
                crate::send::run(ledger, Arc::clone(&composer), Arc::new(relay), job, stop, report).await;
            bar.finish_and_clear();
            sent?
        };
        let counts = survey(&ledger, &composer, segment.as_ref(), &issue)?;
        self.log_line(&LogLine { counts: Some(&counts), ..LogLine::new(&run, &issue, "finished") });
        if self.terminal.json {
            let total = counts.total();
            let dry_run = self.is_dry;
            self.terminal.json(&Report {
                issue: &issue,
                run: &run,
                dry_run,
                letters,
                counts: &counts,
                total,
            });
        } else {
            self.terminal.data(self.table(&counts, tried, &name, &issue));
        }
        self.ended(end, &counts, &issue)
    }

    fn letter(
        &mut self,
        event: &Event,
        composer: &Composer,
        run: &str,
        issue: &IssueName,
        bar: &indicatif::ProgressBar,
    ) {
        let state = State::from(&event.outcome);
        let reply = event.outcome.reply();
        bar.inc(1);
        if self.terminal.verbose > 0 || !matches!(event.outcome, Outcome::Accepted(_)) {
            let address = event.member.address.as_ref().map_or("", Address::as_str);
            bar.suspend(|| self.terminal.say(format!("{}: {address}: {reply}", state.as_str())));
        }
        let letter = LogLetter {
            sender: &event.sender,
            message_id: &event.message_id,
            bytes: event.bytes,
            sections: composer.sections_for(&event.member).collect(),
            code: reply.code,
            status: reply.status.as_deref(),
            reply: &reply.text,
        };
        self.log_line(&LogLine {
            time: event.at,
            member: Some(event.member.id),
            address: event.member.address.as_ref().map(Address::as_str),
            letter: Some(letter),
            ..LogLine::new(run, issue, state.as_str())
        });
    }

    fn log_skipped(
        &mut self,
        ledger: &Ledger,
        composer: &Composer,
        segment: Option<&Segment>,
        run: &str,
        issue: &IssueName,
    ) -> Result<(), Error> {
        ledger.for_each_member(|row| {
            let skip = row.skip().or_else(|| skip(composer, segment, &row.member));
            if let Some(skip) = skip.filter(|_| row.active) {
                self.log_line(&LogLine {
                    member: Some(row.member.id),
                    address: row.member.address.as_ref().map(Address::as_str),
                    reason: Some(skip.as_str()),
                    ..LogLine::new(run, issue, "skipped")
                });
            }
            Ok::<_, Error>(())
        })
    }

    /// The ledger is the truth: a log that can't be written is said once a line, and the run goes on.
    fn log_line(&mut self, line: &LogLine<'_>) {
        if let Err(error) = self.log.add(line) {
            self.terminal.say(error.to_string());
        }
    }

    fn table(&self, counts: &Counts, letters: u64, relay: &str, issue: &IssueName) -> String {
        let what = match (self.is_dry, letters) {
            (true, _) => format!(
                "Dry run of {issue}: {} in {relay}, nothing sent",
                plural(letters, "letter", "letters")
            ),
            (false, 0) if counts.open() == 0 => format!("{issue}: nothing to send"),
            (false, _) => format!("{issue}: {} tried through {relay}", plural(letters, "letter", "letters")),
        };
        format!("{what}\n\n{}", super::status::table(counts))
    }

    fn ended(&self, end: End, counts: &Counts, issue: &IssueName) -> Result<ExitCode, Error> {
        let open = counts.open();
        match end {
            End::RelayGone(error) if open > 0 => return Err(error.into()),
            End::RefusedUs(reply) => {
                let message = format!("no letter can be taken, whoever it is for: {reply}");
                return Err(Error::new(Kind::TryAgain, message)
                    .hint("the run was stopped before more letters were tried; mend it and run again"));
            }
            End::Interrupted => {
                let left = plural(open, "letter is", "letters are");
                return Err(Error::new(Kind::TryAgain, format!("stopped as asked; {left} left"))
                    .hint(format!("go on with: medlemsbrev send {issue}")));
            }
            End::Done | End::RelayGone(_) => {}
        }
        if counts.in_state(State::InDoubt) > 0 {
            self.terminal.say(format!(
                "Letters are in doubt: see `medlemsbrev status {issue}` and `medlemsbrev resolve`."
            ));
        }
        if self.is_dry {
            let shown = "medlemsbrev preview --member ADDRESS";
            self.terminal.say(format!(
                "Look at single letters with `{shown}`; log: {}",
                self.project.log_path("dry-run").display()
            ));
        }
        Ok(exit_code(counts))
    }
}

/// 75 while letters are deferred, 1 with rejected letters or letters in doubt, else 0.
pub(super) fn exit_code(counts: &Counts) -> ExitCode {
    if counts.in_state(State::Deferred) > 0 {
        return ExitCode::from(Kind::TryAgain.exit_code());
    }
    ExitCode::from(u8::from(counts.in_state(State::Rejected) + counts.in_state(State::InDoubt) > 0))
}

impl<'a> LogLine<'a> {
    fn new(run: &'a str, issue: &'a IssueName, event: &'a str) -> Self {
        Self {
            time: Timestamp::now(),
            run,
            issue,
            event,
            member: None,
            address: None,
            reason: None,
            letter: None,
            counts: None,
        }
    }
}

/// Where every member stands after the run.
fn survey(
    ledger: &Ledger,
    composer: &Composer,
    segment: Option<&Segment>,
    issue: &IssueName,
) -> Result<Counts, Error> {
    Ok(ledger.survey(issue, |member| skip(composer, segment, member))?)
}

/// Why the issue is not for a member that could be mailed.
pub(super) fn skip(composer: &Composer, segment: Option<&Segment>, member: &Member) -> Option<Skip> {
    if segment.is_some_and(|segment| !segment.matches(member)) {
        return Some(Skip::OutsideSegment);
    }
    composer.sections_for(member).next().is_none().then_some(Skip::NoSection)
}

/// True after the first Ctrl-C or SIGTERM; the second one ends the program at once.
fn stop_on_signal() -> watch::Receiver<bool> {
    use tokio::signal::unix::{SignalKind, signal};
    let (stop, stopped) = watch::channel(false);
    tokio::spawn(async move {
        let (Ok(mut interrupt), Ok(mut terminate)) =
            (signal(SignalKind::interrupt()), signal(SignalKind::terminate()))
        else {
            return;
        };
        for round in 0.. {
            tokio::select! {
                _ = interrupt.recv() => {}
                _ = terminate.recv() => {}
            }
            if round > 0 {
                std::process::exit(i32::from(Kind::TryAgain.exit_code()));
            }
            stop.send_replace(true);
        }
    });
    stopped
}

/// One marked letter that no ledger knows of.
async fn test(
    project: &Project,
    issue: &IssueName,
    address: &Address,
    terminal: Terminal,
) -> Result<ExitCode, Error> {
    let ledger = Ledger::open_existing(&project.ledger_path())?;
    let (fields, member) = match &ledger {
        Some(ledger) => (ledger.fields()?, ledger.member_by_address(address)?.map(|row| row.member)),
        None => (crate::domain::field::KNOWN.map(str::to_owned).into(), None),
    };
    let composer = project.composer(issue, fields)?;
    let reader = member.unwrap_or_else(|| composer.neutral_reader());
    let reader = Member { address: Some(address.clone()), ..reader };
    let letter = composer.letter(&reader, Mark::Test, Timestamp::now())?;
    let relay = project.relay(issue)?;
    let mut session = relay.connect().await?;
    let delivered = session.deliver(&letter).await;
    session.close().await;
    let state = State::from(&delivered.outcome);
    terminal.data(format!("Test letter to {address}: {}: {}", state.as_str(), delivered.outcome.reply()));
    Ok(match delivered.outcome {
        Outcome::Accepted(_) => ExitCode::SUCCESS,
        Outcome::Deferred(_) => ExitCode::from(Kind::TryAgain.exit_code()),
        Outcome::Rejected(_) | Outcome::InDoubt(_) => ExitCode::from(1),
    })
}
