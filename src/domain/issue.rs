//! One edition of the newsletter.

use std::fmt;
use std::str::FromStr;

use jiff::civil::{Date, DateTime};
use serde::{Deserialize, Serialize};

/// The name of an issue and of its folder, such as `2026-1`.
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct IssueName(String);

/// Why a text cannot name an issue.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{0}` cannot name an issue: use 1 to 16 small letters, digits and `-`, such as `2026-1`")]
pub struct IssueNameError(String);

impl IssueName {
    pub fn as_str(&self) -> &str {
        &self.0
    }
}

impl FromStr for IssueName {
    type Err = IssueNameError;

    // The name is in a token in an address's local part, which has 64 octets and no sure case.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let allowed = |b: u8| b.is_ascii_lowercase() || b.is_ascii_digit() || b == b'-';
        if text.is_empty() || text.len() > 16 || !text.bytes().all(allowed) || text.starts_with('-') {
            return Err(IssueNameError(text.to_owned()));
        }
        Ok(Self(text.to_owned()))
    }
}

impl TryFrom<String> for IssueName {
    type Error = IssueNameError;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<IssueName> for String {
    fn from(name: IssueName) -> Self {
        name.0
    }
}

impl fmt::Display for IssueName {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

/// What an issue is, and so who gets it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IssueKind {
    /// For those who want it.
    #[default]
    Newsletter,
    /// What every member must get, such as a summons to the annual meeting.
    Notice,
}

/// What `issue.toml` says about an issue.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Issue {
    pub name: IssueName,
    pub kind: IssueKind,
    pub title: String,
    pub subject: String,
    /// The line that mail programs show after the subject.
    pub preheader: Option<String>,
    pub date: Date,
    /// BCP 47 code of a language file, such as `sv`.
    pub language: String,
    /// Template of the greeting (default: the language file's own).
    pub greeting: Option<String>,
    /// Whether the events go along as a calendar file.
    pub calendar: bool,
    /// Not before and not after, in the association's time zone.
    pub send_at: Option<DateTime>,
    pub send_until: Option<DateTime>,
}
