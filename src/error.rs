//! Errors for the user: what is wrong, where, what to do, and the exit code.

mod sources;

use std::path::Path;
use std::{fmt, io};

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};
use serde::Serialize;

use crate::diagnosis::login_advice;
use crate::domain::Excerpt;
use crate::net::ServerError;

/// The width of the line numbers and rule before each line of an excerpt.
const MARGIN: usize = 8;

/// The kind of an error, which decides the exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum ErrorKind {
    /// The user answered "no", which is not a failure.
    Cancelled,
    Usage,
    Data,
    TryAgain,
    Config,
}

/// How a command ended.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Exit {
    /// Done, or nothing was due.
    Done,
    /// Done, but some letters were rejected or are in doubt.
    Partly,
    Failed(ErrorKind),
}

/// An error that ends the program.
#[derive(Debug)]
pub struct Error {
    kind: ErrorKind,
    message: String,
    hint: Option<String>,
    excerpt: Option<Box<Excerpt>>,
    /// The errors that caused it, outermost first.
    causes: Vec<String>,
}

/// An error in the document that `--json` prints.
#[derive(Debug, Serialize)]
pub struct ErrorDocument<'a> {
    pub kind: ErrorKind,
    pub message: &'a str,
    pub hint: Option<&'a str>,
    pub file: Option<&'a Path>,
    /// Counted from 1.
    pub line: Option<usize>,
    pub causes: &'a [String],
}

/// An error for rendering, with its excerpt cut to the width.
#[derive(Debug)]
struct DrawnError<'a> {
    error: &'a Error,
    shown: Option<ShownExcerpt>,
}

#[derive(Debug)]
struct ShownExcerpt {
    source: NamedSource<String>,
    label: LabeledSpan,
}

impl ErrorKind {
    /// The exit code, from `sysexits.h` if there is a suitable one.
    pub fn exit_code(self) -> u8 {
        match self {
            Self::Cancelled => 0,
            Self::Usage => 2,
            Self::Data => 65,
            Self::TryAgain => 75,
            Self::Config => 78,
        }
    }
}

impl Exit {
    /// The process's exit code.
    pub fn code(self) -> u8 {
        match self {
            Self::Done => 0,
            Self::Partly => 1,
            Self::Failed(kind) => kind.exit_code(),
        }
    }
}

impl Error {
    /// The user answered "no" to a question.
    pub fn cancelled() -> Self {
        Self::new(ErrorKind::Cancelled, "Cancelled.")
    }

    /// An error with its message.
    pub fn new(kind: ErrorKind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, excerpt: None, causes: Vec::new() }
    }

    /// Wraps a module's own error, with the errors that caused it.
    pub fn of(kind: ErrorKind, error: &dyn std::error::Error) -> Self {
        let below = std::iter::successors(error.source(), |cause| cause.source());
        Self { causes: below.map(ToString::to_string).collect(), ..Self::new(kind, error.to_string()) }
    }

    /// The error for a file that cannot be read.
    pub fn unreadable(path: &Path, error: &io::Error) -> Self {
        Self::new(ErrorKind::Data, format!("cannot read `{}`: {error}", path.display()))
    }

    /// The hint on what to do.
    pub fn advice(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// The kind of the error.
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// The error for a file that cannot be deleted.
    pub fn undeletable(path: &Path, error: &io::Error) -> Self {
        Self::new(ErrorKind::TryAgain, format!("cannot delete `{}`: {error}", path.display()))
    }

    /// The error for a server that cannot be reached; `table` is its table in the configuration.
    pub fn of_server(error: &ServerError, table: &str) -> Self {
        let kind = if error.is_temporary() { ErrorKind::TryAgain } else { ErrorKind::Config };
        let words = Self::of(kind, &error);
        match error {
            ServerError::Login { reply, .. } => words.hint(login_advice(reply).map_or_else(
                || format!("check username and password in [{table}]"),
                str::to_owned,
            )),
            ServerError::TimedOut { server, .. } if server.ends_with(":465") => words.hint(format!(
                "port 465 uses TLS from the first byte: set security = \"tls\" in [{table}]"
            )),
            ServerError::NoStarttls { .. } => words.hint(format!(
                "not sent: the connection would not be encrypted; set security = \"tls\" in [{table}], or \"none\" for a server on this machine"
            )),
            ServerError::Connect { .. } => {
                words.hint(format!("check host and port in [{table}], then run again to resume"))
            }
            _ => words,
        }
    }

    /// Adds a hint on what to do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Marks a place in a text that is not a file, such as an argument.
    #[must_use]
    pub fn at(self, name: &str, text: &str, span: std::ops::Range<usize>) -> Self {
        self.excerpt(Excerpt::new(std::path::Path::new(name), text, span))
    }

    fn excerpt(mut self, excerpt: Excerpt) -> Self {
        let Excerpt { path, mut text, mut span } = excerpt;
        if span.start >= text.len() {
            // A mark needs a character above it.
            span = text.len()..text.len() + 1;
            text.push(' ');
        }
        self.excerpt = Some(Box::new(Excerpt { path, text, span }));
        self
    }

    /// Tells whether the user cancelled the command.
    pub fn is_cancelled(&self) -> bool {
        self.kind == ErrorKind::Cancelled
    }

    /// The exit code.
    pub fn exit_code(&self) -> u8 {
        self.kind.exit_code()
    }

    /// The causes, outermost first, one per line; empty if there are none.
    pub fn causes(&self) -> String {
        self.causes.iter().fold(String::new(), |text, cause| text + "caused by: " + cause + "\n")
    }

    /// The error for `--json`.
    pub fn document(&self) -> ErrorDocument<'_> {
        let excerpt = self.excerpt.as_deref();
        let line = |excerpt: &Excerpt| {
            let before = excerpt.text.get(..excerpt.span.start).unwrap_or(&excerpt.text);
            before.matches('\n').count() + 1
        };
        ErrorDocument {
            kind: self.kind,
            message: &self.message,
            hint: self.hint.as_deref(),
            file: excerpt.map(|excerpt| excerpt.path.as_path()),
            line: excerpt.map(line),
            causes: &self.causes,
        }
    }

    /// The printed error: message, excerpt of the file, hint.
    pub fn render(&self, color: bool, width: usize) -> String {
        let theme = if color { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        let handler = GraphicalReportHandler::new_themed(theme).with_width(width).with_links(false);
        let mut text = String::new();
        let shown = self.excerpt.as_ref().map(|excerpt| {
            let Excerpt { path, text, span } = excerpt.cut(width.saturating_sub(MARGIN).max(MARGIN));
            ShownExcerpt {
                source: NamedSource::new(path.display().to_string(), text),
                label: LabeledSpan::new_with_span(Some("here".to_owned()), span),
            }
        });
        match handler.render_report(&mut text, &DrawnError { error: self, shown }) {
            Ok(()) => text,
            Err(_) => format!("{self}\n"),
        }
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.message)
    }
}

impl std::error::Error for Error {}

impl fmt::Display for DrawnError<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for DrawnError<'_> {}

impl miette::Diagnostic for DrawnError<'_> {
    fn help<'a>(&'a self) -> Option<Box<dyn fmt::Display + 'a>> {
        self.error.hint.as_ref().map(|hint| Box::new(hint) as Box<dyn fmt::Display>)
    }

    fn source_code(&self) -> Option<&dyn SourceCode> {
        self.shown.as_ref().map(|shown| &shown.source as &dyn SourceCode)
    }

    fn labels(&self) -> Option<Box<dyn Iterator<Item = LabeledSpan> + '_>> {
        let shown = self.shown.as_ref()?;
        Some(Box::new(std::iter::once(shown.label.clone())))
    }
}
