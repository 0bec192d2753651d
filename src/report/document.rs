//! The one JSON document that a command prints with `--json`.

use std::io::{self, Write};
use std::sync::{Mutex, MutexGuard, PoisonError};

use serde::Serialize;
use serde_json::value::RawValue;

use super::output;

/// The result of the command so far; there is one stdout per process, and so one document.
static KEPT: Mutex<Kept> = Mutex::new(Kept { result: None, text: String::new(), is_printed: false });

#[derive(Debug)]
struct Kept {
    result: Option<Box<RawValue>>,
    text: String,
    /// Whether the document has been printed.
    is_printed: bool,
}

/// The document: the command's result, its error, or both (for a check that found errors).
#[derive(Debug, Serialize)]
pub struct JsonDocument<E> {
    /// The command as typed, such as `members list`.
    pub command: String,
    pub exit_code: u8,
    /// The command's result; null if it has none.
    pub result: Option<Box<RawValue>>,
    pub error: Option<E>,
}

/// The result of a command that only prints a text, such as a completion script.
#[derive(Debug, Serialize)]
struct Text<'a> {
    text: &'a str,
}

impl<E: Serialize> JsonDocument<E> {
    /// The document of a command that has ended, with its result.
    pub fn new(command: String, exit_code: u8, error: Option<E>) -> Self {
        let mut kept = kept();
        let text = std::mem::take(&mut kept.text);
        let text = Some(text).filter(|text| !text.is_empty());
        let result = kept.result.take().or_else(|| text.and_then(|text| raw(&Text { text: &text })));
        Self { command, exit_code, result, error }
    }

    /// Prints the document on standard output, indented, unless the command has printed it already.
    pub fn print(&self) {
        if std::mem::replace(&mut kept().is_printed, true) {
            return;
        }
        let mut stdout = io::stdout().lock();
        let written = serde_json::to_writer_pretty(&mut stdout, self).map_err(io::Error::from);
        output::written(written.and_then(|()| writeln!(stdout)));
    }
}

/// Stores the command's result for the document.
pub(super) fn keep(value: &impl Serialize) {
    kept().result = raw(value);
}

/// Stores a text, which is the document's result if the command has no other.
pub(super) fn keep_text(text: &str) {
    kept().text.push_str(text);
}

fn kept() -> MutexGuard<'static, Kept> {
    KEPT.lock().unwrap_or_else(PoisonError::into_inner)
}

/// `None` only for values that JSON cannot represent, such as maps with keys that are not strings.
fn raw(value: &impl Serialize) -> Option<Box<RawValue>> {
    serde_json::to_string_pretty(value).ok().and_then(|text| RawValue::from_string(text).ok())
}
