use std::collections::BTreeMap;

use super::*;
use crate::compose::PrintedEvent;
use crate::domain::WindowSide;

fn stationery(two_sided: bool) -> Stationery<'static> {
    Stationery {
        info: PdfInfo { title: "Medlemsbrev", language: "sv", created: jiff::civil::date(2026, 4, 29) },
        sender_name: "Exempelföreningen",
        return_line: "Exempelföreningen, Exempelgatan 1, 123 45 Exempelby",
        logo: None,
        window: EnvelopeWindow::new(WindowSide::Left, 0.0, 0.0),
        page_of: "{page} ({pages})",
        two_sided,
    }
}

fn letter(html: &str) -> PrintLetter<'static> {
    let event = PrintedEvent {
        date_lines: vec!["9 maj".to_owned(), "kl. 13".to_owned()],
        title: "Årsmöte".to_owned(),
        lines: vec!["Bygdegården".to_owned()],
        link: Some(("Anmäl dig".to_owned(), "https://example.se/m".to_owned())),
    };
    let section = PrintedSection {
        title: "Nytt".to_owned(),
        number: 1,
        language: "sv".to_owned(),
        html: html.to_owned(),
        events: vec![event],
    };
    PrintLetter {
        language: "sv",
        address: vec!["Anna Exempel".to_owned(), "Exempelgatan 2".to_owned()],
        date: "29 april 2026".to_owned(),
        title: "Vårbrev".to_owned(),
        sections: vec![section],
        enclosures: Some(("Bilagor".to_owned(), vec!["Program.pdf".to_owned()])),
        foot: vec!["info@example.se".to_owned()],
        ..PrintLetter::default()
    }
}

fn print(letters: &[PrintLetter<'_>], two_sided: bool) -> (Vec<usize>, Vec<u8>) {
    let pictures = BTreeMap::from([("cid:broken".to_owned(), b"\xff\xd8\xff no".to_vec())]);
    let mut printer = Printer::new(&stationery(two_sided), &pictures).unwrap();
    let pages = letters.iter().map(|letter| printer.add(letter).unwrap()).collect();
    (pages, printer.finish().unwrap())
}

#[test]
fn the_same_letters_are_the_same_bytes() {
    let letters = [letter("<p>En text om bygdegården → <a href=\"https://example.se\">här</a>.</p>")];
    let (_, first) = print(&letters, false);
    assert!(first == print(&letters, false).1);
    assert!(first.starts_with(b"%PDF"));
}

#[test]
fn two_sided_letters_start_on_a_new_sheet() {
    let text = letter("<p>Kort.</p>");
    let (pages, one_sided) = print(&[text.clone(), text.clone()], false);
    assert_eq!(pages, [1, 1]);
    let count = |pdf: &[u8]| {
        let text = String::from_utf8_lossy(pdf).into_owned();
        text.matches("/Type/Page/").count() + text.matches("/Type /Page\n").count()
    };
    let (_, two_sided) = print(&[text.clone(), text], true);
    assert_eq!(count(&two_sided), count(&one_sided) + 1);
}

#[test]
fn hostile_html_is_printed_anyway() {
    let wide = format!("<table><thead><tr>{}</tr></thead></table>", "<th>ord</th>".repeat(60));
    let tall = format!("<table><tr><th>a</th></tr><tr><td>{}</td></tr></table>", "ord ".repeat(20_000));
    for html in [
        "",
        "<p>\u{0}\u{feff}\u{e000}\u{fffe} 漢字 🎉 \u{202e}x e\u{301}\u{301}\u{325}</p>",
        "<img src=\"cid:broken\" alt=\"En bild\"><img src=\"\" width=\"0\">",
        &"x".repeat(20_000),
        &format!("<a href=\"https://example.se/{}\">y</a>", "z/".repeat(3_000)),
        &"<blockquote><ul><li>a".repeat(300),
        &"<h3>Rubrik</h3>".repeat(300),
        &"<p>a<br>".repeat(500),
        &wide,
        &tall,
        "<meter value=\"1e30\" max=\"1e38\"></meter><ol start=\"18446744073709551615\"><li>a</li><li>b</li></ol>",
        "<table><tr></tr></table><ul></ul><ul><li></li></ul><h3></h3><a href=\"https://example.se\"></a>",
    ] {
        let (pages, _) = print(&[letter(html)], false);
        assert!(pages[0] >= 1);
    }
}

#[test]
fn a_letter_may_be_empty() {
    let (pages, _) = print(&[PrintLetter { language: "sv", ..PrintLetter::default() }], true);
    assert_eq!(pages, [1]);
    assert!(matches!(
        Printer::new(&Stationery { logo: Some(b"no"), ..stationery(false) }, &BTreeMap::new()),
        Err(PaperError::Logo)
    ));
}
