//! One story on both databases: every command prints the same, whichever database holds the ledger.

use std::time::Duration;

use serde_json::Value;

use crate::support::postgres;
use crate::support::sandbox::{Sandbox, bounce};
use crate::support::smtp_server::{Action, Certificate, Identity, Place, SmtpServer, When};

/// The output of a year's commands, each with its exit code, without parts that differ between runs.
fn story(club: &Sandbox) -> Vec<String> {
    let mut said = Vec::new();
    let mut run = |arguments: &str| {
        if arguments == "STATUS" {
            said.push(plain(&status(club).to_string()));
            return;
        }
        let run = club.run(arguments);
        said.push(plain(&format!("{arguments}: {:?}\n{}{}", run.exit_code(), run.stdout(), run.stderr())));
    };
    run("import");
    run("members unsubscribe member0003@example.org --why call");
    run("members add --name Ny --email ny@example.org");
    run("send 2026-1 --dry-run");
    run("send 2026-1 --yes");
    run("STATUS");
    run("resolve 2026-1 --resend member0004@example.org");
    run("send 2026-1 --yes");
    club.write("bounce.eml", bounce(5, "5.1.1", "user unknown"));
    let message = club.path("bounce.eml");
    run(&format!("bounces {}", message.display()));
    run(&format!("bounces {}", message.display()));
    run("bounces report");
    club.write("members.csv", club.read("members.csv").replace("member0007@", "annan@"));
    run("import --max-missing 50%");
    run("members held");
    run("members confirm annan@example.org --same-as id:7");
    run("members set id:8 name=Åttan ort=Ekerö");
    run("members show id:8 --json");
    run("members list --json");
    run("members extract id:5 --json");
    run("members forget id:6 --yes");
    run("unsuppress member0005@example.org --why corrected");
    run("log 2026-1");
    run("report 2026-1");
    run("STATUS");
    run("report 2026-1 --json");
    run("report --due");
    run("archive");
    run("preview 2026-1 --member id:8 --part text");
    #[cfg(feature = "paper")]
    for command in ["paper 2026-1", "paper 2026-1 --done", "paper 2026-1 --member id:9 --json"] {
        run(command);
    }
    run("remind");
    run("organisations");
    run("segments");
    club.write("issues/2026-2/issue.toml", "title = \"Nytt\"\ndate = 2026-12-01\n");
    club.write("issues/2026-2/10-hej.md", "+++\ntitle = \"Hej\"\n+++\nHej {{member.name}}.\n");
    run("approve 2026-2 --yes");
    run("status 2026-2");
    run("cancel 2026-2");
    run("send 2026-2 --yes");
    run("prune --older-than 1d");
    run("members extract id:5 --json");
    said
}

/// The status without the hosts, which a ledger in a file lacks.
fn status(club: &Sandbox) -> Value {
    let mut status = club.status("2026-1");
    status.as_object_mut().unwrap().remove("hosts");
    status
}

fn plain(text: &str) -> String {
    let lines = text.lines().map(|line| {
        // Times, tokens, and durations.
        let words = line.split(' ').map(|word| if is_random(word) { "…" } else { word });
        words.collect::<Vec<_>>().join(" ")
    });
    lines.collect::<Vec<_>>().join("\n")
}

fn is_random(word: &str) -> bool {
    let digits = word.chars().filter(char::is_ascii_digit).count();
    (word.contains(':') && digits >= 4)
        || is_run_id(word.trim_matches(['"', ',']))
        || word.contains('/')
        || word.contains("2026-1.")
}

/// Whether a word is the start time of a run, such as `20261128T002310Z`.
fn is_run_id(word: &str) -> bool {
    jiff::fmt::strtime::parse("%Y%m%dT%H%M%SZ", word).is_ok()
}

fn club(server: &SmtpServer) -> Sandbox {
    let club = Sandbox::members(12).without_tokens().relay(server).with("connections = 1");
    club.write("state/key", [7; 32]);
    club
}

fn server() -> SmtpServer {
    SmtpServer::build().unknown_user("member0004@example.org").start()
}

#[test]
fn every_command_prints_the_same_on_postgres_and_sqlite() {
    let Some(url) = postgres::ledger() else { return };
    let servers = [server(), server()];
    let expected = story(&club(&servers[0]));
    let found = story(&club(&servers[1]).ledger_at(&url));
    for (expected, found) in expected.iter().zip(&found) {
        assert_eq!(expected, found);
    }
    assert_eq!(servers[0].by_recipient(), servers[1].by_recipient());
    assert_eq!(
        postgres::ask(&url, "SELECT count(*) FROM delivery WHERE issue = '2026-1' AND state = 'accepted'"),
        "11"
    );
}

#[test]
fn a_ledger_moves_to_a_server_and_back() {
    let Some(url) = postgres::ledger() else { return };
    let server = server();
    let club = club(&server);
    story(&club);
    let before = status(&club);
    club.run(&format!("ledger copy --to {url}"))
        .code(0)
        .stderr_has("compared every row")
        .stderr_has("13 members");
    club.run(&format!("ledger copy --to {url}")).code(65).stderr_has("is not empty");
    let club = club.ledger_at(&url);
    assert_eq!(status(&club), before);
    // New rows in the copy do not reuse old ids.
    club.run("members add --name Nyast --email nyast@example.org").code(0).stderr_has("id:1");
    club.run("send 2026-1 --yes").stdout_has("1 letter");
    let before = status(&club);
    let back = club.path("back.db");
    club.run(&format!("ledger copy --to {}", back.display())).code(0);
    std::fs::rename(back, club.path("state/medlemsbrev.db")).unwrap();
    for end in ["-wal", "-shm"] {
        let _missing = std::fs::remove_file(club.path(&format!("state/medlemsbrev.db{end}")));
    }
    assert_eq!(status(&club.in_file()), before);
}

#[test]
fn a_killed_server_loses_no_letter_and_duplicates_none() {
    let Some(database) = postgres::Server::start() else { return };
    let server = SmtpServer::build()
        .fault(Place::AfterDot, When::Always, Action::StallFor(Duration::from_millis(40)))
        .start();
    let club = Sandbox::members(60).relay(&server).with("connections = 3").ledger_at(&database.ledger());
    for letters in [10, 25, 40] {
        let run = club.start("send 2026-1 --yes");
        server.wait_for_messages(letters);
        database.kill();
        assert_eq!(run.wait().exit_code(), Some(75));
        database.launch();
    }
    club.run("send 2026-1 --yes").code(0);
    server.assert_one_each(60);
    assert_eq!(club.in_state("2026-1", "accepted"), 60);
}

#[test]
fn a_server_is_reached_with_tls_and_its_own_authority() {
    let identity = Identity::new(Certificate::Valid).unwrap();
    let Some(database) = postgres::Server::start_with_tls(&identity) else { return };
    let pause = Action::StallFor(Duration::from_millis(200));
    let server = SmtpServer::build().fault(Place::AfterDot, When::Always, pause).start();
    let url = database.ledger();
    let club = club(&server).ledger_at(&format!("{url}&sslmode=require"));
    let config = club.read("medlemsbrev.toml");
    let trust = |ca: &str| {
        club.write("db.pem", ca);
        club.write("medlemsbrev.toml", format!("{config}\n[ledger]\nca_file = \"db.pem\"\n"));
    };
    club.run("import").code(75).stderr_has("signed by an authority that is not trusted here (see ca_file)");
    trust(&Identity::new(Certificate::Valid).unwrap().ca_pem);
    club.run("import").code(75).stderr_has("another authority of the same name (see ca_file)");
    trust(&identity.ca_pem);
    club.run("import").code(0);
    // This one asks without TLS.
    let encrypted =
        || postgres::ask(&format!("{url}&sslmode=disable"), "SELECT count(*) FROM pg_stat_ssl WHERE ssl");
    assert_eq!(encrypted(), "0");
    let club = club.ledger_at(&format!("{url}&sslmode=verify-full"));
    let run = club.start("send 2026-1 --yes");
    server.wait_for_messages(3);
    assert_ne!(encrypted(), "0");
    run.wait();
    club.run("status 2026-1").code(0).stdout_has("accepted");
}

#[test]
fn a_certificate_for_another_host_is_refused() {
    let identity = Identity::new(Certificate::OtherName).unwrap();
    let Some(database) = postgres::Server::start_with_tls(&identity) else { return };
    let club = Sandbox::members(3).ledger_at(&format!("{}&sslmode=require", database.ledger()));
    club.write("db.pem", &identity.ca_pem);
    club.write("medlemsbrev.toml", club.read("medlemsbrev.toml") + "\n[ledger]\nca_file = \"db.pem\"\n");
    club.run("import").code(75).stderr_has("its certificate is for another name");
}

#[test]
fn a_server_without_tls_is_refused_unless_it_is_disabled() {
    let Some(url) = postgres::ledger() else { return };
    let club = Sandbox::members(3).ledger_at(&format!("{url}&sslmode=require"));
    club.run("import").code(75).stderr_has("TLS");
    club.ledger_at(&format!("{url}&sslmode=disable")).run("import").code(0);
}

#[test]
fn a_pooler_that_lends_out_transactions_is_refused() {
    let Some(database) = postgres::Server::start() else { return };
    let Some(pooler) = database.pooled("transaction") else { return };
    let club = Sandbox::members(3).ledger_at(&pooler.url);
    club.run("import").code(78).stderr_has("lends out sessions by the transaction").stderr_has("pool_mode");
    let Some(pooler) = database.pooled("session") else { return };
    club.ledger_at(&pooler.url).run("import").code(0);
}

#[test]
fn a_schedule_says_that_cron_does_not_know_the_environment() {
    let Some(url) = postgres::ledger() else { return };
    let club = Sandbox::members(3).ledger_at(&url);
    club.run("schedule").code(0).stderr_has("MEDLEMSBREV_LEDGER_URL").stderr_has("set url in [ledger]");
}
