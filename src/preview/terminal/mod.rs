//! The letter on a screen of characters: what the HTML that is sent says, in lines of the terminal's width.
//!
//! [`Document::read`] reads the HTML, [`Document::lines`] lays it out, [`paint()`] adds colors.

mod block;
mod clean;
mod envelope;
mod layout;
mod paint;
mod table;
mod wrap;

pub use block::{Document, Face, Ink, Piece};
pub use clean::{clean, clean_lines};
pub use envelope::Envelope;
pub use layout::Paper;
pub use paint::{Paint, paint, style as face_style};
pub use wrap::{Line, chop, cut, wrap};
