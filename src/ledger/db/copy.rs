//! Copies all rows of one database to another, for a dry run or to move a ledger.

#[cfg(any(feature = "postgres", test))]
use std::collections::BTreeMap;

#[cfg(any(feature = "postgres", test))]
use aws_lc_rs::digest::{SHA256, digest};

use super::{Db, ResultRow, Value};
use crate::ledger::LedgerError;

/// All tables; a table comes after those that it refers to.
pub(super) const TABLES: [&str; 22] = [
    "member",
    "field",
    "import",
    "change",
    "suppression",
    "delivery",
    "bounce",
    "forgotten",
    "forgotten_salt",
    "handed_over",
    "review",
    "run",
    "server",
    "approved_member",
    "told",
    "opted_out",
    "held",
    "register_fact",
    "notice",
    "paper",
    "frozen",
    "mailed_report",
];
/// Columns that matter only while hosts are sending.
const OF_HOSTS: [&str; 3] = ["host", "reserved_by", "reserved_until"];
/// The tables that assign ids to their rows.
const NUMBERED: [&str; 4] = ["member", "run", "import", "change"];

/// The content of one table: its number of rows, and a digest that does not depend on their order.
#[cfg(any(feature = "postgres", test))]
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(in crate::ledger) struct TableContent {
    pub rows: u64,
    digest: [u64; 4],
}

#[cfg(any(feature = "postgres", test))]
impl TableContent {
    fn add(&mut self, row: &str) {
        self.rows += 1;
        let digest = digest(&SHA256, row.as_bytes());
        // A sum does not depend on the order, which differs between the databases.
        for (sum, lane) in self.digest.iter_mut().zip(digest.as_ref().chunks_exact(8)) {
            let lane = lane.iter().fold(0, |number, byte| number << 8 | u64::from(*byte));
            *sum = sum.wrapping_add(lane);
        }
    }
}

/// The columns that move with a ledger.
fn columns<'a>(row: &'a ResultRow<'_>) -> Vec<&'a str> {
    row.names().into_iter().filter(|name| !OF_HOSTS.contains(name)).collect()
}

impl Db {
    /// Replaces everything in `to`, which nobody else may use, with the present content.
    ///
    /// # Errors
    /// If a row cannot be read or written; then `to` stays as it is.
    pub fn copy_to(&self, to: &Self) -> Result<(), LedgerError> {
        let snapshot = self.snapshot()?;
        let transaction = to.begin()?;
        let copied = to.without_triggers(|| {
            TABLES
                .iter()
                .rev()
                .try_for_each(|table| to.execute(&format!("DELETE FROM {table}"), ()).map(drop))?;
            TABLES.iter().try_for_each(|table| self.copy_table(to, table))?;
            NUMBERED.iter().try_for_each(|table| to.set_last_id(table, self.last_id(table)?))
        });
        copied?;
        transaction.commit()?;
        drop(snapshot);
        Ok(())
    }

    fn copy_table(&self, to: &Self, table: &str) -> Result<(), LedgerError> {
        let mut insert = String::new();
        self.each(&format!("SELECT * FROM {table}"), (), |row| {
            let names = columns(row);
            if insert.is_empty() {
                let places: Vec<String> = (1..=names.len()).map(|place| format!("?{place}")).collect();
                insert = format!("INSERT INTO {table} ({}) VALUES ({})", names.join(", "), places.join(", "));
            }
            // The columns for hosts are the last ones of a table.
            let values = (0..names.len()).map(|index| row.value(index));
            let values: Vec<Value<'_>> = values.collect::<Result<_, _>>()?;
            to.execute(&insert, values.as_slice()).map(drop)
        })
    }

    /// Tells whether nothing has ever been recorded here.
    ///
    /// # Errors
    /// If a table cannot be read.
    #[cfg(any(feature = "postgres", test))]
    pub fn is_empty(&self) -> Result<bool, LedgerError> {
        // The salt exists from the start.
        for table in TABLES.into_iter().filter(|table| *table != "forgotten_salt") {
            if self.one(&format!("SELECT EXISTS (SELECT 1 FROM {table})"), (), |row| row.get(0))? {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// The content of each table.
    ///
    /// # Errors
    /// If a row cannot be read.
    #[cfg(any(feature = "postgres", test))]
    pub fn content(&self) -> Result<BTreeMap<&'static str, TableContent>, LedgerError> {
        let snapshot = self.snapshot()?;
        let mut tables = BTreeMap::new();
        for table in TABLES {
            let mut content = TableContent::default();
            self.each(&format!("SELECT * FROM {table}"), (), |row| {
                let mut values = BTreeMap::new();
                for (index, name) in columns(row).into_iter().enumerate() {
                    values.insert(name.to_owned(), row.value(index)?);
                }
                content.add(&format!("{values:?}"));
                Ok::<_, LedgerError>(())
            })?;
            tables.insert(table, content);
        }
        drop(snapshot);
        Ok(tables)
    }
}

#[cfg(test)]
mod tests {
    use super::super::sqlite;

    #[test]
    fn a_copy_has_the_same_content_and_reuses_no_id() {
        let dir = tempfile::tempdir().unwrap();
        let open = |name: &str| sqlite::open(&dir.path().join(name)).unwrap();
        let (from, to) = (open("from.db"), open("to.db"));
        from.batch(
            "INSERT INTO member (id, name, fields, added_at, changed_at) VALUES
                 (1, 'Åsa', '{\"ort\":\"Ekerö\"}', 'x', 'x'), (2, 'Bo', '{}', 'x', 'x'), (3, 'Cia', '{}', 'x', 'x');
             INSERT INTO delivery (issue, member, state, changed_at) VALUES ('2026-1', 1, 'queued', 'x');
             INSERT INTO change (at, member, source, field) VALUES ('x', 1, 'x', 'x');
             UPDATE delivery SET state = 'accepted';
             DELETE FROM member WHERE id = 3",
        )
        .unwrap();
        assert_ne!(from.content().unwrap(), to.content().unwrap());
        assert!(to.is_empty().unwrap() && !from.is_empty().unwrap());
        from.copy_to(&to).unwrap();
        assert_eq!(from.content().unwrap(), to.content().unwrap());
        let sql = "INSERT INTO member (name, added_at, changed_at) VALUES ('Dan', 'x', 'x') RETURNING id";
        assert_eq!(to.one(sql, (), |row| row.get::<i64>(0)).unwrap(), 4);
        to.batch(
            "INSERT INTO delivery (issue, member, state, changed_at) VALUES ('2026-1', 2, 'sending', 'x')",
        )
        .expect_err("the triggers are back");
        assert_eq!(to.content().unwrap()["member"].rows, 3);
    }
}
