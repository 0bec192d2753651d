//! `resolve`: a person decides about letters in doubt.

use jiff::Timestamp;

use crate::cli::Resolve;
use crate::domain::{Address, State};
use crate::error::{Error, Exit, Kind};
use crate::ledger::DeliveryRow;
use crate::report::plural;

use crate::commands::Context;

/// Runs the command.
pub fn run(context: Context<'_>, arguments: &Resolve) -> Result<Exit, Error> {
    let _lock = context.project.lock("resolve")?;
    let ledger = context.project.ledger()?;
    let issue = &context.project.issue_in_ledger(arguments.issue.as_ref(), &ledger)?;
    ledger.mark_interrupted_in_doubt(Timestamp::now())?;
    let mut rows = ledger.deliveries(issue, State::InDoubt)?;
    if arguments.resend && !arguments.addresses.is_empty() {
        // After a corrected address or a fixed server a refused letter may be tried again, one by one.
        rows.extend(ledger.deliveries(issue, State::Rejected)?);
    }
    let rows = chosen(arguments, rows)?;
    let state = match (arguments.accepted, arguments.resend) {
        (true, _) => State::Accepted,
        (_, true) => State::Queued,
        (false, false) => {
            list(context, &rows);
            return Ok(if rows.is_empty() { Exit::Done } else { Exit::Partly });
        }
    };
    let mut settled = 0;
    for row in &rows {
        let (member, now) = (row.member, Timestamp::now());
        settled += u64::from(if state == State::Queued {
            let address = row.address.as_ref().and_then(|address| Address::parse(address).ok());
            ledger.queue_again(issue, member, address.as_ref(), "resolve --resend", now)?
        } else {
            ledger.resolve(issue, member, state, now)?
        });
    }
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

fn chosen(arguments: &Resolve, rows: Vec<DeliveryRow>) -> Result<Vec<DeliveryRow>, Error> {
    if arguments.addresses.is_empty() {
        return Ok(rows);
    }
    let is_of = |row: &DeliveryRow, key: &str| {
        row.address.as_ref().is_some_and(|address| address.to_lowercase() == key)
    };
    for address in &arguments.addresses {
        if !rows.iter().any(|row| is_of(row, &address.key())) {
            let message = format!(
                "no letter to {address} is in doubt (or rejected, with --resend); nothing was changed"
            );
            return Err(Error::new(Kind::Data, message));
        }
    }
    let keys: Vec<String> = arguments.addresses.iter().map(Address::key).collect();
    Ok(rows.into_iter().filter(|row| keys.iter().any(|key| is_of(row, key))).collect())
}

fn list(context: Context<'_>, rows: &[DeliveryRow]) {
    if context.terminal.json {
        context.terminal.json(&rows);
        return;
    }
    if rows.is_empty() {
        context.terminal.text("No letter is in doubt.");
        return;
    }
    context.terminal.text(crate::commands::states::deliveries(context.project, "address", rows).to_string());
    context.terminal.say("Ask a few of the members, or search the mail server's log for the Message-ID. Then use --accepted or --resend.");
}
