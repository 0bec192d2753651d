//! Where messages come from: files, folders, Maildirs, mboxes, standard input and IMAP folders; and where they go when
//! they are handled. Nothing is ever deleted.

mod files;
#[cfg(feature = "imap")]
mod imap;
mod lock;

/// What becomes of a message that was read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Handling {
    PutAway,
    /// It is for a person to read, and stays as it is.
    Stays,
}

pub use files::{FileContent, FindError, MessageFile, find};
#[cfg(feature = "imap")]
pub use imap::{Access, DONE, ImapError, ImapServer};
