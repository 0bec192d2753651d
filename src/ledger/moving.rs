//! Moves a ledger from a file to a server, or back.

use std::collections::BTreeMap;

use super::db::{Db, Guard};
use super::{Ledger, LedgerError, LedgerPlace};

impl Ledger {
    /// Copies everything to another place, which must be empty, and compares both row by row. Returns the number of
    /// rows by table. The copy does not get what is recorded here afterwards.
    ///
    /// # Errors
    /// If the other ledger is in use or not empty, cannot be written, or differs afterwards.
    pub fn copy_to(&self, place: &LedgerPlace) -> Result<BTreeMap<&'static str, u64>, LedgerError> {
        let to = Db::open(place)?;
        let guard = Guard::new(place)?;
        let is_taken = guard.as_ref().map_or(Ok(true), |guard| guard.take("ledger copy"))?;
        if !is_taken || !to.is_empty()? {
            return Err(LedgerError::NotEmpty { place: place.to_string() });
        }
        self.db.copy_to(&to)?;
        let (expected, found) = (self.db.content()?, to.content()?);
        let differs = expected.iter().find(|(table, content)| found.get(*table) != Some(content));
        if let Some((table, _)) = differs {
            return Err(LedgerError::Differs { place: place.to_string(), table });
        }
        Ok(found.into_iter().map(|(table, content)| (table, content.rows)).collect())
    }
}
