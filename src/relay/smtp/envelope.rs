//! A letter's envelope for MAIL and RCPT, with the extensions that the letter needs.

use std::fmt;

use lettre::transport::smtp::commands::{Data, Mail, Rcpt};
use lettre::transport::smtp::extension::{Extension, MailBodyParameter, MailParameter};

use crate::domain::{Address, Letter, Outcome, Reply};

use super::SmtpSession;
use crate::relay::{After, Delivered};

pub(super) struct SmtpEnvelope {
    pub mail: Mail,
    pub rcpt: Rcpt,
}

/// MAIL, RCPT and DATA in one write (RFC 2920 §3.1).
impl fmt::Display for SmtpEnvelope {
    fn fmt(&self, formatter: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(formatter, "{}{}{Data}", self.mail, self.rcpt)
    }
}

impl SmtpSession<'_> {
    pub(super) fn envelope(&self, letter: &Letter) -> Result<SmtpEnvelope, Delivered> {
        text_of(letter)?;
        let parameters = self.mail_parameters(letter)?;
        let sender = letter.sender.as_ref().map(lettre_address).transpose();
        match (sender, lettre_address(&letter.recipient)) {
            (Ok(sender), Ok(recipient)) => Ok(SmtpEnvelope {
                mail: Mail::new(sender, parameters),
                rcpt: Rcpt::new(recipient, Vec::new()),
            }),
            (Err(reply), _) | (_, Err(reply)) => Err(Delivered::go_on(Outcome::Rejected(reply))),
        }
    }

    /// The parameters that the letter needs and the server must offer (RFC 6152, RFC 6531).
    fn mail_parameters(&self, letter: &Letter) -> Result<Vec<MailParameter>, Delivered> {
        let info = self.connection.server_info();
        let mut parameters = Vec::new();
        if let Some(limit) = self.offers.size {
            let size = letter.bytes.len();
            if limit > 0 && size as u64 > limit {
                let reply = Reply::local(format!(
                    "the letter has {size} bytes, and the server accepts {limit} at most"
                ));
                return Err(Delivered { outcome: Outcome::Deferred(reply), after: After::Stop });
            }
            parameters.push(MailParameter::Size(size));
        }
        let sender_needs = letter.sender.as_ref().is_some_and(Address::needs_smtputf8);
        if sender_needs || letter.recipient.needs_smtputf8() {
            if !info.supports_feature(Extension::SmtpUtfEight) {
                let reply =
                    Reply::local("the address has letters outside ASCII and the server has no SMTPUTF8");
                return Err(if sender_needs {
                    Delivered { outcome: Outcome::Deferred(reply), after: After::Stop }
                } else {
                    Delivered::go_on(Outcome::Rejected(reply))
                });
            }
            parameters.push(MailParameter::SmtpUtfEight);
        }
        if !letter.bytes.is_ascii() {
            if !info.supports_feature(Extension::EightBitMime) {
                let reply = Reply::local("the letter has 8-bit headers and the server has no 8BITMIME");
                return Err(Delivered::go_on(Outcome::Rejected(reply)));
            }
            parameters.push(MailParameter::Body(MailBodyParameter::EightBitMime));
        }
        Ok(parameters)
    }
}

/// The letter in the type that lettre's connection takes.
pub(super) fn text_of(letter: &Letter) -> Result<&str, Delivered> {
    std::str::from_utf8(&letter.bytes)
        .map_err(|_| Delivered::go_on(Outcome::Rejected(Reply::local("the letter is not UTF-8"))))
}

fn lettre_address(address: &Address) -> Result<lettre::Address, Reply> {
    lettre::Address::new(address.local_part(), address.domain())
        .map_err(|error| Reply::local(format!("the address cannot be used: {error}")))
}
