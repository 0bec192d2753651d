//! `log --kind dry-run --diff`: shows who gets a different letter than in the previous dry run.

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::rc::Rc;

use serde::Serialize;
use serde_json::Value;

use crate::domain::IssueName;
use crate::error::{Error, ErrorKind, Exit};
use crate::report::{JsonLines, Table, count, masked_address, plural};

use crate::commands::{Context, Project};

/// Up to this many members with the same change are listed.
const SHOWN: usize = 5;
/// A dry run does not compare longer lists at its end, which would need memory in proportion; this command does.
const MOST_COMPARED: usize = 20_000;

/// A dry run by address, since before the first import each dry run numbers members again.
type DryRunLetters = BTreeMap<String, DryRunEntry>;

#[derive(Debug, Clone, PartialEq, Eq)]
enum DryRunEntry {
    Letter(DryRunLetter),
    /// No letter, with the reason.
    Without(Rc<str>),
}

#[derive(Debug, Clone, PartialEq, Eq)]
struct DryRunLetter {
    /// Shared by the members who get the same sections.
    sections: Rc<[String]>,
    subject: Rc<str>,
    digest: Option<String>,
    bytes: u64,
}

/// An address whose letter is new, gone or different.
#[derive(Debug, PartialEq, Eq, Serialize)]
struct LetterChange {
    what: &'static str,
    address: String,
    detail: String,
}

/// The number of letters that differ from those of the previous dry run.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
pub(in crate::commands) struct Summary {
    new: u64,
    gone: u64,
    other: u64,
    same: u64,
}

/// The last two dry runs of each selection of members, from the log.
#[derive(Debug, Default)]
struct Runs {
    reading: BTreeMap<String, DryRunLetters>,
    finished: BTreeMap<String, (Option<DryRunLetters>, DryRunLetters)>,
    last: Option<String>,
    /// Runs with more members than this are not kept.
    most: usize,
    is_over: bool,
    /// Texts shared by many members.
    texts: BTreeSet<Rc<str>>,
    sections: BTreeSet<Rc<[String]>>,
}

/// Compares the last two dry runs of an issue.
pub(in crate::commands) fn run(
    context: Context<'_>,
    issue: &IssueName,
    is_masked: bool,
) -> Result<Exit, Error> {
    let (before, last) = Runs::read(context.project, issue, usize::MAX)?.last_two().ok_or_else(|| {
        Error::new(ErrorKind::Data, format!("the log has fewer than two complete dry runs of {issue}"))
            .hint(format!("run: medlemsbrev send {issue} --dry-run"))
    })?;
    let mut changes = changes(&before, &last);
    let same = plural(Summary::of(&changes, &last).same, "letter is", "letters are");
    if is_masked {
        changes.iter_mut().for_each(|change| change.address = masked_address(&change.address));
    }
    if context.terminal.json {
        context.terminal.json(&changes);
    } else {
        let all = context.terminal.verbose > 0;
        let shown = if changes.is_empty() { String::new() } else { format!("{}\n", table(&changes, all)) };
        context.terminal.text(shown + &format!("{same} the same."));
    }
    Ok(Exit::Done)
}

/// The number of letters changed by the last dry run; `None` if there is nothing to compare with, or too much.
pub(in crate::commands) fn summary(project: &Project, issue: &IssueName) -> Result<Option<Summary>, Error> {
    let pair = Runs::read(project, issue, MOST_COMPARED)?.last_two();
    Ok(pair.map(|(before, last)| Summary::of(&changes(&before, &last), &last)))
}

/// One row per change, or one for many members with the same change.
fn table(changes: &[LetterChange], all: bool) -> Table {
    let mut alike: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    for LetterChange { what, detail, .. } in changes {
        *alike.entry((what, detail)).or_default() += 1;
    }
    let mut table = Table::new(["what", "address", "why"]);
    let mut told = BTreeSet::new();
    for LetterChange { what, address, detail } in changes {
        let number = alike.get(&(*what, detail.as_str())).copied().unwrap_or(1);
        let address = if all || number <= SHOWN {
            address.clone()
        } else if told.insert((what, detail)) {
            format!("{address} and {} more", count(number as u64 - 1))
        } else {
            continue;
        };
        table.row([(*what).to_owned(), address, detail.clone()]);
    }
    table
}

impl Runs {
    fn read(project: &Project, issue: &IssueName, most: usize) -> Result<Self, Error> {
        let mut runs = Self { most, ..Self::default() };
        JsonLines::read(&project.log_path("dry-run"), |event| {
            if text(&event, "/issue") == issue.as_str() {
                runs.add(&event);
            }
        })?;
        Ok(runs)
    }

    fn add(&mut self, event: &Value) {
        if self.is_over {
            return;
        }
        let run = text(event, "/run");
        if text(event, "/event") == "finished" {
            let members = self.reading.remove(run).unwrap_or_default();
            let selection = text(event, "/selection").to_owned();
            let before = self.finished.remove(&selection).map(|(_, last)| last);
            self.finished.insert(selection.clone(), (before, members));
            self.last = Some(selection);
            self.texts.retain(|text| Rc::strong_count(text) > 1);
            return;
        }
        let address = text(event, "/address");
        if !address.is_empty() {
            let entry = self.entry(event);
            let members = self.reading.entry(run.to_owned()).or_default();
            members.insert(address.to_owned(), entry);
            if members.len() > self.most {
                *self = Self { is_over: true, ..Self::default() };
            }
        }
    }

    fn entry(&mut self, event: &Value) -> DryRunEntry {
        let Some(bytes) = event.pointer("/letter/bytes").and_then(Value::as_u64) else {
            let reason = text(event, "/reason");
            let reason = if reason.is_empty() { text(event, "/event") } else { reason };
            return DryRunEntry::Without(shared(&mut self.texts, reason));
        };
        let names = event.pointer("/letter/sections").and_then(Value::as_array).into_iter().flatten();
        let names: Vec<String> = names.filter_map(|name| name.as_str().map(str::to_owned)).collect();
        let digest = event.pointer("/letter/digest").and_then(Value::as_str).map(str::to_owned);
        let subject = shared(&mut self.texts, text(event, "/letter/subject"));
        DryRunEntry::Letter(DryRunLetter {
            sections: shared(&mut self.sections, names.as_slice()),
            subject,
            digest,
            bytes,
        })
    }

    /// The last dry run and the previous one for the same members; if there is none, the last two for all members.
    fn last_two(mut self) -> Option<(DryRunLetters, DryRunLetters)> {
        let mut pair = |selection: &str| {
            let (before, last) = self.finished.remove(selection)?;
            Some((before?, last))
        };
        pair(self.last.as_deref()?).or_else(|| pair(""))
    }
}

fn text<'a>(event: &'a Value, pointer: &str) -> &'a str {
    event.pointer(pointer).and_then(Value::as_str).unwrap_or_default()
}

fn shared<T: ?Sized + Ord>(known: &mut BTreeSet<Rc<T>>, value: &T) -> Rc<T>
where
    for<'a> Rc<T>: From<&'a T>,
{
    if let Some(found) = known.get(value) {
        return Rc::clone(found);
    }
    let new: Rc<T> = Rc::from(value);
    known.insert(Rc::clone(&new));
    new
}

fn changes(before: &DryRunLetters, last: &DryRunLetters) -> Vec<LetterChange> {
    let change = |what, address: &String, detail| LetterChange { what, address: address.clone(), detail };
    let now = last.iter().filter_map(|(address, entry)| match (before.get(address), entry) {
        (_, DryRunEntry::Without(_)) => None,
        (None, DryRunEntry::Letter(_)) => Some(change("new", address, "new address".to_owned())),
        (Some(DryRunEntry::Without(why)), DryRunEntry::Letter(_)) => {
            Some(change("new", address, format!("was skipped: {}", crate::commands::states::words(why))))
        }
        (Some(DryRunEntry::Letter(then)), DryRunEntry::Letter(now)) => {
            Some(change("other", address, difference(then, now)?))
        }
    });
    let gone = before.iter().filter_map(|(address, entry)| match (entry, last.get(address)) {
        (DryRunEntry::Without(_), _) | (_, Some(DryRunEntry::Letter(_))) => None,
        (_, None) => Some(change("gone", address, "no member has this address now".to_owned())),
        (_, Some(DryRunEntry::Without(why))) => {
            Some(change("gone", address, crate::commands::states::words(why)))
        }
    });
    now.chain(gone).collect()
}

/// The differences in a letter; `None` if there are none.
fn difference(then: &DryRunLetter, now: &DryRunLetter) -> Option<String> {
    let missing_in = |here: &DryRunLetter, there: &DryRunLetter, sign: &str| {
        let names = here.sections.iter().filter(|name| !there.sections.contains(name));
        names.map(|name| format!("{sign}{name}")).collect::<Vec<_>>()
    };
    let mut parts = [missing_in(now, then, "+"), missing_in(then, now, "-")].concat();
    if then.subject != now.subject {
        parts.push(format!("subject «{}», was «{}»", now.subject, then.subject));
    }
    let is_other = match (&then.digest, &now.digest) {
        (Some(then), Some(now)) => then != now,
        _ => then.bytes != now.bytes,
    };
    if parts.is_empty() && is_other {
        parts.push("other content".to_owned());
    }
    (!parts.is_empty()).then(|| parts.join(", "))
}

impl Summary {
    fn of(changes: &[LetterChange], last: &DryRunLetters) -> Self {
        let number = |what| changes.iter().filter(|change| change.what == what).count() as u64;
        let letters = last.values().filter(|entry| matches!(entry, DryRunEntry::Letter(_))).count() as u64;
        let (new, other) = (number("new"), number("other"));
        Self { new, gone: number("gone"), other, same: letters - new - other }
    }

    /// Tells whether any letter differs.
    pub fn differ(self) -> bool {
        self.new + self.gone + self.other > 0
    }
}

impl fmt::Display for Summary {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let parts = [(self.new, "new"), (self.gone, "gone"), (self.other, "with different content")];
        let parts = parts.iter().filter(|(number, _)| *number > 0);
        let parts: Vec<String> = parts.map(|(number, word)| format!("{} {word}", count(*number))).collect();
        f.write_str(&parts.join(", "))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn line(run: &str, event: &str, address: &str) -> Value {
        serde_json::json!({
            "run": run, "event": event, "address": address,
            "letter": { "bytes": 9, "sections": ["A"], "subject": "S", "digest": run },
        })
    }

    #[test]
    fn overlapping_runs_are_separated_and_interrupted_ones_omitted() {
        let mut runs = Runs { most: 9, ..Runs::default() };
        for (run, event, address) in [
            ("1", "accepted", "a@example.org"),
            ("2", "accepted", "a@example.org"),
            ("1", "accepted", "b@example.org"),
            ("cut", "accepted", "c@example.org"),
            ("1", "finished", ""),
            ("2", "finished", ""),
        ] {
            runs.add(&line(run, event, address));
        }
        let (before, last) = runs.last_two().unwrap();
        assert_eq!((before.len(), last.len()), (2, 1));
        let changes = changes(&before, &last);
        assert_eq!(Summary::of(&changes, &last), Summary { new: 0, gone: 1, other: 1, same: 0 });
    }

    #[test]
    fn too_many_members_are_not_kept() {
        let mut runs = Runs { most: 1, ..Runs::default() };
        for run in ["1", "2"] {
            for address in ["a@example.org", "b@example.org"] {
                runs.add(&line(run, "accepted", address));
            }
            runs.add(&line(run, "finished", ""));
        }
        assert!(runs.reading.is_empty() && runs.last_two().is_none());
    }
}
