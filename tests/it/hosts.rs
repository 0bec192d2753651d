//! Several hosts send one issue with one ledger: each letter is sent once, even if a host dies, stops or loses the
//! database.

use std::time::{Duration, Instant};

use crate::support::postgres;
use crate::support::proxy::Proxy;
use crate::support::sandbox::{Sandbox, signal};
use crate::support::smtp_server::{Action, Place, SmtpServer, When};

const CONNECTIONS: usize = 4;

/// A server that takes a moment for each letter.
fn slow_server(time: Duration) -> SmtpServer {
    SmtpServer::build().fault(Place::AfterDot, When::Always, Action::StallFor(time)).start()
}

/// Separate folders with the same project, and one ledger.
fn hosts(count: usize, members: usize, url: &str, server: &SmtpServer, line: &str) -> Vec<Sandbox> {
    let host = |_| {
        let host = Sandbox::members(members).relay(server).with(&format!("connections = {CONNECTIONS}"));
        host.write("state/key", [7; 32]);
        if line.is_empty() { host.ledger_at(url) } else { host.with(line).ledger_at(url) }
    };
    (0..count).map(host).collect()
}

fn letters_of(url: &str) -> Vec<u64> {
    let found =
        postgres::ask(url, "SELECT count(*) FROM delivery WHERE host > 0 GROUP BY host ORDER BY host");
    found.lines().map(|line| line.parse().unwrap()).collect()
}

/// Nobody got two letters, and anybody without one is in doubt.
fn assert_nobody_was_forgotten(club: &Sandbox, server: &SmtpServer, members: usize) {
    let in_doubt = club.in_doubt("2026-1");
    server.assert_nobody_forgotten(members, &in_doubt);
    assert!(server.by_message_id().values().all(|copies| *copies == 1));
}

#[test]
fn two_hosts_share_an_issue() {
    let Some(url) = postgres::ledger() else { return };
    let server = slow_server(Duration::from_millis(40));
    let hosts = hosts(2, 900, &url, &server, "");
    let runs: Vec<_> = hosts.iter().map(|host| host.start("send 2026-1 --yes")).collect();
    server.wait_for_messages(300);
    let status = hosts[0].status("2026-1");
    assert_eq!(status["hosts"].as_array().unwrap().len(), 2, "{status}");
    assert_eq!(status["hosts"][1]["is_alive"], true, "{status}");
    hosts[1].run("import").code(75).stderr_has("send 2026-1");
    for run in runs {
        run.wait().code(0);
    }
    server.assert_one_each(900);
    let letters = letters_of(&url);
    assert_eq!(letters.iter().sum::<u64>(), 900);
    assert!(letters.len() == 2 && letters.iter().all(|letters| *letters >= 200), "{letters:?}");
    hosts[0].run("status 2026-1").code(0).stdout_has("ended").stdout_has("letters");
}

#[test]
fn a_host_with_a_different_key_or_text_may_not_join() {
    let Some(url) = postgres::ledger() else { return };
    let server = slow_server(Duration::from_millis(250));
    let hosts = hosts(2, 200, &url, &server, "");
    hosts[1].write("state/key", [8; 32]);
    let run = hosts[0].start("send 2026-1 --yes");
    server.wait_for_messages(5);
    let refused = hosts[1].run("send 2026-1 --yes").code(65).stderr();
    assert!(refused.contains("other hosts send this issue with another token key"), "{refused}");
    hosts[1].write("state/key", [7; 32]);
    hosts[1].write("issues/2026-1/10-hej.md", "+++\ntitle = \"Hej\"\n+++\nEtt annat brev.\n");
    hosts[1].run("send 2026-1 --yes --changed").code(65).stderr_has("issues/2026-1/10-hej.md");
    hosts[1].run("cancel 2026-1").code(0);
    run.wait();
    assert!(server.messages() < 200);
}

/// Kills one of two hosts at this many moments, and lets the other one and a new one continue.
fn send_with_kills(kills: usize, members: usize, seed: usize) {
    let Some(url) = postgres::ledger() else { return };
    let server = slow_server(Duration::from_millis(25));
    let hosts = hosts(2, members, &url, &server, "");
    hosts[0].run("import").code(0);
    let mut doubted = 0;
    for kill in 0..kills {
        let runs: Vec<_> = hosts.iter().map(|host| host.start("send 2026-1 --yes")).collect();
        let victim = runs[(kill + seed) % 2].id();
        let moment = (kill * 7919 + seed * 104_729) % 1600;
        server.at_step(server.steps() + moment, move || signal(victim, "KILL"));
        runs.into_iter().for_each(|run| drop(run.wait()));
        let now = hosts[0].in_doubt("2026-1").len();
        assert!(now - doubted <= CONNECTIONS, "one death put {} letters in doubt", now - doubted);
        doubted = now;
        if hosts[0].in_state("2026-1", "queued") + hosts[0].in_state("2026-1", "deferred") == 0 {
            break;
        }
        // Letters that were not tried yet are open for the next two.
    }
    hosts[0].run("send 2026-1 --yes");
    assert_nobody_was_forgotten(&hosts[0], &server, members);
    println!("{doubted} in doubt of {members}, {} hosts", letters_of(&url).len());
}

#[test]
fn a_dying_host_loses_no_letter_and_duplicates_none() {
    for seed in 0..6 {
        send_with_kills(1, 250, seed);
    }
}

/// For a long run: `cargo test --release --features postgres --test it hosts:: -- --ignored`.
#[test]
#[ignore = "a long run"]
fn two_hundred_deaths_lose_no_letter_and_duplicate_none() {
    for seed in 0..200 {
        send_with_kills(1, 250, seed);
    }
}

#[test]
fn a_stopped_host_keeps_its_letters_and_sends_nothing_twice() {
    let Some(url) = postgres::ledger() else { return };
    let server = slow_server(Duration::from_millis(10));
    let hosts = hosts(2, 400, &url, &server, "");
    let stopped = hosts[0].start("send 2026-1 --yes");
    server.wait_for_messages(40);
    stopped.signal("STOP");
    let other = hosts[1].start("send 2026-1 --yes");
    server.wait_for_messages(150);
    // A host stopped inside a transaction keeps the others waiting, and loses its session after some seconds.
    let doubted = hosts[1].in_doubt("2026-1").len();
    assert!(doubted <= CONNECTIONS, "{doubted} letters of a stopped host are in doubt");
    stopped.signal("CONT");
    stopped.wait();
    // 1: some letters are in doubt.
    assert!(matches!(other.wait().exit_code(), Some(0 | 1)));
    // It records now what it could not record then.
    hosts[0].run("send 2026-1 --yes");
    assert_nobody_was_forgotten(&hosts[0], &server, 400);
    if hosts[0].in_doubt("2026-1").is_empty() {
        server.assert_one_each(400);
    }
}

#[test]
fn a_host_that_wakes_after_its_letters_were_decided_on_does_not_send_them() {
    let Some(database) = postgres::Server::start() else { return };
    let url = database.ledger();
    let pause = Action::StallFor(Duration::from_secs(1));
    let server = SmtpServer::build().fault(Place::Data, When::First(CONNECTIONS), pause).start();
    let hosts = hosts(2, 40, &url, &server, "command_timeout = \"60s\"");
    let stopped = hosts[0].start("send 2026-1 --yes");
    // Claimed, but the server has not asked for a message yet.
    server.wait_for_commands("DATA", CONNECTIONS);
    stopped.signal("STOP");
    postgres::ask(
        &url,
        "SELECT pg_terminate_backend(pid) FROM pg_stat_activity WHERE application_name LIKE 'medlemsbrev%'",
    );
    hosts[1].run("send 2026-1 --yes").code(1).stderr_has("in doubt");
    let doubted = hosts[1].in_doubt("2026-1");
    assert_eq!(doubted.len(), CONNECTIONS);
    hosts[1].run(&format!("resolve 2026-1 --resend {}", doubted.join(" "))).code(0);
    hosts[1].run("send 2026-1 --yes").code(0);
    server.assert_one_each(40);
    stopped.signal("CONT");
    stopped.wait().code(75);
    server.assert_one_each(40);
}

fn send_with_quota(quota: u64, members: usize) {
    let Some(url) = postgres::ledger() else { return };
    let server = slow_server(Duration::from_millis(1));
    let hosts = hosts(4, members, &url, &server, &format!("quota = [\"{quota}/h\"]"));
    let runs: Vec<_> = hosts.iter().map(|host| host.start("send 2026-1 --yes")).collect();
    for run in runs {
        assert_eq!(run.wait().exit_code(), Some(75));
    }
    assert_eq!(server.messages() as u64, quota);
    assert_eq!(hosts[0].in_state("2026-1", "queued"), members as u64 - quota);
}

#[test]
fn a_quota_is_exact_over_four_hosts() {
    send_with_quota(120, 300);
}

#[test]
#[ignore = "a long run"]
fn a_quota_of_a_thousand_is_exact_over_four_hosts() {
    send_with_quota(1000, 1500);
}

#[test]
fn a_database_killed_under_two_hosts_duplicates_nothing() {
    let Some(database) = postgres::Server::start() else { return };
    let url = database.ledger();
    let server = slow_server(Duration::from_millis(20));
    let hosts = hosts(2, 300, &url, &server, "");
    for letters in [40, 90, 150, 210] {
        let runs: Vec<_> = hosts.iter().map(|host| host.start("send 2026-1 --yes")).collect();
        server.wait_for_messages(letters);
        database.kill();
        runs.into_iter().for_each(|run| drop(run.wait()));
        database.launch();
    }
    // Each host records the outcomes that the database had not taken.
    for host in [&hosts[0], &hosts[1]] {
        host.run("send 2026-1 --yes");
    }
    hosts[0].run("send 2026-1 --yes").code(0);
    server.assert_one_each(300);
    assert_eq!(hosts[0].in_state("2026-1", "accepted"), 300);
}

/// Kills and restarts the database this many times while two hosts send; each must finish in the same run.
fn send_with_database_kills(kills: usize, members: usize) {
    let Some(database) = postgres::Server::start() else { return };
    let url = database.ledger();
    let server = slow_server(Duration::from_millis(20));
    let hosts = hosts(2, members, &url, &server, "patience = \"20s\"");
    let runs: Vec<_> = hosts.iter().map(|host| host.start("send 2026-1 --yes")).collect();
    for kill in 1..=kills {
        server.wait_for_messages(kill * members / (kills + 1));
        database.kill();
        database.launch();
    }
    for run in runs {
        // 1: letters of the other host were in doubt until that had recorded their ends.
        assert!(matches!(run.wait().stderr_has("trying again").exit_code(), Some(0 | 1)));
    }
    server.assert_one_each(members);
    assert_eq!(hosts[0].in_state("2026-1", "accepted"), members as u64);
    println!("{kills} kills of the database, {members} letters, {} hosts", letters_of(&url).len());
}

#[test]
fn a_run_waits_for_a_database_that_comes_back() {
    send_with_database_kills(3, 300);
}

#[test]
#[ignore = "a long run"]
fn twenty_kills_of_the_database_cost_no_letter_and_double_none() {
    send_with_database_kills(20, 2000);
}

/// Letters a second from the first to the last, with this many hosts; 0 for one with `SQLite`.
fn rate(hosts: usize, members: usize, database: &postgres::Server, server: &SmtpServer) -> u128 {
    let url = database.ledger();
    let clubs: Vec<Sandbox> = (0..hosts.max(1))
        .map(|_| {
            let club = Sandbox::members(members).relay(server).with("connections = 10");
            club.write("state/key", [7; 32]);
            if hosts == 0 { club.in_file() } else { club.ledger_at(&url) }
        })
        .collect();
    let runs: Vec<_> = clubs.iter().map(|club| club.start("send 2026-1 --yes")).collect();
    server.wait_for_messages(1);
    let began = Instant::now();
    server.wait_for_messages(members);
    let time = began.elapsed();
    runs.into_iter().for_each(|run| drop(run.wait().code(0)));
    server.assert_one_each(members);
    members as u128 * 1000 / time.as_millis()
}

/// The table of `docs/postgresql.md`, each the best of two:
/// `cargo test --release --features postgres --test it hosts::rates -- --ignored --nocapture`.
#[test]
#[ignore = "a measurement"]
fn rates_of_one_two_and_four_hosts() {
    let Some(database) = postgres::Server::start_with(&[]) else { return };
    for (time, members) in [(0, 2000), (20, 2000)] {
        for hosts in [0, 1, 2, 4] {
            let best = (0..2)
                .map(|_| rate(hosts, members, &database, &slow_server(Duration::from_millis(time))))
                .max()
                .unwrap();
            println!("{time} ms a letter, {hosts} hosts with PostgreSQL: {best} a second");
        }
    }
}

#[test]
fn a_line_to_the_database_that_stalls_or_breaks_doubles_nothing() {
    let Some(database) = postgres::Server::start() else { return };
    let url = database.ledger();
    let server = slow_server(Duration::from_millis(60));
    let lines = [Proxy::to(database.port()), Proxy::to(database.port())];
    let host = |line: &Proxy| {
        let url = url.replace(&database.port().to_string(), &line.port().to_string());
        // Without an answer for two seconds a host takes its session for lost.
        hosts(1, 900, &format!("{url}&tcp_user_timeout=2"), &server, "patience = \"60s\"").remove(0)
    };
    let hosts = lines.each_ref().map(host);
    let runs = hosts.each_ref().map(|host| host.start("send 2026-1 --yes"));
    let cut = 0;
    for (letters, line, seconds) in
        [(40, 0, 1), (150, 1, cut), (200, 1, 3), (450, 0, cut), (500, 0, 3), (750, 1, cut)]
    {
        server.wait_for_messages(letters);
        match seconds {
            0 => lines[line].cut(),
            _ => lines[line].stall_for(Duration::from_secs(seconds)),
        }
    }
    for run in runs {
        // 1: letters of the other host were in doubt until that had recorded their ends.
        let run = run.wait().stderr_has("trying again");
        assert!(matches!(run.exit_code(), Some(0 | 1)), "{}", run.stderr());
    }
    server.assert_one_each(900);
    assert_eq!(hosts[0].in_state("2026-1", "accepted"), 900);
}
