//! Compares `docs/formats.md` with a year's `--json` results and logs: nothing is undocumented, and nothing is gone.

use std::collections::{BTreeMap, BTreeSet};
use std::fs;
use std::path::Path;

use serde_json::Value;

use crate::support::sandbox::{Sandbox, bounce};
use crate::support::smtp_server::{Action, Place, SmtpServer, When};

/// Documented fields that no story with a ledger in a file can show.
const ONLY_ON_A_SERVER: &str = "hosts.";

/// Two members share an address, two have none, one row is a duplicate, one invalid, and one looks misspelt.
const LIST: &str = "Nr;Namn;E-post;Förening;Område;Språk;Adress;Postnr;Ort\n\
    1;Anna Al;member0001@example.org;Byalaget;stad;sv;Bygatan 1;100 00;Byn\n\
    2;Bo By;member0002@example.org;Byalaget;stad;;;;\n3;Cia Dal;member0003@example.org;Ödet;ö;;;;\n\
    4;Dan Ek;member0004@example.org;Kvarnen;;;;;\n5;Eva Fors;;Kvarnen;ö;;Bygatan 2 \u{1234};100 00;Byn\n\
    6;Gun Ho;;Ensam;stad;;;;\n7;Ivar Jo;member0001@example.org;Byalaget;stad;;;;\n\
    8;Jon Karl;member0008@gmial.com;Byn;;;;;\n8;Jon Karl;member0008@gmial.com;Byn;;;;;\n\
    9;Kaj Lo;kaj@;Byn;;;;;\n10;Lo Mo;member0010@example.org;Byn;;;;;\n";

const SETTINGS: &str = "max_missing = 5\n\n[segments]\nstad = 'area = \"stad\"'\n\n[report]\nby = [\"area\"]\n\n\
    [paper]\npostage = [[50, 22.0]]\n\n[inbox]\nsources = [\"mbox\"]\n\n[schedule]\ndue = [\"05-15\"]\n";

/// An automatic answer with a new address.
const NEWS: &str = "From: member0001@example.org\nTo: studs@example.se\nSubject: Autosvar: Brevet\n\
    Auto-Submitted: auto-replied\n\nJag har slutat. Min nya adress: anna.ny@example.org\n";

/// The fields of each command's results, by their path; lists are left out of a path.
#[derive(Default)]
struct Seen(BTreeMap<String, BTreeMap<Vec<String>, bool>>);

impl Seen {
    /// Adds the fields of a value; they are marked as filled unless they are null or empty.
    fn add(&mut self, command: &str, value: &Value, path: &[String]) {
        match value {
            Value::Object(fields) if !fields.is_empty() => {
                for (name, field) in fields {
                    self.add(command, field, &[path, std::slice::from_ref(name)].concat());
                }
            }
            Value::Array(items) if !items.is_empty() => {
                items.iter().for_each(|item| self.add(command, item, path));
            }
            _ => {
                let is_empty = value.is_null() || value.is_object() || value.is_array();
                let fields = self.0.entry(command.to_owned()).or_default();
                *fields.entry(path.to_vec()).or_default() |= !is_empty;
            }
        }
    }

    fn run(&mut self, club: &Sandbox, arguments: &str) {
        let document = club.run(&format!("{arguments} --json")).document();
        self.add(document["command"].as_str().unwrap(), &document["result"], &[]);
    }
}

/// The documented fields of each command and object.
struct Documented(BTreeMap<String, Vec<String>>);

impl Documented {
    fn read() -> Self {
        let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("docs/formats.md");
        let text = fs::read_to_string(path).unwrap();
        let sections = text.split("\n### ").skip(1).map(|section| {
            let (heading, rest) = section.split_once('\n').unwrap();
            let rows = rest.lines().filter_map(|line| line.strip_prefix("| `")?.split(" | ").next());
            let names =
                rows.flat_map(|cell| cell.split("`, `").map(|name| name.trim_matches('`').to_owned()));
            (heading.trim_matches('`').to_owned(), names.collect())
        });
        let mut sections: BTreeMap<String, Vec<String>> = sections.collect();
        for (log, lines) in [("send", "SEND_LINE"), ("dry-run", "SEND_LINE"), ("bounce", "BOUNCE_LINE")] {
            sections.insert(format!("{log}.jsonl"), vec![lines.to_owned()]);
        }
        Self(sections)
    }

    /// Fields as paths, each with the section that documents it; the name of an object becomes its fields.
    fn fields(&self, section: &str, before: &[String]) -> Vec<(String, Vec<String>)> {
        let mut fields = Vec::new();
        for name in self.0.get(section).into_iter().flatten() {
            let path: Vec<String> =
                before.iter().cloned().chain(name.split('.').map(str::to_owned)).collect();
            let (last, start) = path.split_last().unwrap();
            if self.0.contains_key(last) && is_placeholder(last) {
                fields.extend(self.fields(last, start));
            } else {
                fields.push((format!("{section}: {name}"), path));
            }
        }
        fields
    }
}

fn is_placeholder(word: &str) -> bool {
    word.chars().all(|c| c.is_ascii_uppercase() || c == '_')
}

fn fits(documented: &[String], field: &[String]) -> bool {
    let pairs = || documented.iter().zip(field);
    documented.len() == field.len() && pairs().all(|(name, word)| name == word || is_placeholder(name))
}

fn write_issue(club: &Sandbox, name: &str, more: &str) {
    club.write(
        &format!("issues/{name}/issue.toml"),
        format!("title = \"Brevet\"\ndate = 2026-10-15\n{more}"),
    );
    club.write(&format!("issues/{name}/10-hej.md"), "+++\ntitle = \"Hej\"\n+++\nText.\n");
}

/// Sends the first issue to a server that refuses, defers and loses letters.
fn first_issue(club: &Sandbox, seen: &mut Seen) {
    let mut run = |arguments: &str| seen.run(club, arguments);
    club.write("members.csv", LIST);
    run("import --skip-bad --dry-run");
    club.write("members.csv", LIST.replace("9;Kaj Lo;kaj@;Byn;;;;;\n", ""));
    for arguments in ["import", "import", "check 2026-1", "check --login", "segments", "organisations"] {
        run(arguments);
    }
    for arguments in ["members list", "preview 2026-1 --member 1", "templates", "schedule"] {
        run(arguments);
    }
    let section = club.read("issues/2026-1/10-hej.md");
    let config = club.read("medlemsbrev.toml");
    club.write("medlemsbrev.toml", format!("{config}quota = [\"5/24h\"]\n"));
    run("send 2026-1 --dry-run");
    club.write("issues/2026-1/10-hej.md", section + "\nTill sist.\n");
    run("send 2026-1 --dry-run");
    run("send 2026-1 --dry-run --limit 1");
    run("log --kind dry-run");
    run("log --kind dry-run --diff");
    club.write("medlemsbrev.toml", config);
    run("approve 2026-1 --yes");
    for arguments in ["send 2026-1 --test test@example.org", "send 2026-1 --yes", "status 2026-1"] {
        run(arguments);
    }
    run("resolve 2026-1");
    run("resolve 2026-1 --accepted member0004@example.org");
}

/// Reads what came back, prints and posts letters, and reports on the issue.
fn after_it(club: &Sandbox, seen: &mut Seen) {
    let returned = [bounce(1, "5.1.1", "User unknown"), bounce(10, "5.2.2", "Mailbox full"), NEWS.to_owned()];
    let mbox = returned.map(|mail| format!("From MAILER-DAEMON Sat Mar 2 10:00:00 2024\n{mail}\n"));
    club.write("mbox", mbox.concat());
    seen.run(club, &format!("bounces --dry-run {}", club.path("mbox").display()));
    for arguments in ["bounces", "bounces report", "log --kind bounce", "members list"] {
        seen.run(club, arguments);
    }
    for options in ["--yes", "--test-sheet", "--done"] {
        seen.run(club, &format!("paper 2026-1 {options}"));
    }
    seen.run(club, "report 2026-1 --names");
    seen.run(club, "report 2026-1 --format html");
}

/// Changes the register, and sends another issue and a notice.
fn second_issue(club: &Sandbox, seen: &mut Seen) {
    let mut run = |arguments: &str| seen.run(club, arguments);
    for number in [1, 2, 5] {
        run(&format!("members show id:{number}"));
    }
    run("members extract id:1");
    run("members set id:3 område=stad");
    run("members show id:3");
    let list =
        LIST.replace("9;Kaj Lo;kaj@;Byn;;;;;\n", "").replace("Karl;member0008@gmial.com;Byn", "Karl;;Hamn");
    club.write(
        "members.csv",
        list.replace("3;Cia Dal;member0003@", "3;Zoe Qvist;zoe@")
            .replace("Ek;member0004@example.org;Kvarnen", "Ek;member0004@example.org;Nya"),
    );
    for arguments in ["import", "members held", "members show zoe@example.org"] {
        run(arguments);
    }
    run("members confirm zoe@example.org --someone-else");
    club.write("suppress.csv", "email;status\na@example.org;unsubscribed\nb@example.org;subscribed\n");
    run(&format!("import --suppress {}", club.path("suppress.csv").display()));
    write_issue(club, "2026-2", "");
    run("send 2026-2 --yes");
    run("report 2026-2");
    write_issue(club, "kallelse", "kind = \"notice\"\n");
    run("send kallelse --yes");
    club.write(
        "mbox",
        format!("From MAILER-DAEMON Sat Mar 2 10:00:00 2024\n{}\n", bounce(10, "5.1.1", "gone")),
    );
    for arguments in ["bounces", "paper kallelse --yes", "paper kallelse --done", "report --notice kallelse"]
    {
        run(arguments);
    }
    for arguments in ["status", "cancel 2026-2", "prune --older-than 1d", "new 2027-1"] {
        run(arguments);
    }
    club.write("ny/members.csv", "namn;epost\n");
    run(&format!("init {}", club.path("ny").display()));
    // Counts become final a month after the last letter.
    let ledger = rusqlite::Connection::open(club.path("state/medlemsbrev.db")).unwrap();
    ledger
        .execute_batch("UPDATE delivery SET changed_at = '2024-03-01T10:00:00Z'; DELETE FROM paper")
        .unwrap();
    run("report 2026-1");
    run("report 2026-1");
}

#[test]
fn every_field_of_json_and_logs_is_documented_and_exists() {
    let server = SmtpServer::build()
        .unknown_user("member0002")
        .fault(Place::Rcpt, When::To("member0003"), Action::Reply(450, "4.2.1 Mailbox busy"))
        .fault(Place::AfterDot, When::To("member0004"), Action::Drop)
        .start();
    let club = Sandbox::members(1).without_tokens();
    club.write("medlemsbrev.toml", club.read("medlemsbrev.toml") + SETTINGS);
    let for_some = "+++\ntitle = \"By\"\naudience = 'area = \"stad\"'\n+++\nText.\n";
    club.write("issues/2026-1/20-by.md", for_some);
    let club = club.relay(&server);
    let mut seen = Seen::default();
    first_issue(&club, &mut seen);
    after_it(&club, &mut seen);
    second_issue(&club, &mut seen);
    for log in ["send", "dry-run", "bounce"] {
        let lines = club.read(&format!("logs/{log}.jsonl"));
        let lines = lines.lines().map(|line| serde_json::from_str::<Value>(line).unwrap());
        lines.for_each(|line| seen.add(&format!("{log}.jsonl"), &line, &[]));
    }

    let documented = Documented::read();
    let mut undocumented = BTreeSet::new();
    let mut met = BTreeSet::new();
    for (command, fields) in &seen.0 {
        let known = documented.fields(command, &[]);
        for (field, is_filled) in fields.iter().filter(|(field, _)| !field.is_empty()) {
            // A field that is null or empty may stand for the fields of its object.
            let is_known = known.iter().any(|(_, path)| {
                fits(path, field)
                    || (!is_filled && path.len() > field.len() && fits(&path[..field.len()], field))
            });
            if !is_known {
                undocumented.insert(format!("{command}: {}", field.join(".")));
            }
            if *is_filled {
                met.extend(
                    known.iter().filter(|(_, path)| fits(path, field)).map(|(place, _)| place.clone()),
                );
            }
        }
    }
    let everything = documented.0.keys().flat_map(|section| documented.fields(section, &[]));
    let gone: BTreeSet<String> = everything
        .map(|(place, _)| place)
        .filter(|place| !met.contains(place) && !place.contains(ONLY_ON_A_SERVER))
        .collect();
    assert!(undocumented.is_empty(), "not in docs/formats.md: {undocumented:#?}");
    assert!(gone.is_empty(), "only in docs/formats.md: {gone:#?}");
}
