//! Letters that nobody should write, and somebody will: nothing panics, and each part of the letter is there.

use crate::support::sandbox::Sandbox;

/// What an editor might paste, by what is odd about it.
fn oddities() -> Vec<(&'static str, String, &'static str)> {
    let word = "bygdeutvecklingsstrategiarbetsgruppsordförande".repeat(3);
    let link = format!("https://www.example.se/{}", "a".repeat(377));
    let nested: String = (0..20).map(|depth| format!("{}- nivå {depth}\n", "  ".repeat(depth))).collect();
    let row = |cell: &str| format!("{}|\n", format!("| {cell} ").repeat(12));
    vec![
        (
            "an endless word",
            format!(
                "### {word}\n\n[{word}](https://example.se)\n\n| {word} | b | c |\n|---|---|---|\n| {word} | d | e |\n"
            ),
            "bygde",
        ),
        ("an endless link", format!("[Läs om bygden]({link})\n\n[{link}]({link} \"button\")\n"), "aaaa"),
        ("twelve columns", row("Kolumn") + &row("---") + &row("värde"), "Kolumn"),
        ("deep lists", nested, "nivå 19"),
        ("emoji and Arabic", "مرحبا 👩\u{200d}👩\u{200d}👧 i byn\n".to_owned(), "مرحبا"),
        ("unclosed tags", "<p>Öppen <b>fet <table><tr><td>cell\n\n<!-- aldrig stängd\n".to_owned(), "Öppen"),
        ("a stray end", "<table><tr><td>cell</td>\n\nText</div></td></p>\n\nSlut\n".to_owned(), "Slut"),
        ("no head", "<table><tr><td>Åsa</td><td rowspan=9>Byn</td></tr></table>\n".to_owned(), "Byn"),
        ("a long text", "Ord och mening om bygden i skärgården. ".repeat(3_000), "skärgården"),
    ]
}

#[test]
fn odd_letters_are_composed_and_printed() {
    let club = Sandbox::members(0);
    club.write("members.csv", "Namn;E-post;Adress;Postnr;Ort\nEva Fors 🎉 علي;;Bygatan 5;100 00;Byn\n");
    club.run("import").code(0);
    for (what, markdown, part) in oddities() {
        club.write("issues/2026-1/10-hej.md", format!("# Hej\n\n{markdown}"));
        let check = club.run("check 2026-1 --allow-large");
        assert!([Some(0), Some(65)].contains(&check.exit_code()), "{what}: {}", check.stderr());
        let soft = |text: String| text.replace(['\u{ad}', '\u{200b}'], "");
        assert!(soft(club.run("preview 2026-1 --part html").code(0).stdout()).contains(part), "{what}");
        assert!(soft(club.run("preview 2026-1 --part text").code(0).stdout()).contains(part), "{what}");
        club.run("preview 2026-1 --part letter").code(0);
        if cfg!(feature = "paper") {
            club.run("paper 2026-1 --dry-run").code(0).stdout_has("1 letter on paper");
        }
    }
}
