//! The lock of a ledger on a server: one command at a time changes it, on any host.

#[cfg(feature = "postgres")]
use super::postgres;
use crate::domain::IssueName;
use crate::ledger::{LedgerError, LedgerPlace};

/// The lock of a ledger on a server, held by a session and valid for all hosts.
#[derive(Debug)]
pub(in crate::ledger) struct Guard {
    #[cfg(feature = "postgres")]
    session: Box<postgres::PostgresSession>,
}

#[cfg(feature = "postgres")]
impl Guard {
    /// A session that can take the lock; `None` if the ledger is a file.
    ///
    /// # Errors
    /// If the server cannot be reached, or if it is behind a pooler that shares sessions between transactions.
    pub fn new(place: &LedgerPlace) -> Result<Option<Self>, LedgerError> {
        let Some(server) = place.server() else { return Ok(None) };
        let session = Box::new(postgres::PostgresSession::open(server)?);
        session.refuse_pooler(&postgres::PostgresSession::open(server)?)?;
        Ok(Some(Self { session }))
    }

    /// Takes the lock; false if another session holds it. `note` says what the holder does.
    pub fn take(&self, note: &str) -> Result<bool, LedgerError> {
        self.session.lock(note)
    }

    /// Shares the lock with the hosts that send an issue; false if there are none.
    pub fn join(&self, issue: &IssueName, note: &str) -> Result<bool, LedgerError> {
        self.session.join(issue.as_str(), note)
    }

    /// Shares the lock with other hosts that send the same issue.
    pub fn share(&self) -> Result<(), LedgerError> {
        self.session.share()
    }

    /// The note of the lock's holder.
    pub fn holder(&self) -> Result<Option<String>, LedgerError> {
        self.session.holder()
    }

    /// Tells whether a session holds the lock, if that can be found out.
    pub fn is_held(place: &LedgerPlace) -> bool {
        let session = place.server().and_then(|server| postgres::PostgresSession::open(server).ok());
        session.is_some_and(|session| session.holder().is_ok_and(|holder| holder.is_some()))
    }
}

#[cfg(not(feature = "postgres"))]
impl Guard {
    /// `None`: the ledger is a file, or cannot be opened anyway.
    #[expect(clippy::unnecessary_wraps, reason = "with the feature `postgres` it can fail")]
    pub fn new(_: &LedgerPlace) -> Result<Option<Self>, LedgerError> {
        Ok(None)
    }

    /// Never called, since there is no guard.
    #[expect(
        clippy::unnecessary_wraps,
        clippy::unused_self,
        reason = "with the feature `postgres` it can fail"
    )]
    pub fn join(&self, _: &IssueName, _: &str) -> Result<bool, LedgerError> {
        Ok(false)
    }

    /// Never called, since there is no guard.
    #[expect(
        clippy::unnecessary_wraps,
        clippy::unused_self,
        reason = "with the feature `postgres` it can fail"
    )]
    pub fn share(&self) -> Result<(), LedgerError> {
        Ok(())
    }

    /// Never called, since there is no guard.
    #[expect(
        clippy::unnecessary_wraps,
        clippy::unused_self,
        reason = "with the feature `postgres` it can fail"
    )]
    pub fn take(&self, _: &str) -> Result<bool, LedgerError> {
        Ok(true)
    }

    /// Never called, since there is no guard.
    #[expect(
        clippy::unnecessary_wraps,
        clippy::unused_self,
        reason = "with the feature `postgres` it can fail"
    )]
    pub fn holder(&self) -> Result<Option<String>, LedgerError> {
        Ok(None)
    }

    /// False: no host can hold it.
    pub fn is_held(_: &LedgerPlace) -> bool {
        false
    }
}
