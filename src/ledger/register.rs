//! The register by hand, and all that is stored of one member.

use std::collections::BTreeMap;

use jiff::Timestamp;
use rusqlite::Connection;
use serde::Serialize;
use serde_json::{Map, Value};

use crate::domain::{ListedMember, MemberId, Traces};

use super::import::{insert, select, update};
use super::members::{MEMBER_COLUMNS, MEMBER_TABLES, corrupt};
use super::types::Stamp;
use super::{FieldChange, Ledger, LedgerError, MemberRow, record_change};

/// What is stored of a member besides its row.
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
    /// The member with this number of the association's.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn member_by_number(&self, number: &str) -> Result<Option<MemberRow>, LedgerError> {
        self.one_member(
            &format!("SELECT {MEMBER_COLUMNS} FROM {MEMBER_TABLES} WHERE m.number = ?1"),
            [number],
        )
    }

    /// Adds a member by hand; an import does not miss it.
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

    /// Gives a member the values of `row`, each change traced.
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
        let Some(stored) = select(&transaction, "id = CAST(?1 AS INTEGER)", &member.to_string())? else {
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

    /// All that is stored of a member besides its row, under any of its addresses.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn history(&self, traces: &Traces) -> Result<History, LedgerError> {
        let keys = serde_json::to_string(&traces.addresses).map_err(corrupt)?;
        let of = |sql| rows(&self.connection, sql, traces.member, &keys);
        Ok(History {
            suppressions: of("SELECT address, reason, since, note FROM suppression
                 WHERE ?1 IS NOT NULL AND address_key IN (SELECT value FROM json_each(?2))
                 UNION SELECT address, reason, since, note FROM opted_out WHERE member = ?1")?,
            deliveries: of("SELECT issue, state, address, message_id, attempts, code, status, reply, changed_at
                 FROM delivery WHERE member = ?1 AND ?2 IS NOT NULL ORDER BY issue")?,
            bounces: of("SELECT at, file, kind, address, class, status, reason, diagnostic, issue, action
                 FROM bounce WHERE member = ?1 OR lower(address) IN (SELECT value FROM json_each(?2)) ORDER BY at")?,
            paper: of("SELECT issue, state, pages, at FROM paper WHERE member = ?1 AND ?2 IS NOT NULL ORDER BY issue")?,
            changes: of("SELECT at, source, field, old, new FROM change
                 WHERE member = ?1 AND ?2 IS NOT NULL ORDER BY id")?,
        })
    }
}

fn keep_fields(connection: &Connection, fields: &BTreeMap<String, String>) -> Result<(), LedgerError> {
    for field in fields.keys() {
        connection.execute("INSERT INTO field VALUES (?1) ON CONFLICT DO NOTHING", [field])?;
    }
    Ok(())
}

/// Rows as JSON objects by their columns' names.
fn rows(connection: &Connection, sql: &str, member: MemberId, keys: &str) -> Result<Vec<Value>, LedgerError> {
    use rusqlite::types::ValueRef;
    let mut statement = connection.prepare_cached(sql)?;
    let names: Vec<String> = statement.column_names().map(str::to_owned).collect();
    let found = statement.query_map((member, keys), |row| {
        let mut object = Map::new();
        for (index, name) in names.iter().enumerate() {
            let value = match row.get_ref(index)? {
                ValueRef::Integer(number) => Value::from(number),
                ValueRef::Text(text) => Value::from(String::from_utf8_lossy(text)),
                _ => Value::Null,
            };
            object.insert(name.clone(), value);
        }
        Ok(Value::Object(object))
    })?;
    Ok(found.collect::<Result<_, _>>()?)
}
