//! Letters on paper: their recipients, their PDF as other programs read it, and the record of them.

use crate::support::sandbox::Sandbox;

const LIST: &str = "Nr;Namn;E-post;Adress;Postnr;Ort;Post\n\
    1;Anna Al;;Bygatan 2;100 20;Byn;\n2;Bo By;bo@example.org;Bygatan 1;100 20;Byn;\n\
    3;Cia Dal;cia@example.org;Ringen 4;100 05;Byn;ja\n4;Dan Ek;;;100 20;Byn;\n\
    5;Eva Fors;eva@example.org;Skogen 1;200 00;Dalen;\n6;Gun Ho;gun@example.org;Skogen 2;200 00;Dalen;\n";

/// Anna and Dan have no e-mail, and Dan no street; Bo's address is dead, Cia asks for paper, Eva has unsubscribed.
fn club() -> Sandbox {
    let club = Sandbox::members(0);
    club.write("members.csv", LIST);
    let config = club.read("medlemsbrev.toml");
    let paper = "\n[paper]\nwanted = 'post = ja'\npostage = [[50, 22.0], [100, 44.0]]\n";
    club.write("medlemsbrev.toml", config + paper);
    club.run("import").code(0);
    club.run("members unsubscribe eva@example.org").code(0);
    club.write("dead.csv", "E-post\nbo@example.org\n");
    club.run(&format!("import --suppress {} --reason bounced", club.path("dead.csv").display())).code(0);
    club
}

#[test]
fn members_without_email_get_paper_in_postal_order() {
    let club = club();
    let printed = club.run("paper 2026-1 --dry-run --json").code(0).json();
    assert_eq!((&printed["letters"], &printed["sheets"]), (&3.into(), &3.into()), "{printed}");
    assert_eq!(printed["postage"], 66.0);
    assert_eq!(printed["without_address"][0]["name"], "Dan Ek");
    assert!(!club.path("paper").exists());
    let run = club.run("paper 2026-1 --labels --each").code(0);
    run.stdout_has("3 letters on paper").stderr_has("No postal address: Dan Ek: the street is missing");
    let order: Vec<String> = club
        .read("paper/2026-1.csv")
        .lines()
        .map(|line| line.split(';').nth(2).unwrap_or_default().to_owned())
        .collect();
    assert_eq!(order, ["Cia Dal", "Bo By", "Anna Al"]);
    assert_eq!(club.files("paper/2026-1").len(), 3);
    for file in ["2026-1.pdf", "2026-1-labels.pdf"] {
        assert!(std::fs::read(club.path("paper").join(file)).unwrap().starts_with(b"%PDF-"), "{file}");
    }
}

#[test]
fn posted_letters_are_recorded_and_not_printed_again_unasked() {
    let club = club();
    club.run("paper 2026-1 --done").code(65).stderr_has("no printed letters");
    club.run("paper 2026-1").code(0);
    club.run("status 2026-1").code(0).stdout_has("On paper: 3 to print and post, 0 posted.");
    club.run("paper 2026-1 --done").code(0).stdout_has("3 letters posted");
    club.run("members show 1").code(0).stdout_has("state: posted");
    club.run("paper 2026-1").code(2).stderr_has("--yes");
    assert_eq!(club.status("2026-1")["on_paper"]["posted"], 3);
    club.run("paper 2026-1 --yes").code(0);
    assert_eq!(club.status("2026-1")["on_paper"]["to_print"], 3);
    club.run("members forget 1 --yes").code(0);
    assert_eq!(club.status("2026-1")["on_paper"]["to_print"], 2);
}

#[test]
fn the_same_letters_are_the_same_bytes_and_one_member_is_printed_on_demand() {
    let club = club();
    let bytes = |file: &str| std::fs::read(club.path("paper").join(file)).unwrap();
    club.run("paper 2026-1").code(0);
    let first = bytes("2026-1.pdf");
    club.run("paper 2026-1").code(0);
    assert!(first == bytes("2026-1.pdf"), "the bytes differ");
    club.run("paper 2026-1 --member gun@example.org").code(0).stdout_has("1 letter on paper");
    assert_eq!(club.status("2026-1")["on_paper"]["to_print"], 3);
    club.write("members.csv", "Nr;Namn;E-post;Adress;Postnr;Ort\n9;李小龍;;Road 1;10000;Beijing\n");
    club.run("import --max-missing 100%").code(0);
    club.run("paper 2026-1").code(0).stderr_has("the fonts lack 小李龍");
    club.run("paper --test-sheet").code(0).stdout_has("test-sheet.pdf");
    let config = club.read("medlemsbrev.toml");
    club.write("medlemsbrev.toml", config + "right = 500.0\n");
    club.run("paper 2026-1").code(78).stderr_has("correct `right` and `down`");
}

#[test]
fn a_notice_is_printed_for_everybody_without_email() {
    let club = club();
    club.write("issues/kallelse/issue.toml", "kind = \"notice\"\ntitle = \"Kallelse\"\ndate = 2026-04-15\n");
    club.write("issues/kallelse/10-hej.md", "+++\ntitle = \"Hej\"\n+++\nText.\n");
    // Before the first send as well as after it.
    let printed = club.run("paper kallelse --dry-run --json").code(0).json();
    assert_eq!(printed["letters"], 3, "{printed}");
    club.run("send kallelse --yes").code(0);
    // Eva gets it by e-mail although she unsubscribed.
    assert_eq!(club.in_state("kallelse", "accepted"), 3);
    let printed = club.run("paper kallelse --json").code(0).json();
    assert_eq!(printed["letters"], 3, "{printed}");
}

#[test]
fn check_finds_letters_that_cannot_be_printed_or_posted() {
    let club = club();
    let run = club.run("check 2026-1").code(0);
    run.stdout_has("1 member on paper has no usable postal address: Dan Ek (the street is missing)");
    let section = club.read("issues/2026-1/10-hej.md");
    club.write("issues/2026-1/10-hej.md", section + "\n漢\n");
    club.run("check 2026-1").code(0).stdout_has("the fonts for paper lack 漢");
    // If nobody has a postal address, no letters are posted.
    let club = Sandbox::members(2);
    club.write("members.csv", "Nr;Namn;E-post\n1;Anna Al;\n2;Bo By;bo@example.org\n");
    let run = club.run("check 2026-1").code(0);
    assert!(!run.stdout().contains("paper"), "{}", run.stdout());
}

#[test]
fn the_preview_and_the_archive_have_the_printed_letter() {
    let club = club();
    club.run("preview 2026-1 --paper --member 1").code(0).stdout_has("build/2026-1.pdf");
    assert!(std::fs::read(club.path("outbox/2026-1/build/2026-1.pdf")).unwrap().starts_with(b"%PDF-"));
    club.run("archive 2026-1").code(0).stdout_has("archive/2026-1.pdf");
    assert!(club.read("archive/2026-1.html").contains("href=\"2026-1.pdf\""));
}
