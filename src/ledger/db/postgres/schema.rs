//! The schema on a server, with its version in a table.

use super::{PostgresSession, locks};
use crate::ledger::LedgerError;

/// The schema step by step, each with the version that it leads to; a released step is never changed.
const MIGRATIONS: [(i64, &str); 2] = [
    (10, include_str!("../../migrations/postgres/0010_schema.sql")),
    (11, include_str!("../../migrations/postgres/0011_hosts.sql")),
];

/// The version of the schema; `None` if there is none yet.
pub(super) fn version(session: &PostgresSession) -> Result<Option<i64>, LedgerError> {
    let exists = "SELECT to_regclass('schema_version') IS NOT NULL";
    let exists = session.query(exists, &[])?.first().is_some_and(|row| row.get(0));
    if !exists {
        return Ok(None);
    }
    Ok(session.query("SELECT max(version) FROM schema_version", &[])?.first().and_then(|row| row.get(0)))
}

/// Creates the schema, or migrates an older one to the newest version.
pub(super) fn migrate(session: &PostgresSession) -> Result<(), LedgerError> {
    let known = MIGRATIONS.last().map_or(0, |(version, _)| *version);
    if version(session)? == Some(known) {
        return Ok(());
    }
    session.batch(&format!("BEGIN; SELECT pg_advisory_xact_lock({})", locks::WRITERS))?;
    let done = session.without_limit(|| steps(session, known));
    session.batch(if done.is_ok() { "COMMIT" } else { "ROLLBACK" })?;
    done
}

fn steps(session: &PostgresSession, known: i64) -> Result<(), LedgerError> {
    let found = version(session)?.unwrap_or(0);
    if found > known {
        let count = |version| usize::try_from(version).unwrap_or(usize::MAX);
        let path = session.name.clone().into();
        return Err(LedgerError::Newer { path, found: count(found), known: count(known) });
    }
    for (version, step) in MIGRATIONS.into_iter().filter(|(version, _)| *version > found) {
        session.batch(step)?;
        session
            .batch(&format!("DELETE FROM schema_version; INSERT INTO schema_version VALUES ({version})"))?;
    }
    Ok(())
}
