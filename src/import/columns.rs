//! Which column holds which field.

use std::collections::BTreeMap;
use std::path::Path;

use crate::domain::{Excerpt, field};

use super::ImportError;

/// The columns of a member list, from left to right.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Columns {
    columns: Vec<Column>,
    /// The header's line in the file.
    pub header_line: u64,
}

/// One column: its header and the field it holds; `None` for a column without a header.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Column {
    pub header: String,
    pub field: Option<String>,
}

impl Columns {
    /// Reads the header row and names each column's field: by `asked` (field → header), then by the aliases.
    pub(super) fn find(
        path: &Path,
        text: &str,
        delimiter: u8,
        asked: &BTreeMap<String, String>,
    ) -> Result<Self, ImportError> {
        let start = super::rows::header_start(text);
        let header_line = super::rows::lines_in(text.get(..start).unwrap_or_default()) + 1;
        let wrong = |message: String| ImportError::Header {
            line: header_line,
            message,
            excerpt: Excerpt::at(path, text, usize::try_from(header_line).unwrap_or(1), 1),
        };
        let mut reader = super::rows::reader(text.get(start..).unwrap_or_default(), delimiter);
        let mut header = csv::StringRecord::new();
        reader.read_record(&mut header).map_err(|error| wrong(error.to_string()))?;
        for (field, wanted) in asked {
            if !header.iter().any(|cell| same(cell, wanted)) {
                return Err(wrong(format!(
                    "no column has the header `{wanted}`, which is configured for `{field}`"
                )));
            }
        }
        let columns = Self::named(&header, asked);
        if let Some(twice) = columns.repeated() {
            return Err(wrong(format!(
                "two columns map to `{twice}`: rename one, or choose in [members.columns]"
            )));
        }
        if !columns.has("email") {
            return Err(wrong(
                "no column contains e-mail addresses (such as `E-post` or `Email`)".to_owned(),
            ));
        }
        Ok(Self { header_line, ..columns })
    }

    fn named(header: &csv::StringRecord, asked: &BTreeMap<String, String>) -> Self {
        let columns = header.iter().map(|cell| {
            let asked_for = asked.iter().find(|(_, wanted)| same(cell, wanted));
            let field = match asked_for {
                Some((name, _)) => field::canonical(name),
                None => field::canonical(cell),
            };
            // The configuration's choice for a field takes it from a column that has it by alias.
            let taken = asked_for.is_none() && asked.keys().any(|name| field::canonical(name) == field);
            let field = if taken { format!("{field}_2") } else { field };
            Column { header: cell.trim().to_owned(), field: Some(field).filter(|f| !f.is_empty()) }
        });
        Self { columns: columns.collect(), header_line: 1 }
    }

    fn repeated(&self) -> Option<&str> {
        let mut seen = std::collections::BTreeSet::new();
        self.fields().find(|field| !seen.insert(*field))
    }

    /// Tells whether a column holds the field.
    pub fn has(&self, field: &str) -> bool {
        self.fields().any(|known| known == field)
    }

    /// The fields that the file has, from left to right.
    pub fn fields(&self) -> impl Iterator<Item = &str> {
        self.columns.iter().filter_map(|column| column.field.as_deref())
    }

    /// All columns, from left to right.
    pub fn iter(&self) -> impl Iterator<Item = &Column> {
        self.columns.iter()
    }

    /// How many columns the header has.
    pub fn len(&self) -> usize {
        self.columns.len()
    }

    /// Tells whether the header is empty.
    pub fn is_empty(&self) -> bool {
        self.columns.is_empty()
    }
}

fn same(cell: &str, wanted: &str) -> bool {
    cell.trim().to_lowercase() == wanted.trim().to_lowercase()
}
