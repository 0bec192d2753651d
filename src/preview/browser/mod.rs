//! The letter in the browser: a page on this machine that shows every member's letter and follows the files.
//!
//! [`PreviewDesk`] holds what is shown; whoever reads the files puts each new [`Edition`] there. [`PreviewServer`] shows it, to this
//! machine's owner alone. [`watch()`] tells which files were saved.

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
