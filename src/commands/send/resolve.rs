//! `resolve`: a person's decision about letters in doubt.

use jiff::Timestamp;

use crate::cli::ResolveArgs;
use crate::domain::{IssueName, Sha256, State};
use crate::error::{Error, ErrorKind, Exit};
use crate::ledger::{DeliveryRow, Ledger, Requeued};
use crate::report::{Table, plural};

use super::two_records::{LostRecord, lost_records};

use crate::commands::Context;

const DIGEST_LENGTH: usize = 12;

/// Runs the command.
pub fn run(context: Context<'_>, arguments: &ResolveArgs) -> Result<Exit, Error> {
    let _lock = context.project.lock("resolve")?;
    let ledger = context.project.ledger()?;
    let issue = &context.project.issue_in_ledger(arguments.issue.as_ref(), &ledger)?;
    let interrupted = ledger.recover(Timestamp::now())?.remove(issue).unwrap_or_default();
    if arguments.from_log {
        return take_over_log(context, &ledger, issue, arguments);
    }
    let rows = chosen(arguments, candidates(&ledger, issue, arguments)?)?;
    let state = match (arguments.accepted, arguments.resend) {
        (true, _) => State::Accepted,
        (_, true) => State::Queued,
        (false, false) => {
            list(context, issue, &rows);
            return Ok(if rows.is_empty() { Exit::Done } else { Exit::Partly });
        }
    };
    if interrupted > 0 {
        // Nobody has seen these letters yet, so the decision cannot be about them.
        list(context, issue, &rows);
        let letters = plural(interrupted, "letter", "letters");
        return Err(Error::new(
            ErrorKind::Data,
            format!("{letters} of an interrupted run are now in doubt; nothing was decided"),
        )
        .hint("check the list and run the command again"));
    }
    if arguments.addresses.is_empty() {
        agree_to_all(context, arguments, issue, &rows)?;
    }
    let settled = decide(context, &ledger, issue, &rows, state)?;
    if context.terminal.json {
        context.terminal.json(&rows);
    }
    let letters = plural(settled, "letter", "letters");
    context.terminal.say(match state {
        State::Accepted => format!("{letters} marked as accepted."),
        _ => format!("{letters} queued again: medlemsbrev send {issue}"),
    });
    Ok(Exit::Done)
}

/// Records letters that are only in the send log, after a question.
fn take_over_log(
    context: Context<'_>,
    ledger: &Ledger,
    issue: &IssueName,
    arguments: &ResolveArgs,
) -> Result<Exit, Error> {
    let lost = lost_records(context.project, ledger, issue, true)?;
    if lost.is_empty() {
        context.terminal.text("The ledger has everything that the send log has.");
        return Ok(Exit::Done);
    }
    let mut digest = Sha256::new();
    let mut table = Table::new(["address", "name"]);
    for record in &lost {
        digest.update(format!("{} {} ", record.member, record.address).as_bytes());
        table.row([record.address.to_string(), record.name.clone()]);
    }
    let digest: String = digest.finish().chars().take(DIGEST_LENGTH).collect();
    let letters = plural(lost.len() as u64, "letter", "letters");
    match &arguments.expect {
        Some(expected) if *expected == digest => {}
        Some(_) => {
            let message = "the list has changed since; nothing was changed";
            return Err(Error::new(ErrorKind::Data, message)
                .hint(format!("list them again: medlemsbrev resolve {issue} --from-log")));
        }
        None => {
            context.terminal.text(table.to_string());
            let question = format!("Record {letters} as accepted, as the send log says?");
            let instead = format!("confirm this listing with --expect {digest}");
            crate::commands::agree(context.terminal, &question, &instead)?;
        }
    }
    for record in &lost {
        let LostRecord { member, address, message_id, .. } = record;
        ledger.accept_from_log(issue, *member, address, message_id, Timestamp::now())?;
    }
    context.terminal.say(format!("{letters} recorded as accepted."));
    Ok(Exit::Done)
}

/// The letters that the decision can be about.
fn candidates(
    ledger: &Ledger,
    issue: &IssueName,
    arguments: &ResolveArgs,
) -> Result<Vec<DeliveryRow>, Error> {
    if arguments.rejected {
        let mut rows = ledger.deliveries(issue, State::Rejected)?;
        if let Some(wanted) = arguments.reason {
            let reasons = ledger.refusal_reasons(issue)?;
            rows.retain(|row| reasons.get(&row.member) == Some(&wanted));
        }
        return Ok(rows);
    }
    let mut rows = ledger.deliveries(issue, State::InDoubt)?;
    if arguments.resend && !arguments.addresses.is_empty() {
        // After an address was corrected or a server fixed, refused letters can be retried one by one.
        rows.extend(ledger.deliveries(issue, State::Rejected)?);
    }
    Ok(rows)
}

/// Carries out the decision; returns the number of letters.
fn decide(
    context: Context<'_>,
    ledger: &Ledger,
    issue: &IssueName,
    rows: &[DeliveryRow],
    state: State,
) -> Result<u64, Error> {
    let mut decided = 0;
    for row in rows {
        let now = Timestamp::now();
        let is_done = if state == State::Queued {
            match ledger.queue_again(&row.attempt(issue), "resolve --resend", now)? {
                Requeued::No => false,
                Requeued::Yes => true,
                Requeued::Lifted(address) => {
                    context.terminal.say(format!("{address} is no longer suppressed."));
                    true
                }
            }
        } else {
            ledger.resolve(issue, row.member, state, now)?
        };
        decided += u64::from(is_done);
    }
    Ok(decided)
}

/// Ensures that a decision about all letters is about those that were listed.
fn agree_to_all(
    context: Context<'_>,
    arguments: &ResolveArgs,
    issue: &IssueName,
    rows: &[DeliveryRow],
) -> Result<(), Error> {
    let digest = digest(issue, rows);
    match &arguments.expect {
        Some(expected) if *expected == digest => return Ok(()),
        Some(_) => {
            return Err(Error::new(ErrorKind::Data, "the list has changed since; nothing was changed")
                .hint(format!("list them again: medlemsbrev resolve {issue}")));
        }
        None if rows.is_empty() => return Ok(()),
        None => {}
    }
    list(context, issue, rows);
    let letters = plural(rows.len() as u64, "letter", "letters");
    let question = if arguments.accepted {
        format!("Mark {letters} as accepted, so that they are not sent again?")
    } else if arguments.rejected {
        format!("Send {letters} again that the server rejected?")
    } else {
        format!("Send {letters} again, although they may have arrived?")
    };
    let instead = format!("name addresses, or confirm this listing with --expect {digest}");
    crate::commands::agree(context.terminal, &question, &instead)
}

/// A short digest of a list: its letters and their attempts.
fn digest(issue: &IssueName, rows: &[DeliveryRow]) -> String {
    let mut digest = Sha256::new();
    digest.update(issue.as_str().as_bytes());
    for row in rows {
        digest.update(format!(" {} {}", row.member, row.attempts).as_bytes());
    }
    digest.finish().chars().take(DIGEST_LENGTH).collect()
}

fn chosen(arguments: &ResolveArgs, rows: Vec<DeliveryRow>) -> Result<Vec<DeliveryRow>, Error> {
    if arguments.addresses.is_empty() {
        return Ok(rows);
    }
    for address in &arguments.addresses {
        if !rows.iter().any(|row| row.is_to(address)) {
            let message = format!(
                "no letter to {address} is in doubt (or rejected, with --resend); nothing was changed"
            );
            return Err(Error::new(ErrorKind::Data, message));
        }
    }
    let is_meant = |row: &DeliveryRow| arguments.addresses.iter().any(|address| row.is_to(address));
    Ok(rows.into_iter().filter(is_meant).collect())
}

fn list(context: Context<'_>, issue: &IssueName, rows: &[DeliveryRow]) {
    if context.terminal.json {
        context.terminal.json(&serde_json::json!({ "letters": rows, "digest": digest(issue, rows) }));
        return;
    }
    if rows.is_empty() {
        context.terminal.text("No letter is in doubt.");
        return;
    }
    context.terminal.text(crate::commands::states::deliveries(context.project, "address", rows).to_string());
    context.terminal.say(format!("Digest of this listing (for --expect): {}", digest(issue, rows)));
    context.terminal.say("Ask a few of the members, or search the mail server's log for the Message-ID. Then use --accepted or --resend.");
}
