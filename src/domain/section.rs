//! One Markdown file of an issue.

use std::path::PathBuf;

use super::{Event, Segment};

/// A section: front matter and Markdown.
#[derive(Debug, Clone, PartialEq)]
pub struct Section {
    /// The file, from the project's folder.
    pub path: PathBuf,
    pub title: String,
    pub order: i64,
    /// Who gets the section (default: everyone).
    pub audience: Option<Segment>,
    pub events: Vec<Event>,
    /// BCP 47 code, if it is another language than the letter's.
    pub language: Option<String>,
    /// The Markdown below the front matter.
    pub markdown: String,
    /// Lines of the file above the Markdown.
    pub lines_above: usize,
}
