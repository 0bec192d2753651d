//! The few colors of the program; the streams remove them if there is no terminal.

/// The role of a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TextRole {
    /// A header or a total.
    Strong,
    Good,
    Warning,
    Error,
}

impl TextRole {
    /// Adds the colour to a text.
    pub fn on(self, text: &str) -> String {
        // ECMA-48 §8.3.117, select graphic rendition.
        let code = match self {
            Self::Strong => "1",
            Self::Good => "32",
            Self::Warning => "1;33",
            Self::Error => "1;31",
        };
        format!("\u{1b}[{code}m{text}\u{1b}[0m")
    }
}
