//! The integration tests: stories that run the real program, in a single binary so that it is linked once.
#![allow(
    clippy::unwrap_used,
    clippy::expect_used,
    clippy::indexing_slicing,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a test that cannot continue fails"
)]

mod check;
mod checkers;
mod crash;
mod crash_mixed;
mod decisions;
mod docs;
mod dovecot;
mod dry_run;
mod forget;
mod formats;
#[cfg(feature = "postgres")]
mod hosts;
mod identity;
mod imap;
mod inbox;
mod inbox_fuzz;
mod inbox_limits;
mod json;
mod layers;
#[cfg(feature = "postgres")]
mod ledgers;
mod letter;
mod lists;
mod look_ahead;
mod main_job;
mod members;
mod notices;
#[cfg(feature = "paper")]
mod paper;
mod postfix;
mod preview;
mod preview_browser;
mod preview_serve;
mod preview_terminal;
mod private;
mod project;
mod refusals;
mod relay_faults;
mod relay_trouble;
mod report;
mod send_path;
mod smtp_server;
mod support;
mod terminal;

/// A file without a `mod` line would never be compiled.
#[test]
fn every_file_of_tests_is_a_module() {
    let folder = std::path::Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/it");
    let root = include_str!("main.rs");
    let mut checked = 0;
    for entry in std::fs::read_dir(folder).unwrap().flatten() {
        let name = entry.file_name().to_string_lossy().into_owned();
        let Some(module) = name.strip_suffix(".rs").filter(|module| *module != "main") else { continue };
        assert!(root.contains(&format!("\nmod {module};\n")), "main.rs does not name tests/it/{name}");
        checked += 1;
    }
    assert!(checked > 20, "only {checked} files were found");
}
