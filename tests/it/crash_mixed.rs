//! Promise 1 under every option of `send` and every signal, against a server that refuses and puts off.

use crate::crash::moments;
use crate::support::sandbox::{Sandbox, signal};
use crate::support::smtp_server::{Action, Place, SmtpServer, When};

const MEMBERS: usize = 300;
const CONNECTIONS: usize = 6;

/// Plain runs are listed twice, so that the others often find something to continue.
const RUNS: [&str; 8] = [
    "send 2026-1 --yes",
    "send 2026-1 --yes --limit 40",
    "send 2026-1 --yes --only-missing",
    "send 2026-1 --yes",
    "send 2026-1 --yes --segment 'email contains \"7@\"'",
    "send 2026-1 --yes --only-missing --limit 25",
    "send 2026-1 --yes --retry-rejected",
    "send 2026-1 --yes --retry-rejected --limit 5",
];

/// The signals that a run gets; only KILL may leave letters in doubt.
const SIGNALS: [&str; 8] = ["KILL", "TERM", "INT", "KILL", "HUP", "TERM HUP", "HUP HUP", "INT TERM KILL"];

/// A server that often refuses: mailboxes are full or busy, and letters are deferred after the final dot.
fn moody_server() -> SmtpServer {
    SmtpServer::build()
        .fault(Place::Rcpt, When::Every(23), Action::Reply(552, "5.2.2 Mailbox full"))
        .fault(Place::Rcpt, When::Every(31), Action::Reply(450, "4.2.1 Mailbox busy, try again later"))
        .fault(Place::AfterDot, When::Every(41), Action::Reply(451, "4.3.0 Queue is being cleaned"))
        .start()
}

/// Interrupts runs of one issue `strikes` times, then sends the rest and counts the letters. Returns how many are in
/// doubt.
fn send_under_signals(strikes: usize, seed: u64) -> usize {
    println!("seed {seed}");
    let server = moody_server();
    let club = Sandbox::members(MEMBERS).relay(&server).with(&format!("connections = {CONNECTIONS}"));
    club.run("import").code(0);
    let mut dice = moments(seed, usize::MAX, 1 << 20);
    let mut roll = |below: usize| dice.next().map_or(0, |number| number % below);
    for _ in 0..strikes {
        let doubted = club.in_doubt("2026-1").len();
        let (run, signals) = (RUNS[roll(RUNS.len())], SIGNALS[roll(SIGNALS.len())]);
        let running = club.start(run);
        let process = running.id();
        server.at_step(server.steps() + roll(200), move || {
            signals.split(' ').for_each(|name| signal(process, name));
        });
        running.wait();
        let new = club.in_doubt("2026-1").len() - doubted;
        let most = if signals.contains("KILL") { CONNECTIONS } else { 0 };
        assert!(new <= most, "{run} under {signals}: {new} letters in doubt (seed {seed})");
    }
    for run in ["send 2026-1 --yes", "send 2026-1 --yes --retry-rejected"].repeat(3) {
        club.run(run);
    }
    let in_doubt = club.in_doubt("2026-1");
    server.assert_nobody_forgotten(MEMBERS, &in_doubt);
    assert_eq!(club.status("2026-1")["total"], MEMBERS);
    in_doubt.len()
}

#[test]
fn ten_signals_to_every_kind_of_run_cost_no_letter_and_double_none() {
    send_under_signals(10, 1);
}

/// The long run: `CRASHES=1000 cargo test --release --test it crash_mixed:: -- --ignored`.
#[test]
#[ignore = "a long run; .ci/run makes a shorter one"]
fn many_signals_to_every_kind_of_run_cost_no_letter_and_double_none() {
    let strikes: usize = std::env::var("CRASHES").map_or(200, |count| count.parse().unwrap());
    let in_doubt: usize =
        (0..strikes.div_ceil(10)).map(|seed| send_under_signals(10, 2000 + seed as u64)).sum();
    println!("{strikes} strikes, {in_doubt} letters in doubt");
}
