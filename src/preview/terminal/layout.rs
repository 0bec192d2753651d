//! Blocks as lines of a given width.

use super::block::{Block, Document, Face, Ink, Piece};
use super::table;
use super::wrap::{Line, chop, wrap};

/// Longer lines are tiring to read; a letter on a wide screen keeps to the left.
const WIDEST: usize = 100;

/// What a letter is laid out on.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paper {
    /// The columns that there are.
    pub width: usize,
    /// Whether bold and italics are to be told by `*` and `_` if the screen shows neither.
    pub with_marks: bool,
}

impl Paper {
    /// The columns that the letter takes.
    pub fn measure(self) -> usize {
        self.width.clamp(20, WIDEST)
    }
}

impl Document {
    /// Lays the letter out.
    pub fn lines(&self, paper: Paper) -> Vec<Line> {
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
    /// Blocks below each other, with this many empty lines between them.
    fn blocks(&self, blocks: &[Block], width: usize, gap: usize) -> Vec<Line> {
        let mut lines: Vec<Line> = Vec::new();
        for block in blocks {
            if !lines.is_empty() {
                let gap = gap + usize::from(starts_section(block));
                lines.extend(std::iter::repeat_n(Line::default(), gap));
            }
            lines.extend(self.block(block, width));
        }
        lines
    }

    fn block(&self, block: &Block, width: usize) -> Vec<Line> {
        match block {
            Block::Heading { level, text } => self.heading(*level, text, width),
            Block::Paragraph(text) => self.wrapped(text, width),
            Block::List { first, items } => self.list(*first, items, width),
            Block::Quote(blocks) => {
                let bar = Line::inked("│ ", Ink::Frame);
                self.blocks(blocks, width.saturating_sub(2), 1)
                    .into_iter()
                    .map(|line| line.after(&bar))
                    .collect()
            }
            Block::Code(text) => code(text, width),
            Block::Table(rows) => table::lay_out(rows, width),
            Block::Event(blocks) => framed(self.blocks(blocks, width.saturating_sub(4), 0), width),
            Block::Button(label) => button(label, width),
            Block::Image { alt, picture } => image(alt, *picture, width),
            Block::Rule => vec![Line::inked("─".repeat(width), Ink::Frame)],
            Block::Notes(notes) => {
                notes.iter().flat_map(|note| self.note(note.number, note.link, width)).collect()
            }
            Block::Foot(blocks) => self.foot(blocks, width),
        }
    }

    fn wrapped(&self, text: &[Piece], width: usize) -> Vec<Line> {
        if self.with_marks { wrap(&marked(text), width) } else { wrap(text, width) }
    }

    fn heading(&self, level: u8, text: &[Piece], width: usize) -> Vec<Line> {
        let rule = match level {
            1 => "═",
            2 => "─",
            _ => return self.wrapped(text, width),
        };
        // The line below says that it is a heading.
        let mut lines = wrap(text, width);
        let widest = lines.iter().map(Line::width).max().unwrap_or(0).min(width);
        lines.push(Line::inked(rule.repeat(widest), Ink::Title));
        lines
    }

    fn list(&self, first: Option<u64>, items: &[Vec<Block>], width: usize) -> Vec<Line> {
        let is_tight =
            items.iter().all(|item| item.iter().skip(1).all(|block| matches!(block, Block::List { .. })));
        let widest = first.map_or(1, |first| (first + items.len() as u64).to_string().len() + 1);
        let mut lines = Vec::new();
        for (index, item) in items.iter().enumerate() {
            if index > 0 && !is_tight {
                lines.push(Line::default());
            }
            let bullet = first.map_or_else(|| "•".to_owned(), |first| format!("{}.", first + index as u64));
            let bullet = Line::inked(format!("{bullet:>widest$} "), Ink::Frame);
            let inside = self.blocks(item, width.saturating_sub(widest + 1), usize::from(!is_tight));
            lines.extend(hanging(inside, &bullet));
        }
        lines
    }

    fn note(&self, number: usize, link: usize, width: usize) -> Vec<Line> {
        let target = self.links.get(link).map_or("", String::as_str);
        let prefix = Line::inked(format!("[{number}] "), Ink::Quiet);
        let face = Face { ink: Ink::Quiet, link: Some(link), ..Face::default() };
        let inside = width.saturating_sub(prefix.width());
        // A web address stays whole, so that terminals open it.
        let lines =
            if target.contains("://") { vec![Line::of(target, face)] } else { chop(target, face, inside) };
        hanging(lines, &prefix)
    }

    fn foot(&self, blocks: &[Block], width: usize) -> Vec<Line> {
        let mut lines = vec![Line::inked("─".repeat(width), Ink::Frame)];
        let mut inside = self.blocks(blocks, width, 0);
        let plain =
            inside.iter_mut().flat_map(|line| &mut line.pieces).filter(|piece| piece.face.ink == Ink::Plain);
        plain.for_each(|piece| piece.face.ink = Ink::Quiet);
        lines.append(&mut inside);
        lines
    }
}

fn starts_section(block: &Block) -> bool {
    matches!(block, Block::Heading { level: 1 | 2, .. } | Block::Foot(_))
}

/// Lines after a first prefix, the later ones below its end.
pub(super) fn hanging(lines: Vec<Line>, first: &Line) -> Vec<Line> {
    let later = Line::inked(" ".repeat(first.width()), Ink::Plain);
    let lines = if lines.is_empty() { vec![Line::default()] } else { lines };
    lines
        .into_iter()
        .enumerate()
        .map(|(index, line)| line.after(if index == 0 { first } else { &later }))
        .collect()
}

fn code(text: &str, width: usize) -> Vec<Line> {
    let face = Face { ink: Ink::Code, ..Face::default() };
    let lines = text.trim_end().lines().flat_map(|line| chop(line, face, width.saturating_sub(4)));
    lines.map(|line| line.after(&Line::inked("    ", Ink::Plain))).collect()
}

/// The text shown instead of a picture, or below it.
fn image(alt: &str, picture: usize, width: usize) -> Vec<Line> {
    let face = Face { ink: Ink::Quiet, ..Face::default() };
    let mut lines = wrap(&[Piece { text: format!("[{alt}]"), face }], width);
    lines.first_mut().into_iter().for_each(|line| line.picture = Some(picture));
    lines
}

/// A label in a cell, as mail programs show it, and the number of its link.
fn button(text: &[Piece], width: usize) -> Vec<Line> {
    let (label, note): (Vec<Piece>, Vec<Piece>) =
        text.iter().cloned().partition(|piece| piece.face.ink == Ink::Button);
    let ends = Face { ink: Ink::Button, ..label.first().map(|piece| piece.face).unwrap_or_default() };
    let inside = wrap(&label, width.saturating_sub(10));
    let widest = inside.iter().map(Line::width).max().unwrap_or(0);
    let mut lines: Vec<Line> = inside.into_iter().map(|line| button_line(line, widest, ends)).collect();
    if let Some(last) = lines.last_mut() {
        note.iter().for_each(|piece| last.push(&piece.text, piece.face));
    }
    lines
}

fn button_line(label: Line, width: usize, ends: Face) -> Line {
    let space = " ".repeat(width.saturating_sub(label.width()));
    let mut line = label.after(&Line::of("[ ", ends));
    line.push(&format!("{space} ]"), ends);
    line
}

fn framed(lines: Vec<Line>, width: usize) -> Vec<Line> {
    let inside = width.saturating_sub(4);
    let rule = "─".repeat(width.saturating_sub(2));
    let mut framed = vec![Line::inked(format!("╭{rule}╮"), Ink::Frame)];
    for mut line in lines {
        line.pad(inside, false);
        let mut line = line.after(&Line::inked("│ ", Ink::Frame));
        line.push(" │", Face { ink: Ink::Frame, ..Face::default() });
        framed.push(line);
    }
    framed.push(Line::inked(format!("╰{rule}╯"), Ink::Frame));
    framed
}

/// Puts `*` around what is bold, `_` around what is italic, and so on.
fn marked(text: &[Piece]) -> Vec<Piece> {
    let mut marked = Vec::with_capacity(text.len());
    let mut before = Face::default();
    for piece in text {
        push_marks(&mut marked, before, piece.face);
        marked.push(piece.clone());
        before = piece.face;
    }
    push_marks(&mut marked, before, Face::default());
    marked
}

fn push_marks(marked: &mut Vec<Piece>, before: Face, after: Face) {
    let of = |face: Face| [face.bold, face.italic, face.strike, face.ink == Ink::Code];
    let changes = of(before).into_iter().zip(of(after)).zip(['*', '_', '~', '`']);
    let marks: String = changes.filter(|((was, is), _)| was != is).map(|(_, mark)| mark).collect();
    if !marks.is_empty() {
        marked.push(Piece { text: marks, face: Face { link: None, ..after } });
    }
}

fn trim_end(line: &mut Line) {
    while let Some(last) = line.pieces.last_mut() {
        last.text.truncate(last.text.trim_end().len());
        if !last.text.is_empty() {
            return;
        }
        line.pieces.pop();
    }
}
