//! The member list: from a file's bytes to checked rows.
//!
//! [`Sheet::open`] reads a file and finds its encoding, delimiter and columns; [`Sheet::rows`] gives its rows one by
//! one; [`Plan::make`] finds doubles and bad rows. What the rows change in the register is the ledger's matter.

mod columns;
mod decode;
mod plan;
mod rows;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use crate::domain::Excerpt;

pub use columns::Columns;
pub use decode::encoding_for;
pub use plan::{Double, Plan};
pub use rows::{BadRow, Row, Rows};

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
    pub encoding: &'static encoding_rs::Encoding,
    pub delimiter: u8,
    pub columns: Columns,
    text: String,
}

/// Why a member list can't be read at all.
#[derive(Debug, thiserror::Error)]
pub enum ImportError {
    #[error("can't read the member list `{path}`: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("`{path}` is a spreadsheet, not CSV: save it as CSV in Excel or LibreOffice")]
    Spreadsheet { path: PathBuf },
    #[error("`{path}` is not text in {encoding}: byte {offset} can't be read")]
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
    /// When it can't be read, decoded, or has no column for names or addresses.
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
            return Err(ImportError::Spreadsheet { path: path.to_owned() });
        }
        let (text, encoding) = decode::decode(path, bytes, options.encoding)?;
        if text.trim().is_empty() {
            return Err(ImportError::Empty { path: path.to_owned() });
        }
        let delimiter = options.delimiter.unwrap_or_else(|| decode::delimiter(&text));
        let columns = Columns::find(path, &text, delimiter, &options.columns)?;
        Ok(Self { path: path.to_owned(), encoding, delimiter, columns, text })
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

    /// The delimiter's name for messages.
    pub fn delimiter_name(&self) -> String {
        match self.delimiter {
            b';' => "semicolon".to_owned(),
            b',' => "comma".to_owned(),
            b'\t' => "tab".to_owned(),
            other => format!("`{}`", char::from(other)),
        }
    }
}
