//! Hosts that send one issue together. A host lives as long as the session that claims for it: the session holds the
//! host's advisory lock, so a claim whose commit was answered was made by a living host.

use std::collections::BTreeMap;

use ::tokio_postgres::Row;

use super::{PostgresSession, TransactionState, locks};
use crate::ledger::LedgerError;
use crate::ledger::db::ToValue;
use crate::ledger::hosts::HostRow;

/// How many seconds letters stay reserved for a host. The claim checks again, so that a host that was stopped
/// meanwhile sends none twice.
const RESERVED_FOR: u32 = 120;
/// The note on a letter that was in transit when its host died.
const CUT_OFF: &str = "the run was cut off while the letter was on its way";

impl PostgresSession {
    /// The host that this session claims letters for.
    pub fn host(&self) -> Option<i64> {
        self.host.get()
    }

    /// Claims letters for a host whose life is tied to another session of this process.
    pub fn set_host(&self, host: Option<i64>) {
        self.host.set(host);
    }

    /// Registers a new host whose life is tied to this session.
    pub fn register(&self, name: &str, issue: &str, content: &str) -> Result<(), LedgerError> {
        self.batch("BEGIN")?;
        self.transaction.set(TransactionState::Open);
        let sql = "INSERT INTO host (name, issue, content) VALUES (?1, ?2, ?3) RETURNING id";
        let registered = self.query(sql, &[name.to_value(), issue.to_value(), content.to_value()]);
        let locked = registered.and_then(|rows| {
            let id: i64 = rows.first().map_or(0, |row| row.get(0));
            // Before the row becomes visible: a row without a lock belongs to a dead host.
            self.batch(&format!("SELECT pg_advisory_lock({})", locks::host(id)))?;
            self.share_as_host(issue)?;
            self.commit()?;
            self.host.set(Some(id));
            Ok(())
        });
        if locked.is_err() {
            self.roll_back();
        }
        locked
    }

    /// Ends the session of a host of this process, which the server may not know yet to be lost.
    pub fn end_session(&self, host: Option<i64>) -> Result<(), LedgerError> {
        let sql = format!("SELECT pg_terminate_backend(l.pid) FROM pg_locks l WHERE {}", locks::OF_HOST);
        self.query(&sql, &[host.to_value()]).map(drop)
    }

    /// The digests registered by the living hosts of an issue.
    pub fn contents(&self, issue: &str) -> Result<Vec<String>, LedgerError> {
        let sql = "SELECT content FROM host WHERE issue = ?1 AND ended_at IS NULL ORDER BY id";
        Ok(self.query(sql, &[issue.to_value()])?.iter().map(|row| row.get(0)).collect())
    }

    /// Tells whether this session's host has not been found dead.
    pub fn is_alive(&self) -> Result<bool, LedgerError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM host WHERE id = ?1 AND ended_at IS NULL)";
        Ok(self.query(sql, &[self.host().to_value()])?.first().is_some_and(|row| row.get(0)))
    }

    /// Ends the hosts whose lock nobody holds, each in one transaction: their letters in transit are in doubt, and
    /// their reservations are released. Returns the number of letters in doubt by issue.
    pub fn bury(&self, now: &str) -> Result<BTreeMap<String, u64>, LedgerError> {
        let open = "SELECT id FROM host WHERE ended_at IS NULL AND id IS DISTINCT FROM ?1 ORDER BY id";
        let hosts: Vec<i64> =
            self.query(open, &[self.host().to_value()])?.iter().map(|row| row.get(0)).collect();
        let mut doubted = BTreeMap::new();
        for host in hosts {
            self.batch("BEGIN")?;
            self.transaction.set(TransactionState::Open);
            let done = self.bury_one(host, now, &mut doubted);
            match done {
                Ok(()) => self.commit()?,
                Err(error) => {
                    self.roll_back();
                    return Err(error);
                }
            }
        }
        Ok(doubted)
    }

    fn bury_one(&self, host: i64, now: &str, doubted: &mut BTreeMap<String, u64>) -> Result<(), LedgerError> {
        let lock = format!("SELECT pg_try_advisory_xact_lock({})", locks::host(host));
        let is_dead = self.with(|client| client.query(lock.as_str(), &[]))?;
        if !is_dead.first().is_some_and(|row| row.get(0)) {
            return Ok(());
        }
        let sql = "UPDATE delivery SET state = 'in_doubt', changed_at = ?2, reply = ?3
                   WHERE host = ?1 AND state = 'sending' RETURNING issue, message_id";
        let rows = self.query(sql, &[host.to_value(), now.to_value(), CUT_OFF.to_value()])?;
        let letters: std::collections::BTreeSet<(String, String)> =
            rows.iter().map(|row| (row.get(0), row.get(1))).collect();
        letters.into_iter().for_each(|(issue, _)| *doubted.entry(issue).or_default() += 1);
        let free = "UPDATE delivery SET reserved_by = NULL, reserved_until = NULL WHERE reserved_by = ?1";
        self.execute(free, &[host.to_value()])?;
        self.execute("UPDATE host SET ended_at = now() WHERE id = ?1", &[host.to_value()])?;
        Ok(())
    }

    /// Marks letters as in doubt that are in transit without a host, as after a copy from a file.
    pub fn doubt_ownerless(&self, now: &str) -> Result<usize, LedgerError> {
        let sql = "UPDATE delivery SET state = 'in_doubt', changed_at = ?1, reply = ?2
                   WHERE state = 'sending' AND host IS NULL";
        self.execute(sql, &[now.to_value(), CUT_OFF.to_value()])
    }

    /// Reserves rows of `select`, which selects the members of deliveries `d` and locks them; returns the members.
    pub fn reserve(&self, select: &str, issue: &str, limit: usize) -> Result<Vec<i64>, LedgerError> {
        let host = self.host().unwrap_or_default();
        let sql = format!(
            // As a subquery of the UPDATE, the page might be selected again for each row.
            "WITH page AS MATERIALIZED ({select} AND (d.reserved_by IS NULL OR d.reserved_until < now())
                 ORDER BY d.member LIMIT ?2 FOR UPDATE OF d SKIP LOCKED)
             UPDATE delivery SET reserved_by = {host}, reserved_until = now() + INTERVAL '{RESERVED_FOR} seconds'
             FROM page WHERE delivery.issue = ?1 AND delivery.member = page.member RETURNING delivery.member"
        );
        let rows = self.query(&sql, &[issue.to_value(), limit.to_value()])?;
        let mut members: Vec<i64> = rows.iter().map(|row| row.get(0)).collect();
        members.sort_unstable();
        Ok(members)
    }

    /// Reserves a letter that was tried before; false if another host has reserved it.
    pub fn reserve_one(&self, issue: &str, member: i64) -> Result<bool, LedgerError> {
        let host = self.host().unwrap_or_default();
        let sql = format!(
            "UPDATE delivery SET reserved_by = {host}, reserved_until = now() + INTERVAL '{RESERVED_FOR} seconds'
             WHERE issue = ?1 AND member = ?2 AND state IN ('queued', 'deferred')
             AND (reserved_by IS NULL OR reserved_by = {host} OR reserved_until < now())"
        );
        Ok(self.execute(&sql, &[issue.to_value(), member.to_value()])? > 0)
    }

    /// Releases a letter that this host does not send.
    pub fn free(&self, issue: &str, member: i64) -> Result<(), LedgerError> {
        let sql = "UPDATE delivery SET reserved_by = NULL, reserved_until = NULL
                   WHERE issue = ?1 AND member = ?2 AND reserved_by = ?3";
        self.execute(sql, &[issue.to_value(), member.to_value(), self.host().to_value()]).map(drop)
    }

    /// Tells whether open letters are reserved for other hosts.
    pub fn others_have_work(&self, issue: &str) -> Result<bool, LedgerError> {
        let sql = "SELECT EXISTS (SELECT 1 FROM delivery WHERE issue = ?1 AND state IN ('queued', 'deferred')
                   AND attempts = 0 AND reserved_by <> ?2 AND reserved_until > now())";
        let rows = self.query(sql, &[issue.to_value(), self.host().to_value()])?;
        Ok(rows.first().is_some_and(|row| row.get(0)))
    }

    /// Records a sign of life.
    pub fn seen(&self) -> Result<(), LedgerError> {
        self.execute("UPDATE host SET seen_at = now() WHERE id = ?1", &[self.host().to_value()]).map(drop)
    }

    /// The hosts of an issue, the newest last.
    pub fn hosts(&self, issue: &str) -> Result<Vec<HostRow>, LedgerError> {
        let sql = "SELECT name, sent.letters, ended_at IS NULL AND EXISTS (
                       SELECT 1 FROM pg_locks l WHERE l.locktype = 'advisory' AND l.granted AND l.objsubid = 2
                       AND l.classid::BIGINT = hashtext(current_schema())::BIGINT & 4294967295
                       AND l.objid::BIGINT = h.id + 16),
                   to_char(seen_at AT TIME ZONE 'UTC', 'YYYY-MM-DD\"T\"HH24:MI:SS\"Z\"'),
                   round(sent.letters * 60 / greatest(extract(epoch FROM seen_at - began_at), 1))::BIGINT
                   FROM host h CROSS JOIN LATERAL (
                       SELECT count(DISTINCT d.message_id) AS letters FROM delivery d
                       WHERE d.issue = h.issue AND d.host = h.id) sent
                   WHERE issue = ?1 ORDER BY id";
        self.query(sql, &[issue.to_value()])?.iter().map(host_row).collect()
    }

    /// Waits for other hosts that are counting letters, and holds the lock until this transaction ends.
    pub fn lock_quotas(&self) -> Result<(), LedgerError> {
        self.batch(&format!("SELECT pg_advisory_xact_lock({})", locks::QUOTAS))
    }

    /// The database's clock, in milliseconds since 1970.
    pub fn clock(&self) -> Result<i64, LedgerError> {
        let sql = "SELECT (extract(epoch FROM clock_timestamp()) * 1000)::BIGINT";
        Ok(self.query(sql, &[])?.first().map_or(0, |row| row.get(0)))
    }

    /// Begins a transaction of a host that claims letters: other hosts may do so too, but commands that change the
    /// whole ledger may not.
    pub fn begin_beside(&self) -> Result<(), LedgerError> {
        self.batch(&format!("BEGIN; SELECT pg_advisory_xact_lock_shared({})", locks::WRITERS))
            .inspect_err(|_| drop(self.batch("ROLLBACK")))?;
        self.transaction.set(TransactionState::Open);
        Ok(())
    }
}

fn host_row(row: &Row) -> Result<HostRow, LedgerError> {
    let text: String = row.get(3);
    let seen = text.parse().map_err(|error| LedgerError::Corrupt(format!("`{text}`: {error}")))?;
    let count = |index: usize| u64::try_from(row.get::<_, i64>(index)).unwrap_or_default();
    Ok(HostRow { name: row.get(0), letters: count(1), is_alive: row.get(2), seen, per_minute: count(4) })
}
