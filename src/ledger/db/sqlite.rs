//! `SQLite`: statements, and opening and copying the file.

use std::borrow::Cow;
use std::path::{Path, PathBuf};
use std::time::Duration;

use rusqlite::backup::Backup;
use rusqlite::config::DbConfig;
use rusqlite::types::{ToSqlOutput, ValueRef};
use rusqlite::{CachedStatement, Connection, OpenFlags, ToSql, TransactionBehavior, params_from_iter};

use super::{Db, DbError, LedgerError, ResultRow, Value};
use crate::private;

/// The schema step by step; a released step is never changed.
const MIGRATIONS: [&str; 10] = [
    include_str!("../migrations/0001_register_and_deliveries.sql"),
    include_str!("../migrations/0002_forgotten.sql"),
    include_str!("../migrations/0003_quotas_and_reviews.sql"),
    include_str!("../migrations/0004_said_at_import.sql"),
    include_str!("../migrations/0005_sent_to_all.sql"),
    include_str!("../migrations/0006_runs.sql"),
    include_str!("../migrations/0007_identity.sql"),
    include_str!("../migrations/0008_notices.sql"),
    include_str!("../migrations/0009_paper.sql"),
    include_str!("../migrations/0010_report.sql"),
];

/// The tables that never reuse an id, even if the newest rows were deleted.
const AUTOINCREMENT: [&str; 2] = ["member", "run"];

/// How many pages to copy at once.
const PAGES: i32 = 1000;
/// Memory for a temporary copy, as `SQLite` counts it: negative for KiB.
const COPY_CACHE_KIB: i32 = -65_536;
/// How long to wait for another process that is writing.
const BUSY: Duration = Duration::from_secs(10);

/// Whether commits must survive a crash of the machine; those of a temporary copy need not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::ledger) enum Durable {
    Yes,
    No,
}

impl From<rusqlite::Error> for LedgerError {
    fn from(error: rusqlite::Error) -> Self {
        Self::Database(DbError::Sqlite(error))
    }
}

impl ToSql for Value<'_> {
    fn to_sql(&self) -> rusqlite::Result<ToSqlOutput<'_>> {
        Ok(ToSqlOutput::Borrowed(match self {
            Self::Null => ValueRef::Null,
            Self::Integer(number) => ValueRef::Integer(*number),
            Self::Text(text) => ValueRef::Text(text.as_bytes()),
        }))
    }
}

pub(super) fn execute(
    connection: &Connection,
    sql: &str,
    values: &[Value<'_>],
) -> Result<usize, LedgerError> {
    Ok(statement(connection, sql)?.execute(params_from_iter(values))?)
}

pub(super) fn batch(connection: &Connection, sql: &str) -> Result<(), LedgerError> {
    Ok(connection.execute_batch(sql)?)
}

pub(super) fn optional<T>(
    connection: &Connection,
    sql: &str,
    values: &[Value<'_>],
    read: impl FnOnce(&ResultRow<'_>) -> Result<T, LedgerError>,
) -> Result<Option<T>, LedgerError> {
    let mut statement = statement(connection, sql)?;
    let mut rows = statement.query(params_from_iter(values))?;
    rows.next()?.map(|row| read(&ResultRow::Sqlite(row))).transpose()
}

pub(super) fn each<E: From<LedgerError>>(
    connection: &Connection,
    sql: &str,
    values: &[Value<'_>],
    mut each: impl FnMut(&ResultRow<'_>) -> Result<(), E>,
) -> Result<(), E> {
    let mut statement = statement(connection, sql)?;
    let mut rows = statement.query(params_from_iter(values)).map_err(LedgerError::from)?;
    while let Some(row) = rows.next().map_err(LedgerError::from)? {
        each(&ResultRow::Sqlite(row))?;
    }
    Ok(())
}

fn statement<'a>(connection: &'a Connection, sql: &str) -> Result<CachedStatement<'a>, LedgerError> {
    Ok(connection.prepare_cached(sql)?)
}

pub(super) fn value<'a>(row: &'a rusqlite::Row<'_>, index: usize) -> Result<Value<'a>, LedgerError> {
    let invalid = |what: &str| LedgerError::Corrupt(format!("column {index}: {what}"));
    Ok(match row.get_ref(index)? {
        ValueRef::Null => Value::Null,
        ValueRef::Integer(number) => Value::Integer(number),
        ValueRef::Text(text) => {
            Value::Text(Cow::Borrowed(str::from_utf8(text).map_err(|_| invalid("not UTF-8"))?))
        }
        ValueRef::Real(_) => return Err(invalid("a fraction")),
        ValueRef::Blob(_) => return Err(invalid("bytes")),
    })
}

pub(super) fn roll_back(connection: &Connection) {
    // After some errors SQLite has already ended the transaction; without a commit nothing is kept anyway.
    if !connection.is_autocommit() {
        let _lost = connection.execute_batch("ROLLBACK");
    }
}

/// Runs `work` without the triggers of the schema.
pub(super) fn without_triggers(
    connection: &Connection,
    work: impl FnOnce() -> Result<(), LedgerError>,
) -> Result<(), LedgerError> {
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, false)?;
    let done = work();
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_TRIGGER, true)?;
    done
}

/// The last id assigned by a table.
pub(super) fn last_id(connection: &Connection, table: &str) -> Result<i64, LedgerError> {
    let sql = format!("SELECT coalesce(max(id), 0) FROM {table}");
    let newest: i64 = connection.query_row(&sql, (), |row| row.get(0))?;
    let sql = "SELECT coalesce(max(seq), 0) FROM sqlite_sequence WHERE name = ?1";
    let given: i64 = connection.query_row(sql, [table], |row| row.get(0))?;
    Ok(given.max(newest))
}

pub(super) fn set_last_id(connection: &Connection, table: &str, id: i64) -> Result<(), LedgerError> {
    if AUTOINCREMENT.contains(&table) {
        connection.execute("DELETE FROM sqlite_sequence WHERE name = ?1", [table])?;
        connection.execute("INSERT INTO sqlite_sequence (name, seq) VALUES (?1, ?2)", (table, id))?;
    }
    Ok(())
}

pub(super) fn compact(connection: &Connection) -> Result<(), LedgerError> {
    connection.execute_batch("VACUUM")?;
    connection.query_row("PRAGMA wal_checkpoint(TRUNCATE)", (), |_| Ok(()))?;
    Ok(())
}

/// Opens the file, creating or migrating it if necessary.
pub(in crate::ledger) fn open(path: &Path) -> Result<Db, LedgerError> {
    if let Some(dir) = path.parent() {
        private::create_folder(dir).map_err(|source| LedgerError::Folder { path: dir.to_owned(), source })?;
    }
    // SQLite copies the permissions to the files next to it, and reports a file that cannot be created.
    let _said_below = private::create_if_missing(path);
    let connection = Connection::open(path).map_err(opening(path))?;
    set_up(connection, path, Durable::Yes)
}

/// A copy of the database at `of` in memory, or beyond some megabytes in an unnamed file.
pub(super) fn temporary_copy(of: Option<&Path>) -> Result<Db, LedgerError> {
    // With an empty name, SQLite opens a temporary file and unlinks it at once.
    let path = of.unwrap_or(Path::new(""));
    let mut connection = Connection::open("").map_err(opening(path))?;
    connection.pragma_update(None, "cache_size", COPY_CACHE_KIB).map_err(opening(path))?;
    copy_into(&mut connection, of)?;
    set_up(connection, path, Durable::No)
}

/// A copy of the database at `of` in the file `path`, for several connections of this process.
pub(super) fn copy_to(path: &Path, of: Option<&Path>) -> Result<Db, LedgerError> {
    private::create_if_missing(path)
        .map_err(|source| LedgerError::Folder { path: path.to_owned(), source })?;
    let mut connection = Connection::open(path).map_err(opening(path))?;
    Durable::No.apply(&connection).map_err(opening(path))?;
    copy_into(&mut connection, of)?;
    set_up(connection, path, Durable::No)
}

fn set_up(mut connection: Connection, path: &Path, durable: Durable) -> Result<Db, LedgerError> {
    settings(&connection, durable).map_err(opening(path))?;
    migrate(&mut connection, path)?;
    Ok(Db::Sqlite(connection))
}

fn settings(connection: &Connection, durable: Durable) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    // First, because the other settings write too.
    durable.apply(connection)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    // Otherwise SQLite plans a statement again whenever a parameter is bound that an index has a condition on.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(64);
    Ok(())
}

fn migrate(connection: &mut Connection, path: &Path) -> Result<(), LedgerError> {
    let version = |connection: &Connection| {
        connection.pragma_query_value(None, "user_version", |row| row.get::<_, usize>(0))
    };
    if version(connection)? == MIGRATIONS.len() {
        // Nothing is written, so that a ledger can be opened while another command changes it.
        return Ok(());
    }
    let transaction = connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
    let found = version(&transaction)?;
    if found > MIGRATIONS.len() {
        return Err(LedgerError::Newer { path: path.to_owned(), found, known: MIGRATIONS.len() });
    }
    for migration in MIGRATIONS.iter().skip(found) {
        transaction.execute_batch(migration)?;
    }
    transaction.pragma_update(None, "user_version", MIGRATIONS.len())?;
    Ok(transaction.commit()?)
}

impl Durable {
    fn apply(self, connection: &Connection) -> rusqlite::Result<()> {
        connection.pragma_update(None, "synchronous", if self == Self::Yes { "FULL" } else { "OFF" })
    }
}

/// Copies the database at `of`, if it exists, into an open one.
fn copy_into(connection: &mut Connection, of: Option<&Path>) -> Result<(), LedgerError> {
    if let Some(of) = of.filter(|of| of.exists()) {
        let source = readable(of)?;
        let pause = Duration::from_millis(10);
        Backup::new(&source.connection, connection)?.run_to_completion(PAGES, pause, None)?;
    }
    Ok(())
}

/// A connection for reading a ledger, and the private copy that it may use.
struct ReadConnection {
    connection: Connection,
    _copy: Option<tempfile::TempDir>,
}

/// Opens a ledger for reading even if its folder is read-only; `SQLite` needs a writable one to read a write-ahead
/// log.
fn readable(path: &Path) -> Result<ReadConnection, LedgerError> {
    let open = |path: &Path| {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.busy_timeout(BUSY)?;
        connection.query_row("SELECT count(*) FROM sqlite_schema", (), |_| Ok(()))?;
        Ok::<_, rusqlite::Error>(connection)
    };
    match open(path) {
        Ok(connection) => Ok(ReadConnection { connection, _copy: None }),
        Err(_) => {
            let failed = |source| LedgerError::Folder { path: path.to_owned(), source };
            let copy = tempfile::Builder::new().permissions(private::folder_permissions()).tempdir();
            let copy = copy.map_err(failed)?;
            let target = copy.path().join("ledger.db");
            for end in ["", "-wal"] {
                let (from, to) = (with_end(path, end), with_end(&target, end));
                if end.is_empty() || from.exists() {
                    std::fs::copy(from, to).map_err(failed)?;
                }
            }
            let connection = Connection::open(&target).map_err(opening(path))?;
            Ok(ReadConnection { connection, _copy: Some(copy) })
        }
    }
}

/// The file next to `path` with `end` appended to its name.
pub(in crate::ledger) fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

fn opening(path: &Path) -> impl Fn(rusqlite::Error) -> LedgerError {
    move |source| LedgerError::Open { path: path.to_owned(), source: DbError::Sqlite(source) }
}

#[cfg(test)]
pub(in crate::ledger) mod tests {
    use super::*;

    /// Writes a ledger with an older version of the schema.
    pub(in crate::ledger) fn write_older(path: &Path, version: usize, rows: &str) {
        let connection = Connection::open(path).unwrap();
        for migration in &MIGRATIONS[..version] {
            connection.execute_batch(migration).unwrap();
        }
        connection.pragma_update(None, "user_version", version).unwrap();
        connection.execute_batch(rows).unwrap();
    }

    #[test]
    fn a_ledger_of_a_newer_version_is_rejected() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("l.db");
        open(&path).unwrap().batch("PRAGMA user_version = 99").unwrap();
        assert!(matches!(open(&path), Err(LedgerError::Newer { found: 99, .. })));
    }
}
