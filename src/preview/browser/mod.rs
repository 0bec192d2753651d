//! The letter in the browser: a page on this machine that shows every member's letter and follows the files.
//!
//! [`Desk`] holds what is shown; whoever reads the files puts each new [`Edition`] there. [`Server`] shows it, to this
//! machine's owner alone. [`watch()`] tells which files were saved.

mod desk;
mod gate;
mod letter;
mod readers;
mod server;
mod sheet;
mod watch;

pub use desk::{Desk, Edition, Printing};
pub use readers::{Reader, Readers};
pub use server::{PageError, Server};
pub use watch::{Places, Watch, WatchError, watch};
