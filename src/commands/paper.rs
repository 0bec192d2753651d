//! `paper`: prints letters for members who cannot be reached by e-mail.

mod print;

use jiff::Timestamp;
use serde::Serialize;

use crate::cli::PaperArgs;
use crate::compose::{Association, Composer};
use crate::config::PaperConfig;
use crate::domain::{IssueName, Member};
use crate::error::{Error, ErrorKind, Exit};
use crate::ledger::{Ledger, OnPaper};
use crate::paper::{PdfInfo, missing_characters};
use crate::report::plural;

use super::postal::{self, grams, price, sheets};
use super::{Context, Project};
use print::{Addressed, Press, save, window};

/// The result, as JSON.
#[derive(Debug, Serialize)]
struct PaperReport {
    issue: IssueName,
    letters: u64,
    pages: usize,
    sheets: usize,
    grams: f64,
    /// `None` if there is no price for a letter's weight.
    #[serde(skip_serializing_if = "Option::is_none")]
    postage: Option<f64>,
    files: Vec<std::path::PathBuf>,
    without_address: Vec<Unaddressed>,
    /// Addresses with characters missing from the fonts.
    unprintable: Vec<Unprintable>,
}

/// An address that cannot be printed as written.
#[derive(Debug, Serialize)]
struct Unprintable {
    name: String,
    characters: String,
}

/// A member without a usable postal address.
#[derive(Debug, Serialize)]
struct Unaddressed {
    name: String,
    missing: &'static str,
}

/// Runs the command.
pub fn run(context: Context<'_>, arguments: &PaperArgs) -> Result<Exit, Error> {
    if arguments.test_sheet {
        return test_sheet(context);
    }
    let ledger = context.project.ledger()?;
    let issue = context.project.issue(arguments.issue.as_ref())?;
    if arguments.done {
        return done(context, &ledger, &issue);
    }
    let fields = ledger.fields()?;
    let composer = context.project.composer(&issue, fields)?;
    let (letters, without_address) = recipients(context.project, &ledger, &composer, arguments)?;
    if !arguments.dry_run {
        ask_again(context, ledger.on_paper(&issue)?, &issue, arguments)?;
    }
    let press = Press::new(context.project.association(), &context.project.config.paper, &composer);
    let (pdf, pages) = press.letters(&letters)?;
    let files = if arguments.dry_run || letters.is_empty() {
        Vec::new()
    } else {
        print::write(context, &press, arguments, &letters, &pdf)?
    };
    if !files.is_empty() && arguments.member.is_none() {
        ledger.record_paper(&issue, &pages, Timestamp::now())?;
    }
    let settings = &context.project.config.paper;
    let sheets = pages.values().map(|pages| sheets(*pages, settings));
    let printing = PaperReport {
        issue,
        letters: letters.len() as u64,
        pages: pages.values().sum(),
        sheets: sheets.clone().sum(),
        grams: sheets.clone().map(grams).sum::<f64>().round(),
        postage: sheets.map(|sheets| price(grams(sheets), settings)).sum(),
        files,
        without_address,
        unprintable: unprintable(&letters),
    };
    say(context, &printing);
    if !printing.files.is_empty() && arguments.member.is_none() {
        ask_whether_posted(context, &ledger, &printing.issue)?;
    }
    Ok(Exit::Done)
}

/// Asks on a terminal whether the letters have been posted; without one, `--done` says so.
fn ask_whether_posted(context: Context<'_>, ledger: &Ledger, issue: &IssueName) -> Result<(), Error> {
    let question = "Print them now. Have they been posted?";
    if !context.terminal.json && context.terminal.confirm(question) == Some(true) {
        done(context, ledger, issue)?;
    }
    Ok(())
}

/// One letter as a PDF, with the member's postal address if there is one.
pub(super) fn letter(
    association: Association,
    settings: &PaperConfig,
    composer: &Composer,
    member: Member,
) -> Result<Vec<u8>, Error> {
    let address = postal::lines(&member).unwrap_or_default();
    let press = Press::new(association, settings, composer);
    let (pdf, _) = press.letters(&[Addressed { member, address }])?;
    Ok(pdf)
}

/// The addresses with characters missing from the fonts.
fn unprintable(letters: &[Addressed]) -> Vec<Unprintable> {
    let missing = letters.iter().map(|letter| {
        let characters = missing_characters(&letter.address.join(" ")).into_iter().collect();
        Unprintable { name: letter.member.name.clone(), characters }
    });
    missing.filter(|address| !address.characters.is_empty()).collect()
}

/// The letters to print, in postal order, and the members without a usable address.
fn recipients(
    project: &Project,
    ledger: &Ledger,
    composer: &Composer,
    arguments: &PaperArgs,
) -> Result<(Vec<Addressed>, Vec<Unaddressed>), Error> {
    let members = match &arguments.member {
        Some(who) => vec![super::members::find(ledger, who)?.member],
        None => postal::on_paper(project, ledger, composer)?,
    };
    let (mut letters, mut without) = (Vec::new(), Vec::new());
    for member in members {
        match postal::lines(&member) {
            Ok(address) => letters.push(Addressed { member, address }),
            Err(missing) => without.push(Unaddressed { name: member.name, missing }),
        }
    }
    letters.sort_by_cached_key(|letter| postal::order(&letter.member));
    Ok((letters, without))
}

/// Asks before printing letters that were posted already.
fn ask_again(
    context: Context<'_>,
    on_paper: OnPaper,
    issue: &IssueName,
    arguments: &PaperArgs,
) -> Result<(), Error> {
    if on_paper.posted == 0 || arguments.yes || arguments.member.is_some() {
        return Ok(());
    }
    let posted = plural(on_paper.posted, "letter", "letters");
    let question = format!("{posted} of {issue} were posted already. Print them again?");
    super::agree(context.terminal, &question, "use --yes to print them again without a prompt")
}

fn done(context: Context<'_>, ledger: &Ledger, issue: &IssueName) -> Result<Exit, Error> {
    let posted = ledger.paper_posted(issue, Timestamp::now())? as u64;
    if posted == 0 {
        let message = format!("{issue} has no printed letters to post");
        return Err(
            Error::new(ErrorKind::Data, message).hint(format!("print them first: medlemsbrev paper {issue}"))
        );
    }
    context.terminal.text(format!("{issue}: {} posted.", plural(posted, "letter", "letters")));
    context.terminal.json(&serde_json::json!({ "issue": issue, "posted": posted }));
    Ok(Exit::Done)
}

fn test_sheet(context: Context<'_>) -> Result<Exit, Error> {
    let config = &context.project.config;
    let today = Timestamp::now().to_zoned_datetime(config.association.time_zone.0.clone()).date();
    let name = config.association.name.clone();
    let info = PdfInfo { title: &name, language: &config.association.language, created: today };
    let lines: Vec<String> =
        config.association.postal_address.split(',').map(|line| line.trim().to_owned()).collect();
    let lines: Vec<String> = std::iter::once(name.clone()).chain(lines).collect();
    let pdf = crate::paper::test_sheet(&window(&config.paper), &lines, &info)?;
    let file = save(&context.project.dir.join("paper/test-sheet.pdf"), &pdf)?;
    context.terminal.text(format!(
        "{}: print it at 100 % and hold it behind an envelope; move the address with `right` and `down` in [paper].",
        file.display()
    ));
    context.terminal.json(&serde_json::json!({ "file": file }));
    Ok(Exit::Done)
}

fn say(context: Context<'_>, printing: &PaperReport) {
    let terminal = context.terminal;
    for member in &printing.without_address {
        terminal.say(format!("No postal address: {}: {}.", member.name, member.missing));
    }
    for Unprintable { name, characters } in &printing.unprintable {
        terminal.say(format!("Write this address by hand: {name}: the fonts lack {characters}."));
    }
    if terminal.json {
        return terminal.json(printing);
    }
    let PaperReport { issue, letters, pages, sheets, grams, .. } = printing;
    let counted = plural(*letters, "letter", "letters");
    let postage = printing
        .postage
        .filter(|_| *letters > 0)
        .map_or(String::new(), |price| format!(", postage {price:.2}"));
    terminal
        .text(format!("{issue}: {counted} on paper, {pages} pages on {sheets} sheets, {grams} g{postage}"));
    printing.files.iter().for_each(|file| terminal.text(file.display().to_string()));
    if !printing.files.is_empty() {
        terminal.say(format!("When they are posted: medlemsbrev paper {issue} --done"));
    }
}
