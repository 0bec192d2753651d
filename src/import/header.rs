//! Finds a list's header row and its delimiter.

use std::collections::BTreeSet;

use super::columns::Wanted;
use super::rows::reader;
use super::text::ListText;
use crate::domain::field;

/// Delimiters that spreadsheets write.
const DELIMITERS: [u8; 4] = [b';', b',', b'\t', b'|'];

/// The number of rows to search for the header, since titles may precede it.
const ROWS: usize = 20;

/// The position of the header.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct HeaderPlace {
    /// The byte at which it starts.
    pub start: usize,
    pub delimiter: u8,
    /// The number of non-empty rows above it.
    pub titles: usize,
}

/// Finds the row that names the most columns, including one for addresses; else the first row.
pub(super) fn find(text: &ListText, delimiter: Option<u8>, wanted: &Wanted) -> HeaderPlace {
    let first = after_marks(text);
    let usual = delimiter.unwrap_or_else(|| most_frequent(text.bytes(first)));
    let mut best = (0, HeaderPlace { start: first, delimiter: usual, titles: 0 });
    // The most frequent one comes first, and wins a tie.
    let others = DELIMITERS.into_iter().filter(|other| *other != usual && delimiter.is_none());
    for delimiter in std::iter::once(usual).chain(others) {
        let mut reader = reader(text.reader(first), delimiter);
        let mut record = csv::StringRecord::new();
        let mut titles = 0;
        for _ in 0..ROWS {
            let at = usize::try_from(reader.position().byte()).unwrap_or(usize::MAX);
            if !reader.read_record(&mut record).unwrap_or(false) {
                break;
            }
            let known = known_columns(&record, wanted);
            if known > best.0 {
                let start = first.saturating_add(at);
                let start = start + line_ends(text.bytes(start));
                best = (known, HeaderPlace { start, delimiter, titles });
            }
            titles += usize::from(record.iter().any(|cell| !cell.trim().is_empty()));
        }
    }
    best.1
}

/// How many of a row's cells name known columns; 0 if none of them is an address column.
fn known_columns(record: &csv::StringRecord, wanted: &Wanted) -> usize {
    let meant = record.iter().filter_map(|cell| match wanted.field_of(cell) {
        Some((field, _)) => Some(field.to_owned()),
        None => field::known(cell).map(str::to_owned),
    });
    let fields: BTreeSet<String> = meant.collect();
    if fields.contains("email") { fields.len() } else { 0 }
}

fn line_ends(bytes: impl Iterator<Item = u8>) -> usize {
    bytes.take_while(|byte| is_line_end(*byte)).count()
}

fn is_line_end(byte: u8) -> bool {
    matches!(byte, b'\r' | b'\n')
}

/// Where the first row starts: after empty lines and the line `sep=;`, which tells Excel the delimiter.
fn after_marks(text: &ListText) -> usize {
    let first = after_empty(text, 0);
    let told: Vec<u8> = text.bytes(first).take(4).collect();
    let told = told.eq_ignore_ascii_case(b"sep=");
    let line_end = text.bytes(first).position(is_line_end).filter(|_| told);
    line_end.map_or(first, |line_end| after_empty(text, first + line_end))
}

/// The first byte from `at` on that is neither of a line end or space nor of a byte order mark.
fn after_empty(text: &ListText, at: usize) -> usize {
    let mut bytes = text.bytes(at);
    let mut end = at;
    loop {
        let length = match bytes.next() {
            Some(b'\r' | b'\n' | b' ') => 1,
            Some(0xEF) if bytes.next() == Some(0xBB) && bytes.next() == Some(0xBF) => 3,
            _ => return end,
        };
        end += length;
    }
}

/// The most frequent delimiter of the first line, outside quotes.
fn most_frequent(text: impl Iterator<Item = u8>) -> u8 {
    let mut quoted = false;
    let mut counts = [0usize; DELIMITERS.len()];
    for byte in text {
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

    #[test]
    fn delimiters_are_detected() {
        for (header, want) in [
            ("Namn;E-post;Ort", b';'),
            ("\"Namn, hela\";E-post", b';'),
            ("name,email", b','),
            ("name\temail", b'\t'),
            ("name|email", b'|'),
            ("email", b';'),
        ] {
            let place = find(&header.as_bytes().to_vec().into(), None, &Wanted::default());
            assert_eq!((place.delimiter, place.start), (want, 0), "{header}");
        }
    }

    #[test]
    fn the_header_is_found_below_titles() {
        for (text, header, titles) in [
            ("Register 2026;;\n;;\nNamn;E-post;Ort\nA;a@example.se;B\n", "Namn;E-post", 1),
            ("Byalaget, medlemmar, alla, 2026\n\nNamn;E-post\nA;a@example.se\n", "Namn;E-post", 1),
            ("sep=;\r\nNamn;E-post\r\n", "Namn;E-post", 0),
            ("Utskrivet: 2026-11-01\r\nKontakt: kansliet@example.se\r\nNamn,E-post\r\n", "Namn,E-post", 2),
            ("Namn;Ort\nA;B\n", "Namn;Ort", 0),
        ] {
            let place = find(&text.as_bytes().to_vec().into(), None, &Wanted::default());
            assert!(text[place.start..].starts_with(header), "{text:?}: {place:?}");
            assert_eq!(place.titles, titles, "{text:?}");
        }
    }
}
