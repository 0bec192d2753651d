//! Converts replies as real servers write them to the form that lettre's parser expects (RFC 5321 §4.2).

/// Marks a reply code unknown to lettre in the text of the reply.
const MARK: char = '\u{1}';

/// Lines of a reply on their way to the parser.
#[derive(Debug, Default)]
pub(super) struct ReplyLines {
    /// The start of an incomplete line.
    partial: Vec<u8>,
    /// Complete lines in the parser's form, not read yet.
    ready: Vec<u8>,
}

impl ReplyLines {
    /// Adds bytes from the server; calls `each` for every line that is now complete.
    pub fn push(&mut self, bytes: &[u8], mut each: impl FnMut(&str)) {
        for part in bytes.split_inclusive(|byte| *byte == b'\n') {
            self.partial.extend_from_slice(part);
            if part.ends_with(b"\n") {
                let line = text(self.partial.trim_ascii_end());
                self.partial.clear();
                each(&line);
                self.ready.extend_from_slice(parsable(&line).as_bytes());
                self.ready.extend_from_slice(b"\r\n");
            }
        }
    }

    /// Ends the stream: an incomplete line is passed on as it is.
    pub fn finish(&mut self) {
        self.ready.append(&mut self.partial);
    }

    /// Tells whether a complete line can be read.
    pub fn has_line(&self) -> bool {
        !self.ready.is_empty()
    }

    /// Moves one complete line into the buffer and returns the number of bytes. Only one, since the parser reads
    /// ahead, and bytes after a reply may not belong to any.
    pub fn read(&mut self, buffer: &mut tokio::io::ReadBuf<'_>) -> usize {
        let line = memchr::memchr(b'\n', &self.ready).map_or(self.ready.len(), |end| end + 1);
        let length = buffer.remaining().min(line);
        let (bytes, _) = self.ready.split_at(length);
        buffer.put_slice(bytes);
        self.ready.drain(..length);
        length
    }
}

/// Decodes UTF-8, or Windows-1252 if that fails: some servers reply in an older encoding.
fn text(bytes: &[u8]) -> String {
    String::from_utf8(bytes.to_vec())
        .unwrap_or_else(|_| encoding_rs::WINDOWS_1252.decode(bytes).0.into_owned())
}

/// A line with a code that lettre knows and the separator that it expects. `250` alone is legal, and so are codes
/// such as 571; the original code is kept in the text, where [`original`] finds it.
fn parsable(line: &str) -> String {
    let Some((code, rest)) = line.split_at_checked(3) else { return line.to_owned() };
    let &[class @ b'2'..=b'5', category, detail] = code.as_bytes() else { return line.to_owned() };
    if !category.is_ascii_digit() || !detail.is_ascii_digit() {
        return line.to_owned();
    }
    let (separator, rest) = match rest.strip_prefix('-') {
        Some(rest) => ('-', rest),
        None => (' ', rest.strip_prefix(' ').unwrap_or(rest)),
    };
    if category <= b'5' {
        return format!("{code}{separator}{rest}");
    }
    format!("{}5{}{separator}{MARK}{code} {rest}", char::from(class), char::from(detail))
}

/// The server's own code and text, restored from those that lettre has parsed.
pub(super) fn original(code: u16, text: &str) -> (u16, String) {
    let Some((sent, _)) = text.split_once(MARK).and_then(|(_, rest)| rest.split_once(' ')) else {
        return (code, text.to_owned());
    };
    let marked = format!("{MARK}{sent} ");
    (sent.parse().unwrap_or(code), text.replace(&marked, ""))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_become_parsable() {
        for (line, want) in [
            ("250 OK", "250 OK"),
            ("250", "250 "),
            ("250-SIZE", "250-SIZE"),
            ("250-", "250-"),
            ("571 no", "551 \u{1}571 no"),
            ("571", "551 \u{1}571 "),
            ("571-no", "551-\u{1}571 no"),
            ("299 fine", "259 \u{1}299 fine"),
            ("250\tOK", "250 \tOK"),
            ("999 what", "999 what"),
            ("å50 what", "å50 what"),
            ("", ""),
        ] {
            assert_eq!(parsable(line), want, "{line:?}");
        }
    }

    #[test]
    fn the_servers_own_code_is_restored() {
        assert_eq!(original(551, "\u{1}571 no, \u{1}571 never"), (571, "no, never".to_owned()));
        assert_eq!(original(551, "user not local"), (551, "user not local".to_owned()));
    }

    #[test]
    fn lines_arrive_in_any_pieces_and_encodings() {
        let sent = b"550-f\xf6r m\xe5nga\r\n550 f\xc3\xb6r\n250\r\n354 unfinished";
        for size in [1, 2, 3, 7, sent.len()] {
            let mut lines = ReplyLines::default();
            let mut told = Vec::new();
            sent.chunks(size).for_each(|piece| lines.push(piece, |line| told.push(line.to_owned())));
            lines.finish();
            assert_eq!(told, ["550-för många", "550 för", "250"]);
            assert_eq!(lines.ready, "550-för många\r\n550 för\r\n250 \r\n354 unfinished".as_bytes());
        }
    }
}
