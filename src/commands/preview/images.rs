//! `preview --images`: shows the letter with its pictures in terminals that support them.

use std::io::IsTerminal;
use std::path::Path;

use crate::compose::Composer;
use crate::domain::Household;
use crate::error::{Error, ErrorKind};
use crate::preview::terminal::{LayoutSurface, TerminalDocument, paint};
use crate::report::Terminal;

use super::show;

/// The approximate width of a column in pixels.
const COLUMN: u32 = 8;

/// Prints the letter with each picture above its alternative text.
pub(super) fn show(composer: &Composer, readers: &Household, terminal: Terminal) -> Result<(), Error> {
    let paint_with = show::paint_of_stdout();
    let paper = LayoutSurface { width: show::width(), with_marks: !paint_with.colors };
    ask_terminal();
    let document = TerminalDocument::read(&composer.render(readers)?.html);
    terminal.data(paint(&show::envelope(composer, readers.into())?.lines(paper), &[], paint_with));
    let lines = document.lines(paper);
    for part in lines.chunk_by(|_, next| next.picture.is_none()) {
        let picture = part.first().and_then(|line| document.pictures.get(line.picture?));
        if let Some(file) = picture.and_then(|source| composer.image_file(source)) {
            print(file, paper.measure())?;
        }
        terminal.data(paint(part, &document.links, paint_with));
    }
    Ok(())
}

/// Asks the terminal once which image formats it supports; without echo, or its answers would appear in the letter.
fn ask_terminal() {
    if std::io::stdout().is_terminal() && crossterm::terminal::enable_raw_mode().is_ok() {
        let _known = (viuer::get_kitty_support(), viuer::is_sixel_supported());
        let _restored = crossterm::terminal::disable_raw_mode();
    }
}

fn print(file: &Path, measure: usize) -> Result<(), Error> {
    let failed = |error: &dyn std::fmt::Display| {
        Error::new(ErrorKind::Data, format!("cannot show the picture `{}`: {error}", file.display()))
    };
    let picture = image::ImageReader::open(file).map_err(|error| failed(&error))?;
    let picture = picture.decode().map_err(|error| failed(&error))?;
    let columns = (picture.width() / COLUMN).clamp(1, u32::try_from(measure).unwrap_or(u32::MAX));
    let config = viuer::Config { width: Some(columns), absolute_offset: false, ..viuer::Config::default() };
    viuer::print(&picture, &config).map(drop).map_err(|error| failed(&error))
}
