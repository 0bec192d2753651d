//! `remind`: tells the editors by mail that an issue is due, and what is missing in it.

use std::fmt::Write as _;

use jiff::Timestamp;
use jiff::civil::Date;

use crate::compose::Notice;
use crate::domain::{IssueName, Outcome};
use crate::error::{Error, Exit, Kind};
use crate::ledger::{Ledger, Review, ReviewKind};
use crate::report::plural;

use super::year::{DueIssue, Standing, due_issues};
use crate::commands::{Context, Project};

/// The editors are told once in this many days.
const EVERY_DAYS: i64 = 7;

/// Runs the command: silent if nothing is due, or the editors were told lately.
pub fn run(context: Context<'_>) -> Result<Exit, Error> {
    let schedule = &context.project.config.schedule;
    if schedule.due.is_empty() || schedule.editors.is_empty() {
        return Err(Error::new(Kind::Config, "nobody to remind: [schedule] has no `due` or no `editors`")
            .hint("add due = [\"05-15\", \"11-15\"] and editors = [\"you@example.org\"]"));
    }
    let _lock = context.project.lock("remind")?;
    let ledger = context.project.ledger()?;
    let now = Timestamp::now();
    let today = now.to_zoned_datetime(context.project.config.association.time_zone.0.clone()).date();
    for due_issue in due_issues(context.project, &ledger, today)? {
        let days = (due_issue.due - today).get_days();
        let is_near = days <= i32::from(schedule.remind_days);
        if due_issue.standing.is_settled() || !is_near || was_told(&ledger, &due_issue.issue, now)? {
            continue;
        }
        let (subject, text) = words(context.project, &due_issue, days, today);
        crate::commands::runtime()?.block_on(mail(context, &due_issue.issue, &subject, &text))?;
        ledger.keep_review(&due_issue.issue, ReviewKind::Reminded, &Review::default(), now)?;
        let editors = plural(schedule.editors.len() as u64, "editor was", "editors were");
        context.terminal.data(format!("{editors} told: {subject}."));
    }
    Ok(Exit::Done)
}

fn was_told(ledger: &Ledger, issue: &IssueName, now: Timestamp) -> Result<bool, Error> {
    let told = ledger.review(issue, ReviewKind::Reminded)?;
    let told = told.and_then(|review| review.at.parse::<Timestamp>().ok());
    Ok(told.is_some_and(|told| now.duration_since(told).as_hours() < EVERY_DAYS * 24 - 1))
}

fn words(project: &Project, due_issue: &DueIssue, days: i32, today: Date) -> (String, String) {
    let DueIssue { issue, due, standing } = due_issue;
    let when = if days >= 0 { format!("in {days} days") } else { format!("{} days late", -days) };
    let subject = format!("{} {issue} is due on {due}", project.config.association.name);
    let mut text = format!("{issue} is due on {due}; today is {today} ({when}).\n\n");
    match standing {
        Standing::NotBegun => drop(writeln!(text, "It has no folder yet: medlemsbrev new {issue}")),
        Standing::Sending => drop(writeln!(text, "Letters are left: medlemsbrev send {issue}")),
        _ => {
            text += &sections(project, issue);
            let _infallible = writeln!(
                text,
                "When it is ready: medlemsbrev send {issue} --dry-run, then medlemsbrev approve {issue}"
            );
        }
    }
    (subject, text)
}

/// The sections that are there, and those that the last issue had and this one has not.
fn sections(project: &Project, issue: &IssueName) -> String {
    let names = |issue: &IssueName| -> Vec<String> {
        let source = project.source(issue).ok();
        source.iter().flat_map(|source| &source.sections).map(|section| section.title.clone()).collect()
    };
    let here = names(issue);
    let last = project.issues().into_iter().rfind(|other| other < issue);
    let missing: Vec<String> = last.iter().flat_map(names).filter(|title| !here.contains(title)).collect();
    let mut text = match here.as_slice() {
        [] => "It has no readable section yet; see: medlemsbrev check\n".to_owned(),
        titles => format!("Sections so far:\n  {}\n", titles.join("\n  ")),
    };
    if let (Some(last), false) = (last, missing.is_empty()) {
        let _infallible = write!(text, "{last} had also:\n  {}\n", missing.join("\n  "));
    }
    text + "\n"
}

async fn mail(context: Context<'_>, issue: &IssueName, subject: &str, text: &str) -> Result<(), Error> {
    let project = context.project;
    let sender = &project.config.sender.address;
    let signers = project.signers()?;
    let relay = context.relay(issue)?;
    let mut session = relay.connect().await?;
    for (number, editor) in project.config.schedule.editors.iter().enumerate() {
        let now = Timestamp::now();
        let message_id = format!("remind-{issue}-{number}.{}@{}", now.as_second(), sender.domain());
        let notice =
            Notice { from_name: None, from: sender, to: editor, subject, text, message_id, answer: None };
        let letter = notice.letter(&signers, now)?;
        let delivered = session.deliver(&letter, None).await;
        if !matches!(delivered.outcome, Outcome::Accepted(_)) {
            let message = format!("the reminder to {editor} was not taken: {}", delivered.outcome.reply());
            return Err(Error::new(Kind::TryAgain, message));
        }
    }
    session.close().await;
    Ok(())
}
