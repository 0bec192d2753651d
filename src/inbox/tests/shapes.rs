//! Notices in unusual shapes: damaged at the edges, disguised, or with other addresses in them.

use super::{MessageKind, Reason, one, read, summary};
use crate::domain::bounce::Class;

/// A report on one recipient, with the fields and a text for people.
fn report(fields: &str, words: &str) -> String {
    format!(
        "From: Mail Delivery System <MAILER-DAEMON@mx.example.org>\nTo: studs+2026-1.42.abcdefghijkl@example.org\n\
         Subject: Undelivered Mail Returned to Sender\n\
         Content-Type: multipart/report; report-type=delivery-status; boundary=x\n\n\
         --x\n\n{words}\n--x\nContent-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.org\n\n{fields}\n\n--x--\n"
    )
}

/// A notice in words.
fn notice(text: &str) -> String {
    format!(
        "From: Mail Delivery System <MAILER-DAEMON@mx.example.com>\nTo: studs@example.org\n\
         Subject: Mail delivery failed\n\n{text}"
    )
}

fn addresses(raw: &str) -> Vec<String> {
    read(raw).recipients.into_iter().map(|verdict| verdict.address).collect()
}

#[test]
fn a_field_names_its_recipient_literally() {
    for address in
        ["anna@example.x", "=anna@example.se", "'anna@example.se", "anna@[192.0.2.1]", "anna.@example.se"]
    {
        let raw = report(&format!("Final-Recipient: rfc822; {address}\nAction: failed\nStatus: 5.1.1"), "");
        let want = if address.ends_with(']') { vec![] } else { vec![address.to_owned()] };
        assert_eq!(addresses(&raw), want, "{address}");
    }
    let listed = "From: mailer-daemon@mx.example.com\nX-Failed-Recipients: =anna@example.x, bo@example.se\n\nno such user";
    assert_eq!(addresses(listed), ["=anna@example.x", "bo@example.se"]);
}

#[test]
fn damaged_edges_do_not_hide_the_bounce() {
    let whole =
        report("Final-Recipient: rfc822; anna@example.se\nAction: failed\nStatus: 5.1.1", "No such user.");
    let (header, _) = whole.split_once("\n\n").unwrap();
    let (open, _) = whole.split_once("\n\n--x--").unwrap();
    let want = one(MessageKind::Bounce, Class::Hard, Reason::UserUnknown);
    for (raw, want) in [
        (format!("\n\n \n{whole}"), want.clone()),
        (format!("\r\n\r\n{}", whole.replace('\n', "\r\n")), want.clone()),
        (open.to_owned(), want.clone()),
        (whole.replace("--x\nContent-Type", "--x\n\nContent-Type"), want.clone()),
        (whole.replace("\n\n--x--\n", "\nDiagnostic-Code: smtp; 550 5.1"), want),
        // It has neither parts nor a body: the header alone shows what it is.
        (format!("{header}\n\n"), (MessageKind::Bounce, vec![])),
        (header.to_owned(), (MessageKind::Bounce, vec![])),
    ] {
        assert_eq!(summary(&raw), want, "{raw}");
    }
    assert!(read(&format!("{header}\n\n")).tokens.contains(&"2026-1.42.abcdefghijkl".to_owned()));
}

#[test]
fn broken_lines_are_joined() {
    for (text, class, reason) in [
        (
            "<anna@example.se>: Host or domain name not\n    found. Name service error: Host not\n    found, try again\n",
            Class::Soft,
            Reason::Network,
        ),
        (
            "  anna@example.se\n    all relevant MX records point to non-existent\n    hosts\n",
            Class::Hard,
            Reason::HostUnknown,
        ),
        ("<anna@example.se>: 552 The mailbox is\n    full\n", Class::Soft, Reason::MailboxFull),
    ] {
        assert_eq!(summary(&notice(text)), one(MessageKind::Bounce, class, reason), "{text}");
        let folded = text.trim().split_once([':', '\n']).unwrap().1.trim_start();
        let fields = format!(
            "Final-Recipient: rfc822; anna@example.se\nAction: failed\nDiagnostic-Code: smtp; {folded}"
        );
        assert_eq!(summary(&report(&fields, "")), one(MessageKind::Bounce, class, reason), "{text}");
    }
}

#[test]
fn the_recipients_own_words_count_first() {
    const FOOTER: &str = "\n\n________________________________\nThis message was scanned for viruses and spam by Example Mail.\n\
        Avsändaren ansvarar för innehållet. If you are over quota, clean up your mailbox.";
    for words in ["550 5.1.1 <anna@example.se> no", "550 User unknown", "Kontot finns inte"] {
        let text = format!("Your message could not be delivered.\n\n<anna@example.se>: {words}{FOOTER}");
        assert_eq!(
            summary(&notice(&text)),
            one(MessageKind::Bounce, Class::Hard, Reason::UserUnknown),
            "{words}"
        );
    }
    let fields = "Final-Recipient: rfc822; anna@example.se\nAction: failed\nStatus: 5.1.1";
    assert_eq!(summary(&report(fields, FOOTER)), one(MessageKind::Bounce, Class::Hard, Reason::UserUnknown));
}

#[test]
fn a_challenge_is_not_a_report_whatever_it_looks_like() {
    let fields = "Final-Recipient: rfc822; anna@example.se\nAction: delayed\nStatus: 4.7.1";
    let words = "To complete the delivery, please confirm your message: https://example.se/confirm";
    assert_eq!(summary(&report(fields, words)), (MessageKind::AutoReply, vec![]));
    let refused = "Final-Recipient: rfc822; anna@example.se\nAction: failed\nStatus: 5.7.1\n\
         Diagnostic-Code: smtp; 550 5.7.1 sender verification required";
    assert_eq!(read(&report(refused, "")).kind, MessageKind::Bounce);
}

#[test]
fn a_refusing_script_is_not_a_receipt() {
    let raw = |automatic: &str| {
        format!(
            "From: Mail Delivery Subsystem <postmaster@example.se>\nTo: studs@example.org\nSubject: Rejected: brev\n\
             Auto-Submitted: {automatic}\n\
             Content-Type: multipart/report; report-type=disposition-notification; boundary=x\n\n\
             --x\n\nYour message to <anna@example.se> was automatically rejected:\nQuota exceeded\n\
             --x\nContent-Type: message/disposition-notification\n\nFinal-Recipient: rfc822; anna@example.se\n\
             Disposition: automatic-action/MDN-sent-automatically; deleted\n\n--x--\n"
        )
    };
    let want = one(MessageKind::Bounce, Class::Soft, Reason::MailboxFull);
    assert_eq!(summary(&raw("auto-replied (rejected)")), want);
    assert_eq!(summary(&raw("auto-replied (displayed)")), (MessageKind::AutoReply, vec![]));
}

#[test]
fn only_the_recipient_is_meant() {
    for (text, want) in [
        (
            "Your letter from studs@example.org could not be delivered.\nThe message was addressed to anna@example.se.",
            vec!["anna@example.se"],
        ),
        ("Address not found: anna@exampel.se. Did you mean anna@example.se?", vec!["anna@exampel.se"]),
        (
            "Unknown user: anna@example.se\nCheck the address, e.g. firstname.lastname@example.com, and try again.",
            vec!["anna@example.se"],
        ),
        ("Undeliverable: studs@example.org", vec![]),
        ("Undeliverable:\n  studs+2026-1.42.abcdefghijkl@example.org\n", vec![]),
    ] {
        assert_eq!(addresses(&notice(text)), want, "{text}");
    }
    let own = "Final-Recipient: rfc822; studs@example.org\nAction: failed\nStatus: 5.1.1";
    assert_eq!(addresses(&report(own, "")), Vec::<String>::new());
}

#[test]
fn ongoing_delivery_is_delayed_in_any_unit() {
    for words in [
        "It will be retried until it is 5 days old.",
        "We will keep trying for another 90 minutes.",
        "Delivery attempts will continue for the next 2 weeks; after that the message is returned.",
        "If it cannot be delivered within 48 hours, you will be told. You do not need to resend it.",
        "The mail system will try again for up to 432000 seconds.",
        "Vi försöker igen i ytterligare tre dygn.",
    ] {
        let raw =
            notice(&format!("Your message has not yet been delivered to:\n\n  anna@example.se\n\n{words}\n"))
                .replace("Mail delivery failed", "Warning: your message is delayed");
        assert_eq!(read(&raw).kind, MessageKind::Delayed, "{words}");
    }
}

#[test]
fn somebody_who_quotes_a_notice_is_not_a_mail_system() {
    let quoted =
        notice("<anna@example.se>: 550 5.1.1 user unknown\n\nThis is the mail system at host mx.example.se.")
            .lines()
            .map(|line| format!("> {line}\n"))
            .collect::<String>();
    let raw = format!(
        "From: Bo <bo@example.se>\nTo: studs@example.org\nSubject: Annas adress?\n\nDet kom tillbaka:\n\n{quoted}"
    );
    assert_eq!(read(&raw).kind, MessageKind::Other);
}

#[test]
fn the_address_that_the_letter_was_sent_to_counts_not_the_one_it_was_passed_on_to() {
    let words = "This address failed:\n\n  anna.privat@example.com\n    (generated from anna@example.se)\n    no such user";
    let by_fields =
        report("Final-Recipient: rfc822; anna.privat@example.com\nAction: failed\nStatus: 5.1.1", words);
    let listed = notice(words).replacen("\n\n", "\nX-Failed-Recipients: anna.privat@example.com\n\n", 1);
    let in_prose = notice(
        "Your message could not be delivered to anna.privat@example.com. It was originally sent to anna@example.se \
         and forwarded automatically.",
    );
    for raw in [by_fields, listed, in_prose] {
        assert_eq!(addresses(&raw), ["anna@example.se"], "{raw}");
    }
}

#[test]
fn a_fraud_about_letters_to_us_is_not_a_notice() {
    let fraud = "From: Mail Server <no-reply@example.com>\nReturn-Path: <no-reply@example.com>\nTo: studs@example.org\n\
                 Subject: (3) failed delivery\n\nMessages could not be delivered to your inbox.\n\
                 Release them: https://example.com/?u=studs@example.org\n";
    assert_eq!(summary(fraud), (MessageKind::Other, vec![]));
}
