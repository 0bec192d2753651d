//! The letter in the browser: a page on this machine that shows every member's letter and is updated with the files.
//!
//! [`PreviewDesk`] holds the current content; the caller puts each new [`Edition`] there. [`PreviewServer`] shows it,
//! only to the user of this machine. [`watch()`] reports saved files.

mod desk;
mod gate;
mod letter;
mod readers;
mod server;
mod sheet;
mod watch;

pub use desk::{Edition, PreviewDesk, PrintOption};
pub use readers::{BrowserMember, BrowserMembers};
pub use server::{PageError, PreviewServer};
pub use watch::{Places, Watch, WatchError, watch};
