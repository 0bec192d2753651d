//! `build`: writes the letter to files.

use jiff::Timestamp;

use crate::cli::BuildArgs;
use crate::compose::LetterMark;
use crate::error::{Error, Exit};

use super::Context;
use super::files::overwrite;

/// Runs the command.
pub fn run(context: Context<'_>, arguments: &BuildArgs) -> Result<Exit, Error> {
    let issue = context.project.issue(arguments.issue.as_ref())?;
    let (composer, readers) = super::preview::letter_of(context, &issue, arguments.member.as_ref())?;
    let rendered = composer.render(&readers)?;
    let letter = composer.letter(&readers, LetterMark::None, Timestamp::now())?;
    let dir = arguments.output.clone().unwrap_or_else(|| context.project.outbox(&issue).join("build"));
    let mut files = Vec::new();
    let mut write = |name: String, content: &[u8]| {
        let path = dir.join(name);
        overwrite(&path, content)?;
        files.push(path);
        Ok::<_, Error>(())
    };
    write(format!("{issue}.html"), composer.with_images_inside(&rendered.html).as_bytes())?;
    write(format!("{issue}.txt"), rendered.text.as_bytes())?;
    write(format!("{issue}.eml"), &letter.bytes)?;
    if context.terminal.json {
        context.terminal.json(&files);
    } else {
        files.iter().for_each(|file| context.terminal.data(file.display().to_string()));
    }
    Ok(Exit::Done)
}
