//! Member lists from spreadsheet programs, and how an import treats people who are missing or must not be mailed.

use serde_json::Value;

use crate::support::sandbox::Sandbox;

/// All saved from the same list by `LibreOffice`.
const LIBREOFFICE: [&str; 6] = [
    "libreoffice.xlsx",
    "libreoffice.ods",
    "libreoffice-utf8.csv",
    "libreoffice-w1252.csv",
    "libreoffice-mac.csv",
    "libreoffice-utf16.csv",
];

fn list(name: &str) -> String {
    format!("{}/tests/it/lists/{name}", env!("CARGO_MANIFEST_DIR"))
}

#[test]
fn all_formats_give_the_same_register() {
    for name in LIBREOFFICE {
        let club = Sandbox::example("stockholm");
        let first = club.run(&format!("import {} --json", list(name))).code(0).json();
        assert_eq!(first["difference"]["added"]["count"], 4, "{name}: {first}");
        // The same list in another format changes nothing.
        for other in LIBREOFFICE {
            let again = club.run(&format!("import {} --json", list(other))).code(0).json();
            let difference = &again["difference"];
            if !difference.is_null() {
                assert_eq!(difference["unchanged"], 4, "{name}, then {other}: {difference}");
            }
        }
    }
}

#[test]
fn rows_of_a_spreadsheet_are_named_by_their_numbers() {
    let club = Sandbox::example("stockholm");
    club.write("broken.xlsx", b"PK\x03\x04 and then nothing");
    club.run(&format!("import {}", club.path("broken.xlsx").display()))
        .code(65)
        .stderr_has("the spreadsheet")
        .stderr_has("broken.xlsx");
    club.run(&format!("import {}", list("libreoffice.ods"))).code(0).stderr_has("the sheet `lista`");
}

#[test]
fn missing_members_stay_if_configured() {
    let club = Sandbox::members(20);
    club.run("import").code(0);
    let whole = club.read("members.csv");
    let half: String = whole.lines().take(11).map(|line| format!("{line}\n")).collect();
    club.write("members.csv", &half);
    club.run("import").code(65).stderr_has("10 of 20 active members are missing");
    club.run("import --missing keep").code(0).stdout_has("missing from the list, kept");
    assert_eq!(club.run("send 2026-1 --dry-run --missing keep --json").code(0).json()["letters"], 20);
    club.write("members.csv", half.replace(".se\n", ".se \n"));
    club.run("import --missing deactivate --max-missing 10")
        .code(0)
        .stdout_has("missing from the list, deactivated");
}

#[test]
fn unusual_addresses_are_reported_and_several_are_split() {
    let club = Sandbox::members(2);
    let list = "Namn;E-post\nAnna;anna@gmial.com\nBo;bo@example.se / bo@example.org\n";
    club.write("members.csv", list);
    let said = club.run("import --dry-run").code(0);
    said.stdout_has("line 2, E-post: `anna@gmial.com` looks like a typo: did you mean anna@gmail.com?")
        .stdout_has("letters go to bo@example.se, the others are kept in `other_emails`");
}

#[test]
fn an_import_names_members_who_opted_out() {
    let club = Sandbox::members(3);
    club.run("send 2026-1 --yes").code(0);
    let list = club.read("members.csv");
    let address =
        list.lines().nth(2).unwrap().split([';', ',']).find(|cell| cell.contains('@')).unwrap().to_owned();
    club.write(
        "mail.eml",
        format!("From: {address}\nTo: brev@example.se\nSubject: Avregistrera\n\nAvregistrera mig\n"),
    );
    club.run(&format!("bounces {}", club.path("mail.eml").display())).code(0).stdout_has("suppressed");
    club.write("members.csv", format!("{list}\n"));
    club.run("import").code(0).stdout_has("suppressed").stdout_has(&format!("{address}: unsubscribed since"));
}

#[test]
fn old_data_is_pruned_and_nobody_is_mailed_again() {
    let club = Sandbox::members(3);
    club.run("send 2026-1 --yes").code(0);
    let log = club.read("logs/send.jsonl");
    let old = log.lines().next().unwrap().replace("\"time\":\"20", "\"time\":\"19");
    club.write("logs/send.jsonl", format!("{old}\n{log}"));
    club.run("prune --older-than 24m").code(0).stderr_has("1 log line");
    assert_eq!(club.read("logs/send.jsonl"), log);
    club.run("prune --older-than 0d --json").code(0);
    club.run("send 2026-1 --yes").code(0).stdout_has("nothing to send");
    club.run("prune --older-than 24x").code(2).stderr_has("not an age such as");
}

#[test]
fn a_message_is_read_from_standard_input_once() {
    let club = Sandbox::members(3);
    club.run("send 2026-1 --yes").code(0);
    let list = club.read("members.csv");
    let row = list.lines().nth(1).unwrap();
    let address = row.split([';', ',']).find(|cell| cell.contains('@')).unwrap();
    club.write(
        "mail.eml",
        format!("From: {address}\nTo: brev@example.se\nSubject: Avregistrera\n\nAvregistrera mig\n"),
    );
    let piped = || {
        std::process::Command::new(env!("CARGO_BIN_EXE_medlemsbrev"))
            .arg("-C")
            .arg(club.path(""))
            .args(["bounces", "-"])
            .stdin(std::fs::File::open(club.path("mail.eml")).unwrap())
            .output()
            .unwrap()
    };
    assert!(String::from_utf8_lossy(&piped().stdout).contains("suppressed"));
    assert!(String::from_utf8_lossy(&piped().stderr).contains("1 already known"));
}

/// The result of reading a list: name, address, organisation, street, postcode and city of each member, and the
/// output.
fn read_as(bytes: impl AsRef<[u8]>, options: &str) -> (Vec<String>, String) {
    let club = Sandbox::members(0);
    club.write("members.csv", bytes);
    if !options.is_empty() {
        let config = club.read("medlemsbrev.toml");
        club.write("medlemsbrev.toml", config + options);
    }
    let run = club.run("import").code(0);
    let rows = club.run("members list --json").code(0).json();
    let text = |row: &Value, field: &str| row[field].as_str().unwrap_or("-").to_owned();
    let members = rows.as_array().unwrap().iter().map(|row| {
        let fields = ["organisation", "street", "postcode", "city"].map(|field| text(&row["fields"], field));
        let own = ["number", "name", "address"].map(|field| text(row, field));
        [own.join("|"), fields.join("|")].join("|")
    });
    (members.collect(), run.stdout() + &run.stderr())
}

#[test]
fn lists_are_read_in_any_common_form() {
    let mac = b"Namn;E-post;Ort\r\n\x81ke \x85stlund;ake@example.se;V\x8Addinge\r\nSe\x87n \xEE Hare;sean@example.se;M\x9Alle\r\n";
    let dos = b"Namn;E-post;Ort\r\n\x8Fke \x99stlund;ake@example.se;V\x84ddinge\r\n";
    let twice: String =
        "Namn;E-post;Ort\nÅke Östlund;ake@example.se;Väddinge\n".bytes().map(char::from).collect();
    let ake = "-|Åke Östlund|ake@example.se|-|-|-|Väddinge";
    for (bytes, said) in [
        (mac.to_vec(), "macintosh"),
        (dos.to_vec(), "cp850"),
        (twice.into_bytes(), "was encoded twice"),
        (
            "Medlemslista 2026;;\n\nNamn;E-post;Ort\nÅke Östlund;ake@example.se;Väddinge\nSumma;1;\n".into(),
            "the titles above it are skipped",
        ),
        ("Namn,E-post,Ort\nÅke Östlund,ake@example.se,Väddinge\nAntal: 1,,\n".into(), "a row of totals"),
        ("Namn;E-post;Ort;Kod;Kod\nÅke Östlund;ake@example.se;Väddinge;a;b\n".into(), "kod_2"),
        (
            "Namn;Kontaktperson;E-post;Ort\nÅke Östlund;Siv;ake@example.se;Väddinge\n".into(),
            "is stored as `kontaktperson`: another column is used for `name`",
        ),
        ("Namn;E-post;E-post 2;Ort\nÅke Östlund;;ake@example.se;Väddinge\n".into(), "E-post 2"),
        ("Namn;E-post;Ort\nÅke Östlund;Åke <ake@example.se>;Väddinge\n".into(), "is read as ake@example.se"),
        (
            "<html><meta charset=utf-8><table><tr><th>Namn<th>E-post<th>Ort<tr><td>Åke Östlund<td>ake@example.se<td>Väddinge</table>"
                .into(),
            "an HTML page",
        ),
    ] {
        let (members, words) = read_as(bytes, "");
        assert_eq!(members[0], ake, "{said}");
        assert!(words.contains(said), "{said}: {words}");
    }
}

#[test]
fn exports_of_accounting_programs_and_address_books_are_read() {
    for (text, want) in [
        (
            "Kundnr;Kundnamn;Adress 1;Postnr;Ort;E-post;Kundtyp;Er referens\n\
             501;Vretens byalag;Vretvägen 2;761 00;Vreten;kassor@vreten.example.se;COMPANY;Siv Alm\n",
            "501|Siv Alm|kassor@vreten.example.se|Vretens byalag|Vretvägen 2|761 00|Vreten",
        ),
        (
            "Föreningens namn;Kontaktperson;Gatuadress;Postadress;E-post\nVretens byalag;Siv Alm;Vretvägen 2;761 00 Vreten;siv@example.se\n",
            "-|Siv Alm|siv@example.se|Vretens byalag|Vretvägen 2|761 00|Vreten",
        ),
        (
            "First Name,Last Name,Organization Name,E-mail 1 - Label,E-mail 1 - Value,Address 1 - Street,Address 1 - City,Address 1 - Postal Code\n\
             Siv,Alm,Vretens byalag,*,siv@example.se ::: alm@example.se,Vretvägen 2,Vreten,761 00\n",
            "-|Siv Alm|siv@example.se|Vretens byalag|Vretvägen 2|761 00|Vreten",
        ),
        (
            "First Name,Last Name,Company,Home Street,Home City,Home Postal Code,E-mail Address\nSiv,Alm,Vretens byalag,Vretvägen 2,Vreten,761 00,siv@example.se\n",
            "-|Siv Alm|siv@example.se|Vretens byalag|Vretvägen 2|761 00|Vreten",
        ),
    ] {
        assert_eq!(read_as(text, "").0, [want]);
    }
}

#[test]
fn columns_are_chosen_ignored_and_filtered_by_the_configuration() {
    let list = "Namn;E-post privat;E-post målsman;Anteckning;Aktiv\n\
                Siv;siv@example.se;mor@example.se;sjuk;Ja\nBo;;far@example.se;;Ja\nTor;tor@example.se;;;Nej\n";
    let options = "ignore = [\"Anteckning\"]\nonly = 'aktiv = \"Ja\"'\n[members.columns]\nemail = [\"E-post privat\", \"E-post målsman\"]\n";
    let (members, words) = read_as(list, options);
    assert_eq!(members, ["-|Siv|siv@example.se|-|-|-|-", "-|Bo|far@example.se|-|-|-|-"]);
    assert!(words.contains("Anteckning → (not kept)") && words.contains("excluded by `only`"), "{words}");
    let (_, words) = read_as("Namn;E-post;Aktiv\nSiv;siv@example.se;Ja\nTor;tor@example.se;Nej\n", "");
    assert!(words.contains("set only = 'aktiv = \"Ja\"'"), "{words}");
}

#[test]
fn personal_identity_numbers_are_dropped() {
    let club = |header: &str, options: &str| {
        let list = format!(
            "Namn;E-post;{header}\nSiv;siv@example.se;19900101-2385\nBo;bo@example.se;199001012385\n"
        );
        read_as(list, options).1
    };
    assert!(club("Personnummer", "").contains("Personnummer → (not kept)"));
    assert!(club("Id-uppgift", "").contains("it looks like personal identity numbers"));
    assert!(club("Personnummer", "keep = [\"Personnummer\"]\n").contains("Personnummer → personnummer"));
    let telephone = club("Mobil", "");
    assert!(telephone.contains("Mobil → mobil") && telephone.contains("looks like personal"), "{telephone}");
}

#[test]
fn a_dry_run_shows_the_whole_list_even_if_an_import_would_stop() {
    let club = Sandbox::members(20);
    club.run("import").code(0);
    club.write(
        "members.csv",
        "namn,epost\nMember 0001,member0001@example.org\nNy,ny@example.org\nBo,bo@@example.org\n",
    );
    let run = club.run("import --dry-run").code(65);
    let run = run.stdout_has("invalid    line 4").stdout_has("added      Ny").stdout_has("19  missing");
    run.stderr_has("the import would stop: 1 row");
    club.run("import --dry-run --skip-bad").code(65).stderr_has("19 of 20 active members are missing");
    club.run("check 2026-1").code(65).stdout_has("[member-list]").stdout_has("[preheader]");
    club.write("members.csv", "ingenting\nalls\n");
    club.run("import").code(65).stderr_has("the list needs a row of headers");
}

#[test]
fn people_suppressed_by_another_systems_list_are_never_mailed() {
    let club = Sandbox::members(5);
    club.run("import").code(0);
    club.write(
        "export.csv",
        "Email Address,Status\nmember0001@example.org,unsubscribed\nmember0002@example.org,cleaned\n\
         member0003@example.org,subscribed\nnobody@example.org,unsubscribed\n",
    );
    let import = format!("import --suppress {}", club.path("export.csv").display());
    club.run(&format!("{import} --dry-run")).code(0).stderr_has("3 addresses suppressed, 2 of them");
    club.run(&import).code(0).stderr_has("1 skipped, who are subscribed according to the list");
    club.run(&import)
        .code(0)
        .stderr_has("0 addresses suppressed, 0 of them with a member of the register; 3 known");
    club.run("members show member0002@example.org").code(0).stdout_has("not mailed: hard bounce");
    club.write("plain.txt", "member0004@example.org\n");
    club.run(&format!("import --suppress {} --reason complaint", club.path("plain.txt").display())).code(0);
    club.run("members show 'Member 0004'").code(0).stdout_has("not mailed: complaint");
    club.run("send 2026-1 --yes").code(0);
    assert_eq!(club.in_state("2026-1", "accepted"), 2);
}
