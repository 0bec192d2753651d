//! `preview`.

use clap::{Args, ValueEnum};

use crate::domain::IssueName;

#[derive(Debug, Args)]
pub struct PreviewArgs {
    /// The issue [default: the current one]
    pub issue: Option<IssueName>,
    /// The member whose letter to show: address, number, name or id:N [default: a neutral reader]
    #[arg(long, value_name = "WHO")]
    pub member: Option<String>,
    /// The part to show [default: letter, or text in a pipe]
    #[arg(long, value_enum)]
    pub part: Option<LetterPart>,
    /// Open the letter in the browser.
    #[arg(long, conflicts_with = "part")]
    pub browser: bool,
    /// Write the letter as it is printed, a PDF, and open it.
    #[cfg(feature = "paper")]
    #[arg(long, conflicts_with_all = ["part", "browser"])]
    pub paper: bool,
    /// Serve every member's letter to the browser and reload it when a file is saved.
    #[cfg(feature = "browser")]
    #[arg(long, conflicts_with = "part")]
    pub serve: bool,
    /// The port on 127.0.0.1 for --serve [default: any free port]
    #[cfg(feature = "browser")]
    #[arg(long, value_name = "N", requires = "serve", default_value_t = 0, hide_default_value = true)]
    pub port: u16,
    /// Show pictures too: kitty, iTerm2, sixel, or half blocks.
    #[cfg(feature = "images")]
    #[arg(long, conflicts_with_all = ["part", "browser"])]
    pub images: bool,
    /// Browse all recipients' letters; press `?` for the keys.
    #[cfg(feature = "interactive")]
    #[arg(short, long, conflicts_with_all = ["part", "browser"])]
    pub interactive: bool,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LetterPart {
    /// The letter as mail programs show it, at the width of the terminal.
    Letter,
    /// The main headers and the text part.
    Text,
    /// The HTML part.
    Html,
    /// All headers as sent.
    Headers,
    /// The whole message as sent.
    Source,
}
