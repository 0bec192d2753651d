//! `preview`: the letter as one member gets it.

#[cfg(feature = "images")]
mod images;
#[cfg(feature = "interactive")]
mod interactive;
mod show;

use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};

use crate::cli::Preview;
use crate::compose::Composer;
use crate::domain::{Address, IssueName, Member};
use crate::error::{Error, Kind};
use crate::ledger::Ledger;
use crate::report::Terminal;

use super::Project;
use super::import::{Scratch, import};

/// Runs the command.
pub fn run(project: &Project, arguments: &Preview, terminal: Terminal) -> Result<ExitCode, Error> {
    #[cfg(feature = "interactive")]
    if arguments.interactive {
        return interactive::run(project, arguments, terminal);
    }
    let issue = project.issue(arguments.issue.as_ref())?;
    let (composer, member) = letter_of(project, &issue, arguments.member.as_ref(), terminal)?;
    if arguments.browser {
        return browse(project, &issue, &composer, &member, terminal);
    }
    #[cfg(feature = "images")]
    if arguments.images {
        images::show(&composer, &member, terminal)?;
        return Ok(ExitCode::SUCCESS);
    }
    show::show(&composer, &member, arguments.part, terminal)?;
    Ok(ExitCode::SUCCESS)
}

/// Writes the page, pictures and all in one file, and opens it.
fn browse(
    project: &Project,
    issue: &IssueName,
    composer: &Composer,
    member: &Member,
    terminal: Terminal,
) -> Result<ExitCode, Error> {
    let (path, failure) = open_page(project, issue, composer, member, Stdio::inherit())?;
    terminal.data(path.display().to_string());
    if let Some(failure) = failure {
        terminal.say(format!("{failure}: open the file yourself."));
    }
    Ok(ExitCode::SUCCESS)
}

/// The page's file, and why no browser shows it; what the browser says goes to `stderr`.
fn open_page(
    project: &Project,
    issue: &IssueName,
    composer: &Composer,
    member: &Member,
    stderr: Stdio,
) -> Result<(PathBuf, Option<String>), Error> {
    let path = project.outbox(issue).join("build").join(format!("{issue}.html"));
    let page = composer.with_images_inside(&composer.render(member)?.html)?;
    super::build::write(&path, page.as_bytes())?;
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let browser = std::env::var("BROWSER").ok().filter(|name| !name.is_empty());
    let browser = browser.unwrap_or_else(|| opener.to_owned());
    let mut command = Command::new(&browser);
    let opened = command.arg(&path).stdin(Stdio::null()).stdout(Stdio::null()).stderr(stderr).spawn();
    let failure = opened.err().map(|error| format!("No browser was opened (`{browser}`: {error})"));
    Ok((path, failure))
}

/// The composer, and the member with this address; without one a neutral reader.
pub(super) fn letter_of(
    project: &Project,
    issue: &IssueName,
    address: Option<&Address>,
    terminal: Terminal,
) -> Result<(Composer, Member), Error> {
    let ledger = register(project, terminal)?;
    let composer = project.composer(issue, ledger.fields()?)?;
    let member = match address {
        None => composer.neutral_reader(),
        Some(address) => {
            let row = ledger.member_by_address(address)?.ok_or_else(|| {
                Error::new(Kind::Data, format!("no member has the address {address}"))
                    .hint("look for it in the member list, or leave --member out")
            })?;
            row.member
        }
    };
    if composer.sections_for(&member).next().is_none() {
        let message = format!("no section of {issue} is for {}", member.name);
        return Err(
            Error::new(Kind::Data, message).hint("such a member gets no letter; see the sections' audience")
        );
    }
    Ok((composer, member))
}

/// The register as a send would find it: with the configured list imported, in a copy.
pub(super) fn register(project: &Project, terminal: Terminal) -> Result<Ledger, Error> {
    let scratch = Scratch::new(project)?;
    let mut ledger = scratch.ledger()?;
    if let Some(file) = &project.config.members.file {
        let silent = Terminal { quiet: true, ..terminal };
        import(&mut ledger, project, &project.dir.join(file), &crate::cli::Reading::default(), silent)?;
    }
    Ok(ledger)
}
