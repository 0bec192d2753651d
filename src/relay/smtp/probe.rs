//! Tests the server step by step, without sending a letter.

use lettre::transport::smtp::commands::{Mail, Rcpt, Rset};

use crate::domain::Address;
use crate::net;
use crate::relay::RelayError;

use super::{SmtpFault, SmtpServer, SmtpSession};

/// A step of the test, in order.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ProbeStep {
    /// The host name resolves to an address.
    Name,
    /// A server answers on the port.
    Connection,
    /// Greeting, EHLO and TLS.
    Session,
    Login,
    /// The server accepts the sender's address.
    Sender,
    /// The server accepts a recipient's address.
    Recipient,
}

/// The result of a test.
#[derive(Debug)]
pub struct Probed {
    /// The steps that succeeded, with details.
    pub passed: Vec<(ProbeStep, String)>,
    /// The step that failed, and why.
    pub failed: Option<(ProbeStep, RelayError)>,
}

impl ProbeStep {
    /// All steps.
    pub const ALL: [Self; 6] =
        [Self::Name, Self::Connection, Self::Session, Self::Login, Self::Sender, Self::Recipient];

    /// The step's name in messages.
    pub fn name(self) -> &'static str {
        match self {
            Self::Name => "name",
            Self::Connection => "connection",
            Self::Session => "greeting and TLS",
            Self::Login => "login",
            Self::Sender => "sender",
            Self::Recipient => "recipient",
        }
    }
}

impl SmtpServer {
    /// Goes as far as a letter from `sender` to `recipient` would before its text, then resets the transaction.
    pub async fn probe(&self, sender: &Address, recipient: &Address) -> Probed {
        let mut probed = Probed { passed: Vec::new(), failed: None };
        if let Err(failed) = self.walk(sender, recipient, &mut probed.passed).await {
            probed.failed = Some(failed);
        }
        probed
    }

    async fn walk(
        &self,
        sender: &Address,
        recipient: &Address,
        passed: &mut Vec<(ProbeStep, String)>,
    ) -> Result<(), (ProbeStep, RelayError)> {
        let at = |step| move |error| (step, error);
        let address = self.resolve().await.map_err(at(ProbeStep::Name))?;
        passed.push((ProbeStep::Name, format!("{} is {address}", self.host)));
        net::connect(&self.host, self.port, self.timeouts.connect)
            .await
            .map_err(|error| (ProbeStep::Connection, error.into()))?;
        passed.push((ProbeStep::Connection, self.name()));
        let mut session = self.open().await.map_err(at(ProbeStep::Session))?;
        let secure = format!("{:?}", self.security).to_lowercase();
        passed.push((ProbeStep::Session, format!("security is {secure}")));
        session.log_in().await.map_err(at(ProbeStep::Login))?;
        let user = self.login.as_ref().map_or("no username is set", |login| login.user.as_str());
        passed.push((ProbeStep::Login, user.to_owned()));
        self.envelope_step(&mut session, ProbeStep::Sender, sender, passed).await?;
        self.envelope_step(&mut session, ProbeStep::Recipient, recipient, passed).await?;
        let _taken_back = session.command(Rset).await;
        session.close().await;
        Ok(())
    }

    async fn resolve(&self) -> Result<std::net::IpAddr, RelayError> {
        let found = tokio::net::lookup_host((self.host.as_str(), self.port)).await;
        let mut found = found.map_err(|error| self.lost(error.to_string()))?;
        let none = || self.lost("the name has no address".to_owned());
        found.next().map(|address| address.ip()).ok_or_else(none)
    }

    async fn envelope_step(
        &self,
        session: &mut SmtpSession<'_>,
        step: ProbeStep,
        address: &Address,
        passed: &mut Vec<(ProbeStep, String)>,
    ) -> Result<(), (ProbeStep, RelayError)> {
        let failed = |error| (step, error);
        let spelt = lettre::Address::new(address.local_part(), address.domain())
            .map_err(|_| RelayError::Setting { what: "address", value: address.to_string() })
            .map_err(failed)?;
        let reply = if step == ProbeStep::Sender {
            session.command(Mail::new(Some(spelt), Vec::new())).await
        } else {
            session.command(Rcpt::new(spelt, Vec::new())).await
        };
        reply.map_err(|fault| failed(self.refused(fault)))?;
        passed.push((step, address.to_string()));
        Ok(())
    }

    fn refused(&self, fault: SmtpFault) -> RelayError {
        match fault {
            SmtpFault::Refused(reply) => RelayError::Refused { server: self.name(), reply },
            SmtpFault::Lost(reason) => self.lost(reason),
        }
    }
}
