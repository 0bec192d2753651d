//! Connections to mail servers, for SMTP and IMAP alike: TCP, certificates, login.

mod tls;

use std::path::PathBuf;
use std::time::Duration;

use secrecy::SecretString;
use tokio::net::TcpStream;

pub use tls::Trust;

/// Prints the conversation with a server, line by line: `C:` before our lines, `S:` before the server's.
pub type Transcript = fn(&str);

/// Security of a connection to a mail server.
#[derive(Debug, Clone, Copy, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Security {
    /// STARTTLS (RFC 3207 and RFC 9051 §6.2.1), without falling back to plain text.
    Starttls,
    /// TLS from the first byte (RFC 8314 §3).
    Tls,
    /// Plain text, for a server on this machine only.
    None,
}

/// The method of authentication.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, serde::Deserialize)]
#[serde(rename_all = "lowercase")]
pub enum Auth {
    /// A password in plain text over the secure connection (RFC 4616), or an older method.
    #[default]
    Password,
    /// The password is an OAuth 2.0 access token.
    Xoauth2,
}

/// A user name and password.
#[derive(Debug, Clone)]
pub struct Login {
    pub user: String,
    pub password: SecretString,
    pub auth: Auth,
}

/// Why a server cannot be reached.
#[derive(Debug, thiserror::Error)]
pub enum ServerError {
    #[error("cannot connect to {server}: {reason}")]
    Connect { server: String, reason: String },
    #[error("{server} did not respond within {seconds} seconds")]
    TimedOut { server: String, seconds: u64 },
    #[error("{server} does not offer STARTTLS")]
    NoStarttls { server: String },
    #[error("TLS with {server} failed: {reason}")]
    Tls { server: String, reason: String },
    #[error("{server} refused the login as {user}: {reply}")]
    Login { server: String, user: String, reply: String },
    #[error("cannot read `{path}`: {source}")]
    Certificate { path: PathBuf, source: std::io::Error },
}

impl ServerError {
    /// Tells whether retrying later may help.
    pub fn is_temporary(&self) -> bool {
        matches!(self, Self::Connect { .. } | Self::TimedOut { .. })
    }

    /// The error for a missing reply.
    pub fn timed_out(server: String, limit: Duration) -> Self {
        Self::TimedOut { server, seconds: limit.as_secs() }
    }
}

/// Connects to a server.
///
/// # Errors
/// If it does not answer in time.
pub async fn connect(host: &str, port: u16, limit: Duration) -> Result<TcpStream, ServerError> {
    let server = || format!("{host}:{port}");
    let failed = |error: std::io::Error| ServerError::Connect { server: server(), reason: error.to_string() };
    let tcp = tokio::time::timeout(limit, TcpStream::connect((host, port)))
        .await
        .map_err(|_| ServerError::timed_out(server(), limit))?
        .map_err(failed)?;
    // Otherwise data written in two parts waits about 40 ms for a delayed acknowledgement.
    tcp.set_nodelay(true).map_err(failed)?;
    Ok(tcp)
}
