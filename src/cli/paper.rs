//! `paper`.

use clap::Args;

use crate::domain::IssueName;

#[derive(Debug, Args)]
pub struct PaperArgs {
    /// The issue [default: the current one]
    pub issue: Option<IssueName>,
    /// Only this member's letter, whether the member has e-mail or not: number, name, address or id.
    #[arg(long, value_name = "WHO", conflicts_with_all = ["done", "test_sheet"])]
    pub member: Option<String>,
    /// Write one PDF per letter as well.
    #[arg(long, conflicts_with_all = ["done", "test_sheet"])]
    pub each: bool,
    /// Write a sheet of address labels as well.
    #[arg(long, conflicts_with_all = ["done", "test_sheet"])]
    pub labels: bool,
    /// Write a page with rulers and the address window, to hold behind an envelope.
    #[arg(long, conflicts_with_all = ["done", "dry_run"])]
    pub test_sheet: bool,
    /// Count pages, sheets and postage without writing anything.
    #[arg(long, conflicts_with = "done")]
    pub dry_run: bool,
    /// Record that the printed letters were posted.
    #[arg(long)]
    pub done: bool,
    /// Skip the confirmation prompt.
    #[arg(long)]
    pub yes: bool,
}
