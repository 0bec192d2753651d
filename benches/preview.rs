//! The speed of the preview, as a whole command: `cargo bench --bench preview`.

#![allow(clippy::unwrap_used, clippy::indexing_slicing, reason = "a bench that can't go on fails")]

#[path = "../tests/it/support/mod.rs"]
#[allow(dead_code, unused_imports, reason = "the bench uses a part of it")]
#[allow(
    clippy::expect_used,
    clippy::panic,
    clippy::missing_panics_doc,
    reason = "a bench that cannot continue fails"
)]
mod support;

#[cfg(feature = "browser")]
use std::fmt::Write as _;
use std::time::{Duration, Instant};

#[cfg(feature = "browser")]
use support::preview::Preview;
use support::sandbox::Sandbox;

#[cfg(feature = "browser")]
const SECTION: &str = "issues/2026-1/10-ordforanden.md";
const ROUNDS: usize = 21;

/// The example with ten thousand members.
#[cfg(feature = "browser")]
fn large_club() -> Sandbox {
    let club = Sandbox::example("stockholm");
    let mut list = "Namn;E-post;Förening;Typ;Område;Språk\n".to_owned();
    for n in 1..=10_000 {
        writeln!(list, "Åsa Medlem {n};medlem{n}@example.org;Byalaget {};byalag;skärgård;sv", n % 97)
            .unwrap();
    }
    club.write("members.csv", list);
    club
}

/// The median and the maximum of several rounds.
fn times(mut round: impl FnMut(usize)) -> (Duration, Duration) {
    let mut times: Vec<Duration> = (0..ROUNDS)
        .map(|number| {
            let start = Instant::now();
            round(number);
            start.elapsed()
        })
        .collect();
    times.sort();
    (times.get(ROUNDS / 2).copied().unwrap(), times.last().copied().unwrap())
}

fn main() {
    start();
    #[cfg(feature = "browser")]
    browser();
}

/// The time from saving a section to the new HTML, and of a person's actions on the page.
#[cfg(feature = "browser")]
fn browser() {
    let club = large_club();
    let page = Preview::start(&club, "2026-1");
    let mut events = page.events();
    events.until(|status| status["members"] == 10_000 && !status["findings"].is_null());
    let good = club.read(SECTION);
    let letter = "letter?member=9000";
    let (median, longest) = times(|number| {
        let words = format!("Stycke nummer {number}.");
        club.write(SECTION, format!("{good}\n{words}\n"));
        while !page.get(letter).body.contains(&words) {
            events.next();
        }
    });
    println!("save → new HTML: median {median:?}, longest {longest:?}");

    let (search, longest) = times(|number| {
        let found = page.json(&format!("members.json?q=medlem%20{number}%20byalaget"));
        assert!(found["total"].as_u64() > Some(0));
    });
    println!("search: median {search:?}, longest {longest:?}");
    let (turn, longest) = times(|number| {
        let letter = page.json(&format!("letter.json?member={}&q=asa", 9_000 + number));
        assert!(letter["next"].is_number());
    });
    println!("turn to a member: median {turn:?}, longest {longest:?}");
}

/// The time from the command to the letter.
fn start() {
    let club = Sandbox::example("stockholm");
    let (median, longest) = times(|_| drop(club.run("preview 2026-1").code(0)));
    println!("preview into a pipe: median {median:?}, longest {longest:?}");
}
