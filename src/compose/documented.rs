//! Checks that `docs/templates.md` names every variable and helper of templates, and no others.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::Arc;

use handlebars::Handlebars;
use serde_json::{Value, json};

use super::design::FramePicture;
use super::language::Language;
use super::page::{ArchiveNeighbours, Association, Links, Logo, Page, PageLink, SectionView};
use super::phone::Phone;
use super::{CompiledEvent, LetterBody, helpers};
use crate::domain::{Event, EventStatus, Issue, IssueKind};

const DOCUMENT: &str = include_str!("../../docs/templates.md");

/// The first two cells of each row of a section's table, without backticks around them.
fn rows(heading: &str) -> Vec<(&'static str, &'static str)> {
    let (_, section) = DOCUMENT.split_once(&format!("\n## {heading}\n")).unwrap();
    let section = section.split("\n## ").next().unwrap();
    let rows = section.lines().filter_map(|line| line.strip_prefix("| `")?.strip_suffix(" |"));
    rows.map(|row| row.split_once("` | ").unwrap()).collect()
}

fn names(heading: &str) -> BTreeSet<String> {
    rows(heading).into_iter().map(|(name, _)| name.to_owned()).collect()
}

/// The names of all values in `data`, with dots; a table filled by users counts as one name.
fn paths(data: &Value) -> BTreeSet<String> {
    let Value::Object(table) = data else { return BTreeSet::new() };
    let mut found = BTreeSet::new();
    for (key, value) in table {
        match (key.as_str(), value) {
            ("member", _) => found.insert("member.FIELD".to_owned()),
            ("t", _) => found.insert("t.KEY".to_owned()),
            ("repeat", _) => found.insert(key.clone()),
            (_, Value::Object(_)) => {
                found.extend(paths(value).into_iter().map(|path| format!("{key}.{path}")));
                true
            }
            _ => found.insert(key.clone()),
        };
    }
    found
}

fn issue() -> Issue {
    Issue {
        name: "2026-1".parse().unwrap(),
        kind: IssueKind::Newsletter,
        title: String::new(),
        subject: String::new(),
        preheader: None,
        date: jiff::civil::date(2026, 4, 15),
        language: "sv".to_owned(),
        greeting: None,
        calendar: true,
        send_at: None,
        send_until: None,
    }
}

fn swedish() -> Language {
    Language::load("sv", Path::new("/nowhere")).unwrap()
}

#[test]
fn the_variables_of_a_letter_are_documented() {
    let (language, issue, fields) = (swedish(), issue(), BTreeMap::new());
    let association = Association {
        name: String::new(),
        postal_address: String::new(),
        website: None,
        contact: String::new(),
        phone: Some(Phone::new("08-123 456 78")),
    };
    let link = || Some(PageLink { file: String::new(), title: String::new() });
    let archive = ArchiveNeighbours { earlier: link(), later: link(), pdf: None, url: None };
    let logo = Logo { src: String::new(), width: 1, height: 1 };
    let hero = FramePicture { src: String::new(), alt: String::new(), width: 1, height: 1 };
    let page = Page {
        association: &association,
        issue: &issue,
        language: "sv",
        member: &fields,
        greeting: "",
        web: false,
        archive: Some(&archive),
        notice: false,
        contents: false,
        sections: &[],
        attachments: &[],
        links: Links { unsubscribe: "", web_version: None },
        t: &language.texts,
        logo: Some(&logo),
        hero: Some(&hero),
        partners: &[],
    };
    assert_eq!(names("Variables of a letter"), paths(&serde_json::to_value(page).unwrap()));
}

#[test]
fn the_variables_of_sections_and_events_are_documented() {
    let language = swedish();
    let event = CompiledEvent {
        event: Event {
            id: None,
            title: String::new(),
            date: jiff::civil::date(2026, 5, 9),
            end_date: None,
            start: None,
            end: None,
            repeat: None,
            status: EventStatus::Planned,
            place: None,
            online: None,
            signup: None,
            description: None,
        },
        description: None,
    };
    let section = SectionView {
        title: "",
        anchor: "",
        number: 1,
        tone: "plain",
        dates: String::new(),
        body: String::new(),
        events: vec![event.view(|body: &LetterBody| &body.html, &language, jiff::civil::date(2026, 4, 15))],
        many_events: false,
        language: "sv",
        t: &language.texts,
    };
    let section = serde_json::to_value(section).unwrap();
    assert_eq!(names("Variables of a section"), paths(&section));
    assert_eq!(names("Variables of an event"), paths(&section["events"][0]));
}

#[test]
fn the_helpers_are_documented_and_behave_as_documented() {
    let documented = rows("Helpers");
    let called: BTreeSet<&str> = documented
        .iter()
        .filter_map(|(call, _)| call.trim_matches(['{', '}']).split(' ').next())
        .filter(|name| !name.contains('.'))
        .collect();
    assert_eq!(called, helpers::names().collect());
    let own = DOCUMENT.split("own helpers also work:").nth(1).unwrap();
    let own: BTreeSet<&str> = own.split('`').skip(1).step_by(2).collect();
    assert_eq!(own, helpers::BUILT_IN.into_iter().collect());

    let mut registry = Handlebars::new();
    registry.register_escape_fn(handlebars::no_escape);
    helpers::register(&mut registry, &Arc::from([swedish()]));
    let data = json!({"issue": {"date": "2026-04-15"}, "member": {"city": ""}});
    for (call, result) in documented {
        let written = registry.render_template(&helpers::with_fallbacks(call), &data).unwrap();
        let result = result.trim_start_matches('`').split('`').next().unwrap();
        assert_eq!(written.lines().next().unwrap_or_default().replace('\u{a0}', " "), result, "{call}");
    }
}
