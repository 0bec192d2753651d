//! Lays out the letters of an issue for print, and writes them.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use jiff::civil::Date;

use crate::cli::PaperArgs;
use crate::commands::Context;
use crate::compose::{Association, Composer, Printed};
use crate::config::PaperConfig;
use crate::domain::{Member, MemberId};
use crate::error::{Error, ErrorKind};
use crate::paper::{EnvelopeWindow, PdfInfo, PrintLetter, Printer, Stationery};
use crate::private;
use crate::report::spreadsheet_csv;

/// A letter with its address lines.
#[derive(Debug)]
pub(super) struct Addressed {
    pub member: Member,
    pub address: Vec<String>,
}

/// Everything that an issue's letters on paper have in common.
pub(super) struct Press<'a> {
    composer: &'a Composer,
    settings: &'a PaperConfig,
    return_line: String,
    sender: String,
}

impl<'a> Press<'a> {
    pub fn new(association: Association, settings: &'a PaperConfig, composer: &'a Composer) -> Self {
        let address = association.postal_address.split_whitespace().collect::<Vec<_>>().join(" ");
        Self {
            composer,
            settings,
            return_line: format!("{}, {address}", association.name),
            sender: association.name,
        }
    }

    /// Lays out these letters in one PDF; also returns the number of pages of each member's letter.
    pub fn letters(&self, letters: &[Addressed]) -> Result<(Vec<u8>, BTreeMap<MemberId, usize>), Error> {
        let issue = self.composer.issue();
        let stationery = Stationery {
            info: self.info(issue.date),
            sender_name: &self.sender,
            return_line: &self.return_line,
            logo: self.composer.logo_picture(),
            window: window(self.settings),
            page_of: self.composer.text("page_of"),
            two_sided: !self.settings.one_sided,
        };
        let mut printer = Printer::new(&stationery, &self.composer.pictures())?;
        let mut pages = BTreeMap::new();
        for Addressed { member, address } in letters {
            let printed = self.composer.printed(member)?;
            pages.insert(member.id, printer.add(&laid_out(&printed, address))?);
        }
        Ok((printer.finish()?, pages))
    }

    /// The sheet of labels, in the order of the letters.
    pub fn labels(&self, letters: &[Addressed]) -> Result<Vec<u8>, Error> {
        let addresses: Vec<Vec<String>> = letters.iter().map(|letter| letter.address.clone()).collect();
        let sheet = self.settings.labels.unwrap_or_default();
        Ok(crate::paper::labels(&addresses, &sheet, &self.info(self.composer.issue().date))?)
    }

    fn info(&self, created: Date) -> PdfInfo<'_> {
        let issue = self.composer.issue();
        PdfInfo { title: &issue.title, language: &issue.language, created }
    }
}

/// The position of the envelope's window.
pub(super) fn window(settings: &PaperConfig) -> EnvelopeWindow {
    EnvelopeWindow::new(settings.window, settings.right, settings.down)
}

fn laid_out<'p>(printed: &'p Printed, address: &[String]) -> PrintLetter<'p> {
    PrintLetter {
        language: &printed.language,
        address: address.to_vec(),
        date: printed.date.clone(),
        title: printed.title.clone(),
        lead: printed.lead.clone(),
        greeting: printed.greeting.clone(),
        sections: printed.sections.clone(),
        enclosures: printed.enclosures.clone(),
        foot: printed.foot.clone(),
    }
}

/// Writes the letters: one file for all of them, and on request labels, a list of the order, and one file per letter.
pub(super) fn write(
    context: Context<'_>,
    press: &Press<'_>,
    arguments: &PaperArgs,
    letters: &[Addressed],
    pdf: &[u8],
) -> Result<Vec<PathBuf>, Error> {
    let folder = context.project.dir.join("paper");
    let issue = press.composer.issue().name.as_str();
    let one = arguments.member.is_some().then(|| letters.first()).flatten();
    let name = one.map_or_else(|| issue.to_owned(), |letter| format!("{issue}-{}", letter.member.id.0));
    let mut files = vec![save(&folder.join(format!("{name}.pdf")), pdf)?];
    if one.is_none() {
        files.push(save(&folder.join(format!("{issue}.csv")), &order_list(letters)?)?);
    }
    if arguments.labels {
        files.push(save(&folder.join(format!("{name}-labels.pdf")), &press.labels(letters)?)?);
    }
    if arguments.each {
        for (place, letter) in letters.iter().enumerate() {
            let (single, _) = press.letters(std::slice::from_ref(letter))?;
            let file = folder.join(issue).join(format!("{:03}-{}.pdf", place + 1, letter.member.id.0));
            files.push(save(&file, &single)?);
        }
    }
    Ok(files)
}

/// Position, number and the lines of the longest address.
const COLUMNS: usize = 7;

/// The letters in order, as a CSV file that spreadsheet programs open correctly.
fn order_list(letters: &[Addressed]) -> Result<Vec<u8>, Error> {
    let row = |(place, letter): (usize, &Addressed)| {
        let number = letter.member.number.clone().unwrap_or_default();
        let mut row = vec![(place + 1).to_string(), number];
        row.extend(letter.address.iter().cloned());
        row.resize(COLUMNS, String::new());
        row
    };
    let text = spreadsheet_csv(letters.iter().enumerate().map(row));
    let text = text.map_err(|error| {
        Error::new(ErrorKind::TryAgain, format!("cannot write the list of letters: {error}"))
    })?;
    Ok(format!("\u{feff}{text}").into_bytes())
}

/// Writes a private file.
pub(super) fn save(path: &Path, content: &[u8]) -> Result<PathBuf, Error> {
    let folder = path.parent().unwrap_or(Path::new("."));
    private::create_folder(folder).and_then(|()| private::overwrite(path, content)).map_err(|error| {
        Error::new(ErrorKind::TryAgain, format!("cannot write `{}`: {error}", path.display()))
    })?;
    Ok(path.to_owned())
}
