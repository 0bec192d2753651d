//! With PIPELINING, the next letter's envelope is sent together with the final dot of the one before it. Nothing may
//! break because of that.

use std::time::Duration;

use crate::support::sandbox::{Sandbox, signal};
use crate::support::smtp_server::{Action, Extension, Garbage, Place, SmtpServer, When};

/// Every letter arrived once, and at the right member.
#[track_caller]
fn each_has_their_own(server: &SmtpServer, members: usize) {
    server.assert_one_each(members);
    for letter in server.letters() {
        let to = letter.header("To").unwrap();
        assert!(letter.rcpt_to.len() == 1 && letter.rcpt_to.iter().all(|one| to.contains(one)), "{letter:?}");
    }
}

#[test]
fn the_next_envelope_comes_with_the_final_dot() {
    let server = SmtpServer::build().forgets_what_follows().start();
    let club = Sandbox::members(4).relay(&server).with("connections = 1");
    club.run("send 2026-1 --yes").code(0);
    each_has_their_own(&server, 4);
    // One envelope was discarded without an answer; after that, none was sent ahead.
    let forgotten = server.forgotten();
    assert_eq!(forgotten.iter().filter(|text| !text.is_empty()).count(), 1, "{forgotten:?}");
    assert!(forgotten[0].starts_with("MAIL FROM:") && forgotten[0].ends_with("DATA\r\n"), "{forgotten:?}");
    assert_eq!(server.connections(), 2);
    server.assert_polite();
}

#[test]
fn without_pipelining_nothing_is_sent_ahead() {
    let server = SmtpServer::build().without(Extension::Pipelining).forgets_what_follows().start();
    Sandbox::members(4).relay(&server).with("connections = 1").run("send 2026-1 --yes").code(0);
    each_has_their_own(&server, 4);
    assert_eq!(server.forgotten(), vec![""; 4]);
    server.assert_polite();
}

#[test]
fn a_letter_whose_envelope_was_lost_uses_the_next_connection() {
    for (action, code) in [
        (Action::Drop, 1),
        (Action::Stall, 1),
        (Action::Garbage(Garbage::Bytes), 1),
        (Action::Reply(421, "4.3.2 Shutting down"), 75),
    ] {
        let server = SmtpServer::build().fault(Place::AfterDot, When::Nth(2), action).start();
        let club = Sandbox::members(5).relay(&server).with("connections = 1");
        club.run("send 2026-1 --yes").code(code);
        assert_eq!(club.in_state("2026-1", "accepted"), 4, "{action:?}");
        assert_eq!(server.connections(), 2);
        club.run("send 2026-1 --yes");
        each_has_their_own(&server, 5);
        server.assert_polite();
    }
}

#[test]
fn an_envelope_refused_when_sent_ahead_rejects_nobody() {
    // A server that takes one letter at a time and treats more as an error.
    for action in [Action::Reply(503, "5.5.1 Bad sequence of commands"), Action::Drop] {
        let server = SmtpServer::build().fault(Place::Mail, When::Nth(2), action).start();
        let club = Sandbox::members(5).relay(&server).with("connections = 1");
        club.run("send 2026-1 --yes").code(0);
        each_has_their_own(&server, 5);
        assert_eq!(server.connections(), 2);
        server.assert_polite();
    }
}

#[test]
fn one_reply_too_many_misdirects_no_letter() {
    let twice = Action::Garbage(Garbage::Twice);
    for place in [Place::AfterDot, Place::Mail, Place::Rcpt] {
        let server =
            SmtpServer::build().unknown_user("member0003@").fault(place, When::Nth(2), twice).start();
        let club = Sandbox::members(6).relay(&server).with("connections = 1").with("patience = \"20s\"");
        club.run("send 2026-1 --yes").code(1);
        each_has_their_own(&server, 5);
        assert_eq!(club.in_state("2026-1", "rejected"), 1, "{place:?}");
    }
}

#[test]
fn a_letter_waits_for_the_next_round_if_the_relay_stays_away() {
    let server = SmtpServer::build()
        .fault(Place::AfterDot, When::Nth(1), Action::Drop)
        .fault(Place::Connect, When::Nth(3), Action::Reply(421, "4.3.2 Too many connections"))
        .fault(Place::Data, When::Always, Action::StallFor(Duration::from_millis(50)))
        .start();
    let club = Sandbox::members(12).relay(&server).with("connections = 2").with("patience = \"20s\"");
    club.run("send 2026-1 --yes").code(1);
    assert_eq!((club.in_state("2026-1", "accepted"), club.in_state("2026-1", "in_doubt")), (11, 1));
    each_has_their_own(&server, 12);
}

#[test]
fn a_member_suppressed_after_the_envelope_was_sent_gets_no_letter() {
    let wait = Action::StallFor(Duration::from_secs(1));
    let server = SmtpServer::build().fault(Place::AfterDot, When::Nth(1), wait).start();
    let club = Sandbox::members(4).relay(&server).with("connections = 1");
    club.run("import").code(0);
    let run = club.start("send 2026-1 --yes");
    server.wait_for_messages(1);
    let ledger = rusqlite::Connection::open(club.path("state/medlemsbrev.db")).unwrap();
    let address = "member0002@example.org";
    ledger
        .execute(
            "INSERT INTO suppression VALUES (?1, ?1, 'unsubscribed', '2026-01-01T00:00:00Z', '')",
            [address],
        )
        .unwrap();
    run.wait().code(0).stdout_has("skipped: unsubscribed  1");
    assert_eq!((server.copies(address), server.messages()), (0, 3));
    server.assert_polite();
}

#[test]
fn ctrl_c_finishes_the_letter_whose_envelope_was_sent() {
    let wait = Action::StallFor(Duration::from_millis(300));
    let server = SmtpServer::build().fault(Place::AfterDot, When::Nth(2), wait).start();
    let club = Sandbox::members(20).relay(&server).with("connections = 1");
    let run = club.start("send 2026-1 --yes");
    server.wait_for_messages(2);
    signal(run.id(), "INT");
    run.wait().code(75).stderr_has("stopped on request");
    assert_eq!((server.messages(), club.in_state("2026-1", "accepted")), (3, 3));
    assert_eq!((server.commands("MAIL"), server.commands("QUIT")), (3, 1));
    server.assert_polite();
}
