//! The member list: from a file's bytes to checked rows.
//!
//! [`Sheet::open`] reads a file and finds its encoding, delimiter and columns; [`Sheet::rows`] returns its rows one by
//! one; [`Plan::make`] finds duplicates and invalid rows. What the rows change in the register is the ledger's matter.

mod columns;
mod decode;
mod plan;
mod remark;
mod rows;
#[cfg(feature = "spreadsheets")]
mod spreadsheet;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde::Serialize;

use crate::domain::Excerpt;

pub use columns::Columns;
pub use decode::encoding_for;
pub use plan::{Duplicate, Plan};
pub use rows::Rows;

/// How a file is to be read; what is left out is found.
#[derive(Debug, Clone, Default)]
pub struct Options {
    /// WHATWG label of an encoding, such as `windows-1252` or `macintosh`.
    pub encoding: Option<&'static encoding_rs::Encoding>,
    pub delimiter: Option<u8>,
    /// Field → header, before the aliases.
    pub columns: BTreeMap<String, String>,
}

/// A member list in memory, with what was found out about it.
#[derive(Debug)]
pub struct Sheet {
    pub path: PathBuf,
    pub format: Format,
    pub columns: Columns,
    delimiter: u8,
    text: String,
}

/// How a member list is written.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum Format {
    Csv {
        encoding: &'static str,
        delimiter: String,
    },
    /// The sheet of a spreadsheet with this name.
    Spreadsheet {
        sheet: String,
    },
}

/// Why a member list cannot be read at all.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("cannot read the member list `{path}`: {source}")]
    Read { path: PathBuf, source: std::io::Error },
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
}

impl Sheet {
    /// Reads the file at `path`.
    ///
    /// # Errors
    /// If it cannot be read, decoded, or has no column for names or addresses.
    pub fn open(path: &Path, options: &Options) -> Result<Self, ImportError> {
        let bytes =
            std::fs::read(path).map_err(|source| ImportError::Read { path: path.to_owned(), source })?;
        Self::from_bytes(path, bytes, options)
    }

    /// Reads `bytes`, the content of `path`.
    ///
    /// # Errors
    /// As [`Sheet::open`].
    pub fn from_bytes(path: &Path, bytes: Vec<u8>, options: &Options) -> Result<Self, ImportError> {
        if bytes.starts_with(b"PK\x03\x04") || bytes.starts_with(b"\xD0\xCF\x11\xE0") {
            return Self::from_spreadsheet(path, bytes, options);
        }
        let (text, encoding) = decode::decode(path, bytes, options.encoding)?;
        if text.trim().is_empty() {
            return Err(ImportError::Empty { path: path.to_owned() });
        }
        let delimiter = options.delimiter.unwrap_or_else(|| decode::delimiter(&text));
        let columns = Columns::find(path, &text, delimiter, &options.columns)?;
        let format = Format::Csv { encoding: encoding.name(), delimiter: delimiter_name(delimiter) };
        Ok(Self { path: path.to_owned(), format, columns, delimiter, text })
    }

    #[cfg(feature = "spreadsheets")]
    fn from_spreadsheet(path: &Path, bytes: Vec<u8>, options: &Options) -> Result<Self, ImportError> {
        let (text, sheet) = spreadsheet::text(path, bytes)?;
        let delimiter = spreadsheet::DELIMITER;
        let columns = Columns::find(path, &text, delimiter, &options.columns)?;
        Ok(Self { path: path.to_owned(), format: Format::Spreadsheet { sheet }, columns, delimiter, text })
    }

    #[cfg(not(feature = "spreadsheets"))]
    fn from_spreadsheet(path: &Path, _: Vec<u8>, _: &Options) -> Result<Self, ImportError> {
        let reason =
            "this program was built without the feature `spreadsheets`: save the list as CSV".to_owned();
        Err(ImportError::Spreadsheet { path: path.to_owned(), reason })
    }

    /// The rows below the header.
    pub fn rows(&self) -> Rows<'_> {
        Rows::new(&self.text, self.delimiter, &self.columns)
    }

    /// Up to two names with letters outside ASCII, by which a person sees that the encoding is right.
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

/// The delimiter's name for messages.
fn delimiter_name(delimiter: u8) -> String {
    match delimiter {
        b';' => "semicolon".to_owned(),
        b',' => "comma".to_owned(),
        b'\t' => "tab".to_owned(),
        other => format!("`{}`", char::from(other)),
    }
}
