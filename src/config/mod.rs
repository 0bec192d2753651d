//! `medlemsbrev.toml`: who sends, how, and to whom.

mod design;
mod inbox;
mod ledger;
mod paper;
mod password;
mod provider;
mod report;
mod schedule;
mod values;

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use jiff::tz::TimeZone;
use serde::Deserialize;

use crate::domain::{Address, Excerpt, IdentityKey, Partner, Quota, Segment, suggest};
use crate::net::{Auth, Security};

pub use design::DesignConfig;
pub use inbox::{ImapConfig, InboxConfig};
pub use ledger::{LedgerConfig, URL_VARIABLE};
pub use paper::PaperConfig;
pub use password::{Password, PasswordError, PasswordKeys};
pub use provider::Provider;
pub use report::ReportConfig;
pub use schedule::{MonthDay, ScheduleConfig};
pub use values::{Age, Count, FolderUrl, ListId, MaxMissing, Missing, Span, UnsubscribeUrl, Wait, ZoneName};

/// The file's name in a project's folder.
pub const FILE: &str = "medlemsbrev.toml";

/// The configuration file; each value is checked on its own.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Config {
    pub association: AssociationConfig,
    pub sender: SenderConfig,
    #[serde(default)]
    pub transport: TransportConfig,
    #[serde(default)]
    pub members: MembersConfig,
    #[serde(default)]
    pub paper: PaperConfig,
    #[serde(default)]
    pub report: ReportConfig,
    #[serde(default)]
    pub archive: ArchiveConfig,
    #[serde(default)]
    pub schedule: ScheduleConfig,
    #[serde(default)]
    pub inbox: InboxConfig,
    #[serde(default)]
    pub design: DesignConfig,
    /// Partners and sponsors, shown above the letter's footer.
    #[serde(default)]
    pub partner: Vec<Partner>,
    #[serde(default)]
    pub ledger: LedgerConfig,
    /// Keys that sign every letter.
    #[serde(default)]
    pub dkim: Vec<DkimConfig>,
    /// Named segment expressions.
    #[serde(default)]
    pub segments: BTreeMap<String, Segment>,
}

/// The association that writes the letter.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AssociationConfig {
    pub name: String,
    #[serde(default = "swedish")]
    pub language: String,
    #[serde(default = "stockholm")]
    pub time_zone: ZoneName,
    pub postal_address: String,
    pub website: Option<String>,
    pub contact: Address,
    /// Telephone number for questions.
    pub phone: Option<String>,
    /// Image file, relative to the project's folder.
    pub logo: Option<PathBuf>,
    /// The number of days that the statutes require between a notice and its meeting.
    pub notice_days: Option<u16>,
}

/// The sender's addresses in the letter.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct SenderConfig {
    /// Display name (default: the association's).
    pub name: Option<String>,
    pub address: Address,
    pub reply_to: Option<Address>,
    /// Return path; in each letter, the member's token follows a `+` (VERP).
    pub bounce_address: Option<Address>,
    pub unsubscribe_address: Option<Address>,
    /// `https:` URL with `{token}` in it.
    pub unsubscribe_url: Option<UnsubscribeUrl>,
    /// Whether the provider's DKIM signature covers `List-Unsubscribe` and `List-Unsubscribe-Post`.
    #[serde(default)]
    pub one_click: bool,
    pub list_id: Option<ListId>,
    /// The recipients of test letters.
    #[serde(default)]
    pub testers: Vec<Address>,
}

/// How letters are sent.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct TransportConfig {
    pub kind: TransportKind,
    /// A mail provider with a known server and limits.
    pub provider: Option<String>,
    pub host: Option<String>,
    pub port: Option<u16>,
    pub security: Security,
    /// A certificate authority to trust besides the system's, in PEM.
    pub ca_file: Option<PathBuf>,
    pub username: Option<String>,
    /// How to log in.
    pub auth: Auth,
    pub password_env: Option<String>,
    pub password_file: Option<PathBuf>,
    pub password_command: Option<String>,
    pub hello_name: Option<String>,
    pub connections: Count,
    pub max_letters_per_connection: Count,
    pub connect_timeout: Span,
    pub command_timeout: Span,
    pub final_dot_timeout: Span,
    /// How long a run keeps retrying deferred letters and an unreachable server.
    pub patience: Wait,
    /// How many letters may be sent in a period, over all runs.
    pub quota: Vec<Quota>,
    /// The sendmail program.
    pub command: PathBuf,
    /// The outbox folder, relative to the project's folder.
    pub dir: PathBuf,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum TransportKind {
    Outbox,
    Smtp,
    Sendmail,
}

/// The member list.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct MembersConfig {
    pub file: Option<PathBuf>,
    pub encoding: Option<String>,
    pub delimiter: Option<char>,
    pub skip_bad: bool,
    pub max_missing: MaxMissing,
    pub missing: Missing,
    /// How members are recognised (default: the number, if there is one).
    pub key: Option<IdentityKey>,
    /// Field → one or several headers in the file, the best first.
    pub columns: BTreeMap<String, ColumnHeaders>,
    /// Only rows that match this are members.
    pub only: Option<Segment>,
    /// The members with a vote, who get notices (default: everyone).
    pub voting: Option<Segment>,
    /// Headers of columns to drop.
    pub ignore: Vec<String>,
    /// Headers of columns to keep although they hold personal identity numbers.
    pub keep: Vec<String>,
}

/// One header of the member list, or several; the first one present counts.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum ColumnHeaders {
    One(String),
    Several(Vec<String>),
}

impl ColumnHeaders {
    /// The headers, the best first.
    pub fn to_vec(&self) -> Vec<String> {
        match self {
            Self::One(header) => vec![header.clone()],
            Self::Several(headers) => headers.clone(),
        }
    }
}

/// A DKIM key (RFC 6376): its public half is in the DNS at `SELECTOR._domainkey.DOMAIN`.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct DkimConfig {
    pub selector: String,
    /// The domain (default: the sender's).
    pub domain: Option<String>,
    /// Private key in PEM, relative to the project's folder: RSA from 2048 bits, or Ed25519.
    pub key_file: PathBuf,
}

/// The letters as web pages.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ArchiveConfig {
    /// The public address of the pages.
    pub url: Option<FolderUrl>,
}

/// Why the configuration cannot be used.
#[derive(Debug, thiserror::Error)]
pub enum ConfigError {
    #[error("there is no folder `{dir}`")]
    NoFolder { dir: PathBuf },
    #[error("there is no `{FILE}` in `{dir}`")]
    Missing { dir: PathBuf, above: Option<PathBuf> },
    #[error("cannot read `{path}`: {source}")]
    Read { path: PathBuf, source: std::io::Error },
    #[error("`{path}`: {message}", path = excerpt.path.display())]
    Syntax { message: String, hint: Option<String>, excerpt: Excerpt },
    #[error("`{path}`: `{key}` {message}")]
    Value { path: PathBuf, key: &'static str, message: String },
}

impl Config {
    /// The sender's name (default: the association's).
    pub fn sender_name(&self) -> &str {
        self.sender.name.as_ref().unwrap_or(&self.association.name)
    }

    /// Reads and checks the configuration in a project's folder.
    ///
    /// # Errors
    /// Gives the place in the file if a value is invalid.
    pub fn load(dir: &Path) -> Result<Self, ConfigError> {
        let path = dir.join(FILE);
        let text = match std::fs::read_to_string(&path) {
            Ok(text) => text,
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
                let dir = dir.to_owned();
                return Err(match std::fs::canonicalize(&dir) {
                    Ok(path) => ConfigError::Missing { above: project_above(&path), dir },
                    Err(_) => ConfigError::NoFolder { dir },
                });
            }
            Err(source) => return Err(ConfigError::Read { path, source }),
        };
        let mut config: Self = toml::from_str(&text).map_err(|error| syntax(&path, &text, &error))?;
        if let Some(name) = &config.transport.provider {
            let provider = Provider::named(name).map_err(|message| ConfigError::Value {
                path: path.clone(),
                key: "transport.provider",
                message,
            })?;
            let own: toml::Table = text.parse().unwrap_or_default();
            let own = own.get("transport").and_then(toml::Value::as_table).cloned().unwrap_or_default();
            provider.fill(&mut config.transport, &own);
        }
        config.check(&path)?;
        Ok(config)
    }

    /// Checks that the values are consistent.
    fn check(&self, path: &Path) -> Result<(), ConfigError> {
        let wrong = |key, message: &str| {
            Err(ConfigError::Value { path: path.to_owned(), key, message: message.to_owned() })
        };
        let transport = &self.transport;
        if transport.kind == TransportKind::Smtp && transport.host.is_none() {
            return wrong("transport.host", "is missing: name the mail server, such as \"mail.example.se\"");
        }
        transport
            .password()
            .check(transport.username.is_some())
            .or_else(|message| wrong("transport.username", message))?;
        let host = transport.host.as_deref().unwrap_or_default();
        if transport.security == Security::None && transport.username.is_some() && !is_this_machine(host) {
            return wrong(
                "transport.security",
                "is \"none\", which would send the password unencrypted: use \"tls\" or \"starttls\"",
            );
        }
        for imap in &self.inbox.imap {
            imap.check().or_else(|(key, message)| wrong(key, message))?;
        }
        self.ledger.check().or_else(|(key, message)| wrong(key, message))?;
        self.report.check().or_else(|message| wrong("report.by", &message))?;
        if self.association.name.trim().is_empty() {
            return wrong("association.name", "is empty");
        }
        if let Some(phone) = &self.association.phone {
            let is_number = |c: char| c.is_ascii_digit() || "+-–()/. ".contains(c);
            if phone.chars().filter(char::is_ascii_digit).count() < 5 || !phone.chars().all(is_number) {
                return wrong(
                    "association.phone",
                    "is not a telephone number: write it as \"08-123 456 78\"",
                );
            }
        }
        let names =
            [("association.name", Some(&self.association.name)), ("sender.name", self.sender.name.as_ref())];
        for (key, name) in names {
            if name.is_some_and(|name| name.chars().any(char::is_control)) {
                return wrong(key, "contains a line break or another control character");
            }
        }
        if let Some(address) = &self.sender.bounce_address
            && address.local_part().len() > 64 - crate::domain::token::MAX_LENGTH - 1
        {
            return wrong(
                "sender.bounce_address",
                "has a local part that is too long for a token: use a shorter one",
            );
        }
        Ok(())
    }
}

/// Tells whether a mail server's host is this machine, so that nothing crosses the network.
fn is_this_machine(host: &str) -> bool {
    let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
    host.eq_ignore_ascii_case("localhost") || address.is_ok_and(|address| address.is_loopback())
}

/// The nearest folder above `dir` with a project in it.
fn project_above(dir: &Path) -> Option<PathBuf> {
    dir.ancestors().skip(1).find(|folder| folder.join(FILE).is_file()).map(Path::to_owned)
}

/// Adds the place in the file to an error of the TOML parser.
pub fn syntax(path: &Path, text: &str, error: &toml::de::Error) -> ConfigError {
    let (message, hint) = suggest::unknown_name(error.message());
    ConfigError::Syntax { message, hint, excerpt: Excerpt::new(path, text, error.span().unwrap_or(0..0)) }
}

impl Default for TransportConfig {
    fn default() -> Self {
        Self {
            kind: TransportKind::Outbox,
            provider: None,
            host: None,
            port: None,
            security: Security::Starttls,
            ca_file: None,
            username: None,
            auth: Auth::Password,
            password_env: None,
            password_file: None,
            password_command: None,
            hello_name: None,
            connections: Count(4),
            max_letters_per_connection: Count(100),
            connect_timeout: Span(Duration::from_mins(1)),
            // RFC 5321 §4.5.3.2: five minutes for a command, ten for the reply to the final dot.
            command_timeout: Span(Duration::from_mins(5)),
            final_dot_timeout: Span(Duration::from_mins(10)),
            patience: Wait(Duration::from_mins(30)),
            quota: Vec::new(),
            command: PathBuf::from("/usr/sbin/sendmail"),
            dir: PathBuf::from("outbox"),
        }
    }
}

impl TransportConfig {
    /// The configured provider; its name was checked when the configuration was read.
    pub fn provider(&self) -> Option<&'static Provider> {
        Provider::named(self.provider.as_deref()?).ok()
    }

    /// The password's source.
    pub fn password(&self) -> PasswordKeys<'_> {
        PasswordKeys {
            environment: self.password_env.as_deref(),
            file: self.password_file.as_deref(),
            command: self.password_command.as_deref(),
        }
    }

    /// The port (default: the usual one for the kind of security).
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(match self.security {
            Security::Starttls => 587,
            Security::Tls => 465,
            Security::None => 25,
        })
    }
}

fn swedish() -> String {
    "sv".to_owned()
}

fn stockholm() -> ZoneName {
    ZoneName(TimeZone::get("Europe/Stockholm").unwrap_or(TimeZone::UTC))
}
