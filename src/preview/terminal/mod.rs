//! The letter on a text screen: the content of the HTML part in lines of the terminal's width.
//!
//! [`TerminalDocument::read`] parses the HTML, [`TerminalDocument::lines`] lays it out, [`paint()`] adds colors.

mod block;
mod clean;
mod envelope;
mod html;
mod layout;
mod paint;
mod table;
mod wrap;

pub use block::{Ink, Piece, TerminalDocument, TextStyle};
pub use clean::{clean, clean_lines};
pub use envelope::HeaderTable;
pub use layout::LayoutSurface;
pub use paint::{Paint, paint, style as face_style};
pub use wrap::{ScreenLine, chop, cut, wrap};
