//! `send` and what decides about an issue.

use std::path::PathBuf;

use clap::Args;

use crate::config::Wait;
use crate::domain::{Address, IssueName};

use super::Reading;

#[derive(Debug, Clone, Default, Args)]
pub struct Send {
    /// The issue; the current one when left out.
    pub issue: Option<IssueName>,
    /// Compose every letter into outbox/ISSUE/dry-run and the dry-run log; send nothing, change nothing.
    #[arg(long, conflicts_with = "test")]
    pub dry_run: bool,
    /// Send one marked letter to this address and record nothing.
    #[arg(long, value_name = "ADDRESS")]
    pub test: Option<Address>,
    /// Only members that match, as an expression or a name from [segments].
    #[arg(long, value_name = "EXPR")]
    pub segment: Option<String>,
    /// At most N letters in this run.
    #[arg(long, value_name = "N")]
    pub limit: Option<u64>,
    /// Refuse unless exactly N letters are to be sent.
    #[arg(long, value_name = "N")]
    pub expect: Option<u64>,
    /// Let letters pass that Gmail cuts off, with a warning.
    #[arg(long)]
    pub allow_large: bool,
    /// How long to wait for another run, such as 30s or 5min.
    #[arg(long, value_name = "TIME", default_value = "0s")]
    pub wait: Wait,
    /// For cron: send what is approved, unchanged and due after its `send_at`; say nothing where nothing is.
    #[arg(long, conflicts_with_all = ["dry_run", "test", "segment", "limit", "expect"])]
    pub due: bool,
    /// Only members who have no letter of the issue yet, such as those who joined after it was sent.
    #[arg(long)]
    pub only_missing: bool,
    /// Only this member, whose letter was rejected and whose address is right now.
    #[arg(long, value_name = "ADDRESS", conflicts_with = "only_missing")]
    pub retry_rejected: Option<Address>,
    /// Append this run's log lines to FILE in the place of logs/send.jsonl or logs/dry-run.jsonl.
    #[arg(long, value_name = "FILE")]
    pub log_file: Option<PathBuf>,
    /// Do not ask.
    #[arg(short, long)]
    pub yes: bool,
    #[command(flatten)]
    pub reading: Reading,
}

#[derive(Debug, Args)]
pub struct Approve {
    /// The issue; the current one when left out.
    pub issue: Option<IssueName>,
    /// Do not ask.
    #[arg(short, long)]
    pub yes: bool,
    #[command(flatten)]
    pub reading: Reading,
}

#[derive(Debug, Args)]
pub struct Schedule {
    /// Print systemd units instead of crontab lines.
    #[arg(long)]
    pub systemd: bool,
}

#[derive(Debug, Args)]
pub struct Cancel {
    /// The issue; the current one when left out.
    pub issue: Option<IssueName>,
    /// Let the issue be sent after all.
    #[arg(long)]
    pub undo: bool,
}

#[derive(Debug, Args)]
pub struct Resolve {
    /// The issue; the current one when left out.
    pub issue: Option<IssueName>,
    /// They arrived: do not send them again.
    #[arg(long, conflicts_with = "resend")]
    pub accepted: bool,
    /// They did not arrive: send them with the next run; with addresses also letters that were rejected.
    #[arg(long)]
    pub resend: bool,
    /// Only these addresses; all letters in doubt when left out.
    pub addresses: Vec<Address>,
}
