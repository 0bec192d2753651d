//! `bounces`: reads returned mail and acts on it.

mod desk;
mod explain;
mod farewell;
#[cfg(feature = "imap")]
mod imap;
mod report;

use std::io;
use std::path::{Path, PathBuf};

#[cfg(feature = "imap")]
pub(in crate::commands) use imap::look_at;

use crate::cli::{BouncesArgs, BouncesCommand};
use crate::config::ConfigError;
use crate::domain::Address;
use crate::error::{Error, ErrorKind, Exit};
use crate::inbox::{Hints, MessageReader};
use crate::mailbox::{self, Handling, MessageFile};
use crate::report::{Terminal, count};

use super::{Context, Project};
use desk::MessageDesk;
use explain::Explainer;

/// What to do with each message; chosen once.
trait InboxProcessor {
    /// Processes a message; its record is durable when this returns.
    fn take(&mut self, name: &str, bytes: &[u8]) -> Result<Handling, Error>;

    /// Moves a message file whose messages were all processed.
    fn put_away(&self, file: &MessageFile) -> std::io::Result<()>;
}

/// Runs the command; explaining messages needs no project.
pub fn run(dir: &Path, arguments: &BouncesArgs, terminal: Terminal) -> Result<Exit, Error> {
    if let Some(BouncesCommand::Report { csv }) = arguments.command {
        return report::run(Context { project: &Project::open(dir)?, terminal }, csv);
    }
    let project = match Project::open(dir) {
        Err(error) if arguments.dry_run && is_missing(dir) => {
            drop(error);
            None
        }
        opened => Some(opened?),
    };
    let hints = project.as_ref().map(hints).unwrap_or_default();
    let reader =
        MessageReader::new(&hints).map_err(|error| Error::new(ErrorKind::Config, error.to_string()))?;
    match (project, arguments.dry_run) {
        (project, true) => {
            let mut processor = Explainer::new(project.as_ref(), &reader, terminal)?;
            read_all(project.as_ref(), arguments, &mut processor, terminal)?;
            processor.finish();
        }
        (Some(project), false) => {
            let _lock = project.lock("bounces")?;
            let ledger = project.ledger()?;
            super::history::freeze(&project, &ledger, jiff::Timestamp::now())?;
            let key = project.token_key()?;
            let mut desk =
                MessageDesk::new(Context { project: &project, terminal }, &ledger, &key, &reader, arguments)?;
            let read = read_all(Some(&project), arguments, &mut desk, terminal);
            // Report what was read even if something failed.
            if read.is_ok() || desk.has_read() {
                desk.tell(terminal);
            }
            farewell::write_to(Context { project: &project, terminal }, desk.unsubscribers());
            read?;
        }
        (None, false) => {}
    }
    Ok(Exit::Done)
}

fn is_missing(dir: &Path) -> bool {
    matches!(crate::config::Config::load(dir), Err(ConfigError::Missing { .. }))
}

fn hints(project: &Project) -> Hints {
    let sender = &project.config.sender;
    let addresses = [Some(&sender.address), sender.reply_to.as_ref(), sender.bounce_address.as_ref()];
    Hints {
        own_addresses: addresses.into_iter().flatten().map(Address::to_string).collect(),
        unsubscribe_address: sender.unsubscribe_address.as_ref().map(Address::to_string),
    }
}

/// Passes the messages of the named or else the configured sources to the processor.
fn read_all(
    project: Option<&Project>,
    arguments: &BouncesArgs,
    processor: &mut impl InboxProcessor,
    terminal: Terminal,
) -> Result<(), Error> {
    if !arguments.sources.is_empty() {
        return read_files(&arguments.sources, processor, terminal);
    }
    let Some(project) = project else { return Err(nothing_named()) };
    let inbox = &project.config.inbox;
    if inbox.sources.is_empty() && inbox.imap.is_empty() {
        return Err(nothing_named());
    }
    let files: Vec<PathBuf> = inbox.sources.iter().map(|source| project.dir.join(source)).collect();
    let from_files = read_files(&files, processor, terminal);
    read_servers(Context { project, terminal }, arguments.dry_run, processor)?;
    from_files
}

fn nothing_named() -> Error {
    Error::new(ErrorKind::Usage, "no messages to read").hint(
        "name a Maildir, an mbox or message files, or set sources = [\"Maildir\"] in [inbox], or an [inbox.imap]",
    )
}

#[cfg(feature = "imap")]
fn read_servers(
    context: Context<'_>,
    is_dry: bool,
    processor: &mut impl InboxProcessor,
) -> Result<(), Error> {
    let servers = context.project.config.inbox.imap.iter();
    // One unreachable server must not keep the others from being read.
    let read: Vec<_> = servers.map(|imap| imap::read(context, imap, is_dry, processor)).collect();
    read.into_iter().collect()
}

#[cfg(not(feature = "imap"))]
fn read_servers(
    context: Context<'_>,
    _is_dry: bool,
    _processor: &mut impl InboxProcessor,
) -> Result<(), Error> {
    if context.project.config.inbox.imap.is_empty() {
        return Ok(());
    }
    Err(Error::new(ErrorKind::Config, "[inbox.imap] is set, but this program was built without IMAP")
        .hint("install it with the feature `imap`"))
}

fn read_files(
    named: &[PathBuf],
    processor: &mut impl InboxProcessor,
    terminal: Terminal,
) -> Result<(), Error> {
    let mut unread = Vec::new();
    for file in mailbox::find(named)? {
        let put_away = match file.read(&mut |words| terminal.say(words)) {
            // A mail program moved it meanwhile; the next run finds it.
            Err(error) if error.kind() == io::ErrorKind::NotFound => continue,
            Err(error) => Err(error),
            Ok(content) => {
                let mut stays = false;
                content.each(|name, bytes| {
                    stays |= processor.take(name, bytes)? == Handling::Stays;
                    Ok::<_, Error>(())
                })?;
                if stays { Ok(()) } else { processor.put_away(&file) }
            }
        };
        if let Err(error) = put_away {
            unread.push(format!("`{}`: {error}", file.path.display()));
        }
    }
    let message = match unread.as_slice() {
        [] => return Ok(()),
        [one] => format!("could not read a source or move its message: {one}"),
        several => {
            let number = count(several.len() as u64);
            format!("could not read or move {number} sources; the others are done:\n{}", several.join("\n"))
        }
    };
    Err(Error::new(ErrorKind::TryAgain, message).hint("messages already read are not read again: run again"))
}
