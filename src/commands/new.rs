//! `new`: creates the folder of the next issue.

use std::path::{Path, PathBuf};

use jiff::{Timestamp, ZonedDateTime};

use crate::cli::NewArgs;
use crate::compose::IssueSource;
use crate::domain::{Issue, Section};
use crate::error::{Error, ErrorKind, Exit};

use super::files::write_new;
use super::{Context, Project};

/// Runs the command: writes an `issue.toml`, and a file with title and audience for each section of the last issue.
pub fn run(context: Context<'_>, arguments: &NewArgs) -> Result<Exit, Error> {
    let name = &arguments.issue;
    let dir = context.project.dir.join("issues").join(name.as_str());
    if dir.exists() {
        let message = format!("`{}` already exists; nothing was changed", dir.display());
        return Err(Error::new(ErrorKind::Data, message));
    }
    let language = &context.project.config.association.language;
    let last = match context.project.issues().last() {
        Some(last) => {
            let folder = context.project.dir.join("issues").join(last.as_str());
            Some(IssueSource::load(&folder, last, language)?)
        }
        None => None,
    };
    let today = today(context.project);
    let mut files =
        vec![(dir.join("issue.toml"), issue_file(name.as_str(), &today, last.as_ref().map(|s| &s.issue)))];
    match &last {
        Some(source) => files.extend(source.sections.iter().map(|section| section_file(&dir, section))),
        None => files.push((dir.join("10-ordforanden.md"), section_text("Ordföranden har ordet", None))),
    }
    for (path, text) in &files {
        write_new(path, text.as_bytes())?;
        context.terminal.data(path.display().to_string());
    }
    let written: Vec<&PathBuf> = files.iter().map(|(path, _)| path).collect();
    context.terminal.json(&serde_json::json!({ "issue": name, "files": written }));
    context.terminal.say(format!("Write the sections, then look at them: medlemsbrev preview {name}"));
    Ok(Exit::Done)
}

fn today(project: &Project) -> ZonedDateTime {
    Timestamp::now().to_zoned_datetime(project.config.association.time_zone.0.clone())
}

fn issue_file(name: &str, today: &ZonedDateTime, last: Option<&Issue>) -> String {
    let greeting = last.and_then(|last| last.greeting.as_ref());
    let greeting = greeting.map(|greeting| format!("greeting = {}\n", quoted(greeting))).unwrap_or_default();
    format!(
        "# The frame of {name}.\ntitle = \"Medlemsbrev {name}\"   # TODO: the title\n\
         date = {}               # TODO: the day it is sent\n# subject = \"…\"            # default: the title\n\
         # preheader = \"…\"          # the line that mail programs show after the subject\n{greeting}",
        today.date()
    )
}

fn section_file(dir: &Path, section: &Section) -> (PathBuf, String) {
    let name = section.path.file_name().map(PathBuf::from).unwrap_or_default();
    let audience = section.audience.as_ref().map(|audience| audience.source().to_owned());
    (dir.join(name), section_text(&section.title, audience))
}

fn section_text(title: &str, audience: Option<String>) -> String {
    let audience = audience.map(|source| format!("audience = {}\n", quoted(&source))).unwrap_or_default();
    format!("+++\ntitle = {}\n{audience}+++\nTODO: write this section, or remove the file.\n", quoted(title))
}

/// Quotes a TOML string.
fn quoted(text: &str) -> String {
    toml::Value::String(text.to_owned()).to_string()
}
