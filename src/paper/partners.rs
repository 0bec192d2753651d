//! The pictures of the letter's frame: the hero picture and the partners' logos.

use krilla::tagging::Tag;

use super::blocks::{Align, Inline, Style};
use super::flow::{BlockFlow, Item, PageMark, SMALL, TextColumn, plain_text};
use super::letter::COLUMN;
use super::lines::{LinePart, Object, PartKind};
use super::links;
use super::pages::Slot;
use super::pictures::{fitted, size};
use super::table::ColumnLines;
use crate::compose::{PrintedPartner, PrintedPicture};

/// The tallest hero picture: there is to be text on the first page.
const TALLEST_HERO: f32 = 230.0;
const GAP: f32 = 18.0;
/// As many as in the letter.
const IN_A_ROW: f32 = 3.0;

impl BlockFlow<'_> {
    /// Adds a picture as wide as the text; one that cannot be drawn is replaced by its text.
    pub fn hero(&mut self, picture: &PrintedPicture) {
        let natural = self.pictures.get(&picture.src).and_then(size);
        let alt = picture.alt.trim();
        let Some(natural) = natural else {
            if !alt.is_empty() {
                let node = self.laid.tags.add(Tag::P, None);
                let setting = self.setting(SMALL, false);
                self.text(&plain_text(alt), &setting, COLUMN, node, 9.0);
            }
            return;
        };
        let (width, height) = fitted(natural, COLUMN.width, (COLUMN.width, TALLEST_HERO));
        let node =
            self.laid.tags.add(Tag::Figure(Some(if alt.is_empty() { "–" } else { alt }.to_owned())), None);
        let object = Object::Picture { src: picture.src.clone(), alt: alt.to_owned() };
        let part = LinePart { x: 0.0, width, what: PartKind::Object { object, height } };
        let mark = PageMark::Part { x: 0.0, baseline: height, part, node };
        let slot = Slot { before: 12.0, height, ..Slot::default() };
        self.laid.items.push(Item { slot, marks: vec![mark], header: None });
    }

    /// Adds partners side by side: the logo, or else the name, and below it the address.
    pub fn partners(&mut self, partners: &[PrintedPartner]) {
        let width = (COLUMN.width - GAP * (IN_A_ROW - 1.0)) / IN_A_ROW;
        let mut x = COLUMN.x;
        let mut stacks = Vec::new();
        for partner in partners {
            let node = self.laid.tags.add(Tag::P, None);
            let setting = self.setting(SMALL, false);
            let lines = self.lines(&content(partner), &setting, width);
            stacks.push(ColumnLines { column: TextColumn { x, width }, align: Align::Left, lines, node });
            x += width + GAP;
        }
        self.stacks(&stacks, 8.0);
    }
}

fn content(partner: &PrintedPartner) -> Vec<Inline> {
    let mut inlines = match &partner.logo {
        Some(PrintedPicture { src, alt, width }) => {
            let width = u16::try_from(*width).ok().map(f32::from);
            vec![Inline::Picture { src: src.clone(), alt: alt.clone(), width }]
        }
        None => plain_text(&partner.name),
    };
    let address = partner.link.as_deref().and_then(|link| links::printed_address(link, &partner.name));
    if let Some(text) = address {
        let style = Style { small: true, ..Style::default() };
        inlines.extend([Inline::Break, Inline::Text { text, style, language: None, link: None }]);
    }
    inlines
}
