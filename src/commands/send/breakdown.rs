//! Counts letters by segment, language and section, in memory that does not grow with the list.

use std::collections::BTreeMap;

use serde::Serialize;

use crate::compose::Composer;
use crate::domain::{Household, Member, Segment};
use crate::report::{Table, TextRole, count};

/// No list has more languages on purpose; further ones are counted together.
const MAX_LANGUAGES: usize = 40;

/// The outcome of a run for one member.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(in crate::commands) enum RunOutcome {
    Letter,
    Skipped,
    /// An earlier run sent the letter, or settled it in another way.
    Earlier,
    /// A later run will try, since this one was limited.
    Left,
}

/// The number of members of a group by outcome.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
struct Numbers {
    letters: u64,
    skipped: u64,
    earlier: u64,
    left: u64,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct BreakdownGroup {
    /// `None` for members without a language.
    name: Option<String>,
    #[serde(flatten)]
    numbers: Numbers,
}

#[derive(Debug, PartialEq, Eq, Serialize)]
struct SectionCount {
    title: String,
    letters: u64,
}

/// The counts of a run.
#[derive(Debug, Serialize)]
pub(in crate::commands) struct Breakdown {
    /// The configured segments, by name.
    segments: Vec<BreakdownGroup>,
    #[serde(skip)]
    expressions: Vec<Segment>,
    /// By the members' own field.
    languages: Vec<BreakdownGroup>,
    /// In the order of the letter.
    sections: Vec<SectionCount>,
}

impl Numbers {
    fn add(&mut self, outcome: RunOutcome) {
        *match outcome {
            RunOutcome::Letter => &mut self.letters,
            RunOutcome::Skipped => &mut self.skipped,
            RunOutcome::Earlier => &mut self.earlier,
            RunOutcome::Left => &mut self.left,
        } += 1;
    }
}

impl Breakdown {
    /// Starts counting for these segments and the composer's sections.
    pub fn new(segments: &BTreeMap<String, Segment>, composer: &Composer) -> Self {
        let group = |name: &String| BreakdownGroup { name: Some(name.clone()), numbers: Numbers::default() };
        let section = |title: &str| SectionCount { title: title.to_owned(), letters: 0 };
        Self {
            segments: segments.keys().map(group).collect(),
            expressions: segments.values().cloned().collect(),
            languages: Vec::new(),
            sections: composer.section_titles().map(section).collect(),
        }
    }

    /// Counts a letter, for each of its readers and once for each of its sections.
    pub fn add_letter(&mut self, household: &Household, composer: &Composer) {
        household.members().for_each(|member| self.add(member, RunOutcome::Letter));
        for (count, (_, is_shown)) in self.sections.iter_mut().zip(composer.sections(household)) {
            count.letters += u64::from(is_shown);
        }
    }

    /// Counts one member.
    pub fn add(&mut self, member: &Member, outcome: RunOutcome) {
        for (group, expression) in self.segments.iter_mut().zip(&self.expressions) {
            if expression.matches(member) {
                group.numbers.add(outcome);
            }
        }
        self.count_language(member.field("language").map(str::to_lowercase), outcome);
    }

    fn count_language(&mut self, name: Option<String>, outcome: RunOutcome) {
        let is_known = self.languages.iter().any(|group| group.name == name);
        let is_full = self.languages.len() >= MAX_LANGUAGES;
        let name = if is_full && !is_known { Some("others".to_owned()) } else { name };
        let found = self.languages.binary_search_by(|group| group.name.cmp(&name));
        if let Err(at) = found {
            self.languages.insert(at, BreakdownGroup { name, numbers: Numbers::default() });
        }
        if let Some(group) = self.languages.get_mut(found.unwrap_or_else(|at| at)) {
            group.numbers.add(outcome);
        }
    }

    /// The tables, one below the other, without empty ones.
    pub fn tables(&self) -> String {
        let mut tables = Vec::new();
        if !self.segments.is_empty() {
            tables.push(groups("segment", &self.segments).to_string());
        }
        if self.languages.iter().any(|group| group.name.is_some()) {
            tables.push(groups("language", &self.languages).to_string());
        }
        tables.push(self.section_table().to_string());
        tables.join("\n")
    }

    fn section_table(&self) -> Table {
        let mut table = Table::new(["section", "letters"]).right(1);
        for SectionCount { title, letters } in &self.sections {
            match letters {
                0 => table.painted(TextRole::Warning, [title.clone(), "nobody".to_owned()]),
                _ => table.row([title.clone(), count(*letters)]),
            }
        }
        table
    }
}

/// One row per group; earlier and later runs have a column only if needed.
fn groups(first: &str, groups: &[BreakdownGroup]) -> Table {
    type Column = (&'static str, fn(&Numbers) -> u64);
    let columns: [Column; 4] = [
        ("letters", |numbers| numbers.letters),
        ("skipped", |numbers| numbers.skipped),
        ("sent earlier", |numbers| numbers.earlier),
        ("left for later", |numbers| numbers.left),
    ];
    let is_said = |index: usize, of: fn(&Numbers) -> u64| {
        index < 2 || groups.iter().any(|group| of(&group.numbers) > 0)
    };
    let columns: Vec<Column> = columns
        .into_iter()
        .enumerate()
        .filter(|(index, (_, of))| is_said(*index, *of))
        .map(|(_, c)| c)
        .collect();
    let mut table = Table::with_header(std::iter::once(first).chain(columns.iter().map(|(name, _)| *name)));
    for column in 1..=columns.len() {
        table = table.right(column);
    }
    for BreakdownGroup { name, numbers } in groups {
        let name = name.clone().unwrap_or_else(|| "not given".to_owned());
        let counts = columns.iter().map(|(_, of)| count(of(numbers)));
        table.add(std::iter::once(name).chain(counts).collect());
    }
    table
}
