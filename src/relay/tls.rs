//! Certificates to trust, for implicit TLS (our own handshake) and STARTTLS (lettre's).

use std::error::Error;
use std::io;
use std::path::Path;
use std::sync::Arc;

use lettre::transport::smtp::client::{Certificate, CertificateStore, TlsParameters};
use tokio_rustls::TlsConnector;
use tokio_rustls::rustls::pki_types::pem::PemObject;
use tokio_rustls::rustls::pki_types::{CertificateDer, ServerName};
use tokio_rustls::rustls::{ClientConfig, RootCertStore};

use super::RelayError;

/// The system's certificate authorities, Mozilla's, and the user's own.
#[derive(Debug, Clone)]
pub(super) struct Trust {
    host: String,
    extra: Vec<CertificateDer<'static>>,
}

impl Trust {
    /// Reads the user's own authorities from a PEM file.
    ///
    /// # Errors
    /// When the file can't be read or holds no certificate.
    pub fn load(host: &str, ca_file: Option<&Path>) -> Result<Self, RelayError> {
        let mut extra = Vec::new();
        if let Some(path) = ca_file {
            let unreadable = |reason: String| RelayError::Certificate {
                path: path.to_owned(),
                source: std::io::Error::new(std::io::ErrorKind::InvalidData, reason),
            };
            let pem = std::fs::read(path)
                .map_err(|source| RelayError::Certificate { path: path.to_owned(), source })?;
            for certificate in CertificateDer::pem_slice_iter(&pem) {
                extra.push(certificate.map_err(|error| unreadable(error.to_string()))?);
            }
            if extra.is_empty() {
                return Err(unreadable("it holds no certificate in PEM".to_owned()));
            }
        }
        Ok(Self { host: host.to_owned(), extra })
    }

    /// For lettre's STARTTLS.
    ///
    /// # Errors
    /// When a certificate can't be used.
    pub fn parameters(&self) -> Result<TlsParameters, RelayError> {
        let failed = |error: lettre::transport::smtp::Error| self.error(&error);
        let mut builder =
            TlsParameters::builder(self.host.clone()).certificate_store(CertificateStore::Default);
        for certificate in &self.extra {
            builder =
                builder.add_root_certificate(Certificate::from_der(certificate.to_vec()).map_err(failed)?);
        }
        builder.build_rustls().map_err(failed)
    }

    /// For TLS from the first byte.
    ///
    /// # Errors
    /// When a certificate or the host's name can't be used.
    pub fn connector(&self) -> Result<(TlsConnector, ServerName<'static>), RelayError> {
        let mut roots = RootCertStore::empty();
        roots.add_parsable_certificates(rustls_native_certs::load_native_certs().certs);
        roots.extend(webpki_roots::TLS_SERVER_ROOTS.iter().cloned());
        for certificate in &self.extra {
            roots.add(certificate.clone()).map_err(|error| self.error(&error))?;
        }
        let provider = Arc::new(tokio_rustls::rustls::crypto::ring::default_provider());
        let config = ClientConfig::builder_with_provider(provider)
            .with_safe_default_protocol_versions()
            .map_err(|error| self.error(&error))?
            .with_root_certificates(roots)
            .with_no_client_auth();
        let name = ServerName::try_from(self.host.clone()).map_err(|error| self.error(&error))?;
        Ok((TlsConnector::from(Arc::new(config)), name))
    }

    /// An error of the handshake in words that say what to do.
    pub fn error(&self, error: &(dyn Error + 'static)) -> RelayError {
        let chain = || std::iter::successors(Some(error), |&error| error.source());
        let words = chain().last().map(ToString::to_string).unwrap_or_default();
        if chain().any(is_broken_connection) {
            return RelayError::Connect { server: self.host.clone(), reason: words };
        }
        // rustls names the fault in its Debug form or in words, depending on how much it knows.
        let meaning = [
            (
                "unknownissuer",
                "its certificate is signed by an authority that is not trusted here (see ca_file)",
            ),
            ("not valid for name", "its certificate is for another name than the configured host"),
            ("notvalidforname", "its certificate is for another name than the configured host"),
            ("expired", "its certificate has expired"),
            ("not valid yet", "its certificate is not valid yet; is this machine's clock right?"),
            ("notvalidyet", "its certificate is not valid yet; is this machine's clock right?"),
        ];
        let found = meaning.iter().find(|(sign, _)| words.to_lowercase().contains(sign));
        let reason = found.map_or(words.clone(), |(_, meaning)| format!("{meaning} ({words})"));
        RelayError::Tls { server: self.host.clone(), reason }
    }
}

/// Whether the connection ended in the middle of the handshake: that says nothing of the certificate.
fn is_broken_connection(error: &(dyn Error + 'static)) -> bool {
    use io::ErrorKind::{BrokenPipe, ConnectionAborted, ConnectionReset, UnexpectedEof};
    error.downcast_ref::<io::Error>().is_some_and(|error| {
        matches!(error.kind(), BrokenPipe | ConnectionAborted | ConnectionReset | UnexpectedEof)
    })
}
