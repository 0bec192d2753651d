//! The parts of a message (RFC 2045, 2046), parsed from a byte slice, with a limit on everything.
//!
//! mail-parser decodes header words and charsets here. The tree of parts is ours: bounces are cut off in the middle,
//! lack their boundaries, or are made to exhaust the parser, and mail-parser recurses without a limit.

use std::borrow::Cow;

use mail_parser::decoders::charsets::map::charset_decoder;

use super::decode;
use super::header::{Headers, from_first_field, parameter};

/// Deeper parts are treated as text of their parent.
const MAX_DEPTH: usize = 12;
/// The maximum number of parts to read.
const MAX_PARTS: usize = 200;
/// A notice says nothing new after this.
const MAX_TEXT: usize = 512 * 1024;
/// A delivery status of 100,000 recipients is shorter.
const MAX_STATUS: usize = 64 * 1024 * 1024;

/// The role of a part in a bounce.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Role {
    Text,
    /// message/delivery-status (RFC 3464 §2) or a similar type.
    Status,
    /// message/feedback-report (RFC 5965 §2).
    Feedback,
    /// message/rfc822 or text/rfc822-headers: the returned letter.
    Original,
    /// message/disposition-notification (RFC 8098).
    Receipt,
    Other,
}

/// A leaf part of a message.
#[derive(Debug)]
pub struct MimePart<'m> {
    pub role: Role,
    pub headers: Headers<'m>,
    pub body: &'m [u8],
}

/// A message as a list of its leaf parts.
#[derive(Debug)]
pub struct MimeMessage<'m> {
    pub headers: Headers<'m>,
    pub parts: Vec<MimePart<'m>>,
}

/// Converts CRLF and lone CR to LF.
pub fn unix_lines(raw: &[u8]) -> Cow<'_, [u8]> {
    if !raw.contains(&b'\r') {
        return Cow::Borrowed(raw);
    }
    let mut lines = Vec::with_capacity(raw.len());
    let mut bytes = raw.iter().copied().peekable();
    while let Some(byte) = bytes.next() {
        match byte {
            b'\r' => {
                bytes.next_if_eq(&b'\n');
                lines.push(b'\n');
            }
            byte => lines.push(byte),
        }
    }
    Cow::Owned(lines)
}

impl<'m> MimeMessage<'m> {
    /// Parses a message with LF line ends; empty lines before its header are skipped.
    pub fn parse(raw: &'m [u8]) -> Self {
        let (headers, body) = Headers::split(from_first_field(raw));
        let mut parts = Vec::new();
        walk(headers.clone(), body, 0, &mut parts);
        Self { headers, parts }
    }

    /// The parts with the given role.
    pub fn with(&self, role: Role) -> impl Iterator<Item = &MimePart<'m>> {
        self.parts.iter().filter(move |part| part.role == role)
    }
}

impl<'m> MimePart<'m> {
    /// The part's text: transfer encoding and charset decoded, HTML stripped.
    pub fn text(&self) -> Cow<'m, str> {
        let limit = if self.role == Role::Status { MAX_STATUS } else { MAX_TEXT };
        let body = self.body.get(..limit).unwrap_or(self.body);
        let kind = self.headers.get("content-type").unwrap_or_default();
        let text = in_charset(self.bytes(body), parameter(kind, "charset").as_deref());
        if starts_with(kind, "text/html") { Cow::Owned(decode::html(&text)) } else { text }
    }

    /// The body with its transfer encoding decoded (RFC 2045 §6).
    pub fn content(&self) -> Cow<'m, [u8]> {
        self.bytes(self.body)
    }

    fn bytes(&self, body: &'m [u8]) -> Cow<'m, [u8]> {
        match self.headers.get("content-transfer-encoding").unwrap_or_default() {
            coding if starts_with(coding, "base64") => Cow::Owned(decode::base64(body)),
            coding if starts_with(coding, "quoted-printable") => Cow::Owned(decode::quoted_printable(body)),
            _ => Cow::Borrowed(body),
        }
    }
}

fn in_charset<'m>(bytes: Cow<'m, [u8]>, charset: Option<&str>) -> Cow<'m, str> {
    let escaped = bytes.windows(3).take(4096).any(|w| matches!(w, b"\x1b$B" | b"\x1b$@"));
    let charset = if escaped { Some("iso-2022-jp") } else { charset };
    if bytes.is_ascii() && !escaped && !charset.is_some_and(|c| c.to_ascii_lowercase().contains("utf-7")) {
        return lossy(bytes);
    }
    match charset.and_then(|charset| charset_decoder(charset.as_bytes())) {
        Some(decoder) => Cow::Owned(decoder(&bytes)),
        None => lossy(bytes),
    }
}

fn lossy(bytes: Cow<'_, [u8]>) -> Cow<'_, str> {
    match bytes {
        Cow::Borrowed(bytes) => String::from_utf8_lossy(bytes),
        Cow::Owned(bytes) => Cow::Owned(match String::from_utf8(bytes) {
            Ok(text) => text,
            Err(error) => String::from_utf8_lossy(error.as_bytes()).into_owned(),
        }),
    }
}

fn walk<'m>(headers: Headers<'m>, body: &'m [u8], depth: usize, parts: &mut Vec<MimePart<'m>>) {
    let kind = headers.get("content-type").unwrap_or_default();
    if depth < MAX_DEPTH && starts_with(kind, "multipart/") {
        let boundary = parameter(kind, "boundary").filter(|boundary| !boundary.is_empty());
        let children = split(body, boundary.or_else(|| guessed_boundary(body)).as_deref());
        if !children.is_empty() {
            for child in children {
                let (headers, body) = Headers::split(child);
                walk(headers, body, depth + 1, parts);
            }
            return;
        }
    }
    if parts.len() < MAX_PARTS {
        parts.push(MimePart { role: role(kind, &headers), headers, body });
    }
}

fn role(kind: &str, headers: &Headers<'_>) -> Role {
    let subtype = kind.split(';').next().unwrap_or_default().trim().to_ascii_lowercase();
    match subtype.as_str() {
        "message/delivery-status" | "message/global-delivery-status" | "report/delivery-status" => {
            Role::Status
        }
        "message/feedback-report" => Role::Feedback,
        "message/disposition-notification" => Role::Receipt,
        "message/rfc822"
        | "message/global"
        | "text/rfc822-headers"
        | "text/rfc822"
        | "message/partial"
        | "message/global-headers"
        | "message/rfc822-headers" => Role::Original,
        "" | "message/feedback" | "application/json" => Role::Text,
        text if text.starts_with("text") && !is_attachment(headers) => Role::Text,
        broken if broken.starts_with("multipart/") || !broken.contains('/') => Role::Text,
        _ => Role::Other,
    }
}

fn is_attachment(headers: &Headers<'_>) -> bool {
    headers.get("content-disposition").is_some_and(|value| starts_with(value, "attachment"))
}

/// The bodies between the boundary lines (RFC 2046 §5.1.1), without preamble and epilogue.
fn split<'m>(body: &'m [u8], boundary: Option<&str>) -> Vec<&'m [u8]> {
    let Some(boundary) = boundary else { return Vec::new() };
    let delimiter = format!("--{boundary}");
    let mut marks = delimiters(body, delimiter.as_bytes());
    let mut children = Vec::new();
    let mut open: Option<usize> = None;
    for (start, end, closing) in marks.by_ref() {
        if let Some(from) = open.take() {
            children.push(body.get(from..start).unwrap_or_default());
        }
        if closing || children.len() >= MAX_PARTS {
            break;
        }
        open = Some(end);
    }
    children.extend(open.and_then(|from| body.get(from..)));
    children
}

/// Start and end of each delimiter line, and whether it is the closing one.
fn delimiters<'a>(body: &'a [u8], delimiter: &'a [u8]) -> impl Iterator<Item = (usize, usize, bool)> + 'a {
    memchr::memmem::find_iter(body, delimiter).filter_map(move |start| {
        let at_line_start = start == 0 || body.get(start - 1) == Some(&b'\n');
        let rest = body.get(start + delimiter.len()..)?;
        let end = memchr::memchr(b'\n', rest).unwrap_or(rest.len());
        let tail = rest.get(..end)?.trim_ascii();
        let closing = tail == b"--";
        (at_line_start && (closing || tail.is_empty())).then_some((
            start,
            (start + delimiter.len() + end + 1).min(body.len()),
            closing,
        ))
    })
}

/// The first line that looks like a delimiter, for a multipart type without a boundary.
fn guessed_boundary(body: &[u8]) -> Option<String> {
    let line = body.split(|b| *b == b'\n').take(40).find(|line| line.len() > 6 && line.starts_with(b"--"))?;
    std::str::from_utf8(line).ok()?.trim_end().strip_prefix("--").map(str::to_owned)
}

/// Tells whether a text starts with a prefix, ignoring case.
pub fn starts_with(text: &str, prefix: &str) -> bool {
    text.as_bytes().get(..prefix.len()).is_some_and(|start| start.eq_ignore_ascii_case(prefix.as_bytes()))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn parts(raw: &str) -> Vec<(Role, String)> {
        let message = MimeMessage::parse(raw.as_bytes());
        message.parts.iter().map(|part| (part.role, part.text().trim().to_owned())).collect()
    }

    #[test]
    fn line_ends_become_lf() {
        for text in ["a\r\nb\r\n\r\nc", "a\rb\r\rc", "a\nb\n\nc", "a\r\nb\n\r\nc"] {
            assert_eq!(unix_lines(text.as_bytes()).as_ref(), b"a\nb\n\nc", "{text:?}");
        }
    }

    #[test]
    fn a_report_has_its_three_parts() {
        let raw = "Content-Type: multipart/report; boundary=x\n\npre\n--x\n\nhello\n--x\n\
            Content-Type: message/delivery-status\n\nAction: failed\n--x \nContent-Type: message/rfc822\n\n\
            Subject: s\n\n--x--\nepilogue";
        let roles: Vec<Role> = parts(raw).iter().map(|(role, _)| *role).collect();
        assert_eq!(roles, [Role::Text, Role::Status, Role::Original]);
    }

    #[test]
    fn broken_multiparts_are_parsed_as_far_as_possible() {
        for (raw, want) in [
            ("Content-Type: multipart/mixed\n\n--guess-me\n\nhello\n--guess-me--", "hello"),
            ("Content-Type: multipart/mixed; boundary=x\n\nno delimiter", "no delimiter"),
            ("Content-Type: multipart/mixed; boundary=x\n\n--x\n\ncut o", "cut o"),
            (
                "Content-Type: text/plain; charset=iso-8859-1\nContent-Transfer-Encoding: quoted-printable\n\n\
                =E5=E4=\n=F6",
                "åäö",
            ),
            ("Content-Type: text/html\n\n<p>a&amp;b<br>c</p>", "a&b\nc"),
        ] {
            assert_eq!(parts(raw), [(Role::Text, want.to_owned())], "{raw}");
        }
    }

    #[test]
    fn depth_and_number_are_limited() {
        let deep: String = (0..10_000)
            .map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n"))
            .collect();
        assert_eq!(parts(&deep).len(), 1);
        let wide = format!("Content-Type: multipart/mixed; boundary=x\n\n{}", "--x\n\na\n".repeat(10_000));
        assert!(parts(&wide).len() <= MAX_PARTS);
    }
}
