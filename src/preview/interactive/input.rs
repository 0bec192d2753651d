//! The line in which a search or a segment is typed.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::super::terminal::{Piece, ScreenLine, TextStyle, wrap};
use super::people::Segments;
use crate::domain::segment::SegmentError;

/// What is typed.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputKind {
    Search,
    Segment,
}

/// A line that is being typed.
#[derive(Debug)]
pub struct LineInput {
    pub kind: InputKind,
    pub text: String,
    /// Where and why the text is not a segment: columns before the place, and the reason.
    pub error: Option<(usize, String)>,
    /// Whether the last key ended it.
    pub is_over: bool,
    before: String,
}

/// What a key led to.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum InputOutcome {
    NotYet,
    /// The list is to follow this text.
    With(String),
}

impl LineInput {
    /// Starts with a text, which comes back when the input is given up.
    pub fn new(kind: InputKind, text: &str) -> Self {
        Self { kind, text: text.to_owned(), error: None, is_over: false, before: text.to_owned() }
    }

    /// What precedes the text.
    pub fn label(&self) -> &'static str {
        match self.kind {
            InputKind::Search => "/",
            InputKind::Segment => "segment: ",
        }
    }

    /// The lines it takes: the text, and below it help or, under a mark at its place, the error.
    pub fn height(&self, width: u16) -> u16 {
        2 + u16::try_from(self.message(width).len()).unwrap_or(0)
    }

    /// Why the text is not a segment, in lines.
    pub fn message(&self, width: u16) -> Vec<ScreenLine> {
        let Some((_, message)) = &self.error else { return Vec::new() };
        wrap(&[Piece { text: message.clone(), face: TextStyle::default() }], width.into())
    }

    /// Takes a key; a search follows each letter, a segment the end of the line.
    pub(super) fn key(&mut self, key: KeyEvent, segments: &Segments) -> InputOutcome {
        self.error = None;
        match key.code {
            KeyCode::Enter => {
                self.is_over = true;
                return InputOutcome::With(self.text.clone());
            }
            KeyCode::Esc => {
                self.is_over = true;
                return InputOutcome::With(self.before.clone());
            }
            KeyCode::Char('u') if key.modifiers.contains(KeyModifiers::CONTROL) => self.text.clear(),
            KeyCode::Char(c) if !key.modifiers.contains(KeyModifiers::CONTROL) => self.text.push(c),
            KeyCode::Backspace => drop(self.text.pop()),
            KeyCode::Tab if self.kind == InputKind::Segment => self.complete(segments),
            _ => return InputOutcome::NotYet,
        }
        match self.kind {
            InputKind::Search => InputOutcome::With(self.text.clone()),
            InputKind::Segment => InputOutcome::NotYet,
        }
    }

    /// Says why the text is not a segment, and continues.
    pub(super) fn refuse(&mut self, error: &SegmentError) {
        let columns = self.text.get(..error.span.start).map_or(0, |start| start.chars().count());
        self.error = Some((columns, error.message.clone()));
        self.is_over = false;
    }

    /// Goes on with what all names share that start as the text does.
    fn complete(&mut self, segments: &Segments) {
        let names = segments.names(&self.text);
        let Some((first, others)) = names.split_first() else { return };
        let shared = first.char_indices().map(|(at, c)| at + c.len_utf8()).rfind(|end| {
            first.get(..*end).is_some_and(|start| others.iter().all(|name| name.starts_with(start)))
        });
        if let Some(start) = shared.and_then(|end| first.get(..end)) {
            start.clone_into(&mut self.text);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::people::tests::segments;
    use super::*;

    fn typed(kind: InputKind, keys: &[KeyCode]) -> (LineInput, InputOutcome) {
        let mut input = LineInput::new(kind, "före");
        let mut done = InputOutcome::NotYet;
        for code in keys {
            done = input.key(KeyEvent::from(*code), &segments());
        }
        (input, done)
    }

    #[test]
    fn a_search_follows_each_letter_and_can_be_given_up() {
        let (input, done) = typed(InputKind::Search, &[KeyCode::Backspace, KeyCode::Char('å')]);
        assert_eq!((input.is_over, done), (false, InputOutcome::With("förå".to_owned())));
        let (input, done) = typed(InputKind::Search, &[KeyCode::Char('x'), KeyCode::Esc]);
        assert_eq!((input.is_over, done), (true, InputOutcome::With("före".to_owned())));
    }

    #[test]
    fn a_segments_name_is_completed() {
        let mut input = LineInput::new(InputKind::Segment, "b");
        assert_eq!(input.key(KeyEvent::from(KeyCode::Tab), &segments()), InputOutcome::NotYet);
        assert_eq!(input.text, "bya");
        input.key(KeyEvent::from(KeyCode::Char('l')), &segments());
        input.key(KeyEvent::from(KeyCode::Tab), &segments());
        assert_eq!(
            input.key(KeyEvent::from(KeyCode::Enter), &segments()),
            InputOutcome::With("byalagen".to_owned())
        );
    }
}
