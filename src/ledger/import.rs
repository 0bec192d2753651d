//! Bringing a member list into the register: one transaction, the difference first.

mod difference;
mod stored;

use std::collections::{BTreeMap, BTreeSet, HashSet};

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension, Transaction, TransactionBehavior};

use crate::domain::{Address, InvalidRow, ListedMember, MemberId, MemberNumbers};

use super::forgotten::Forgotten;
use super::types::Stamp;
use super::{Ledger, LedgerError, members, record_change};

use difference::MemberChange;
pub use difference::{Difference, FieldChange};
use stored::Stored;
pub(super) use stored::select;

/// Where rows come from.
#[derive(Debug, Clone)]
pub struct ImportRun<'a> {
    /// The member numbers in the file.
    pub numbers: &'a MemberNumbers,
    /// The rows that could not be read.
    pub invalid: &'a [InvalidRow],
    /// The file, as it is in the trace.
    pub file: &'a str,
    /// Digest of the file and of how it was read.
    pub digest: &'a str,
    /// The fields that the file has; other fields of a member stay as they are.
    pub fields: BTreeSet<String>,
    /// Whether active members that the file does not have stay active.
    pub keep_missing: bool,
    pub now: Timestamp,
}

/// The import that was kept last.
#[derive(Debug)]
pub struct LastImport {
    /// Digest of the file and of how it was read.
    pub digest: String,
    /// What it said of the file's rows, a line each.
    pub said: Vec<String>,
}

/// An import that is done but not yet kept.
#[derive(Debug)]
pub struct PendingImport<'a> {
    transaction: Transaction<'a>,
    pub difference: Difference,
    run: ImportRun<'a>,
}

impl Ledger {
    /// Applies the rows inside a transaction that the caller keeps or drops.
    ///
    /// # Errors
    /// If the ledger cannot be written, or two members would have one address.
    pub fn import<'a>(
        &'a mut self,
        rows: impl Iterator<Item = ListedMember>,
        run: ImportRun<'a>,
    ) -> Result<PendingImport<'a>, LedgerError> {
        let active_before = self.active_members()?;
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let mut difference = Difference { active_before, ..Difference::default() };
        let now = Stamp(run.now);
        let mut seen = HashSet::new();
        let forgotten = Forgotten::load(&transaction)?;
        let is_new =
            transaction.query_row("SELECT NOT EXISTS (SELECT 1 FROM member)", (), |row| row.get(0))?;
        for row in rows {
            if forgotten.has(&row) {
                difference.forgotten.add(|| row.name.clone());
                continue;
            }
            // In a new register there is nobody to find: the plan's rows are one member each.
            let stored = if is_new { None } else { find(&transaction, &row, &run, &seen)? };
            let member = apply(&transaction, &row, stored, &run, now, &mut difference)?;
            if !is_new && !seen.insert(member) {
                return Err(LedgerError::TwoRows { line: row.line, name: row.name });
            }
        }
        for bad in run.invalid {
            seen.extend(meant_by(&transaction, bad)?);
        }
        for field in &run.fields {
            transaction.execute("INSERT INTO field VALUES (?1) ON CONFLICT DO NOTHING", [field])?;
        }
        let missing = if is_new { Vec::new() } else { find_missing(&transaction, &seen, &mut difference)? };
        for member in missing.into_iter().filter(|_| !run.keep_missing) {
            set_active(&transaction, now, member, run.file, false)?;
        }
        refuse_shared_addresses(&transaction)?;
        find_suppressed(&transaction, &mut difference)?;
        Ok(PendingImport { transaction, difference, run })
    }

    /// The last import that was kept.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn last_import(&self) -> Result<Option<LastImport>, LedgerError> {
        let sql = "SELECT digest, said FROM import ORDER BY id DESC LIMIT 1";
        let last = self.connection.query_row(sql, (), |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
        let Some((digest, said)): Option<(String, String)> = last else { return Ok(None) };
        Ok(Some(LastImport { digest, said: serde_json::from_str(&said).map_err(members::corrupt)? }))
    }
}

impl PendingImport<'_> {
    /// Keeps the import, and what was `said` of its rows; members that the file does not have become inactive.
    ///
    /// # Errors
    /// If the ledger cannot be written; then nothing is changed.
    pub fn keep(self, said: &[String]) -> Result<Difference, LedgerError> {
        let now = Stamp(self.run.now);
        let difference = &self.difference;
        // Only the last import's words are said again, and they hold names.
        self.transaction.execute("UPDATE import SET said = '[]' WHERE said <> '[]'", ())?;
        self.transaction.execute(
            "INSERT INTO import (at, file, digest, added, changed, returned, missing, said)
             VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?8)",
            (
                now,
                self.run.file,
                self.run.digest,
                difference.added.count,
                difference.changed.count,
                difference.returned.count,
                difference.missing.count,
                serde_json::to_string(said).map_err(members::corrupt)?,
            ),
        )?;
        self.transaction.commit()?;
        Ok(self.difference)
    }
}

fn apply(
    connection: &Connection,
    row: &ListedMember,
    stored: Option<Stored>,
    run: &ImportRun<'_>,
    now: Stamp,
    difference: &mut Difference,
) -> Result<MemberId, LedgerError> {
    let Some(stored) = stored else {
        difference.added.add(|| row.name.clone());
        return insert(connection, row, now);
    };
    let fields = merged_fields(&stored, row, run);
    let changes = stored.changes(row, &fields);
    if !changes.is_empty() {
        carry_suppression(connection, &stored, row, now)?;
        update(connection, stored.id, row, &stored, &fields, now)?;
        for change in &changes {
            record_change(connection, now, stored.id, run.file, change)?;
        }
    }
    if !stored.active {
        set_active(connection, now, stored.id, run.file, true)?;
        difference.returned.add(|| row.name.clone());
    } else if changes.is_empty() {
        difference.unchanged += 1;
    } else {
        difference.changed.add(|| MemberChange { name: stored.name.clone(), fields: changes });
    }
    Ok(stored.id)
}

/// The member that a row is about: by its number, else by address or name. A member that another row has, or whose
/// own number is in the file, is not taken.
fn find(
    connection: &Connection,
    row: &ListedMember,
    run: &ImportRun<'_>,
    seen: &HashSet<MemberId>,
) -> Result<Option<Stored>, LedgerError> {
    let by_number = match &row.number {
        Some(number) => select(connection, "number = ?1", number)?,
        None => None,
    };
    if by_number.is_some() {
        return Ok(by_number);
    }
    let other = match &row.address {
        Some(address) => select(connection, "address_key = ?1 ORDER BY active DESC", &address.key())?,
        None => select(connection, "paper_key = ?1 ORDER BY active DESC", &row.paper_key())?,
    };
    let is_free = |stored: &Stored| {
        let has_other_row = stored.number.as_ref().is_some_and(|number| run.numbers.contains(number));
        !has_other_row && !seen.contains(&stored.id)
    };
    Ok(other.filter(is_free))
}

/// The members whom a row that cannot be imported is about, by number, else by name.
fn meant_by(connection: &Connection, bad: &InvalidRow) -> Result<Vec<MemberId>, LedgerError> {
    let sql = "SELECT id FROM member WHERE active = 1 AND (number = ?1 OR ?1 IS NULL AND name = ?2)";
    let mut statement = connection.prepare_cached(sql)?;
    let members = statement.query_map((&bad.number, &bad.name), |row| row.get(0))?;
    Ok(members.collect::<Result<_, _>>()?)
}

/// The member's fields after the import: those that the file has come from the file, the rest stay.
fn merged_fields(stored: &Stored, row: &ListedMember, run: &ImportRun<'_>) -> BTreeMap<String, String> {
    let kept = stored.fields.iter().filter(|(name, _)| !run.fields.contains(*name));
    kept.chain(&row.fields).map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn json(fields: &BTreeMap<String, String>) -> Result<String, LedgerError> {
    serde_json::to_string(fields).map_err(members::corrupt)
}

pub(super) fn insert(
    connection: &Connection,
    row: &ListedMember,
    now: Stamp,
) -> Result<MemberId, LedgerError> {
    let sql =
        "INSERT INTO member (number, name, address, address_key, paper_key, fields, added_at, changed_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)";
    connection.prepare_cached(sql)?.execute((
        &row.number,
        &row.name,
        row.address.as_ref().map(Address::as_str),
        row.address.as_ref().map(Address::key),
        row.address.is_none().then(|| row.paper_key()),
        json(&row.fields)?,
        now,
    ))?;
    Ok(MemberId(connection.last_insert_rowid()))
}

pub(super) fn update(
    connection: &Connection,
    id: MemberId,
    row: &ListedMember,
    stored: &Stored,
    fields: &BTreeMap<String, String>,
    now: Stamp,
) -> Result<(), LedgerError> {
    let sql = "UPDATE member SET number = ?2, name = ?3, address = ?4, address_key = ?5, paper_key = ?6, fields = ?7,
               changed_at = ?8 WHERE id = ?1";
    connection.prepare_cached(sql)?.execute((
        id.0,
        row.number.as_ref().or(stored.number.as_ref()),
        &row.name,
        row.address.as_ref().map(Address::as_str),
        row.address.as_ref().map(Address::key),
        row.address.is_none().then(|| row.paper_key()),
        json(fields)?,
        now,
    ))?;
    Ok(())
}

/// A member who unsubscribed stays unsubscribed at a new address.
pub(super) fn carry_suppression(
    connection: &Connection,
    stored: &Stored,
    row: &ListedMember,
    now: Stamp,
) -> Result<(), LedgerError> {
    let (Some(old), Some(new)) = (&stored.address, &row.address) else { return Ok(()) };
    let sql = "INSERT INTO suppression (address_key, address, reason, since, note)
               SELECT ?2, ?3, reason, ?4, 'as ' || address || ' before' FROM suppression
               WHERE address_key = ?1 AND reason IN ('unsubscribed', 'complaint', 'by_hand') ON CONFLICT DO NOTHING";
    connection.prepare_cached(sql)?.execute((old.to_lowercase(), new.key(), new.as_str(), now))?;
    Ok(())
}

fn set_active(
    connection: &Connection,
    now: Stamp,
    member: MemberId,
    source: &str,
    active: bool,
) -> Result<(), LedgerError> {
    connection
        .prepare_cached("UPDATE member SET active = ?2, changed_at = ?3 WHERE id = ?1")?
        .execute((member, active, now))?;
    let word = |active: bool| Some(if active { "yes" } else { "no" }.to_owned());
    let change = FieldChange { field: "active".to_owned(), old: word(!active), new: word(active) };
    Ok(record_change(connection, now, member, source, &change)?)
}

pub(super) fn refuse_shared_addresses(connection: &Connection) -> Result<(), LedgerError> {
    // The inner part reads the index alone, and mostly finds nothing.
    let sql = "SELECT min(address), group_concat(name, ' and ') FROM member
               WHERE active = 1 AND address_key IN (SELECT address_key FROM member WHERE address_key IS NOT NULL
                                                    GROUP BY address_key HAVING count(*) > 1)
               GROUP BY address_key HAVING count(*) > 1 LIMIT 1";
    let shared = connection.query_row(sql, (), |row| Ok((row.get(0)?, row.get(1)?))).optional()?;
    match shared {
        None => Ok(()),
        Some((address, names)) => Err(LedgerError::AddressTwice { address, names }),
    }
}

fn find_suppressed(connection: &Connection, difference: &mut Difference) -> Result<(), LedgerError> {
    let sql = "SELECT m.name, s.address, s.reason, substr(s.since, 1, 10) FROM suppression s
               JOIN member m ON m.address_key = s.address_key AND m.active = 1 ORDER BY s.since, m.id";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(())?;
    while let Some(row) = rows.next()? {
        let (name, address): (String, String) = (row.get(0)?, row.get(1)?);
        let (reason, since): (String, String) = (row.get(2)?, row.get(3)?);
        let reason = reason.replace('_', " ");
        difference.suppressed.add(|| format!("{name}, {address}: {reason} since {since}"));
    }
    Ok(())
}

fn find_missing(
    connection: &Connection,
    seen: &HashSet<MemberId>,
    difference: &mut Difference,
) -> Result<Vec<MemberId>, LedgerError> {
    let sql = "SELECT id, name FROM member WHERE active = 1 AND origin = 'file' ORDER BY id";
    let mut statement = connection.prepare_cached(sql)?;
    let mut rows = statement.query(())?;
    let mut missing = Vec::new();
    while let Some(row) = rows.next()? {
        let id = row.get(0)?;
        if !seen.contains(&id) {
            let name: String = row.get(1)?;
            difference.missing.add(|| name);
            missing.push(id);
        }
    }
    Ok(missing)
}

#[cfg(test)]
mod tests;
