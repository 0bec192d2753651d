//! A PDF for both archiving (PDF/A-2a) and accessibility (PDF/UA-1); the same content yields the same bytes.

use krilla::configure::{Accessibility, Archival, ConfigurationBuilder};
use krilla::destination::XyzDestination;
use krilla::geom::Point;
use krilla::metadata::{DateTime, Metadata};
use krilla::outline::{Outline, OutlineNode};
use krilla::page::PageSettings;
use krilla::tagging::{TagGroup, TagTree};
use krilla::{Document, SerializeSettings};

use super::window::MM;
use super::{PaperError, PdfInfo};

/// A4 and its margins in points.
pub(super) const WIDTH: f32 = 210.0 * MM;
pub(super) const HEIGHT: f32 = 297.0 * MM;
pub(super) const SIDE: f32 = 18.0 * MM;
pub(super) const EDGE: f32 = 15.0 * MM;

/// A document in progress.
pub(super) struct PdfDocument {
    pub document: Document,
    pub pages: usize,
    title: String,
    language: String,
    created: DateTime,
    tree: TagTree,
    outline: Outline,
    has_outline: bool,
}

impl PdfDocument {
    pub fn new(info: &PdfInfo<'_>) -> Result<Self, PaperError> {
        let PdfInfo { title, language, created } = *info;
        let configuration = ConfigurationBuilder::new()
            .with_archival_validator(Archival::A2_A)
            .with_accessibility_validator(Accessibility::UA1)
            .finish()
            .map_err(|error| PaperError::Pdf(format!("{error:?}")))?;
        let settings = SerializeSettings { configuration, ..SerializeSettings::default() };
        Ok(Self {
            document: Document::new_with(settings),
            pages: 0,
            title: if title.trim().is_empty() { "–".to_owned() } else { title.to_owned() },
            language: language.to_owned(),
            created: date(created),
            tree: TagTree::new().with_lang(Some(language.to_owned())),
            outline: Outline::new(),
            has_outline: false,
        })
    }

    /// Adds drawn content to the structure.
    pub fn push(&mut self, group: TagGroup) {
        self.tree.push(group);
    }

    /// Adds an entry to the outline, for a place on a page.
    pub fn outline(&mut self, text: &str, page: usize, y: f32) {
        self.has_outline = true;
        let destination = XyzDestination::new(page, Point::from_xy(0.0, y));
        self.outline.push_child(OutlineNode::new(text.to_owned(), destination));
    }

    /// Adds an empty page.
    pub fn blank_page(&mut self) {
        if let Some(settings) = a4() {
            self.document.start_page_with(settings).finish();
            self.pages += 1;
        }
    }

    /// Writes the document.
    pub fn finish(mut self) -> Result<Vec<u8>, PaperError> {
        if self.pages == 0 {
            self.blank_page();
        }
        if !self.has_outline {
            let title = self.title.clone();
            self.outline(&title, 0, 0.0);
        }
        self.document.set_outline(self.outline);
        let metadata = Metadata::new().title(self.title).language(self.language).creation_date(self.created);
        self.document.set_metadata(metadata);
        self.document.set_tag_tree(self.tree);
        self.document.finish().map_err(|error| PaperError::Pdf(format!("{error:?}")))
    }
}

fn date(date: jiff::civil::Date) -> DateTime {
    let positive = |value: i8| u8::try_from(value).unwrap_or(1);
    let year = u16::try_from(date.year()).unwrap_or(1);
    DateTime::new(year).month(positive(date.month())).day(positive(date.day()))
}

/// The size of a page.
pub(super) fn a4() -> Option<PageSettings> {
    PageSettings::from_wh(WIDTH, HEIGHT)
}
