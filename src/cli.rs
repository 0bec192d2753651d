//! The command line: what clap parses. The doc comments are the `--help`.

mod bounces;
mod examples;
mod exit_codes;
mod members;
#[cfg(feature = "paper")]
mod paper;
mod preview;
mod report;
mod send;

use std::fmt::Write;
use std::path::PathBuf;

use clap::{Args, CommandFactory, Parser, Subcommand, ValueEnum};

use crate::config::{Age, MaxMissing, Missing};
use crate::domain::{Address, IssueName};

pub use bounces::{BouncesArgs, BouncesCommand};
pub use members::{AddMember, ConfirmMember, ExportMembers, FieldValue, ListMembers, MembersCommand};
#[cfg(feature = "paper")]
pub use paper::PaperArgs;
pub use preview::{LetterPart, PreviewArgs};
pub use report::{ReportArgs, ReportFormat};
pub use send::{ApproveArgs, CancelArgs, ResolveArgs, ScheduleArgs, SendArgs};

/// Write an association's newsletter and mail it to its members, once each.
#[derive(Debug, Parser)]
#[command(
    name = "medlemsbrev",
    version,
    propagate_version = true,
    subcommand_value_name = "COMMAND",
    after_help = exit_codes::help(),
    max_term_width = 100
)]
pub struct Cli {
    /// The project folder, which contains medlemsbrev.toml.
    #[arg(short = 'C', long = "dir", value_name = "DIR", default_value = ".", global = true, help_heading = GLOBAL)]
    pub dir: PathBuf,
    /// Print only results and errors.
    #[arg(short, long, global = true, conflicts_with = "verbose", help_heading = GLOBAL)]
    pub quiet: bool,
    /// Print more: -v each letter and the causes of errors, -vv the conversation with the mail server.
    #[arg(short, long, action = clap::ArgAction::Count, global = true, help_heading = GLOBAL)]
    pub verbose: u8,
    /// Print one JSON document: result and error.
    #[arg(long, global = true, help_heading = GLOBAL)]
    pub json: bool,
    /// When to use colors.
    #[arg(long, value_enum, default_value_t = ColorChoice::Auto, global = true, help_heading = GLOBAL)]
    pub color: ColorChoice,
    /// The command [default in a project folder: status]
    #[command(subcommand)]
    pub command: Option<Command>,
}

const GLOBAL: &str = "Global options";

/// The groups of commands in `--help`.
pub(crate) const GROUPS: [(&str, &[&str]); 7] = [
    ("Start", &["init", "new"]),
    ("Register", &["import", "members", "organisations", "segments"]),
    ("Letter", &["check", "preview", "build", "templates"]),
    ("Sending", &["send", "approve", "cancel", "resolve", "paper"]),
    ("Returned mail", &["bounces", "unsuppress"]),
    ("Reports", &["status", "log", "report"]),
    ("Other", &["archive", "prune", "schedule", "remind", "completions", "man"]),
];

/// The width of a command's name in the help, including the space around it.
const NAME_COLUMNS: usize = 17;

/// The command line for clap, with grouped commands; `columns` is the width of the help.
pub fn command(columns: usize) -> clap::Command {
    let command = Cli::command();
    let mut groups = String::new();
    for (heading, names) in GROUPS {
        let _infallible = write!(groups, "\n\u{1b}[1m\u{1b}[4m{heading}:\u{1b}[0m\n");
        for subcommand in names.iter().filter_map(|name| command.find_subcommand(name)) {
            let about = subcommand.get_about().map(ToString::to_string).unwrap_or_default();
            let about = textwrap::wrap(&about, columns.saturating_sub(NAME_COLUMNS).max(NAME_COLUMNS));
            let about = about.join(&format!("\n{:NAME_COLUMNS$}", ""));
            let name = subcommand.get_name();
            let _infallible = writeln!(groups, "  \u{1b}[1m{name:<15}\u{1b}[0m{about}");
        }
    }
    let global = format!("\u{1b}[1m\u{1b}[4m{GLOBAL}:\u{1b}[0m");
    let template =
        format!("{{about}}\n\n{{usage-heading}} {{usage}}\n{groups}\n{global}\n{{options}}{{after-help}}");
    command.help_template(template)
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ColorChoice {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub enum Command {
    /// Create a project with an example issue.
    #[command(after_help = examples::INIT)]
    Init(InitArgs),
    /// Create the next issue.
    #[command(after_help = examples::NEW)]
    New(NewArgs),
    /// Read the member list and update the register.
    #[command(after_help = examples::IMPORT)]
    Import(ImportArgs),
    /// Show and edit the member register.
    #[command(subcommand, after_help = examples::MEMBERS)]
    Members(MembersCommand),
    /// Show which organisations can be reached by e-mail.
    #[command(after_help = examples::ORGANISATIONS)]
    Organisations,
    /// Show the configured segments and their sizes.
    #[command(after_help = examples::SEGMENTS)]
    Segments,
    /// Check an issue for problems.
    #[command(after_help = examples::CHECK)]
    Check(CheckArgs),
    /// Show the letter that a member will get.
    #[command(after_help = examples::PREVIEW)]
    Preview(PreviewArgs),
    /// Write the letter as HTML, text and .eml files.
    #[command(after_help = examples::BUILD)]
    Build(BuildArgs),
    /// Show which templates are your own, and write the built-in ones into the project to change them.
    #[command(after_help = examples::TEMPLATES)]
    Templates(TemplatesArgs),
    /// Import the list, check the issue and send the letters; run again to resume.
    #[command(after_help = examples::SEND)]
    Send(SendArgs),
    /// Print letters for members who cannot be reached by e-mail.
    #[cfg(feature = "paper")]
    #[command(after_help = examples::PAPER)]
    Paper(PaperArgs),
    /// Approve an issue in its present form for `send --due`.
    #[command(after_help = examples::APPROVE)]
    Approve(ApproveArgs),
    /// Stop sending an issue.
    #[command(after_help = examples::CANCEL)]
    Cancel(CancelArgs),
    /// Resolve letters whose delivery is uncertain.
    #[command(after_help = examples::RESOLVE)]
    Resolve(ResolveArgs),
    /// Read returned messages and suppress dead addresses.
    #[command(after_help = examples::BOUNCES)]
    Bounces(BouncesArgs),
    /// Send letters to a suppressed address again.
    #[command(after_help = examples::UNSUPPRESS)]
    Unsuppress {
        /// The suppressed address.
        address: Address,
        /// The reason, which is recorded.
        #[arg(long, value_name = "TEXT")]
        why: String,
    },
    /// Show delivery status.
    #[command(after_help = examples::STATUS)]
    Status(StatusArgs),
    /// Show the log of sends, dry runs or bounces.
    #[command(after_help = examples::LOG)]
    Log(LogArgs),
    /// Report to the board who was reached by an issue.
    #[command(after_help = examples::REPORT)]
    Report(ReportArgs),
    /// Write sent issues as web pages with an Atom feed.
    #[command(after_help = examples::ARCHIVE)]
    Archive(ArchiveArgs),
    /// Move the ledger to a server, or back to a file.
    #[cfg(feature = "postgres")]
    #[command(subcommand)]
    Ledger(LedgerCommand),
    /// Delete old log lines, bounces and change history.
    #[command(after_help = examples::PRUNE)]
    Prune(PruneArgs),
    /// Print crontab lines or systemd units.
    #[command(after_help = examples::SCHEDULE)]
    Schedule(ScheduleArgs),
    /// Remind the editors by e-mail of an issue that is due soon.
    #[command(after_help = examples::REMIND)]
    Remind,
    /// Print a shell completion script.
    #[command(after_help = examples::COMPLETIONS)]
    Completions {
        /// The shell.
        shell: clap_complete::Shell,
    },
    /// Print or write the manual pages.
    #[command(after_help = examples::MAN)]
    Man(ManArgs),
}

#[derive(Debug, Args)]
pub struct InitArgs {
    /// The folder, created if missing.
    #[arg(default_value = ".")]
    pub folder: PathBuf,
}

#[derive(Debug, Args)]
pub struct NewArgs {
    /// The issue's name, such as 2026-2.
    pub issue: IssueName,
}

#[derive(Debug, Args)]
pub struct ArchiveArgs {
    /// Issues to write, sent or not [default: all sent issues]
    pub issues: Vec<IssueName>,
    /// The output folder [default: archive]
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub struct ImportArgs {
    /// The member list [default: `file` in `[members]`]
    pub file: Option<PathBuf>,
    /// Show the changes without making them.
    #[arg(long)]
    pub dry_run: bool,
    /// Import a list of people who must not be mailed, such as another newsletter system exports.
    #[arg(long, value_name = "FILE", conflicts_with = "file")]
    pub suppress: Option<PathBuf>,
    /// The reason, if the list does not state one.
    #[arg(long, value_enum, value_name = "REASON", default_value = "unsubscribed", requires = "suppress")]
    pub reason: SuppressFor,
    #[command(flatten)]
    pub reading: Reading,
}

/// Why the people of a list must not be mailed.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum SuppressFor {
    /// They unsubscribed; the wish follows them to another address.
    Unsubscribed,
    /// They complained.
    Complaint,
    /// The address is dead.
    Bounced,
    /// Suppressed by hand.
    ByHand,
}

/// How a member list is read; each overrides the configuration.
#[derive(Debug, Clone, Default, Args)]
#[command(next_help_heading = "Member list options")]
pub struct Reading {
    /// Import the valid rows and list the invalid ones.
    #[arg(long)]
    pub skip_bad: bool,
    /// The encoding, such as windows-1252, utf-8 or macintosh [default: detected]
    #[arg(long, value_name = "NAME")]
    pub encoding: Option<String>,
    /// The delimiter [default: detected]
    #[arg(long, value_name = "CHAR")]
    pub delimiter: Option<char>,
    /// How many active members may be missing from the list: a number, or a share such as 10%.
    #[arg(long, value_name = "N|N%")]
    pub max_missing: Option<MaxMissing>,
    /// What to do with active members who are missing from the list.
    #[arg(long, value_enum, value_name = "WHAT")]
    pub missing: Option<Missing>,
    /// The members were renumbered: recognise them by their addresses and names this time.
    #[arg(long)]
    pub renumbered: bool,
}

#[derive(Debug, Args)]
pub struct CheckArgs {
    /// The issue [default: the current one]
    pub issue: Option<IssueName>,
    /// Also follow links and look up SPF, DKIM and DMARC of the sender's domain.
    #[cfg(feature = "online")]
    #[arg(long)]
    pub online: bool,
    /// Allow letters that Gmail will clip.
    #[arg(long)]
    pub allow_large: bool,
    /// Check the login to the mail servers and your addresses instead of the issue; sends no letter.
    #[arg(long)]
    pub login: bool,
}

#[derive(Debug, Args)]
pub struct TemplatesArgs {
    /// Write what the project lacks; a file that you changed is kept, and its newer version is written as NAME.new.
    #[arg(long)]
    pub write: bool,
}

#[derive(Debug, Args)]
pub struct BuildArgs {
    /// The issue [default: the current one]
    pub issue: Option<IssueName>,
    /// The member whose letter to use: address, number, name or id:N [default: a neutral reader]
    #[arg(long, value_name = "WHO")]
    pub member: Option<String>,
    /// The output folder [default: outbox/ISSUE/build]
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,
}

#[derive(Debug, Default, Args)]
pub struct StatusArgs {
    /// The issue [default: all issues]
    pub issue: Option<IssueName>,
}

#[derive(Debug, Args)]
pub struct LogArgs {
    /// The issue [default: all issues]
    pub issue: Option<IssueName>,
    /// The log to show.
    #[arg(long, value_enum, default_value_t = LogKind::Send)]
    pub kind: LogKind,
    /// Compare the last two dry runs: letters that are new, gone or different.
    #[arg(long)]
    pub diff: bool,
    /// Show full addresses, which are masked on a terminal otherwise.
    #[arg(long)]
    pub show_addresses: bool,
}

#[derive(Debug, Args)]
pub struct ManArgs {
    /// Write all pages to man1 and man5 in this folder, created if missing.
    #[arg(long, value_name = "DIR")]
    pub output: Option<PathBuf>,
}

#[cfg(feature = "postgres")]
#[derive(Debug, Subcommand)]
pub enum LedgerCommand {
    /// Copy the ledger to a new database or file, and compare every row.
    #[command(after_help = examples::LEDGER_COPY)]
    Copy(LedgerCopyArgs),
}

#[cfg(feature = "postgres")]
#[derive(Debug, Args)]
pub struct LedgerCopyArgs {
    /// The URL of the new ledger on a server, or a file. The password is that of [ledger].
    #[arg(long, value_name = "URL")]
    pub to: String,
}

#[derive(Debug, Args)]
pub struct PruneArgs {
    /// The age in days, months or years, such as 90d, 24m or 3y.
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
    /// The name of the log file, without its extension.
    pub fn name(self) -> &'static str {
        match self {
            Self::DryRun => "dry-run",
            Self::Send => "send",
            Self::Bounce => "bounce",
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_command_is_in_one_group() {
        let grouped: Vec<&str> = GROUPS.iter().flat_map(|(_, names)| names.iter().copied()).collect();
        let mut commands: Vec<String> =
            Cli::command().get_subcommands().map(|command| command.get_name().to_owned()).collect();
        commands.retain(|name| name != "help");
        assert_eq!(grouped.len(), commands.len());
        commands.iter().for_each(|name| assert!(grouped.contains(&name.as_str()), "{name}"));
    }
}
