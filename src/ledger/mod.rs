//! The durable store: register, deliveries, bounces and the trace of changes, in one `SQLite` file.
//!
//! Everything that must survive a crash goes through here. [`Writer`] is the only one that changes deliveries while
//! letters are on their way; it commits in groups.

mod bounces;
mod claims;
mod deliveries;
mod forgotten;
mod frozen;
mod held;
mod import;
mod lock;
mod members;
mod prune;
mod register;
mod reviews;
mod scratch;
mod spool;
mod summary;
mod suppressions;
mod survey;
mod traces;
mod types;
mod writer;

use std::path::{Path, PathBuf};

use rusqlite::backup::Backup;
use rusqlite::config::DbConfig;
use rusqlite::{Connection, OpenFlags, Transaction, TransactionBehavior};

use crate::domain::MemberId;
use crate::private;

use types::Stamp;

pub use bounces::{BounceAction, BounceRecord, Correction};
pub use claims::{Attempt, Claim, Claimed, Refusal, RunId, Settled};
pub use deliveries::{DeliveryRow, Requeued};
pub use frozen::MailedReport;
pub use held::Held;
pub use import::{Difference, FieldChange, ImportRun, LastImport, PendingImport};
pub use lock::{Lock, LockError};
pub use members::MemberRow;
pub use paper::OnPaper;
pub use prune::Pruned;
pub use register::History;
pub use reviews::{Review, ReviewKind};
pub use scratch::Scratch;
pub use summary::{Coverage, IssueSummary, MOST_VALUES, NotReached, Reached};
pub use survey::{Counts, Skip, Standing};
pub use writer::{Settling, Writer, WriterHandle};

/// The schema, one step after another; a step that was released is never changed.
const MIGRATIONS: [&str; 10] = [
    include_str!("migrations/0001_register_and_deliveries.sql"),
    include_str!("migrations/0002_forgotten.sql"),
    include_str!("migrations/0003_quotas_and_reviews.sql"),
    include_str!("migrations/0004_said_at_import.sql"),
    include_str!("migrations/0005_sent_to_all.sql"),
    include_str!("migrations/0006_runs.sql"),
    include_str!("migrations/0007_identity.sql"),
    include_str!("migrations/0008_notices.sql"),
    include_str!("migrations/0009_paper.sql"),
    include_str!("migrations/0010_report.sql"),
];

/// Pages that are copied at once.
const PAGES: i32 = 1000;
/// Memory for a temporary copy, as `SQLite` counts it: negative for KiB.
const COPY_CACHE_KIB: i32 = -65_536;
/// How long to wait for another process that writes.
const BUSY: std::time::Duration = std::time::Duration::from_secs(10);

/// Whether what was committed must survive a crash of the machine; a copy that is thrown away need not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Durable {
    Yes,
    No,
}

/// An open ledger.
#[derive(Debug)]
pub struct Ledger {
    connection: Connection,
    path: PathBuf,
    durable: Durable,
}

/// Why the ledger cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error("the ledger `{path}`: {source}")]
    Open { path: PathBuf, source: rusqlite::Error },
    #[error("cannot make the folder `{path}`: {source}")]
    Folder { path: PathBuf, source: std::io::Error },
    #[error(
        "the ledger `{path}` was created by a newer version of this program (schema {found}, known {known})"
    )]
    Newer { path: PathBuf, found: usize, known: usize },
    #[error("the ledger could not be read or written: {0}")]
    Sqlite(#[from] rusqlite::Error),
    #[error("the ledger contains an invalid value: {0}")]
    Corrupt(String),
    #[error("the members of the list were renumbered ({examples}); nothing was changed")]
    Renumbered { examples: String },
    #[error("the ledger could not be written: {0}")]
    Commit(String),
    #[error("line {line}: {name} is the same member as an earlier row; nothing was changed")]
    TwoRows { line: u64, name: String },
    #[error("{issue} was begun as another kind of issue: some letters have left; nothing was changed")]
    KindChanged { issue: crate::domain::IssueName },
    #[error("another run has begun meanwhile")]
    OtherRun,
    #[error("cannot use the outcomes that wait in `{path}`: {source}")]
    Spool { path: PathBuf, source: std::io::Error },
    #[error("the ledger's writer has stopped")]
    WriterStopped,
}

impl Ledger {
    /// Opens the ledger at `path`, created or migrated if necessary.
    ///
    /// # Errors
    /// If the file cannot be opened or is from a newer version.
    pub fn open(path: &Path) -> Result<Self, LedgerError> {
        if let Some(dir) = path.parent() {
            private::create_folder(dir)
                .map_err(|source| LedgerError::Folder { path: dir.to_owned(), source })?;
        }
        // SQLite copies the permissions to the files next to it, and reports a file that cannot be created.
        let _said_below = private::create_if_missing(path);
        let connection = Connection::open(path).map_err(opening(path))?;
        Self::set_up(connection, path, Durable::Yes)
    }

    /// Opens a ledger that exists; `None` if there is none yet.
    ///
    /// # Errors
    /// If the file cannot be opened or is from a newer version.
    pub fn open_existing(path: &Path) -> Result<Option<Self>, LedgerError> {
        if !path.exists() {
            return Ok(None);
        }
        Self::open(path).map(Some)
    }

    /// A copy of the ledger at `of` for this process only: what is done there changes nothing. It is in memory, and
    /// beyond some megabytes in a file without a name, so that nothing of it is left if the process dies.
    ///
    /// # Errors
    /// If the ledger cannot be read or the copy cannot be written.
    pub fn temporary_copy(of: &Path) -> Result<Self, LedgerError> {
        // An empty name: SQLite opens a file of its own and unlinks it at once.
        let mut connection = Connection::open("").map_err(opening(of))?;
        connection.pragma_update(None, "cache_size", COPY_CACHE_KIB).map_err(opening(of))?;
        copy_into(&mut connection, of)?;
        Self::set_up(connection, of, Durable::No)
    }

    /// Opens a ledger that exists, for reading only; `None` if there is none yet. It need not be writable.
    ///
    /// # Errors
    /// If it cannot be read or is from a newer version.
    pub fn open_for_reading(path: &Path) -> Result<Option<Self>, LedgerError> {
        if !path.exists() {
            return Ok(None);
        }
        match Self::open(path) {
            Err(LedgerError::Open { .. } | LedgerError::Sqlite(_)) => Self::temporary_copy(path).map(Some),
            opened => opened.map(Some),
        }
    }

    /// The file.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Begins a transaction that may write: what it reads first cannot change before it writes.
    fn begin(&self) -> rusqlite::Result<Transaction<'_>> {
        Transaction::new_unchecked(&self.connection, TransactionBehavior::Immediate)
    }

    fn set_up(connection: Connection, path: &Path, durable: Durable) -> Result<Self, LedgerError> {
        set_up(&connection, durable).map_err(opening(path))?;
        let mut ledger = Self { connection, path: path.to_owned(), durable };
        ledger.migrate()?;
        Ok(ledger)
    }

    fn migrate(&mut self) -> Result<(), LedgerError> {
        let version = |connection: &Connection| {
            connection.pragma_query_value(None, "user_version", |row| row.get::<_, usize>(0))
        };
        if version(&self.connection)? == MIGRATIONS.len() {
            // Nothing is written, so that a ledger that another command is changing can be opened.
            return Ok(());
        }
        let transaction = self.connection.transaction_with_behavior(TransactionBehavior::Immediate)?;
        let found = version(&transaction)?;
        if found > MIGRATIONS.len() {
            return Err(LedgerError::Newer { path: self.path.clone(), found, known: MIGRATIONS.len() });
        }
        for migration in MIGRATIONS.iter().skip(found) {
            transaction.execute_batch(migration)?;
        }
        transaction.pragma_update(None, "user_version", MIGRATIONS.len())?;
        Ok(transaction.commit()?)
    }
}

impl Durable {
    fn apply(self, connection: &Connection) -> rusqlite::Result<()> {
        connection.pragma_update(None, "synchronous", if self == Self::Yes { "FULL" } else { "OFF" })
    }
}

/// Copies the ledger at `of`, if there is one, into an open database.
fn copy_into(connection: &mut Connection, of: &Path) -> Result<(), LedgerError> {
    if of.exists() {
        let source = readable(of)?;
        let pause = std::time::Duration::from_millis(10);
        Backup::new(&source.connection, connection)?.run_to_completion(PAGES, pause, None)?;
    }
    Ok(())
}

/// A connection that reads a ledger, and the private copy that it may be of.
struct Source {
    connection: Connection,
    _copy: Option<tempfile::TempDir>,
}

/// Opens a ledger for reading even if its folder is not writable, which `SQLite` needs to read a write-ahead log.
fn readable(path: &Path) -> Result<Source, LedgerError> {
    let open = |path: &Path| {
        let connection = Connection::open_with_flags(path, OpenFlags::SQLITE_OPEN_READ_ONLY)?;
        connection.busy_timeout(BUSY)?;
        connection.query_row("SELECT count(*) FROM sqlite_schema", (), |_| Ok(()))?;
        Ok::<_, rusqlite::Error>(connection)
    };
    match open(path) {
        Ok(connection) => Ok(Source { connection, _copy: None }),
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
            Ok(Source { connection, _copy: Some(copy) })
        }
    }
}

fn with_end(path: &Path, end: &str) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(end);
    PathBuf::from(name)
}

fn opening(path: &Path) -> impl Fn(rusqlite::Error) -> LedgerError {
    move |source| LedgerError::Open { path: path.to_owned(), source }
}

fn set_up(connection: &Connection, durable: Durable) -> rusqlite::Result<()> {
    connection.busy_timeout(BUSY)?;
    // First, as the other settings write too.
    durable.apply(connection)?;
    connection.pragma_update(None, "journal_mode", "WAL")?;
    connection.pragma_update(None, "foreign_keys", "ON")?;
    // Otherwise SQLite plans a statement again whenever a value that an index has a condition on is bound.
    connection.set_db_config(DbConfig::SQLITE_DBCONFIG_ENABLE_QPSG, true)?;
    connection.set_prepared_statement_cache_capacity(32);
    Ok(())
}

fn record_change(
    connection: &Connection,
    now: Stamp,
    member: MemberId,
    source: &str,
    change: &FieldChange,
) -> rusqlite::Result<()> {
    connection
        .prepare_cached(
            "INSERT INTO change (at, member, source, field, old, new) VALUES (?1, ?2, ?3, ?4, ?5, ?6)",
        )?
        .execute((now, member, source, &change.field, &change.old, &change.new))?;
    Ok(())
}

#[cfg(test)]
mod model;
mod notices;
mod paper;

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_ledger_of_a_newer_version_is_refused() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("l.db");
        drop(Ledger::open(&path).unwrap());
        Connection::open(&path).unwrap().pragma_update(None, "user_version", 99).unwrap();
        assert!(matches!(Ledger::open(&path), Err(LedgerError::Newer { found: 99, .. })));
    }

    #[test]
    fn a_ledger_of_the_version_before_keeps_its_reviews_and_knows_what_was_sent() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("l.db");
        let before = Connection::open(&path).unwrap();
        for migration in &MIGRATIONS[..4] {
            before.execute_batch(migration).unwrap();
        }
        before.pragma_update(None, "user_version", 4).unwrap();
        before
            .execute_batch(
                "INSERT INTO member (id, name, added_at, changed_at) VALUES (1, 'Anna', 'x', 'x');
                 INSERT INTO delivery (issue, member, state, changed_at)
                     VALUES ('2026-1', 1, 'accepted', '2026-04-15T06:00:00Z');
                 INSERT INTO review VALUES ('2026-2', 'approved', '2026-11-01T06:00:00Z', '{}', 'digest', 7);",
            )
            .unwrap();
        drop(before);
        let ledger = Ledger::open(&path).unwrap();
        let review = |issue: &str, kind| ledger.review(&issue.parse().unwrap(), kind).unwrap();
        assert_eq!(review("2026-2", ReviewKind::Approved).unwrap().letters, 7);
        assert_eq!(review("2026-1", ReviewKind::SentToAll).unwrap().letters, 1);
        assert!(review("2026-2", ReviewKind::SentToAll).is_none());
    }

    #[test]
    fn a_copy_leaves_the_original_alone() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("l.db");
        drop(Ledger::open(&path).unwrap());
        let ledger = Ledger::temporary_copy(&path).unwrap();
        ledger.connection.execute("INSERT INTO field VALUES ('x')", ()).unwrap();
        let original = Ledger::open(&path).unwrap();
        let count: i64 =
            original.connection.query_row("SELECT count(*) FROM field", (), |row| row.get(0)).unwrap();
        assert_eq!(count, 0);
    }
}
