//! From bytes to text, chunk by chunk, so that a large list need not be held in memory.

use std::borrow::Cow;
use std::io::{self, Read};
use std::path::Path;

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};

use super::ImportError;
use super::encoding::{TextEncoding, find, first_not_utf8};
use super::text::{ListText, ListWriter};

/// A decoded file.
#[derive(Debug)]
pub(super) struct Decoded {
    pub text: ListText,
    pub encoding: TextEncoding,
    /// The number of doubly encoded words that were repaired.
    pub repaired: u64,
    /// Whether it has nothing but white space.
    pub is_blank: bool,
}

/// A text that was encoded more often is not repaired.
const MOST_ROUNDS: usize = 3;

/// The most bytes that a byte order mark has.
const LONGEST_MARK: usize = 3;

/// Characters that appear when UTF-8 is read as Windows-1252.
const TWICE: [char; 5] = ['Ã', 'Â', 'â', 'Å', 'Ä'];

/// Decodes a whole file, `chunk` bytes at a time: by its byte order mark, else as asked, else as detected. Repairs
/// UTF-8 that was read as Windows-1252 and encoded again.
pub(super) fn decode(
    path: &Path,
    bytes: ListText,
    asked: Option<TextEncoding>,
    chunk: usize,
) -> Result<Decoded, ImportError> {
    let unreadable = |source| ImportError::Read { path: path.to_owned(), source };
    let uncopied = |source| ImportError::Copy { path: path.to_owned(), source };
    let (encoding, mark) = match (Encoding::for_bom(&bytes.head(LONGEST_MARK).map_err(unreadable)?), asked) {
        (Some((marked, length)), _) => (TextEncoding::Web(marked), length),
        (None, Some(asked)) => (asked, 0),
        (None, None) => (find(&bytes, chunk).map_err(unreadable)?, 0),
    };
    let is_utf8 = encoding.name() == UTF_8.name();
    let encoded = Encoded { path, bytes: &bytes, encoding, mark, chunk };
    if is_utf8
        && mark == 0
        && asked.is_some()
        && let Some(offset) = first_not_utf8(&bytes, chunk).map_err(unreadable)?
    {
        return Err(encoded.invalid(offset));
    }
    let mut survey = Survey { is_blank: true, ..Survey::default() };
    encoded.each_piece(|piece| {
        survey.add(piece);
        Ok(())
    })?;
    let rounds = survey.rounds();
    let text = if is_utf8 && rounds == 0 {
        bytes.after(mark)
    } else {
        let mut writer = ListWriter::new();
        encoded.each_piece(|piece| writer.push(repaired(piece, rounds).as_bytes()).map_err(uncopied))?;
        writer.finish().map_err(uncopied)?
    };
    let repaired = survey.rounds.iter().take(rounds).map(|round| round.places).max().unwrap_or(0);
    Ok(Decoded { text, encoding, repaired, is_blank: survey.is_blank })
}

/// Bytes and how they are read.
struct Encoded<'a> {
    path: &'a Path,
    bytes: &'a ListText,
    encoding: TextEncoding,
    mark: usize,
    chunk: usize,
}

impl Encoded<'_> {
    fn invalid(&self, offset: usize) -> ImportError {
        ImportError::Encoding { path: self.path.to_owned(), encoding: self.encoding.name(), offset }
    }

    /// Gives the text in pieces, none of which ends between two characters outside ASCII.
    fn each_piece(&self, mut each: impl FnMut(&str) -> Result<(), ImportError>) -> Result<(), ImportError> {
        let unreadable = |source: io::Error| ImportError::Read { path: self.path.to_owned(), source };
        let mut reader = self.bytes.reader(self.mark);
        let mut decoder = self.encoding.decoder();
        let mut buffer = vec![0; self.chunk];
        let mut piece = String::new();
        let mut before = self.mark;
        loop {
            let read = reader.read(&mut buffer).map_err(unreadable)?;
            let known = piece.len();
            let chunk = buffer.get(..read).unwrap_or_default();
            decoder.decode(chunk, &mut piece, read == 0).map_err(|at| self.invalid(before + at))?;
            before += read;
            if read == 0 {
                return each(&piece);
            }
            let new = piece.as_bytes().get(known..).unwrap_or_default();
            if let Some(last) = new.iter().rposition(u8::is_ascii) {
                let (whole, _) = piece.split_at(known + last + 1);
                each(whole)?;
                drop(piece.drain(..=known + last));
            }
        }
    }
}

/// What a look at the whole text finds.
#[derive(Debug, Default)]
struct Survey {
    rounds: [Round; MOST_ROUNDS],
    is_blank: bool,
}

/// What a round of repairs finds, the rounds before it done.
#[derive(Debug, Default)]
struct Round {
    has_signs: bool,
    places: u64,
}

impl Survey {
    fn add(&mut self, piece: &str) {
        self.is_blank &= piece.trim().is_empty();
        if piece.is_ascii() {
            return;
        }
        let mut text = Cow::Borrowed(piece);
        for round in &mut self.rounds {
            round.has_signs = round.has_signs || text.contains(TWICE);
            if let Some((better, places)) = undouble(&text) {
                round.places += places;
                text = Cow::Owned(better);
            }
        }
    }

    /// How many rounds of repairs the text needs.
    fn rounds(&self) -> usize {
        self.rounds.iter().take_while(|round| round.has_signs && round.places > 0).count()
    }
}

fn repaired(piece: &str, rounds: usize) -> Cow<'_, str> {
    let mut text = Cow::Borrowed(piece);
    for _ in 0..rounds {
        let Some((better, _)) = undouble(&text) else { break };
        text = Cow::Owned(better);
    }
    text
}

/// Undoes double encoding, and counts its places: runs of characters that are UTF-8 if taken as bytes of
/// Windows-1252. No language has words like that.
fn undouble(text: &str) -> Option<(String, u64)> {
    let mut better = String::new();
    let mut places = 0;
    let mut rest = text;
    let mut taken = 0;
    while let Some(start) = rest.find(|c: char| !c.is_ascii()) {
        let (_, from) = rest.split_at(start);
        let (run, after) = from.split_at(from.find(|c: char| c.is_ascii()).unwrap_or(from.len()));
        if let Some(single) = single(run) {
            let at = text.len() - from.len();
            better.push_str(text.get(taken..at).unwrap_or_default());
            better.push_str(&single);
            taken = at + run.len();
            places += 1;
        }
        rest = after;
    }
    better.push_str(text.get(taken..).filter(|_| places > 0).unwrap_or_default());
    (places > 0).then_some((better, places))
}

/// A run of characters outside ASCII as it was before it was encoded twice.
fn single(run: &str) -> Option<String> {
    // No character outside ASCII is one byte of UTF-8.
    run.chars().nth(1)?;
    let bytes: Option<Vec<u8>> = run.chars().map(byte).collect();
    String::from_utf8(bytes?).ok()
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
    use proptest::prelude::*;

    use super::super::text::CHUNK;
    use super::*;

    const TEXT: &str = "Namn;E-post\r\nÅsa Öberg;asa@example.se\r\nÄlva Håkansson;alva@example.se\r\n";

    fn decoded(
        bytes: &[u8],
        asked: Option<TextEncoding>,
    ) -> Result<(String, &'static str, u64), ImportError> {
        let decoded = decode(Path::new("m.csv"), bytes.to_vec().into(), asked, CHUNK)?;
        let text = String::from_utf8(decoded.text.into_bytes().unwrap()).unwrap();
        Ok((text, decoded.encoding.name(), decoded.repaired))
    }

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
            assert_eq!(decoded(&bytes, None).unwrap(), (TEXT.to_owned(), want, 0));
        }
    }

    #[test]
    fn double_encoding_is_repaired_and_nothing_else_is_touched() {
        let mut twice = TEXT.to_owned();
        for _ in 0..2 {
            twice = twice.bytes().map(|byte| WINDOWS_1252.decode(&[byte]).0.into_owned()).collect();
            let (text, _, repaired) = decoded(twice.as_bytes(), None).unwrap();
            assert_eq!(text, TEXT);
            assert!(repaired > 0);
        }
        for text in ["Ängby, Åsa", "Ã", "São Tomé – «Â»", "”Å”"] {
            assert_eq!(decoded(text.as_bytes(), None).unwrap(), (text.to_owned(), "UTF-8", 0));
        }
    }

    #[test]
    fn macintosh_is_decoded_only_on_request() {
        let asked = super::super::encoding_for("macintosh").unwrap();
        assert_eq!(decoded(b"\x81sa", Some(asked)).unwrap().0, "Åsa");
    }

    #[test]
    fn a_byte_that_is_not_text_is_named() {
        let asked = Some(TextEncoding::Web(UTF_8));
        let error = decoded(b"abc\xFFd", asked).unwrap_err();
        assert!(matches!(error, ImportError::Encoding { offset: 3, .. }), "{error}");
    }

    /// As a whole, without chunks.
    fn at_once(bytes: &[u8], encoding: &'static Encoding) -> Option<(String, u64)> {
        let mut text = encoding.decode_without_bom_handling_and_without_replacement(bytes)?.into_owned();
        let mut repaired = 0;
        for _ in 0..MOST_ROUNDS {
            let Some((better, places)) = undouble(&text).filter(|_| text.contains(TWICE)) else { break };
            (text, repaired) = (better, repaired.max(places));
        }
        Some((text, repaired))
    }

    proptest! {
        #[test]
        fn chunks_of_any_size_give_the_same_text(
            text in "[a;\r\n\"åÄÖéÃÅâ€ж😀Ж]{0,40}",
            times in 0usize..4,
            label in prop_oneof!["utf-8", "windows-1252", "macintosh", "shift_jis", "iso-2022-jp", "gb18030"],
            damage in proptest::option::of((0usize..80, any::<u8>())),
            is_asked in any::<bool>(),
            chunk in 1usize..9,
        ) {
            let encoding = Encoding::for_label(label.as_bytes()).unwrap();
            let twice = (0..times).fold(text, |text, _| WINDOWS_1252.decode(text.as_bytes()).0.into_owned());
            let mut bytes = encoding.encode(&twice).0.into_owned();
            if let Some((at, byte)) = damage {
                bytes.truncate(at);
                bytes.push(byte);
            }
            let asked = is_asked.then_some(TextEncoding::Web(encoding));
            let with = |chunk: usize| {
                let decoded = decode(Path::new("m.csv"), bytes.clone().into(), asked, chunk);
                let decoded = decoded.map_err(|error| error.to_string())?;
                let text = String::from_utf8(decoded.text.into_bytes().unwrap()).unwrap();
                Ok::<_, String>((text, decoded.encoding.name(), decoded.repaired, decoded.is_blank))
            };
            let whole = with(bytes.len() + 1);
            prop_assert_eq!(with(chunk), whole.clone());
            if is_asked && Encoding::for_bom(&bytes).is_none() {
                let want = at_once(&bytes, encoding);
                prop_assert_eq!(whole.ok().map(|(text, _, repaired, _)| (text, repaired)), want);
            }
        }

        #[test]
        fn utf_16_comes_in_chunks_too(text in "[aå;\n😀Ж]{1,30}", cut in any::<bool>(), chunk in 1usize..9) {
            let mut bytes: Vec<u8> = [0xFEFF].into_iter().chain(text.encode_utf16()).flat_map(u16::to_le_bytes).collect();
            if cut {
                bytes.pop();
            }
            let with = |chunk| decode(Path::new("m.csv"), bytes.clone().into(), None, chunk);
            match with(chunk) {
                Ok(decoded) => prop_assert_eq!(decoded.text.into_bytes().unwrap(), text.into_bytes()),
                Err(error) => {
                    prop_assert!(cut);
                    prop_assert_eq!(error.to_string(), with(100).unwrap_err().to_string());
                }
            }
        }
    }
}
