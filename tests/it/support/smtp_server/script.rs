//! The faults of a scripted server: where, when and what goes wrong.

use std::time::Duration;

/// A point of an SMTP session where a fault can strike.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Place {
    /// Instead of the greeting.
    Connect,
    /// At EHLO and at HELO.
    Ehlo,
    StartTls,
    /// Instead of the verdict on a login.
    Auth,
    Mail,
    Rcpt,
    Data,
    /// Inside a letter, once this many bytes have come, at the latest when its final dot is read;
    /// the letter is not accepted, and a reply given here ends the connection.
    Body(usize),
    /// Instead of the answer to the final dot. Only a reply that refuses keeps the letter out.
    AfterDot,
    Rset,
    Quit,
}

/// The occurrences of a place at which a fault strikes, counted over all connections.
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
    /// A recipient holds the text. Recipients are known from RCPT on.
    To(&'static str),
    /// The first n whose recipient holds the text.
    FirstTo(usize, &'static str),
}

/// What the server does instead of the usual.
#[derive(Clone, Copy, Debug)]
pub enum Action {
    /// Answers with this code and text; a line end in the text makes a reply of several lines,
    /// and 421 ends the connection.
    Reply(u16, &'static str),
    /// Closes the connection without a word.
    Drop,
    /// Says nothing more until the server is dropped.
    Stall,
    /// Waits, then continues as usual.
    StallFor(Duration),
    /// Waits before each byte of the usual reply, or before each line read of a body.
    Slow(Duration),
    Garbage(Garbage),
}

/// Answers no SMTP client should have to read.
#[derive(Clone, Copy, Debug)]
pub enum Garbage {
    /// Bytes that are no reply at all.
    Bytes,
    /// The usual code with one line of 100 kB.
    LongLine,
    /// The usual code with a reply that never comes to its last line.
    Endless,
    /// The usual reply, and once more.
    Twice,
    /// The usual reply, and a 250 that nobody has asked for.
    StrayOk,
    /// The usual code alone, which is legal (RFC 5321 §4.2).
    Bare,
    /// The usual code with a text in Latin-1.
    Latin1,
}

/// One fault, as the stories name it.
#[derive(Clone, Copy, Debug)]
pub enum Fault {
    /// Accepts the letter, and closes the connection without telling.
    DropAfterDot,
    DropAt(Place),
    StallAt(Place),
    ReplyAt(Place, u16, &'static str),
    /// Refuses the recipients that hold the text.
    UnknownUser(&'static str),
    /// Says 421 once, after this many letters.
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

/// A fault with the number of times its place was reached.
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

    /// Counts a visit, and tells what the first fault that strikes here does.
    pub fn visit(&mut self, place: Place, recipients: &[String]) -> Option<Action> {
        self.first(|at| at == place, recipients).map(|(_, action)| action)
    }

    /// The fault waiting inside the letter that now begins.
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
