//! One member's letter in different views, and the differences from another one.

use std::fmt;

use jiff::Timestamp;
use similar::{Algorithm, DiffOp, capture_diff_slices};
use unicode_width::UnicodeWidthStr;

use super::super::terminal::{
    HeaderTable, Ink, LayoutSurface, Piece, ScreenLine, TerminalDocument, TextStyle, chop, clean_lines, wrap,
};
use crate::compose::{ComposeError, Composer, LetterMark};
use crate::domain::{Household, Member};

/// A view of the letter.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum View {
    /// The HTML part, as mail programs show it.
    #[default]
    Letter,
    Text,
    Headers,
    Source,
}

impl View {
    /// In the order of the keys 1 to 4.
    pub const ALL: [Self; 4] = [Self::Letter, Self::Text, Self::Headers, Self::Source];

    /// The name of the view on screen.
    pub fn name(self) -> &'static str {
        match self {
            Self::Letter => "letter",
            Self::Text => "text",
            Self::Headers => "headers",
            Self::Source => "source",
        }
    }
}

/// A source of letters.
pub trait LetterSource: fmt::Debug {
    /// A member's letter.
    ///
    /// # Errors
    /// If it cannot be composed.
    fn letter(&self, member: &Member) -> Result<Parts, ComposeError>;
}

/// The letters of an issue, all from the same state of its files.
pub struct Composed<'a> {
    pub composer: &'a Composer,
    /// A member with those who get the same letter.
    pub household: &'a dyn Fn(&Member) -> Household,
    pub now: Timestamp,
}

impl fmt::Debug for Composed<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Composed").field("composer", self.composer).finish_non_exhaustive()
    }
}

/// The parts of a letter.
#[derive(Debug, Clone, Default)]
pub struct Parts {
    pub envelope: HeaderTable,
    pub html: String,
    pub text: String,
    /// The message as it is sent.
    pub source: String,
}

impl LetterSource for Composed<'_> {
    fn letter(&self, member: &Member) -> Result<Parts, ComposeError> {
        let readers = (self.household)(member);
        let rendered = self.composer.render(&readers)?;
        let letter = self.composer.letter(&readers, LetterMark::None, self.now)?;
        Ok(Parts {
            envelope: HeaderTable::read(&letter.bytes, self.composer.issue().preheader.as_deref()),
            html: rendered.html,
            text: rendered.text,
            source: clean_lines(&String::from_utf8_lossy(&letter.bytes)),
        })
    }
}

impl Parts {
    /// A view of the letter, wrapped to this width.
    pub fn lines(&self, view: View, width: usize) -> Vec<ScreenLine> {
        match view {
            View::Letter => {
                let paper = LayoutSurface { width, with_marks: false };
                let mut lines = self.envelope.lines(paper);
                lines.push(ScreenLine::default());
                lines.extend(TerminalDocument::read(&self.html).lines(paper));
                lines
            }
            View::Text => clean_lines(&self.text).lines().flat_map(|line| folded(line, width)).collect(),
            View::Headers => self
                .source
                .lines()
                .take_while(|line| !line.is_empty())
                .flat_map(|line| header(line, width))
                .collect(),
            View::Source => {
                self.source.lines().flat_map(|line| chop(line, TextStyle::default(), width)).collect()
            }
        }
    }
}

/// A line of the text part, wrapped between words and indented like its start.
fn folded(line: &str, width: usize) -> Vec<ScreenLine> {
    if line.width() <= width {
        return vec![ScreenLine::of(line, TextStyle::default())];
    }
    let indent = line.len() - line.trim_start_matches([' ', '>', '-', '*']).len();
    let (start, rest) = line.split_at(indent);
    let later = " ".repeat(indent);
    let text = Piece { text: rest.to_owned(), face: TextStyle::default() };
    let lines = wrap(&[text], width.saturating_sub(indent)).into_iter().enumerate();
    lines
        .map(|(index, line)| {
            line.after(&ScreenLine::inked(if index == 0 { start } else { &later }, Ink::Plain))
        })
        .collect()
}

fn header(line: &str, width: usize) -> Vec<ScreenLine> {
    let mut lines = chop(line, TextStyle::default(), width);
    let name = line.split_once(':').filter(|(name, _)| !name.contains(' '));
    if let (Some((name, _)), Some(first)) = (name, lines.first_mut())
        && let Some(value) = first.text().strip_prefix(name)
    {
        *first = ScreenLine::inked(name, Ink::Title);
        first.push(value, TextStyle::default());
    }
    lines
}

/// The result of comparing a line with the other letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LineChange {
    Same,
    /// Only in this letter.
    Here,
    /// Only in the other one.
    There,
}

/// A line on the screen.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ScreenRow {
    pub line: ScreenLine,
    pub change: LineChange,
}

/// The lines of a single letter.
pub(super) fn alone(lines: Vec<ScreenLine>) -> Vec<ScreenRow> {
    lines.into_iter().map(|line| ScreenRow { line, change: LineChange::Same }).collect()
}

/// The lines of a letter merged with those that only another letter has, each before its replacement.
pub(super) fn beside(there: &[ScreenLine], here: &[ScreenLine]) -> Vec<ScreenRow> {
    let texts = |lines: &[ScreenLine]| lines.iter().map(ScreenLine::text).collect::<Vec<String>>();
    let operations = capture_diff_slices(Algorithm::Myers, &texts(there), &texts(here));
    operations.iter().flat_map(|operation| changed(operation, there, here)).collect()
}

fn changed(operation: &DiffOp, there: &[ScreenLine], here: &[ScreenLine]) -> Vec<ScreenRow> {
    let take = |lines: &[ScreenLine], range: std::ops::Range<usize>, change: LineChange| {
        let lines = lines.get(range).unwrap_or_default().iter();
        lines.map(|line| ScreenRow { line: line.clone(), change }).collect::<Vec<_>>()
    };
    if matches!(operation, DiffOp::Equal { .. }) {
        return take(here, operation.new_range(), LineChange::Same);
    }
    let mut rows = take(there, operation.old_range(), LineChange::There);
    rows.extend(take(here, operation.new_range(), LineChange::Here));
    rows
}

#[cfg(test)]
mod tests {
    use super::*;

    fn lines(text: &str) -> Vec<ScreenLine> {
        text.split(' ').map(|word| ScreenLine::of(word, TextStyle::default())).collect()
    }

    #[test]
    fn differences_are_marked() {
        let rows = beside(&lines("Hej medlem rad slut"), &lines("Hej Anna rad mer slut"));
        let marked: Vec<String> = rows
            .iter()
            .map(|row| {
                let mark = match row.change {
                    LineChange::Same => ' ',
                    LineChange::Here => '+',
                    LineChange::There => '-',
                };
                format!("{mark}{}", row.line.text())
            })
            .collect();
        assert_eq!(marked, [" Hej", "-medlem", "+Anna", " rad", "+mer", " slut"]);
    }

    #[test]
    fn each_view_fits_its_width() {
        let parts = Parts {
            html: "<p>Hej på dig, Anna.</p>".to_owned(),
            text: "  - En punkt som är för lång\n".to_owned(),
            source: "Subject: Hej på dig, Anna\nX: y\n\nkropp".to_owned(),
            ..Parts::default()
        };
        let text = |view| parts.lines(view, 20).iter().map(ScreenLine::text).collect::<Vec<_>>();
        assert_eq!(text(View::Text), ["  - En punkt som är", "    för lång"]);
        assert_eq!(text(View::Headers), ["Subject: Hej på dig,", " Anna", "X: y"]);
        assert_eq!(text(View::Source), ["Subject: Hej på dig,", " Anna", "X: y", "", "kropp"]);
        assert_eq!(text(View::Letter).last().unwrap(), "Hej på dig, Anna.");
    }
}
