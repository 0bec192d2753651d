//! `send --test`: one marked letter that no ledger knows of.

use jiff::Timestamp;

use crate::commands::Context;
use crate::compose::Mark;
use crate::domain::{Address, IssueName, Member, Outcome, State};
use crate::error::{Error, Exit, Kind};

/// Sends the test letter.
pub(super) async fn send_test(
    context: Context<'_>,
    issue: &IssueName,
    address: &Address,
) -> Result<Exit, Error> {
    let ledger = crate::commands::import::register_as_sent(context)?;
    let member = ledger.member_by_address(address)?.map(|row| row.member);
    let composer = context.project.composer(issue, ledger.fields()?)?;
    let reader = member.unwrap_or_else(|| composer.neutral_reader());
    let reader = Member { address: Some(address.clone()), ..reader };
    let letter = composer.letter(&reader, Mark::Test, Timestamp::now())?;
    let relay = context.relay(issue)?;
    let mut session = relay.connect().await?;
    let delivered = session.deliver(&letter, None).await;
    session.close().await;
    let state = State::from(&delivered.outcome);
    let reply = delivered.outcome.reply();
    if context.terminal.json {
        context.terminal.json(&serde_json::json!({ "address": address, "outcome": state, "reply": reply }));
    } else {
        context.terminal.text(format!("Test letter to {address}: {}: {reply}", state.as_str()));
    }
    Ok(match delivered.outcome {
        Outcome::Accepted(_) => Exit::Done,
        Outcome::Deferred(_) => Exit::Failed(Kind::TryAgain),
        Outcome::Rejected(_) | Outcome::InDoubt(_) => Exit::Partly,
    })
}
