//! `log --kind dry-run --diff`: who gets another letter than in the dry run before.

use std::collections::BTreeMap;
use std::process::ExitCode;

use serde::Serialize;
use serde_json::Value;

use crate::domain::IssueName;
use crate::error::{Error, Kind};
use crate::report::{JsonLines, Table, Terminal, plural};

use super::Project;

/// The letters of a dry run by address: before the first import a dry run numbers members anew.
type Letters = BTreeMap<String, Letter>;

#[derive(Debug, Clone, PartialEq, Eq)]
struct Letter {
    sections: Vec<String>,
    bytes: u64,
}

/// An address whose letter is new, gone or another one.
#[derive(Debug, Serialize)]
struct Change {
    what: &'static str,
    address: String,
    detail: String,
}

/// Compares the last two dry runs of an issue.
pub(super) fn run(project: &Project, issue: &IssueName, terminal: Terminal) -> Result<ExitCode, Error> {
    let (mut before, mut last, mut reading) = (None, None, Letters::new());
    JsonLines::read(&project.log_path("dry-run"), |event| {
        let text =
            |pointer: &str| event.pointer(pointer).and_then(Value::as_str).unwrap_or_default().to_owned();
        if text("/issue") != issue.as_str() {
            return;
        }
        if text("/event") == "finished" {
            before = last.replace(std::mem::take(&mut reading));
            return;
        }
        let bytes = event.pointer("/letter/bytes").and_then(Value::as_u64);
        let Some(bytes) = bytes else { return };
        let sections = event.pointer("/letter/sections").and_then(Value::as_array).into_iter().flatten();
        let sections = sections.filter_map(|name| name.as_str().map(str::to_owned)).collect();
        reading.insert(text("/address"), Letter { sections, bytes });
    })?;
    let (Some(before), Some(last)) = (before, last) else {
        return Err(Error::new(Kind::Data, format!("the log has no two dry runs of {issue}"))
            .hint(format!("make one with: medlemsbrev send {issue} --dry-run")));
    };
    let changes = changes(&before, &last);
    if terminal.json {
        terminal.json(&changes);
        return Ok(ExitCode::SUCCESS);
    }
    let mut table = Table::new(["what", "address", "why"]);
    for Change { what, address, detail, .. } in &changes {
        table.row([(*what).to_owned(), address.clone(), detail.clone()]);
    }
    let same = plural(
        (last.len() - changes.iter().filter(|change| change.what != "gone").count()) as u64,
        "letter is",
        "letters are",
    );
    terminal.data(
        if changes.is_empty() { String::new() } else { format!("{table}\n") } + &format!("{same} the same."),
    );
    Ok(ExitCode::SUCCESS)
}

fn changes(before: &Letters, last: &Letters) -> Vec<Change> {
    let change = |what, address: &String, detail| Change { what, address: address.clone(), detail };
    let now = last.iter().filter_map(|(address, letter)| match before.get(address) {
        None => Some(change("new", address, letter.sections.join(", "))),
        Some(then) => Some(change("other", address, difference(then, letter)?)),
    });
    let gone = before.keys().filter(|address| !last.contains_key(*address));
    now.chain(gone.map(|address| change("gone", address, String::new()))).collect()
}

/// What is different in a letter; `None` where nothing is.
fn difference(then: &Letter, now: &Letter) -> Option<String> {
    let missing_in = |here: &Letter, there: &Letter, sign: &str| {
        let names = here.sections.iter().filter(|name| !there.sections.contains(name));
        names.map(|name| format!("{sign}{name}")).collect::<Vec<_>>()
    };
    let mut parts = [missing_in(now, then, "+"), missing_in(then, now, "-")].concat();
    if parts.is_empty() && then.bytes != now.bytes {
        parts.push(format!("{} bytes, was {}", now.bytes, then.bytes));
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}
