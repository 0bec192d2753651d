//! Member lists as spreadsheets write them, and what an import does about people who are missing or left alone.

use crate::support::sandbox::Sandbox;

/// Written from one list by the office suite that Debian has.
const LIBREOFFICE: [&str; 6] = [
    "libreoffice.xlsx",
    "libreoffice.ods",
    "libreoffice-utf8.csv",
    "libreoffice-w1252.csv",
    "libreoffice-mac.csv",
    "libreoffice-utf16.csv",
];

fn list(name: &str) -> String {
    format!("{}/tests/it/lists/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn all_formats_give_the_same_register() {
    for name in LIBREOFFICE {
        let club = Sandbox::example("stockholm");
        let first = club.run(&format!("import {} --json", list(name))).code(0).json();
        assert_eq!(first["difference"]["added"]["count"], 4, "{name}: {first}");
        // Nothing of another format is a change.
        for other in LIBREOFFICE {
            let again = club.run(&format!("import {} --json", list(other))).code(0).json();
            let difference = &again["difference"];
            if !difference.is_null() {
                assert_eq!(difference["unchanged"], 4, "{name}, then {other}: {difference}");
            }
        }
    }
}

#[test]
fn rows_of_a_spreadsheet_are_named_by_their_numbers() {
    let club = Sandbox::example("stockholm");
    club.write("broken.xlsx", b"PK\x03\x04 and then nothing");
    club.run(&format!("import {}", club.path("broken.xlsx").display()))
        .code(65)
        .stderr_has("the spreadsheet")
        .stderr_has("broken.xlsx");
    club.run(&format!("import {}", list("libreoffice.ods"))).code(0).stderr_has("the sheet `lista`");
}

#[test]
fn missing_members_stay_where_that_is_asked_for() {
    let club = Sandbox::members(20);
    club.run("import").code(0);
    let whole = club.read("members.csv");
    let half: String = whole.lines().take(11).map(|line| format!("{line}\n")).collect();
    club.write("members.csv", &half);
    club.run("import").code(65).stderr_has("10 of 20 active members are missing");
    club.run("import --missing keep").code(0).stdout_has("missing from the list, kept");
    assert_eq!(club.run("send 2026-1 --dry-run --missing keep --json").code(0).json()["letters"], 20);
    club.write("members.csv", half.replace(".se\n", ".se \n"));
    club.run("import --missing deactivate --max-missing 10")
        .code(0)
        .stdout_has("missing from the list, deactivated");
}

#[test]
fn odd_addresses_are_remarked_on_and_several_are_split() {
    let club = Sandbox::members(2);
    let list = "Namn;E-post\nAnna;anna@gmial.com\nBo;bo@example.se / bo@example.org\n";
    club.write("members.csv", list);
    let said = club.run("import --dry-run").code(0);
    said.stdout_has("line 2, E-post: `anna@gmial.com` looks like a typo: did you mean anna@gmail.com?")
        .stdout_has("letters go to bo@example.se, the others are kept in `other_emails`");
}

#[test]
fn who_asked_to_be_left_alone_is_named_at_an_import() {
    let club = Sandbox::members(3);
    club.run("send 2026-1 --yes").code(0);
    let list = club.read("members.csv");
    let address =
        list.lines().nth(2).unwrap().split([';', ',']).find(|cell| cell.contains('@')).unwrap().to_owned();
    club.write(
        "mail.eml",
        format!("From: {address}\nTo: brev@example.se\nSubject: Avregistrera\n\nAvregistrera mig\n"),
    );
    club.run(&format!("bounces {}", club.path("mail.eml").display())).code(0).stdout_has("suppressed");
    club.write("members.csv", format!("{list}\n"));
    club.run("import").code(0).stdout_has("suppressed").stdout_has(&format!("{address}: unsubscribed since"));
}

#[test]
fn old_things_are_pruned_and_nobody_is_mailed_again() {
    let club = Sandbox::members(3);
    club.run("send 2026-1 --yes").code(0);
    let log = club.read("logs/send.jsonl");
    let old = log.lines().next().unwrap().replace("\"time\":\"20", "\"time\":\"19");
    club.write("logs/send.jsonl", format!("{old}\n{log}"));
    club.run("prune --older-than 24m").code(0).stderr_has("1 log line");
    assert_eq!(club.read("logs/send.jsonl"), log);
    club.run("prune --older-than 0d --json").code(0);
    club.run("send 2026-1 --yes").code(0).stdout_has("nothing to send");
    club.run("prune --older-than 24x").code(2).stderr_has("not an age such as");
}

#[test]
fn a_message_is_read_from_standard_input_once() {
    let club = Sandbox::members(3);
    club.run("send 2026-1 --yes").code(0);
    let list = club.read("members.csv");
    let row = list.lines().nth(1).unwrap();
    let address = row.split([';', ',']).find(|cell| cell.contains('@')).unwrap();
    club.write(
        "mail.eml",
        format!("From: {address}\nTo: brev@example.se\nSubject: Avregistrera\n\nAvregistrera mig\n"),
    );
    let piped = || {
        std::process::Command::new(env!("CARGO_BIN_EXE_medlemsbrev"))
            .arg("-C")
            .arg(club.path(""))
            .args(["bounces", "-"])
            .stdin(std::fs::File::open(club.path("mail.eml")).unwrap())
            .output()
            .unwrap()
    };
    assert!(String::from_utf8_lossy(&piped().stdout).contains("suppressed"));
    assert!(String::from_utf8_lossy(&piped().stderr).contains("1 known already"));
}
