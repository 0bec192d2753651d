//! The report in words, all of which come from the language file.

use std::collections::{BTreeMap, BTreeSet};

use jiff::Timestamp;

use crate::commands::Project;
use crate::compose::{BoardBar, BoardChart, BoardReport, BoardRow, BoardTable, Texts};
use crate::ledger::{AddressCorrection, Coverage, IssueSummary};

use super::{Counted, Findings, Names};

/// The words of a report in its language.
pub(super) struct ReportWords<'a> {
    pub project: &'a Project,
    pub texts: &'a Texts,
}

impl ReportWords<'_> {
    /// A word by its key.
    pub fn of<'k>(&'k self, key: &'k str) -> &'k str {
        self.texts.language.report_word(key)
    }

    /// A text with its placeholders filled in.
    pub fn filled(&self, key: &str, values: &[(&str, &str)]) -> String {
        values
            .iter()
            .fold(self.of(key).to_owned(), |text, (name, value)| text.replace(&format!("{{{name}}}"), value))
    }

    /// The display name of a field.
    pub fn field<'k>(&'k self, name: &'k str) -> &'k str {
        self.texts.language.report.get(&format!("field_{name}")).map_or(name, String::as_str)
    }

    /// A date in words.
    pub fn date(&self, time: Timestamp) -> String {
        let zone = self.project.config.association.time_zone.0.clone();
        self.texts.language.date(time.to_zoned_datetime(zone).date())
    }

    pub fn number(&self, number: u64) -> String {
        self.texts.language.number(number)
    }

    fn optional(&self, number: Option<u64>) -> String {
        number.map_or_else(|| self.of("none").to_owned(), |number| self.number(number))
    }

    fn percent(&self, percent: Option<u8>) -> String {
        match percent {
            Some(percent) => self.filled("percent", &[("share", &percent.to_string())]),
            None => self.of("none").to_owned(),
        }
    }

    fn signed(&self, now: u64, before: u64) -> String {
        match now.cmp(&before) {
            std::cmp::Ordering::Less => format!("−{}", self.number(before - now)),
            std::cmp::Ordering::Equal => "0".to_owned(),
            std::cmp::Ordering::Greater => format!("+{}", self.number(now - before)),
        }
    }

    /// The problem with an address and what to do about it, from `[returned]`.
    pub fn returned(&self, reason: &str) -> (String, String) {
        let words = &self.texts.language.returned;
        let text = words.get(reason).or_else(|| words.get("other")).map_or("", String::as_str);
        let (what, advice) = text.split_once(';').unwrap_or((text, ""));
        (what.trim().to_owned(), advice.trim().to_owned())
    }

    fn numbers(&self, label: String, values: &[u64]) -> BoardRow {
        let mut cells: Vec<String> = values.iter().map(|value| self.number(*value)).collect();
        if let [.., before, now] = values {
            cells.push(self.signed(*now, *before));
        }
        BoardRow { label, cells, ..BoardRow::default() }
    }
}

/// The percentage of a whole; 100 only if nothing is missing.
#[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "between 0 and 100")]
fn percent(summary: &IssueSummary) -> Option<u8> {
    let share = (summary.share()? * 100.0).round().clamp(0.0, 100.0) as u8;
    Some(if summary.reached < summary.members { share.min(99) } else { share })
}

impl Findings {
    /// The report in its language.
    pub(super) fn report(&self, project: &Project, texts: &Texts) -> BoardReport {
        let words = ReportWords { project, texts };
        let issue = self.issue.as_str();
        let last = self.issues.last();
        let date = last.and_then(|last| last.summary.last_letter).map(|time| words.date(time));
        let association = project.config.association.name.as_str();
        let mut tables = vec![self.main(&words)];
        tables.extend(self.coverage(&words));
        tables.push(self.organisations(&words));
        tables.push(self.corrections(&words));
        tables.extend(self.names.as_ref().map(|names| not_reached(&words, names)));
        tables.retain(|table| !table.rows.is_empty() || !table.notes.is_empty());
        let frozen = self.issues.iter().filter_map(|counted| {
            let date = words.date(counted.frozen?);
            Some(words.filled("frozen", &[("issue", counted.issue.as_str()), ("date", &date)]))
        });
        BoardReport {
            language: texts.language.code.clone(),
            title: words.filled("title", &[("issue", issue)]),
            lead: words.filled(
                "lead",
                &[("date", date.as_deref().unwrap_or_default()), ("association", association)],
            ),
            chart: self.chart(&words),
            tables,
            foot: frozen.collect(),
        }
    }

    fn header(&self, first: &str, words: &ReportWords<'_>) -> Vec<String> {
        let names = self.issues.iter().map(|counted| counted.issue.to_string());
        let change = (self.issues.len() > 1).then(|| words.of("change").to_owned());
        std::iter::once(first.to_owned()).chain(names).chain(change).collect()
    }

    fn values(&self, value: impl Fn(&IssueSummary) -> u64) -> Vec<u64> {
        self.issues.iter().map(|Counted { summary, .. }| value(summary)).collect()
    }

    /// The counts of the issues, side by side.
    fn main(&self, words: &ReportWords<'_>) -> BoardTable {
        let row = |key: &str, value: &dyn Fn(&IssueSummary) -> u64| {
            words.numbers(words.of(key).to_owned(), &self.values(value))
        };
        let part = |row: BoardRow| BoardRow { is_part: true, ..row };
        let strong = |row: BoardRow| BoardRow { is_strong: true, ..row };
        let mut rows = vec![strong(row("members", &|summary| summary.members)), row("sent", &|it| it.sent)];
        rows.push(row("bounced", &IssueSummary::bounces));
        rows.extend(self.parts(|it| &it.bounced, |reason| words.returned(reason).0, words).map(part));
        rows.push(row("in_doubt", &|summary| summary.in_doubt));
        rows.push(strong(row("reached", &|summary| summary.reached)));
        rows.push(part(row("by_mail", &|summary| summary.by_mail)));
        rows.push(part(row("on_paper", &|summary| summary.on_paper)));
        rows.push(self.shares(words));
        rows.push(row("not_reached", &|summary| summary.not_reached.values().sum()));
        let why = |name: &str| words.of(&format!("not_{name}")).to_owned();
        rows.extend(self.parts(|summary| &summary.not_reached, why, words).map(part));
        rows.extend(self.others(words));
        BoardTable {
            title: String::new(),
            header: self.header("", words),
            rows,
            is_numbers: true,
            notes: vec![words.of("reached_note").to_owned(), words.of("members_note").to_owned()],
        }
    }

    /// A row for each reason in any issue; reasons with the same words are added up.
    fn parts<'a>(
        &'a self,
        map: impl Fn(&'a IssueSummary) -> &'a BTreeMap<String, u64>,
        label: impl Fn(&str) -> String,
        words: &'a ReportWords<'_>,
    ) -> impl Iterator<Item = BoardRow> + 'a {
        let mut rows: BTreeMap<String, Vec<u64>> = BTreeMap::new();
        for (place, Counted { summary, .. }) in self.issues.iter().enumerate() {
            for (name, number) in map(summary) {
                let row = rows.entry(label(name)).or_insert_with(|| vec![0; self.issues.len()]);
                row.iter_mut().skip(place).take(1).for_each(|cell| *cell += number);
            }
        }
        rows.into_iter().map(|(label, values)| words.numbers(label, &values))
    }

    fn shares(&self, words: &ReportWords<'_>) -> BoardRow {
        let shares: Vec<Option<u8>> = self.issues.iter().map(|counted| percent(&counted.summary)).collect();
        let mut cells: Vec<String> = shares.iter().map(|share| words.percent(*share)).collect();
        if let [.., before, now] = shares.as_slice() {
            cells.push(match (before, now) {
                (Some(before), Some(now)) => {
                    let signed = words.signed(u64::from(*now), u64::from(*before));
                    words.filled("points", &[("share", &signed)])
                }
                _ => words.of("none").to_owned(),
            });
        }
        BoardRow { label: words.of("share").to_owned(), cells, is_strong: true, is_part: false }
    }

    /// Members who joined and left, and the cost of paper: rows without a difference.
    fn others(&self, words: &ReportWords<'_>) -> Vec<BoardRow> {
        let blank = (self.issues.len() > 1).then(String::new);
        let row = |key: &str, cell: &dyn Fn(&IssueSummary) -> String| {
            let cells =
                self.issues.iter().map(|counted| cell(&counted.summary)).chain(blank.clone()).collect();
            BoardRow { label: words.of(key).to_owned(), cells, ..BoardRow::default() }
        };
        let mut rows = vec![
            row("joined", &|summary| words.optional(summary.joined)),
            row("left", &|summary| words.optional(summary.left)),
        ];
        if self.issues.iter().any(|counted| counted.summary.postage.is_some()) {
            let money = |summary: &IssueSummary| {
                let amount = summary.postage.map(|amount| words.texts.language.money(amount));
                amount.unwrap_or_else(|| words.of("none").to_owned())
            };
            rows.push(row("postage", &money));
        }
        rows
    }

    fn chart(&self, words: &ReportWords<'_>) -> Option<BoardChart> {
        let bars: Vec<BoardBar> = self
            .issues
            .iter()
            .filter_map(|Counted { issue, summary, .. }| {
                let percent = percent(summary)?;
                Some(BoardBar { label: issue.to_string(), percent, words: words.percent(Some(percent)) })
            })
            .collect();
        (!bars.is_empty()).then(|| BoardChart { title: words.of("chart").to_owned(), bars })
    }

    /// For each grouping field, a table of how many members were reached.
    fn coverage(&self, words: &ReportWords<'_>) -> Vec<BoardTable> {
        let fields = words.project.config.report.by.iter();
        let table = |field: &String| {
            let groups: BTreeSet<&String> = self
                .issues
                .iter()
                .filter_map(|it| it.summary.coverage.get(field))
                .flat_map(BTreeMap::keys)
                .collect();
            let cell = |group: &String, counted: &Counted| {
                let found = counted.summary.coverage.get(field).and_then(|groups| groups.get(group));
                found.map_or_else(
                    || words.of("none").to_owned(),
                    |Coverage { members, reached }| {
                        format!("{} / {}", words.number(*reached), words.number(*members))
                    },
                )
            };
            let row = |group: &&String| BoardRow {
                label: if group.is_empty() { words.of("unknown").to_owned() } else { (*group).clone() },
                cells: self.issues.iter().map(|counted| cell(group, counted)).collect(),
                ..BoardRow::default()
            };
            BoardTable {
                title: words.filled("coverage", &[("field", words.field(field))]),
                header: self.header("", words).into_iter().take(self.issues.len() + 1).collect(),
                rows: groups.iter().map(row).collect(),
                is_numbers: true,
                notes: Vec::new(),
            }
        };
        fields.map(table).collect()
    }

    fn organisations(&self, words: &ReportWords<'_>) -> BoardTable {
        let row = |(name, members): (&String, &u64)| BoardRow {
            label: name.clone(),
            cells: vec![words.number(*members)],
            ..BoardRow::default()
        };
        let none = self.organisations.is_empty().then(|| words.of("organisations_none").to_owned());
        BoardTable {
            title: words.of("organisations").to_owned(),
            header: vec![words.of("organisation").to_owned(), words.of("members").to_owned()],
            rows: self.organisations.iter().map(row).collect(),
            is_numbers: true,
            notes: none.into_iter().collect(),
        }
    }

    /// Corrections for the treasurer, by problem or by name.
    fn corrections(&self, words: &ReportWords<'_>) -> BoardTable {
        let title = words.of("corrections").to_owned();
        if self.corrections.is_empty() {
            let none = words.texts.language.returned.get("none").cloned();
            return BoardTable { title, notes: none.into_iter().collect(), ..BoardTable::default() };
        }
        if let Some(names) = &self.names {
            return named_corrections(title, words, &names.corrections);
        }
        let row = |(reason, number): (&String, &u64)| {
            let (what, advice) = words.returned(reason);
            BoardRow { label: what, cells: vec![advice, words.number(*number)], ..BoardRow::default() }
        };
        BoardTable {
            title,
            header: ["what", "advice", "number"].map(|key| words.of(key).to_owned()).into(),
            rows: self.corrections.iter().map(row).collect(),
            is_numbers: false,
            notes: vec![words.of("corrections_note").to_owned()],
        }
    }
}

fn named_corrections(
    title: String,
    words: &ReportWords<'_>,
    corrections: &[AddressCorrection],
) -> BoardTable {
    let row = |correction: &AddressCorrection| {
        let (what, advice) = words.returned(correction.reason.map_or("other", <&str>::from));
        let organisation = correction.organisation.clone().unwrap_or_default();
        let cells = vec![organisation, correction.address.clone(), what, advice];
        BoardRow { label: correction.name.clone(), cells, ..BoardRow::default() }
    };
    let keys = ["name", "organisation", "where", "what", "advice"];
    BoardTable {
        title,
        header: keys.map(|key| words.of(key).to_owned()).into(),
        rows: corrections.iter().map(row).collect(),
        ..BoardTable::default()
    }
}

fn not_reached(words: &ReportWords<'_>, names: &Names) -> BoardTable {
    let rows = names.not_reached.iter().map(|missed| {
        let why = words.of(&format!("not_{}", missed.why)).to_owned();
        let cells = vec![missed.organisation.clone().unwrap_or_default(), why];
        BoardRow { label: missed.name.clone(), cells, ..BoardRow::default() }
    });
    BoardTable {
        title: words.of("names").to_owned(),
        header: ["name", "organisation", "why"].map(|key| words.of(key).to_owned()).into(),
        rows: rows.collect(),
        ..BoardTable::default()
    }
}
