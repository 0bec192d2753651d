//! The results of earlier issues, in counts that do not change any more.

use jiff::Timestamp;

use crate::domain::IssueName;
use crate::error::Error;
use crate::ledger::{IssueSummary, Ledger};
use crate::send::skip;

use super::Project;
use super::postal::postage;

/// Stores the counts of issues that are over, before a command changes the data behind them.
pub(super) fn freeze(project: &Project, ledger: &Ledger, now: Timestamp) -> Result<(), Error> {
    for issue in ledger.to_freeze(now)? {
        ledger.freeze(&issue, &counted(project, ledger, &issue)?, now)?;
    }
    Ok(())
}

/// The counts of an issue: the stored ones with the time when they were stored, if there are any.
pub(super) fn summary(
    project: &Project,
    ledger: &Ledger,
    issue: &IssueName,
) -> Result<(Option<Timestamp>, IssueSummary), Error> {
    match ledger.frozen(issue)? {
        Some((at, summary)) => Ok((Some(at), summary)),
        None => Ok((None, counted(project, ledger, issue)?)),
    }
}

fn counted(project: &Project, ledger: &Ledger, issue: &IssueName) -> Result<IssueSummary, Error> {
    let fields = ledger.fields()?;
    let by = project.config.report.by.iter().filter(|field| fields.contains(*field)).cloned();
    let by: Vec<String> = by.collect();
    // Without its folder an issue still has letters, but its audience is unknown.
    let composer = project.composer(issue, fields).ok();
    let mut summary = ledger
        .summary(issue, &by, |member| composer.as_ref().and_then(|composer| skip(composer, None, member)))?;
    summary.postage = postage(&ledger.posted_pages(issue)?, &project.config.paper);
    Ok(summary)
}
