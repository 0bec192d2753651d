//! The durable store: register, deliveries, bounces and the history of changes, in one `SQLite` file or on a
//! `PostgreSQL` server. Only `db` knows which.
//!
//! Everything that must survive a crash goes through here. While letters are in transit, only [`LedgerWriter`]
//! changes deliveries; it commits in groups.

mod bounces;
mod claims;
mod db;
mod deliveries;
mod forgotten;
mod frozen;
mod held;
mod hosts;
mod import;
mod lock;
mod members;
#[cfg(feature = "postgres")]
mod moving;
mod place;
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

use std::path::PathBuf;

use crate::domain::MemberId;

use db::sqlite::{Durable, with_end};
use db::{Db, Transaction};
use types::Stamp;

pub use bounces::{AddressCorrection, BounceAction, BounceRecord};
pub use claims::{Attempt, Claim, Claimed, Refusal, RunId, Settled};
pub use db::DbError;
pub use deliveries::{DeliveryRow, Requeued};
pub use frozen::MailedReport;
pub use held::HeldMember;
pub use hosts::{HostRow, Part};
pub use import::{Difference, FieldChange, ImportRun, LastImport, PendingImport};
pub use lock::{Lock, LockError};
pub use members::MemberRow;
pub use paper::OnPaper;
pub use place::{DatabaseServer, LedgerPlace};
pub use prune::Pruned;
pub use register::History;
pub use reviews::{Review, ReviewKind};
pub use scratch::Scratch;
pub use summary::{Coverage, IssueSummary, MOST_VALUES, NotReached, Reached};
pub use survey::{MemberCounts, MemberStanding, Skip};
pub use writer::{LedgerWriter, Settling, WriterHandle};

/// An open ledger.
#[derive(Debug)]
pub struct Ledger {
    db: Db,
    place: LedgerPlace,
    durable: Durable,
    /// How this host takes part in sending, if several can.
    part: Option<Part>,
}

/// Why the ledger cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum LedgerError {
    #[error("the ledger `{path}`: {source}")]
    Open { path: PathBuf, source: DbError },
    #[error("the ledger on `{server}`: {reason}")]
    Server { server: String, reason: String },
    #[error("the ledger on `{server}`: this program was built without PostgreSQL")]
    NoServers { server: String },
    #[error("the ledger on `{server}`: a pooler lends out sessions by the transaction")]
    Pooler { server: String },
    #[error("the ledger at `{place}` is not empty")]
    NotEmpty { place: String },
    #[error("the copy at `{place}` differs in the table `{table}`")]
    Differs { place: String, table: &'static str },
    #[error("other hosts send this issue with another {what}")]
    HostsDiffer { what: String },
    #[error("cannot make the folder `{path}`: {source}")]
    Folder { path: PathBuf, source: std::io::Error },
    #[error(
        "the ledger `{path}` was created by a newer version of this program (schema {found}, known {known})"
    )]
    Newer { path: PathBuf, found: usize, known: usize },
    #[error("the ledger could not be read or written: {0}")]
    Database(#[from] DbError),
    #[error("the ledger contains an invalid value: {0}")]
    Corrupt(String),
    #[error("the members of the list were renumbered ({examples}); nothing was changed")]
    Renumbered { examples: String },
    #[error("the ledger could not be written: {0}")]
    Commit(String),
    #[error("the ledger's server is gone: {0}")]
    Gone(String),
    #[error("another run is in progress: {holder}")]
    Held { holder: String },
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
    /// Opens the ledger at `place`, creating or migrating it if necessary.
    ///
    /// # Errors
    /// If it cannot be opened or is from a newer version.
    pub fn open(place: impl Into<LedgerPlace>) -> Result<Self, LedgerError> {
        let place = place.into();
        Ok(Self { db: Db::open(&place)?, place, durable: Durable::Yes, part: None })
    }

    /// Opens an existing ledger; `None` if there is none yet.
    ///
    /// # Errors
    /// If it cannot be opened or is from a newer version.
    pub fn open_existing(place: impl Into<LedgerPlace>) -> Result<Option<Self>, LedgerError> {
        let place = place.into();
        let db = Db::open_existing(&place)?;
        Ok(db.map(|db| Self { db, place, durable: Durable::Yes, part: None }))
    }

    /// A copy of the ledger at `of` for this process only, which does not affect the original. It is in memory, or
    /// beyond some megabytes in an unnamed file, so that nothing is left if the process dies.
    ///
    /// # Errors
    /// If the ledger cannot be read or the copy cannot be written.
    pub fn temporary_copy(of: impl Into<LedgerPlace>) -> Result<Self, LedgerError> {
        let place = of.into();
        Ok(Self { db: Db::temporary_copy(&place)?, place, durable: Durable::No, part: None })
    }

    /// Opens an existing ledger for reading only; `None` if there is none yet. It need not be writable.
    ///
    /// # Errors
    /// If it cannot be read or is from a newer version.
    pub fn open_for_reading(place: impl Into<LedgerPlace>) -> Result<Option<Self>, LedgerError> {
        let place = place.into();
        match Self::open_existing(&place) {
            Err(LedgerError::Open { .. } | LedgerError::Database(_)) if place.server().is_none() => {
                Self::temporary_copy(place).map(Some)
            }
            opened => opened,
        }
    }

    /// Returns where the ledger is.
    pub fn place(&self) -> &LedgerPlace {
        &self.place
    }

    /// Begins a transaction that may write: the data that it reads cannot change before it writes.
    fn begin(&self) -> Result<Transaction<'_>, LedgerError> {
        self.db.begin()
    }
}

impl LedgerError {
    /// Tells whether another program holds the ledger.
    fn is_busy(&self) -> bool {
        matches!(self, Self::Database(error) if error.is_busy())
    }

    /// Tells whether it may be over if a run waits: a server may start again, another command ends.
    pub fn may_pass(&self) -> bool {
        self.is_gone() || matches!(self, Self::Server { .. } | Self::Held { .. })
    }

    /// Tells whether the session with a server has ended; a run can wait for the server and open another one.
    pub fn is_gone(&self) -> bool {
        match self {
            Self::Database(error) => error.is_gone(),
            Self::Gone(_) => true,
            _ => false,
        }
    }
}

fn record_change(
    db: &Db,
    now: Stamp,
    member: MemberId,
    source: &str,
    change: &FieldChange,
) -> Result<(), LedgerError> {
    let sql = "INSERT INTO change (at, member, source, field, old, new) VALUES (?1, ?2, ?3, ?4, ?5, ?6)";
    db.execute(sql, (now, member, source, &change.field, &change.old, &change.new))?;
    Ok(())
}

#[cfg(test)]
mod hosts_model;
#[cfg(test)]
mod model;
mod notices;
mod paper;

#[cfg(test)]
mod tests {
    use super::db::sqlite;
    use super::*;

    #[test]
    fn a_ledger_of_the_previous_version_keeps_its_reviews_and_sent_issues() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("l.db");
        sqlite::tests::write_older(
            &path,
            4,
                "INSERT INTO member (id, name, added_at, changed_at) VALUES (1, 'Anna', 'x', 'x');
                 INSERT INTO delivery (issue, member, state, changed_at)
                     VALUES ('2026-1', 1, 'accepted', '2026-04-15T06:00:00Z');
                 INSERT INTO review VALUES ('2026-2', 'approved', '2026-11-01T06:00:00Z', '{}', 'digest', 7);",
        );
        let ledger = Ledger::open(&path).unwrap();
        let review = |issue: &str, kind| ledger.review(&issue.parse().unwrap(), kind).unwrap();
        assert_eq!(review("2026-2", ReviewKind::Approved).unwrap().letters, 7);
        assert_eq!(review("2026-1", ReviewKind::SentToAll).unwrap().letters, 1);
        assert!(review("2026-2", ReviewKind::SentToAll).is_none());
    }

    #[test]
    fn a_copy_does_not_change_the_original() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("l.db");
        drop(Ledger::open(&path).unwrap());
        let ledger = Ledger::temporary_copy(&path).unwrap();
        ledger.db.execute("INSERT INTO field VALUES ('x')", ()).unwrap();
        let original = Ledger::open(&path).unwrap();
        let count: i64 = original.db.one("SELECT count(*) FROM field", (), |row| row.get(0)).unwrap();
        assert_eq!(count, 0);
    }
}
