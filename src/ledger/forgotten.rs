//! People who asked to be forgotten: what is kept is a salted hash, by which an import knows not to bring them back.

use std::collections::HashSet;

use jiff::Timestamp;
use ring::hmac;
use rusqlite::Connection;

use crate::domain::{Address, ListedMember, MemberId};

use super::types::Stamp;
use super::{Ledger, LedgerError};

/// The hashes of the forgotten.
#[derive(Debug)]
pub(super) struct Forgotten {
    hashes: HashSet<String>,
    key: hmac::Key,
}

impl Forgotten {
    pub fn load(connection: &Connection) -> Result<Self, LedgerError> {
        let salt: String = connection.query_row("SELECT salt FROM forgotten_salt", (), |row| row.get(0))?;
        let mut statement = connection.prepare_cached("SELECT hash FROM forgotten")?;
        let hashes = statement.query_map((), |row| row.get(0))?.collect::<Result<_, _>>()?;
        Ok(Self { hashes, key: hmac::Key::new(hmac::HMAC_SHA256, salt.as_bytes()) })
    }

    /// Tells whether a row is about somebody who is forgotten: by address or number, else by name.
    pub fn has(&self, row: &ListedMember) -> bool {
        !self.hashes.is_empty() && self.hashes_of(row).any(|hash| self.hashes.contains(&hash))
    }

    fn hashes_of<'a>(&'a self, row: &'a ListedMember) -> impl Iterator<Item = String> + 'a {
        let address = row.address.as_ref().map(|address| format!("address {}", address.key()));
        let number = row.number.as_ref().map(|number| format!("number {number}"));
        let name = row.address.is_none().then(|| format!("paper {}", row.paper_key()));
        let texts = [address, number, name].into_iter().flatten();
        texts.map(|text| data_encoding::HEXLOWER.encode(hmac::sign(&self.key, text.as_bytes()).as_ref()))
    }
}

impl Ledger {
    /// Tells whether a row is about somebody who asked to be forgotten.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn is_forgotten(&self, row: &ListedMember) -> Result<bool, LedgerError> {
        Ok(Forgotten::load(&self.connection)?.has(row))
    }

    /// Erases what is known of a member; its deliveries stay as numbers, and hashes of `row`, the member as an import
    /// would bring it, stay.
    ///
    /// # Errors
    /// If the ledger cannot be written; then nothing is erased.
    pub fn forget(&self, member: MemberId, row: &ListedMember, now: Timestamp) -> Result<(), LedgerError> {
        // What is deleted is overwritten, in the file and in what was not yet written into it.
        self.connection.pragma_update(None, "secure_delete", "ON")?;
        let transaction = self.connection.unchecked_transaction()?;
        let forgotten = Forgotten::load(&transaction)?;
        for hash in forgotten.hashes_of(row) {
            transaction.execute("INSERT INTO forgotten VALUES (?1) ON CONFLICT DO NOTHING", [hash])?;
        }
        let key = row.address.as_ref().map(Address::key);
        transaction.execute("DELETE FROM suppression WHERE address_key = ?1", [&key])?;
        transaction.execute("UPDATE import SET said = '[]' WHERE said <> '[]'", ())?;
        transaction.execute("DELETE FROM change WHERE member = ?1", [member])?;
        transaction.execute(
            "UPDATE bounce SET file = '', address = NULL, diagnostic = NULL
             WHERE member = ?1 OR lower(address) = ?2",
            (member, &key),
        )?;
        // A letter that a dead run left on its way is in doubt, and its address goes.
        transaction.execute(
            "UPDATE delivery SET state = CASE state WHEN 'sending' THEN 'in_doubt' ELSE state END,
             address = NULL, reply = NULL WHERE member = ?1",
            [member],
        )?;
        transaction.execute(
            "UPDATE member SET number = NULL, name = '(forgotten)', address = NULL, address_key = NULL,
             paper_key = NULL, fields = '{}', active = 0, changed_at = ?2 WHERE id = ?1",
            (member, Stamp(now)),
        )?;
        transaction.commit()?;
        self.connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))?;
        Ok(())
    }
}
