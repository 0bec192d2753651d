//! The command line: what clap parses. The doc comments are the `--help`.

mod bounces;
mod members;
mod preview;
mod send;

use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum};

use crate::config::{Age, Brake, Missing};
use crate::domain::{Address, IssueName};

pub use bounces::{Bounces, BouncesCommand};
pub use members::{AddMember, ExportMembers, FieldValue, ListMembers, MembersCommand};
pub use preview::{Part, Preview};
pub use send::{Approve, Cancel, Resolve, Schedule, Send};

/// Writes an association's newsletter and mails it to its members, once each.
#[derive(Debug, Parser)]
#[command(
    name = "medlemsbrev",
    version,
    propagate_version = true,
    subcommand_required = true,
    arg_required_else_help = true,
    after_help = EXIT_CODES
)]
pub struct Cli {
    /// The project's folder, with medlemsbrev.toml in it.
    #[arg(short = 'C', long = "dir", value_name = "DIR", default_value = ".", global = true)]
    pub dir: PathBuf,
    /// Print results and errors only.
    #[arg(short, long, global = true, conflicts_with = "verbose")]
    pub quiet: bool,
    /// Say more: -v each letter, -vv the talk with the server's library.
    #[arg(short, long, action = clap::ArgAction::Count, global = true)]
    pub verbose: u8,
    /// Print results as JSON.
    #[arg(long, global = true)]
    pub json: bool,
    /// When to use colours.
    #[arg(long, value_enum, default_value_t = Color::Auto, global = true)]
    pub color: Color,
    #[command(subcommand)]
    pub command: Command,
}

const EXIT_CODES: &str = "Exit codes:
   0  done, or nothing was due
   1  done, but some letters were rejected or are in doubt
   2  the command line is not right
  65  bad input data; nothing was changed
  75  try again later: locked, deferred, interrupted, quota used up, or the server is out of reach
  78  bad configuration";

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum Color {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Make a working project with an example issue.
    Init(Init),
    /// Make the folder of the next issue, with what repeats taken over from the last one.
    New(New),
    /// Take the member list into the register.
    Import(Import),
    /// Look into the register, and change it by hand.
    #[command(subcommand)]
    Members(MembersCommand),
    /// Show which member organisations can be reached by mail.
    Organisations,
    /// Show the configured segments with how many members they have.
    Segments,
    /// Look for everything that would be wrong, before it is sent.
    Check(Check),
    /// Show the letter as one member gets it.
    Preview(Preview),
    /// Write the letter's HTML, text and .eml files.
    Build(Build),
    /// Import the list, compose the letters, check and send them; run again, it goes on where it stopped.
    Send(Send),
    /// Say that an issue may go out as it is now, for `send --due`.
    Approve(Approve),
    /// Send no more letters of an issue.
    Cancel(Cancel),
    /// Settle letters of which nobody knows whether they arrived.
    Resolve(Resolve),
    /// Read bounces: suppress addresses that are dead.
    Bounces(Bounces),
    /// Send letters again to an address that bounced or was unsubscribed.
    Unsuppress {
        address: Address,
        /// Why this is right; it is kept.
        #[arg(long, value_name = "TEXT")]
        why: String,
    },
    /// Show what was sent and what was not.
    Status(Status),
    /// Show the log of dry runs, sends or bounces.
    Log(Log),
    /// Write the letters that were sent as web pages with an Atom feed, without personal data.
    Archive(Archive),
    /// Take away old log lines, bounces and traced changes.
    Prune(Prune),
    /// Print crontab lines or systemd units that send what is due, read bounces and remind the editors.
    Schedule(Schedule),
    /// Mail the editors when an issue of [schedule] is due soon, with what is missing in it.
    Remind,
    /// Print a shell's completion script.
    Completions { shell: clap_complete::Shell },
    /// Print the manual page.
    Man,
}

#[derive(Debug, Args)]
pub struct Init {
    /// The folder; it is made where needed.
    #[arg(default_value = ".")]
    pub folder: PathBuf,
}

#[derive(Debug, Args)]
pub struct New {
    /// The issue's name, such as 2026-2.
    pub issue: IssueName,
}

#[derive(Debug, Args)]
pub struct Archive {
    /// Only these issues, sent or not; all that were sent when left out.
    pub issues: Vec<IssueName>,
    /// The folder to write to; archive when left out.
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Import {
    /// The list; the configured one when left out.
    pub file: Option<PathBuf>,
    /// Show the difference and change nothing.
    #[arg(long)]
    pub dry_run: bool,
    #[command(flatten)]
    pub reading: Reading,
}

/// How a member list is read; each overrides the configuration.
#[derive(Debug, Clone, Default, Args)]
pub struct Reading {
    /// Import the good rows and list the bad ones.
    #[arg(long)]
    pub skip_bad: bool,
    /// The list's encoding, such as windows-1252, utf-8 or macintosh.
    #[arg(long, value_name = "NAME")]
    pub encoding: Option<String>,
    /// The list's delimiter.
    #[arg(long, value_name = "CHAR")]
    pub delimiter: Option<char>,
    /// How many active members the list may leave out, as a number or a share such as 10%.
    #[arg(long, value_name = "N|N%")]
    pub max_missing: Option<Brake>,
    /// What becomes of active members that the list leaves out.
    #[arg(long, value_enum, value_name = "WHAT")]
    pub missing: Option<Missing>,
}

#[derive(Debug, Args)]
pub struct Check {
    /// The issue; the current one when left out.
    pub issue: Option<IssueName>,
    /// Follow the links too, and look up SPF, DKIM and DMARC of the sender's domain.
    #[cfg(feature = "online")]
    #[arg(long)]
    pub online: bool,
    /// Let letters pass that Gmail cuts off, with a warning.
    #[arg(long)]
    pub allow_large: bool,
}

#[derive(Debug, Args)]
pub struct Build {
    /// The issue; the current one when left out.
    pub issue: Option<IssueName>,
    /// Whose letter; a neutral reader's when left out.
    #[arg(long, value_name = "ADDRESS")]
    pub member: Option<Address>,
    /// The folder to write to; outbox/ISSUE/build when left out.
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct Status {
    /// The issue; all issues when left out.
    pub issue: Option<IssueName>,
}

#[derive(Debug, Args)]
pub struct Log {
    /// The issue; all issues when left out.
    pub issue: Option<IssueName>,
    /// Which log.
    #[arg(long, value_enum, default_value_t = LogKind::Send)]
    pub kind: LogKind,
    /// Compare the last two dry runs: who is new, who is gone, who gets another letter.
    #[arg(long)]
    pub diff: bool,
    /// Show whole addresses; on a terminal they are masked otherwise.
    #[arg(long)]
    pub show_addresses: bool,
}

#[derive(Debug, Args)]
pub struct Prune {
    /// How old, in days, months or years: 90d, 24m, 3y.
    #[arg(long, value_name = "TIME")]
    pub older_than: Age,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum LogKind {
    DryRun,
    Send,
    Bounce,
}

impl LogKind {
    /// The log's name among the files.
    pub fn name(self) -> &'static str {
        match self {
            Self::DryRun => "dry-run",
            Self::Send => "send",
            Self::Bounce => "bounce",
        }
    }
}
