//! Notices without fields, in the words of providers in several languages.

use super::{MessageKind, Reason, one, read, summary};
use crate::domain::bounce::Class;

/// A notice with an empty return path, from a name and with a subject.
fn notice(from: &str, subject: &str, text: &str) -> String {
    format!(
        "Return-Path: <>\nFrom: {from}\nTo: studs+2026-1.42.abcdefghijkl@example.org\nSubject: {subject}\n\n{text}\n"
    )
}

#[test]
fn permanent_failures_say_why() {
    use Reason::{Expired, HostUnknown, MailboxFull, SenderRejected, Suspended, Undefined, UserUnknown};
    for (subject, text, reason) in [
        (
            "Leveransfel",
            "Brevet till anna@example.se kom inte fram: det finns inget konto med det namnet.",
            UserUnknown,
        ),
        ("Brevet kunde inte lämnas", "Adressen anna@example.se används inte längre.", UserUnknown),
        ("Leveransfel", "Mottagarens brevlåda (anna@example.se) har nått sin maximala storlek.", MailboxFull),
        (
            "Leveransfel",
            "Brevet till anna@example.se gick inte att skicka, för det finns ingen domän som heter example.se.",
            HostUnknown,
        ),
        ("Leveransfel", "Kontot är spärrat: anna@example.se", Suspended),
        ("Leveransfel", "Du har inte behörighet att skicka till listan anna@example.se.", SenderRejected),
        (
            "Viesti palautettu",
            "Viestisi osoitteeseen anna@example.se palautetaan: vastaanottajaa ei löydy.",
            UserUnknown,
        ),
        (
            "Ikke levert",
            "Meldingen til anna@example.se kunne ikke leveres. Mottakeren finnes ikke.",
            UserUnknown,
        ),
        (
            "Ikke afleveret",
            "Din mail til anna@example.se kunne ikke afleveres: modtageren kendes ikke.",
            UserUnknown,
        ),
        (
            "Unzustellbar",
            "Ihre Nachricht an anna@example.se: Der Empfänger existiert auf diesem Server nicht.",
            UserUnknown,
        ),
        (
            "Unzustellbar",
            "anna@example.se: Das Postfach ist überfüllt. Keine weiteren Zustellversuche.",
            MailboxFull,
        ),
        (
            "Message non remis",
            "Votre message à anna@example.se : cette adresse est inconnue de nos services (adresse inconnue).",
            UserUnknown,
        ),
        ("Niet bezorgd", "De mailbox van anna@example.se zit vol.", MailboxFull),
        ("Zwrot wiadomości", "Nie ma takiego użytkownika: anna@example.se", UserUnknown),
        ("Undelivered", "We gave up on anna@example.se: message expired after five days.", Expired),
        ("Undelivered", "anna@example.se did not get your message. Reference 4711.", Undefined),
    ] {
        let raw = notice("Postmaster <postmaster@example.com>", subject, text);
        assert_eq!(summary(&raw), one(MessageKind::Bounce, reason.class(), reason), "{text}");
    }
}

#[test]
fn warnings_say_that_delivery_is_retried() {
    for (subject, text) in [
        (
            "Brevet är försenat",
            "Brevet till anna@example.se har ännu inte kommit fram. Vi fortsätter att försöka i tre dygn.",
        ),
        (
            "Viestin toimitus viivästyy",
            "Viestiä osoitteeseen anna@example.se ei ole vielä toimitettu. Yritämme uudelleen.",
        ),
        (
            "Message retardé",
            "Votre message à anna@example.se n'a pas encore été remis. De nouvelles tentatives suivront.",
        ),
        ("Zustellung verzögert", "Ihre Nachricht an anna@example.se wird weiter versucht."),
        (
            "Warning: message still undelivered",
            "anna@example.se: 452 4.3.1 Insufficient resources. Further attempts will be made.",
        ),
    ] {
        let report = read(&notice("Mail Delivery System <mailer-daemon@example.com>", subject, text));
        assert_eq!(
            (report.kind, report.recipients[0].class),
            (MessageKind::Delayed, Class::Delayed),
            "{text}"
        );
        assert_eq!(report.recipients[0].address, "anna@example.se");
    }
}

#[test]
fn an_alias_and_a_host_name_do_not_mislead() {
    let alias = "  privat@example.org\n    (generated from anna@example.se)\n    552 5.2.2 mailbox is full\n";
    let host = "<anna@example.se>: host mx.blocklist.example[192.0.2.1] said: 550 5.1.1\n    <anna@example.se> unknown user\n";
    for (text, reason) in [(alias, Reason::MailboxFull), (host, Reason::UserUnknown)] {
        let raw = notice("MAILER-DAEMON@mx.example.com", "Undelivered Mail Returned to Sender", text);
        assert_eq!(summary(&raw), one(MessageKind::Bounce, reason.class(), reason), "{text}");
    }
}

#[test]
fn a_newsletter_about_bounces_is_not_a_bounce() {
    let raw = "Return-Path: <news@example.com>\nFrom: Brevtips <news@example.com>\nTo: studs@example.org\nSubject: Så läser du en studs\n\n\
         Står det \"550 5.1.1 <namn@example.com>: User unknown\" är adressen död. Ett besked ser ut så här:\n\n\
         \u{20} Final-Recipient: rfc822; namn@example.com\n  Action: failed\n  Status: 5.1.1\n";
    assert_eq!(read(raw).kind, MessageKind::Other);
}
