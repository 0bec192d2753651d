//! The send path at its edges: what a server, another command or a person does while letters leave.

use std::time::{Duration, Instant};

use crate::support::sandbox::Sandbox;
use crate::support::smtp_server::{Action, Extension, Garbage, Place, SmtpServer, When};

fn slow_server() -> SmtpServer {
    let wait = Action::StallFor(Duration::from_millis(100));
    SmtpServer::build().fault(Place::AfterDot, When::Always, wait).start()
}

#[test]
fn cancel_reaches_a_run_and_letters_on_the_wire_finish() {
    let server = slow_server();
    let club = Sandbox::members(60).relay(&server).with("connections = 2");
    let run = club.start("send 2026-1 --yes");
    server.wait_for_messages(3);
    club.run("cancel 2026-1").code(0).stdout_has("is cancelled");
    run.wait().code(0).stderr_has("Cancelled.");
    let sent = server.messages();
    assert!(sent < 60, "{sent} letters left after the cancellation");
    assert_eq!(club.in_state("2026-1", "accepted"), sent as u64);
    club.run("cancel 2026-1 --undo").code(0);
    club.run("send 2026-1 --yes").code(0);
    server.assert_one_each(60);
}

#[test]
fn a_run_that_waits_hears_of_a_cancellation() {
    let server =
        SmtpServer::build().fault(Place::Rcpt, When::Always, Action::Reply(451, "4.3.0 Later")).start();
    let club = Sandbox::members(2).relay(&server).with("patience = \"10min\"");
    let run = club.start("send 2026-1 --yes");
    server.wait_for_commands("RCPT", 2);
    let began = Instant::now();
    club.run("cancel 2026-1").code(0);
    run.wait().code(0).stderr_has("Cancelled.");
    assert!(began.elapsed() < Duration::from_secs(10), "{:?}", began.elapsed());
}

#[test]
fn a_dry_run_beside_a_send_calls_none_of_its_letters_interrupted() {
    let server = slow_server();
    let club = Sandbox::members(30).relay(&server).with("connections = 1");
    let run = club.start("send 2026-1 --yes");
    server.wait_for_messages(2);
    let dry = club.run("send 2026-1 --dry-run").code(0);
    assert!(!dry.stderr().contains("interrupted"), "{}", dry.stderr());
    run.wait().code(0);
    server.assert_one_each(30);
}

#[test]
fn a_stray_reply_does_not_turn_a_refusal_into_an_acceptance() {
    let server = SmtpServer::build()
        .without(Extension::Pipelining)
        .fault(Place::Data, When::Nth(2), Action::Garbage(Garbage::StrayOk))
        .fault(
            Place::AfterDot,
            When::Nth(2),
            Action::Reply(554, "5.1.1 <member0002@example.org>: no such user"),
        )
        .start();
    let club = Sandbox::members(4).relay(&server).with("connections = 1");
    club.run("send 2026-1 --yes").code(1);
    assert_eq!((club.in_state("2026-1", "accepted"), club.in_state("2026-1", "rejected")), (3, 1));
    assert_eq!((server.messages(), server.copies("member0002@example.org")), (3, 0));
}

#[test]
fn a_server_that_bears_no_look_ahead_costs_one_letter_a_second_try_and_is_remembered() {
    for (action, in_doubt) in [
        (Action::Reply(503, "5.5.1 Bad sequence"), 0),
        (Action::Reply(421, "4.7.0 Pipelining?"), 0),
        (Action::Drop, 1),
    ] {
        let server = SmtpServer::build().punishes_what_follows(action).start();
        let club = Sandbox::members(40).relay(&server).with("connections = 4");
        club.run("send 2026-1 --yes").code(i32::from(in_doubt > 0));
        assert_eq!(club.in_state("2026-1", "in_doubt"), in_doubt, "{action:?}");
        assert_eq!(server.messages() as u64, 40 - in_doubt, "{action:?}");
        // The next run does not try it again.
        club.write("members.csv", club.read("members.csv") + "Ny,ny@example.org\nNia,nia@example.org\n");
        club.run("send 2026-1 --only-missing --yes").code(i32::from(in_doubt > 0));
        assert_eq!(club.in_state("2026-1", "in_doubt"), in_doubt, "{action:?}");
        assert_eq!(server.messages() as u64, 42 - in_doubt, "{action:?}");
    }
}

#[test]
fn what_was_rejected_goes_again_in_bulk_once_the_cause_is_gone() {
    let refusal = Action::Reply(550, "5.1.1 User unknown");
    let server = SmtpServer::build().fault(Place::Rcpt, When::FirstTo(2, "member000"), refusal).start();
    let club = Sandbox::members(5).relay(&server).with("connections = 1");
    club.run("send 2026-1 --yes").code(1);
    assert_eq!(club.in_state("2026-1", "rejected"), 2);
    club.run("members unsubscribe member0001@example.org --why asked").code(0);
    // Without an answer nothing changes.
    club.run("resolve 2026-1 --resend --rejected").code(2);
    club.run("send 2026-1 --retry-rejected").code(2);
    assert_eq!(club.in_state("2026-1", "rejected"), 2);
    club.run("resolve 2026-1 --resend --rejected --reason policy --expect x").code(65);
    assert_eq!(club.in_state("2026-1", "rejected"), 2);
    club.run("send 2026-1 --retry-rejected --yes").code(0).stderr_has("no longer suppressed");
    assert_eq!(club.in_state("2026-1", "rejected"), 0);
    assert_eq!(server.messages(), 5);
}

#[test]
fn a_refusal_is_recorded_with_the_letters_state_even_if_the_run_is_killed() {
    let server = SmtpServer::build()
        .unknown_user("member0002@")
        .fault(Place::Mail, When::Nth(4), Action::Stall)
        .start();
    let club = Sandbox::members(8).relay(&server).with("connections = 1");
    let run = club.start("send 2026-1 --yes");
    server.wait_for_commands("MAIL", 4);
    run.signal("KILL");
    run.wait();
    club.run("bounces report --json").code(0).stdout_has("member0002@example.org");
    club.run("members show member0002@example.org").code(0).stdout_has("not mailed: hard bounce");
}

#[test]
fn patience_bounds_a_run_against_a_server_that_complains() {
    let server = SmtpServer::build()
        .fault(Place::Rcpt, When::Always, Action::Reply(450, "4.7.1 too many messages, slow down"))
        .start();
    let club = Sandbox::members(30).relay(&server).with("connections = 1").with("patience = \"3s\"");
    let began = Instant::now();
    club.run("send 2026-1 --yes").code(75);
    assert!(began.elapsed() < Duration::from_secs(15), "{:?}", began.elapsed());
    assert_eq!(club.in_state("2026-1", "rejected"), 0);
}

#[test]
fn a_run_that_connects_ends_within_two_seconds_of_a_signal() {
    let server = SmtpServer::build().fault(Place::Connect, When::Always, Action::Stall).start();
    for signal in ["INT", "TERM"] {
        let club = Sandbox::members(3).relay(&server);
        let run = club.start("send 2026-1 --yes");
        std::thread::sleep(Duration::from_millis(700));
        let began = Instant::now();
        run.signal(signal);
        run.wait().code(75);
        assert!(began.elapsed() < Duration::from_secs(2), "{signal}: {:?}", began.elapsed());
    }
}

#[test]
fn a_second_run_that_got_past_the_lock_stops_the_first_and_doubles_nothing() {
    let server = slow_server();
    let club = Sandbox::members(40).relay(&server).with("connections = 2");
    let first = club.start("send 2026-1 --yes");
    server.wait_for_messages(4);
    std::fs::remove_file(club.path("state/lock")).unwrap();
    club.run("send 2026-1 --yes");
    first.wait().code(75).stderr_has("another run");
    club.run("send 2026-1 --yes");
    let most = server.by_message_id().into_values().max().unwrap();
    assert_eq!(most, 1, "a letter was sent twice");
    assert_eq!(club.in_state("2026-1", "accepted"), server.messages() as u64);
}

#[test]
fn a_clock_that_was_ahead_for_one_run_holds_nothing_up() {
    let server = SmtpServer::start();
    let club = Sandbox::members(3).relay(&server).with("quota = [\"2/h\"]");
    club.run("import").code(0);
    let ledger = rusqlite::Connection::open(club.path("state/medlemsbrev.db")).unwrap();
    ledger.execute("INSERT INTO handed_over VALUES (?1), (?1)", [4_000_000_000_000_i64]).unwrap();
    club.run("send 2026-1 --yes").code(75);
    assert_eq!(server.messages(), 2);
}

#[test]
fn outcomes_that_a_busy_ledger_does_not_take_are_kept() {
    let server = slow_server();
    let club = Sandbox::members(12).relay(&server).with("connections = 2");
    let run = club.start("send 2026-1 --yes");
    server.wait_for_messages(2);
    let ledger = rusqlite::Connection::open(club.path("state/medlemsbrev.db")).unwrap();
    ledger.execute_batch("BEGIN IMMEDIATE").unwrap();
    std::thread::sleep(Duration::from_secs(13));
    ledger.execute_batch("ROLLBACK").unwrap();
    run.wait();
    assert_eq!(club.in_state("2026-1", "in_doubt"), 0);
    assert_eq!(club.in_state("2026-1", "accepted"), server.messages() as u64);
    club.run("send 2026-1 --yes").code(0);
    server.assert_one_each(12);
}
