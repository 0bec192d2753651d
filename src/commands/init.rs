//! `init`: a project to start from.

use std::path::Path;

use jiff::{ToSpan, ZonedDateTime};

use crate::cli::Init;
use crate::error::{Error, Exit, Kind};
use crate::report::Terminal;

use super::files::write_new;

const FILES: [(&str, &[u8]); 5] = [
    ("medlemsbrev.toml", include_bytes!("../../templates/project/medlemsbrev.toml")),
    ("members.csv", include_bytes!("../../templates/project/members.csv")),
    ("ISSUE/issue.toml", include_bytes!("../../templates/project/issues/first/issue.toml")),
    ("ISSUE/10-ordforanden.md", include_bytes!("../../templates/project/issues/first/10-ordforanden.md")),
    ("ISSUE/20-moten.md", include_bytes!("../../templates/project/issues/first/20-moten.md")),
];

/// Runs the command; a folder that has a project already is left as it is.
pub fn run(arguments: &Init, terminal: Terminal) -> Result<Exit, Error> {
    let dir = &arguments.folder;
    if dir.join(crate::config::FILE).exists() {
        let message = format!("`{}` already contains a project; nothing was changed", dir.display());
        return Err(Error::new(Kind::Data, message).hint("create the next issue with: medlemsbrev new ISSUE"));
    }
    let today = ZonedDateTime::now().date();
    let half = if today.month() <= 6 { 1 } else { 2 };
    let issue = format!("{}-{half}", today.year());
    let event = today.saturating_add(4.weeks());
    let mut written = Vec::new();
    for (name, content) in FILES {
        let path = dir.join(name.replace("ISSUE", &format!("issues/{issue}")));
        let text = String::from_utf8_lossy(content);
        let text = text
            .replace("TITLE", &format!("Medlemsbrev {issue}"))
            .replace("DATE", &today.to_string())
            .replace("EVENT", &event.to_string());
        write_new(&path, text.as_bytes())?;
        terminal.text(path.display().to_string());
        written.push(path);
    }
    terminal.json(&serde_json::json!({ "issue": issue, "files": written }));
    let at = if dir == Path::new(".") { String::new() } else { format!(" -C {}", dir.display()) };
    terminal.say(format!(
        "Look at the letter: medlemsbrev{at} preview\nThen write your association into medlemsbrev.toml."
    ));
    Ok(Exit::Done)
}
