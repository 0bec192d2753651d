//! Quoted-printable (RFC 2045 §6.7); parts that are the same in all letters are encoded once.
//!
//! A page is rendered once with holes for personal values. [`EncodedPage`] keeps the lines without holes encoded; for
//! each letter, only the lines with holes are filled, wrapped and encoded.

use quoted_printable::encode_to_str;

/// RFC 2045 §6.7 (5): octets of an encoded line without its CRLF.
const WIDTH: usize = 76;

/// Private-use characters around a hole's number, which no member's field contains.
const OPEN: char = '\u{E004}';
const CLOSE: char = '\u{E005}';

/// The placeholder for the value with this number.
pub(super) fn hole(number: usize) -> String {
    format!("{OPEN}{number}{CLOSE}")
}

/// A page with encoded lines, except those with holes.
#[derive(Debug)]
pub(super) struct EncodedPage {
    chunks: Vec<Chunk>,
    /// Wraps lines, if necessary.
    wrap: fn(&str) -> String,
}

#[derive(Debug)]
enum Chunk {
    Finished {
        text: String,
        encoded: Vec<u8>,
    },
    /// Complete lines with holes.
    Open(String),
}

impl EncodedPage {
    /// Divides a rendered page into encoded lines and lines with holes.
    pub fn new(page: &str, wrap: fn(&str) -> String) -> Self {
        let mut chunks = Vec::new();
        let mut lines = page.split_inclusive('\n').peekable();
        while let Some(first) = lines.next() {
            let is_open = first.contains(OPEN);
            let mut text = first.to_owned();
            while let Some(line) = lines.next_if(|line| line.contains(OPEN) == is_open) {
                text.push_str(line);
            }
            chunks.push(if is_open { Chunk::Open(text) } else { Chunk::finished(wrap(&text)) });
        }
        Self { chunks, wrap }
    }

    /// The readable page; `value` returns the text for a hole.
    pub fn readable(&self, value: impl Fn(usize) -> String) -> String {
        let texts = self.chunks.iter().map(|chunk| match chunk {
            Chunk::Finished { text, .. } => text.clone(),
            Chunk::Open(text) => (self.wrap)(&filled(text, &value)),
        });
        texts.collect()
    }

    /// The page in quoted-printable; lines end in CRLF.
    pub fn encoded(&self, value: impl Fn(usize) -> String) -> Vec<u8> {
        let mut bytes = Vec::with_capacity(self.chunks.iter().map(Chunk::size).sum());
        for chunk in &self.chunks {
            match chunk {
                Chunk::Finished { encoded, .. } => bytes.extend_from_slice(encoded),
                Chunk::Open(text) => append(&mut bytes, &(self.wrap)(&filled(text, &value))),
            }
        }
        bytes
    }
}

impl Chunk {
    fn finished(text: String) -> Self {
        let mut encoded = Vec::new();
        append(&mut encoded, &text);
        Self::Finished { text, encoded }
    }

    fn size(&self) -> usize {
        match self {
            Self::Finished { encoded, .. } => encoded.len(),
            Self::Open(text) => text.len() * 2,
        }
    }
}

/// The text with its holes filled.
pub(super) fn filled(text: &str, value: impl Fn(usize) -> String) -> String {
    let mut parts = text.split(OPEN);
    let mut filled = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let (number, rest) = part.split_once(CLOSE).unwrap_or(("", part));
        filled.extend(number.parse().ok().map(&value));
        filled.push_str(rest);
    }
    filled
}

/// Encodes `text`. A line that starts with a dot or with `From ` is encoded so that faulty SMTP servers and mbox
/// files don't change it and break its DKIM signature.
fn append(bytes: &mut Vec<u8>, text: &str) {
    let unix = text.replace("\r\n", "\n").replace('\r', "\n");
    for line in encode_to_str(unix.replace('\n', "\r\n")).split_inclusive("\r\n") {
        let mut rest = line.as_bytes();
        loop {
            let (first, after) = match rest {
                [b'.', after @ ..] => (b"=2E".as_slice(), after),
                [b'F', after @ ..] if after.starts_with(b"rom ") => (b"=46".as_slice(), after),
                all => (b"".as_slice(), all),
            };
            bytes.extend_from_slice(first);
            let length = after.strip_suffix(b"\r\n").unwrap_or(after).len();
            if first.len() + length <= WIDTH {
                bytes.extend_from_slice(after);
                break;
            }
            // A full line has grown by two: it is broken before an escape, never inside one.
            let mut end = WIDTH - 1 - first.len();
            while end > 1 && after.get(end - 2..end).is_some_and(|last| last.contains(&b'=')) {
                end -= 1;
            }
            let (start, later) = after.split_at_checked(end).unwrap_or((after, b""));
            bytes.extend_from_slice(start);
            bytes.extend_from_slice(b"=\r\n");
            rest = later;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use quoted_printable::{ParseMode, decode};

    proptest::proptest! {
        #[test]
        fn lines_are_short_and_decode_to_the_text(text in "[.aF=å rom\n]{0,300}") {
            let text = text.replace(" \n", "\n").trim_end().to_owned();
            let mut bytes = Vec::new();
            append(&mut bytes, &text);
            let decoded = decode(&bytes, ParseMode::Strict).unwrap();
            proptest::prop_assert_eq!(String::from_utf8(decoded).unwrap(), text.replace('\n', "\r\n"));
            for line in String::from_utf8(bytes).unwrap().split("\r\n") {
                proptest::prop_assert!(line.len() <= WIDTH && !line.starts_with('.'), "{}", line);
            }
        }
    }

    #[test]
    fn a_filled_page_decodes_to_its_text() {
        let long = "å".repeat(400);
        let page = format!(
            "<p>{long}</p>\nHej {}!\n\n.punkt\nFrom slut {} = \u{2028}\u{ad}\n{}",
            hole(0),
            hole(12),
            hole(0)
        );
        let sheet = EncodedPage::new(&page, str::to_owned);
        let value = |number: usize| if number == 0 { "Åsa\nrad två".to_owned() } else { "tolv".to_owned() };
        let bytes = sheet.encoded(value);
        let decoded = String::from_utf8(decode(&bytes, ParseMode::Strict).unwrap()).unwrap();
        let readable = sheet.readable(value);
        assert_eq!(decoded, readable.replace('\n', "\r\n"));
        assert!(readable.contains("Hej Åsa\nrad två!\n") && readable.ends_with("\nÅsa\nrad två"));
        for line in String::from_utf8(bytes).unwrap().split("\r\n") {
            assert!(line.len() <= WIDTH && !line.starts_with('.') && !line.starts_with("From "), "{line}");
            assert!(!line.ends_with(' '), "{line:?}");
        }
    }
}
