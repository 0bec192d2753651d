//! How a relay answers a letter.

use std::fmt;

use serde::{Deserialize, Serialize};

/// The result of one delivery attempt; a refusal is data, not an error.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(tag = "state", rename_all = "snake_case")]
pub enum Outcome {
    Accepted(Reply),
    Deferred(Reply),
    Rejected(Reply),
    /// The final dot was sent, or may have been, but no reply came.
    InDoubt(Reply),
}

/// A relay's reply, or the program's own words if the relay did not reply.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Reply {
    /// Reply code (RFC 5321 §4.2), if the relay gave one.
    pub code: Option<u16>,
    /// Enhanced status code (RFC 3463), if the relay gave one.
    pub status: Option<String>,
    pub text: String,
}

impl Reply {
    /// Parses a server's reply; the enhanced status code is part of its text (RFC 2034 §4).
    pub fn from_server(code: u16, text: &str) -> Self {
        let first = text.split_whitespace().next().unwrap_or_default();
        Self {
            code: Some(code),
            status: is_enhanced_status(first).then(|| first.to_owned()),
            text: one_line(text),
        }
    }

    /// Tells whether the reply is a permanent refusal (RFC 5321 §4.2.1).
    pub fn is_final(&self) -> bool {
        self.code.is_some_and(|code| code >= 500)
    }

    /// A reply about a problem on this side, in the program's own words.
    pub fn local(text: impl Into<String>) -> Self {
        Self { code: None, status: None, text: one_line(&text.into()) }
    }
}

/// Folds white space and control characters, so that a hostile reply cannot break a log line or a terminal.
fn one_line(text: &str) -> String {
    let clean: String = text.chars().map(|c| if c.is_control() { ' ' } else { c }).take(500).collect();
    clean.split_whitespace().collect::<Vec<_>>().join(" ")
}

fn is_enhanced_status(word: &str) -> bool {
    let mut parts = word.split('.');
    let class = matches!(parts.next(), Some("2" | "4" | "5"));
    let is_number = |part: Option<&str>| {
        part.is_some_and(|p| !p.is_empty() && p.len() <= 3 && p.bytes().all(|b| b.is_ascii_digit()))
    };
    class && is_number(parts.next()) && is_number(parts.next()) && parts.next().is_none()
}

impl fmt::Display for Reply {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.code {
            Some(code) => write!(f, "{code} {}", self.text),
            None => f.write_str(&self.text),
        }
    }
}

impl Outcome {
    /// The reply that led to this outcome.
    pub fn reply(&self) -> &Reply {
        match self {
            Self::Accepted(reply) | Self::Deferred(reply) | Self::Rejected(reply) | Self::InDoubt(reply) => {
                reply
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_enhanced_status_is_read_from_the_text() {
        for (text, want) in [
            ("5.1.1 no such user", Some("5.1.1")),
            ("2.0.0", Some("2.0.0")),
            ("no such user", None),
            ("5.1 half", None),
            ("10.0.0.1 is listed", None),
            ("", None),
        ] {
            assert_eq!(Reply::from_server(550, text).status.as_deref(), want);
        }
    }

    #[test]
    fn a_hostile_reply_becomes_one_short_line() {
        let reply = Reply::from_server(550, &format!("a\r\n\u{1b}[31mb {}", "x".repeat(9000)));
        assert!(reply.text.starts_with("a [31mb x") && reply.text.chars().count() <= 500);
    }
}
