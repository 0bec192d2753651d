//! Builds a server: its extensions, its requirements, and its faults.

use std::net::{Ipv4Addr, TcpListener};
use std::process;
use std::sync::atomic::{AtomicU8, Ordering};
use std::time::Duration;

use super::SmtpServer;
use super::certificate::{Certificate, Identity};
use super::hub::{Hub, State};
use super::options::{Account, Extension, Options, Security};
use super::script::{Action, Fault, Place, When};

/// A server that is not running yet.
#[derive(Default)]
pub struct Builder {
    options: Options,
    certificate: Certificate,
    state: State,
}

impl Builder {
    pub fn with(mut self, fault: Fault) -> Self {
        self.state.script.add(fault);
        self
    }

    pub fn fault(self, place: Place, when: When, action: Action) -> Self {
        self.with(Fault::At(place, when, action))
    }

    /// Refuses recipients that contain the text with 550 5.1.1.
    pub fn unknown_user(self, address: &'static str) -> Self {
        self.with(Fault::UnknownUser(address))
    }

    /// Defers the first attempt for each pair of sender and recipient until the time has passed.
    pub fn greylist(mut self, time: Duration) -> Self {
        self.state.policy.greylist = Some(time);
        self
    }

    /// Accepts this many MAIL commands in a period, and answers further ones with 450 4.7.1.
    pub fn rate_limit(mut self, letters: usize, period: Duration) -> Self {
        self.state.policy.rate = Some((letters, period));
        self
    }

    /// Ends a connection with 421 if it sends more letters.
    pub fn letters_per_connection(mut self, limit: usize) -> Self {
        self.state.policy.letters_per_connection = Some(limit);
        self
    }

    /// Rejects further connections with 421.
    pub fn max_connections(mut self, limit: usize) -> Self {
        self.state.policy.connections = Some(limit);
        self
    }

    /// Offers exactly these instead of the usual extensions.
    pub fn extensions(mut self, extensions: impl IntoIterator<Item = Extension>) -> Self {
        self.options.extensions = extensions.into_iter().collect();
        self
    }

    pub fn without(mut self, extension: Extension) -> Self {
        self.options.extensions.retain(|offered| *offered != extension);
        self
    }

    /// Requires a login, with PLAIN and LOGIN unless changed by [`Builder::mechanisms`].
    pub fn login(mut self, user: &str, password: &str) -> Self {
        self.options.account = Some(Account {
            user: user.to_owned(),
            password: password.to_owned(),
            mechanisms: vec!["PLAIN", "LOGIN"],
        });
        self
    }

    /// Offers exactly these of PLAIN, LOGIN and XOAUTH2; call it after [`Builder::login`].
    pub fn mechanisms(mut self, mechanisms: impl IntoIterator<Item = &'static str>) -> Self {
        let account = self.options.account.as_mut().expect("login() comes before mechanisms()");
        account.mechanisms = mechanisms.into_iter().collect();
        self
    }

    /// Requires STARTTLS before MAIL, and offers AUTH only after it.
    pub fn start_tls(mut self) -> Self {
        self.options.security = Security::StartTls;
        self
    }

    /// Uses TLS from the first byte.
    pub fn implicit_tls(mut self) -> Self {
        self.options.security = Security::Tls;
        self
    }

    pub fn certificate(mut self, certificate: Certificate) -> Self {
        self.certificate = certificate;
        self
    }

    /// Does not offer STARTTLS and accepts letters in plain text, as if an attacker had stripped it.
    pub fn hide_start_tls(mut self) -> Self {
        self.options.security = Security::StartTls;
        self.options.hides_start_tls = true;
        self
    }

    /// Answers DATA with 354 although it accepted no recipient (RFC 2920 §3.1).
    pub fn data_without_recipients(mut self) -> Self {
        self.options.data_without_recipients = true;
        self
    }

    /// Discards data that arrives with a final dot although it offers PIPELINING, as some filters do.
    pub fn forgets_what_follows(mut self) -> Self {
        self.options.forgets_what_follows = true;
        self
    }

    /// Applies this action to a letter with data after its final dot, instead of accepting it.
    pub fn punishes_what_follows(mut self, action: Action) -> Self {
        self.options.punishes_what_follows = Some(action);
        self
    }

    pub fn start(self) -> SmtpServer {
        let listener = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).expect("a free port");
        self.at(&listener).serve(listener)
    }

    /// A port that nobody listens on, until [`SmtpServer::open`].
    pub fn refusing(self) -> SmtpServer {
        static NEXT: AtomicU8 = AtomicU8::new(1);
        // On a separate address no other server can get the port meanwhile.
        let [.., low] = process::id().to_be_bytes();
        let own = Ipv4Addr::new(127, 77, low, NEXT.fetch_add(1, Ordering::Relaxed));
        self.at(&TcpListener::bind((own, 0)).expect("a free port"))
    }

    fn at(mut self, listener: &TcpListener) -> SmtpServer {
        let identity = (self.options.security != Security::None)
            .then(|| Identity::new(self.certificate).expect("a certificate can be made"));
        self.options.tls = identity.as_ref().map(|identity| identity.config.clone());
        let address = listener.local_addr().expect("a bound listener has an address");
        let hub = Hub::new(self.options, self.state);
        SmtpServer::new(hub, address, identity.map(|identity| identity.ca_pem))
    }
}
