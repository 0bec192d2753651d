//! `preview`.

use clap::{Args, ValueEnum};

use crate::domain::{Address, IssueName};

#[derive(Debug, Args)]
pub struct Preview {
    /// The issue; the current one when left out.
    pub issue: Option<IssueName>,
    /// Whose letter; a neutral reader's when left out.
    #[arg(long, value_name = "ADDRESS")]
    pub member: Option<Address>,
    /// Which part of the letter; the letter itself when left out, and in a pipe its text.
    #[arg(long, value_enum)]
    pub part: Option<Part>,
    /// Open the letter in the browser.
    #[arg(long, conflicts_with = "part")]
    pub browser: bool,
    /// Show every member's letter in the browser until Ctrl-C, anew whenever a file is saved, with what `check` finds.
    #[cfg(feature = "browser")]
    #[arg(long, conflicts_with = "part")]
    pub serve: bool,
    /// The port on 127.0.0.1 for --serve; a free one when left out.
    #[cfg(feature = "browser")]
    #[arg(long, value_name = "N", requires = "serve", default_value_t = 0, hide_default_value = true)]
    pub port: u16,
    /// Show pictures too (kitty, iTerm2, sixel, or coarsely by half blocks), without the pager.
    #[cfg(feature = "images")]
    #[arg(long, conflicts_with_all = ["part", "browser"])]
    pub images: bool,
    /// Leaf through all recipients' letters; `?` shows the keys.
    #[cfg(feature = "interactive")]
    #[arg(short, long, conflicts_with_all = ["part", "browser"])]
    pub interactive: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Part {
    /// The letter as mail programs show it, in the terminal's width.
    Letter,
    /// The headers that a reader sees, and the text part.
    Text,
    /// The HTML part.
    Html,
    /// All headers, as they are sent.
    Headers,
    /// The whole message as it goes out.
    Source,
}
