//! `preview --interactive`: browse all recipients' letters.

use std::io::IsTerminal;

use jiff::Timestamp;

use crate::cli::PreviewArgs;
use crate::compose::Composer;
use crate::domain::Member;
use crate::error::{Error, ErrorKind, Exit};
use crate::ledger::Ledger;
use crate::preview::interactive::{App, Composed, People, Segments, ViewEnd, run as browse};

use crate::commands::Context;
use crate::commands::import::register_as_sent;
use crate::commands::stop::{Hangup, stop_on_signal};

/// Runs the command.
pub(super) fn run(context: Context<'_>, arguments: &PreviewArgs) -> Result<Exit, Error> {
    if !std::io::stdin().is_terminal() || !std::io::stdout().is_terminal() {
        return Err(Error::new(ErrorKind::Usage, "--interactive needs a terminal to show the letters on")
            .hint("without --interactive, `preview --member ADDRESS` prints one letter"));
    }
    let issue = context.project.issue(arguments.issue.as_ref())?;
    let ledger = register_as_sent(context)?;
    let fields = ledger.fields()?;
    let composer = context.project.composer(&issue, fields.clone())?;
    let people = People::new(composer.neutral_reader(), recipients(&ledger, &composer)?);
    let mut named = context.project.config.segments.clone();
    // A section's title finds its readers.
    named.extend(composer.audiences().map(|(title, audience)| (title.to_owned(), audience.clone())));
    let segments = Segments { named, fields };
    let mailable = |member: &Member| {
        // A register that cannot be read is reported elsewhere; show the letter as one member's.
        super::household(&ledger, &composer, member.clone()).unwrap_or_else(|_| member.clone().into())
    };
    let letters = Composed { composer: &composer, household: &mailable, now: Timestamp::now() };
    let mut app = App::new(&letters, people, segments, super::show::paint_of_stdout().colors);
    if let Some(who) = &arguments.member {
        let member = super::reader(&ledger, who)?;
        if !app.start_at(member.id) {
            return Err(Error::new(
                ErrorKind::Data,
                format!("{} is not a recipient of {issue}", member.name),
            )
            .hint("omit --member and search with `/`"));
        }
    }
    let runtime = super::super::runtime()?;
    let _inside = runtime.enter();
    let stopped = stop_on_signal(Hangup::Stops);
    let open = |member: &Member| {
        let path = match super::write_page(context.project, &issue, &composer, &mailable(member)) {
            Ok(path) => path,
            Err(error) => return error.to_string(),
        };
        match super::open_quietly(path.as_os_str()) {
            Ok(()) => format!("opened {}", path.display()),
            Err(failure) => format!("{failure}: open {} yourself", path.display()),
        }
    };
    let end = browse(&mut app, || *stopped.borrow(), open)
        .map_err(|error| Error::new(ErrorKind::TryAgain, format!("the terminal cannot be used: {error}")))?;
    Ok(match end {
        ViewEnd::Quit => Exit::Done,
        ViewEnd::Stopped => Exit::Failed(ErrorKind::TryAgain),
    })
}

/// Everybody who would get the issue now.
fn recipients(ledger: &Ledger, composer: &Composer) -> Result<Vec<Member>, Error> {
    let mut members = Vec::new();
    ledger.for_each_member(|row| {
        if row.skip_of(composer.issue().kind).is_none() && composer.has_section_for(&row.member) {
            members.push(row.member);
        }
        Ok::<_, Error>(())
    })?;
    Ok(members)
}
