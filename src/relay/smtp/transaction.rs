//! One mail transaction: MAIL, RCPT, DATA, the message, and what each reply means for the letter.

use lettre::transport::smtp::commands::{Data, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::{Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::{Response, Severity};

use crate::domain::{Address, Letter, Outcome, Reply};

use super::{Fault, SmtpSession, limited};
use crate::relay::{After, Delivered};

/// Replies that speak of our login or of us, not of the recipient (RFC 4954 §6, RFC 5321 §4.2.3).
const ABOUT_US: [u16; 4] = [530, 534, 535, 538];
/// The server is closing the connection (RFC 5321 §3.8).
const CLOSING: u16 = 421;

impl SmtpSession<'_> {
    pub(super) async fn transaction(&mut self, letter: &Letter) -> Delivered {
        let parameters = match self.mail_parameters(letter) {
            Ok(parameters) => parameters,
            Err(delivered) => return delivered,
        };
        let sender = letter.sender.as_ref().map(lettre_address).transpose();
        let (sender, recipient) = match (sender, lettre_address(&letter.recipient)) {
            (Ok(sender), Ok(recipient)) => (sender, recipient),
            (Err(reply), _) | (_, Err(reply)) => return Delivered::go_on(Outcome::Rejected(reply)),
        };
        let (mail, rcpt) = (Mail::new(sender, parameters), Rcpt::new(recipient, Vec::new()));
        let open = if self.offers.pipelining {
            self.envelope_at_once(&mail, &rcpt).await
        } else {
            self.envelope(mail, rcpt).await
        };
        match open {
            Ok(()) => self.content(letter).await,
            Err(delivered) => delivered,
        }
    }

    /// MAIL, RCPT and DATA, one after another's reply.
    async fn envelope(&mut self, mail: Mail, rcpt: Rcpt) -> Result<(), Delivered> {
        if let Err(fault) = self.command(mail).await {
            return Err(self.reset_after(sender_refused(fault)).await);
        }
        if let Err(fault) = self.command(rcpt).await {
            return Err(self.reset_after(not_taken(fault)).await);
        }
        if let Err(fault) = self.command(Data).await {
            return Err(self.reset_after(not_taken(fault)).await);
        }
        Ok(())
    }

    /// MAIL, RCPT and DATA in one go (RFC 2920 §3.1).
    async fn envelope_at_once(&mut self, mail: &Mail, rcpt: &Rcpt) -> Result<(), Delivered> {
        let mail = self.command(format!("{mail}{rcpt}{Data}")).await;
        if let Err(fault @ Fault::Lost(_)) = mail {
            return Err(not_taken(fault));
        }
        let rcpt = self.server.step(self.connection.read_response()).await;
        if let Err(fault @ Fault::Lost(_)) = rcpt {
            return Err(mail.err().map_or_else(|| not_taken(fault), sender_refused).lost());
        }
        let data = self.server.step(self.connection.read_response()).await;
        let waits_for_content = data.is_ok();
        let refused = match (mail, rcpt, data) {
            (Ok(_), Ok(_), Ok(_)) => return Ok(()),
            (Err(fault), _, _) => sender_refused(fault),
            (_, Err(fault), _) | (_, _, Err(fault)) => not_taken(fault),
        };
        if !waits_for_content {
            return Err(self.reset_after(refused).await);
        }
        // DATA was let through without a recipient: a lone dot ends it, and the server refuses that.
        match self.command(".\r\n").await {
            Err(Fault::Refused(_)) => Err(refused),
            _ => Err(refused.lost()),
        }
    }

    /// RFC 6152 and 6531: what the letter needs and the server must offer.
    fn mail_parameters(&self, letter: &Letter) -> Result<Vec<MailParameter>, Delivered> {
        let info = self.connection.server_info();
        let mut parameters = Vec::new();
        if let Some(limit) = self.offers.size {
            let size = letter.bytes.len();
            if limit > 0 && size as u64 > limit {
                let reply =
                    Reply::local(format!("the letter has {size} bytes, and the server takes {limit}"));
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

    /// Sends the message and the final dot in one go. Until the stream has taken as many bytes as both have, the dot
    /// can't have gone out; TLS only adds to them.
    async fn content(&mut self, letter: &Letter) -> Delivered {
        let Ok(text) = std::str::from_utf8(&letter.bytes) else {
            return Delivered::go_on(Outcome::Rejected(Reply::local("the letter is not UTF-8")));
        };
        let message = to_the_final_dot(text);
        let length = message.len() as u64;
        let before = self.gauge.sent();
        let limit = self.server.timeouts.final_dot;
        let result = limited(limit, self.connection.command(message)).await;
        match result {
            Ok(response) if response.code().severity == Severity::PositiveCompletion => {
                Delivered::go_on(Outcome::Accepted(accepted(&response)))
            }
            Ok(response) => {
                Delivered { outcome: Outcome::InDoubt(accepted(&response)), after: After::Reconnect }
            }
            Err(Fault::Refused(reply)) => not_taken(Fault::Refused(reply)),
            Err(Fault::Lost(reason)) => {
                let is_incomplete = self.gauge.sent() - before < length;
                let outcome = if is_incomplete {
                    Outcome::Deferred(Reply::local(format!("before the final dot: {reason}")))
                } else {
                    Outcome::InDoubt(Reply::local(format!("after the final dot: {reason}")))
                };
                Delivered { outcome, after: After::Reconnect }
            }
        }
    }

    /// After a refusal the transaction is still open; RSET ends it (RFC 5321 §4.1.1.5).
    async fn reset_after(&mut self, delivered: Delivered) -> Delivered {
        if delivered.after != After::GoOn || self.command(Rset).await.is_ok() {
            return delivered;
        }
        delivered.lost()
    }
}

/// The message as DATA takes it: a dot before each line that starts with one, and a lone dot after the last line (RFC
/// 5321 §4.5.2).
fn to_the_final_dot(message: &str) -> String {
    let first = if message.starts_with('.') { "." } else { "" };
    let end = if message.ends_with("\r\n") { ".\r\n" } else { "\r\n.\r\n" };
    let mut stuffed = String::with_capacity(message.len() + message.len() / 64 + 8);
    stuffed.push_str(first);
    let mut written = 0;
    for at in memchr::memmem::find_iter(message.as_bytes(), "\r\n.") {
        let dot = at + 2;
        stuffed.push_str(message.get(written..dot).unwrap_or_default());
        stuffed.push('.');
        written = dot;
    }
    stuffed.push_str(message.get(written..).unwrap_or_default());
    stuffed.push_str(end);
    stuffed
}

/// A refused or broken RCPT, DATA or message that was certainly not taken.
fn not_taken(fault: Fault) -> Delivered {
    match fault {
        Fault::Lost(reason) => {
            Delivered { outcome: Outcome::Deferred(Reply::local(reason)), after: After::Reconnect }
        }
        Fault::Refused(reply) => match reply.code {
            Some(CLOSING) => Delivered { outcome: Outcome::Deferred(reply), after: After::Reconnect },
            Some(code) if ABOUT_US.contains(&code) => {
                Delivered { outcome: Outcome::Deferred(reply), after: After::Stop }
            }
            Some(code) if code >= 500 => Delivered::go_on(Outcome::Rejected(reply)),
            _ => Delivered::go_on(Outcome::Deferred(reply)),
        },
    }
}

/// A refused sender concerns every letter: nobody is marked as rejected for it.
fn sender_refused(fault: Fault) -> Delivered {
    let delivered = not_taken(fault);
    match delivered.outcome {
        Outcome::Rejected(reply) => Delivered { outcome: Outcome::Deferred(reply), after: After::Stop },
        outcome => Delivered { outcome, ..delivered },
    }
}

fn accepted(response: &Response) -> Reply {
    let words: Vec<&str> = response.message().collect();
    Reply::from_server(u16::from(response.code()), &words.join(" "))
}

fn lettre_address(address: &Address) -> Result<lettre::Address, Reply> {
    lettre::Address::new(address.local_part(), address.domain())
        .map_err(|error| Reply::local(format!("the address can't be used: {error}")))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_start_with_a_dot_get_another() {
        for (message, wire) in [
            ("", "\r\n.\r\n"),
            ("a\r\n", "a\r\n.\r\n"),
            ("a", "a\r\n.\r\n"),
            (".\r\n..\r\nå.b\r\n.\r\n", "..\r\n...\r\nå.b\r\n..\r\n.\r\n"),
        ] {
            assert_eq!(to_the_final_dot(message), wire);
        }
    }
}
