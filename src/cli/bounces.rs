//! `bounces`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct Bounces {
    #[command(subcommand)]
    pub command: Option<BouncesCommand>,
    /// Message files, mboxes, Maildirs, or - for one message on standard input; those of [inbox], and its IMAP
    /// folders, when left out.
    pub sources: Vec<PathBuf>,
    /// Move handled messages of Maildirs and folders there; a Maildir's new ones become read ones otherwise.
    #[arg(long, value_name = "FOLDER")]
    pub move_to: Option<PathBuf>,
    /// Say what the messages mean and change nothing.
    #[arg(long)]
    pub dry_run: bool,
    /// Append the log lines to FILE in the place of logs/bounce.jsonl.
    #[arg(long, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, Subcommand)]
pub enum BouncesCommand {
    /// Show which addresses of the member list have to be corrected, by organisation.
    Report {
        /// Print CSV.
        #[arg(long)]
        csv: bool,
    },
}
