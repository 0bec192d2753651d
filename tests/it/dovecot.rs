//! Tests with a real Postfix that delivers to a real Dovecot, started by `.ci/postfix start` and `.ci/dovecot start`:
//! returned mail is read through Maildir and IMAP, and the next letter skips exactly the right members.

use std::path::{Path, PathBuf};

use crate::support::real_servers::{first_port, messages, root, wait_until};
use crate::support::sandbox::Sandbox;
use lettre::address::Envelope;
use lettre::{SmtpTransport, Transport};
use serde_json::Value;

/// The recipients, and what they send back: bounces, a delay, and two mails written by members.
const MEMBERS: [&str; 8] = [
    "anna@mail.example.org",
    "bertil@mail.example.org",
    "cecilia@mail.example.org",
    "okand@mail.example.org",
    "full@mail.example.org",
    "liten@small.example.org",
    "borta@gone.example.org",
    "away@mail.example.org",
];
const KINDS: [(&str, &str, &str); 7] = [
    ("auto-reply", "", "none"),
    ("bounce", "mailbox-full", "counted"),
    // Delivery was given up; Postfix reports the result of the last attempt.
    ("bounce", "network", "counted"),
    ("bounce", "too-big", "counted"),
    ("bounce", "user-unknown", "suppressed"),
    ("delayed", "network", "none"),
    ("unsubscribe", "", "suppressed"),
];

/// A club whose bounces are delivered to this mailbox on the Dovecot.
struct Club {
    sandbox: Sandbox,
    root: PathBuf,
    bounces: &'static str,
}

impl Club {
    fn new(bounces: &'static str) -> Option<Self> {
        root("postfix", "MEDLEMSBREV_POSTFIX_ROOT", first_port())?;
        let root = root("dovecot", "MEDLEMSBREV_DOVECOT_ROOT", first_port() + 20)?;
        let sandbox = Sandbox::members(0).transport(&format!(
            "kind = \"smtp\"\nhost = \"127.0.0.1\"\nport = {}\nsecurity = \"none\"",
            first_port()
        ));
        let rows: Vec<String> = MEMBERS.iter().map(|address| format!("{address},{address}\n")).collect();
        sandbox.write("members.csv", format!("namn,epost\n{}", rows.concat()));
        let config = sandbox.read("medlemsbrev.toml").replace(
            "bounce_address = \"studs@example.se\"",
            &format!("bounce_address = \"{bounces}\"\nunsubscribe_address = \"{bounces}\""),
        );
        sandbox.write("medlemsbrev.toml", config);
        let club = Self { sandbox, root, bounces };
        for file in messages(&club.mailbox(bounces)) {
            std::fs::remove_file(file).unwrap();
        }
        Some(club)
    }

    fn mailbox(&self, address: &str) -> PathBuf {
        self.root.join("mail").join(address)
    }

    /// The table for reading bounces through IMAP.
    fn imap(&self, security: &str, port: u16) -> String {
        format!(
            "[inbox.imap]\nhost = \"localhost\"\nport = {port}\nsecurity = \"{security}\"\nca_file = \"{}\"\n\
             username = \"{}\"\npassword_command = \"echo hemligt\"\n",
            self.root.join("ca.pem").display(),
            self.bounces
        )
    }

    /// This club's letters in a mailbox.
    fn letters(&self, address: &str) -> Vec<String> {
        let texts = messages(&self.mailbox(address)).into_iter().map(|file| read(&file));
        let key = self.sandbox.read("logs/send.jsonl");
        texts.filter(|text| message_id(text).is_some_and(|id| key.contains(id))).collect()
    }

    /// Sends the letter, and waits until all messages have come back: automatic ones, and those of two members.
    fn send_and_wait(&self) {
        self.sandbox.run("send 2026-1 --yes").code(0);
        for member in ["anna@mail.example.org", "away@mail.example.org"] {
            wait_until("delivery", || !self.letters(member).is_empty());
        }
        let annas = &self.letters("anna@mail.example.org")[0];
        let leave = between(annas, "List-Unsubscribe: <mailto:", ">").replace("%20", " ");
        let (address, subject) = leave.split_once("?subject=").unwrap();
        write(
            "anna@mail.example.org",
            address,
            &format!("Subject: {subject}\nMessage-ID: <{}>", self.leaving()),
        );
        // Sieve does not answer mailing lists, but a member's other vacation program may.
        let away = &self.letters("away@mail.example.org")[0];
        write(between(away, "Return-Path: <", ">"), "away@mail.example.org", "Subject: Brevet");
        let mailbox = self.mailbox(self.bounces);
        wait_until("all that comes back", || messages(&mailbox).len() >= KINDS.len());
    }

    /// The Message-ID of Anna's mail in this run, so that the answer to it is distinguished from those of other runs
    /// and clubs.
    fn leaving(&self) -> String {
        format!("leaving-{}-{}", std::process::id(), self.bounces)
    }

    /// The log's line about each message.
    fn log(&self) -> Vec<(String, String, String)> {
        let text = self.sandbox.read("logs/bounce.jsonl");
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let word = |line: &Value, key: &str| line[key].as_str().unwrap_or_default().to_owned();
        let mut log: Vec<_> =
            lines.map(|line| (word(&line, "kind"), word(&line, "reason"), word(&line, "action"))).collect();
        log.sort();
        log
    }

    /// Sends the next letter and returns who got none.
    fn skipped_next_time(&self) -> Vec<(String, String)> {
        self.sandbox.write("issues/2026-2/issue.toml", "title = \"Nästa brev\"\ndate = 2026-10-15\n");
        self.sandbox.write("issues/2026-2/10-hej.md", "+++\ntitle = \"Hej\"\n+++\nIgen.\n");
        self.sandbox.run("send 2026-2 --yes").code(0);
        assert_eq!(self.sandbox.in_state("2026-2", "accepted"), MEMBERS.len() as u64 - 2);
        let text = self.sandbox.read("logs/send.jsonl");
        let lines = text.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        let word = |line: &Value, key: &str| line[key].as_str().unwrap_or_default().to_owned();
        lines
            .filter(|line| line["event"] == "skipped" && line["issue"] == "2026-2")
            .map(|line| (word(&line, "address"), word(&line, "reason")))
            .collect()
    }

    fn check_all(&self) {
        let expected =
            KINDS.map(|(kind, reason, action)| (kind.to_owned(), reason.to_owned(), action.to_owned()));
        assert_eq!(self.log(), expected);
        let skipped = self.skipped_next_time();
        let addresses: Vec<&str> = skipped.iter().map(|(address, _)| address.as_str()).collect();
        assert_eq!(addresses, ["anna@mail.example.org", "okand@mail.example.org"], "{skipped:?}");
    }
}

fn read(file: &Path) -> String {
    std::fs::read_to_string(file).unwrap_or_default().replace("\r\n", "\n")
}

fn message_id(text: &str) -> Option<&str> {
    let id = text.split("\nMessage-ID: <").nth(1)?;
    id.split('>').next()
}

fn between<'a>(text: &'a str, start: &str, end: &str) -> &'a str {
    text.split(start).nth(1).unwrap_or_else(|| panic!("no {start} in {text}")).split(end).next().unwrap()
}

/// Sends a mail like a member.
fn write(from: &str, to: &str, header: &str) {
    let envelope = Envelope::new(Some(from.parse().unwrap()), vec![to.parse().unwrap()]).unwrap();
    let mail = format!("From: <{from}>\nTo: <{to}>\n{header}\n\nHej!\n").replace('\n', "\r\n");
    let server = SmtpTransport::builder_dangerous("127.0.0.1").port(first_port()).build();
    server.send_raw(&envelope, mail.as_bytes()).unwrap();
}

#[test]
fn returned_mail_is_read_from_a_maildir() {
    let Some(club) = Club::new("studs@mail.example.org") else { return };
    let config = club.sandbox.read("medlemsbrev.toml");
    club.sandbox.write("medlemsbrev.toml", "[inbox]\nconfirm = true\n".to_owned() + &config);
    club.send_and_wait();
    let read = format!("bounces {}", club.mailbox(club.bounces).display());
    club.sandbox.run(&read).code(0).stderr_has("7 read, 0 already known").stderr_has("1 confirmation");
    club.sandbox.run(&read).code(0).stderr_has("0 read, 7 already known");
    let config = club.sandbox.read("medlemsbrev.toml");
    club.sandbox.write("medlemsbrev.toml", club.imap("tls", first_port() + 21) + &config);
    club.sandbox.run("bounces").code(0).stderr_has("0 read, 7 already known");
    let reference = format!("In-Reply-To: <{}>", club.leaving());
    let answer = || {
        let files = messages(&club.mailbox("anna@mail.example.org"));
        files.iter().map(|file| self::read(file)).find(|text| text.contains(&reference))
    };
    wait_until("the answer", || answer().is_some());
    let answer = answer().unwrap();
    assert!(
        answer.contains("Return-Path: <>") && answer.contains("Auto-Submitted: auto-replied"),
        "{answer}"
    );
    club.check_all();
}

#[test]
fn returned_mail_is_read_through_imap() {
    let Some(club) = Club::new("doris@mail.example.org") else { return };
    let table = |security: &str, port: u16| club.imap(security, port);
    let config = club.sandbox.read("medlemsbrev.toml");
    let imap = |table: String| club.sandbox.write("medlemsbrev.toml", table + &config);
    imap(table("tls", first_port() + 21));
    club.send_and_wait();
    let dry = club.sandbox.run("bounces --dry-run --json").code(0).json();
    assert_eq!(dry.as_array().unwrap().len(), KINDS.len(), "{dry}");
    club.sandbox.run("bounces").code(0).stderr_has("7 read, 0 already known");
    club.sandbox.run("bounces").code(0).stderr_has("0 read, 0 already known");
    club.check_all();

    imap(table("starttls", first_port() + 20) + "move_to = \"Åtgärdat\"\n");
    // Meanwhile the second letter came back too.
    club.sandbox.run("bounces").code(0).stderr_has("7 already known");
    let moved = club.mailbox(club.bounces).join(".&AMU-tg&AOQ-rdat");
    assert!(messages(&moved).len() >= KINDS.len(), "{}", moved.display());
    imap(table("tls", first_port() + 21).replace("hemligt", "fel"));
    club.sandbox.run("bounces").code(78).stderr_has("refused the login as doris@mail.example.org");
    imap(table("tls", first_port() + 21) + "folder = \"Studsar\"\n");
    club.sandbox.run("bounces").code(78).stderr_has("cannot open the folder `Studsar`");
    imap(table("tls", first_port() + 20));
    club.sandbox.run("bounces").code(78).stderr_has("no TLS on this port");
}
