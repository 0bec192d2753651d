//! A private key from a PEM file, and its public half for the DNS.

use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use aws_lc_rs::encoding::{AsDer, PublicKeyX509Der};
use aws_lc_rs::error::KeyRejected;
use aws_lc_rs::rand::SystemRandom;
use aws_lc_rs::signature::{Ed25519KeyPair, KeyPair, RSA_PKCS1_SHA256, RsaKeyPair};
use data_encoding::BASE64;
use rustls_pki_types::PrivateKeyDer;
use rustls_pki_types::pem::PemObject;

use super::DkimError;

/// A signing key: RSA of 2048 to 4096 bits (RFC 8301) or Ed25519 (RFC 8463).
#[derive(Debug)]
pub struct DkimKey(Pair);

#[derive(Debug)]
enum Pair {
    Rsa { pair: Box<RsaKeyPair>, public: PublicKeyX509Der<'static> },
    Ed25519(Box<Ed25519KeyPair>),
}

/// Why a file has no usable key.
#[derive(Debug, thiserror::Error)]
pub enum KeyProblem {
    #[error("cannot read it: {0}")]
    Read(#[from] std::io::Error),
    #[error("no private key in PEM format (`-----BEGIN PRIVATE KEY-----`)")]
    NoPrivateKey,
    #[error("its PEM is damaged: {0}")]
    Pem(rustls_pki_types::pem::Error),
    #[error("the private key is protected by a passphrase")]
    Encrypted,
    #[error("the RSA key has fewer than 2048 bits (RFC 8301 §3.2)")]
    TooShort,
    #[error("the RSA key has more than 4096 bits, which receivers need not verify (RFC 8301 §3.2)")]
    TooLong,
    #[error("other users can read it")]
    Open,
    #[error("the key is neither RSA nor Ed25519")]
    Kind,
    #[error("the key is damaged ({0})")]
    Damaged(KeyRejected),
}

impl DkimKey {
    /// Reads a PEM file: RSA as PKCS#1 or PKCS#8, Ed25519 as PKCS#8.
    ///
    /// # Errors
    /// Names the file and says why it cannot sign letters.
    pub fn load(path: &Path) -> Result<Self, DkimError> {
        let problem = |problem| DkimError::Key { path: PathBuf::from(path), problem };
        let pem = std::fs::read(path).map_err(|error| problem(error.into()))?;
        Self::from_pem(&pem).map_err(problem)
    }

    /// Parses a key from the text of a PEM file.
    ///
    /// # Errors
    /// Like [`DkimKey::load`].
    pub fn from_pem(pem: &[u8]) -> Result<Self, KeyProblem> {
        use rustls_pki_types::pem::Error;
        if memchr::memmem::find(pem, b"ENCRYPTED").is_some() {
            return Err(KeyProblem::Encrypted);
        }
        let key = PrivateKeyDer::from_pem_slice(pem).map_err(|error| match error {
            Error::NoItemsFound => KeyProblem::NoPrivateKey,
            error => KeyProblem::Pem(error),
        })?;
        match &key {
            PrivateKeyDer::Pkcs1(der) => RsaKeyPair::from_der(der.secret_pkcs1_der()).and_then(Self::rsa),
            PrivateKeyDer::Pkcs8(der) => Self::from_pkcs8(der.secret_pkcs8_der()),
            _ => return Err(KeyProblem::Kind),
        }
        .map_err(rejected)
    }

    fn from_pkcs8(der: &[u8]) -> Result<Self, KeyRejected> {
        // `maybe`: OpenSSL omits the public half, so the key cannot be checked against it.
        match Ed25519KeyPair::from_pkcs8_maybe_unchecked(der) {
            Ok(pair) => Ok(Self(Pair::Ed25519(Box::new(pair)))),
            Err(error) if error.to_string() == WRONG_ALGORITHM => {
                RsaKeyPair::from_pkcs8(der).and_then(Self::rsa)
            }
            Err(error) => Err(error),
        }
    }

    fn rsa(pair: RsaKeyPair) -> Result<Self, KeyRejected> {
        let public = pair.public_key().as_der()?;
        Ok(Self(Pair::Rsa { pair: Box::new(pair), public }))
    }

    /// The value of the `a=` tag.
    pub fn algorithm(&self) -> &'static str {
        match self.0 {
            Pair::Rsa { .. } => "rsa-sha256",
            Pair::Ed25519(_) => "ed25519-sha256",
        }
    }

    /// The text of the TXT record that publishes the key (RFC 6376 §3.6.1, RFC 8463 §4.2).
    ///
    /// For an RSA key it is longer than the 255 octets of one string: a zone file must split it into several.
    pub fn dns_record(&self) -> String {
        match &self.0 {
            Pair::Rsa { public, .. } => format!("v=DKIM1; k=rsa; p={}", BASE64.encode(public.as_ref())),
            Pair::Ed25519(pair) => {
                format!("v=DKIM1; k=ed25519; p={}", BASE64.encode(pair.public_key().as_ref()))
            }
        }
    }

    /// Signs the canonical header fields.
    pub(super) fn sign(&self, header: &[u8]) -> Result<Vec<u8>, DkimError> {
        match &self.0 {
            Pair::Rsa { pair, .. } => {
                let mut signature = vec![0; pair.public_modulus_len()];
                pair.sign(&RSA_PKCS1_SHA256, &SystemRandom::new(), header, &mut signature)
                    .map_err(|_| DkimError::Sign)?;
                Ok(signature)
            }
            // RFC 8463 §3: Ed25519 signs the hash of the header, not the header.
            Pair::Ed25519(pair) => Ok(pair.sign(digest(&SHA256, header).as_ref()).as_ref().to_vec()),
        }
    }
}

/// aws-lc-rs gives its reasons only as text.
const WRONG_ALGORITHM: &str = "WrongAlgorithm";

fn rejected(error: KeyRejected) -> KeyProblem {
    match error.to_string().as_str() {
        "TooSmall" => KeyProblem::TooShort,
        "TooLarge" => KeyProblem::TooLong,
        WRONG_ALGORITHM => KeyProblem::Kind,
        _ => KeyProblem::Damaged(error),
    }
}
