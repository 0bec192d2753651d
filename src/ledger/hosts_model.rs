//! Searches everything that one letter, two hosts and a person can do with a ledger on a server. The steps are named
//! after the statements; a commit may go unanswered, and time passes between a host's last check of its lock and the
//! letter.

use std::collections::{HashMap, VecDeque};

use crate::domain::State;

const MOST_ATTEMPTS: u8 = 3;
const HOSTS: [usize; 2] = [0, 1];

/// The next step of a host.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Phase {
    Idle,
    /// The claim's commit was answered.
    Claimed(u8),
    /// The lock was just held; the letter is sent whatever happens.
    Delivers(u8),
    /// The claim's commit was not answered, or the lock was gone: the letter does not go out, and a note says so.
    Unsent(u8),
    /// The server has answered, but the answer is not in the ledger yet.
    Answered(u8, State),
    Dead,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct Host {
    phase: Phase,
    has_lock: bool,
    /// An attempt that this host settled as rejected, and may revert as part of a streak.
    rejected: Option<u8>,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct HostsWorld {
    state: State,
    owner: Option<usize>,
    attempts: u8,
    delivered: u8,
    /// How many letters the person's decisions allow.
    allowed: u8,
    by_hand: bool,
    hosts: [Host; 2],
}

/// Which rows an outcome settles.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Settle {
    /// `state = 'sending'`.
    State,
    /// … of the same attempt.
    Attempt,
    /// … or in doubt.
    Late,
}

/// Which rows the end of a streak reverts.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Revert {
    Member,
    /// `state = 'rejected'`.
    State,
    /// … of the same attempt.
    Attempt,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
struct ModelRules {
    settle: Settle,
    revert: Revert,
    /// Whether the lock is checked between claim and letter.
    fence: bool,
    /// Whether a person who has a letter sent again waits, as the documentation says, until none can be on the wire whose
    /// host looked at its lock before it lost it.
    waits: bool,
}

const WHAT_WE_DO: ModelRules =
    ModelRules { settle: Settle::Late, revert: Revert::Attempt, fence: true, waits: true };

impl HostsWorld {
    fn first() -> Self {
        let host = Host { phase: Phase::Idle, has_lock: true, rejected: None };
        Self {
            state: State::Queued,
            owner: None,
            attempts: 0,
            delivered: 0,
            allowed: 1,
            by_hand: false,
            hosts: [host; 2],
        }
    }

    fn with(mut self, index: usize, change: impl FnOnce(&mut Host)) -> Self {
        change(&mut self.hosts[index]);
        self
    }

    /// The violation of a promise, if there is one.
    fn fault(&self) -> Option<&'static str> {
        let is_on_way = self.hosts.iter().any(|host| {
            matches!(
                host.phase,
                Phase::Claimed(_) | Phase::Delivers(_) | Phase::Unsent(_) | Phase::Answered(..)
            )
        });
        if self.delivered > self.allowed {
            return Some("a letter too many");
        }
        if is_on_way || self.by_hand {
            return None;
        }
        match self.state {
            State::Accepted if self.delivered == 0 => Some("accepted, but nothing was delivered"),
            State::Rejected if self.delivered > 0 && self.allowed == 1 && self.attempts == 1 => {
                Some("rejected, but delivered")
            }
            _ => None,
        }
    }

    fn next(&self, rules: ModelRules) -> Vec<(String, Self)> {
        let mut found = Vec::new();
        for index in HOSTS {
            self.claim(index, &mut found);
            self.deliver(index, rules, &mut found);
            self.settle(index, rules, &mut found);
            self.lose(index, &mut found);
            self.bury(index, &mut found);
        }
        self.decide(rules, &mut found);
        found
    }

    fn claim(&self, index: usize, found: &mut Vec<(String, Self)>) {
        let is_open = matches!(self.state, State::Queued | State::Deferred) && self.attempts < MOST_ATTEMPTS;
        let host = self.hosts[index];
        if host.phase != Phase::Idle || !host.has_lock || !is_open {
            return;
        }
        let number = self.attempts + 1;
        let row = Self { state: State::Sending, owner: Some(index), attempts: number, ..*self };
        let mut add = |name: &str, world: Self, phase| {
            found.push((format!("host {index}: {name}"), world.with(index, |host| host.phase = phase)));
        };
        add("claim_one, commit answered", row, Phase::Claimed(number));
        add("claim_one, committed without an answer", row, Phase::Unsent(number));
        add("claim_one, not committed", *self, Phase::Unsent(number));
    }

    fn deliver(&self, index: usize, rules: ModelRules, found: &mut Vec<(String, Self)>) {
        let host = self.hosts[index];
        let number = match host.phase {
            Phase::Claimed(number) if rules.fence && !host.has_lock => {
                found.push((
                    format!("host {index}: the lock is gone"),
                    self.with(index, |host| host.phase = Phase::Unsent(number)),
                ));
                return;
            }
            Phase::Claimed(number) => {
                found.push((
                    format!("host {index}: the lock is held"),
                    self.with(index, |host| host.phase = Phase::Delivers(number)),
                ));
                return;
            }
            Phase::Delivers(number) => number,
            _ => return,
        };
        for (truth, delivered) in [(State::Accepted, 1), (State::Rejected, 0), (State::Deferred, 0)] {
            let world = Self { delivered: self.delivered + delivered, ..*self };
            found.push((
                format!("host {index}: the server answers {truth:?}"),
                world.with(index, |host| host.phase = Phase::Answered(number, truth)),
            ));
        }
    }

    fn settle(&self, index: usize, rules: ModelRules, found: &mut Vec<(String, Self)>) {
        let host = self.hosts[index];
        let (number, truth) = match host.phase {
            Phase::Answered(number, truth) => (number, truth),
            Phase::Unsent(number) => (number, State::Deferred),
            _ => (0, self.state),
        };
        if number > 0 {
            let is_same = self.owner == Some(index) && self.attempts == number;
            let is_settled = match rules.settle {
                Settle::State => self.state == State::Sending,
                Settle::Attempt => self.state == State::Sending && is_same,
                Settle::Late => matches!(self.state, State::Sending | State::InDoubt) && is_same,
            };
            let world = if is_settled { Self { state: truth, ..*self } } else { *self };
            let rejected = (is_settled && truth == State::Rejected).then_some(number).or(host.rejected);
            found.push((
                format!("host {index}: settle {truth:?} of {number}"),
                world.with(index, |host| (host.phase, host.rejected) = (Phase::Idle, rejected)),
            ));
        }
        if let Some(rejected) = host.rejected {
            let is_reverted = match rules.revert {
                Revert::Member => true,
                Revert::State => self.state == State::Rejected,
                Revert::Attempt => self.state == State::Rejected && self.attempts == rejected,
            };
            let world = if is_reverted { Self { state: State::Deferred, ..*self } } else { *self };
            found.push((
                format!("host {index}: correct {rejected}"),
                world.with(index, |host| host.rejected = None),
            ));
        }
    }

    fn lose(&self, index: usize, found: &mut Vec<(String, Self)>) {
        let host = self.hosts[index];
        let mut add = |name: &str, world| found.push((format!("host {index}: {name}"), world));
        if host.has_lock {
            add("loses its session", self.with(index, |host| host.has_lock = false));
        } else if host.phase == Phase::Idle {
            add("connects again", self.with(index, |host| host.has_lock = true));
        }
        let gone = Host { phase: Phase::Dead, has_lock: false, rejected: None };
        if host.phase == Phase::Dead {
            let back = Host { phase: Phase::Idle, has_lock: true, rejected: None };
            add("starts again", self.with(index, |host| *host = back));
        } else if self.attempts < MOST_ATTEMPTS {
            add("dies", self.with(index, |host| *host = gone));
        }
    }

    /// The host that takes the lock of the letter's owner, or is its owner, marks the letter in doubt.
    fn bury(&self, index: usize, found: &mut Vec<(String, Self)>) {
        let host = self.hosts[index];
        if self.state != State::Sending || !host.has_lock || host.phase == Phase::Dead {
            return;
        }
        let owner = self.owner.unwrap_or(index);
        let is_free = if owner == index { host.phase == Phase::Idle } else { !self.hosts[owner].has_lock };
        if is_free {
            found.push((format!("host {index}: bury_one"), Self { state: State::InDoubt, ..*self }));
        }
    }

    fn decide(&self, rules: ModelRules, found: &mut Vec<(String, Self)>) {
        if self.state == State::InDoubt {
            let world = Self { state: State::Accepted, by_hand: true, ..*self };
            found.push(("a person: resolve --accepted".to_owned(), world));
        }
        let is_on_wire = self.hosts.iter().any(|host| matches!(host.phase, Phase::Delivers(_)));
        let may_resend = self.attempts < MOST_ATTEMPTS && !(rules.waits && is_on_wire);
        if may_resend && matches!(self.state, State::InDoubt | State::Rejected) {
            let is_second = self.state == State::InDoubt && self.delivered >= self.allowed;
            let allowed = self.allowed + u8::from(is_second);
            let world = Self { state: State::Queued, owner: None, allowed, ..*self };
            found.push(("a person: resolve --resend".to_owned(), world));
        }
    }
}

/// Searches every world; returns their number, or the first fault with the steps that lead to it.
fn search(rules: ModelRules) -> Result<usize, String> {
    let first = HostsWorld::first();
    let mut seen: HashMap<HostsWorld, Option<(String, HostsWorld)>> = HashMap::from([(first, None)]);
    let mut open = VecDeque::from([first]);
    while let Some(world) = open.pop_front() {
        if let Some(fault) = world.fault() {
            let mut steps = vec![fault.to_owned()];
            let mut at = world;
            while let Some((name, before)) = &seen[&at] {
                steps.push(name.clone());
                at = *before;
            }
            steps.reverse();
            return Err(steps.join("\n"));
        }
        for (name, next) in world.next(rules) {
            seen.entry(next).or_insert_with(|| {
                open.push_back(next);
                Some((name, world))
            });
        }
    }
    Ok(seen.len())
}

#[test]
fn no_order_of_events_sends_a_letter_twice_without_a_decision() {
    let worlds = search(WHAT_WE_DO).unwrap();
    println!("{worlds} worlds");
    assert!(worlds > 10_000, "the search is too small: {worlds}");
}

#[test]
fn each_rule_is_needed() {
    for rules in [
        ModelRules { settle: Settle::State, ..WHAT_WE_DO },
        ModelRules { revert: Revert::Member, ..WHAT_WE_DO },
        ModelRules { fence: false, ..WHAT_WE_DO },
    ] {
        assert!(search(rules).is_err(), "{rules:?}");
    }
    // The outcome is lost, but nothing false is recorded.
    assert!(search(ModelRules { settle: Settle::Attempt, ..WHAT_WE_DO }).is_ok());
    assert!(search(ModelRules { revert: Revert::State, ..WHAT_WE_DO }).is_ok());
}

/// A host loses its session between its last check and the letter, and a person decides at that moment to send the
/// letter again: the documentation names this risk.
#[test]
fn what_remains_is_a_decision_while_a_letter_is_on_the_wire() {
    let fault = search(ModelRules { waits: false, ..WHAT_WE_DO }).unwrap_err();
    assert!(fault.ends_with("a letter too many"), "{fault}");
    let steps = ["the lock is held", "loses its session", "bury_one", "a person: resolve --resend"];
    let at: Vec<usize> = steps.iter().map(|step| fault.find(step).expect(step)).collect();
    assert!(at.is_sorted(), "{fault}");
}
