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

    // The name is part of a token in a local part, which has at most 64 octets and may lose its case.
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

/// The kind of an issue, which decides who gets it.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum IssueKind {
    /// Goes to members who want newsletters.
    #[default]
    Newsletter,
    /// Goes to every member, for example the summons to the annual meeting.
    Notice,
}

/// The content of `issue.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Issue {
    pub name: IssueName,
    pub kind: IssueKind,
    pub title: String,
    pub subject: String,
    /// The line that mail programs show next to the subject.
    pub preheader: Option<String>,
    pub date: Date,
    /// BCP 47 code of a language file, such as `sv`.
    pub language: String,
    /// Template of the greeting (default: the language file's own).
    pub greeting: Option<String>,
    /// Whether the events are attached as a calendar file.
    pub calendar: bool,
    /// The earliest and the latest time to send, in the association's time zone.
    pub send_at: Option<DateTime>,
    pub send_until: Option<DateTime>,
}
