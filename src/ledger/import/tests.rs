//! Imports one list after another.

use std::path::Path;

use std::collections::BTreeMap;

use super::*;
use crate::domain::Address;
use crate::import::{Options, Plan, Sheet};

fn read(text: &str) -> (Sheet, Plan) {
    let sheet = Sheet::from_bytes(Path::new("m.csv"), text.as_bytes().to_vec(), &Options::default()).unwrap();
    let plan = Plan::make(&sheet);
    (sheet, plan)
}

fn take_over(
    ledger: &mut Ledger,
    (sheet, plan): &(Sheet, Plan),
    key: IdentityKey,
) -> Result<Difference, LedgerError> {
    let run = ImportRun {
        key,
        numbers_are_rows: false,
        numbers: &plan.numbers,
        shared: &plan.shared,
        invalid: &plan.bad,
        file: "m.csv",
        digest: "d",
        fields: sheet.columns.fields().map(str::to_owned).collect(),
        keep_missing: false,
        now: Timestamp::UNIX_EPOCH,
    };
    ledger.import(|| plan.rows(sheet), run)?.keep(&[])
}

fn import(ledger: &mut Ledger, text: &str) -> Difference {
    take_over(ledger, &read(text), IdentityKey::Number).unwrap()
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
fn a_list_is_imported_step_by_step() {
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
        // An address passes on to another member, whose row comes first.
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
        // A former member had the address.
        ("Anna;x@example.se;1\nBo;b@example.se;2\n", "Bo;x@example.se;2\n", "Bo x@example.se"),
        // Two members with the same name and no e-mail.
        ("", "Cia;;1\nCia;;2\n", "Cia -, Cia -"),
        // A number whose member has another name and address could be anybody's.
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

/// People who join, leave, move, are renumbered and share addresses, as in real life.
mod people {
    use std::collections::BTreeSet;

    use proptest::prelude::*;

    use super::*;
    use crate::domain::{Suppression, SuppressionReason};
    use crate::ledger::LedgerError;

    const NAMES: [&str; 6] = ["Anna Ask", "Bo Bok", "Cia Cedar", "Dan Dill", "Eva Ek", "Filip Fur"];

    #[derive(Debug, Clone)]
    enum ImportStep {
        Join(usize),
        Leave(usize),
        Move(usize),
        Share(usize, usize),
        OptOut(usize),
        /// The list is sorted again, and numbered by row.
        Sort(bool),
    }

    fn step() -> impl Strategy<Value = ImportStep> {
        let who = 0..NAMES.len();
        prop_oneof![
            who.clone().prop_map(ImportStep::Join),
            who.clone().prop_map(ImportStep::Leave),
            who.clone().prop_map(ImportStep::Move),
            (who.clone(), who.clone()).prop_map(|(one, other)| ImportStep::Share(one, other)),
            who.prop_map(ImportStep::OptOut),
            any::<bool>().prop_map(ImportStep::Sort),
        ]
    }

    #[derive(Debug)]
    struct ImportWorld {
        /// The address of each person on the list.
        listed: BTreeMap<usize, String>,
        /// The last address of each person.
        last: BTreeMap<usize, String>,
        /// People who opted out, or had the address when somebody did.
        out: BTreeSet<usize>,
        out_addresses: BTreeSet<String>,
        reversed: bool,
        moves: usize,
    }

    impl ImportWorld {
        fn text(&self, numbering: MemberNumbers) -> String {
            let mut rows: Vec<(&usize, &String)> = self.listed.iter().collect();
            if self.reversed {
                rows.reverse();
            }
            let rows = rows.iter().enumerate().map(|(at, (who, address))| {
                let number = match numbering {
                    MemberNumbers::None => String::new(),
                    MemberNumbers::OfMembers => (**who + 100).to_string(),
                    MemberNumbers::OfRows => (at + 1).to_string(),
                };
                let organisation = if **who % 2 == 0 { format!("Lag {who}") } else { String::new() };
                format!("{number};{};{address};{organisation}\n", NAMES[**who])
            });
            format!("nr;namn;epost;förening\n{}", rows.collect::<String>())
        }

        fn take(&mut self, step: &ImportStep, ledger: &Ledger) {
            match *step {
                ImportStep::Join(who) => {
                    let address = self.last.get(&who).cloned().unwrap_or(format!("p{who}@example.org"));
                    self.listed.entry(who).or_insert(address);
                }
                ImportStep::Leave(who) => drop(self.listed.remove(&who)),
                ImportStep::Move(who) => {
                    self.moves += 1;
                    let address = format!("p{who}-{}@example.org", self.moves);
                    // Also between leaving and joining again.
                    self.last.insert(who, address.clone());
                    self.listed.entry(who).and_modify(|old| *old = address);
                }
                ImportStep::Share(who, with) => {
                    if let Some(address) = self.listed.get(&with).cloned() {
                        self.listed.entry(who).and_modify(|old| *old = address);
                    }
                }
                ImportStep::OptOut(who) => {
                    let Some(address) = self.listed.get(&who).cloned() else { return };
                    self.out
                        .extend(self.listed.iter().filter(|(_, at)| **at == address).map(|(who, _)| *who));
                    self.out_addresses.insert(address.clone());
                    let reason = SuppressionReason::Unsubscribed;
                    let since = Timestamp::UNIX_EPOCH;
                    ledger.suppress(&Suppression { address, reason, since, note: String::new() }).unwrap();
                }
                ImportStep::Sort(reversed) => self.reversed = reversed,
            }
            self.last.extend(self.listed.iter().map(|(who, address)| (*who, address.clone())));
        }
    }

    #[derive(Debug, Clone, Copy)]
    enum MemberNumbers {
        None,
        OfMembers,
        OfRows,
    }

    fn import(ledger: &mut Ledger, text: &str, key: IdentityKey) -> Result<(), LedgerError> {
        let list = read(text);
        assert!(list.1.bad.is_empty() && list.1.duplicates.is_empty(), "{text}");
        take_over(ledger, &list, key).map(drop)
    }

    fn check(world: &ImportWorld, ledger: &Ledger) {
        let mut mailed = BTreeSet::new();
        let mut held = BTreeSet::new();
        ledger
            .for_each_member(|row| {
                let who = NAMES.iter().position(|name| *name == row.member.name).unwrap();
                if row.active && row.skip().is_none() {
                    assert!(mailed.insert(who), "{} is mailed twice", row.member.name);
                    assert_eq!(
                        row.member.address.as_ref().map(Address::as_str),
                        world.listed.get(&who).map(String::as_str)
                    );
                } else if row.active && row.held.is_some() {
                    held.insert(who);
                }
                Ok::<_, LedgerError>(())
            })
            .unwrap();
        for who in &mailed {
            assert!(world.listed.contains_key(who), "{} is mailed, and is not on the list", NAMES[*who]);
            assert!(!world.out.contains(who), "{} is mailed, and opted out", NAMES[*who]);
        }
        for (who, address) in &world.listed {
            let has_reason =
                world.out.contains(who) || world.out_addresses.contains(address) || held.contains(who);
            assert!(mailed.contains(who) || has_reason, "{} gets nothing, for no reason", NAMES[*who]);
        }
    }

    proptest! {
        #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]
        #[test]
        fn nobody_who_opted_out_is_mailed_nobody_twice_and_nobody_is_forgotten(
            steps in proptest::collection::vec(step(), 1..24),
            numbering in prop_oneof![Just(MemberNumbers::None), Just(MemberNumbers::OfMembers), Just(MemberNumbers::OfRows)],
        ) {
            let dir = tempfile::tempdir().unwrap();
            let mut ledger = Ledger::open(&dir.path().join("l.db")).unwrap();
            let listed: BTreeMap<usize, String> = (0..4).map(|who| (who, format!("p{who}@example.org"))).collect();
            let mut world = ImportWorld {
                last: listed.clone(),
                listed,
                out: BTreeSet::new(),
                out_addresses: BTreeSet::new(),
                reversed: false,
                moves: 0,
            };
            import(&mut ledger, &world.text(numbering), IdentityKey::Number).unwrap();
            for step in &steps {
                world.take(step, &ledger);
                if world.listed.is_empty() {
                    continue;
                }
                let text = world.text(numbering);
                match import(&mut ledger, &text, IdentityKey::Number) {
                    Err(LedgerError::Renumbered { .. }) => import(&mut ledger, &text, IdentityKey::Email).unwrap(),
                    imported => imported.unwrap(),
                }
                check(&world, &ledger);
            }
        }
    }
}
