//! `ledger copy`.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::cli::LedgerCopyArgs;
use crate::error::{Error, ErrorKind, Exit};
use crate::ledger::Ledger;
use crate::report::plural;

use super::Context;

/// The result of a copy, as JSON.
#[derive(Debug, Serialize)]
struct CopyReport {
    from: String,
    to: String,
    /// Rows by table.
    tables: BTreeMap<&'static str, u64>,
}

/// Copies the ledger to another place.
pub fn copy(context: Context<'_>, arguments: &LedgerCopyArgs) -> Result<Exit, Error> {
    let project = context.project;
    let _lock = project.lock("ledger copy")?;
    let from = project.ledger_place()?;
    let ledger = Ledger::open_existing(from)?.ok_or_else(|| {
        Error::new(ErrorKind::Data, format!("there is no ledger at `{from}`"))
            .hint("import the member list first")
    })?;
    let to = project.place_at(&arguments.to)?;
    let tables = ledger.copy_to(&to)?;
    let report = CopyReport { from: from.to_string(), to: to.to_string(), tables };
    if context.terminal.json {
        context.terminal.json(&report);
        return Ok(Exit::Done);
    }
    let rows = |table: &str| report.tables.get(table).copied().unwrap_or_default();
    context.terminal.say(format!(
        "Copied {}, {} and {} more to `{}`, and compared every row.",
        plural(rows("member"), "member", "members"),
        plural(rows("delivery"), "delivery", "deliveries"),
        plural(report.tables.values().sum::<u64>() - rows("member") - rows("delivery"), "row", "rows"),
        report.to,
    ));
    context.terminal.say(if to.server().is_some() {
        "Now set `url` in [ledger] of medlemsbrev.toml, and put the old file away: it must not be used again."
    } else {
        "Now remove `url` from [ledger] of medlemsbrev.toml, and move the file to state/medlemsbrev.db: the old ledger must not \
         be used again."
    });
    Ok(Exit::Done)
}
