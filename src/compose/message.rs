//! The RFC 5322 message: the parts shared by all letters are written once, and personal ones inserted.

use std::sync::OnceLock;
use std::time::{Duration, SystemTime};

use aws_lc_rs::digest::{Context, Digest, SHA256};
use jiff::Timestamp;
use lettre::message::header::{
    ContentTransferEncoding, ContentType, Date, HeaderName, HeaderValue, Headers, MessageId, MimeVersion,
    Subject, To,
};
use lettre::message::{Body, Mailbox, Mailboxes, MultiPart, SinglePart};

use crate::domain::{Address, Issue, IssueName, Token};

use super::ComposeError;
use super::sender::Sender;

/// Placeholders for the two bodies; `~` does not occur in headers written by lettre.
const TEXT_HERE: &[u8] = b"~~~text~~~";
const HTML_HERE: &[u8] = b"~~~html~~~";

/// The parts of a message that do not depend on the member.
#[derive(Debug)]
pub(super) struct Frame {
    headers: Vec<u8>,
    before_text: Vec<u8>,
    before_html: Vec<u8>,
    end: Vec<u8>,
    digest: OnceLock<Digest>,
}

impl Frame {
    /// Builds the frame of an issue's messages around images and attachments.
    ///
    /// # Errors
    /// If a header cannot be written.
    pub fn new(
        sender: &Sender,
        issue: &Issue,
        images: &[SinglePart],
        attachments: &[SinglePart],
    ) -> Result<Self, ComposeError> {
        let refused = |message: String| ComposeError::Letter { member: "everyone".to_owned(), message };
        let from = mailbox(Some(sender.name.clone()), &sender.address)?;
        let envelope = lettre::address::Envelope::new(Some(from.email.clone()), vec![from.email.clone()])
            .map_err(|error| refused(error.to_string()))?;
        let mut builder =
            lettre::Message::builder().envelope(envelope).from(from).header(MimeVersion::default());
        if let Some(reply_to) = &sender.reply_to {
            builder = builder.reply_to(mailbox(None, reply_to)?);
        }
        for (name, value) in sender.list_headers(issue.kind, &issue.language) {
            builder = builder.raw_header(raw(name, value));
        }
        let body = body(&issue.name, images, attachments).map_err(refused)?;
        let mut message = builder.multipart(body).map_err(|error| refused(error.to_string()))?;
        // Each letter has its own date.
        message.headers_mut().remove::<Date>();
        Self::split(&message.formatted())
            .ok_or_else(|| refused("the message has no place for its text".to_owned()))
    }

    fn split(message: &[u8]) -> Option<Self> {
        let find =
            |text: &[u8], from: usize| memchr::memmem::find(message.get(from..)?, text).map(|at| at + from);
        let head = find(b"\r\n\r\n", 0)? + 2;
        let text = find(TEXT_HERE, head)?;
        let html = find(HTML_HERE, text)?;
        Some(Self {
            headers: message.get(..head)?.to_vec(),
            before_text: message.get(head..text)?.to_vec(),
            before_html: message.get(text + TEXT_HERE.len()..html)?.to_vec(),
            end: message.get(html + HTML_HERE.len()..)?.to_vec(),
            digest: OnceLock::new(),
        })
    }

    /// SHA-256 of all shared parts, computed at first use.
    pub fn digest(&self) -> &Digest {
        self.digest.get_or_init(|| {
            let mut context = Context::new(&SHA256);
            [&self.headers, &self.before_text, &self.before_html, &self.end]
                .into_iter()
                .for_each(|part| context.update(part));
            context.finish()
        })
    }

    /// The message to one member, with the bodies in quoted-printable.
    pub fn message(&self, headers: &str, text: &[u8], html: &[u8]) -> Vec<u8> {
        let Self { headers: shared, before_text, before_html, end, .. } = self;
        [headers.as_bytes(), shared, before_text, text, before_html, html, end].concat()
    }
}

/// The headers of this member's message only; `leaving` is the token for unsubscribing, if that is possible.
///
/// # Errors
/// If a header cannot be written in a form that every mail program reads.
pub(super) fn headers(
    sender: &Sender,
    to: String,
    recipient: &Address,
    leaving: Option<&Token>,
    subject: &str,
    message_id: &str,
    now: Timestamp,
) -> Result<String, ComposeError> {
    let name = Some(to).filter(|name| !name.is_empty());
    let since_epoch = Duration::from_secs(now.as_second().unsigned_abs());
    let mut headers = Headers::new();
    headers.set(Date::new(SystemTime::UNIX_EPOCH + since_epoch));
    headers.set(To::from(Mailboxes::from(mailbox(name, recipient)?)));
    headers.set(Subject::from(subject.to_owned()));
    headers.set(MessageId::from(format!("<{message_id}>")));
    if let Some(token) = leaving {
        for (name, value) in sender.unsubscribe_headers(token)? {
            headers.insert_raw(raw(name, value));
        }
    }
    let headers = headers.to_string();
    check_lines(&headers)
        .map_err(|message| ComposeError::Letter { member: recipient.to_string(), message })?;
    Ok(headers)
}

/// The `Message-ID` of a member's letter without angle brackets: a pure function of issue and member.
pub(super) fn message_id(token: &Token, sender: &Address) -> String {
    format!("{token}@{}", sender.domain())
}

fn raw(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::dangerous_new_pre_encoded(HeaderName::new_from_ascii_str(name), value.clone(), value)
}

pub(super) fn mailbox(name: Option<String>, address: &Address) -> Result<Mailbox, ComposeError> {
    let parsed = lettre::Address::new(address.local_part(), address.domain());
    let parsed = parsed.map_err(|error| ComposeError::Letter {
        member: address.to_string(),
        message: format!("the address cannot be used in a header: {error}"),
    })?;
    Ok(Mailbox::new(name, parsed))
}

/// `mixed(alternative(text, related(html, images)), attachments)`; levels with only one part are omitted.
fn body(issue: &IssueName, images: &[SinglePart], attachments: &[SinglePart]) -> Result<MultiPart, String> {
    let text = part("text/plain; charset=utf-8; format=flowed", TEXT_HERE)?;
    let html = part("text/html; charset=utf-8", HTML_HERE)?;
    // `=_` cannot occur in quoted-printable or base64 (RFC 2045 §6.7), so no body contains a boundary.
    let boundary = |level: &str| format!("=_{level}-{issue}");
    let alternative = MultiPart::alternative().boundary(boundary("a")).singlepart(text);
    let alternative = if images.is_empty() {
        alternative.singlepart(html)
    } else {
        let related = MultiPart::related().boundary(boundary("r")).singlepart(html);
        let mut related = images.iter().fold(related, |related, image| related.singlepart(image.clone()));
        // RFC 2387 §3.1: the type of the root part must be stated.
        let kind = format!("multipart/related; type=\"text/html\"; boundary=\"{}\"", boundary("r"));
        related.headers_mut().set(ContentType::parse(&kind).map_err(|error| error.to_string())?);
        alternative.multipart(related)
    };
    if attachments.is_empty() {
        return Ok(alternative);
    }
    let mixed = MultiPart::mixed().boundary(boundary("m")).multipart(alternative);
    Ok(attachments.iter().fold(mixed, |mixed, attachment| mixed.singlepart(attachment.clone())))
}

fn part(kind: &str, stand_in: &[u8]) -> Result<SinglePart, String> {
    let kind = ContentType::parse(kind).map_err(|error| error.to_string())?;
    let body = Body::dangerous_pre_encoded(stand_in.to_vec(), ContentTransferEncoding::QuotedPrintable);
    Ok(SinglePart::builder().header(kind).body(body))
}

/// RFC 5322 §2.1.1: no line over 998 octets.
fn check_lines(headers: &str) -> Result<(), String> {
    match headers.split("\r\n").find(|line| line.len() > 998) {
        None => Ok(()),
        Some(line) => {
            let start: String = line.chars().take(40).collect();
            Err(format!("the header `{start}…` has a line over 998 octets: shorten it or give it spaces"))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_header_line_that_is_too_long_is_rejected() {
        assert!(check_lines(&format!("To: {}\r\n", "x".repeat(1200))).is_err());
        assert!(check_lines("To: x\r\n").is_ok());
    }
}
