//! Wraps pieces of text into lines of limited width.

use unicode_width::{UnicodeWidthChar, UnicodeWidthStr};

use super::block::{HARD_BREAK, Ink, Piece, TextStyle};

/// One line on the screen.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ScreenLine {
    pub pieces: Vec<Piece>,
    /// The number of a picture that can be shown above it.
    pub picture: Option<usize>,
}

impl ScreenLine {
    /// A line with a single text in one style.
    pub fn of(text: impl Into<String>, face: TextStyle) -> Self {
        Self { pieces: vec![Piece { text: text.into(), face }], picture: None }
    }

    /// A line with a single text in one colour.
    pub fn inked(text: impl Into<String>, ink: Ink) -> Self {
        Self::of(text, TextStyle { ink, ..TextStyle::default() })
    }

    /// How many columns it takes.
    pub fn width(&self) -> usize {
        self.pieces.iter().map(|piece| piece.text.width()).sum()
    }

    /// The text without styles.
    pub fn text(&self) -> String {
        self.pieces.iter().map(|piece| piece.text.as_str()).collect()
    }

    /// Adds a text; it is merged with the text before if both have the same style.
    pub fn push(&mut self, text: &str, face: TextStyle) {
        match self.pieces.last_mut() {
            Some(last) if last.face == face => last.text.push_str(text),
            _ if text.is_empty() => {}
            _ => self.pieces.push(Piece { text: text.to_owned(), face }),
        }
    }

    /// Adds another line's pieces.
    pub fn append(&mut self, other: &Self) {
        self.picture = self.picture.or(other.picture);
        other.pieces.iter().for_each(|piece| self.push(&piece.text, piece.face));
    }

    /// Pads the line with spaces to a width, on the left if the text is aligned to the right.
    pub fn pad(&mut self, width: usize, to_the_right: bool) {
        let space = " ".repeat(width.saturating_sub(self.width()));
        if to_the_right && !space.is_empty() {
            self.pieces.insert(0, Piece { text: space, face: TextStyle::default() });
        } else {
            self.push(&space, TextStyle::default());
        }
    }

    /// The line with a prefix.
    #[must_use]
    pub fn after(self, prefix: &Self) -> Self {
        let mut line = prefix.clone();
        line.append(&self);
        line
    }
}

/// Fills lines with words; only a web address may exceed the width.
pub fn wrap(pieces: &[Piece], width: usize) -> Vec<ScreenLine> {
    let mut filler = Filler { width: width.max(1), lines: Vec::new(), line: ScreenLine::default() };
    for word in words(pieces) {
        match word {
            WrapWord::Break => filler.end_line(),
            WrapWord::Text { line, space } => filler.add(&line, space),
        }
    }
    filler.end_line();
    filler.lines
}

/// Breaks a text that is not prose into lines exactly at the width.
pub fn chop(text: &str, face: TextStyle, width: usize) -> Vec<ScreenLine> {
    let mut lines = vec![ScreenLine::default()];
    let mut used = 0;
    for c in text.chars() {
        let columns = c.width().unwrap_or(0);
        if used + columns > width.max(1) {
            lines.push(ScreenLine::default());
            used = 0;
        }
        used += columns;
        lines.last_mut().into_iter().for_each(|line| line.push(c.encode_utf8(&mut [0; 4]), face));
    }
    lines
}

/// A text cut to the width, with `…` for the rest.
pub fn cut(text: &str, width: usize) -> String {
    if text.width() <= width {
        return text.to_owned();
    }
    let mut room = width.saturating_sub(1);
    let fits = |c: &char| {
        let columns = c.width().unwrap_or(0);
        let fits = columns <= room;
        room = room.saturating_sub(columns);
        fits
    };
    let mut start: String = text.chars().take_while(fits).collect();
    start.extend((width > 0).then_some('…'));
    start
}

/// An unbreakable unit, with the style of the space before it.
enum WrapWord {
    Text { line: ScreenLine, space: TextStyle },
    Break,
}

fn words(pieces: &[Piece]) -> Vec<WrapWord> {
    let mut words = Vec::new();
    let mut word = ScreenLine::default();
    let mut space = TextStyle::default();
    for Piece { text, face } in pieces {
        if text == HARD_BREAK {
            end_word(&mut words, &mut word, space);
            words.push(WrapWord::Break);
            continue;
        }
        for (index, part) in text.split(|c: char| c.is_ascii_whitespace()).enumerate() {
            if index > 0 {
                end_word(&mut words, &mut word, space);
                space = *face;
            }
            word.push(part, *face);
        }
    }
    end_word(&mut words, &mut word, space);
    words
}

fn end_word(words: &mut Vec<WrapWord>, word: &mut ScreenLine, space: TextStyle) {
    if !word.pieces.is_empty() {
        words.push(WrapWord::Text { line: std::mem::take(word), space });
    }
}

struct Filler {
    width: usize,
    lines: Vec<ScreenLine>,
    line: ScreenLine,
}

impl Filler {
    fn end_line(&mut self) {
        self.lines.push(std::mem::take(&mut self.line));
    }

    fn add(&mut self, word: &ScreenLine, space: TextStyle) {
        let columns = word.width();
        let used = self.line.width();
        if used > 0 && used + 1 + columns <= self.width {
            let face = word
                .pieces
                .first()
                .map_or(space, |piece| if piece.face == space { space } else { TextStyle::default() });
            self.line.push(" ", face);
            self.line.append(word);
            return;
        }
        if used > 0 {
            self.end_line();
        }
        if columns <= self.width || word.text().contains("://") {
            self.line.append(word);
        } else {
            self.add_in_parts(word);
        }
    }

    fn add_in_parts(&mut self, word: &ScreenLine) {
        for piece in &word.pieces {
            for c in piece.text.chars() {
                if self.line.width() + c.width().unwrap_or(0) > self.width {
                    self.end_line();
                }
                self.line.push(c.encode_utf8(&mut [0; 4]), piece.face);
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn piece(text: &str, bold: bool) -> Piece {
        Piece { text: text.to_owned(), face: TextStyle { bold, ..TextStyle::default() } }
    }

    fn wrapped(pieces: &[Piece], width: usize) -> Vec<String> {
        wrap(pieces, width).iter().map(ScreenLine::text).collect()
    }

    #[test]
    fn words_fill_lines_across_styles() {
        let pieces = [piece("ett två", false), piece("tre", true), piece(" fyra\n fem ", false)];
        assert_eq!(wrapped(&pieces, 9), ["ett", "tvåtre", "fyra fem"]);
        assert_eq!(wrapped(&[piece("a", false), piece(HARD_BREAK, false), piece("b", false)], 9), ["a", "b"]);
    }

    #[test]
    fn only_an_address_is_wider_than_the_line() {
        let address = "https://www.example.se/lang/vag";
        assert_eq!(wrapped(&[piece(&format!("se {address} nu"), false)], 10), ["se", address, "nu"]);
        assert_eq!(wrapped(&[piece("sammanträdesprotokoll", false)], 10), ["sammanträd", "esprotokol", "l"]);
        assert_eq!(wrapped(&[piece("漢字漢字", false)], 5), ["漢字", "漢字"]);
    }

    proptest::proptest! {
        #[test]
        fn no_line_is_wider_and_no_letter_is_lost(texts in proptest::collection::vec("\\PC{0,40}", 0..5), width in 2..60_usize) {
            let pieces: Vec<Piece> = texts.iter().map(|text| piece(text, text.len() % 2 == 0)).collect();
            let lines = wrapped(&pieces, width);
            proptest::prop_assert!(lines.iter().all(|line| line.width() <= width || line.contains("://")));
            let letters = |texts: &[String]| texts.concat().replace(|c: char| c.is_ascii_whitespace(), "");
            proptest::prop_assert_eq!(letters(&lines), letters(&texts));
        }
    }

    #[test]
    fn text_without_room_is_cut() {
        for (text, width, want) in [("abc", 3, "abc"), ("abcd", 3, "ab…"), ("漢字", 3, "漢…"), ("a", 0, "")]
        {
            assert_eq!(cut(text, width), want);
        }
    }

    #[test]
    fn text_is_broken_at_full_lines() {
        let lines: Vec<String> =
            chop("abcdef", TextStyle::default(), 4).iter().map(ScreenLine::text).collect();
        assert_eq!(lines, ["abcd", "ef"]);
    }
}
