//! The report to the board: tables of words and numbers, as a web page of its own.

use std::path::Path;

use serde::Serialize;

use super::language::Language;
use super::template::{self, Templates};
use super::{ComposeError, helpers};

const TEMPLATE: &str = "report.html.hbs";

/// A report in its language; every format shows the same.
#[derive(Debug, Default, Serialize)]
pub struct BoardReport {
    /// BCP 47 code.
    pub language: String,
    pub title: String,
    pub lead: String,
    pub tables: Vec<BoardTable>,
    pub chart: Option<BoardChart>,
    pub foot: Vec<String>,
}

/// A table with what is said below it.
#[derive(Debug, Default, Serialize)]
pub struct BoardTable {
    /// Empty for the first one, which the report's title names.
    pub title: String,
    pub header: Vec<String>,
    pub rows: Vec<BoardRow>,
    /// Whether all columns but the first are numbers.
    pub is_numbers: bool,
    pub notes: Vec<String>,
}

/// A row of a table: the first cell names it.
#[derive(Debug, Default, Serialize)]
pub struct BoardRow {
    pub label: String,
    pub cells: Vec<String>,
    /// A sum.
    pub is_strong: bool,
    /// A part of the row above.
    pub is_part: bool,
}

/// Bars from 0 to 100 %.
#[derive(Debug, Serialize)]
pub struct BoardChart {
    pub title: String,
    pub bars: Vec<BoardBar>,
}

/// A bar of a chart.
#[derive(Debug, Serialize)]
pub struct BoardBar {
    pub label: String,
    /// From 0 to 100.
    pub percent: u8,
    /// The percentage in words.
    pub words: String,
}

impl BoardReport {
    /// The report as a web page that needs nothing else.
    ///
    /// # Errors
    /// If the template cannot be used.
    pub fn html(&self, templates: &Path, language: &Language) -> Result<String, ComposeError> {
        let (path, text) = template::load(templates, TEMPLATE)?;
        let mut compiled = Templates::html();
        helpers::register(compiled.registry(), &std::sync::Arc::from([language.clone()]));
        compiled.add(TEMPLATE, &path, &text)?;
        compiled.render_data(TEMPLATE, self).map_err(|error| ComposeError::Letter {
            member: "the report".to_owned(),
            message: error.to_string(),
        })
    }
}
