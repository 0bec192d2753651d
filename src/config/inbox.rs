//! `[inbox]`: where returned mail is read from, and how it is processed.

use std::fmt;
use std::path::PathBuf;
use std::time::Duration;

use serde::de::value::{MapAccessDeserializer, SeqAccessDeserializer};
use serde::de::{MapAccess, SeqAccess, Visitor};
use serde::{Deserialize, Deserializer};

use crate::net::{Auth, Security};

use super::password::PasswordKeys;
use super::{Count, Span};

/// Where returned mail is read from, and how it is processed.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct InboxConfig {
    /// Maildirs, mboxes and message files, relative to the project's folder.
    pub sources: Vec<PathBuf>,
    /// The folder to move handled messages of a Maildir or folder to.
    pub move_to: Option<PathBuf>,
    /// An address is suppressed after soft bounces from this many issues in a row.
    pub soft_issues: Count,
    /// Send a short confirmation to members who unsubscribe by mail.
    pub confirm: bool,
    /// Our mail server's name in `Authentication-Results`; its DMARC results are trusted (RFC 8601 §2.5).
    pub authserv_id: Option<String>,
    /// One folder, or several.
    #[serde(deserialize_with = "one_or_several")]
    pub imap: Vec<ImapConfig>,
}

/// A folder of an IMAP server.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct ImapConfig {
    pub host: String,
    pub port: Option<u16>,
    #[serde(default = "tls")]
    pub security: Security,
    /// A certificate authority to trust besides the system's, in PEM.
    pub ca_file: Option<PathBuf>,
    pub username: String,
    #[serde(default)]
    pub auth: Auth,
    pub password_env: Option<String>,
    pub password_file: Option<PathBuf>,
    pub password_command: Option<String>,
    #[serde(default = "inbox")]
    pub folder: String,
    /// The folder on the server to move handled messages to.
    pub move_to: Option<String>,
    /// How long the server may stay silent.
    #[serde(default = "a_minute")]
    pub timeout: Span,
}

impl Default for InboxConfig {
    fn default() -> Self {
        Self {
            sources: Vec::new(),
            move_to: None,
            soft_issues: Count(2),
            confirm: false,
            authserv_id: None,
            imap: Vec::new(),
        }
    }
}

impl InboxConfig {
    /// Tells whether returned mail is read from anywhere.
    pub fn has_source(&self) -> bool {
        !self.sources.is_empty() || !self.imap.is_empty()
    }
}

impl ImapConfig {
    /// The port (default: the usual one for the kind of security).
    pub fn port(&self) -> u16 {
        self.port.unwrap_or(if self.security == Security::Tls { 993 } else { 143 })
    }

    /// The password's source.
    pub fn password(&self) -> PasswordKeys<'_> {
        PasswordKeys {
            environment: self.password_env.as_deref(),
            file: self.password_file.as_deref(),
            command: self.password_command.as_deref(),
        }
    }

    /// Checks that the values are consistent.
    pub(super) fn check(&self) -> Result<(), (&'static str, &'static str)> {
        self.password().check(true).map_err(|message| ("inbox.imap.username", message))?;
        if self.security == Security::None && !super::is_this_machine(&self.host) {
            return Err((
                "inbox.imap.security",
                "is \"none\", which is only for a server on this machine: use \"tls\" or \"starttls\"",
            ));
        }
        if self.move_to.as_ref().is_some_and(|to| *to == self.folder) {
            return Err(("inbox.imap.move_to", "is the folder that is read: use another one"));
        }
        Ok(())
    }
}

fn tls() -> Security {
    Security::Tls
}

fn inbox() -> String {
    "INBOX".to_owned()
}

fn a_minute() -> Span {
    Span(Duration::from_mins(1))
}

/// Reads `[inbox.imap]` or `[[inbox.imap]]`.
fn one_or_several<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Vec<ImapConfig>, D::Error> {
    struct FolderTables;

    impl<'de> Visitor<'de> for FolderTables {
        type Value = Vec<ImapConfig>;

        fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
            f.write_str("a table [inbox.imap], or several [[inbox.imap]]")
        }

        fn visit_map<A: MapAccess<'de>>(self, map: A) -> Result<Self::Value, A::Error> {
            ImapConfig::deserialize(MapAccessDeserializer::new(map)).map(|imap| vec![imap])
        }

        fn visit_seq<A: SeqAccess<'de>>(self, several: A) -> Result<Self::Value, A::Error> {
            Vec::deserialize(SeqAccessDeserializer::new(several))
        }
    }

    deserializer.deserialize_any(FolderTables)
}

#[cfg(test)]
mod tests {
    use super::*;

    const ONE: &str = "host = \"localhost\"\nusername = \"a\"\npassword_env = \"X\"\n";

    fn read(text: &str) -> Result<InboxConfig, String> {
        toml::from_str(text).map_err(|error| error.to_string())
    }

    #[test]
    fn one_table_or_several() {
        let one = read(&format!("[imap]\n{ONE}")).unwrap();
        assert_eq!((one.imap.len(), one.imap[0].port(), one.imap[0].folder.as_str()), (1, 993, "INBOX"));
        assert_eq!(read(&format!("[[imap]]\n{ONE}[[imap]]\n{ONE}")).unwrap().imap.len(), 2);
        let error = read(&format!("[imap]\n{ONE}foldr = \"x\"")).unwrap_err();
        assert!(error.contains("foldr") && error.contains("line 5"), "{error}");
    }

    #[test]
    fn inconsistent_values_are_rejected() {
        for (more, key) in [
            ("", ""),
            ("security = \"none\"", ""),
            ("security = \"none\"\nhost = \"mail.example.se\"", "inbox.imap.security"),
            ("move_to = \"INBOX\"", "inbox.imap.move_to"),
            ("password_file = \"p\"", "inbox.imap.username"),
        ] {
            let text = if more.contains("host") {
                ONE.replace("host = \"localhost\"\n", "")
            } else {
                ONE.to_owned()
            };
            let inbox = read(&format!("[imap]\n{text}{more}")).unwrap();
            let wrong = inbox.imap[0].check().err().map_or("", |(key, _)| key);
            assert_eq!(wrong, key, "{more}");
        }
    }
}
