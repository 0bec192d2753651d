//! Logs as JSON Lines: one event per line, each appended in one write.

use std::fs::File;
use std::io::{BufRead, BufReader, BufWriter, Read, Seek, SeekFrom, Write};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;
use serde_json::Value;

use crate::domain::Traces;
use crate::private;

/// The prefix of logs that are being rewritten.
const UNFINISHED: &str = ".rewrite-";

/// A log to append to.
#[derive(Debug)]
pub struct JsonLines {
    path: PathBuf,
    file: File,
    /// Whether the last line may be incomplete because the disk was full.
    is_cut: bool,
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
        Ok(Self { path: path.to_owned(), file, is_cut: false })
    }

    /// Appends one event in one write, so that lines of two processes never mix.
    ///
    /// # Errors
    /// If the line cannot be written.
    pub fn add(&mut self, event: &impl Serialize) -> Result<(), LogError> {
        let failed = |source| LogError { path: self.path.clone(), source };
        let mut line = if self.is_cut { vec![b'\n'] } else { Vec::new() };
        serde_json::to_writer(&mut line, event).map_err(|error| failed(error.into()))?;
        line.push(b'\n');
        let written = self.file.write_all(&line);
        self.is_cut = written.is_err();
        written.map_err(failed)
    }

    /// Rewrites a log without the events before `before`; returns how many were deleted. All of it or nothing.
    ///
    /// # Errors
    /// If the log cannot be read or rewritten.
    pub fn prune(path: &Path, before: Timestamp) -> Result<u64, LogError> {
        Self::rewrite(path, |line| {
            let event: Value = serde_json::from_slice(line).unwrap_or_default();
            let time = event.get("time").and_then(Value::as_str);
            let time = time.and_then(|time| time.parse::<Timestamp>().ok());
            if time.is_none_or(|time| time >= before) { LineEdit::Stays } else { LineEdit::Goes }
        })
    }

    /// Rewrites a log without the events of a person, and without the person's addresses in other events; returns how
    /// many lines were deleted or changed. All of it or nothing.
    ///
    /// # Errors
    /// If the log cannot be read or rewritten.
    pub fn forget(path: &Path, traces: &Traces) -> Result<u64, LogError> {
        Self::rewrite(path, |line| {
            let text = String::from_utf8_lossy(line);
            match serde_json::from_str::<Value>(&text) {
                Ok(event) if is_about(&event, traces) => LineEdit::Goes,
                _ => traces
                    .redacted(&text)
                    .map_or(LineEdit::Stays, |text| LineEdit::Becomes(text.into_bytes())),
            }
        })
    }

    /// Calls `each` for every complete event of a person, and for every other event that contains one of the person's
    /// addresses.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn about(path: &Path, traces: &Traces, mut each: impl FnMut(Value)) -> Result<(), LogError> {
        Self::read(path, |event| {
            if is_about(&event, traces) || traces.are_in(&event.to_string()) {
                each(event);
            }
        })
    }

    /// Deletes unfinished files of killed rewrites in a folder of logs. Only for the holder of the project's lock.
    ///
    /// # Errors
    /// If a file cannot be deleted.
    pub fn clear_unfinished(dir: &Path) -> Result<(), LogError> {
        for entry in std::fs::read_dir(dir).into_iter().flatten().flatten() {
            let name = entry.file_name();
            let name = name.to_string_lossy();
            // Earlier versions used the second prefix.
            if name.starts_with(UNFINISHED) || name.starts_with(".tmp") {
                let path = entry.path();
                std::fs::remove_file(&path).map_err(|source| LogError { path, source })?;
            }
        }
        Ok(())
    }

    fn rewrite(path: &Path, judge: impl Fn(&[u8]) -> LineEdit) -> Result<u64, LogError> {
        let failed = |source| LogError { path: path.to_owned(), source };
        let dir = path.parent().unwrap_or_else(|| Path::new("."));
        if !path.exists() {
            return Ok(0);
        }
        let new = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(dir).map_err(failed)?;
        let mut kept = BufWriter::new(new);
        let mut changed = 0;
        for line in BufReader::new(File::open(path).map_err(failed)?).split(b'\n') {
            let line = line.map_err(failed)?;
            let line = match judge(&line) {
                LineEdit::Stays => line,
                LineEdit::Goes => {
                    changed += 1;
                    continue;
                }
                LineEdit::Becomes(line) => {
                    changed += 1;
                    line
                }
            };
            kept.write_all(&line).and_then(|()| kept.write_all(b"\n")).map_err(failed)?;
        }
        let kept = kept.into_inner().map_err(|error| failed(error.into_error()))?;
        kept.as_file().sync_all().map_err(failed)?;
        kept.persist(path).map_err(|error| failed(error.error))?;
        Ok(changed)
    }

    /// Calls `each` for every complete event of a log; a missing log has none.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn read(path: &Path, mut each: impl FnMut(Value)) -> Result<(), LogError> {
        Self::lines(path, |line| {
            // A power cut can leave half a line, or half a character.
            if let Ok(event) = serde_json::from_slice(line) {
                each(event);
            }
        })
    }

    /// Calls `each` for every line of a log, without its line end; a missing log has none.
    ///
    /// # Errors
    /// If the file cannot be read.
    pub fn lines(path: &Path, mut each: impl FnMut(&[u8])) -> Result<(), LogError> {
        let failed = |source| LogError { path: path.to_owned(), source };
        let file = match File::open(path) {
            Ok(file) => file,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => return Ok(()),
            Err(source) => return Err(failed(source)),
        };
        for line in BufReader::new(file).split(b'\n') {
            each(&line.map_err(failed)?);
        }
        Ok(())
    }
}

/// What to do with a line when a log is rewritten.
enum LineEdit {
    Stays,
    Goes,
    Becomes(Vec<u8>),
}

/// Tells whether an event is about the person, by number or address; logs of older versions use the same names.
fn is_about(event: &Value, traces: &Traces) -> bool {
    let member = event.get("member").and_then(Value::as_i64);
    let address = ["address", "email"].iter().find_map(|name| event.get(name)).and_then(Value::as_str);
    member == Some(traces.member.0) || address.is_some_and(|address| traces.has(address))
}

/// Tells whether the next event starts on a new line; after a power cut, half a line may precede it.
fn ends_a_line(file: &mut File) -> std::io::Result<bool> {
    if file.metadata()?.len() == 0 {
        return Ok(true);
    }
    let mut last = [0];
    file.seek(SeekFrom::End(-1))?;
    file.read_exact(&mut last)?;
    Ok(last == *b"\n")
}
