//! `send` and the commands that decide about an issue.

use std::path::PathBuf;

use clap::Args;

use crate::config::Wait;
use crate::domain::bounce::Reason;
use crate::domain::{Address, IssueName};

use super::Reading;

#[derive(Debug, Clone, Default, Args)]
pub struct SendArgs {
    /// The issue [default: the current one]
    pub issue: Option<IssueName>,
    /// Write the letters to outbox/ISSUE/dry-run instead of sending them.
    #[arg(long, conflicts_with = "test")]
    pub dry_run: bool,
    /// Send a letter, marked as a test, to each of these addresses [default: `testers` in `[sender]`]
    #[arg(long, value_name = "ADDRESS", num_args = 0..)]
    pub test: Option<Vec<Address>>,
    /// With --test: the letter as this member would get it (an address, a member number or id:N).
    #[arg(long = "as", value_name = "MEMBER", requires = "test")]
    pub reader: Option<String>,
    /// Only members who match an expression or a name from `[segments]`.
    #[arg(long, value_name = "EXPR")]
    pub segment: Option<String>,
    /// Send N letters at most in this run.
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// Fail unless there are exactly N letters to send.
    #[arg(long, value_name = "N")]
    pub expect: Option<u64>,
    /// Allow letters that Gmail will clip.
    #[arg(long)]
    pub allow_large: bool,
    /// Send the rest although the issue has changed since its first letters left.
    #[arg(long)]
    pub changed: bool,
    /// How long to wait for another run to end, such as 30s or 5min.
    #[arg(long, value_name = "TIME", default_value = "0s")]
    pub wait: Wait,
    /// Send approved, unchanged issues whose `send_at` is past; print nothing if nothing is due (for cron).
    #[arg(long, conflicts_with_all = ["dry_run", "test", "limit", "expect"])]
    pub due: bool,
    /// Only members without a letter of this issue, such as those who joined after it was sent.
    #[arg(long)]
    pub only_missing: bool,
    /// Only members whose letter was rejected: those with these addresses [default: all]
    #[arg(long, value_name = "ADDRESS", num_args = 0.., conflicts_with = "only_missing")]
    pub retry_rejected: Option<Vec<Address>>,
    /// Append log lines to FILE instead of logs/send.jsonl or logs/dry-run.jsonl.
    #[arg(long, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
    /// Skip the confirmation prompt.
    #[arg(short, long)]
    pub yes: bool,
    #[command(flatten)]
    pub reading: Reading,
}

#[derive(Debug, Args)]
pub struct ApproveArgs {
    /// The issue [default: the current one]
    pub issue: Option<IssueName>,
    /// Skip the confirmation prompt.
    #[arg(short, long)]
    pub yes: bool,
    #[command(flatten)]
    pub reading: Reading,
}

#[derive(Debug, Args)]
pub struct ScheduleArgs {
    /// Print systemd units instead of crontab lines.
    #[arg(long)]
    pub systemd: bool,
}

#[derive(Debug, Args)]
pub struct CancelArgs {
    /// The issue [default: the current one]
    pub issue: Option<IssueName>,
    /// Allow the issue to be sent after all.
    #[arg(long)]
    pub undo: bool,
}

#[derive(Debug, Args)]
pub struct ResolveArgs {
    /// The issue [default: the current one]
    pub issue: Option<IssueName>,
    /// Mark the letters as accepted: they arrived.
    #[arg(long, conflicts_with = "resend")]
    pub accepted: bool,
    /// Send the letters again in the next run; with addresses, rejected letters as well.
    #[arg(long)]
    pub resend: bool,
    /// Decide about rejected letters, not about letters in doubt.
    #[arg(long, requires = "resend")]
    pub rejected: bool,
    /// Only letters that were rejected for REASON, such as `policy`.
    #[arg(long, value_name = "REASON", requires = "rejected")]
    pub reason: Option<Reason>,
    /// Record the letters as accepted that are in the send log but not in the ledger.
    #[arg(long, conflicts_with_all = ["accepted", "resend", "addresses"])]
    pub from_log: bool,
    /// Decide about all letters in doubt if the listing still has this digest.
    #[arg(long, value_name = "DIGEST", conflicts_with = "addresses")]
    pub expect: Option<String>,
    /// The addresses [default: all letters in doubt, after confirmation]
    pub addresses: Vec<Address>,
}
