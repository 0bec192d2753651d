//! Whose fault a refusal is: one about us affects no member, and one about a member affects only that member.

use std::fmt::Write as _;

use crate::support::sandbox::Sandbox;
use crate::support::smtp_server::{Action, Fault, Place, SmtpServer, When};

/// Members in three domains by turns.
fn club(server: &SmtpServer, members: usize) -> Sandbox {
    let club = Sandbox::members(0).relay(server).with("connections = 1");
    let mut list = "namn,epost\n".to_owned();
    for number in 1..=members {
        let domain = ["example.org", "example.net", "example.com"][number % 3];
        writeln!(list, "Member {number},m{number}@{domain}").unwrap();
    }
    club.write("members.csv", list);
    club
}

#[test]
fn a_refusal_about_us_stops_the_run_rejects_nobody_and_gives_advice() {
    for (place, code, text, exit, advice) in [
        (Place::Rcpt, 550, "Domain has exceeded the max emails per hour (20/20) allowed", 75, "quota"),
        (Place::AfterDot, 554, "5.2.0 the sender's submission quota was exceeded", 75, "quota"),
        (Place::AfterDot, 550, "5.1.8 Access denied, bad outbound sender", 78, "mail provider"),
        (Place::AfterDot, 554, "5.2.252 SendAsDenied; not allowed to send as kansli", 78, "[sender] address"),
        (
            Place::Rcpt,
            550,
            "5.1.0 <a@example.se>: Sender address rejected: User unknown",
            78,
            "[sender] address",
        ),
        (Place::Rcpt, 550, "Authentication is required for relay", 78, "username"),
        (Place::AfterDot, 554, "Message not accepted: account suspended", 78, "mail provider"),
        (Place::AfterDot, 552, "5.3.4 Message size exceeds fixed limit", 65, "smaller"),
    ] {
        for members in [4, 40] {
            let server = SmtpServer::with(Fault::At(place, When::After(2), Action::Reply(code, text)));
            let club = club(&server, members);
            let run = club.run("send 2026-1 --yes");
            let said = run.code(exit).stderr();
            assert!(said.contains(advice), "{text}: no {advice:?} in {said}");
            assert_eq!(club.in_state("2026-1", "rejected"), 0, "{text}");
            assert_eq!(
                club.run("bounces report --json").code(0).json().as_array().unwrap().len(),
                0,
                "{text}"
            );
            server.heal();
            club.run("send 2026-1 --yes").code(0);
            server.assert_one_each(members);
        }
    }
}

#[test]
fn an_unclear_refusal_of_one_member_is_about_that_member() {
    for text in ["mailbox unavailable", "5.7.1 no newsletters here", "rejected"] {
        let server = SmtpServer::with(Fault::At(Place::Rcpt, When::To("m2@"), Action::Reply(550, text)));
        let club = club(&server, 12);
        club.run("send 2026-1 --yes").code(1);
        assert_eq!((club.in_state("2026-1", "rejected"), server.messages()), (1, 11), "{text}");
        club.run("send 2026-1 --yes").code(1);
        assert_eq!(server.messages(), 11);
    }
}

#[test]
fn an_unclear_refusal_of_everybody_is_about_us() {
    for (before, members) in [(0, 5), (0, 40), (10, 40)] {
        let fault = Fault::At(Place::Rcpt, When::After(before), Action::Reply(550, "mailbox unavailable"));
        let server = SmtpServer::with(fault);
        let club = club(&server, members);
        for _ in 0..3 {
            club.run("send 2026-1 --yes").code(75);
            assert_eq!(club.in_state("2026-1", "rejected"), 0);
        }
        server.heal();
        club.run("send 2026-1 --yes").code(0);
        server.assert_one_each(members);
    }
}

#[test]
fn ten_unknown_users_in_a_row_are_undone_with_their_suppressions() {
    let fault = Fault::At(Place::Rcpt, When::After(3), Action::Reply(550, "5.1.1 User unknown"));
    let server = SmtpServer::with(fault);
    let club = club(&server, 30);
    club.run("send 2026-1 --yes").code(75);
    assert_eq!((club.in_state("2026-1", "rejected"), server.messages()), (0, 3));
    assert!(club.run("bounces report --json").code(0).json().as_array().unwrap().is_empty());
    server.heal();
    club.run("send 2026-1 --yes").code(0);
    server.assert_one_each(30);
}

#[test]
fn one_dead_address_alone_ends_rejected() {
    let server = SmtpServer::start();
    let club = club(&server, 6);
    club.run("send 2026-1 --limit 5 --yes").code(0);
    server.add(Fault::At(Place::Rcpt, When::Always, Action::Reply(550, "mailbox unavailable")));
    club.run("send 2026-1 --limit 1 --yes").code(75);
    club.run("send 2026-1 --limit 1 --yes").code(1);
    assert_eq!(club.in_state("2026-1", "rejected"), 1);
}

#[test]
fn a_streak_is_counted_across_runs_of_one_letter_each() {
    let server = SmtpServer::with(Fault::ReplyAt(Place::Rcpt, 550, "mailbox unavailable"));
    let club = club(&server, 6);
    let mut said = String::new();
    for _ in 0..6 {
        said = club.run("send 2026-1 --limit 1 --yes").code(75).stderr();
        if said.contains("the server refuses every letter") {
            break;
        }
    }
    assert!(said.contains("the server refuses every letter"), "{said}");
    assert_eq!(club.in_state("2026-1", "rejected"), 0);
    server.heal();
    club.run("send 2026-1 --yes").code(0);
    server.assert_one_each(6);
}
