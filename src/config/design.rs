//! `[design]`: the look of the letter.

use serde::Deserialize;

use crate::domain::LetterColor;

/// The parts of the letter's look that an association can change.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DesignConfig {
    /// The colour of headings, bands and buttons (default: green).
    pub color: Option<LetterColor>,
}
