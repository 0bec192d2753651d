//! One Markdown file of an issue.

use std::path::PathBuf;

use jiff::civil::{Date, Time};
use serde::Serialize;

use super::Segment;

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

/// A meeting or another happening that a section announces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    pub title: String,
    pub date: Date,
    pub start: Option<Time>,
    pub end: Option<Time>,
    pub place: Option<String>,
    /// Where one signs up: an `https:` or `mailto:` link.
    pub signup: Option<String>,
    pub description: Option<String>,
}
