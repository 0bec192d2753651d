//! A run of `send`: progress, logs, the sum at the end, and the exit code.

use std::process::ExitCode;
use std::sync::Arc;

use jiff::Timestamp;
use serde::Serialize;

use crate::compose::Composer;
use crate::domain::{Address, IssueName, Member, MemberId, Outcome, Segment, State};
use crate::error::{Error, Kind};
use crate::ledger::{Counts, Ledger, Skip};
use crate::relay::Relay;
use crate::report::{JsonLines, Terminal, plural};
use crate::send::{End, Event, Job, News};

use super::Project;
use super::progress::{Progress, stop_on_signal};

/// What a run needs once everything is checked.
pub(super) struct Prepared {
    pub ledger: Ledger,
    pub composer: Arc<Composer>,
    pub job: Job,
    /// Letters that this run is to send.
    pub letters: u64,
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

/// A run with where it reports to.
pub(super) struct Run<'a> {
    pub project: &'a Project,
    pub log: JsonLines,
    pub terminal: Terminal,
    pub is_dry: bool,
}

impl Run<'_> {
    /// Sends what was prepared.
    pub(super) async fn go(mut self, prepared: Prepared, relay: Relay) -> Result<ExitCode, Error> {
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
            let progress = Progress::new(self.terminal, letters);
            let report = |news: News<'_>| match news {
                News::Letter(event) => {
                    tried += u64::from(!matches!(event.outcome, Outcome::Deferred(_)));
                    self.letter(event, &composer, &run, &issue, &progress);
                }
                News::Pause(delay, why) => progress.pause(delay, &why, self.terminal),
            };
            let stop = stop_on_signal();
            let sent =
                crate::send::run(ledger, Arc::clone(&composer), Arc::new(relay), job, stop, report).await;
            progress.bar.finish_and_clear();
            sent?
        };
        if !self.is_dry {
            super::refused::record(self.project, &ledger, &issue)?;
        }
        let counts = survey(&ledger, &composer, segment.as_ref(), &issue)?;
        tried += counts.in_state(State::Deferred);
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
        progress: &Progress,
    ) {
        let state = State::from(&event.outcome);
        let reply = event.outcome.reply();
        progress.count(&event.outcome, self.terminal);
        if self.terminal.verbose > 0 || !matches!(event.outcome, Outcome::Accepted(_)) {
            let address = event.member.address.as_ref().map_or("", Address::as_str);
            progress.bar.suspend(|| self.terminal.say(format!("{}: {address}: {reply}", state.as_str())));
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
            End::QuotaUsed { quota, until } => {
                let left = plural(open, "letter is", "letters are");
                let message = format!("the quota of {quota} is used up; {left} left");
                return Err(Error::new(Kind::TryAgain, message).hint(format!(
                    "from {} on run again: medlemsbrev send {issue}",
                    self.project.clock_time(until)
                )));
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
