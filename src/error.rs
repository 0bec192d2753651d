//! Errors as the user meets them: what is wrong, where, what to do, and the exit code.

use std::path::Path;
use std::{fmt, io};

use miette::{GraphicalReportHandler, GraphicalTheme, LabeledSpan, NamedSource, SourceCode};
use serde::Serialize;

use crate::compose::ComposeError;
use crate::config::{ConfigError, PasswordError};
use crate::diagnosis::{About, about, login_advice};
use crate::domain::Excerpt;
use crate::import::ImportError;
use crate::ledger::{LedgerError, LockError};
use crate::mailbox::FindError;
#[cfg(feature = "imap")]
use crate::mailbox::{DONE, ImapError};
use crate::net::ServerError;
#[cfg(feature = "browser")]
use crate::preview::browser::{PageError, WatchError};
use crate::publish::PublishError;
use crate::relay::RelayError;
use crate::report::LogError;
use crate::send::SendError;

/// What precedes the lines of an excerpt: their numbers and a rule.
const MARGIN: usize = 8;

/// What kind of trouble it is; each has its exit code.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "kebab-case")]
pub enum Kind {
    /// The user answered "no": not a failure.
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
    Failed(Kind),
}

/// An error that ends the program.
#[derive(Debug)]
pub struct Error {
    kind: Kind,
    message: String,
    hint: Option<String>,
    excerpt: Option<Box<Excerpt>>,
    /// The errors that caused it, outermost first.
    causes: Vec<String>,
}

/// An error in the document that `--json` prints.
#[derive(Debug, Serialize)]
pub struct ErrorDocument<'a> {
    pub kind: Kind,
    pub message: &'a str,
    pub hint: Option<&'a str>,
    pub file: Option<&'a Path>,
    /// Counted from 1.
    pub line: Option<usize>,
    pub causes: &'a [String],
}

/// An error as it is drawn, with its excerpt cut to the width.
#[derive(Debug)]
struct Drawn<'a> {
    error: &'a Error,
    shown: Option<Shown>,
}

#[derive(Debug)]
struct Shown {
    source: NamedSource<String>,
    label: LabeledSpan,
}

impl Kind {
    /// The exit code, after `sysexits.h` if it has one.
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
    /// The user's "no" to a question.
    pub fn cancelled() -> Self {
        Self::new(Kind::Cancelled, "Cancelled.")
    }

    /// An error with its words.
    pub fn new(kind: Kind, message: impl Into<String>) -> Self {
        Self { kind, message: message.into(), hint: None, excerpt: None, causes: Vec::new() }
    }

    /// An error with the text of a module's own error, and of the errors below that one.
    pub fn of(kind: Kind, error: &dyn std::error::Error) -> Self {
        let below = std::iter::successors(error.source(), |cause| cause.source());
        Self { causes: below.map(ToString::to_string).collect(), ..Self::new(kind, error.to_string()) }
    }

    /// A file that cannot be read.
    pub fn unreadable(path: &Path, error: &io::Error) -> Self {
        Self::new(Kind::Data, format!("cannot read `{}`: {error}", path.display()))
    }

    /// What the user can do.
    pub fn advice(&self) -> Option<&str> {
        self.hint.as_deref()
    }

    /// What kind of error it is.
    pub fn kind(&self) -> Kind {
        self.kind
    }

    /// A file that cannot be deleted.
    pub fn undeletable(path: &Path, error: &io::Error) -> Self {
        Self::new(Kind::TryAgain, format!("cannot delete `{}`: {error}", path.display()))
    }

    /// A server that cannot be reached; `table` of the configuration names it.
    pub fn of_server(error: &ServerError, table: &str) -> Self {
        let kind = if error.is_temporary() { Kind::TryAgain } else { Kind::Config };
        let words = Self::of(kind, &error);
        match error {
            ServerError::Login { reply, .. } => words.hint(login_advice(reply).map_or_else(
                || format!("check username and password in [{table}]"),
                str::to_owned,
            )),
            ServerError::TimedOut { server, .. } if server.ends_with(":465") => words.hint(format!(
                "port 465 speaks TLS from the start: set security = \"tls\" in [{table}]"
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

    /// Adds what the user can do.
    #[must_use]
    pub fn hint(mut self, hint: impl Into<String>) -> Self {
        self.hint = Some(hint.into());
        self
    }

    /// Shows a place in a text that is not a file, such as an argument.
    #[must_use]
    pub fn at(self, name: &str, text: &str, span: std::ops::Range<usize>) -> Self {
        self.excerpt(Excerpt::new(std::path::Path::new(name), text, span))
    }

    fn excerpt(mut self, excerpt: Excerpt) -> Self {
        let Excerpt { path, mut text, mut span } = excerpt;
        if span.start >= text.len() {
            // A mark needs something above it.
            span = text.len()..text.len() + 1;
            text.push(' ');
        }
        self.excerpt = Some(Box::new(Excerpt { path, text, span }));
        self
    }

    /// Tells whether the user cancelled the command.
    pub fn is_cancelled(&self) -> bool {
        self.kind == Kind::Cancelled
    }

    /// The exit code.
    pub fn exit_code(&self) -> u8 {
        self.kind.exit_code()
    }

    /// The causes below it, outermost first, one per line; empty if there are none.
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

    /// The error as it is printed: message, excerpt of the file, hint.
    pub fn render(&self, color: bool, width: usize) -> String {
        let theme = if color { GraphicalTheme::unicode() } else { GraphicalTheme::unicode_nocolor() };
        let handler = GraphicalReportHandler::new_themed(theme).with_width(width).with_links(false);
        let mut text = String::new();
        let shown = self.excerpt.as_ref().map(|excerpt| {
            let Excerpt { path, text, span } = excerpt.cut(width.saturating_sub(MARGIN).max(MARGIN));
            Shown {
                source: NamedSource::new(path.display().to_string(), text),
                label: LabeledSpan::new_with_span(Some("here".to_owned()), span),
            }
        });
        match handler.render_report(&mut text, &Drawn { error: self, shown }) {
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

impl fmt::Display for Drawn<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.error.fmt(f)
    }
}

impl std::error::Error for Drawn<'_> {}

impl miette::Diagnostic for Drawn<'_> {
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

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        let words = Self::of(Kind::Config, &error);
        match error {
            ConfigError::Missing { above: Some(above), .. } => words.hint(format!(
                "the project folder is `{0}`: change to it, or use: medlemsbrev -C {0} …",
                above.display()
            )),
            ConfigError::NoFolder { .. } | ConfigError::Missing { .. } => words.hint(
                "change to the project folder or name it with -C; create a new project with: medlemsbrev init FOLDER",
            ),
            ConfigError::Syntax { hint, excerpt, .. } => Self { hint, ..words.excerpt(excerpt) },
            ConfigError::Read { .. } | ConfigError::Value { .. } => words,
        }
    }
}

impl From<PasswordError> for Error {
    fn from(error: PasswordError) -> Self {
        let words = Self::of(Kind::Config, &error);
        match error {
            PasswordError::Open(path) => words.hint(format!("run: chmod 600 {}", path.display())),
            _ => words,
        }
    }
}

impl From<ImportError> for Error {
    fn from(error: ImportError) -> Self {
        let words = Self::of(Kind::Data, &error);
        match error {
            ImportError::NoAddresses { has_other, excerpt, .. } => {
                words.excerpt(*excerpt).hint(if has_other {
                    "name the column in [members.columns], such as email = \"Kontakt\""
                } else {
                    "the list needs a row of headers, such as Namn;E-post, above the members"
                })
            }
            ImportError::Header { excerpt, .. } => words
                .excerpt(excerpt)
                .hint("name the columns in [members.columns], such as email = \"Kontakt\""),
            ImportError::Read { .. } => words.hint("check `file` in [members] of medlemsbrev.toml"),
            ImportError::Encoding { .. } => {
                words.hint("try --encoding windows-1252 or --encoding macintosh, or save the list as UTF-8")
            }
            _ => words,
        }
    }
}

impl From<ComposeError> for Error {
    fn from(error: ComposeError) -> Self {
        let hint = error.hint().map(str::to_owned);
        let kind = if matches!(error, ComposeError::Dkim(_)) { Kind::Config } else { Kind::Data };
        let mut words = Self::of(kind, &error);
        words.hint = hint;
        match error {
            ComposeError::Source { excerpt, .. } => words.excerpt(excerpt),
            _ => words,
        }
    }
}

impl From<LedgerError> for Error {
    fn from(error: LedgerError) -> Self {
        let kind = match error {
            LedgerError::Renumbered { .. } | LedgerError::TwoRows { .. } => Kind::Data,
            LedgerError::Newer { .. } => Kind::Config,
            _ => Kind::TryAgain,
        };
        let words = Self::of(kind, &error);
        match error {
            LedgerError::Renumbered { .. } => words.hint(
                "if that is right, go on with --renumbered; if the numbers only number the rows, set key = \"email\" in [members]; if rows were sorted by mistake, mend the list",
            ),
            LedgerError::TwoRows { .. } => {
                words.hint("make sure that each member has one row and a unique number")
            }
            LedgerError::Newer { .. } => words.hint("install the newest version: cargo install medlemsbrev"),
            _ => words.hint(
                "check that the disk is not full and the state folder is writable, then run again to resume",
            ),
        }
    }
}

impl From<LockError> for Error {
    fn from(error: LockError) -> Self {
        Self::of(Kind::TryAgain, &error)
    }
}

impl From<LogError> for Error {
    fn from(error: LogError) -> Self {
        Self::of(Kind::TryAgain, &error)
    }
}

impl From<RelayError> for Error {
    fn from(error: RelayError) -> Self {
        match error {
            RelayError::Server(error) => Self::of_server(&error, "transport"),
            RelayError::TurnedAway { .. } | RelayError::Folder { .. } => Self::of(Kind::TryAgain, &error),
            RelayError::Refused { ref reply, .. } if !reply.is_final() => Self::of(Kind::TryAgain, &error),
            RelayError::Refused { ref reply, .. } => match about(reply) {
                About::Us(fault) => Self::of(Kind::Config, &error).hint(fault.advice()),
                _ => Self::of(Kind::Config, &error),
            },
            _ => Self::of(Kind::Config, &error),
        }
    }
}

impl From<FindError> for Error {
    fn from(error: FindError) -> Self {
        Self::of(Kind::Data, &error)
    }
}

#[cfg(feature = "imap")]
impl From<ImapError> for Error {
    fn from(error: ImapError) -> Self {
        let is_config = !error.is_temporary() && !matches!(error, ImapError::NotGiven { .. });
        let kind = if is_config { Kind::Config } else { Kind::TryAgain };
        let words = Self::of(kind, &error);
        match error {
            ImapError::Server(error) => Self::of_server(&error, "inbox.imap"),
            ImapError::Lost { .. } => {
                words.hint("run again to read the rest; nothing is skipped")
            }
            ImapError::NoImap { .. } => words.hint("check host, port and security in [inbox.imap]"),
            ImapError::Folder { .. } => words.hint(
                "check folder and move_to in [inbox.imap]; some servers want \"INBOX.Name\" or \"INBOX/Name\"",
            ),
            ImapError::NotGiven { .. } => {
                words.hint("the others were read; open these in a mail program and delete them")
            }
            ImapError::NoKeywords { .. } => words.hint("set move_to = \"a folder\" in [inbox.imap]"),
            ImapError::Refused { .. } => {
                words.hint(format!("allow the user to set keywords ({DONE}) or to move messages in the folder"))
            }
        }
    }
}

impl From<PublishError> for Error {
    fn from(error: PublishError) -> Self {
        match error {
            PublishError::Compose(error) => error.into(),
            other => Self::of(Kind::TryAgain, &other),
        }
    }
}

#[cfg(feature = "browser")]
impl From<PageError> for Error {
    fn from(error: PageError) -> Self {
        let words = Self::of(Kind::TryAgain, &error);
        match error {
            PageError::Listen { .. } => words.hint("use another --port, or omit it to use a free one"),
            _ => words,
        }
    }
}

#[cfg(feature = "browser")]
impl From<WatchError> for Error {
    fn from(error: WatchError) -> Self {
        Self::of(Kind::TryAgain, &error)
    }
}

impl From<SendError> for Error {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Ledger(error) => error.into(),
            SendError::Compose(error) => error.into(),
            other => Self::of(Kind::TryAgain, &other),
        }
    }
}
