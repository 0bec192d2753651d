//! Maps the errors of each module to their kind and a hint.

use crate::compose::ComposeError;
use crate::config::{ConfigError, PasswordError};
use crate::diagnosis::{About, about};
use crate::import::ImportError;
use crate::ledger::{LedgerError, LockError};
use crate::mailbox::FindError;
#[cfg(feature = "imap")]
use crate::mailbox::{DONE, ImapError};
#[cfg(feature = "browser")]
use crate::preview::browser::{PageError, WatchError};
use crate::publish::PublishError;
use crate::relay::RelayError;
use crate::report::LogError;
use crate::send::SendError;

use super::{Error, ErrorKind};

impl From<ConfigError> for Error {
    fn from(error: ConfigError) -> Self {
        let words = Self::of(ErrorKind::Config, &error);
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
        let words = Self::of(ErrorKind::Config, &error);
        match error {
            PasswordError::Open(path) => words.hint(format!("run: chmod 600 {}", path.display())),
            _ => words,
        }
    }
}

impl From<ImportError> for Error {
    fn from(error: ImportError) -> Self {
        let words = Self::of(ErrorKind::Data, &error);
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
            ImportError::Copy { .. } => words
                .hint("free some space in the folder for temporary files, or name another one with TMPDIR"),
            ImportError::Changed { .. } => words.hint("run the command again"),
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
        let kind = if matches!(error, ComposeError::Dkim(_)) { ErrorKind::Config } else { ErrorKind::Data };
        let mut words = Self::of(kind, &error);
        words.hint = hint;
        match error {
            ComposeError::Source { excerpt, .. } => words.excerpt(excerpt),
            _ => words,
        }
    }
}

#[cfg(feature = "paper")]
impl From<crate::paper::PaperError> for Error {
    fn from(error: crate::paper::PaperError) -> Self {
        use crate::paper::PaperError;
        let hint = match error {
            PaperError::Window => "correct `right` and `down` in [paper]",
            PaperError::Labels => "correct [paper.labels]: sizes are in mm, on A4",
            PaperError::Logo => "use a PNG or JPEG file as logo in [association]",
            PaperError::Pdf(_) => "this is an error in the program: please report it",
        };
        Self::of(ErrorKind::Config, &error).hint(hint)
    }
}

impl From<LedgerError> for Error {
    fn from(error: LedgerError) -> Self {
        let kind = match error {
            LedgerError::Renumbered { .. }
            | LedgerError::TwoRows { .. }
            | LedgerError::NotEmpty { .. }
            | LedgerError::HostsDiffer { .. }
            | LedgerError::Differs { .. }
            | LedgerError::KindChanged { .. } => ErrorKind::Data,
            LedgerError::Newer { .. } | LedgerError::NoServers { .. } | LedgerError::Pooler { .. } => {
                ErrorKind::Config
            }
            _ => ErrorKind::TryAgain,
        };
        let words = Self::of(kind, &error);
        match error {
            LedgerError::Renumbered { .. } => words.hint(
                "if the numbers are right, use --renumbered; if they only count the rows, set key = \"email\" in [members]; \
                 if the list was sorted by mistake, restore it",
            ),
            LedgerError::TwoRows { .. } => {
                words.hint("make sure that each member has one row and a unique number")
            }
            LedgerError::KindChanged { .. } => words.hint("restore `kind` in issue.toml, or create a new issue"),
            LedgerError::Newer { .. } => words.hint("install the newest version: cargo install medlemsbrev"),
            LedgerError::Server { .. } => {
                words.hint("check `url` and the password in [ledger], and that the server runs")
            }
            LedgerError::HostsDiffer { .. } => words.hint("copy the project's folder, with its keys, to all hosts, and install the same version"),
            LedgerError::NotEmpty { .. } => words.hint("name a new database, schema or file"),
            LedgerError::Differs { .. } => {
                words.hint("keep using the old ledger; delete the copy, and copy again while nothing else is at work")
            }
            LedgerError::NoServers { .. } => {
                words.hint("build it with PostgreSQL: cargo install medlemsbrev --features postgres")
            }
            error if error.is_gone() => {
                words.hint("check that the ledger's server runs and can be reached, then run again to resume")
            }
            LedgerError::Pooler { .. } => words.hint(
                "name the server itself in `url` in [ledger], or set pool_mode = session in PgBouncer",
            ),
            _ => words.hint(
                "check that the disk is not full and the state folder is writable, then run again to resume",
            ),
        }
    }
}

impl From<LockError> for Error {
    fn from(error: LockError) -> Self {
        match error {
            LockError::Ledger(error) => error.into(),
            error => Self::of(ErrorKind::TryAgain, &error),
        }
    }
}

impl From<LogError> for Error {
    fn from(error: LogError) -> Self {
        Self::of(ErrorKind::TryAgain, &error)
    }
}

impl From<RelayError> for Error {
    fn from(error: RelayError) -> Self {
        match error {
            RelayError::Server(error) => Self::of_server(&error, "transport"),
            RelayError::TurnedAway { .. } | RelayError::Folder { .. } => {
                Self::of(ErrorKind::TryAgain, &error)
            }
            RelayError::Refused { ref reply, .. } if !reply.is_final() => {
                Self::of(ErrorKind::TryAgain, &error)
            }
            RelayError::Refused { ref reply, .. } => match about(reply) {
                About::Us(fault) => Self::of(ErrorKind::Config, &error).hint(fault.advice()),
                _ => Self::of(ErrorKind::Config, &error),
            },
            _ => Self::of(ErrorKind::Config, &error),
        }
    }
}

impl From<FindError> for Error {
    fn from(error: FindError) -> Self {
        Self::of(ErrorKind::Data, &error)
    }
}

#[cfg(feature = "imap")]
impl From<ImapError> for Error {
    fn from(error: ImapError) -> Self {
        let is_config = !error.is_temporary() && !matches!(error, ImapError::NotGiven { .. });
        let kind = if is_config { ErrorKind::Config } else { ErrorKind::TryAgain };
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
            other => Self::of(ErrorKind::TryAgain, &other),
        }
    }
}

#[cfg(feature = "browser")]
impl From<PageError> for Error {
    fn from(error: PageError) -> Self {
        let words = Self::of(ErrorKind::TryAgain, &error);
        match error {
            PageError::Listen { .. } => words.hint("use another --port, or omit it to use a free one"),
            _ => words,
        }
    }
}

#[cfg(feature = "browser")]
impl From<WatchError> for Error {
    fn from(error: WatchError) -> Self {
        Self::of(ErrorKind::TryAgain, &error)
    }
}

impl From<SendError> for Error {
    fn from(error: SendError) -> Self {
        match error {
            SendError::Ledger(error) => error.into(),
            SendError::Compose(error) => error.into(),
            other => Self::of(ErrorKind::TryAgain, &other),
        }
    }
}
