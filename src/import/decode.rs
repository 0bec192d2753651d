//! From bytes to text.

use std::path::Path;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

use super::ImportError;
use super::encoding::{TextEncoding, find};

/// A decoded file.
pub(super) struct Decoded {
    pub text: String,
    pub encoding: TextEncoding,
    /// The number of doubly encoded words that were repaired.
    pub repaired: u64,
}

/// A text that was encoded more often is not repaired.
const MOST_ROUNDS: usize = 3;

/// Decodes a whole file: by its byte order mark, else as asked, else as detected. Repairs UTF-8 that was read as
/// Windows-1252 and encoded again.
pub(super) fn decode(
    path: &Path,
    bytes: Vec<u8>,
    asked: Option<TextEncoding>,
) -> Result<Decoded, ImportError> {
    let (encoding, mark) = match (Encoding::for_bom(&bytes), asked) {
        (Some((marked, length)), _) => (TextEncoding::Web(marked), length),
        (None, Some(asked)) => (asked, 0),
        (None, None) => (find(&bytes), 0),
    };
    let invalid = |offset| ImportError::Encoding { path: path.to_owned(), encoding: encoding.name(), offset };
    let mut text = if encoding.name() == UTF_8.name() && mark == 0 {
        String::from_utf8(bytes).map_err(|error| invalid(error.utf8_error().valid_up_to()))?
    } else {
        let content = bytes.get(mark..).unwrap_or_default();
        encoding.decode(content).map_err(|offset| invalid(offset + mark))?
    };
    let mut repaired = 0;
    for _ in 0..MOST_ROUNDS {
        let Some((better, words)) = undouble(&text) else { break };
        (text, repaired) = (better, repaired.max(words));
    }
    Ok(Decoded { text, encoding, repaired })
}

/// Undoes double encoding, and counts its places: runs of characters that are UTF-8 if taken as bytes of
/// Windows-1252. No language has words like that.
fn undouble(text: &str) -> Option<(String, u64)> {
    if !text.contains(['Ã', 'Â', 'â', 'Å', 'Ä']) {
        return None;
    }
    let mut better = String::with_capacity(text.len());
    let mut places = 0;
    let mut rest = text;
    while let Some(start) = rest.find(|c: char| !c.is_ascii()) {
        let (before, from) = rest.split_at(start);
        let (run, after) = from.split_at(from.find(|c: char| c.is_ascii()).unwrap_or(from.len()));
        better.push_str(before);
        let bytes: Option<Vec<u8>> = run.chars().map(byte).collect();
        match bytes.and_then(|bytes| String::from_utf8(bytes).ok()) {
            Some(single) => {
                places += 1;
                better.push_str(&single);
            }
            None => better.push_str(run),
        }
        rest = after;
    }
    better.push_str(rest);
    (places > 0).then_some((better, places))
}

/// The byte for a character in Windows-1252, or in Latin-1 if Windows-1252 has none.
fn byte(c: char) -> Option<u8> {
    if let Ok(byte) = u8::try_from(c) {
        return Some(byte);
    }
    let mut text = [0; 4];
    let (bytes, _, is_lost) = WINDOWS_1252.encode(c.encode_utf8(&mut text));
    match bytes.as_ref() {
        [byte] if !is_lost => Some(*byte),
        _ => None,
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const TEXT: &str = "Namn;E-post\r\nÅsa Öberg;asa@example.se\r\nÄlva Håkansson;alva@example.se\r\n";

    #[test]
    fn encodings_are_detected() {
        let utf16: Vec<u8> = TEXT.encode_utf16().flat_map(u16::to_le_bytes).collect();
        let utf16_big: Vec<u8> = TEXT.encode_utf16().flat_map(u16::to_be_bytes).collect();
        for (bytes, want) in [
            (TEXT.as_bytes().to_vec(), "UTF-8"),
            ([b"\xEF\xBB\xBF".as_slice(), TEXT.as_bytes()].concat(), "UTF-8"),
            (WINDOWS_1252.encode(TEXT).0.into_owned(), "windows-1252"),
            ([b"\xFF\xFE".as_slice(), &utf16].concat(), "UTF-16LE"),
            (utf16, "UTF-16LE"),
            (utf16_big, "UTF-16BE"),
        ] {
            let decoded = decode(Path::new("m.csv"), bytes, None).unwrap();
            assert_eq!((decoded.text.as_str(), decoded.encoding.name(), decoded.repaired), (TEXT, want, 0));
        }
    }

    #[test]
    fn double_encoding_is_repaired_and_nothing_else_is_touched() {
        let mut twice = TEXT.to_owned();
        for _ in 0..2 {
            twice = twice.bytes().map(|byte| WINDOWS_1252.decode(&[byte]).0.into_owned()).collect();
            let decoded = decode(Path::new("m.csv"), twice.clone().into_bytes(), None).unwrap();
            assert_eq!(decoded.text, TEXT);
            assert!(decoded.repaired > 0);
        }
        for text in ["Ängby, Åsa", "Ã", "São Tomé – «Â»", "”Å”"] {
            let decoded = decode(Path::new("m.csv"), text.as_bytes().to_vec(), None).unwrap();
            assert_eq!((decoded.text.as_str(), decoded.repaired), (text, 0));
        }
    }

    #[test]
    fn macintosh_is_decoded_only_on_request() {
        let asked = super::super::encoding_for("macintosh").unwrap();
        let decoded = decode(Path::new("m.csv"), b"\x81sa".to_vec(), Some(asked)).unwrap();
        assert_eq!(decoded.text, "Åsa");
    }

    #[test]
    fn a_byte_that_is_not_text_is_named() {
        let asked = Some(TextEncoding::Web(UTF_8));
        let error = decode(Path::new("m.csv"), b"abc\xFFd".to_vec(), asked).err().unwrap();
        assert!(matches!(error, ImportError::Encoding { offset: 3, .. }), "{error}");
    }
}
