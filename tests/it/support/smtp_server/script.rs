//! The faults of a scripted server: what goes wrong, where and when.

use std::time::Duration;

/// A point of an SMTP session where a fault can strike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Instead of the greeting.
    Connect,
    /// At EHLO and at HELO.
    Ehlo,
    StartTls,
    /// Instead of the result of a login.
    Auth,
    Mail,
    Rcpt,
    Data,
    /// Inside a letter, once this many bytes have arrived, or at the latest when its final dot is read; the letter is
    /// not accepted, and a reply given here ends the connection.
    Body(usize),
    /// Instead of the answer to the final dot. Only a refusal prevents acceptance.
    AfterDot,
    Rset,
    Quit,
}

/// The visits to a place at which a fault strikes, counted over all connections.
#[derive(Clone, Copy, Debug)]
pub enum When {
    Always,
    First(usize),
    /// Only the n-th, counted from 1.
    Nth(usize),
    /// Every n-th.
    Every(usize),
    /// All but the first n.
    After(usize),
    /// When a recipient contains the text. Recipients are known from RCPT on.
    To(&'static str),
    /// For the first n letters whose recipient contains the text.
    FirstTo(usize, &'static str),
}

/// What the server does instead of answering as usual.
#[derive(Clone, Copy, Debug)]
pub enum Action {
    /// Answers with this code and text; a line break in the text makes a multi-line reply, and 421 ends the
    /// connection.
    Reply(u16, &'static str),
    /// Closes the connection without a word.
    Drop,
    /// Sends nothing more until the server is dropped.
    Stall,
    /// Waits, then answers as usual.
    StallFor(Duration),
    /// Waits before each byte of the usual reply, or before each line of a body that is read.
    Slow(Duration),
    Garbage(Garbage),
}

/// Answers that no SMTP client should have to parse.
#[derive(Clone, Copy, Debug)]
pub enum Garbage {
    /// Bytes that are not a reply.
    Bytes,
    /// The usual code with one line of 100 kB.
    LongLine,
    /// The usual code with a reply that never reaches its last line.
    Endless,
    /// The usual reply twice.
    Twice,
    /// The usual reply and an unsolicited 250.
    StrayOk,
    /// The usual code alone, which is legal (RFC 5321 §4.2).
    Bare,
    /// The usual code with a text in Latin-1.
    Latin1,
}

/// A fault, as the stories name it.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// Accepts the letter, and closes the connection without answering.
    DropAfterDot,
    DropAt(Place),
    StallAt(Place),
    ReplyAt(Place, u16, &'static str),
    /// Refuses recipients that contain the text.
    UnknownUser(&'static str),
    /// Answers with 421 once, after this many letters.
    ShutdownAfter(usize),
    /// Any fault at any time.
    At(Place, When, Action),
}

impl Fault {
    fn parts(self) -> (Place, When, Action) {
        use {Action as A, Place as P, When as W};
        match self {
            Self::DropAfterDot => (P::AfterDot, W::Always, A::Drop),
            Self::DropAt(place) => (place, W::Always, A::Drop),
            Self::StallAt(place) => (place, W::Always, A::Stall),
            Self::ReplyAt(place, code, text) => (place, W::Always, A::Reply(code, text)),
            Self::UnknownUser(address) => (P::Rcpt, W::To(address), A::Reply(550, "5.1.1 User unknown")),
            Self::ShutdownAfter(letters) => {
                (P::Mail, W::Nth(letters + 1), A::Reply(421, "4.3.2 Shutting down"))
            }
            Self::At(place, when, action) => (place, when, action),
        }
    }
}

impl When {
    fn recipient(self) -> Option<&'static str> {
        match self {
            Self::To(text) | Self::FirstTo(_, text) => Some(text),
            _ => None,
        }
    }

    fn strikes(self, visit: usize) -> bool {
        match self {
            Self::Always | Self::To(_) => true,
            Self::First(n) | Self::FirstTo(n, _) => visit <= n,
            Self::Nth(n) => visit == n,
            Self::Every(n) => visit.is_multiple_of(n),
            Self::After(n) => visit > n,
        }
    }
}

/// A fault with the number of visits to its place.
#[derive(Debug)]
struct Rule {
    place: Place,
    when: When,
    action: Action,
    visits: usize,
}

impl Rule {
    fn strikes(&mut self, recipients: &[String]) -> bool {
        if let Some(text) = self.when.recipient()
            && !recipients.iter().any(|recipient| recipient.contains(text))
        {
            return false;
        }
        self.visits += 1;
        self.when.strikes(self.visits)
    }
}

/// All faults of a server.
#[derive(Debug, Default)]
pub struct Script {
    rules: Vec<Rule>,
}

impl Script {
    pub fn add(&mut self, fault: Fault) {
        let (place, when, action) = fault.parts();
        self.rules.push(Rule { place, when, action, visits: 0 });
    }

    /// Counts a visit, and returns the action of the first fault that strikes here.
    pub fn visit(&mut self, place: Place, recipients: &[String]) -> Option<Action> {
        self.first(|at| at == place, recipients).map(|(_, action)| action)
    }

    /// The fault that is due inside the letter that starts now.
    pub fn body(&mut self, recipients: &[String]) -> Option<(usize, Action)> {
        match self.first(|at| matches!(at, Place::Body(_)), recipients) {
            Some((Place::Body(bytes), action)) => Some((bytes, action)),
            _ => None,
        }
    }

    fn first(&mut self, here: impl Fn(Place) -> bool, recipients: &[String]) -> Option<(Place, Action)> {
        let mut found = None;
        for rule in self.rules.iter_mut().filter(|rule| here(rule.place)) {
            if rule.strikes(recipients) {
                found.get_or_insert((rule.place, rule.action));
            }
        }
        found
    }
}
