//! The issues of the year: due, written, approved, sent.

use jiff::civil::Date;

use crate::domain::{IssueName, State};
use crate::error::Error;
use crate::ledger::{Ledger, ReviewKind};
use crate::report::Table;

use crate::commands::Project;

/// An issue of the schedule.
#[derive(Debug)]
pub(in crate::commands) struct DueIssue {
    pub issue: IssueName,
    pub due: Date,
    pub standing: LetterProgress,
}

/// The progress of an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::commands) enum LetterProgress {
    NotBegun,
    Written,
    Approved,
    Cancelled,
    /// Some letters have been sent, others have not.
    Sending,
    Sent,
}

impl LetterProgress {
    fn as_str(self) -> &'static str {
        match self {
            Self::NotBegun => "no folder yet",
            Self::Written => "being written",
            Self::Approved => "approved",
            Self::Cancelled => "cancelled",
            Self::Sending => "partly sent",
            Self::Sent => "sent",
        }
    }

    /// Tells whether it needs no reminder.
    pub fn is_settled(self) -> bool {
        matches!(self, Self::Approved | Self::Cancelled | Self::Sent)
    }
}

/// The issues of this year and the first one of the next.
pub(in crate::commands) fn due_issues(
    project: &Project,
    ledger: &Ledger,
    today: Date,
) -> Result<Vec<DueIssue>, Error> {
    let due = &project.config.schedule.due;
    let this_year = due.iter().enumerate().map(|(index, day)| (today.year(), index + 1, day));
    let next = due.first().map(|day| (today.year() + 1, 1, day));
    let mut due_issues = Vec::new();
    for (year, number, day) in this_year.chain(next) {
        let (Some(due), Ok(issue)) = (day.in_year(year), format!("{year}-{number}").parse::<IssueName>())
        else {
            continue;
        };
        let standing = standing(project, ledger, &issue)?;
        due_issues.push(DueIssue { issue, due, standing });
    }
    Ok(due_issues)
}

fn standing(project: &Project, ledger: &Ledger, issue: &IssueName) -> Result<LetterProgress, Error> {
    Ok(if ledger.review(issue, ReviewKind::Cancelled)?.is_some() {
        LetterProgress::Cancelled
    } else if ledger.has_deliveries(issue)? {
        let is_open = ledger.has_in(issue, &[State::Queued, State::Deferred, State::Sending])?;
        if is_open { LetterProgress::Sending } else { LetterProgress::Sent }
    } else if ledger.review(issue, ReviewKind::Approved)?.is_some() {
        LetterProgress::Approved
    } else if project.issues().contains(issue) {
        LetterProgress::Written
    } else {
        LetterProgress::NotBegun
    })
}

/// The due issues as a table.
pub(in crate::commands) fn table(due_issues: &[DueIssue], today: Date) -> Table {
    let mut table = Table::new(["issue", "due", "", "standing"]);
    for DueIssue { issue, due, standing } in due_issues {
        let days = (*due - today).get_days();
        let when = match days {
            _ if standing.is_settled() => String::new(),
            0 => "today".to_owned(),
            1.. => format!("in {days} days"),
            _ => format!("{} days late", -days),
        };
        table.row([issue.to_string(), due.to_string(), when, standing.as_str().to_owned()]);
    }
    table
}
