//! Certificates for a server: valid, expired, for another name, or from an unknown authority.

use std::sync::Arc;

use rcgen::{BasicConstraints, CertificateParams, CertifiedIssuer, DnType, IsCa, KeyPair, date_time_ymd};
use rustls::ServerConfig;
use rustls::crypto::aws_lc_rs::default_provider;
use rustls::pki_types::PrivateKeyDer;

/// The kind of certificate that a client gets.
#[derive(Clone, Copy, Debug, Default, PartialEq, Eq)]
pub enum Certificate {
    /// Signed by the server's own authority for `localhost` and 127.0.0.1.
    #[default]
    Valid,
    Expired,
    /// For `mail.example.org`.
    OtherName,
    /// Signed by an authority that is not in [`Identity::ca_pem`].
    Untrusted,
}

/// A server's key and certificate, and the authority that signed it.
pub struct Identity {
    pub ca_pem: String,
    #[cfg(feature = "postgres")]
    pub certificate_pem: String,
    #[cfg(feature = "postgres")]
    pub key_pem: String,
    pub config: Arc<ServerConfig>,
}

impl Identity {
    pub fn new(kind: Certificate) -> Result<Self, rcgen::Error> {
        let authority = authority("Example authority")?;
        let ca_pem = match kind {
            Certificate::Untrusted => self::authority("Another authority")?.pem(),
            _ => authority.pem(),
        };
        let key = KeyPair::generate()?;
        let certificate = parameters(kind)?.signed_by(&key, &authority)?;
        #[cfg(feature = "postgres")]
        let (certificate_pem, key_pem) = (certificate.pem(), key.serialize_pem());
        let key = PrivateKeyDer::try_from(key.serialize_der()).expect("a PKCS #8 key");
        let config = ServerConfig::builder_with_provider(Arc::new(default_provider()))
            .with_safe_default_protocol_versions()
            .expect("ring speaks TLS 1.2 and 1.3")
            .with_no_client_auth()
            .with_single_cert(vec![certificate.der().clone()], key)
            .expect("key and certificate belong together");
        Ok(Self {
            ca_pem,
            #[cfg(feature = "postgres")]
            certificate_pem,
            #[cfg(feature = "postgres")]
            key_pem,
            config: Arc::new(config),
        })
    }
}

fn authority(name: &str) -> Result<CertifiedIssuer<'static, KeyPair>, rcgen::Error> {
    let mut parameters = CertificateParams::default();
    parameters.distinguished_name.push(DnType::CommonName, name);
    parameters.is_ca = IsCa::Ca(BasicConstraints::Unconstrained);
    CertifiedIssuer::self_signed(parameters, KeyPair::generate()?)
}

fn parameters(kind: Certificate) -> Result<CertificateParams, rcgen::Error> {
    let names = match kind {
        Certificate::OtherName => vec!["mail.example.org".to_owned()],
        _ => vec!["localhost".to_owned(), "127.0.0.1".to_owned()],
    };
    let mut parameters = CertificateParams::new(names)?;
    parameters.distinguished_name.push(DnType::CommonName, "Example mail server");
    if kind == Certificate::Expired {
        parameters.not_before = date_time_ymd(2019, 1, 1);
        parameters.not_after = date_time_ymd(2020, 1, 1);
    }
    Ok(parameters)
}
