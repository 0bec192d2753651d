//! Promise 1: nobody gets a letter twice, and nobody is silently forgotten, whenever the program dies.

use std::fmt::Write as _;

use crate::support::sandbox::{Sandbox, signal};
use crate::support::smtp_server::SmtpServer;

const MEMBERS: usize = 300;
const CONNECTIONS: usize = 10;

/// A simple generator spreads the moments well enough (Knuth's MMIX constants).
pub fn moments(seed: u64, count: usize, below: usize) -> impl Iterator<Item = usize> {
    let mut state = seed;
    std::iter::repeat_with(move || {
        state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        usize::try_from(state >> 33).unwrap() % below
    })
    .take(count)
}

/// Kills the run whenever the server has counted this many further steps, until nothing is left to send.
fn send_with_crashes(kills: usize, seed: u64) {
    let server = SmtpServer::start();
    let club = Sandbox::members(MEMBERS).relay(&server).with(&format!("connections = {CONNECTIONS}"));
    let mut crashes = 0;
    for moment in moments(seed, kills * 3, 300) {
        if crashes == kills {
            break;
        }
        let doubted = club.in_doubt_now();
        let run = club.start("send 2026-1 --yes");
        let process = run.id();
        server.at_step(server.steps() + moment, move || signal(process, "KILL"));
        if run.wait().exit_code().is_none() {
            crashes += 1;
        }
        let new = club.in_doubt_now() - doubted;
        assert!(new <= CONNECTIONS, "one crash put {new} letters in doubt");
    }
    club.run("send 2026-1 --yes");
    let in_doubt = club.in_doubt("2026-1");
    server.assert_nobody_forgotten(MEMBERS, &in_doubt);
    assert!(server.by_message_id().values().all(|copies| *copies == 1));
    assert_eq!(club.status("2026-1")["total"], MEMBERS);
    println!("{crashes} crashes, {} in doubt of {MEMBERS}", in_doubt.len());
    assert_eq!(crashes, kills, "a run was not killed in time");
}

trait InDoubt {
    fn in_doubt_now(&self) -> usize;
}

impl InDoubt for Sandbox {
    fn in_doubt_now(&self) -> usize {
        if self.path("state/medlemsbrev.db").exists() { self.in_doubt("2026-1").len() } else { 0 }
    }
}

#[test]
fn fifty_crashes_lose_no_letter_and_duplicate_none() {
    for seed in 0..5 {
        send_with_crashes(10, seed);
    }
}

/// For a long run: `CRASHES=1000 cargo test --release --test it crash:: -- --ignored`.
#[test]
#[ignore = "a long run; .ci/run makes a shorter one"]
fn many_crashes_lose_no_letter_and_duplicate_none() {
    let kills: usize = std::env::var("CRASHES").map_or(200, |count| count.parse().unwrap());
    for seed in 0..kills.div_ceil(10) {
        send_with_crashes(10, 1000 + seed as u64);
    }
}

#[test]
fn a_killed_import_leaves_the_old_register_intact() {
    let club = Sandbox::members(3);
    club.run("import").code(0);
    let old = club.run("members list --csv").code(0).stdout();
    let mut list = "namn,epost\n".to_owned();
    (0..60_000).for_each(|number| writeln!(list, "Ny {number},ny{number}@example.org").unwrap());
    club.write("members.csv", list);
    let mut killed = 0;
    for wait in [40, 80, 160, 320, 640] {
        let run = club.start("import --max-missing 3");
        let process = run.id();
        std::thread::sleep(std::time::Duration::from_millis(wait));
        signal(process, "KILL");
        if run.wait().exit_code().is_none() {
            killed += 1;
            assert_eq!(club.run("members list --csv").code(0).stdout(), old);
        } else {
            break;
        }
    }
    assert!(killed > 0, "no import was killed in time");
}

/// A limit on the file size fails like a full disk, and needs no privileges.
#[test]
fn a_full_disk_stops_the_run_and_the_next_one_sends_the_rest() {
    let server = SmtpServer::start();
    let club = Sandbox::members(MEMBERS).relay(&server).with("connections = 4");
    club.run("import").code(0);
    let database = std::fs::metadata(club.path("state/medlemsbrev.db")).unwrap().len();
    let mut stopped = 0;
    for kilobytes in [40, 80, 160, 320] {
        let run = club.run_with_file_limit(database / 1024 + kilobytes, "send 2026-1 --yes");
        if run.exit_code() == Some(75) {
            stopped += 1;
            assert!(run.stderr().contains("disk"), "{}", run.stderr());
        }
    }
    assert!(stopped > 0, "no run met the full disk");
    let doubted = club.in_doubt("2026-1").len();
    assert!(doubted <= 4 * stopped, "{doubted} letters in doubt after {stopped} full disks");
    club.run("send 2026-1 --yes");
    server.assert_nobody_forgotten(MEMBERS, &club.in_doubt("2026-1"));
}

#[test]
fn a_killed_run_leaves_complete_letters_in_the_outbox() {
    let club = Sandbox::members(MEMBERS);
    club.run("import").code(0);
    for wait in [100, 200, 400] {
        let run = club.start("send 2026-1 --yes");
        let process = run.id();
        std::thread::sleep(std::time::Duration::from_millis(wait));
        signal(process, "KILL");
        run.wait();
    }
    club.write("outbox/2026-1/.letter-cut", "half a letter");
    club.run("send 2026-1 --yes");
    let letters = club.files("outbox/2026-1");
    assert!(!letters.iter().any(|name| name.starts_with('.')), "{letters:?}");
    assert!(letters.len() + club.in_doubt("2026-1").len() >= MEMBERS, "somebody was forgotten");
}

/// Root can write read-only files, so the program runs as the user nobody.
#[test]
fn a_read_only_ledger_stops_the_run_before_the_first_letter() {
    let as_nobody: &[&str] =
        match std::process::Command::new("id").arg("-u").output().unwrap().stdout.as_slice() {
            b"0\n" => &["setpriv", "--reuid=65534", "--regid=65534", "--clear-groups"],
            _ => &["env"],
        };
    let server = SmtpServer::start();
    let club = Sandbox::members(MEMBERS).relay(&server);
    allow(&club.path(""), 0o777);
    if club.run_through(as_nobody, "--version").exit_code() != Some(0) {
        eprintln!(
            "SKIPPED: nobody cannot run the program in this folder, so the read-only ledger was not tested"
        );
        return;
    }
    club.run_through(as_nobody, "import").code(0);
    for name in ["state/medlemsbrev.db", "state"] {
        allow(&club.path(name), 0o555);
    }
    club.run_through(as_nobody, "send 2026-1 --yes").code(75).stderr_has("state");
    assert_eq!(server.messages(), 0);
    for name in ["state", "state/medlemsbrev.db"] {
        allow(&club.path(name), 0o777);
    }
    club.run_through(as_nobody, "send 2026-1 --yes").code(0);
    server.assert_one_each(MEMBERS);
}

fn allow(path: &std::path::Path, mode: u32) {
    use std::os::unix::fs::PermissionsExt;
    std::fs::set_permissions(path, std::fs::Permissions::from_mode(mode)).unwrap();
}

#[test]
fn ctrl_c_finishes_letters_in_transit_and_says_run_again() {
    for name in ["INT", "TERM", "HUP"] {
        if name == "HUP" && is_hangup_ignored() {
            eprintln!("SKIPPED: these tests run under nohup, whose SIGHUP is ignored");
            continue;
        }
        let server = SmtpServer::start();
        let club = Sandbox::members(MEMBERS).relay(&server);
        let run = club.start("send 2026-1 --yes");
        let process = run.id();
        server.at_step(200, move || signal(process, name));
        run.wait().code(75).stderr_has("stopped on request").stderr_has("medlemsbrev send 2026-1");
        assert_eq!(club.in_state("2026-1", "accepted"), server.messages() as u64);
        assert_eq!(club.in_state("2026-1", "in_doubt"), 0);
        club.run("send 2026-1 --yes").code(0);
        server.assert_one_each(MEMBERS);
        server.assert_polite();
    }
}

#[test]
fn a_second_run_at_the_same_time_ends_and_names_the_first() {
    let server = SmtpServer::with(crate::support::smtp_server::Fault::StallAt(
        crate::support::smtp_server::Place::Data,
    ));
    let club = Sandbox::members(5).relay(&server);
    let run = club.start("send 2026-1 --yes");
    server.wait_for_commands("DATA", 1);
    club.run("send 2026-1 --yes").code(75).stderr_has("another run is in progress").stderr_has("send 2026-1");
    club.run("import").code(75);
    run.wait().code(75);
}

#[test]
fn letters_in_doubt_are_resolved_by_a_person() {
    use crate::support::smtp_server::{Action, Fault, Place, When};
    let server = SmtpServer::with(Fault::At(Place::AfterDot, When::First(2), Action::Drop));
    let club = Sandbox::members(3).relay(&server).with("connections = 1");
    club.run("send 2026-1 --yes").code(1).stderr_has("in doubt");
    assert_eq!(club.in_doubt("2026-1").len(), 2);
    club.run("resolve 2026-1").code(1).stdout_has("member0001@example.org").stdout_has("after the final dot");
    club.run("resolve 2026-1 --resend nobody@example.org").code(65);
    club.run("resolve 2026-1 --resend").code(2).stderr_has("--expect");
    club.run("resolve 2026-1 --accepted --expect 0123456789ab")
        .code(65)
        .stderr_has("the list has changed since");
    club.run("resolve 2026-1 --accepted member0001@example.org").code(0);
    club.run("resolve 2026-1 --resend member0002@example.org").code(0);
    club.run("send 2026-1 --yes").code(0);
    assert_eq!((server.copies("member0001@example.org"), server.copies("member0002@example.org")), (1, 2));
    assert_eq!(server.by_message_id().len(), 3, "a letter sent again is the same letter");
}

#[test]
fn a_decision_never_covers_letters_that_nobody_has_seen() {
    use crate::support::smtp_server::{Fault, Place};
    for decision in ["--resend", "--accepted"] {
        let server = SmtpServer::with(Fault::StallAt(Place::AfterDot));
        let club = Sandbox::members(3).relay(&server).with("connections = 1");
        let run = club.start("send 2026-1 --yes");
        server.wait_for_commands("DATA", 1);
        std::thread::sleep(std::time::Duration::from_millis(200));
        run.signal("KILL");
        let _killed = run.wait();
        club.run(&format!("resolve 2026-1 {decision}"))
            .code(65)
            .stdout_has("member0001@example.org")
            .stderr_has("are now in doubt; nothing was decided");
        assert_eq!(club.in_doubt("2026-1").len(), 1, "{decision} decided about it");
        let listing = club.run("resolve 2026-1 --json").code(1).json();
        let digest = listing["digest"].as_str().unwrap().to_owned();
        club.run(&format!("resolve 2026-1 {decision} --expect {digest}")).code(0);
        assert_eq!(club.in_doubt("2026-1").len(), 0);
    }
}

/// Tells whether SIGHUP is ignored here, and therefore in every program started from here.
fn is_hangup_ignored() -> bool {
    let status = std::fs::read_to_string("/proc/self/status").unwrap_or_default();
    let mask = status.lines().find_map(|line| line.strip_prefix("SigIgn:")).unwrap_or("0");
    u64::from_str_radix(mask.trim(), 16).unwrap() & 1 == 1
}

#[test]
fn nohup_keeps_a_run_alive_and_several_signals_at_once_end_it_politely() {
    let server = SmtpServer::build().start();
    let club = Sandbox::members(40).relay(&server).with("connections = 2");
    let hangup = "nohup \"$MEDLEMSBREV\" send --yes >nohup.out 2>&1 & p=$!; sleep 0.02; kill -HUP $p; kill -HUP $p; wait $p";
    club.run_in_shell(hangup).code(0);
    server.assert_one_each(40);
    for signals in ["TERM HUP TERM", "HUP HUP HUP", "INT TERM INT", "HUP TERM HUP"] {
        let server = SmtpServer::start();
        let club = Sandbox::members(MEMBERS).relay(&server);
        let run = club.start("send 2026-1 --yes");
        let process = run.id();
        server.at_step(200, move || {
            signals.split(' ').for_each(|name| signal(process, name));
        });
        run.wait().code(75);
        assert_eq!(club.in_state("2026-1", "in_doubt"), 0, "{signals}");
        club.run("send 2026-1 --yes").code(0);
        server.assert_one_each(MEMBERS);
    }
}
