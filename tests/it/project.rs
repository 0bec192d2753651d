//! A project from scratch: init, new, preview, build, archive.

use crate::support::sandbox::Sandbox;

#[test]
fn a_new_project_works_at_once() {
    let club = Sandbox::empty();
    club.run(&format!("init {}", club.path("brev").display())).code(0).stdout_has("medlemsbrev.toml");
    let club = club.enter("brev");
    club.run("preview").code(0).stdout_has("Ordföranden har ordet").stdout_has("Hälsa gärna alla hemma");
    club.run("preview --member anna@example.se").code(0).stdout_has("Hälsa gärna alla i Byalaget");
    club.run("send --yes").code(0).stdout_has("no e-mail address  1");
    club.run(&format!("init {}", club.path(".").display())).code(65).stderr_has("already contains a project");
}

#[test]
fn the_next_issue_repeats_recurring_parts() {
    let club = Sandbox::example("stockholm");
    club.run("new 2027-1").code(0).stdout_has("issue.toml");
    let chair = club.read("issues/2027-1/10-ordforanden.md");
    assert!(
        chair.starts_with("+++\ntitle = \"Ordföranden har ordet\"\n") && chair.contains("TODO"),
        "{chair}"
    );
    club.run("preview 2027-1").code(0).stdout_has("Ordföranden har ordet");
    club.run("new 2027-1").code(65).stderr_has("already exists");
    club.run("new 'Våren 2027'").code(2).stderr_has("cannot name an issue");
}

#[test]
fn a_letter_is_built_as_files() {
    let club = Sandbox::example("stockholm");
    club.run("build 2026-1").code(0).stdout_has("2026-1.eml");
    assert_eq!(club.files("outbox/2026-1/build"), ["2026-1.eml", "2026-1.html", "2026-1.txt"]);
    let html = club.read("outbox/2026-1/build/2026-1.html");
    assert!(html.contains("src=\"data:image/jpeg;base64,") && !html.contains("cid:"));
    let html = club.run("preview 2026-1 --part html").code(0).stdout();
    assert!(html.len() <= 30_000, "the example's HTML has {} bytes", html.len());
    assert!(!html.contains("{{"), "a tag is left in the letter");
}

#[test]
fn the_archives_pages_link_to_each_other() {
    let club = Sandbox::example("stockholm");
    club.write("issues/2025-2/issue.toml", "title = \"Hösten\"\ndate = 2025-11-15\npreheader = \"Kort\"\n");
    club.write("issues/2025-2/10-hej.md", "+++\ntitle = \"Hej\"\n+++\nText.\n");
    club.run("archive 2025-2 2026-1").code(0);
    let page = club.read("archive/2026-1.html");
    for part in ["href=\"index.html\"", "href=\"2025-2.html\"", "<meta name=\"description\"", "og:title"] {
        assert!(page.contains(part), "{part}");
    }
    assert!(club.read("archive/2025-2.html").contains("href=\"2026-1.html\""));
    let letter = club.run("preview 2026-1 --part html").code(0).stdout();
    assert!(!letter.contains("og:title") && !letter.contains("index.html"), "{letter}");
}

#[test]
fn the_archive_has_no_personal_data() {
    let club = Sandbox::example("stockholm");
    club.run("archive").code(65).stderr_has("no issue has been approved for or sent to all members");
    club.run("send 2026-1 --yes").code(0);
    club.run("archive").code(0).stdout_has("feed.xml").stdout_has("index.html");
    let page = club.read("archive/2026-1.html");
    assert!(page.contains("src=\"2026-1/logo.png\"") && page.contains("2026-1/salgrunda.jpg"), "{page}");
    assert!(!page.contains("cid:") && !page.contains("Hej ") && !page.contains("Avregistrera"), "{page}");
    assert!(club.path("archive/2026-1/salgrunda.jpg").exists());
    assert!(!club.path("archive/2026-2.html").exists(), "a half-written issue was published");
    let index = club.read("archive/index.html");
    assert!(index.contains("href=\"2026-1.html\"") && index.contains("15 april 2026"), "{index}");
    assert!(club.read("archive/feed.xml").contains("<feed xmlns=\"http://www.w3.org/2005/Atom\">"));
}

#[test]
fn without_a_name_the_earliest_unsent_issue_is_used() {
    let club = Sandbox::example("stockholm");
    let checked = |club: &Sandbox| club.run("preview --json").code(0).json()["issue"].clone();
    assert_eq!(checked(&club), "2026-1");
    club.run("send --yes").code(2).stderr_has("more than one issue").stderr_has("2026-1 or 2026-2");
    club.run("send 2026-1 --limit 10 --yes").code(0);
    assert_eq!(checked(&club), "2026-2");
    club.run("cancel 2026-2").code(0);
    assert_eq!(checked(&club), "2026-1");
    // Only the partly sent issue is left.
    club.run("send --yes").code(0).stdout_has("2026-1: 42 letters");
    assert_eq!(checked(&club), "2026-2");
}

#[test]
fn a_project_without_a_command_shows_its_status() {
    let club = Sandbox::example("stockholm");
    club.run("send 2026-1 --yes").code(0);
    let status = club.run("status").code(0).stdout();
    assert_eq!(club.run("").code(0).stdout(), status);
    Sandbox::empty().run("").code(78).stderr_has("medlemsbrev init");
}
