//! `preview`: shows the letter as one member gets it.

#[cfg(feature = "images")]
mod images;
#[cfg(feature = "interactive")]
mod interactive;
#[cfg(feature = "browser")]
mod serve;
mod show;

use std::ffi::OsStr;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use crate::cli::PreviewArgs;
use crate::compose::Composer;
use crate::domain::{Address, Household, IssueName, Member};
use crate::error::{Error, ErrorKind, Exit};
use crate::ledger::Ledger;
use crate::report::Terminal;

use super::import::register_as_sent;
use super::{Context, Project};

/// Runs the command.
pub fn run(context: Context<'_>, arguments: &PreviewArgs) -> Result<Exit, Error> {
    #[cfg(feature = "interactive")]
    if arguments.interactive {
        return interactive::run(context, arguments);
    }
    let issue = context.project.issue(arguments.issue.as_ref())?;
    #[cfg(feature = "browser")]
    if arguments.serve {
        return serve::run(context, &issue, arguments);
    }
    let (composer, readers) = letter_of(context, &issue, arguments.member.as_ref())?;
    if arguments.browser {
        return browse(context, &issue, &composer, &readers);
    }
    #[cfg(feature = "paper")]
    if arguments.paper {
        return on_paper(context, &issue, &composer, readers.lead);
    }
    #[cfg(feature = "images")]
    if arguments.images {
        images::show(&composer, &readers, context.terminal)?;
        return Ok(Exit::Done);
    }
    show::show(&composer, (&readers).into(), arguments.part, context.terminal)?;
    Ok(Exit::Done)
}

/// Writes the page to a single file, including pictures, and opens it.
fn browse(
    context: Context<'_>,
    issue: &IssueName,
    composer: &Composer,
    readers: &Household,
) -> Result<Exit, Error> {
    let path = write_page(context.project, issue, composer, readers)?;
    context.terminal.data(path.display().to_string());
    open(path.as_os_str(), context.terminal);
    Ok(Exit::Done)
}

/// Writes the letter for print, and opens it.
#[cfg(feature = "paper")]
fn on_paper(
    context: Context<'_>,
    issue: &IssueName,
    composer: &Composer,
    member: Member,
) -> Result<Exit, Error> {
    let path = context.project.outbox(issue).join("build").join(format!("{issue}.pdf"));
    let project = context.project;
    let pdf = super::paper::letter(project.association(), &project.config.paper, composer, member)?;
    super::files::overwrite(&path, &pdf)?;
    context.terminal.data(path.display().to_string());
    open(path.as_os_str(), context.terminal);
    Ok(Exit::Done)
}

/// Writes the letter's page to a file.
fn write_page(
    project: &Project,
    issue: &IssueName,
    composer: &Composer,
    readers: &Household,
) -> Result<PathBuf, Error> {
    let path = project.outbox(issue).join("build").join(format!("{issue}.html"));
    let page = composer.with_images_inside(&composer.render(readers)?.html);
    super::files::overwrite(&path, page.as_bytes())?;
    Ok(path)
}

/// Opens a file or URL in the browser, or prints why it cannot.
fn open(what: &OsStr, terminal: Terminal) {
    if let Err(failure) = open_quietly(what) {
        terminal.say(format!("{failure}; open it yourself."));
    }
}

/// Opens a file or URL in the browser, or returns why it cannot.
fn open_quietly(what: &OsStr) -> Result<(), String> {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let browser = std::env::var("BROWSER").ok().filter(|name| !name.is_empty());
    let browser = browser.unwrap_or_else(|| opener.to_owned());
    let mut command = Command::new(&browser);
    command.arg(what).stdin(Stdio::null()).stdout(Stdio::null()).stderr(Stdio::null());
    command.spawn().map(drop).map_err(|error| format!("Could not open a browser (`{browser}`: {error})"))
}

/// The composer and the members with this address; without an address, a neutral reader.
pub(super) fn letter_of(
    context: Context<'_>,
    issue: &IssueName,
    who: Option<&String>,
) -> Result<(Composer, Household), Error> {
    let ledger = register_as_sent(context)?;
    let composer = context.project.composer(issue, ledger.fields()?)?;
    let member = match who {
        None => composer.neutral_reader(),
        Some(who) => reader(&ledger, who)?,
    };
    let readers = household(&ledger, &composer, member)?;
    if !composer.has_section_for(&readers.lead) {
        let message = format!("no section of {issue} is for {}", readers.lead.name);
        return Err(Error::new(ErrorKind::Data, message)
            .hint("the member gets no letter; check the sections' audience"));
    }
    Ok((composer, readers))
}

/// The member and those who get the same letter.
fn household(ledger: &Ledger, composer: &Composer, member: Member) -> Result<Household, Error> {
    let mut readers = match &member.address {
        Some(address) => ledger.mailable_at(address)?,
        None => Vec::new(),
    };
    readers.retain(|reader| composer.has_section_for(reader));
    // Show members who are not mailed the letter that they would get.
    if !readers.iter().any(|reader| reader.id == member.id) {
        return Ok(member.into());
    }
    let mut readers = readers.into_iter();
    let lead = readers.next().unwrap_or(member);
    Ok(Household { lead, others: readers.collect() })
}

/// The named member; if several share the address, the first one, who stands for all.
fn reader(ledger: &Ledger, who: &str) -> Result<Member, Error> {
    if let Ok(address) = Address::parse(who)
        && let Some(row) = ledger.members_at(&address)?.into_iter().next()
    {
        return Ok(row.member);
    }
    Ok(super::members::find(ledger, who)?.member)
}
