//! Decisions about an issue, and what cron does with them.

use crate::support::sandbox::Sandbox;
use crate::support::smtp_server::{Action, Place, SmtpServer, When};

const BAD_DATA: i32 = 65;

fn issue(lines: &str) -> String {
    format!("title = \"Brevet\"\ndate = 2026-04-15\n{lines}\n")
}

fn club(server: &SmtpServer, lines: &str) -> Sandbox {
    let club = Sandbox::members(3).relay(server);
    club.write("issues/2026-1/issue.toml", issue(lines));
    club
}

#[test]
fn cron_sends_approved_issues_when_due_and_nothing_twice() {
    let server = SmtpServer::start();
    let club = club(&server, "send_at = \"2020-01-01T08:00\"");
    club.run("send --due")
        .code(BAD_DATA)
        .stderr_has("2026-1 has been due since 2020-01-01 08:00 and is not approved");
    club.run("approve 2026-1").code(2).stderr_has("--yes");
    club.run("approve 2026-1 --yes").code(0).stdout_has("approved for 3 recipients");
    club.run("send --due").code(0);
    assert_eq!(server.messages(), 3);
    let again = club.run("send --due").code(0);
    assert_eq!((again.stdout(), again.stderr()), (String::new(), String::new()));
    assert_eq!(server.messages(), 3);
}

#[test]
fn cron_is_silent_before_the_time_and_sends_nothing_after_it() {
    let server = SmtpServer::start();
    let early = club(&server, "send_at = \"2999-01-01T08:00\"");
    early.run("approve --yes").code(0);
    let run = early.run("send --due").code(0);
    assert_eq!((run.stdout(), run.stderr()), (String::new(), String::new()));
    let late = club(&server, "send_at = \"2020-01-01T08:00\"\nsend_until = \"2020-01-03T08:00\"");
    late.run("approve --yes").code(BAD_DATA).stderr_has("an approval is too late");
    late.run("send --due").code(BAD_DATA).stderr_has("by 2020-01-03 08:00");
    assert_eq!(server.messages(), 0);
}

#[test]
fn cron_does_not_send_an_issue_that_changed_since_its_approval() {
    for (file, text, named) in [
        ("issues/2026-1/20-mer.md", "+++\ntitle = \"Mer\"\n+++\nText.\n", "new      issues/2026-1/20-mer.md"),
        (
            "issues/2026-1/10-hej.md",
            "+++\ntitle = \"Hej\"\n+++\nAnnat.\n",
            "changed  issues/2026-1/10-hej.md",
        ),
        (
            "members.csv",
            "namn,epost\nMember 0001,member0001@example.org\nMember 0004,x@example.org\nMember 0003,member0003@example.org\n",
            "the member list",
        ),
    ] {
        let server = SmtpServer::start();
        let club = club(&server, "send_at = \"2020-01-01T08:00\"");
        club.run("approve --yes").code(0);
        club.write(file, text);
        club.run("send --due --max-missing 3")
            .code(BAD_DATA)
            .stderr_has("changed since it was approved")
            .stderr_has(named);
        assert_eq!(server.messages(), 0, "{named}");
        club.run("approve --yes --max-missing 3").code(0);
        club.run("send --due --max-missing 3").code(0);
        assert_eq!(server.messages(), 3, "{named}");
    }
}

#[test]
fn cron_resumes_with_deferred_letters() {
    let server =
        SmtpServer::build().fault(Place::Rcpt, When::Nth(1), Action::Reply(451, "4.3.0 Later")).start();
    let club = club(&server, "send_at = \"2020-01-01T08:00\"");
    club.run("approve --yes").code(0);
    club.run("send --due").code(75);
    club.run("send --due").code(0);
    assert_eq!(server.messages(), 3);
}

#[test]
fn a_send_lists_the_changes_since_the_dry_run() {
    let server = SmtpServer::start();
    let club = club(&server, "");
    club.run("send --yes --limit 0").code(0).stderr_has("No dry run of 2026-1");
    let club = self::club(&server, "");
    club.run("send --dry-run").code(0);
    club.write("issues/2026-1/10-hej.md", "+++\ntitle = \"Hej\"\n+++\nAnnat.\n");
    club.run("send --yes")
        .code(0)
        .stderr_has("Since the dry run of")
        .stderr_has("changed  issues/2026-1/10-hej.md");
}

#[test]
fn a_cancelled_issue_is_not_sent() {
    let server = SmtpServer::start();
    let club = club(&server, "send_at = \"2020-01-01T08:00\"");
    club.run("send --yes --limit 1").code(0);
    club.run("approve --yes").code(0);
    club.run("cancel 2026-1").code(0);
    club.run("send --yes").code(BAD_DATA).stderr_has("was cancelled").stderr_has("--undo");
    club.run("send --due").code(0);
    assert_eq!(server.messages(), 1);
    club.run("cancel 2026-1 --undo").code(0);
    club.run("send --yes").code(0);
    assert_eq!(server.messages(), 3);
    club.run("cancel 2027-9").code(BAD_DATA);
}

#[test]
fn only_members_who_joined_after_the_send_get_the_letter() {
    let server =
        SmtpServer::build().fault(Place::Rcpt, When::Nth(1), Action::Reply(451, "4.3.0 Later")).start();
    let club = club(&server, "").with("connections = 1");
    club.run("send --yes").code(75);
    club.write("members.csv", club.read("members.csv") + "Ny,ny@example.org\n");
    // The member whose letter was deferred has no letter either.
    club.run("send --yes --only-missing").code(0);
    assert_eq!((server.messages(), server.copies("ny@example.org")), (4, 1));
}

#[test]
fn a_refusal_suppresses_a_dead_address_until_it_is_corrected() {
    let server = SmtpServer::build().unknown_user("member0002@example.org").start();
    let club = club(&server, "");
    club.run("send --yes").code(1);
    club.run("log --kind bounce --show-addresses")
        .code(0)
        .stdout_has("member0002@example.org")
        .stdout_has("user-unknown");
    club.run("members show member0002@example.org").code(0).stdout_has("hard bounce");
    club.run("send --yes --retry-rejected member0001@example.org")
        .code(BAD_DATA)
        .stderr_has("no rejected letter");
    server.heal();
    club.run("send --yes --retry-rejected member0002@example.org").code(0);
    assert_eq!((server.messages(), server.copies("member0002@example.org")), (3, 1));
}

#[test]
fn the_editors_are_reminded_once_a_week() {
    let server = SmtpServer::start();
    let club = club(&server, "").with("kind = \"smtp\"");
    let schedule = "[schedule]\ndue = [\"01-01\"]\neditors = [\"red@example.org\", \"ordf@example.org\"]\nremind_days = 400\n";
    club.write("medlemsbrev.toml", schedule.to_owned() + &club.read("medlemsbrev.toml"));
    club.run("remind").code(0).stdout_has("2 editors were told");
    let told = server.messages();
    assert!(told >= 2 && server.copies("red@example.org") == server.copies("ordf@example.org"));
    let again = club.run("remind").code(0);
    assert_eq!((again.stdout(), server.messages()), (String::new(), told));
    club.run("import").code(0);
    club.run("status").code(0).stdout_has("-01-01").stdout_has("no folder yet");
    club.run("schedule").code(0).stdout_has("send --due --quiet").stdout_has("remind");
    club.run("schedule --systemd").code(0).stdout_has("OnCalendar=*-*-* 08:00");
}

#[test]
fn two_dry_runs_are_compared() {
    let club = Sandbox::members(3);
    club.run("log --kind dry-run --diff").code(BAD_DATA).stderr_has("fewer than two complete dry runs");
    club.run("send --dry-run").code(0);
    club.run("send --dry-run").code(0);
    club.run("log --kind dry-run --diff").code(0).stdout_has("3 letters are the same");
    club.write(
        "issues/2026-1/20-mer.md",
        "+++\ntitle = \"Mer\"\naudience = 'name = \"Member 0001\"'\n+++\nText.\n",
    );
    club.write("members.csv", "namn,epost\nMember 0001,member0001@example.org\nMember 0002,member0002@example.org\nNy,ny@example.org\n");
    club.run("send --dry-run --max-missing 3").code(0);
    let run = club.run("log --kind dry-run --diff").code(0);
    let lines: Vec<String> =
        run.stdout().lines().map(|line| line.split_whitespace().collect::<Vec<_>>().join(" ")).collect();
    assert!(lines.iter().any(|line| line.starts_with("other member0001@example.org +Mer")), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("new ny@example.org")), "{lines:?}");
    assert!(lines.iter().any(|line| line.starts_with("1 letter is the same")), "{lines:?}");
    club.run("log --diff").code(2);
}

const PAST: &str = "send_at = \"2020-01-01T08:00\"";

#[test]
fn cron_continues_after_a_pilot_and_mails_only_approved_members() {
    let server = SmtpServer::start();
    let club = club(&server, PAST);
    club.run("send --segment 'email = \"member0001@example.org\"' --yes").code(0);
    club.run("approve --yes").code(0);
    club.run("send --due").code(0);
    assert_eq!(server.messages(), 3);
    // Fifty unknown rows are added to the list before any letter is sent.
    let gone = SmtpServer::refusing();
    let other = self::club(&gone, PAST);
    other.run("approve --yes").code(0);
    other.run("send --due").code(75);
    let strangers: String = (0..50).map(|number| format!("Ny {number},ny{number}@example.org\n")).collect();
    other.write("members.csv", other.read("members.csv") + &strangers);
    let gone = gone.open();
    other.run("send --due").code(BAD_DATA);
    assert_eq!(gone.messages(), 0);
}

#[test]
fn members_who_join_while_cron_sends_are_named_and_not_mailed() {
    let server =
        SmtpServer::build().fault(Place::Rcpt, When::Nth(2), Action::Reply(451, "4.3.0 Later")).start();
    let club = club(&server, PAST);
    club.run("approve --yes").code(0);
    club.run("send --due").code(75);
    club.write("members.csv", club.read("members.csv") + "Nia,nia@example.org\n");
    club.run("send --due").code(BAD_DATA).stderr_has("1 member is new since 2026-1 was approved: Nia");
    assert_eq!(server.copies("nia@example.org"), 0);
    club.run("approve --yes").code(0);
    club.run("send --due").code(0);
    server.assert_one_each(4);
}

#[test]
fn a_stuck_issue_does_not_hold_up_others_and_is_reported_once_a_day() {
    let server = SmtpServer::start();
    let club = club(&server, PAST);
    club.write("issues/2026-2/issue.toml", format!("title = \"Brev\"\ndate = 2026-04-15\n{PAST}\n"));
    club.write("issues/2026-2/10-hej.md", "+++\ntitle = \"Hej\"\n+++\nHej.\n");
    club.run("approve 2026-2 --yes").code(0);
    club.run("send --due").code(BAD_DATA).stderr_has("2026-1 has been due").stdout_has("2026-2: 3 letters");
    assert_eq!(server.messages(), 3);
    for _ in 0..2 {
        let again = club.run("send --due").code(BAD_DATA);
        assert_eq!((again.stdout(), again.stderr()), (String::new(), String::new()));
    }
    let ledger = rusqlite::Connection::open(club.path("state/medlemsbrev.db")).unwrap();
    ledger.execute("UPDATE told SET at = '2020-01-01T00:00:00Z'", ()).unwrap();
    club.run("send --due").code(BAD_DATA).stderr_has("2026-1 has been due");
}

#[test]
fn a_used_up_quota_is_reported_once_a_day() {
    let server = SmtpServer::start();
    let club = club(&server, PAST).with("quota = [\"1/h\"]");
    club.run("approve --yes").code(0);
    club.run("send --due --quiet").code(75).stderr_has("quota");
    let again = club.run("send --due --quiet").code(75);
    assert_eq!((again.stdout(), again.stderr()), (String::new(), String::new()));
}

#[test]
fn the_rest_of_an_issue_changed_midway_is_not_sent_by_accident() {
    let server =
        SmtpServer::build().fault(Place::Rcpt, When::Nth(2), Action::Reply(451, "4.3.0 Later")).start();
    let club = club(&server, PAST);
    club.run("approve --yes").code(0);
    club.run("send --due").code(75);
    club.write("issues/2026-1/10-hej.md", "+++\ntitle = \"Hej\"\n+++\nEn annan text.\n");
    let changed = "changed  issues/2026-1/10-hej.md";
    club.run("send --due").code(BAD_DATA).stderr_has(changed);
    club.run("send --yes").code(BAD_DATA).stderr_has("since its first letters left").stderr_has(changed);
    club.run("send").code(2).stderr_has("--changed");
    assert_eq!(server.messages(), 2);
    club.run("send --yes --changed").code(0);
    server.assert_one_each(3);
}

#[test]
fn an_approval_covers_pictures_outside_the_issues_folder() {
    let server = SmtpServer::start();
    let club = club(&server, PAST);
    let picture =
        std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/stockholm/issues/2026-1/images");
    let mut pictures: Vec<_> =
        std::fs::read_dir(picture).unwrap().flatten().map(|entry| entry.path()).collect();
    pictures.sort();
    let bytes = std::fs::read(&pictures[0]).unwrap();
    let name = format!("bilder/hus.{}", pictures[0].extension().unwrap().display());
    club.write(&name, &bytes);
    club.write("issues/2026-1/20-hus.md", format!("+++\ntitle = \"Hus\"\n+++\n![Ett hus](../../{name})\n"));
    club.run("approve --yes").code(0);
    club.write(&name, [&bytes[..], b"x"].concat());
    club.run("send --due").code(BAD_DATA).stderr_has(&name);
}

#[test]
fn an_impossible_sending_window_is_found_in_advance() {
    let server = SmtpServer::start();
    for (lines, said) in [
        (
            "send_at = \"2027-05-01T08:00\"\nsend_until = \"2027-04-01T08:00\"",
            "send_until is not after send_at",
        ),
        ("send_at = \"2027-03-28T02:30\"", "send_at is in the hour that summer time skips"),
    ] {
        let club = club(&server, lines);
        let config = club.read("medlemsbrev.toml");
        if !config.contains("time_zone") {
            club.write(
                "medlemsbrev.toml",
                config.replace("[association]\n", "[association]\ntime_zone = \"Europe/Stockholm\"\n"),
            );
        }
        club.run("check").code(BAD_DATA).stdout_has(said);
        club.run("approve --yes").code(BAD_DATA).stderr_has(said);
    }
}
