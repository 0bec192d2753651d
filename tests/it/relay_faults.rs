//! The outcome of letters when the mail server misbehaves, and what the next run does.

use std::time::Duration;

use crate::support::sandbox::Sandbox;
use crate::support::smtp_server::{Action, Extension, Fault, Garbage, Place, SmtpServer, When};

/// After a fault: the exit code, the first letter's state, and how many of two letters the server has.
struct Story {
    fault: Fault,
    code: i32,
    state: &'static str,
    came: usize,
    /// After the server was fixed and the command run again: the exit code and the number of all letters.
    again: (i32, usize),
}

const DEFERRED: i32 = 75;
const SOME_FAILED: i32 = 1;

/// Sends to two members; the fault strikes at the first one.
#[track_caller]
fn tell(story: &Story) {
    let server = SmtpServer::with(story.fault);
    let club = Sandbox::members(2).relay(&server).with("connections = 1");
    let what = format!("{:?}", story.fault);
    let first = club.run("send 2026-1 --yes");
    assert_eq!(first.exit_code(), Some(story.code), "{what}: {}{}", first.stdout(), first.stderr());
    assert!(club.in_state("2026-1", story.state) >= 1, "{what}: {}", club.status("2026-1"));
    assert_eq!(server.messages(), story.came, "{what}: {}{}", first.stdout(), first.stderr());
    assert_eq!(club.status("2026-1")["total"], 2);
    server.heal();
    let second = club.run("send 2026-1 --yes");
    assert_eq!(second.exit_code(), Some(story.again.0), "{what}: {}{}", second.stdout(), second.stderr());
    assert_eq!(server.messages(), story.again.1, "{what}");
    assert!(server.by_recipient().values().all(|copies| *copies == 1), "{what}: a second copy");
    server.assert_polite();
}

/// The fault strikes at the first visit only.
fn once(place: Place, action: Action) -> Fault {
    Fault::At(place, When::Nth(1), action)
}

#[test]
fn temporarily_refused_letters_are_sent_by_the_next_run() {
    for place in [Place::Mail, Place::Rcpt, Place::Data, Place::AfterDot] {
        // At the first dot the look-ahead is on trial: a letter refused there is sent again alone.
        let when = if place == Place::AfterDot { When::FirstTo(2, "member0001@") } else { When::Nth(1) };
        let fault = Fault::At(place, when, Action::Reply(451, "4.3.0 Try later"));
        tell(&Story { fault, code: DEFERRED, state: "deferred", came: 1, again: (0, 2) });
    }
}

#[test]
fn permanently_refused_letters_are_not_sent_again() {
    for place in [Place::Rcpt, Place::Data, Place::AfterDot] {
        let fault = once(place, Action::Reply(550, "5.1.1 User unknown"));
        tell(&Story { fault, code: SOME_FAILED, state: "rejected", came: 1, again: (SOME_FAILED, 1) });
    }
}

#[test]
fn a_refused_sender_stops_the_run_and_rejects_nobody() {
    let fault = Fault::ReplyAt(Place::Mail, 550, "5.7.1 You may not send");
    tell(&Story { fault, code: DEFERRED, state: "deferred", came: 0, again: (0, 2) });
}

#[test]
fn a_server_that_turns_us_away_leaves_the_letters_queued() {
    for place in [Place::Connect, Place::Ehlo] {
        for code in [421, 554] {
            let fault = Fault::ReplyAt(place, code, "4.3.2 Not now");
            tell(&Story { fault, code: DEFERRED, state: "queued", came: 0, again: (0, 2) });
        }
        for fault in [Fault::DropAt(place), Fault::StallAt(place)] {
            tell(&Story { fault, code: DEFERRED, state: "queued", came: 0, again: (0, 2) });
        }
    }
}

#[test]
fn a_port_that_nobody_listens_on_leaves_the_letters_queued() {
    let server = SmtpServer::refusing();
    let club = Sandbox::members(2).relay(&server);
    club.run("send 2026-1 --yes").code(DEFERRED).stderr_has("cannot connect").stderr_has("run again");
    assert_eq!(club.in_state("2026-1", "queued"), 2);
    let server = server.open();
    club.run("send 2026-1 --yes").code(0);
    assert_eq!(server.messages(), 2);
}

#[test]
fn a_connection_that_breaks_before_the_dot_loses_nothing() {
    for place in [Place::Mail, Place::Rcpt, Place::Data] {
        for action in [Action::Drop, Action::Stall, Action::Garbage(Garbage::Bytes)] {
            tell(&Story {
                fault: once(place, action),
                code: DEFERRED,
                state: "deferred",
                came: 1,
                again: (0, 2),
            });
        }
    }
}

#[test]
fn a_letter_lost_after_the_dot_is_in_doubt_and_not_sent_again() {
    // The server accepts the letter without saying so.
    for action in [Action::Drop, Action::Stall, Action::Garbage(Garbage::Bytes)] {
        let fault = once(Place::AfterDot, action);
        tell(&Story { fault, code: SOME_FAILED, state: "in_doubt", came: 2, again: (SOME_FAILED, 2) });
    }
}

#[test]
fn endless_replies_are_not_read_indefinitely() {
    for garbage in [Garbage::LongLine, Garbage::Endless] {
        let fault = once(Place::AfterDot, Action::Garbage(garbage));
        tell(&Story { fault, code: SOME_FAILED, state: "in_doubt", came: 2, again: (SOME_FAILED, 2) });
        let fault = once(Place::Rcpt, Action::Garbage(garbage));
        tell(&Story { fault, code: DEFERRED, state: "deferred", came: 1, again: (0, 2) });
    }
}

#[test]
fn a_421_midway_leads_to_a_new_connection() {
    let server = SmtpServer::with(Fault::ShutdownAfter(3));
    let club = Sandbox::members(6).relay(&server).with("connections = 1");
    club.run("send 2026-1 --yes").code(0);
    assert_eq!((server.messages(), server.connections()), (6, 2));
    server.assert_polite();
}

#[test]
fn a_refused_recipient_does_not_end_the_connection() {
    let server = SmtpServer::build().unknown_user("member0002@").start();
    let club = Sandbox::members(4).relay(&server).with("connections = 1");
    club.run("send 2026-1 --yes").code(SOME_FAILED).stderr_has("rejected: member0002@example.org");
    assert_eq!((server.messages(), server.connections()), (3, 1));
    server.assert_polite();
}

#[test]
fn a_connection_carries_no_more_letters_than_allowed() {
    let server = SmtpServer::start();
    let club = Sandbox::members(6).relay(&server).with("connections = 1\nmax_letters_per_connection = 2");
    club.run("send 2026-1 --yes").code(0);
    assert_eq!(server.messages(), 6);
    assert!(server.connections() >= 3);
}

#[test]
fn several_connections_share_the_work() {
    let server = SmtpServer::build()
        .fault(Place::AfterDot, When::Always, Action::StallFor(Duration::from_millis(20)))
        .start();
    let club = Sandbox::members(40).relay(&server).with("connections = 4");
    club.run("send 2026-1 --yes").code(0);
    assert_eq!((server.messages(), server.most_open()), (40, 4));
    server.assert_polite();
}

#[test]
fn a_refused_login_is_a_configuration_error() {
    let server = SmtpServer::build().login("brev", "hemligt").start();
    let club = Sandbox::members(2).relay(&server);
    let config = club.read("medlemsbrev.toml").replace("'hemligt'", "fel");
    club.write("medlemsbrev.toml", config);
    club.run("send 2026-1 --yes").code(78).stderr_has("refused the login as brev").stderr_has("535");
    assert_eq!(club.in_state("2026-1", "queued"), 2);
    let club = club.relay(&server);
    club.run("send 2026-1 --yes").code(0);
    assert_eq!(server.messages(), 2);
    assert!(server.letters().iter().all(|letter| letter.user.as_deref() == Some("brev")));
}

#[test]
fn letters_are_sent_over_tls() {
    for server in [SmtpServer::build().start_tls(), SmtpServer::build().implicit_tls()] {
        let server = server.login("brev", "hemligt").start();
        let club = Sandbox::members(3).relay(&server);
        club.run("send 2026-1 --yes").code(0);
        assert!(server.messages() == 3 && server.letters().iter().all(|letter| letter.tls));
        server.assert_polite();
    }
}

#[test]
fn a_server_without_starttls_gets_no_letter_in_the_clear() {
    let server = SmtpServer::build().hide_start_tls().start();
    let club = Sandbox::members(2).relay(&server);
    club.run("send 2026-1 --yes").code(78).stderr_has("does not offer STARTTLS");
    assert_eq!((server.messages(), club.in_state("2026-1", "queued")), (0, 2));
}

#[test]
fn invalid_certificates_are_explained() {
    use crate::support::smtp_server::Certificate;
    for (certificate, words) in
        [(Certificate::Expired, "has expired"), (Certificate::OtherName, "another name")]
    {
        for server in [SmtpServer::build().start_tls(), SmtpServer::build().implicit_tls()] {
            let server = server.certificate(certificate).start();
            let club = Sandbox::members(1).relay(&server);
            club.run("send 2026-1 --yes").code(78).stderr_has(words);
            assert_eq!(server.messages(), 0);
        }
    }
}

#[test]
fn an_untrusted_authority_is_rejected() {
    let server = SmtpServer::build().start_tls().start();
    let club = Sandbox::members(1).relay(&server);
    let config = club.read("medlemsbrev.toml").replace("ca_file = \"ca.pem\"\n", "");
    club.write("medlemsbrev.toml", config);
    club.run("send 2026-1 --yes").code(78).stderr_has("not trusted");
}

#[test]
fn a_non_ascii_address_needs_smtputf8() {
    let list = "namn,epost\nBjörn,björn@example.org\nAnna,anna@example.org\n";
    let server = SmtpServer::build().without(Extension::SmtpUtf8).start();
    let club = Sandbox::members(0).relay(&server);
    club.write("members.csv", list);
    club.run("send 2026-1 --yes").code(SOME_FAILED).stderr_has("SMTPUTF8");
    assert_eq!(server.messages(), 1);
    let server = SmtpServer::start();
    let club = Sandbox::members(0).relay(&server);
    club.write("members.csv", list);
    club.run("send 2026-1 --yes").code(0);
    assert_eq!(server.copies("björn@example.org"), 1);
    server.assert_polite();
}

#[test]
fn replies_without_text_or_in_latin_1_are_parsed() {
    for garbage in [Garbage::Bare, Garbage::Latin1] {
        let server = SmtpServer::start();
        for place in [Place::Mail, Place::Rcpt, Place::Data, Place::AfterDot] {
            server.add(Fault::At(place, When::Always, Action::Garbage(garbage)));
        }
        let club = Sandbox::members(3).relay(&server);
        club.run("send 2026-1 --yes").code(0);
        server.assert_one_each(3);
    }
}

#[test]
fn an_unusual_code_is_shown_as_the_server_said_it() {
    let server = SmtpServer::with(Fault::At(
        Place::Rcpt,
        When::To("member0002@"),
        Action::Reply(571, "5.1.1 no such user here"),
    ));
    let club = Sandbox::members(3).relay(&server);
    club.run("send 2026-1 --yes").code(SOME_FAILED);
    assert!(club.read("logs/send.jsonl").contains("\"code\":571"), "{}", club.read("logs/send.jsonl"));
}

#[test]
fn the_transcript_omits_the_password() {
    let server = SmtpServer::build().start_tls().login("brev", "hemligt").start();
    let club = Sandbox::members(1).relay(&server);
    let run = club.run("send 2026-1 --yes -vv").code(0);
    let told = run.stderr();
    for line in
        ["S: 220 ", "C: EHLO ", "C: STARTTLS", "C: AUTH PLAIN [secret]", "C: MAIL FROM:", "C: [message, "]
    {
        assert!(told.contains(line), "no {line:?} in:\n{told}");
    }
    assert!(!told.contains("hemligt") && !told.contains("AGJyZXYAaGVtbGlndA=="), "{told}");
}
