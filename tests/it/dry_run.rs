//! The results of a dry run: its log, its report for programs, and the differences from the previous one.

use crate::support::sandbox::Sandbox;
use serde_json::{Value, json};

const LIST: &str = "nr,namn,epost,språk,typ\n1,Åsa Ek,asa@example.se,sv,byalag\n2,Bo Al,bo@example.se,en,förening\n\
                    3,Cia Ask,cia@example.se,,byalag\n4,Dan Asp,,sv,byalag\n";
const SEGMENTS: &str = "\n[segments]\nbyalag = 'typ = byalag'\nnobody = 'typ = kommun'\n";

fn club() -> Sandbox {
    let club = Sandbox::members(0);
    club.write("members.csv", LIST);
    club.write("medlemsbrev.toml", club.read("medlemsbrev.toml") + SEGMENTS);
    club.write("issues/2026-1/20-by.md", "+++\ntitle = \"By\"\naudience = 'typ = byalag'\n+++\nHej!\n");
    club.write(
        "issues/2026-1/30-kommun.md",
        "+++\ntitle = \"Kommun\"\naudience = 'typ = kommun'\n+++\nHej!\n",
    );
    club
}

/// The lines of the last run in the dry-run log.
fn last_run(club: &Sandbox) -> Vec<Value> {
    let lines: Vec<Value> =
        club.read("logs/dry-run.jsonl").lines().map(|line| serde_json::from_str(line).unwrap()).collect();
    let run = lines.last().unwrap()["run"].clone();
    lines.into_iter().filter(|line| line["run"] == run).collect()
}

fn numbers(name: &Value, [letters, skipped, earlier, left]: [u64; 4]) -> Value {
    json!({ "name": name, "letters": letters, "skipped": skipped, "earlier": earlier, "left": left })
}

#[test]
fn the_report_counts_by_segment_language_and_section() {
    let club = club();
    let config = club.read("medlemsbrev.toml");
    club.write(
        "medlemsbrev.toml",
        config.replace("[segments]", "[transport]\nquota = [\"2/h\"]\n[segments]"),
    );
    let report = club.run("send --dry-run --json").code(0).json();
    let byalag = numbers(&json!("byalag"), [2, 1, 0, 0]);
    assert_eq!(report["segments"], json!([byalag, numbers(&json!("nobody"), [0; 4])]));
    let languages = [(Value::Null, [1, 0, 0, 0]), (json!("en"), [1, 0, 0, 0]), (json!("sv"), [1, 1, 0, 0])];
    let languages: Vec<Value> = languages.iter().map(|(name, counts)| numbers(name, *counts)).collect();
    assert_eq!(report["languages"], json!(languages));
    let section = |title: &str, letters: u64| json!({ "title": title, "letters": letters });
    assert_eq!(report["sections"], json!([section("Hej", 3), section("By", 2), section("Kommun", 0)]));
    assert_eq!((&report["forecast"]["quota"], &report["forecast"]["runs"]), (&json!("2/h"), &json!(2)));
    assert_eq!((&report["changes"], &report["changed_letters"]), (&Value::Null, &Value::Null));
    assert_eq!(report["counts"]["skipped"], json!({ "no_address": 1 }));
}

#[test]
fn the_log_has_a_line_for_every_member() {
    let club = club();
    club.run("send --limit 1 --yes").code(0);
    let report = club.run("send --dry-run --limit 1 --json").code(0).json();
    assert_eq!(report["segments"][0], numbers(&json!("byalag"), [0, 1, 1, 1]));
    let lines = last_run(&club);
    let mut told: Vec<(i64, &str, &Value)> = lines
        .iter()
        .filter_map(|line| Some((line["member"].as_i64()?, line["event"].as_str()?, &line["reason"])))
        .collect();
    told.sort_unstable_by_key(|(member, ..)| *member);
    let (accepted, no_address) = (json!("accepted"), json!("no_address"));
    let want = [
        (1, "earlier", &accepted),
        (2, "accepted", &Value::Null),
        (3, "left", &Value::Null),
        (4, "skipped", &no_address),
    ];
    assert_eq!(told, want);
    let letter = &lines.iter().find(|line| line["event"] == "accepted").unwrap()["letter"];
    assert_eq!((&letter["subject"], &letter["language"]), (&json!("Brevet"), &json!("sv")));
    assert_eq!(letter["sections"], json!(["Hej"]));
    assert_eq!(letter["digest"].as_str().unwrap().len(), 64);
    let finished = lines.last().unwrap();
    assert_eq!((&finished["event"], &finished["selection"]), (&json!("finished"), &json!("--limit 1")));
}

#[test]
fn dry_runs_are_compared_by_the_content_of_letters() {
    let club = club();
    club.run("send --dry-run").code(0).stdout_has("This was the first dry run");
    club.run("send --dry-run").code(0).stdout_has("Nothing changed since the dry run");
    // Of the same length, with other words.
    club.write("issues/2026-1/20-by.md", "+++\ntitle = \"By\"\naudience = 'typ = byalag'\n+++\nHoj!\n");
    club.write(
        "members.csv",
        LIST.replace("bo@example.se", "").replace("4,Dan Asp,", "4,Dan Asp,dan@example.se"),
    );
    let report = club.run("send --dry-run --json").code(0).json();
    assert_eq!(report["changed_letters"], json!({ "new": 1, "gone": 1, "other": 2, "same": 0 }));
    assert_eq!(report["changes"]["files"], json!([{ "what": "changed", "file": "issues/2026-1/20-by.md" }]));
    let diff = club.run("log --kind dry-run --diff --json").code(0).json();
    let change = |what: &str, address: &str, detail: &str| json!({ "what": what, "address": address, "detail": detail });
    let want = [
        change("other", "asa@example.se", "other content"),
        change("other", "cia@example.se", "other content"),
        change("new", "dan@example.se", "new address"),
        change("gone", "bo@example.se", "no member has this address now"),
    ];
    assert_eq!(diff, json!(want));
    // A run for some of the members is not compared with one for all.
    club.run("send --dry-run --segment byalag").code(0);
    assert_eq!(club.run("log --kind dry-run --diff --json").code(0).json(), json!(want));
}

#[test]
fn many_members_with_the_same_change_are_one_row() {
    let club = Sandbox::members(20);
    club.run("send --dry-run").code(0);
    club.write("issues/2026-1/issue.toml", "title = \"Brevet\"\ndate = 2026-04-15\nsubject = \"Nytt\"\n");
    club.run("send --dry-run").code(0).stdout_has("20 with different content");
    let diff = club.run("log --kind dry-run --diff").code(0);
    diff.stdout_has("member0001@example.org and 19 more  subject «Nytt», was «Brevet»");
    let all = club.run("log --kind dry-run --diff -v").code(0).stdout();
    assert_eq!(all.matches("subject «Nytt»").count(), 20, "{all}");
}
