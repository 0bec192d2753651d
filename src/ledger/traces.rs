//! Every address by which a member was ever known.

use std::collections::BTreeSet;

use crate::domain::{MemberId, Traces};

use super::{Ledger, LedgerError};

impl Ledger {
    /// The member's addresses: its own, those of the trace of changes, and those to which letters went. One that is
    /// another member's now is left out.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn traces(&self, member: MemberId) -> Result<Traces, LedgerError> {
        let sql = "SELECT address FROM member WHERE id = ?1
                   UNION SELECT old FROM change WHERE member = ?1 AND field = 'email'
                   UNION SELECT new FROM change WHERE member = ?1 AND field = 'email'
                   UNION SELECT address FROM delivery WHERE member = ?1
                   UNION SELECT address FROM bounce WHERE member = ?1";
        let mut statement = self.connection.prepare_cached(sql)?;
        let found = statement.query_map([member], |row| row.get::<_, Option<String>>(0))?;
        let found = found.collect::<Result<Vec<_>, _>>()?;
        let keys: BTreeSet<String> = found.into_iter().flatten().map(|text| text.to_lowercase()).collect();
        let mut is_anothers = self
            .connection
            .prepare_cached("SELECT EXISTS (SELECT 1 FROM member WHERE address_key = ?1 AND id <> ?2)")?;
        let mut addresses = Vec::new();
        for key in keys.into_iter().filter(|key| key.contains('@')) {
            if !is_anothers.query_row((&key, member), |row| row.get(0))? {
                addresses.push(key);
            }
        }
        Ok(Traces { member, addresses })
    }
}
