//! `remind`: mails the editors that an issue is due, and what is missing in it.

use jiff::Timestamp;
use jiff::civil::Date;

use serde::Serialize;

use crate::compose::{Association, Notice};
use crate::domain::{IssueName, Outcome};
use crate::error::{Error, ErrorKind, Exit};
use crate::ledger::{Ledger, Review, ReviewKind};
use crate::report::plural;

use super::year::{DueIssue, LetterProgress, due_issues};
use crate::commands::{Context, Project};

/// The placeholder of `new` for a missing text.
const UNFINISHED: &str = "TODO";
/// The editors get at most one reminder in this many days.
const EVERY_DAYS: i64 = 7;

/// Runs the command: silent if nothing is due, or if the editors were reminded recently.
pub fn run(context: Context<'_>) -> Result<Exit, Error> {
    let schedule = &context.project.config.schedule;
    if schedule.due.is_empty() || schedule.editors.is_empty() {
        return Err(Error::new(
            ErrorKind::Config,
            "nobody to remind: [schedule] has no `due` or no `editors`",
        )
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
        let (subject, text) = words(context.project, &due_issue, days, today)?;
        crate::commands::runtime()?.block_on(mail(context, &due_issue.issue, &subject, &text))?;
        ledger.keep_review(&due_issue.issue, ReviewKind::Reminded, &Review::default(), now)?;
        let editors = plural(schedule.editors.len() as u64, "editor was", "editors were");
        context.terminal.data(format!("{editors} told: {subject}."));
    }
    Ok(Exit::Done)
}

fn was_told(ledger: &Ledger, issue: &IssueName, now: Timestamp) -> Result<bool, Error> {
    let told = ledger.review(issue, ReviewKind::Reminded)?;
    Ok(told.is_some_and(|told| now.duration_since(told.at).as_hours() < EVERY_DAYS * 24 - 1))
}

/// Subject and text of the reminder, in the association's language.
fn words(project: &Project, due_issue: &DueIssue, days: i32, today: Date) -> Result<(String, String), Error> {
    let DueIssue { issue, due, standing } = due_issue;
    let texts = project.texts()?;
    let data = Reminder {
        association: project.association(),
        issue,
        due: texts.language.date(*due),
        today: texts.language.date(today),
        late: days < 0,
        days: days.unsigned_abs(),
        not_begun: matches!(standing, LetterProgress::NotBegun),
        sending: matches!(standing, LetterProgress::Sending),
        sections: SectionTitles::of(project, issue),
    };
    Ok((texts.fill("reminder_subject", &data)?, texts.fill("reminder_text", &data)?))
}

/// The data for the reminder's text.
#[derive(Serialize)]
struct Reminder<'a> {
    association: Association,
    issue: &'a IssueName,
    due: String,
    today: String,
    late: bool,
    days: u32,
    not_begun: bool,
    sending: bool,
    #[serde(flatten)]
    sections: SectionTitles,
}

/// The titles of an issue's sections.
#[derive(Serialize)]
struct SectionTitles {
    /// Finished sections.
    #[serde(rename = "sections")]
    finished: Vec<String>,
    /// Sections with something left to write.
    unfinished: Vec<String>,
    /// Sections that the issue before had and this one lacks.
    missing: Vec<String>,
    last: Option<IssueName>,
}

impl SectionTitles {
    fn of(project: &Project, issue: &IssueName) -> Self {
        let read = |issue: &IssueName| -> Vec<(String, bool)> {
            let source = project.source(issue).ok();
            let sections = source.iter().flat_map(|source| &source.sections);
            sections.map(|section| (section.title.clone(), section.markdown.contains(UNFINISHED))).collect()
        };
        let here = read(issue);
        let last = project.issues().into_iter().rfind(|other| other < issue);
        let before = last.iter().flat_map(read).map(|(title, _)| title);
        let missing = before.filter(|title| !here.iter().any(|(other, _)| other == title)).collect();
        let (unfinished, finished): (Vec<_>, Vec<_>) =
            here.into_iter().partition(|(_, is_unfinished)| *is_unfinished);
        let titles = |sections: Vec<(String, bool)>| sections.into_iter().map(|(title, _)| title).collect();
        Self { finished: titles(finished), unfinished: titles(unfinished), missing, last }
    }
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
        let notice = Notice {
            from_name: Some(project.config.sender_name().to_owned()),
            from: sender,
            to: editor,
            subject,
            text,
            message_id,
            answer: None,
        };
        let letter = notice.letter(&signers, now)?;
        let delivered = session.deliver(&letter).await;
        if !matches!(delivered.outcome, Outcome::Accepted(_)) {
            let message = format!("the reminder to {editor} was not accepted: {}", delivered.outcome.reply());
            return Err(Error::new(ErrorKind::TryAgain, message));
        }
    }
    session.close().await;
    Ok(())
}
