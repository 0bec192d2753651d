//! Deletes old data.

use jiff::Timestamp;
use serde::Serialize;

use super::types::Stamp;
use super::{Ledger, LedgerError};

/// How much was deleted.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Pruned {
    pub bounces: u64,
    pub changes: u64,
}

impl Ledger {
    /// Deletes bounce texts and change history from before `before`. Deliveries stay, so that nobody is mailed twice,
    /// and so do suppressions and the digests of bounces, so that no message is read again.
    ///
    /// # Errors
    /// If the ledger cannot be written; then nothing is deleted.
    pub fn prune(&self, before: Timestamp) -> Result<Pruned, LedgerError> {
        let transaction = self.begin()?;
        let before = Stamp(before);
        let bounces = transaction.execute(
            "UPDATE bounce SET file = '', address = NULL, status = NULL, reason = NULL, diagnostic = NULL
             WHERE at < ?1 AND file <> ''",
            [&before],
        )?;
        let changes = transaction.execute("DELETE FROM change WHERE at < ?1", [&before])?;
        transaction.commit()?;
        Ok(Pruned { bounces: bounces as u64, changes: changes as u64 })
    }
}
