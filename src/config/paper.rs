//! `[paper]`: letters for members who cannot be reached by e-mail.

use serde::Deserialize;

use crate::domain::{LabelSheet, Segment, WindowSide};

/// How letters on paper look and what they cost.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PaperConfig {
    /// Members who want paper, whether they have e-mail or not.
    pub wanted: Option<Segment>,
    pub window: WindowSide,
    /// How far the address is moved to the right and down, in mm; negative to the left and up.
    pub right: f32,
    pub down: f32,
    /// Whether only one side of the sheets is printed.
    pub one_sided: bool,
    pub labels: Option<LabelSheet>,
    /// The postage of a letter: maximum weight in grams, and price.
    pub postage: Vec<(u32, f64)>,
}
