//! Changes to the register by hand, and everything stored about one member.

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::domain::{ListedMember, MemberId, Traces};

use super::db::{self, Db, ToValue};
use super::import::{insert, select, update};
use super::members::{MEMBER_COLUMNS, MEMBER_TABLES};
use super::types::Stamp;
use super::{FieldChange, Ledger, LedgerError, MemberRow, record_change};

/// The data stored about a member besides its row.
#[derive(Debug, Serialize)]
pub struct History {
    pub suppressions: Vec<Value>,
    /// Letters on paper.
    pub paper: Vec<Value>,
    pub deliveries: Vec<Value>,
    pub bounces: Vec<Value>,
    pub changes: Vec<Value>,
}

impl Ledger {
    /// The member with this member number.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn member_by_number(&self, number: &str) -> Result<Option<MemberRow>, LedgerError> {
        self.one_member(
            &format!("SELECT {MEMBER_COLUMNS} FROM {MEMBER_TABLES} WHERE m.number = ?1"),
            [number],
        )
    }

    /// Adds a member by hand, who does not count as missing in an import.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub fn add_member(
        &self,
        row: &ListedMember,
        source: &str,
        now: Timestamp,
    ) -> Result<MemberId, LedgerError> {
        let (transaction, at) = (self.begin()?, Stamp(now));
        let member = insert(&transaction, row, at)?;
        transaction.execute("UPDATE member SET origin = 'hand' WHERE id = ?1", [member])?;
        keep_fields(&transaction, &row.fields)?;
        let change = FieldChange { field: "added".to_owned(), old: None, new: Some(row.name.clone()) };
        record_change(&transaction, at, member, source, &change)?;
        transaction.commit()?;
        Ok(member)
    }

    /// Gives a member the values of `row`, and records each change.
    ///
    /// # Errors
    /// If the ledger cannot be written; then nothing is changed.
    pub fn change_member(
        &self,
        member: MemberId,
        row: &ListedMember,
        source: &str,
        now: Timestamp,
    ) -> Result<Vec<FieldChange>, LedgerError> {
        let (transaction, at) = (self.begin()?, Stamp(now));
        let Some(stored) = select(&transaction, "id = ?1", &member)? else {
            return Ok(Vec::new());
        };
        let changes = stored.changes(row, &row.fields);
        update(&transaction, member, row, &stored, &row.fields, at)?;
        keep_fields(&transaction, &row.fields)?;
        for change in &changes {
            record_change(&transaction, at, member, source, change)?;
        }
        transaction.commit()?;
        Ok(changes)
    }

    /// Everything stored about a member besides its row, under any of its addresses.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn history(&self, traces: &Traces) -> Result<History, LedgerError> {
        // A member without an address has no key; nothing is equal to NULL.
        let places: Vec<String> = (2..traces.addresses.len() + 2).map(|place| format!("?{place}")).collect();
        let keys = if places.is_empty() { "NULL".to_owned() } else { places.join(", ") };
        let member = [traces.member.to_value()];
        let mut values = member.to_vec();
        values.extend(traces.addresses.iter().map(ToValue::to_value));
        let by_member = |sql: &str| rows(&self.db, sql, &member);
        let by_keys = |sql: &str| rows(&self.db, &sql.replace("KEYS", &keys), &values);
        Ok(History {
            suppressions: by_keys(
                "SELECT address, reason, since, note FROM suppression WHERE address_key IN (KEYS)
                 UNION SELECT address, reason, since, note FROM opted_out WHERE member = ?1",
            )?,
            deliveries: by_member(
                "SELECT issue, state, address, message_id, attempts, code, status, reply, changed_at
                 FROM delivery WHERE member = ?1 ORDER BY issue",
            )?,
            bounces: by_keys(
                "SELECT at, file, kind, address, class, status, reason, diagnostic, issue, action
                 FROM bounce WHERE member = ?1 OR lower(address) IN (KEYS) ORDER BY at",
            )?,
            paper: by_member("SELECT issue, state, pages, at FROM paper WHERE member = ?1 ORDER BY issue")?,
            changes: by_member(
                "SELECT at, source, field, old, new FROM change WHERE member = ?1 ORDER BY id",
            )?,
        })
    }
}

fn keep_fields(db: &Db, fields: &BTreeMap<String, String>) -> Result<(), LedgerError> {
    for field in fields.keys() {
        db.execute("INSERT INTO field VALUES (?1) ON CONFLICT DO NOTHING", [field])?;
    }
    Ok(())
}

/// Rows as JSON objects with the columns' names.
fn rows(db: &Db, sql: &str, values: &[db::Value<'_>]) -> Result<Vec<Value>, LedgerError> {
    db.list(sql, values, |row| {
        let mut object = Map::new();
        for (index, name) in row.names().into_iter().enumerate() {
            let value = match row.value(index)? {
                db::Value::Integer(number) => Value::from(number),
                db::Value::Text(text) => Value::from(text),
                db::Value::Null => Value::Null,
            };
            object.insert(name.to_owned(), value);
        }
        Ok(Value::Object(object))
    })
}
