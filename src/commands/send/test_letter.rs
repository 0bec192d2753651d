//! `send --test`: marked test letters that are not deliveries of the issue.

use jiff::Timestamp;
use serde::Serialize;

use crate::commands::Context;
use crate::compose::{Composer, LetterMark};
use crate::domain::{Address, IssueName, Member, MemberId, Outcome, Reply, State};
use crate::error::{Error, ErrorKind, Exit};
use crate::ledger::Ledger;

/// The result of a test letter, as JSON.
#[derive(Debug, Serialize)]
struct TestLetter {
    address: Address,
    outcome: State,
    reply: Reply,
}

/// Sends a test letter to each address, or to the configured testers; with `reader`, it is the letter that this
/// member would get.
pub(super) async fn send_tests(
    context: Context<'_>,
    issue: &IssueName,
    addresses: &[Address],
    reader: Option<&str>,
) -> Result<Exit, Error> {
    let testers = &context.project.config.sender.testers;
    let addresses = if addresses.is_empty() { testers.as_slice() } else { addresses };
    if addresses.is_empty() {
        return Err(Error::new(ErrorKind::Usage, "no address for a test letter")
            .hint("name one after --test, or add testers = [\"you@example.org\"] to [sender]"));
    }
    let register = crate::commands::import::register_as_sent(context)?;
    let composer = context.project.composer(issue, register.fields()?)?;
    let reader = reader.map(|who| crate::commands::members::find(&register, who)).transpose()?;
    // Without the member's id, so that a tester who follows a link unsubscribes nobody.
    let reader = reader.map(|row| Member { id: MemberId(0), ..row.member });
    let ledger = Ledger::open_existing(context.project.ledger_place()?)?;
    let relay = context.relay(issue)?;
    let mut session = relay.connect().await?;
    let mut sent = Vec::new();
    for address in addresses {
        let letter = letter_to(&composer, &register, reader.as_ref(), address)?;
        let delivered = session.deliver(&letter).await;
        if let Some(ledger) = &ledger {
            ledger.count_handed_over(Timestamp::now())?;
        }
        let is_lost = delivered.after != crate::relay::After::GoOn;
        let outcome = State::from(&delivered.outcome);
        let reply = delivered.outcome.reply().clone();
        if !context.terminal.json {
            let outcome = outcome_words(&delivered.outcome);
            context.terminal.text(format!("Test letter to {address}: {outcome}: {reply}"));
        }
        sent.push(TestLetter { address: address.clone(), outcome, reply });
        if is_lost && sent.len() < addresses.len() {
            session.close().await;
            session = relay.connect().await?;
        }
    }
    session.close().await;
    context.terminal.json(&sent);
    let is = |state| sent.iter().any(|letter| letter.outcome == state);
    Ok(if is(State::Deferred) {
        Exit::Failed(ErrorKind::TryAgain)
    } else if is(State::Rejected) || is(State::InDoubt) {
        Exit::Partly
    } else {
        Exit::Done
    })
}

fn letter_to(
    composer: &Composer,
    register: &Ledger,
    reader: Option<&Member>,
    address: &Address,
) -> Result<crate::domain::Letter, Error> {
    let reader = match reader {
        Some(reader) => reader.clone(),
        None => {
            let member = register.member_by_address(address)?.map(|row| row.member);
            member.unwrap_or_else(|| composer.neutral_reader())
        }
    };
    let reader = Member { address: Some(address.clone()), ..reader };
    Ok(composer.letter(&reader, LetterMark::Test, Timestamp::now())?)
}

/// Test letters are not retried, so none is reported as deferred.
fn outcome_words(outcome: &Outcome) -> &'static str {
    match outcome {
        Outcome::Accepted(_) => "accepted",
        Outcome::Deferred(_) => "not accepted",
        Outcome::Rejected(_) => "rejected",
        Outcome::InDoubt(_) => "in doubt",
    }
}
