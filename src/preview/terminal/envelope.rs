//! What a mail program shows above and next to the letter, read from the message as sent.

use mail_parser::{Address, Message, MessageParser, MimeHeaders};

use super::block::{Ink, Piece, TextStyle};
use super::clean::clean;
use super::layout::LayoutSurface;
use super::wrap::{ScreenLine, wrap};

/// Sender, recipient, subject and so on, each with its label.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HeaderTable {
    pub rows: Vec<(&'static str, String)>,
}

/// The width of the labels.
const NAMES: usize = 11;

impl HeaderTable {
    /// Parses a message; its preheader is only in the HTML.
    pub fn read(message: &[u8], preheader: Option<&str>) -> Self {
        let Some(parsed) = MessageParser::default().parse(message) else { return Self::default() };
        let attachments = attachments(&parsed);
        let rows = [
            ("From", parsed.from().map(mailbox)),
            ("To", parsed.to().map(mailbox)),
            ("Subject", parsed.subject().map(clean)),
            ("Preheader", preheader.map(clean)),
            ("Attached", (!attachments.is_empty()).then(|| attachments.join(", "))),
            ("Size", Some(size(message.len()))),
        ];
        Self { rows: rows.into_iter().filter_map(|(name, value)| Some((name, value?))).collect() }
    }

    /// The rows as plain text.
    pub fn text(&self) -> String {
        self.rows.iter().map(|(name, value)| format!("{:NAMES$}{value}\n", format!("{name}:"))).collect()
    }

    /// Lays the rows out, with a rule below them.
    pub fn lines(&self, paper: LayoutSurface) -> Vec<ScreenLine> {
        let width = paper.measure();
        let mut lines: Vec<ScreenLine> =
            self.rows.iter().flat_map(|(name, value)| row(name, value, width)).collect();
        lines.push(ScreenLine::inked("─".repeat(width), Ink::Frame));
        lines
    }
}

fn row(name: &str, value: &str, width: usize) -> Vec<ScreenLine> {
    let face = TextStyle { bold: name == "Subject", ..TextStyle::default() };
    let value = wrap(&[Piece { text: value.to_owned(), face }], width.saturating_sub(NAMES));
    let first = ScreenLine::inked(format!("{:NAMES$}", format!("{name}:")), Ink::Quiet);
    super::layout::hanging(value, &first)
}

fn mailbox(address: &Address<'_>) -> String {
    let mailboxes = address.iter().map(|mailbox| match (mailbox.name(), mailbox.address()) {
        (Some(name), Some(address)) => format!("{name} <{address}>"),
        (name, address) => name.or(address).unwrap_or_default().to_owned(),
    });
    clean(&mailboxes.collect::<Vec<_>>().join(", "))
}

/// The names and sizes of the attachments.
fn attachments(message: &Message<'_>) -> Vec<String> {
    let attached = message
        .attachments()
        .filter(|part| part.content_disposition().is_some_and(mail_parser::ContentType::is_attachment));
    let named = attached.map(|part| {
        format!("{} ({})", clean(part.attachment_name().unwrap_or("?")), size(part.contents().len()))
    });
    named.collect()
}

/// A size for people to read, as in file managers.
fn size(bytes: usize) -> String {
    match bytes {
        0..1000 => format!("{bytes} bytes"),
        1000..1_000_000 => format!("{} kB", bytes.div_ceil(1000)),
        _ => format!("{}.{} MB", bytes / 1_000_000, bytes % 1_000_000 / 100_000),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_table_shows_what_a_mail_program_shows() {
        let message =
            "From: =?utf-8?q?By=C3=A5?= <brev@example.se>\r\nTo: anna@example.se\r\nSubject: Hej\r\n\r\nx";
        let envelope = HeaderTable::read(message.as_bytes(), Some("Kort\u{1b}"));
        let rows = [
            "From:      Byå <brev@example.se>",
            "To:        anna@example.se",
            "Subject:   Hej",
            "Preheader: Kort",
            "Size:      84 bytes",
        ];
        assert_eq!(envelope.text().lines().collect::<Vec<_>>(), rows);
    }

    #[test]
    fn sizes_are_readable() {
        for (bytes, want) in [(999, "999 bytes"), (1001, "2 kB"), (1_250_000, "1.2 MB")] {
            assert_eq!(size(bytes), want);
        }
    }
}
