//! Letters composed per second on one core: `cargo bench --bench compose`.
//!
//! `templates` renders the personal parts, and `letter` makes the whole message; the difference is encoding and
//! assembling. The 30 kB letter has three times the example's text, and neither images nor attachments.

#![allow(clippy::unwrap_used, reason = "a bench that can't go on fails")]

use std::path::{Path, PathBuf};

use divan::Bencher;
use jiff::Timestamp;
use medlemsbrev::compose::{Association, Composer, Design, IssueSource, LetterMark, Sender, Setup};
use medlemsbrev::domain::{Address, Member, TokenKey, field};

fn main() {
    divan::main();
}

const ISSUES: [&str; 2] = ["example", "30 kB"];

#[divan::bench(args = ISSUES)]
fn templates(bencher: Bencher<'_, '_>, issue: &str) {
    let composer = composer(issue);
    let member = composer.neutral_reader();
    bencher.counter(1_u32).bench_local(|| composer.render(&member).unwrap());
}

#[divan::bench(args = ISSUES)]
fn letter(bencher: Bencher<'_, '_>, issue: &str) {
    let composer = composer(issue);
    let member: Member = composer.neutral_reader();
    let now = Timestamp::UNIX_EPOCH;
    bencher.counter(1_u32).bench_local(|| composer.letter(&member, LetterMark::None, now).unwrap());
}

fn composer(issue: &str) -> Composer {
    let example = Path::new(env!("CARGO_MANIFEST_DIR")).join("examples/stockholm");
    let mut source =
        IssueSource::load(&example.join("issues/2026-1"), &"2026-1".parse().unwrap(), "sv").unwrap();
    if issue == "30 kB" {
        source.attachments.clear();
        source.sections.retain(|section| !section.markdown.contains("]("));
        let text = "Vi möts i bygdegården och talar om bryggan, bussen och fibern på ön. ".repeat(60);
        source.sections.iter_mut().for_each(|section| section.markdown = format!("{text}\n\n{text}\n"));
    }
    let sender = Sender {
        name: "Traktrådet".to_owned(),
        address: Address::parse("brev@example.se").unwrap(),
        reply_to: None,
        bounce_address: Address::parse("studs@example.se").ok(),
        unsubscribe_address: None,
        unsubscribe_url: None,
        one_click: false,
        list_id: "brev.example.se".to_owned(),
        archive_url: None,
    };
    let association = Association {
        name: "Traktrådet".to_owned(),
        postal_address: "Vägen 1, 100 00 Byn".to_owned(),
        website: None,
        contact: "kansliet@example.se".to_owned(),
        phone: None,
    };
    let setup = Setup {
        association,
        sender,
        logo: None,
        project: PathBuf::from("/"),
        templates: PathBuf::from("/nowhere"),
        has_web_page: true,
        fields: field::KNOWN.map(str::to_owned).into(),
        zone: jiff::tz::TimeZone::UTC,
        voting: None,
        signers: Vec::new(),
        design: Design::default(),
    };
    let composer = Composer::new(source, setup, TokenKey::new(&[7; 32])).unwrap();
    let bytes = composer
        .letter(&composer.neutral_reader(), LetterMark::None, Timestamp::UNIX_EPOCH)
        .unwrap()
        .bytes
        .len();
    eprintln!("{issue}: {bytes} bytes");
    composer
}
