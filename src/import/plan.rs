//! Checks the whole sheet before the import: finds invalid rows, and rows about the same member.

use std::collections::{HashMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use serde::Serialize;

use crate::domain::{InvalidRow, ListedMember, Remark, TextSet, name};

use super::Sheet;
use super::remark::DomainTypos;
use super::status::StatusColumns;

/// The sheet's invalid rows and duplicates, found before anything is changed.
#[derive(Debug, Default)]
pub struct Plan {
    pub bad: Vec<InvalidRow>,
    pub duplicates: Vec<Duplicate>,
    /// Remarks about rows that are imported.
    pub remarks: Vec<Remark>,
    /// Rows that can be imported, duplicates counted once.
    pub members: u64,
    pub without_address: u64,
    /// By line, the rows that differ from the file: merged ones, and ones that lost their number.
    merged: HashMap<u64, ListedMember>,
    /// Lines of rows that were merged into an earlier one or are invalid.
    left_out: HashSet<u64>,
    /// The member numbers in the file.
    pub numbers: TextSet,
    /// The addresses that several members share, in lower case.
    pub shared: TextSet,
    /// The number of rows that are not members according to the configuration.
    pub outside: u64,
    /// The number of members who share an address with an earlier row.
    pub sharing: u64,
    numbering: Numbering,
}

/// Whether a list is numbered 1, 2, 3 … from the first row to the last.
#[derive(Debug, Default)]
struct Numbering {
    rows: u64,
    is_broken: bool,
}

/// Fewer rows can be in order by chance.
const FEWEST_NUMBERED: u64 = 3;

/// A row that was merged into an earlier row with the same address, number or name.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Duplicate {
    pub line: u64,
    pub first_line: u64,
    pub name: String,
    /// The value that both rows share.
    pub shared: String,
}

impl Plan {
    /// Reads the whole sheet once.
    pub fn make(sheet: &Sheet) -> Self {
        let mut plan = Self::default();
        let hasher = RandomState::new();
        let mut identities: HashSet<u64> = HashSet::new();
        let mut repeated: HashMap<u64, Vec<ListedMember>> = HashMap::new();
        let mut claims = Vec::new();
        let mut slips = DomainTypos::default();
        plan.remarks.extend(sheet.remarks.iter().cloned());
        let mut statuses = StatusColumns::of(sheet);
        let mut rows = sheet.rows();
        for row in rows.by_ref() {
            let mut row = match row {
                Ok(mut row) => {
                    if !sheet.is_member(&mut row) {
                        plan.outside += 1;
                        plan.left_out.insert(row.line);
                        continue;
                    }
                    row
                }
                Err(bad) => {
                    plan.bad.push(bad);
                    continue;
                }
            };
            plan.remarks.append(&mut row.remarks);
            plan.remarks.extend(slips.remark(&row, sheet));
            plan.numbering.add(&row);
            statuses.add(&row);
            let identity = hasher.hash_one(identity(&row));
            if identities.contains(&identity) {
                repeated.entry(identity).or_default().push(row);
                continue;
            }
            if row.number.as_ref().is_some_and(|number| !plan.numbers.insert(number)) {
                plan.left_out.insert(row.line);
                claims.push(row);
                continue;
            }
            identities.insert(identity);
            plan.members += 1;
            plan.without_address += u64::from(row.address.is_none());
        }
        plan.remarks.append(&mut rows.take_remarks());
        plan.remarks.extend(statuses.remarks(sheet.columns.header_line));
        drop(identities);
        plan.sort_out(sheet, &hasher, repeated, &mut claims);
        plan.refuse(sheet, &claims);
        plan
    }

    /// Tells whether the member numbers are just row numbers, as far as one list can show.
    pub fn numbers_are_in_order(&self) -> bool {
        !self.numbering.is_broken && self.numbering.rows >= FEWEST_NUMBERED
    }

    /// Merges each row of `repeated` into an earlier row with the same identity if both are about one member; other
    /// members who share the address stay.
    fn sort_out(
        &mut self,
        sheet: &Sheet,
        hasher: &RandomState,
        mut repeated: HashMap<u64, Vec<ListedMember>>,
        claims: &mut Vec<ListedMember>,
    ) {
        let mut rows = sheet.rows().filter_map(Result::ok);
        while let Some(first) = rows.next().filter(|_| !repeated.is_empty()) {
            if self.left_out.contains(&first.line) {
                continue;
            }
            let Some(later) = repeated.remove(&hasher.hash_one(identity(&first))) else { continue };
            let mut members = vec![first];
            for row in later {
                match members.iter_mut().find(|member| is_one_member(member, &row)) {
                    Some(member) => self.merge(member, row, claims),
                    None => members.extend(self.another(&row, claims)),
                }
            }
            if let [first, _, ..] = members.as_slice()
                && let Some(address) = &first.address
            {
                self.shared.insert(&address.key());
                self.sharing += members.len() as u64 - 1;
            }
            self.merged.extend(members.into_iter().map(|member| (member.line, member)));
        }
        self.duplicates.sort_by_key(|duplicate| duplicate.line);
        self.remarks.sort_by_key(|remark| remark.line);
    }

    /// Merges a row into an earlier one of the same member.
    fn merge(&mut self, member: &mut ListedMember, duplicate: ListedMember, claims: &mut Vec<ListedMember>) {
        self.left_out.insert(duplicate.line);
        let (line, name, shared) = (duplicate.line, duplicate.name.clone(), identity_text(&duplicate));
        self.duplicates.push(Duplicate { line, first_line: member.line, name, shared });
        fill_from(member, &duplicate);
        // A row without a number takes its duplicate's, unless another row has that number.
        let Some(number) = duplicate.number.clone().filter(|_| member.number.is_none()) else { return };
        if self.numbers.insert(&number) {
            member.number = Some(number);
        } else {
            claims.push(duplicate);
        }
    }

    /// Whether the row is another member's who shares the address; `None` if its number belongs to a row elsewhere.
    fn another(&mut self, row: &ListedMember, claims: &mut Vec<ListedMember>) -> Option<ListedMember> {
        if row.number.as_ref().is_some_and(|number| !self.numbers.insert(number)) {
            self.left_out.insert(row.line);
            claims.push(row.clone());
            return None;
        }
        self.members += 1;
        Some(row.clone())
    }

    /// Rejects rows whose member number belongs to another row.
    fn refuse(&mut self, sheet: &Sheet, claims: &[ListedMember]) {
        let lines: HashSet<u64> = claims.iter().map(|row| row.line).collect();
        let mut owners: HashMap<&str, Option<u64>> =
            claims.iter().filter_map(|row| Some((row.number.as_deref()?, None))).collect();
        if owners.is_empty() {
            return;
        }
        let left_out = |row: &ListedMember| lines.contains(&row.line) || self.left_out.contains(&row.line);
        for row in sheet.rows().filter_map(Result::ok).filter(|row| !left_out(row)) {
            if let Some(owner) = row.number.as_deref().and_then(|number| owners.get_mut(number)) {
                owner.get_or_insert(row.line);
            }
        }
        let owner =
            |row: &ListedMember| row.number.as_deref().and_then(|number| owners.get(number).copied()?);
        self.bad.extend(claims.iter().map(|row| number_again(row, owner(row).unwrap_or_default())));
        self.bad.sort_by_key(|bad| bad.line);
    }

    /// The rows to import, one per member.
    pub fn rows<'a>(&'a self, sheet: &'a Sheet) -> impl Iterator<Item = ListedMember> + 'a {
        let rows = sheet.rows().filter_map(Result::ok).filter(|row| !self.left_out.contains(&row.line));
        rows.map(|row| self.merged.get(&row.line).cloned().unwrap_or(row))
    }
}

impl Numbering {
    fn add(&mut self, row: &ListedMember) {
        self.rows += 1;
        self.is_broken |= row.number.as_ref().and_then(|number| number.parse().ok()) != Some(self.rows);
    }
}

fn number_again(row: &ListedMember, first: u64) -> InvalidRow {
    InvalidRow {
        line: row.line,
        column: "number".to_owned(),
        value: row.number.clone().unwrap_or_default(),
        reason: format!("is also the member number of line {first}, with another address"),
        number: None,
        name: row.name.clone(),
    }
}

/// The key by which two rows are compared: the address, else the number, else name, organisation and street.
fn identity(row: &ListedMember) -> (u8, String) {
    match (&row.address, &row.number) {
        (Some(address), _) => (0, address.key()),
        (None, Some(number)) => (1, number.clone()),
        (None, None) => (2, row.paper_key()),
    }
}

/// Tells whether two rows with the same [`identity`] are about one member, or about two who share an address.
fn is_one_member(row: &ListedMember, later: &ListedMember) -> bool {
    if row.address.is_none() {
        return true;
    }
    if row.number.is_some() && row.number == later.number {
        return true;
    }
    if row.name.is_empty() || later.name.is_empty() {
        return true;
    }
    // Two numbers mean two people, unless the names say otherwise.
    let is_numbered_apart = row.number.is_some() && later.number.is_some();
    let is_same = if is_numbered_apart { name::contain_each_other } else { name::are_alike };
    is_same(&row.name, &later.name)
}

fn identity_text(row: &ListedMember) -> String {
    match (&row.address, &row.number) {
        (Some(address), _) => address.to_string(),
        (None, Some(number)) => format!("member number {number}"),
        (None, None) => row.name.clone(),
    }
}

/// Fills empty fields from a later row about the same member.
fn fill_from(row: &mut ListedMember, later: &ListedMember) {
    for (field, value) in &later.fields {
        row.fields.entry(field.clone()).or_insert_with(|| value.clone());
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::Options;
    use super::*;

    fn sheet(text: &str) -> Sheet {
        Sheet::from_bytes(Path::new("m.csv"), text.as_bytes().to_vec(), &Options::default()).unwrap()
    }

    #[test]
    fn duplicates_are_merged_into_the_first_row() {
        let sheet = sheet(
            "namn,epost,ort,kod,medlemsnr\nAnna,ANNA@example.se,,,1\nBo,bo@example.se,,,2\n\
             Anna Ek,anna@Example.SE ,Ekerö,,\nCia,,,,\nCia,,,,\n",
        );
        let plan = Plan::make(&sheet);
        let rows: Vec<ListedMember> = plan.rows(&sheet).collect();
        assert_eq!(rows.len(), 3);
        assert_eq!((rows[0].name.as_str(), rows[0].fields["city"].as_str()), ("Anna", "Ekerö"));
        let lines: Vec<_> =
            plan.duplicates.iter().map(|duplicate| (duplicate.line, duplicate.first_line)).collect();
        assert_eq!(lines, [(4, 2), (6, 5)]);
        assert_eq!((plan.members, plan.without_address, plan.bad.len()), (3, 1, 0));
    }

    #[test]
    fn members_who_share_an_address_stay_members() {
        let sheet = sheet(
            "medlemsnr,namn,epost\n1,Anna Ek,fam@example.se\n2,Bo Ek,Fam@example.se\n,Cia Ek,fam@example.se\n\
             ,Anna Ek,fam@example.se\n",
        );
        let plan = Plan::make(&sheet);
        let names: Vec<String> = plan.rows(&sheet).map(|row| row.name).collect();
        assert_eq!(names, ["Anna Ek", "Bo Ek", "Cia Ek"]);
        assert_eq!((plan.members, plan.sharing, plan.duplicates.len()), (3, 2, 1));
        assert!(plan.shared.contains("fam@example.se"));
    }

    #[test]
    fn row_numbers_are_detected() {
        for (numbers, want) in [("123", true), ("124", false), ("213", false), ("12", false)] {
            let rows = numbers.chars().map(|number| format!("{number},M{number},m{number}@example.se\n"));
            let sheet = sheet(&format!("nr,namn,epost\n{}", rows.collect::<String>()));
            assert_eq!(Plan::make(&sheet).numbers_are_in_order(), want, "{numbers}");
        }
    }

    #[test]
    fn a_duplicate_does_not_take_another_rows_number() {
        let sheet =
            sheet("namn,epost,medlemsnr\nAnna,a@example.se,\nBo,b@example.se,5\nAnna,a@example.se,5\n");
        let plan = Plan::make(&sheet);
        assert_eq!(plan.bad[0].line, 4);
        let numbers: Vec<_> = plan.rows(&sheet).map(|row| row.number).collect();
        assert_eq!(numbers, [None, Some("5".to_owned())]);
        assert!(plan.numbers.contains("5") && !plan.numbers.contains("6"));
    }

    #[test]
    fn a_member_number_is_used_once() {
        let sheet = sheet("namn,epost,medlemsnr\nAnna,anna@example.se,1\nBo,bo@example.se,1\n");
        let plan = Plan::make(&sheet);
        assert_eq!((plan.members, plan.bad[0].line), (1, 3));
        assert_eq!(plan.rows(&sheet).count(), 1);
    }

    proptest::proptest! {
        /// For a long run, set `PROPTEST_CASES=1000000`.
        #[test]
        fn no_bytes_make_it_panic(bytes in proptest::collection::vec(proptest::prelude::any::<u8>(), 0..400)) {
            if let Ok(sheet) = Sheet::from_bytes(Path::new("m.csv"), bytes, &Options::default()) {
                let plan = Plan::make(&sheet);
                let _counted = plan.rows(&sheet).count();
            }
        }

        #[test]
        fn every_row_is_imported_merged_or_rejected(
            rows in proptest::collection::vec("[ab1@;\"\r\n,.=åÖ\u{0}]{0,30}", 0..12),
        ) {
            let text = format!("medlemsnr;namn;e-post\n{}", rows.join("\n"));
            let Ok(sheet) = Sheet::from_bytes(Path::new("m.csv"), text.into_bytes(), &Options::default()) else {
                return Ok(());
            };
            let plan = Plan::make(&sheet);
            let read = sheet.rows().flatten().count();
            let kept = plan.rows(&sheet).count();
            proptest::prop_assert_eq!(kept as u64, plan.members);
            proptest::prop_assert!(kept <= read);
            proptest::prop_assert_eq!(kept + plan.left_out.len(), read);
        }
    }
}
