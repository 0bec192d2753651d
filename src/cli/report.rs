//! `report`.

use std::path::PathBuf;

use clap::{Args, ValueEnum};

use crate::domain::IssueName;

#[derive(Debug, Args)]
pub struct ReportArgs {
    /// The issue [default: the last one sent]
    pub issue: Option<IssueName>,
    /// The format; all but text and json are written to a file.
    #[arg(long, value_enum, default_value_t = ReportFormat::Text)]
    pub format: ReportFormat,
    /// The report's language, such as sv or en [default: the association's]
    #[arg(long, value_name = "CODE")]
    pub language: Option<String>,
    /// Also name the members who were not reached, and the addresses to correct.
    #[arg(long, conflicts_with_all = ["notice", "due"])]
    pub names: bool,
    /// Prove for the minutes to whom and how a notice was sent; names every member.
    #[arg(long, conflicts_with = "due")]
    pub notice: bool,
    /// Mail the report to the board if it is due; print nothing if it is not.
    #[arg(long, conflicts_with_all = ["issue", "format", "output"])]
    pub due: bool,
    /// The file to write [default: reports/ISSUE.FORMAT]
    #[arg(long, value_name = "FILE")]
    pub output: Option<PathBuf>,
}

/// The format of a report.
#[derive(Debug, Clone, Copy, PartialEq, Eq, ValueEnum)]
pub enum ReportFormat {
    Text,
    Html,
    Pdf,
    Json,
    /// Only with --notice.
    Csv,
}

impl ReportFormat {
    /// The extension of the file's name.
    pub fn ending(self) -> &'static str {
        match self {
            Self::Text => "txt",
            Self::Html => "html",
            Self::Pdf => "pdf",
            Self::Json => "json",
            Self::Csv => "csv",
        }
    }
}
