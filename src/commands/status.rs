//! `status`: shows what was sent, what was not, and why.

use std::fmt::Write as _;

use jiff::Timestamp;
use serde::Serialize;

use crate::cli::StatusArgs;
use crate::domain::{IssueName, State};
use crate::error::{Error, Exit};
use crate::ledger::{DeliveryRow, HostRow, Ledger, MemberCounts, OnPaper};
use crate::report::{TextRole, count};
use crate::send::skip;

use super::states::{deliveries, table};
use super::{Context, Project};

/// The status of an issue, as JSON.
#[derive(Debug, Serialize)]
struct IssueStatus {
    issue: IssueName,
    counts: MemberCounts,
    total: u64,
    /// Members whose letters were accepted but came back.
    came_back: u64,
    /// Letters for members whom no e-mail can reach.
    on_paper: OnPaper,
    in_doubt: Vec<DeliveryRow>,
    rejected: Vec<DeliveryRow>,
    deferred: Vec<DeliveryRow>,
    /// The hosts that are sending it together, or did.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    hosts: Vec<HostRow>,
}

/// Runs the command.
pub fn run(context: Context<'_>, arguments: &StatusArgs) -> Result<Exit, Error> {
    let Some(ledger) = Ledger::open_for_reading(context.project.ledger_place()?)? else {
        if let Some(issue) =
            arguments.issue.as_ref().filter(|issue| !context.project.issues().contains(issue))
        {
            return Err(context.project.no_issue(issue));
        }
        context.terminal.say("No member list has been imported and no letters have been sent.");
        if context.terminal.json {
            context.terminal.json(&Vec::<IssueStatus>::new());
        }
        return Ok(Exit::Done);
    };
    let mut issues = match &arguments.issue {
        Some(issue) => vec![issue.clone()],
        None => context.project.issues(),
    };
    if arguments.issue.is_none() {
        issues.extend(ledger.issues()?);
        issues.sort();
        issues.dedup();
    }
    for issue in &issues {
        if !context.project.issues().contains(issue) && !ledger.has_deliveries(issue)? {
            return Err(context.project.no_issue(issue));
        }
    }
    let statuses = issues
        .into_iter()
        .map(|issue| of_issue(context.project, &ledger, issue))
        .collect::<Result<Vec<_>, _>>()?;
    if !context.terminal.json {
        for status in &statuses {
            context.terminal.text(status.shown(context.project));
        }
        if arguments.issue.is_none() {
            show_year(context, &ledger)?;
        }
    } else if let (Some(_), [status]) = (&arguments.issue, statuses.as_slice()) {
        context.terminal.json(status);
    } else {
        context.terminal.json(&statuses);
    }
    Ok(Exit::Done)
}

/// The issues of the schedule.
fn show_year(context: Context<'_>, ledger: &Ledger) -> Result<(), Error> {
    let today =
        Timestamp::now().to_zoned_datetime(context.project.config.association.time_zone.0.clone()).date();
    let due_issues = super::schedule::year::due_issues(context.project, ledger, today)?;
    if !due_issues.is_empty() {
        context.terminal.text(super::schedule::year::table(&due_issues, today).to_string());
    }
    Ok(())
}

fn of_issue(project: &Project, ledger: &Ledger, issue: IssueName) -> Result<IssueStatus, Error> {
    // Without its folder an issue still has deliveries, but its audience is unknown.
    let composer = project.composer(&issue, ledger.fields()?).ok();
    let mut counts = ledger
        .survey(&issue, |member| composer.as_ref().and_then(|composer| skip(composer, None, member)))?;
    let mut in_doubt = ledger.deliveries(&issue, State::InDoubt)?;
    if !project.is_locked()? {
        // No run is active: letters that a dead run was sending are in doubt.
        let cut_off = counts.states.insert(State::Sending.as_str(), 0).unwrap_or(0);
        *counts.states.entry(State::InDoubt.as_str()).or_default() += cut_off;
        in_doubt.extend(ledger.deliveries(&issue, State::Sending)?);
    }
    Ok(IssueStatus {
        total: counts.total(),
        came_back: ledger.came_back(&issue)?,
        on_paper: ledger.on_paper(&issue)?,
        counts,
        in_doubt,
        rejected: ledger.deliveries(&issue, State::Rejected)?,
        deferred: ledger.deliveries(&issue, State::Deferred)?,
        hosts: ledger.hosts(&issue)?,
        issue,
    })
}

impl IssueStatus {
    /// The counts, and each letter that may need a person's attention.
    fn shown(&self, project: &Project) -> String {
        let mut text = format!("{}\n\n", TextRole::Strong.on(self.issue.as_str()));
        if self.came_back > 0 {
            let accepted = count(self.counts.in_state(State::Accepted));
            let _infallible = writeln!(
                text,
                "Accepted {accepted}, of them bounced {}: see `medlemsbrev bounces report`.\n",
                count(self.came_back)
            );
        }
        let _infallible = writeln!(text, "{}", table(&self.counts));
        for host in &self.hosts {
            let life = if host.is_alive { "at work" } else { "ended" };
            let _infallible = writeln!(
                text,
                "Host {}: {} letters, {} a minute, {life}, last seen {}.",
                host.name,
                count(host.letters),
                count(host.per_minute),
                project.clock_time(host.seen),
            );
        }
        let OnPaper { to_print, posted } = self.on_paper;
        if to_print + posted > 0 {
            let _infallible = writeln!(text, "On paper: {to_print} to print and post, {posted} posted.\n");
        }
        for (word, rows) in
            [("in doubt", &self.in_doubt), ("rejected", &self.rejected), ("deferred", &self.deferred)]
        {
            if !rows.is_empty() {
                let _infallible = writeln!(text, "{}", deliveries(project, word, rows));
            }
        }
        text
    }
}
