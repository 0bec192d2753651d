//! A member in the ledger, for comparison with its row.

use std::collections::{BTreeMap, BTreeSet};

use crate::domain::{Address, ListedMember, MemberId};

use super::difference::FieldChange;
use crate::ledger::db::{Db, ToValue};
use crate::ledger::{LedgerError, members};

/// A member as stored, without validation.
pub struct Stored {
    pub id: MemberId,
    pub number: Option<String>,
    pub name: String,
    pub address: Option<String>,
    pub fields: BTreeMap<String, String>,
    pub active: bool,
}

/// The members that match the SQL `condition`, with `key` as `?1`.
pub fn select_all(
    db: &Db,
    condition: &str,
    key: &(impl ToValue + ?Sized),
) -> Result<Vec<Stored>, LedgerError> {
    let sql = format!("SELECT id, number, name, address, fields, active FROM member WHERE {condition}");
    db.list(&sql, [key], |row| {
        let fields: String = row.get(4)?;
        Ok(Stored {
            id: row.get(0)?,
            number: row.get(1)?,
            name: row.get(2)?,
            address: row.get(3)?,
            fields: serde_json::from_str(&fields).map_err(members::corrupt)?,
            active: row.get(5)?,
        })
    })
}

/// The first member that matches the SQL `condition`, with `key` as `?1`.
pub fn select(
    db: &Db,
    condition: &str,
    key: &(impl ToValue + ?Sized),
) -> Result<Option<Stored>, LedgerError> {
    Ok(select_all(db, &format!("{condition} LIMIT 1"), key)?.pop())
}

impl Stored {
    /// The fields in which the row differs; `fields` are the member's after the import.
    pub fn changes(&self, row: &ListedMember, fields: &BTreeMap<String, String>) -> Vec<FieldChange> {
        let mut changes = Vec::new();
        let mut compare = |field: &str, old: Option<&str>, new: Option<&str>| {
            if old != new {
                let (old, new) = (old.map(str::to_owned), new.map(str::to_owned));
                changes.push(FieldChange { field: field.to_owned(), old, new });
            }
        };
        compare("name", Some(&self.name), Some(&row.name));
        let number = row.number.as_deref().or(self.number.as_deref());
        compare("number", self.number.as_deref(), number);
        compare("email", self.address.as_deref(), row.address.as_ref().map(Address::as_str));
        let names: BTreeSet<&String> = self.fields.keys().chain(fields.keys()).collect();
        for name in names {
            let value = |map: &BTreeMap<String, String>| map.get(name).cloned();
            compare(name, value(&self.fields).as_deref(), value(fields).as_deref());
        }
        changes
    }
}
