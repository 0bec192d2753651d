//! Connects to a server: with TLS, unless it is on this machine, and with the settings that the ledger relies on.

use std::cell::{Cell, RefCell};
use std::collections::HashMap;
use std::future::Future;
use std::io;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Duration;

use ::tokio_postgres::config::{Host, SslMode};
use ::tokio_postgres::tls::{ChannelBinding, MakeTlsConnect, TlsConnect, TlsStream};
use ::tokio_postgres::{Config, NoTls, Socket};
use percent_encoding::{NON_ALPHANUMERIC, utf8_percent_encode};
use secrecy::ExposeSecret;
use tokio::io::{AsyncRead, AsyncWrite, ReadBuf};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::ClientConfig;
use tokio_rustls::rustls::pki_types::ServerName;
use url::Url;

use super::client::Client;
use super::{PostgresSession, TransactionState, outside};
use crate::ledger::LedgerError;
use crate::ledger::place::DatabaseServer;
use crate::net::Trust;

const CONNECT: Duration = Duration::from_secs(10);
/// Both ends notice after about half a minute that the other one lost its power.
const IDLE: Duration = Duration::from_secs(10);
const PROBE: Duration = Duration::from_secs(5);
const PROBES: u32 = 3;
const SILENT: Duration = Duration::from_secs(30);
/// No answer takes longer, unless the server works on whole tables; something between here and there may keep a dead
/// connection open.
const ANSWER: Duration = Duration::from_mins(2);

/// Settings that a session relies on, whatever the server's defaults are. A commit is durable, each statement sees
/// what was committed before it, and nobody waits for a lock indefinitely: a program that stops inside a transaction
/// loses it, and its session, before the others give up waiting.
const SETTINGS: &str = "SET default_transaction_isolation = 'read committed';
    SELECT set_config('synchronous_commit', 'on', false) WHERE current_setting('synchronous_commit') IN ('off', 'local');
    SET lock_timeout = '20s'; SET idle_in_transaction_session_timeout = '8s';
    SET tcp_keepalives_idle = 10; SET tcp_keepalives_interval = 5; SET tcp_keepalives_count = 3";

/// Connects to a server.
pub(super) fn connect(server: &DatabaseServer) -> Result<PostgresSession, LedgerError> {
    let name = server.to_string();
    let failed = |reason: String| LedgerError::Server { server: name.clone(), reason };
    let mut config = settings(server).map_err(failed)?;
    let limit = config.get_tcp_user_timeout().copied().unwrap_or(ANSWER);
    config.tcp_user_timeout(limit.min(SILENT));
    let client = outside(|| match config.get_ssl_mode() {
        SslMode::Disable => Client::connect(&config, NoTls, limit).map_err(|error| error.to_string()),
        _ => Client::connect(&config, tls(server)?, limit)
            .map_err(|error| Trust::explained(&error.to_string())),
    });
    let client = client.map_err(failed)?;
    let session = of(client, name);
    session.batch(SETTINGS)?;
    Ok(session)
}

fn of(client: Client, name: String) -> PostgresSession {
    PostgresSession {
        client: RefCell::new(Some(client)),
        statements: RefCell::new(HashMap::new()),
        cursors: Cell::new(0),
        transaction: Cell::new(TransactionState::None),
        host: Cell::new(None),
        name,
    }
}

/// The settings in the URL. Only `disable` allows another machine without TLS, and with TLS the certificate must
/// always be valid for the host.
fn settings(server: &DatabaseServer) -> Result<Config, String> {
    let mut url = Url::parse(&server.url).map_err(|error| format!("invalid URL: {error}"))?;
    let pairs: Vec<(String, String)> = url.query_pairs().into_owned().collect();
    let mode = pairs.iter().find(|(key, _)| key == "sslmode").map(|(_, value)| value.clone());
    // The driver reads `%20` as a space, but not `+`.
    let encoded = |text: &str| utf8_percent_encode(text, NON_ALPHANUMERIC).to_string();
    let others = pairs.iter().filter(|(key, _)| key != "sslmode");
    let others: Vec<String> = others.map(|(key, value)| format!("{key}={}", encoded(value))).collect();
    url.set_query((!others.is_empty()).then(|| others.join("&")).as_deref());
    let mut config: Config = url.as_str().parse().map_err(|error| super::words(&error))?;
    if let Some(password) = &server.password {
        config.password(password.expose_secret());
    }
    let is_local = config.get_hosts().iter().all(|host| match host {
        Host::Unix(_) => true,
        Host::Tcp(host) => {
            let address = host.trim_matches(['[', ']']).parse::<std::net::IpAddr>();
            host == "localhost" || address.is_ok_and(|address| address.is_loopback())
        }
    });
    config.ssl_mode(match mode.as_deref() {
        Some("disable") => SslMode::Disable,
        None if is_local => SslMode::Disable,
        None | Some("require" | "verify-ca" | "verify-full") => SslMode::Require,
        Some(other) => return Err(format!("sslmode `{other}` does not protect: use verify-full or disable")),
    });
    if config.get_connect_timeout().is_none() {
        config.connect_timeout(CONNECT);
    }
    config.keepalives(true).keepalives_idle(IDLE).keepalives_interval(PROBE).keepalives_retries(PROBES);
    if config.get_application_name().is_none() {
        config.application_name("medlemsbrev");
    }
    Ok(config)
}

fn tls(server: &DatabaseServer) -> Result<Tls, String> {
    let trust = Trust::load("", server.ca_file.as_deref()).map_err(|error| error.to_string())?;
    trust.config().map(|config| Tls(Arc::new(config))).map_err(|error| error.to_string())
}

/// Creates TLS connections.
#[derive(Clone)]
struct Tls(Arc<ClientConfig>);

/// Creates a TLS connection to one host.
struct Handshake {
    config: Arc<ClientConfig>,
    host: ServerName<'static>,
}

/// An encrypted connection.
struct Encrypted(tokio_rustls::client::TlsStream<Socket>);

impl MakeTlsConnect<Socket> for Tls {
    type Stream = Encrypted;
    type TlsConnect = Handshake;
    type Error = tokio_rustls::rustls::pki_types::InvalidDnsNameError;

    fn make_tls_connect(&mut self, domain: &str) -> Result<Handshake, Self::Error> {
        Ok(Handshake { config: Arc::clone(&self.0), host: ServerName::try_from(domain.to_owned())? })
    }
}

impl TlsConnect<Socket> for Handshake {
    type Stream = Encrypted;
    type Error = io::Error;
    type Future = Pin<Box<dyn Future<Output = io::Result<Encrypted>> + Send>>;

    fn connect(self, stream: Socket) -> Self::Future {
        Box::pin(
            async move { TlsConnector::from(self.config).connect(self.host, stream).await.map(Encrypted) },
        )
    }
}

impl TlsStream for Encrypted {
    fn channel_binding(&self) -> ChannelBinding {
        // The certificate was verified for the host's name.
        ChannelBinding::none()
    }
}

impl AsyncRead for Encrypted {
    fn poll_read(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        buffer: &mut ReadBuf<'_>,
    ) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_read(context, buffer)
    }
}

impl AsyncWrite for Encrypted {
    fn poll_write(
        mut self: Pin<&mut Self>,
        context: &mut Context<'_>,
        bytes: &[u8],
    ) -> Poll<io::Result<usize>> {
        Pin::new(&mut self.0).poll_write(context, bytes)
    }

    fn poll_flush(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_flush(context)
    }

    fn poll_shutdown(mut self: Pin<&mut Self>, context: &mut Context<'_>) -> Poll<io::Result<()>> {
        Pin::new(&mut self.0).poll_shutdown(context)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(url: &str) -> Result<SslMode, String> {
        let server = DatabaseServer { url: url.to_owned(), password: None, ca_file: None };
        settings(&server).map(|config| config.get_ssl_mode())
    }

    #[test]
    fn another_machine_is_reached_with_tls_unless_it_is_disabled() {
        for (url, expected) in [
            ("postgres://anna@db.example.se/club", SslMode::Require),
            ("postgres://anna@db.example.se/club?sslmode=verify-full", SslMode::Require),
            ("postgres://anna@db.example.se/club?sslmode=disable", SslMode::Disable),
            ("postgres://anna@localhost:5433/club", SslMode::Disable),
            ("postgres://anna@[::1]/club", SslMode::Disable),
            ("postgres:///club?host=/run/postgresql&user=anna", SslMode::Disable),
            ("postgres://anna@localhost,db.example.se/club", SslMode::Require),
        ] {
            assert_eq!(mode(url), Ok(expected), "{url}");
        }
        assert!(mode("postgres://anna@db.example.se/club?sslmode=prefer").unwrap_err().contains("prefer"));
        assert!(mode("not a URL").is_err());
    }
}
