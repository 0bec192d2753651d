//! People who asked to be forgotten: only a salted hash is kept, so that an import does not bring them back.

use std::collections::HashSet;

use aws_lc_rs::hmac;
use jiff::Timestamp;

use crate::domain::{ListedMember, MemberId, Traces, name};

use super::db::{Db, Value};
use super::types::Stamp;
use super::{Ledger, LedgerError};

/// The hashes of forgotten people.
#[derive(Debug)]
pub(super) struct Forgotten {
    hashes: HashSet<String>,
    key: hmac::Key,
}

impl Forgotten {
    pub fn load(db: &Db) -> Result<Self, LedgerError> {
        let salt: String = db.one("SELECT salt FROM forgotten_salt", (), |row| row.get(0))?;
        let hashes = db.list("SELECT hash FROM forgotten", (), |row| row.get(0))?;
        Ok(Self { hashes, key: hmac::Key::new(hmac::HMAC_SHA256, salt.as_bytes()) })
    }

    /// Tells whether a row is about a forgotten person.
    pub fn verdict(&self, row: &ListedMember) -> ForgottenMatch {
        if self.hashes.is_empty() {
            return ForgottenMatch::Unknown;
        }
        let has = |texts: Vec<String>| texts.iter().any(|text| self.hashes.contains(&self.hash(text)));
        if has(certain(row)) {
            ForgottenMatch::Forgotten
        } else if has(uncertain(row)) {
            ForgottenMatch::Resembles
        } else {
            ForgottenMatch::Unknown
        }
    }

    fn hash(&self, text: &str) -> String {
        data_encoding::HEXLOWER.encode(hmac::sign(&self.key, text.as_bytes()).as_ref())
    }
}

/// Whether a row is about somebody who asked to be forgotten.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ForgottenMatch {
    Unknown,
    /// The number or the name matches, which may be chance.
    Resembles,
    Forgotten,
}

/// Data that identifies one person: the address, or without one name, organisation and street.
fn certain(row: &ListedMember) -> Vec<String> {
    vec![match &row.address {
        Some(address) => format!("address {}", address.key()),
        None => format!("paper {}", row.paper_key()),
    }]
}

/// Data that several people may share.
fn uncertain(row: &ListedMember) -> Vec<String> {
    let number = row.number.as_ref().map(|number| format!("number {number}"));
    let name = format!("name {}", name::key(&row.name));
    number.into_iter().chain([name]).collect()
}

impl Ledger {
    /// Tells whether a row is about somebody who asked to be forgotten.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn is_forgotten(&self, row: &ListedMember) -> Result<bool, LedgerError> {
        Ok(Forgotten::load(&self.db)?.verdict(row) == ForgottenMatch::Forgotten)
    }

    /// Erases a member's data; its deliveries stay as numbers. Hashes of its addresses and of `row`, the member as an
    /// import would bring it, are kept.
    ///
    /// # Errors
    /// If the ledger cannot be written; then nothing is erased.
    pub fn forget(&self, traces: &Traces, row: &ListedMember, now: Timestamp) -> Result<(), LedgerError> {
        let transaction = self.begin()?;
        let forgotten = Forgotten::load(&transaction)?;
        let former = traces.addresses.iter().map(|key| format!("address {key}"));
        for text in certain(row).into_iter().chain(uncertain(row)).chain(former) {
            let hash = forgotten.hash(&text);
            transaction.execute("INSERT INTO forgotten VALUES (?1) ON CONFLICT DO NOTHING", [hash])?;
        }
        erase_member(&transaction, traces.member, now)?;
        for key in &traces.addresses {
            transaction.execute("DELETE FROM suppression WHERE address_key = ?1", [key])?;
            transaction.execute(
                "UPDATE bounce SET file = '', address = NULL, diagnostic = NULL WHERE lower(address) = ?1",
                [key],
            )?;
        }
        redact(&transaction, traces)?;
        transaction.commit()
    }

    /// Rewrites the ledger's file, so that no deleted data is left in it.
    ///
    /// # Errors
    /// If the ledger cannot be written; its content stays the same.
    pub fn compact(&self) -> Result<(), LedgerError> {
        self.db.compact()
    }
}

fn erase_member(db: &Db, member: MemberId, now: Timestamp) -> Result<(), LedgerError> {
    db.execute("UPDATE import SET said = '[]' WHERE said <> '[]'", ())?;
    for table in ["change", "opted_out", "held", "paper"] {
        db.execute(&format!("DELETE FROM {table} WHERE member = ?1"), [member])?;
    }
    db.execute("UPDATE held SET likely = NULL WHERE likely = ?1", [member])?;
    db.execute("UPDATE bounce SET file = '', address = NULL, diagnostic = NULL WHERE member = ?1", [member])?;
    // A letter that a dead run left in transit is in doubt, and its address is deleted.
    db.execute(
        "UPDATE delivery SET state = CASE state WHEN 'sending' THEN 'in_doubt' ELSE state END,
         address = NULL, reply = NULL WHERE member = ?1",
        [member],
    )?;
    db.execute(
        "UPDATE member SET number = NULL, name = '(forgotten)', address = NULL, address_key = NULL,
         paper_key = NULL, fields = '{}', active = 0, changed_at = ?2 WHERE id = ?1",
        (member, Stamp(now)),
    )?;
    Ok(())
}

/// Removes the person's addresses from texts of servers and messages about others.
fn redact(db: &Db, traces: &Traces) -> Result<(), LedgerError> {
    // Such texts are in these tables: table, columns of the key, and the text's column.
    for (table, key, column) in [
        ("bounce", ["digest", "position"], "diagnostic"),
        ("delivery", ["issue", "member"], "reply"),
        ("suppression", ["address_key", "address_key"], "note"),
        ("opted_out", ["member", "member"], "note"),
        ("change", ["id", "id"], "old"),
        ("change", ["id", "id"], "new"),
    ] {
        let [first, second] = key;
        let sql = format!("SELECT {first}, {second}, {column} FROM {table} WHERE {column} LIKE '%@%'");
        let mut changed: Vec<(String, Value<'static>, Value<'static>)> = Vec::new();
        db.each(&sql, (), |row| {
            if let Some(redacted) = traces.redacted(&row.get::<String>(2)?) {
                changed.push((redacted, row.get(0)?, row.get(1)?));
            }
            Ok::<_, LedgerError>(())
        })?;
        let sql = format!("UPDATE {table} SET {column} = ?1 WHERE {first} = ?2 AND {second} = ?3");
        for values in changed {
            db.execute(&sql, values)?;
        }
    }
    Ok(())
}
