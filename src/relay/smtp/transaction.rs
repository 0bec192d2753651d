//! One mail transaction: MAIL, RCPT, DATA and the message, and what each reply means for the letter.

use std::time::{Duration, Instant};

use lettre::transport::smtp::commands::{Data, Rset};
use lettre::transport::smtp::response::{Response, Severity};

use crate::domain::{Letter, Outcome, Reply};

use super::envelope::{SmtpEnvelope, text_of};
use super::look_ahead::LookAheadPermit;
use super::{SmtpFault, SmtpSession, limited, reply};
use crate::relay::{After, Delivered};

/// Replies about our login, not about the recipient (RFC 4954 §6, RFC 5321 §4.2.3).
const ABOUT_US: [u16; 4] = [530, 534, 535, 538];
/// The timeout for the reply to the first MAIL sent ahead. The server has just answered; a longer silence means that
/// it dropped it.
const LONGEST_TRIAL: Duration = Duration::from_secs(5);
/// The server is closing the connection (RFC 5321 §3.8).
const CLOSING: u16 = 421;
/// The server did not expect the command (RFC 5321 §4.2.2).
const BAD_SEQUENCE: u16 = 503;
/// If a connection was idle for longer, the server may have closed it.
const IDLE: Duration = Duration::from_secs(1);
/// How often to check whether an upload makes progress.
const LOOK_EVERY: Duration = Duration::from_millis(500);

impl SmtpSession<'_> {
    pub(super) async fn transaction(
        &mut self,
        letter: &Letter,
        next: Option<&Letter>,
        may_leave: impl Future<Output = bool>,
    ) -> Delivered {
        self.may_have_ended = self.letters > 0 || self.last_used.elapsed() > IDLE;
        let open = match self.ahead.take_if(|(member, _)| *member == letter.member) {
            Some((_, permit)) => self.went_ahead(letter, permit).await,
            None if self.is_ahead() => {
                Err(not_taken(SmtpFault::Lost("another letter's envelope went ahead".to_owned())))
            }
            None => self.open(letter).await,
        };
        match open {
            Ok(()) if may_leave.await => self.content(letter, next).await,
            Ok(()) => {
                self.is_waited_for = true;
                Delivered::kept_back()
            }
            Err(delivered) => delivered,
        }
    }

    async fn open(&mut self, letter: &Letter) -> Result<(), Delivered> {
        let envelope = self.envelope(letter)?;
        if self.offers.pipelining {
            let mail = completed(self.command(&envelope).await);
            self.replies_after_mail(mail).await
        } else {
            self.one_by_one(envelope).await
        }
    }

    /// Sends MAIL, RCPT and DATA, and waits for each reply.
    async fn one_by_one(&mut self, SmtpEnvelope { mail, rcpt }: SmtpEnvelope) -> Result<(), Delivered> {
        if let Err(fault) = completed(self.command(mail).await) {
            let refused = self.ended_before(&fault).unwrap_or_else(|| sender_refused(fault));
            return Err(self.reset_after(refused).await);
        }
        if let Err(fault) = completed(self.command(rcpt).await) {
            return Err(self.reset_after(not_taken(fault)).await);
        }
        if let Err(fault) = waits(self.command(Data).await) {
            return Err(self.reset_after(not_taken(fault)).await);
        }
        Ok(())
    }

    /// Reads the replies to an envelope that was sent ahead. If the connection is lost, or the server does not
    /// tolerate it, the envelope is sent again over a new connection.
    async fn went_ahead(&mut self, letter: &Letter, permit: LookAheadPermit<'_>) -> Result<(), Delivered> {
        let is_proven = permit.is_proven();
        let patience = self.server.timeouts.command;
        let limit = if is_proven { patience } else { patience.min(LONGEST_TRIAL) };
        let mail = completed(limited(limit, self.connection.read_response()).await);
        let is_tolerated = match &mail {
            Ok(()) => true,
            // After the trial, a refusal is about the letter, unless it complains about the order of commands: then
            // it is about the look-ahead.
            Err(SmtpFault::Refused(reply)) => {
                reply.code != Some(BAD_SEQUENCE) && (is_proven || !reply.is_final())
            }
            Err(SmtpFault::Lost(_)) => false,
        };
        // After the trial, the server may close the connection for another reason.
        let is_closed = is_proven && mail.as_ref().is_err_and(|fault| matches!(fault, SmtpFault::Lost(_)));
        permit.conclude(is_tolerated || is_closed);
        if is_tolerated {
            return self.replies_after_mail(mail).await;
        }
        match self.server.connect().await {
            Ok(session) => *self = session,
            Err(error) => return Err(not_taken(SmtpFault::Lost(error.to_string()))),
        }
        self.open(letter).await
    }

    /// Reads the replies to RCPT and DATA, which were sent together with MAIL.
    async fn replies_after_mail(&mut self, mail: Result<(), SmtpFault>) -> Result<(), Delivered> {
        if let Err(fault) = &mail
            && let Some(again) = self.ended_before(fault)
        {
            return Err(again);
        }
        if let Err(fault @ SmtpFault::Lost(_)) = mail {
            return Err(not_taken(fault));
        }
        let rcpt = completed(self.server.step(self.connection.read_response()).await);
        if let Err(fault @ SmtpFault::Lost(_)) = rcpt {
            return Err(mail.err().map_or_else(|| not_taken(fault), sender_refused).lost());
        }
        let data = waits(self.server.step(self.connection.read_response()).await);
        let waits_for_content = data.is_ok();
        let refused = match (mail, rcpt, data) {
            (Ok(()), Ok(()), Ok(())) => return Ok(()),
            (Err(fault), _, _) => sender_refused(fault),
            (_, Err(fault), _) | (_, _, Err(fault)) => not_taken(fault),
        };
        if !waits_for_content {
            return Err(self.reset_after(refused).await);
        }
        // The server accepted DATA without a recipient: a lone dot ends it, and the server refuses that.
        match self.command(".\r\n").await {
            Err(SmtpFault::Refused(_)) => Err(refused),
            _ => Err(refused.lost()),
        }
    }

    /// Sends the message and the final dot in one write, followed by the next letter's envelope. Until the stream has
    /// accepted as many bytes as message and dot have, the dot cannot have been sent; TLS only adds to them.
    async fn content(&mut self, letter: &Letter, next: Option<&Letter>) -> Delivered {
        let mut message = match text_of(letter) {
            Ok(text) => to_the_final_dot(text),
            Err(refused) => return refused.lost(),
        };
        let length = message.len() as u64;
        if let Some(next) = next
            // A letter that cannot be sent is reported when it is its turn.
            && let Ok(envelope) = self.envelope(next)
            && let Some(permit) = self.permit()
        {
            message.push_str(&envelope.to_string());
            self.ahead = Some((next.member, permit));
        }
        let before = self.meter.sent();
        self.meter.watch_for_early_replies(before + length);
        let mut result = self.after_the_dot(message, before + length).await;
        let is_early = self.meter.has_early_reply() && result.as_ref().is_ok_and(is_completion);
        if is_early || result.as_ref().is_ok_and(is_intermediate) {
            // This reply came before the dot was sent, or asks for data that is already sent; the next one is for the
            // dot.
            result = limited(self.server.timeouts.final_dot, self.connection.read_response()).await;
        }
        if let Some(again) = self.end_failed_trial(&result) {
            return again;
        }
        match result {
            Ok(response) if is_completion(&response) => {
                Delivered::go_on(Outcome::Accepted(reply_of(&response)))
            }
            Ok(response) => {
                Delivered { outcome: Outcome::InDoubt(reply_of(&response)), after: After::Reconnect }
            }
            Err(fault @ SmtpFault::Refused(_)) => not_taken(fault),
            Err(SmtpFault::Lost(reason)) => {
                let is_incomplete = self.meter.sent() - before < length;
                let outcome = if is_incomplete {
                    Outcome::Deferred(Reply::local(format!("before the final dot: {reason}")))
                } else {
                    Outcome::InDoubt(Reply::local(format!("after the final dot: {reason}")))
                };
                Delivered { outcome, after: After::Reconnect }
            }
        }
    }

    /// Ends the trial of the look-ahead if the letter before the envelope was not accepted. The refusal may be about
    /// the data after the dot, so the letter, which the server says it did not accept, is sent again alone. A letter
    /// lost at the dot is in doubt like any other.
    fn end_failed_trial(&mut self, result: &Result<Response, SmtpFault>) -> Option<Delivered> {
        if result.as_ref().is_ok_and(is_completion) {
            return None;
        }
        let (_, permit) = self.ahead.take_if(|(_, permit)| !permit.is_proven())?;
        permit.conclude(false);
        match result {
            Err(SmtpFault::Refused(reply)) if !is_of_recipient(reply) => {
                Some(Delivered { outcome: Outcome::Deferred(reply.clone()), after: After::Again })
            }
            _ => None,
        }
    }

    /// Sends a message and waits for the reply. Before byte number `dot` of the connection, the final dot, is sent,
    /// the timeout for a command applies; after it, the one for the final dot.
    async fn after_the_dot(&mut self, message: String, dot: u64) -> Result<Response, SmtpFault> {
        let timeouts = self.server.timeouts;
        let meter = self.meter.clone();
        let reply = self.connection.command(message);
        tokio::pin!(reply);
        let (mut sent, mut at) = (meter.sent(), Instant::now());
        loop {
            match tokio::time::timeout(LOOK_EVERY.min(timeouts.final_dot), &mut reply).await {
                Ok(done) => return done.map_err(|error| super::fault(&error)),
                Err(_) if meter.sent() > sent => (sent, at) = (meter.sent(), Instant::now()),
                Err(_) => {}
            }
            let limit = if sent < dot { timeouts.command } else { timeouts.final_dot };
            if at.elapsed() >= limit {
                return Err(SmtpFault::Lost(format!("no response within {} seconds", limit.as_secs())));
            }
        }
    }

    /// The result if the server had closed the connection before MAIL, as servers do with a connection that was idle
    /// or has had enough letters (RFC 5321 §3.8): nothing of this letter was sent. `None` for any other fault.
    fn ended_before(&self, fault: &SmtpFault) -> Option<Delivered> {
        let reply = match fault {
            SmtpFault::Lost(reason) => Reply::local(reason.clone()),
            SmtpFault::Refused(reply) if reply.code == Some(CLOSING) => reply.clone(),
            SmtpFault::Refused(_) => return None,
        };
        let delivered = Delivered { outcome: Outcome::Deferred(reply), after: After::Again };
        self.may_have_ended.then_some(delivered)
    }

    /// Ends the transaction, which is still open after a refusal, with RSET (RFC 5321 §4.1.1.5).
    async fn reset_after(&mut self, delivered: Delivered) -> Delivered {
        if delivered.after != After::GoOn || self.command(Rset).await.is_ok() {
            return delivered;
        }
        delivered.lost()
    }
}

/// The message in the form for DATA: a dot is added to each line that starts with one, and a lone dot follows the
/// last line (RFC 5321 §4.5.2).
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

/// Tells whether a refusal is about the recipient's address or mailbox (RFC 3463 §3.2 and §3.3).
fn is_of_recipient(reply: &Reply) -> bool {
    let subject = reply.status.as_deref().and_then(|status| status.split('.').nth(1));
    matches!(subject, Some("1" | "2"))
}

fn is_intermediate(reply: &Response) -> bool {
    reply.code().severity == Severity::PositiveIntermediate
}

fn is_completion(reply: &Response) -> bool {
    reply.code().severity == Severity::PositiveCompletion
}

/// Expects a 2xx reply to MAIL or RCPT.
fn completed(reply: Result<Response, SmtpFault>) -> Result<(), SmtpFault> {
    of_severity(Severity::PositiveCompletion, reply)
}

/// Expects a 3xx reply to DATA: the server waits for the message. A 2xx reply belongs to another command, and a
/// message sent now would go to an unknown recipient.
fn waits(reply: Result<Response, SmtpFault>) -> Result<(), SmtpFault> {
    of_severity(Severity::PositiveIntermediate, reply)
}

fn of_severity(wanted: Severity, reply: Result<Response, SmtpFault>) -> Result<(), SmtpFault> {
    let reply = reply?;
    if reply.code().severity == wanted {
        return Ok(());
    }
    Err(SmtpFault::Lost(format!("an unexpected reply: {}", reply_of(&reply))))
}

/// The outcome of a refused or broken RCPT, DATA or message that was certainly not accepted.
fn not_taken(fault: SmtpFault) -> Delivered {
    match fault {
        SmtpFault::Lost(reason) => {
            Delivered { outcome: Outcome::Deferred(Reply::local(reason)), after: After::Reconnect }
        }
        SmtpFault::Refused(reply) => match reply.code {
            Some(CLOSING) => Delivered { outcome: Outcome::Deferred(reply), after: After::Reconnect },
            Some(code) if ABOUT_US.contains(&code) => {
                Delivered { outcome: Outcome::Deferred(reply), after: After::Stop }
            }
            _ if reply.is_final() => Delivered::go_on(Outcome::Rejected(reply)),
            _ => Delivered::go_on(Outcome::Deferred(reply)),
        },
    }
}

/// A refused sender concerns every letter, so nobody is marked as rejected for it.
fn sender_refused(fault: SmtpFault) -> Delivered {
    let delivered = not_taken(fault);
    match delivered.outcome {
        Outcome::Rejected(reply) => Delivered { outcome: Outcome::Deferred(reply), after: After::Stop },
        outcome => Delivered { outcome, ..delivered },
    }
}

fn reply_of(response: &Response) -> Reply {
    let words: Vec<&str> = response.message().collect();
    reply(response.code(), &words.join(" "))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lines_that_start_with_a_dot_get_another_dot() {
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
