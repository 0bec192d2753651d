//! Reads and checks one row after another.

use std::io::Read;

use crate::domain::{Address, InvalidRow, ListedMember, Remark};

use super::cells::{self, AddressCell};
use super::columns::{Column, Columns};
use super::header::HeaderPlace;
use super::text::{CHUNK, ListReader, ListText};
use super::window::Window;

/// Names go into headers, whose lines have at most 998 octets (RFC 5322 §2.1.1).
const LONGEST_NAME: usize = 600;
/// In a list with this many known columns, a member's row normally has more than a name.
const MANY_COLUMNS: usize = 4;

/// The rows of a sheet.
#[derive(Debug)]
pub struct Rows<'a> {
    columns: &'a Columns,
    reader: csv::Reader<Window<ListReader<'a>>>,
    record: csv::StringRecord,
    /// Where line counting has got to: a byte, and the line that starts there or before it.
    counted: (usize, u64),
    broken: bool,
    delimiter: u8,
    /// The text's length.
    length: usize,
    /// The byte of the text at which the header starts.
    offset: usize,
    /// Total rows, which are skipped.
    sums: Vec<Remark>,
}

/// A CSV reader that leaves it to the caller to check the number of cells.
pub(super) fn reader<R: Read>(text: R, delimiter: u8) -> csv::Reader<R> {
    csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .has_headers(false)
        .buffer_capacity(CHUNK)
        .from_reader(text)
}

/// Counts line ends: CRLF, LF and a lone CR count as one each.
pub(super) fn lines_in(bytes: impl IntoIterator<Item = u8>) -> u64 {
    let (mut lines, mut after_cr) = (0, false);
    for byte in bytes {
        lines += u64::from(byte == b'\r' || byte == b'\n' && !after_cr);
        after_cr = byte == b'\r';
    }
    lines
}

impl<'a> Rows<'a> {
    pub(super) fn new(text: &'a ListText, place: HeaderPlace, columns: &'a Columns) -> Self {
        let HeaderPlace { start: offset, delimiter, .. } = place;
        let mut reader = reader(Window::new(text.reader(offset), offset), delimiter);
        let mut record = csv::StringRecord::new();
        let broken = reader.read_record(&mut record).is_err();
        let counted = (offset, columns.header_line);
        let length = text.len();
        Self { columns, reader, record, counted, broken, delimiter, length, offset, sums: Vec::new() }
    }

    /// The remarks about rows skipped so far.
    pub(super) fn take_remarks(&mut self) -> Vec<Remark> {
        std::mem::take(&mut self.sums)
    }

    /// Calls `each` for the cells of the next rows, unchecked.
    pub(super) fn look_at(mut self, rows: usize, mut each: impl FnMut(usize, &str)) {
        for _ in 0..rows {
            if !self.reader.read_record(&mut self.record).unwrap_or(false) {
                return;
            }
            self.record.iter().enumerate().for_each(|(position, cell)| each(position, cell));
        }
    }

    /// The reader's position in the text, in bytes.
    fn at(&self) -> usize {
        usize::try_from(self.reader.position().byte())
            .map_or(usize::MAX, |byte| byte.saturating_add(self.offset))
    }

    /// The line of the record that starts at or after `byte`; it has just been read.
    fn line_at(&mut self, byte: usize) -> u64 {
        let window = self.reader.get_mut();
        let line_ends = window.get(byte, self.length).iter().take_while(|byte| matches!(byte, b'\r' | b'\n'));
        let start = byte + line_ends.count();
        self.counted.1 += lines_in(window.get(self.counted.0, start).iter().copied());
        self.counted.0 = start;
        window.forget_before(byte.min(start));
        self.counted.1
    }

    /// Tells whether a quotation mark that opens a cell is never closed. Its record then has an odd number of them,
    /// and continues over several lines or to the end of the file.
    fn is_unclosed(&self, raw: &str) -> bool {
        if !raw.contains('"') {
            return false;
        }
        let opens_cell = raw.starts_with('"') || raw.contains(&format!("{}\"", char::from(self.delimiter)));
        let is_odd = raw.bytes().filter(|byte| *byte == b'"').count() % 2 == 1;
        let is_last = self.at() >= self.length;
        opens_cell && is_odd && (is_last || raw.contains(['\n', '\r']))
    }

    #[expect(clippy::result_large_err, reason = "an invalid row is rare and goes straight into a list")]
    fn check(&self, line: u64, raw: &str) -> Result<ListedMember, InvalidRow> {
        let bad = |column: &str, value: &str, reason: String| InvalidRow {
            line,
            column: column.to_owned(),
            value: shortened(value),
            reason,
            number: None,
            name: String::new(),
        };
        if self.is_unclosed(raw) {
            return Err(bad("", raw, "a quotation mark is never closed".to_owned()));
        }
        let surplus = self.record.iter().skip(self.columns.len()).find(|cell| !cell.trim().is_empty());
        if let Some(cell) = surplus {
            let reason = format!("has {} cells, the header has {}", self.record.len(), self.columns.len());
            return Err(bad("", cell, reason));
        }
        let mut row = ListedMember { line, ..ListedMember::default() };
        let mut addresses: Vec<(usize, &Column, &str)> = Vec::new();
        for (column, cell) in self.columns.iter().zip(self.record.iter()) {
            let value = cell.trim();
            let Some(field) = column.field.as_deref().filter(|_| !value.is_empty()) else { continue };
            if value.contains('\0') {
                return Err(bad(&column.header, value, "has a NUL character".to_owned()));
            }
            if let Some(preference) = column.preference {
                addresses.push((preference, column, value));
            }
            match field {
                "email" => {}
                "name" | "number" if value.len() > LONGEST_NAME => {
                    let reason = format!("is longer than {LONGEST_NAME} bytes: is a quotation mark missing?");
                    return Err(bad(&column.header, value, reason));
                }
                "name" => row.name = one_line(value),
                "number" => row.number = Some(one_line(value)),
                _ => drop(row.fields.insert(field.to_owned(), one_line(value))),
            }
        }
        addresses.sort_by_key(|(preference, ..)| *preference);
        let wrong = row.take_addresses(&addresses).err();
        let wrong = wrong.map(|(column, value, reason)| bad(&column.header, value, reason));
        row.tidy();
        row.fill_name();
        if let Some(wrong) = wrong {
            return Err(InvalidRow { number: row.number, name: row.name, ..wrong });
        }
        if row.name.is_empty() && row.address.is_none() {
            return Err(bad("", raw, "has neither a name nor an e-mail address".to_owned()));
        }
        if row.is_only_a_name()
            && self.columns.iter().filter(|column| column.field.is_some()).count() >= MANY_COLUMNS
        {
            let message =
                "is the only value in its row: remove the row if it is a heading or a footer".to_owned();
            row.remarks.push(Remark { line, column: String::new(), value: shortened(&row.name), message });
        }
        Ok(row)
    }
}

impl ListedMember {
    fn is_only_a_name(&self) -> bool {
        self.address.is_none() && self.number.is_none() && self.fields.is_empty()
    }

    /// Takes the first address of the best column that has one, and adds remarks about anything unusual.
    ///
    /// # Errors
    /// Returns the column, the cell and the reason if a cell has neither an address nor a word for "no address".
    fn take_addresses<'c>(
        &mut self,
        cells: &[(usize, &'c Column, &'c str)],
    ) -> Result<(), (&'c Column, &'c str, String)> {
        for &(preference, column, cell) in cells {
            match cells::read(cell) {
                AddressCell::Some { address, others, was_cleaned } if self.address.is_none() => {
                    let mut remark = |message: String| {
                        let (line, header, value) = (self.line, column.header.clone(), shortened(cell));
                        self.remarks.push(Remark { line, column: header, value, message });
                    };
                    if !others.is_empty() {
                        remark(format!(
                            "contains several addresses: letters go to {address}, the others are kept in `{OTHERS}`"
                        ));
                        let others: Vec<&str> = others.iter().map(Address::as_str).collect();
                        self.fields.insert(OTHERS.to_owned(), others.join(", "));
                    } else if was_cleaned {
                        remark(format!("is read as {address}"));
                    }
                    if address.needs_smtputf8() {
                        remark("has letters outside ASCII before the @, which only some mail servers accept (SMTPUTF8)".to_owned());
                    }
                    self.address = Some(address);
                }
                // The best column decides; a mistake in another one does not make the row invalid.
                AddressCell::Invalid(reason) if preference == 0 => return Err((column, cell, reason)),
                AddressCell::None | AddressCell::Some { .. } | AddressCell::Invalid(_) => {}
            }
        }
        Ok(())
    }

    /// Splits combined columns of member registers into the right fields.
    fn tidy(&mut self) {
        if let Some(place) = self.fields.remove(POSTAL) {
            match postcode_and_city(&place) {
                Some((postcode, city)) => {
                    self.fields.entry("postcode".to_owned()).or_insert(postcode);
                    self.fields.entry("city".to_owned()).or_insert(city);
                }
                None => drop(self.fields.entry("street".to_owned()).or_insert(place)),
            }
        }
        let is_company = self.fields.get(KIND).is_some_and(|kind| {
            ["company", "företag", "förening", "organisation"].contains(&kind.to_lowercase().as_str())
        });
        if is_company && !self.name.is_empty() {
            let person = self.fields.get(REFERENCE).cloned();
            let organisation = match person {
                Some(person) => std::mem::replace(&mut self.name, person),
                None => self.name.clone(),
            };
            self.fields.entry("organisation".to_owned()).or_insert(organisation);
        }
    }

    /// Builds the full name from first and last name, or uses the organisation's.
    fn fill_name(&mut self) {
        if !self.name.is_empty() {
            return;
        }
        let part = |field: &str| self.fields.get(field).map(String::as_str);
        let parts: Vec<&str> = [part("first_name"), part("last_name")].into_iter().flatten().collect();
        self.name = if parts.is_empty() {
            part("organisation").unwrap_or_default().to_owned()
        } else {
            parts.join(" ")
        };
    }
}

/// The field for a member's additional addresses.
const OTHERS: &str = "other_emails";

/// A column that holds either postcode and city or a street: accounting programs differ.
pub(super) const POSTAL: &str = "postadress";
/// Columns of accounting programs: the kind of customer, and the contact person of an organisation.
pub(super) const KIND: &str = "kundtyp";
const REFERENCE: &str = "er_referens";

/// Splits `123 45 Testby` into postcode and city.
fn postcode_and_city(place: &str) -> Option<(String, String)> {
    let start = place.strip_prefix("SE-").unwrap_or(place);
    let end = start.find(|c: char| !c.is_ascii_digit() && c != ' ')?;
    let (digits, city) = start.split_at(end);
    let is_postcode = digits.bytes().filter(u8::is_ascii_digit).count() == 5;
    (is_postcode && digits.ends_with(' ')).then(|| (digits.trim().to_owned(), city.trim().to_owned()))
}

/// Words that begin a total row.
const SUMS: [&str; 9] = [
    "antal",
    "summa",
    "totalt",
    "total",
    "sum",
    "count",
    "antal medlemmar",
    "antal rader",
    "number of members",
];

/// Tells whether a row is a total: one of these words and a number, and otherwise nothing but numbers.
fn is_sum(record: &csv::StringRecord) -> bool {
    let mut cells = record.iter().map(str::trim).filter(|cell| !cell.is_empty());
    let Some(first) = cells.next() else { return false };
    let is_number =
        |text: &str| !text.is_empty() && text.chars().all(|c| c.is_ascii_digit() || " .,:\u{a0}".contains(c));
    let word = first.trim_end_matches(|c: char| c.is_ascii_digit() || c.is_whitespace() || ":=".contains(c));
    let rest = first.get(word.len()..).unwrap_or_default();
    let others: Vec<&str> = cells.collect();
    let has_number = rest.contains(|c: char| c.is_ascii_digit()) || !others.is_empty();
    SUMS.contains(&word.to_lowercase().as_str()) && has_number && others.iter().all(|cell| is_number(cell))
}

/// Makes a cell fit for headers and one-line fields: line breaks, control characters and private-use characters
/// become spaces.
fn one_line(value: &str) -> String {
    if !value.contains(is_no_text) {
        return value.to_owned();
    }
    words(value).collect::<Vec<_>>().join(" ")
}

fn is_no_text(c: char) -> bool {
    c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{E000}'..='\u{F8FF}')
}

fn words(value: &str) -> impl Iterator<Item = &str> {
    value.split(|c: char| is_no_text(c) || c.is_whitespace()).filter(|word| !word.is_empty())
}

/// The most characters of a value in a message.
const SHOWN: usize = 60;

/// The beginning of a value on one line; a row whose quotation mark is missing may be as long as the list.
fn shortened(value: &str) -> String {
    let mut line: String = if value.contains(is_no_text) {
        words(value).flat_map(|word| [" ", word]).flat_map(str::chars).skip(1).take(SHOWN + 1).collect()
    } else {
        value.chars().take(SHOWN + 1).collect()
    };
    if let Some((end, _)) = line.char_indices().nth(SHOWN) {
        line.truncate(end);
        line.push('…');
    }
    line
}

impl Iterator for Rows<'_> {
    type Item = Result<ListedMember, InvalidRow>;

    fn next(&mut self) -> Option<Self::Item> {
        loop {
            let start = self.at();
            if self.broken {
                return None;
            }
            match self.reader.read_record(&mut self.record) {
                Ok(true) => {}
                Ok(false) => return None,
                Err(error) => {
                    self.broken = true;
                    let line = self.line_at(start);
                    return Some(Err(InvalidRow {
                        line,
                        reason: error.to_string(),
                        ..InvalidRow::default()
                    }));
                }
            }
            let end = self.at();
            let line = self.line_at(start);
            if self.record.iter().all(|cell| cell.trim().is_empty()) {
                continue;
            }
            if is_sum(&self.record) {
                let value = shortened(&self.record.iter().collect::<Vec<_>>().join(" "));
                let message = "is skipped: it is a row of totals".to_owned();
                self.sums.push(Remark { line, column: String::new(), value, message });
                continue;
            }
            let raw = std::str::from_utf8(self.reader.get_ref().get(start, end)).unwrap_or_default();
            return Some(self.check(line, raw.trim_matches(['\r', '\n'])));
        }
    }
}

#[cfg(test)]
mod tests;
