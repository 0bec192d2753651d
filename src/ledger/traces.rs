//! Every address that a member ever had.

use std::collections::BTreeSet;

use crate::domain::{MemberId, Traces};

use super::{Ledger, LedgerError};

impl Ledger {
    /// The member's addresses: the present one, those in the change history, and those to which letters were sent. An
    /// address that belongs to another member now is omitted.
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
