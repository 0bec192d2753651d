//! `build`: the letter as files.

use jiff::Timestamp;

use crate::cli::Build;
use crate::compose::Mark;
use crate::error::{Error, Exit};
use crate::report::Terminal;

use super::Project;
use super::files::overwrite;

/// Runs the command.
pub fn run(project: &Project, arguments: &Build, terminal: Terminal) -> Result<Exit, Error> {
    let issue = project.issue(arguments.issue.as_ref())?;
    let (composer, member) = super::preview::letter_of(project, &issue, arguments.member.as_ref(), terminal)?;
    let rendered = composer.render(&member)?;
    let letter = composer.letter(&member, Mark::None, Timestamp::now())?;
    let dir = arguments.output.clone().unwrap_or_else(|| project.outbox(&issue).join("build"));
    let mut files = Vec::new();
    let mut write = |name: String, content: &[u8]| {
        let path = dir.join(name);
        overwrite(&path, content)?;
        files.push(path);
        Ok::<_, Error>(())
    };
    write(format!("{issue}.html"), composer.with_images_inside(&rendered.html)?.as_bytes())?;
    write(format!("{issue}.txt"), rendered.text.as_bytes())?;
    write(format!("{issue}.eml"), &letter.bytes)?;
    if terminal.json {
        terminal.json(&files);
    } else {
        files.iter().for_each(|file| terminal.data(file.display().to_string()));
    }
    Ok(Exit::Done)
}
