//! Finds the member of each row by number, address or name, holds the uncertain ones, and detects renumbering.

use std::collections::{HashMap, HashSet};

use crate::domain::{Address, HeldReason, IdentityKey, ListedMember, MemberId, TextSet, name};
use crate::ledger::db::Db;
use crate::ledger::forgotten::{Forgotten, ForgottenMatch};
use crate::ledger::types::Stamp;
use crate::ledger::{LedgerError, held};

use super::apply::{apply, free_number, insert};
use super::stored::{Stored, select, select_all};
use super::{Difference, ImportRun};

/// How many examples of renumbering to name.
const EXAMPLES: usize = 3;

/// The key of a person among those who share an address.
fn place(name: &str, address_key: &str) -> String {
    format!("{}\n{address_key}", name::key(name))
}

/// The members of rows, as far as they are known.
pub(super) struct Identification<'a> {
    db: &'a Db,
    run: &'a ImportRun<'a>,
    forgotten: Forgotten,
    difference: Difference,
    /// Members who have a row.
    seen: HashSet<MemberId>,
    /// Rows to look at again when all others have their member, by line.
    aside: HashMap<u64, Aside>,
    /// Names and addresses in rows that share an address.
    sharing: TextSet,
    /// Names in the rows that were set aside.
    names_aside: TextSet,
    /// Numbers that members had until another row took them.
    displaced: HashMap<MemberId, String>,
    renumbered: Vec<String>,
}

/// Why a row was set aside.
#[derive(Debug, Clone)]
enum Aside {
    /// No member has its number or address.
    Unmatched,
    /// Its address belongs to a member with another name.
    Renamed(MemberId),
    /// Its number belongs to a member with another name and another address.
    Reused { member: MemberId, was: String, address_key: Option<String> },
}

/// A member without a row, who may be found by name.
#[derive(Debug, Clone)]
struct Leftover {
    id: MemberId,
    active: bool,
    has_address: bool,
    has_opted_out: bool,
    organisation: Option<String>,
    street: Option<String>,
}

impl<'a> Identification<'a> {
    pub fn new(db: &'a Db, run: &'a ImportRun<'a>, active_before: u64) -> Result<Self, LedgerError> {
        Ok(Self {
            db,
            run,
            forgotten: Forgotten::load(db)?,
            difference: Difference { active_before, ..Difference::default() },
            seen: HashSet::new(),
            aside: HashMap::new(),
            sharing: TextSet::default(),
            names_aside: TextSet::default(),
            displaced: HashMap::new(),
            renumbered: Vec::new(),
        })
    }

    /// The members who have a row, and the changes.
    pub fn finish(self) -> (HashSet<MemberId>, Difference) {
        (self.seen, self.difference)
    }

    /// Finds the member of each row, or adds one.
    pub fn identify<I: Iterator<Item = ListedMember>>(
        &mut self,
        rows: &impl Fn() -> I,
    ) -> Result<(), LedgerError> {
        self.look_for_sharing(rows());
        rows().try_for_each(|row| self.first_look(&row))?;
        if self.aside.is_empty() && self.renumbered.is_empty() {
            return Ok(());
        }
        self.look_for_old_addresses(rows());
        if !self.renumbered.is_empty() {
            return Err(LedgerError::Renumbered { examples: self.renumbered.join("; ") });
        }
        let leftovers = self.leftovers()?;
        let is_renamed = |aside: &Aside| matches!(aside, Aside::Renamed(_));
        for renamed in [false, true] {
            for row in rows() {
                match self.aside.get(&row.line).cloned() {
                    Some(aside) if is_renamed(&aside) == renamed => {
                        self.second_look(&row, &aside, &leftovers)?;
                    }
                    _ => {}
                }
            }
        }
        Ok(())
    }

    /// Assigns the rows that certainly belong to a member.
    fn first_look(&mut self, row: &ListedMember) -> Result<(), LedgerError> {
        if self.is_forgotten(row) {
            return Ok(());
        }
        match self.match_of(row)? {
            Ok(stored) => self.take(row, stored),
            Err(aside) => {
                self.names_aside.insert(&name::key(&row.name));
                self.aside.insert(row.line, aside);
                Ok(())
            }
        }
    }

    fn is_forgotten(&mut self, row: &ListedMember) -> bool {
        let is_forgotten = self.forgotten.verdict(row) == ForgottenMatch::Forgotten;
        if is_forgotten {
            self.difference.forgotten.add(|| row.name.clone());
        }
        is_forgotten
    }

    fn match_of(&mut self, row: &ListedMember) -> Result<Result<Stored, Aside>, LedgerError> {
        if let (IdentityKey::Number, Some(number)) = (self.run.key, &row.number)
            && let Some(stored) = select(self.db, "number = ?1", number)?
        {
            return self.match_by_number(row, stored);
        }
        match &row.address {
            Some(address) => self.match_by_address(row, address),
            None => {
                let found = select(self.db, "paper_key = ?1 ORDER BY active DESC", &row.paper_key())?;
                Ok(found.filter(|stored| self.is_free(stored)).ok_or(Aside::Unmatched))
            }
        }
    }

    fn match_by_number(
        &mut self,
        row: &ListedMember,
        stored: Stored,
    ) -> Result<Result<Stored, Aside>, LedgerError> {
        let key = row.address.as_ref().map(Address::key);
        let old_key = stored.address.as_deref().map(str::to_lowercase);
        let has_name = name::key(&row.name) == name::key(&stored.name);
        if has_name && key == old_key {
            return Ok(Ok(stored));
        }
        if let Some(other) = self.exactly(row)?.filter(|other| other.id != stored.id) {
            let before = other.number.as_deref().unwrap_or("none");
            return Ok(Err(self.renumbered(row, &stored, &format!(", whose number was {before}"))));
        }
        // A new person next to a member who still has a row is not that member.
        let old_place = stored.address.as_deref().map(|address| place(&stored.name, &address.to_lowercase()));
        if !has_name && old_place.is_some_and(|place| self.sharing.contains(&place)) {
            return Ok(Err(self.renumbered(row, &stored, "")));
        }
        if !has_name && key != old_key {
            return Ok(Err(Aside::Reused { member: stored.id, was: stored.name, address_key: old_key }));
        }
        Ok(Ok(stored))
    }

    /// Keeps an example of a number that belongs to somebody else now.
    fn renumbered(&mut self, row: &ListedMember, stored: &Stored, more: &str) -> Aside {
        let number = row.number.as_deref().unwrap_or_default();
        self.add_example(format!("number {number} was {}, and is now {}{more}", stored.name, row.name));
        Aside::Unmatched
    }

    fn add_example(&mut self, example: String) {
        if self.renumbered.len() < EXAMPLES {
            self.renumbered.push(example);
        }
    }

    fn look_for_sharing(&mut self, rows: impl Iterator<Item = ListedMember>) {
        if self.run.shared.is_empty() {
            return;
        }
        for row in rows {
            let key = row.address.as_ref().map(Address::key);
            if let Some(key) = key.filter(|key| self.run.shared.contains(key)) {
                self.sharing.insert(&place(&row.name, &key));
            }
        }
    }

    /// The active member with the row's name and address or, without an address, its organisation and street.
    fn exactly(&self, row: &ListedMember) -> Result<Option<Stored>, LedgerError> {
        let found = match &row.address {
            Some(address) => select_all(self.db, "address_key = ?1 AND active = 1", &address.key())?,
            None => select_all(self.db, "paper_key = ?1 AND active = 1", &row.paper_key())?,
        };
        let key = name::key(&row.name);
        Ok(found.into_iter().find(|stored| name::key(&stored.name) == key))
    }

    fn match_by_address(
        &self,
        row: &ListedMember,
        address: &Address,
    ) -> Result<Result<Stored, Aside>, LedgerError> {
        let found = select_all(self.db, "address_key = ?1 ORDER BY active DESC, id", &address.key())?;
        let mut free: Vec<Stored> = found.into_iter().filter(|stored| self.is_free(stored)).collect();
        let key = name::key(&row.name);
        let same = free.iter().position(|stored| name::key(&stored.name) == key);
        let alike = || free.iter().position(|stored| name::are_alike(&stored.name, &row.name));
        if let Some(position) = same.or_else(alike) {
            return Ok(Ok(free.swap_remove(position)));
        }
        let is_numbered = self.run.key == IdentityKey::Number && row.number.is_some();
        let active: Vec<&Stored> = free.iter().filter(|stored| stored.active).collect();
        Ok(Err(match active.as_slice() {
            [one] if !is_numbered && !self.run.shared.contains(&address.key()) => Aside::Renamed(one.id),
            _ => Aside::Unmatched,
        }))
    }

    /// Tells whether no row belongs to this member, or will by its number.
    fn is_free(&self, stored: &Stored) -> bool {
        let has_other_row = self.run.key == IdentityKey::Number
            && stored.number.as_ref().is_some_and(|number| self.run.numbers.contains(number));
        !has_other_row && !self.seen.contains(&stored.id)
    }

    /// If both name and address of a number changed, it was given to somebody else if the old address is still in the
    /// list.
    fn look_for_old_addresses(&mut self, rows: impl Iterator<Item = ListedMember>) {
        let mut old = HashMap::new();
        for (line, aside) in &self.aside {
            if let Aside::Reused { was, address_key: Some(key), .. } = aside {
                old.insert(key.clone(), (*line, was.clone()));
            }
        }
        if old.is_empty() || !self.renumbered.is_empty() {
            return;
        }
        for row in rows {
            let found = row.address.as_ref().and_then(|address| old.get(&address.key()));
            if let Some((line, was)) = found.filter(|(line, _)| *line != row.line) {
                let address = row.address.as_ref().map_or("", Address::as_str);
                self.add_example(format!(
                    "the number of {was} is another member's on line {line}, and {address} is on line {}",
                    row.line
                ));
            }
        }
    }

    fn leftovers(&self) -> Result<HashMap<String, Vec<Leftover>>, LedgerError> {
        let sql = "SELECT m.id, m.name, m.active, m.address IS NOT NULL, m.fields ->> 'organisation',
                   m.fields ->> 'street', p.member IS NOT NULL OR EXISTS (
                       SELECT 1 FROM suppression s WHERE s.address_key = m.address_key
                       AND s.reason NOT IN ('hard_bounce', 'soft_bounces'))
                   FROM member m LEFT JOIN opted_out p ON p.member = m.id ORDER BY m.active DESC, m.id";
        let mut leftovers: HashMap<String, Vec<Leftover>> = HashMap::new();
        self.db.each(sql, (), |row| {
            let id = row.get(0)?;
            let key = name::key(&row.get::<String>(1)?);
            if self.seen.contains(&id) || !self.names_aside.contains(&key) {
                return Ok(());
            }
            leftovers.entry(key).or_default().push(Leftover {
                id,
                active: row.get(2)?,
                has_address: row.get(3)?,
                organisation: row.get(4)?,
                street: row.get(5)?,
                has_opted_out: row.get(6)?,
            });
            Ok::<_, LedgerError>(())
        })?;
        Ok(leftovers)
    }

    fn second_look(
        &mut self,
        row: &ListedMember,
        aside: &Aside,
        leftovers: &HashMap<String, Vec<Leftover>>,
    ) -> Result<(), LedgerError> {
        let namesakes = leftovers.get(&name::key(&row.name)).map_or(&[][..], Vec::as_slice);
        let namesakes: Vec<&Leftover> =
            namesakes.iter().filter(|leftover| !self.seen.contains(&leftover.id)).collect();
        let fitting: Vec<&&Leftover> = namesakes.iter().filter(|leftover| leftover.fits(row)).collect();
        let member = |id: MemberId| select(self.db, "id = ?1", &id);
        match aside {
            Aside::Reused { member: id, .. } => {
                if let Some(stored) = member(*id)?.filter(|stored| name::are_alike(&stored.name, &row.name)) {
                    return self.take(row, stored);
                }
                return self.add(row, Some((HeldReason::NumberReused, *id)));
            }
            Aside::Renamed(id) if fitting.is_empty() => {
                let stored = member(*id)?.filter(|stored| !self.seen.contains(&stored.id));
                // If the member's own name is in another row, the address has passed on to somebody else.
                if let Some(stored) =
                    stored.filter(|stored| !self.names_aside.contains(&name::key(&stored.name)))
                {
                    return self.take(row, stored);
                }
            }
            Aside::Renamed(_) | Aside::Unmatched => {}
        }
        if let [one] = fitting.as_slice()
            && let Some(stored) = member(one.id)?
        {
            return self.take(row, stored);
        }
        let is_numbered = self.run.key == IdentityKey::Number && row.number.is_some();
        let doubtful = namesakes.iter().find(|leftover| leftover.has_opted_out);
        let doubtful = doubtful.or_else(|| namesakes.first().filter(|_| !is_numbered));
        self.add(row, doubtful.map(|leftover| (HeldReason::ResemblesMember, leftover.id)))
    }

    /// Assigns a row to a member.
    fn take(&mut self, row: &ListedMember, mut stored: Stored) -> Result<(), LedgerError> {
        if !self.seen.insert(stored.id) {
            return Err(LedgerError::TwoRows { line: row.line, name: row.name.clone() });
        }
        if let Some(number) = self.displaced.remove(&stored.id) {
            stored.number = Some(number);
        }
        self.take_number(row, Some(&stored))?;
        apply(self.db, row, &stored, self.run, &mut self.difference)
    }

    /// Frees the row's number if another member has it.
    fn take_number(&mut self, row: &ListedMember, stored: Option<&Stored>) -> Result<(), LedgerError> {
        let Some(number) = row.number.as_ref().filter(|_| stored.is_none_or(|it| it.number != row.number))
        else {
            return Ok(());
        };
        if let Some(other) = free_number(self.db, number, stored.map(|stored| stored.id))? {
            self.displaced.insert(other, number.clone());
        }
        Ok(())
    }

    /// Adds a member for a row, held if it may be a known one.
    pub fn add(
        &mut self,
        row: &ListedMember,
        doubt: Option<(HeldReason, MemberId)>,
    ) -> Result<(), LedgerError> {
        let verdict = self.forgotten.verdict(row);
        if verdict == ForgottenMatch::Forgotten {
            // A new register gets here without a first look.
            self.difference.forgotten.add(|| row.name.clone());
            return Ok(());
        }
        if self.difference.active_before > 0 {
            self.take_number(row, None)?;
        }
        let member = insert(self.db, row, Stamp(self.run.now))?;
        self.seen.insert(member);
        let resembles =
            (verdict == ForgottenMatch::Resembles).then_some((HeldReason::ResemblesForgotten, None));
        let doubt = doubt.map(|(reason, likely)| (reason, Some(likely))).or(resembles);
        match doubt {
            Some((reason, likely)) => {
                held::hold(self.db, member, reason, likely, self.run.now)?;
                self.difference.held.add(|| format!("{}: {}", row.name, reason.words()));
            }
            None => self.difference.added.add(|| row.name.clone()),
        }
        Ok(())
    }
}

impl Leftover {
    /// Tells whether a row with the same name is this member's: it has the same organisation or street, or one of the
    /// two has no address that could be another person's.
    fn fits(&self, row: &ListedMember) -> bool {
        let is_same = |mine: &Option<String>, field: &str| {
            mine.as_deref().is_some_and(|mine| row.fields.get(field).is_some_and(|theirs| theirs == mine))
        };
        let is_on_paper = !self.has_address && !self.has_opted_out || row.address.is_none();
        self.active
            && (is_same(&self.organisation, "organisation") || is_same(&self.street, "street") || is_on_paper)
    }
}
