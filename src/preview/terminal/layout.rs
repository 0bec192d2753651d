//! Lays out blocks as lines of a given width.

use super::block::{Ink, Piece, TerminalBlock, TerminalDocument, TextStyle};
use super::table;
use super::wrap::{ScreenLine, chop, wrap};

/// Longer lines are tiring to read; on a wide screen the letter stays at the left.
const WIDEST: usize = 100;

/// The surface on which to lay out a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct LayoutSurface {
    /// The available columns.
    pub width: usize,
    /// Whether to mark bold and italics with `*` and `_`, for a screen that shows neither.
    pub with_marks: bool,
}

impl LayoutSurface {
    /// The width of the letter.
    pub fn measure(self) -> usize {
        self.width.clamp(20, WIDEST)
    }
}

impl TerminalDocument {
    /// Lays the letter out.
    pub fn lines(&self, paper: LayoutSurface) -> Vec<ScreenLine> {
        let setter = Setter { links: &self.links, with_marks: paper.with_marks };
        let mut lines = setter.blocks(&self.blocks, paper.measure(), 1);
        lines.iter_mut().for_each(trim_end);
        lines
    }
}

struct Setter<'a> {
    links: &'a [String],
    with_marks: bool,
}

impl Setter<'_> {
    /// Blocks below one another, separated by this many empty lines.
    fn blocks(&self, blocks: &[TerminalBlock], width: usize, gap: usize) -> Vec<ScreenLine> {
        let mut lines: Vec<ScreenLine> = Vec::new();
        for block in blocks {
            if !lines.is_empty() {
                let gap = gap + usize::from(starts_section(block));
                lines.extend(std::iter::repeat_n(ScreenLine::default(), gap));
            }
            lines.extend(self.block(block, width));
        }
        lines
    }

    fn block(&self, block: &TerminalBlock, width: usize) -> Vec<ScreenLine> {
        match block {
            TerminalBlock::Heading { level, text } => self.heading(*level, text, width),
            TerminalBlock::Paragraph(text) => self.wrapped(text, width),
            TerminalBlock::List { first, items } => self.list(*first, items, width),
            TerminalBlock::Quote(blocks) => {
                let bar = ScreenLine::inked("│ ", Ink::Frame);
                self.blocks(blocks, width.saturating_sub(2), 1)
                    .into_iter()
                    .map(|line| line.after(&bar))
                    .collect()
            }
            TerminalBlock::Code(text) => code(text, width),
            TerminalBlock::Table(rows) => table::lay_out(rows, width),
            TerminalBlock::Event(blocks) => framed(self.blocks(blocks, width.saturating_sub(4), 0), width),
            TerminalBlock::Button(label) => button(label, width),
            TerminalBlock::Image { alt, picture } => image(alt, *picture, width),
            TerminalBlock::Rule => vec![ScreenLine::inked("─".repeat(width), Ink::Frame)],
            TerminalBlock::Notes(notes) => {
                notes.iter().flat_map(|note| self.note(note.number, note.link, width)).collect()
            }
            TerminalBlock::Foot(blocks) => self.foot(blocks, width),
        }
    }

    fn wrapped(&self, text: &[Piece], width: usize) -> Vec<ScreenLine> {
        if self.with_marks { wrap(&marked(text), width) } else { wrap(text, width) }
    }

    fn heading(&self, level: u8, text: &[Piece], width: usize) -> Vec<ScreenLine> {
        let rule = match level {
            1 => "═",
            2 => "─",
            _ => return self.wrapped(text, width),
        };
        // The line below marks it as a heading.
        let mut lines = wrap(text, width);
        let widest = lines.iter().map(ScreenLine::width).max().unwrap_or(0).min(width);
        lines.push(ScreenLine::inked(rule.repeat(widest), Ink::Title));
        lines
    }

    fn list(&self, first: Option<u64>, items: &[Vec<TerminalBlock>], width: usize) -> Vec<ScreenLine> {
        let is_tight = items
            .iter()
            .all(|item| item.iter().skip(1).all(|block| matches!(block, TerminalBlock::List { .. })));
        let widest = first.map_or(1, |first| (first + items.len() as u64).to_string().len() + 1);
        let mut lines = Vec::new();
        for (index, item) in items.iter().enumerate() {
            if index > 0 && !is_tight {
                lines.push(ScreenLine::default());
            }
            let bullet = first.map_or_else(|| "•".to_owned(), |first| format!("{}.", first + index as u64));
            let bullet = ScreenLine::inked(format!("{bullet:>widest$} "), Ink::Frame);
            let inside = self.blocks(item, width.saturating_sub(widest + 1), usize::from(!is_tight));
            lines.extend(hanging(inside, &bullet));
        }
        lines
    }

    fn note(&self, number: usize, link: usize, width: usize) -> Vec<ScreenLine> {
        let target = self.links.get(link).map_or("", String::as_str);
        let prefix = ScreenLine::inked(format!("[{number}] "), Ink::Quiet);
        let face = TextStyle { ink: Ink::Quiet, link: Some(link), ..TextStyle::default() };
        let inside = width.saturating_sub(prefix.width());
        // A web address is not broken, so that terminals can open it.
        let lines = if target.contains("://") {
            vec![ScreenLine::of(target, face)]
        } else {
            chop(target, face, inside)
        };
        hanging(lines, &prefix)
    }

    fn foot(&self, blocks: &[TerminalBlock], width: usize) -> Vec<ScreenLine> {
        let mut lines = vec![ScreenLine::inked("─".repeat(width), Ink::Frame)];
        let mut inside = self.blocks(blocks, width, 0);
        let plain =
            inside.iter_mut().flat_map(|line| &mut line.pieces).filter(|piece| piece.face.ink == Ink::Plain);
        plain.for_each(|piece| piece.face.ink = Ink::Quiet);
        lines.append(&mut inside);
        lines
    }
}

fn starts_section(block: &TerminalBlock) -> bool {
    matches!(block, TerminalBlock::Heading { level: 1 | 2, .. } | TerminalBlock::Foot(_))
}

/// Lines after a first prefix, with later lines indented to its end.
pub(super) fn hanging(lines: Vec<ScreenLine>, first: &ScreenLine) -> Vec<ScreenLine> {
    let later = ScreenLine::inked(" ".repeat(first.width()), Ink::Plain);
    let lines = if lines.is_empty() { vec![ScreenLine::default()] } else { lines };
    lines
        .into_iter()
        .enumerate()
        .map(|(index, line)| line.after(if index == 0 { first } else { &later }))
        .collect()
}

fn code(text: &str, width: usize) -> Vec<ScreenLine> {
    let face = TextStyle { ink: Ink::Code, ..TextStyle::default() };
    let lines = text.trim_end().lines().flat_map(|line| chop(line, face, width.saturating_sub(4)));
    lines.map(|line| line.after(&ScreenLine::inked("    ", Ink::Plain))).collect()
}

/// The text below a picture, or instead of it.
fn image(alt: &str, picture: usize, width: usize) -> Vec<ScreenLine> {
    let face = TextStyle { ink: Ink::Quiet, ..TextStyle::default() };
    let mut lines = wrap(&[Piece { text: format!("[{alt}]"), face }], width);
    lines.first_mut().into_iter().for_each(|line| line.picture = Some(picture));
    lines
}

/// A label in a box, as mail programs show it, with the number of its link.
fn button(text: &[Piece], width: usize) -> Vec<ScreenLine> {
    let (label, note): (Vec<Piece>, Vec<Piece>) =
        text.iter().cloned().partition(|piece| piece.face.ink == Ink::Button);
    let ends = TextStyle { ink: Ink::Button, ..label.first().map(|piece| piece.face).unwrap_or_default() };
    let inside = wrap(&label, width.saturating_sub(10));
    let widest = inside.iter().map(ScreenLine::width).max().unwrap_or(0);
    let mut lines: Vec<ScreenLine> = inside.into_iter().map(|line| button_line(line, widest, ends)).collect();
    if let Some(last) = lines.last_mut() {
        note.iter().for_each(|piece| last.push(&piece.text, piece.face));
    }
    lines
}

fn button_line(label: ScreenLine, width: usize, ends: TextStyle) -> ScreenLine {
    let space = " ".repeat(width.saturating_sub(label.width()));
    let mut line = label.after(&ScreenLine::of("[ ", ends));
    line.push(&format!("{space} ]"), ends);
    line
}

fn framed(lines: Vec<ScreenLine>, width: usize) -> Vec<ScreenLine> {
    let inside = width.saturating_sub(4);
    let rule = "─".repeat(width.saturating_sub(2));
    let mut framed = vec![ScreenLine::inked(format!("╭{rule}╮"), Ink::Frame)];
    for mut line in lines {
        line.pad(inside, false);
        let mut line = line.after(&ScreenLine::inked("│ ", Ink::Frame));
        line.push(" │", TextStyle { ink: Ink::Frame, ..TextStyle::default() });
        framed.push(line);
    }
    framed.push(ScreenLine::inked(format!("╰{rule}╯"), Ink::Frame));
    framed
}

/// Puts `*` around bold text, `_` around italics, and so on.
fn marked(text: &[Piece]) -> Vec<Piece> {
    let mut marked = Vec::with_capacity(text.len());
    let mut before = TextStyle::default();
    for piece in text {
        push_marks(&mut marked, before, piece.face);
        marked.push(piece.clone());
        before = piece.face;
    }
    push_marks(&mut marked, before, TextStyle::default());
    marked
}

fn push_marks(marked: &mut Vec<Piece>, before: TextStyle, after: TextStyle) {
    let of = |face: TextStyle| [face.bold, face.italic, face.strike, face.ink == Ink::Code];
    let changes = of(before).into_iter().zip(of(after)).zip(['*', '_', '~', '`']);
    let marks: String = changes.filter(|((was, is), _)| was != is).map(|(_, mark)| mark).collect();
    if !marks.is_empty() {
        marked.push(Piece { text: marks, face: TextStyle { link: None, ..after } });
    }
}

fn trim_end(line: &mut ScreenLine) {
    while let Some(last) = line.pieces.last_mut() {
        last.text.truncate(last.text.trim_end().len());
        if !last.text.is_empty() {
            return;
        }
        line.pieces.pop();
    }
}
