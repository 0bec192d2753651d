//! Draws the interactive preview.

use ratatui::Frame;
use ratatui::layout::{Alignment, Rect};
use ratatui::style::{Color, Modifier, Style, Stylize};
use ratatui::text::{Line, Span};
use ratatui::widgets::{Block, Clear, Paragraph};
use unicode_width::UnicodeWidthStr;

use super::super::terminal::{Ink, TextStyle, clean, cut, face_style};
use super::app::{App, Compare, GUTTER};
use super::input::{InputKind, LineInput};
use super::letters::{LineChange, ScreenRow, View};
use crate::domain::{Address, Member};

/// The keys in the help.
const KEYS: [(&str, &str); 14] = [
    ("j ↓ n", "next recipient"),
    ("k ↑ p", "previous recipient"),
    ("g G", "first, last recipient"),
    ("/", "search name, address, …"),
    ("s", "filter by segment"),
    ("Esc", "all recipients"),
    ("1 2 3 4, Tab", "views of the letter"),
    ("Space, b", "a page down, up"),
    ("J K → ←", "a line down, up"),
    ("d", "mark differences"),
    ("] [", "next difference, back"),
    ("Enter", "list or letter (narrow)"),
    ("o", "open in the browser"),
    ("q", "quit"),
];

/// Draws everything; call [`App::prepare`] first.
pub fn draw(frame: &mut Frame<'_>, app: &App<'_>) {
    list(frame, app);
    let border = app.screen.border;
    let rule = (0..border.height).map(|_| Line::from("│").style(ink(app, Ink::Frame)));
    frame.render_widget(Paragraph::new(rule.collect::<Vec<_>>()), border);
    letter(frame, app);
    match &app.input {
        Some(input) => typing(frame, app, input),
        None => status(frame, app),
    }
    if app.has_help {
        help(frame);
    }
}

fn ink(app: &App<'_>, ink: Ink) -> Style {
    style(app, TextStyle { ink, ..TextStyle::default() })
}

/// A text style on this screen.
fn style(app: &App<'_>, face: TextStyle) -> Style {
    let style = face_style(face);
    let mut shown = Style::new();
    if let Some(anstyle::Color::Ansi(color)) = style.get_fg_color().filter(|_| app.colors) {
        shown = shown.fg(Color::Indexed(anstyle::Ansi256Color::from_ansi(color).index()));
    }
    let effects = style.get_effects();
    for (effect, modifier) in [
        (anstyle::Effects::BOLD, Modifier::BOLD),
        (anstyle::Effects::DIMMED, Modifier::DIM),
        (anstyle::Effects::ITALIC, Modifier::ITALIC),
        (anstyle::Effects::UNDERLINE, Modifier::UNDERLINED),
        (anstyle::Effects::INVERT, Modifier::REVERSED),
        (anstyle::Effects::STRIKETHROUGH, Modifier::CROSSED_OUT),
    ] {
        if effects.contains(effect) {
            shown = shown.add_modifier(modifier);
        }
    }
    shown
}

fn list(frame: &mut Frame<'_>, app: &App<'_>) {
    let people = &app.people;
    let title = if app.has_filter() {
        format!("{} of {} recipients", people.count(), people.total())
    } else {
        format!("{} recipients", people.total())
    };
    let mut head = vec![Line::from(title).bold()];
    head.push(Line::from(filter(app)).style(ink(app, Ink::Quiet)));
    frame.render_widget(Paragraph::new(head), app.screen.list_head);
    let width = usize::from(app.screen.list.width);
    let rows = people.listed_from(app.list_start).take(app.screen.list_height()).enumerate();
    let rows = rows.map(|(row, member)| recipient(app, member, app.list_start + row == people.at(), width));
    frame.render_widget(Paragraph::new(rows.collect::<Vec<_>>()), app.screen.list);
}

fn filter(app: &App<'_>) -> String {
    let search = Some(app.people.search()).filter(|text| !text.is_empty()).map(|text| format!("/{text}"));
    let segment = Some(app.people.segment()).filter(|text| !text.is_empty());
    search.into_iter().chain(segment.map(str::to_owned)).collect::<Vec<_>>().join("  ")
}

fn recipient<'a>(app: &App<'_>, member: &Member, is_chosen: bool, width: usize) -> Line<'a> {
    let mark = if is_chosen { "▸ " } else { "  " };
    let name = cut(&name_of(member), width.saturating_sub(2));
    let room = width.saturating_sub(4 + name.width());
    let more = member.field("organisation").filter(|text| room > 5 && *text != name).unwrap_or_default();
    let line = Line::from(vec![
        Span::raw(mark),
        Span::raw(name),
        Span::styled(format!("  {}", cut(&clean(more), room)), ink(app, Ink::Quiet)),
    ]);
    if is_chosen { line.reversed() } else { line }
}

/// Some members have no name.
fn name_of(member: &Member) -> String {
    let address = member.address.as_ref().map_or("", Address::as_str);
    clean(if member.name.is_empty() { address } else { &member.name })
}

fn letter(frame: &mut Frame<'_>, app: &App<'_>) {
    let area = app.screen.letter_head;
    let width = usize::from(area.width);
    let whose = match app.member() {
        None => "no matches: press Esc to list everyone".to_owned(),
        Some(member) => {
            let address = member.address.as_ref().map_or("", Address::as_str);
            format!("{} <{address}>", name_of(member))
        }
    };
    let head = vec![Line::from(cut(&whose, width)).bold(), views(app)];
    frame.render_widget(Paragraph::new(head), area);
    let rows = app.rows.iter().skip(app.scroll).take(app.screen.letter_height());
    frame.render_widget(
        Paragraph::new(rows.map(|row| row_text(app, row)).collect::<Vec<_>>()),
        app.screen.letter,
    );
}

fn views<'a>(app: &App<'_>) -> Line<'a> {
    let spans = View::ALL.into_iter().zip(1..).map(|(view, number)| {
        if view == app.view {
            Span::from(format!("[{number} {}]", view.name())).style(ink(app, Ink::Title)).bold()
        } else {
            Span::from(format!(" {number} {} ", view.name())).style(ink(app, Ink::Quiet))
        }
    });
    spans.collect()
}

fn row_text<'a>(app: &App<'_>, row: &ScreenRow) -> Line<'a> {
    let mut spans = Vec::with_capacity(row.line.pieces.len() + 1);
    let (mark, looks) = match row.change {
        LineChange::Same => ("  ", Style::new()),
        LineChange::Here => ("+ ", marked(app, Color::Green)),
        LineChange::There => ("- ", marked(app, Color::Red).add_modifier(Modifier::DIM)),
    };
    if app.compare != Compare::Off {
        spans.push(Span::styled(mark.get(..usize::from(GUTTER)).unwrap_or(mark), looks));
    }
    for piece in &row.line.pieces {
        let own = style(app, piece.face);
        spans.push(Span::styled(piece.text.clone(), own.patch(looks)));
    }
    Line::from(spans)
}

fn marked(app: &App<'_>, color: Color) -> Style {
    if app.colors { Style::new().fg(color) } else { Style::new().bold() }
}

fn status(frame: &mut Frame<'_>, app: &App<'_>) {
    let area = app.screen.status;
    let hint = "? help  q quit";
    let room = usize::from(area.width).saturating_sub(hint.len() + 1);
    let left = app.notice.clone().unwrap_or_else(|| place(app));
    frame.render_widget(Paragraph::new(cut(&left, room)).style(ink(app, Ink::Title)), area);
    let right = Paragraph::new(hint).alignment(Alignment::Right).style(ink(app, Ink::Quiet));
    let start = area.width.saturating_sub(u16::try_from(hint.len()).unwrap_or(0));
    frame.render_widget(right, Rect { x: area.x + start, width: area.width - start, ..area });
}

/// Which lines are visible, and the meaning of the marks.
fn place(app: &App<'_>) -> String {
    if app.screen.letter_height() == 0 {
        return "Enter: the letter".to_owned();
    }
    let last = (app.scroll + app.screen.letter_height()).min(app.rows.len());
    let lines = format!("{}-{last} of {}", (app.scroll + 1).min(last), app.rows.len());
    match app.other_member() {
        None => lines,
        Some(other) => {
            let changes = app.rows.iter().filter(|row| row.change != LineChange::Same).count();
            format!("{lines}  {changes} differ from {}", name_of(other))
        }
    }
}

fn typing(frame: &mut Frame<'_>, app: &App<'_>, input: &LineInput) {
    let area = app.screen.status;
    let label = input.label();
    let room = usize::from(area.width).saturating_sub(label.len() + 1);
    let hidden = input.text.chars().count().saturating_sub(room);
    let shown: String = input.text.chars().skip(hidden).collect();
    let column = u16::try_from(label.len() + shown.width()).unwrap_or(u16::MAX);
    let mut lines = vec![Line::from(vec![Span::from(label).bold(), Span::from(shown)])];
    match &input.error {
        None => lines.push(Line::from(tip(app, input)).style(ink(app, Ink::Quiet))),
        Some((columns, _)) => {
            let looks = marked(app, Color::Red);
            let space = " ".repeat(label.len() + columns.saturating_sub(hidden));
            lines.push(Line::from(format!("{space}^")).style(looks));
            let message = input.message(area.width);
            lines.extend(message.iter().map(|line| Line::from(line.text()).style(looks)));
        }
    }
    frame.render_widget(Paragraph::new(lines), area);
    frame.set_cursor_position((area.x + column.min(area.width.saturating_sub(1)), area.y));
}

/// A hint about valid input.
fn tip(app: &App<'_>, input: &LineInput) -> String {
    let names = match input.kind {
        InputKind::Search => return "Enter: done  Esc: back".to_owned(),
        InputKind::Segment => app.segments.names(&input.text),
    };
    if names.is_empty() {
        "such as: typ = byalag and ort contains by".to_owned()
    } else {
        format!("Tab: {}", names.join("  "))
    }
}

fn help(frame: &mut Frame<'_>) {
    let rows: Vec<Line<'_>> =
        KEYS.iter().map(|(keys, what)| Line::from(format!(" {keys:13}{what} "))).collect();
    let area = frame.area();
    let width = 42.min(area.width);
    let height = (u16::try_from(KEYS.len()).unwrap_or(0) + 2).min(area.height);
    let area = Rect { x: (area.width - width) / 2, y: (area.height - height) / 2, width, height };
    frame.render_widget(Clear, area);
    frame.render_widget(Paragraph::new(rows).block(Block::bordered().title(" Keys ")), area);
}
