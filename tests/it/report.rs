//! The report to the board: its numbers add up over two issues, in both languages, are stored, and are mailed once.

use serde_json::Value;

use crate::support::sandbox::{Sandbox, bounce};
use crate::support::smtp_server::SmtpServer;

/// Member 5 has no e-mail.
const FIRST: &str = "Nr;Namn;E-post;Förening;Område;Adress;Postnr;Ort\n\
    1;Anna Al;member0001@example.org;Byalaget;stad;;;\n2;Bo By;member0002@example.org;Byalaget;stad;;;\n\
    3;Cia Dal;member0003@example.org;Ödet;skärgård;;;\n4;Dan Ek;member0004@example.org;Kvarnen;;;;\n\
    5;Eva Fors;;Kvarnen;skärgård;Bygatan 1;100 00;Byn\n6;Gun Ho;member0006@example.org;Kvarnen;stad;;;\n";
/// Gun has left; Ivar and Jon have joined.
const SECOND: &str = "8;Ivar Jo;member0008@example.org;Kvarnen;stad;;;\n9;Jon Karl;;Kvarnen;stad;;;\n";

/// Two issues. Of the first, Bo's and Cia's letters came back and Eva's was posted; Dan unsubscribed before the
/// second.
fn club() -> Sandbox {
    let club = Sandbox::members(0).without_tokens();
    club.write("members.csv", FIRST);
    let config = club.read("medlemsbrev.toml");
    let more = "max_missing = 5\n\n[report]\nby = [\"area\"]\n\n[paper]\npostage = [[50, 22.0]]\n\n[inbox]\nsources = [\"mbox\"]\n";
    club.write("medlemsbrev.toml", config + more);
    club.run("send 2026-1 --yes").code(0);
    let returned = [bounce(2, "5.1.1", "User unknown"), bounce(3, "5.2.2", "Mailbox full")];
    club.write(
        "mbox",
        returned.map(|mail| format!("From MAILER-DAEMON Sat Mar 2 10:00:00 2024\n{mail}\n")).concat(),
    );
    club.run("bounces").code(0);
    sql(&club, "UPDATE member SET added_at = '2024-02-01T10:00:00Z';
                UPDATE delivery SET changed_at = '2024-03-01T10:00:00Z';
                UPDATE bounce SET at = '2024-03-02T10:00:00Z', issue = '2026-1';
                DELETE FROM change;
                INSERT INTO paper SELECT '2026-1', id, 'posted', 2, '2024-03-03T10:00:00Z' FROM member WHERE number = '5';");
    let kept: String =
        FIRST.lines().filter(|line| !line.starts_with("6;")).map(|line| format!("{line}\n")).collect();
    club.write("members.csv", kept + SECOND);
    club.write("issues/2026-2/issue.toml", "title = \"Höstbrevet\"\ndate = 2026-10-15\n");
    club.write("issues/2026-2/10-hej.md", "+++\ntitle = \"Hej\"\n+++\nText.\n");
    club.run("members unsubscribe member0004@example.org").code(0);
    club.run("send 2026-2 --yes").code(0);
    sql(
        &club,
        "UPDATE delivery SET changed_at = '2024-09-01T10:00:00Z' WHERE issue = '2026-2';
                UPDATE member SET added_at = '2024-08-01T10:00:00Z' WHERE added_at > '2024-02-02';
                UPDATE change SET at = '2024-08-01T10:00:00Z';",
    );
    club.run("report").code(0);
    sql(&club, "UPDATE frozen SET at = '2024-10-05T10:00:00Z'");
    club
}

fn sql(club: &Sandbox, statements: &str) {
    let ledger = rusqlite::Connection::open(club.path("state/medlemsbrev.db")).unwrap();
    ledger.execute_batch(statements).unwrap();
}

fn findings(club: &Sandbox) -> Value {
    club.run("report --json").code(0).json()
}

fn sum(counts: &Value) -> u64 {
    counts.as_object().unwrap().values().filter_map(Value::as_u64).sum()
}

#[test]
fn the_numbers_of_two_issues_add_up() {
    let club = club();
    let report = findings(&club);
    for issue in report["issues"].as_array().unwrap() {
        let number = |key: &str| issue[key].as_u64().unwrap();
        assert_eq!(number("members"), number("reached") + sum(&issue["not_reached"]), "{issue}");
        assert_eq!(number("reached"), number("by_mail") + number("on_paper"), "{issue}");
        assert_eq!(number("sent"), number("by_mail") + sum(&issue["bounced"]), "{issue}");
        let groups = issue["coverage"]["area"].as_object().unwrap().values();
        let (members, reached) = groups.fold((0, 0), |(members, reached), group| {
            (members + group["members"].as_u64().unwrap(), reached + group["reached"].as_u64().unwrap())
        });
        assert_eq!((members, reached), (number("members"), number("reached")), "{issue}");
    }
    let [first, second] = report["issues"].as_array().unwrap().as_slice() else { panic!("{report}") };
    assert_eq!((&first["members"], &first["sent"], &first["reached"]), (&6.into(), &5.into(), &4.into()));
    assert_eq!(
        (&first["on_paper"], &first["postage"], &first["joined"]),
        (&1.into(), &22.0.into(), &Value::Null)
    );
    assert_eq!((&second["members"], &second["joined"], &second["left"]), (&7.into(), &2.into(), &1.into()));
    assert_eq!(second["not_reached"]["unsubscribed"], 1);
    assert_eq!(report["difference"]["members"], 1);
    assert!(report.get("names").is_none() && !report.to_string().contains("Anna Al"), "{report}");
}

#[test]
fn the_report_is_in_the_language_of_the_board() {
    let club = club();
    for language in ["sv", "en"] {
        let text =
            club.run_in_columns(100, &format!("report --language {language} --names")).code(0).stdout();
        insta::assert_snapshot!(format!("{language}-text"), text);
        club.run(&format!("report --language {language} --format html")).code(0);
        let html = club.read("reports/2026-2.html");
        assert!(html.contains(&format!("<html lang=\"{language}\">")) && !html.contains("Anna Al"), "{html}");
        assert!(!html.contains("http:") && !html.contains("https:") && !html.contains("<script"), "{html}");
        insta::assert_snapshot!(format!("{language}-html"), html);
    }
    insta::assert_snapshot!("json", club.run("report --format json").code(0).stdout());
}

#[test]
fn stored_counts_do_not_change() {
    let club = club();
    let issues = findings(&club)["issues"].clone();
    assert!(issues[0]["frozen"].is_string() && issues[1]["frozen"].is_string(), "{issues}");
    club.run("prune --older-than 1d").code(0);
    club.write("members.csv", FIRST.replace("stad", "landet"));
    club.run("import").code(0);
    club.run("members forget 5 --yes").code(0);
    assert_eq!(findings(&club)["issues"], issues);
    let kept: String = rusqlite::Connection::open(club.path("state/medlemsbrev.db"))
        .unwrap()
        .query_row("SELECT group_concat(counts) FROM frozen", (), |row| row.get(0))
        .unwrap();
    assert!(!kept.contains('@') && !kept.contains("Anna"), "{kept}");
}

#[test]
fn a_change_by_hand_first_stores_the_counts() {
    let counts = |club: &Sandbox| {
        let mut issues = findings(club)["issues"].clone();
        for issue in issues.as_array_mut().unwrap() {
            issue["frozen"] = Value::Null;
        }
        issues
    };
    for change in [
        "members set 1 area=landet",
        "members add --name Ny --email ny@example.org",
        "members forget 5 --yes",
    ] {
        let club = club();
        let before = counts(&club);
        sql(&club, "DELETE FROM frozen");
        club.run(change).code(0);
        assert_eq!(counts(&club), before, "{change}");
    }
}

#[test]
fn status_shows_bounces_and_later_members_are_not_mailed() {
    let club = club();
    let status = club.run("status 2026-1").code(0).stdout_has("Accepted 5, of them bounced 2");
    let status = status.stdout_has("joined or became reachable later").stdout();
    assert!(!status.contains("to be sent"), "{status}");
}

#[test]
fn a_report_says_which_data_is_missing() {
    let club = Sandbox::members(2);
    club.run("report").code(65).stderr_has("no letters have been sent yet");
    club.run("report 2099-1").code(65).stderr_has("there is no issue `2099-1`");
    club.run("report --due").code(78).stderr_has("[report] has no `to`");
    club.run("send 2026-1 --yes").code(0);
    club.run("report 2099-1").code(65).stderr_has("there is no issue `2099-1`");
    club.run("report --format csv").code(2).stderr_has("for --notice only");
    club.run("report --language ../sv").code(2).stderr_has("is not a language code");
    club.run("report --notice").code(65).stderr_has("2026-1 is not a notice");
    club.run("report --format html --output .").code(2).stderr_has("it is a folder");
    let config = club.read("medlemsbrev.toml");
    club.write("medlemsbrev.toml", format!("{config}[report]\nby = [\"aera\"]\n"));
    club.run("report").code(78).stderr_has("no member has a field `aera`");
    club.write("medlemsbrev.toml", format!("{config}[report]\nby = [\"name\"]\n"));
    club.run("report").code(78).stderr_has("describes single members");
}

#[test]
fn the_board_gets_the_report_once() {
    let server = SmtpServer::start();
    let club = club().relay(&server);
    let config = club.read("medlemsbrev.toml");
    let to = "[report]\nto = [\"ordf@example.org\", \"sekr@example.org\"]\nafter = \"14d\"\n";
    club.write("medlemsbrev.toml", config.replace("[report]\n", to));
    club.run("schedule").code(0).stdout_has("report --due");
    // Not due yet.
    sql(
        &club,
        "UPDATE frozen SET counts = json_set(counts, '$.last_letter', '2999-01-01T00:00:00Z') WHERE issue = '2026-2'",
    );
    assert_eq!(club.run("report --due").code(0).stdout(), "");
    sql(
        &club,
        "UPDATE frozen SET counts = json_set(counts, '$.last_letter', '2024-09-01T10:00:00Z') WHERE issue = '2026-2'",
    );
    // As if a run had been interrupted while it mailed the report to one of them.
    sql(
        &club,
        "INSERT INTO mailed_report VALUES ('2026-2', 'sekr@example.org', 'sending', '2024-09-15T10:00:00Z')",
    );
    club.run("report --due")
        .code(0)
        .stdout_has("mailed to ordf@example.org")
        .stderr_has("may have reached sekr@example.org");
    let quiet = club.run("report --due").code(0);
    assert_eq!((quiet.stdout(), quiet.stderr()), (String::new(), String::new()));
    assert_eq!((server.messages(), server.copies("ordf@example.org")), (1, 1));
    let letter = server.letters()[0].text();
    assert!(letter.contains("text/html") && !letter.contains("List-Unsubscribe"), "{letter}");
    assert_eq!(letter.contains("application/pdf"), cfg!(feature = "paper"));
    server.assert_polite();
}

#[test]
fn the_sending_of_a_notice_is_proved_for_the_minutes() {
    let club = club();
    club.write("issues/kallelse/issue.toml", "kind = \"notice\"\ntitle = \"Kallelse\"\ndate = 2026-04-15\n");
    club.write("issues/kallelse/10-hej.md", "+++\ntitle = \"Hej\"\n+++\nText.\n");
    club.run("send kallelse --yes").code(0).stdout_has("every member: 4 by mail, 1 to print, 2 not reached");
    club.run("report --notice kallelse --format csv").code(0).stdout_has("kallelse-notice.csv");
    let csv = club.read("reports/kallelse-notice.csv");
    let row = |name: &str| csv.lines().find(|line| line.contains(name)).unwrap().to_owned();
    assert!(row("Dan Ek").contains(";e-post;") && row("Dan Ek").contains("mottaget av servern"), "{csv}");
    assert!(row("Eva Fors").contains("ingen e-postadress"), "{csv}");
    sql(
        &club,
        "INSERT INTO paper SELECT 'kallelse', id, 'posted', 2, '2024-11-03T10:00:00Z' FROM member WHERE number = '5'",
    );
    club.run("report --notice kallelse")
        .code(0)
        .stdout_has("postat på papper 2024-11-03")
        .stdout_has("Bygatan 1");
    let proof = club.run("report --notice kallelse --json").code(0).json();
    assert_eq!(
        (&proof["by_mail"], &proof["on_paper"], &proof["not_reached"]),
        (&4.into(), &1.into(), &2.into())
    );
}

#[cfg(feature = "paper")]
#[test]
fn the_report_is_available_as_pdf() {
    let club = club();
    club.run("report --format pdf").code(0);
    let own = club.path("my.pdf");
    club.run(&format!("report --format pdf --language en --output {}", own.display())).code(0);
    assert!(own.is_file());
    let pdf = std::fs::read(club.path("reports/2026-2.pdf")).unwrap();
    assert!(pdf.starts_with(b"%PDF-"));
}

#[cfg(not(feature = "paper"))]
#[test]
fn without_paper_there_is_no_pdf() {
    club().run("report --format pdf").code(2).stderr_has("built without PDF");
}
