//! The identity of members: shifted numbers, addresses that change hands, families, and people who come back.

use std::collections::BTreeMap;

use crate::support::sandbox::Sandbox;
use crate::support::smtp_server::{Fault, Place, SmtpServer};

const ISSUES: [&str; 3] = ["2026-1", "2026-2", "2027-1"];

/// A project with three issues and this list.
fn club(list: &str) -> Sandbox {
    let club = Sandbox::members(0);
    for issue in &ISSUES[1..] {
        club.write(&format!("issues/{issue}/issue.toml"), "title = \"Brevet\"\ndate = 2026-04-15\n");
        club.write(&format!("issues/{issue}/10-hej.md"), "+++\ntitle = \"Hej\"\n+++\nText.\n");
    }
    club.write("members.csv", list);
    club
}

/// The addresses and greetings of an issue's letters, as sent.
fn letters(club: &Sandbox, issue: &str) -> BTreeMap<String, String> {
    let dir = format!("outbox/{issue}");
    let files = club.files(&dir);
    let mut letters = BTreeMap::new();
    for file in files {
        let text = club.read(&format!("{dir}/{file}"));
        let address =
            text.split("\nTo: ").nth(1).unwrap().split('<').nth(1).unwrap().split('>').next().unwrap();
        let greeting =
            text.lines().find(|line| line.starts_with("Hej") && line.ends_with('!')).unwrap_or_default();
        assert!(
            letters.insert(address.to_owned(), greeting.to_owned()).is_none(),
            "two letters to {address}"
        );
    }
    letters
}

fn numbered(names: &[&str]) -> String {
    let rows = names.iter().enumerate().map(|(at, name)| {
        format!("{};{name};{}@example.org\n", at + 1, name.to_lowercase().replace(' ', "."))
    });
    format!("Nr;Namn;E-post\n{}", rows.collect::<String>())
}

#[test]
fn shifted_numbers_stop_the_import_and_redirect_no_letters() {
    let names = [
        "Aron Al",
        "Bertil By",
        "Cia Dal",
        "Dan Ek",
        "Eva Fors",
        "Gun Ho",
        "Ida Ik",
        "Kia Lo",
        "Liv Mo",
        "My Ny",
    ];
    let club = club(&numbered(&names));
    club.run("send 2026-1 --yes").code(0).stderr_has("The member numbers are 1, 2, 3");
    club.run("members unsubscribe eva.fors@example.org").code(0);
    let mut shifted = names.to_vec();
    shifted.insert(3, "Jan Bo");
    club.write("members.csv", numbered(&shifted));
    let before = club.run("members list --json").code(0).stdout();
    club.run("import").code(65).stderr_has("renumbered").stderr_has("--renumbered").stderr_has("Dan Ek");
    club.run("send 2026-2 --yes").code(65);
    assert_eq!(before, club.run("members list --json").code(0).stdout());
    club.run("import --renumbered").code(0).stdout_has("1  added").stdout_has("number: 5 → 6");
    club.run("send 2026-2 --yes").code(0);
    let sent = letters(&club, "2026-2");
    assert_eq!(sent.len(), 10, "{sent:?}");
    for name in shifted.iter().filter(|name| **name != "Eva Fors") {
        let address = format!("{}@example.org", name.to_lowercase().replace(' ', "."));
        assert_eq!(sent[&address], format!("Hej {name}!"));
    }
    // From now on the numbers are known to be row numbers.
    shifted.remove(0);
    club.write("members.csv", numbered(&shifted));
    club.run("send 2027-1 --yes").code(0);
    assert_eq!(letters(&club, "2027-1").len(), 9);
}

#[test]
fn a_member_who_opted_out_and_returns_with_another_address_gets_nothing() {
    for (header, first, second, letters_then) in [
        // Without a number: recognised by name and organisation.
        ("Namn;E-post;Förening", "Bo Ek;m4@example.org;Byalaget", "Bo Ek;bo@example.org;Byalaget", 1),
        // By name alone the identity is uncertain: held.
        ("Namn;E-post", "Bo Ek;m4@example.org", "Bo Ek;bo@example.org", 1),
        // With a new number.
        ("Namn;E-post;Medlemsnr", "Bo Ek;m4@example.org;17", "Bo Ek;bo@example.org;40", 1),
        // With the same one.
        ("Namn;E-post;Medlemsnr", "Bo Ek;m4@example.org;17", "Bo Ek;bo@example.org;17", 1),
    ] {
        let other = format!("Anna Al;anna@example.org{}", if header.ends_with('r') { ";5" } else { "" });
        let other = if header.ends_with('g') { other + ";Byn" } else { other };
        let club = club(&format!("{header}\n{first}\n{other}\n"));
        club.run("send 2026-1 --yes").code(0);
        club.run("members unsubscribe m4@example.org").code(0);
        club.write("members.csv", format!("{header}\n{other}\n{second}\n"));
        club.run("send 2026-2 --yes --max-missing 1").code(0);
        assert_eq!(letters(&club, "2026-2").len(), letters_then, "{header}: {second}");
        assert!(letters(&club, "2026-2").contains_key("anna@example.org"));
    }
}

#[test]
fn a_new_person_at_an_address_does_not_inherit_an_opt_out() {
    let club = club("Medlemsnr;Namn;E-post\n17;Anna Al;anna@example.org\n23;Eva Ek;hem@example.org\n");
    club.run("import").code(0);
    club.run("members unsubscribe hem@example.org").code(0);
    club.write(
        "members.csv",
        "Medlemsnr;Namn;E-post\n17;Anna Al;anna@example.org\n23;Dan Ek;hem@example.org\n31;Eva Ek;hem@example.org\n",
    );
    club.run("import")
        .code(65)
        .stderr_has("number 23 was Eva Ek, and is now Dan Ek")
        .stderr_has("--renumbered");
    club.run("import --renumbered").code(0);
    club.run("send 2026-1 --yes").code(0);
    assert!(letters(&club, "2026-1").values().all(|greeting| !greeting.contains("Eva")));
}

#[test]
fn a_new_address_follows_a_member_and_the_old_one_is_free() {
    let club = club("Namn;E-post;Förening\nBo Ek;bo@example.org;Byalaget\nAnna Al;anna@example.org;Byn\n");
    club.run("send 2026-1 --yes").code(0);
    club.run("members unsubscribe bo@example.org").code(0);
    // Bo has a new address, and Cia has moved in with another member.
    club.write(
        "members.csv",
        "Namn;E-post;Förening\nBo Ek;bo.ek@example.org;Byalaget\nAnna Al;anna@example.org;Byn\nCia Dal;cia@example.org;Byn\n",
    );
    club.run("send 2026-2 --yes").code(0).stderr_has("1 added, 1 changed");
    let sent = letters(&club, "2026-2");
    assert_eq!(sent.keys().collect::<Vec<_>>(), ["anna@example.org", "cia@example.org"]);
    club.run("members show 'bo.ek@example.org'").code(0).stdout_has("not mailed: unsubscribed");
    club.run("members resubscribe bo.ek@example.org --why asked").code(0).stderr_has("will get letters");
    club.run("send 2026-2 --yes --only-missing").code(0);
    assert_eq!(letters(&club, "2026-2").len(), 3);
}

#[test]
fn a_family_gets_one_letter_and_each_keeps_an_identity() {
    let list = "Medlemsnr;Namn;E-post;Område\n2;Bertil Ek;fam@example.org;stad\n3;Cajsa Ek;fam@example.org;ö\n4;Dora Al;dora@example.org;stad\n";
    let club = club(list);
    club.write(
        "issues/2026-1/20-oar.md",
        "+++\ntitle = \"Öar\"\naudience = 'område = \"ö\"'\n+++\nBoat trip.\n",
    );
    let sent = club.run("send 2026-1 --yes").code(0);
    sent.stdout_has("2026-1: 2 letters").stdout_has("1 member shares another member's letter");
    assert_eq!(club.in_state("2026-1", "accepted"), 3);
    let greetings = letters(&club, "2026-1");
    assert_eq!(greetings["fam@example.org"], "Hej Bertil och Cajsa!");
    assert_eq!(greetings["dora@example.org"], "Hej Dora Al!");
    let letter = club.read(&format!("outbox/2026-1/{}", club.files("outbox/2026-1")[0]));
    assert!(letter.contains("To: \"Bertil Ek och Cajsa Ek\" <fam@example.org>"), "{letter}");
    assert!(letter.contains("Boat trip"), "a section for any of them is in it");
    assert!(club.read("logs/send.jsonl").contains("\"event\":\"shares_letter\""));
    club.run("preview 2026-1 --member fam@example.org --part text")
        .code(0)
        .stdout_has("Hej Bertil och Cajsa!");
    club.run("members show 3").code(0).stdout_has("with Bertil Ek");
    // Bertil leaves; Cajsa keeps her identity and history.
    let id = |number: &str| {
        club.run(&format!("members show {number} --json")).code(0).json()["member"]["id"].clone()
    };
    let cajsa = id("3");
    club.write("members.csv", list.replace("2;Bertil Ek;fam@example.org;stad\n", ""));
    club.run("import --max-missing 1").code(0).stdout_has("missing    Bertil Ek");
    assert_eq!(id("3"), cajsa);
    club.run("send 2026-2 --yes").code(0);
    assert_eq!(letters(&club, "2026-2")["fam@example.org"], "Hej Cajsa Ek!");
    // An opt-out applies to the shared address, and the output says so.
    club.write("members.csv", list);
    club.run("import").code(0);
    club.run("members unsubscribe fam@example.org").code(0).stderr_has("Bertil Ek and Cajsa Ek");
    club.write("members.csv", list.replace("3;Cajsa Ek;fam@", "3;Cajsa Ek;cajsa@"));
    club.run("send 2027-1 --yes").code(0);
    assert_eq!(letters(&club, "2027-1").len(), 1, "each takes it along to another address");
}

#[test]
fn more_than_three_members_are_greeted_by_their_place() {
    let rows = ["Anna", "Bo", "Cia", "Dan"].map(|name| format!("{name} Ek;info@example.org;Byalaget\n"));
    let club = club(&format!("Namn;E-post;Förening\n{}", rows.concat()));
    club.run("send 2026-1 --yes").code(0).stdout_has("3 members share another member's letter");
    assert_eq!(letters(&club, "2026-1")["info@example.org"], "Hej alla p=C3=A5 Byalaget!");
}

#[test]
fn a_member_of_uncertain_identity_is_held_until_a_person_decides() {
    let club = club("Medlemsnr;Namn;E-post\n7;Bo Ek;bo@example.org\n8;Dora Al;dora@example.org\n");
    club.run("send 2026-1 --yes").code(0);
    club.write(
        "members.csv",
        "Medlemsnr;Namn;E-post\n7;Berit Gran;berit@example.org\n8;Dora Al;dora@example.org\n",
    );
    club.run("import --max-missing 1")
        .code(0)
        .stdout_has("held       Berit Gran")
        .stdout_has("held until you decide");
    club.run("send 2026-2 --yes").code(0).stdout_has("skipped: held");
    assert_eq!(letters(&club, "2026-2").len(), 1);
    let held = club.run("members held").code(0);
    held.stdout_has("Berit Gran").stdout_has("Bo Ek (id:1)").stderr_has("members confirm");
    club.run("members confirm 8 --someone-else").code(65).stderr_has("not held");
    club.run("members confirm 'Berit Gran'").code(2);
    club.run("members confirm 'Berit Gran' --someone-else").code(0).stderr_has("mailed from now on");
    club.run("send 2026-2 --yes").code(0);
    assert_eq!(letters(&club, "2026-2").len(), 2);
    // It was Bo after all, with a new surname and address: the history stays.
    club.write(
        "members.csv",
        "Medlemsnr;Namn;E-post\n7;Stig Mo;stig@example.org\n8;Dora Al;dora@example.org\n",
    );
    club.run("import --max-missing 1").code(0);
    club.run("members confirm 'Stig Mo' --same-as 'Berit Gran'").code(0).stderr_has("as before");
    club.run("members held").code(0).stderr_has("Nobody is held");
    club.run("members show 7").code(0).stdout_has("stig@example.org").stdout_has("berit@example.org");
    assert!(club.run("import").code(0).stdout().contains("unchanged"));
    club.run("send 2027-1 --yes").code(0);
    assert_eq!(letters(&club, "2027-1").len(), 2);
}

#[test]
fn forgotten_members_are_blocked_under_all_their_addresses() {
    let club = club("Medlemsnr;Namn;E-post\n7;Bo Ek;bo@example.org\n8;Dora Al;dora@example.org\n");
    club.run("send 2026-1 --yes").code(0);
    club.run("members set 7 email=bo.ek@example.org").code(0);
    club.run("members forget 7 --yes").code(0);
    for (row, expected) in [
        ("9;Bo Ek;bo@example.org", "forgotten  Bo Ek"),
        ("7;Lo Ny;lo@example.org", "held       Lo Ny"),
        ("12;Bo Ek;nytt@example.org", "held       Bo Ek"),
    ] {
        club.write("members.csv", format!("Medlemsnr;Namn;E-post\n8;Dora Al;dora@example.org\n{row}\n"));
        club.run("import --max-missing 1").code(0).stdout_has(expected);
    }
    club.run("send 2026-2 --yes").code(0);
    assert_eq!(letters(&club, "2026-2").len(), 1);
}

#[test]
fn a_shared_letter_in_doubt_is_resolved_for_everybody_at_once() {
    let server = SmtpServer::with(Fault::DropAfterDot);
    let club =
        club("Nr;Namn;E-post\n2;Bertil Ek;fam@example.org\n3;Cajsa Ek;fam@example.org\n").relay(&server);
    club.run("send 2026-1 --yes").code(1).stdout_has("1 member shares");
    assert_eq!((club.in_state("2026-1", "in_doubt"), server.messages()), (2, 1));
    server.heal();
    club.run("resolve 2026-1 --resend fam@example.org").code(0).stderr_has("1 letter queued again");
    club.run("send 2026-1 --yes").code(0);
    assert_eq!((club.in_state("2026-1", "accepted"), server.messages()), (2, 2));
    server.assert_polite();
}

#[test]
fn a_dead_address_is_rejected_once_for_everybody_who_shares_it() {
    let server = SmtpServer::with(Fault::ReplyAt(Place::Rcpt, 550, "5.1.1 No such user"));
    let club =
        club("Nr;Namn;E-post\n2;Bertil Ek;fam@example.org\n3;Cajsa Ek;fam@example.org\n").relay(&server);
    club.run("send 2026-1 --yes").code(1);
    assert_eq!(club.in_state("2026-1", "rejected"), 2);
    club.run("members show 3").code(0).stdout_has("not mailed: hard bounce");
    server.heal();
    club.run("send 2026-1 --yes --retry-rejected").code(0).stderr_has("no longer suppressed");
    assert_eq!((club.in_state("2026-1", "accepted"), server.messages()), (2, 1));
}
