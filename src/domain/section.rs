//! A section: one Markdown file of an issue.

use std::path::PathBuf;

use super::{Event, Segment};

/// A section: front matter and Markdown.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// The file, relative to the project's folder.
    pub path: PathBuf,
    pub title: String,
    pub order: i64,
    /// Who gets the section (default: everyone).
    pub audience: Option<Segment>,
    pub events: Vec<Event>,
    /// BCP 47 code, if the section is not in the letter's language.
    pub language: Option<String>,
    /// The Markdown below the front matter.
    pub markdown: String,
    /// Number of lines above the Markdown in the file.
    pub lines_above: usize,
}
