//! `PostgreSQL`: one session, whose statements are prepared once.
//!
//! The client blocks the thread, like `SQLite`. Inside the send loop's runtime, it leaves the runtime for that time.

mod client;
mod connect;
mod hosts;
mod locks;
mod rows;
mod schema;

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::io;

use ::tokio_postgres::error::SqlState;
use ::tokio_postgres::types::ToSql;
use ::tokio_postgres::{Error, Statement};

use super::copy::TABLES;
use super::{DbError, LedgerError, ResultRow, Value};
use crate::ledger::place::DatabaseServer;
use client::Client;

pub(super) use rows::value;

/// How many rows to fetch at once.
const PAGE: usize = 512;
/// How many prepared statements to keep.
const STATEMENTS: usize = 256;

/// A connection to a server.
pub(in crate::ledger) struct PostgresSession {
    /// `None` once the connection is lost.
    client: RefCell<Option<Client>>,
    statements: RefCell<HashMap<String, Statement>>,
    cursors: Cell<u32>,
    transaction: Cell<TransactionState>,
    /// The host for which it claims letters.
    host: Cell<Option<i64>>,
    /// The server's name in error messages.
    name: String,
}

/// The state of a session's transaction.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum TransactionState {
    None,
    Open,
    /// A statement has failed, so nothing of the transaction can be kept.
    Failed,
}

impl std::fmt::Debug for PostgresSession {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Session").field("name", &self.name).finish_non_exhaustive()
    }
}

impl From<Error> for LedgerError {
    fn from(error: Error) -> Self {
        Self::Database(DbError::Postgres(error))
    }
}

/// Tells whether an error is of the connection: the session has ended, or nobody knows.
pub(super) fn is_gone(error: &Error) -> bool {
    let is_of_wire =
        || std::error::Error::source(error).is_some_and(<dyn std::error::Error>::is::<io::Error>);
    let code = error.code().map_or("", SqlState::code);
    // Connection exceptions, what an operator or a crash did, and a transaction that took too long.
    error.is_closed() || is_of_wire() || code.starts_with("08") || code.starts_with("57P") || code == "25P03"
}

/// The words of a server's error, or of a broken connection.
pub(super) fn words(error: &Error) -> String {
    if let Some(said) = error.as_db_error() {
        return said.message().to_owned();
    }
    let chain = std::iter::successors(Some(error as &dyn std::error::Error), |error| error.source());
    chain.map(ToString::to_string).collect::<Vec<_>>().join(": ")
}

/// Tells whether another session holds a resource that a statement needs.
pub(super) fn is_busy(error: &Error) -> bool {
    [SqlState::LOCK_NOT_AVAILABLE, SqlState::T_R_DEADLOCK_DETECTED, SqlState::T_R_SERIALIZATION_FAILURE]
        .iter()
        .any(|code| error.code() == Some(code))
}

/// Leaves the runtime, if this thread is in one, so that the client can use its own.
fn outside<T>(work: impl FnOnce() -> T) -> T {
    if tokio::runtime::Handle::try_current().is_ok() { tokio::task::block_in_place(work) } else { work() }
}

impl PostgresSession {
    /// Opens a session with the newest schema, creating or migrating it if necessary.
    ///
    /// # Errors
    /// If the server cannot be reached or refuses the login, or the ledger is from a newer version.
    pub fn open(server: &DatabaseServer) -> Result<Self, LedgerError> {
        let session = connect::connect(server)?;
        schema::migrate(&session)?;
        Ok(session)
    }

    /// Opens a session if there is a ledger; `None` if there is none yet.
    ///
    /// # Errors
    /// If the server cannot be reached or refuses the login, or the ledger is from a newer version.
    pub fn open_existing(server: &DatabaseServer) -> Result<Option<Self>, LedgerError> {
        let session = connect::connect(server)?;
        if schema::version(&session)?.is_none() {
            return Ok(None);
        }
        schema::migrate(&session)?;
        Ok(Some(session))
    }

    fn with<T>(&self, work: impl FnOnce(&mut Client) -> Result<T, DbError>) -> Result<T, LedgerError> {
        let Ok(mut held) = self.client.try_borrow_mut() else {
            return Err(LedgerError::Corrupt("the session is in use".to_owned()));
        };
        let Some(client) = held.as_mut() else { return Err(DbError::Ended.into()) };
        let done = outside(|| work(client));
        if done.is_err() && self.transaction.get() == TransactionState::Open {
            self.transaction.set(TransactionState::Failed);
        }
        if done.as_ref().is_err_and(DbError::is_gone) {
            let lost = held.take();
            outside(|| drop(lost));
        }
        Ok(done?)
    }

    fn statement(&self, sql: &str) -> Result<Statement, LedgerError> {
        if let Some(statement) = self.statements.borrow().get(sql) {
            return Ok(statement.clone());
        }
        let statement = self.with(|client| client.prepare(&translated(sql)))?;
        let mut statements = self.statements.borrow_mut();
        if statements.len() >= STATEMENTS {
            statements.clear();
        }
        statements.insert(sql.to_owned(), statement.clone());
        Ok(statement)
    }

    pub(super) fn execute(&self, sql: &str, values: &[Value<'_>]) -> Result<usize, LedgerError> {
        let statement = self.statement(sql)?;
        let changed = self.with(|client| client.execute(&statement, &parameters(values)))?;
        Ok(usize::try_from(changed).unwrap_or(usize::MAX))
    }

    pub(super) fn batch(&self, sql: &str) -> Result<(), LedgerError> {
        self.with(|client| client.batch(sql))
    }

    pub(super) fn query(
        &self,
        sql: &str,
        values: &[Value<'_>],
    ) -> Result<Vec<::tokio_postgres::Row>, LedgerError> {
        let statement = self.statement(sql)?;
        self.with(|client| client.query(&statement, &parameters(values)))
    }

    /// Calls `each` for every row of a SELECT, page by page; the session is free between two pages.
    pub(super) fn each<E: From<LedgerError>>(
        &self,
        sql: &str,
        values: &[Value<'_>],
        mut each: impl FnMut(&ResultRow<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        let number = self.cursors.get();
        self.cursors.set(number + 1);
        let name = format!("page_{number}");
        // A cursor that outlives its transaction is filled at once, and no transaction stays open meanwhile.
        let hold = if self.transaction.get() == TransactionState::None { " WITH HOLD" } else { "" };
        let declare = format!("DECLARE {name} NO SCROLL CURSOR{hold} FOR {}", translated(sql));
        self.with(|client| client.execute(declare.as_str(), &parameters(values)))?;
        let fetch = format!("FETCH {PAGE} FROM {name}");
        let mut read = || {
            loop {
                let rows = self.with(|client| client.query(fetch.as_str(), &[]))?;
                rows.iter().try_for_each(|row| each(&ResultRow::Postgres(row)))?;
                if rows.len() < PAGE {
                    return Ok(());
                }
            }
        };
        let done = read();
        if self.transaction.get() != TransactionState::Failed {
            self.batch(&format!("CLOSE {name}"))?;
        }
        done
    }

    /// Begins a transaction; until it ends, no other writer begins one.
    pub(super) fn begin(&self) -> Result<(), LedgerError> {
        self.batch(&format!("BEGIN; SELECT pg_advisory_xact_lock({})", locks::WRITERS))
            .inspect_err(|_| drop(self.batch("ROLLBACK")))?;
        self.transaction.set(TransactionState::Open);
        Ok(())
    }

    pub(super) fn commit(&self) -> Result<(), LedgerError> {
        // The server would answer the COMMIT of a failed transaction with a ROLLBACK, without an error.
        if self.transaction.get() == TransactionState::Failed {
            return Err(LedgerError::Corrupt("a statement of the transaction has failed".to_owned()));
        }
        self.batch("COMMIT")?;
        self.transaction.set(TransactionState::None);
        Ok(())
    }

    pub(super) fn roll_back(&self) {
        // If it does not arrive, the connection is lost, and the server rolls back by itself.
        let _lost = self.batch("ROLLBACK");
        self.transaction.set(TransactionState::None);
    }

    /// Begins a transaction that only reads, and sees what was committed before it.
    pub(super) fn snapshot(&self) -> Result<(), LedgerError> {
        self.batch("BEGIN ISOLATION LEVEL REPEATABLE READ READ ONLY")?;
        self.transaction.set(TransactionState::Open);
        Ok(())
    }

    /// Runs `work` in the open transaction without the triggers of the schema.
    pub(super) fn without_triggers(
        &self,
        work: impl FnOnce() -> Result<(), LedgerError>,
    ) -> Result<(), LedgerError> {
        self.batch("ALTER TABLE delivery DISABLE TRIGGER USER")?;
        work()?;
        // Foreign keys are checked by triggers too, which have to fire before the table can be changed.
        let end = "SET CONSTRAINTS ALL IMMEDIATE; ALTER TABLE delivery ENABLE TRIGGER USER";
        self.without_limit(|| self.batch(end))
    }

    /// The last id assigned by a table.
    pub(super) fn last_id(&self, table: &str) -> Result<i64, LedgerError> {
        let sql = format!("SELECT CASE WHEN is_called THEN last_value ELSE 0 END FROM {table}_id_seq");
        Ok(self.query(&sql, &[])?.first().map_or(0, |row| row.get(0)))
    }

    pub(super) fn set_last_id(&self, table: &str, id: i64) -> Result<(), LedgerError> {
        self.batch(&format!("SELECT setval('{table}_id_seq', {}, {})", id.max(1), id > 0))
    }

    pub(super) fn compact(&self) -> Result<(), LedgerError> {
        self.without_limit(|| {
            TABLES.iter().try_for_each(|table| self.batch(&format!("VACUUM (FULL) {table}")))
        })
    }

    /// Does what the server may need a long time for.
    fn without_limit<T>(&self, work: impl FnOnce() -> Result<T, LedgerError>) -> Result<T, LedgerError> {
        let limit = self.with(|client| Ok(client.set_limit(None)))?;
        let done = work();
        // A session that was lost meanwhile needs no limit.
        let _lost = self.with(|client| Ok(client.set_limit(limit)));
        done
    }
}

impl Drop for PostgresSession {
    fn drop(&mut self) {
        if let Some(client) = self.client.take() {
            outside(|| client.close());
        }
    }
}

fn parameters<'a>(values: &'a [Value<'a>]) -> Vec<&'a (dyn ToSql + Sync)> {
    values.iter().map(|value| value as &(dyn ToSql + Sync)).collect()
}

/// SQL in the server's syntax: `$1` instead of `?1`, and without index names, since the server chooses indexes
/// itself.
fn translated(sql: &str) -> String {
    sql.replace(" INDEXED BY delivery_address", "").replace('?', "$")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn parameters_are_written_as_the_server_reads_them() {
        let sql =
            "SELECT 1 FROM delivery o INDEXED BY delivery_address WHERE o.issue = ?1 AND o.member = ?12";
        assert_eq!(translated(sql), "SELECT 1 FROM delivery o WHERE o.issue = $1 AND o.member = $12");
    }
}
