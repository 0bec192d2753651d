//! The sender of letters: addresses, and the headers of a mailing list.

use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::domain::{Address, IssueKind, Token};

use super::ComposeError;

/// The sender's addresses.
#[derive(Debug, Clone)]
pub struct Sender {
    pub name: String,
    pub address: Address,
    pub reply_to: Option<Address>,
    /// Return path with VERP; without it, bounces go to the sender's address.
    pub bounce_address: Option<Address>,
    /// The address for unsubscribe mails, with the token in it; without it, the token is only in the subject.
    pub unsubscribe_address: Option<Address>,
    /// `https:` URL with `{token}` (RFC 8058).
    pub unsubscribe_url: Option<String>,
    /// Whether a DKIM signature, ours or the provider's, covers the two headers of RFC 8058.
    pub one_click: bool,
    pub list_id: String,
    /// The public address of the archive; it ends in `/`.
    pub archive_url: Option<String>,
}

/// RFC 6068 §2: characters to encode in the address of a `mailto:` URL.
const IN_MAILTO: &AsciiSet =
    &CONTROLS.add(b' ').add(b'%').add(b'?').add(b'&').add(b'#').add(b'<').add(b'>').add(b'"').add(b'/');

impl Sender {
    /// The envelope sender of a member's letter.
    ///
    /// # Errors
    /// If the token makes the local part too long.
    pub fn return_path(&self, token: &Token) -> Result<Address, ComposeError> {
        match &self.bounce_address {
            None => Ok(self.address.clone()),
            Some(address) => with_token(address, token),
        }
    }

    /// The URL in the letter that unsubscribes a member: `https:` if one is configured, else `mailto:`.
    ///
    /// # Errors
    /// If the token makes the local part too long.
    pub fn unsubscribe(&self, token: &Token) -> Result<String, ComposeError> {
        self.unsubscribe_link(token).map_or_else(|| self.unsubscribe_mailto(token), Ok)
    }

    fn unsubscribe_link(&self, token: &Token) -> Option<String> {
        self.unsubscribe_url.as_ref().map(|url| url.replace("{token}", &token.to_string()))
    }

    fn unsubscribe_mailto(&self, token: &Token) -> Result<String, ComposeError> {
        let address = match &self.unsubscribe_address {
            Some(address) => with_token(address, token)?,
            None => self.contact().clone(),
        };
        let address = utf8_percent_encode(address.as_str(), IN_MAILTO);
        Ok(format!("mailto:{address}?subject=unsubscribe%20{token}"))
    }

    /// The address that readers write to.
    pub(super) fn contact(&self) -> &Address {
        self.reply_to.as_ref().unwrap_or(&self.address)
    }

    /// Headers that all letters share (RFC 2369, 2919), including those that prevent automatic answers (RFC 3834 §2).
    pub(super) fn list_headers(&self, kind: IssueKind, language: &str) -> Vec<(&'static str, String)> {
        let mut headers = vec![
            ("List-Id", format!("<{}>", self.list_id)),
            ("List-Help", format!("<mailto:{}>", self.contact())),
            ("List-Post", "NO".to_owned()),
            ("Content-Language", language.to_owned()),
        ];
        match kind {
            IssueKind::Newsletter => headers.push(("Precedence", "bulk".to_owned())),
            // A notice is not bulk mail, but must not be answered automatically either.
            IssueKind::Notice => headers.push(("Auto-Submitted", "auto-generated".to_owned())),
        }
        headers.extend(self.archive_url.as_ref().map(|url| ("List-Archive", format!("<{url}>"))));
        headers
    }

    /// Headers for unsubscribing (RFC 2369 §3.2); with one click if there is an `https:` URL and a signature covers
    /// these headers (RFC 8058 §4).
    ///
    /// # Errors
    /// If the token makes the local part too long.
    pub(super) fn unsubscribe_headers(
        &self,
        token: &Token,
    ) -> Result<Vec<(&'static str, String)>, ComposeError> {
        let mailto = self.unsubscribe_mailto(token)?;
        let Some(link) = self.unsubscribe_link(token) else {
            return Ok(vec![("List-Unsubscribe", format!("<{mailto}>"))]);
        };
        let mut headers = vec![("List-Unsubscribe", format!("<{link}>,\r\n <{mailto}>"))];
        if self.one_click {
            headers.push(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()));
        }
        Ok(headers)
    }
}

fn with_token(address: &Address, token: &Token) -> Result<Address, ComposeError> {
    address.with_detail(&token.to_string()).map_err(|source| ComposeError::Address {
        address: format!("{address} with the token {token}"),
        source,
    })
}
