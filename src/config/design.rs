//! `[design]`: the look of the letter.

use serde::Deserialize;

use crate::domain::LetterColor;

/// What an association changes of the letter's look.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct DesignConfig {
    /// Of headings, bands and buttons (default: green).
    pub color: Option<LetterColor>,
}
