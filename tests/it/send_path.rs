//! Edge cases of sending: what a server, another command or a person does in the meantime.

use std::time::{Duration, Instant};

use crate::support::sandbox::Sandbox;
use crate::support::smtp_server::{Action, Extension, Garbage, Place, SmtpServer, When};

fn slow_server() -> SmtpServer {
    let wait = Action::StallFor(Duration::from_millis(100));
    SmtpServer::build().fault(Place::AfterDot, When::Always, wait).start()
}

#[test]
fn cancel_reaches_a_run_and_letters_in_transit_finish() {
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
fn a_waiting_run_notices_a_cancellation() {
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
fn a_dry_run_during_a_send_treats_no_letter_as_interrupted() {
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
fn a_server_without_look_ahead_costs_one_retry_and_is_remembered() {
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
fn rejected_letters_are_resent_in_bulk_once_the_cause_is_fixed() {
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
fn a_second_run_that_got_past_the_lock_stops_the_first_and_duplicates_nothing() {
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
fn a_clock_that_was_ahead_for_one_run_delays_nothing() {
    let server = SmtpServer::start();
    let club = Sandbox::members(3).relay(&server).with("quota = [\"2/h\"]");
    club.run("import").code(0);
    let ledger = rusqlite::Connection::open(club.path("state/medlemsbrev.db")).unwrap();
    ledger.execute("INSERT INTO handed_over VALUES (?1), (?1)", [4_000_000_000_000_i64]).unwrap();
    club.run("send 2026-1 --yes").code(75);
    assert_eq!(server.messages(), 2);
}

#[test]
fn outcomes_that_a_busy_ledger_does_not_take_are_not_lost() {
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

#[test]
fn a_lost_or_restored_ledger_does_not_send_everything_again() {
    let server = SmtpServer::start();
    let club = Sandbox::members(10).relay(&server);
    club.run("import").code(0);
    std::fs::copy(club.path("state/medlemsbrev.db"), club.path("backup.db")).unwrap();
    club.run("send 2026-1 --yes").code(0);
    for restored in [true, false] {
        for file in ["medlemsbrev.db", "medlemsbrev.db-wal", "medlemsbrev.db-shm"] {
            let _missing = std::fs::remove_file(club.path("state").join(file));
        }
        if restored {
            std::fs::copy(club.path("backup.db"), club.path("state/medlemsbrev.db")).unwrap();
        }
        let said = "10 letters of 2026-1 left";
        club.run("send 2026-1 --yes").code(65).stderr_has(said).stderr_has("resolve 2026-1 --from-log");
        club.run("resolve 2026-1 --from-log").code(2);
        let asked = club.run("resolve 2026-1 --from-log").stderr();
        let digest = asked.split("--expect ").nth(1).unwrap().split_whitespace().next().unwrap().to_owned();
        club.run(&format!("resolve 2026-1 --from-log --expect {digest}"))
            .code(0)
            .stderr_has("10 letters recorded");
        club.run("send 2026-1 --yes").code(0).stdout_has("nothing to send");
        assert_eq!(club.in_state("2026-1", "accepted"), 10);
    }
    server.assert_one_each(10);
}

#[test]
fn forgotten_pruned_and_requeued_letters_are_not_lost_records() {
    let server = SmtpServer::start();
    let club = Sandbox::members(6).relay(&server);
    club.run("send 2026-1 --yes").code(0);
    club.run("members forget id:2 --yes").code(0);
    club.run("prune --older-than 1m").code(0);
    club.write("members.csv", club.read("members.csv") + "Ny,ny@example.org\n");
    club.run("send 2026-1 --only-missing --yes").code(0);
    assert_eq!(server.messages(), 7);
}

#[test]
fn test_letters_have_their_own_ids_and_count_towards_the_quota() {
    let server = SmtpServer::start();
    let club = Sandbox::members(3).relay(&server).with("quota = [\"5/h\"]");
    club.run("import").code(0);
    club.run("send 2026-1 --test").code(2).stderr_has("testers");
    let tests = "send 2026-1 --test ett@example.org tva@example.org --as member0002@example.org";
    club.run(tests).code(0).stdout_has("ett@example.org: accepted").stdout_has("tva@example.org: accepted");
    let ids = server.by_message_id();
    assert_eq!((ids.len(), ids.values().max()), (2, Some(&1)));
    assert!(
        server.letters().iter().all(|letter| String::from_utf8_lossy(&letter.data).contains("Member 0002"))
    );
    club.run("send 2026-1 --test ett@example.org").code(0);
    assert_eq!(server.by_message_id().len(), 3);
    club.run("send 2026-1 --yes").code(75).stderr_has("the quota of 5/h is used up");
    assert_eq!(server.messages(), 5);
}

#[test]
fn a_refused_login_explains_the_providers_reply() {
    for (reply, said) in [
        (
            "5.7.139 Authentication unsuccessful, SmtpClientAuthentication is disabled for the Tenant",
            "Authenticated SMTP",
        ),
        ("5.7.9 Application-specific password required", "app password"),
        ("5.7.1 Unauthorized IP address", "allow this machine's address"),
        ("5.7.8 Authentication failed", "check username and password"),
    ] {
        let server = SmtpServer::build()
            .login("brev", "hemligt")
            .fault(Place::Auth, When::Always, Action::Reply(535, reply))
            .start();
        let club = Sandbox::members(3).relay(&server);
        club.run("send 2026-1 --yes").code(78).stderr_has(said);
        assert_eq!(club.in_state("2026-1", "queued"), 3);
    }
}

/// Every fault at every place, with and without pipelining: a letter counts as accepted if and only if the server
/// took it, or else it is in doubt, with at most one such letter per connection.
#[test]
fn whatever_a_server_does_accepted_means_taken() {
    let places = [
        Place::Connect,
        Place::Ehlo,
        Place::Mail,
        Place::Rcpt,
        Place::Data,
        Place::Body(10),
        Place::AfterDot,
        Place::Rset,
        Place::Quit,
    ];
    let actions = [
        Action::Reply(250, "2.0.0 Ok"),
        Action::Reply(421, "4.3.2 Closing"),
        Action::Reply(451, "4.3.0 Later"),
        Action::Reply(554, "5.3.0 No"),
        Action::Drop,
        Action::Garbage(Garbage::Bytes),
        Action::Garbage(Garbage::Twice),
        Action::Garbage(Garbage::Bare),
        Action::Garbage(Garbage::StrayOk),
    ];
    std::thread::scope(|scope| {
        for places in places.chunks(5) {
            scope.spawn(move || {
                for (place, action) in places.iter().flat_map(|place| actions.map(|action| (*place, action)))
                {
                    one_script(place, action, true);
                    if matches!(place, Place::Mail | Place::Rcpt | Place::Data | Place::AfterDot) {
                        one_script(place, action, false);
                    }
                }
            });
        }
    });
}

fn one_script(place: Place, action: Action, pipelining: bool) {
    const CONNECTIONS: u64 = 2;
    let what = format!("{action:?} at {place:?}, pipelining {pipelining}");
    // A positive reply to the dot means that the letter was kept; a stray one inside the body does not.
    if matches!((place, action), (Place::Body(_), Action::Reply(250, _) | Action::Garbage(_))) {
        return;
    }
    let server = SmtpServer::build().fault(place, When::Every(3), action);
    let server = if pipelining { server } else { server.without(Extension::Pipelining) }.start();
    let club = Sandbox::members(8).relay(&server).with("connections = 2");
    club.run("send 2026-1 --yes");
    let (accepted, in_doubt) = (club.in_state("2026-1", "accepted"), club.in_state("2026-1", "in_doubt"));
    let taken = server.messages() as u64;
    assert!(
        accepted <= taken && taken <= accepted + in_doubt,
        "{what}: {accepted} accepted, {in_doubt} in doubt, {taken} taken"
    );
    let drops = matches!(action, Action::Drop | Action::Garbage(_))
        && matches!(place, Place::Data | Place::AfterDot | Place::Body(_));
    assert!(drops || in_doubt <= CONNECTIONS, "{what}: {in_doubt} in doubt");
    let most = server.by_message_id().into_values().max().unwrap_or_default();
    assert!(most <= 1, "{what}: a letter came {most} times");
}

#[test]
fn a_provider_name_is_enough_and_its_rules_are_reported() {
    let club = Sandbox::members(3);
    let config = club.read("medlemsbrev.toml");
    let with = |lines: &str| {
        let rest = config.split("[transport]").next().unwrap();
        club.write("medlemsbrev.toml", format!("{rest}\n[transport]\nkind = \"smtp\"\n{lines}\n"));
    };
    with("provider = \"lopia\"");
    club.run("check").code(78).stderr_has("did you mean `loopia`");
    with("provider = \"simply-com\"\nport = 587");
    club.run("check").stdout_has("Simply.com forbids newsletters");
    with("provider = \"loopia\"\nquota = [\"2/day\"]");
    club.run("check").stdout_has("the quota allows 2 letters a day, and there are 3");
    with("provider = \"loopia\"\nsecurity = \"starttls\"");
    club.run("check").stdout_has("port 465 usually uses TLS from the first byte");
}

#[test]
fn an_address_that_changes_hands_gets_no_second_letter() {
    let server = SmtpServer::start();
    let club = Sandbox::members(0).relay(&server);
    club.write("members.csv", "medlemsnr,namn,epost\n1,Anna,hus@example.org\n2,Bo,bo@example.org\n");
    club.run("send 2026-1 --yes").code(0);
    // Whoever joins in a later second is a later member.
    std::thread::sleep(Duration::from_millis(1100));
    club.write(
        "members.csv",
        "medlemsnr,namn,epost\n1,Anna,anna@example.org\n2,Bo,bo@example.org\n3,Cia,Hus@example.org\n",
    );
    club.run("send 2026-1 --only-missing --yes").code(0).stdout_has("the address already has the letter  1");
    server.assert_one_each(2);
    club.run("status 2026-1").code(0).stdout_has("the address already has the letter");
}

#[test]
fn check_login_goes_as_far_as_a_letter_would_and_sends_none() {
    let server = SmtpServer::build().login("brev", "hemligt").start();
    let club = Sandbox::members(3).relay(&server);
    let steps = club.run("check --login --json").code(0).json();
    let outcomes: Vec<&str> =
        steps.as_array().unwrap().iter().map(|step| step["outcome"].as_str().unwrap()).collect();
    assert_eq!(outcomes, ["ok"; 6], "{steps}");
    assert_eq!((server.messages(), server.commands("DATA")), (0, 0));
    server.assert_polite();
    server.add(crate::support::smtp_server::Fault::ReplyAt(
        Place::Auth,
        535,
        "5.7.9 Application-specific password required",
    ));
    let run = club.run("check --login").code(78);
    let said = run.stdout();
    assert!(said.contains("login") && said.contains("failed") && said.contains("app password"), "{said}");
    assert!(said.matches("skipped").count() == 2, "{said}");
    server.heal();
    server.add(crate::support::smtp_server::Fault::ReplyAt(
        Place::Mail,
        553,
        "5.7.1 Sender address rejected: not owned by user",
    ));
    club.run("check --login").code(78).stdout_has("[sender] address");
}
