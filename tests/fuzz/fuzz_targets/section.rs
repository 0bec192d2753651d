//! Any text is composed as a section or rejected.
#![no_main]

use std::path::PathBuf;

use libfuzzer_sys::fuzz_target;
use medlemsbrev::compose::{Association, Composer, Design, IssueSource, Mark, Sender, Setup};
use medlemsbrev::domain::{Address, TokenKey, field};

fuzz_target!(|section: &str| {
    let folder = tempfile::tempdir().expect("a folder");
    let written = std::fs::write(folder.path().join("issue.toml"), "title = \"T\"\ndate = 2026-04-15\n")
        .and_then(|()| std::fs::write(folder.path().join("10-a.md"), format!("+++\ntitle = \"A\"\n+++\n{section}")));
    written.expect("the files");
    let Ok(source) = IssueSource::load(folder.path(), &"2026-1".parse().expect("a name"), "sv") else { return };
    let address = Address::parse("brev@example.se").expect("an address");
    let setup = Setup {
        association: Association {
            name: "Byalaget".to_owned(),
            postal_address: "Vägen 1, 100 00 Byn".to_owned(),
            website: None,
            contact: "kansliet@example.se".to_owned(), phone: None,
        },
        sender: Sender {
            name: "Byalaget".to_owned(),
            address,
            reply_to: None,
            bounce_address: None,
            unsubscribe_address: None,
            unsubscribe_url: None,
            one_click: false,
            list_id: "brev.example.se".to_owned(),
            archive_url: None,
        },
        logo: None,
        project: folder.path().to_owned(),
        templates: PathBuf::from("/nowhere"),
        fields: field::KNOWN.map(str::to_owned).into(),
        has_web_page: true,
        zone: jiff::tz::TimeZone::UTC,
        voting: None,
        signers: Vec::new(),
        design: Design::default(),
    };
    if let Ok(composer) = Composer::new(source, setup, TokenKey::new(&[7; 32])) {
        let _letter = composer.letter(&composer.neutral_reader(), Mark::None, jiff::Timestamp::UNIX_EPOCH);
    }
});
