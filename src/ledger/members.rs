//! Reads the register.

use std::collections::{BTreeSet, HashSet};

use serde::Serialize;

use crate::domain::{Address, HeldReason, IssueName, Member, MemberId, SuppressionReason, field};

use super::db::{Parameters, ResultRow};
use super::{Ledger, LedgerError};

/// A member, with everything that decides whether it is mailed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemberRow {
    #[serde(flatten)]
    pub member: Member,
    pub active: bool,
    pub suppressed: Option<SuppressionReason>,
    /// Why the member's identity is uncertain.
    #[serde(skip_serializing_if = "Option::is_none")]
    pub held: Option<HeldReason>,
}

/// The columns that [`member_row`] reads from [`MEMBER_TABLES`].
pub(super) const MEMBER_COLUMNS: &str =
    "m.id, m.number, m.name, m.address, m.fields, m.active, coalesce(p.reason, s.reason), h.reason";
pub(super) const MEMBER_TABLES: &str = "member m LEFT JOIN suppression s ON s.address_key = m.address_key
     LEFT JOIN opted_out p ON p.member = m.id LEFT JOIN held h ON h.member = m.id";
/// The same for the issue `?1`: opt-outs from newsletters do not apply to a notice.
pub(super) const ISSUE_MEMBERS: &str = "member m
     LEFT JOIN suppression s ON s.address_key = m.address_key
         AND (s.reason NOT IN ('unsubscribed', 'complaint') OR NOT EXISTS (SELECT 1 FROM notice WHERE issue = ?1))
     LEFT JOIN opted_out p ON p.member = m.id
         AND (p.reason NOT IN ('unsubscribed', 'complaint') OR NOT EXISTS (SELECT 1 FROM notice WHERE issue = ?1))
     LEFT JOIN held h ON h.member = m.id";
/// Whether a member of [`MEMBER_TABLES`] or [`ISSUE_MEMBERS`] can be mailed.
pub(super) const MAILABLE: &str = "m.active = 1 AND m.address IS NOT NULL AND s.reason IS NULL
     AND p.reason IS NULL AND h.reason IS NULL";

pub(super) fn member_row(row: &ResultRow<'_>) -> Result<MemberRow, LedgerError> {
    let address: Option<String> = row.get(3)?;
    let fields: String = row.get(4)?;
    let member = Member {
        id: row.get(0)?,
        number: row.get(1)?,
        name: row.get(2)?,
        address: address.map(|text| Address::parse(&text)).transpose().map_err(corrupt)?,
        fields: serde_json::from_str(&fields).map_err(corrupt)?,
    };
    Ok(MemberRow { member, active: row.get(5)?, suppressed: row.get(6)?, held: row.get(7)? })
}

#[expect(clippy::needless_pass_by_value, reason = "handed to map_err as it is")]
pub(super) fn corrupt(what: impl ToString) -> LedgerError {
    LedgerError::Corrupt(what.to_string())
}

impl Ledger {
    /// Calls `each` for every member, including former ones, by id.
    ///
    /// # Errors
    /// Those of the ledger and of `each`.
    pub fn for_each_member<E: From<LedgerError>>(
        &self,
        each: impl FnMut(MemberRow) -> Result<(), E>,
    ) -> Result<(), E> {
        self.each_member(MEMBER_TABLES, (), each)
    }

    /// Calls `each` for every member, with the reason why the member gets no letter of this issue.
    ///
    /// # Errors
    /// Those of the ledger and of `each`.
    pub fn for_each_member_of<E: From<LedgerError>>(
        &self,
        issue: &IssueName,
        each: impl FnMut(MemberRow) -> Result<(), E>,
    ) -> Result<(), E> {
        self.each_member(ISSUE_MEMBERS, [issue], each)
    }

    fn each_member<E: From<LedgerError>>(
        &self,
        tables: &str,
        values: impl Parameters,
        mut each: impl FnMut(MemberRow) -> Result<(), E>,
    ) -> Result<(), E> {
        let sql = format!("SELECT {MEMBER_COLUMNS} FROM {tables} ORDER BY m.id");
        self.db.each(&sql, values, |row| each(member_row(row)?))
    }

    /// The member with this id, with the reason why it gets no letter of this issue.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn member_of(&self, issue: &IssueName, id: MemberId) -> Result<Option<MemberRow>, LedgerError> {
        let sql = format!("SELECT {MEMBER_COLUMNS} FROM {ISSUE_MEMBERS} WHERE m.id = ?2");
        self.one_member(&sql, (issue, id))
    }

    /// The member with this id.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn member(&self, id: MemberId) -> Result<Option<MemberRow>, LedgerError> {
        let sql = format!("SELECT {MEMBER_COLUMNS} FROM {MEMBER_TABLES} WHERE m.id = ?1");
        self.one_member(&sql, [id])
    }

    /// The member with this address; a present one takes precedence over a former one.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn member_by_address(&self, address: &Address) -> Result<Option<MemberRow>, LedgerError> {
        let sql = format!(
            "SELECT {MEMBER_COLUMNS} FROM {MEMBER_TABLES} WHERE m.address_key = ?1 ORDER BY m.active DESC LIMIT 1"
        );
        self.one_member(&sql, [address.key()])
    }

    /// The addresses that several active members share, in lower case.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn shared_addresses(&self) -> Result<HashSet<String>, LedgerError> {
        // The inner part reads only the index, and mostly finds little.
        let sql = "SELECT address_key FROM member WHERE active = 1 AND address_key IN (
                       SELECT address_key FROM member WHERE address_key IS NOT NULL
                       GROUP BY address_key HAVING count(*) > 1)
                   GROUP BY address_key HAVING count(*) > 1";
        self.db.list(sql, (), |row| row.get(0))
    }

    /// The members with this address who can be mailed, by id.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn mailable_at(&self, address: &Address) -> Result<Vec<Member>, LedgerError> {
        let sql = format!(
            "SELECT {MEMBER_COLUMNS} FROM {MEMBER_TABLES} WHERE m.address_key = ?1 AND {MAILABLE} ORDER BY m.id"
        );
        self.db.list(&sql, [address.key()], |row| Ok(member_row(row)?.member))
    }

    /// The active members with this address, by id.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn members_at(&self, address: &Address) -> Result<Vec<MemberRow>, LedgerError> {
        let sql = format!(
            "SELECT {MEMBER_COLUMNS} FROM {MEMBER_TABLES} WHERE m.address_key = ?1 AND m.active = 1 ORDER BY m.id"
        );
        self.db.list(&sql, [address.key()], member_row)
    }

    pub(super) fn one_member(
        &self,
        sql: &str,
        values: impl Parameters,
    ) -> Result<Option<MemberRow>, LedgerError> {
        self.db.optional(sql, values, member_row)
    }

    /// The names of all fields that members have.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn fields(&self) -> Result<BTreeSet<String>, LedgerError> {
        let mut fields: BTreeSet<String> = self.db.list("SELECT name FROM field", (), |row| row.get(0))?;
        fields.extend(field::KNOWN.iter().map(|name| (*name).to_owned()));
        Ok(fields)
    }

    /// The number of active members.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn active_members(&self) -> Result<u64, LedgerError> {
        let sql = "SELECT count(*) FROM member WHERE active = 1";
        self.db.one(sql, (), |row| row.get(0))
    }
}
