//! The fonts of the printed letter, and which of them has a character.

use std::collections::BTreeSet;
use std::sync::LazyLock;

use krilla::text::Font;
use rustybuzz::ttf_parser::GlyphId;

/// A font for text, or the one with symbols.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
pub(super) enum FaceName {
    Regular,
    Italic,
    Bold,
    BoldItalic,
    Symbols,
}

impl FaceName {
    /// The font for a text that may be bold or italic.
    pub fn of(bold: bool, italic: bool) -> Self {
        match (bold, italic) {
            (false, false) => Self::Regular,
            (false, true) => Self::Italic,
            (true, false) => Self::Bold,
            (true, true) => Self::BoldItalic,
        }
    }
}

const FILES: [(FaceName, &[u8]); 5] = [
    (FaceName::Regular, include_bytes!("fonts/OpenSans-Regular.ttf")),
    (FaceName::Italic, include_bytes!("fonts/OpenSans-Italic.ttf")),
    (FaceName::Bold, include_bytes!("fonts/OpenSans-Bold.ttf")),
    (FaceName::BoldItalic, include_bytes!("fonts/OpenSans-BoldItalic.ttf")),
    (FaceName::Symbols, include_bytes!("fonts/Symbols.ttf")),
];

/// A character in all fonts; it is drawn instead of one that is missing.
pub(super) const REPLACEMENT: char = '\u{fffd}';

/// A font for the shaper and the PDF writer.
pub(super) struct FontFace {
    pub name: FaceName,
    pub shaper: rustybuzz::Face<'static>,
    pub font: Font,
}

impl FontFace {
    fn load(name: FaceName, bytes: &'static [u8]) -> Option<Self> {
        let shaper = rustybuzz::Face::from_slice(bytes, 0)?;
        Some(Self { name, shaper, font: Font::new(bytes.into(), 0)? })
    }

    /// The glyph of a character.
    pub fn glyph(&self, c: char) -> Option<GlyphId> {
        self.shaper.glyph_index(c).filter(|glyph| glyph.0 != 0)
    }
}

impl std::fmt::Debug for FontFace {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        write!(f, "Face({:?})", self.name)
    }
}

static FACES: LazyLock<Vec<FontFace>> =
    LazyLock::new(|| FILES.iter().filter_map(|(name, bytes)| FontFace::load(*name, bytes)).collect());

/// A built-in font.
pub(super) fn face(name: FaceName) -> Option<&'static FontFace> {
    FACES.iter().find(|face| face.name == name)
}

/// The font and the character to draw: characters that differ only in line breaking share a glyph.
pub(super) fn drawn_as(c: char, name: FaceName) -> (FaceName, char) {
    let same_glyph = match c {
        '\u{202f}' | '\u{2007}' => '\u{a0}',
        '\u{2010}' | '\u{2011}' => '-',
        other => other,
    };
    let has = |name| face(name).is_some_and(|face| face.glyph(same_glyph).is_some());
    match [name, FaceName::Symbols].into_iter().find(|name| has(*name)) {
        // Private-use characters have no meaning for other readers.
        Some(found) if !is_private(c) => (found, same_glyph),
        _ => (name, REPLACEMENT),
    }
}

/// Tells whether a character is for private use, which PDF/A forbids.
pub(super) fn is_private(c: char) -> bool {
    matches!(c, '\u{e000}'..='\u{f8ff}' | '\u{f0000}'..)
}

/// Tells whether a character is invisible: a control, a joiner or a variation selector.
pub(super) fn is_invisible(c: char) -> bool {
    c.is_control()
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{200b}'..='\u{200f}' | '\u{2028}'..='\u{202e}'
            | '\u{2060}'..='\u{206f}' | '\u{fe00}'..='\u{fe0f}' | '\u{feff}' | '\u{e0000}'..='\u{e0fff}')
}

/// The characters of a text that the built-in fonts lack; a replacement character is printed instead.
pub fn missing_characters(text: &str) -> BTreeSet<char> {
    let is_missing =
        |c: &char| !is_invisible(*c) && *c != REPLACEMENT && drawn_as(*c, FaceName::Regular).1 == REPLACEMENT;
    text.chars().filter(is_missing).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_fonts_have_the_characters_of_letters() {
        assert_eq!(FACES.len(), FILES.len());
        let known = "Åäöß ŋčž Ωλ Жя “”–—… €£ ½ →←↑↓✓✔☐☑•★☎✉ ☺ ẞ a\u{301} \u{ad}\u{a0}\u{202f}\u{2011}\u{200b}\u{fe0f}\n";
        assert_eq!(missing_characters(known), BTreeSet::new());
        let missing: String = missing_characters("a 🎉 漢 \u{e000}").into_iter().collect();
        assert_eq!(missing, "漢\u{e000}🎉");
    }

    #[test]
    fn each_character_has_a_font() {
        for (c, want) in [
            ('a', (FaceName::Bold, 'a')),
            ('→', (FaceName::Symbols, '→')),
            ('\u{2011}', (FaceName::Bold, '-')),
            ('漢', (FaceName::Bold, REPLACEMENT)),
        ] {
            assert_eq!(drawn_as(c, FaceName::Bold), want);
        }
    }
}
