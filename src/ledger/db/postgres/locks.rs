//! Advisory locks: each ledger, which is a schema in a database, has its own.

use super::PostgresSession;
use crate::ledger::LedgerError;

/// Held by a transaction that writes.
pub(super) const WRITERS: &str = "hashtext(current_schema()), 1";
/// Held by a transaction that counts letters for a quota.
pub(super) const QUOTAS: &str = "hashtext(current_schema()), 3";
/// Held by a session that changes the ledger, while its command runs; hosts that send together share it.
const COMMAND: &str = "hashtext(current_schema()), 2";

/// The locks `l` of the host `?1` in `pg_locks`.
pub(super) const OF_HOST: &str = "l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
    AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
    AND l.classid::BIGINT = hashtext(current_schema())::BIGINT & 4294967295 AND l.objid::BIGINT = ?1 + 16";

/// Held by a host's session during its life.
pub(super) fn host(id: i64) -> String {
    format!("hashtext(current_schema()), {}::INT", id + 16)
}

impl PostgresSession {
    /// Takes the lock of a command that changes something, until the session ends; `note` says what the command does.
    /// False if another session holds it.
    ///
    /// # Errors
    /// If the server cannot be asked.
    pub fn lock(&self, note: &str) -> Result<bool, LedgerError> {
        let sql = format!("SELECT pg_try_advisory_lock({COMMAND})");
        let is_taken = self.query(&sql, &[])?.first().is_some_and(|row| row.get(0));
        if is_taken {
            self.set_note(note)?;
        }
        Ok(is_taken)
    }

    /// Shares the lock with the hosts that send an issue; false if there are none, or another command holds the lock.
    ///
    /// # Errors
    /// If the server cannot be asked.
    pub fn join(&self, issue: &str, note: &str) -> Result<bool, LedgerError> {
        let sql = format!("SELECT pg_try_advisory_lock_shared({COMMAND})");
        if !self.query(&sql, &[])?.first().is_some_and(|row| row.get(0)) {
            return Ok(false);
        }
        let is_sent = !self.contents(issue)?.is_empty();
        if is_sent {
            self.set_note(note)?;
        } else {
            self.batch(&format!("SELECT pg_advisory_unlock_shared({COMMAND})"))?;
        }
        Ok(is_sent)
    }

    /// Shares the lock of commands as the session of a host that sends an issue.
    ///
    /// # Errors
    /// If another command has it, or the server cannot be asked.
    pub fn share_as_host(&self, issue: &str) -> Result<(), LedgerError> {
        let sql = format!("SELECT pg_try_advisory_lock_shared({COMMAND})");
        if !self.query(&sql, &[])?.first().is_some_and(|row| row.get(0)) {
            let holder = self.holder()?.unwrap_or_else(|| "another command".to_owned());
            return Err(LedgerError::Held { holder });
        }
        self.set_note(&format!("send {issue}"))
    }

    /// Shares the lock that this session holds alone.
    ///
    /// # Errors
    /// If the server cannot be asked.
    pub fn share(&self) -> Result<(), LedgerError> {
        self.batch(&format!(
            "SELECT pg_advisory_lock_shared({COMMAND}); SELECT pg_advisory_unlock({COMMAND})"
        ))
    }

    fn set_note(&self, note: &str) -> Result<(), LedgerError> {
        // The server stores 63 bytes of a name.
        let name: String = format!("medlemsbrev: {note}").replace('\'', "").chars().take(60).collect();
        self.batch(&format!("SET application_name = '{name}'"))
    }

    /// The note of the lock's holder, if there is one.
    ///
    /// # Errors
    /// If the server cannot be asked.
    pub fn holder(&self) -> Result<Option<String>, LedgerError> {
        let sql = "SELECT coalesce(a.application_name, '') || coalesce(' on ' || host(a.client_addr), '')
                   FROM pg_locks l JOIN pg_stat_activity a ON a.pid = l.pid
                   WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
                   AND l.database = (SELECT oid FROM pg_database WHERE datname = current_database())
                   AND l.classid::BIGINT = hashtext(current_schema())::BIGINT & 4294967295 AND l.objid = 2 LIMIT 1";
        Ok(self.query(sql, &[])?.first().map(|row| row.get(0)))
    }

    /// The server process that works for this session at the moment.
    fn backend(&self) -> Result<i32, LedgerError> {
        let found = self.with(|client| client.query("SELECT pg_backend_pid()", &[]))?;
        Ok(found.first().map_or(0, |row| row.get(0)))
    }

    /// Fails if there is a pooler before the server that shares sessions between transactions, such as `PgBouncer` in
    /// transaction mode: a session's advisory locks would belong to other programs. `other` is a second session to
    /// the same server.
    ///
    /// # Errors
    /// If a session's process changes, or if both sessions have the same.
    pub fn refuse_pooler(&self, other: &Self) -> Result<(), LedgerError> {
        let before = self.backend()?;
        other.batch("BEGIN")?;
        let others = other.backend();
        let now = self.backend();
        other.batch("ROLLBACK")?;
        let others = others?;
        if before == others || now? != before {
            return Err(LedgerError::Pooler { server: self.name.clone() });
        }
        Ok(())
    }
}
