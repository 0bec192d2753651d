//! A forgotten member leaves no trace, in no file and in no encoding.

use std::path::{Path, PathBuf};

use crate::support::sandbox::Sandbox;

const LIST: &str = "Medlemsnr;Namn;E-post\n1;Åsa Ek;asa@example.se\n2;Bo Gran;bo@example.se\n";
const NEEDLES: [&str; 4] = ["asa@example.se", "asa.ny@example.org", "Åsa Ek", "asa=example.se"];

/// A club that knew Åsa by two addresses, mailed her at both, and received others' bounces that mention her.
fn club() -> Sandbox {
    let club = Sandbox::members(1);
    club.write("members.csv", LIST);
    club.run("import --max-missing 10").code(0);
    club.run("send 2026-1 --yes").code(0);
    club.write(
        "b.eml",
        "From: MAILER-DAEMON@example.net\nSubject: Undelivered\nContent-Type: multipart/report; boundary=x\n\n--x\n\
         Content-Type: message/delivery-status\n\nReporting-MTA: dns; example.net\n\nFinal-Recipient: rfc822; \
         bo@example.se\nAction: failed\nStatus: 5.2.2\nDiagnostic-Code: smtp; 552 full, as is Asa@Example.se\n\n--x--\n",
    );
    club.run(&format!("bounces {}", club.path("b.eml").display())).code(0);
    std::fs::remove_file(club.path("b.eml")).unwrap();
    club.write("members.csv", LIST.replace("asa@example.se", "asa.ny@example.org"));
    club.run("import").code(0);
    club.run("members unsubscribe 1 --why letter").code(0);
    club.run("members resubscribe 1 --why asked").code(0);
    club.run("send 2026-1 --dry-run").code(0);
    let log =
        [&std::fs::read(club.path("logs/send.jsonl")).unwrap(), &b"{\"address\": \"asa@example.se\xc3\n"[..]];
    club.write("logs/send.jsonl", log.concat());
    club.write("logs/.tmpAbCdEf", "{\"address\":\"asa@example.se\"}\n");
    // The treasurer also removes her from the list.
    club.write("members.csv", "Medlemsnr;Namn;E-post\n2;Bo Gran;bo@example.se\n");
    club
}

/// Files of the project that contain her name or address, raw or in an encoding of mail.
fn traces(club: &Sandbox) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut folders = vec![club.path("")];
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap().flatten() {
            if entry.file_type().unwrap().is_dir() {
                folders.push(entry.path());
            } else if names_her(&entry.path()) {
                found.push(entry.path());
            }
        }
    }
    found
}

fn names_her(path: &Path) -> bool {
    let bytes = std::fs::read(path).unwrap();
    let text = String::from_utf8_lossy(&bytes).into_owned();
    let plain =
        quoted_printable::decode(text.as_bytes(), quoted_printable::ParseMode::Robust).unwrap_or_default();
    let joined = text.split("\n\n").map(|part| part.replace(['\r', '\n'], "")).collect::<Vec<_>>();
    let base64 =
        joined.iter().flat_map(|part| part.split(['?', ' ', '"']).map(str::to_owned).collect::<Vec<_>>());
    let decoded = base64.filter_map(|word| data_encoding::BASE64.decode(word.as_bytes()).ok());
    let readings = decoded.chain([plain, bytes]).map(|bytes| String::from_utf8_lossy(&bytes).to_lowercase());
    readings.into_iter().any(|text| NEEDLES.iter().any(|needle| text.contains(&needle.to_lowercase())))
}

#[test]
fn no_file_has_a_trace_of_a_forgotten_member() {
    let club = club();
    assert!(traces(&club).len() > 5, "the test looks for what is not there: {:?}", traces(&club));
    club.run("members extract 1 --json")
        .code(0)
        .stdout_has(".eml")
        .stdout_has("asa@example.se")
        .stdout_has("asa.ny@example.org")
        .stdout_has("as is Asa@Example.se");
    club.run("members forget 1 --yes").code(0);
    assert_eq!(traces(&club), [] as [PathBuf; 0]);
    club.run("log").code(0).stdout_has("bo@example.se");
    club.run("members show bo@example.se").code(0).stdout_has("(forgotten)");
    for address in ["asa@example.se", "asa.ny@example.org"] {
        club.run(&format!("members add --name X --email {address}"))
            .code(65)
            .stderr_has("asked to be forgotten");
    }
}

#[test]
fn a_killed_forget_is_completed_by_the_next_one() {
    for pause in ["0.005", "0.01", "0.02", "0.03", "0.05"] {
        let club = club();
        club.run_in_shell(&format!("timeout -s KILL {pause} \"$MEDLEMSBREV\" members forget id:1 --yes"));
        club.run_in_shell(&format!("timeout -s KILL {pause} \"$MEDLEMSBREV\" prune --older-than 1m"));
        club.run("members forget id:1 --yes").code(0);
        assert_eq!(traces(&club), [] as [PathBuf; 0], "killed after {pause} s");
    }
}

#[test]
fn a_damaged_line_stops_no_command() {
    let club = club();
    club.run("log").code(0).stdout_has("bo@example.se");
    club.run("prune --older-than 1m").code(0);
    club.run("members extract 2").code(0);
}
