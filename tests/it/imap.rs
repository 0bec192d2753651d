//! Returned mail in an IMAP folder: each message is read once, whatever fails midway.

use crate::support::imap_server::{ImapFault, ImapServer, Manners};
use crate::support::sandbox::{Sandbox, bounce};

const DONE: &str = "$MedlemsbrevDone";

fn messages(count: usize) -> Vec<String> {
    (1..=count).map(|number| bounce(number, "5.1.1", "User unknown")).collect()
}

/// A club with this many members, each of whom got a letter; their bounces are on the server.
fn club(server: &ImapServer, more: &str, members: usize) -> Sandbox {
    let club = Sandbox::members(members);
    club.run("send 2026-1 --yes").code(0);
    club.write("medlemsbrev.toml", server.table(more) + &club.read("medlemsbrev.toml"));
    club
}

fn log_lines(club: &Sandbox) -> usize {
    club.read("logs/bounce.jsonl").lines().count()
}

#[test]
fn messages_are_read_once_and_marked() {
    let server = ImapServer::start(&messages(3));
    let club = club(&server, "", 4).without_tokens();
    club.run("bounces --dry-run").code(0).stdout_has("imap://127.0.0.1/INBOX/;UID=2: bounce");
    let commands = server.commands().join("\n");
    assert!(commands.contains("EXAMINE") && !commands.contains("SELECT") && !commands.contains("STORE"));
    assert!(!commands.contains(" BODY[") && commands.contains("BODY.PEEK["), "{commands}");
    club.run("bounces").code(0).stderr_has("3 read, 0 already known");
    assert_eq!(server.flagged(DONE), 3);
    club.run("bounces").code(0).stderr_has("0 read, 0 already known");
    assert_eq!(log_lines(&club), 3);
    club.run("send 2026-1 --yes").code(0);
    club.run("bounces report").code(0).stdout_has("member0003@example.org");
}

#[test]
fn a_broken_connection_is_reopened_and_nothing_is_read_twice() {
    let server = ImapServer::start(&messages(150));
    let club = club(&server, "", 150);
    for fault in [
        ImapFault::Goodbye,
        ImapFault::CutMessage(1),
        ImapFault::CutMessage(60),
        ImapFault::CutMessage(140),
        ImapFault::CutPutAway,
    ] {
        server.add(fault);
    }
    club.run("bounces").code(0).stderr_has("trying again").stderr_has("150 read, 0 already known");
    assert_eq!((server.flagged(DONE), log_lines(&club)), (150, 150));
}

#[test]
fn a_crash_before_the_mark_loses_nothing() {
    let server = ImapServer::start(&messages(3));
    let club = club(&server, "", 4);
    server.add(ImapFault::SilentPutAway);
    let run = club.start("bounces");
    let started = std::time::Instant::now();
    while !server.commands().iter().any(|command| command.contains("STORE")) {
        assert!(started.elapsed().as_secs() < 60);
        std::thread::sleep(std::time::Duration::from_millis(10));
    }
    run.signal("KILL");
    run.wait();
    assert_eq!(server.flagged(DONE), 0);
    club.run("bounces").code(0).stderr_has("0 read, 3 already known");
    assert_eq!((server.flagged(DONE), log_lines(&club)), (3, 3));
}

#[test]
fn handled_messages_are_moved_by_servers_of_any_age() {
    for (capabilities, left, moved) in
        [("IMAP4rev1 MOVE", 0, 2), ("IMAP4rev1 UIDPLUS", 0, 2), ("IMAP4rev1", 2, 2)]
    {
        let manners = Manners { capabilities, permanent_flags: "\\Seen \\Deleted" };
        let server = ImapServer::with(&messages(2), manners);
        let club = club(&server, "move_to = \"Åtgärdat\"", 2);
        club.run("bounces").code(0).stderr_has("2 read");
        let folder = "&AMU-tg&AOQ-rdat";
        assert_eq!((server.in_folder("INBOX"), server.in_folder(folder)), (left, moved), "{capabilities}");
        club.run("bounces").code(0).stderr_has("0 read, 0 already known");
    }
}

#[test]
fn errors_name_server_and_folder_and_say_what_to_do() {
    let manners = Manners { permanent_flags: "\\Seen", ..Manners::default() };
    let server = ImapServer::with(&messages(1), manners);
    club(&server, "", 1)
        .run("bounces")
        .code(78)
        .stderr_has("does not support keywords")
        .stderr_has("set move_to");
    let missing = club(&server, "folder = \"Studsar\"", 1);
    missing
        .run("bounces")
        .code(78)
        .stderr_has("127.0.0.1")
        .stderr_has("`Studsar`")
        .stderr_has("check folder");
    let wrong = club(&server, "", 1);
    wrong.write("medlemsbrev.toml", wrong.read("medlemsbrev.toml").replace("echo hemligt", "echo fel"));
    wrong.run("bounces").code(78).stderr_has("refused the login as studs").stderr_has("[inbox.imap]");
    assert_eq!(server.in_folder("INBOX"), 1);
    let smtp = crate::support::smtp_server::SmtpServer::start();
    let other = club(&server, "", 1);
    let table = server.table("");
    let port = table.lines().find(|line| line.starts_with("port")).unwrap();
    let config = other.read("medlemsbrev.toml").replace(port, &format!("port = {}", smtp.port()));
    other.write("medlemsbrev.toml", config);
    other
        .run("bounces")
        .code(78)
        .stderr_has("not an IMAP server")
        .stderr_has("check host, port and security");
}

#[test]
fn a_token_logs_in_if_the_server_accepts_tokens() {
    let manners = Manners { capabilities: "IMAP4rev1 AUTH=XOAUTH2 LOGINDISABLED", ..Manners::default() };
    let server = ImapServer::with(&messages(1), manners);
    let club = club(&server, "auth = \"xoauth2\"", 1);
    club.run("bounces").code(0).stderr_has("1 read");
    let password = club.read("medlemsbrev.toml").replace("auth = \"xoauth2\"", "");
    club.write("medlemsbrev.toml", password);
    club.run("bounces").code(78).stderr_has("neither AUTH=PLAIN nor LOGIN");
}

#[test]
fn an_unavailable_message_is_named_and_the_others_are_read() {
    let server = ImapServer::start(&messages(3));
    let club = club(&server, "", 3);
    server.add(ImapFault::NoText(2));
    club.run("bounces").code(75).stderr_has("2 read").stderr_has("(UIDs): 2");
    assert_eq!(server.flagged(DONE), 2);
    club.run("bounces").code(0).stderr_has("1 read");
}
