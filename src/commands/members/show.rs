//! Shows everything known about one member.

use std::path::PathBuf;

use clap::ValueEnum;
use serde::Serialize;
use serde_json::Value;

use crate::cli::LogKind;
use crate::domain::{Address, Traces};
use crate::error::{Error, Exit};
use crate::ledger::{History, MemberRow};
use crate::relay::Outbox;
use crate::report::{JsonLines, Table, Terminal};

use super::{find, register};
use crate::commands::{Context, Project};

/// A member with all stored data.
#[derive(Debug, Serialize)]
struct ShownMember {
    member: MemberRow,
    /// The names of the other members with the address, who get the same letter.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    shares_with: Vec<String>,
    #[serde(flatten)]
    history: History,
    /// The log lines about the member, for an extract.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    log_lines: Vec<Value>,
    /// The letters' files, for an extract.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    letters: Vec<PathBuf>,
    #[serde(skip)]
    traces: Traces,
}

pub(super) fn show(context: Context<'_>, who: &str) -> Result<Exit, Error> {
    print(&stored(context.project, who)?, context.terminal);
    Ok(Exit::Done)
}

pub(super) fn extract(context: Context<'_>, who: &str) -> Result<Exit, Error> {
    let mut shown = stored(context.project, who)?;
    for kind in LogKind::value_variants() {
        let path = context.project.log_path(kind.name());
        JsonLines::about(&path, &shown.traces, |event| shown.log_lines.push(event))?;
    }
    shown.letters = letters(context.project, &shown.traces)?;
    print(&shown, context.terminal);
    Ok(Exit::Done)
}

/// The letters to a person in the project's outbox.
pub(super) fn letters(project: &Project, traces: &Traces) -> Result<Vec<PathBuf>, Error> {
    let dir = project.dir.join(&project.config.transport.dir);
    Outbox::letters_to(&dir, traces).map_err(|error| Error::unreadable(&dir, &error))
}

fn stored(project: &Project, who: &str) -> Result<ShownMember, Error> {
    let ledger = register(project)?;
    let member = find(&ledger, who)?;
    let traces = ledger.traces(member.member.id)?;
    let history = ledger.history(&traces)?;
    let sharing = member.member.address.as_ref().map(|address| ledger.members_at(address)).transpose()?;
    let others = sharing.into_iter().flatten().filter(|row| row.member.id != member.member.id);
    let shares_with = others.map(|row| row.member.name).collect();
    Ok(ShownMember { member, shares_with, history, traces, log_lines: Vec::new(), letters: Vec::new() })
}

fn print(shown: &ShownMember, terminal: Terminal) {
    if terminal.json {
        terminal.json(shown);
        return;
    }
    let MemberRow { member, active, suppressed, held } = &shown.member;
    let standing = match (active, suppressed, held) {
        (false, ..) => "departed".to_owned(),
        (true, Some(reason), _) => format!("not mailed: {}", reason.as_str().replace('_', " ")),
        (true, None, Some(reason)) => format!("held: {}", reason.words()),
        (true, None, None) => "active".to_owned(),
    };
    let mut table = Table::bare();
    let mut row = |name: &str, value: &str| table.row([name.to_owned(), value.to_owned()]);
    row("id", &member.id.to_string());
    row("name", &member.name);
    member.number.iter().for_each(|number| row("number", number));
    row("email", member.address.as_ref().map_or("(none: paper)", Address::as_str));
    member.fields.iter().for_each(|(name, value)| row(name, value));
    row("standing", &standing);
    if !shown.shares_with.is_empty() {
        row("shares a letter", &format!("with {}", shown.shares_with.join(", ")));
    }
    let mut lines = vec![table.to_string().trim_end().to_owned()];
    for (title, rows) in [
        ("Suppressed", &shown.history.suppressions),
        ("Letters", &shown.history.deliveries),
        ("On paper", &shown.history.paper),
        ("Bounces", &shown.history.bounces),
        ("Changes", &shown.history.changes),
        ("Log lines", &shown.log_lines),
    ] {
        if !rows.is_empty() {
            lines.push(format!("\n{title}"));
            lines.extend(rows.iter().map(|row| format!("  {}", words(row))));
        }
    }
    if !shown.letters.is_empty() {
        lines.push("\nLetters in the outbox".to_owned());
        lines.extend(shown.letters.iter().map(|path| format!("  {}", path.display())));
    }
    terminal.text(lines.join("\n"));
}

/// The values of an object on one line, without empty ones.
fn words(row: &Value) -> String {
    let text = |value: &Value| value.as_str().map_or_else(|| value.to_string(), str::to_owned);
    let values = row.as_object().into_iter().flatten().filter(|(_, value)| !value.is_null());
    values.map(|(name, value)| format!("{name}: {}", text(value))).collect::<Vec<_>>().join("  ")
}
