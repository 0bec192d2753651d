//! `import`: imports the member list into the register.

mod shown;
mod suppress;

use std::fs::File;
use std::io::{BufRead, BufReader};
use std::path::Path;

use jiff::Timestamp;

use crate::cli::{ImportArgs, Reading};
use crate::config::{MaxMissing, Missing};
use crate::domain::{IdentityKey, InvalidRow, Segment, Sha256};
use crate::error::{Error, ErrorKind, Exit};
use crate::import::{Options, Plan, Sheet, Wanted, encoding_for};
use crate::ledger::{Difference, ImportRun, Ledger};
use crate::report::{Terminal, plural};

use super::{Context, Project};

use shown::{Imported, SHOWN, refusals};

const ROW_NUMBERS: &str = "The member numbers are 1, 2, 3 … in the order of the rows. If they only number the rows, set key = \"email\" in [members].";

/// How to read the member list; `None` means: as configured.
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
    /// The request from the command line.
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

/// Runs the command.
pub fn run(context: Context<'_>, arguments: &ImportArgs) -> Result<Exit, Error> {
    if let Some(file) = &arguments.suppress {
        return suppress::run(context, file, arguments);
    }
    let path = match (&arguments.file, &context.project.config.members.file) {
        (Some(file), _) => file.clone(),
        (None, Some(file)) => context.project.dir.join(file),
        (None, None) => {
            return Err(Error::new(ErrorKind::Usage, "no member list named")
                .hint("name the file, or set `file` in [members] of medlemsbrev.toml"));
        }
    };
    let list = List::new(context.project, &path, &ListRequest::new(&arguments.reading))?;
    let (imported, obstacle) = if arguments.dry_run {
        examine(&mut context.project.ledger_copy()?, &list, context.terminal)?
    } else {
        let _lock = context.project.lock("import")?;
        let mut ledger = context.project.ledger()?;
        super::history::freeze(context.project, &ledger, jiff::Timestamp::now())?;
        (import(&mut ledger, &list, context.terminal)?, None)
    };
    if context.terminal.json {
        context.terminal.json(&imported);
    } else {
        context.terminal.text(imported.to_string());
        if arguments.dry_run {
            context.terminal.say("Dry run: nothing was changed.");
        }
    }
    match obstacle {
        Some(error) if context.terminal.json => Ok(Exit::Failed(error.kind())),
        Some(error) => Err(error),
        None => Ok(Exit::Done),
    }
}

/// A member list and how to read it.
struct List<'a> {
    path: &'a Path,
    options: Options,
    skip_bad: bool,
    keep_missing: bool,
    max_missing: MaxMissing,
    key: Option<IdentityKey>,
    renumbered: bool,
    /// Of the file and the settings above: the same digest means that nothing is new.
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

/// Imports the configured list if it is new, and reports the result.
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
    if let Some(last) = ledger.last_import()?.filter(|last| last.digest == list.digest) {
        // Changes made by hand since then are kept, since an unchanged file has nothing new.
        return Ok(Imported::unchanged(list.path, ledger.active_members()?, last.said));
    }
    let sheet = Sheet::open(list.path, &list.options)?;
    let plan = Plan::make(&sheet);
    sheet.check_read()?;
    if !plan.bad.is_empty() && !list.skip_bad {
        return Err(invalid_rows(list.path, &plan.bad));
    }
    take_over(ledger, list, &sheet, plan, terminal, |difference| {
        if list.keep_missing { Ok(()) } else { check_max_missing(difference, list.max_missing, terminal) }
    })
}

/// What an import into `ledger`, a copy, would change, even if something would stop it; and what would stop it.
fn examine(
    ledger: &mut Ledger,
    list: &List<'_>,
    terminal: Terminal,
) -> Result<(Imported, Option<Error>), Error> {
    let sheet = Sheet::open(list.path, &list.options)?;
    let plan = Plan::make(&sheet);
    sheet.check_read()?;
    let is_stopped = !plan.bad.is_empty() && !list.skip_bad;
    let mut obstacle = is_stopped.then(|| would_stop(&plan.bad));
    let imported = take_over(ledger, list, &sheet, plan, terminal, |difference| {
        if !list.keep_missing && obstacle.is_none() {
            obstacle = check_max_missing(difference, list.max_missing, terminal.unattended()).err();
        }
        Ok(())
    })?;
    Ok((imported, obstacle))
}

/// Applies the valid rows if the list is new and `agree` allows it.
fn take_over(
    ledger: &mut Ledger,
    list: &List<'_>,
    sheet: &Sheet,
    plan: Plan,
    terminal: Terminal,
    agree: impl FnOnce(&Difference) -> Result<(), Error>,
) -> Result<Imported, Error> {
    let mut imported = Imported {
        file: list.path.to_owned(),
        format: Some(sheet.format.clone()),
        columns: sheet.columns.iter().map(|column| (column.header.clone(), column.field.clone())).collect(),
        members: plan.members,
        without_address: plan.without_address,
        sharing: plan.sharing,
        outside: plan.outside,
        invalid_rows: Vec::new(),
        duplicates: Vec::new(),
        remarks: Vec::new(),
        said: Vec::new(),
        keep_missing: list.keep_missing,
        difference: None,
    };
    if ledger.last_import()?.is_none_or(|last| last.digest != list.digest) {
        terminal.say(imported.header(sheet));
        let numbers_are_rows = list.key.is_none()
            && (ledger.numbers_are_rows()? || list.renumbered && plan.numbers_are_in_order());
        let is_by_email = list.renumbered || numbers_are_rows || list.key == Some(IdentityKey::Email);
        if sheet.columns.has("number") && plan.numbers_are_in_order() && !is_by_email {
            terminal.say(ROW_NUMBERS);
        }
        let file = list.path.display().to_string();
        let fields = sheet.columns.fields().filter(|name| !["name", "email", "number"].contains(name));
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
        let pending = ledger.import(|| plan.rows(sheet), run)?;
        sheet.check_read()?;
        agree(&pending.difference)?;
        let said: Vec<String> = refusals(&plan.bad, &plan.remarks).collect();
        imported.difference = Some(pending.keep(&said)?);
    }
    imported.invalid_rows = plan.bad;
    imported.remarks = plan.remarks;
    imported.duplicates = plan.duplicates;
    Ok(imported)
}

fn ascii(delimiter: char) -> Result<u8, Error> {
    u8::try_from(delimiter).ok().filter(u8::is_ascii).ok_or_else(|| {
        Error::new(ErrorKind::Usage, format!("`{delimiter}` is not a valid delimiter: use ; , | or a tab"))
    })
}

/// The register as a send would find it: a copy, with the configured list imported.
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

/// The error at the end of a dry run that has shown the rows.
fn would_stop(bad: &[InvalidRow]) -> Error {
    let rows = plural(bad.len() as u64, "row", "rows");
    Error::new(ErrorKind::Data, format!("the import would stop: {rows} cannot be imported"))
        .hint("correct them in the list, or import the valid rows with --skip-bad")
}

fn invalid_rows(path: &Path, bad: &[InvalidRow]) -> Error {
    let rows: Vec<String> = bad.iter().take(SHOWN).map(InvalidRow::to_string).collect();
    let more = bad.len().saturating_sub(SHOWN);
    let more = if more > 0 { format!("\n  … and {more} more") } else { String::new() };
    let bad = plural(bad.len() as u64, "row", "rows");
    Error::new(
        ErrorKind::Data,
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
    Err(Error::new(ErrorKind::Data, format!("{message} ({} …); nothing was changed", names.join(", "))).hint(
        format!("check that it is the right file; if the members have left, use --max-missing {missing}"),
    ))
}
