//! An e-mail address that a letter can be delivered to.

use std::fmt;
use std::str::FromStr;

use serde::{Deserialize, Serialize};
use unicode_normalization::UnicodeNormalization;

/// An address with its domain in ASCII (RFC 5321 §2.3.5, RFC 5891).
#[derive(Debug, Clone, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(try_from = "String", into = "String")]
pub struct Address(String);

/// Why a text is not a deliverable address.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum AddressError {
    #[error("no @")]
    NoAt,
    #[error("the part before the @ has a character that is not allowed")]
    LocalPart,
    #[error("the part after the @ is not a valid domain")]
    Domain,
    #[error("the part after the @ is incomplete (no `.se`?)")]
    NoDot,
    #[error("longer than 254 characters")]
    TooLong,
}

/// An [`AddressError`] with the offending text, for arguments and settings.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{text}` is not a valid e-mail address: {error}")]
pub struct NotAnAddress {
    text: String,
    error: AddressError,
}

impl Address {
    /// Checks and normalises `text`: trims it, removes `<…>` and `mailto:`, and turns the domain into lower-case
    /// ASCII.
    ///
    /// # Errors
    /// Names the part that makes delivery impossible; address literals and names without a dot are invalid.
    pub fn parse(text: &str) -> Result<Self, AddressError> {
        let text = bare(text);
        let text: String = if text.is_ascii() { text.to_owned() } else { text.nfc().collect() };
        let (local, domain) = text.rsplit_once('@').ok_or(AddressError::NoAt)?;
        let domain = ascii_domain(domain)?;
        let address = format!("{local}@{domain}");
        if address.len() > 254 {
            return Err(AddressError::TooLong);
        }
        if local.is_empty() || local.len() > 64 || local.chars().any(char::is_control) {
            return Err(AddressError::LocalPart);
        }
        lettre::Address::new(local, &domain).map_err(|_| AddressError::LocalPart)?;
        Ok(Self(address))
    }

    /// The address as it is sent over the wire.
    pub fn as_str(&self) -> &str {
        &self.0
    }

    /// Everything before the last `@`.
    pub fn local_part(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(local, _)| local)
    }

    /// The ASCII domain.
    pub fn domain(&self) -> &str {
        self.0.rsplit_once('@').map_or("", |(_, domain)| domain)
    }

    /// The whole address in lower case, which is the same for two spellings of one mailbox.
    ///
    /// RFC 5321 §2.4 lets a host distinguish `Anna@` from `anna@`, but no host that matters to a member list does.
    pub fn key(&self) -> String {
        self.0.to_lowercase()
    }

    /// Tells whether the local part needs SMTPUTF8 (RFC 6531).
    pub fn needs_smtputf8(&self) -> bool {
        !self.0.is_ascii()
    }

    /// The same address with `+detail` after the local part (RFC 5233).
    ///
    /// # Errors
    /// If the local part would exceed 64 octets.
    pub fn with_detail(&self, detail: &str) -> Result<Self, AddressError> {
        Self::parse(&format!("{}+{detail}@{}", self.local_part(), self.domain()))
    }
}

fn bare(text: &str) -> &str {
    let is_space = |c: char| c.is_whitespace() || matches!(c, '\u{200B}'..='\u{200F}' | '\u{FEFF}');
    let text = text.trim_matches(is_space);
    let text = match text.get(..7) {
        Some(scheme) if scheme.eq_ignore_ascii_case("mailto:") => text.get(7..).unwrap_or_default(),
        _ => text,
    };
    let inner = text.strip_prefix('<').and_then(|t| t.strip_suffix('>'));
    inner.unwrap_or(text).trim_matches(is_space)
}

fn ascii_domain(domain: &str) -> Result<String, AddressError> {
    let domain = domain.strip_suffix('.').unwrap_or(domain);
    let ascii = idna::domain_to_ascii_strict(domain).map_err(|_| AddressError::Domain)?;
    let (_, top) = ascii.rsplit_once('.').ok_or(AddressError::NoDot)?;
    if top.is_empty() || top.bytes().all(|b| b.is_ascii_digit()) {
        return Err(AddressError::Domain);
    }
    Ok(ascii)
}

impl fmt::Display for Address {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl FromStr for Address {
    type Err = NotAnAddress;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        Self::parse(text).map_err(|error| NotAnAddress { text: text.to_owned(), error })
    }
}

impl TryFrom<String> for Address {
    type Error = NotAnAddress;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl From<Address> for String {
    fn from(address: Address) -> Self {
        address.0
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn spellings_of_an_address_become_one() {
        for (text, want) in [
            (" anna@example.se ", "anna@example.se"),
            ("Anna.Ek@EXAMPLE.SE", "Anna.Ek@example.se"),
            ("<anna@example.se>", "anna@example.se"),
            ("mailto:anna@example.se", "anna@example.se"),
            ("\u{a0}anna@example.se\u{200b}", "anna@example.se"),
            ("anna@räksmörgås.example.se", "anna@xn--rksmrgs-5wao1o.example.se"),
            ("anna@ra\u{308}ka.se", "anna@xn--rka-qla.se"),
            ("o'brien+x@example.org", "o'brien+x@example.org"),
            ("björn@example.se", "björn@example.se"),
        ] {
            assert_eq!(Address::parse(text).map(String::from), Ok(want.to_owned()));
        }
    }

    #[test]
    fn an_undeliverable_address_is_invalid() {
        for (text, want) in [
            ("", AddressError::NoAt),
            ("anna", AddressError::NoAt),
            ("anna@localhost", AddressError::NoDot),
            ("anna@x_y.se", AddressError::Domain),
            ("anna@123.456", AddressError::Domain),
            ("anna@[127.0.0.1]", AddressError::Domain),
            ("anna@@example.se", AddressError::LocalPart),
            ("anna ek@example.se", AddressError::LocalPart),
            ("@example.se", AddressError::LocalPart),
            ("anna@example..se", AddressError::Domain),
            ("a@example.se, b@example.se", AddressError::LocalPart),
            ("anna\r\nBcc: x@example.se", AddressError::LocalPart),
        ] {
            assert_eq!(Address::parse(text), Err(want), "{text:?}");
        }
    }

    #[test]
    fn a_detail_goes_before_the_domain() {
        let address = Address::parse("studs@example.se").unwrap();
        assert_eq!(address.with_detail("abc").unwrap().as_str(), "studs+abc@example.se");
        assert!(address.with_detail(&"x".repeat(70)).is_err());
    }
}
