//! A problem or a possible problem.

use std::path::Path;

use serde::Serialize;

use crate::compose::ComposeError;
use crate::domain::Excerpt;

/// The severity of a finding.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Severity {
    /// The issue cannot be sent.
    Error,
    Warning,
    /// Nothing is wrong, but it is good to know.
    Note,
}

/// A problem found by a rule.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Finding {
    pub severity: Severity,
    /// The rule's name, such as `weekday`.
    pub rule: &'static str,
    pub message: String,
    /// What to do about it.
    pub advice: String,
    /// The place; its text is empty for a file as a whole.
    pub place: Option<Excerpt>,
}

/// A finding for JSON, with its file relative to the project's folder.
#[derive(Debug, Serialize)]
pub struct FindingReport<'a> {
    pub severity: Severity,
    pub rule: &'a str,
    pub file: Option<&'a Path>,
    pub line: Option<usize>,
    pub message: &'a str,
    pub advice: &'a str,
}

impl Finding {
    /// The finding for a reader who is in the folder `root`.
    pub fn report(&self, root: &Path) -> FindingReport<'_> {
        let Self { severity, rule, message, advice, place } = self;
        let file = place.as_ref().map(|place| place.path.strip_prefix(root).unwrap_or(&place.path));
        FindingReport { severity: *severity, rule, file, line: self.line(), message, advice }
    }

    pub fn error(rule: &'static str, message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { severity: Severity::Error, rule, message: message.into(), advice: advice.into(), place: None }
    }

    pub fn warning(rule: &'static str, message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { severity: Severity::Warning, ..Self::error(rule, message, advice) }
    }

    pub fn note(rule: &'static str, message: impl Into<String>, advice: impl Into<String>) -> Self {
        Self { severity: Severity::Note, ..Self::error(rule, message, advice) }
    }

    /// Adds the place.
    #[must_use]
    pub fn at(mut self, place: Excerpt) -> Self {
        self.place = Some(place);
        self
    }

    /// The line of its place; `None` if there is no place, or if it is a file as a whole.
    pub fn line(&self) -> Option<usize> {
        self.place.as_ref().filter(|place| !place.text.is_empty()).map(Excerpt::line)
    }
}

impl From<&ComposeError> for Finding {
    fn from(error: &ComposeError) -> Self {
        let advice = error.hint().unwrap_or_default();
        match error {
            ComposeError::Source { message, excerpt, .. } => {
                Self::error("source", message.clone(), advice).at(excerpt.clone())
            }
            ComposeError::Read { path, .. } => {
                Self::error("unreadable-file", error.to_string(), advice).at(Excerpt::new(path, "", 0..0))
            }
            ComposeError::NotAnImage { path, .. } => {
                Self::error("image-type", error.to_string(), advice).at(Excerpt::new(path, "", 0..0))
            }
            _ => Self::error("composing", error.to_string(), advice),
        }
    }
}
