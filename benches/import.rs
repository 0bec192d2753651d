//! The import of a member list into a new register, compared with a plain loop of `csv` and a prepared `SQLite`
//! statement in one transaction: `cargo bench --bench import`. The plain loops do not check, compare or merge
//! anything; one fills its own table, the other the register's, with its indexes and journal.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench that can't go on fails")]

use std::collections::{BTreeMap, BTreeSet};
use std::fmt::Write as _;
use std::path::Path;

use divan::Bencher;
use jiff::Timestamp;
use medlemsbrev::domain::IdentityKey;
use medlemsbrev::import::{Options, Plan, Sheet};
use medlemsbrev::ledger::{ImportRun, Ledger};

fn main() {
    divan::main();
}

const ROWS: [usize; 3] = [1_000, 100_000, 1_000_000];

fn list(rows: usize) -> String {
    let mut text = "Medlemsnr;Namn;E-post;Förening;Typ;Område;Språk\n".to_owned();
    for number in 1..=rows {
        let group = number % 500;
        writeln!(text, "{number};Åsa Medlem {number};m{number}@example.org;Byalaget {group};byalag;stad;sv")
            .unwrap();
    }
    text
}

#[divan::bench(args = ROWS, sample_count = 5)]
fn import(bencher: Bencher<'_, '_>, rows: usize) {
    let text = list(rows).into_bytes();
    bencher.counter(rows).bench_local(|| {
        let dir = tempfile::tempdir().unwrap();
        let sheet = Sheet::from_bytes(Path::new("m.csv"), text.clone(), &Options::default()).unwrap();
        let plan = Plan::make(&sheet);
        let mut ledger = Ledger::open(&dir.path().join("l.db")).unwrap();
        let run = ImportRun {
            key: IdentityKey::Number,
            numbers_are_rows: false,
            numbers: &plan.numbers,
            shared: &plan.shared,
            invalid: &plan.bad,
            file: "m.csv",
            digest: "",
            fields: BTreeSet::new(),
            keep_missing: false,
            now: Timestamp::UNIX_EPOCH,
        };
        ledger.import(|| plan.rows(&sheet), run).unwrap().keep(&[]).unwrap();
    });
}

#[divan::bench(args = ROWS, sample_count = 5)]
fn plain_loop_into_the_register(bencher: Bencher<'_, '_>, rows: usize) {
    let text = list(rows);
    bencher.counter(rows).bench_local(|| {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("l.db");
        drop(Ledger::open(&path).unwrap());
        let mut connection = rusqlite::Connection::open(path).unwrap();
        let transaction = connection.transaction().unwrap();
        let upsert = "INSERT INTO member (number, name, address, address_key, fields, added_at, changed_at)
                      VALUES (?1, ?2, ?3, ?3, ?4, ?5, ?5) ON CONFLICT (number)
                      DO UPDATE SET name = excluded.name, address = excluded.address, fields = excluded.fields";
        let mut statement = transaction.prepare(upsert).unwrap();
        let mut reader = csv::ReaderBuilder::new().delimiter(b';').from_reader(text.as_bytes());
        for record in reader.records() {
            let record = record.unwrap();
            let fields = BTreeMap::from([
                ("organisation", &record[3]),
                ("type", &record[4]),
                ("area", &record[5]),
                ("language", &record[6]),
            ]);
            let fields = serde_json::to_string(&fields).unwrap();
            let values = (&record[0], &record[1], &record[2], fields, "2026-05-09T12:00:00Z");
            statement.execute(values).unwrap();
        }
        drop(statement);
        transaction.commit().unwrap();
    });
}

#[divan::bench(args = ROWS, sample_count = 5)]
fn plain_loop(bencher: Bencher<'_, '_>, rows: usize) {
    let text = list(rows);
    bencher.counter(rows).bench_local(|| {
        let dir = tempfile::tempdir().unwrap();
        let mut connection = rusqlite::Connection::open(dir.path().join("l.db")).unwrap();
        let table = "CREATE TABLE member (id INTEGER PRIMARY KEY, number TEXT UNIQUE, name TEXT NOT NULL,
                     address TEXT UNIQUE, fields TEXT) STRICT";
        connection.execute(table, ()).unwrap();
        let transaction = connection.transaction().unwrap();
        let upsert = "INSERT INTO member (number, name, address, fields) VALUES (?1, ?2, ?3, ?4) ON CONFLICT (number)
                      DO UPDATE SET name = excluded.name, address = excluded.address, fields = excluded.fields";
        let mut statement = transaction.prepare(upsert).unwrap();
        let mut reader = csv::ReaderBuilder::new().delimiter(b';').from_reader(text.as_bytes());
        for record in reader.records() {
            let record = record.unwrap();
            let fields = [&record[3], &record[4], &record[5], &record[6]].join(";");
            statement.execute((&record[0], &record[1], &record[2], fields)).unwrap();
        }
        drop(statement);
        transaction.commit().unwrap();
    });
}
