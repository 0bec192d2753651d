//! `bounces`.

use std::path::PathBuf;

use clap::{Args, Subcommand};

#[derive(Debug, Args)]
#[command(args_conflicts_with_subcommands = true)]
pub struct BouncesArgs {
    #[command(subcommand)]
    pub command: Option<BouncesCommand>,
    /// Message files, mboxes or Maildirs, or - for standard input [default: those of `[inbox]`]
    pub sources: Vec<PathBuf>,
    /// Move processed messages to this folder [default: mark them as read in a Maildir]
    #[arg(long, value_name = "FOLDER")]
    pub move_to: Option<PathBuf>,
    /// Explain the messages without changing anything.
    #[arg(long)]
    pub dry_run: bool,
    /// Append log lines to FILE instead of logs/bounce.jsonl.
    #[arg(long, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
}

#[derive(Debug, Clone, Copy, Subcommand)]
pub enum BouncesCommand {
    /// List the addresses to correct in the member list, by organisation.
    Report {
        /// Print CSV instead of a table.
        #[arg(long)]
        csv: bool,
    },
}
