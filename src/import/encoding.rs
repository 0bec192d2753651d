//! Text encodings of member lists, and how to detect a file's encoding from the letters that each one yields.

use std::io::{self, BufRead, BufReader, Read};

use chardetng::{EncodingDetector, Iso2022JpDetection, Utf8Detection};
use encoding_rs::{DecoderResult, Encoding, MACINTOSH, UTF_8, UTF_16BE, UTF_16LE, WINDOWS_1252};
use oem_cp::code_table::{
    DECODING_TABLE_CP437, DECODING_TABLE_CP850, DECODING_TABLE_CP858, DECODING_TABLE_CP865,
};

use super::ImportError;
use super::text::ListText;

/// A text encoding.
#[derive(Debug, Clone, Copy)]
pub enum TextEncoding {
    /// An encoding of the WHATWG standard.
    Web(&'static Encoding),
    Dos(CodePage),
}

/// A DOS code page, which old registers still write.
#[derive(Debug, Clone, Copy)]
pub struct CodePage {
    name: &'static str,
    /// The characters of the bytes from 128.
    upper: &'static [char; 128],
}

const CODE_PAGES: [CodePage; 4] = [
    CodePage { name: "cp850", upper: &DECODING_TABLE_CP850 },
    CodePage { name: "cp437", upper: &DECODING_TABLE_CP437 },
    CodePage { name: "cp858", upper: &DECODING_TABLE_CP858 },
    CodePage { name: "cp865", upper: &DECODING_TABLE_CP865 },
];

/// How much of a file decides its encoding: lines with characters outside ASCII.
const SAMPLE: usize = 64 * 1024;

impl TextEncoding {
    /// The encoding's name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Web(encoding) => encoding.name(),
            Self::Dos(page) => page.name,
        }
    }

    /// Decodes all bytes; `None` if they are not text in this encoding.
    fn decode(self, bytes: &[u8]) -> Option<String> {
        let mut text = String::new();
        self.decoder().decode(bytes, &mut text, true).ok()?;
        Some(text)
    }

    /// Decodes chunk after chunk.
    pub(super) fn decoder(self) -> Decoder {
        match self {
            Self::Web(encoding) => Decoder::Web(encoding.new_decoder_without_bom_handling()),
            Self::Dos(page) => Decoder::Dos(page),
        }
    }
}

/// Decodes text that comes in chunks.
pub(super) enum Decoder {
    Web(encoding_rs::Decoder),
    Dos(CodePage),
}

impl Decoder {
    /// Adds what `bytes` say to `text`; with `is_last`, a character must not be left unfinished.
    ///
    /// # Errors
    /// With how many of the bytes have been read when they turn out not to be text in this encoding.
    pub fn decode(&mut self, bytes: &[u8], text: &mut String, is_last: bool) -> Result<(), usize> {
        let decoder = match self {
            Self::Web(decoder) => decoder,
            Self::Dos(page) => {
                page.decode(bytes, text);
                return Ok(());
            }
        };
        let needed = decoder.max_utf8_buffer_length_without_replacement(bytes.len());
        text.reserve(needed.unwrap_or(bytes.len()));
        match decoder.decode_to_string_without_replacement(bytes, text, is_last) {
            (DecoderResult::InputEmpty, _) => Ok(()),
            (DecoderResult::Malformed(..) | DecoderResult::OutputFull, read) => Err(read),
        }
    }
}

impl CodePage {
    fn decode(self, bytes: &[u8], text: &mut String) {
        let character = |byte: &u8| match byte.checked_sub(128) {
            None => char::from(*byte),
            Some(index) => self.upper.get(usize::from(index)).copied().unwrap_or(char::REPLACEMENT_CHARACTER),
        };
        text.extend(bytes.iter().map(character));
    }
}

/// The encoding with this name: a WHATWG label, or a DOS code page such as `cp850`.
///
/// # Errors
/// Names the label if it is unknown.
pub fn encoding_for(label: &str) -> Result<TextEncoding, ImportError> {
    let folded = label.trim().to_ascii_lowercase();
    let number = ["cp", "ibm", "dos-", "dos", "oem"].iter().find_map(|start| folded.strip_prefix(start));
    let page = CODE_PAGES.iter().find(|page| page.name.strip_prefix("cp") == number.or(Some(&folded)));
    if let Some(page) = page {
        return Ok(TextEncoding::Dos(*page));
    }
    Encoding::for_label(folded.as_bytes())
        .map(TextEncoding::Web)
        .ok_or_else(|| ImportError::UnknownEncoding { label: label.to_owned() })
}

/// Detects the encoding of a file without a byte order mark.
pub(super) fn find(bytes: &ListText, chunk: usize) -> io::Result<TextEncoding> {
    // UTF-16 without a mark: every other byte of Western text is NUL.
    let head = bytes.head(2000)?;
    let nuls = |parity: usize| head.iter().skip(parity).step_by(2).filter(|byte| **byte == 0).count();
    if nuls(1) * 4 > head.len() {
        return Ok(TextEncoding::Web(UTF_16LE));
    }
    if nuls(0) * 4 > head.len() {
        return Ok(TextEncoding::Web(UTF_16BE));
    }
    if first_not_utf8(bytes, chunk)?.is_none() {
        return Ok(TextEncoding::Web(UTF_8));
    }
    let sample = sample(bytes, chunk)?;
    let mut detector = EncodingDetector::new(Iso2022JpDetection::Deny);
    detector.feed(&sample, true);
    let guess = detector.guess(Some(b"se"), Utf8Detection::Deny);
    let mut candidates = vec![TextEncoding::Web(WINDOWS_1252)];
    if guess.name().starts_with("windows-125") || guess.name().starts_with("ISO-8859") {
        candidates.push(TextEncoding::Web(guess));
    }
    candidates.push(TextEncoding::Web(MACINTOSH));
    candidates.extend(CODE_PAGES.map(TextEncoding::Dos));
    let score = |encoding: &TextEncoding| encoding.decode(&sample).map_or(i64::MIN, |text| score(&text));
    // On a tie the first one wins, which is the most common.
    let mut best = (WINDOWS_1252.name(), i64::MIN, TextEncoding::Web(WINDOWS_1252));
    for candidate in candidates {
        let score = score(&candidate);
        if score > best.1 {
            best = (candidate.name(), score, candidate);
        }
    }
    Ok(best.2)
}

/// The place of the first byte that is not UTF-8.
pub(super) fn first_not_utf8(bytes: &ListText, chunk: usize) -> io::Result<Option<usize>> {
    let mut reader = bytes.reader(0);
    let mut buffer = Vec::new();
    let mut before = 0;
    loop {
        let read = reader.by_ref().take(chunk as u64).read_to_end(&mut buffer)?;
        let valid = match std::str::from_utf8(&buffer) {
            Ok(text) => text.len(),
            // The character may go on in the next chunk.
            Err(error) if error.error_len().is_none() && read > 0 => error.valid_up_to(),
            Err(error) => return Ok(Some(before + error.valid_up_to())),
        };
        if read == 0 {
            return Ok(None);
        }
        drop(buffer.drain(..valid));
        before += valid;
    }
}

/// The first lines with characters outside ASCII.
fn sample(bytes: &ListText, chunk: usize) -> io::Result<Vec<u8>> {
    let mut reader = BufReader::with_capacity(chunk, bytes.reader(0));
    let (mut sample, mut line, mut is_ascii) = (Vec::new(), Vec::new(), true);
    loop {
        let buffer = reader.fill_buf()?;
        let is_last = buffer.is_empty();
        let end = memchr::memchr2(b'\n', b'\r', buffer);
        let (part, _) = buffer.split_at(end.unwrap_or(buffer.len()));
        is_ascii &= part.is_ascii();
        line.extend(part.iter().take(SAMPLE - line.len()));
        let used = part.len() + usize::from(end.is_some());
        reader.consume(used);
        if is_last || end.is_some() {
            if !is_ascii {
                sample.append(&mut line);
                sample.push(b'\n');
            }
            if is_last || sample.len() > SAMPLE {
                return Ok(sample);
            }
            line.clear();
            is_ascii = true;
        }
    }
}

/// How likely it is that Scandinavians wrote a text: letters inside words add to the score, Swedish ones most;
/// symbols inside words and capitals after small letters subtract from it.
fn score(text: &str) -> i64 {
    let mut score = 0;
    let characters: Vec<char> = text.chars().collect();
    for (at, &c) in characters.iter().enumerate().filter(|(_, c)| !c.is_ascii()) {
        let neighbour = |at: Option<usize>| at.and_then(|at| characters.get(at)).copied().unwrap_or(' ');
        let (before, after) = (neighbour(at.checked_sub(1)), neighbour(at.checked_add(1)));
        score += if c.is_alphabetic() {
            match c {
                _ if !before.is_alphabetic() && !after.is_alphabetic() => 0,
                _ if c.is_uppercase() && before.is_lowercase() => -3,
                _ if c.is_lowercase() && before.is_uppercase() && after.is_uppercase() => -3,
                'å' | 'ä' | 'ö' | 'Å' | 'Ä' | 'Ö' => 4,
                'é' | 'ü' | 'æ' | 'ø' | 'É' | 'Ü' | 'Æ' | 'Ø' => 2,
                'À'..='ɏ' => 1,
                _ => -2,
            }
        } else {
            match (before.is_alphabetic(), after.is_alphabetic()) {
                _ if c.is_control() => -10,
                _ if matches!(c, '’' | '´' | '–' | '®' | '\u{a0}') => 0,
                (true, true) => -4,
                (false, false) => -1,
                _ => -2,
            }
        };
    }
    score
}

#[cfg(test)]
mod tests {
    use super::*;

    fn find(bytes: &[u8]) -> TextEncoding {
        super::find(&bytes.to_vec().into(), 3).unwrap()
    }

    const TEXT: &str =
        "Åsa Öberg;asa@example.se\nÄlva Håkansson;Väddö\nTomás Ó Briain;Renée Müller\nKARL BJÖRK\n";

    fn in_page(page: CodePage) -> Vec<u8> {
        let byte = |c: char| match u8::try_from(c) {
            Ok(byte) if byte.is_ascii() => byte,
            _ => 128 + u8::try_from(page.upper.iter().position(|known| *known == c).unwrap()).unwrap(),
        };
        TEXT.replace('Ó', "O").chars().map(byte).collect()
    }

    #[test]
    fn scandinavian_encodings_are_distinguished() {
        assert_eq!(find(TEXT.as_bytes()).name(), "UTF-8");
        assert_eq!(find(&WINDOWS_1252.encode(TEXT).0).name(), "windows-1252");
        assert_eq!(find(&in_page(CODE_PAGES[0])).name(), "cp850");
        let mac: Vec<u8> = b"Namn\n\x81sa \x85berg\nTom\x87s \xEE Briain\nM\x9Aja, sk\x8Arg\x8Crd\n".to_vec();
        assert_eq!(find(&mac).name(), "macintosh");
        // A few letters are enough.
        assert_eq!(find(b"Namn\nG\x94sta\n").name(), "cp850");
        assert_eq!(find(b"Namn\nG\xF6sta\n").name(), "windows-1252");
        assert_eq!(find(b"Namn\nG\x9Asta\n").name(), "macintosh");
        assert_eq!(find(b"Namn\nCaf\xE9 \x96 \x80 5\n").name(), "windows-1252");
    }

    #[test]
    fn an_encoding_is_chosen_by_name() {
        for (label, want) in [
            ("cp850", "cp850"),
            ("IBM850", "cp850"),
            ("437", "cp437"),
            ("latin1", "windows-1252"),
            ("macintosh", "macintosh"),
        ] {
            assert_eq!(encoding_for(label).unwrap().name(), want, "{label}");
        }
        assert!(encoding_for("ebcdic").is_err());
    }
}
