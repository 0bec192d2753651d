//! `[paper]`: letters for members who cannot be reached by e-mail.

use serde::Deserialize;

use crate::domain::Segment;

/// How letters on paper look and what they cost.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct Paper {
    /// Members who want paper, whether they have e-mail or not.
    pub wanted: Option<Segment>,
    pub window: WindowSide,
    /// How far the address is moved to the right and down, in mm; negative to the left and up.
    pub right: f32,
    pub down: f32,
    /// Whether only one side of the sheets is printed.
    pub one_sided: bool,
    pub labels: Option<Labels>,
    /// The postage of a letter: maximum weight in grams, and price.
    pub postage: Vec<(u32, f64)>,
}

/// On which side of the envelope the window is.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WindowSide {
    #[default]
    Left,
    Right,
}

/// A sheet of labels, in mm.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Labels {
    pub columns: usize,
    pub rows: usize,
    pub top: f32,
    pub left: f32,
    pub width: f32,
    pub height: f32,
}
