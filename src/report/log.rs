//! Logs as JSON Lines: one event a line, appended whole.

use std::fs::{File, OpenOptions};
use std::io::{BufRead, BufReader, Write};
use std::path::{Path, PathBuf};

use serde::Serialize;
use serde_json::Value;

/// A log that is being written.
#[derive(Debug)]
pub struct JsonLines {
    path: PathBuf,
    file: File,
}

/// Why a log can't be used.
#[derive(Debug, thiserror::Error)]
#[error("the log `{path}`: {source}")]
pub struct LogError {
    pub path: PathBuf,
    pub source: std::io::Error,
}

impl JsonLines {
    /// Opens a log for appending, made where needed.
    ///
    /// # Errors
    /// When the file can't be opened.
    pub fn open(path: &Path) -> Result<Self, LogError> {
        let failed = |source| LogError { path: path.to_owned(), source };
        if let Some(dir) = path.parent() {
            std::fs::create_dir_all(dir).map_err(failed)?;
        }
        let file = OpenOptions::new().create(true).append(true).open(path).map_err(failed)?;
        Ok(Self { path: path.to_owned(), file })
    }

    /// Appends one event in one write, so that lines of two processes never mix.
    ///
    /// # Errors
    /// When the line can't be written.
    pub fn add(&mut self, event: &impl Serialize) -> Result<(), LogError> {
        let failed = |source| LogError { path: self.path.clone(), source };
        let mut line = serde_json::to_vec(event).map_err(|error| failed(error.into()))?;
        line.push(b'\n');
        self.file.write_all(&line).map_err(failed)
    }

    /// Hands every whole event of a log to `each`; a log that does not exist has none.
    ///
    /// # Errors
    /// When the file can't be read.
    pub fn read(path: &Path, mut each: impl FnMut(Value)) -> Result<(), LogError> {
        let failed = |source| LogError { path: path.to_owned(), source };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(source) => return Err(failed(source)),
        };
        for line in BufReader::new(file).lines() {
            // A power cut can leave half a line.
            if let Ok(event) = serde_json::from_str(&line.map_err(failed)?) {
                each(event);
            }
        }
        Ok(())
    }
}
