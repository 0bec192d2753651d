//! Columns that say whether somebody is a member at all, such as `Aktiv`: reported if the configuration does not use
//! them.

use std::collections::BTreeMap;

use crate::domain::{ListedMember, Remark};

use super::Sheet;

/// How the headers of such columns begin, as identifiers.
const BEGINNINGS: [&str; 14] = [
    "aktiv",
    "active",
    "status",
    "medlemsstatus",
    "medlemskap",
    "utträd",
    "avslut",
    "avgått",
    "avliden",
    "makulerad",
    "spärrad",
    "inaktiv",
    "inactive",
    "deceased",
];

/// Values that confirm membership.
const YES: [&str; 8] = ["ja", "yes", "aktiv", "active", "1", "x", "sant", "true"];

/// A column with more values is not a status column.
const MOST_VALUES: usize = 6;

/// The values of the columns that look like a status.
#[derive(Debug)]
pub(super) struct StatusColumns {
    columns: Vec<ImportStatus>,
}

#[derive(Debug)]
struct ImportStatus {
    field: String,
    header: String,
    values: BTreeMap<String, u64>,
}

impl StatusColumns {
    /// Finds a sheet's status columns that the configuration does not use.
    pub fn of(sheet: &Sheet) -> Self {
        let looked_at = sheet.only.as_ref().map_or("", |only| only.source());
        let columns = sheet.columns.iter().filter_map(|column| {
            let field = column.field.clone()?;
            let is_status = BEGINNINGS.iter().any(|beginning| field.starts_with(beginning));
            (is_status && !looked_at.contains(&field) && !looked_at.contains(&column.header))
                .then(|| ImportStatus { field, header: column.header.clone(), values: BTreeMap::new() })
        });
        Self { columns: columns.collect() }
    }

    /// Counts a row's values.
    pub fn add(&mut self, row: &ListedMember) {
        for ImportStatus { field, values, .. } in &mut self.columns {
            let value = row.fields.get(field).map_or("", String::as_str);
            if values.len() <= MOST_VALUES || values.contains_key(value) {
                *values.entry(value.to_owned()).or_default() += 1;
            }
        }
    }

    /// Reports what the columns contain.
    pub fn remarks(self, line: u64) -> impl Iterator<Item = Remark> {
        let telling =
            self.columns.into_iter().filter(|column| (2..=MOST_VALUES).contains(&column.values.len()));
        telling.map(move |ImportStatus { field, header, values }| {
            let yes = values.keys().find(|value| YES.contains(&value.to_lowercase().as_str()));
            let most = values.iter().max_by_key(|(_, count)| **count).map(|(value, _)| value);
            let most = yes.or(most).map_or("", String::as_str);
            let counted = values.iter().map(|(value, count)| {
                let value = if value.is_empty() { "(empty)" } else { value };
                format!("{value} ({count})")
            });
            let counted = counted.collect::<Vec<_>>().join(", ");
            let message = format!(
                "has {counted}: all get letters; to leave some out, set only = '{field} = \"{most}\"' in [members]"
            );
            Remark { line, column: header, value: String::new(), message }
        })
    }
}
