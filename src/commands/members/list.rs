//! Lists of members: filtered, as a table, JSON or CSV; by organisation; by segment.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::cli::{ExportMembers, ListMembers};
use crate::commands::files::overwrite;
use crate::domain::{SuppressionReason, field, suggest};
use crate::error::{Error, ErrorKind, Exit};
use crate::ledger::{Ledger, MemberRow};
use crate::report::{Table, count, plural, spreadsheet_csv};

use super::register;
use crate::commands::{Context, Project};

/// The columns for letters on paper.
const POSTAL: [&str; 6] = ["name", "organisation", "street", "postcode", "city", "standing"];
const USUAL: [&str; 5] = ["number", "name", "email", "organisation", "standing"];

pub(super) fn list(context: Context<'_>, arguments: &ListMembers) -> Result<Exit, Error> {
    let ledger = register(context.project)?;
    let rows = chosen(context.project, &ledger, arguments)?;
    let usual: &[&str] = if arguments.without_email { &POSTAL } else { &USUAL };
    let columns = if arguments.columns.is_empty() {
        usual.iter().map(|&name| name.to_owned()).collect()
    } else {
        known_columns(&ledger, &arguments.columns)?
    };
    if context.terminal.json {
        context.terminal.json(&rows);
    } else if arguments.csv {
        context.terminal.data(csv_text(&columns, &rows)?);
    } else {
        let mut table = Table::with_header(&columns);
        rows.iter().for_each(|row| table.add(columns.iter().map(|column| value(row, column)).collect()));
        if !rows.is_empty() {
            context.terminal.data(table.to_string());
        }
        context.terminal.say(plural(rows.len() as u64, "member", "members"));
    }
    Ok(Exit::Done)
}

pub(super) fn export(context: Context<'_>, arguments: &ExportMembers) -> Result<Exit, Error> {
    let ledger = register(context.project)?;
    let filter = ListMembers { expression: arguments.expression.clone(), ..ListMembers::default() };
    let rows = chosen(context.project, &ledger, &filter)?;
    let mut columns: Vec<String> = ["number", "name", "email"].map(str::to_owned).to_vec();
    for name in rows.iter().flat_map(|row| row.member.fields.keys()) {
        if !columns.contains(name) {
            columns.push(name.clone());
        }
    }
    columns.push("standing".to_owned());
    // The BOM tells Excel that it is UTF-8.
    let text = format!("\u{feff}{}", csv_text(&columns, &rows)?);
    match &arguments.output {
        None => context.terminal.data(text),
        Some(path) => {
            overwrite(path, text.as_bytes())?;
            let members = plural(rows.len() as u64, "member", "members");
            context.terminal.say(format!("{members} in {}", path.display()));
        }
    }
    Ok(Exit::Done)
}

fn chosen(project: &Project, ledger: &Ledger, arguments: &ListMembers) -> Result<Vec<MemberRow>, Error> {
    let fields = ledger.fields()?;
    let expression = arguments.expression.as_deref();
    let segment = expression.map(|text| project.segment(text, "EXPR", &fields)).transpose()?;
    let mut rows = Vec::new();
    ledger.for_each_member(|row| {
        let is_of = segment.as_ref().is_none_or(|segment| segment.matches(&row.member));
        let on_paper = row.member.address.is_none()
            || matches!(row.suppressed, Some(SuppressionReason::HardBounce | SuppressionReason::SoftBounces));
        if is_of && (row.active || arguments.all) && (on_paper || !arguments.without_email) {
            rows.push(row);
        }
        Ok::<_, Error>(())
    })?;
    Ok(rows)
}

fn known_columns(ledger: &Ledger, asked: &[String]) -> Result<Vec<String>, Error> {
    let known = ledger.fields()?;
    let canonical = asked.iter().map(|name| crate::domain::field::canonical(name));
    let columns: Vec<String> = canonical.collect();
    match columns.iter().find(|name| !known.contains(*name) && !["id", "standing"].contains(&name.as_str())) {
        None => Ok(columns),
        Some(name) => {
            let known: Vec<&str> =
                ["id", "standing"].into_iter().chain(known.iter().map(String::as_str)).collect();
            let hint = suggest::did_you_mean(name, known.iter().copied().chain(field::names()))
                .unwrap_or_else(|| format!("there are {}", known.join(", ")));
            Err(Error::new(ErrorKind::Usage, format!("no member has a field `{name}`")).hint(hint))
        }
    }
}

fn value(row: &MemberRow, column: &str) -> String {
    match column {
        "id" => row.member.id.to_string(),
        "standing" => match (row.active, row.suppressed, &row.member.address) {
            (false, ..) => "departed".to_owned(),
            (true, None, _) if row.held.is_some() => "held".to_owned(),
            (_, Some(reason), _) => reason.as_str().replace('_', " "),
            (_, None, None) => "no e-mail".to_owned(),
            _ => "active".to_owned(),
        },
        other => row.member.field(other).unwrap_or_default().to_owned(),
    }
}

fn csv_text(columns: &[String], rows: &[MemberRow]) -> Result<String, Error> {
    let cells = rows.iter().map(|row| columns.iter().map(|column| value(row, column)).collect());
    spreadsheet_csv(std::iter::once(columns.to_vec()).chain(cells))
        .map_err(|error| Error::new(ErrorKind::TryAgain, format!("cannot write CSV: {error}")))
}

/// An organisation with its members.
#[derive(Debug, Default, Serialize)]
struct Organisation {
    name: String,
    members: u64,
    reachable: u64,
}

/// Shows which organisations can be reached by e-mail.
pub fn organisations(context: Context<'_>) -> Result<Exit, Error> {
    let mut found: BTreeMap<String, Organisation> = BTreeMap::new();
    register(context.project)?.for_each_member(|row| {
        if let Some(name) = row.member.field("organisation").filter(|_| row.active) {
            let organisation = found.entry(name.to_lowercase()).or_default();
            if organisation.name.is_empty() {
                name.clone_into(&mut organisation.name);
            }
            organisation.members += 1;
            organisation.reachable += u64::from(row.skip().is_none());
        }
        Ok::<_, Error>(())
    })?;
    if context.terminal.json {
        context.terminal.json(&found.values().collect::<Vec<_>>());
        return Ok(Exit::Done);
    }
    let mut table = Table::new(["organisation", "members", "by mail", ""]).right(1).right(2);
    for Organisation { name, members, reachable } in found.values() {
        let note = if *reachable == 0 { "no member can be reached by e-mail" } else { "" };
        table.row([name.clone(), count(*members), count(*reachable), note.to_owned()]);
    }
    context.terminal.data(table.to_string());
    Ok(Exit::Done)
}

/// A named segment with its members.
#[derive(Debug, Serialize)]
struct NamedSegment<'a> {
    name: &'a str,
    expression: &'a str,
    members: u64,
    reachable: u64,
}

/// Shows the configured segments with their numbers of members.
pub fn segments(context: Context<'_>) -> Result<Exit, Error> {
    let ledger = register(context.project)?;
    let fields = ledger.fields()?;
    let mut found = Vec::new();
    for (name, configured) in &context.project.config.segments {
        let expression = configured.source();
        let segment = context.project.configured_segment(name, configured, &fields)?;
        let (mut members, mut reachable) = (0, 0);
        ledger.for_each_member(|row| {
            if row.active && segment.matches(&row.member) {
                members += 1;
                reachable += u64::from(row.skip().is_none());
            }
            Ok::<_, Error>(())
        })?;
        found.push(NamedSegment { name, expression, members, reachable });
    }
    if context.terminal.json {
        context.terminal.json(&found);
        return Ok(Exit::Done);
    }
    let mut table = Table::new(["segment", "members", "by mail", "expression"]).right(1).right(2);
    for NamedSegment { name, expression, members, reachable } in &found {
        table.row([(*name).to_owned(), count(*members), count(*reachable), (*expression).to_owned()]);
    }
    context.terminal.data(table.to_string());
    Ok(Exit::Done)
}
