//! Certificates to trust, for our own handshake and lettre's STARTTLS.

use std::error::Error;
use std::io;
use std::path::Path;
use std::sync::Arc;
use std::time::Duration;

use tokio::net::TcpStream;
use tokio_rustls::TlsConnector;
use tokio_rustls::client::TlsStream;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::ServerError;

/// The certificate authorities of the system, of Mozilla, and the user's own.
#[derive(Debug, Clone)]
pub struct Trust {
    host: String,
    extra: Vec<CertificateDer<'static>>,
}

impl Trust {
    /// Reads the user's own authorities from a PEM file.
    ///
    /// # Errors
    /// If the file cannot be read or holds no certificate.
    pub fn load(host: &str, ca_file: Option<&Path>) -> Result<Self, ServerError> {
        let mut extra = Vec::new();
        if let Some(path) = ca_file {
            let unreadable = |reason: String| ServerError::Certificate {
                path: path.to_owned(),
                source: std::io::Error::new(std::io::ErrorKind::InvalidData, reason),
            };
            let pem = std::fs::read(path)
                .map_err(|source| ServerError::Certificate { path: path.to_owned(), source })?;
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                extra.push(certificate.map_err(|error| unreadable(error.to_string()))?);
            }
            if extra.is_empty() {
                return Err(unreadable("it contains no PEM certificate".to_owned()));
            }
        }
        Ok(Self { host: host.to_owned(), extra })
    }

    /// Secures a new connection, or one whose server is ready for TLS.
    ///
    /// # Errors
    /// If the server's certificate is not trusted, or it does not answer in time.
    pub async fn secure(&self, tcp: TcpStream, limit: Duration) -> Result<TlsStream<TcpStream>, ServerError> {
        let (connector, name) = self.connector()?;
        tokio::time::timeout(limit, connector.connect(name, tcp))
            .await
            .map_err(|_| ServerError::timed_out(self.host.clone(), limit))?
            .map_err(|error| self.error(&error))
    }

    fn connector(&self) -> Result<(TlsConnector, ServerName<'static>), ServerError> {
        let name = ServerName::try_from(self.host.clone()).map_err(|error| self.error(&error))?;
        Ok((TlsConnector::from(Arc::new(self.config()?)), name))
    }

    /// The settings for a handshake with any host that has a trusted certificate.
    ///
    /// # Errors
    /// If one of the user's own authorities cannot be used.
    pub fn config(&self) -> Result<ClientConfig, ServerError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        for certificate in &self.extra {
            roots.add(certificate.clone()).map_err(|error| self.error(&error))?;
        }
        let provider = Arc::new(tokio_rustls::rustls::crypto::aws_lc_rs::default_provider());
        Ok(ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| self.error(&error))?
            .with_root_certificates(roots)
            .with_no_client_auth())
    }

    /// Explains an error of the handshake and what to do about it.
    pub fn error(&self, error: &(dyn Error + 'static)) -> ServerError {
        let chain = || std::iter::successors(Some(error), |&error| error.source());
        let words = chain().last().map(ToString::to_string).unwrap_or_default();
        if chain().any(is_broken_connection) {
            return ServerError::Connect { server: self.host.clone(), reason: words };
        }
        ServerError::Tls { server: self.host.clone(), reason: Self::explained(&words) }
    }

    /// An error of a handshake in rustls's words, with what to do before them if that is known.
    pub fn explained(words: &str) -> String {
        // rustls names the problem in its Debug form or in words, depending on how much it knows.
        let meaning = [
            (
                "unknownissuer",
                "its certificate is signed by an authority that is not trusted here (see ca_file)",
            ),
            ("badsignature", "its certificate is signed by another authority of the same name (see ca_file)"),
            ("not valid for name", "its certificate is for another name than the configured host"),
            ("notvalidforname", "its certificate is for another name than the configured host"),
            ("invalidcontenttype", "no TLS on this port; check port and security"),
            ("expired", "its certificate has expired"),
            ("not valid yet", "its certificate is not valid yet; check this machine's clock"),
            ("notvalidyet", "its certificate is not valid yet; check this machine's clock"),
        ];
        let found = meaning.iter().find(|(sign, _)| words.to_lowercase().contains(sign));
        found.map_or(words.to_owned(), |(_, meaning)| format!("{meaning} ({words})"))
    }
}

/// Whether the connection ended in the middle of the handshake, which says nothing about the certificate.
fn is_broken_connection(error: &(dyn Error + 'static)) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    error.downcast_ref::<io::Error>().is_some_and(|error| {
        matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
    })
}
