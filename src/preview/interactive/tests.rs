//! Presses keys and checks the screen after them.

use ratatui::Terminal;
use ratatui::backend::TestBackend;
use ratatui::crossterm::event::{KeyCode, KeyEvent, KeyModifiers};
use ratatui::layout::Rect;

use super::app::Compare;
use super::letters::{LetterSource, Parts, View};
use super::people::People;
use super::people::tests::{member, people, segments};
use super::{App, Asked, draw};
use crate::compose::ComposeError;
use crate::domain::Member;
use crate::preview::terminal::HeaderTable;

/// Letters that name the member, and are longer for the one named Bo.
#[derive(Debug)]
struct Short;

impl LetterSource for Short {
    fn letter(&self, member: &Member) -> Result<Parts, ComposeError> {
        if member.name == "Cia Ek" {
            return Err(ComposeError::Letter {
                member: member.name.clone(),
                message: "no such field".to_owned(),
            });
        }
        let address = member.address.as_ref().unwrap();
        let source = format!(
            "From: Byalaget <brev@example.se>\nTo: {} <{address}>\nSubject: Brevet\n\nkropp",
            member.name
        );
        let more = if member.name == "Bo Lind" { "<p>Du är med i styrelsen.</p>" } else { "" };
        let rows: String = (1..=40).map(|number| format!("<p>Stycke {number}</p>")).collect();
        Ok(Parts {
            envelope: HeaderTable::read(source.replace('\n', "\r\n").as_bytes(), Some("Kort sagt")),
            html: format!("<h1>Brevet</h1><p>Hej <strong>{}</strong>!</p>{more}{rows}", member.name),
            text: format!("Brevet\n======\n\nHej {}!\n", member.name),
            source,
        })
    }
}

fn app() -> App<'static> {
    let mut app = App::new(&Short, people(), segments(), false);
    app.prepare(Rect::new(0, 0, 80, 24));
    app
}

/// Presses these keys and updates the screen after each.
fn press(app: &mut App<'_>, keys: &str) -> Asked {
    let mut asked = Asked::Nothing;
    for c in keys.chars() {
        let code = match c {
            '⏎' => KeyCode::Enter,
            '⎋' => KeyCode::Esc,
            '⇥' => KeyCode::Tab,
            '⌫' => KeyCode::Backspace,
            c => KeyCode::Char(c),
        };
        asked = app.key(KeyEvent::from(code));
        app.prepare(Rect::new(0, 0, 80, 24));
    }
    asked
}

fn shown(app: &App<'_>) -> String {
    app.member().map(|member| member.name.clone()).unwrap_or_default()
}

#[test]
fn keys_go_from_member_to_member() {
    for (keys, want) in [
        ("", "medlem"),
        ("j", "Anna Ek"),
        ("jnp", "Anna Ek"),
        ("k", "medlem"),
        ("G", "Cia Ek"),
        ("Gg", "medlem"),
        ("/bo", "Bo Lind"),
        ("/bo⏎", "Bo Lind"),
        ("/bo⎋", "Bo Lind"),
        ("/ek⏎jk", "Anna Ek"),
        ("sovr⇥⏎", "Cia Ek"),
        ("sovr⇥⏎⎋", "Cia Ek"),
        ("/xyz⏎", ""),
        ("/xyz⏎⎋", "medlem"),
        ("?j", "medlem"),
    ] {
        let mut app = app();
        press(&mut app, keys);
        assert_eq!(shown(&app), want, "{keys}");
    }
}

#[test]
fn keys_turn_to_views_and_scroll() {
    for (keys, view, scroll) in [
        ("2", View::Text, 0),
        ("⇥⇥", View::Headers, 0),
        ("4⇥", View::Letter, 0),
        (" ", View::Letter, 20),
        (" J", View::Letter, 21),
        (" b", View::Letter, 0),
        (" 2", View::Text, 0),
        ("         ", View::Letter, 70),
    ] {
        let mut app = app();
        press(&mut app, keys);
        assert_eq!((app.view, app.scroll), (view, scroll), "{keys}");
    }
}

#[test]
fn differences_are_found() {
    let mut app = app();
    press(&mut app, "jd");
    assert_eq!((app.compare, app.other_member().unwrap().name.as_str()), (Compare::Neutral, "medlem"));
    press(&mut app, "j]");
    assert!(app.rows.get(app.scroll).is_some_and(|row| row.line.text().contains("medlem")));
    press(&mut app, "d");
    assert_eq!((app.compare, app.other_member().unwrap().name.as_str()), (Compare::Previous, "Anna Ek"));
    press(&mut app, "d");
    assert_eq!(app.compare, Compare::Off);
}

#[test]
fn keys_request_actions_outside_the_state() {
    for (keys, want) in
        [("q", Asked::Quit), ("o", Asked::Browser), ("/q", Asked::Nothing), ("?q", Asked::Nothing)]
    {
        assert_eq!(press(&mut app(), keys), want, "{keys}");
    }
    let interrupt = KeyEvent::new(KeyCode::Char('c'), KeyModifiers::CONTROL);
    assert_eq!(app().key(interrupt), Asked::Quit);
    assert_eq!(press(&mut app(), "/nobody⏎o"), Asked::Nothing);
}

#[test]
fn ten_thousand_members_do_not_lag() {
    let members = (1..=10_000).map(|id| member(id, &format!("Member {id}"), "byalag")).collect();
    let mut app = App::new(&Short, People::new(member(0, "medlem", ""), members), segments(), false);
    let start = std::time::Instant::now();
    press(&mut app, "jjjG/9999⏎⎋sbyalagen⏎");
    assert_eq!(app.people.count(), 10_000);
    assert!(start.elapsed().as_secs() < 5, "{:?}", start.elapsed());
}

/// The screen after these keys.
fn screen(width: u16, height: u16, keys: &str) -> String {
    let mut app = app();
    press(&mut app, keys);
    let mut terminal = Terminal::new(TestBackend::new(width, height)).unwrap();
    let drawn = terminal.draw(|frame| {
        app.prepare(frame.area());
        draw(frame, &app);
    });
    drawn.unwrap();
    terminal.backend().to_string()
}

#[test]
fn screens() {
    for (width, height) in [(80, 24), (120, 40), (40, 20)] {
        for (name, keys) in [
            ("letter", "jj"),
            ("list", "j⏎"),
            ("difference", "jjd"),
            ("headers", "j3"),
            ("help", "?"),
            ("search", "/ek"),
            ("segment", "sby"),
            ("segment-wrong", "styp = by och⏎"),
            ("nobody", "/xyz⏎"),
            ("broken", "G"),
        ] {
            insta::assert_snapshot!(format!("{name}-{width}x{height}"), screen(width, height, keys));
        }
    }
}

#[test]
fn the_smallest_screens_are_drawn() {
    for (width, height) in [(1, 1), (5, 3), (70, 1), (70, 2), (20, 4)] {
        for keys in ["", "?", "/x", "sx⏎", "jd"] {
            screen(width, height, keys);
        }
    }
}
