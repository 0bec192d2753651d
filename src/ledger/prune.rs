//! What was kept long enough.

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
    /// Takes away what bounces said and what was changed before `before`. Deliveries stay, for nobody is mailed twice;
    /// suppressions stay; of a bounce its digest stays, so that a message is not read again.
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
