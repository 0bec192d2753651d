//! `preview`: the letter as one member gets it.

#[cfg(feature = "browser")]
mod serve;

use std::ffi::OsStr;
use std::process::{ExitCode, Stdio};

use jiff::Timestamp;

use crate::cli::{Part, Preview};
use crate::compose::{Composer, Mark};
use crate::domain::{Address, IssueName, Member};
use crate::error::{Error, Kind};
use crate::ledger::Ledger;
use crate::report::{Terminal, count};

use super::Project;
use super::import::{Scratch, import_list};

/// Runs the command.
pub fn run(project: &Project, arguments: &Preview, terminal: Terminal) -> Result<ExitCode, Error> {
    let issue = project.issue(arguments.issue.as_ref())?;
    #[cfg(feature = "browser")]
    if arguments.serve {
        return serve::run(project, &issue, arguments, terminal);
    }
    let (composer, member) = letter_of(project, &issue, arguments.member.as_ref(), terminal)?;
    let rendered = composer.render(&member)?;
    if arguments.browser {
        return browse(project, &issue, &composer, &member, terminal);
    }
    match arguments.part {
        Part::Html => terminal.pages(rendered.html),
        Part::Source => {
            let letter = composer.letter(&member, Mark::None, Timestamp::now())?;
            terminal.pages(String::from_utf8_lossy(&letter.bytes).replace("\r\n", "\n"));
        }
        Part::Text => {
            let letter = composer.letter(&member, Mark::None, Timestamp::now())?;
            terminal.pages(format!(
                "{}\n{}",
                header(project, &composer, &member, &rendered.subject, letter.bytes.len()),
                rendered.text
            ));
        }
    }
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
    let path = project.outbox(issue).join("build").join(format!("{issue}.html"));
    let page = composer.with_images_inside(&composer.render(member)?.html)?;
    super::build::write(&path, page.as_bytes())?;
    terminal.data(path.display().to_string());
    open(path.as_os_str(), terminal);
    Ok(ExitCode::SUCCESS)
}

/// Opens a file or an address in the browser.
fn open(what: &OsStr, terminal: Terminal) {
    let opener = if cfg!(target_os = "macos") { "open" } else { "xdg-open" };
    let browser = std::env::var("BROWSER").ok().filter(|name| !name.is_empty());
    let browser = browser.unwrap_or_else(|| opener.to_owned());
    let opened = std::process::Command::new(&browser)
        .arg(what)
        .stdin(Stdio::null())
        .stdout(Stdio::null())
        .stderr(Stdio::null())
        .spawn();
    if let Err(error) = opened {
        terminal.say(format!("No browser was opened (`{browser}`: {error}): open it yourself."));
    }
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
        Some(address) => ledger.member_by_address(address)?.ok_or_else(|| unknown_member(address))?.member,
    };
    if composer.sections_for(&member).next().is_none() {
        let message = format!("no section of {issue} is for {}", member.name);
        return Err(
            Error::new(Kind::Data, message).hint("such a member gets no letter; see the sections' audience")
        );
    }
    Ok((composer, member))
}

fn unknown_member(address: &Address) -> Error {
    Error::new(Kind::Data, format!("no member has the address {address}"))
        .hint("look for it in the member list, or leave --member out")
}

/// The register as a send would find it: with the configured list imported, in a copy.
pub(super) fn register(project: &Project, terminal: Terminal) -> Result<Ledger, Error> {
    let scratch = Scratch::new(project)?;
    let mut ledger = scratch.ledger()?;
    let silent = Terminal { quiet: true, ..terminal };
    import_list(&mut ledger, project, &crate::cli::Reading::default(), silent)?;
    Ok(ledger)
}

fn header(project: &Project, composer: &Composer, member: &Member, subject: &str, bytes: usize) -> String {
    let sender = &project.config.sender;
    let from = sender.name.as_ref().unwrap_or(&project.config.association.name);
    let to = member.address.as_ref().map_or("", Address::as_str);
    let mut lines = vec![
        format!("From:    {from} <{}>", sender.address),
        format!("To:      {} <{to}>", member.name),
        format!("Subject: {subject}"),
    ];
    lines.extend(composer.issue().preheader.as_ref().map(|text| format!("Preview: {text}")));
    let attachments = composer.attachment_names();
    if !attachments.is_empty() {
        lines.push(format!("Attached: {}", attachments.join(", ")));
    }
    lines.push(format!("Size:    {} bytes", count(bytes as u64)));
    lines.push("─".repeat(72));
    lines.join("\n")
}
