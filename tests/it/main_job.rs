//! The main job with the example: import, preview, send, send again.

use crate::support::sandbox::Sandbox;
use crate::support::smtp_server::SmtpServer;

#[test]
fn the_example_goes_to_all_its_mailable_members_once() {
    let club = Sandbox::example("stockholm");
    let sent = club.run("send 2026-1 --yes").code(0).stderr_has("59 added, 1 invalid, 2 duplicates merged");
    let sent = sent.stderr_has("line 20, E-post: `lisa.holmvret@example` is not a valid e-mail address");
    let sent = sent.stdout_has("accepted                    52").stdout_has("skipped: no e-mail address   7");
    sent.stdout_has("members                     59");
    assert_eq!(club.files("outbox/2026-1").len(), 52);
    club.run("send 2026-1 --yes").code(0).stdout_has("nothing to send");
    assert_eq!(club.files("outbox/2026-1").len(), 52);
    assert_eq!(club.status("2026-1")["total"], 59);
    assert_eq!(club.read("logs/send.jsonl").matches("\"event\":\"accepted\"").count(), 52);
}

#[test]
fn a_dry_run_writes_the_same_letters_and_changes_nothing() {
    let club = Sandbox::example("stockholm");
    club.run("send 2026-1 --dry-run")
        .code(0)
        .stdout_has("nothing sent")
        .stdout_has("accepted                    52");
    assert!(!club.path("state/medlemsbrev.db").exists(), "a dry run made a ledger");
    let dry = club.files("outbox/2026-1/dry-run");
    club.run("send 2026-1 --yes").code(0);
    assert_eq!(dry, club.files("outbox/2026-1"));
    let without_date =
        |text: String| text.lines().filter(|line| !line.starts_with("Date: ")).collect::<Vec<_>>().join("\n");
    for name in dry {
        let previewed = without_date(club.read(&format!("outbox/2026-1/dry-run/{name}")));
        assert_eq!(previewed, without_date(club.read(&format!("outbox/2026-1/{name}"))), "{name}");
    }
    club.run("log 2026-1 --kind dry-run").code(0).stdout_has("accepted").stdout_has("skipped");
}

#[test]
fn the_import_says_what_it_found() {
    let club = Sandbox::example("stockholm");
    let run = club.run("import --dry-run").code(0).stderr_has("windows-1252, semicolon-separated");
    let run = run.stderr_has("sample names: Gösta Älghorna").stderr_has("E-post → email");
    run.stdout_has("line 32").stdout_has("7 without e-mail").stderr_has("Dry run: nothing was changed");
    assert!(!club.path("state/medlemsbrev.db").exists());
    club.run("import").code(0).stdout_has("59  added");
    club.run("import").code(0).stdout_has("The list is unchanged");
}

#[test]
fn invalid_rows_stop_an_import_unless_told_otherwise() {
    let club = Sandbox::members(2);
    club.write("members.csv", "namn;epost\nÅsa;asa@example.se\nBo;bo@@example.se\n");
    club.run("import").code(65).stderr_has("line 3, epost: `bo@@example.se`").stderr_has("--skip-bad");
    assert_eq!(
        club.run("status --json").stdout().matches("accepted").count(),
        1,
        "nothing is in the register"
    );
    club.run("import --skip-bad").code(0).stdout_has("invalid    line 3").stdout_has("1  added");
    club.run("send 2026-1 --yes").code(65).stderr_has("line 3, epost");
    for _ in 0..2 {
        club.run("send 2026-1 --yes --skip-bad").code(0).stderr_has("invalid    line 3");
    }
}

#[test]
fn a_list_that_lost_its_members_is_not_imported() {
    let club = Sandbox::members(30);
    club.run("import").code(0);
    let short: String = club.read("members.csv").lines().take(11).map(|line| format!("{line}\n")).collect();
    club.write("members.csv", short);
    club.run("send 2026-1 --yes")
        .code(65)
        .stderr_has("20 of 30 active members are missing")
        .stderr_has("--max-missing 20");
    club.run("import --max-missing 20").code(0).stdout_has("missing from the list");
    club.run("send 2026-1 --yes").code(0).stdout_has("accepted  10");
}

#[test]
fn a_test_letter_is_marked_and_not_recorded() {
    let server = SmtpServer::start();
    let club = Sandbox::members(3).relay(&server);
    club.run("send 2026-1 --test prov@example.org").code(0).stdout_has("accepted");
    assert_eq!(server.letters()[0].header("Subject").unwrap(), "[PROV] Brevet");
    let said = club.run("send 2026-1 --test prov@example.org --json").code(0).json();
    let said = &said[0];
    assert_eq!((said["outcome"].as_str(), said["reply"]["code"].as_u64()), (Some("accepted"), Some(250)));
    club.run("send 2026-1 --yes").code(0);
    assert_eq!(server.messages(), 5);
}

#[test]
fn a_run_sends_exactly_the_requested_letters() {
    let server = SmtpServer::start();
    let club = Sandbox::members(9).relay(&server);
    club.run("send 2026-1").code(2).stderr_has("--yes");
    club.run("send 2026-1 --yes --expect 10").code(65).stderr_has("there are 9 letters to send, not 10");
    club.run("send 2026-1 --yes --segment 'namn contains 0007'").code(0).stdout_has("not in the segment");
    assert_eq!((server.messages(), server.copies("member0007@example.org")), (1, 1));
    club.run("send 2026-1 --yes --limit 3 --expect 3").code(0);
    assert_eq!(server.messages(), 4);
    club.run("send 2026-1 --yes --segment 'nam contains x'")
        .code(2)
        .stderr_has("no member has a field `nam`");
    club.run("send 2026-1 --yes").code(0);
    assert_eq!(server.by_recipient().len(), 9);
    assert_eq!(server.messages(), 9);
}

#[test]
fn mistakes_in_files_are_shown_with_their_place() {
    let club = Sandbox::members(2);
    club.write("issues/2026-1/20-fel.md", "+++\ntitle = \"Fel\"\n+++\n\nHej {{member.nmae}}!\n");
    let run = club.run("send 2026-1 --yes").code(65).stderr_has("20-fel.md").stderr_has("line 5");
    run.stderr_has("unknown name `member.nmae`").stderr_has("did you mean `member.name`?");
    club.write("issues/2026-1/20-fel.md", "+++\ntitle = \"Fel\"\n+++\n![Bild](images/saknas.png)\n");
    club.run("send 2026-1 --yes").code(65).stderr_has("saknas.png");
    club.write("issues/2026-1/20-fel.md", "+++\ntitle = \"Fel\"\naudience = 'typp = x'\n+++\nx\n");
    club.run("send 2026-1 --yes").code(65).stderr_has("no member has a field `typp`");
    club.write(
        "medlemsbrev.toml",
        club.read("medlemsbrev.toml").replace("[sender]", "[sender]\nadress = \"x\""),
    );
    club.run("send 2026-1 --yes").code(78).stderr_has("unknown field `adress`");
    assert!(club.files("outbox/2026-1").is_empty());
    club.run("send 2099-9 --yes").code(78);
    club.run("sned").code(2).stderr_has("send");
}

#[test]
fn members_with_another_audience_get_other_sections() {
    let club = Sandbox::example("stockholm");
    let english = club.run("preview 2026-1 --part text").code(0).stdout();
    // Only the line about omitted sections mentions it.
    assert_eq!(english.matches("In English").count(), 1, "a section for a few came to a neutral reader");
    assert!(
        english.lines().any(|line| line.starts_with("Left out:") && line.contains("In English")),
        "{english}"
    );
    club.run("send 2026-1 --yes").code(0);
    let log = club.read("logs/send.jsonl");
    let letters: Vec<serde_json::Value> =
        log.lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let sections = |letter: &serde_json::Value| letter["letter"]["sections"].as_array().map(Vec::len);
    let mut counts: Vec<usize> = letters.iter().filter_map(sections).collect();
    counts.sort_unstable();
    counts.dedup();
    assert!(counts.len() > 1, "everyone got the same sections: {counts:?}");
}

#[test]
fn no_member_name_can_do_harm() {
    let server = SmtpServer::start();
    let club = Sandbox::members(0).relay(&server);
    club.write(
        "members.csv",
        format!(
            "namn;epost\n<script>alert(1)</script> {{{{member.email}}}};a@example.org\n\
             \"Eva\r\nBcc: alla@example.org\";b@example.org\n{};c@example.org\nPer \"\"Pelle\"\" Ek, \u{1f600};d@example.org\n",
            "Ådalsnamn ".repeat(30).trim()
        ),
    );
    club.run("send 2026-1 --yes").code(0);
    server.assert_polite();
    assert_eq!(server.messages(), 4);
    for letter in server.letters() {
        let text = letter.text();
        let head = text.split("\r\n\r\n").next().unwrap().to_owned();
        assert!(!head.to_lowercase().contains("\r\nbcc:"), "{head}");
        let html = text.split("Content-Type: text/html").nth(1).unwrap();
        assert!(!html.contains("<script>"), "{html}");
        assert!(text.lines().all(|line| line.len() <= 998));
    }
}

#[test]
fn a_second_run_waits_as_long_as_requested() {
    let club = Sandbox::members(2);
    club.run("import").code(0);
    let held = std::fs::File::open(club.path("state/lock")).unwrap();
    held.lock().unwrap();
    club.run("send 2026-1 --yes --wait 300ms").code(75).stderr_has("another run is in progress");
    let waiting = club.start("send 2026-1 --yes --wait 20s");
    std::thread::sleep(std::time::Duration::from_millis(300));
    held.unlock().unwrap();
    waiting.wait().code(0);
    assert_eq!(club.in_state("2026-1", "accepted"), 2);
    club.run("send 2026-1 --yes --wait soon").code(2).stderr_has("is not a duration such as");
}
