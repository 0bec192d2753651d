//! Letters on paper: the envelope's window, and sheets of address labels.

use serde::Deserialize;

/// Side of the envelope's window.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum WindowSide {
    #[default]
    Left,
    Right,
}

/// A sheet of labels: their number, and the position of the first one and the size of each in mm.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LabelSheet {
    pub columns: usize,
    pub rows: usize,
    pub top: f32,
    pub left: f32,
    pub width: f32,
    pub height: f32,
}

impl Default for LabelSheet {
    /// 3 × 8 labels of 70 × 37 mm on A4.
    fn default() -> Self {
        Self { columns: 3, rows: 8, top: 0.5, left: 0.0, width: 70.0, height: 37.0 }
    }
}
