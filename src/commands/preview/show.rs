//! The letter in the terminal: laid out for it, or one of its parts as it is sent.

use std::io::IsTerminal;

use jiff::Timestamp;

use crate::cli::Part;
use crate::compose::{Composer, Mark};
use crate::domain::Member;
use crate::error::Error;
use crate::preview::terminal::{Document, Envelope, Paint, Paper, clean_lines, paint};
use crate::report::{Terminal, stdout_width};

/// Columns if nothing limits them.
const USUAL_WIDTH: usize = 80;

/// Shows a part; if none is named the letter itself, and in a pipe without colours its text.
pub(super) fn show(
    composer: &Composer,
    member: &Member,
    part: Option<Part>,
    terminal: Terminal,
) -> Result<(), Error> {
    if terminal.json {
        return show_json(composer, member, terminal);
    }
    let is_terminal = std::io::stdout().is_terminal();
    // Colours in a pipe were asked for: whoever reads it shows them.
    let is_shown = is_terminal || paint_of_stdout().colors;
    let part = part.unwrap_or(if is_shown { Part::Letter } else { Part::Text });
    if part == Part::Letter {
        terminal.pages(letter(composer, member)?);
        return Ok(());
    }
    let text = source(composer, member, part)?;
    if is_terminal {
        terminal.pages(clean_lines(&text));
    } else {
        terminal.data(text);
    }
    Ok(())
}

/// Reports the letter with its subject, both bodies and the message as it is sent.
fn show_json(composer: &Composer, member: &Member, terminal: Terminal) -> Result<(), Error> {
    let rendered = composer.render(member)?;
    let letter = composer.letter(member, Mark::None, Timestamp::now())?;
    terminal.json(&serde_json::json!({
        "issue": composer.issue().name,
        "name": member.name,
        "address": member.address,
        "subject": composer.issue().subject,
        "html": rendered.html,
        "text": rendered.text,
        "message": letter.text(),
    }));
    Ok(())
}

/// The letter as its reader meets it.
fn letter(composer: &Composer, member: &Member) -> Result<String, Error> {
    let paint_with = paint_of_stdout();
    let paper = Paper { width: width(), with_marks: !paint_with.colors };
    let document = Document::read(&composer.render(member)?.html);
    let mut text = paint(&envelope(composer, member)?.lines(paper), &[], paint_with);
    text.push('\n');
    text.push_str(&paint(&document.lines(paper), &document.links, paint_with));
    Ok(text)
}

fn source(composer: &Composer, member: &Member, part: Part) -> Result<String, Error> {
    let message = || {
        let letter = composer.letter(member, Mark::None, Timestamp::now())?;
        Ok::<_, Error>(letter.text())
    };
    Ok(match part {
        Part::Html => composer.render(member)?.html,
        Part::Source => message()?,
        Part::Headers => message()?.split_inclusive("\n\n").next().unwrap_or_default().to_owned(),
        Part::Letter | Part::Text => {
            let header = envelope(composer, member)?.text();
            format!("{header}{}\n{}", "─".repeat(72), composer.render(member)?.text)
        }
    })
}

pub(super) fn envelope(composer: &Composer, member: &Member) -> Result<Envelope, Error> {
    let letter = composer.letter(member, Mark::None, Timestamp::now())?;
    Ok(Envelope::read(&letter.bytes, composer.issue().preheader.as_deref()))
}

/// What standard output shows: `--color`, `NO_COLOR` and `CLICOLOR_FORCE` decide.
pub(super) fn paint_of_stdout() -> Paint {
    let colors = anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never;
    Paint { colors, hyperlinks: colors && supports_hyperlinks::on(supports_hyperlinks::Stream::Stdout) }
}

/// The columns for the letter.
pub(super) fn width() -> usize {
    stdout_width().unwrap_or(USUAL_WIDTH)
}
