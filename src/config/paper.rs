//! `[paper]`: letters for members who cannot be reached by e-mail.

use serde::Deserialize;

use crate::domain::{LabelSheet, Segment, WindowSide};

/// The layout and the postage of letters on paper.
#[derive(Debug, Clone, Default, Deserialize)]
#[serde(default, deny_unknown_fields)]
pub struct PaperConfig {
    /// Members who want paper, even if they have e-mail.
    pub wanted: Option<Segment>,
    pub window: WindowSide,
    /// How far to move the address right and down, in mm; negative values move it left and up.
    pub right: f32,
    pub down: f32,
    /// Whether sheets are printed on one side only.
    pub one_sided: bool,
    pub labels: Option<LabelSheet>,
    /// The postage of a letter: maximum weight in grams, and price.
    pub postage: Vec<(u32, f64)>,
}
