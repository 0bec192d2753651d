//! SMTP, command by command, so that a broken connection tells whether the letter may have been taken.

use std::fmt::Display;
use std::future::Future;
use std::path::PathBuf;
use std::time::Duration;

use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::AsyncSmtpConnection;
use lettre::transport::smtp::commands::{Data, Ehlo, Mail, Rcpt, Rset};
use lettre::transport::smtp::extension::{ClientId, Extension, MailBodyParameter, MailParameter};
use lettre::transport::smtp::response::{Response, Severity};
use secrecy::ExposeSecret;

use crate::domain::{Address, Letter, Outcome, Reply};
use crate::server::{self, Auth, Login, Security, ServerError, Trust};

use super::wire::{Gauge, Wire};
use super::{After, Delivered, RelayError};

/// An SMTP server and how to talk to it.
#[derive(Debug)]
pub struct SmtpServer {
    pub host: String,
    pub port: u16,
    pub security: Security,
    /// A certificate authority to trust beside the system's.
    pub ca_file: Option<PathBuf>,
    pub login: Option<Login>,
    /// Our name in EHLO (RFC 5321 §4.1.1.1).
    pub hello_name: String,
    pub timeouts: Timeouts,
    /// After this many letters a connection is closed and another one opened.
    pub max_letters_per_connection: usize,
}

/// How long to wait (RFC 5321 §4.5.3.2).
#[derive(Debug, Clone, Copy)]
pub struct Timeouts {
    pub connect: Duration,
    pub command: Duration,
    /// For the reply to the final dot.
    pub final_dot: Duration,
}

/// An open connection.
#[expect(missing_debug_implementations, reason = "lettre's connection has none")]
pub struct SmtpSession<'a> {
    server: &'a SmtpServer,
    connection: AsyncSmtpConnection,
    gauge: Gauge,
    letters: usize,
    offers: Offers,
}

/// What the server's EHLO offers beside what lettre looks at.
#[derive(Debug, Clone, Copy, Default)]
struct Offers {
    /// RFC 2920.
    pipelining: bool,
    /// RFC 1870: the keyword stands there, and the biggest letter it takes, 0 for no limit.
    size: Option<u64>,
}

/// Why a command did not succeed.
#[derive(Debug)]
enum Fault {
    /// The server said no.
    Refused(Reply),
    /// The connection broke, the server fell silent, or what it said is not SMTP.
    Lost(String),
}

/// Replies that speak of our login or of us, not of the recipient (RFC 4954 §6, RFC 5321 §4.2.3).
const ABOUT_US: [u16; 4] = [530, 534, 535, 538];
/// No reply to a command is longer.
const LONGEST_REPLY: u64 = 8 * 1024;
/// What a server may say at once while STARTTLS is under way: its certificates are part of it.
const LONGEST_HANDSHAKE: u64 = 64 * 1024;
/// The server is closing the connection (RFC 5321 §3.8).
const CLOSING: u16 = 421;

impl SmtpServer {
    /// The server for messages: `host:port`.
    pub fn name(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    pub(super) async fn connect(&self) -> Result<SmtpSession<'_>, RelayError> {
        let trust = Trust::load(&self.host, self.ca_file.as_deref())?;
        let gauge = Gauge::default();
        gauge.set_byte_by_byte(self.security == Security::Starttls);
        gauge.limit_replies(LONGEST_REPLY);
        let hello = ClientId::Domain(self.hello_name.clone());
        let stream = self.stream(&trust, &gauge).await?;
        let greeting = AsyncSmtpConnection::connect_with_transport(stream, &hello);
        let connection = self.step(greeting).await.map_err(|fault| self.turned_away(fault))?;
        let mut session =
            SmtpSession { server: self, connection, gauge, letters: 0, offers: Offers::default() };
        if self.security == Security::Starttls {
            session.start_tls(&trust, &hello).await?;
        }
        session.look_at_offers(hello).await?;
        session.log_in().await?;
        Ok(session)
    }

    async fn stream(
        &self,
        trust: &Trust,
        gauge: &Gauge,
    ) -> Result<Box<dyn lettre::transport::smtp::client::AsyncTokioStream>, RelayError> {
        let tcp = server::connect(&self.host, self.port, self.timeouts.connect).await?;
        let peer = tcp.peer_addr().map_err(|error| self.lost(error.to_string()))?;
        if self.security != Security::Tls {
            return Ok(Box::new(Wire::new(tcp, peer, gauge.clone())));
        }
        let stream = trust.secure(tcp, self.timeouts.command).await?;
        Ok(Box::new(Wire::new(stream, peer, gauge.clone())))
    }

    /// Runs one command within the time limit.
    async fn step<T>(
        &self,
        command: impl Future<Output = Result<T, lettre::transport::smtp::Error>>,
    ) -> Result<T, Fault> {
        limited(self.timeouts.command, command).await
    }

    fn lost(&self, reason: String) -> RelayError {
        ServerError::Connect { server: self.name(), reason }.into()
    }

    fn turned_away(&self, fault: Fault) -> RelayError {
        match fault {
            Fault::Refused(reply) => RelayError::TurnedAway { server: self.name(), reply: reply.to_string() },
            Fault::Lost(reason) => self.lost(reason),
        }
    }
}

impl SmtpSession<'_> {
    async fn start_tls(&mut self, trust: &Trust, hello: &ClientId) -> Result<(), RelayError> {
        if !self.connection.server_info().supports_feature(Extension::StartTls) {
            return Err(ServerError::NoStarttls { server: self.server.name() }.into());
        }
        self.gauge.limit_replies(LONGEST_HANDSHAKE);
        let upgrade = self.connection.starttls(trust.parameters()?, hello);
        let upgraded = tokio::time::timeout(self.server.timeouts.command, upgrade)
            .await
            .map_err(|_| ServerError::timed_out(self.server.name(), self.server.timeouts.command))?;
        self.gauge.set_byte_by_byte(false);
        self.gauge.limit_replies(LONGEST_REPLY);
        upgraded.map_err(|error| match error.status() {
            None if !error.is_response() => trust.error(&error).into(),
            _ => self.server.turned_away(fault(&error)),
        })
    }

    /// Asks once more what the server offers: lettre keeps a few keywords only.
    async fn look_at_offers(&mut self, hello: ClientId) -> Result<(), RelayError> {
        let reply = self.command(Ehlo::new(hello)).await.map_err(|fault| self.server.turned_away(fault))?;
        for line in reply.message().skip(1) {
            let mut words = line.split_ascii_whitespace();
            match words.next().map(str::to_ascii_uppercase).as_deref() {
                Some("PIPELINING") => self.offers.pipelining = true,
                Some("SIZE") => {
                    self.offers.size = Some(words.next().and_then(|size| size.parse().ok()).unwrap_or(0));
                }
                _ => {}
            }
        }
        Ok(())
    }

    async fn log_in(&mut self) -> Result<(), RelayError> {
        let server = self.server;
        let Some(login) = &server.login else { return Ok(()) };
        let refused =
            |reply| ServerError::Login { server: server.name(), user: login.user.clone(), reply }.into();
        let (mechanisms, names) = match login.auth {
            Auth::Password => {
                ([Mechanism::Plain, Mechanism::Login].as_slice(), "neither AUTH PLAIN nor AUTH LOGIN")
            }
            Auth::Xoauth2 => ([Mechanism::Xoauth2].as_slice(), "no AUTH XOAUTH2"),
        };
        if self.connection.server_info().get_auth_mechanism(mechanisms).is_none() {
            return Err(refused(format!("it offers {names} on this connection")));
        }
        let credentials = Credentials::new(login.user.clone(), login.password.expose_secret().to_owned());
        match server.step(self.connection.auth(mechanisms, &credentials)).await {
            Ok(_) => Ok(()),
            Err(Fault::Refused(reply)) if reply.code.is_some_and(|code| code >= 500) => {
                Err(refused(reply.to_string()))
            }
            Err(fault) => Err(server.turned_away(fault)),
        }
    }

    /// Hands over one letter; tells whether the connection can take another one.
    pub(super) async fn deliver(&mut self, letter: &Letter) -> Delivered {
        let delivered = self.transaction(letter).await;
        self.letters += 1;
        let is_used_up = self.letters >= self.server.max_letters_per_connection;
        if delivered.after == After::GoOn && is_used_up {
            return Delivered { after: After::Reconnect, ..delivered };
        }
        delivered
    }

    async fn transaction(&mut self, letter: &Letter) -> Delivered {
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

    async fn command(&mut self, command: impl Display) -> Result<Response, Fault> {
        self.server.step(self.connection.command(command)).await
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

    pub(super) async fn close(mut self) {
        let polite = Duration::from_secs(3).min(self.server.timeouts.command);
        let _not_waited_for = tokio::time::timeout(polite, self.connection.quit()).await;
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

async fn limited<T>(
    limit: Duration,
    command: impl Future<Output = Result<T, lettre::transport::smtp::Error>>,
) -> Result<T, Fault> {
    match tokio::time::timeout(limit, command).await {
        Err(_) => Err(Fault::Lost(format!("no answer within {} seconds", limit.as_secs()))),
        Ok(Err(error)) => Err(fault(&error)),
        Ok(Ok(done)) => Ok(done),
    }
}

fn fault(error: &lettre::transport::smtp::Error) -> Fault {
    let words = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    match error.status() {
        Some(code) => Fault::Refused(Reply::from_server(u16::from(code), &words)),
        None => Fault::Lost(words),
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
