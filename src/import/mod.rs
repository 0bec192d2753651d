//! The member list: from a file's bytes to checked rows.
//!
//! [`Sheet::open`] reads a file and detects its encoding, delimiter and columns; [`Sheet::rows`] returns its rows one
//! by one; [`Plan::make`] finds duplicates and invalid rows. The ledger applies the rows to the register.

mod cells;
mod columns;
mod decode;
mod encoding;
mod header;
mod html_table;
mod personal;
mod plan;
mod remark;
mod rows;
#[cfg(feature = "spreadsheets")]
mod spreadsheet;
mod status;
mod text;
mod window;

use std::fs::File;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::domain::{Excerpt, ListedMember, Member, MemberId, Remark, Segment};

use header::HeaderPlace;
use text::{CHUNK, ListText};

pub use columns::{Columns, Wanted};
pub use encoding::{TextEncoding, encoding_for};
pub use plan::{Duplicate, Plan};
pub use rows::Rows;

/// How to read a file; `None` means: detect it.
#[derive(Debug, Clone, Default)]
pub struct Options {
    pub encoding: Option<TextEncoding>,
    pub delimiter: Option<u8>,
    /// The configuration of the columns.
    pub wanted: Wanted,
    /// Only rows that match this expression are members.
    pub only: Option<Segment>,
}

/// A member list, with what was detected in it.
#[derive(Debug)]
pub struct Sheet {
    pub path: PathBuf,
    pub format: Format,
    pub columns: Columns,
    /// Remarks about the file as a whole: choices and repairs.
    pub remarks: Vec<Remark>,
    place: HeaderPlace,
    only: Option<Segment>,
    text: ListText,
}

/// The file format of a member list.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Csv {
        encoding: &'static str,
        delimiter: String,
    },
    /// A spreadsheet, read from the sheet with this name.
    Spreadsheet {
        sheet: String,
    },
}

/// Why a member list cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("cannot read the member list `{path}`: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("cannot copy the member list `{path}` into a temporary file: {source}")]
    Copy { path: PathBuf, source: std::io::Error },
    #[error("the member list `{path}` was changed while it was read")]
    Changed { path: PathBuf },
    #[error("cannot read the spreadsheet `{path}`: {reason}")]
    Spreadsheet { path: PathBuf, reason: String },
    #[error("`{path}` is not text in {encoding}: invalid at byte {offset}")]
    Encoding { path: PathBuf, encoding: &'static str, offset: usize },
    #[error("`{label}` is not the name of an encoding, such as windows-1252, utf-8 or macintosh")]
    UnknownEncoding { label: String },
    #[error("`{path}` is empty")]
    Empty { path: PathBuf },
    #[error("`{path}` line {line}: {message}", path = excerpt.path.display())]
    Header { line: u64, message: String, excerpt: Excerpt },
    #[error(
        "`{path}` line {line}: no column contains e-mail addresses (such as `E-post` or `Email`)",
        path = excerpt.path.display()
    )]
    NoAddresses {
        line: u64,
        /// Whether the row has several cells, as headers have.
        has_other: bool,
        excerpt: Box<Excerpt>,
    },
}

impl Sheet {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// If it cannot be read, decoded, or has no column for names or addresses.
    pub fn open(path: &Path, options: &Options) -> Result<Self, ImportError> {
        let unreadable = |source| ImportError::Read { path: path.to_owned(), source };
        let file = File::open(path).map_err(unreadable)?;
        let before = file.metadata().map_err(unreadable)?;
        let bytes = ListText::read(path, &file)?;
        let after = file.metadata().map_err(unreadable)?;
        let is_same = before.len() == after.len() && before.modified().ok() == after.modified().ok();
        // A pipe changes with each byte.
        if before.is_file() && !is_same {
            return Err(ImportError::Changed { path: path.to_owned() });
        }
        Self::from_text(path, bytes, options)
    }

    /// Reads `bytes`, the content of `path`.
    ///
    /// # Errors
    /// Like [`Sheet::open`].
    pub fn from_bytes(path: &Path, bytes: Vec<u8>, options: &Options) -> Result<Self, ImportError> {
        Self::from_text(path, bytes.into(), options)
    }

    fn from_text(path: &Path, bytes: ListText, options: &Options) -> Result<Self, ImportError> {
        let unreadable = |source| ImportError::Read { path: path.to_owned(), source };
        let head = bytes.head(4).map_err(unreadable)?;
        if head == b"PK\x03\x04" || head == b"\xD0\xCF\x11\xE0" {
            return Self::from_spreadsheet(path, bytes.into_bytes().map_err(unreadable)?, options);
        }
        let decoded = decode::decode(path, bytes, options.encoding, CHUNK)?;
        if decoded.is_blank {
            return Err(ImportError::Empty { path: path.to_owned() });
        }
        let repaired = decoded.repaired;
        let (text, page) = html_table::in_page(decoded.text).map_err(unreadable)?;
        let delimiter =
            if page == html_table::ListPage::Read { Some(html_table::DELIMITER) } else { options.delimiter };
        let place = header::find(&text, delimiter, &options.wanted);
        let format = if page == html_table::ListPage::No {
            Format::Csv { encoding: decoded.encoding.name(), delimiter: delimiter_name(place.delimiter) }
        } else {
            Format::Spreadsheet { sheet: "the table of an HTML page".to_owned() }
        };
        let mut sheet = Self::new(path, text, format, place, options)?;
        if repaired > 0 {
            let places = if repaired == 1 { "place".to_owned() } else { format!("{repaired} places") };
            sheet.remark(format!("was encoded twice (`Ã¥` for `å`): repaired in {places}"));
        }
        Ok(sheet)
    }

    fn new(
        path: &Path,
        text: ListText,
        format: Format,
        place: HeaderPlace,
        options: &Options,
    ) -> Result<Self, ImportError> {
        let columns = Columns::find(path, &text, place, &options.wanted)?;
        let only = options.only.clone();
        let mut sheet =
            Self { path: path.to_owned(), format, columns, remarks: Vec::new(), place, only, text };
        if place.titles > 0 {
            let line = sheet.columns.header_line;
            sheet.remark(format!("the header is on line {line}; the titles above it are skipped"));
        }
        sheet.drop_personal_numbers(&options.wanted);
        for (column, message) in std::mem::take(&mut sheet.columns.remarks) {
            let line = sheet.columns.header_line;
            sheet.remarks.push(Remark { line, column, value: String::new(), message });
        }
        Ok(sheet)
    }

    fn remark(&mut self, message: String) {
        let line = self.columns.header_line;
        self.remarks.push(Remark { line, column: String::new(), value: String::new(), message });
    }

    /// Drops columns that hold personal identity numbers, whatever their headers say; known fields stay.
    fn drop_personal_numbers(&mut self, wanted: &Wanted) {
        let mut suspicions = vec![personal::Suspicion::default(); self.columns.len()];
        self.rows().look_at(personal::LOOKED_AT, |position, cell| {
            suspicions.get_mut(position).into_iter().for_each(|suspicion| suspicion.add(cell));
        });
        for (position, _) in suspicions.into_iter().enumerate().filter(|(_, suspicion)| suspicion.holds()) {
            let Some(column) = self.columns.iter().nth(position).cloned() else { continue };
            let is_known =
                column.field.as_deref().is_none_or(|name| crate::domain::field::KNOWN.contains(&name));
            if wanted.is_kept(&column.header) || column.field.is_none() {
                continue;
            }
            if is_known || is_telephone(&column.header) {
                let message = "looks like personal identity numbers".to_owned();
                let line = self.columns.header_line;
                self.remarks.push(Remark { line, column: column.header, value: String::new(), message });
            } else {
                let why = "is not stored: it looks like personal identity numbers (name it in `keep` in [members] to store it)";
                self.columns.drop_column(position, why);
            }
        }
    }

    #[cfg(feature = "spreadsheets")]
    fn from_spreadsheet(path: &Path, bytes: Vec<u8>, options: &Options) -> Result<Self, ImportError> {
        let (text, sheet) = spreadsheet::text(path, bytes)?;
        let text = ListText::from(text.into_bytes());
        let place = header::find(&text, Some(spreadsheet::DELIMITER), &options.wanted);
        Self::new(path, text, Format::Spreadsheet { sheet }, place, options)
    }

    #[cfg(not(feature = "spreadsheets"))]
    fn from_spreadsheet(path: &Path, _: Vec<u8>, _: &Options) -> Result<Self, ImportError> {
        let reason =
            "this program was built without the feature `spreadsheets`: save the list as CSV".to_owned();
        Err(ImportError::Spreadsheet { path: path.to_owned(), reason })
    }

    /// Tells whether the configuration counts a row as a member.
    pub(super) fn is_member(&self, row: &mut ListedMember) -> bool {
        let Some(only) = &self.only else { return true };
        let member = Member {
            id: MemberId(0),
            number: row.number.take(),
            name: std::mem::take(&mut row.name),
            address: row.address.take(),
            fields: std::mem::take(&mut row.fields),
        };
        let is_member = only.matches(&member);
        let Member { number, name, address, fields, .. } = member;
        *row = ListedMember { number, name, address, fields, ..std::mem::take(row) };
        is_member
    }

    /// The rows below the header.
    pub fn rows(&self) -> Rows<'_> {
        Rows::new(&self.text, self.place, &self.columns)
    }

    /// Makes sure that the rows given so far were all there are: a large list's text is read back from a file.
    ///
    /// # Errors
    /// If it could not be read back.
    pub fn check_read(&self) -> Result<(), ImportError> {
        let failed = |source| ImportError::Read { path: self.path.clone(), source };
        self.text.failure().map_or(Ok(()), |source| Err(failed(source)))
    }

    /// Up to two names with letters outside ASCII, which show a person that the encoding is right.
    pub fn sample_names(&self) -> Vec<String> {
        let names = self.rows().filter_map(Result::ok).map(|row| row.name);
        names.filter(|name| !name.is_ascii()).take(2).collect()
    }
}

impl std::fmt::Display for Format {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        match self {
            Self::Csv { encoding, delimiter } => write!(f, "{encoding}, {delimiter}-separated"),
            Self::Spreadsheet { sheet } => write!(f, "the sheet `{sheet}`"),
        }
    }
}

fn is_telephone(header: &str) -> bool {
    let header = header.to_lowercase();
    ["tel", "mobil", "phone", "org"].iter().any(|word| header.contains(word))
}

/// The delimiter's name in messages.
fn delimiter_name(delimiter: u8) -> String {
    match delimiter {
        b';' => "semicolon".to_owned(),
        b',' => "comma".to_owned(),
        b'\t' => "tab".to_owned(),
        other => format!("`{}`", char::from(other)),
    }
}
