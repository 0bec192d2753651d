//! SMTP, command by command, so that it is known whether a letter may have been accepted before a connection broke.

mod envelope;
mod lent;
mod look_ahead;
mod probe;
mod transaction;

use std::fmt::Display;
use std::future::Future;
use std::net::SocketAddr;
use std::path::PathBuf;
use std::time::{Duration, Instant};

use lettre::transport::smtp::authentication::{Credentials, Mechanism};
use lettre::transport::smtp::client::{AsyncSmtpConnection, AsyncTokioStream};
use lettre::transport::smtp::commands::{Ehlo, Starttls};
use lettre::transport::smtp::extension::{ClientId, Extension};
use lettre::transport::smtp::response::{Code, Response};
use secrecy::ExposeSecret;
use tokio::net::TcpStream;

use crate::domain::{Letter, MemberId, Reply};
use crate::net::{self, Auth, Login, Security, ServerError, Transcript, Trust};

use super::reply_lines::original;
use super::wire::{SmtpWire, WireMeter};
use super::{After, Delivered, RelayError};
use lent::Lent;
use look_ahead::LookAheadPermit;

pub use look_ahead::LookAhead;
pub use probe::{ProbeStep, Probed};

/// An SMTP server and the settings for it.
#[derive(Debug)]
pub struct SmtpServer {
    pub host: String,
    pub port: u16,
    pub security: Security,
    /// A certificate authority to trust besides the system's.
    pub ca_file: Option<PathBuf>,
    pub login: Option<Login>,
    /// Our name in EHLO (RFC 5321 §4.1.1.1).
    pub hello_name: String,
    pub timeouts: Timeouts,
    /// The number of letters after which a connection is replaced.
    pub max_letters_per_connection: usize,
    pub look_ahead: LookAhead,
    /// Where to print the conversation, if anywhere.
    pub transcript: Option<Transcript>,
}

/// Timeouts (RFC 5321 §4.5.3.2).
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
    meter: WireMeter,
    letters: usize,
    last_used: Instant,
    /// Whether the server may have closed the connection before this letter.
    may_have_ended: bool,
    offers: EhloOffers,
    /// The letter whose envelope has gone out, and whose replies have not been read.
    ahead: Option<(MemberId, LookAheadPermit<'a>)>,
    /// Whether the server waits for a message that does not come.
    is_waited_for: bool,
}

/// Extensions in the server's EHLO reply that lettre does not keep.
#[derive(Debug, Clone, Copy, Default)]
struct EhloOffers {
    /// RFC 2920.
    pipelining: bool,
    /// RFC 1870: `Some` if the server announces it, with the maximum size of a letter (0 for no limit).
    size: Option<u64>,
}

/// Why a command did not succeed.
#[derive(Debug)]
enum SmtpFault {
    /// The server said no.
    Refused(Reply),
    /// The connection broke, the server fell silent, or its reply was not SMTP.
    Lost(String),
}

/// For connection, greeting, TLS and login together.
const LONGEST_CONNECT: Duration = Duration::from_mins(1);
/// The maximum length of a reply to a command.
const LONGEST_REPLY: u64 = 8 * 1024;

impl SmtpServer {
    /// The server's name in messages: `host:port`.
    pub fn name(&self) -> String {
        format!("{}:{}", self.host, self.port)
    }

    /// Connects, with TLS and login; fails after a minute, so that the user soon sees the reason.
    pub(super) async fn connect(&self) -> Result<SmtpSession<'_>, RelayError> {
        match tokio::time::timeout(LONGEST_CONNECT, self.connect_at_leisure()).await {
            Ok(connected) => connected,
            Err(_) => Err(ServerError::timed_out(self.name(), LONGEST_CONNECT).into()),
        }
    }

    async fn connect_at_leisure(&self) -> Result<SmtpSession<'_>, RelayError> {
        let mut session = self.open().await?;
        session.log_in().await?;
        session.last_used = Instant::now();
        Ok(session)
    }

    /// Opens a session without logging in.
    async fn open(&self) -> Result<SmtpSession<'_>, RelayError> {
        let trust = Trust::load(&self.host, self.ca_file.as_deref())?;
        let meter = WireMeter::default();
        let hello = ClientId::Domain(self.hello_name.clone());
        let stream = self.stream(&trust, &meter, &hello).await?;
        let connection = self.greeted(stream, &hello).await?;
        let offers = EhloOffers::default();
        let mut session = SmtpSession {
            server: self,
            connection,
            meter,
            letters: 0,
            last_used: Instant::now(),
            may_have_ended: false,
            offers,
            ahead: None,
            is_waited_for: false,
        };
        session.look_at_offers(hello).await?;
        Ok(session)
    }

    async fn stream(
        &self,
        trust: &Trust,
        meter: &WireMeter,
        hello: &ClientId,
    ) -> Result<Box<dyn AsyncTokioStream>, RelayError> {
        let tcp = net::connect(&self.host, self.port, self.timeouts.connect).await?;
        let peer = tcp.peer_addr().map_err(|error| self.lost(error.to_string()))?;
        Ok(match self.security {
            Security::None => Box::new(self.wire(tcp, peer, meter)),
            Security::Tls => {
                Box::new(self.wire(trust.secure(tcp, self.timeouts.command).await?, peer, meter))
            }
            Security::Starttls => {
                let tcp = self.ready_for_tls(tcp, peer, hello).await?;
                let stream = trust.secure(tcp, self.timeouts.command).await?;
                // RFC 3207 §4.2: the session starts again, but the server does not greet again.
                Box::new(self.wire(stream, peer, meter).with_lines("220 TLS\r\n"))
            }
        })
    }

    fn wire<S>(&self, stream: S, peer: SocketAddr, meter: &WireMeter) -> SmtpWire<S> {
        SmtpWire::new(stream, peer, meter.clone(), LONGEST_REPLY, self.transcript)
    }

    /// Reads the greeting and sends EHLO.
    async fn greeted(
        &self,
        stream: Box<dyn AsyncTokioStream>,
        hello: &ClientId,
    ) -> Result<AsyncSmtpConnection, RelayError> {
        let greeting = AsyncSmtpConnection::connect_with_transport(stream, hello);
        self.step(greeting).await.map_err(|fault| self.turned_away(fault))
    }

    /// Sends STARTTLS; returns the stream without anything that was read from it in plain text (RFC 3207 §6).
    async fn ready_for_tls(
        &self,
        tcp: TcpStream,
        peer: SocketAddr,
        hello: &ClientId,
    ) -> Result<TcpStream, RelayError> {
        let lent = Lent::new(tcp);
        let wire = self.wire(lent.clone(), peer, &WireMeter::default());
        let mut connection = self.greeted(Box::new(wire), hello).await?;
        if !connection.server_info().supports_feature(Extension::StartTls) {
            return Err(ServerError::NoStarttls { server: self.name() }.into());
        }
        self.step(connection.command(Starttls)).await.map_err(|fault| self.turned_away(fault))?;
        drop(connection);
        lent.back().ok_or_else(|| self.lost("the connection is still in use".to_owned()))
    }

    /// Runs one command within the time limit.
    async fn step<T>(
        &self,
        command: impl Future<Output = Result<T, lettre::transport::smtp::Error>>,
    ) -> Result<T, SmtpFault> {
        limited(self.timeouts.command, command).await
    }

    fn lost(&self, reason: String) -> RelayError {
        ServerError::Connect { server: self.name(), reason }.into()
    }

    fn turned_away(&self, fault: SmtpFault) -> RelayError {
        match fault {
            SmtpFault::Refused(reply) => {
                RelayError::TurnedAway { server: self.name(), reply: reply.to_string() }
            }
            SmtpFault::Lost(reason) => self.lost(reason),
        }
    }
}

impl<'a> SmtpSession<'a> {
    /// Asks once more what the server offers, since lettre keeps only a few keywords. A server that does not accept a
    /// second EHLO, such as `OpenSMTPD`, is assumed to offer nothing else.
    async fn look_at_offers(&mut self, hello: ClientId) -> Result<(), RelayError> {
        let reply = match self.command(Ehlo::new(hello)).await {
            Ok(reply) => reply,
            Err(SmtpFault::Refused(reply)) if reply.is_final() => return Ok(()),
            Err(fault) => return Err(self.server.turned_away(fault)),
        };
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
            return Err(refused(format!("the server offers {names} on this connection")));
        }
        let credentials = Credentials::new(login.user.clone(), login.password.expose_secret().to_owned());
        match server.step(self.connection.auth(mechanisms, &credentials)).await {
            Ok(_) => Ok(()),
            Err(SmtpFault::Refused(reply)) if reply.is_final() => Err(refused(reply.to_string())),
            Err(fault) => Err(server.turned_away(fault)),
        }
    }

    /// Hands over one letter; tells whether the connection can take another one. With PIPELINING the `next` one's MAIL,
    /// RCPT and DATA go out in the same breath as the final dot (RFC 2920 §3.1), which saves a round trip.
    pub(super) async fn deliver(
        &mut self,
        letter: &Letter,
        next: Option<&Letter>,
        may_leave: impl Future<Output = bool>,
    ) -> Delivered {
        let delivered = self.transaction(letter, next, may_leave).await;
        self.letters += 1;
        self.last_used = Instant::now();
        if delivered.after == After::GoOn && self.letters_left() == 0 {
            return Delivered { after: After::Reconnect, ..delivered };
        }
        delivered
    }

    fn letters_left(&self) -> usize {
        self.server.max_letters_per_connection.saturating_sub(self.letters)
    }

    /// Whether the envelope of another letter may be sent with the next one.
    pub(super) fn can_look_ahead(&self) -> bool {
        // During the trial, an envelope that was sent ahead holds the only permit.
        self.is_ahead() || self.permit().is_some()
    }

    fn permit(&self) -> Option<LookAheadPermit<'a>> {
        let server = self.server;
        if self.offers.pipelining && self.letters_left() > 1 { server.look_ahead.permit() } else { None }
    }

    /// Whether an envelope was sent ahead and waits for its letter.
    pub(super) fn is_ahead(&self) -> bool {
        self.ahead.is_some()
    }

    async fn command(&mut self, command: impl Display) -> Result<Response, SmtpFault> {
        self.server.step(self.connection.command(command)).await
    }

    /// Says QUIT, unless the server may wait for a message: it would take QUIT for the text.
    pub(super) async fn close(mut self) {
        if self.is_ahead() || self.is_waited_for {
            return;
        }
        let polite = Duration::from_secs(3).min(self.server.timeouts.command);
        let _not_waited_for = tokio::time::timeout(polite, self.connection.quit()).await;
    }
}

async fn limited<T>(
    limit: Duration,
    command: impl Future<Output = Result<T, lettre::transport::smtp::Error>>,
) -> Result<T, SmtpFault> {
    match tokio::time::timeout(limit, command).await {
        Err(_) => Err(SmtpFault::Lost(format!("no response within {} seconds", limit.as_secs()))),
        Ok(Err(error)) => Err(fault(&error)),
        Ok(Ok(done)) => Ok(done),
    }
}

fn fault(error: &lettre::transport::smtp::Error) -> SmtpFault {
    let words = std::error::Error::source(error).map_or_else(|| error.to_string(), ToString::to_string);
    match error.status() {
        Some(code) => SmtpFault::Refused(reply(code, &words)),
        None => SmtpFault::Lost(words),
    }
}

/// The reply with the server's own code.
fn reply(code: Code, text: &str) -> Reply {
    let (code, text) = original(u16::from(code), text);
    Reply::from_server(code, &text)
}
