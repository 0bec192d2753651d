//! Where letters are delivered to: an SMTP server, a sendmail program or an outbox folder.
//!
//! A refusal is an [`Outcome`], not an error. What matters most is when a connection breaks: before the final dot the
//! letter is certainly not delivered; after it, delivery is uncertain.

mod outbox;
mod reply_lines;
mod sendmail;
mod smtp;
mod transcript;
mod wire;

use std::path::PathBuf;

use crate::domain::{Letter, Outcome, Reply};
use crate::net::ServerError;

pub use outbox::{Durability, Outbox};
pub use sendmail::Sendmail;
pub use smtp::{LookAhead, ProbeStep, Probed, SmtpServer, Timeouts};

/// A way to deliver letters; chosen once per run.
#[derive(Debug)]
pub enum Relay {
    Outbox(Outbox),
    Sendmail(Sendmail),
    Smtp(Box<SmtpServer>),
}

/// One worker's connection.
#[expect(missing_debug_implementations, reason = "lettre's connection has none")]
pub enum RelaySession<'a> {
    Outbox(&'a Outbox),
    Sendmail(&'a Sendmail),
    Smtp(Box<smtp::SmtpSession<'a>>),
}

/// The outcome of a letter, and what it means for the session and the run.
#[derive(Debug, PartialEq, Eq)]
pub struct Delivered {
    pub outcome: Outcome,
    pub after: After,
}

/// What a worker does after a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum After {
    GoOn,
    /// Open a new session: this one is unusable.
    Reconnect,
    /// Open a new session and retry at once: the server certainly did not accept the letter.
    Again,
    /// Stop the run: the reply is about us, not about the recipient, so every further letter would get it too.
    Stop,
}

/// Why no session could be opened.
#[derive(Debug, thiserror::Error)]
pub enum RelayError {
    #[error(transparent)]
    Server(#[from] ServerError),
    #[error("{server} refuses the connection: {reply}")]
    TurnedAway { server: String, reply: String },
    #[error("{server} refuses: {reply}")]
    Refused { server: String, reply: Reply },
    #[error("`{value}` is not a valid {what}")]
    Setting { what: &'static str, value: String },
    #[error("cannot use the folder `{path}`: {source}")]
    Folder { path: PathBuf, source: std::io::Error },
    #[error("the mail program `{path}` does not exist")]
    NoProgram { path: PathBuf },
}

impl RelayError {
    /// Tells whether retrying later may help.
    pub fn is_temporary(&self) -> bool {
        match self {
            Self::Server(error) => error.is_temporary(),
            Self::TurnedAway { reply, .. } => reply.starts_with('4'),
            _ => false,
        }
    }
}

impl Relay {
    /// Opens a session.
    ///
    /// # Errors
    /// If the relay cannot be reached or refuses us.
    pub async fn connect(&self) -> Result<RelaySession<'_>, RelayError> {
        match self {
            Self::Outbox(outbox) => outbox.open().map(|()| RelaySession::Outbox(outbox)),
            Self::Sendmail(sendmail) => sendmail.open().map(|()| RelaySession::Sendmail(sendmail)),
            Self::Smtp(server) => server.connect().await.map(|session| RelaySession::Smtp(Box::new(session))),
        }
    }

    /// Whether the server tolerates the next envelope together with a final dot; `None` if that is unknown.
    pub fn tolerates_look_ahead(&self) -> Option<bool> {
        match self {
            Self::Smtp(server) => server.look_ahead.is_tolerated(),
            _ => None,
        }
    }

    /// The relay's name in messages.
    pub fn name(&self) -> String {
        match self {
            Self::Outbox(outbox) => format!("the folder {}", outbox.dir().display()),
            Self::Sendmail(sendmail) => sendmail.program().display().to_string(),
            Self::Smtp(server) => server.name(),
        }
    }
}

impl RelaySession<'_> {
    /// Hands one letter over.
    pub async fn deliver(&mut self, letter: &Letter) -> Delivered {
        self.deliver_if(std::future::ready(true), letter, None).await
    }

    /// Hands one letter over if it `may_leave`, which is asked as late as possible: before the first byte of its message. The
    /// envelope of the `next` one may go out with it; its message does not before it is delivered itself.
    pub async fn deliver_if(
        &mut self,
        may_leave: impl Future<Output = bool>,
        letter: &Letter,
        next: Option<&Letter>,
    ) -> Delivered {
        match self {
            Self::Smtp(session) => session.deliver(letter, next, may_leave).await,
            _ if !may_leave.await => Delivered::kept_back(),
            Self::Outbox(outbox) => outbox.deliver(letter),
            Self::Sendmail(sendmail) => sendmail.deliver(letter).await,
        }
    }

    /// Whether knowing the next letter would save time.
    pub fn can_look_ahead(&self) -> bool {
        matches!(self, Self::Smtp(session) if session.can_look_ahead())
    }

    /// Whether an envelope has been sent ahead: only its letter can be delivered now.
    pub fn is_ahead(&self) -> bool {
        matches!(self, Self::Smtp(session) if session.is_ahead())
    }

    /// Ends the session politely, without waiting for a silent server.
    pub async fn close(self) {
        if let Self::Smtp(session) = self {
            session.close().await;
        }
    }
}

impl Delivered {
    /// The same outcome, with a session that is unusable now.
    fn lost(self) -> Self {
        let after = if self.after == After::GoOn { After::Reconnect } else { self.after };
        Self { after, ..self }
    }

    fn go_on(outcome: Outcome) -> Self {
        Self { outcome, after: After::GoOn }
    }

    /// A letter that may not leave after all.
    fn kept_back() -> Self {
        let reply = Reply::local("not sent: the ledger's server ended the session");
        Self { outcome: Outcome::Deferred(reply), after: After::Reconnect }
    }
}
