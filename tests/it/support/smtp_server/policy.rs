//! Rules by which a healthy server refuses temporarily: greylisting, rates, limits.

use std::collections::{HashMap, VecDeque};
use std::time::{Duration, Instant};

use super::reply::Reply;

/// The server's limits for its clients.
#[derive(Debug, Default)]
pub struct Policy {
    pub greylist: Option<Duration>,
    pub rate: Option<(usize, Duration)>,
    pub letters_per_connection: Option<usize>,
    pub connections: Option<usize>,
    first_seen: HashMap<(String, String), Instant>,
    recent: VecDeque<Instant>,
}

impl Policy {
    /// Checks a new connection, which is one of the `open` ones.
    pub fn connect(&self, open: usize) -> Option<Reply> {
        let limit = self.connections?;
        (open > limit).then(|| Reply::new(421, "4.7.0 Too many connections from your address"))
    }

    /// Checks a MAIL on a connection that has carried this many letters.
    pub fn mail(&mut self, letters: usize) -> Option<Reply> {
        if self.letters_per_connection.is_some_and(|limit| letters >= limit) {
            return Some(Reply::new(421, "4.7.0 Too many messages in this session"));
        }
        let (limit, period) = self.rate?;
        let now = Instant::now();
        while self.recent.front().is_some_and(|then| now.duration_since(*then) >= period) {
            self.recent.pop_front();
        }
        if self.recent.len() >= limit {
            return Some(Reply::new(450, "4.7.1 Too much mail from your address"));
        }
        self.recent.push_back(now);
        None
    }

    /// Defers each pair of sender and recipient until its delay has passed.
    pub fn rcpt(&mut self, sender: &str, recipient: &str) -> Option<Reply> {
        let wait = self.greylist?;
        let pair = (sender.to_owned(), recipient.to_owned());
        let too_early = match self.first_seen.get(&pair) {
            Some(first) => first.elapsed() < wait,
            None => {
                self.first_seen.insert(pair, Instant::now());
                true
            }
        };
        too_early.then(|| Reply::new(450, "4.2.0 Greylisted, try again later"))
    }
}
