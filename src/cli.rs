//! The command line: what clap parses. The doc comments are the `--help`.

mod bounces;
mod examples;
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
    after_help = EXIT_CODES,
    max_term_width = 100
)]
pub struct Cli {
    /// The project's folder, with medlemsbrev.toml in it.
    #[arg(short = 'C', long = "dir", value_name = "DIR", default_value = ".", global = true, help_heading = GLOBAL)]
    pub dir: PathBuf,
    /// Print results and errors only.
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = GLOBAL)]
    pub quiet: bool,
    /// Say more: -v each letter and the causes of errors, -vv the conversation with the mail server.
    #[arg(short, long, action = clap::ArgAction::Count, global = true, help_heading = GLOBAL)]
    pub verbose: u8,
    /// Print results as JSON.
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub json: bool,
    /// When to use colours.
    #[arg(long, value_enum, default_value_t = Color::Auto, global = true, help_heading = GLOBAL)]
    pub color: Color,
    /// What to do; `status` if none is named in a project folder.
    #[command(subcommand)]
    pub command: Option<Command>,
}

const GLOBAL: &str = "Options of every command";

const EXIT_CODES: &str = "\
Begin with `medlemsbrev init brev`; `medlemsbrev COMMAND --help` has examples of each command.

\u{1b}[1m\u{1b}[4mExit codes:\u{1b}[0m
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
    #[command(after_help = examples::INIT)]
    Init(Init),
    /// Make the folder of the next issue, with what repeats taken over from the last one.
    #[command(after_help = examples::NEW)]
    New(New),
    /// Take the member list into the register.
    #[command(after_help = examples::IMPORT)]
    Import(Import),
    /// Look into the register, and change it by hand.
    #[command(subcommand, after_help = examples::MEMBERS)]
    Members(MembersCommand),
    /// Show which member organisations can be reached by mail.
    #[command(after_help = examples::ORGANISATIONS)]
    Organisations,
    /// Show the configured segments with how many members they have.
    #[command(after_help = examples::SEGMENTS)]
    Segments,
    /// Look for everything that would be wrong, before it is sent.
    #[command(after_help = examples::CHECK)]
    Check(Check),
    /// Show the letter as one member gets it.
    #[command(after_help = examples::PREVIEW)]
    Preview(Preview),
    /// Write the letter's HTML, text and .eml files.
    #[command(after_help = examples::BUILD)]
    Build(Build),
    /// Import the list, compose the letters, check and send them; run again, it goes on where it stopped.
    #[command(after_help = examples::SEND)]
    Send(Send),
    /// Say that an issue may go out as it is now, for `send --due`.
    #[command(after_help = examples::APPROVE)]
    Approve(Approve),
    /// Send no more letters of an issue.
    #[command(after_help = examples::CANCEL)]
    Cancel(Cancel),
    /// Settle letters of which nobody knows whether they arrived.
    #[command(after_help = examples::RESOLVE)]
    Resolve(Resolve),
    /// Read bounces: suppress addresses that are dead.
    #[command(after_help = examples::BOUNCES)]
    Bounces(Bounces),
    /// Send letters again to an address that bounced or was unsubscribed.
    #[command(after_help = examples::UNSUPPRESS)]
    Unsuppress {
        /// Whose letters were stopped.
        address: Address,
        /// Why this is right; it is kept.
        #[arg(long, value_name = "TEXT")]
        why: String,
    },
    /// Show what was sent and what was not.
    #[command(after_help = examples::STATUS)]
    Status(Status),
    /// Show the log of dry runs, sends or bounces.
    #[command(after_help = examples::LOG)]
    Log(Log),
    /// Write the letters that were sent as web pages with an Atom feed, without personal data.
    #[command(after_help = examples::ARCHIVE)]
    Archive(Archive),
    /// Take away old log lines, bounces and traced changes.
    #[command(after_help = examples::PRUNE)]
    Prune(Prune),
    /// Print crontab lines or systemd units that send what is due, read bounces and remind the editors.
    #[command(after_help = examples::SCHEDULE)]
    Schedule(Schedule),
    /// Mail the editors when an issue of [schedule] is due soon, with what is missing in it.
    #[command(after_help = examples::REMIND)]
    Remind,
    /// Print a shell's completion script; it completes issues and segments too.
    #[command(after_help = examples::COMPLETIONS)]
    Completions {
        /// Your shell.
        shell: clap_complete::Shell,
    },
    /// Print the manual page, or write one for each command.
    #[command(after_help = examples::MAN)]
    Man(Man),
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
#[command(next_help_heading = "How the member list is read")]
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

#[derive(Debug, Default, Args)]
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
pub struct Man {
    /// Write a page for each command into this folder; it is made where needed.
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,
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
