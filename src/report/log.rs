//! Logs as JSON Lines: one event a line, appended whole.

use crate::private;
use std::fs::File;
use std::io::{BufRead, BufReader, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

/// A log that is being written.
#[derive(Debug)]
pub struct JsonLines {
    path: PathBuf,
    file: File,
}

/// Why a log cannot be used.
#[derive(Debug, thiserror::Error)]
#[error("the log `{path}`: {source}")]
pub struct LogError {
    pub path: PathBuf,
    pub source: std::io::Error,
}

impl JsonLines {
    /// Opens a log for appending, created if missing.
    ///
    /// # Errors
    /// If the file cannot be opened.
    pub fn open(path: &Path) -> Result<Self, LogError> {
        let failed = |source| LogError { path: path.to_owned(), source };
        if let Some(dir) = path.parent() {
            private::create_folder(dir).map_err(failed)?;
        }
        let mut file = private::append_to(path).map_err(failed)?;
        if !ends_a_line(&mut file).map_err(failed)? {
            file.write_all(b"\n").map_err(failed)?;
        }
        Ok(Self { path: path.to_owned(), file })
    }

    /// Appends one event in one write, so that lines of two processes never mix.
    ///
    /// # Errors
    /// If the line cannot be written.
    pub fn add(&mut self, event: &impl Serialize) -> Result<(), LogError> {
        let failed = |source| LogError { path: self.path.clone(), source };
        let mut line = serde_json::to_vec(event).map_err(|error| failed(error.into()))?;
        line.push(b'\n');
        self.file.write_all(&line).map_err(failed)
    }

    /// Rewrites a log without the events before `before`; returns how many went. All of it or nothing.
    ///
    /// # Errors
    /// If the log cannot be read or written again.
    pub fn prune(path: &Path, before: Timestamp) -> Result<u64, LogError> {
        Self::keep_only(path, |event| {
            let time =
                event.get("time").and_then(Value::as_str).and_then(|time| time.parse::<Timestamp>().ok());
            time.is_none_or(|time| time >= before)
        })
    }

    /// Rewrites a log without the events of a member or its address; returns how many went.
    ///
    /// # Errors
    /// If the log cannot be read or written again.
    pub fn forget(path: &Path, member: i64, address: Option<&str>) -> Result<u64, LogError> {
        let key = address.map(str::to_lowercase);
        Self::keep_only(path, |event| {
            let written = event.get("address").and_then(Value::as_str).map(str::to_lowercase);
            let is_address = written.is_some() && written == key;
            event.get("member").and_then(Value::as_i64) != Some(member) && !is_address
        })
    }

    fn keep_only(path: &Path, keeps: impl Fn(&Value) -> bool) -> Result<u64, LogError> {
        let failed = |source| LogError { path: path.to_owned(), source };
        let dir = path.parent().unwrap_or_else(|| Path::new("."));
        if !path.exists() {
            return Ok(0);
        }
        let mut kept = tempfile::NamedTempFile::new_in(dir).map_err(failed)?;
        let mut gone = 0;
        for line in BufReader::new(File::open(path).map_err(failed)?).lines() {
            let line = line.map_err(failed)?;
            if serde_json::from_str(&line).is_ok_and(|event| !keeps(&event)) {
                gone += 1;
            } else {
                writeln!(kept, "{line}").map_err(failed)?;
            }
        }
        kept.as_file().sync_all().map_err(failed)?;
        kept.persist(path).map_err(|error| failed(error.error))?;
        Ok(gone)
    }

    /// Hands every whole event of a log to `each`; a log that does not exist has none.
    ///
    /// # Errors
    /// If the file cannot be read.
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

/// Tells whether the next event starts on a line of its own; after a power cut half a line may precede it.
fn ends_a_line(file: &mut File) -> std::io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}
