//! Sources of messages: files, folders, Maildirs, mboxes, standard input and IMAP folders; and where handled messages
//! go. Nothing is ever deleted.

mod files;
#[cfg(feature = "imap")]
mod imap;
mod lock;

/// What to do with a message that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handling {
    PutAway,
    /// It is left for a person to read, and stays as it is.
    Stays,
}

pub use files::{FileContent, FindError, MessageFile, find};
#[cfg(feature = "imap")]
pub use imap::{Access, DONE, ImapError, ImapServer};
