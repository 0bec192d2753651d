//! Shapes words into glyphs, once for each font and language, for any size.

use std::collections::HashMap;
use std::rc::Rc;

use krilla::text::GlyphId;
use rustybuzz::{BufferClusterLevel, UnicodeBuffer};
use unicode_normalization::{UnicodeNormalization, is_nfc};

use super::fonts::{FaceName, FontFace, REPLACEMENT, drawn_as, face, is_private};
use super::hyphen::{BreakPoint, break_points};

/// A glyph and the bytes of its word that it shows; lengths are relative to the font size.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct WordGlyph {
    pub face: FaceName,
    pub id: GlyphId,
    pub start: usize,
    pub end: usize,
    pub advance: f32,
    pub offset: (f32, f32),
}

/// A shaped word.
#[derive(Debug, Clone, Default, PartialEq)]
pub(super) struct ShapedWord {
    pub text: String,
    pub glyphs: Vec<WordGlyph>,
    pub points: Vec<BreakPoint>,
}

impl ShapedWord {
    /// The width of a range of its bytes.
    pub fn width(&self, from: usize, to: usize) -> f32 {
        self.part(from, to).map(|glyph| glyph.advance).sum()
    }

    /// The glyphs of a range of its bytes.
    pub fn part(&self, from: usize, to: usize) -> impl Iterator<Item = &WordGlyph> {
        let first = self.glyphs.partition_point(|glyph| glyph.start < from);
        let last = self.glyphs.partition_point(|glyph| glyph.start < to);
        self.glyphs.get(first..last).unwrap_or_default().iter()
    }
}

/// A cache of shaped words; emptied when it exceeds the size of a language's common words.
#[derive(Debug, Default)]
pub(super) struct Shaper {
    words: HashMap<(FaceName, String), HashMap<String, Rc<ShapedWord>>>,
    count: usize,
}

const MOST_WORDS: usize = 50_000;

impl Shaper {
    /// A word in a font, with its break points in its language.
    pub fn word(&mut self, text: &str, name: FaceName, language: &str) -> Rc<ShapedWord> {
        if self.count > MOST_WORDS {
            self.words.clear();
            self.count = 0;
        }
        let words = self.words.entry((name, language.to_owned())).or_default();
        if let Some(word) = words.get(text) {
            return Rc::clone(word);
        }
        let word = Rc::new(shaped(text, name, language));
        words.insert(text.to_owned(), Rc::clone(&word));
        self.count += 1;
        word
    }
}

/// The hyphen at the end of a line; its text is a soft hyphen, so that copied words stay whole.
pub(super) fn hyphen(name: FaceName) -> Option<WordGlyph> {
    let (face, id) = face(name).and_then(|face| Some((face, face.glyph('\u{ad}').or(face.glyph('-'))?)))?;
    let advance = f32::from(face.shaper.glyph_hor_advance(id)?) / units(face);
    let id = GlyphId::new(u32::from(id.0));
    Some(WordGlyph { face: name, id, start: 0, end: '\u{ad}'.len_utf8(), advance, offset: (0.0, 0.0) })
}

fn units(face: &FontFace) -> f32 {
    f32::from(u16::try_from(face.shaper.units_per_em()).unwrap_or(1).max(1))
}

fn shaped(text: &str, name: FaceName, language: &str) -> ShapedWord {
    let composed = if is_nfc(text) { text.to_owned() } else { text.nfc().collect() };
    let public: String = composed.chars().map(|c| if is_private(c) { REPLACEMENT } else { c }).collect();
    let (text, points) = break_points(&public, language);
    let mut glyphs = Vec::new();
    let mut run: Vec<(usize, char)> = Vec::new();
    let mut run_face = name;
    for (at, c) in text.char_indices() {
        let (wanted, drawn) = drawn_as(c, name);
        if wanted != run_face && !run.is_empty() {
            shape_run(&run, at, run_face, &mut glyphs);
            run.clear();
        }
        run_face = wanted;
        run.push((at, drawn));
    }
    shape_run(&run, text.len(), run_face, &mut glyphs);
    ShapedWord { text, glyphs, points }
}

/// Shapes characters of one font, given with their positions, up to the byte `end`.
fn shape_run(run: &[(usize, char)], end: usize, name: FaceName, glyphs: &mut Vec<WordGlyph>) {
    let Some(face) = face(name).filter(|_| !run.is_empty()) else { return };
    let mut buffer = UnicodeBuffer::new();
    buffer.set_cluster_level(BufferClusterLevel::MonotoneGraphemes);
    for (at, c) in run {
        buffer.add(*c, u32::try_from(*at).unwrap_or(u32::MAX));
    }
    buffer.guess_segment_properties();
    buffer.set_direction(rustybuzz::Direction::LeftToRight);
    let shaped = rustybuzz::shape(&face.shaper, &[], buffer);
    let scale = 1.0 / units(face);
    let starts: Vec<usize> = shaped.glyph_infos().iter().map(|info| info.cluster as usize).collect();
    let replacement = face.glyph(REPLACEMENT).map_or(0, |glyph| u32::from(glyph.0));
    for (info, position) in shaped.glyph_infos().iter().zip(shaped.glyph_positions()) {
        let start = info.cluster as usize;
        let next = following(&starts, start).unwrap_or(end);
        let id = if info.glyph_id == 0 { replacement } else { info.glyph_id };
        let em = |value: i32| f32::from(i16::try_from(value).unwrap_or(i16::MAX)) * scale;
        let offset = (em(position.x_offset), em(position.y_offset));
        let advance = em(position.x_advance);
        glyphs.push(WordGlyph { face: name, id: GlyphId::new(id), start, end: next, advance, offset });
    }
}

/// The first of the sorted starts after this one.
fn following(starts: &[usize], start: usize) -> Option<usize> {
    starts.get(starts.partition_point(|known| *known <= start)).copied()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_byte_of_a_word_has_its_glyph() {
        let mut shaper = Shaper::default();
        for (text, want) in [
            ("Åäö", "Åäö"),
            ("A\u{30a}r", "År"),
            ("a→b", "a→b"),
            ("漢🎉", "漢🎉"),
            ("\u{e000}", "\u{fffd}"),
            ("by\u{ad}gd", "bygd"),
            ("e\u{325}\u{301}", "é\u{325}"),
            ("", ""),
        ] {
            let word = shaper.word(text, FaceName::Regular, "sv");
            let mut at = 0;
            for glyph in &word.glyphs {
                assert!(glyph.id.to_u32() != 0 && glyph.start <= at && glyph.end >= at, "{text}: {glyph:?}");
                at = glyph.end;
            }
            assert_eq!(at, word.text.len(), "{text}");
            assert_eq!(word.text.nfc().collect::<String>(), want.nfc().collect::<String>());
        }
        assert!(Rc::ptr_eq(&shaper.word("a", FaceName::Bold, "sv"), &shaper.word("a", FaceName::Bold, "sv")));
    }

    #[test]
    fn pairs_are_kerned() {
        let width = |text: &str| shaped(text, FaceName::Regular, "sv").width(0, text.len());
        assert!(width("Te") < width("T") + width("e"));
        assert!(hyphen(FaceName::Bold).is_some_and(|glyph| glyph.advance > 0.1));
    }
}
