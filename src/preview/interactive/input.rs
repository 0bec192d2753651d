//! The input line for a search or a segment.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};

use super::super::terminal::{Piece, ScreenLine, TextStyle, wrap};
use super::people::Segments;
use crate::domain::segment::SegmentError;

/// The purpose of the input.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum InputKind {
    Search,
    Segment,
}

/// The input line.
#[derive(Debug)]
pub struct LineInput {
    pub kind: InputKind,
    pub text: String,
    /// The error in the segment: its position in columns, and the reason.
    pub error: Option<(usize, String)>,
    /// Whether the last key ended the input.
    pub is_over: bool,
    before: String,
}

/// The effect of a key.
#[derive(Debug, PartialEq, Eq)]
pub(super) enum InputOutcome {
    NotYet,
    /// Filter the list by this text.
    With(String),
}

impl LineInput {
    /// Starts with a text, which is restored if the input is cancelled.
    pub fn new(kind: InputKind, text: &str) -> Self {
        Self { kind, text: text.to_owned(), error: None, is_over: false, before: text.to_owned() }
    }

    /// The label before the text.
    pub fn label(&self) -> &'static str {
        match self.kind {
            InputKind::Search => "/",
            InputKind::Segment => "segment: ",
        }
    }

    /// The height in lines: the text, and below it help or the error under a mark.
    pub fn height(&self, width: u16) -> u16 {
        2 + u16::try_from(self.message(width).len()).unwrap_or(0)
    }

    /// The reason why the text is not a valid segment, in lines.
    pub fn message(&self, width: u16) -> Vec<ScreenLine> {
        let Some((_, message)) = &self.error else { return Vec::new() };
        wrap(&[Piece { text: message.clone(), face: TextStyle::default() }], width.into())
    }

    /// Handles a key; a search is applied at every letter, a segment at the end.
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

    /// Shows why the text is not a valid segment, and continues.
    pub(super) fn refuse(&mut self, error: &SegmentError) {
        let columns = self.text.get(..error.span.start).map_or(0, |start| start.chars().count());
        self.error = Some((columns, error.message.clone()));
        self.is_over = false;
    }

    /// Completes the text as far as all matching names agree.
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
    fn a_search_follows_each_letter_and_can_be_cancelled() {
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
