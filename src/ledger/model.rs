//! A model check of the delivery states: no order of claims, outcomes, crashes and resumed runs sends a letter again
//! without a person's decision.

use jiff::Timestamp;
use proptest::prelude::*;

use crate::domain::{Address, IssueName, MemberId, Outcome, Reply, State};

use super::{Ledger, deliveries};

const MEMBERS: i64 = 3;

#[derive(Debug, Clone)]
enum Step {
    Queue,
    Claim(i64),
    /// The letter goes out, and this comes back.
    Settle(i64, u8),
    /// The process dies, and the next run begins.
    Crash,
    Resolve(i64, bool),
    Suppress(i64),
}

fn steps() -> impl Strategy<Value = Vec<Step>> {
    let member = 1..=MEMBERS;
    let step = prop_oneof![
        1 => Just(Step::Queue),
        4 => member.clone().prop_map(Step::Claim),
        4 => (member.clone(), 0..4u8).prop_map(|(member, outcome)| Step::Settle(member, outcome)),
        2 => Just(Step::Crash),
        1 => (member.clone(), any::<bool>()).prop_map(|(member, resend)| Step::Resolve(member, resend)),
        1 => member.prop_map(Step::Suppress),
    ];
    proptest::collection::vec(step, 0..40)
}

proptest! {
    #[test]
    fn nobody_gets_a_letter_twice_without_a_decision(steps in steps()) {
        let dir = tempfile::tempdir().unwrap();
        let ledger = Ledger::open(&dir.path().join("l.db")).unwrap();
        let issue: IssueName = "2026-1".parse().unwrap();
        let now = Timestamp::from_second(1_800_000_000).unwrap();
        let address = |member: i64| Address::parse(&format!("m{member}@example.org")).unwrap();
        for member in 1..=MEMBERS {
            ledger.connection.execute(
                "INSERT INTO member (id, name, address, address_key, added_at, changed_at) VALUES (?1, 'M', ?2, ?2, '', '')",
                (member, address(member).as_str()),
            ).unwrap();
        }
        // Letters that may have arrived, those on the wire, and how many a person allowed.
        let (mut maybe, mut on_wire, mut allowed) = ([0; 4], [false; 4], [1; 4]);
        for step in steps {
            match step {
                Step::Queue => ledger.queue(&issue, now, |_| true).unwrap(),
                Step::Claim(member) => {
                    let id = MemberId(member);
                    let attempt =
                        deliveries::claim(&ledger.connection, &issue, id, &address(member), "id", now).unwrap();
                    let at = usize::try_from(member).unwrap();
                    prop_assert!(attempt == 0 || !on_wire[at], "a letter on the wire was claimed again");
                    on_wire[at] |= attempt > 0;
                }
                Step::Settle(member, outcome) => {
                    let at = usize::try_from(member).unwrap();
                    if !std::mem::take(&mut on_wire[at]) {
                        continue;
                    }
                    let reply = Reply::local("x");
                    let outcome = match outcome {
                        0 => Outcome::Accepted(reply),
                        1 => Outcome::Deferred(reply),
                        2 => Outcome::Rejected(reply),
                        _ => Outcome::InDoubt(reply),
                    };
                    maybe[at] += i32::from(matches!(outcome, Outcome::Accepted(_) | Outcome::InDoubt(_)));
                    deliveries::settle(&ledger.connection, &issue, MemberId(member), &outcome, now).unwrap();
                }
                Step::Crash => {
                    for (letters, wire) in maybe.iter_mut().zip(&mut on_wire) {
                        *letters += i32::from(std::mem::take(wire));
                    }
                    ledger.mark_interrupted_in_doubt(now).unwrap();
                }
                Step::Resolve(member, resend) => {
                    let state = if resend { State::Queued } else { State::Accepted };
                    let is_done = ledger.resolve(&issue, MemberId(member), state, now).unwrap();
                    allowed[usize::try_from(member).unwrap()] += i32::from(is_done && resend);
                }
                Step::Suppress(member) => {
                    ledger.connection.execute(
                        "INSERT INTO suppression VALUES (?1, ?1, 'by_hand', '', '') ON CONFLICT DO NOTHING",
                        [address(member).as_str()],
                    ).unwrap();
                }
            }
            for member in 1..4 {
                prop_assert!(maybe[member] <= allowed[member], "member {member} may have a letter too many");
            }
        }
    }
}
