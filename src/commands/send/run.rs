//! A run of `send`: progress, logs, the result, and the exit code.

use std::collections::HashSet;
use std::sync::Arc;

use jiff::{SignedDuration, Timestamp};
use serde::Serialize;

use super::notice_sum::NoticeSum;
use super::prepare::Prepared;
use crate::compose::Composer;
use crate::diagnosis::{self, About};
use crate::domain::Reply;
use crate::domain::{Address, IssueName, MemberId, Outcome, Segment, State};
use crate::error::{Error, ErrorKind, Exit};
use crate::feedback::BounceLogLine;
use crate::ledger::{Ledger, MemberCounts, MemberStanding};
use crate::relay::Relay;
use crate::report::{JsonLines, plural};
use crate::send::skip;
use crate::send::{RunEnd, RunNews, SettledLetter};

use super::breakdown::RunOutcome;
use super::dry_run::{DryReport, DryRun};
use super::progress::Progress;
use super::run_log::RunLog;
use crate::commands::Context;
use crate::commands::stop::{Hangup, stop_on_signal};

/// Cron repeats a message after this time, a little less than a day.
pub(in crate::commands) const ONCE_A_DAY: SignedDuration = SignedDuration::from_hours(23);

/// The result of a run, as JSON.
#[derive(Debug, Serialize)]
struct RunReport<'a> {
    issue: &'a IssueName,
    run: &'a str,
    dry_run: bool,
    /// Letters of this run.
    letters: u64,
    counts: &'a MemberCounts,
    total: u64,
    #[serde(skip_serializing_if = "Option::is_none")]
    notice: Option<NoticeSum>,
    #[serde(flatten)]
    dry: Option<DryReport<'a>>,
}

/// The number of letters that a run has tried, each counted once.
#[derive(Debug, Default)]
struct Tried {
    settled: u64,
    /// Letters that may be retried.
    deferred: HashSet<MemberId>,
}

impl Tried {
    fn add(&mut self, event: &SettledLetter) {
        let was_deferred = match event.outcome {
            Outcome::Deferred(_) => {
                self.deferred.insert(event.household.lead.id);
                return;
            }
            _ => self.deferred.remove(&event.household.lead.id),
        };
        // A correction is about a letter that was counted before.
        self.settled += u64::from(was_deferred || !event.is_correction);
    }

    fn count(&self) -> u64 {
        self.settled + self.deferred.len() as u64
    }
}

/// The report at the end of a run.
struct Ending<'a> {
    counts: &'a MemberCounts,
    letters: u64,
    /// Set for a notice.
    notice: Option<NoticeSum>,
}

/// A run, and where it reports to.
pub(in crate::commands) struct Run<'a> {
    pub context: Context<'a>,
    pub log: RunLog,
    /// Set if nothing is sent.
    pub dry: Option<DryRun>,
    /// Whether cron runs it: it repeats a message at most once a day.
    pub is_cron: bool,
}

impl Run<'_> {
    /// Sends the prepared letters.
    pub(in crate::commands) async fn go(mut self, prepared: Prepared, relay: Relay) -> Result<Exit, Error> {
        let Prepared { ledger, composer, job, letters, .. } = prepared;
        let issue = job.issue.clone();
        let segment = job.segment.clone();
        ledger.queue(&issue, Timestamp::now(), |member| job.is_for(&composer, member))?;
        self.members_without_letter(&ledger, &composer, segment.as_ref(), &issue)?;
        let name = relay.name();
        let mut tried = Tried::default();
        let (ledger, end) = if letters == 0 {
            (ledger, RunEnd::Done)
        } else {
            let progress = Progress::new(self.context.terminal, letters);
            let report = |news: RunNews<'_>| match news {
                RunNews::Letter(event) => {
                    tried.add(event);
                    self.letter(event, &composer, &progress);
                }
                RunNews::Pause(delay, why) => progress.pause(delay, &why, self.context.terminal),
            };
            let stop = stop_on_signal(Hangup::StopsUnlessIgnored);
            let relay = Arc::new(relay);
            let sent =
                crate::send::run(ledger, Arc::clone(&composer), Arc::clone(&relay), job, stop, report).await;
            progress.bar.finish_and_clear();
            let (ledger, end) = sent?;
            if let Some(tolerates) = relay.tolerates_look_ahead() {
                ledger.keep_look_ahead(&name, tolerates, Timestamp::now())?;
            }
            (ledger, end)
        };
        if self.dry.is_some() {
            self.members_left(&ledger, &composer, segment.as_ref(), &issue)?;
        }
        let counts = ledger.survey(&issue, |member| skip(&composer, segment.as_ref(), member))?;
        self.log.finished(&counts);
        let is_news = !self.is_cron || {
            let what = format!("{} {}", end.name(), exit_code(&counts).code());
            ledger.tell(&issue, &what, ONCE_A_DAY, Timestamp::now())?
        };
        if is_news {
            let notice = NoticeSum::of(self.context.project, &ledger, &composer)?;
            self.report(&Ending { counts: &counts, letters, notice }, tried.count(), &name, &issue)?;
        }
        let ended = self.ended(end, &counts, &issue);
        match ended {
            Err(error) if !is_news => Ok(Exit::Failed(error.kind())),
            ended => ended,
        }
    }

    fn letter(&mut self, event: &SettledLetter, composer: &Composer, progress: &Progress) {
        let state = State::from(&event.outcome);
        let reply = event.outcome.reply();
        progress.count(&event.outcome, self.context.terminal);
        if self.context.terminal.verbose > 0 || !matches!(event.outcome, Outcome::Accepted(_)) {
            let address = event.household.lead.address.as_ref().map_or("", Address::as_str);
            progress
                .bar
                .suspend(|| self.context.terminal.say(format!("{}: {address}: {reply}", state.as_str())));
        }
        if self.dry.is_none() {
            self.log_refusal(event);
        }
        let content = self.dry.as_mut().and_then(|dry| dry.letter(event, composer));
        self.log.letter(event, composer, content.as_ref());
    }

    /// Logs everybody who gets no letter in this run: skipped, or settled before it.
    fn members_without_letter(
        &mut self,
        ledger: &Ledger,
        composer: &Composer,
        segment: Option<&Segment>,
        issue: &IssueName,
    ) -> Result<(), Error> {
        ledger.for_each_standing(
            issue,
            |member| skip(composer, segment, member),
            |member, standing, _| {
                let outcome = match standing {
                    MemberStanding::Skipped(skip) => {
                        self.log.member(member, "skipped", Some(skip.as_str()));
                        RunOutcome::Skipped
                    }
                    MemberStanding::In(state) if !state.may_be_claimed() => {
                        if self.dry.is_some() {
                            self.log.member(member, "earlier", Some(state.as_str()));
                        }
                        RunOutcome::Earlier
                    }
                    MemberStanding::In(_) => return Ok(()),
                };
                if let Some(dry) = &mut self.dry {
                    dry.member(member, outcome);
                }
                Ok::<_, Error>(())
            },
        )
    }

    /// Logs the members left for a later run of a dry run, for example by a limit.
    fn members_left(
        &mut self,
        ledger: &Ledger,
        composer: &Composer,
        segment: Option<&Segment>,
        issue: &IssueName,
    ) -> Result<(), Error> {
        ledger.for_each_standing(
            issue,
            |member| skip(composer, segment, member),
            |member, standing, _| {
                if let (MemberStanding::In(State::Queued), Some(dry)) = (standing, &mut self.dry) {
                    self.log.member(member, "left", None);
                    dry.member(member, RunOutcome::Left);
                }
                Ok::<_, Error>(())
            },
        )
    }

    /// Adds a refusal to the bounce log if it was recorded with the letter's state.
    fn log_refusal(&self, event: &SettledLetter) {
        let Some(record) = &event.bounce else { return };
        let line = BounceLogLine { time: event.at, event: "refused", record };
        let logged =
            JsonLines::open(&self.context.project.log_path("bounce")).and_then(|mut log| log.add(&line));
        if let Err(error) = logged {
            self.context.terminal.say(error.to_string());
        }
    }

    fn report(&self, ending: &Ending<'_>, tried: u64, relay: &str, issue: &IssueName) -> Result<(), Error> {
        let Ending { counts, letters, notice } = *ending;
        let dry = &self.dry;
        if self.context.terminal.json {
            self.context.terminal.json(&RunReport {
                issue,
                run: self.log.run(),
                dry_run: dry.is_some(),
                letters,
                counts,
                total: counts.total(),
                notice,
                dry: dry.as_ref().map(|dry| dry.report(self.context.project, issue)).transpose()?,
            });
            return Ok(());
        }
        self.context.terminal.text(self.table(counts, tried, relay, issue));
        if let Some(notice) = notice {
            self.context.terminal.text(notice.to_string());
        }
        if let Some(dry) = dry {
            self.context.terminal.text(format!("\n{}\n", dry.text(self.context.project, issue, letters)?));
        }
        Ok(())
    }

    fn table(&self, counts: &MemberCounts, letters: u64, relay: &str, issue: &IssueName) -> String {
        let what = match (self.dry.is_some(), letters) {
            (true, _) => format!(
                "Dry run of {issue}: {} in {relay}, nothing sent",
                plural(letters, "letter", "letters")
            ),
            (false, 0) if counts.open() == 0 => format!("{issue}: nothing to send"),
            (false, _) => format!("{issue}: {} tried through {relay}", plural(letters, "letter", "letters")),
        };
        format!("{what}\n\n{}", crate::commands::states::table(counts))
    }

    fn ended(&self, end: RunEnd, counts: &MemberCounts, issue: &IssueName) -> Result<Exit, Error> {
        let open = counts.open();
        match end {
            RunEnd::RelayGone(error) if open > 0 => return Err(error.into()),
            RunEnd::RefusedUs(reply) => {
                return Err(refused_us(&reply, open));
            }
            RunEnd::QuotaUsed { quota, until } => {
                let left = plural(open, "letter is", "letters are");
                let message = format!("the quota of {quota} is used up; {left} left");
                return Err(Error::new(ErrorKind::TryAgain, message).hint(format!(
                    "run again after {}: medlemsbrev send {issue}",
                    self.context.project.clock_time(until)
                )));
            }
            RunEnd::WindowClosed => {
                let left = plural(open, "letter is", "letters are");
                let message = format!("the time to send {issue} is over; {left} left");
                return Err(Error::new(ErrorKind::Data, message)
                    .hint(format!("change send_until in issue.toml, then run: medlemsbrev send {issue}")));
            }
            RunEnd::TooSlow => {
                let left = plural(open, "letter is", "letters are");
                let message =
                    format!("the server accepts letters too slowly, and `patience` is used up; {left} left");
                return Err(Error::new(ErrorKind::TryAgain, message)
                    .hint("run again later, or set a quota in [transport] that the server allows"));
            }
            RunEnd::Cancelled => {
                let left = plural(open, "letter is", "letters are");
                self.context.terminal.say(format!("Cancelled. {left} left."));
                return Ok(Exit::Done);
            }
            RunEnd::Interrupted => {
                let left = plural(open, "letter is", "letters are");
                return Err(Error::new(ErrorKind::TryAgain, format!("stopped on request; {left} left"))
                    .hint(format!("resume with: medlemsbrev send {issue}")));
            }
            RunEnd::Done | RunEnd::RelayGone(_) => {}
        }
        if counts.in_state(State::InDoubt) > 0 {
            self.context.terminal.say(format!(
                "Some letters are in doubt: see `medlemsbrev status {issue}` and `medlemsbrev resolve {issue}`."
            ));
        }
        if let Some(dry) = &self.dry {
            dry.say_where(issue, self.context.terminal);
        }
        Ok(exit_code(counts))
    }
}

/// 75 while letters are deferred, 1 if letters are rejected or in doubt, else 0.
pub(in crate::commands) fn exit_code(counts: &MemberCounts) -> Exit {
    if counts.in_state(State::Deferred) > 0 {
        return Exit::Failed(ErrorKind::TryAgain);
    }
    if counts.in_state(State::Rejected) + counts.in_state(State::InDoubt) > 0 {
        Exit::Partly
    } else {
        Exit::Done
    }
}

/// The error of a run that a refusal by the server has stopped, with advice.
fn refused_us(reply: &Reply, open: u64) -> Error {
    let left = plural(open, "letter is", "letters are");
    let error = |kind, message: String, hint: &str| {
        Error::new(kind, message)
            .hint(format!("{hint}; no letter was rejected because of it, and {left} left"))
    };
    match diagnosis::about(reply) {
        About::Us(fault) => {
            let kind = if fault.passes() { ErrorKind::TryAgain } else { ErrorKind::Config };
            error(kind, format!("the server refuses letters from us: {reply}"), fault.advice())
        }
        About::Message => error(
            ErrorKind::Data,
            format!("the server refuses the letter itself: {reply}"),
            "make the letter smaller or change it",
        ),
        About::Recipient | About::Unknown => error(
            ErrorKind::TryAgain,
            format!("the server refuses every letter: {reply}"),
            "fix the cause and run again",
        ),
    }
}
