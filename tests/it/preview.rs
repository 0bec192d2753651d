//! The letter in `preview` on a terminal.

use crate::support::sandbox::Sandbox;
use unicode_width::UnicodeWidthStr;

/// A section with every element of Markdown.
const EVERYTHING: &str = r#"+++
title = "Allt på en gång"

[[event]]
title = "Årsmöte"
date = 2026-05-09
start = "13:00"
end = "16:00"
place = "Bygdegården, Exempelby"
signup = "https://www.example.se/arsmote"
+++

## En underrubrik

**Fett**, *kursivt*, ~~struket~~ och `kod`; [en länk](https://www.example.se/a), [samma](https://www.example.se/a)
och <https://www.example.se/sig-sjalv>.

> Ett citat av någon,
> på två rader.

1. Ett
   - med underpunkt
2. Två

- [x] gjort
- [ ] ogjort

| Vad | Till vem | Kronor |
|---|---|---:|
| Bygdepengen | föreningar med lokal, lek, odling eller trygghet | 15 000 |
| Respengen | den som besöker en annan medlem | 4 000 |

---

    let x = 1;

[Svara här](https://www.example.se/enkat "knapp")
"#;

fn everything() -> Sandbox {
    let club = Sandbox::members(3);
    club.write("state/key", [7; 32]);
    club.write("issues/2026-1/10-hej.md", EVERYTHING);
    club
}

fn shown(club: &Sandbox, columns: usize, arguments: &str) -> String {
    club.run_in_columns(columns, &format!("preview 2026-1 --part letter {arguments}")).code(0).stdout()
}

#[test]
fn the_letter_in_two_widths_and_languages() {
    let member = "--member birgitta.almvret@exempelby.example.se";
    insta::assert_snapshot!("sv-80", shown(&Sandbox::example_in("sv"), 80, member));
    insta::assert_snapshot!("sv-120", shown(&Sandbox::example_in("sv"), 120, member));
    insta::assert_snapshot!("en-80", shown(&Sandbox::example_in("en"), 80, ""));
}

#[test]
fn every_element_of_markdown() {
    let club = everything();
    insta::assert_snapshot!("everything-80", shown(&club, 80, ""));
    insta::assert_snapshot!("everything-120", shown(&club, 120, ""));
    insta::assert_snapshot!("everything-40", shown(&club, 40, ""));
    let colored = shown(&club, 80, "--color always");
    insta::assert_snapshot!("everything-80-color", colored.replace('\u{1b}', "␛"));
}

#[test]
fn only_a_web_address_is_wider_than_the_terminal() {
    let clubs = [Sandbox::example_in("sv"), everything()];
    for (club, columns) in clubs.iter().flat_map(|club| [40, 53, 80, 120, 200].map(|columns| (club, columns)))
    {
        for line in shown(club, columns, "").lines() {
            assert!(line.width() <= columns || line.contains("://"), "{columns}: {line}");
        }
    }
}

#[test]
fn colours_and_links_are_optional() {
    let club = everything();
    let run = |variables: &[(&str, &str)], arguments: &str| {
        club.run_with(variables, &format!("preview {arguments}")).code(0).stdout()
    };
    let has_escapes = |text: String| text.contains('\u{1b}');
    assert!(!has_escapes(run(&[], "--part letter")));
    assert!(has_escapes(run(&[("CLICOLOR_FORCE", "1")], "--part letter")));
    assert!(!has_escapes(run(&[("CLICOLOR_FORCE", "1")], "--part letter --color never")));
    assert!(run(&[], "--color always").contains("╭"));
    // A pipe gets the text part.
    let text = run(&[], "");
    assert_eq!(text, run(&[], "--part text"));
    assert!(text.contains("To:        ") && text.contains("  * Årsmöte"));
}

#[test]
fn a_member_cannot_control_the_terminal() {
    let club = Sandbox::members(1);
    club.write(
        "members.csv",
        "namn,epost,ort\nAnna,anna@example.org,\"By\u{1b}]0;titel\u{7}en \u{9b}2J \u{202e}bakåt\"\n",
    );
    club.write("issues/2026-1/10-hej.md", "+++\ntitle = \"Hej\"\n+++\n**I {{member.city}}**.\n");
    let text = shown(&club, 80, "--member anna@example.org --color always");
    let text = anstream::adapter::strip_str(&text).to_string();
    assert!(!text.contains(|c: char| c.is_control() && c != '\n') && !text.contains('\u{202e}'), "{text:?}");
}
