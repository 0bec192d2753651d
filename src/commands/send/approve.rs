//! `approve` and `cancel`: a person's decisions about an issue.

use jiff::Timestamp;

use crate::cli::{ApproveArgs, CancelArgs};
use crate::domain::{Member, MemberId};
use crate::error::{Error, ErrorKind, Exit};
use crate::ledger::{MemberStanding, Review, ReviewKind, Skip};
use crate::report::plural;

use super::prepare::{Prepared, prepare};
use super::request::SendRequest;
use super::review::{refuse_cancelled, review, say_changes};
use crate::commands::Context;
use crate::commands::import::{ListRequest, import_list};

/// Approves an issue in its present form.
pub fn approve(context: Context<'_>, arguments: &ApproveArgs) -> Result<Exit, Error> {
    let issue = context.project.issue(arguments.issue.as_ref())?;
    let _lock = context.project.lock(&format!("approve {issue}"))?;
    // Like a send, an approval imports the list first, since it names the members it is for.
    let mut ledger = context.project.ledger()?;
    refuse_cancelled(context.project, &ledger, &issue)?;
    let request = SendRequest { list: ListRequest::new(&arguments.reading), ..SendRequest::default() };
    import_list(context, &mut ledger, &request.list)?;
    let prepared = prepare(context, ledger, &issue, &request)?;
    let now = review(context.project, &prepared.ledger, &prepared.composer, &prepared.job)?;
    say_changes(context, &issue, &now);
    if let Some(until) = prepared.job.until.filter(|until| *until <= Timestamp::now()) {
        let message = format!(
            "{issue} was to be sent by {}, so an approval is too late",
            context.project.clock_time(until)
        );
        return Err(Error::new(ErrorKind::Data, message).hint("change send_until in issue.toml"));
    }
    let title = &prepared.composer.issue().title;
    let recipients = plural(now.letters, "recipient", "recipients");
    let question = format!("Approve «{title}» for {recipients}?");
    if !arguments.yes {
        crate::commands::agree(context.terminal, &question, "use --yes to approve without a prompt")?;
    }
    prepared.ledger.approve(&issue, &now, &recipients_of(&prepared)?, Timestamp::now())?;
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

/// The members whom the issue is for, whether or not they have their letter.
fn recipients_of(prepared: &Prepared) -> Result<Vec<MemberId>, Error> {
    let mut members = Vec::new();
    let skip = |member: &Member| {
        let is_for = prepared.job.is_for(&prepared.composer, member);
        (!is_for).then_some(Skip::OutsideSegment)
    };
    prepared.ledger.for_each_standing(&prepared.job.issue, &skip, |member, standing, _| {
        let is_for = match standing {
            MemberStanding::In(_) | MemberStanding::Skipped(Skip::SharesLetter) => true,
            MemberStanding::Skipped(Skip::Later) => member.address.is_some() && skip(member).is_none(),
            MemberStanding::Skipped(_) => false,
        };
        if is_for {
            members.push(member.id);
        }
        Ok::<_, Error>(())
    })?;
    Ok(members)
}

/// Cancels an issue, or allows it again.
pub fn cancel(context: Context<'_>, arguments: &CancelArgs) -> Result<Exit, Error> {
    // Without the lock: a run in progress checks for this decision before each letter.
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
