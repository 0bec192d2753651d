//! Breaks running text into lines.

use std::collections::VecDeque;
use std::rc::Rc;

use super::blocks::{Inline, Rise, Style};
use super::fonts::FaceName;
use super::shape::{ShapedWord, Shaper, WordGlyph, hyphen};

/// The height of Open Sans above and below the baseline, and the line spacing, relative to the font size.
const ASCENT: f32 = 1.069;
const DESCENT: f32 = 0.293;
pub(super) const LEADING: f32 = 1.4;
/// A line is broken within a word only if at least this share of it would otherwise be empty.
const EMPTY: f32 = 0.12;

/// The look of a text.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct Look {
    pub style: Style,
    pub size: f32,
    pub language: Rc<str>,
    pub link: Option<usize>,
}

impl Look {
    fn face(&self) -> FaceName {
        FaceName::of(self.style.bold, self.style.italic)
    }
}

/// A part of a line, at a distance from its left end.
#[derive(Debug, Clone, PartialEq)]
pub(super) struct LinePart {
    pub x: f32,
    pub width: f32,
    pub what: PartKind,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum PartKind {
    /// Text; the glyphs' bytes are those of `text`.
    Text {
        look: Rc<Look>,
        text: String,
        glyphs: Vec<WordGlyph>,
    },
    Object {
        object: Object,
        height: f32,
    },
}

/// An object in a line other than text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Object {
    Picture { src: String, alt: String },
    Meter { share: f32, alt: String },
}

/// A line; `width` does not include the space at its end.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct TextLine {
    pub parts: Vec<LinePart>,
    pub width: f32,
    pub height: f32,
    pub ascent: f32,
}

/// A font size and the language of a text without its own.
#[derive(Debug, Clone)]
pub(super) struct Setting {
    pub size: f32,
    pub language: Rc<str>,
    pub bold: bool,
}

/// A word, or a part of one.
#[derive(Debug, Clone)]
struct Atom {
    look: Rc<Look>,
    word: Rc<ShapedWord>,
    from: usize,
    to: usize,
}

impl Atom {
    fn width(&self) -> f32 {
        self.word.width(self.from, self.to) * self.look.size
    }
}

/// The size of a picture with an optional width in pixels; `None` if it cannot be drawn.
pub(super) type SizeOf<'a> = &'a dyn Fn(&str, Option<f32>) -> Option<(f32, f32)>;

enum TextToken {
    Atom(Atom),
    Space(Atom),
    Break,
    Object { object: Object, width: f32, height: f32 },
}

/// Breaks text into lines of at most `measure`; `size_of` returns the size of a drawable picture.
pub(super) fn break_lines(
    text: &[Inline],
    setting: &Setting,
    measure: f32,
    shaper: &mut Shaper,
    size_of: SizeOf<'_>,
) -> Vec<TextLine> {
    let tokens = tokens(text, setting, shaper, size_of);
    let mut breaker =
        Breaker { measure: measure.max(4.0), setting, lines: Vec::new(), line: TextLine::default() };
    let mut unit = VecDeque::new();
    let mut spaces: Option<Atom> = None;
    for token in tokens {
        match token {
            TextToken::Atom(atom) => {
                unit.push_back(atom);
            }
            TextToken::Space(space) => {
                breaker.unit(&mut unit, &mut spaces);
                spaces = spaces.or(Some(space));
            }
            TextToken::Break => {
                breaker.unit(&mut unit, &mut spaces);
                spaces = None;
                breaker.end_line();
            }
            TextToken::Object { object, width, height } => {
                breaker.unit(&mut unit, &mut spaces);
                breaker.object(object, width, height, &mut spaces);
            }
        }
    }
    breaker.unit(&mut unit, &mut spaces);
    if !breaker.line.parts.is_empty() {
        breaker.end_line();
    }
    breaker.lines
}

/// The width of the widest word of a text.
pub(super) fn widest_word(text: &[Inline], setting: &Setting, shaper: &mut Shaper) -> f32 {
    let widths = tokens(text, setting, shaper, &|_, _| None).into_iter().map(|token| match token {
        TextToken::Atom(atom) => atom.width(),
        TextToken::Object { width, .. } => width,
        TextToken::Space(_) | TextToken::Break => 0.0,
    });
    widths.fold(0.0, f32::max)
}

fn tokens(text: &[Inline], setting: &Setting, shaper: &mut Shaper, size_of: SizeOf<'_>) -> Vec<TextToken> {
    let mut tokens = Vec::new();
    for inline in text {
        match inline {
            Inline::Break => tokens.push(TextToken::Break),
            Inline::Text { text, style, language, link } => {
                let look = look(*style, language.as_ref(), *link, setting);
                words(text, &Rc::new(look), shaper, &mut tokens);
            }
            Inline::Meter { share, alt } => {
                let object = Object::Meter { share: *share, alt: alt.clone() };
                tokens.push(TextToken::Object {
                    object,
                    width: setting.size * 12.0,
                    height: setting.size * 0.75,
                });
            }
            Inline::Picture { src, alt, width } => match size_of(src, *width) {
                Some((width, height)) => {
                    let object = Object::Picture { src: src.clone(), alt: alt.clone() };
                    tokens.push(TextToken::Object { object, width, height });
                }
                None => {
                    words(alt, &Rc::new(look(Style::default(), None, None, setting)), shaper, &mut tokens);
                }
            },
        }
    }
    tokens
}

fn look(style: Style, language: Option<&Rc<str>>, link: Option<usize>, setting: &Setting) -> Look {
    let scale = if style.rise != Rise::None {
        0.65
    } else if style.small {
        10.0 / 11.5
    } else {
        1.0
    };
    let style = Style { bold: style.bold || setting.bold, ..style };
    let language = Rc::clone(language.unwrap_or(&setting.language));
    Look { style, size: setting.size * scale, language, link }
}

fn words(text: &str, look: &Rc<Look>, shaper: &mut Shaper, tokens: &mut Vec<TextToken>) {
    let is_space = |c: char| c.is_ascii_whitespace() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{85}');
    let mut rest = text;
    while let Some(first) = rest.chars().next() {
        let end = rest.find(|c| is_space(c) != is_space(first)).unwrap_or(rest.len());
        let (piece, after) = rest.split_at(end);
        rest = after;
        let word = shaper.word(if is_space(first) { " " } else { piece }, look.face(), &look.language);
        let atom = Atom { look: Rc::clone(look), from: 0, to: word.text.len(), word };
        tokens.push(if is_space(first) { TextToken::Space(atom) } else { TextToken::Atom(atom) });
    }
}

struct Breaker<'a> {
    measure: f32,
    setting: &'a Setting,
    lines: Vec<TextLine>,
    line: TextLine,
}

impl Breaker<'_> {
    fn end_line(&mut self) {
        let mut line = std::mem::take(&mut self.line);
        let size = self.setting.size;
        let ascent = (LEADING - ASCENT - DESCENT) / 2.0 * size + ASCENT * size;
        let tallest = line.parts.iter().map(|part| match &part.what {
            PartKind::Object { height, .. } => *height,
            PartKind::Text { .. } => 0.0,
        });
        line.ascent = tallest.fold(ascent, f32::max);
        line.height = line.ascent + LEADING * size - ascent;
        self.lines.push(line);
    }

    /// Adds a word, which may have parts with different looks, and the space before it.
    fn unit(&mut self, unit: &mut VecDeque<Atom>, space: &mut Option<Atom>) {
        while !unit.is_empty() {
            let before = space.as_ref().filter(|_| !self.line.parts.is_empty()).map_or(0.0, Atom::width);
            let room = self.measure - self.line.width - before;
            let is_empty = self.line.parts.is_empty();
            if unit.iter().map(Atom::width).sum::<f32>() <= room {
                self.space(space);
                unit.drain(..).for_each(|atom| self.push(&atom, None));
                return;
            }
            let may_break = is_empty || room > self.measure * EMPTY;
            let point = if may_break { last_point(unit, room) } else { None };
            if let Some((index, at, has_hyphen)) = point {
                self.space(space);
                self.push_until(unit, index, at, has_hyphen);
            } else if is_empty {
                let (index, at) = last_cluster(unit, room);
                self.push_until(unit, index, at, false);
            } else {
                // The space is written, so that words stay separate in copied text, but has no width.
                self.space_at_end(space);
            }
            self.end_line();
        }
    }

    fn space(&mut self, space: &mut Option<Atom>) {
        if let Some(space) = space.take().filter(|_| !self.line.parts.is_empty()) {
            self.push(&space, None);
        }
    }

    fn space_at_end(&mut self, space: &mut Option<Atom>) {
        let width = self.line.width;
        self.space(space);
        self.line.width = width;
    }

    /// Adds the parts of a word before the byte `at` of its part `index`.
    fn push_until(&mut self, unit: &mut VecDeque<Atom>, index: usize, at: usize, has_hyphen: bool) {
        unit.drain(..index).for_each(|atom| self.push(&atom, None));
        if let Some(atom) = unit.front_mut() {
            let head = Atom { to: at, ..atom.clone() };
            atom.from = at;
            let hyphen = if has_hyphen { hyphen(head.look.face()) } else { None };
            self.push(&head, hyphen);
        }
        if unit.front().is_some_and(|atom| atom.from >= atom.to) {
            unit.pop_front();
        }
    }

    /// Adds a part of a word to the line's last part if it looks the same.
    fn push(&mut self, atom: &Atom, hyphen: Option<WordGlyph>) {
        let x = self.line.width;
        let is_same =
            |part: &LinePart| matches!(&part.what, PartKind::Text { look, .. } if *look == atom.look);
        if !self.line.parts.last().is_some_and(is_same) {
            let what =
                PartKind::Text { look: Rc::clone(&atom.look), text: String::new(), glyphs: Vec::new() };
            self.line.parts.push(LinePart { x, width: 0.0, what });
        }
        let Some(part) = self.line.parts.last_mut() else { return };
        let PartKind::Text { text, glyphs, .. } = &mut part.what else { return };
        let start = text.len();
        text.push_str(atom.word.text.get(atom.from..atom.to).unwrap_or_default());
        let moved = |glyph: &WordGlyph, by: usize| WordGlyph {
            start: start + glyph.start - by,
            end: start + glyph.end - by,
            ..glyph.clone()
        };
        glyphs.extend(atom.word.part(atom.from, atom.to).map(|glyph| moved(glyph, atom.from)));
        let mut width = atom.width();
        if let Some(hyphen) = hyphen {
            let start = text.len();
            text.push('\u{ad}');
            width += hyphen.advance * atom.look.size;
            glyphs.push(WordGlyph { start, end: text.len(), ..hyphen });
        }
        part.width += width;
        self.line.width += width;
    }

    fn object(&mut self, object: Object, width: f32, height: f32, space: &mut Option<Atom>) {
        let scale = (self.measure / width).min(1.0);
        let (width, height) = (width * scale, height * scale);
        let before = space.as_ref().map_or(0.0, Atom::width);
        if !self.line.parts.is_empty() && self.line.width + before + width > self.measure {
            self.space_at_end(space);
            self.end_line();
        }
        self.space(space);
        let x = self.line.width;
        self.line.parts.push(LinePart { x, width, what: PartKind::Object { object, height } });
        self.line.width += width;
    }
}

/// The last break point that fits: part, byte, and whether a hyphen is printed.
fn last_point(unit: &VecDeque<Atom>, room: f32) -> Option<(usize, usize, bool)> {
    let mut found = None;
    let mut before = 0.0;
    for (index, atom) in unit.iter().enumerate() {
        let inside = atom.word.points.iter().filter(|point| point.at > atom.from && point.at < atom.to);
        for point in inside {
            let hyphen =
                if point.hyphen { hyphen(atom.look.face()).map_or(0.0, |glyph| glyph.advance) } else { 0.0 };
            let width = (atom.word.width(atom.from, point.at) + hyphen) * atom.look.size;
            if before + width > room {
                return found;
            }
            found = Some((index, point.at, point.hyphen));
        }
        before += atom.width();
        if before > room {
            break;
        }
    }
    found
}

/// The last position between glyphs that fits, after at least one glyph.
fn last_cluster(unit: &VecDeque<Atom>, room: f32) -> (usize, usize) {
    let mut width = 0.0;
    let mut found = None;
    for (index, atom) in unit.iter().enumerate() {
        for glyph in atom.word.part(atom.from, atom.to) {
            width += glyph.advance * atom.look.size;
            if found.is_some() && width > room {
                return found.unwrap_or_default();
            }
            found = Some((index, glyph.end));
        }
    }
    found.unwrap_or((unit.len(), 0))
}
