//! Renders lines as text with escape sequences.

use std::fmt::Write as _;

use anstyle::{AnsiColor, Style};
use percent_encoding::{CONTROLS, utf8_percent_encode};

use super::block::{Ink, TextStyle};
use super::wrap::ScreenLine;

/// The terminal's abilities.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Paint {
    pub colors: bool,
    /// Clickable links (OSC 8).
    pub hyperlinks: bool,
}

/// Renders lines for a terminal; `links` are the targets of the pieces' links.
pub fn paint(lines: &[ScreenLine], links: &[String], paint: Paint) -> String {
    let mut text = String::new();
    for line in lines {
        for piece in &line.pieces {
            let link = piece.face.link.filter(|_| paint.hyperlinks);
            let target = link.and_then(|link| links.get(link)).filter(|target| may_be_opened(target));
            let style = if paint.colors { style(piece.face) } else { Style::new() };
            let _infallible = match target {
                Some(target) => write!(text, "{}{style}{}{style:#}{}", start(target), piece.text, END),
                None => write!(text, "{style}{}{style:#}", piece.text),
            };
        }
        text.push('\n');
    }
    text
}

/// Tells whether a link may be clickable; links to anything but web and mail could act on this machine.
fn may_be_opened(target: &str) -> bool {
    ["https:", "http:", "mailto:"].iter().any(|scheme| target.starts_with(scheme))
}

const END: &str = "\u{1b}]8;;\u{1b}\\";

/// OSC 8 allows only printable ASCII.
fn start(target: &str) -> String {
    format!("\u{1b}]8;;{}\u{1b}\\", utf8_percent_encode(target, CONTROLS))
}

/// A text style in the sixteen colours, which the user's theme defines.
pub fn style(face: TextStyle) -> Style {
    let style = match face.ink {
        Ink::Plain => Style::new(),
        Ink::Title | Ink::Frame => AnsiColor::Green.on_default(),
        Ink::Link => AnsiColor::Cyan.on_default().underline(),
        Ink::Button => AnsiColor::Green.on_default().bold().invert(),
        Ink::Code => AnsiColor::Yellow.on_default(),
        Ink::Quiet => Style::new().dimmed(),
    };
    let style = if face.bold { style.bold() } else { style };
    let style = if face.italic { style.italic() } else { style };
    if face.strike { style.strikethrough() } else { style }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn links_are_written_for_terminals_that_support_them() {
        let lines = [ScreenLine::of("här", TextStyle { link: Some(0), ..TextStyle::default() })];
        let links = ["https://example.se/å".to_owned()];
        let painted = |hyperlinks| paint(&lines, &links, Paint { colors: false, hyperlinks });
        assert_eq!(painted(true), "\u{1b}]8;;https://example.se/%C3%A5\u{1b}\\här\u{1b}]8;;\u{1b}\\\n");
        assert_eq!(painted(false), "här\n");
    }
}
