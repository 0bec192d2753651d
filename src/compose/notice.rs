//! Short plain-text mails other than letters: reminders, reports and confirmations.

use jiff::Timestamp;
use lettre::Message;
use lettre::message::header::{ContentType, HeaderName, HeaderValue};
use lettre::message::{Attachment, MessageBuilder, MultiPart};

use crate::domain::{Address, Letter, MemberId};

use super::message::mailbox;
use super::{ComposeError, Signer, dkim};

/// A plain-text mail to one person.
#[derive(Debug)]
pub struct Notice<'a> {
    pub from_name: Option<String>,
    pub from: &'a Address,
    pub to: &'a Address,
    pub subject: &'a str,
    pub text: &'a str,
    /// `Message-ID` without its angle brackets.
    pub message_id: String,
    /// The mail that it answers.
    pub answer: Option<InReplyTo<'a>>,
}

/// A reference to the mail that is answered (RFC 5322 §3.6.4).
#[derive(Debug, Clone, Copy)]
pub struct InReplyTo<'a> {
    /// Its `Message-ID`, preceded by those in its references, each in angle brackets.
    pub message_id: &'a str,
    pub references: &'a [String],
}

/// Parts of a mail besides its text.
#[derive(Debug)]
pub struct Enclosures {
    /// The content as a web page.
    pub html: String,
    /// The name and content of an attached PDF.
    pub file: Option<(String, Vec<u8>)>,
}

impl Notice<'_> {
    /// The mail for a relay, signed. An answer has no return path, so that it is not answered in turn (RFC 3834
    /// §3.3).
    ///
    /// # Errors
    /// If an address cannot be written into a header, or a key is damaged.
    pub fn letter(&self, signers: &[Signer], now: Timestamp) -> Result<Letter, ComposeError> {
        let message = self.builder()?.header(ContentType::TEXT_PLAIN).body(self.text.to_owned());
        self.finished(message, signers, now)
    }

    /// The mail with a web page and an attached file.
    ///
    /// # Errors
    /// Like [`Self::letter`].
    pub fn letter_with(
        &self,
        enclosures: &Enclosures,
        signers: &[Signer],
        now: Timestamp,
    ) -> Result<Letter, ComposeError> {
        let shown = MultiPart::alternative_plain_html(self.text.to_owned(), enclosures.html.clone());
        let body = match &enclosures.file {
            None => shown,
            Some((name, content)) => {
                let kind = ContentType::parse("application/pdf").map_err(|error| self.failed(&error))?;
                let file = Attachment::new(name.clone()).body(content.clone(), kind);
                MultiPart::mixed().multipart(shown).singlepart(file)
            }
        };
        self.finished(self.builder()?.multipart(body), signers, now)
    }

    fn failed(&self, error: &dyn std::fmt::Display) -> ComposeError {
        ComposeError::Letter { member: self.to.to_string(), message: error.to_string() }
    }

    fn builder(&self) -> Result<MessageBuilder, ComposeError> {
        let kind = if self.answer.is_some() { "auto-replied" } else { "auto-generated" };
        let mut builder = lettre::Message::builder()
            .from(mailbox(self.from_name.clone(), self.from)?)
            .to(mailbox(None, self.to)?)
            .subject(self.subject)
            .message_id(Some(format!("<{}>", self.message_id)))
            .raw_header(raw("Auto-Submitted", kind.to_owned()));
        if let Some(answer) = self.answer.filter(|answer| !answer.message_id.is_empty()) {
            let mut references = answer.references.to_vec();
            references.push(answer.message_id.to_owned());
            builder = builder
                .raw_header(raw("In-Reply-To", answer.message_id.to_owned()))
                .raw_header(raw("References", references.join(" ")));
        }
        Ok(builder)
    }

    fn finished(
        &self,
        message: Result<Message, lettre::error::Error>,
        signers: &[Signer],
        now: Timestamp,
    ) -> Result<Letter, ComposeError> {
        let message = message.map_err(|error| self.failed(&error))?.formatted();
        let signatures = dkim::signatures(signers, &message, now)?;
        Ok(Letter {
            member: MemberId(0),
            others: Vec::new(),
            sender: self.answer.is_none().then(|| self.from.clone()),
            recipient: self.to.clone(),
            message_id: self.message_id.clone(),
            bytes: [signatures.as_bytes(), &message].concat(),
        })
    }
}

fn raw(name: &'static str, value: String) -> HeaderValue {
    HeaderValue::new(HeaderName::new_from_ascii_str(name), value)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_answer_has_no_return_path_and_refers_to_the_original() {
        let [from, to] = ["brev@example.se", "anna@example.org"].map(|text| Address::parse(text).unwrap());
        let references: Vec<String> = (0..30).map(|n| format!("<letter-{n}@example.se>")).collect();
        let notice = Notice {
            from_name: Some("Byalaget".to_owned()),
            from: &from,
            to: &to,
            subject: "Du får inga fler brev",
            text: "Hej!\n",
            message_id: "x@example.se".to_owned(),
            answer: Some(InReplyTo { message_id: "<mine@example.org>", references: &references }),
        };
        let letter = notice.letter(&[], Timestamp::UNIX_EPOCH).unwrap();
        assert_eq!(letter.sender, None);
        let text = String::from_utf8(letter.bytes).unwrap();
        assert!(text.contains("Auto-Submitted: auto-replied\r\n"), "{text}");
        assert!(text.contains("In-Reply-To: <mine@example.org>\r\n"), "{text}");
        assert!(
            text.contains("<letter-29@example.se> <mine@example.org>") || text.contains("\r\n <mine@"),
            "{text}"
        );
        assert!(text.lines().all(|line| line.len() <= 78), "{text}");
    }
}
