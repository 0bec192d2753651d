//! Files that only one member gets, such as invoices: nobody else sees them, and nobody is without.

use mail_parser::{Message, MessageParser, MimeHeaders};

use crate::support::sandbox::Sandbox;
use crate::support::smtp_server::SmtpServer;

const BAD_DATA: i32 = 65;

/// Anna and Bo have an address each, Cia and Dan share one, and Eva has none.
fn club() -> Sandbox {
    let club = Sandbox::members(0);
    let list = "Nr;Namn;E-post;Adress;Postnr;Ort\n1;Anna Al;anna@example.org;;;\n2;Bo By;bo@example.org;;;\n\
                3;Cia Dal;dal@example.org;;;\n4;Dan Dal;dal@example.org;;;\n5;Eva Fors;;Bygatan 5;100 00;Byn\n";
    club.write("members.csv", list);
    club.write(
        "issues/2026-1/issue.toml",
        "title = \"Brevet\"\ndate = 2026-04-15\nsend_at = \"2020-01-01T08:00\"\n\
         member_attachment = \"attachments/{{member.number}}.pdf\"\nmember_attachment_name = \"Avgift.pdf\"\n",
    );
    club.write("issues/2026-1/attachments/alla.txt", "För alla");
    club
}

fn with_files(club: &Sandbox) {
    for number in 1..=5 {
        club.write(&format!("issues/2026-1/attachments/{number}.pdf"), format!("Faktura {number}"));
    }
}

/// The names and contents of a letter's attachments.
fn attached(message: &Message<'_>) -> Vec<(String, String)> {
    let file = |part: &mail_parser::MessagePart<'_>| {
        let content = String::from_utf8_lossy(part.contents()).into_owned();
        (part.attachment_name().unwrap_or_default().to_owned(), content)
    };
    message.attachments().map(file).collect()
}

#[test]
fn nothing_is_sent_before_every_member_has_a_file() {
    let club = club();
    let all = "2 members have no attachment that can be sent: Anna Al: `attachments/1.pdf` is missing; \
               Bo By: `attachments/2.pdf` is missing";
    club.run("check 2026-1").code(BAD_DATA).stdout_has(all).stdout_has("issue.toml:4: error");
    club.run("send 2026-1 --yes").code(BAD_DATA).stderr_has(all);
    with_files(&club);
    club.write("issues/2026-1/attachments/2.pdf", "");
    club.run("send 2026-1 --yes").code(BAD_DATA).stderr_has("Bo By: `attachments/2.pdf` is empty");
    std::fs::File::create(club.path("issues/2026-1/attachments/2.pdf")).unwrap().set_len(10_000_001).unwrap();
    club.run("send 2026-1 --yes").code(BAD_DATA).stderr_has("Bo By: `attachments/2.pdf` is too large");
    let list = club.read("members.csv");
    club.write("members.csv", list.replace("\n2;Bo", "\n../2;Bo"));
    club.run("send 2026-1 --yes")
        .code(BAD_DATA)
        .stderr_has("Bo By: `../2` in the field `number` cannot be part of a file name");
    assert!(!club.path("outbox/2026-1").exists(), "a letter left");
}

#[test]
fn each_member_gets_one_file_and_nobody_gets_anothers() {
    let club = club();
    with_files(&club);
    club.write("issues/2026-1/attachments/99.pdf", "Ingens");
    club.run("check 2026-1")
        .code(0)
        .stdout_has("without their attachment: Cia Dal and Dan Dal (dal@example.org)")
        .stdout_has("no member gets `attachments/99.pdf`");
    club.run("send 2026-1 --dry-run").code(0);
    let files = club.files("outbox/2026-1/dry-run");
    assert_eq!(files.len(), 3);
    for file in files {
        let letter = std::fs::read(club.path(&format!("outbox/2026-1/dry-run/{file}"))).unwrap();
        let message = MessageParser::default().parse(&letter).unwrap();
        let to = message.to().and_then(|to| to.first()).and_then(|to| to.address()).unwrap();
        let own = match to {
            "anna@example.org" => Some("Faktura 1"),
            "bo@example.org" => Some("Faktura 2"),
            _ => None,
        };
        let own_file = own.map(|content| ("Avgift.pdf".to_owned(), content.to_owned()));
        let want: Vec<_> =
            [("alla.txt".to_owned(), "För alla".to_owned())].into_iter().chain(own_file).collect();
        assert_eq!(attached(&message), want, "{to}");
        let (text, html) = (message.body_text(0).unwrap(), message.body_html(0).unwrap());
        assert_eq!(text.contains("- Avgift.pdf"), own.is_some(), "{text}");
        assert_eq!(html.contains("<li>Avgift.pdf</li>"), own.is_some(), "{html}");
    }
    let neutral = club.run("preview 2026-1 --part source").code(0).stdout();
    assert!(neutral.contains("alla.txt") && !neutral.contains("Avgift.pdf"), "{neutral}");
}

#[test]
fn a_file_that_changes_after_the_approval_stops_the_send() {
    let server = SmtpServer::start();
    let club = club().relay(&server);
    with_files(&club);
    club.run("approve --yes").code(0);
    club.write("issues/2026-1/attachments/2.pdf", "En annan faktura");
    club.run("send --due").code(BAD_DATA).stderr_has("changed  issues/2026-1/attachments/2.pdf");
    assert_eq!(server.messages(), 0);
    club.run("approve --yes").code(0);
    club.run("send --due").code(0);
    assert_eq!(server.messages(), 3);
}
