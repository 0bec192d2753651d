//! `init`: creates a project to start from.

use std::path::{Path, PathBuf};

use jiff::{ToSpan, ZonedDateTime};

use crate::cli::InitArgs;
use crate::error::{Error, ErrorKind, Exit};
use crate::report::Terminal;

use super::files::write_new;

const FILES: [(&str, &[u8]); 5] = [
    ("medlemsbrev.toml", include_bytes!("../../templates/project/medlemsbrev.toml")),
    ("members.csv", include_bytes!("../../templates/project/members.csv")),
    ("ISSUE/issue.toml", include_bytes!("../../templates/project/issues/first/issue.toml")),
    ("ISSUE/10-ordforanden.md", include_bytes!("../../templates/project/issues/first/10-ordforanden.md")),
    ("ISSUE/20-moten.md", include_bytes!("../../templates/project/issues/first/20-moten.md")),
];

/// The member list that `init` writes.
const LIST: &str = "members.csv";

/// Extensions of lists that a folder may have already.
const LISTS: [&str; 4] = ["csv", "xlsx", "ods", "xls"];

/// Runs the command; an existing project is left as it is, and an existing list is kept.
pub fn run(arguments: &InitArgs, terminal: Terminal) -> Result<Exit, Error> {
    let dir = &arguments.folder;
    if dir.join(crate::config::FILE).exists() {
        let message = format!("`{}` already contains a project; nothing was changed", dir.display());
        return Err(
            Error::new(ErrorKind::Data, message).hint("create the next issue with: medlemsbrev new ISSUE")
        );
    }
    let list = own_list(dir)?;
    let today = ZonedDateTime::now().date();
    let half = if today.month() <= 6 { 1 } else { 2 };
    let issue = format!("{}-{half}", today.year());
    let event = today.saturating_add(4.weeks());
    let files: Vec<(PathBuf, String)> = FILES
        .iter()
        .filter(|(name, _)| *name != LIST || list.is_none())
        .map(|(name, content)| {
            let path = dir.join(name.replace("ISSUE", &format!("issues/{issue}")));
            let text = String::from_utf8_lossy(content);
            let text = text
                .replace("TITLE", &format!("Medlemsbrev {issue}"))
                .replace("DATE", &today.to_string())
                .replace("EVENT", &event.to_string());
            let file = list.as_deref().unwrap_or(LIST);
            (path, text.replace("file = \"members.csv\"", &format!("file = \"{file}\"")))
        })
        .collect();
    if let Some((path, _)) = files.iter().find(|(path, _)| path.exists()) {
        let message = format!("`{}` exists already; nothing was changed", path.display());
        return Err(Error::new(ErrorKind::Data, message).hint("move it away, or start in another folder"));
    }
    write_all(&files)?;
    files.iter().for_each(|(path, _)| terminal.text(path.display().to_string()));
    let written: Vec<&PathBuf> = files.iter().map(|(path, _)| path).collect();
    terminal.json(&serde_json::json!({ "issue": issue, "files": written, "list": list }));
    if let Some(list) = &list {
        terminal.say(format!("{list} is the member list."));
    }
    let at = if dir == Path::new(".") { String::new() } else { format!(" -C {}", dir.display()) };
    terminal.say(format!(
        "Look at the letter: medlemsbrev{at} preview\nThen write your association into medlemsbrev.toml."
    ));
    Ok(Exit::Done)
}

/// The folder's own list: `members.csv`, or the only file that could be one.
fn own_list(dir: &Path) -> Result<Option<String>, Error> {
    let Ok(entries) = std::fs::read_dir(dir) else { return Ok(None) };
    let names = entries.flatten().map(|entry| entry.file_name().to_string_lossy().into_owned());
    let is_list = |name: &String| {
        let end = Path::new(name).extension().map(|end| end.to_string_lossy().to_lowercase());
        !name.starts_with(['.', '~']) && end.is_some_and(|end| LISTS.contains(&end.as_str()))
    };
    let mut lists: Vec<String> = names.filter(is_list).collect();
    lists.sort();
    match lists.as_slice() {
        [] => Ok(None),
        [one] => Ok(Some(one.clone())),
        lists if lists.iter().any(|name| name == LIST) => Ok(Some(LIST.to_owned())),
        lists => {
            let message =
                format!("`{}` has several lists: {}; nothing was changed", dir.display(), lists.join(", "));
            Err(Error::new(ErrorKind::Data, message)
                .hint("leave only the member list, or start in another folder"))
        }
    }
}

/// Writes all files; if one cannot be written, those already written are removed.
fn write_all(files: &[(PathBuf, String)]) -> Result<(), Error> {
    for (number, (path, text)) in files.iter().enumerate() {
        if let Err(error) = write_new(path, text.as_bytes()) {
            for (written, _) in files.iter().take(number) {
                // The first error is the one to report.
                let _kept = std::fs::remove_file(written);
            }
            return Err(error);
        }
    }
    Ok(())
}

/// Tells whether a section's text was written by `init`.
pub(super) fn is_untouched(text: &str) -> bool {
    let body = |text: &str| text.rsplit("+++").next().unwrap_or_default().trim().replace("\r\n", "\n");
    let written = FILES.iter().filter(|(name, _)| Path::new(name).extension().is_some_and(|end| end == "md"));
    written.map(|(_, content)| String::from_utf8_lossy(content)).any(|content| body(&content) == body(text))
}

/// The placeholders of `init` for the association's name and postal address.
pub(super) const PLACEHOLDERS: [&str; 2] = ["Byalaget i Exempelby", "Byvägen 1, 100 00 Byn"];
