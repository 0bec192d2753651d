//! Operations that only a database on a server supports: several hosts at once.

use std::collections::BTreeMap;

use super::{Db, Transaction};
use crate::domain::{IssueName, MemberId};
use crate::ledger::LedgerError;
use crate::ledger::hosts::HostRow;

/// Calls the server's session, or returns the value for a file with its only host.
macro_rules! on_server {
    ($db:expr, |$session:ident| $work:expr, $alone:expr) => {
        match $db {
            Db::Sqlite(_) => $alone,
            #[cfg(feature = "postgres")]
            Db::Postgres($session) => $work,
        }
    };
}

#[cfg_attr(
    not(feature = "postgres"),
    expect(unused_variables, clippy::unnecessary_wraps, reason = "a file has one host")
)]
impl Db {
    /// Tells whether several hosts may use the ledger.
    pub fn is_shared(&self) -> bool {
        on_server!(self, |_session| true, false)
    }

    /// The host that claims letters over this connection.
    pub fn host(&self) -> Option<i64> {
        on_server!(self, |session| session.host(), None)
    }

    /// Claims letters for a host whose life is tied to another connection.
    pub fn set_host(&self, host: Option<i64>) {
        on_server!(self, |session| session.set_host(host), ());
    }

    pub fn contents(&self, issue: &IssueName) -> Result<Vec<String>, LedgerError> {
        on_server!(self, |session| session.contents(issue.as_str()), Ok(Vec::new()))
    }

    pub fn register(&self, name: &str, issue: &IssueName, content: &str) -> Result<(), LedgerError> {
        on_server!(self, |session| session.register(name, issue.as_str(), content), Ok(()))
    }

    /// Ends the session of a host, if the server still has it.
    pub fn end_session(&self, host: Option<i64>) -> Result<(), LedgerError> {
        on_server!(self, |session| session.end_session(host), Ok(()))
    }

    /// Tells whether this connection's host may still claim.
    pub fn is_alive(&self) -> Result<bool, LedgerError> {
        on_server!(self, |session| session.is_alive(), Ok(true))
    }

    pub fn bury(&self, now: &str) -> Result<BTreeMap<String, u64>, LedgerError> {
        on_server!(self, |session| session.bury(now), Ok(BTreeMap::new()))
    }

    pub fn doubt_ownerless(&self, now: &str) -> Result<usize, LedgerError> {
        on_server!(self, |session| session.doubt_ownerless(now), Ok(0))
    }

    pub fn reserve(&self, select: &str, issue: &IssueName, limit: usize) -> Result<Vec<i64>, LedgerError> {
        on_server!(self, |session| session.reserve(select, issue.as_str(), limit), Ok(Vec::new()))
    }

    pub fn reserve_one(&self, issue: &IssueName, member: MemberId) -> Result<bool, LedgerError> {
        on_server!(self, |session| session.reserve_one(issue.as_str(), member.0), Ok(true))
    }

    pub fn free(&self, issue: &IssueName, member: MemberId) -> Result<(), LedgerError> {
        on_server!(self, |session| session.free(issue.as_str(), member.0), Ok(()))
    }

    pub fn others_have_work(&self, issue: &IssueName) -> Result<bool, LedgerError> {
        on_server!(self, |session| session.others_have_work(issue.as_str()), Ok(false))
    }

    pub fn seen(&self) -> Result<(), LedgerError> {
        on_server!(self, |session| session.seen(), Ok(()))
    }

    pub fn hosts(&self, issue: &IssueName) -> Result<Vec<HostRow>, LedgerError> {
        on_server!(self, |session| session.hosts(issue.as_str()), Ok(Vec::new()))
    }

    /// Waits for other hosts that are counting letters.
    pub fn lock_quotas(&self) -> Result<(), LedgerError> {
        on_server!(self, |session| session.lock_quotas(), Ok(()))
    }

    /// The server's clock in milliseconds since 1970; `None` if only this machine's clock matters.
    pub fn clock(&self) -> Result<Option<i64>, LedgerError> {
        on_server!(self, |session| session.clock().map(Some), Ok(None))
    }

    /// Tells the server that a table has grown, so that it plans statements for many rows.
    pub fn has_grown(&self, table: &str) -> Result<(), LedgerError> {
        on_server!(self, |session| session.batch(&format!("ANALYZE {table}")), Ok(()))
    }

    /// Begins a transaction that claims and settles letters while other hosts do the same.
    pub fn begin_beside(&self) -> Result<Transaction<'_>, LedgerError> {
        on_server!(
            self,
            |session| {
                session.begin_beside()?;
                Ok(Transaction { db: self, is_open: true })
            },
            self.begin()
        )
    }
}
