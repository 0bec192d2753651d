//! Notices that every member must get: they go to members who unsubscribed, but not to dead addresses or non-members.

use crate::support::sandbox::Sandbox;

const LIST: &str = "Nr;Namn;E-post;Typ\n1;Anna Al;anna@example.org;medlem\n2;Bo By;bo@example.org;medlem\n\
                    3;Cia Dal;cia@example.org;medlem\n4;Dan Ek;dan@example.org;intressent\n5;Eva Fors;;medlem\n";

/// Anna has unsubscribed, Bo's address is dead, Dan is not a member, and Eva has no address.
fn club() -> Sandbox {
    let club = Sandbox::members(0);
    club.write("members.csv", LIST);
    let config = club.read("medlemsbrev.toml");
    assert!(config.contains("[members]\n"), "{config}");
    club.write("medlemsbrev.toml", config.replace("[members]\n", "[members]\nvoting = 'typ = medlem'\n"));
    club.write("issues/kallelse/issue.toml", "kind = \"notice\"\ntitle = \"Kallelse\"\ndate = 2026-04-15\n");
    club.write("issues/kallelse/10-hej.md", "+++\ntitle = \"Hej\"\n+++\nText.\n");
    club.run("send 2026-1 --yes").code(0);
    club.run("members unsubscribe anna@example.org").code(0);
    club.write("dead.csv", "E-post\nbo@example.org\n");
    let dead = club.path("dead.csv");
    club.run(&format!("import --suppress {} --reason bounced", dead.display())).code(0);
    club
}

#[test]
fn a_notice_goes_to_members_who_unsubscribed_and_has_no_unsubscribe_link() {
    let club = club();
    let dry = club.run("send kallelse --dry-run").code(0).stdout();
    club.run("send kallelse").code(2).stderr_has("letters to send");
    club.run("send kallelse --yes").code(0);
    let letters: Vec<String> = club
        .files("outbox/kallelse")
        .iter()
        .map(|file| club.read(&format!("outbox/kallelse/{file}")))
        .collect();
    let letters: Vec<&String> = letters.iter().filter(|letter| letter.contains("Message-ID:")).collect();
    let to = |address: &str| letters.iter().filter(|letter| letter.contains(&format!("<{address}>"))).count();
    assert_eq!(
        ["anna", "bo", "cia", "dan"].map(|name| to(&format!("{name}@example.org"))),
        [1, 0, 1, 0],
        "{dry}"
    );
    for letter in &letters {
        assert!(!letter.contains("List-Unsubscribe") && !letter.contains("Precedence"), "{letter}");
        assert!(letter.contains("Kallelser "), "{letter}");
    }
    let skipped = club.status("kallelse")["counts"]["skipped"].clone();
    let want = serde_json::json!({"hard_bounce": 1, "no_address": 1, "not_voting": 1});
    assert_eq!(skipped, want);
}

#[test]
fn an_approved_notice_is_sent_by_cron_to_the_same_members() {
    let club = club();
    let issue = club.read("issues/kallelse/issue.toml");
    club.write("issues/kallelse/issue.toml", format!("{issue}send_at = 2026-01-01T08:00\n"));
    club.run("approve kallelse --yes").code(0).stdout_has("approved for 2 recipients");
    club.run("send --due --yes").code(0);
    assert_eq!(club.in_state("kallelse", "accepted"), 2);
    // The next newsletter goes only to those who want it.
    club.write("issues/2026-2/issue.toml", "title = \"Brevet\"\ndate = 2026-04-15\n");
    club.write("issues/2026-2/10-hej.md", "+++\ntitle = \"Hej\"\n+++\nText.\n");
    club.run("send 2026-2 --yes").code(0);
    assert_eq!(club.in_state("2026-2", "accepted"), 2);
    assert_eq!(club.status("2026-2")["counts"]["skipped"]["unsubscribed"], 1);
}

#[test]
fn a_newsletter_cannot_become_a_notice_midway() {
    let club = club();
    let issue = club.read("issues/2026-1/issue.toml");
    club.write("issues/2026-1/issue.toml", format!("kind = \"notice\"\n{issue}"));
    club.run("send 2026-1 --yes").code(65).stderr_has("begun as another kind of issue");
    club.write("issues/2026-1/issue.toml", format!("kind = \"letter\"\n{issue}"));
    club.run("check 2026-1").stdout_has("unknown variant `letter`");
}
