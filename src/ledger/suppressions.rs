//! Addresses that must never be mailed.

use crate::domain::{Address, MemberId, Suppression};
use jiff::Timestamp;

use super::db::{Db, ResultRow};
use super::types::Stamp;
use super::{FieldChange, Ledger, LedgerError, record_change};

impl Ledger {
    /// Suppresses an address; false if it is suppressed already, in which case the first reason stays.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub fn suppress(&self, suppression: &Suppression) -> Result<bool, LedgerError> {
        add(&self.db, suppression)
    }

    /// The suppression of an address.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn suppression(&self, address: &Address) -> Result<Option<Suppression>, LedgerError> {
        let sql = "SELECT address, reason, since, note FROM suppression WHERE address_key = ?1";
        self.db.optional(sql, [address.key()], suppression_row)
    }

    /// Lifts the suppression of a member at an address, and records the reason in the member's history; false if
    /// there was none.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub fn lift_suppression(
        &self,
        member: MemberId,
        address: &Address,
        why: &str,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        let own = "DELETE FROM opted_out WHERE member = ?1 RETURNING address, reason, since, note";
        let own = self.db.optional(own, [member], suppression_row)?;
        let Some(suppression) = self.suppression(address)?.or(own) else { return Ok(false) };
        self.db.execute("DELETE FROM suppression WHERE address_key = ?1", [address.key()])?;
        let old = format!("{} since {}", suppression.reason.as_str(), Stamp(suppression.since));
        let change =
            FieldChange { field: "suppressed".to_owned(), old: Some(old), new: Some(format!("no: {why}")) };
        record_change(&self.db, Stamp(now), member, "members resubscribe", &change)?;
        Ok(true)
    }
}

fn suppression_row(row: &ResultRow<'_>) -> Result<Suppression, LedgerError> {
    let Stamp(since) = row.get(2)?;
    Ok(Suppression { address: row.get(0)?, reason: row.get(1)?, since, note: row.get(3)? })
}

/// Adds a suppression; false if the address has one already. A person's wish is also recorded for each member who has
/// the address, so that it follows them to a new one.
pub(super) fn add(db: &Db, suppression: &Suppression) -> Result<bool, LedgerError> {
    let Suppression { address, reason, since, note } = suppression;
    let (key, since) = (address.to_lowercase(), Stamp(*since));
    let values = (&key, address, reason, since, note);
    let sql = "INSERT INTO suppression (address_key, address, reason, since, note)
               VALUES (?1, ?2, ?3, ?4, ?5) ON CONFLICT DO NOTHING";
    let added = db.execute(sql, values)?;
    if reason.is_wish() {
        let sql = "INSERT INTO opted_out SELECT id, ?2, ?3, ?4, ?5 FROM member
                   WHERE address_key = ?1 AND active = 1 ON CONFLICT DO NOTHING";
        db.execute(sql, values)?;
    }
    Ok(added > 0)
}
