//! The report to the board: tables of words and numbers, as a separate web page.

use std::path::Path;

use serde::Serialize;

use super::language::Language;
use super::template::{self, Templates};
use super::{ComposeError, helpers};

const TEMPLATE: &str = "report.html.hbs";

/// A report in its language; all formats show the same content.
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

/// A table, with the notes below it.
#[derive(Debug, Default, Serialize)]
pub struct BoardTable {
    /// Empty for the first table, whose title is the report's.
    pub title: String,
    pub header: Vec<String>,
    pub rows: Vec<BoardRow>,
    /// Whether all columns but the first are numbers.
    pub is_numbers: bool,
    pub notes: Vec<String>,
}

/// A row of a table; the first cell is its label.
#[derive(Debug, Default, Serialize)]
pub struct BoardRow {
    pub label: String,
    pub cells: Vec<String>,
    /// Whether the row is a total.
    pub is_strong: bool,
    /// Whether the row is part of the row above.
    pub is_part: bool,
}

/// A chart of bars from 0 to 100 %.
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
    /// The report as a self-contained web page.
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
