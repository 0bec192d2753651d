//! The RFC 5322 message around a rendered page.

use std::time::{Duration, SystemTime};

use jiff::Timestamp;
use lettre::message::header::{ContentTransferEncoding, ContentType, HeaderName, HeaderValue, MimeVersion};
use lettre::message::{Body, Mailbox, MultiPart, SinglePart};

use crate::domain::{Address, Member, Token};

use super::ComposeError;

/// Who the letters are from, and the addresses in their headers.
#[derive(Debug, Clone)]
pub struct Sender {
    pub name: String,
    pub address: Address,
    pub reply_to: Option<Address>,
    /// Return path with VERP; without it bounces go to the sender's address.
    pub bounce_address: Option<Address>,
    /// Where unsubscribe mails go; with it the token stands in the address, else only in the subject.
    pub unsubscribe_address: Option<Address>,
    /// `https:` address with `{token}` (RFC 8058).
    pub unsubscribe_url: Option<String>,
    pub list_id: String,
}

/// What is in a message, already rendered and encoded.
#[derive(Debug)]
pub(super) struct Content<'a> {
    pub subject: &'a str,
    pub language: &'a str,
    pub text: String,
    pub html: String,
    pub images: &'a [SinglePart],
    pub attachments: &'a [SinglePart],
}

impl Sender {
    /// The envelope sender of a member's letter.
    ///
    /// # Errors
    /// When the token makes the local part too long.
    pub fn return_path(&self, token: &Token) -> Result<Address, ComposeError> {
        match &self.bounce_address {
            None => Ok(self.address.clone()),
            Some(address) => with_token(address, token),
        }
    }

    /// The `mailto:` URL that unsubscribes a member (RFC 6068).
    ///
    /// # Errors
    /// When the token makes the local part too long.
    pub fn unsubscribe_mailto(&self, token: &Token) -> Result<String, ComposeError> {
        let address = match &self.unsubscribe_address {
            Some(address) => with_token(address, token)?,
            None => self.reply_to.clone().unwrap_or_else(|| self.address.clone()),
        };
        let address = percent_encoding::utf8_percent_encode(address.as_str(), IN_MAILTO);
        Ok(format!("mailto:{address}?subject=unsubscribe%20{token}"))
    }

    /// The `https:` URL that unsubscribes a member, where one is configured.
    pub fn unsubscribe_link(&self, token: &Token) -> Option<String> {
        self.unsubscribe_url.as_ref().map(|url| url.replace("{token}", &token.to_string()))
    }

    /// The message to one member.
    ///
    /// # Errors
    /// When a header can't be written so that every mail program reads it.
    pub(super) fn message(
        &self,
        member: &Member,
        recipient: &Address,
        token: &Token,
        content: &Content<'_>,
        now: Timestamp,
    ) -> Result<Vec<u8>, ComposeError> {
        let refused = |message: String| ComposeError::Letter { member: recipient.to_string(), message };
        let since_epoch = Duration::from_secs(now.as_second().unsigned_abs());
        let mut builder = lettre::Message::builder()
            .from(mailbox(Some(self.name.clone()), &self.address)?)
            .to(mailbox(Some(member.name.clone()).filter(|name| !name.is_empty()), recipient)?)
            .subject(content.subject)
            .date(SystemTime::UNIX_EPOCH + since_epoch)
            .message_id(Some(format!("<{}>", message_id(token, &self.address))))
            .header(MimeVersion::default());
        if let Some(reply_to) = &self.reply_to {
            builder = builder.reply_to(mailbox(None, reply_to)?);
        }
        for (name, value) in self.list_headers(token, content.language)? {
            builder = builder.raw_header(HeaderValue::dangerous_new_pre_encoded(
                HeaderName::new_from_ascii_str(name),
                value.clone(),
                value,
            ));
        }
        let message = builder
            .multipart(body(content, token).map_err(refused)?)
            .map_err(|error| refused(error.to_string()))?;
        let bytes = message.formatted();
        check_headers(&bytes).map_err(refused)?;
        Ok(bytes)
    }

    /// Headers of a mailing list's letter (RFC 2369, 2919, 8058) and of bulk mail (RFC 3834 §2).
    fn list_headers(
        &self,
        token: &Token,
        language: &str,
    ) -> Result<Vec<(&'static str, String)>, ComposeError> {
        let mailto = self.unsubscribe_mailto(token)?;
        let help = self.reply_to.as_ref().unwrap_or(&self.address);
        let mut headers = vec![
            ("List-Id", format!("<{}>", self.list_id)),
            ("List-Help", format!("<mailto:{help}>")),
            ("List-Post", "NO".to_owned()),
            ("Precedence", "bulk".to_owned()),
            ("Content-Language", language.to_owned()),
        ];
        match self.unsubscribe_link(token) {
            None => headers.push(("List-Unsubscribe", format!("<{mailto}>"))),
            Some(link) => {
                headers.push(("List-Unsubscribe", format!("<{link}>,\r\n <{mailto}>")));
                headers.push(("List-Unsubscribe-Post", "List-Unsubscribe=One-Click".to_owned()));
            }
        }
        Ok(headers)
    }
}

/// RFC 6068 §2: what must be encoded in the address of a `mailto:` URL.
const IN_MAILTO: &percent_encoding::AsciiSet = &percent_encoding::CONTROLS
    .add(b' ')
    .add(b'%')
    .add(b'?')
    .add(b'&')
    .add(b'#')
    .add(b'<')
    .add(b'>')
    .add(b'"')
    .add(b'/');

/// The `Message-ID` of a member's letter without angle brackets: a pure function of issue and member.
pub(super) fn message_id(token: &Token, sender: &Address) -> String {
    format!("{token}@{}", sender.domain())
}

fn with_token(address: &Address, token: &Token) -> Result<Address, ComposeError> {
    address.with_detail(&token.to_string()).map_err(|source| ComposeError::Address {
        address: format!("{address} with the token {token}"),
        source,
    })
}

fn mailbox(name: Option<String>, address: &Address) -> Result<Mailbox, ComposeError> {
    let parsed = lettre::Address::new(address.local_part(), address.domain());
    let parsed = parsed.map_err(|error| ComposeError::Letter {
        member: address.to_string(),
        message: format!("the address can't stand in a header: {error}"),
    })?;
    Ok(Mailbox::new(name, parsed))
}

/// `mixed(alternative(text, related(html, images)), attachments)`; levels with one part are left out.
fn body(content: &Content<'_>, token: &Token) -> Result<MultiPart, String> {
    let text = part("text/plain; charset=utf-8; format=flowed", &content.text)?;
    let html = part("text/html; charset=utf-8", &content.html)?;
    // `=_` can't stand in quoted-printable or base64 (RFC 2045 §6.7), so no body holds a boundary.
    let boundary = |level: &str| format!("=_{level}-{token}");
    let alternative = MultiPart::alternative().boundary(boundary("a")).singlepart(text);
    let alternative = if content.images.is_empty() {
        alternative.singlepart(html)
    } else {
        let mut related = MultiPart::related().boundary(boundary("r")).singlepart(html);
        for image in content.images {
            related = related.singlepart(image.clone());
        }
        // RFC 2387 §3.1: the type of the root part must be named.
        let kind = format!("multipart/related; type=\"text/html\"; boundary=\"{}\"", boundary("r"));
        related.headers_mut().set(ContentType::parse(&kind).map_err(|error| error.to_string())?);
        alternative.multipart(related)
    };
    if content.attachments.is_empty() {
        return Ok(alternative);
    }
    let mixed = MultiPart::mixed().boundary(boundary("m")).multipart(alternative);
    Ok(content.attachments.iter().fold(mixed, |mixed, attachment| mixed.singlepart(attachment.clone())))
}

fn part(kind: &str, text: &str) -> Result<SinglePart, String> {
    let kind = ContentType::parse(kind).map_err(|error| error.to_string())?;
    let text = text.replace("\r\n", "\n").replace('\r', "\n").replace('\n', "\r\n");
    let body = Body::new_with_encoding(text, ContentTransferEncoding::QuotedPrintable)
        .map_err(|_| "the text can't be encoded".to_owned())?;
    Ok(SinglePart::builder().header(kind).body(body))
}

/// RFC 5322 §2.1.1: no line over 998 octets.
fn check_headers(bytes: &[u8]) -> Result<(), String> {
    let header = bytes.split(|byte| *byte == b'\n').take_while(|line| !matches!(line, [] | [b'\r']));
    for line in header {
        if line.len() > 998 {
            let start = String::from_utf8_lossy(line.get(..40).unwrap_or(line)).into_owned();
            return Err(format!(
                "the header `{start}…` has a line over 998 octets: shorten it or give it spaces"
            ));
        }
    }
    Ok(())
}
