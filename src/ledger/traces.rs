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
        let found: Vec<Option<String>> = self.db.list(sql, [member], |row| row.get(0))?;
        let keys: BTreeSet<String> = found.into_iter().flatten().map(|text| text.to_lowercase()).collect();
        let is_anothers = "SELECT EXISTS (SELECT 1 FROM member WHERE address_key = ?1 AND id <> ?2)";
        let mut addresses = Vec::new();
        for key in keys.into_iter().filter(|key| key.contains('@')) {
            if !self.db.one::<bool>(is_anothers, (&key, member), |row| row.get(0))? {
                addresses.push(key);
            }
        }
        Ok(Traces { member, addresses })
    }
}
