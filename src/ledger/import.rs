//! Imports a member list into the register: one transaction, with the difference first.

mod apply;
mod difference;
mod identity;
mod stored;

use std::collections::{BTreeSet, HashSet};

use jiff::Timestamp;

use crate::domain::{IdentityKey, InvalidRow, ListedMember, MemberId, TextSet};

use super::db::{Db, Transaction};
use super::types::Stamp;
use super::{Ledger, LedgerError, members};

use apply::set_active;
pub(super) use apply::{free_number, insert, update};
pub use difference::{Difference, FieldChange};
use identity::Identification;
pub(super) use stored::{Stored, select};

/// The rows to import, and where they come from.
#[derive(Debug, Clone)]
pub struct ImportRun<'a> {
    /// How rows are matched with members.
    pub key: IdentityKey,
    /// The member numbers in the file.
    pub numbers: &'a TextSet,
    /// The addresses that several members in the file share, in lower case.
    pub shared: &'a TextSet,
    /// The rows that could not be read.
    pub invalid: &'a [InvalidRow],
    /// The file's name in the history.
    pub file: &'a str,
    /// A digest of the file and of how it was read.
    pub digest: &'a str,
    /// The fields in the file; a member's other fields stay as they are.
    pub fields: BTreeSet<String>,
    /// Whether active members who are missing from the file stay active.
    pub keep_missing: bool,
    /// Whether the file's numbers are only row numbers: from now on they identify nobody.
    pub numbers_are_rows: bool,
    pub now: Timestamp,
}

/// The setting for a list whose numbers are only row numbers.
const NUMBERS_ARE_ROWS: &str = "numbers_are_rows";

/// The last import.
#[derive(Debug)]
pub struct LastImport {
    /// A digest of the file and of how it was read.
    pub digest: String,
    /// Its messages about the file's rows, one line each.
    pub said: Vec<String>,
}

/// An import that has been applied but not committed.
#[derive(Debug)]
pub struct PendingImport<'a> {
    transaction: Transaction<'a>,
    pub difference: Difference,
    run: ImportRun<'a>,
}

impl Ledger {
    /// Applies the rows inside a transaction that the caller keeps or drops. `rows` starts from the first row at each
    /// call.
    ///
    /// # Errors
    /// If the ledger cannot be written, or if members are matched by number and were renumbered.
    pub fn import<'a, I: Iterator<Item = ListedMember>>(
        &'a mut self,
        rows: impl Fn() -> I,
        run: ImportRun<'a>,
    ) -> Result<PendingImport<'a>, LedgerError> {
        let active_before = self.active_members()?;
        let transaction = self.db.begin()?;
        let is_new = transaction.one("SELECT NOT EXISTS (SELECT 1 FROM member)", (), |row| row.get(0))?;
        let mut identification = Identification::new(&transaction, &run, active_before)?;
        if is_new {
            // A new register has no members to match, and each row of the plan is one member.
            rows().try_for_each(|row| identification.add(&row, None))?;
        } else {
            identification.identify(&rows)?;
        }
        let (mut seen, mut difference) = identification.finish();
        for bad in run.invalid {
            seen.extend(meant_by(&transaction, bad)?);
        }
        for field in &run.fields {
            transaction.execute("INSERT INTO field VALUES (?1) ON CONFLICT DO NOTHING", [field])?;
        }
        let missing = if is_new { Vec::new() } else { find_missing(&transaction, &seen, &mut difference)? };
        for member in missing.into_iter().filter(|_| !run.keep_missing) {
            set_active(&transaction, Stamp(run.now), member, run.file, false)?;
        }
        if run.numbers_are_rows {
            let sql = "INSERT INTO register_fact VALUES (?1, ?2) ON CONFLICT DO NOTHING";
            transaction.execute(sql, (NUMBERS_ARE_ROWS, Stamp(run.now)))?;
        }
        find_suppressed(&transaction, &mut difference)?;
        Ok(PendingImport { transaction, difference, run })
    }

    /// Tells whether the numbers of earlier lists turned out to be row numbers.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn numbers_are_rows(&self) -> Result<bool, LedgerError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM register_fact WHERE name = ?1)";
        self.db.one(sql, [NUMBERS_ARE_ROWS], |row| row.get(0))
    }

    /// The last import.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn last_import(&self) -> Result<Option<LastImport>, LedgerError> {
        let sql = "SELECT digest, said FROM import ORDER BY id DESC LIMIT 1";
        let last = self.db.optional(sql, (), |row| Ok((row.get(0)?, row.get(1)?)))?;
        let Some((digest, said)): Option<(String, String)> = last else { return Ok(None) };
        Ok(Some(LastImport { digest, said: serde_json::from_str(&said).map_err(members::corrupt)? }))
    }
}

impl PendingImport<'_> {
    /// Commits the import, and what was `said` about its rows; members who are missing from the file become inactive.
    ///
    /// # Errors
    /// If the ledger cannot be written; then nothing is changed.
    pub fn keep(self, said: &[String]) -> Result<Difference, LedgerError> {
        let now = Stamp(self.run.now);
        let difference = &self.difference;
        // Only the last import's messages are repeated, and they contain names.
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
        self.transaction.has_grown("member")?;
        self.transaction.commit()?;
        Ok(self.difference)
    }
}

/// The members whom an invalid row is about, by number, else by name.
fn meant_by(db: &Db, bad: &InvalidRow) -> Result<Vec<MemberId>, LedgerError> {
    let sql =
        "SELECT id FROM member WHERE active = 1 AND (number = ?1 OR CAST(?1 AS TEXT) IS NULL AND name = ?2)";
    db.list(sql, (&bad.number, &bad.name), |row| row.get(0))
}

fn find_suppressed(db: &Db, difference: &mut Difference) -> Result<(), LedgerError> {
    let sql = "SELECT m.name, coalesce(m.address, s.address), s.reason, substr(s.since, 1, 10) FROM suppression s
               JOIN member m ON m.address_key = s.address_key AND m.active = 1
               UNION SELECT m.name, coalesce(m.address, p.address), p.reason, substr(p.since, 1, 10) FROM opted_out p
               JOIN member m ON m.id = p.member AND m.active = 1
               WHERE NOT EXISTS (SELECT 1 FROM suppression WHERE address_key = m.address_key) ORDER BY 4, 1";
    db.each(sql, (), |row| {
        let (name, address): (String, String) = (row.get(0)?, row.get(1)?);
        let (reason, since): (String, String) = (row.get(2)?, row.get(3)?);
        let reason = reason.replace('_', " ");
        difference.suppressed.add(|| format!("{name}, {address}: {reason} since {since}"));
        Ok(())
    })
}

fn find_missing(
    db: &Db,
    seen: &HashSet<MemberId>,
    difference: &mut Difference,
) -> Result<Vec<MemberId>, LedgerError> {
    let sql = "SELECT id, name FROM member WHERE active = 1 AND origin = 'file' ORDER BY id";
    let mut missing = Vec::new();
    db.each(sql, (), |row| {
        let id = row.get(0)?;
        if !seen.contains(&id) {
            let name: String = row.get(1)?;
            difference.missing.add(|| name);
            missing.push(id);
        }
        Ok::<_, LedgerError>(())
    })?;
    Ok(missing)
}

#[cfg(test)]
mod tests;
