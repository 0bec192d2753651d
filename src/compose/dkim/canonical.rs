//! The `relaxed` canonical forms of header fields and bodies (RFC 6376 §3.4.2, §3.4.4).
//!
//! A lone line feed ends a line like CRLF, since relays convert it to CRLF (RFC 6376 §5.3).

use memchr::{memchr, memchr_iter};

/// A header field as in the message, including its folds.
#[derive(Debug, Clone, Copy)]
pub(super) struct HeaderField<'a> {
    name: &'a [u8],
    value: &'a [u8],
}

impl<'a> HeaderField<'a> {
    /// Splits `text` at its first colon; a line without one is a field without a value.
    pub fn new(text: &'a [u8]) -> Self {
        let (name, value) = memchr(b':', text)
            .and_then(|colon| Some((text.get(..colon)?, text.get(colon + 1..)?)))
            .unwrap_or((text, &[]));
        Self { name: name.trim_ascii_end(), value }
    }

    /// Tells whether this is the field `name`, ignoring case.
    pub fn is(&self, name: &str) -> bool {
        self.name.eq_ignore_ascii_case(name.as_bytes())
    }

    /// Appends the relaxed form without the final CRLF (RFC 6376 §3.4.2).
    pub fn push_relaxed(&self, out: &mut Vec<u8>) {
        out.extend(self.name.iter().map(u8::to_ascii_lowercase));
        let is_space = |byte: &u8| matches!(byte, b' ' | b'\t' | b'\r' | b'\n');
        let words = self.value.split(is_space).filter(|word| !word.is_empty());
        for (index, word) in words.enumerate() {
            out.push(if index == 0 { b':' } else { b' ' });
            out.extend_from_slice(word);
        }
        if self.value.iter().all(is_space) {
            out.push(b':');
        }
    }
}

/// The header fields of a message, and its body after the empty line.
pub(super) fn split(message: &[u8]) -> (Vec<HeaderField<'_>>, &[u8]) {
    let mut fields = Vec::new();
    let mut rest = message;
    while let Some((field, after)) = split_field(rest) {
        fields.push(HeaderField::new(field));
        rest = after;
    }
    let body = rest.strip_prefix(b"\r\n").or_else(|| rest.strip_prefix(b"\n")).unwrap_or(rest);
    (fields, body)
}

/// The first field with its folded lines, and the rest; `None` before an empty line.
fn split_field(text: &[u8]) -> Option<(&[u8], &[u8])> {
    if matches!(text, [] | [b'\n', ..] | [b'\r', b'\n', ..]) {
        return None;
    }
    let is_folded = |at: usize| matches!(text.get(at), Some(b' ' | b'\t'));
    let end = memchr_iter(b'\n', text).map(|at| at + 1).find(|at| !is_folded(*at));
    text.split_at_checked(end.unwrap_or(text.len()))
}

/// Passes the relaxed form of a body to `sink` piece by piece (RFC 6376 §3.4.4).
///
/// Consecutive lines that are relaxed already are passed together and not copied.
pub(super) fn relax_body(body: &[u8], mut sink: impl FnMut(&[u8])) {
    let body = without_blank_end(body);
    if body.is_empty() {
        return;
    }
    let part = |from: usize, to: usize| body.get(from..to).unwrap_or_default();
    let (mut waiting, mut start) = (0, 0);
    let ends = memchr_iter(b'\n', body).map(|at| at + 1).chain([body.len()]);
    for end in ends {
        let line = part(start, end);
        if !is_relaxed(line) {
            sink(part(waiting, start));
            relax_line(line, &mut sink);
            waiting = end;
        }
        start = end;
    }
    sink(part(waiting, body.len()));
    sink(b"\r\n");
}

/// The body up to the last octet that is neither a space nor a line end.
fn without_blank_end(mut body: &[u8]) -> &[u8] {
    while let [rest @ .., b'\r', b'\n'] | [rest @ .., b'\n' | b' ' | b'\t'] = body {
        body = rest;
    }
    body
}

/// Tells whether a line is relaxed already; false if in doubt.
fn is_relaxed(line: &[u8]) -> bool {
    // No early exit, so that the compiler can compare many octets at once.
    let pairs = line.iter().zip(line.get(1..).unwrap_or_default());
    let is_odd = |odd, (first, next): (&u8, &u8)| {
        odd || *first == b'\t' || *next == b'\t' || (*first == b' ' && *next <= b' ')
    };
    (line.ends_with(b"\r\n") || !line.ends_with(b"\n")) && !pairs.fold(false, is_odd)
}

fn relax_line(line: &[u8], sink: &mut impl FnMut(&[u8])) {
    let text = line.strip_suffix(b"\n").unwrap_or(line);
    let text = text.strip_suffix(b"\r").filter(|_| line.ends_with(b"\n")).unwrap_or(text);
    let mut words = text.split(|byte| matches!(byte, b' ' | b'\t'));
    // Empty if the line starts with spaces, which are then reduced to one but not removed.
    sink(words.next().unwrap_or_default());
    for word in words.filter(|word| !word.is_empty()) {
        sink(b" ");
        sink(word);
    }
    if line.ends_with(b"\n") {
        sink(b"\r\n");
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn relaxed_header(message: &str) -> String {
        let mut out = Vec::new();
        for field in split(message.as_bytes()).0 {
            field.push_relaxed(&mut out);
            out.extend_from_slice(b"\r\n");
        }
        String::from_utf8(out).unwrap()
    }

    fn relaxed_body(body: &str) -> String {
        let mut out = Vec::new();
        relax_body(body.as_bytes(), |piece| out.extend_from_slice(piece));
        String::from_utf8(out).unwrap()
    }

    #[test]
    fn the_example_of_rfc_6376_3_4_5() {
        let message = "A: X\r\nB : Y\t\r\n\tZ  \r\n\r\n C \r\nD \t E\r\n\r\n\r\n";
        assert_eq!(relaxed_header(message), "a:X\r\nb:Y Z\r\n");
        let body = split(message.as_bytes()).1;
        assert_eq!(relaxed_body(std::str::from_utf8(body).unwrap()), " C\r\nD E\r\n");
    }

    #[test]
    fn header_fields_are_relaxed() {
        for (header, want) in [
            ("", ""),
            ("Subject:\r\n", "subject:\r\n"),
            ("Subject: \t \r\n", "subject:\r\n"),
            ("SUBJECT \t:\r\n Hej\r\n\tdu \r\n \r\n", "subject:Hej du\r\n"),
            ("A: b:c\nD: e\n f\n", "a:b:c\r\nd:e f\r\n"),
            ("A: räksmörgås\r\n", "a:räksmörgås\r\n"),
            ("no colon\r\nA: b", "no colon:\r\na:b\r\n"),
        ] {
            assert_eq!(relaxed_header(header), want, "{header:?}");
        }
    }

    #[test]
    fn bodies_are_relaxed() {
        for (body, want) in [
            ("", ""),
            ("\r\n", ""),
            (" \t\r\n\r\n \r\n", ""),
            ("a", "a\r\n"),
            ("a \t", "a\r\n"),
            ("a\r\n\r\nb\r\n\r\n", "a\r\n\r\nb\r\n"),
            ("  a  b \r\n\tc\t\td", " a b\r\n c d\r\n"),
            (" \r\na", "\r\na\r\n"),
            ("a\nb \nc\n\n", "a\r\nb\r\nc\r\n"),
            ("a\tb\r\nc d\r\ne\t\r\n", "a b\r\nc d\r\ne\r\n"),
            ("\r\n\r\na", "\r\n\r\na\r\n"),
            ("å  ä\u{a0}\r\n", "å ä\u{a0}\r\n"),
            ("a\rb \r\r\n", "a\rb \r\r\n"),
        ] {
            assert_eq!(relaxed_body(body), want, "{body:?}");
        }
    }

    #[test]
    fn a_body_without_spaces_to_reduce_is_passed_as_a_whole() {
        let body = "one two\r\nthree\r\n".repeat(100);
        let mut pieces = 0;
        relax_body(body.as_bytes(), |_| pieces += 1);
        assert_eq!(pieces, 2);
    }
}
