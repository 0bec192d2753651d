//! Whole messages, modelled on the descriptions of the formats.

mod languages;
mod shapes;

use std::sync::LazyLock;

use super::{Hints, MessageReader, MessageReport};
use crate::domain::bounce::{Class, MessageKind, Reason};

static READER: LazyLock<MessageReader> = LazyLock::new(|| {
    MessageReader::new(&Hints { own_addresses: vec!["studs@example.org".to_owned()], ..Hints::default() })
        .unwrap()
});

fn read(raw: &str) -> MessageReport {
    READER.read(raw.as_bytes())
}

fn summary(raw: &str) -> (MessageKind, Vec<(String, Class, Reason)>) {
    let report = read(raw);
    let recipients = report.recipients.into_iter().map(|v| (v.address, v.class, v.reason)).collect();
    (report.kind, recipients)
}

fn one(kind: MessageKind, class: Class, reason: Reason) -> (MessageKind, Vec<(String, Class, Reason)>) {
    (kind, vec![("anna@example.se".to_owned(), class, reason)])
}

const DSN: &str = "From: Mail Delivery System <MAILER-DAEMON@mx.example.org>
To: studs+2026-1.42.abcdefghijkl@example.org
Subject: Undelivered Mail Returned to Sender
Content-Type: multipart/report; report-type=delivery-status; boundary=\"x\"

--x

This is the mail system at host mx.example.org.

<anna@example.se>: host mx.example.se said: 550 5.1.1 <anna@example.se>:
    Recipient address rejected: User unknown in virtual mailbox table

--x
Content-Type: message/delivery-status

Reporting-MTA: dns; mx.example.org

Final-Recipient: rfc822; anna@example.se
Action: failed
Status: 5.1.1
Diagnostic-Code: smtp; 550 5.1.1 <anna@example.se>: Recipient address
    rejected: User unknown in virtual mailbox table

--x
Content-Type: message/rfc822

Message-ID: <2026-1.42.abcdefghijkl@example.org>
From: studs@example.org
To: anna@example.se
Subject: brev

--x--
";

#[test]
fn line_ends_make_no_difference() {
    let want = one(MessageKind::Bounce, Class::Hard, Reason::UserUnknown);
    for end in ["\n", "\r\n", "\r"] {
        assert_eq!(summary(&DSN.replace('\n', end)), want, "{end:?}");
    }
    assert!(read(DSN).tokens.contains(&"2026-1.42.abcdefghijkl".to_owned()));
}

#[test]
fn delayed_delivered_and_full_are_distinguished() {
    for (change, want) in [
        (
            ("Action: failed", "Action: delayed"),
            one(MessageKind::Delayed, Class::Delayed, Reason::UserUnknown),
        ),
        (("Action: failed", "Action: relayed"), (MessageKind::Other, vec![])),
        (
            ("User unknown in virtual mailbox table", "Mailbox full"),
            one(MessageKind::Bounce, Class::Soft, Reason::MailboxFull),
        ),
    ] {
        assert_eq!(summary(&DSN.replace(change.0, change.1)), want);
    }
}

#[test]
fn replies_of_hosts_mean_what_they_say() {
    const REPLY: &str =
        "550 5.1.1 <anna@example.se>: Recipient address\n    rejected: User unknown in virtual mailbox table";
    let unsaid = DSN.replace("Status: 5.1.1", "Status: 5.0.0").replace(REPLY, "REPLY");
    let (_, fields) = unsaid.split_once("--x\nContent-Type: message/delivery-status").unwrap();
    for (reply, reason) in [
        ("550 No such user here", Reason::UserUnknown),
        ("550 Requested action not taken: mailbox unavailable", Reason::UserUnknown),
        ("550 5.4.1 Recipient address rejected: Access denied", Reason::UserUnknown),
        ("554 5.4.4 Unable to find host exampl.se: no MX record", Reason::HostUnknown),
        ("556 5.1.10 Recipient address has null MX", Reason::NotAccepting),
        ("452 4.2.2 Over quota", Reason::MailboxFull),
        ("550 5.2.1 The account that you tried to reach is disabled", Reason::Suspended),
        ("550 Client host [192.0.2.1] blocked using dnsbl.example.org", Reason::Blocked),
        ("550 5.7.26 This mail is unauthenticated", Reason::AuthFailure),
        ("550 Sender address rejected: Domain not found", Reason::SenderRejected),
        ("554 Relay access denied", Reason::Policy),
        ("552 5.3.4 Message size exceeds fixed limit", Reason::TooBig),
        ("Name service error for name=example.se type=MX: Host not found, try again", Reason::Network),
        ("554 5.4.7 Delivery expired (message too old)", Reason::Expired),
        ("550 We do not accept mail from dynamic IPs", Reason::Blocked),
        ("550 Rejected", Reason::Policy),
    ] {
        let raw = format!(
            "From: postmaster@example.se\nSubject: failure\nContent-Type: multipart/report; boundary=x\n\n\
             --x\nContent-Type: message/delivery-status{}",
            fields.replace("REPLY", reply)
        );
        assert_eq!(summary(&raw), one(MessageKind::Bounce, reason.class(), reason), "{reply}");
    }
}

#[test]
fn notices_in_words_are_read() {
    for (from, subject, text, want) in [
        (
            "MAILER-DAEMON@mx.example.com",
            "failure notice",
            "Hi. This is the qmail-send program at mx.example.com.\n\n<anna@example.se>:\nSorry, no mailbox here by that \
             name. (#5.1.1)\n\n--- Below this line is a copy of the message.\n\nTo: bo@example.se\n",
            one(MessageKind::Bounce, Class::Hard, Reason::UserUnknown),
        ),
        (
            "Mail Delivery System <Mailer-Daemon@mx.example.com>",
            "Mail delivery failed: returning message to sender",
            "A message that you sent could not be delivered to one or more of its\nrecipients. This is a permanent \
             error.\n\n  anna@example.se\n    SMTP error from remote mail server after MAIL FROM:<studs@example.org>:\n    \
             550 unknown user\n",
            one(MessageKind::Bounce, Class::Soft, Reason::SenderRejected),
        ),
        (
            "postmaster@example.com",
            "Warning: message delayed 24 hours",
            "Your message has not yet been delivered to:\n  anna@example.se\nDelivery attempts will continue.\n",
            one(MessageKind::Delayed, Class::Delayed, Reason::Expired),
        ),
        (
            "System Administrator <postmaster@example.com>",
            "Olevererbart: brev",
            "Meddelandet nådde inte följande mottagare:\n\nanna@example.se\n  Mottagaren finns inte.\n",
            one(MessageKind::Bounce, Class::Hard, Reason::UserUnknown),
        ),
        (
            "postmaster@example.com",
            "Unzustellbar: Brief",
            "Ihre Nachricht konnte nicht zugestellt werden:\n\nanna@example.se\nDas Postfach ist voll.\n",
            one(MessageKind::Bounce, Class::Soft, Reason::MailboxFull),
        ),
        (
            "MAILER-DAEMON@mx.example.com",
            "Returned mail: User unknown",
            "   ----- Transcript of session follows -----\n>>> RCPT To:<anna@example.se>\n<<< 550 no such user\n550 \
             <anna@example.se>... User unknown\n\n   ----- Unsent message follows -----\nFrom: studs@example.org\n",
            one(MessageKind::Bounce, Class::Hard, Reason::UserUnknown),
        ),
        (
            "no-reply@sns.example.com",
            "AWS Notification Message",
            "{\"notificationType\":\"Bounce\",\"bounce\":{\"bounceType\":\"Permanent\",\"bouncedRecipients\":\
             [{\"emailAddress\":\"anna@example.se\",\"status\":\"5.1.1\",\"diagnosticCode\":\"smtp; 550 5.1.1 user \
             unknown\"}]},\"mail\":{\"source\":\"studs@example.org\"}}",
            one(MessageKind::Bounce, Class::Hard, Reason::UserUnknown),
        ),
    ] {
        let raw = format!("From: {from}\nTo: studs@example.org\nSubject: {subject}\n\n{text}");
        assert_eq!(summary(&raw), want, "{text}");
    }
}

#[test]
fn other_mail_is_not_a_bounce() {
    for (header, text, kind) in [
        (
            "From: anna@example.se\nSubject: SV: Medlemsbrev",
            "Tack! Mitt brev till bo@example.se kunde inte levereras.",
            MessageKind::Other,
        ),
        (
            "From: anna@example.se\nSubject: mail delivery problem",
            "My mail to bo@example.se could not be delivered.",
            MessageKind::Other,
        ),
        (
            "From: anna@example.se\nReturn-Path: <>\nSubject: Autosvar: Medlemsbrev",
            "Jag är på semester.",
            MessageKind::AutoReply,
        ),
        ("From: anna@example.se\nSubject: avsluta", "", MessageKind::Unsubscribe),
        (
            "From: list-bounces@example.se\nSubject: [list] news",
            "The road does not exist any more.",
            MessageKind::Other,
        ),
        (
            "Subject: x\nContent-Type: message/disposition-notification",
            "Disposition: displayed",
            MessageKind::AutoReply,
        ),
    ] {
        assert_eq!(read(&format!("{header}\nTo: studs@example.org\n\n{text}\n")).kind, kind, "{header}");
    }
}

#[test]
fn a_notice_in_a_forwarded_mail_is_read() {
    let raw = format!(
        "From: bo@example.se\nSubject: VB: kom tillbaka\nContent-Type: multipart/mixed; boundary=y\n\n--y\n\nSe här.\n\
         --y\nContent-Type: message/rfc822\n\n{DSN}\n--y--\n"
    );
    assert_eq!(summary(&raw), one(MessageKind::Bounce, Class::Hard, Reason::UserUnknown));
}

#[test]
fn hostile_messages_are_read_quickly() {
    let nested: String =
        (0..10_000).map(|n| format!("Content-Type: multipart/mixed; boundary=b{n}\n\n--b{n}\n")).collect();
    assert_eq!(read(&nested).kind, MessageKind::Other);
    assert_eq!(read(&"Content-Type: message/rfc822\n\n".repeat(10_000)).kind, MessageKind::Other);
    let records: String = (0..10_000)
        .map(|n| format!("Final-Recipient: rfc822;u{n}@example.se\nAction: failed\nStatus: 5.1.1\n\n"))
        .collect();
    let raw = format!("Content-Type: message/delivery-status\n\n{records}");
    assert_eq!(read(&raw).recipients.len(), 10_000);
}

#[test]
fn truncated_messages_do_not_panic() {
    for end in (0..DSN.len()).filter(|end| DSN.is_char_boundary(*end)) {
        read(&DSN[..end]);
        read(&DSN[end..]);
    }
}
