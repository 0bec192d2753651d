//! Errors in an issue's files, each with its place.

use std::path::PathBuf;

use crate::domain::{AddressError, Excerpt};

use super::dkim::DkimError;

/// Why a letter cannot be composed.
#[derive(Debug, thiserror::Error)]
pub enum ComposeError {
    #[error("there is no issue `{name}`: `{dir}` has no `issue.toml`")]
    NoIssue { name: String, dir: PathBuf },
    #[error("cannot read `{path}`: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("`{path}` line {line}: {message}", path = excerpt.path.display(), line = excerpt.line())]
    Source { message: String, hint: Option<String>, excerpt: Excerpt },
    #[error("the issue in `{dir}` has no section: write a Markdown file such as `10-greeting.md`")]
    NoSection { dir: PathBuf },
    #[error("no language file for `{language}`: use sv or en, or add templates/language/{language}.toml")]
    NoLanguage { language: String },
    #[error("the text `{key}` of {path}: {message}")]
    Text { path: PathBuf, key: String, message: String },
    #[error("the letter to {member}: {message}")]
    Letter { member: String, message: String },
    #[error("the address {address} {source}")]
    Address { address: String, source: AddressError },
    #[error("`{path}` cannot be a picture of the letter: {why}")]
    NotAnImage { path: PathBuf, why: String },
    #[error("`{path}` is outside the project's folder")]
    Outside { path: PathBuf },
    #[error("`{path}` is not a regular file")]
    NotAFile { path: PathBuf },
    #[error("`{path}` has more than {megabytes} MB")]
    TooBig { path: PathBuf, megabytes: u64 },
    #[error(transparent)]
    Dkim(#[from] DkimError),
    #[error("the stylesheet could not be written into the letter: {0}")]
    Style(String),
}

impl ComposeError {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<&str> {
        match self {
            Self::Source { hint, .. } => hint.as_deref(),
            Self::Dkim(error) => error.hint(),
            Self::Outside { .. } => Some("copy the file into the issue's folder"),
            Self::NoIssue { .. } => {
                Some("create an issue.toml with at least: title = \"…\" and date = 2026-04-15")
            }
            Self::Read { .. } => {
                Some("check the name; `medlemsbrev check` shows the line that names the file")
            }
            _ => None,
        }
    }
}
