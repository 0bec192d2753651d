//! Lays out the parts of a letter.

use std::rc::Rc;

use krilla::tagging::{ListNumbering, Tag};

use super::PrintLetter;
use super::blocks::{Align, Inline, Style, read};
use super::flow::{BlockFlow, Item, Laid, PageMark, SMALL, TEXT, TextColumn, plain_text};
use super::links;
use super::pages::Slot;
use super::pictures::Pictures;
use super::shape::Shaper;
use super::table::ColumnLines;
use super::tags::heading;
use crate::compose::{PrintedEvent, PrintedSection};

/// The width of the text on the page.
pub(super) const COLUMN: TextColumn =
    TextColumn { x: 0.0, width: super::document::WIDTH - 2.0 * super::document::SIDE };
const TITLE: f32 = 23.0;
const SECTION: f32 = 16.0;
const LEAD: f32 = 13.0;
/// The width of an event's date, and its distance from the event's text.
const DATE: f32 = 105.0;
const DATE_GAP: f32 = 14.0;

/// The title, the lead and the greeting.
pub(super) fn head(letter: &PrintLetter<'_>, shaper: &mut Shaper, pictures: &Pictures) -> Laid {
    let mut layout = BlockFlow::new(shaper, pictures, letter.language);
    let node = layout.laid.tags.add(heading(1, &letter.title), None);
    let setting = layout.setting(TITLE, true);
    layout.title(&plain_text(&letter.title), &setting, COLUMN, node, 0.0);
    for (text, size) in [(&letter.lead, LEAD), (&letter.greeting, TEXT)] {
        if let Some(text) = text {
            let node = layout.laid.tags.add(Tag::P, None);
            let setting = layout.setting(size, false);
            layout.text(&plain_text(text), &setting, COLUMN, node, 9.0);
        }
    }
    layout.keep_headings();
    // The greeting stays with the text.
    layout.laid.items.iter_mut().for_each(|item| item.slot.keep = true);
    layout.laid
}

/// A section with its events.
pub(super) fn section(section: &PrintedSection, shaper: &mut Shaper, pictures: &Pictures) -> Laid {
    let mut layout = BlockFlow::new(shaper, pictures, &section.language);
    let root = layout.laid.tags.add(Tag::Section.with_lang(Some(section.language.clone())), None);
    let number = if section.number == 0 { String::new() } else { format!("{}  ", section.number) };
    let title = format!("{number}{}", section.title);
    if !title.trim().is_empty() {
        let node = layout.laid.tags.add(heading(2, &title), Some(root));
        let setting = layout.setting(SECTION, true);
        layout.title(&plain_text(&title), &setting, COLUMN, node, 26.0);
        layout.set_level(2);
    }
    layout.content(&read(&section.html), COLUMN, root);
    for event in &section.events {
        layout.event(event, root);
    }
    layout.keep_headings();
    if let Some(item) = layout.laid.items.first_mut() {
        item.marks.push(PageMark::RuleAbove { x: 0.0, width: COLUMN.width });
        item.slot.before = 26.0;
    }
    layout.laid
}

/// The enclosures and the footer, which stay together.
pub(super) fn tail(letter: &PrintLetter<'_>, shaper: &mut Shaper, pictures: &Pictures) -> Laid {
    let mut layout = BlockFlow::new(shaper, pictures, letter.language);
    if let Some((title, names)) = &letter.enclosures {
        let node = layout.laid.tags.add(heading(2, title), None);
        let setting = layout.setting(TEXT, true);
        layout.title(&plain_text(title), &setting, COLUMN, node, 20.0);
        let list = layout.laid.tags.add(Tag::L(ListNumbering::None), None);
        let setting = layout.setting(TEXT, false);
        for name in names {
            let item = layout.laid.tags.add(Tag::LI, Some(list));
            let body = layout.laid.tags.add(Tag::LBody, Some(item));
            layout.text(&plain_text(name), &setting, COLUMN, body, 1.0);
        }
    }
    let first = layout.laid.items.len();
    let setting = layout.setting(SMALL, false);
    for line in &letter.foot {
        let node = layout.laid.tags.add(Tag::P, None);
        layout.text(&plain_text(line), &setting, COLUMN, node, 2.0);
    }
    if let Some(item) = layout.laid.items.get_mut(first) {
        item.marks.push(PageMark::RuleAbove { x: 0.0, width: COLUMN.width });
        item.slot.before = 22.0;
    }
    layout.laid.items.iter_mut().for_each(|item| item.slot.keep = true);
    layout.laid
}

impl BlockFlow<'_> {
    /// Adds an event, which is not split: its date at the left, the rest at the right.
    fn event(&mut self, event: &PrintedEvent, parent: usize) {
        let node = self.laid.tags.add(Tag::Div, Some(parent));
        let date = self.laid.tags.add(Tag::P, Some(node));
        let text = self.laid.tags.add(Tag::P, Some(node));
        let first = self.laid.items.len();
        let right = TextColumn { x: DATE + DATE_GAP, width: COLUMN.width - DATE - DATE_GAP };
        let setting = self.setting(TEXT, false);
        let dates = joined(event.date_lines.iter().map(|line| bold(line, false)));
        let mut rows = vec![bold(&event.title, true)];
        rows.extend(event.lines.iter().map(|line| bold(line, false)));
        if let Some((label, url)) = &event.link {
            let link = self.links.len();
            self.links.push(url.clone());
            rows.push(linked(label, url, link));
        }
        let left = TextColumn { x: 0.0, width: DATE };
        let lines = self.lines(&dates, &setting, left.width);
        let dates = ColumnLines { column: left, align: Align::Left, lines, node: date };
        let lines = self.lines(&joined(rows.into_iter()), &setting, right.width);
        let texts = ColumnLines { column: right, align: Align::Left, lines, node: text };
        self.stacks(&[dates, texts], 12.0);
        if let Some(item) = self.laid.items.get_mut(first) {
            item.marks.push(PageMark::RuleAbove { x: 0.0, width: COLUMN.width });
        }
    }
}

fn joined(rows: impl Iterator<Item = Vec<Inline>>) -> Vec<Inline> {
    let rows: Vec<Vec<Inline>> = rows.collect();
    rows.join(&Inline::Break)
}

fn bold(text: &str, bold: bool) -> Vec<Inline> {
    let style = Style { bold, ..Style::default() };
    vec![Inline::Text { text: text.to_owned(), style, language: None, link: None }]
}

fn linked(label: &str, url: &str, link: usize) -> Vec<Inline> {
    let is_external = links::is_external(url);
    let text = |text: String, small| {
        let style = Style { small, ..Style::default() };
        Inline::Text { text, style, language: None, link: is_external.then_some(link) }
    };
    let mut inlines = vec![text(label.to_owned(), false)];
    if let Some(address) = links::printed_address(url, label) {
        inlines.extend(plain_text(" "));
        inlines.push(text(format!("({address})"), true));
    }
    inlines
}

/// All items of a letter in order, with the numbers of their parts; the footer stays with the last lines of the text.
pub(super) fn sequence(parts: &[Rc<Laid>]) -> Vec<(usize, &Item, Slot)> {
    let items = parts.iter().enumerate();
    let mut all: Vec<_> =
        items.flat_map(|(part, laid)| laid.items.iter().map(move |item| (part, item, item.slot))).collect();
    let tail = parts.len().saturating_sub(1);
    let first_of_tail = all.iter().position(|(part, ..)| *part == tail).unwrap_or(all.len());
    if first_of_tail < all.len() {
        let last_lines = all.get_mut(first_of_tail.saturating_sub(2)..first_of_tail).unwrap_or_default();
        last_lines.iter_mut().for_each(|(.., slot)| slot.keep = true);
    }
    if let Some((.., slot)) = all.last_mut() {
        slot.keep = false;
    }
    all
}
