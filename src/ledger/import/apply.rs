//! Applies a row to the register, with a record of each change.

use std::collections::BTreeMap;

use crate::domain::{Address, ListedMember, MemberId};
use crate::ledger::db::Db;
use crate::ledger::types::Stamp;
use crate::ledger::{FieldChange, LedgerError, members, record_change};

use super::difference::MemberChange;
use super::{Difference, ImportRun, Stored};

/// Gives a stored member the values of its row.
pub(super) fn apply(
    db: &Db,
    row: &ListedMember,
    stored: &Stored,
    run: &ImportRun<'_>,
    difference: &mut Difference,
) -> Result<(), LedgerError> {
    let now = Stamp(run.now);
    let fields = merged_fields(stored, row, run);
    let changes = stored.changes(row, &fields);
    if !changes.is_empty() {
        update(db, stored.id, row, stored, &fields, now)?;
        for change in &changes {
            record_change(db, now, stored.id, run.file, change)?;
        }
    }
    if !stored.active {
        set_active(db, now, stored.id, run.file, true)?;
        difference.returned.add(|| row.name.clone());
    } else if changes.is_empty() {
        difference.unchanged += 1;
    } else {
        difference.changed.add(|| MemberChange { name: stored.name.clone(), fields: changes });
    }
    Ok(())
}

/// The member's fields after the import: the file's fields come from the file, the others stay.
fn merged_fields(stored: &Stored, row: &ListedMember, run: &ImportRun<'_>) -> BTreeMap<String, String> {
    let kept = stored.fields.iter().filter(|(name, _)| !run.fields.contains(*name));
    kept.chain(&row.fields).map(|(name, value)| (name.clone(), value.clone())).collect()
}

fn json(fields: &BTreeMap<String, String>) -> Result<String, LedgerError> {
    serde_json::to_string(fields).map_err(members::corrupt)
}

/// Takes a number away from the member who has it; returns that member.
pub(in crate::ledger) fn free_number(
    db: &Db,
    number: &str,
    but_of: Option<MemberId>,
) -> Result<Option<MemberId>, LedgerError> {
    let sql = "UPDATE member SET number = NULL WHERE number = ?1 AND id IS DISTINCT FROM ?2 RETURNING id";
    db.optional(sql, (number, but_of), |row| row.get(0))
}

/// Adds the member of a row.
pub(in crate::ledger) fn insert(db: &Db, row: &ListedMember, now: Stamp) -> Result<MemberId, LedgerError> {
    let sql =
        "INSERT INTO member (number, name, address, address_key, paper_key, fields, added_at, changed_at)
               VALUES (?1, ?2, ?3, ?4, ?5, ?6, ?7, ?7)";
    let values = (
        &row.number,
        &row.name,
        row.address.as_ref().map(Address::as_str),
        row.address.as_ref().map(Address::key),
        row.address.is_none().then(|| row.paper_key()),
        json(&row.fields)?,
        now,
    );
    Ok(MemberId(db.insert(sql, values)?))
}

/// Writes a member's new values.
pub(in crate::ledger) fn update(
    db: &Db,
    id: MemberId,
    row: &ListedMember,
    stored: &Stored,
    fields: &BTreeMap<String, String>,
    now: Stamp,
) -> Result<(), LedgerError> {
    let sql = "UPDATE member SET number = ?2, name = ?3, address = ?4, address_key = ?5, paper_key = ?6, fields = ?7,
               changed_at = ?8 WHERE id = ?1";
    db.execute(
        sql,
        (
            id.0,
            row.number.as_ref().or(stored.number.as_ref()),
            &row.name,
            row.address.as_ref().map(Address::as_str),
            row.address.as_ref().map(Address::key),
            row.address.is_none().then(|| row.paper_key()),
            json(fields)?,
            now,
        ),
    )?;
    Ok(())
}

/// Makes a member active or inactive.
pub(super) fn set_active(
    db: &Db,
    now: Stamp,
    member: MemberId,
    source: &str,
    active: bool,
) -> Result<(), LedgerError> {
    db.execute("UPDATE member SET active = ?2, changed_at = ?3 WHERE id = ?1", (member, active, now))?;
    let word = |active: bool| Some(if active { "yes" } else { "no" }.to_owned());
    let change = FieldChange { field: "active".to_owned(), old: word(!active), new: word(active) };
    record_change(db, now, member, source, &change)
}
