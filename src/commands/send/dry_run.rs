//! The report of a dry run: who gets what, when the letters would be sent, and what has changed since the last one.

use std::path::PathBuf;

use jiff::Timestamp;
use serde::Serialize;

use crate::compose::{Composer, LetterContent};
use crate::domain::{IssueName, Member, Outcome};
use crate::error::Error;
use crate::report::{Terminal, plural};
use crate::send::{Forecast, SettledLetter};

use super::breakdown::{Breakdown, RunOutcome};
use super::compare::{self, Summary};
use super::review::Changes;
use crate::commands::Project;

/// A dry run's additions to a run: what is known before it, and counts while it continues.
#[derive(Debug)]
pub(in crate::commands) struct DryRun {
    pub breakdown: Breakdown,
    pub forecast: Option<Forecast>,
    /// Since the last dry run for all members; `None` if there was none.
    pub changes: Option<Changes>,
    /// Whether it is for all members.
    pub is_whole: bool,
    /// The letters' folder.
    pub folder: PathBuf,
    /// The log file.
    pub log: PathBuf,
    /// Whether the log is the project's own, which has the earlier dry runs.
    pub is_usual_log: bool,
}

/// The additions of a dry run to the JSON report of a run.
#[derive(Debug, Serialize)]
pub(in crate::commands) struct DryReport<'a> {
    #[serde(flatten)]
    breakdown: &'a Breakdown,
    forecast: Option<Ahead>,
    changes: Option<&'a Changes>,
    /// Compared with the previous dry run; `None` if there was none.
    changed_letters: Option<Summary>,
    folder: &'a PathBuf,
    log: &'a PathBuf,
}

/// When the letters would be sent.
#[derive(Debug, Serialize)]
struct Ahead {
    quota: String,
    runs: u64,
    done: Timestamp,
}

impl DryRun {
    /// Counts a letter, and returns its content.
    pub fn letter(&mut self, event: &SettledLetter, composer: &Composer) -> Option<LetterContent> {
        let is_made = matches!(event.outcome, Outcome::Accepted(_));
        if is_made {
            self.breakdown.add_letter(&event.household, composer);
        }
        // Any letter that was composed can be rendered again.
        is_made.then(|| composer.content(&event.household).ok()).flatten()
    }

    /// Counts a member without a letter in this run.
    pub fn member(&mut self, member: &Member, outcome: RunOutcome) {
        self.breakdown.add(member, outcome);
    }

    /// The report for programs, once the log is complete.
    pub fn report(&self, project: &Project, issue: &IssueName) -> Result<DryReport<'_>, Error> {
        let ahead = |Forecast { quota, runs, done }: Forecast| Ahead { quota: quota.to_string(), runs, done };
        Ok(DryReport {
            breakdown: &self.breakdown,
            forecast: self.forecast.map(ahead),
            changes: self.changes.as_ref(),
            changed_letters: self.summary(project, issue)?,
            folder: &self.folder,
            log: &self.log,
        })
    }

    /// The report for people.
    pub fn text(&self, project: &Project, issue: &IssueName, letters: u64) -> Result<String, Error> {
        let mut parts = vec![self.breakdown.tables().trim_end().to_owned()];
        parts.extend(self.forecast.map(|forecast| forecast_words(project, letters, &forecast)));
        if self.is_whole {
            parts.push(self.changes_text(project, issue, self.summary(project, issue)?));
        }
        Ok(parts.join("\n\n"))
    }

    fn changes_text(&self, project: &Project, issue: &IssueName, letters: Option<Summary>) -> String {
        let Some(changes) = &self.changes else {
            return format!("This was the first dry run of {issue}.");
        };
        let since = project.clock_time(changes.since);
        let mut lines = changes.lines(true);
        lines.extend(letters.filter(|letters| letters.differ()).map(|letters| {
            format!("letters  {letters}: see `medlemsbrev log {issue} --kind dry-run --diff`")
        }));
        if lines.is_empty() {
            return format!("Nothing changed since the dry run of {since}.");
        }
        format!("Since the dry run of {since}:\n  {}", lines.join("\n  "))
    }

    fn summary(&self, project: &Project, issue: &IssueName) -> Result<Option<Summary>, Error> {
        if self.is_usual_log { compare::summary(project, issue) } else { Ok(None) }
    }

    /// Says how to look at the details.
    pub fn say_where(&self, issue: &IssueName, terminal: Terminal) {
        let Self { folder, log, .. } = self;
        terminal.say(format!(
            "View individual letters with `medlemsbrev preview {issue} --member ADDRESS`, or open the .eml files in {}. \
             Log (one line per member): {}",
            folder.display(),
            log.display()
        ));
    }
}

/// When this many letters will have been sent.
pub(in crate::commands) fn forecast_words(project: &Project, letters: u64, forecast: &Forecast) -> String {
    let Forecast { quota, runs, done } = forecast;
    let letters = plural(letters, "letter", "letters");
    let runs = plural(*runs, "run", "runs");
    format!("{letters} at {quota}: {runs}, done about {}.", project.clock_time(*done))
}
