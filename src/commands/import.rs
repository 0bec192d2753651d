//! `import`: the member list into the register.

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;

use crate::cli::{Import, Reading};
use crate::config::{MaxMissing, Missing};
use crate::domain::{IdentityKey, InvalidRow, Remark, Segment, Sha256};
use crate::error::{Error, Exit, Kind};
use crate::import::{Format, Options, Plan, Sheet, Wanted, encoding_for};
use crate::ledger::{Difference, ImportRun, Ledger};
use crate::report::{Terminal, plural};

use super::{Context, Project};

/// How many invalid rows, duplicates and changes are shown one by one.
const SHOWN: usize = 20;

const ROW_NUMBERS: &str = "The member numbers are 1, 2, 3 … in the order of the rows. If they only number the rows, set key = \"email\" in [members].";

/// How the member list is to be read; what is `None` is as configured.
#[derive(Debug, Clone, Default)]
pub(super) struct ListRequest {
    skip_bad: bool,
    encoding: Option<String>,
    delimiter: Option<char>,
    max_missing: Option<MaxMissing>,
    missing: Option<Missing>,
    renumbered: bool,
}

impl ListRequest {
    /// The request of a command line.
    pub fn new(reading: &Reading) -> Self {
        Self {
            skip_bad: reading.skip_bad,
            encoding: reading.encoding.clone(),
            delimiter: reading.delimiter,
            max_missing: reading.max_missing,
            missing: reading.missing,
            renumbered: reading.renumbered,
        }
    }
}

/// What an import found and did.
#[derive(Debug, Serialize)]
struct Imported {
    file: PathBuf,
    format: Format,
    /// Header → field.
    columns: Vec<(String, Option<String>)>,
    members: u64,
    without_address: u64,
    invalid_rows: Vec<InvalidRow>,
    duplicates: Vec<crate::import::Duplicate>,
    /// What a person should look at.
    remarks: Vec<Remark>,
    /// Whether members that the list leaves out stay.
    keep_missing: bool,
    /// None if the same file was imported before.
    difference: Option<Difference>,
}

/// Runs the command.
pub fn run(context: Context<'_>, arguments: &Import) -> Result<Exit, Error> {
    let path = match (&arguments.file, &context.project.config.members.file) {
        (Some(file), _) => file.clone(),
        (None, Some(file)) => context.project.dir.join(file),
        (None, None) => {
            return Err(Error::new(Kind::Usage, "no member list named")
                .hint("name the file, or set `file` in [members] of medlemsbrev.toml"));
        }
    };
    let list = List::new(context.project, &path, &ListRequest::new(&arguments.reading))?;
    let imported = if arguments.dry_run {
        import(&mut context.project.ledger_copy()?, &list, context.terminal)?
    } else {
        let _lock = context.project.lock("import")?;
        import(&mut context.project.ledger()?, &list, context.terminal)?
    };
    if context.terminal.json {
        context.terminal.json(&imported);
    } else {
        context.terminal.text(imported.to_string());
        if arguments.dry_run {
            context.terminal.say("Dry run: nothing was changed.");
        }
    }
    Ok(Exit::Done)
}

/// A member list and how it is read.
struct List<'a> {
    path: &'a Path,
    options: Options,
    skip_bad: bool,
    keep_missing: bool,
    max_missing: MaxMissing,
    key: Option<IdentityKey>,
    renumbered: bool,
    /// Of the file and of the above: the same digest brings no news.
    digest: String,
}

impl<'a> List<'a> {
    fn new(project: &Project, path: &'a Path, request: &ListRequest) -> Result<Self, Error> {
        let members = &project.config.members;
        let label = request.encoding.as_ref().or(members.encoding.as_ref());
        let delimiter = request.delimiter.or(members.delimiter).map(ascii).transpose()?;
        let skip_bad = request.skip_bad || members.skip_bad;
        let keep_missing = request.missing.unwrap_or(members.missing) == Missing::Keep;
        let headers = members.columns.iter().map(|(field, headers)| (field.clone(), headers.to_vec()));
        let wanted =
            Wanted { columns: headers.collect(), ignore: members.ignore.clone(), keep: members.keep.clone() };
        let only = members.only.as_ref().map(Segment::source);
        let how = format!(
            "{wanted:?} {label:?} {delimiter:?} {skip_bad} {keep_missing} {only:?} {:?} {}",
            members.key, request.renumbered
        );
        let options = Options {
            encoding: label.map(|label| encoding_for(label)).transpose()?,
            delimiter,
            wanted,
            only: members.only.clone(),
        };
        let max_missing = request.max_missing.unwrap_or(members.max_missing);
        let digest = digest_of(path, &how)?;
        let renumbered = request.renumbered;
        Ok(Self { path, options, skip_bad, keep_missing, max_missing, key: members.key, renumbered, digest })
    }
}

/// Imports the configured list, if it brings news, and says what became of it.
pub(super) fn import_list(
    context: Context<'_>,
    ledger: &mut Ledger,
    request: &ListRequest,
) -> Result<(), Error> {
    let Some(file) = &context.project.config.members.file else { return Ok(()) };
    let path = context.project.dir.join(file);
    let list = List::new(context.project, &path, request)?;
    if let Some(last) = ledger.last_import()?.filter(|last| last.digest == list.digest) {
        last.said.iter().for_each(|line| context.terminal.say(line));
        return Ok(());
    }
    let imported = import(ledger, &list, context.terminal)?;
    imported.refusals().for_each(|row| context.terminal.say(row));
    if let Some(summary) = imported.summary() {
        context.terminal.say(summary);
    }
    Ok(())
}

/// Imports a list into `ledger`: all of it or nothing.
fn import(ledger: &mut Ledger, list: &List<'_>, terminal: Terminal) -> Result<Imported, Error> {
    let path = list.path;
    let sheet = Sheet::open(path, &list.options)?;
    let plan = Plan::make(&sheet);
    if !plan.bad.is_empty() && !list.skip_bad {
        return Err(invalid_rows(path, &plan.bad));
    }
    let mut imported = Imported {
        file: path.to_owned(),
        format: sheet.format.clone(),
        columns: sheet.columns.iter().map(|column| (column.header.clone(), column.field.clone())).collect(),
        members: plan.members,
        without_address: plan.without_address,
        invalid_rows: Vec::new(),
        duplicates: Vec::new(),
        remarks: Vec::new(),
        keep_missing: list.keep_missing,
        difference: None,
    };
    // Changes made by hand since then are kept: an unchanged file brings no news.
    if ledger.last_import()?.is_none_or(|last| last.digest != list.digest) {
        terminal.say(imported.header(&sheet));
        let file = path.display().to_string();
        let fields = sheet.columns.fields().filter(|name| !["name", "email", "number"].contains(name));
        let numbers_are_rows = list.key.is_none()
            && (ledger.numbers_are_rows()? || list.renumbered && plan.numbers_are_in_order());
        let is_by_email = list.renumbered || numbers_are_rows || list.key == Some(IdentityKey::Email);
        if sheet.columns.has("number") && plan.numbers_are_in_order() && !is_by_email {
            terminal.say(ROW_NUMBERS);
        }
        let run = ImportRun {
            key: if is_by_email { IdentityKey::Email } else { IdentityKey::Number },
            numbers_are_rows,
            numbers: &plan.numbers,
            shared: &plan.shared,
            invalid: &plan.bad,
            file: &file,
            digest: &list.digest,
            fields: fields.map(str::to_owned).collect(),
            keep_missing: list.keep_missing,
            now: Timestamp::now(),
        };
        let pending = ledger.import(|| plan.rows(&sheet), run)?;
        if !list.keep_missing {
            check_max_missing(&pending.difference, list.max_missing, terminal)?;
        }
        let said: Vec<String> = refusals(&plan.bad, &plan.remarks).collect();
        imported.difference = Some(pending.keep(&said)?);
    }
    imported.invalid_rows = plan.bad;
    imported.remarks = plan.remarks;
    imported.duplicates = plan.duplicates;
    Ok(imported)
}

/// The rows that were left out, and those that a person should look at, one line each.
fn refusals(bad: &[InvalidRow], remarks: &[Remark]) -> impl Iterator<Item = String> {
    let refused = bad.iter().take(SHOWN).map(|bad| format!("invalid    {bad}"));
    refused.chain(remarks.iter().take(SHOWN).map(|remark| {
        let Remark { line, column, value, message } = remark;
        format!("look at    line {line}, {column}: `{value}` {message}")
    }))
}

fn ascii(delimiter: char) -> Result<u8, Error> {
    u8::try_from(delimiter).ok().filter(u8::is_ascii).ok_or_else(|| {
        Error::new(Kind::Usage, format!("`{delimiter}` is not a valid delimiter: use ; , | or a tab"))
    })
}

/// The register as a send would find it: with the configured list imported, in a copy.
pub(super) fn register_as_sent(context: Context<'_>) -> Result<Ledger, Error> {
    let mut ledger = context.project.ledger_copy()?;
    let silent = Context { terminal: Terminal { quiet: true, ..context.terminal }, ..context };
    import_list(silent, &mut ledger, &ListRequest::default())?;
    Ok(ledger)
}

fn digest_of(path: &Path, how: &str) -> Result<String, Error> {
    let failed = |error: std::io::Error| Error::unreadable(path, &error);
    let mut file = BufReader::new(File::open(path).map_err(failed)?);
    let mut digest = Sha256::new();
    loop {
        let read = file.fill_buf().map_err(failed)?;
        if read.is_empty() {
            break;
        }
        digest.update(read);
        let length = read.len();
        file.consume(length);
    }
    digest.update(how.as_bytes());
    Ok(digest.finish())
}

fn invalid_rows(path: &Path, bad: &[InvalidRow]) -> Error {
    let rows: Vec<String> = bad.iter().take(SHOWN).map(InvalidRow::to_string).collect();
    let more = bad.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!("\n  … and {more} more") } else { String::new() };
    let bad = plural(bad.len() as u64, "row", "rows");
    Error::new(
        Kind::Data,
        format!(
            "`{}`: cannot import {bad}; nothing was changed\n  {}{more}",
            path.display(),
            rows.join("\n  ")
        ),
    )
    .hint("correct them in the list, or import the valid rows with --skip-bad")
}

/// Stops an import that would remove more members than `limit` allows, unless the user agrees.
fn check_max_missing(difference: &Difference, limit: MaxMissing, terminal: Terminal) -> Result<(), Error> {
    let missing = difference.missing.count;
    if !limit.stops(missing, difference.active_before) {
        return Ok(());
    }
    let message =
        format!("{missing} of {} active members are missing from the list", difference.active_before);
    match terminal.confirm(&format!("{message}. Remove them from the register?")) {
        Some(true) => return Ok(()),
        Some(false) => return Err(Error::cancelled()),
        None => {}
    }
    let names: Vec<&str> = difference.missing.first.iter().take(5).map(String::as_str).collect();
    Err(Error::new(Kind::Data, format!("{message} ({} …); nothing was changed", names.join(", "))).hint(
        format!("check that it is the right file; if the members have left, use --max-missing {missing}"),
    ))
}

impl Imported {
    /// Where it was read from and how, with names by which a person sees that the letters are right.
    fn header(&self, sheet: &Sheet) -> String {
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
        format!("{}: {}{samples}\n  {}", self.file.display(), self.format, columns.join(", "))
    }

    fn refusals(&self) -> impl Iterator<Item = String> {
        refusals(&self.invalid_rows, &self.remarks)
    }

    /// One line for a run that does more than import.
    fn summary(&self) -> Option<String> {
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
        for refusal in self.refusals() {
            writeln!(f, "{refusal}")?;
        }
        for duplicate in self.duplicates.iter().take(SHOWN) {
            let crate::import::Duplicate { line, first_line, name, shared } = duplicate;
            writeln!(f, "duplicate  line {line}: {name} has {shared} of line {first_line}; merged into it")?;
        }
        let Some(difference) = &self.difference else {
            return writeln!(f, "The list is unchanged: {} members.", self.members);
        };
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
        writeln!(f)?;
        let mut table = crate::report::Table::bare().right(0);
        for (count, what) in [
            (difference.added.count, "added".to_owned()),
            (difference.changed.count, "changed".to_owned()),
            (difference.returned.count, "back after having been missing".to_owned()),
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
            (self.invalid_rows.len() as u64, "invalid rows".to_owned()),
            (self.duplicates.len() as u64, "duplicates merged".to_owned()),
            (self.members, format!("members in the list, {} without e-mail", self.without_address)),
        ] {
            if count > 0 {
                table.row([crate::report::count(count), what]);
            }
        }
        write!(f, "{table}")
    }
}
