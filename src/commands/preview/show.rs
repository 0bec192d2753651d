//! The letter in the terminal: laid out for it, or one of its parts as sent.

use std::io::IsTerminal;

use jiff::Timestamp;

use crate::cli::LetterPart;
use crate::compose::{Composer, LetterMark};
use crate::domain::Addressees;
use crate::error::Error;
use crate::preview::terminal::{HeaderTable, LayoutSurface, Paint, TerminalDocument, clean_lines, paint};
use crate::report::{Terminal, stdout_width};

/// The number of columns if nothing limits them.
const USUAL_WIDTH: usize = 80;

/// Shows a part. By default that is the letter itself, or its text if the output is a pipe without colours.
pub(super) fn show(
    composer: &Composer,
    readers: Addressees<'_>,
    part: Option<LetterPart>,
    terminal: Terminal,
) -> Result<(), Error> {
    if terminal.json {
        return show_json(composer, readers, terminal);
    }
    let is_terminal = std::io::stdout().is_terminal();
    // If colours were requested in a pipe, the program at its end can show them.
    let is_shown = is_terminal || paint_of_stdout().colors;
    let part = part.unwrap_or(if is_shown { LetterPart::Letter } else { LetterPart::Text });
    if part == LetterPart::Letter {
        terminal.pages(letter(composer, readers)?);
        return Ok(());
    }
    let text = source(composer, readers, part)?;
    if is_terminal {
        terminal.pages(clean_lines(&text));
    } else {
        terminal.data(text);
    }
    Ok(())
}

/// Prints the letter with its subject, both bodies and the message as sent.
fn show_json(composer: &Composer, readers: Addressees<'_>, terminal: Terminal) -> Result<(), Error> {
    let rendered = composer.render(readers)?;
    let letter = composer.letter(readers, LetterMark::None, Timestamp::now())?;
    terminal.json(&serde_json::json!({
        "issue": composer.issue().name,
        "name": readers.lead.name,
        "address": readers.lead.address,
        "others": readers.others.iter().map(|member| &member.name).collect::<Vec<_>>(),
        "subject": composer.issue().subject,
        "html": rendered.html,
        "text": rendered.text,
        "message": letter.text(),
    }));
    Ok(())
}

/// The letter as its reader sees it.
fn letter(composer: &Composer, readers: Addressees<'_>) -> Result<String, Error> {
    let paint_with = paint_of_stdout();
    let paper = LayoutSurface { width: width(), with_marks: !paint_with.colors };
    let document = TerminalDocument::read(&composer.render(readers)?.html);
    let mut text = paint(&envelope(composer, readers)?.lines(paper), &[], paint_with);
    text.push('\n');
    text.push_str(&paint(&document.lines(paper), &document.links, paint_with));
    Ok(text)
}

fn source(composer: &Composer, readers: Addressees<'_>, part: LetterPart) -> Result<String, Error> {
    let message = || {
        let letter = composer.letter(readers, LetterMark::None, Timestamp::now())?;
        Ok::<_, Error>(letter.text())
    };
    Ok(match part {
        LetterPart::Html => composer.render(readers)?.html,
        LetterPart::Source => message()?,
        LetterPart::Headers => message()?.split_inclusive("\n\n").next().unwrap_or_default().to_owned(),
        LetterPart::Letter | LetterPart::Text => {
            let header = envelope(composer, readers)?.text();
            format!("{header}{}\n{}", "─".repeat(72), composer.render(readers)?.text)
        }
    })
}

pub(super) fn envelope(composer: &Composer, readers: Addressees<'_>) -> Result<HeaderTable, Error> {
    let letter = composer.letter(readers, LetterMark::None, Timestamp::now())?;
    let mut envelope = HeaderTable::read(&letter.bytes, composer.issue().preheader.as_deref());
    envelope.rows.extend(left_out(composer, readers).map(|sections| ("Left out", sections)));
    Ok(envelope)
}

/// Names the sections that these readers do not get.
fn left_out(composer: &Composer, readers: Addressees<'_>) -> Option<String> {
    let titles: Vec<&str> =
        composer.sections(readers).filter(|(_, sees)| !sees).map(|(title, _)| title).collect();
    (!titles.is_empty()).then(|| clean_lines(&titles.join(", ")).trim_end().to_owned())
}

/// The abilities of standard output, considering `--color`, `NO_COLOR` and `CLICOLOR_FORCE`.
pub(super) fn paint_of_stdout() -> Paint {
    let colors = anstream::AutoStream::choice(&std::io::stdout()) != anstream::ColorChoice::Never;
    Paint { colors, hyperlinks: colors && supports_hyperlinks::on(supports_hyperlinks::Stream::Stdout) }
}

/// The width of the letter in columns.
pub(super) fn width() -> usize {
    stdout_width().unwrap_or(USUAL_WIDTH)
}
