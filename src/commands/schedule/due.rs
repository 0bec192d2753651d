//! `send --due`, for cron: sends what is approved, unchanged and due, or says why not.

use jiff::Timestamp;
use jiff::civil::DateTime;

use crate::cli::SendArgs;
use crate::domain::{IssueName, Sha256, State};
use crate::error::{Error, ErrorKind, Exit};
use crate::ledger::{Ledger, Review, ReviewKind};

use crate::commands::Context;
use crate::commands::send::request::{Mode, SendRequest};
use crate::commands::send::run::ONCE_A_DAY;

/// Runs the command for every issue, or the named one; an issue that is unapproved, late or stuck does not hold up
/// the others.
pub(in crate::commands) fn run(context: Context<'_>, arguments: &SendArgs) -> Result<Exit, Error> {
    let issues = arguments.issue.clone().map_or_else(|| context.project.issues(), |issue| vec![issue]);
    let mut worst = Exit::Done;
    for issue in issues {
        let ended = send_if_due(context, &issue, arguments);
        let exit = match ended {
            Ok(exit) => exit,
            Err(error) => say_once_a_day(context, &issue, &error)?,
        };
        if worst == Exit::Done {
            worst = exit;
        }
    }
    Ok(worst)
}

fn send_if_due(context: Context<'_>, issue: &IssueName, arguments: &SendArgs) -> Result<Exit, Error> {
    let Some(approved) = approval_if_due(context, issue)? else { return Ok(Exit::Done) };
    let request = SendRequest { mode: Mode::Approved(approved), ..SendRequest::new(arguments) };
    crate::commands::send::send(context, issue, &request)
}

/// Prints an error unless cron has printed it within the last day; the exit code is the same.
fn say_once_a_day(context: Context<'_>, issue: &IssueName, error: &Error) -> Result<Exit, Error> {
    let kind = error.kind();
    let ledger = context.project.ledger()?;
    let what = Sha256::of(error.to_string().as_bytes());
    if ledger.tell(issue, &what, ONCE_A_DAY, Timestamp::now())? {
        crate::commands::print_error(error, context.terminal);
    }
    Ok(Exit::Failed(kind))
}

/// The approval of an issue that is due; `None` if there is nothing to do.
fn approval_if_due(context: Context<'_>, issue: &IssueName) -> Result<Option<Review>, Error> {
    let meta = context.project.source(issue)?.issue;
    let Some(send_at) = meta.send_at else { return Ok(None) };
    let now = Timestamp::now();
    let is_past = |time: DateTime| {
        let zone = context.project.config.association.time_zone.0.clone();
        zone.to_timestamp(time).is_ok_and(|time| time <= now)
    };
    if !is_past(send_at) {
        if context.terminal.verbose > 0 {
            context.terminal.say(format!("{issue} is due on {}.", said(send_at)));
        }
        return Ok(None);
    }
    let ledger = context.project.ledger()?;
    if ledger.review(issue, ReviewKind::Cancelled)?.is_some() || is_sent(&ledger, issue)? {
        return Ok(None);
    }
    if meta.send_until.is_some_and(is_past) {
        let until = meta.send_until.map(said).unwrap_or_default();
        return Err(Error::new(
            ErrorKind::Data,
            format!("{issue} was to be sent by {until}, and there are letters left"),
        )
        .hint(format!("change send_until, or stop it with: medlemsbrev cancel {issue}")));
    }
    let approved = ledger.review(issue, ReviewKind::Approved)?;
    approved.map(Some).ok_or_else(|| {
        Error::new(
            ErrorKind::Data,
            format!("{issue} has been due since {} and is not approved", said(send_at)),
        )
        .hint(format!("review it with `send {issue} --dry-run`, then run: medlemsbrev approve {issue}"))
    })
}

fn said(time: DateTime) -> String {
    time.strftime("%Y-%m-%d %H:%M").to_string()
}

/// Tells whether every approved letter has been sent, whatever was sent to some of the members before. Cron does not
/// mail members who join later.
fn is_sent(ledger: &Ledger, issue: &IssueName) -> Result<bool, Error> {
    let is_approved_for_some = !ledger.approved_members(issue)?.is_empty();
    if is_approved_for_some {
        return Ok(!ledger.has_approved_left(issue)?);
    }
    // Without an approval, or with one of an older version, the queued letters decide.
    let open = [State::Queued, State::Deferred, State::Sending];
    Ok(ledger.has_deliveries(issue)? && !ledger.has_in(issue, &open)?)
}
