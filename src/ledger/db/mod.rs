//! The only place that knows which database the ledger is in. Everything else in `ledger` hands SQL with the parameters
//! `?1`, `?2` … to a [`Db`], and reads [`ResultRow`]s.

mod copy;
mod guard;
mod hosts;
#[cfg(feature = "postgres")]
mod postgres;
pub(in crate::ledger) mod sqlite;
mod values;

pub(super) use guard::Guard;
pub(super) use values::{FromValue, Parameters, ToValue, Value};

use std::path::Path;

use super::LedgerError;
use super::place::{DatabaseServer, LedgerPlace};

/// An open database.
#[derive(Debug)]
pub(super) enum Db {
    Sqlite(rusqlite::Connection),
    #[cfg(feature = "postgres")]
    Postgres(Box<postgres::PostgresSession>),
}

/// One row of a result; it is valid only during the callback.
pub(super) enum ResultRow<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
    #[cfg(feature = "postgres")]
    Postgres(&'a ::tokio_postgres::Row),
}

/// Several statements that are all kept, by [`Transaction::commit`], or none.
#[derive(Debug)]
pub(super) struct Transaction<'a> {
    db: &'a Db,
    is_open: bool,
}

/// Why a statement failed.
#[derive(Debug, thiserror::Error)]
pub enum DbError {
    #[error(transparent)]
    Sqlite(#[from] rusqlite::Error),
    #[cfg(feature = "postgres")]
    #[error("{}", postgres::words(.0))]
    Postgres(#[from] ::tokio_postgres::Error),
    #[cfg(feature = "postgres")]
    #[error("the server did not answer within {seconds} seconds")]
    Silent { seconds: u64 },
    #[cfg(feature = "postgres")]
    #[error("the session with the server has ended")]
    Ended,
    #[cfg(feature = "postgres")]
    #[error("cannot start a runtime: {0}")]
    Thread(std::io::Error),
}

impl DbError {
    /// Tells whether another program holds the database, so that a retry may succeed.
    pub(super) fn is_busy(&self) -> bool {
        use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
        match self {
            Self::Sqlite(error) => matches!(error.sqlite_error_code(), Some(DatabaseBusy | DatabaseLocked)),
            #[cfg(feature = "postgres")]
            Self::Postgres(error) => postgres::is_busy(error),
            #[cfg(feature = "postgres")]
            Self::Silent { .. } | Self::Ended | Self::Thread(_) => false,
        }
    }

    /// Tells whether the session with a server has ended; another one may be opened.
    pub(super) fn is_gone(&self) -> bool {
        match self {
            #[cfg(feature = "postgres")]
            Self::Postgres(error) => postgres::is_gone(error),
            #[cfg(feature = "postgres")]
            Self::Silent { .. } | Self::Ended => true,
            _ => false,
        }
    }
}

impl Db {
    /// Opens the ledger's database, creating or migrating it if necessary.
    ///
    /// # Errors
    /// If it cannot be opened or is from a newer version.
    pub fn open(place: &LedgerPlace) -> Result<Self, LedgerError> {
        match place.server() {
            None => sqlite::open(place.file()),
            Some(server) => Self::open_on(server),
        }
    }

    /// Opens an existing database; `None` if there is none yet.
    ///
    /// # Errors
    /// If it cannot be opened or is from a newer version.
    pub fn open_existing(place: &LedgerPlace) -> Result<Option<Self>, LedgerError> {
        match place.server() {
            None if !place.file().exists() => Ok(None),
            #[cfg(feature = "postgres")]
            Some(server) => Ok(postgres::PostgresSession::open_existing(server)?
                .map(|session| Self::Postgres(Box::new(session)))),
            _ => Self::open(place).map(Some),
        }
    }

    /// A copy for this process only, in memory, or beyond some megabytes in an unnamed file.
    ///
    /// # Errors
    /// If the ledger cannot be read or the copy cannot be written.
    pub fn temporary_copy(of: &LedgerPlace) -> Result<Self, LedgerError> {
        let copy = sqlite::temporary_copy(of.database_file())?;
        Self::fill(copy, of)
    }

    /// A copy in the file `path`, for several connections of this process.
    ///
    /// # Errors
    /// If the ledger cannot be read or the copy cannot be written.
    pub fn copy_at(path: &Path, of: &LedgerPlace) -> Result<Self, LedgerError> {
        let copy = sqlite::copy_to(path, of.database_file())?;
        Self::fill(copy, of)
    }

    fn fill(copy: Self, of: &LedgerPlace) -> Result<Self, LedgerError> {
        if of.server().is_some()
            && let Some(db) = Self::open_existing(of)?
        {
            db.copy_to(&copy)?;
        }
        Ok(copy)
    }

    #[cfg(feature = "postgres")]
    fn open_on(server: &DatabaseServer) -> Result<Self, LedgerError> {
        postgres::PostgresSession::open(server).map(|session| Self::Postgres(Box::new(session)))
    }

    #[cfg(not(feature = "postgres"))]
    fn open_on(server: &DatabaseServer) -> Result<Self, LedgerError> {
        Err(LedgerError::NoServers { server: server.to_string() })
    }

    /// Runs a statement; returns how many rows it changed.
    ///
    /// # Errors
    /// If the database refuses it.
    pub fn execute(&self, sql: &str, values: impl Parameters) -> Result<usize, LedgerError> {
        match self {
            Self::Sqlite(connection) => values.with(|values| sqlite::execute(connection, sql, values)),
            #[cfg(feature = "postgres")]
            Self::Postgres(session) => values.with(|values| session.execute(sql, values)),
        }
    }

    /// Inserts one row into a table that numbers its rows in the column `id`; returns the row's number.
    ///
    /// # Errors
    /// If the database refuses the statement.
    pub fn insert(&self, sql: &str, values: impl Parameters) -> Result<i64, LedgerError> {
        match self {
            // RETURNING takes SQLite twice the time.
            Self::Sqlite(connection) => {
                values.with(|values| sqlite::execute(connection, sql, values))?;
                Ok(connection.last_insert_rowid())
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(_) => self.one(&format!("{sql} RETURNING id"), values, |row| row.get(0)),
        }
    }

    /// Runs statements without parameters.
    ///
    /// # Errors
    /// If the database refuses one of them; those before it have been run.
    pub fn batch(&self, sql: &str) -> Result<(), LedgerError> {
        match self {
            Self::Sqlite(connection) => sqlite::batch(connection, sql),
            #[cfg(feature = "postgres")]
            Self::Postgres(session) => session.batch(sql),
        }
    }

    /// Reads the first row of a result; `None` if there is none.
    ///
    /// # Errors
    /// If the database refuses the statement, and those of `read`.
    pub fn optional<T>(
        &self,
        sql: &str,
        values: impl Parameters,
        read: impl FnOnce(&ResultRow<'_>) -> Result<T, LedgerError>,
    ) -> Result<Option<T>, LedgerError> {
        match self {
            Self::Sqlite(connection) => values.with(|values| sqlite::optional(connection, sql, values, read)),
            #[cfg(feature = "postgres")]
            Self::Postgres(session) => {
                let rows = values.with(|values| session.query(sql, values))?;
                rows.first().map(|row| read(&ResultRow::Postgres(row))).transpose()
            }
        }
    }

    /// Reads the first row of a result that always has one.
    ///
    /// # Errors
    /// If the database refuses the statement or there is no row, and those of `read`.
    pub fn one<T>(
        &self,
        sql: &str,
        values: impl Parameters,
        read: impl FnOnce(&ResultRow<'_>) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        let found = self.optional(sql, values, read)?;
        found.ok_or_else(|| LedgerError::Corrupt("a row is missing".to_owned()))
    }

    /// Calls `each` for every row of a SELECT. `each` may use the database as well; the rows are those at the start
    /// of the statement.
    ///
    /// # Errors
    /// If the database refuses the statement, and those of `each`.
    pub fn each<E: From<LedgerError>>(
        &self,
        sql: &str,
        values: impl Parameters,
        each: impl FnMut(&ResultRow<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        match self {
            Self::Sqlite(connection) => values.with(|values| sqlite::each(connection, sql, values, each)),
            #[cfg(feature = "postgres")]
            Self::Postgres(session) => values.with(|values| session.each(sql, values, each)),
        }
    }

    /// Collects all rows.
    ///
    /// # Errors
    /// If the database refuses the statement, and those of `read`.
    pub fn list<T, C: Default + Extend<T> + IntoIterator<Item = T>>(
        &self,
        sql: &str,
        values: impl Parameters,
        mut read: impl FnMut(&ResultRow<'_>) -> Result<T, LedgerError>,
    ) -> Result<C, LedgerError> {
        let mut found = C::default();
        let mut add = |row: &ResultRow<'_>| {
            found.extend([read(row)?]);
            Ok::<_, LedgerError>(())
        };
        match self {
            Self::Sqlite(connection) => {
                values.with(|values| sqlite::each(connection, sql, values, &mut add))?;
            }
            #[cfg(feature = "postgres")]
            Self::Postgres(session) => {
                let rows = values.with(|values| session.query(sql, values))?;
                rows.iter().try_for_each(|row| add(&ResultRow::Postgres(row)))?;
            }
        }
        Ok(found)
    }

    /// Begins a transaction that may write: the data that it reads cannot change before it writes.
    ///
    /// # Errors
    /// If another program writes for longer than a writer waits.
    pub fn begin(&self) -> Result<Transaction<'_>, LedgerError> {
        match self {
            Self::Sqlite(connection) => sqlite::batch(connection, "BEGIN IMMEDIATE")?,
            #[cfg(feature = "postgres")]
            Self::Postgres(session) => session.begin()?,
        }
        Ok(Transaction { db: self, is_open: true })
    }

    /// Begins a transaction that only reads, and sees the ledger as it is at this moment.
    ///
    /// # Errors
    /// If the database cannot be read.
    pub fn snapshot(&self) -> Result<Transaction<'_>, LedgerError> {
        match self {
            Self::Sqlite(connection) => sqlite::batch(connection, "BEGIN")?,
            #[cfg(feature = "postgres")]
            Self::Postgres(session) => session.snapshot()?,
        }
        Ok(Transaction { db: self, is_open: true })
    }

    /// Runs `work` in the open transaction without the triggers of the schema.
    ///
    /// # Errors
    /// If they cannot be switched off, and those of `work`.
    pub fn without_triggers(
        &self,
        work: impl FnOnce() -> Result<(), LedgerError>,
    ) -> Result<(), LedgerError> {
        match self {
            Self::Sqlite(connection) => sqlite::without_triggers(connection, work),
            #[cfg(feature = "postgres")]
            Self::Postgres(session) => session.without_triggers(work),
        }
    }

    fn last_id(&self, table: &str) -> Result<i64, LedgerError> {
        match self {
            Self::Sqlite(connection) => sqlite::last_id(connection, table),
            #[cfg(feature = "postgres")]
            Self::Postgres(session) => session.last_id(table),
        }
    }

    fn set_last_id(&self, table: &str, id: i64) -> Result<(), LedgerError> {
        match self {
            Self::Sqlite(connection) => sqlite::set_last_id(connection, table, id),
            #[cfg(feature = "postgres")]
            Self::Postgres(session) => session.set_last_id(table, id),
        }
    }

    fn commit(&self) -> Result<(), LedgerError> {
        match self {
            Self::Sqlite(connection) => sqlite::batch(connection, "COMMIT"),
            #[cfg(feature = "postgres")]
            Self::Postgres(session) => session.commit(),
        }
    }

    fn roll_back(&self) {
        match self {
            Self::Sqlite(connection) => sqlite::roll_back(connection),
            #[cfg(feature = "postgres")]
            Self::Postgres(session) => session.roll_back(),
        }
    }

    /// Rewrites the database, so that no deleted data is left in its files.
    ///
    /// # Errors
    /// If it cannot be written; its content stays the same.
    pub fn compact(&self) -> Result<(), LedgerError> {
        match self {
            Self::Sqlite(connection) => sqlite::compact(connection),
            #[cfg(feature = "postgres")]
            Self::Postgres(session) => session.compact(),
        }
    }
}

impl ResultRow<'_> {
    /// The value of a column, from 0.
    ///
    /// # Errors
    /// If there is no such column, or it is not a value of this type.
    pub fn get<T: FromValue>(&self, index: usize) -> Result<T, LedgerError> {
        let wrong = |why: String| LedgerError::Corrupt(format!("column {index}: {why}"));
        T::from_value(self.value(index)?).map_err(wrong)
    }

    /// The value of a column as stored.
    ///
    /// # Errors
    /// If there is no such column, or its value has a type that this program does not store.
    pub fn value(&self, index: usize) -> Result<Value<'_>, LedgerError> {
        match self {
            Self::Sqlite(row) => sqlite::value(row, index),
            #[cfg(feature = "postgres")]
            Self::Postgres(row) => postgres::value(row, index),
        }
    }

    /// The names of the columns.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::Sqlite(row) => row.as_ref().column_names().collect(),
            #[cfg(feature = "postgres")]
            Self::Postgres(row) => row.columns().iter().map(::tokio_postgres::Column::name).collect(),
        }
    }
}

impl Transaction<'_> {
    /// Commits the changes.
    ///
    /// # Errors
    /// If the database cannot be written; then nothing is kept.
    pub fn commit(mut self) -> Result<(), LedgerError> {
        self.db.commit()?;
        self.is_open = false;
        Ok(())
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if self.is_open {
            self.db.roll_back();
        }
    }
}

impl std::ops::Deref for Transaction<'_> {
    type Target = Db;

    fn deref(&self) -> &Db {
        self.db
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn field(db: &Db, name: &str) -> Option<String> {
        db.optional("SELECT name FROM field WHERE name = ?1", [name], |row| row.get(0)).unwrap()
    }

    #[test]
    fn a_transaction_keeps_all_or_nothing() {
        let dir = tempfile::tempdir().unwrap();
        let db = sqlite::open(&dir.path().join("l.db")).unwrap();
        let add = |name: &str| db.execute("INSERT INTO field VALUES (?1)", [name]).unwrap();
        let transaction = db.begin().unwrap();
        add("dropped");
        drop(transaction);
        let transaction = db.begin().unwrap();
        add("kept");
        transaction.commit().unwrap();
        assert_eq!((field(&db, "dropped"), field(&db, "kept")), (None, Some("kept".to_owned())));
    }

    #[test]
    fn a_row_that_is_missing_is_not_read() {
        let dir = tempfile::tempdir().unwrap();
        let db = sqlite::open(&dir.path().join("l.db")).unwrap();
        let found = db.one("SELECT name FROM field", (), |row| row.get::<String>(0));
        assert!(matches!(found, Err(LedgerError::Corrupt(_))));
        let name = db.one("SELECT 7 AS name", (), |row| Ok((row.names().join(","), row.get::<u16>(0)?)));
        assert_eq!(name.unwrap(), ("name".to_owned(), 7));
    }
}
