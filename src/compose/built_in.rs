//! The built-in templates, and the state of a project's copies.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use aws_lc_rs::digest::{SHA256, digest};
use serde::Serialize;

/// The files, by their path in a project's templates folder.
const BUILT_IN: [(&str, &str); 15] = [
    ("letter.html.hbs", include_str!("../../templates/letter.html.hbs")),
    ("letter/head.html.hbs", include_str!("../../templates/letter/head.html.hbs")),
    ("letter/contents.html.hbs", include_str!("../../templates/letter/contents.html.hbs")),
    ("letter/section.html.hbs", include_str!("../../templates/letter/section.html.hbs")),
    ("letter/event.html.hbs", include_str!("../../templates/letter/event.html.hbs")),
    ("letter/programme.html.hbs", include_str!("../../templates/letter/programme.html.hbs")),
    ("letter/attachments.html.hbs", include_str!("../../templates/letter/attachments.html.hbs")),
    ("letter/partners.html.hbs", include_str!("../../templates/letter/partners.html.hbs")),
    ("letter/foot.html.hbs", include_str!("../../templates/letter/foot.html.hbs")),
    ("letter.txt.hbs", include_str!("../../templates/letter.txt.hbs")),
    ("style.css", include_str!("../../templates/style.css")),
    ("archive.html.hbs", include_str!("../../templates/archive.html.hbs")),
    ("report.html.hbs", include_str!("../../templates/report.html.hbs")),
    ("language/sv.toml", include_str!("../../templates/language/sv.toml")),
    ("language/en.toml", include_str!("../../templates/language/en.toml")),
];

/// Records from which built-in files the project's copies were made, by their digests.
const RECORD: &str = ".built-in.toml";

/// The state of a built-in template in a project.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
#[serde(rename_all = "snake_case")]
pub enum TemplateState {
    /// The project has no copy.
    BuiltIn,
    /// An unchanged copy.
    Copy,
    /// A changed copy, or the project's own file.
    Changed,
    /// An unchanged copy of an earlier version.
    OldCopy,
    /// A changed copy of an earlier version, or one next to which the newer version still is.
    OldChanged,
}

/// The text of a built-in template; empty if there is no such template.
pub(super) fn text(name: &str) -> &'static str {
    BUILT_IN.iter().find(|(known, _)| *known == name).map_or("", |(_, text)| text)
}

/// The built-in templates with their state in the project.
pub fn template_states(templates: &Path) -> Vec<(&'static str, TemplateState)> {
    let record = record(templates);
    BUILT_IN.iter().map(|(name, text)| (*name, state(templates, &record, name, text))).collect()
}

/// Writes the built-in templates into the project for editing. A changed file is kept, and the newer version is
/// written next to it as `NAME.new`. Returns the files written.
///
/// # Errors
/// If a file cannot be written.
pub fn write_templates(templates: &Path) -> std::io::Result<Vec<PathBuf>> {
    for folder in ["language", "letter"] {
        std::fs::create_dir_all(templates.join(folder))?;
    }
    let mut record = record(templates);
    let mut written = Vec::new();
    for (name, text) in BUILT_IN {
        let path = templates.join(name);
        let target = match state(templates, &record, name, text) {
            TemplateState::BuiltIn | TemplateState::OldCopy => path,
            TemplateState::OldChanged if !newer(&path).exists() => newer(&path),
            _ => continue,
        };
        std::fs::write(&target, text)?;
        record.insert(name.to_owned(), hash(text));
        written.push(target);
    }
    let text = toml::to_string(&record).unwrap_or_default();
    std::fs::write(
        templates.join(RECORD),
        format!("# Digests of the built-in templates that these were made from.\n{text}"),
    )?;
    Ok(written)
}

fn state(templates: &Path, record: &BTreeMap<String, String>, name: &str, text: &str) -> TemplateState {
    let path = templates.join(name);
    let Ok(own) = std::fs::read_to_string(&path) else { return TemplateState::BuiltIn };
    let Some(made_from) = record.get(name) else { return TemplateState::Changed };
    let is_copy = hash(&own) == *made_from;
    match (*made_from == hash(text), is_copy) {
        _ if newer(&path).exists() => TemplateState::OldChanged,
        (true, true) => TemplateState::Copy,
        (true, false) => TemplateState::Changed,
        (false, true) => TemplateState::OldCopy,
        (false, false) => TemplateState::OldChanged,
    }
}

fn record(templates: &Path) -> BTreeMap<String, String> {
    let text = std::fs::read_to_string(templates.join(RECORD)).unwrap_or_default();
    toml::from_str(&text).unwrap_or_default()
}

fn newer(path: &Path) -> PathBuf {
    let mut name = path.as_os_str().to_owned();
    name.push(".new");
    PathBuf::from(name)
}

/// The digest of a text without regard to line ends, which editors on Windows change.
fn hash(text: &str) -> String {
    data_encoding::HEXLOWER.encode(digest(&SHA256, text.replace("\r\n", "\n").as_bytes()).as_ref())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_changed_files_and_old_versions_are_distinguished() {
        let dir = tempfile::tempdir().unwrap();
        let state =
            |name: &str| template_states(dir.path()).into_iter().find(|(known, _)| *known == name).unwrap().1;
        assert_eq!(state("style.css"), TemplateState::BuiltIn);
        assert_eq!(write_templates(dir.path()).unwrap().len(), BUILT_IN.len());
        assert_eq!(state("style.css"), TemplateState::Copy);
        assert!(write_templates(dir.path()).unwrap().is_empty());
        std::fs::write(dir.path().join("style.css"), "p { color: #111; }").unwrap();
        assert_eq!(state("style.css"), TemplateState::Changed);
        // As if an earlier version had written both.
        let old = BTreeMap::from([("style.css", hash("old")), ("letter.txt.hbs", hash("old"))]);
        std::fs::write(dir.path().join(RECORD), toml::to_string(&old).unwrap()).unwrap();
        std::fs::write(dir.path().join("letter.txt.hbs"), "old").unwrap();
        assert_eq!(
            [state("style.css"), state("letter.txt.hbs")],
            [TemplateState::OldChanged, TemplateState::OldCopy]
        );
        let written = write_templates(dir.path()).unwrap();
        assert_eq!(written, ["letter.txt.hbs", "style.css.new"].map(|name| dir.path().join(name)));
        assert_eq!(
            [state("style.css"), state("letter.txt.hbs")],
            [TemplateState::OldChanged, TemplateState::Copy]
        );
        std::fs::remove_file(dir.path().join("style.css.new")).unwrap();
        assert_eq!(state("style.css"), TemplateState::Changed);
        assert_eq!(std::fs::read_to_string(dir.path().join("style.css")).unwrap(), "p { color: #111; }");
    }
}
