//! Tests the scripted server itself with a client that follows and breaks the protocol.

use std::sync::mpsc;
use std::time::Duration;

use crate::support::smtp_client::{SmtpClient, code};
use crate::support::smtp_server::{Action, Certificate, Extension, Fault, Garbage, Place, SmtpServer, When};

const ANNA: &str = "anna@example.org";
const HOUR: Duration = Duration::from_secs(3600);

/// The commands of a letter, each with the place at which a fault would strike.
const STEPS: [(Place, &str); 5] = [
    (Place::Ehlo, "EHLO client.example.org"),
    (Place::Mail, "MAIL FROM:<brev@example.se>"),
    (Place::Rcpt, "RCPT TO:<anna@example.org>"),
    (Place::Data, "DATA"),
    (Place::AfterDot, "Subject: Hej\r\n\r\nHej!\r\n."),
];

/// Sends the commands up to a place and returns the answer there.
fn talk_up_to(client: &mut SmtpClient, place: Place) -> String {
    let mut last = String::new();
    for (at, line) in STEPS {
        last = client.say(line);
        if at == place {
            break;
        }
    }
    last
}

#[test]
fn a_letter_is_kept_with_its_envelope() {
    let server = SmtpServer::start();
    SmtpClient::greet(&server).vanish();
    let mut client = SmtpClient::greet(&server);
    let envelope =
        ["MAIL FROM:<brev@example.se> BODY=8BITMIME SIZE=100", "RCPT TO:<anna@example.org>", "DATA"];
    assert_eq!(client.say_all(&envelope), [250, 250, 354]);
    assert_eq!(
        code(&client.say("Subject: Brev\r\n\tfrån byn\r\nMessage-ID: <1@x>\r\n\r\n..\r\n...två\r\n.")),
        250
    );
    let letter = server.letters().remove(0);
    assert_eq!((letter.mail_from.as_str(), letter.rcpt_to), ("brev@example.se", vec![ANNA.to_owned()]));
    assert_eq!(letter.parameters, ["BODY=8BITMIME", "SIZE=100"]);
    assert_eq!((letter.connection, letter.hello.as_str(), letter.tls), (2, "client.example.org", false));
    assert!(letter.data.ends_with("\r\n\r\n.\r\n..två\r\n".as_bytes()));
    assert_eq!(server.by_message_id()["<1@x>"], 1);
    server.assert_polite();
}

#[test]
fn header_fields_are_unfolded() {
    let server = SmtpServer::start();
    let mut client = SmtpClient::greet(&server);
    client.say_all(&["MAIL FROM:<>", "RCPT TO:<anna@example.org>", "DATA"]);
    client.say("subject: a\r\n b\r\nMessage-ID:\r\n <2@x>\r\n\r\nSubject: c\r\n.");
    let letter = server.letters().remove(0);
    assert_eq!(letter.header("Subject").as_deref(), Some("a b"));
    assert_eq!(letter.message_id().as_deref(), Some("<2@x>"));
    assert_eq!(letter.header("To"), None);
}

#[test]
fn pipelined_commands_are_answered_in_order() {
    let server = SmtpServer::build().unknown_user("bo@").start();
    let mut client = SmtpClient::greet(&server);
    client.send(
        "MAIL FROM:<brev@example.se>\r\nRCPT TO:<bo@example.org>\r\nRCPT TO:<anna@example.org>\r\nDATA\r\n",
    );
    assert_eq!([(); 4].map(|()| code(&client.reply())), [250, 550, 250, 354]);
    assert_eq!(code(&client.say("\r\nHej!\r\n.")), 250);
    client.send("RSET\r\nMAIL FROM:<brev@example.se>\r\nRCPT TO:<bo@example.org>\r\nDATA\r\n");
    assert_eq!([(); 4].map(|()| code(&client.reply())), [250, 250, 550, 554]);
    assert_eq!((server.messages(), server.copies(ANNA)), (1, 1));
    server.assert_polite();
}

#[test]
fn data_without_a_recipient_may_be_answered_with_354() {
    let server = SmtpServer::build().unknown_user(ANNA).data_without_recipients().start();
    let mut client = SmtpClient::greet(&server);
    let lines = ["MAIL FROM:<>", "RCPT TO:<anna@example.org>", "DATA", "."];
    assert_eq!(client.say_all(&lines), [250, 550, 354, 554]);
    server.assert_polite();
    assert_eq!(client.say_all(&["MAIL FROM:<>", "DATA", "Hej!\r\n."]), [250, 354, 554]);
    assert_eq!(server.violations(), ["connection 1: a letter was sent to no recipient"]);
    assert_eq!(server.messages(), 0);
}

#[test]
fn only_chosen_extensions_are_offered() {
    let server = SmtpServer::build().extensions([Extension::Size(10), Extension::Pipelining]).start();
    let mut client = SmtpClient::connect(&server);
    let offered = client.say("EHLO x.example.org");
    assert_eq!(offered, "250-relay.example.org\r\n250-SIZE 10\r\n250 PIPELINING\r\n");
    assert_eq!(client.say("MAIL FROM:<> SIZE=11"), "552 Message too big\r\n");
    assert_eq!(client.say_all(&["MAIL FROM:<>", "RCPT TO:<anna@example.org>", "DATA"]), [250, 250, 354]);
    assert_eq!(client.say("0123456789\r\n."), "552 Message too big\r\n");
    assert_eq!(client.say("HELO x.example.org"), "250 relay.example.org\r\n");
    server.assert_polite();
}

#[test]
fn violations_of_the_protocol_are_recorded() {
    let letter = |text: &str| format!("MAIL FROM:<>\r\nRCPT TO:<a@b.se>\r\nDATA\r\n{text}\r\n.\r\n");
    let plain = |bytes: &str| bytes.to_owned();
    let cases = [
        (plain("NOOP\n"), "a line ends with a bare LF"),
        (plain("NOOP\r \r\n"), "a line holds a bare CR"),
        (format!("NOOP {}\r\n", "x".repeat(1010)), "a command line is too long"),
        (plain("HELP\r\n"), "5.5.1 Unknown command"),
        (plain("NOOP\r\nNOOP\r\n"), "NOOP was followed by more before its answer"),
        (plain("RCPT TO:<a@b.se>\r\n"), "5.5.1 RCPT without MAIL"),
        (plain("DATA\r\n"), "5.5.1 DATA without MAIL"),
        (plain("MAIL FROM:<>\r\nMAIL FROM:<>\r\n"), "5.5.1 MAIL inside a transaction"),
        (plain("MAIL FROM: <a@b.se>\r\n"), "5.5.4 MAIL has no proper path"),
        (plain("MAIL FROM:<a@b.se>BODY=7BIT\r\n"), "5.5.4 MAIL has no proper path"),
        (plain("MAIL FROM:<a@b.se> RET=HDRS\r\n"), "5.5.4 RET=HDRS is not offered"),
        (plain("MAIL FROM:<å@b.se>\r\n"), "5.6.7 An address is not ASCII, without SMTPUTF8"),
        (format!("MAIL FROM:<{}@b.se>\r\n", "x".repeat(65)), "a local part is longer than 64 bytes"),
        (format!("MAIL FROM:<a@{}.se>\r\n", "x".repeat(250)), "an address is longer than 254 bytes"),
        (plain("MAIL FROM:<a b@c.se>\r\n"), "an address holds what it must not"),
        (plain("MAIL FROM:<>\r\nRCPT TO:<anna>\r\n"), "5.1.3 A recipient has no domain"),
        (plain("STARTTLS\r\n"), "5.5.1 STARTTLS is not offered"),
        (plain("AUTH PLAIN AGEAYg==\r\n"), "5.5.1 AUTH is not offered"),
        (letter("å"), "a letter holds 8-bit bytes without BODY=8BITMIME"),
        (letter(".x"), "a leading dot was not doubled"),
        (letter("a\nb"), "a line ends with a bare LF"),
        (letter("a\n.\nb"), "a leading dot was not doubled"),
        (letter("a\rb"), "a line holds a bare CR"),
        (letter("a\0b"), "a letter holds a NUL"),
        (letter(&"x".repeat(999)), "a line of a letter is longer than 998 bytes"),
    ];
    for (bytes, expected) in cases {
        let server = SmtpServer::build().without(Extension::Dsn).start();
        let mut client = SmtpClient::greet(&server);
        client.send(&bytes);
        // Once the last answer has arrived, everything was checked.
        client.send("QUIT\r\n");
        while !client.reply().starts_with("221") {}
        let noted = server.violations();
        assert!(noted.contains(&format!("connection 1: {expected}")), "{bytes:?} gave {noted:?}");
    }
}

#[test]
fn faults_strike_at_their_occurrences() {
    let refused = |when| {
        let server = SmtpServer::build().fault(Place::Rcpt, when, Action::Reply(450, "4.2.1 Busy")).start();
        let mut client = SmtpClient::greet(&server);
        client.say("MAIL FROM:<>");
        let recipients = ["a1", "b", "a2", "a3", "b", "b"];
        recipients.map(|local| code(&client.say(&format!("RCPT TO:<{local}@example.org>"))) == 450)
    };
    let at = |hits: &[usize]| std::array::from_fn(|index| hits.contains(&(index + 1)));
    assert_eq!(refused(When::Always), [true; 6]);
    assert_eq!(refused(When::First(2)), at(&[1, 2]));
    assert_eq!(refused(When::Nth(3)), at(&[3]));
    assert_eq!(refused(When::Every(2)), at(&[2, 4, 6]));
    assert_eq!(refused(When::After(4)), at(&[5, 6]));
    assert_eq!(refused(When::To("a")), [true; 6], "example.org holds an a");
    assert_eq!(refused(When::To("b@")), at(&[2, 5, 6]));
    assert_eq!(refused(When::FirstTo(2, "b@")), at(&[2, 5]));
}

#[test]
fn a_refusal_at_any_place_prevents_acceptance() {
    for (place, _) in STEPS {
        for code in [451, 550] {
            let server = SmtpServer::with(Fault::ReplyAt(place, code, "No\nnot at all"));
            let mut client = SmtpClient::connect(&server);
            let expected = format!("{code}-No\r\n{code} not at all\r\n");
            assert_eq!(talk_up_to(&mut client, place), expected);
            assert_eq!(server.messages(), 0);
        }
    }
    let server = SmtpServer::with(Fault::ReplyAt(Place::Connect, 554, "No service"));
    let mut client = SmtpClient::open(&server).unwrap();
    assert_eq!(client.reply(), "554 No service\r\n");
    assert_eq!(client.say_all(&["EHLO x.example.org", "QUIT"]), [503, 221]);
}

#[test]
fn a_drop_says_nothing_and_only_a_letter_with_its_dot_has_arrived() {
    for (place, _) in STEPS {
        let server = SmtpServer::with(Fault::DropAt(place));
        let mut client = SmtpClient::connect(&server);
        assert_eq!(talk_up_to(&mut client, place), "");
        assert_eq!(server.messages(), usize::from(place == Place::AfterDot));
    }
    let server = SmtpServer::with(Fault::DropAt(Place::Connect));
    assert_eq!(SmtpClient::open(&server).unwrap().reply(), "");
}

#[test]
fn a_stall_lasts_until_the_server_stops() {
    for (place, _) in STEPS {
        let server = SmtpServer::with(Fault::StallAt(place));
        let mut client = SmtpClient::connect(&server);
        let (_, line) = STEPS.into_iter().find(|(at, _)| *at == place).unwrap();
        for (_, before) in STEPS.into_iter().take_while(|(at, _)| *at != place) {
            client.say(before);
        }
        client.send(format!("{line}\r\n"));
        if place == Place::AfterDot {
            server.wait_for_messages(1);
        }
        drop(server);
        assert_eq!(client.reply(), "");
    }
}

#[test]
fn a_421_arrives_although_more_was_sent_and_ends_the_connection() {
    let server = SmtpServer::with(Fault::ShutdownAfter(1));
    let mut client = SmtpClient::greet(&server);
    assert_eq!(client.letter(ANNA), 250);
    client.send(format!("MAIL FROM:<>\r\n{}", "RCPT TO:<anna@example.org>\r\n".repeat(10_000)));
    assert_eq!(client.reply(), "421 4.3.2 Shutting down\r\n");
    assert_eq!(client.reply(), "");
    assert_eq!(SmtpClient::greet(&server).letter(ANNA), 250, "it strikes once");
}

#[test]
fn a_fault_inside_a_letter_prevents_its_acceptance() {
    let long = "Hej!\r\n".repeat(1000);
    for (body, action, expected) in [
        (long.as_str(), Action::Drop, ""),
        (long.as_str(), Action::Reply(451, "4.3.0 Disk full"), "451 4.3.0 Disk full\r\n"),
        ("Hej!\r\n", Action::Drop, ""),
    ] {
        let server = SmtpServer::with(Fault::At(Place::Body(100), When::Nth(2), action));
        let mut client = SmtpClient::greet(&server);
        assert_eq!(client.letter(ANNA), 250);
        client.say_all(&["MAIL FROM:<>", "RCPT TO:<anna@example.org>", "DATA"]);
        client.send(format!("{body}.\r\n"));
        assert_eq!(client.reply(), expected);
        assert_eq!(server.messages(), 1);
    }
}

#[test]
fn a_slow_server_has_the_same_result() {
    let slow = Action::Slow(Duration::from_millis(1));
    let server = SmtpServer::build()
        .fault(Place::Mail, When::Always, slow)
        .fault(Place::Body(0), When::Always, slow)
        .fault(Place::AfterDot, When::Always, Action::StallFor(Duration::from_millis(1)))
        .start();
    assert_eq!(SmtpClient::greet(&server).letter(ANNA), 250);
    server.assert_polite();
}

#[test]
fn garbage_is_sent_as_named() {
    let client = |garbage| {
        let server = SmtpServer::with(Fault::At(Place::Mail, When::Always, Action::Garbage(garbage)));
        let mut client = SmtpClient::greet(&server);
        client.send("MAIL FROM:<>\r\n");
        (client, server)
    };
    let (mut bytes, _server) = client(Garbage::Bytes);
    assert_eq!(code(&bytes.reply()), 0);
    let (mut long, _server) = client(Garbage::LongLine);
    assert_eq!(long.reply().len(), 100_006);
    let (mut endless, _server) = client(Garbage::Endless);
    assert!((0..5000).all(|_| endless.line().starts_with("250-")));
}

#[test]
fn a_greylist_accepts_a_pair_after_its_delay() {
    let server = SmtpServer::build().greylist(Duration::ZERO).start();
    let mut client = SmtpClient::greet(&server);
    assert_eq!(client.letter(ANNA), 450);
    client.say("RSET");
    assert_eq!(client.letter(ANNA), 250);
    assert_eq!(client.letter("bo@example.org"), 450);
    let patient = SmtpServer::build().greylist(HOUR).start();
    let mut client = SmtpClient::greet(&patient);
    assert_eq!(client.letter(ANNA), 450);
    client.say("RSET");
    assert_eq!(client.letter(ANNA), 450);
    patient.heal();
    client.say("RSET");
    assert_eq!(client.letter(ANNA), 250);
}

#[test]
fn limits_are_enforced() {
    let server = SmtpServer::build().rate_limit(2, HOUR).start();
    let mut client = SmtpClient::greet(&server);
    assert_eq!([(); 3].map(|()| client.letter(ANNA)), [250, 250, 450]);

    let server = SmtpServer::build().letters_per_connection(2).start();
    let mut client = SmtpClient::greet(&server);
    assert_eq!([(); 3].map(|()| client.letter(ANNA)), [250, 250, 421]);
    assert_eq!(SmtpClient::greet(&server).letter(ANNA), 250);

    let server = SmtpServer::build().max_connections(1).start();
    let _first = SmtpClient::connect(&server);
    assert_eq!(code(&SmtpClient::open(&server).unwrap().reply()), 421);
}

#[test]
fn a_login_is_required_and_checked() {
    let server =
        SmtpServer::build().login("brev", "hemligt").mechanisms(["PLAIN", "LOGIN", "XOAUTH2"]).start();
    let client = || SmtpClient::greet(&server);
    assert_eq!(client().letter(ANNA), 530);
    assert_eq!(code(&client().say("AUTH PLAIN AGJyZXYAaGVtbGlndA==")), 235);
    assert_eq!(client().say_all(&["AUTH PLAIN", "AGJyZXYAaGVtbGlndA=="]), [334, 235]);
    assert_eq!(client().say_all(&["AUTH LOGIN", "YnJldg==", "aGVtbGlndA=="]), [334, 334, 235]);
    assert_eq!(code(&client().say("AUTH XOAUTH2 dXNlcj1icmV2AWF1dGg9QmVhcmVyIGhlbWxpZ3QBAQ==")), 235);
    assert_eq!(code(&client().say("AUTH PLAIN AGJyZXYAZmVs")), 535);
    assert_eq!(client().say_all(&["AUTH LOGIN", "*"]), [334, 501]);
    let logins = server.logins();
    assert!(logins[..4].iter().all(|login| login.accepted && login.password == "hemligt"));
    assert_eq!((logins.len(), logins[4].accepted, logins[4].password.as_str()), (5, false, "fel"));
    let mut member = client();
    member.say("AUTH PLAIN AGJyZXYAaGVtbGlndA==");
    assert_eq!((member.letter(ANNA), server.letters()[0].user.as_deref()), (250, Some("brev")));
    assert!(server.command_lines().iter().all(|line| !line.starts_with("YnJl")), "dialogues are no commands");
}

#[test]
fn starttls_protects_login_and_letter() {
    let server = SmtpServer::build().start_tls().login("brev", "hemligt").start();
    let mut client = SmtpClient::connect(&server);
    let offered = client.say("EHLO x.example.org");
    assert!(offered.contains("STARTTLS") && !offered.contains("AUTH"));
    assert_eq!(client.say_all(&["MAIL FROM:<>", "STARTTLS"]), [530, 220]);
    client.start_tls(&server).unwrap();
    assert_eq!(client.letter(ANNA), 503, "what was said in the clear is forgotten");
    let offered = client.say("EHLO x.example.org");
    assert!(!offered.contains("STARTTLS") && offered.contains("AUTH PLAIN LOGIN"));
    assert_eq!(code(&client.say("AUTH PLAIN AGJyZXYAaGVtbGlndA==")), 235);
    assert_eq!(client.letter(ANNA), 250);
    assert!(server.letters()[0].tls && server.logins()[0].tls);
    assert_eq!(code(&client.say("QUIT")), 221);
}

#[test]
fn a_stripped_starttls_exposes_a_client_that_falls_back() {
    let server = SmtpServer::build().hide_start_tls().start();
    let mut client = SmtpClient::connect(&server);
    assert!(!client.say("EHLO x.example.org").contains("STARTTLS"));
    assert_eq!(client.letter(ANNA), 250);
    assert!(!server.letters()[0].tls);
}

#[test]
fn certificates_are_valid_or_invalid_as_requested() {
    use Certificate::{Expired, OtherName, Untrusted, Valid};
    for (certificate, expected) in
        [(Valid, ""), (Expired, "Expired"), (OtherName, "NotValidForName"), (Untrusted, "UnknownIssuer")]
    {
        let server = SmtpServer::build().implicit_tls().certificate(certificate).start();
        let mut client = SmtpClient::open(&server).unwrap();
        match client.start_tls(&server) {
            Ok(()) => {
                assert_eq!(certificate, Valid);
                assert_eq!([code(&client.reply()), code(&client.say("QUIT"))], [220, 221]);
            }
            Err(error) => assert!(format!("{error:?}").contains(expected), "{certificate:?}: {error:?}"),
        }
    }
}

#[test]
fn a_letter_counts_even_if_its_sender_disappears_before_the_answer() {
    let server = SmtpServer::start();
    let mut client = SmtpClient::greet(&server);
    client.say_all(&["MAIL FROM:<>", "RCPT TO:<anna@example.org>", "DATA"]);
    client.send("\r\nHej!\r\n.\r\n");
    client.vanish();
    server.wait_for_messages(1);
    let mut half = SmtpClient::greet(&server);
    half.say_all(&["MAIL FROM:<>", "RCPT TO:<anna@example.org>", "DATA"]);
    half.send("\r\nHej!\r\n.\r");
    half.vanish();
    server.wait_for_silence();
    assert_eq!(server.messages(), 1);
    server.assert_polite();
}

#[test]
fn a_refusing_port_can_open_later() {
    let server = SmtpServer::refusing();
    assert!(SmtpClient::open(&server).is_err());
    let server = server.open();
    assert_eq!(SmtpClient::greet(&server).letter(ANNA), 250);
}

#[test]
fn faults_can_come_and_go() {
    let server = SmtpServer::start();
    let mut client = SmtpClient::greet(&server);
    server.add(Fault::UnknownUser(ANNA));
    assert_eq!(client.letter(ANNA), 550);
    server.heal();
    client.say("RSET");
    assert_eq!(client.letter(ANNA), 250);
}

#[test]
fn connections_letters_and_steps_are_counted() {
    let server = SmtpServer::start();
    let (sender, receiver) = mpsc::channel();
    let late = sender.clone();
    server.at_step(server.steps() + 5, move || sender.send("at a step").unwrap());
    let (mut first, mut second) = (SmtpClient::greet(&server), SmtpClient::greet(&server));
    assert_eq!([first.letter(ANNA), second.letter(ANNA), first.letter("bo@example.org")], [250; 3]);
    assert_eq!(receiver.recv().unwrap(), "at a step");
    server.at_step(1, move || late.send("at once").unwrap());
    assert_eq!(receiver.recv().unwrap(), "at once");
    assert_eq!((server.connections(), server.most_open(), server.commands("MAIL")), (2, 2, 3));
    assert_eq!(server.by_recipient().into_values().collect::<Vec<_>>(), [2, 1]);
    assert_eq!(server.by_message_id()["<anna@example.org>"], 2);
}
