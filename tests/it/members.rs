//! Showing and editing the register by hand.

use crate::support::sandbox::Sandbox;

const LIST: &str = "Medlemsnr;Namn;E-post;Förening;Adress;Postnr;Ort\n\
    1;Åsa Ek;asa@example.se;Väddö byalag;;;Väddö\n\
    2;Bo Gran;bo@example.se;Väddö byalag;;;Väddö\n\
    3;Cia Al;;Möja vänner;Bryggvägen 1;13043;Möja\n";

fn club() -> Sandbox {
    let club = Sandbox::members(1);
    club.write("members.csv", LIST);
    club.run("import --max-missing 10").code(0);
    club
}

#[test]
fn members_are_listed_filtered_and_exported() {
    let club = club();
    club.run("members list").code(0).stdout_has("Åsa Ek").stderr_has("3 members");
    let some = club.run("members list city=Väddö --json").code(0).json();
    assert_eq!(some.as_array().unwrap().len(), 2);
    let paper = club.run("members list --without-email").code(0);
    assert_eq!(paper.stdout().matches("Möja").count(), 2, "{}", paper.stdout());
    paper.stdout_has("Bryggvägen 1").stderr_has("1 member");
    club.run("members list --columns shoe").code(2).stderr_has("no member has a field `shoe`");
    club.run("organisations").code(0).stdout_has("no member can be reached by e-mail");
    club.run(&format!("members export --output {}", club.path("out.csv").display())).code(0);
    assert!(club.read("out.csv").contains("Åsa Ek"));
    club.run("segments").code(0);
}

#[test]
fn an_export_can_be_imported_and_contains_no_formula() {
    let club = club();
    club.run("members set 2 name==cmd|calc!A0 phone=+46 --json").code(0);
    let text = club.run("members export").code(0).stdout();
    assert!(text.starts_with('\u{feff}') && text.contains("'=cmd|"), "{text}");
    assert!(!text.contains("'+46"), "{text}");
}

#[test]
fn changes_by_hand_are_checked_and_traced() {
    let club = club();
    club.run("members add --name Didrik --email didrik@example.se --number 9").code(0);
    club.run("members add --name Eva --email asa@example.se").code(0).stderr_has("shared with Åsa Ek");
    club.run("members add --name Eva --number 2").code(65).stderr_has("Bo Gran");
    club.run("members show asa@example.se").code(65).stderr_has("is 2 members: Åsa Ek (id:1), Eva");
    club.run("members show Eva").code(0).stdout_has("with Åsa Ek");
    club.run("members add --name Eva --email nej").code(2);
    club.run("members set 2 email=ny@example.se city=").code(0).stderr_has("bo@example.se → ny@example.se");
    club.run("members set 2 number=1").code(65).stderr_has("nothing was changed");
    club.run("members set 2 city").code(2).stderr_has("not FIELD=VALUE");
    club.run("members show ny@example.se").code(0).stdout_has("members set").stdout_has("bo@example.se");
    club.run("members show ny@exampel.se").code(65).stderr_has("is it ny@example.se");
    club.run("members set 2 telefno=1")
        .code(0)
        .stderr_has("`telefno` is a new field; did you mean `telefon`?");
    club.run("members list --columns nmae").code(2).stderr_has("did you mean `name`?");
    // An import does not treat members added by hand as missing.
    club.write("members.csv", LIST.replace("bo@example.se", "ny@example.se"));
    let again = club.run("import").code(0);
    assert!(!again.stdout().contains("missing"), "{}", again.stdout());
    club.run("members show 9").code(0).stdout_has("didrik@example.se");
}

#[test]
fn an_unsubscribed_member_gets_nothing_until_resubscribed_with_a_reason() {
    let club = club();
    club.run("members unsubscribe asa@example.se --why call").code(0).stderr_has("Unsubscribed Åsa Ek");
    club.run("members set 1 email=asa@example.org").code(0);
    let letters = || club.run("send 2026-1 --dry-run --json").code(0).json()["letters"].clone();
    club.write("members.csv", LIST.replace("asa@example.se", "asa@example.org"));
    assert_eq!(letters(), 1, "a new address does not end an unsubscription");
    club.run("members resubscribe 1").code(2);
    club.run("members resubscribe 1 --why asked").code(0).stderr_has("again");
    assert_eq!(letters(), 2);
    club.run("members show 1 --json").code(0).stdout_has("no: asked");
}

#[test]
fn forgotten_members_are_erased_and_stay_away() {
    let club = club();
    club.run("send 2026-1 --yes").code(0);
    club.run("members extract 1 --json").code(0).stdout_has("log_lines").stdout_has("asa@example.se");
    club.run("members forget 1").code(2).stderr_has("no terminal to confirm on");
    club.run("members forget 1 --yes").code(0);
    for file in ["state/medlemsbrev.db", "state/medlemsbrev.db-wal", "logs/send.jsonl"] {
        let bytes = std::fs::read(club.path(file)).unwrap_or_default();
        let text = String::from_utf8_lossy(&bytes);
        assert!(!text.contains("asa@example.se") && !text.contains("Åsa Ek"), "{file}");
    }
    club.write("members.csv", format!("{LIST}\n"));
    club.run("import").code(0).stdout_has("forgotten  Åsa Ek");
    club.run("members show 1").code(65);
    club.run("members add --name X --email asa@example.se").code(65).stderr_has("asked to be forgotten");
    let total = club.status("2026-1");
    assert_eq!(total["accepted"].as_u64().or(total["counts"]["accepted"].as_u64()), Some(2), "{total}");
}
