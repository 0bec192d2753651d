//! The results of an import, for people and programs.

use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::domain::{InvalidRow, Remark};
use crate::import::{Duplicate, Format, Sheet};
use crate::ledger::Difference;
use crate::report::{Table, count, plural};

/// A warning about a list without member numbers.
const NO_NUMBERS: &str = "\n  The list has no member numbers: a member who changes both name and address counts as a new one, and a \
     new address may have to be confirmed.";

/// How many invalid rows, duplicates and changes to list.
pub(super) const SHOWN: usize = 20;

/// The results of an import.
#[derive(Debug, Default, Serialize)]
pub(super) struct Imported {
    pub file: PathBuf,
    pub format: Option<Format>,
    /// Header → field.
    pub columns: Vec<(String, Option<String>)>,
    pub members: u64,
    pub without_address: u64,
    /// Members who share an address with another member.
    pub sharing: u64,
    /// Rows that do not match `only`.
    pub outside: u64,
    pub invalid_rows: Vec<InvalidRow>,
    pub duplicates: Vec<Duplicate>,
    /// Remarks for a person to look at.
    pub remarks: Vec<Remark>,
    /// Whether members missing from the list stay.
    pub keep_missing: bool,
    /// The messages of an earlier import of the same file about its rows.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub said: Vec<String>,
    /// `None` if the same file was imported before.
    pub difference: Option<Difference>,
}

/// The invalid rows and those that a person should check, one line each.
pub(super) fn refusals(bad: &[InvalidRow], remarks: &[Remark]) -> impl Iterator<Item = String> {
    let refused = bad.iter().take(SHOWN).map(|bad| format!("invalid    {bad}"));
    refused.chain(remarks.iter().take(SHOWN).map(|remark| {
        let Remark { line, column, value, message } = remark;
        let column = if column.is_empty() { String::new() } else { format!(", {column}") };
        let value = if value.is_empty() { String::new() } else { format!("`{value}` ") };
        format!("check      line {line}{column}: {value}{message}")
    }))
}

impl Imported {
    /// A list that was imported before, with the messages `said` about its rows then; `members` is the register's
    /// count.
    pub fn unchanged(file: &Path, members: u64, said: Vec<String>) -> Self {
        Self { file: file.to_owned(), members, said, ..Self::default() }
    }

    /// The source of the list and how it was read, with names that show a person that the letters are right.
    pub fn header(&self, sheet: &Sheet) -> String {
        let samples = sheet.sample_names();
        let samples = if samples.is_empty() {
            String::new()
        } else {
            format!("; sample names: {}", samples.join(", "))
        };
        let columns: Vec<String> = self
            .columns
            .iter()
            .map(|(header, field)| format!("{header} → {}", field.as_deref().unwrap_or("(not kept)")))
            .collect();
        let has_numbers = sheet.columns.has("number");
        let numbers = if has_numbers { "" } else { NO_NUMBERS };
        format!("{}: {}{samples}\n  {}{numbers}", self.file.display(), sheet.format, columns.join(", "))
    }

    pub fn refusals(&self) -> impl Iterator<Item = String> {
        refusals(&self.invalid_rows, &self.remarks)
    }

    /// One line for a run that does more than import.
    pub fn summary(&self) -> Option<String> {
        let difference = self.difference.as_ref()?;
        let mut parts = Vec::new();
        for (count, word) in [
            (difference.added.count, "added"),
            (difference.changed.count, "changed"),
            (difference.returned.count, "returned"),
            (difference.missing.count, if self.keep_missing { "missing, kept" } else { "taken out" }),
            (difference.unchanged, "unchanged"),
            (difference.held.count, "held (see: medlemsbrev members held)"),
            (difference.forgotten.count, "forgotten, not imported"),
            (self.invalid_rows.len() as u64, "invalid"),
            (self.duplicates.len() as u64, "duplicates merged"),
            (self.sharing, "who share an address with another"),
            (self.outside, "excluded by `only`"),
        ] {
            if count > 0 {
                parts.push(format!("{count} {word}"));
            }
        }
        Some(format!("Member list: {}.", parts.join(", ")))
    }
}

impl std::fmt::Display for InvalidRow {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "line {}", self.line)?;
        if !self.column.is_empty() {
            write!(f, ", {}", self.column)?;
        }
        write!(f, ": `{}` {}", self.value, self.reason)
    }
}

impl std::fmt::Display for Imported {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        for refusal in self.said.iter().cloned().chain(self.refusals()) {
            writeln!(f, "{refusal}")?;
        }
        for duplicate in self.duplicates.iter().take(SHOWN) {
            let Duplicate { line, first_line, name, shared } = duplicate;
            writeln!(f, "duplicate  line {line}: {name} has {shared} of line {first_line}; merged into it")?;
        }
        let Some(difference) = &self.difference else {
            return writeln!(f, "The list is unchanged: {}.", plural(self.members, "member", "members"));
        };
        write_changes(difference, f)?;
        writeln!(f)?;
        let mut table = Table::bare().right(0);
        for (number, what) in [
            (difference.added.count, "added".to_owned()),
            (difference.changed.count, "changed".to_owned()),
            (difference.returned.count, "in the list again".to_owned()),
            (
                difference.missing.count,
                if self.keep_missing {
                    "missing from the list, kept"
                } else {
                    "missing from the list, deactivated"
                }
                .to_owned(),
            ),
            (difference.suppressed.count, "in the list but suppressed: see \"suppressed\" above".to_owned()),
            (difference.unchanged, "unchanged".to_owned()),
            (difference.held.count, "held until you decide: medlemsbrev members held".to_owned()),
            (difference.forgotten.count, "forgotten at their request, not imported".to_owned()),
            (self.invalid_rows.len() as u64, "invalid".to_owned()),
            (self.duplicates.len() as u64, "duplicates merged".to_owned()),
            (self.sharing, "share an address with another member: one letter for all".to_owned()),
            (self.outside, "excluded by `only` in [members]".to_owned()),
            (self.members, format!("members in the list, {} without e-mail", self.without_address)),
        ] {
            if number > 0 {
                table.row([count(number), what]);
            }
        }
        write!(f, "{table}")
    }
}

/// Writes the changes one by one, the first few of each kind.
fn write_changes(difference: &Difference, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
    for name in difference.added.first.iter().take(SHOWN) {
        writeln!(f, "added      {name}")?;
    }
    if difference.added.count > SHOWN as u64 {
        writeln!(f, "           … and {} more", difference.added.count - SHOWN as u64)?;
    }
    for change in difference.changed.first.iter().take(SHOWN) {
        let fields = change.fields.iter().map(ToString::to_string);
        writeln!(f, "changed    {}: {}", change.name, fields.collect::<Vec<_>>().join("; "))?;
    }
    for (word, changed) in [
        ("returned", &difference.returned),
        ("missing", &difference.missing),
        ("suppressed", &difference.suppressed),
        ("held", &difference.held),
        ("forgotten", &difference.forgotten),
    ] {
        for name in changed.first.iter().take(SHOWN) {
            writeln!(f, "{word:<10} {name}")?;
        }
    }
    Ok(())
}
