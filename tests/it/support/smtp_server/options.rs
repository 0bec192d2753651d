//! A server's extensions and requirements.

use std::sync::Arc;

use rustls::ServerConfig;

use super::script::Action;

/// A service extension in the answer to EHLO; STARTTLS and AUTH depend on [`Security`] and login.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Extension {
    Pipelining,
    EightBitMime,
    SmtpUtf8,
    /// The maximum size of a letter in bytes.
    Size(usize),
    Dsn,
    EnhancedStatusCodes,
}

impl Extension {
    fn keyword(self) -> String {
        match self {
            Self::Pipelining => "PIPELINING".to_owned(),
            Self::EightBitMime => "8BITMIME".to_owned(),
            Self::SmtpUtf8 => "SMTPUTF8".to_owned(),
            Self::Size(limit) => format!("SIZE {limit}"),
            Self::Dsn => "DSN".to_owned(),
            Self::EnhancedStatusCodes => "ENHANCEDSTATUSCODES".to_owned(),
        }
    }
}

/// How the connection is protected.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Security {
    #[default]
    None,
    StartTls,
    /// TLS from the first byte.
    Tls,
}

impl Security {
    /// The word for it in the program's configuration.
    pub fn word(self) -> &'static str {
        match self {
            Self::None => "none",
            Self::StartTls => "starttls",
            Self::Tls => "tls",
        }
    }
}

/// A user name and password that the server accepts.
#[derive(Clone, Debug)]
pub struct Account {
    pub user: String,
    pub password: String,
    pub mechanisms: Vec<&'static str>,
}

/// Options that do not change while a server runs.
#[derive(Clone)]
pub struct Options {
    pub extensions: Vec<Extension>,
    pub security: Security,
    /// Does not offer STARTTLS although it could, as if an attacker had stripped it.
    pub hides_start_tls: bool,
    pub tls: Option<Arc<ServerConfig>>,
    pub account: Option<Account>,
    /// Asks for the letter although it accepted no recipient (RFC 2920 §3.1).
    pub data_without_recipients: bool,
    /// Discards data that arrives with a final dot although it offers PIPELINING.
    pub forgets_what_follows: bool,
    /// What to do with a letter if data follows its final dot.
    pub punishes_what_follows: Option<Action>,
}

impl Default for Options {
    fn default() -> Self {
        use Extension::{Dsn, EightBitMime, EnhancedStatusCodes, Pipelining, Size, SmtpUtf8};
        Self {
            extensions: vec![Pipelining, Size(35_651_584), EightBitMime, SmtpUtf8, Dsn, EnhancedStatusCodes],
            security: Security::None,
            hides_start_tls: false,
            tls: None,
            account: None,
            data_without_recipients: false,
            forgets_what_follows: false,
            punishes_what_follows: None,
        }
    }
}

impl Options {
    pub fn offers(&self, extension: Extension) -> bool {
        self.extensions.contains(&extension)
    }

    pub fn size_limit(&self) -> Option<usize> {
        self.extensions.iter().find_map(|extension| match extension {
            Extension::Size(limit) => Some(*limit),
            _ => None,
        })
    }

    pub fn offers_start_tls(&self, is_tls: bool) -> bool {
        self.security == Security::StartTls && !is_tls && !self.hides_start_tls
    }

    /// The account that a client may log in to now: never in plain text if TLS is available.
    pub fn account(&self, is_tls: bool) -> Option<&Account> {
        self.account.as_ref().filter(|_| is_tls || self.security == Security::None)
    }

    /// The keywords after the first line of the answer to EHLO.
    pub fn keywords(&self, is_tls: bool) -> Vec<String> {
        let mut words: Vec<String> = self.extensions.iter().map(|one| one.keyword()).collect();
        if self.offers_start_tls(is_tls) {
            words.push("STARTTLS".to_owned());
        }
        if let Some(account) = self.account(is_tls) {
            words.push(format!("AUTH {}", account.mechanisms.join(" ")));
        }
        words
    }
}
