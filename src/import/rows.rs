//! One row after another, each checked.

use crate::domain::{Address, AddressError, InvalidRow, ListedMember, Remark};

use super::Columns;

/// Names are in headers, whose lines have at most 998 octets (RFC 5322 §2.1.1).
const LONGEST_NAME: usize = 600;

/// The rows of a sheet.
#[derive(Debug)]
pub struct Rows<'a> {
    text: &'a str,
    columns: &'a Columns,
    reader: csv::Reader<&'a [u8]>,
    record: csv::StringRecord,
    /// How far lines have been counted: a byte and the line that starts there or before it.
    counted: (usize, u64),
    broken: bool,
    delimiter: u8,
    /// Where the header starts in the text.
    offset: usize,
}

/// A CSV reader that leaves judging the number of cells to the caller.
pub(super) fn reader(text: &str, delimiter: u8) -> csv::Reader<&[u8]> {
    csv::ReaderBuilder::new()
        .delimiter(delimiter)
        .flexible(true)
        .has_headers(false)
        .from_reader(text.as_bytes())
}

/// Where the header starts: after empty lines, and after the line `sep=;` by which Excel is told the delimiter.
pub(super) fn header_start(text: &str) -> usize {
    let rest = text.trim_start_matches(EMPTY);
    let told = rest.get(..4).filter(|start| start.eq_ignore_ascii_case("sep="));
    let rest = told.and_then(|_| rest.split_once(['\r', '\n'])).map_or(rest, |(_, rest)| rest);
    text.len() - rest.trim_start_matches(EMPTY).len()
}

const EMPTY: [char; 4] = ['\r', '\n', ' ', '\u{feff}'];

/// Counts line ends: CRLF, LF and a lone CR are one each.
pub(super) fn lines_in(text: &str) -> u64 {
    let bytes = text.as_bytes();
    let followed_by_lf = |at: usize| bytes.get(at + 1) == Some(&b'\n');
    let ends = bytes.iter().enumerate().filter(|(at, byte)| match byte {
        b'\n' => true,
        b'\r' => !followed_by_lf(*at),
        _ => false,
    });
    ends.count() as u64
}

impl<'a> Rows<'a> {
    pub(super) fn new(text: &'a str, delimiter: u8, columns: &'a Columns) -> Self {
        let offset = header_start(text);
        let mut reader = reader(text.get(offset..).unwrap_or_default(), delimiter);
        let mut record = csv::StringRecord::new();
        let broken = reader.read_record(&mut record).is_err();
        Self { text, columns, reader, record, counted: (0, 1), broken, delimiter, offset }
    }

    /// The byte of the text that the reader has come to.
    fn at(&self) -> usize {
        usize::try_from(self.reader.position().byte())
            .map_or(usize::MAX, |byte| byte.saturating_add(self.offset))
    }

    /// The line on which the record that starts at or after `byte` stands.
    fn line_at(&mut self, byte: usize) -> u64 {
        let rest = self.text.get(byte..).unwrap_or_default();
        let start = byte + (rest.len() - rest.trim_start_matches(['\r', '\n']).len());
        let between = self.text.get(self.counted.0..start).unwrap_or_default();
        self.counted = (start, self.counted.1 + lines_in(between));
        self.counted.1
    }

    /// Tells whether a quotation mark that opens a cell is never closed: its record then has an odd number of them and
    /// continues over several lines, or to the end of the file.
    fn is_unclosed(&self, raw: &str) -> bool {
        if !raw.contains('"') {
            return false;
        }
        let opens_cell = raw.starts_with('"') || raw.contains(&format!("{}\"", char::from(self.delimiter)));
        let is_odd = raw.bytes().filter(|byte| *byte == b'"').count() % 2 == 1;
        let is_last = self.reader.position().byte() >= (self.text.len() - self.offset) as u64;
        opens_cell && is_odd && (is_last || raw.contains(['\n', '\r']))
    }

    #[expect(clippy::result_large_err, reason = "a invalid row is rare and goes straight into a list")]
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
        let mut row = ListedMember {
            line,
            number: None,
            name: String::new(),
            address: None,
            ..ListedMember::default()
        };
        let mut wrong = None;
        for (column, cell) in self.columns.iter().zip(self.record.iter()) {
            let value = cell.trim();
            let Some(field) = column.field.as_deref().filter(|_| !value.is_empty()) else { continue };
            if value.contains('\0') {
                return Err(bad(&column.header, value, "has a NUL character".to_owned()));
            }
            match field {
                "email" => match row.take_address(value, &column.header) {
                    Ok(()) => {}
                    Err(reason) => wrong = Some(bad(&column.header, value, reason)),
                },
                "name" | "number" if value.len() > LONGEST_NAME => {
                    let reason = format!("is longer than {LONGEST_NAME} bytes: is a quotation mark missing?");
                    return Err(bad(&column.header, value, reason));
                }
                "name" => row.name = one_line(value),
                "number" => row.number = Some(one_line(value)),
                _ => drop(row.fields.insert(field.to_owned(), one_line(value))),
            }
        }
        row.fill_name();
        if let Some(wrong) = wrong {
            return Err(InvalidRow { number: row.number, name: row.name, ..wrong });
        }
        if row.name.is_empty() && row.address.is_none() {
            return Err(bad("", raw, "has neither a name nor an e-mail address".to_owned()));
        }
        Ok(row)
    }
}

impl ListedMember {
    /// Takes the cell's address, the first if there are several, and remarks on what looks odd.
    fn take_address(&mut self, cell: &str, column: &str) -> Result<(), String> {
        let (first, others) = split_addresses(cell);
        let address = address(first)?;
        let mut remark = |message: String| {
            let (column, value) = (column.to_owned(), shortened(cell));
            self.remarks.push(Remark { line: self.line, column, value, message });
        };
        if !others.is_empty() {
            remark(format!(
                "contains several addresses: letters go to {address}, the others are kept in `{OTHERS}`"
            ));
            self.fields.insert(OTHERS.to_owned(), others.join(", "));
        }
        self.address = Some(address);
        Ok(())
    }

    /// Makes the full name of first and last name, or takes the organisation's.
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

/// The field for a member's further addresses.
const OTHERS: &str = "other_emails";

/// What stands between several addresses in a cell.
const BETWEEN: [char; 7] = [',', ';', '/', ' ', '\n', '\r', '\t'];

/// The first address of a cell and the others, where every part is one.
fn split_addresses(cell: &str) -> (&str, Vec<&str>) {
    if !cell.contains(BETWEEN) {
        return (cell, Vec::new());
    }
    let parts: Vec<&str> = cell
        .split(BETWEEN)
        .map(str::trim)
        .filter(|part| !part.is_empty() && !["och", "and", "&"].contains(part))
        .collect();
    match parts.split_first() {
        Some((first, others)) if parts.iter().all(|part| Address::parse(part).is_ok()) => {
            (first, others.to_vec())
        }
        _ => (cell, Vec::new()),
    }
}

fn address(value: &str) -> Result<Address, String> {
    Address::parse(value).map_err(|error| match error {
        AddressError::LocalPart if value.matches('@').count() > 1 && value.contains([',', ';', ' ', '/']) => {
            "contains several addresses, one of them invalid: keep one".to_owned()
        }
        error => format!("is not a valid e-mail address: {error}"),
    })
}

/// Cells go into headers and in one-line fields: line breaks and characters without a meaning of their own in text
/// (control and private-use characters) become spaces.
fn one_line(value: &str) -> String {
    let is_no_text =
        |c: char| c.is_control() || matches!(c, '\u{2028}' | '\u{2029}' | '\u{E000}'..='\u{F8FF}');
    if !value.contains(is_no_text) {
        return value.to_owned();
    }
    let clean = value.replace(is_no_text, " ");
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn shortened(value: &str) -> String {
    let line = one_line(value);
    match line.char_indices().nth(60) {
        Some((end, _)) => format!("{}…", line.get(..end).unwrap_or_default()),
        None => line,
    }
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
            let raw = self.text.get(start..end).unwrap_or_default().trim_matches(['\r', '\n']);
            return Some(self.check(line, raw));
        }
    }
}

#[cfg(test)]
mod tests {
    use std::path::Path;

    use super::super::{Options, Sheet};

    fn sheet(text: &str) -> Sheet {
        Sheet::from_bytes(Path::new("m.csv"), text.as_bytes().to_vec(), &Options::default()).unwrap()
    }

    #[test]
    fn rows_have_their_lines_whatever_ends_them() {
        for end in ["\n", "\r\n", "\r"] {
            let text =
                ["\"Namn\";E-post", "A;a@example.se", "", "\"B", "b\";b@example.se", "C;nej", ""].join(end);
            let sheet = sheet(&text);
            let rows: Vec<_> = sheet.rows().collect();
            let lines: Vec<u64> =
                rows.iter().map(|row| row.as_ref().map_or_else(|bad| bad.line, |row| row.line)).collect();
            assert_eq!(lines, [2, 4, 6], "{end:?}");
            assert_eq!(rows[1].as_ref().unwrap().name, "B b");
        }
    }

    #[test]
    fn bad_rows_say_what_is_wrong() {
        let header = "Namn;E-post;Ort\n";
        for (row, column, reason) in [
            ("A;a@@example.se;X", "E-post", "is not a valid e-mail address"),
            ("A;a@example.se, b@@example.se;X", "E-post", "several addresses"),
            (&format!("{};a@example.se;X", "x".repeat(601)), "Namn", "longer than 600"),
            ("A;a@example.se;X;Y", "", "has 4 cells, the header has 3"),
            (";;X", "", "neither a name nor"),
            ("\"A;a@example.se;X\nB;b@example.se;Y\n", "", "never closed"),
            ("\"A;a@example.se;X", "", "never closed"),
            ("A;\"a@example.se;X\rB;b@example.se;Y\r", "", "never closed"),
        ] {
            let sheet = sheet(&format!("{header}{row}"));
            let bad = sheet.rows().next().unwrap().unwrap_err();
            assert_eq!((bad.line, bad.column.as_str()), (2, column), "{row}");
            assert!(bad.reason.contains(reason), "{row}: {}", bad.reason);
        }
    }

    #[test]
    fn several_addresses_are_split() {
        let sheet = sheet("Namn;E-post\nA;a@example.se, b@example.se\nB;b@gmial.com\nC;c@example.se\n");
        let rows: Vec<_> = sheet.rows().map(Result::unwrap).collect();
        assert_eq!(rows[0].address.as_ref().unwrap().as_str(), "a@example.se");
        assert_eq!(rows[0].fields["other_emails"], "b@example.se");
        let remarks: Vec<usize> = rows.iter().map(|row| row.remarks.len()).collect();
        assert_eq!(remarks, [1, 0, 0]);
    }

    #[test]
    fn what_excel_puts_above_the_header_is_passed_over() {
        for above in ["sep=;\r\n", " \r\n", "\u{feff}\r\n"] {
            let sheet = sheet(&format!("{above}Namn;E-post;Telefon;Mobil\r\nA;a@example.se;1;2\r\n"));
            let rows: Vec<_> = sheet.rows().map(Result::unwrap).collect();
            assert_eq!(
                (rows.len(), rows[0].line, rows[0].fields["mobil"].as_str()),
                (1, 3, "2"),
                "{above:?}"
            );
        }
    }

    #[test]
    fn names_are_made_of_their_parts() {
        let sheet = sheet("Förnamn;Efternamn;Förening;E-post\nÅsa;Ek;;a@example.se\n;;Byalaget;b@example.se");
        let names: Vec<String> = sheet.rows().map(|row| row.unwrap().name).collect();
        assert_eq!(names, ["Åsa Ek", "Byalaget"]);
    }

    #[test]
    fn control_characters_do_not_pass() {
        let sheet = sheet("Namn;E-post\n\"Eva\r\nBcc: x@example.se\";eva@example.se\n");
        assert_eq!(sheet.rows().next().unwrap().unwrap().name, "Eva Bcc: x@example.se");
    }
}
