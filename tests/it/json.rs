//! `--json`: exactly one document on stdout, whatever happens, with one shape.

use serde_json::Value;

use crate::support::sandbox::Sandbox;

fn has_its_shape(document: &Value) {
    let keys: Vec<&String> = document.as_object().unwrap().keys().collect();
    assert_eq!(keys, ["command", "error", "exit_code", "result"], "{document}");
}

#[test]
fn every_command_prints_one_document() {
    let club = Sandbox::example("stockholm");
    for command in [
        "import",
        "status",
        "check 2026-1",
        "preview 2026-1",
        "preview 2026-1 --part text",
        "segments",
        "organisations",
        "members list",
        "members show id:1",
        "members export",
        "schedule",
        "completions bash",
        "send 2026-1 --dry-run",
        "log --kind dry-run",
        "new 2027-1",
        "approve 2026-1 --yes",
        "send 2026-1 --yes",
        "log",
        "cancel 2026-1",
    ] {
        let run = club.run(&format!("{command} --json"));
        let document = run.code(0).document();
        has_its_shape(&document);
        let words: Vec<&str> = command.split(' ').collect();
        assert!(words.starts_with(&document["command"].as_str().unwrap().split(' ').collect::<Vec<_>>()));
        assert!(!document["result"].is_null(), "`{command}` reports nothing");
        assert_eq!(document["exit_code"], 0);
    }
}

#[test]
fn errors_are_in_the_document() {
    let club = Sandbox::example("stockholm");
    club.write("issues/2026-1/issue.toml", "title = 1\n");
    let wrong = club.run("check 2026-1 --json").code(65).document();
    has_its_shape(&wrong);
    let expected = [
        ("send 2099-9 --yes", 65, "data"),
        ("send --nonsense", 2, "usage"),
        ("members show nobody", 65, "data"),
    ];
    for (command, code, kind) in expected {
        let document = club.run(&format!("{command} --json")).code(code).document();
        has_its_shape(&document);
        assert_eq!((&document["exit_code"], &document["error"]["kind"]), (&code.into(), &kind.into()));
        assert!(!document["error"]["message"].as_str().unwrap().is_empty(), "{document}");
    }
}

#[test]
fn an_error_names_file_and_line() {
    let club = Sandbox::example("stockholm");
    let config = club.read("medlemsbrev.toml");
    club.write("medlemsbrev.toml", format!("nonsense = 1\n{config}"));
    let document = club.run("status --json").code(78).document();
    assert_eq!(document["error"]["line"], 1, "{document}");
    assert!(document["error"]["file"].as_str().unwrap().ends_with("medlemsbrev.toml"));
}
