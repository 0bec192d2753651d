//! DKIM signatures: relaxed/relaxed with SHA-256, by RSA or Ed25519 (RFC 6376, 8301, 8463).

mod canonical;
mod key;

use std::path::PathBuf;

use aws_lc_rs::digest::{Context, SHA256};
use data_encoding::BASE64;
use jiff::{SignedDuration, Timestamp};

use canonical::HeaderField;

pub use key::{DkimKey, KeyProblem};

/// Named once more than they occur, so that nobody can add another one (RFC 6376 §8.15).
const OVERSIGNED: [&str; 8] =
    ["From", "To", "Reply-To", "Subject", "Date", "Message-ID", "List-Unsubscribe", "List-Unsubscribe-Post"];
/// Signed if they occur.
const SIGNED: [&str; 9] = [
    "MIME-Version",
    "Content-Type",
    "Content-Transfer-Encoding",
    "Content-Language",
    "List-Id",
    "List-Help",
    "List-Archive",
    "List-Post",
    "Precedence",
];
/// RFC 5322 §2.1.1.
const WIDTH: usize = 78;

/// Why letters cannot be signed.
#[derive(Debug, thiserror::Error)]
pub enum DkimError {
    #[error("cannot sign with `{path}`: {problem}", path = path.display())]
    Key { path: PathBuf, problem: KeyProblem },
    #[error("`{value}` cannot be a DKIM {what}: write letters, digits, `-` and dots")]
    Name { what: &'static str, value: String },
    #[error("the RSA key produces a wrong signature: the file is damaged")]
    Sign,
}

impl DkimError {
    /// What the user can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Key { problem: KeyProblem::Read(_), .. } | Self::Name { .. } => None,
            Self::Key { problem: KeyProblem::Encrypted, .. } => {
                Some("remove the passphrase: openssl pkey -in OLD.pem -out dkim.pem")
            }
            Self::Key { problem: KeyProblem::Open, .. } => Some("run chmod 600 on it"),
            Self::Key { .. } | Self::Sign => Some(
                "create a new one: openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out dkim.pem \
                 (or openssl genpkey -algorithm ED25519 -out dkim-ed25519.pem)",
            ),
        }
    }
}

/// The hash of a message's body, the same for every signer (RFC 6376 §3.7).
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct BodyHash(String);

/// A key, and the name under which its public half is in the DNS.
#[derive(Debug)]
pub struct Signer {
    domain: String,
    selector: String,
    key: DkimKey,
    lifetime: Option<SignedDuration>,
}

/// The `DKIM-Signature` fields of all signers, to be put before the message; each signs the original message.
///
/// # Errors
/// If a key is damaged.
pub fn signatures(signers: &[Signer], message: &[u8], now: Timestamp) -> Result<String, DkimError> {
    if signers.is_empty() {
        return Ok(String::new());
    }
    let hash = body_hash(message);
    signers.iter().map(|signer| signer.header(message, &hash, now)).collect()
}

/// Hashes the body of a message (RFC 6376 §3.7 step 1).
pub fn body_hash(message: &[u8]) -> BodyHash {
    let mut hash = Context::new(&SHA256);
    canonical::relax_body(canonical::split(message).1, |piece| hash.update(piece));
    BodyHash(BASE64.encode(hash.finish().as_ref()))
}

impl Signer {
    /// A signer for `domain` with the key published at `<selector>._domainkey.<domain>`.
    ///
    /// # Errors
    /// If `domain` or `selector` is not a domain name in ASCII.
    pub fn new(domain: &str, selector: &str, key: DkimKey) -> Result<Self, DkimError> {
        for (what, value) in [("domain", domain), ("selector", selector)] {
            if !is_name(value) {
                return Err(DkimError::Name { what, value: value.to_owned() });
            }
        }
        Ok(Self { domain: domain.to_owned(), selector: selector.to_owned(), key, lifetime: None })
    }

    /// Lets signatures expire (`x=`).
    #[must_use]
    pub fn expiring_after(self, lifetime: SignedDuration) -> Self {
        Self { lifetime: Some(lifetime), ..self }
    }

    /// The signing domain, `d=`.
    pub fn domain(&self) -> &str {
        &self.domain
    }

    /// The DNS name of the public key (RFC 6376 §3.6.2.1).
    pub fn dns_name(&self) -> String {
        format!("{}._domainkey.{}", self.selector, self.domain)
    }

    /// The text of the record with that name.
    pub fn dns_record(&self) -> String {
        self.key.dns_record()
    }

    /// The folded `DKIM-Signature` field with its CRLF, to be put before the message (RFC 6376 §3.5, §3.7).
    ///
    /// # Errors
    /// If the key is damaged.
    pub fn header(&self, message: &[u8], hash: &BodyHash, now: Timestamp) -> Result<String, DkimError> {
        let (fields, _) = canonical::split(message);
        let signed = signed_fields(&fields);
        let mut header = self.unsigned(&signed, hash, now);
        let mut canonical = Vec::new();
        for field in signed.iter().filter_map(|(_, field)| *field) {
            field.push_relaxed(&mut canonical);
            canonical.extend_from_slice(b"\r\n");
        }
        HeaderField::new(header.as_bytes()).push_relaxed(&mut canonical);
        let signature = BASE64.encode(&self.key.sign(&canonical)?);
        for (index, char) in signature.chars().enumerate() {
            if index > 0 && index % (WIDTH - 4) == 0 {
                header.push_str("\r\n ");
            }
            header.push(char);
        }
        header.push_str("\r\n");
        Ok(header)
    }

    /// The field with an empty `b=`.
    fn unsigned(
        &self,
        signed: &[(&str, Option<HeaderField<'_>>)],
        hash: &BodyHash,
        now: Timestamp,
    ) -> String {
        let mut header = Folded::new("DKIM-Signature:");
        header.tag(&format!("v=1; a={}; c=relaxed/relaxed;", self.key.algorithm()));
        header.tag(&format!("d={};", self.domain));
        header.tag(&format!("s={};", self.selector));
        header.tag(&format!("t={};", now.as_second()));
        if let Some(lifetime) = self.lifetime {
            header.tag(&format!("x={};", now.as_second().saturating_add(lifetime.as_secs())));
        }
        for (index, (name, _)) in signed.iter().enumerate() {
            let end = if index + 1 < signed.len() { ':' } else { ';' };
            match index {
                0 => header.tag(&format!("h={name}{end}")),
                _ => header.word(&format!("{name}{end}")),
            }
        }
        header.tag(&format!("bh={};", hash.0));
        header.text + "\r\n b="
    }
}

/// The names for `h=` with their fields, the last occurrence first (RFC 6376 §5.4.2).
fn signed_fields<'a>(fields: &[HeaderField<'a>]) -> Vec<(&'static str, Option<HeaderField<'a>>)> {
    let found = |name: &'static str| {
        let of_name = fields.iter().rev().filter(move |field| field.is(name));
        of_name.map(move |field| (name, Some(*field)))
    };
    let oversigned = OVERSIGNED.into_iter().flat_map(|name| found(name).chain([(name, None)]));
    oversigned.chain(SIGNED.into_iter().flat_map(found)).collect()
}

/// RFC 6376 §3.1, §3.5: labels of letters, digits and hyphens; the DNS also allows `_`.
fn is_name(text: &str) -> bool {
    let is_label = |label: &str| {
        (1..=63).contains(&label.len())
            && label.bytes().all(|byte| byte.is_ascii_alphanumeric() || matches!(byte, b'-' | b'_'))
    };
    text.len() <= 253 && text.split('.').all(is_label)
}

/// A header field that is folded while it is built.
struct Folded {
    text: String,
    column: usize,
}

impl Folded {
    fn new(name: &str) -> Self {
        Self { text: name.to_owned(), column: name.len() }
    }

    /// Appends after a space, on a new line if it doesn't fit.
    fn tag(&mut self, tag: &str) {
        if self.column + 1 + tag.len() > WIDTH {
            self.fold();
        } else {
            self.text.push(' ');
            self.column += 1;
        }
        self.push(tag);
    }

    /// Appends without a space, on a new line if it doesn't fit.
    fn word(&mut self, word: &str) {
        if self.column + word.len() > WIDTH {
            self.fold();
        }
        self.push(word);
    }

    fn fold(&mut self) {
        self.text.push_str("\r\n ");
        self.column = 1;
    }

    fn push(&mut self, text: &str) {
        self.text.push_str(text);
        self.column += text.len();
    }
}

#[cfg(test)]
mod tests;
