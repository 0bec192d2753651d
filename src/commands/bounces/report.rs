//! `bounces report`: corrections for the member list, by organisation.

use crate::error::{Error, ErrorKind, Exit};
use crate::report::{Table, spreadsheet_csv};

use crate::commands::Context;

/// Prints the list as a table, CSV or JSON.
pub(super) fn run(context: Context<'_>, csv: bool) -> Result<Exit, Error> {
    let ledger = context.project.ledger()?;
    let mut corrections = ledger.corrections()?;
    corrections.extend(ledger.news()?);
    if context.terminal.json {
        context.terminal.json(&corrections);
        return Ok(Exit::Done);
    }
    let words = context.project.texts()?.language.returned;
    let word = |key: &str| words.get(key).map_or("", String::as_str);
    let header = cells::<6>(word("header"));
    let rows = corrections.iter().map(|correction| {
        let reason = correction.reason.map_or("other", <&str>::from);
        let [mut wrong, advice] = cells(words.get(reason).map_or_else(|| word("other"), String::as_str));
        if let Some(words) = &correction.words {
            wrong = format!("{wrong}: {words}");
        }
        [
            correction.organisation.clone().unwrap_or_default(),
            correction.name.clone(),
            correction.address.clone(),
            context.project.clock_date(correction.since),
            wrong,
            advice,
        ]
    });
    if csv {
        let rows = std::iter::once(header).chain(rows).map(Vec::from);
        let text = spreadsheet_csv(rows)
            .map_err(|error| Error::new(ErrorKind::TryAgain, format!("cannot write CSV: {error}")))?;
        // The BOM tells Excel that it is UTF-8.
        context.terminal.data(format!("\u{feff}{text}"));
        return Ok(Exit::Done);
    }
    if corrections.is_empty() {
        context.terminal.data(word("none"));
        return Ok(Exit::Done);
    }
    let mut table = Table::with_header(header);
    rows.for_each(|row| table.row(row));
    context.terminal.data(table.to_string());
    Ok(Exit::Done)
}

/// The parts of a text between semicolons, padded with empty strings.
fn cells<const N: usize>(text: &str) -> [String; N] {
    let mut parts = text.split(';').map(|part| part.trim().to_owned());
    std::array::from_fn(|_| parts.next().unwrap_or_default())
}
