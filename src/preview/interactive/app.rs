//! The state of the interactive preview, and the effect of each key. Nothing here draws.

use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;

use super::super::terminal::{Piece, TextStyle, clean, wrap};
use super::input::{InputKind, InputOutcome, LineInput};
use super::letters::{LetterSource, LineChange, Parts, ScreenRow, View, alone, beside};
use super::people::{People, Segments};
use super::screen::Screen;
use crate::domain::{Member, MemberId};

/// Whose letter to compare with.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub enum Compare {
    #[default]
    Off,
    Neutral,
    /// The one that was shown before.
    Previous,
}

/// An action that the state itself cannot do.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Asked {
    Nothing,
    Quit,
    /// Open the letter in the browser.
    Browser,
}

/// The state of the interactive preview.
#[derive(Debug)]
pub struct App<'a> {
    letters: &'a dyn LetterSource,
    pub(super) people: People,
    pub(super) segments: Segments,
    pub(super) view: View,
    pub(super) compare: Compare,
    pub(super) input: Option<LineInput>,
    pub(super) has_help: bool,
    /// Whether a screen with room for one pane shows the list.
    pub(super) is_on_list: bool,
    pub(super) notice: Option<String>,
    /// Whether there are colours.
    pub(super) colors: bool,
    pub(super) screen: Screen,
    /// The first visible row of the letter, and of the list.
    pub(super) scroll: usize,
    pub(super) list_start: usize,
    /// The number of the recipient shown before.
    previous: Option<usize>,
    shown: Option<ShownState>,
    pub(super) rows: Vec<ScreenRow>,
}

/// The data that the rows were made from; they are rebuilt only if it changes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ShownState {
    number: Option<usize>,
    other: Option<usize>,
    view: View,
    width: u16,
}

impl<'a> App<'a> {
    /// The initial state, with the neutral reader's letter.
    pub fn new(letters: &'a dyn LetterSource, people: People, segments: Segments, colors: bool) -> Self {
        Self {
            letters,
            people,
            segments,
            view: View::default(),
            compare: Compare::default(),
            input: None,
            has_help: false,
            is_on_list: false,
            notice: None,
            colors,
            screen: Screen::default(),
            scroll: 0,
            list_start: 0,
            previous: None,
            shown: None,
            rows: Vec::new(),
        }
    }

    /// Starts at the recipient with this id; tells whether there is one.
    pub fn start_at(&mut self, member: MemberId) -> bool {
        self.people.choose(member)
    }

    /// The member whose letter is shown; `None` if the list is empty.
    pub fn member(&self) -> Option<&Member> {
        self.people.member(self.people.chosen()?)
    }

    /// Shows a message until the next key.
    pub fn say(&mut self, notice: String) {
        self.notice = Some(notice);
    }

    /// Handles a key.
    pub fn key(&mut self, key: KeyEvent) -> Asked {
        self.notice = None;
        if key.modifiers.contains(KeyModifiers::CONTROL) && key.code == KeyCode::Char('c') {
            return Asked::Quit;
        }
        let before = self.people.chosen();
        let asked = if self.input.is_some() {
            self.type_in(key);
            Asked::Nothing
        } else if self.has_help {
            self.has_help = false;
            Asked::Nothing
        } else {
            self.command(key)
        };
        if self.people.chosen() != before {
            self.previous = before;
        }
        asked
    }

    fn command(&mut self, key: KeyEvent) -> Asked {
        match key.code {
            KeyCode::Char('q') => return Asked::Quit,
            KeyCode::Char('o') if self.member().is_some() => return Asked::Browser,
            KeyCode::Char('?') | KeyCode::F(1) => self.has_help = true,
            KeyCode::Char('/') => self.start_typing(InputKind::Search),
            KeyCode::Char('s') => self.start_typing(InputKind::Segment),
            KeyCode::Char('d') => self.compare = self.next_comparison(),
            KeyCode::Char(']') => self.scroll_to_change(true),
            KeyCode::Char('[') => self.scroll_to_change(false),
            KeyCode::Esc => self.list_everybody(),
            KeyCode::Enter => self.is_on_list = !self.is_on_list,
            KeyCode::Tab => self.turn_to(self.view_beside(1)),
            KeyCode::BackTab => self.turn_to(self.view_beside(View::ALL.len() - 1)),
            KeyCode::Char(digit @ '1'..='4') => {
                let number = digit.to_digit(10).map_or(0, |digit| digit as usize - 1);
                View::ALL.get(number).copied().into_iter().for_each(|view| self.turn_to(view));
            }
            _ => self.walk(key),
        }
        Asked::Nothing
    }

    /// Keys for moving among the recipients or in the letter.
    fn walk(&mut self, key: KeyEvent) {
        let page = self.screen.letter_height().saturating_sub(1).cast_signed();
        match key.code {
            KeyCode::Char('j' | 'n') | KeyCode::Down => self.people.step(1),
            KeyCode::Char('k' | 'p') | KeyCode::Up => self.people.step(-1),
            KeyCode::Home | KeyCode::Char('g') => self.people.step(isize::MIN),
            KeyCode::End | KeyCode::Char('G') => self.people.step(isize::MAX),
            KeyCode::PageDown | KeyCode::Char(' ') => self.scroll_by(page),
            KeyCode::PageUp | KeyCode::Char('b') | KeyCode::Backspace => self.scroll_by(-page),
            KeyCode::Char('J') | KeyCode::Right => self.scroll_by(1),
            KeyCode::Char('K') | KeyCode::Left => self.scroll_by(-1),
            _ => {}
        }
    }

    fn scroll_by(&mut self, rows: isize) {
        self.scroll = self.scroll.saturating_add_signed(rows).min(self.last_scroll());
        self.is_on_list = false;
    }

    fn last_scroll(&self) -> usize {
        self.rows.len().saturating_sub(self.screen.letter_height())
    }

    fn view_beside(&self, by: usize) -> View {
        let at = View::ALL.iter().position(|view| *view == self.view).unwrap_or(0);
        View::ALL.get((at + by) % View::ALL.len()).copied().unwrap_or_default()
    }

    fn turn_to(&mut self, view: View) {
        if self.view != view {
            self.view = view;
            self.scroll = 0;
        }
        self.is_on_list = false;
    }

    fn next_comparison(&self) -> Compare {
        match self.compare {
            Compare::Off => Compare::Neutral,
            Compare::Neutral if self.previous.is_some() => Compare::Previous,
            Compare::Neutral | Compare::Previous => Compare::Off,
        }
    }

    /// Scrolls to the start of the next or previous difference.
    fn scroll_to_change(&mut self, forward: bool) {
        let changed = |row: Option<&ScreenRow>| row.is_some_and(|row| row.change != LineChange::Same);
        let starts: Vec<usize> = (0..self.rows.len())
            .filter(|&at| changed(self.rows.get(at)) && !(at > 0 && changed(self.rows.get(at - 1))))
            .collect();
        let target = if forward {
            starts.iter().find(|start| **start > self.scroll)
        } else {
            starts.iter().rfind(|start| **start < self.scroll)
        };
        match target {
            Some(start) => self.scroll = (*start).min(self.last_scroll()),
            None => self.say("no more differences".to_owned()),
        }
    }

    fn list_everybody(&mut self) {
        self.people.set_search("");
        self.people.set_segment(None);
    }

    fn start_typing(&mut self, kind: InputKind) {
        let text = match kind {
            InputKind::Search => self.people.search(),
            InputKind::Segment => self.people.segment(),
        };
        self.input = Some(LineInput::new(kind, text));
        self.is_on_list = true;
    }

    fn type_in(&mut self, key: KeyEvent) {
        let Some(input) = &mut self.input else { return };
        let kind = input.kind;
        match input.key(key, &self.segments) {
            InputOutcome::NotYet => {}
            InputOutcome::With(text) if kind == InputKind::Search => self.people.set_search(&text),
            InputOutcome::With(text) => self.choose_segment(&text),
        }
        if self.input.as_ref().is_some_and(|input| input.is_over) {
            self.input = None;
        }
    }

    /// Filters by a segment; while the text is not a valid one, the list stays.
    fn choose_segment(&mut self, text: &str) {
        let text = text.trim();
        let segment = if text.is_empty() { Ok(None) } else { self.segments.find(text).map(Some) };
        match segment {
            Ok(segment) => self.people.set_segment(segment.map(|segment| (text.to_owned(), segment))),
            Err(error) => {
                if let Some(input) = &mut self.input {
                    input.refuse(&error);
                }
            }
        }
    }

    /// Prepares the content for a screen of this size.
    pub fn prepare(&mut self, area: Rect) {
        let typing = self.input.as_ref().map_or(1, |input| input.height(area.width));
        self.screen = Screen::of(area, self.is_on_list, typing, self.has_filter());
        let height = self.screen.list_height().max(1);
        let at = self.people.at();
        self.list_start = self.list_start.clamp((at + 1).saturating_sub(height), at);
        let gutter = if self.compare == Compare::Off { 0 } else { GUTTER };
        let shown = ShownState {
            number: self.people.chosen(),
            other: self.other(),
            view: self.view,
            width: self.screen.letter_width().saturating_sub(gutter),
        };
        if self.shown != Some(shown) {
            self.rows = self.rows_of(shown);
            self.shown = Some(shown);
        }
        self.scroll = self.scroll.min(self.last_scroll());
    }

    /// Whether the list is filtered.
    pub(super) fn has_filter(&self) -> bool {
        !self.people.search().is_empty() || !self.people.segment().is_empty()
    }

    fn other(&self) -> Option<usize> {
        match self.compare {
            Compare::Off => None,
            Compare::Neutral => Some(0),
            Compare::Previous => self.previous,
        }
    }

    /// The member whose letter the current one is compared with.
    pub(super) fn other_member(&self) -> Option<&Member> {
        self.people.member(self.other()?)
    }

    fn rows_of(&self, shown: ShownState) -> Vec<ScreenRow> {
        let width = usize::from(shown.width);
        let lines = |number: usize| self.parts(number).map(|parts| parts.lines(shown.view, width));
        let rows = match (shown.number.map(lines), shown.other.map(lines)) {
            (None, _) => Ok(Vec::new()),
            (Some(here), None) => here.map(alone),
            (Some(here), Some(there)) => here.and_then(|here| Ok(beside(&there?, &here))),
        };
        rows.unwrap_or_else(|message| {
            let message =
                Piece { text: clean(&message), face: TextStyle { bold: true, ..TextStyle::default() } };
            alone(wrap(&[message], width))
        })
    }

    fn parts(&self, number: usize) -> Result<Parts, String> {
        let member = self.people.member(number).ok_or("no such recipient")?;
        self.letters.letter(member).map_err(|error| error.to_string())
    }
}

/// The width of the marks next to a compared letter.
pub(super) const GUTTER: u16 = 2;
