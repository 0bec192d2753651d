//! The complete example letter, as its readers get it.

use crate::support::sandbox::Sandbox;

fn headers(source: &str) -> String {
    let head = source.split("\n\n").next().unwrap();
    head.lines().filter(|line| !line.starts_with("Date: ")).collect::<Vec<_>>().join("\n")
}

#[test]
fn the_letter_in_swedish() {
    let club = Sandbox::example_in("sv");
    let member = "--member birgitta.almvret@exempelby.example.se";
    let preview = |part: &str| club.run(&format!("preview 2026-1 {member} --part {part}"));
    preview("text").code(0);
    insta::assert_snapshot!("sv-headers", headers(&preview("source").stdout()));
    insta::assert_snapshot!("sv-text", preview("text").stdout());
    insta::assert_snapshot!("sv-html", preview("html").stdout());
}

#[test]
fn the_letter_in_english() {
    let club = Sandbox::example_in("en");
    let preview = |part: &str| club.run(&format!("preview 2026-1 --part {part}")).code(0).stdout();
    insta::assert_snapshot!("en-headers", headers(&preview("source")));
    insta::assert_snapshot!("en-text", preview("text"));
    insta::assert_snapshot!("en-html", preview("html"));
}

/// A picture in one colour, 1,200 × 600 pixels.
fn picture() -> Vec<u8> {
    let mut file = std::io::Cursor::new(Vec::new());
    image::DynamicImage::new_rgb8(1200, 600).write_to(&mut file, image::ImageFormat::Png).unwrap();
    file.into_inner()
}

#[test]
fn a_club_has_its_own_color_partners_and_a_picture_on_top() {
    let club = Sandbox::example_in("sv");
    club.write("issues/2026-1/images/hero.png", picture());
    club.write("templates/partner.png", picture());
    let config = club.read("medlemsbrev.toml")
        + "\n[design]\ncolor = \"#7a1f1f\"\n[[partner]]\nname = \"Rederiet\"\nlogo = \"templates/partner.png\"\n\
           link = \"https://www.example.se/\"\n";
    club.write("medlemsbrev.toml", &config);
    let issue = club.read("issues/2026-1/issue.toml")
        + "\nhero = \"images/hero.png\"\nhero_alt = \"En brygga\"\n[[partner]]\nname = \"Sponsorn\"\n";
    club.write("issues/2026-1/issue.toml", issue);
    club.write("issues/2026-1/45-tel.md", "+++\ntitle = \"Ring\"\n+++\nRing 08-123 456 78.\n");
    club.run("check 2026-1").code(0).stdout_has("No problems found.");
    let html = club.run("preview 2026-1 --part html").code(0).stdout();
    for part in [
        "alt=\"En brygga\" width=\"600\"",
        "<a href=\"https://www.example.se/\"",
        "alt=\"Rederiet\" width=\"140\"",
        ">Sponsorn</td>",
        "<a href=\"tel:0812345678\"",
        "#7a1f1f",
    ] {
        assert!(html.contains(part), "{part}");
    }
    assert!(!html.contains("#1f5138"), "a green was left");
    let text = club.run("preview 2026-1 --part text").code(0).stdout();
    for part in [
        "[En brygga]",
        "- Rederiet: https://www.example.se/",
        "- Sponsorn",
        "Ring 08-123\u{a0}456\u{a0}78.\n",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let line = config.lines().position(|line| line.starts_with("color")).unwrap() + 1;
    club.write("medlemsbrev.toml", config.replace("#7a1f1f", "#f0c060"));
    let run = club.run("check 2026-1").code(78);
    run.stderr_has("`#f0c060` is too light")
        .stderr_has("use a darker color")
        .stderr_has(&format!("medlemsbrev.toml:{line}"));
}

#[test]
fn the_same_input_gives_the_same_bytes() {
    let club = Sandbox::example_in("sv");
    let bytes = || {
        let source = club.run("preview 2026-1 --part source").code(0).stdout();
        source.lines().filter(|line| !line.starts_with("Date: ")).collect::<Vec<_>>().join("\n")
    };
    assert_eq!(bytes(), bytes());
}

#[test]
fn the_text_part_says_the_same_as_the_html_part() {
    let club = Sandbox::example_in("sv");
    let html =
        club.run("preview 2026-1 --part html").code(0).stdout().replace('\u{ad}', "").replace("&nbsp;", " ");
    let text = club.run("preview 2026-1 --part text").code(0).stdout();
    let body = html.split("<body").nth(1).unwrap().split_once('>').unwrap().1;
    let mut words = String::new();
    let mut in_tag = false;
    for c in body.chars() {
        match c {
            '<' => in_tag = true,
            '>' => {
                in_tag = false;
                words.push(' ');
            }
            _ if !in_tag => words.push(c),
            _ => {}
        }
    }
    let words: Vec<&str> =
        words.split(|c: char| !c.is_alphanumeric()).filter(|word| word.chars().count() > 2).collect();
    let missing: Vec<&&str> = words.iter().filter(|word| !text.contains(**word)).collect();
    assert!(
        words.len() > 500 && missing.len() * 50 <= words.len(),
        "{} of {}: {missing:?}",
        missing.len(),
        words.len()
    );
}

/// RFC 8058 §4: one click is valid only under a signature that covers it.
#[test]
fn one_click_is_offered_only_if_a_signature_covers_it() {
    let club = Sandbox::members(1);
    let config = club.read("medlemsbrev.toml");
    let with = |line: &str| {
        let sender = format!("[sender]\nunsubscribe_url = \"https://www.example.se/ut/{{token}}\"\n{line}");
        club.write("medlemsbrev.toml", config.replacen("[sender]\n", &sender, 1));
        club.run("preview 2026-1 --part headers").code(0).stdout()
    };
    let unsigned = with("");
    assert!(unsigned.contains("https://www.example.se/ut/") && !unsigned.contains("One-Click"), "{unsigned}");
    assert!(with("one_click = true\n").contains("List-Unsubscribe-Post: List-Unsubscribe=One-Click"));
}
