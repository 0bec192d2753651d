//! `preview --serve` over plain HTTP: who is let in, what is served, and how it follows the files.
#![cfg(feature = "browser")]

use std::net::{Ipv4Addr, TcpListener};

use crate::support::http;
use crate::support::preview::Preview;
use crate::support::sandbox::Sandbox;
use serde_json::{Value, json};

const SECTION: &str = "issues/2026-1/10-hej.md";

/// One grey pixel.
const IMAGE: &[u8] = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01\x08\0\0\0\0:~\x9bU\0\0\0\nIDATx\x9cch\0\0\0\x82\0\x81w\xcdr\xb6\0\0\0\0IEND\xaeB`\x82";

fn section(text: &str) -> String {
    format!("+++\ntitle = \"Hej\"\n+++\n{text}\n")
}

/// Waits for further events until this holds.
#[track_caller]
fn follow(events: &mut http::Events, holds: impl Fn() -> bool) {
    while !holds() {
        events.next();
    }
}

fn has_trouble(status: &Value) -> bool {
    !status["trouble"].is_null()
}

#[test]
fn only_requests_with_the_token_are_let_in() {
    let club = Sandbox::members(3);
    let page = Preview::start(&club, "");
    let (port, path) = (page.port, page.path.as_str());
    assert_eq!(path.len(), 34, "the token has 128 bits in hexadecimal: {path}");
    let request = format!("GET {path} HTTP/1.1");
    let ours = format!("Host: 127.0.0.1:{port}");
    for (host, extra, want) in [
        (ours.as_str(), "", 200),
        (&format!("Host: localhost:{port}"), "", 200),
        ("Host: brev.example.org", "", 421),
        (&format!("Host: brev.example.org:{port}"), "", 421),
        ("Host: 127.0.0.1", "", 421),
        (&ours, "Origin: https://example.org", 403),
        (&ours, "Sec-Fetch-Site: cross-site", 403),
        (&ours, "Sec-Fetch-Site: same-origin", 200),
    ] {
        let headers = [host, "Connection: close", extra];
        let headers: Vec<&str> = headers.into_iter().filter(|line| !line.is_empty()).collect();
        assert_eq!(http::raw(port, &request, &headers, "").code, want, "{headers:?}");
    }
    assert_eq!(http::raw(port, &request, &["Connection: close"], "").code, 421, "without a Host");
    let wrong = format!("/{}0/", &path[1..33]);
    for (path, want) in [("/", 404), ("/favicon.ico", 404), (wrong.as_str(), 404), (&path[..33], 404)] {
        assert_eq!(http::get(port, path).code, want, "{path}");
    }
    let post = http::raw(port, &format!("POST {path}letter HTTP/1.1"), &[&ours, "Connection: close"], "");
    assert_eq!(post.code, 405);
    // A new token every time.
    assert_ne!(Preview::start(&club, "").path, page.path);
}

#[test]
fn nothing_but_the_pages_own_files_is_served() {
    let club = Sandbox::members(1);
    let page = Preview::start(&club, "");
    for file in [
        "../medlemsbrev.toml",
        "..%2fmedlemsbrev.toml",
        "%2e%2e/%2e%2e/etc/passwd",
        "letter/../../medlemsbrev.toml",
        "/etc/passwd",
        "medlemsbrev.toml",
        "state/key",
        "preview.css/../../members.csv",
        "..\\members.csv",
    ] {
        let answer = page.get(file);
        assert!([400, 404].contains(&answer.code), "{file}: {}", answer.code);
        assert!(!answer.body.contains("association"), "{file}: {}", answer.body);
    }
}

#[test]
fn every_answer_is_closed_to_other_sites() {
    let club = Sandbox::members(1);
    let page = Preview::start(&club, "");
    for file in [
        "",
        "preview.js",
        "preview.css",
        "letter",
        "letter.json",
        "letter.pdf",
        "members.json",
        "status.json",
        "source",
        "nothing",
    ] {
        let answer = page.get(file);
        for (name, want) in [
            ("cache-control", "no-store"),
            ("x-content-type-options", "nosniff"),
            ("referrer-policy", "no-referrer"),
            ("cross-origin-resource-policy", "same-origin"),
            ("access-control-allow-origin", ""),
            ("x-frame-options", if file == "letter" { "SAMEORIGIN" } else { "DENY" }),
        ] {
            assert_eq!(answer.header(name), want, "{file}: {name}");
        }
        assert!(answer.header("content-security-policy").starts_with("default-src 'none'"), "{file}");
    }
    let policy = page.get("").header("content-security-policy").to_owned();
    assert!(policy.contains("script-src 'self'") && !policy.contains("unsafe"), "{policy}");
    let letter = page.get("letter").header("content-security-policy").to_owned();
    assert!(letter.contains("sandbox") && !letter.contains("script"), "{letter}");
    assert!(letter.contains("img-src data:"), "{letter}");
    let printed = page.get("letter.pdf");
    assert!(printed.body.starts_with("%PDF-"), "{}", printed.body);
    assert_eq!(page.get("letter.pdf?member=99").code, 404);
    let shell = page.get("").body;
    assert!(!shell.contains("<style") && !shell.contains("onclick") && !shell.contains("http"), "{shell}");
}

#[test]
fn a_saved_file_causes_an_event_and_an_error_disappears_when_fixed() {
    let club = Sandbox::members(3);
    let page = Preview::start(&club, "");
    let mut events = page.events();
    let first = events.until(|status| !status["findings"].is_null());
    assert_eq!((first["issue"].as_str(), first["members"].as_u64()), (Some("2026-1"), Some(3)));
    assert_eq!(first["trouble"], Value::Null);

    for number in 1..=3 {
        club.write(SECTION, section(&format!("Nytt stycke {number}.")));
        follow(&mut events, || page.get("letter").body.contains(&format!("Nytt stycke {number}.")));
    }
    let last = page.json("status.json")["edition"].clone();

    club.write(SECTION, section("Ett\n\n{{#if member.name}}stycke"));
    let broken = events.until(has_trouble);
    assert_eq!(broken["edition"], last, "the last good letter stays");
    let trouble = broken["trouble"].as_str().unwrap();
    for part in ["10-hej.md", "line 6", "{{#if member.name}}stycke", "is not closed", "help: write `{{/if}}`"]
    {
        assert!(trouble.contains(part), "{part}: {trouble}");
    }
    let found = events.until(|status| status["findings"][0]["severity"] == "error");
    assert_eq!(found["findings"][0]["file"], SECTION);
    assert_eq!(found["findings"][0]["line"], 6);
    assert!(page.get("letter").body.contains("Nytt stycke 3."));

    // Editors replace the file with a new one.
    club.write("issues/2026-1/.10-hej.md.swp", section("Lagat."));
    std::fs::rename(club.path("issues/2026-1/.10-hej.md.swp"), club.path(SECTION)).unwrap();
    events.until(|status| !has_trouble(status));
    assert!(page.get("letter").body.contains("Lagat."));
    assert_eq!(page.end("INT").code(0).stderr().lines().count(), 1);
}

#[test]
fn every_file_of_a_letter_is_watched() {
    let club = Sandbox::members(3);
    let page = Preview::start(&club, "");
    let mut events = page.events();
    let has = |text: &str| page.get("letter").body.contains(text);
    club.write("issues/2026-1/issue.toml", "title = \"Vårens brev\"\ndate = 2026-04-15\n");
    follow(&mut events, || page.json("letter.json")["subject"] == "Vårens brev");

    // A folder that did not exist at the start.
    club.write("templates/style.css", "body { background-color: #123456; }");
    follow(&mut events, || has("#123456"));
    let texts = std::fs::read_to_string("templates/language/sv.toml").unwrap();
    club.write("templates/language/sv.toml", texts.replace("Avregistrera dig", "Lämna listan"));
    follow(&mut events, || has("Lämna listan"));

    let config = club.read("medlemsbrev.toml");
    club.write("medlemsbrev.toml", config.replace("Byalaget", "Bygdelaget"));
    follow(&mut events, || has("Bygdelaget"));

    club.write("members.csv", club.read("members.csv") + "Ny Medlem,ny@example.org\n");
    follow(&mut events, || {
        page.json("members.json?q=ny%20medlem")["members"][0]["address"] == "ny@example.org"
    });

    club.write(SECTION, section("![En bild](images/bild.png)"));
    events.until(has_trouble);
    club.write("issues/2026-1/images/bild.png", IMAGE);
    follow(&mut events, || has("data:image/png"));

    std::fs::rename(club.path("issues/2026-1"), club.path("issues/away")).unwrap();
    let status = events.until(has_trouble);
    assert!(status["trouble"].as_str().unwrap().contains("there is no issue"), "{status}");
    std::fs::rename(club.path("issues/away"), club.path("issues/2026-1")).unwrap();
    events.until(|status| !has_trouble(status));
    club.write(SECTION, section("Åter."));
    follow(&mut events, || has("Åter."));
}

#[test]
fn a_broken_configuration_or_list_is_an_error_until_it_is_fixed() {
    let club = Sandbox::members(3);
    club.run("import").code(0);
    let page = Preview::start(&club, "");
    let mut events = page.events();
    for (file, broken, words) in [
        ("medlemsbrev.toml", "[association]\nnmae = 1\n", "unknown field `nmae`"),
        ("issues/2026-1/issue.toml", "titel = \"x\"\n", "unknown field `titel`"),
        ("members.csv", "namn,epost\nBo,bo@\n", "cannot import 1 row"),
        (
            "members.csv",
            "namn,epost\nMember 0001,member0001@example.org\n",
            "2 of 3 active members are missing",
        ),
    ] {
        let good = club.read(file);
        club.write(file, broken);
        let status = events.until(has_trouble);
        assert!(status["trouble"].as_str().unwrap().contains(words), "{file}: {status}");
        let found = events.until(|status| status["findings"][0]["severity"] == "error");
        assert!(found["findings"][0]["message"].as_str().unwrap().contains(words), "{file}: {found}");
        // A change of another file does not hide it.
        club.write(SECTION, section(words));
        assert!(events.next()["trouble"].as_str().unwrap().contains(words), "{file}");
        club.write(file, good);
        events.until(|status| !has_trouble(status));
        follow(&mut events, || page.get("letter").body.contains(words.split('`').next().unwrap()));
        assert_eq!(page.json("status.json")["members"], 3);
    }
}

#[test]
fn an_error_at_the_start_is_shown_and_not_the_end() {
    let club = Sandbox::members(2);
    club.write(SECTION, section("{{member.nmae}}"));
    let page = Preview::start(&club, "");
    let mut events = page.events();
    let status = events.until(has_trouble);
    assert!(status["trouble"].as_str().unwrap().contains("unknown name `member.nmae`"), "{status}");
    assert_eq!(page.get("letter").code, 503);
    club.write(SECTION, section("{{member.name}}"));
    events.until(|status| !has_trouble(status));
    assert_eq!(page.get("letter").code, 200);
}

#[test]
fn every_members_letter_is_shown_and_found() {
    let club = Sandbox::example("stockholm");
    let page = Preview::start(&club, "2026-1 --member gosta.alghorna@räksmörgås.example.se");
    let id = page.url.split_once("#member=").unwrap().1;
    let letter = page.json(&format!("letter.json?member={id}"));
    assert_eq!(letter["member"]["name"], "Gösta Älghorna");
    assert!(page.get(&format!("letter?member={id}")).body.contains("Gösta"));
    assert!(letter["text"].as_str().unwrap().contains("Gösta"));
    assert!(letter["headers"].as_str().unwrap().contains("Message-ID: <2026-1."));
    assert!(letter["size"].as_u64() > letter["html_size"].as_u64());
    assert_eq!(letter["attachments"].as_array().unwrap().len(), 2);
    let source = page.get(&format!("source?member={id}")).body;
    assert!(source.starts_with("DKIM-Signature") || source.contains("MIME-Version: 1.0"), "{source}");

    let everyone = page.json("members.json");
    assert_eq!(everyone["total"], 59);
    for (search, want) in [
        ("q=gosta", 1),
        ("q=gosta%20%C3%A4lg", 1),
        ("q=GRANBACKEN.EXAMPLE", 3),
        ("segment=english", 3),
        ("q=zzz", 0),
    ] {
        assert_eq!(page.json(&format!("members.json?{search}"))["total"], want, "{search}");
    }
    // Every letter in the list, one after the other.
    let (mut turned, mut next) = (0, page.json("letter.json")["next"].clone());
    while let Some(id) = next.as_i64() {
        next = page.json(&format!("letter.json?member={id}"))["next"].clone();
        turned += 1;
    }
    assert_eq!(turned, 59);
    let paper =
        everyone["members"].as_array().unwrap().iter().find(|member| member["address"].is_null()).unwrap();
    let letter = page.json(&format!("letter.json?member={}", paper["id"]));
    assert_eq!((&letter["member"]["skipped"], &letter["size"]), (&json!("no e-mail address"), &Value::Null));
    assert_eq!(page.get("letter?member=9999").code, 404);
}

#[test]
fn an_error_in_one_members_letter_affects_only_that_member() {
    let club = Sandbox::members(0);
    club.write("members.csv", "namn,epost,avgift\nBo,bo@example.org,250\nEva,eva@example.org,mycket\n");
    club.write(SECTION, section("Avgiften är {{money member.avgift}}."));
    let page = Preview::start(&club, "");
    let id = |name: &str| page.json(&format!("members.json?q={name}"))["members"][0]["id"].clone();
    assert!(page.get(&format!("letter?member={}", id("bo"))).body.contains("250"));
    let answer = page.get(&format!("letter.json?member={}", id("eva")));
    assert_eq!(answer.code, 422);
    assert!(answer.body.contains("the letter to Eva") && answer.body.contains("mycket"), "{}", answer.body);
    let status = page.events().until(|status| !status["findings"].is_null());
    assert!(status["findings"].to_string().contains("the letter to Eva"), "{status}");
}

#[test]
fn light_and_dark_and_images_are_shown_as_requested() {
    let club = Sandbox::example("stockholm");
    let page = Preview::start(&club, "2026-1");
    let (light, dark) = (page.get("letter").body, page.get("letter?scheme=dark").body);
    assert!(dark.contains("@media (min-width: 0px)") && !dark.contains("prefers-color-scheme"));
    assert!(light.contains("@media (max-width: 0px)") && light.contains("data:image/"));
    let without = page.get("letter?images=off");
    assert!(!without.body.contains("data:image/"));
    assert!(!without.header("content-security-policy").contains("img-src"));
    assert!(
        light.contains("target=\"_blank\" rel=\"noopener noreferrer\" href=\"https://"),
        "links open beside the page"
    );
    assert!(!light.contains("<a href=\"mailto:"), "the unsubscribe link does nothing");
}

#[test]
fn a_failed_start_says_why() {
    let club = Sandbox::members(1);
    let taken = TcpListener::bind((Ipv4Addr::LOCALHOST, 0)).unwrap();
    let port = taken.local_addr().unwrap().port();
    club.run(&format!("preview --serve --port {port}")).code(75).stderr_has("another --port");
    club.run("preview 2031-1 --serve").code(65).stderr_has("there is no issue `2031-1`");
    club.run("preview --serve --member nobody@example.org").code(65).stderr_has("no member has the address");
    club.run("preview --port 4000").code(2).stderr_has("--serve");
    club.write("medlemsbrev.toml", "[association\n");
    club.run("preview --serve").code(78).stderr_has("medlemsbrev.toml");
}

#[test]
fn a_signal_ends_it_and_leaves_nothing_behind() {
    let club = Sandbox::members(1);
    for signal in ["INT", "TERM"] {
        let page = Preview::start(&club, "");
        let _open = page.events();
        page.end(signal).code(0);
    }
    assert_eq!(club.files("state"), ["key"], "nothing but the key was made");
}
