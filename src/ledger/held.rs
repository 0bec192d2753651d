//! Members who are not mailed until a person decides who they are.

use jiff::Timestamp;
use rusqlite::{Connection, OptionalExtension};
use serde::Serialize;

use crate::domain::{HeldReason, ListedMember, Member, MemberId};

use super::import::{free_number, select, update};
use super::members::{MEMBER_COLUMNS, MEMBER_TABLES, member_row};
use super::types::Stamp;
use super::{FieldChange, Ledger, LedgerError, record_change};

/// A held member, with whom it may be.
#[derive(Debug, Serialize)]
pub struct Held {
    pub member: Member,
    pub reason: HeldReason,
    pub likely: Option<Member>,
    pub since: Timestamp,
}

impl Ledger {
    /// The active members who are held, the first held first.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn held(&self) -> Result<Vec<Held>, LedgerError> {
        let sql = format!(
            "SELECT {MEMBER_COLUMNS}, h.likely, h.since FROM {MEMBER_TABLES}
             WHERE h.reason IS NOT NULL AND m.active = 1 ORDER BY h.since, m.id"
        );
        let mut statement = self.connection.prepare(&sql)?;
        let mut rows = statement.query(())?;
        let mut held = Vec::new();
        while let Some(row) = rows.next()? {
            let found = member_row(row)?;
            let Some(reason) = found.held else { continue };
            let likely = row.get::<_, Option<MemberId>>(8)?.map(|id| self.member(id)).transpose()?.flatten();
            let Stamp(since) = row.get(9)?;
            held.push(Held { member: found.member, reason, likely: likely.map(|row| row.member), since });
        }
        Ok(held)
    }

    /// Records that a held member is somebody else than it looked: from now on it is mailed. False if it is not held.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub fn confirm_new(&self, member: MemberId, now: Timestamp) -> Result<bool, LedgerError> {
        self.at_once(|ledger| {
            if !release(&ledger.connection, member)? {
                return Ok(false);
            }
            let (old, new) = (Some("yes".to_owned()), Some("no: somebody else".to_owned()));
            let change = FieldChange { field: "held".to_owned(), old, new };
            record_change(&ledger.connection, Stamp(now), member, "members confirm", &change)?;
            Ok(true)
        })
    }

    /// Records that a held member is one the register knows: that one gets the values of `row`, and keeps its history and
    /// its wish not to be mailed. False if it is not held.
    ///
    /// # Errors
    /// If the ledger cannot be written; then nothing is changed.
    pub fn confirm_same(
        &self,
        member: MemberId,
        row: &ListedMember,
        known: MemberId,
        now: Timestamp,
    ) -> Result<bool, LedgerError> {
        self.at_once(|ledger| {
            let connection = &ledger.connection;
            let Some(stored) = select(connection, "id = CAST(?1 AS INTEGER)", &known.to_string())? else {
                return Ok(false);
            };
            if !release(connection, member)? {
                return Ok(false);
            }
            connection.execute("UPDATE held SET likely = NULL WHERE likely = ?1", [member])?;
            connection.execute("DELETE FROM change WHERE member = ?1", [member])?;
            connection.execute("UPDATE bounce SET member = ?2 WHERE member = ?1", (member, known))?;
            connection.execute("DELETE FROM opted_out WHERE member = ?1", [member])?;
            connection.execute("DELETE FROM approved_member WHERE member = ?1", [member])?;
            connection.execute("DELETE FROM delivery WHERE member = ?1 AND state = 'queued'", [member])?;
            connection.execute("DELETE FROM member WHERE id = ?1", [member])?;
            if let Some(number) = &row.number {
                free_number(connection, number, Some(known))?;
            }
            for change in stored.changes(row, &row.fields) {
                record_change(connection, Stamp(now), known, "members confirm", &change)?;
            }
            update(connection, known, row, &stored, &row.fields, Stamp(now))?;
            connection.execute("UPDATE member SET active = 1 WHERE id = ?1", [known])?;
            Ok(true)
        })
    }
}

/// Holds a member.
pub(super) fn hold(
    connection: &Connection,
    member: MemberId,
    reason: HeldReason,
    likely: Option<MemberId>,
    now: Timestamp,
) -> Result<(), LedgerError> {
    let sql = "INSERT INTO held VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
    connection.prepare_cached(sql)?.execute((member, reason, likely, Stamp(now)))?;
    Ok(())
}

fn release(connection: &Connection, member: MemberId) -> Result<bool, LedgerError> {
    let sql = "DELETE FROM held WHERE member = ?1 RETURNING member";
    Ok(connection.query_row(sql, [member], |row| row.get::<_, MemberId>(0)).optional()?.is_some())
}
