//! `[ledger]`: a database on a server instead of the file in `state`.

use std::path::PathBuf;

use serde::Deserialize;

use super::password::PasswordKeys;

/// The environment variable that replaces `url`.
pub const URL_VARIABLE: &str = "MEDLEMSBREV_LEDGER_URL";

/// Where the ledger is, if it is not in the project's folder.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct LedgerConfig {
    /// `postgres://USER@HOST/DATABASE`, without a password.
    pub url: Option<String>,
    /// A certificate authority to trust besides the system's, in PEM.
    pub ca_file: Option<PathBuf>,
    pub password_env: Option<String>,
    pub password_file: Option<PathBuf>,
    pub password_command: Option<String>,
}

impl LedgerConfig {
    /// The password's source.
    pub fn password(&self) -> PasswordKeys<'_> {
        PasswordKeys {
            environment: self.password_env.as_deref(),
            file: self.password_file.as_deref(),
            command: self.password_command.as_deref(),
        }
    }

    /// The URL; the environment takes precedence over the file.
    pub fn url(&self) -> Option<String> {
        let set = std::env::var(URL_VARIABLE).ok().filter(|url| !url.is_empty());
        set.or_else(|| self.url.clone())
    }

    /// Tells whether the URL is only in the environment, which cron and systemd do not have.
    pub fn is_from_environment(&self) -> bool {
        self.url().is_some() && self.url.is_none()
    }

    /// Checks the table.
    ///
    /// # Errors
    /// Names the key and the problem.
    pub(super) fn check(&self) -> Result<(), (&'static str, &'static str)> {
        let Some(url) = &self.url else { return Ok(()) };
        let Ok(url) = url::Url::parse(url) else {
            return Err(("ledger.url", "is not a URL such as \"postgres://name@db.example.se/club\""));
        };
        if !["postgres", "postgresql"].contains(&url.scheme()) {
            return Err(("ledger.url", "does not begin with postgres://"));
        }
        if url.password().is_some() || url.query_pairs().any(|(key, _)| key == "password") {
            return Err((
                "ledger.url",
                "contains a password: use password_env, password_file or password_command",
            ));
        }
        let has_source =
            self.password_env.is_some() || self.password_file.is_some() || self.password_command.is_some();
        self.password().check(has_source).map_err(|message| ("ledger.url", message))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_password_in_the_file_is_rejected() {
        for (text, is_right) in [
            ("", true),
            ("url = \"postgres://anna@db.example.se/club\"", true),
            ("url = \"postgres:///club?host=/run/postgresql\"\npassword_env = \"X\"", true),
            ("url = \"postgres://anna:hemligt@db.example.se/club\"", false),
            ("url = \"postgres://db.example.se/club?password=hemligt\"", false),
            ("url = \"mysql://db.example.se/club\"", false),
            ("url = \"club\"", false),
            ("url = \"postgres://db/club\"\npassword_env = \"X\"\npassword_file = \"p\"", false),
        ] {
            let ledger: LedgerConfig = toml::from_str(text).unwrap();
            assert_eq!(ledger.check().is_ok(), is_right, "{text}");
        }
    }
}
