//! Lists taken over, one after another.

use std::path::Path;

use super::*;
use crate::import::{Options, Plan, Sheet};

fn import(ledger: &mut Ledger, text: &str) -> Difference {
    let path = Path::new("m.csv");
    let sheet = Sheet::from_bytes(path, text.as_bytes().to_vec(), &Options::default()).unwrap();
    let plan = Plan::make(&sheet);
    let fields = sheet.columns.fields().map(str::to_owned).collect();
    let run = ImportRun {
        key: IdentityKey::Number,
        numbers_are_rows: false,
        numbers: &plan.numbers,
        shared: &plan.shared,
        invalid: &plan.bad,
        file: "m.csv",
        digest: "d",
        fields,
        keep_missing: false,
        now: Timestamp::UNIX_EPOCH,
    };
    ledger.import(|| plan.rows(&sheet), run).unwrap().keep(&[]).unwrap()
}

fn counts(difference: &Difference) -> [u64; 5] {
    [
        difference.added.count,
        difference.changed.count,
        difference.returned.count,
        difference.missing.count,
        difference.unchanged,
    ]
}

#[test]
fn a_list_is_taken_over_step_by_step() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(&dir.path().join("l.db")).unwrap();
    let first = "namn;epost;ort;medlemsnr\nAnna;a@example.se;Ekerö;1\nBo;b@example.se;;2\nCia;;Nacka;\n";
    assert_eq!(counts(&import(&mut ledger, first)), [3, 0, 0, 0, 0]);
    assert_eq!(counts(&import(&mut ledger, first)), [0, 0, 0, 0, 3]);
    let second = "namn;epost;ort;medlemsnr\nAnna;anna@example.se;Ekerö;1\nCia;;Nacka;\n";
    let difference = import(&mut ledger, second);
    assert_eq!(counts(&difference), [0, 1, 0, 1, 1]);
    assert_eq!(difference.changed.first[0].fields[0].field, "email");
    assert_eq!(counts(&import(&mut ledger, first)), [0, 1, 1, 0, 1]);
}

#[test]
fn rows_and_members_stay_one_to_one() {
    for (first, second, names) in [
        // An address passes on to another member whose row comes first.
        (
            "Anna;a@example.se;1\n",
            "Bo;a@example.se;\nAnna;b@example.se;1\n",
            "Anna b@example.se, Bo a@example.se",
        ),
        (
            "Anna;a@example.se;1\n",
            "Dan;a@example.se;3\nAnna;c@example.se;1\n",
            "Anna c@example.se, Dan a@example.se",
        ),
        // One who left had the address.
        ("Anna;x@example.se;1\nBo;b@example.se;2\n", "Bo;x@example.se;2\n", "Bo x@example.se"),
        // Two of one name without e-mail.
        ("", "Cia;;1\nCia;;2\n", "Cia -, Cia -"),
        // A number whose member has another name and another address may be anybody's.
        ("Anna Ek;a@example.se;1\n", "Cia Al;c@example.se;1\n", "Cia Al c@example.se"),
        // A typing error in a known member's row.
        ("Anna;a@example.se;1\n", "Anna;a@example;1\n", "Anna a@example.se"),
    ] {
        let dir = tempfile::tempdir().unwrap();
        let mut ledger = Ledger::open(&dir.path().join("l.db")).unwrap();
        for rows in [first, second, second] {
            import(&mut ledger, &format!("namn;epost;medlemsnr\n{rows}"));
        }
        let mut found = Vec::new();
        let each = |row: crate::ledger::MemberRow| {
            let address = row.member.address.map_or("-".to_owned(), String::from);
            found.extend(row.active.then(|| format!("{} {address}", row.member.name)));
            Ok::<_, LedgerError>(())
        };
        ledger.for_each_member(each).unwrap();
        found.sort();
        assert_eq!(found.join(", "), names, "{second}");
    }
}

#[test]
fn an_import_that_is_dropped_changes_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let mut ledger = Ledger::open(&dir.path().join("l.db")).unwrap();
    let row = ListedMember {
        line: 2,
        number: None,
        name: "Anna".to_owned(),
        address: None,
        ..ListedMember::default()
    };
    let plan = Plan::default();
    let fields = BTreeSet::new();
    let run = ImportRun {
        key: IdentityKey::Number,
        numbers_are_rows: false,
        numbers: &plan.numbers,
        shared: &plan.shared,
        invalid: &plan.bad,
        file: "m",
        digest: "d",
        fields,
        keep_missing: false,
        now: Timestamp::UNIX_EPOCH,
    };
    drop(ledger.import(|| std::iter::once(row.clone()), run).unwrap());
    assert_eq!(ledger.active_members().unwrap(), 0);
}
