//! Lays letters out as one PDF for print: A4, with the address in the window of the envelope.
//!
//! Text is laid out here and drawn by krilla. [`Printer`] takes one letter after the other; shared parts, such as a
//! section or a picture, are laid out and embedded once.

mod blocks;
mod document;
mod draw;
mod flow;
mod fonts;
mod hyphen;
mod letter;
mod lines;
mod links;
mod pages;
mod pictures;
mod printer;
mod shape;
mod sheets;
mod table;
mod tags;
mod tree;
mod window;

use jiff::civil::Date;

use crate::compose::PrintedSection;

pub use fonts::missing_characters;
pub use printer::Printer;
pub use sheets::{labels, test_sheet};
pub use window::EnvelopeWindow;

/// The metadata of a PDF.
#[derive(Debug, Clone, Copy)]
pub struct PdfInfo<'a> {
    pub title: &'a str,
    /// A code such as "sv".
    pub language: &'a str,
    /// The date of creation, which PDF/A requires; the same date and content yield the same bytes.
    pub created: Date,
}

/// Everything that all letters of a PDF have in common.
#[derive(Debug, Clone)]
pub struct Stationery<'a> {
    pub info: PdfInfo<'a>,
    pub sender_name: &'a str,
    /// The small line above the address in the window.
    pub return_line: &'a str,
    /// A PNG or JPEG picture at the top of the first page.
    pub logo: Option<&'a [u8]>,
    pub window: EnvelopeWindow,
    /// The page number, such as "{page} ({pages})".
    pub page_of: &'a str,
    /// Whether each letter starts on a new sheet if both sides are printed.
    pub two_sided: bool,
}

/// A letter for print.
#[derive(Debug, Clone, Default)]
pub struct PrintLetter<'a> {
    pub language: &'a str,
    /// The lines of the address; without lines there is no address block.
    pub address: Vec<String>,
    pub date: String,
    pub title: String,
    pub lead: Option<String>,
    pub greeting: Option<String>,
    pub sections: Vec<PrintedSection>,
    /// The heading of the list of enclosures, and their names.
    pub enclosures: Option<(String, Vec<String>)>,
    pub foot: Vec<String>,
}

/// Why a PDF cannot be made.
#[derive(Debug, thiserror::Error)]
pub enum PaperError {
    #[error("the address window must be on the page and at least 30 × 15 mm")]
    Window,
    #[error("the labels do not fit on an A4 page")]
    Labels,
    #[error("the logo is not a PNG or JPEG picture")]
    Logo,
    #[error("cannot write the PDF: {0}")]
    Pdf(String),
}

#[cfg(test)]
mod tests;
