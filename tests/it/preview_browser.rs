//! `preview --serve` in Debian's Chromium. Skipped with a clear notice if it is missing.
#![cfg(feature = "browser")]

use std::time::Duration;

use crate::support::preview::Preview;
use crate::support::sandbox::Sandbox;
use crate::support::webdriver::Browser;
use serde_json::json;

const SECTION: &str = "issues/2026-1/10-ordforanden.md";
/// The frame with the loaded letter.
const FRAME: &str = "document.querySelector('#frames iframe:not(.coming)')";

/// Evaluates an expression in the letter, with its document `d` and its window `w`.
fn in_letter(expression: &str) -> String {
    format!(
        "(() => {{ const w = {FRAME}?.contentWindow, d = w?.document; return w && d.body && ({expression}) }})()"
    )
}

fn shown(browser: &Browser, expression: &str) -> serde_json::Value {
    browser.evaluate(&format!("return {}", in_letter(expression)))
}

fn click(browser: &Browser, selector: &str) {
    browser.evaluate(&format!("document.querySelector('{selector}').click()"));
}

fn search(browser: &Browser, words: &str) {
    browser.evaluate(&format!(
        "const q = document.querySelector('#query'); q.value = '{words}'; q.dispatchEvent(new Event('input'))"
    ));
}

/// A browser of desktop size that shows the example.
fn opened(page: &Preview, fragment: &str) -> Option<Browser> {
    let browser = Browser::start()?;
    browser.size(1400, 900);
    browser.go(&format!("{}{fragment}", page.url));
    browser.until(&in_letter("d.querySelector('h1')"));
    Some(browser)
}

#[test]
fn a_saved_section_is_on_the_page_within_a_second_and_an_error_appears_and_disappears() {
    let club = Sandbox::example("stockholm");
    let page = Preview::start(&club, "2026-1");
    let Some(browser) = opened(&page, "#member=4&width=phone") else { return };
    browser.picture("desktop-phone-width");
    browser.evaluate(&format!("{FRAME}.contentWindow.scrollTo(0, 400)"));
    let good = club.read(SECTION);
    // The best of five, since the machine may be busy.
    let saved_to_seen = (1..=5).map(|number| {
        club.write(SECTION, format!("{good}\nStycke {number}.\n"));
        browser.until(&in_letter(&format!("d.body.innerText.includes('Stycke {number}.')")))
    });
    let quickest = saved_to_seen.min().unwrap();
    assert!(quickest < Duration::from_secs(1), "{quickest:?}");
    assert_eq!(shown(&browser, "w.scrollY"), 400, "the place is kept");
    assert_eq!(shown(&browser, "w.innerWidth"), 375, "the width is kept");
    assert_eq!(
        browser.evaluate("return location.hash").as_str().unwrap().split('&').next(),
        Some("#member=4")
    );

    club.write(SECTION, good.clone() + "\n{{#if member.name}}\n");
    browser.until("document.querySelector('#trouble').checkVisibility()");
    let said = browser.evaluate("return document.querySelector('#trouble').innerText");
    let said = said.as_str().unwrap();
    assert!(said.contains("10-ordforanden.md") && said.contains("is not closed"), "{said}");
    browser.until("document.querySelector('#remarks .error')");
    browser.picture("desktop-error");
    club.write(SECTION, good + "\nLagat.\n");
    browser.until("!document.querySelector('#trouble').checkVisibility()");
    browser.until(&in_letter("d.body.innerText.includes('Lagat.')"));
    browser.until("!document.querySelector('#remarks .error')");
}

#[test]
fn dark_is_dark_phones_are_narrow_and_images_are_off() {
    let club = Sandbox::example("stockholm");
    let page = Preview::start(&club, "2026-1");
    let Some(browser) = opened(&page, "") else { return };
    let background = "getComputedStyle(d.body).backgroundColor";
    assert_eq!(shown(&browser, background), "rgb(233, 237, 230)");
    assert!(shown(&browser, "w.innerWidth").as_u64().unwrap() >= 600);
    assert_eq!(shown(&browser, "[...d.images].filter((image) => image.naturalWidth > 0).length > 0"), true);
    browser.picture("desktop-light");
    // The system's preference changes the page, but not the chosen look of the letter.
    browser.prefer("dark");
    assert_eq!(browser.evaluate("return matchMedia('(prefers-color-scheme: dark)').matches"), true);
    assert_eq!(shown(&browser, background), "rgb(233, 237, 230)");
    browser.picture("desktop-light-in-a-dark-system");
    browser.prefer("light");

    click(&browser, "input[value=dark]");
    browser.until(&in_letter(&format!("{background} === 'rgb(15, 21, 18)'")));
    assert_eq!(shown(&browser, "d.querySelector('meta[name=color-scheme]').content"), "dark");
    browser.picture("desktop-dark");

    click(&browser, "input[value=phone]");
    browser.until(&in_letter("w.innerWidth === 375"));
    assert_eq!(shown(&browser, "d.documentElement.scrollWidth"), 375, "nothing stands out");

    click(&browser, "#images");
    browser.until(&in_letter(
        "[...d.images].length > 0 && [...d.images].every((image) => image.naturalWidth === 0)",
    ));
    assert_eq!(shown(&browser, "[...d.images].every((image) => image.alt)"), true);
    browser.picture("desktop-without-images");
    click(&browser, "input[value=light]");
    browser.until(&in_letter(&format!("{background} === 'rgb(233, 237, 230)'")));
}

#[test]
fn members_can_be_searched_and_browsed_and_every_part_is_shown() {
    let club = Sandbox::example("stockholm");
    let page = Preview::start(&club, "2026-1");
    let Some(browser) = opened(&page, "") else { return };
    browser.until("document.querySelectorAll('#list button').length === 60");
    search(&browser, "gosta");
    browser.until("document.querySelectorAll('#list button').length === 2");
    click(&browser, "#list li:last-child button");
    browser.until(&in_letter("d.querySelector('.greeting').innerText.includes('Gösta')"));
    browser.until("document.querySelector('#next').disabled");
    search(&browser, "");
    browser.until("!document.querySelector('#next').disabled");
    click(&browser, "#next");
    browser.until(&in_letter("!d.querySelector('.greeting').innerText.includes('Gösta')"));

    for (tab, words) in
        [("text", "Hej"), ("headers", "List-Unsubscribe: "), ("source", "Content-Type: text/html")]
    {
        click(&browser, &format!("#tab-{tab}"));
        browser.until(&format!("document.querySelector('#plain').innerText.includes('{words}')"));
    }
    browser.picture("desktop-source");
    club.write("issues/2026-1/95-utkast.md", "+++\ntitle = \"Utkast\"\n+++\nTODO\n");
    browser.until("document.querySelectorAll('#remarks li').length > 0");
    assert_eq!(shown(&browser, "true"), true, "the letter waits behind the source");
}

#[test]
fn nothing_in_a_letter_runs_or_loads() {
    let club = Sandbox::members(1);
    let template = std::fs::read_to_string("templates/letter.html.hbs").unwrap();
    let evil = "<script>document.body.dataset.ran = 1</script><img src=\"https://example.org/a.png\" \
                onerror=\"document.body.dataset.ran = 2\" alt=\"x\"><body";
    club.write("templates/letter.html.hbs", template.replace("<body", evil));
    let page = Preview::start(&club, "");
    let Some(browser) = opened(&page, "") else { return };
    assert_eq!(shown(&browser, "d.body.dataset.ran ?? null"), json!(null));
    assert_eq!(shown(&browser, "[...d.images].some((image) => image.naturalWidth > 0)"), false);
}

#[test]
fn it_can_be_used_on_a_small_screen() {
    let club = Sandbox::example("stockholm");
    let page = Preview::start(&club, "2026-1");
    let Some(browser) = Browser::start() else { return };
    browser.size(375, 740);
    browser.go(&page.url);
    browser.until(&in_letter("d.querySelector('h1')"));
    let fits = "document.documentElement.scrollWidth === 375";
    browser.until(fits);
    assert_eq!(shown(&browser, "w.innerWidth"), 375);
    browser.picture("small-letter");
    click(&browser, ".panes [data-pane=members]");
    browser.until("document.querySelector('#list').checkVisibility() && !document.querySelector('#stage').checkVisibility()");
    browser.until(fits);
    browser.picture("small-members");
    click(&browser, "#list li:nth-child(3) button");
    browser.until("document.querySelector('#stage').checkVisibility()");
    browser.until(&in_letter("d.querySelector('.greeting').innerText.includes('Gösta')"));
    click(&browser, ".panes [data-pane=findings]");
    browser.until("document.querySelector('#remarks').checkVisibility()");
    browser.until(fits);
    browser.picture("small-findings");
    club.write(SECTION, club.read(SECTION) + "\n{{#if member.name}}\n");
    click(&browser, ".panes [data-pane=letter]");
    browser.until("document.querySelector('#trouble').checkVisibility()");
    browser.until(fits);
    browser.picture("small-error");
}
