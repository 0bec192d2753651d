//! Returned mail: read once from any source, moved, counted, and reported to the keeper of the list.

use crate::support::sandbox::{Sandbox, bounce};
use crate::support::smtp_server::SmtpServer;

fn sent(issues: &[&str]) -> Sandbox {
    let club = Sandbox::members(4).without_tokens();
    for issue in issues {
        club.write(&format!("issues/{issue}/issue.toml"), "title = \"Brevet\"\ndate = 2026-04-15\n");
        club.write(&format!("issues/{issue}/10-hej.md"), "+++\ntitle = \"Hej\"\n+++\nEtt brev.\n");
        club.run(&format!("send {issue} --yes")).code(0);
    }
    club
}

fn read(club: &Sandbox, source: &str) -> String {
    format!("bounces {}", club.path(source).display())
}

#[test]
fn an_mbox_is_read_message_by_message_and_only_once() {
    let club = sent(&["2026-1"]);
    let one = |number| {
        format!(
            "From MAILER-DAEMON Tue Nov 24 10:00:0{number} 2026\n{}\n",
            bounce(number, "5.1.1", "User unknown")
        )
    };
    club.write("mbox", one(1) + &one(2) + &one(3));
    club.run(&read(&club, "mbox"))
        .code(0)
        .stderr_has("3 read, 0 already known")
        .stdout_has("member0003@example.org");
    let log = club.read("logs/bounce.jsonl");
    club.run(&read(&club, "mbox")).code(0).stderr_has("0 read, 3 already known");
    assert_eq!(club.read("logs/bounce.jsonl"), log);
    // As if a run had crashed between recording the last message and writing its log line.
    club.write(
        "logs/bounce.jsonl",
        log.lines().take(2).map(|line| line.to_owned() + "\n").collect::<String>(),
    );
    club.run(&read(&club, "mbox")).code(0).stderr_has("0 read, 3 already known");
    let but_time = |log: &str| log.lines().map(|line| line.split_once(',').unwrap().1.to_owned()).collect();
    let mended: Vec<String> = but_time(&club.read("logs/bounce.jsonl"));
    assert_eq!(mended, but_time(&log));
    club.run("status 2026-1").code(0);
    club.run("bounces report").code(0).stdout_has("member0002@example.org").stdout_has("adressen finns inte");
    club.run("status 2026-1").code(0).stdout_has("of them bounced 3");
    assert_eq!(club.run("status 2026-1 --json").code(0).json()["came_back"], 3);
    club.run("bounces report --csv").code(0).stdout_has("Member 0002;member0002@example.org");
    club.run("unsuppress member0002@example.org --why rättad").code(0);
    let report = club.run("bounces report").code(0).stdout();
    assert!(!report.contains("member0002"), "{report}");
}

#[test]
fn messages_in_a_maildir_are_marked_as_read_or_moved() {
    let club = sent(&["2026-1"]);
    for folder in ["new", "cur", "tmp"] {
        std::fs::create_dir_all(club.path("Maildir").join(folder)).unwrap();
    }
    club.write("Maildir/new/1.a.host", bounce(1, "5.1.1", "User unknown"));
    club.run(&(read(&club, "Maildir") + " --dry-run")).code(0);
    assert_eq!(club.files("Maildir/new").len(), 1, "a dry run moves nothing");
    club.run(&read(&club, "Maildir")).code(0).stderr_has("1 read");
    assert_eq!(
        (club.files("Maildir/new").len(), club.files("Maildir/cur")),
        (0, vec!["1.a.host:2,S".to_owned()])
    );
    club.write("Maildir/new/2.a.host", bounce(2, "5.1.1", "User unknown"));
    let inbox = "[inbox]\nsources = [\"Maildir\"]\nmove_to = \"done\"\n";
    club.write("medlemsbrev.toml", inbox.to_owned() + &club.read("medlemsbrev.toml"));
    club.run("bounces").code(0).stderr_has("1 read, 1 already known");
    assert_eq!(club.files("done").len(), 2);
    assert_eq!(club.files("Maildir/cur").len() + club.files("Maildir/new").len(), 0);
}

#[test]
fn a_full_mailbox_is_tolerated_once() {
    let club = sent(&["2026-1"]);
    let full = |words: &str| bounce(1, "5.2.2", &format!("Mailbox full {words}"));
    club.write("1.eml", full("1"));
    club.write("2.eml", full("again for the same issue"));
    club.run(&(read(&club, "1.eml") + " " + club.path("2.eml").to_str().unwrap())).code(0);
    club.run("bounces report").code(0).stdout_has("Ingen adress behöver");
    club.write("issues/2026-2/issue.toml", "title = \"Brevet\"\ndate = 2026-11-15\n");
    club.write("issues/2026-2/10-hej.md", "+++\ntitle = \"Hej\"\n+++\nEtt brev.\n");
    club.run("send 2026-2 --yes").code(0);
    club.write("3.eml", full("3"));
    club.run(&read(&club, "3.eml")).code(0).stdout_has("suppressed");
    club.run("bounces report").code(0).stdout_has("brevlådan är full");
}

/// A member's request to unsubscribe.
fn farewell(number: usize, more: &str) -> String {
    format!(
        "From: Member <member{number:04}@example.org>\nTo: studs@example.se\nSubject: Avsluta\n\
         Message-ID: <leaving-{number}@example.org>\nReferences: <an-older-one@example.se>\n{more}\nHej då!\n"
    )
}

#[test]
fn unsubscribing_is_confirmed_once_if_configured() {
    let server = SmtpServer::start();
    let club = sent(&["2026-1"]).relay(&server);
    club.write("1.eml", farewell(1, ""));
    club.run(&read(&club, "1.eml")).code(0).stdout_has("unsubscribe").stdout_has("suppressed");
    assert_eq!(server.messages(), 0, "nobody asked for confirmations");
    club.write("medlemsbrev.toml", "[inbox]\nconfirm = true\n".to_owned() + &club.read("medlemsbrev.toml"));
    club.write("2.eml", farewell(2, ""));
    club.write("3.eml", farewell(3, "List-Id: <lista.example.org>\n"));
    club.run(&read(&club, "2.eml")).code(0).stderr_has("1 confirmation");
    club.run(&read(&club, "2.eml")).code(0).stderr_has("1 already known");
    club.run(&read(&club, "3.eml")).code(0).stdout_has("suppressed");
    let letters = server.letters();
    assert_eq!(letters.len(), 1);
    assert_eq!((letters[0].mail_from.as_str(), letters[0].is_for("member0002@example.org")), ("", true));
    let text = letters[0].text();
    assert!(text.contains("Auto-Submitted: auto-replied"), "{text}");
    assert!(text.contains("In-Reply-To: <leaving-2@example.org>"), "{text}");
    assert!(text.contains("References: <an-older-one@example.se> <leaving-2@example.org>"), "{text}");
    server.assert_polite();
    drop(server);
    club.write("4.eml", farewell(4, ""));
    club.run(&read(&club, "4.eml"))
        .code(0)
        .stderr_has("Cannot send the confirmations")
        .stdout_has("suppressed");
}

/// The Message-ID of an issue's letter to a member, and the token in it.
fn message_id(club: &Sandbox, issue: &str, member: usize) -> (String, String) {
    let files = club.files(&format!("outbox/{issue}"));
    let file = files.iter().find(|file| file.starts_with(&format!("{member:06}-"))).unwrap();
    let letter = club.read(&format!("outbox/{issue}/{file}"));
    let id = letter.split("Message-ID: <").nth(1).unwrap().split('>').next().unwrap().to_owned();
    let token = id.split('@').next().unwrap().to_owned();
    (id, token)
}

/// A club whose letters have tokens, with one sent issue.
fn club_with_tokens(members: usize) -> Sandbox {
    let club = Sandbox::members(members);
    club.run("send 2026-1 --yes").code(0);
    club
}

#[test]
fn a_token_identifies_the_member_of_a_report_without_a_name() {
    let club = club_with_tokens(4);
    let (_, token) = message_id(&club, "2026-1", 2);
    club.write(
        "complaint.eml",
        format!(
            "From: feedback@provider.example\nTo: studs+{token}@example.se\nSubject: complaint\nMIME-Version: 1.0\n\
             Content-Type: multipart/report; report-type=feedback-report; boundary=\"b\"\n\n--b\n\nAbuse.\n--b\n\
             Content-Type: message/feedback-report\n\nFeedback-Type: abuse\nUser-Agent: x/1\nVersion: 1\n\
             Original-Rcpt-To: redacted\n\n--b--\n"
        ),
    );
    club.run(&read(&club, "complaint.eml"))
        .code(0)
        .stdout_has("member0002@example.org")
        .stdout_has("suppressed");
    club.run("members show 'Member 0002'").code(0).stdout_has("not mailed: complaint");
}

#[test]
fn a_bounce_without_a_token_is_recorded_without_consequences() {
    let club = club_with_tokens(4);
    club.write("forged.eml", bounce(1, "5.1.1", "User unknown"));
    club.run(&read(&club, "forged.eml")).code(0).stdout_has("unverified");
    club.run("members show 'Member 0001'").code(0).stdout_has("standing").stdout_has("active");
    // Our Message-ID in the returned header proves that it is ours, wherever it arrived.
    let (id, _) = message_id(&club, "2026-1", 1);
    let returned =
        format!("--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: <{id}>\nSubject: Brevet\n\n--b--");
    club.write("ours.eml", bounce(1, "5.1.1", "User unknown").replace("--b--", &returned));
    club.run(&read(&club, "ours.eml")).code(0).stdout_has("suppressed");
}

#[test]
fn many_forged_bounces_stop_the_run() {
    let club = Sandbox::members(30).without_tokens();
    club.run("send 2026-1 --yes").code(0);
    for number in 1..=30 {
        club.write(&format!("forged/{number:02}.eml"), bounce(number, "5.1.1", "User unknown"));
    }
    club.run(&read(&club, "forged")).code(65).stderr_has("more than 20 members").stderr_has("may be forged");
    let suppressed = club.run("members list --json").json();
    let suppressed = suppressed.as_array().unwrap().iter().filter(|row| !row["suppressed"].is_null()).count();
    assert_eq!(suppressed, 20);
}

#[test]
fn bounces_about_our_own_faults_suppress_nobody() {
    let club = club_with_tokens(4);
    let (id, _) = message_id(&club, "2026-1", 1);
    for (number, (status, words)) in [
        ("5.7.26", "This mail is unauthenticated: SPF and DKIM did not pass"),
        ("5.7.1", "Service unavailable; client host blocked using a blocklist"),
        ("4.7.28", "unusual rate of unsolicited mail, rate limited"),
        ("5.7.1", "relay access denied"),
    ]
    .into_iter()
    .enumerate()
    {
        let returned = format!("--b\nContent-Type: text/rfc822-headers\n\nMessage-ID: <{id}>\n\n--b--");
        let name = format!("{number}.eml");
        club.write(&name, bounce(1, status, words).replace("--b--", &returned));
        let out = club.run(&read(&club, &name)).code(0).stdout();
        assert!(!out.contains("suppressed") && !out.contains("counted"), "{out}");
    }
    club.run("members show 'Member 0001'").code(0).stdout_has("active");
}

/// A Maildir with one mail of each kind from members 1 to 6.
fn write_mails(club: &Sandbox) {
    for folder in ["new", "cur", "tmp"] {
        std::fs::create_dir_all(club.path("Maildir").join(folder)).unwrap();
    }
    let (_, token) = message_id(club, "2026-1", 4);
    let subject = format!("unsubscribe {token}");
    let to = format!("avsluta+{token}@example.se");
    let apple = "Auto-Submitted: auto-replied\nX-Apple-Unsubscribe: true\n";
    let disowned = "Authentication-Results: mx.example.se; spf=fail; dmarc=fail (p=reject)\n";
    let own = |number: usize| format!("member{number:04}@example.org");
    for (number, (from, to, subject, more, text)) in [
        (own(1), "brev@example.se", "Avbeställ kaffet till mötet", "", "Vi blir tre."),
        (own(2), "brev@example.se", "Sv: Brevet", "", "Jag vill inte längre få era utskick, tack!"),
        (
            own(3),
            "brev@example.se",
            "Autosvar: Brevet",
            "Auto-Submitted: auto-replied\n",
            "Jag har slutat. Skriv till ny@example.net.",
        ),
        ("granne@example.net".to_owned(), to.as_str(), subject.as_str(), "", ""),
        (
            own(5),
            "brev@example.se",
            "unsubscribe",
            apple,
            "Apple Mail sent this email to unsubscribe from the message.",
        ),
        (own(6), "brev@example.se", "unsubscribe", disowned, ""),
    ]
    .into_iter()
    .enumerate()
    {
        let mail = format!("From: {from}\nTo: {to}\nSubject: {subject}\n{more}\n{text}\n");
        club.write(&format!("Maildir/new/{}.a.host", number + 1), mail);
    }
}

#[test]
fn mail_from_people_is_counted_and_left_alone() {
    let club = club_with_tokens(6);
    write_mails(&club);
    club.write(
        "medlemsbrev.toml",
        "[inbox]\nauthserv_id = \"mx.example.se\"\n".to_owned() + &club.read("medlemsbrev.toml"),
    );
    let run = club.run(&read(&club, "Maildir")).code(0);
    let run =
        run.stdout_has("reply").stdout_has("Avbeställ kaffet till mötet").stderr_has("1 reply by people");
    run.stdout_has("member0004@example.org (by granne@example.net)").stdout_has("unverified");
    assert_eq!(club.files("Maildir/new"), ["1.a.host"], "what people wrote stays unread");
    club.run(&read(&club, "Maildir")).code(0).stderr_has("0 read, 6 already known");
    assert_eq!(club.files("Maildir/new"), ["1.a.host"]);
    for (number, standing) in [
        (1, "active"),
        (2, "unsubscribed"),
        (3, "active"),
        (4, "unsubscribed"),
        (5, "unsubscribed"),
        (6, "active"),
    ] {
        club.run(&format!("members show 'Member {number:04}'")).code(0).stdout_has(standing);
    }
    club.run("bounces report")
        .code(0)
        .stdout_has("Member 0003")
        .stdout_has("Jag har slutat")
        .stdout_has("ny@example.net");
}
