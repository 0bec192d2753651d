//! Lays out blocks in a column, before their pages are known.

use std::collections::HashMap;
use std::rc::Rc;

use krilla::tagging::{ListNumbering, Tag};

use super::blocks::{Inline, PaperBlock, SectionContent, Style};
use super::lines::{LinePart, Object, PartKind, Setting, TextLine, break_lines};
use super::pages::{Slot, keep_lines};
use super::pictures::Pictures;
use super::shape::Shaper;
use super::tags::{Tags, heading};

/// The font size of the text in points.
pub(super) const TEXT: f32 = 11.5;
pub(super) const SMALL: f32 = 10.0;
const PARAGRAPH_GAP: f32 = 7.0;
const ITEM_GAP: f32 = 3.0;
const INDENT: f32 = 20.0;
const NARROWEST: f32 = 120.0;

/// A mark, at a distance from the left margin and from the top of its item.
#[derive(Debug, Clone)]
pub(super) enum PageMark {
    Part {
        x: f32,
        baseline: f32,
        part: LinePart,
        node: usize,
    },
    /// A filled box without a meaning of its own, such as a rule.
    Fill {
        x: f32,
        y: f32,
        width: f32,
        height: f32,
    },
    /// A rule in the space above the item, omitted at the top of a page.
    RuleAbove {
        x: f32,
        width: f32,
    },
    /// A bar at the left of a quotation, joined with the one above.
    Bar {
        x: f32,
        is_joined: bool,
    },
}

/// An item that is never split between pages.
#[derive(Debug, Clone, Default)]
pub(super) struct Item {
    pub slot: Slot,
    pub marks: Vec<PageMark>,
    /// The table header, repeated at the top of a page.
    pub header: Option<Rc<Vec<Item>>>,
}

/// A laid-out part of a letter.
#[derive(Debug, Default)]
pub(super) struct Laid {
    pub items: Vec<Item>,
    pub tags: Tags,
    pub language: String,
}

/// A column: its left end and its width.
#[derive(Debug, Clone, Copy)]
pub(super) struct TextColumn {
    pub x: f32,
    pub width: f32,
}

impl TextColumn {
    fn indented(self, by: f32) -> Self {
        let by = by.min((self.width - NARROWEST).max(0.0));
        Self { x: self.x + by, width: self.width - by }
    }
}

/// Lays blocks out.
pub(super) struct BlockFlow<'a> {
    pub shaper: &'a mut Shaper,
    pub pictures: &'a Pictures,
    pub laid: Laid,
    pub language: Rc<str>,
    pub links: Vec<String>,
    link_nodes: HashMap<usize, usize>,
    /// The level of the last heading, so that no level is skipped.
    level: u8,
}

impl<'a> BlockFlow<'a> {
    pub fn new(shaper: &'a mut Shaper, pictures: &'a Pictures, language: &str) -> Self {
        let laid = Laid { language: language.to_owned(), ..Laid::default() };
        let (links, link_nodes) = (Vec::new(), HashMap::new());
        Self { shaper, pictures, laid, language: language.into(), links, link_nodes, level: 1 }
    }

    pub fn setting(&self, size: f32, bold: bool) -> Setting {
        Setting { size, bold, language: Rc::clone(&self.language) }
    }

    pub fn lines(&mut self, text: &[Inline], setting: &Setting, measure: f32) -> Vec<TextLine> {
        let pictures = self.pictures;
        break_lines(text, setting, measure, self.shaper, &|src, width| pictures.size(src, width))
    }

    /// Lays out the content of a section's HTML.
    pub fn content(&mut self, content: &SectionContent, column: TextColumn, parent: usize) {
        self.links.clone_from(&content.links);
        self.link_nodes.clear();
        self.blocks(&content.blocks, column, TEXT, parent);
    }

    fn blocks(&mut self, blocks: &[PaperBlock], column: TextColumn, size: f32, parent: usize) {
        for block in blocks {
            self.block(block, column, size, parent);
        }
    }

    fn block(&mut self, block: &PaperBlock, column: TextColumn, size: f32, parent: usize) {
        match block {
            PaperBlock::Paragraph(text) | PaperBlock::Code(text) => {
                let node = self.laid.tags.add(Tag::P, Some(parent));
                let setting = self.setting(size, false);
                self.text(text, &setting, column, node, PARAGRAPH_GAP);
            }
            PaperBlock::Heading(level, text) => self.heading(*level, text, column, parent),
            PaperBlock::List(start, items) => self.list(*start, items, column, size, parent),
            PaperBlock::Quote(blocks) => {
                let node = self.laid.tags.add(Tag::BlockQuote, Some(parent));
                let first = self.laid.items.len();
                self.blocks(blocks, column.indented(14.0), size, node);
                for (index, item) in self.laid.items.iter_mut().skip(first).enumerate() {
                    item.marks.push(PageMark::Bar { x: column.x + 2.0, is_joined: index > 0 });
                }
            }
            PaperBlock::Indented(blocks) => self.blocks(blocks, column.indented(INDENT), size, parent),
            PaperBlock::Note(blocks) => {
                let node = self.laid.tags.add(Tag::Div, Some(parent));
                self.blocks(blocks, column, SMALL, node);
            }
            PaperBlock::Table(head, rows) => self.table(head, rows, column, size, parent),
            PaperBlock::Rule => self.rule(column),
        }
    }

    fn rule(&mut self, column: TextColumn) {
        let mark = PageMark::Fill { x: column.x, y: 0.0, width: column.width, height: 0.5 };
        let slot = Slot { before: 9.0, height: 3.0, ..Slot::default() };
        self.laid.items.push(Item { slot, marks: vec![mark], header: None });
    }

    /// Adds a paragraph whose first two and last two lines stay together.
    pub fn text(&mut self, text: &[Inline], setting: &Setting, column: TextColumn, node: usize, gap: f32) {
        let lines = self.lines(text, setting, column.width);
        let keeps: Vec<bool> = keep_lines(lines.len()).collect();
        for (index, (line, keep)) in lines.into_iter().zip(keeps).enumerate() {
            let before = if index == 0 { gap } else { 0.0 };
            let slot = Slot { before, height: line.height, keep, header: 0.0 };
            let marks = self.marks(&line, column.x, line.ascent, node);
            self.laid.items.push(Item { slot, marks, header: None });
        }
    }

    /// The parts of a line in position, each with its node.
    pub fn marks(&mut self, line: &TextLine, x: f32, baseline: f32, node: usize) -> Vec<PageMark> {
        let mut marks = Vec::new();
        for part in &line.parts {
            let node = match &part.what {
                PartKind::Text { look, .. } => self.link_node(look.link, node),
                PartKind::Object { object, .. } => {
                    let (Object::Picture { alt, .. } | Object::Meter { alt, .. }) = object;
                    let alt = if alt.trim().is_empty() { "–" } else { alt.trim() };
                    self.laid.tags.add(Tag::Figure(Some(alt.to_owned())), Some(node))
                }
            };
            marks.push(PageMark::Part { x: x + part.x, baseline, part: part.clone(), node });
        }
        marks
    }

    fn link_node(&mut self, link: Option<usize>, parent: usize) -> usize {
        let Some((link, url)) = link.and_then(|link| Some((link, self.links.get(link)?))) else {
            return parent;
        };
        let tags = &mut self.laid.tags;
        *self.link_nodes.entry(link).or_insert_with(|| tags.add_link(url, parent))
    }

    fn heading(&mut self, level: u8, text: &[Inline], column: TextColumn, parent: usize) {
        let size = if level <= 3 { 13.5 } else { TEXT };
        self.level = level.clamp(2, self.level + 1);
        let node = self.laid.tags.add(heading(self.level, &plain(text)), Some(parent));
        let setting = self.setting(size, true);
        self.title(text, &setting, column, node, 13.0);
    }

    /// Adds a heading that stays with the text after it.
    pub fn title(&mut self, text: &[Inline], setting: &Setting, column: TextColumn, node: usize, gap: f32) {
        let first = self.laid.items.len();
        self.text(text, setting, column, node, gap);
        self.laid.items.iter_mut().skip(first).for_each(|item| item.slot.keep = true);
    }

    /// Sets the level of the section's heading.
    pub fn set_level(&mut self, level: u8) {
        self.level = level;
    }

    fn list(
        &mut self,
        start: Option<u64>,
        items: &[Vec<PaperBlock>],
        column: TextColumn,
        size: f32,
        parent: usize,
    ) {
        let numbering = if start.is_some() { ListNumbering::Decimal } else { ListNumbering::Disc };
        let list = self.laid.tags.add(Tag::L(numbering), Some(parent));
        for (item, index) in items.iter().zip(0_u64..) {
            let node = self.laid.tags.add(Tag::LI, Some(list));
            let label_node = self.laid.tags.add(Tag::Lbl, Some(node));
            let body = self.laid.tags.add(Tag::LBody, Some(node));
            let first = self.laid.items.len();
            let label = start.map_or("•".to_owned(), |start| format!("{}.", start.saturating_add(index)));
            let setting = self.setting(size, false);
            let label =
                self.lines(&plain_text(&label), &setting, f32::MAX).into_iter().next().unwrap_or_default();
            let indent = INDENT.max(label.width + 6.0);
            self.blocks(item, column.indented(indent), size, body);
            let x = if start.is_some() { column.x } else { column.x + 5.0 };
            let baseline = self.laid.items.get(first).and_then(first_baseline).unwrap_or(label.ascent);
            let marks = self.marks(&label, x, baseline, label_node);
            if first == self.laid.items.len() {
                let slot = Slot { height: label.height, ..Slot::default() };
                self.laid.items.push(Item { slot, ..Item::default() });
            }
            if let Some(item) = self.laid.items.get_mut(first) {
                item.slot.before = if index == 0 { PARAGRAPH_GAP } else { ITEM_GAP };
                item.marks.splice(0..0, marks);
            }
        }
    }

    /// Keeps each heading together with two lines after it.
    pub fn keep_headings(&mut self) {
        let mut wanted = 0;
        for item in &mut self.laid.items {
            let is_heading = item.slot.keep && item.marks.iter().any(is_large);
            if is_heading {
                wanted = 1;
            } else if wanted > 0 {
                item.slot.keep = true;
                wanted -= 1;
            }
        }
        if let Some(last) = self.laid.items.last_mut() {
            last.slot.keep = false;
        }
    }
}

fn first_baseline(item: &Item) -> Option<f32> {
    item.marks.iter().find_map(|mark| match mark {
        PageMark::Part { baseline, .. } => Some(*baseline),
        _ => None,
    })
}

/// Tells whether a mark is a heading's text.
fn is_large(mark: &PageMark) -> bool {
    let PageMark::Part { part: LinePart { what: PartKind::Text { look, .. }, .. }, .. } = mark else {
        return false;
    };
    look.style.bold && look.size > TEXT
}

/// A text without styles.
pub(super) fn plain_text(text: &str) -> Vec<Inline> {
    vec![Inline::Text { text: text.to_owned(), style: Style::default(), language: None, link: None }]
}

/// The words of running text.
fn plain(text: &[Inline]) -> String {
    let texts = text.iter().map(|inline| match inline {
        Inline::Text { text, .. } => text.as_str(),
        _ => " ",
    });
    texts.collect::<String>().replace('\u{ad}', "").split_whitespace().collect::<Vec<_>>().join(" ")
}
