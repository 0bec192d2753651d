//! Which column holds which field.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;

use crate::domain::{Excerpt, field};

use super::text::ListText;
use super::{ImportError, personal, rows};

/// The headers named in the configuration.
#[derive(Debug, Clone, Default)]
pub struct Wanted {
    /// Maps each field to its headers, the best first.
    pub columns: BTreeMap<String, Vec<String>>,
    /// Headers of columns to drop.
    pub ignore: Vec<String>,
    /// Headers of columns to keep although they hold personal identity numbers.
    pub keep: Vec<String>,
}

/// The columns of a member list, from left to right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    found: Vec<Column>,
    /// The header's line in the file.
    pub header_line: u64,
    /// Choices made for an ambiguous list.
    pub(super) remarks: Vec<(String, String)>,
}

/// One column: its header and its field; `None` if the column is dropped.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub header: String,
    pub field: Option<String>,
    /// For an address column: how many others are better.
    pub(super) preference: Option<usize>,
}

impl Wanted {
    /// The field for which a header is configured, and how many other headers are better.
    pub(super) fn field_of(&self, header: &str) -> Option<(&str, usize)> {
        self.columns.iter().find_map(|(field, headers)| {
            Some((field.as_str(), headers.iter().position(|wanted| same(header, wanted))?))
        })
    }

    fn is_ignored(&self, header: &str) -> bool {
        self.ignore.iter().any(|ignored| same(header, ignored))
    }

    pub(super) fn is_kept(&self, header: &str) -> bool {
        self.keep.iter().any(|kept| same(header, kept)) || self.field_of(header).is_some()
    }
}

impl Columns {
    /// Reads the header row, which starts at the byte `start`, and finds each column's field: by the configuration,
    /// then by the aliases.
    pub(super) fn find(
        path: &Path,
        text: &ListText,
        place: super::header::HeaderPlace,
        wanted: &Wanted,
    ) -> Result<Self, ImportError> {
        let header_line = super::rows::lines_in(text.bytes(0).take(place.start)) + 1;
        let excerpt = || {
            let shown = text.shown(place.start);
            Excerpt::at(path, &shown, usize::try_from(header_line).unwrap_or(1), 1)
        };
        let wrong = |message: String| ImportError::Header { line: header_line, message, excerpt: excerpt() };
        let mut reader = super::rows::reader(text.reader(place.start), place.delimiter);
        let mut header = csv::StringRecord::new();
        reader.read_record(&mut header).map_err(|error| wrong(error.to_string()))?;
        for (field, headers) in &wanted.columns {
            if !header.iter().any(|cell| headers.iter().any(|wanted| same(cell, wanted))) {
                let headers = headers.join("` or `");
                return Err(wrong(format!(
                    "no column has the header `{headers}`, which is configured for `{field}`"
                )));
            }
        }
        let columns = Self { header_line, ..Self::named(&header, wanted) };
        if !columns.has("email") {
            let has_other = header.iter().filter(|cell| !cell.trim().is_empty()).count() > 1;
            return Err(ImportError::NoAddresses {
                line: header_line,
                has_other,
                excerpt: Box::new(excerpt()),
            });
        }
        Ok(columns)
    }

    fn named(header: &csv::StringRecord, wanted: &Wanted) -> Self {
        let mut columns = Self { found: Vec::new(), header_line: 1, remarks: Vec::new() };
        let mut taken = BTreeSet::new();
        let chosen = choices(header, wanted);
        for (position, cell) in header.iter().enumerate() {
            let header = cell.trim().to_owned();
            let choice = chosen.iter().find(|choice| choice.position == position);
            let (field, preference) = match choice {
                _ if header.is_empty() || wanted.is_ignored(cell) => (None, None),
                _ if personal::is_named(cell) && !wanted.is_kept(cell) => {
                    let message = "is not stored: it has personal identity numbers (name it in `keep` in [members] to store it)";
                    columns.remarks.push((header.clone(), message.to_owned()));
                    (None, None)
                }
                Some(ColumnChoice { field, preference, .. }) if *preference == 0 => {
                    (Some(field.clone()), (field == "email").then_some(0))
                }
                Some(ColumnChoice { preference, .. }) => (Some(other_name(cell, &taken)), Some(*preference)),
                None => (Some(other_name(cell, &taken)), None),
            };
            if let (Some(field), None) = (&field, choice)
                && let Some(meant) = field::known(cell).filter(|meant| *meant != field)
            {
                let message = format!("is stored as `{field}`: another column is used for `{meant}`");
                columns.remarks.push((header.clone(), message));
            }
            taken.extend(field.clone());
            columns.found.push(Column { header, field, preference });
        }
        columns
    }

    /// Tells whether a column holds the field.
    pub fn has(&self, field: &str) -> bool {
        self.fields().any(|known| known == field)
    }

    /// The fields of the file, from left to right; fields filled from another field's column come last.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        let own = || self.found.iter().filter_map(|column| column.field.as_deref());
        let taken = own().flat_map(|field| match field {
            rows::POSTAL => ["postcode", "city", "street"].as_slice(),
            rows::KIND => ["organisation"].as_slice(),
            _ => &[],
        });
        own().chain(taken.copied().filter(move |field| !own().any(|known| known == *field)))
    }

    /// Drops a column's content.
    pub(super) fn drop_column(&mut self, position: usize, why: &str) {
        if let Some(column) = self.found.get_mut(position) {
            column.field = None;
            self.remarks.push((column.header.clone(), why.to_owned()));
        }
    }

    /// All columns, from left to right.
    pub fn iter(&self) -> impl Iterator<Item = &Column> {
        self.found.iter()
    }

    /// How many columns the header has.
    pub fn len(&self) -> usize {
        self.found.len()
    }

    /// Tells whether the header is empty.
    pub fn is_empty(&self) -> bool {
        self.found.is_empty()
    }
}

/// A column chosen for a known field.
#[derive(Debug)]
struct ColumnChoice {
    position: usize,
    field: String,
    /// 0 for the field's own column; columns of further addresses follow.
    preference: usize,
}

/// The best column for each known field: the configured one, else the one with the most exact header. Columns of
/// further addresses follow in their order.
fn choices(header: &csv::StringRecord, wanted: &Wanted) -> Vec<ColumnChoice> {
    let mut best: BTreeMap<String, (usize, usize)> = BTreeMap::new();
    let mut further = Vec::new();
    for (position, cell) in header.iter().enumerate() {
        if wanted.is_ignored(cell) {
            continue;
        }
        if let Some((field, preference)) = wanted.field_of(cell) {
            further.push((preference, position, field::canonical(field)));
            continue;
        }
        let is_configured = |field: &str| wanted.columns.keys().any(|name| field::canonical(name) == field);
        if let Some((field, rank)) = field::ranked(cell).filter(|(field, _)| !is_configured(field)) {
            let known = best.entry(field.to_owned()).or_insert((rank, position));
            *known = (*known).min((rank, position));
        } else if let Some(number) = field::number_of_address(cell).filter(|_| !is_configured("email")) {
            further.push((number, position, "email".to_owned()));
        }
    }
    let mut chosen: Vec<ColumnChoice> = best
        .into_iter()
        .map(|(field, (_, position))| ColumnChoice { position, field, preference: 0 })
        .collect();
    further.sort();
    for (_, position, field) in further {
        let preference = chosen.iter().filter(|choice| choice.field == field).count();
        // Only addresses may come from several columns.
        if preference == 0 || field == "email" {
            chosen.push(ColumnChoice { position, field, preference });
        }
    }
    chosen
}

/// The name of a column that does not hold a known field.
fn other_name(header: &str, taken: &BTreeSet<String>) -> String {
    let name = field::identifier(header);
    let name = if field::KNOWN.contains(&name.as_str()) { format!("{name}_2") } else { name };
    let numbered = (2..).map(|number| format!("{name}_{number}"));
    std::iter::once(name.clone()).chain(numbered).find(|name| !taken.contains(name)).unwrap_or(name)
}

fn same(cell: &str, wanted: &str) -> bool {
    cell.trim().to_lowercase() == wanted.trim().to_lowercase()
}
