//! `prune`: deletes old data.

use clap::ValueEnum;
use jiff::Timestamp;
use serde::Serialize;

use crate::cli::{LogKind, PruneArgs};
use crate::error::{Error, ErrorKind, Exit};
use crate::ledger::Pruned;
use crate::report::{JsonLines, plural};

use super::Context;

/// The result, as JSON.
#[derive(Debug, Serialize)]
struct PruneReport {
    before: String,
    log_events: u64,
    #[serde(flatten)]
    ledger: Pruned,
}

/// Runs the command.
pub fn run(context: Context<'_>, arguments: &PruneArgs) -> Result<Exit, Error> {
    let before = arguments.older_than.before(Timestamp::now()).ok_or_else(|| {
        Error::new(ErrorKind::Usage, "the time is too long ago").hint("use a shorter time, such as 24m")
    })?;
    let _lock = context.project.lock("prune")?;
    JsonLines::clear_unfinished(&context.project.dir.join("logs"))?;
    let mut log_events = 0;
    for kind in LogKind::value_variants() {
        log_events += JsonLines::prune(&context.project.log_path(kind.name()), before)?;
    }
    let ledger = context.project.ledger()?;
    super::history::freeze(context.project, &ledger, Timestamp::now())?;
    let pruned = ledger.prune(before)?;
    ledger.compact()?;
    let report = PruneReport { before: context.project.clock_time(before), log_events, ledger: pruned };
    if context.terminal.json {
        context.terminal.json(&report);
    } else {
        context.terminal.say(format!(
            "Deleted from before {}: {}, {} and {}.",
            report.before,
            plural(log_events, "log line", "log lines"),
            plural(report.ledger.bounces, "bounce", "bounces"),
            plural(report.ledger.changes, "traced change", "traced changes"),
        ));
    }
    Ok(Exit::Done)
}
