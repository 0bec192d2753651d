//! Encoding and delimiter, found from the bytes.

use std::path::Path;

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{Encoding, UTF_8};

use super::ImportError;

/// Delimiters that spreadsheets write.
const DELIMITERS: [u8; 4] = [b';', b',', b'\t', b'|'];

/// The encoding with this WHATWG label.
///
/// # Errors
/// Names the label when there is none.
pub fn encoding_for(label: &str) -> Result<&'static Encoding, ImportError> {
    Encoding::for_label(label.trim().as_bytes())
        .ok_or_else(|| ImportError::UnknownEncoding { label: label.to_owned() })
}

/// Decodes a whole file: by its byte order mark, else as asked, else as found.
pub(super) fn decode(
    path: &Path,
    bytes: Vec<u8>,
    asked: Option<&'static Encoding>,
) -> Result<(String, &'static Encoding), ImportError> {
    let (encoding, mark) = match (Encoding::for_bom(&bytes), asked) {
        (Some((marked, length)), _) => (marked, length),
        (None, Some(asked)) => (asked, 0),
        (None, None) => (find(&bytes), 0),
    };
    let invalid = |offset| ImportError::Encoding { path: path.to_owned(), encoding: encoding.name(), offset };
    if encoding == UTF_8 && mark == 0 {
        return match String::from_utf8(bytes) {
            Ok(text) => Ok((text, encoding)),
            Err(error) => Err(invalid(error.utf8_error().valid_up_to())),
        };
    }
    let content = bytes.get(mark..).unwrap_or_default();
    match encoding.decode_without_bom_handling_and_without_replacement(content) {
        Some(text) => Ok((text.into_owned(), encoding)),
        None => Err(invalid(first_invalid(encoding, content) + mark)),
    }
}

fn first_invalid(encoding: &'static Encoding, content: &[u8]) -> usize {
    let mut decoder = encoding.new_decoder_without_bom_handling();
    let mut text = String::with_capacity(content.len() * 3 + 16);
    decoder.decode_to_string_without_replacement(content, &mut text, true).1
}

fn find(bytes: &[u8]) -> &'static Encoding {
    // UTF-16 without a mark: every other byte of Western text is NUL.
    let head = bytes.get(..2000).unwrap_or(bytes);
    let nuls = |parity: usize| head.iter().skip(parity).step_by(2).filter(|byte| **byte == 0).count();
    if nuls(1) * 4 > head.len() {
        return encoding_rs::UTF_16LE;
    }
    if nuls(0) * 4 > head.len() {
        return encoding_rs::UTF_16BE;
    }
    if is_macintosh(bytes) {
        return encoding_rs::MACINTOSH;
    }
    if std::str::from_utf8(bytes).is_ok() {
        return UTF_8;
    }
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(bytes, true);
    let guess = detector.guess(Some(b"se"), Utf8Detection::Allow);
    // Lists come from Western and Northern Europe: what looks like Japanese is MacRoman or CP850, and has to be told.
    let is_likely =
        guess == UTF_8 || guess.name().starts_with("windows-125") || guess.name().starts_with("ISO-8859");
    if is_likely { guess } else { encoding_rs::WINDOWS_1252 }
}

/// Tells whether all characters outside ASCII are `MacRoman`'s accented letters, inside words, Swedish ones among them:
/// in Windows-1252 those bytes are signs that are in no word.
fn is_macintosh(bytes: &[u8]) -> bool {
    const SWEDISH: &[u8] = b"\x80\x81\x85\x8A\x8C\x9A";
    let is_letter = |byte: Option<&u8>| byte.is_some_and(|byte| byte.is_ascii_alphabetic() || *byte >= 0x80);
    let mut high = bytes.iter().enumerate().filter(|(_, byte)| !byte.is_ascii());
    bytes.iter().any(|byte| SWEDISH.contains(byte))
        && high.all(|(at, byte)| {
            let before = at.checked_sub(1).and_then(|at| bytes.get(at));
            (0x80..=0x9F).contains(byte) && (is_letter(before) || is_letter(bytes.get(at + 1)))
        })
}

/// The delimiter that stands most often in the header line, outside quotes.
pub(super) fn delimiter(text: &str) -> u8 {
    let mut quoted = false;
    let mut counts = [0usize; DELIMITERS.len()];
    for byte in text.trim_start().bytes() {
        match byte {
            b'"' => quoted = !quoted,
            b'\n' | b'\r' if !quoted => break,
            _ if !quoted => {
                for (count, delimiter) in counts.iter_mut().zip(DELIMITERS) {
                    *count += usize::from(byte == delimiter);
                }
            }
            _ => {}
        }
    }
    let best = counts.iter().zip(DELIMITERS).rev().max_by_key(|(count, _)| **count);
    best.map_or(b';', |(_, delimiter)| delimiter)
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Namn;E-post\r\nÅsa Öberg;asa@example.se\r\nÄlva Håkansson;alva@example.se\r\n";

    #[test]
    fn encodings_are_found() {
        let utf16: Vec<u8> = TEXT.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let utf16_big: Vec<u8> = TEXT.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for (bytes, want) in [
            (TEXT.as_bytes().to_vec(), "UTF-8"),
            ([b"\xEF\xBB\xBF".as_slice(), TEXT.as_bytes()].concat(), "UTF-8"),
            (encoding_rs::WINDOWS_1252.encode(TEXT).0.into_owned(), "windows-1252"),
            ([b"\xFF\xFE".as_slice(), &utf16].concat(), "UTF-16LE"),
            (utf16, "UTF-16LE"),
            (utf16_big, "UTF-16BE"),
            (
                b"Namn;E-post\r\n\x81sa \x85berg;asa@example.se\r\n\x80lva H\x8Ckansson;alva@example.se\r\n"
                    .to_vec(),
                "macintosh",
            ),
        ] {
            let (text, encoding) = decode(Path::new("m.csv"), bytes, None).unwrap();
            assert_eq!((text.as_str(), encoding.name()), (TEXT, want));
        }
    }

    #[test]
    fn macintosh_is_read_when_asked_for() {
        let (text, _) = decode(Path::new("m.csv"), b"\x81sa".to_vec(), Some(encoding_rs::MACINTOSH)).unwrap();
        assert_eq!(text, "Åsa");
    }

    #[test]
    fn a_byte_that_is_not_text_is_named() {
        let error = decode(Path::new("m.csv"), b"abc\xFFd".to_vec(), Some(UTF_8)).unwrap_err();
        assert!(matches!(error, ImportError::Encoding { offset: 3, .. }), "{error}");
    }

    #[test]
    fn delimiters_are_found() {
        for (header, want) in [
            ("Namn;E-post;Ort", b';'),
            ("\"Namn, hela\";E-post", b';'),
            ("name,email", b','),
            ("name\temail", b'\t'),
            ("name|email", b'|'),
            ("email", b';'),
        ] {
            assert_eq!(delimiter(header), want, "{header}");
        }
    }
}
