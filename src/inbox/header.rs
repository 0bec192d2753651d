//! Header fields (RFC 5322 §2.2), parsed leniently.

use std::borrow::Cow;

use mail_parser::parsers::MessageStream;

/// More fields than any program writes; further ones are not read.
const MAX_FIELDS: usize = 500;
/// More text than any field needs; longer values are cut off.
const MAX_VALUE: usize = 64 * 1024;

/// The header fields of a message or of a part, in order.
#[derive(Debug, Default, Clone)]
pub struct Headers<'m>(Vec<(&'m str, Cow<'m, str>)>);

impl<'m> Headers<'m> {
    /// Parses the fields up to the first empty line; returns them and the body.
    ///
    /// Skips lines that are not fields, such as the `From ` line of an mbox.
    pub fn split(entity: &'m [u8]) -> (Self, &'m [u8]) {
        let mut fields = Self::default();
        let mut rest = entity;
        while let Some((line, after)) = logical_line(rest) {
            rest = after;
            if line.iter().all(u8::is_ascii_whitespace) {
                let next = after.trim_ascii_start();
                if fields.0.is_empty() && describes_a_part(next) {
                    rest = next;
                    continue;
                }
                break;
            }
            fields.push(line);
        }
        (fields, rest)
    }

    /// Parses fields inside a text, such as a returned header.
    pub fn of_text(text: &'m str) -> Self {
        Self::split(text.trim_start().as_bytes()).0
    }

    fn push(&mut self, line: &'m [u8]) {
        let Some(colon) = line.iter().position(|b| *b == b':') else { return };
        let Some((name, value)) = line.split_at_checked(colon) else { return };
        let Ok(name) = std::str::from_utf8(name) else { return };
        let name = name.trim();
        if name.is_empty() || name.contains([' ', '\t']) || self.0.len() >= MAX_FIELDS {
            return;
        }
        let value = value.get(1..MAX_VALUE.min(value.len())).unwrap_or_default();
        self.0.push((name, String::from_utf8_lossy(value)));
    }

    /// The raw values of all fields of a name.
    pub fn all<'a>(&'a self, name: &'a str) -> impl Iterator<Item = &'a str> {
        self.0
            .iter()
            .filter(move |(field, _)| field.eq_ignore_ascii_case(name))
            .map(|(_, value)| value.trim())
    }

    /// The raw value of the first field of a name, if there is one.
    pub fn get(&self, name: &str) -> Option<&str> {
        self.0.iter().find(|(field, _)| field.eq_ignore_ascii_case(name)).map(|(_, value)| value.trim())
    }

    /// The value of a field, with encoded words (RFC 2047) decoded and folds undone.
    pub fn text(&self, name: &str) -> String {
        self.get(name).map(decoded).unwrap_or_default()
    }

    /// All fields, with their names as written.
    pub fn iter(&self) -> impl Iterator<Item = (&str, &str)> {
        self.0.iter().map(|(name, value)| (*name, value.trim()))
    }
}

/// Decodes encoded words and undoes folds.
pub fn decoded(value: &str) -> String {
    if !value.contains("=?") {
        return value.split_whitespace().collect::<Vec<_>>().join(" ");
    }
    let line = format!("{}\n", value.split_whitespace().collect::<Vec<_>>().join(" "));
    let text = MessageStream::new(line.as_bytes()).parse_unstructured();
    text.as_text().map(|text| text.trim().to_owned()).unwrap_or_default()
}

/// A parameter of a structured field, such as `boundary` in Content-Type (RFC 2045 §5.1).
pub fn parameter(value: &str, name: &str) -> Option<String> {
    let mut rest = value;
    while let Some((_, after)) = rest.split_once(';') {
        let (key, tail) = after.split_once('=')?;
        let (content, next) = parameter_value(tail.trim_start());
        if key.trim().eq_ignore_ascii_case(name) {
            return Some(content);
        }
        rest = next;
    }
    None
}

fn parameter_value(text: &str) -> (String, &str) {
    let Some(quoted) = text.strip_prefix('"') else {
        let end = text.find(';').unwrap_or(text.len());
        let (content, rest) = text.split_at_checked(end).unwrap_or((text, ""));
        return (content.trim().to_owned(), rest);
    };
    let (content, rest) = quoted.split_once('"').unwrap_or((quoted, ""));
    (content.replace(['\n', '\t'], ""), rest)
}

/// One line with its continuation lines, and the rest.
fn logical_line(text: &[u8]) -> Option<(&[u8], &[u8])> {
    if text.is_empty() {
        return None;
    }
    let mut end = line_end(text, 0);
    if is_blank(text, 0) {
        return text.split_at_checked(end);
    }
    while matches!(text.get(end), Some(b' ' | b'\t')) && !is_blank(text, end) {
        end = line_end(text, end);
    }
    text.split_at_checked(end)
}

fn line_end(text: &[u8], from: usize) -> usize {
    let rest = text.get(from..).unwrap_or_default();
    rest.iter().position(|b| *b == b'\n').map_or(text.len(), |at| from + at + 1)
}

fn is_blank(text: &[u8], from: usize) -> bool {
    text.get(from..line_end(text, from)).unwrap_or_default().iter().all(u8::is_ascii_whitespace)
}

/// Skips empty lines before a message's header; unchanged if no field follows them.
pub fn from_first_field(raw: &[u8]) -> &[u8] {
    let start = raw.trim_ascii_start();
    let line = start.get(..line_end(start, 0)).unwrap_or_default();
    let name = line.split(|b| *b == b':').next().unwrap_or_default();
    let is_field = name.len() < line.len()
        && name.len() > 1
        && name.iter().all(|b| b.is_ascii_alphanumeric() || *b == b'-');
    if is_field || line.starts_with(b"From ") { start } else { raw }
}

/// Tells whether a text starts with a field of a MIME part (RFC 2045 §3), which some programs write after an empty
/// line.
fn describes_a_part(text: &[u8]) -> bool {
    text.get(..8).is_some_and(|start| start.eq_ignore_ascii_case(b"content-"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn fields_are_read_leniently() {
        let text = b"From daemon Mon\nSubject: one\n\ttwo\nbroken line\nTo : <a@example.se>\n\nbody";
        let (headers, body) = Headers::split(text);
        assert_eq!(headers.text("subject"), "one two");
        assert_eq!(headers.get("TO"), Some("<a@example.se>"));
        assert_eq!(headers.get("cc"), None);
        assert_eq!(body, b"body");
        assert_eq!(Headers::split(b"A: b\n\n  indented").1, b"  indented");
        assert_eq!(Headers::split(b"\n\nContent-Type: text/plain\n\nbody").1, b"body");
        assert_eq!(Headers::split(b"\nReason: full").1, b"Reason: full");
    }

    #[test]
    fn empty_lines_before_a_header_are_skipped() {
        for (text, want) in [
            ("\n \n\nFrom: a@example.se\n\nx", "From: a@example.se\n\nx"),
            ("\nFrom daemon Mon\nTo: b", "From daemon Mon\nTo: b"),
            ("\n\nDear Anna: hello", "\n\nDear Anna: hello"),
        ] {
            assert_eq!(from_first_field(text.as_bytes()), want.as_bytes(), "{text:?}");
        }
    }

    #[test]
    fn encoded_words_are_read() {
        for (value, want) in [
            ("=?utf-8?q?Bortrest_p=C3=A5?= =?utf-8?q?_semester?=", "Bortrest på semester"),
            ("Ol\u{e4}sbart", "Ol\u{e4}sbart"),
            ("=?broken", "=?broken"),
        ] {
            assert_eq!(decoded(value), want);
        }
    }

    #[test]
    fn parameters_are_read() {
        for (value, name, want) in [
            ("multipart/report; report-type=delivery-status; boundary=\"a;b\"", "boundary", Some("a;b")),
            ("text/plain; charset=utf-8; format=flowed", "charset", Some("utf-8")),
            ("text/plain", "charset", None),
            ("text/plain; charset", "charset", None),
            ("x/y; boundary=\"open", "boundary", Some("open")),
        ] {
            assert_eq!(parameter(value, name).as_deref(), want, "{value}");
        }
    }
}
