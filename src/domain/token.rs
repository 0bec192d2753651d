//! The signed token that links a bounce or an unsubscribe request to an issue and a member.

use std::fmt;

use aws_lc_rs::hmac;
use data_encoding::BASE32_NOPAD;

use super::{IssueName, MemberId};

/// 16 characters are 80 bits: short enough for a local part, too long to guess.
const MAC_CHARS: usize = 16;
/// The length in earlier versions: members still have letters with such tokens.
const EARLIER_MAC_CHARS: usize = 12;
/// The longest token: an issue's name of 16 characters, a member's number of up to 10 digits, the MAC and two dots.
pub const MAX_LENGTH: usize = 16 + 10 + MAC_CHARS + 2;

/// The project's secret for tokens.
#[derive(Debug)]
pub struct TokenKey(hmac::Key);

/// `<issue>.<member>.<mac>`, a pure function of the key, the issue and the member.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Token {
    pub issue: IssueName,
    pub member: MemberId,
    mac: String,
}

impl TokenKey {
    /// Takes the secret: at least 32 bytes from a random source.
    pub fn new(secret: &[u8]) -> Self {
        Self(hmac::Key::new(hmac::HMAC_SHA256, secret))
    }

    /// Signs an issue and a member.
    pub fn sign(&self, issue: &IssueName, member: MemberId) -> Token {
        let tag = hmac::sign(&self.0, format!("{issue}.{member}").as_bytes());
        Token { issue: issue.clone(), member, mac: shortened(tag.as_ref()) }
    }

    /// Parses a token in any case and checks its signature; `None` for anything that this project did not sign.
    pub fn verify(&self, text: &str) -> Option<Token> {
        let text = text.to_ascii_lowercase();
        let (rest, mac) = text.rsplit_once('.')?;
        let (issue, member) = rest.rsplit_once('.')?;
        let signed = self.sign(&issue.parse().ok()?, MemberId(member.parse().ok()?));
        // Through HMAC again, so that the comparison takes the same time wherever the first difference is.
        let is_earlier = mac.len() == EARLIER_MAC_CHARS;
        let length = if is_earlier { EARLIER_MAC_CHARS } else { MAC_CHARS };
        let want = hmac::sign(&self.0, signed.mac.get(..length)?.as_bytes());
        hmac::verify(&self.0, mac.as_bytes(), want.as_ref()).ok()?;
        Some(signed)
    }
}

impl fmt::Display for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}.{}.{}", self.issue, self.member, self.mac)
    }
}

/// Lower-case base32 (RFC 4648 §6): mail programs and gateways fold the case of local parts.
fn shortened(tag: &[u8]) -> String {
    let mut mac = BASE32_NOPAD.encode(tag).to_ascii_lowercase();
    mac.truncate(MAC_CHARS);
    mac
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_token_reads_back_in_any_case() {
        let key = TokenKey::new(&[7; 32]);
        let token = key.sign(&"2026-1".parse().unwrap(), MemberId(42));
        assert_eq!(key.verify(&token.to_string()), Some(token.clone()));
        assert_eq!(key.verify(&token.to_string().to_uppercase()), Some(token));
    }

    #[test]
    fn a_token_of_an_earlier_version_is_read() {
        let key = TokenKey::new(&[7; 32]);
        let token = key.sign(&"2026-1".parse().unwrap(), MemberId(42));
        let text = token.to_string();
        assert_eq!(key.verify(&text[..text.len() - 4]), Some(token));
    }

    #[test]
    fn a_forged_token_is_refused() {
        let key = TokenKey::new(&[7; 32]);
        let token = key.sign(&"2026-1".parse().unwrap(), MemberId(42)).to_string();
        for forged in [
            token.replace(".42.", ".43."),
            token.replace("2026-1", "2026-2"),
            token[..token.len() - 1].to_owned(),
            token[..token.len() - 5].to_owned(),
            "2026-1.42.".to_owned(),
            "..".to_owned(),
            String::new(),
            TokenKey::new(&[8; 32]).sign(&"2026-1".parse().unwrap(), MemberId(42)).to_string(),
        ] {
            assert_eq!(key.verify(&forged), None, "{forged}");
        }
    }
}
