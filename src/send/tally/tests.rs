use std::collections::BTreeMap;

use jiff::Timestamp;
use proptest::prelude::*;

use super::*;
use crate::domain::{Address, Member, MemberId, Reply};

fn event(number: i64, domain: &str, outcome: Outcome) -> SettledLetter {
    let address = Address::parse(&format!("m{number}@{domain}")).unwrap();
    let member = Member {
        id: MemberId(number),
        number: None,
        name: format!("Member {number}"),
        address: Some(address),
        fields: BTreeMap::new(),
    };
    let at = Timestamp::UNIX_EPOCH;
    SettledLetter {
        at,
        household: member.into(),
        sender: String::new(),
        message_id: String::new(),
        bytes: 1,
        outcome,
        bounce: None,
        is_correction: false,
    }
}

fn attempt(member: i64, number: u32) -> Attempt {
    Attempt { issue: "2026-1".parse().unwrap(), member: MemberId(member), number }
}

/// Gives the tally a reply to member `number`.
fn tell(tally: &Tally, number: i64, domain: &str, code: u16, text: &str) -> (Outcome, After) {
    let reply = Reply::from_server(code, text);
    let outcome = if code < 300 { Outcome::Accepted(reply) } else { Outcome::Rejected(reply) };
    let delivered = Delivered { outcome, after: After::GoOn };
    let (event, after) =
        tally.judge(delivered, &attempt(number, 1), |outcome| event(number, domain, outcome));
    (event.outcome, after)
}

const DOMAINS: [&str; 4] = ["a.example.org", "b.example.org", "c.example.org", "d.example.org"];

#[test]
fn a_refusal_about_us_stops_the_run_and_rejects_nobody() {
    for text in
        ["5.7.1 Relay access denied", "account suspended", "You have exceeded the max emails per hour"]
    {
        let tally = Tally::default();
        tell(&tally, 1, DOMAINS[0], 250, "ok");
        let (outcome, after) = tell(&tally, 2, DOMAINS[1], 550, text);
        assert!(matches!(outcome, Outcome::Deferred(_)) && after == After::Stop, "{text}");
        assert!(tally.corrections().is_empty());
    }
}

#[test]
fn an_unclear_refusal_is_the_recipients_once_another_letter_is_accepted() {
    let tally = Tally::default();
    let (outcome, after) = tell(&tally, 1, DOMAINS[0], 550, "mailbox unavailable");
    assert!(matches!(outcome, Outcome::Deferred(_)) && after == After::GoOn);
    assert!(tally.corrections().is_empty());
    tell(&tally, 2, DOMAINS[1], 250, "ok");
    let corrections = tally.corrections();
    assert_eq!(corrections.len(), 1);
    assert!(matches!(corrections[0].event.outcome, Outcome::Rejected(_)));
}

#[test]
fn three_unclear_refusals_in_two_domains_stop_the_run() {
    let tally = Tally::new(true);
    let ends: Vec<After> = (0..3)
        .map(|n| {
            tell(
                &tally,
                n,
                DOMAINS[usize::try_from(n % 2).unwrap()],
                550,
                &format!("mailbox m{n}@x unavailable"),
            )
            .1
        })
        .collect();
    assert_eq!(ends, [After::GoOn, After::GoOn, After::Stop]);
    assert!(tally.corrections().is_empty());
}

#[test]
fn the_last_letter_left_is_judged_at_its_second_attempt() {
    let tally = Tally::new(true);
    for (number, rejected) in [(1, 0), (2, 1)] {
        let reply = Reply::from_server(550, "mailbox unavailable");
        let delivered = Delivered { outcome: Outcome::Rejected(reply), after: After::GoOn };
        let (_, after) = tally.judge(delivered, &attempt(1, number), |outcome| event(1, DOMAINS[0], outcome));
        assert_eq!((after, tally.corrections().len()), (After::GoOn, rejected), "attempt {number}");
    }
}

#[test]
fn dead_addresses_in_one_domain_do_not_stop_the_rest() {
    let tally = Tally::new(true);
    for number in 0..8 {
        assert_eq!(tell(&tally, number, DOMAINS[0], 550, "mailbox unavailable").1, After::GoOn);
    }
}

#[test]
fn ten_clear_refusals_in_a_row_are_undone() {
    let tally = Tally::default();
    let mut stops = 0;
    for number in 0..10 {
        let domain = DOMAINS[usize::try_from(number % 3).unwrap()];
        stops += u32::from(tell(&tally, number, domain, 550, "5.1.1 User unknown").1 == After::Stop);
    }
    let corrections = tally.corrections();
    assert_eq!((stops, corrections.len()), (1, 9));
    assert!(corrections.iter().all(|correction| matches!(correction.event.outcome, Outcome::Deferred(_))));
}

proptest! {
    /// A refusal that hits everybody leaves no member rejected.
    #[test]
    fn a_refusal_of_everybody_leaves_nobody_rejected(accepted in 0_i64..5, text in prop::sample::select(vec![
        "5.1.1 User unknown", "mailbox unavailable", "rejected", "5.7.1 no", "relaying denied", "sending limit",
    ])) {
        let tally = Tally::default();
        for number in 0..accepted {
            tell(&tally, number, DOMAINS[0], 250, "ok");
        }
        let mut rejected = BTreeSet::new();
        for number in 100..140_i64 {
            let domain = DOMAINS[usize::try_from(number % 4).unwrap()];
            let (outcome, after) = tell(&tally, number, domain, 550, text);
            if matches!(outcome, Outcome::Rejected(_)) {
                rejected.insert(number);
            }
            if after == After::Stop {
                break;
            }
        }
        for correction in tally.corrections() {
            let number = correction.event.household.lead.id.0;
            if matches!(correction.event.outcome, Outcome::Rejected(_)) {
                rejected.insert(number);
            } else {
                rejected.remove(&number);
            }
        }
        prop_assert!(rejected.is_empty(), "{rejected:?}");
    }
}
