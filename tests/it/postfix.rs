//! Tests with a real Postfix that delivers to Maildirs, started by `.ci/postfix start`. Skipped with a clear notice
//! if it is missing.

use std::path::{Path, PathBuf};

use crate::support::real_servers::{first_port, messages, root, wait_until};
use crate::support::sandbox::Sandbox;

/// The folder of the Maildirs; `None`, with a notice, if no Postfix was started.
fn maildirs() -> Option<PathBuf> {
    root("postfix", "MEDLEMSBREV_POSTFIX_ROOT", first_port()).map(|root| root.join("mail"))
}

#[test]
fn every_mailbox_gets_one_letter_and_a_bounce_suppresses_its_member() {
    let Some(mail) = maildirs() else { return };
    for entry in std::fs::read_dir(&mail).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        // The other mailboxes belong to tests that run at the same time.
        if !name.starts_with("member") && name != "studs" {
            continue;
        }
        messages(&entry.path()).iter().for_each(|message| std::fs::remove_file(message).unwrap());
    }
    let club = Sandbox::members(200).transport(&format!(
        "kind = \"smtp\"\nhost = \"127.0.0.1\"\nport = {}\nsecurity = \"none\"\nconnections = 4",
        first_port()
    ));
    let list = club.read("members.csv") + "Okänd Person,okand@example.org\n";
    club.write("members.csv", list);
    club.run("send 2026-1 --yes").code(0).stdout_has("201");
    club.run("send 2026-1 --yes").code(0).stdout_has("nothing to send");
    let boxes: Vec<PathBuf> = (1..=200).map(|n| mail.join(format!("member{n:04}"))).collect();
    wait_until("delivery", || boxes.iter().all(|maildir| !messages(maildir).is_empty()));
    assert!(boxes.iter().all(|maildir| messages(maildir).len() == 1), "a mailbox has a second letter");
    let letter = std::fs::read_to_string(&messages(&boxes[0])[0]).unwrap();
    assert!(letter.contains("Return-Path: <studs+2026-1.1."), "{letter}");

    let studs = mail.join("studs");
    wait_until("the bounce", || !messages(&studs).is_empty());
    club.run(&format!("bounces {}", studs.display())).code(0).stdout_has("okand@example.org");
    club.write("issues/2026-2/issue.toml", "title = \"Nästa brev\"\ndate = 2026-10-15\n");
    club.write("issues/2026-2/10-hej.md", "+++\ntitle = \"Hej\"\n+++\nIgen.\n");
    let sent = club.run("send 2026-2 --yes").code(0).stdout();
    assert!(sent.contains("skipped: hard bounce"), "{sent}");
    assert_eq!(club.in_state("2026-2", "accepted"), 200);
}

/// Sends thirty letters, to `NAME1@example.org` and so on, through the Postfix on this port.
fn send_thirty(mail: &Path, name: &str, port: u16) -> String {
    let boxes: Vec<PathBuf> = (1..=30).map(|n| mail.join(format!("{name}{n}"))).collect();
    for message in boxes.iter().flat_map(|maildir| messages(maildir)) {
        std::fs::remove_file(message).unwrap();
    }
    let club = Sandbox::members(0)
        .transport(&format!(
            "kind = \"smtp\"\nhost = \"127.0.0.1\"\nport = {port}\nsecurity = \"none\"\nconnections = 4"
        ))
        .with("patience = \"3min\"");
    let rows: String = (1..=30).map(|n| format!("Member {n},{name}{n}@example.org\n")).collect();
    club.write("members.csv", format!("namn,epost\n{rows}"));
    let run = club.run("send 2026-1 --yes").code(0);
    assert_eq!(club.in_state("2026-1", "accepted"), 30);
    wait_until("delivery", || boxes.iter().all(|maildir| !messages(maildir).is_empty()));
    assert!(boxes.iter().all(|maildir| messages(maildir).len() == 1), "a mailbox has a second letter");
    run.stderr()
}

#[test]
fn a_rate_limit_slows_the_run_down_and_everything_arrives() {
    let Some(mail) = maildirs() else { return };
    let said = send_thirty(&mail, "limited", first_port() + 1);
    assert!(said.contains("too much mail"), "{said}");
}

#[test]
fn greylisted_letters_arrive_within_the_patience() {
    let Some(mail) = maildirs() else { return };
    let said = send_thirty(&mail, "grey", first_port() + 2);
    assert!(said.contains("Greylisted") && said.contains("trying again"), "{said}");
}
