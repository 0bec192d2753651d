//! Searches everything that one letter, two overlapping runs and a person can do, on a real ledger: no order of
//! events sends a letter again without a decision, or records one as accepted that no server accepted.

use std::collections::HashSet;

use jiff::Timestamp;

use crate::domain::{Address, IssueName, Letter, ListedMember, MemberId, Outcome, Reply, State};

use super::claims::{self, Attempt, RunId, Settlement, Taken};
use super::{Ledger, LedgerError, Review, ReviewKind};

const MEMBER: MemberId = MemberId(1);
const MOST_ATTEMPTS: u32 = 3;
const MOST_RESENDS: u8 = 1;

/// What a server did with a letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum Truth {
    Accepted,
    Deferred,
    Rejected,
    InDoubt,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
enum ModelRun {
    NotBegun,
    Idle,
    /// The letter may be sent: this attempt is recorded.
    Claimed(u32),
    /// The letter was sent, with this result.
    Answered(u32, Truth),
    Dead,
}

/// The delivery's row and the world around it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Hash)]
struct DeliveryWorld {
    state: State,
    attempts: u32,
    runs: [ModelRun; 2],
    newest: Option<u8>,
    /// An outcome waiting in the spool.
    spooled: Option<(u32, Truth)>,
    cancelled: bool,
    forgotten: bool,
    /// Letters that the server accepted, and how many it may accept.
    delivered: u8,
    allowed: u8,
    /// Whether the state is a person's decision.
    by_hand: bool,
}

struct Model {
    ledger: Ledger,
    issue: IssueName,
    letter: Letter,
    now: Timestamp,
    ids: [RunId; 2],
}

impl Model {
    fn new(ledger: Ledger) -> Self {
        let issue: IssueName = "2026-1".parse().unwrap();
        let address = Address::parse("m@example.org").unwrap();
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let row = member();
        ledger.add_member(&row, "test", now).unwrap();
        ledger.queue(&issue, now, |_| true).unwrap();
        let ids = [ledger.begin_run(&issue, now).unwrap(), ledger.begin_run(&issue, now).unwrap()];
        let letter = Letter {
            member: MEMBER,
            others: Vec::new(),
            sender: None,
            recipient: address,
            message_id: "x@example.org".to_owned(),
            bytes: Vec::new(),
        };
        Self { ledger, issue, letter, now, ids }
    }

    /// Puts the ledger into the state of `world`, bypassing the triggers.
    fn restore(&self, world: &DeliveryWorld) {
        self.ledger.db.without_triggers(|| self.overwrite(world)).unwrap();
    }

    fn overwrite(&self, world: &DeliveryWorld) -> Result<(), LedgerError> {
        let db = &self.ledger.db;
        db.execute(
            "UPDATE delivery SET state = ?1, attempts = ?2, address = 'm@example.org', message_id = 'x'",
            (world.state, world.attempts),
        )?;
        let address = (!world.forgotten).then_some("m@example.org");
        db.execute("UPDATE member SET active = ?1, address_key = ?2", (!world.forgotten, address))?;
        db.execute("DELETE FROM run", ())?;
        if let Some(newest) = world.newest {
            db.execute("INSERT INTO run VALUES (?1, '', '')", [newest + 1])?;
        }
        self.ledger.drop_review(&self.issue, ReviewKind::Cancelled)?;
        if world.cancelled {
            self.ledger.keep_review(&self.issue, ReviewKind::Cancelled, &Review::default(), self.now)?;
        }
        db.batch(
            "DELETE FROM suppression; DELETE FROM bounce; DELETE FROM forgotten; DELETE FROM handed_over",
        )
    }

    /// The world with the ledger's present row.
    fn after(&self, world: DeliveryWorld) -> DeliveryWorld {
        let sql = "SELECT state, attempts FROM delivery";
        let row = self.ledger.db.one(sql, (), |row| Ok((row.get(0)?, row.get(1)?)));
        let (state, attempts) = row.unwrap();
        DeliveryWorld { state, attempts, ..world }
    }

    fn settle(&self, attempt: u32, truth: Truth) -> bool {
        let reply = Reply::local("x");
        let outcome = match truth {
            Truth::Accepted => Outcome::Accepted(reply),
            Truth::Deferred => Outcome::Deferred(reply),
            Truth::Rejected => Outcome::Rejected(reply),
            Truth::InDoubt => Outcome::InDoubt(reply),
        };
        let attempt = Attempt { issue: self.issue.clone(), member: MEMBER, number: attempt };
        let settlement = Settlement { attempt, others: Vec::new(), outcome, refusal: None, at: self.now };
        claims::settle(&self.ledger.db, &settlement).unwrap().is_recorded
    }

    /// Every world that one event leads to.
    fn next(&self, world: &DeliveryWorld) -> Vec<(String, DeliveryWorld)> {
        let mut found = Vec::new();
        for (index, run) in world.runs.into_iter().enumerate() {
            self.steps_of_run(world, index, run, &mut found);
        }
        self.steps_of_a_person(world, &mut found);
        found
    }

    fn steps_of_run(
        &self,
        world: &DeliveryWorld,
        index: usize,
        run: ModelRun,
        found: &mut Vec<(String, DeliveryWorld)>,
    ) {
        let mut add = |name: &str, run: ModelRun, world: DeliveryWorld| {
            let mut runs = world.runs;
            runs[index] = run;
            found.push((format!("run {index} {name}"), DeliveryWorld { runs, ..world }));
        };
        match run {
            // The second run got past the lock file while the first one is active.
            ModelRun::NotBegun if index == 0 || world.runs[0] != ModelRun::NotBegun => {
                self.restore(world);
                if let Some((attempt, truth)) = world.spooled {
                    self.settle(attempt, truth);
                }
                self.ledger.recover(self.now).unwrap();
                add(
                    "begins",
                    ModelRun::Idle,
                    self.after(DeliveryWorld { newest: Some(run_number(index)), spooled: None, ..*world }),
                );
            }
            ModelRun::Idle if world.attempts < MOST_ATTEMPTS => {
                self.restore(world);
                let claimed =
                    claims::claim(&self.ledger.db, self.ids[index], &self.issue, &self.letter, &[], self.now);
                if let Ok(Taken::Attempt(number)) = claimed {
                    assert!(
                        !world.forgotten && !world.cancelled && world.newest == Some(run_number(index)),
                        "{world:?}"
                    );
                    add("claims", ModelRun::Claimed(number), self.after(*world));
                }
            }
            ModelRun::Claimed(number) => {
                let taken = DeliveryWorld { delivered: world.delivered + 1, ..*world };
                add("is answered yes", ModelRun::Answered(number, Truth::Accepted), taken);
                add("hears nothing, but it was taken", ModelRun::Answered(number, Truth::InDoubt), taken);
                add("hears nothing", ModelRun::Answered(number, Truth::InDoubt), *world);
                add("is answered later", ModelRun::Answered(number, Truth::Deferred), *world);
                add("is answered no", ModelRun::Answered(number, Truth::Rejected), *world);
                add("dies with the letter taken", ModelRun::Dead, taken);
                add("dies", ModelRun::Dead, *world);
            }
            ModelRun::Answered(number, truth) => {
                self.restore(world);
                let is_recorded = self.settle(number, truth);
                let by_hand = world.by_hand && !is_recorded;
                add("settles", ModelRun::Idle, self.after(DeliveryWorld { by_hand, ..*world }));
                add("spools", ModelRun::Dead, DeliveryWorld { spooled: Some((number, truth)), ..*world });
                add("dies before it settles", ModelRun::Dead, *world);
            }
            ModelRun::Dead if index == 1 => add("is started again", ModelRun::NotBegun, *world),
            _ => {}
        }
    }

    fn steps_of_a_person(&self, world: &DeliveryWorld, found: &mut Vec<(String, DeliveryWorld)>) {
        for (name, state) in [("accepts", State::Accepted), ("resends", State::Queued)] {
            if state == State::Queued && world.allowed > MOST_RESENDS {
                continue;
            }
            self.restore(world);
            if self.ledger.resolve(&self.issue, MEMBER, state, self.now).unwrap() {
                let is_resend = state == State::Queued;
                // A decision about a letter that is still in transit may be wrong, and allows one more.
                let allowed = world.allowed + u8::from(is_resend && world.state != State::Rejected);
                found.push((name.to_owned(), self.after(DeliveryWorld { allowed, by_hand: true, ..*world })));
            }
        }
        if !world.cancelled {
            found.push(("cancels".to_owned(), DeliveryWorld { cancelled: true, ..*world }));
        }
        if !world.forgotten {
            self.restore(world);
            let traces = self.ledger.traces(MEMBER).unwrap();
            self.ledger.forget(&traces, &member(), self.now).unwrap();
            found.push(("forgets".to_owned(), self.after(DeliveryWorld { forgotten: true, ..*world })));
        }
    }
}

fn run_number(index: usize) -> u8 {
    u8::try_from(index).unwrap()
}

fn member() -> ListedMember {
    let address = Address::parse("m@example.org").ok();
    ListedMember { name: "M".to_owned(), address, ..ListedMember::default() }
}

fn check(world: &DeliveryWorld, path: &str) {
    assert!(world.delivered <= world.allowed, "a letter too many: {world:?}\n{path}");
    let on_way = |run: &ModelRun| matches!(run, ModelRun::Claimed(_) | ModelRun::Answered(..));
    let is_settled = !world.runs.iter().any(on_way) && world.spooled.is_none() && !world.by_hand;
    if is_settled && world.state == State::Accepted {
        assert!(world.delivered > 0, "accepted, but no server took it: {world:?}\n{path}");
    }
    if is_settled && world.state == State::Rejected && world.allowed == 1 {
        assert_eq!(world.delivered, 0, "rejected, but a server took it: {world:?}\n{path}");
    }
}

#[test]
fn no_order_of_events_sends_a_letter_twice_without_a_decision() {
    let dir = tempfile::tempdir().unwrap();
    let model = Model::new(Ledger::temporary_copy(&dir.path().join("l.db")).unwrap());
    let first = DeliveryWorld {
        state: State::Queued,
        attempts: 0,
        runs: [ModelRun::NotBegun; 2],
        newest: None,
        spooled: None,
        cancelled: false,
        forgotten: false,
        delivered: 0,
        allowed: 1,
        by_hand: false,
    };
    let mut seen = HashSet::from([first]);
    let mut open = vec![(first, String::new())];
    while let Some((world, path)) = open.pop() {
        for (name, next) in model.next(&world) {
            if seen.insert(next) {
                let path = format!("{path}\n  {name}");
                check(&next, &path);
                open.push((next, path));
            }
        }
    }
    println!("{} states", seen.len());
    assert!(seen.len() > 1000, "the search is too small: {}", seen.len());
}
