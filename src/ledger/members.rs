//! Reading the register.

use std::collections::BTreeSet;

use rusqlite::{OptionalExtension, Row};
use serde::Serialize;

use crate::domain::{Address, Member, MemberId, SuppressionReason, field};

use super::{Ledger, LedgerError};

/// A member with what decides whether it is mailed.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MemberRow {
    #[serde(flatten)]
    pub member: Member,
    pub active: bool,
    pub suppressed: Option<SuppressionReason>,
}

/// The columns that [`member_row`] reads, for `member m LEFT JOIN suppression s`.
pub(super) const MEMBER_COLUMNS: &str = "m.id, m.number, m.name, m.address, m.fields, m.active, s.reason";
pub(super) const MEMBER_TABLES: &str = "member m LEFT JOIN suppression s ON s.address_key = m.address_key";

pub(super) fn member_row(row: &Row<'_>) -> Result<MemberRow, LedgerError> {
    let address: Option<String> = row.get(3)?;
    let fields: String = row.get(4)?;
    let member = Member {
        id: row.get(0)?,
        number: row.get(1)?,
        name: row.get(2)?,
        address: address.map(|text| Address::parse(&text)).transpose().map_err(corrupt)?,
        fields: serde_json::from_str(&fields).map_err(corrupt)?,
    };
    Ok(MemberRow { member, active: row.get(5)?, suppressed: row.get(6)? })
}

#[expect(clippy::needless_pass_by_value, reason = "handed to map_err as it is")]
pub(super) fn corrupt(what: impl ToString) -> LedgerError {
    LedgerError::Corrupt(what.to_string())
}

impl Ledger {
    /// Hands every member, former ones too, to `each`, in the order of their numbers.
    ///
    /// # Errors
    /// Those of the ledger and of `each`.
    pub fn for_each_member<E: From<LedgerError>>(
        &self,
        mut each: impl FnMut(MemberRow) -> Result<(), E>,
    ) -> Result<(), E> {
        let sql = format!("SELECT {MEMBER_COLUMNS} FROM {MEMBER_TABLES} ORDER BY m.id");
        let mut statement = self.connection.prepare_cached(&sql).map_err(LedgerError::from)?;
        let mut rows = statement.query(()).map_err(LedgerError::from)?;
        while let Some(row) = rows.next().map_err(LedgerError::from)? {
            each(member_row(row)?)?;
        }
        Ok(())
    }

    /// The member with this number of the register.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn member(&self, id: MemberId) -> Result<Option<MemberRow>, LedgerError> {
        let sql = format!("SELECT {MEMBER_COLUMNS} FROM {MEMBER_TABLES} WHERE m.id = ?1");
        self.one_member(&sql, id)
    }

    /// The member with this address, a present one before a former one.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn member_by_address(&self, address: &Address) -> Result<Option<MemberRow>, LedgerError> {
        let sql = format!(
            "SELECT {MEMBER_COLUMNS} FROM {MEMBER_TABLES} WHERE m.address_key = ?1 ORDER BY m.active DESC LIMIT 1"
        );
        self.one_member(&sql, address.key())
    }

    pub(super) fn one_member(
        &self,
        sql: &str,
        key: impl rusqlite::ToSql,
    ) -> Result<Option<MemberRow>, LedgerError> {
        let mut statement = self.connection.prepare_cached(sql)?;
        statement.query_row([key], |row| Ok(member_row(row))).optional()?.transpose()
    }

    /// The names of all fields that members have.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn fields(&self) -> Result<BTreeSet<String>, LedgerError> {
        let mut statement = self.connection.prepare_cached("SELECT name FROM field")?;
        let brought = statement.query_map((), |row| row.get(0))?;
        let known = field::KNOWN.iter().map(|name| Ok((*name).to_owned()));
        Ok(known.chain(brought).collect::<Result<_, _>>()?)
    }

    /// How many members are active.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn active_members(&self) -> Result<u64, LedgerError> {
        let sql = "SELECT count(*) FROM member WHERE active = 1";
        Ok(self.connection.query_row(sql, (), |row| row.get(0))?)
    }
}
