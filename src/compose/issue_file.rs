//! `issue.toml`: the issue's title, date, hero picture, partners and so on.

use std::path::Path;

use jiff::civil::{Date, DateTime};
use serde::Deserialize;

use crate::domain::{Issue, IssueKind, IssueName, Partner};

use super::design::Hero;
use super::images::image_path;
use super::member_file::wrong_value;
use super::moment::{parsed, parsed_if_any};
use super::source::{read, toml_error};
use super::{ComposeError, MemberAttachment};

/// What `issue.toml` says, with the files that it names.
pub(super) struct IssueFile {
    pub issue: Issue,
    pub hero: Option<Hero>,
    pub partners: Vec<Partner>,
    pub member_attachment: Option<MemberAttachment>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IssueTable {
    title: String,
    #[serde(default)]
    kind: IssueKind,
    #[serde(deserialize_with = "parsed")]
    date: Date,
    subject: Option<String>,
    preheader: Option<String>,
    language: Option<String>,
    greeting: Option<String>,
    calendar: Option<bool>,
    member_attachment: Option<String>,
    member_attachment_name: Option<String>,
    hero: Option<String>,
    hero_alt: Option<String>,
    #[serde(default)]
    partner: Vec<Partner>,
    #[serde(default, deserialize_with = "parsed_if_any")]
    send_at: Option<DateTime>,
    #[serde(default, deserialize_with = "parsed_if_any")]
    send_until: Option<DateTime>,
}

impl IssueFile {
    /// Reads the file at `path` of the issue `name`; `language` is the association's own.
    ///
    /// # Errors
    /// Points at the line that is wrong.
    pub fn read(path: &Path, name: &IssueName, language: &str) -> Result<Self, ComposeError> {
        let text = read(path)?;
        let table: IssueTable = toml::from_str(&text).map_err(|error| toml_error(path, &text, 0, &error))?;
        let dir = path.parent().unwrap_or(path);
        let own_name = table.member_attachment_name.as_deref();
        let own = table.member_attachment.as_deref().map(|file| MemberAttachment::parse(dir, file, own_name));
        let member_attachment =
            own.transpose().map_err(|(value, message)| wrong_value(path, &text, value, message))?;
        let mut partners = table.partner;
        for logo in partners.iter_mut().filter_map(|partner| partner.logo.as_mut()) {
            *logo = image_path(dir, &logo.to_string_lossy());
        }
        let alt = table.hero_alt.unwrap_or_default();
        let hero = table.hero.map(|hero| Hero { path: image_path(dir, &hero), alt });
        let issue = Issue {
            name: name.clone(),
            kind: table.kind,
            subject: table.subject.unwrap_or_else(|| table.title.clone()),
            title: table.title,
            preheader: table.preheader,
            date: table.date,
            language: table.language.unwrap_or_else(|| language.to_owned()),
            greeting: table.greeting,
            calendar: table.calendar.unwrap_or(true),
            send_at: table.send_at,
            send_until: table.send_until,
        };
        Ok(Self { issue, hero, partners, member_attachment })
    }
}
