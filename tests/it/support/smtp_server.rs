//! A scripted SMTP server: a healthy ESMTP relay that keeps every letter, with faults on order.
//!
//! ```ignore
//! let server = SmtpServer::start();
//! let server = SmtpServer::with(Fault::DropAfterDot);
//! let server = SmtpServer::build()
//!     .fault(Place::Rcpt, When::Nth(3), Action::Reply(450, "4.2.1 Mailbox busy"))
//!     .extensions([Extension::Pipelining, Extension::Size(10_000)])
//!     .start();
//! ```

mod answer;
mod builder;
mod certificate;
mod hub;
mod login;
mod message;
mod options;
mod policy;
mod reply;
mod rules;
mod script;
mod session;
mod wire;

use std::collections::BTreeMap;
use std::net::{SocketAddr, TcpListener, TcpStream};
use std::sync::Arc;
use std::thread::{self, JoinHandle};
use std::time::Duration;

pub use builder::Builder;
pub use certificate::Certificate;
#[cfg(feature = "postgres")]
pub use certificate::Identity;
pub use message::{Login, Message};
pub use options::{Extension, Security};
pub use script::{Action, Fault, Garbage, Place, When};

use hub::{Hub, State};
use policy::Policy;
use script::Script;

/// When to give up waiting for the server: long enough for the slowest machine.
const PATIENCE: Duration = Duration::from_secs(60);

/// A relay on a loopback port, served until it is dropped.
pub struct SmtpServer {
    hub: Arc<Hub>,
    address: SocketAddr,
    ca_pem: Option<String>,
    acceptor: Option<JoinHandle<()>>,
}

impl SmtpServer {
    pub fn build() -> Builder {
        Builder::default()
    }

    /// A healthy relay without login and TLS.
    pub fn start() -> Self {
        Self::build().start()
    }

    /// A relay with one fault.
    pub fn with(fault: Fault) -> Self {
        Self::build().with(fault).start()
    }

    /// A port that nobody listens on, until [`SmtpServer::open`].
    pub fn refusing() -> Self {
        Self::build().refusing()
    }

    fn new(hub: Hub, address: SocketAddr, ca_pem: Option<String>) -> Self {
        Self { hub: Arc::new(hub), address, ca_pem, acceptor: None }
    }

    fn serve(mut self, listener: TcpListener) -> Self {
        let hub = Arc::clone(&self.hub);
        self.acceptor = Some(thread::spawn(move || accept(&hub, &listener)));
        self
    }

    /// Starts to listen on the port that refused connections before.
    pub fn open(self) -> Self {
        let listener = TcpListener::bind(self.address).expect("the port is still free");
        self.serve(listener)
    }

    pub fn port(&self) -> u16 {
        self.address.port()
    }

    /// The name in the certificate, or the address if there is no TLS.
    pub fn host(&self) -> String {
        match self.security() {
            Security::None => self.address.ip().to_string(),
            _ => "localhost".to_owned(),
        }
    }

    pub fn security(&self) -> Security {
        self.hub.options.security
    }

    /// The authority to trust, as PEM; `None` if there is no TLS.
    pub fn ca_pem(&self) -> Option<&str> {
        self.ca_pem.as_deref()
    }

    /// User name and password, if a login is required.
    pub fn login(&self) -> Option<(&str, &str)> {
        self.hub.options.account.as_ref().map(|one| (one.user.as_str(), one.password.as_str()))
    }

    /// Ends all faults and limits; a connection that is stalling continues to stall.
    pub fn heal(&self) {
        self.hub.change(|state| {
            state.script = Script::default();
            state.policy = Policy::default();
        });
    }

    /// Adds a fault while the server runs.
    pub fn add(&self, fault: Fault) {
        self.hub.change(|state| state.script.add(fault));
    }

    /// The number of accepted letters.
    pub fn messages(&self) -> usize {
        self.hub.state().messages.len()
    }

    /// The accepted letters, in the order of arrival.
    pub fn letters(&self) -> Vec<Message> {
        self.hub.state().messages.clone()
    }

    /// The number of letters that an address got.
    pub fn copies(&self, recipient: &str) -> usize {
        self.hub.state().messages.iter().filter(|letter| letter.is_for(recipient)).count()
    }

    /// The number of letters per recipient.
    pub fn by_recipient(&self) -> BTreeMap<String, usize> {
        count(self.hub.state().messages.iter().flat_map(|letter| letter.rcpt_to.clone()))
    }

    /// Asserts that this many recipients got one letter each.
    #[track_caller]
    pub fn assert_one_each(&self, recipients: usize) {
        let copies: Vec<usize> = self.by_recipient().into_values().collect();
        assert_eq!(copies, vec![1; recipients]);
    }

    /// Asserts that no member of a sandbox of this size got two letters, and that those without one are in doubt.
    #[track_caller]
    pub fn assert_nobody_forgotten(&self, members: usize, in_doubt: &[String]) {
        let copies = self.by_recipient();
        for number in 1..=members {
            let address = format!("member{number:04}@example.org");
            let got = copies.get(&address).copied().unwrap_or(0);
            assert!(got <= 1, "{address} has {got} letters");
            assert!(got == 1 || in_doubt.contains(&address), "{address} was forgotten");
        }
    }

    /// The number of letters per Message-ID; letters without one are under "".
    pub fn by_message_id(&self) -> BTreeMap<String, usize> {
        let state = self.hub.state();
        count(state.messages.iter().map(|letter| letter.message_id().unwrap_or_default()))
    }

    /// The number of connections so far.
    pub fn connections(&self) -> usize {
        self.hub.state().connections
    }

    /// The largest number of connections at the same time.
    pub fn most_open(&self) -> usize {
        self.hub.state().most_open
    }

    pub fn open_connections(&self) -> usize {
        self.hub.state().open_connections()
    }

    /// The number of commands with a verb.
    pub fn commands(&self, verb: &str) -> usize {
        self.command_lines().iter().filter(|line| line.starts_with(verb)).count()
    }

    pub fn command_lines(&self) -> Vec<String> {
        self.hub.state().commands.clone()
    }

    /// The login attempts.
    pub fn logins(&self) -> Vec<Login> {
        self.hub.state().logins.clone()
    }

    /// The data after each final dot, if the server discards it.
    pub fn forgotten(&self) -> Vec<String> {
        self.hub.state().forgotten.clone()
    }

    /// The clients' violations of the protocol.
    pub fn violations(&self) -> Vec<String> {
        self.hub.state().violations.clone()
    }

    /// Asserts that no client broke the protocol.
    pub fn assert_polite(&self) {
        let violations = self.violations();
        assert!(violations.is_empty(), "the client broke the protocol: {violations:#?}");
    }

    /// Waits until this many letters were accepted.
    pub fn wait_for_messages(&self, count: usize) {
        let came = self.hub.wait(PATIENCE, |state| state.messages.len() >= count);
        assert!(came, "only {} of {count} letters came", self.messages());
    }

    /// Waits until this many commands with a verb have arrived.
    pub fn wait_for_commands(&self, verb: &str, count: usize) {
        let enough =
            |state: &State| state.commands.iter().filter(|line| line.starts_with(verb)).count() >= count;
        assert!(self.hub.wait(PATIENCE, enough), "{count} {verb} did not come");
    }

    /// Waits until all clients have gone.
    pub fn wait_for_silence(&self) {
        let silent = self.hub.wait(PATIENCE, |state| state.open_connections() == 0);
        assert!(silent, "{} connections do not end", self.open_connections());
    }

    /// The number of events so far: connections, commands, letters, replies.
    pub fn steps(&self) -> usize {
        self.hub.state().steps
    }

    /// Calls the hook once this many events have happened.
    pub fn at_step(&self, step: usize, hook: impl FnOnce() + Send + 'static) {
        self.hub.at_step(step, Box::new(hook));
    }
}

impl Drop for SmtpServer {
    fn drop(&mut self) {
        self.hub.stop();
        let Some(acceptor) = self.acceptor.take() else { return };
        // Wakes the acceptor, which then notices the end.
        TcpStream::connect(self.address).ok();
        let ended = acceptor.join();
        assert!(ended.is_ok() || thread::panicking(), "a thread of the server panicked");
    }
}

fn accept(hub: &Hub, listener: &TcpListener) {
    thread::scope(|scope| {
        for socket in listener.incoming() {
            if hub.is_stopping() {
                break;
            }
            scope.spawn(|| session::serve(hub, socket?));
        }
    });
}

fn count(keys: impl Iterator<Item = String>) -> BTreeMap<String, usize> {
    keys.fold(BTreeMap::new(), |mut counts, key| {
        *counts.entry(key).or_default() += 1;
        counts
    })
}
