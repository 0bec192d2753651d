//! Members who are not mailed until a person has confirmed who they are.

use jiff::Timestamp;
use serde::Serialize;

use crate::domain::{HeldReason, ListedMember, Member, MemberId};

use super::db::Db;
use super::import::{free_number, select, update};
use super::members::{MEMBER_COLUMNS, MEMBER_TABLES, member_row};
use super::types::Stamp;
use super::{FieldChange, Ledger, LedgerError, record_change};

/// A held member, and the member it may be.
#[derive(Debug, Serialize)]
pub struct HeldMember {
    pub member: Member,
    pub reason: HeldReason,
    pub likely: Option<Member>,
    pub since: Timestamp,
}

impl Ledger {
    /// The active members who are held, in the order in which they were held.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn held(&self) -> Result<Vec<HeldMember>, LedgerError> {
        let sql = format!(
            "SELECT {MEMBER_COLUMNS}, h.likely, h.since FROM {MEMBER_TABLES}
             WHERE h.reason IS NOT NULL AND m.active = 1 ORDER BY h.since, m.id"
        );
        let mut held = Vec::new();
        self.db.each(&sql, (), |row| {
            let found = member_row(row)?;
            let Some(reason) = found.held else { return Ok(()) };
            let likely = row.get::<Option<MemberId>>(8)?.map(|id| self.member(id)).transpose()?.flatten();
            let Stamp(since) = row.get(9)?;
            held.push(HeldMember {
                member: found.member,
                reason,
                likely: likely.map(|row| row.member),
                since,
            });
            Ok::<_, LedgerError>(())
        })?;
        Ok(held)
    }

    /// Records that a held member is a new one, who is mailed from now on. False if the member is not held.
    ///
    /// # Errors
    /// If the ledger cannot be written.
    pub fn confirm_new(&self, member: MemberId, now: Timestamp) -> Result<bool, LedgerError> {
        self.at_once(|ledger| {
            if !release(&ledger.db, member)? {
                return Ok(false);
            }
            let (old, new) = (Some("yes".to_owned()), Some("no: somebody else".to_owned()));
            let change = FieldChange { field: "held".to_owned(), old, new };
            record_change(&ledger.db, Stamp(now), member, "members confirm", &change)?;
            Ok(true)
        })
    }

    /// Records that a held member is a known one: that one gets the values of `row`, and keeps its history and its
    /// opt-out. False if the member is not held.
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
            let db = &ledger.db;
            let Some(stored) = select(db, "id = ?1", &known)? else {
                return Ok(false);
            };
            if !release(db, member)? {
                return Ok(false);
            }
            db.execute("UPDATE held SET likely = NULL WHERE likely = ?1", [member])?;
            db.execute("DELETE FROM change WHERE member = ?1", [member])?;
            db.execute("UPDATE bounce SET member = ?2 WHERE member = ?1", (member, known))?;
            db.execute("DELETE FROM opted_out WHERE member = ?1", [member])?;
            db.execute("DELETE FROM approved_member WHERE member = ?1", [member])?;
            db.execute("DELETE FROM delivery WHERE member = ?1 AND state = 'queued'", [member])?;
            db.execute("DELETE FROM member WHERE id = ?1", [member])?;
            if let Some(number) = &row.number {
                free_number(db, number, Some(known))?;
            }
            for change in stored.changes(row, &row.fields) {
                record_change(db, Stamp(now), known, "members confirm", &change)?;
            }
            update(db, known, row, &stored, &row.fields, Stamp(now))?;
            db.execute("UPDATE member SET active = 1 WHERE id = ?1", [known])?;
            Ok(true)
        })
    }
}

/// Holds a member.
pub(super) fn hold(
    db: &Db,
    member: MemberId,
    reason: HeldReason,
    likely: Option<MemberId>,
    now: Timestamp,
) -> Result<(), LedgerError> {
    let sql = "INSERT INTO held VALUES (?1, ?2, ?3, ?4) ON CONFLICT DO NOTHING";
    db.execute(sql, (member, reason, likely, Stamp(now)))?;
    Ok(())
}

fn release(db: &Db, member: MemberId) -> Result<bool, LedgerError> {
    let sql = "DELETE FROM held WHERE member = ?1 RETURNING member";
    Ok(db.optional(sql, [member], |row| row.get::<MemberId>(0))?.is_some())
}
