//! The reader: one message in, one report out.

use serde::Serialize;

use super::header::Headers;
use super::mail::IncomingMail;
use super::mime::{MimeMessage, MimePart, Role, starts_with, unix_lines};
use super::news::{self, SenderNews};
use super::own::Own;
use super::rules::InboxRules;
use super::signs::is_by_person;
use super::verdict::cut;
use super::{address, notice, reply, tokens};
use crate::diagnosis::RulesError;
use crate::domain::Reply;
use crate::domain::bounce::{MessageKind, Reason, Verdict};

/// How much of a notice's text is read.
const MAX_NOTICE: usize = 512 * 1024;
const MAX_IDENTIFIERS: usize = 20;
const MAX_IDENTIFIER: usize = 200;
/// The limit on forwarded mails inside forwarded mails.
const MAX_FORWARDS: usize = 2;

/// What the caller knows about the mailbox.
#[derive(Debug, Clone, Default)]
pub struct Hints {
    /// The sender's own addresses, which are never the recipient of a bounce.
    pub own_addresses: Vec<String>,
    /// The address for requests to leave.
    pub unsubscribe_address: Option<String>,
}

/// The result of reading a message.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct MessageReport {
    pub kind: MessageKind,
    pub recipients: Vec<Verdict>,
    /// The verdict of a bounce or a complaint that names nobody; its address is empty.
    pub unnamed: Option<Verdict>,
    /// Possible tokens of ours, unverified.
    pub tokens: Vec<String>,
    pub subject: String,
    /// The address in From.
    pub from: String,
    /// The Date field, as written.
    pub date: String,
    /// Its Message-ID in angle brackets, if it has one.
    pub message_id: String,
    /// The identifiers in `References`.
    pub references: Vec<String>,
    /// Whether a machine may answer the message.
    pub may_be_answered: bool,
    /// News about the sender of an automatic answer.
    pub news: Option<SenderNews>,
    /// The servers whose `dmarc=fail` says that the message is not from its sender's domain (RFC 8601).
    pub disowned_by: Vec<String>,
}

/// Reads messages by the built-in rules.
#[derive(Debug)]
pub struct MessageReader {
    rules: InboxRules,
    own: Own,
}

impl MessageReader {
    /// Compiles the rules.
    ///
    /// # Errors
    /// If a built-in rule file is broken.
    pub fn new(hints: &Hints) -> Result<Self, RulesError> {
        let own = Own::new(&hints.own_addresses, hints.unsubscribe_address.as_deref());
        Ok(Self { rules: InboxRules::built_in()?, own })
    }

    /// The reason behind a server's permanent refusal of a letter: its words count first, then its codes.
    pub fn reason(&self, reply: &Reply) -> Reason {
        let vocabulary = &self.rules.vocabulary;
        let by_words = vocabulary.meaning(&reply.text, &[]).map(|meaning| meaning.reason);
        let by_status = || vocabulary.by_status(reply.status.as_deref()?);
        by_words.or_else(by_status).unwrap_or(Reason::Undefined)
    }

    /// Classifies a message and returns whom it is about and the verdicts on them.
    pub fn read(&self, raw: &[u8]) -> MessageReport {
        self.read_nested(&unix_lines(raw), 0)
    }

    fn read_nested(&self, raw: &[u8], depth: usize) -> MessageReport {
        let message = MimeMessage::parse(raw);
        let mut text = text_of(&message);
        let by_person = is_by_person(&message.headers, &self.rules);
        if by_person {
            // Quoted lines are somebody else's words; a mail system's transcript looks quoted too.
            text = without_quotations(&text);
        }
        let (notice, rest) = notice::split(&text, &self.rules);
        let returned = message.with(Role::Original).next().map(MimePart::content);
        let original = match &returned {
            Some(content) => Headers::split(content.trim_ascii_start()).0,
            None => Headers::split(returned_header(rest).as_bytes()).0,
        };
        let mail = IncomingMail::new(&message, notice, &original, &self.rules, &self.own, by_person);
        let (kind, recipients) = mail.read();
        let unnamed = if recipients.is_empty() { mail.unnamed(kind) } else { None };
        let has_status = message.with(Role::Status).next().is_some();
        if let Some(content) = returned.as_deref().filter(|_| !has_status && depth < MAX_FORWARDS)
            && let Some(report) = self.forwarded(content, by_person, depth)
        {
            return report;
        }
        let from = address::first(&message.headers.text("from")).unwrap_or_default().to_owned();
        MessageReport {
            kind,
            recipients,
            unnamed,
            tokens: tokens::candidates(&message, &original, notice),
            subject: message.headers.text("subject"),
            date: message.headers.text("date"),
            message_id: identifiers(&message.headers, "message-id").pop().unwrap_or_default(),
            references: identifiers(&message.headers, "references"),
            may_be_answered: reply::may_be_answered(&message.headers, &self.rules),
            news: (kind == MessageKind::AutoReply).then(|| news::read(notice, &from, &self.rules)).flatten(),
            disowned_by: disowned_by(&message.headers),
            from,
        }
    }

    /// The report on a notice inside another mail: one with a delivery status, or any that a person forwarded.
    fn forwarded(&self, content: &[u8], by_person: bool, depth: usize) -> Option<MessageReport> {
        let has_status = || {
            memchr::memmem::find(content, b"elivery-")?;
            MimeMessage::parse(content).with(Role::Status).next().map(drop)
        };
        if !by_person {
            has_status()?;
        }
        let report = self.read_nested(content, depth + 1);
        let is_notice = matches!(report.kind, MessageKind::Bounce | MessageKind::Delayed);
        (!report.recipients.is_empty() && (is_notice || has_status().is_some())).then_some(report)
    }
}

/// The servers whose `Authentication-Results` report a DMARC failure (RFC 8601 §2.2).
fn disowned_by(headers: &Headers<'_>) -> Vec<String> {
    let results = headers.all("authentication-results").take(MAX_IDENTIFIERS);
    let failed = results.filter(|value| value.to_ascii_lowercase().replace(' ', "").contains("dmarc=fail"));
    let server = failed.filter_map(|value| value.split([';', ' ']).find(|word| !word.trim().is_empty()));
    server.map(|server| server.trim().to_ascii_lowercase()).collect()
}

/// The identifiers listed in a field (RFC 5322 §3.6.4), except those that cannot be written into a field again.
fn identifiers(headers: &Headers<'_>, name: &str) -> Vec<String> {
    let is_good = |word: &&str| {
        let inside = word.strip_prefix('<').and_then(|word| word.strip_suffix('>'));
        inside.is_some_and(|inside| {
            inside.contains('@')
                && inside.bytes().all(|byte| byte.is_ascii_graphic() && !b"<>".contains(&byte))
        }) && word.len() <= MAX_IDENTIFIER
    };
    let value = headers.get(name).unwrap_or_default();
    value.split_ascii_whitespace().filter(is_good).take(MAX_IDENTIFIERS).map(str::to_owned).collect()
}

/// A message's text: plain text, or HTML if there is no plain text.
fn text_of(message: &MimeMessage<'_>) -> String {
    let is_html = |part: &&MimePart<'_>| {
        part.headers.get("content-type").is_some_and(|kind| starts_with(kind, "text/html"))
    };
    let join = |parts: Vec<&MimePart<'_>>| {
        let mut text = String::new();
        for part in parts {
            if text.len() > MAX_NOTICE {
                break;
            }
            text.push_str(cut(&part.text(), MAX_NOTICE));
            text.push('\n');
        }
        text
    };
    let plain = join(message.with(Role::Text).filter(|part| !is_html(part)).collect());
    if plain.trim().is_empty() { join(message.with(Role::Text).collect()) } else { plain }
}

/// The text, with each quoted line reduced to its quotation mark.
fn without_quotations(text: &str) -> String {
    let is_quoted = |line: &str| line.starts_with('>') && !line.starts_with(">>>");
    text.split_inclusive('\n').map(|line| if is_quoted(line) { ">\n" } else { line }).collect()
}

/// The header of a letter returned inside the text.
fn returned_header(rest: &str) -> &str {
    let start = rest.split_inclusive('\n').skip_while(|line| {
        let name = line.split(':').next().unwrap_or_default();
        name.len() == line.len() || name.contains(' ') || name.is_empty()
    });
    let length: usize = start.map(str::len).sum();
    rest.get(rest.len() - length..).unwrap_or_default()
}
