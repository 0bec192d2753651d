//! Feeds the bounce reader with random bytes, and with well-formed messages that were damaged.
//!
//! `PROPTEST_CASES=1000000 cargo test --release --test it inbox_fuzz::` runs a million of each.

use std::sync::LazyLock;
use std::time::{Duration, Instant};

use medlemsbrev::inbox::{Hints, MessageReader, MessageReport};
use proptest::collection::vec;
use proptest::prelude::{Strategy, any, prop_assert, prop_assert_eq, proptest};

static READER: LazyLock<MessageReader> = LazyLock::new(|| {
    MessageReader::new(&Hints { own_addresses: vec!["studs@example.se".to_owned()], ..Hints::default() })
        .unwrap()
});

/// A message of this size takes a fraction of a millisecond, but the machine may be busy.
const LONG: Duration = Duration::from_secs(2);

const MESSAGES: [&str; 7] = [
    "From: MAILER-DAEMON@mx.example.org\nTo: studs+2026-1.42.abcdefghijkl@example.se\n\
     Subject: Undelivered Mail Returned to Sender\nAuto-Submitted: auto-replied\nMIME-Version: 1.0\n\
     Content-Type: multipart/report; report-type=delivery-status;\n boundary=\"x/y\"\n\n--x/y\n\
     Content-Type: text/plain; charset=utf-8\nContent-Transfer-Encoding: quoted-printable\n\n\
     <anna@example.org>: host mx.example.org[192.0.2.1] said: 550 5.1.1 =C3=85nej User unknown\n\n--x/y\n\
     Content-Type: message/delivery-status\n\nReporting-MTA: dns; mx.example.org\n\n\
     Original-Recipient: rfc822;anna@example.org\nFinal-Recipient: rfc822; anna@example.org\nAction: failed\n\
     Status: 5.1.1\nDiagnostic-Code: smtp; 550 5.1.1 User\n    unknown\n\n--x/y\nContent-Type: message/rfc822\n\n\
     Message-ID: <2026-1.42.abcdefghijkl@example.se>\nTo: anna@example.org\nSubject: brev\n\nHej\n--x/y--\n",
    "From: MAILER-DAEMON@mx.example.org\nTo: studs@example.se\nSubject: failure notice\nReturn-Path: <>\n\n\
     Hi. This is the qmail-send program at mx.example.org.\nI'm afraid I wasn't able to deliver your message to the \
     following addresses.\n\n<anna@example.org>:\nUser's mailbox is full. (#5.2.2)\n\n--- Below this line is a copy of \
     the message.\n\nReturn-Path: <studs@example.se>\nTo: anna@example.org\n\nHej\n",
    "From: Mail Delivery System <Mailer-Daemon@mx.example.org>\nTo: studs@example.se\nX-Failed-Recipients: \
     anna@example.org\nSubject: Mail delivery failed: returning message to sender\n\nThis message was created \
     automatically by mail delivery software.\n\n  anna@example.org\n    host mx.example.org [192.0.2.1]\n    SMTP error \
     from remote mail server after RCPT TO:<anna@example.org>:\n    550 No such user\n\n------ This is a copy of the \
     message, including all the headers. ------\n\nTo: anna@example.org\n\nHej\n",
    "From: <complaints@example.org>\nTo: studs@example.se\nSubject: FW: brev\nContent-Type: multipart/report; \
     report-type=feedback-report; boundary=b\n\n--b\n\nThis is an email abuse report.\n\n--b\nContent-Type: \
     message/feedback-report\n\nFeedback-Type: abuse\nUser-Agent: X/1\nVersion: 1\nOriginal-Rcpt-To: \
     <anna@example.org>\n\n--b\nContent-Type: message/rfc822\nContent-Disposition: inline\n\nTo: \
     <anna@example.org>\nList-Unsubscribe: <mailto:studs@example.se?subject=x>\n\nHej\n--b--\n",
    "From: =?iso-8859-1?Q?=C5sa?= <anna@example.org>\nTo: studs@example.se\nSubject: =?UTF-8?B?QXV0b3N2YXI6IGJyZXY=?=\n\
     Auto-Submitted: auto-replied\nContent-Type: text/html; charset=windows-1252\nContent-Transfer-Encoding: base64\n\n\
     PHA+SmFnIORyIHDlIHNlbWVzdGVyPC9wPg==\n",
    "From: anna@example.org\nTo: studs@example.se\nSubject: Avsluta 2026-1.42.abcdefghijkl\nMessage-ID: <a@example.org>\n\
     References: <b@example.se> <c@example.se>\n\nTa bort mig från listan, tack!\n--\nAnna\n",
    "From: anna@example.org\nTo: studs@example.se\nSubject: Fwd: retur\nContent-Type: multipart/mixed; boundary=o\n\n\
     --o\nContent-Type: text/plain; charset=iso-2022-jp\n\n\x1b$B$3$s\x1b(B\n--o\nContent-Type: message/rfc822\n\n\
     Subject: Delivery Status Notification (Failure)\nContent-Type: multipart/report; boundary=i\n\n--i\n\nfailed\n--i\n\
     Content-Type: message/delivery-status\n\nFinal-Recipient: rfc822;anna@example.org\nAction: delayed\nStatus: \
     4.4.7\n\n--i--\n--o--\n",
];

/// Fragments that mean something to the reader, for insertion in the wrong places.
const PIECES: [&str; 24] = [
    "\n",
    "\r",
    "\r\n\r\n",
    "\0",
    "--x/y\n",
    "--x/y--",
    "--b",
    "<",
    ">",
    "@",
    "\"",
    "=?",
    "?=",
    "=?utf-8?Q?=",
    "=\n",
    "{",
    "\u{fffd}",
    "\u{130}",
    "ß",
    "\nContent-Type: multipart/mixed; boundary=\"x/y\"\n\n",
    "\nFinal-Recipient: rfc822;",
    "\nX-Failed-Recipients: ",
    " said: 550 5.1.1 ",
    "\x1b$B",
];

/// One damage: kind, position, amount.
type Damage = (u8, u16, u16);

fn damage(mut message: Vec<u8>, damages: &[Damage]) -> Vec<u8> {
    for (what, at, size) in damages {
        let at = usize::from(*at) % (message.len() + 1);
        let end = (at + usize::from(*size) % 200).min(message.len());
        match what % 7 {
            0 => message.truncate(at),
            1 => drop(message.drain(at..end)),
            2 => {
                let copy = message[at..end].to_vec();
                message.splice(at..at, copy);
            }
            3 => message[at..end].iter_mut().for_each(|byte| *byte ^= u8::try_from(size % 256).unwrap()),
            4 => message[at..end].reverse(),
            5 => {
                let other = MESSAGES[usize::from(*size) % MESSAGES.len()].as_bytes();
                message.splice(at..at, other.iter().copied());
            }
            _ => {
                let piece = PIECES[usize::from(*size) % PIECES.len()].as_bytes();
                message.splice(at..at, piece.iter().copied());
            }
        }
    }
    message
}

fn read_quickly(message: &[u8]) -> MessageReport {
    let start = Instant::now();
    let report = READER.read(message);
    assert!(start.elapsed() < LONG, "{:?} took {:?}", String::from_utf8_lossy(message), start.elapsed());
    report
}

fn damaged() -> impl Strategy<Value = Vec<u8>> {
    (0..MESSAGES.len(), vec(any::<Damage>(), 0..6))
        .prop_map(|(which, damages)| damage(MESSAGES[which].as_bytes().to_vec(), &damages))
}

proptest! {
    #[test]
    fn damaged_messages_are_read(message in damaged()) {
        let report = read_quickly(&message);
        prop_assert!(report.recipients.iter().all(|verdict| verdict.address.contains('@')), "{report:?}");
        prop_assert!(report.recipients.iter().all(|verdict| !verdict.diagnostic.contains('\n')), "{report:?}");
        prop_assert!(report.message_id.bytes().all(|byte| byte.is_ascii_graphic()), "{report:?}");
        if !message.contains(&b'\r') {
            let crlf: Vec<u8> = message.iter().flat_map(|b| if *b == b'\n' { vec![b'\r', b'\n'] } else { vec![*b] }).collect();
            prop_assert_eq!(report, READER.read(&crlf));
        }
    }

    #[test]
    fn random_bytes_are_read(bytes in vec(any::<u8>(), 0..400)) {
        read_quickly(&bytes);
    }
}
