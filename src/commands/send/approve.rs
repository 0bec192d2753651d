//! `approve` and `cancel`: what a person decides about an issue.

use jiff::Timestamp;

use crate::cli::{Approve, Cancel};
use crate::error::{Error, Exit};
use crate::ledger::{Review, ReviewKind};
use crate::report::plural;

use super::prepare::prepare;
use super::request::SendRequest;
use super::review::{refuse_cancelled, review, say_changes};
use crate::commands::Context;
use crate::commands::import::{ListRequest, import_list};

/// Records that the issue may go out as it is now.
pub fn approve(context: Context<'_>, arguments: &Approve) -> Result<Exit, Error> {
    let issue = context.project.issue(arguments.issue.as_ref())?;
    let _lock = context.project.lock(&format!("approve {issue}"))?;
    let mut copy = context.project.ledger_copy()?;
    let request = SendRequest { list: ListRequest::new(&arguments.reading), ..SendRequest::default() };
    import_list(context, &mut copy, &request.list)?;
    let prepared = prepare(context, copy, &issue, &request)?;
    let now = review(context.project, &prepared.ledger, &prepared.composer, &prepared.job)?;
    let ledger = context.project.ledger()?;
    refuse_cancelled(context.project, &ledger, &issue)?;
    say_changes(context, &issue, &now);
    let title = &prepared.composer.issue().title;
    let recipients = plural(now.letters, "recipient", "recipients");
    let question = format!("Approve «{title}» for {recipients}?");
    if !arguments.yes {
        crate::commands::agree(context.terminal, &question, "use --yes to approve without a prompt")?;
    }
    ledger.keep_review(&issue, ReviewKind::Approved, &now, Timestamp::now())?;
    if context.terminal.json {
        context.terminal.json(&serde_json::json!({ "issue": issue, "approved": now }));
    } else {
        let when = prepared.composer.issue().send_at.map_or_else(
            || "it has no send_at, so send it by hand".to_owned(),
            |at| format!("`send --due` will send it from {}", at.strftime("%Y-%m-%d %H:%M")),
        );
        context.terminal.text(format!("{issue} is approved for {recipients}; {when}."));
    }
    Ok(Exit::Done)
}

/// Stops an issue, or lets it continue.
pub fn cancel(context: Context<'_>, arguments: &Cancel) -> Result<Exit, Error> {
    // Without the lock: a run that is at work looks for this decision before each letter.
    let ledger = context.project.ledger()?;
    let issue = &context.project.issue_in_ledger(arguments.issue.as_ref(), &ledger)?;
    let (is_cancelled, said) = if arguments.undo {
        let said = if ledger.drop_review(issue, ReviewKind::Cancelled)? {
            format!("{issue} is no longer cancelled: medlemsbrev send {issue}")
        } else {
            format!("{issue} was not cancelled.")
        };
        (false, said)
    } else {
        ledger.drop_review(issue, ReviewKind::Approved)?;
        ledger.keep_review(issue, ReviewKind::Cancelled, &Review::default(), Timestamp::now())?;
        (true, format!("{issue} is cancelled: no more letters will be sent."))
    };
    context.terminal.text(said);
    context.terminal.json(&serde_json::json!({ "issue": issue, "cancelled": is_cancelled }));
    Ok(Exit::Done)
}
