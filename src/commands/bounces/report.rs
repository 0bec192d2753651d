//! `bounces report`: what to correct in the member list, by organisation.

use crate::error::{Error, Exit, Kind};
use crate::report::{Table, spreadsheet_csv};

use crate::commands::Context;

/// Reasons in plain words: name, then what is wrong and what to do, in Swedish and in English.
const WORDS: [(&str, [&str; 2], [&str; 2]); 6] = [
    (
        "user-unknown",
        ["adressen finns inte", "fråga efter en ny adress"],
        ["the address does not exist", "ask for a new one"],
    ),
    (
        "host-unknown",
        ["domänen finns inte", "är adressen rättstavad? fråga annars efter en ny"],
        ["the domain does not exist", "check the spelling, or ask for a new address"],
    ),
    ("moved", ["har flyttat", "fråga efter den nya adressen"], ["has moved", "ask for the new address"]),
    (
        "not-accepting",
        ["tar inte emot brev", "fråga efter en annan adress"],
        ["does not accept mail", "ask for another address"],
    ),
    (
        "mailbox-full",
        ["brevlådan är full", "hör av dig på annat sätt"],
        ["the mailbox is full", "get in touch another way"],
    ),
    (
        "suspended",
        ["kontot är avstängt", "fråga efter en annan adress"],
        ["the account is closed", "ask for another address"],
    ),
];
const OTHER: [[&str; 2]; 2] = [
    ["brevet kom i retur", "kontrollera adressen, eller hör av dig på annat sätt"],
    ["the letter came back", "check the address, or get in touch another way"],
];

/// Prints the list as a table, CSV or JSON.
pub(super) fn run(context: Context<'_>, csv: bool) -> Result<Exit, Error> {
    let ledger = context.project.ledger()?;
    let corrections = ledger.corrections()?;
    if context.terminal.json {
        context.terminal.json(&corrections);
        return Ok(Exit::Done);
    }
    let is_swedish = context.project.config.association.language == "sv";
    let header = ["organisation", "member", "address", "since", "reason", "what to do"];
    let rows = corrections.iter().map(|correction| {
        let reason = correction.reason.as_deref().unwrap_or_default();
        let known = WORDS.iter().find(|(name, ..)| *name == reason);
        let [swedish, english] = known.map_or(OTHER, |(_, swedish, english)| [*swedish, *english]);
        let [wrong, advice] = if is_swedish { swedish } else { english };
        [
            correction.organisation.clone().unwrap_or_default(),
            correction.name.clone(),
            correction.address.clone(),
            correction.since.get(..10).unwrap_or_default().to_owned(),
            wrong.to_owned(),
            advice.to_owned(),
        ]
    });
    if csv {
        let rows = std::iter::once(header.map(str::to_owned)).chain(rows).map(Vec::from);
        let text = spreadsheet_csv(rows)
            .map_err(|error| Error::new(Kind::TryAgain, format!("cannot write CSV: {error}")))?;
        // Excel takes it for UTF-8 by the BOM.
        context.terminal.data(format!("\u{feff}{text}"));
        return Ok(Exit::Done);
    }
    if corrections.is_empty() {
        context.terminal.data("No address needs to be corrected.");
        return Ok(Exit::Done);
    }
    let mut table = Table::new(header);
    rows.for_each(|row| table.row(row));
    context.terminal.data(table.to_string());
    Ok(Exit::Done)
}
