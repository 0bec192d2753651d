//! `paper`: letters for members who cannot be reached by e-mail.

mod address;
mod print;

use jiff::Timestamp;
use serde::Serialize;

use crate::cli::Paper as Arguments;
use crate::compose::Composer;
use crate::config::Paper as Settings;
use crate::domain::{IssueKind, IssueName, Segment, SuppressionReason};
use crate::error::{Error, Exit, Kind};
use crate::ledger::{Ledger, MemberRow, OnPaper};
use crate::paper::{PdfInfo, missing_characters};
use crate::report::plural;

use super::Context;
use print::{Addressed, Press, save, window};

/// Grams of a sheet of A4 of 80 g/m², and of an envelope.
const SHEET_GRAMS: f64 = 4.99;
const ENVELOPE_GRAMS: f64 = 7.0;

/// What was printed, as JSON.
#[derive(Debug, Serialize)]
struct Printing {
    issue: IssueName,
    letters: u64,
    pages: usize,
    sheets: usize,
    grams: f64,
    /// `None` if no price is known for a letter.
    #[serde(skip_serializing_if = "Option::is_none")]
    postage: Option<f64>,
    files: Vec<std::path::PathBuf>,
    without_address: Vec<Unaddressed>,
    /// Addresses with characters that the letters' fonts lack.
    unprintable: Vec<Unprintable>,
}

/// An address that is not printed as it is written.
#[derive(Debug, Serialize)]
struct Unprintable {
    name: String,
    characters: String,
}

/// A member to whom nothing can be posted.
#[derive(Debug, Serialize)]
struct Unaddressed {
    name: String,
    missing: &'static str,
}

/// Runs the command.
pub fn run(context: Context<'_>, arguments: &Arguments) -> Result<Exit, Error> {
    if arguments.test_sheet {
        return test_sheet(context);
    }
    let ledger = context.project.ledger()?;
    let issue = context.project.issue(arguments.issue.as_ref())?;
    if arguments.done {
        return done(context, &ledger, &issue);
    }
    let fields = ledger.fields()?;
    let wanted = context.project.config.paper.wanted.as_ref();
    let wanted =
        wanted.map(|wanted| context.project.configured_segment("wanted", wanted, &fields)).transpose()?;
    let composer = context.project.composer(&issue, fields)?;
    let (letters, without_address) = recipients(&ledger, &composer, wanted.as_ref(), arguments)?;
    if !arguments.dry_run {
        ask_again(context, ledger.on_paper(&issue)?, &issue, arguments)?;
    }
    let press = Press::new(context, &composer);
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
    let grams =
        |sheets: usize| SHEET_GRAMS * f64::from(u32::try_from(sheets).unwrap_or(u32::MAX)) + ENVELOPE_GRAMS;
    let printing = Printing {
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
    Ok(Exit::Done)
}

/// The addresses that the fonts lack characters for.
fn unprintable(letters: &[Addressed]) -> Vec<Unprintable> {
    let missing = letters.iter().map(|letter| {
        let characters = missing_characters(&letter.address.join(" ")).into_iter().collect();
        Unprintable { name: letter.member.name.clone(), characters }
    });
    missing.filter(|address| !address.characters.is_empty()).collect()
}

/// Whose letters are printed, in postal order, and who has no address to print.
fn recipients(
    ledger: &Ledger,
    composer: &Composer,
    wanted: Option<&Segment>,
    arguments: &Arguments,
) -> Result<(Vec<Addressed>, Vec<Unaddressed>), Error> {
    let issue = composer.issue();
    let mut rows = Vec::new();
    if let Some(who) = &arguments.member {
        rows.push(super::members::find(ledger, who)?);
    } else {
        ledger.for_each_member_of(&issue.name, |row| {
            let is_for = crate::send::skip(composer, None, &row.member).is_none();
            if is_for && gets_paper(&row, issue.kind, wanted) {
                rows.push(row);
            }
            Ok::<_, Error>(())
        })?;
    }
    let (mut letters, mut without) = (Vec::new(), Vec::new());
    for MemberRow { member, .. } in rows {
        match address::lines(&member) {
            Ok(address) => letters.push(Addressed { member, address }),
            Err(missing) => without.push(Unaddressed { name: member.name, missing }),
        }
    }
    letters.sort_by_cached_key(|letter| address::order(&letter.member));
    Ok((letters, without))
}

/// Tells whether a member gets the issue on paper: those who asked for paper, and those whom no e-mail can reach, unless they
/// unsubscribed.
fn gets_paper(row: &MemberRow, kind: IssueKind, wanted: Option<&Segment>) -> bool {
    if !row.active || row.held.is_some() {
        return false;
    }
    // Before a notice is first sent the ledger does not know that it is one.
    let lifted = |reason: &SuppressionReason| kind == IssueKind::Notice && reason.is_for_newsletters();
    let is_unreachable = match row.suppressed.filter(|reason| !lifted(reason)) {
        None => row.member.address.is_none(),
        Some(SuppressionReason::HardBounce | SuppressionReason::SoftBounces) => true,
        Some(_) => kind == IssueKind::Notice,
    };
    is_unreachable || wanted.is_some_and(|wanted| wanted.matches(&row.member))
}

/// Asks before letters are printed that were posted already.
fn ask_again(
    context: Context<'_>,
    on_paper: OnPaper,
    issue: &IssueName,
    arguments: &Arguments,
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
        let message = format!("{issue} has no printed letters that wait to be posted");
        return Err(
            Error::new(Kind::Data, message).hint(format!("print them first: medlemsbrev paper {issue}"))
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

fn sheets(pages: usize, settings: &Settings) -> usize {
    if settings.one_sided { pages } else { pages.div_ceil(2) }
}

/// The price of the first step that is heavy enough.
fn price(grams: f64, settings: &Settings) -> Option<f64> {
    let mut steps = settings.postage.clone();
    steps.sort_by_key(|(up_to, _)| *up_to);
    steps.into_iter().find(|(up_to, _)| f64::from(*up_to) >= grams).map(|(_, price)| price)
}

fn say(context: Context<'_>, printing: &Printing) {
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
    let Printing { issue, letters, pages, sheets, grams, .. } = printing;
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

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_cost_what_their_weight_does() {
        let settings = Settings { postage: vec![(100, 44.0), (50, 22.0)], ..Settings::default() };
        for (pages, want) in [(4, Some(22.0)), (18, Some(44.0)), (60, None)] {
            let sheets = f64::from(u32::try_from(sheets(pages, &settings)).unwrap());
            assert_eq!(price(sheets * SHEET_GRAMS + ENVELOPE_GRAMS, &settings), want, "{pages}");
        }
        assert_eq!(sheets(5, &settings), 3);
        assert_eq!(sheets(5, &Settings { one_sided: true, ..settings }), 5);
    }
}
