//! The findings of `check`, and which of them keep an issue from being sent.

use crate::support::sandbox::Sandbox;
use crate::support::smtp_server::SmtpServer;

/// An issue without findings, on any day.
fn tidy(members: usize) -> Sandbox {
    let club = Sandbox::members(members);
    club.write(
        "issues/2026-1/issue.toml",
        "title = \"Vårens brev\"\ndate = 2026-04-15\npreheader = \"Årsmötet är lördagen den 9 maj.\"\n",
    );
    // Without it every check has a note.
    let config = club.read("medlemsbrev.toml") + "\n[archive]\nurl = \"https://www.example.se/brev/\"\n";
    club.write("medlemsbrev.toml", &config);
    club
}

#[test]
fn the_example_can_be_sent() {
    let club = Sandbox::example("stockholm");
    let findings = club.run("check 2026-1 --json").code(0).json();
    let found =
        findings.as_array().unwrap().iter().map(|found| (found["severity"].as_str(), found["rule"].as_str()));
    let want = [(Some("note"), Some("list-archive"))];
    assert_eq!(found.collect::<Vec<_>>(), want, "the example is quiet, whatever the day");
    club.run("check 2026-1").code(0).stdout_has("No problems found. 1 note.\n");
    assert!(!club.path("state/medlemsbrev.db").exists(), "a check made a ledger");
    assert!(!club.path("outbox").exists(), "a check made letters");
}

#[test]
fn an_unfinished_issue_is_not_sent() {
    let club = Sandbox::example("stockholm");
    let run =
        club.run("check 2026-2").code(65).stdout_has("issues/2026-2/10-ordforanden.md:6: error: `TODO`");
    run.stdout_has("[leftover-word]")
        .stdout_has("issue.toml:1: warning: there is no preheader")
        .stdout_has("1 error, ");
    for command in ["send 2026-2 --yes", "send 2026-2 --dry-run", "-q send 2026-2 --yes"] {
        club.run(command)
            .code(65)
            .stderr_has("2026-2 has 1 error; nothing was sent")
            .stderr_has("issues/2026-2/10-ordforanden.md:6: error: `TODO` is left over from a draft");
    }
    assert!(club.files("outbox/2026-2").is_empty() && club.files("outbox/2026-2/dry-run").is_empty());
}

#[test]
fn a_check_without_findings_says_so() {
    let club = tidy(2);
    assert_eq!(club.run("check").code(0).stdout(), "No problems found.\n");
    assert_eq!(club.run("check 2026-1 --json").code(0).json(), serde_json::json!([]));
    club.run("check 2099-9").code(65).stderr_has("there is no issue `2099-9`");
}

#[test]
fn all_problems_are_found_at_once_with_their_places() {
    let club = tidy(2);
    club.write(
        "issues/2026-1/20-fel.md",
        "+++\ntitle = \"Fel\"\naudience = 'ort = \"Ingenstans\"'\n\n[[event]]\ntitle = \"Möte\"\ndate = 2099-05-09\n\
         start = \"18:00\"\nend = \"17:00\"\nplace = \"Torget\"\nsignup = \"www.example.se\"\n+++\n\
         Vi ses söndagen den 9 maj. [Klicka här](http://example.se).\n\n![](images/saknas.png)\n\n[Lorem](#nej) ipsum.\n",
    );
    club.write("members.csv", "namn,epost,ort\nÅsa,asa@example.org,Byn\n");
    club.write("issues/2026-1/30-tom.md", "+++\ntitle = \"Tom\"\n+++\n");
    let findings = club.run("check --json").code(65).json();
    let found: Vec<String> = findings
        .as_array()
        .unwrap()
        .iter()
        .map(|f| {
            assert!(f["message"].is_string() && f["advice"].is_string(), "{f}");
            format!(
                "{}:{} {} {}",
                f["file"].as_str().unwrap(),
                f["line"],
                f["severity"].as_str().unwrap(),
                f["rule"]
            )
        })
        .collect();
    let wanted = [
        "20-fel.md:5 error \"link-relative\"",
        "20-fel.md:5 error \"event-times\"",
        "20-fel.md:13 error \"weekday\"",
        "20-fel.md:13 warning \"link-http\"",
        "20-fel.md:13 warning \"link-text-vague\"",
        "20-fel.md:15 error \"image-missing\"",
        "20-fel.md:15 warning \"image-alt\"",
        "20-fel.md:17 error \"link-anchor\"",
        "30-tom.md:2 error \"section-empty\"",
    ];
    assert_eq!(found, wanted.map(|line| format!("issues/2026-1/{line}")));
    club.run("check")
        .code(65)
        .stdout_has("write lördag or correct the date")
        .stdout_has("6 errors, 3 warnings");
}

#[test]
fn mistakes_that_stop_composing_are_findings_too() {
    for (section, line, message) in [
        ("+++\ntitle = \"Fel\"\n+++\nHej {{member.nmae}}!\n", 4, "unknown name `member.nmae`"),
        ("+++\ntitel = \"Fel\"\n+++\nHej\n", 2, "unknown field `titel`"),
        ("+++\ntitle = \"Fel\"\naudience = 'typp = x'\n+++\nHej\n", 3, "no member has a field `typp`"),
    ] {
        let club = tidy(1);
        club.write("issues/2026-1/20-fel.md", section);
        let run = club.run("check").code(65).stdout_has(&format!("issues/2026-1/20-fel.md:{line}: error: "));
        run.stdout_has(message).stdout_has("1 error\n");
        club.run("send --yes").code(65).stderr_has(message);
    }
}

#[test]
fn sections_without_readers_and_members_without_sections_are_reported() {
    let club = tidy(0);
    club.write(
        "members.csv",
        "namn,epost,typ\nÅsa,asa@example.org,byalag\nBo,bo@example.org,annan\nEva,,byalag\n",
    );
    club.write("issues/2026-1/10-hej.md", "+++\ntitle = \"Hej\"\naudience = 'typ = byalag'\n+++\nHej.\n");
    club.write("issues/2026-1/20-by.md", "+++\ntitle = \"Öar\"\naudience = 'typ = \"ö\"'\n+++\nHej.\n");
    let run = club.run("check").code(0).stdout_has("20-by.md:3: warning: no member sees the section «Öar»");
    run.stdout_has("its audience is typ = \"ö\"")
        .stdout_has("1 member gets no letter")
        .stdout_has("2 warnings\n");
}

#[test]
fn warnings_are_printed_once_and_stop_nothing() {
    let server = SmtpServer::start();
    let club = Sandbox::members(3).relay(&server);
    let run = club.run("send --yes").code(0);
    for warning in ["there is no preheader", "replies and bounces cannot reach `example.se`"] {
        assert_eq!(run.stderr().matches(warning).count(), 1, "{}", run.stderr());
    }
    assert!(run.stderr().contains("medlemsbrev.toml:8: warning: "), "{}", run.stderr());
    assert_eq!(server.messages(), 3);
}

#[test]
fn a_letter_without_a_way_to_unsubscribe_is_not_sent() {
    let club = tidy(2);
    club.write(
        "templates/letter.html.hbs",
        "<html lang=\"sv\"><body>{{#each sections}}{{{body}}}{{/each}}</body></html>",
    );
    let run = club.run("send --yes").code(65).stderr_has("the letter lacks the postal address");
    run.stderr_has("the letter lacks the link to unsubscribe");
    assert!(club.files("outbox/2026-1").is_empty());
}

#[test]
fn a_letter_that_gmail_clips_is_sent_only_on_request() {
    let club = tidy(2);
    let long = "Orden flödar i byn, dag efter dag. ".repeat(3_000);
    club.write("issues/2026-1/20-lang.md", format!("+++\ntitle = \"Långt\"\n+++\n{long}\n"));
    club.run("send --yes").code(65).stderr_has("Gmail clips letters").stderr_has("--allow-large");
    club.run("check --allow-large").code(0).stdout_has("1 warning");
    club.run("send --yes --allow-large").code(0);
    assert_eq!(club.files("outbox/2026-1").len(), 2);
}
