//! Puts letters on pages.

use std::collections::{BTreeMap, HashMap};
use std::rc::Rc;

use krilla::tagging::{ArtifactType, Tag, TagGroup};

use super::blocks::Align;
use super::document::{EDGE, HEIGHT, PdfDocument, SIDE, a4};
use super::draw::{ItemSpot, LinkAreas, Pen, annotate};
use super::flow::{BlockFlow, Item, Laid, PageMark, TextColumn, plain_text};
use super::letter::{COLUMN, head, section, sequence, tail};
use super::pages::{PageBody, Slot, SlotPlace, paginate};
use super::pictures::{Pictures, fitted, size};
use super::shape::Shaper;
use super::tags::DrawnTags;
use super::window::{Area, MM, fitted_address};
use super::{PaperError, PrintLetter, Stationery};
use crate::compose::PrintedSection;
use crate::domain::WindowSide;

/// The `src` of the logo.
const LOGO: &str = "\0logo";
/// The maximum number of cached sections, since sections can differ from member to member.
const MOST_SECTIONS: usize = 200;
/// The height of the footer, above the lower margin.
const FOOTER: f32 = 26.0;
const FOOTER_SIZE: f32 = 9.0;
const RETURN_SIZE: f32 = 7.0;
/// The distance from the window to the title (DIN 5008: 8.46 mm).
const BELOW_WINDOW: f32 = 8.46;
const LOGO_BOX: (f32, f32) = (70.0 * MM, 20.0 * MM);

/// Prints letters into one PDF.
pub struct Printer {
    paper: PdfDocument,
    shaper: Shaper,
    pictures: Pictures,
    sections: HashMap<PrintedSection, Rc<Laid>>,
    sender: String,
    return_line: String,
    page_of: String,
    two_sided: bool,
    window: super::EnvelopeWindow,
    has_logo: bool,
}

impl std::fmt::Debug for Printer {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Printer").field("pages", &self.paper.pages).finish_non_exhaustive()
    }
}

/// A letter with its place on the pages.
struct Planned<'a> {
    items: Vec<(usize, &'a Item, Slot)>,
    places: Vec<SlotPlace>,
    pages: usize,
}

impl Printer {
    /// Starts a PDF; the pictures are JPEG or PNG files by the value of `src`. Broken ones are replaced with their
    /// text.
    pub fn new(
        stationery: &Stationery<'_>,
        pictures: &BTreeMap<String, Vec<u8>>,
    ) -> Result<Self, PaperError> {
        if !stationery.window.is_valid() {
            return Err(PaperError::Window);
        }
        let mut all = pictures.clone();
        if let Some(logo) = stationery.logo {
            all.insert(LOGO.to_owned(), logo.to_vec());
        }
        let pictures = Pictures::new(&all);
        if stationery.logo.is_some() && pictures.get(LOGO).is_none() {
            return Err(PaperError::Logo);
        }
        Ok(Self {
            paper: PdfDocument::new(&stationery.info)?,
            shaper: Shaper::default(),
            pictures,
            sections: HashMap::new(),
            sender: stationery.sender_name.to_owned(),
            return_line: stationery.return_line.to_owned(),
            page_of: stationery.page_of.to_owned(),
            two_sided: stationery.two_sided,
            window: stationery.window,
            has_logo: stationery.logo.is_some(),
        })
    }

    /// Adds a letter; returns the number of its pages, without a blank page before it.
    pub fn add(&mut self, letter: &PrintLetter<'_>) -> Result<usize, PaperError> {
        if self.two_sided && self.paper.pages % 2 == 1 {
            self.paper.blank_page();
        }
        let mut parts = vec![Rc::new(head(letter, &mut self.shaper, &self.pictures))];
        for section in &letter.sections {
            parts.push(self.section(section));
        }
        parts.push(Rc::new(tail(letter, &mut self.shaper, &self.pictures)));
        let top = self.top(letter);
        let items = sequence(&parts);
        let slots: Vec<Slot> = items.iter().map(|(.., slot)| *slot).collect();
        let body = PageBody { first_top: top, top: EDGE, bottom: HEIGHT - EDGE - FOOTER };
        let places = paginate(&slots, body);
        let pages = places.last().map_or(1, |place| place.page + 1);
        self.paper.outline(&outline_title(letter), self.paper.pages, 0.0);
        let planned = Planned { items, places, pages };
        self.draw(letter, &parts, &planned)?;
        Ok(pages)
    }

    /// Writes the PDF.
    pub fn finish(self) -> Result<Vec<u8>, PaperError> {
        self.paper.finish()
    }

    fn section(&mut self, content: &PrintedSection) -> Rc<Laid> {
        if let Some(laid) = self.sections.get(content) {
            return Rc::clone(laid);
        }
        if self.sections.len() >= MOST_SECTIONS {
            self.sections.clear();
        }
        let laid = Rc::new(section(content, &mut self.shaper, &self.pictures));
        self.sections.insert(content.clone(), Rc::clone(&laid));
        laid
    }

    /// The top of the title on the first page.
    fn top(&self, letter: &PrintLetter<'_>) -> f32 {
        if letter.address.is_empty() {
            return EDGE + self.head_height() + 26.0;
        }
        (self.window.top + self.window.height + BELOW_WINDOW) * MM
    }

    /// The height of the sender's name or logo.
    fn head_height(&self) -> f32 {
        if self.has_logo { self.logo_size().1 } else { 20.0 }
    }

    fn logo_size(&self) -> (f32, f32) {
        let room = (self.window.top * MM - EDGE - 6.0).clamp(12.0, LOGO_BOX.1);
        let natural = self.pictures.get(LOGO).and_then(size).unwrap_or((1.0, 1.0));
        fitted(natural, natural.0 * 0.75, (LOGO_BOX.0, room))
    }

    fn draw(
        &mut self,
        letter: &PrintLetter<'_>,
        parts: &[Rc<Laid>],
        planned: &Planned<'_>,
    ) -> Result<(), PaperError> {
        let fixed = self.fixed(letter);
        let all: Vec<&Laid> = std::iter::once(&fixed).chain(parts.iter().map(Rc::as_ref)).collect();
        let tags: Vec<_> = all.iter().map(|laid| &laid.tags).collect();
        let mut drawn: Vec<DrawnTags<'_>> = tags.iter().map(|tags| DrawnTags::new(tags)).collect();
        let mut places = planned.items.iter().zip(&planned.places).peekable();
        for number in 0..planned.pages {
            let footer = self.footer(letter.language, number, planned.pages);
            let settings = a4().ok_or_else(|| PaperError::Pdf("no page size".to_owned()))?;
            let mut page = self.paper.document.start_page_with(settings);
            let mut pen = Pen { surface: page.surface(), pictures: &self.pictures, links: LinkAreas::new() };
            if number == 0 {
                let at = ItemSpot { x: SIDE, y: 0.0, is_first: true };
                for item in &fixed.items {
                    if let Some(drawn) = drawn.first_mut() {
                        pen.item(item, at, 0, drawn, &fixed.tags, &fixed.language);
                    }
                }
            }
            while let Some(((part, item, _), place)) = places.next_if(|(_, place)| place.page == number) {
                let spot = ItemSpot { x: SIDE, y: place.y, is_first: place.is_first };
                pen.header(item, spot);
                if let (Some(laid), Some(drawn)) = (parts.get(*part), drawn.get_mut(part + 1)) {
                    pen.item(item, spot, part + 1, drawn, &laid.tags, &laid.language);
                }
            }
            pen.artifact(&footer, ItemSpot { x: SIDE, y: 0.0, is_first: true }, ArtifactType::Footer);
            let links = pen.finish();
            annotate(&mut page, links, &mut drawn, &tags);
            page.finish();
            self.paper.pages += 1;
        }
        let mut group = TagGroup::new(Tag::Part.with_lang(Some(letter.language.to_owned())));
        drawn.iter().flat_map(DrawnTags::groups).for_each(|inner| group.push(inner));
        self.paper.push(group);
        Ok(())
    }

    /// The parts at a fixed position on the first page: sender, address and date.
    fn fixed(&mut self, letter: &PrintLetter<'_>) -> Laid {
        let logo = self.has_logo.then(|| self.logo_size());
        let mut layout = BlockFlow::new(&mut self.shaper, &self.pictures, letter.language);
        match logo {
            Some(size) => layout.logo(&self.sender, size),
            None => layout.placed(&self.sender, (14.0, true), COLUMN, (0.0, EDGE), Align::Left),
        }
        if letter.address.is_empty() {
            layout.placed(&letter.date, (11.5, false), COLUMN, (0.0, EDGE), Align::Right);
            return layout.laid;
        }
        let (x, bottom, width) = self.window.return_line();
        let column = TextColumn { x: x - SIDE, width };
        layout.placed(&self.return_line, (RETURN_SIZE, false), column, (1.0, bottom), Align::Left);
        let area = self.window.address_box();
        layout.address(&letter.address, area);
        let align = match self.window.side {
            WindowSide::Left => Align::Right,
            WindowSide::Right => Align::Left,
        };
        layout.placed(&letter.date, (11.5, false), COLUMN, (0.0, area.y), align);
        layout.laid
    }

    fn footer(&mut self, language: &str, number: usize, pages: usize) -> Item {
        let numbers = self.page_of.replace("{pages}", &pages.to_string());
        let numbers = numbers.replace("{page}", &(number + 1).to_string());
        let mut layout = BlockFlow::new(&mut self.shaper, &self.pictures, language);
        let at = (1.0, HEIGHT - EDGE);
        if number > 0 {
            layout.placed(&self.sender, (FOOTER_SIZE, false), COLUMN, at, Align::Left);
        }
        layout.placed(&numbers, (FOOTER_SIZE, false), COLUMN, at, Align::Right);
        let marks = layout.laid.items.into_iter().flat_map(|item| item.marks).collect();
        Item { marks, ..Item::default() }
    }
}

/// The letter's entry in the outline: its recipient.
fn outline_title(letter: &PrintLetter<'_>) -> String {
    match letter.address.first() {
        Some(name) => format!("{} – {name}", letter.title),
        None if letter.title.is_empty() => "–".to_owned(),
        None => letter.title.clone(),
    }
}

impl BlockFlow<'_> {
    /// Adds a text at a height on the page; `anchor` is 0 if that is its top, and 1 if it is its bottom.
    fn placed(
        &mut self,
        text: &str,
        (size, bold): (f32, bool),
        column: TextColumn,
        at: (f32, f32),
        align: Align,
    ) {
        if text.trim().is_empty() {
            return;
        }
        let node = self.laid.tags.add(Tag::P, None);
        let setting = self.setting(size, bold);
        let lines = self.lines(&plain_text(text), &setting, column.width);
        let height: f32 = lines.iter().map(|line| line.height).sum();
        let mut y = at.1 - at.0 * height;
        for line in lines {
            let free = if align == Align::Right { column.width - line.width } else { 0.0 };
            let marks = self.marks(&line, column.x + free, y + line.ascent, node);
            y += line.height;
            self.laid.items.push(Item { marks, ..Item::default() });
        }
    }

    /// Adds an address in an area of the page.
    pub(super) fn address(&mut self, address: &[String], area: Area) {
        let node = self.laid.tags.add(Tag::P, None);
        let language = Rc::clone(&self.language);
        let mut y = area.y;
        for line in fitted_address(address, &language, area, self.shaper) {
            let marks = self.marks(&line, area.x - SIDE, y + line.ascent, node);
            y += line.height;
            self.laid.items.push(Item { marks, ..Item::default() });
        }
    }

    fn logo(&mut self, alt: &str, (width, height): (f32, f32)) {
        use super::lines::{LinePart, Object, PartKind};
        let alt = if alt.trim().is_empty() { "–" } else { alt };
        let node = self.laid.tags.add(Tag::Figure(Some(alt.to_owned())), None);
        let object = Object::Picture { src: LOGO.to_owned(), alt: alt.to_owned() };
        let part = LinePart { x: 0.0, width, what: PartKind::Object { object, height } };
        let mark = PageMark::Part { x: 0.0, baseline: EDGE + height, part, node };
        self.laid.items.push(Item { marks: vec![mark], ..Item::default() });
    }
}

impl Pen<'_, '_> {
    /// Repeats a table's header above its first row on a page.
    fn header(&mut self, item: &Item, spot: ItemSpot) {
        let Some(header) = item.header.as_ref().filter(|_| spot.is_first) else { return };
        let mut y = spot.y - item.slot.header;
        for row in header.iter() {
            y += row.slot.before;
            self.artifact(row, ItemSpot { y, ..spot }, ArtifactType::PaginationOther);
            y += row.slot.height;
        }
    }
}
