//! The only place that knows which database the ledger is in. Everything else in `ledger` hands SQL with the parameters
//! `?1`, `?2` … to a [`Db`], and reads [`Row`]s.

pub(in crate::ledger) mod sqlite;
mod values;

pub(super) use values::{FromValue, ToValue, Value, Values};

use super::LedgerError;

/// An open database.
#[derive(Debug)]
pub(super) enum Db {
    Sqlite(rusqlite::Connection),
}

/// One row of a result; it ends with the callback that it is handed to.
pub(super) enum Row<'a> {
    Sqlite(&'a rusqlite::Row<'a>),
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
}

impl DbError {
    /// Tells whether another program holds the database, so that the same can be tried again.
    pub(super) fn is_busy(&self) -> bool {
        use rusqlite::ErrorCode::{DatabaseBusy, DatabaseLocked};
        match self {
            Self::Sqlite(error) => matches!(error.sqlite_error_code(), Some(DatabaseBusy | DatabaseLocked)),
        }
    }
}

impl Db {
    /// Runs a statement; returns how many rows it changed.
    ///
    /// # Errors
    /// If the database refuses it.
    pub fn execute(&self, sql: &str, values: impl Values) -> Result<usize, LedgerError> {
        match self {
            Self::Sqlite(connection) => values.with(|values| sqlite::execute(connection, sql, values)),
        }
    }

    /// Runs statements without parameters.
    ///
    /// # Errors
    /// If the database refuses one of them; those before it have been run.
    pub fn batch(&self, sql: &str) -> Result<(), LedgerError> {
        match self {
            Self::Sqlite(connection) => sqlite::batch(connection, sql),
        }
    }

    /// Reads the first row of a result; `None` if there is none.
    ///
    /// # Errors
    /// If the database refuses the statement, and those of `read`.
    pub fn optional<T>(
        &self,
        sql: &str,
        values: impl Values,
        read: impl FnOnce(&Row<'_>) -> Result<T, LedgerError>,
    ) -> Result<Option<T>, LedgerError> {
        match self {
            Self::Sqlite(connection) => values.with(|values| sqlite::optional(connection, sql, values, read)),
        }
    }

    /// Reads the first row of a result that always has one.
    ///
    /// # Errors
    /// If the database refuses the statement, if there is no row, and those of `read`.
    pub fn one<T>(
        &self,
        sql: &str,
        values: impl Values,
        read: impl FnOnce(&Row<'_>) -> Result<T, LedgerError>,
    ) -> Result<T, LedgerError> {
        let found = self.optional(sql, values, read)?;
        found.ok_or_else(|| LedgerError::Corrupt("a row is missing".to_owned()))
    }

    /// Hands each row to `each`, which may use the database as well: it sees what was stored when the statement began.
    ///
    /// # Errors
    /// If the database refuses the statement, and those of `each`.
    pub fn each<E: From<LedgerError>>(
        &self,
        sql: &str,
        values: impl Values,
        each: impl FnMut(&Row<'_>) -> Result<(), E>,
    ) -> Result<(), E> {
        match self {
            Self::Sqlite(connection) => values.with(|values| sqlite::each(connection, sql, values, each)),
        }
    }

    /// Collects all rows.
    ///
    /// # Errors
    /// If the database refuses the statement, and those of `read`.
    pub fn list<T, C: Default + Extend<T> + IntoIterator<Item = T>>(
        &self,
        sql: &str,
        values: impl Values,
        mut read: impl FnMut(&Row<'_>) -> Result<T, LedgerError>,
    ) -> Result<C, LedgerError> {
        let mut found = C::default();
        self.each(sql, values, |row| {
            found.extend([read(row)?]);
            Ok::<_, LedgerError>(())
        })?;
        Ok(found)
    }

    /// Begins a transaction that may write: what it reads first cannot change before it writes.
    ///
    /// # Errors
    /// If another program writes for longer than a writer waits.
    pub fn begin(&self) -> Result<Transaction<'_>, LedgerError> {
        match self {
            Self::Sqlite(connection) => sqlite::batch(connection, "BEGIN IMMEDIATE")?,
        }
        Ok(Transaction { db: self, is_open: true })
    }

    /// Tells whether the database has ended a transaction by itself, as after some errors.
    fn has_ended(&self) -> bool {
        match self {
            Self::Sqlite(connection) => connection.is_autocommit(),
        }
    }

    /// Rewrites the database, so that nothing of what was deleted is left in its files.
    ///
    /// # Errors
    /// If it cannot be written; what it stores stays the same.
    pub fn compact(&self) -> Result<(), LedgerError> {
        match self {
            Self::Sqlite(connection) => sqlite::compact(connection),
        }
    }
}

impl Row<'_> {
    /// The value of a column, from 0.
    ///
    /// # Errors
    /// If there is no such column, or it is not a value of this type.
    pub fn get<T: FromValue>(&self, index: usize) -> Result<T, LedgerError> {
        let wrong = |why: String| LedgerError::Corrupt(format!("column {index}: {why}"));
        T::from_value(self.value(index)?).map_err(wrong)
    }

    /// The value of a column as it is stored.
    ///
    /// # Errors
    /// If there is no such column, or its value is not one that this program stores.
    pub fn value(&self, index: usize) -> Result<Value<'_>, LedgerError> {
        match self {
            Self::Sqlite(row) => sqlite::value(row, index),
        }
    }

    /// The names of the columns.
    pub fn names(&self) -> Vec<&str> {
        match self {
            Self::Sqlite(row) => row.as_ref().column_names().collect(),
        }
    }
}

impl Transaction<'_> {
    /// Keeps what was done.
    ///
    /// # Errors
    /// If the database cannot be written; then nothing is kept.
    pub fn commit(mut self) -> Result<(), LedgerError> {
        self.db.batch("COMMIT")?;
        self.is_open = false;
        Ok(())
    }
}

impl Drop for Transaction<'_> {
    fn drop(&mut self) {
        if self.is_open && !self.db.has_ended() {
            // Without a commit nothing is kept, whether this is heard or not.
            let _lost = self.db.batch("ROLLBACK");
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
