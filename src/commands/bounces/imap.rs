//! A configured IMAP folder.

use crate::config::ImapConfig;
use crate::error::{Error, ErrorKind};
use crate::mailbox::{Access, ImapServer};
use crate::net::Login;

use super::InboxProcessor;
use crate::commands::Context;

/// Passes the folder's new messages to the processor.
pub(super) fn read(
    context: Context<'_>,
    imap: &ImapConfig,
    is_dry: bool,
    processor: &mut impl InboxProcessor,
) -> Result<(), Error> {
    let server = server(context, imap)?;
    let access = if is_dry { Access::Look } else { Access::Handle };
    let each = |name: &str, bytes: &[u8]| processor.take(name, bytes);
    let reading = server.read(access, each, |error, delay| {
        context.terminal.say(format!("{error}; trying again in {:.1} s.", delay.as_secs_f64()));
    });
    super::super::runtime()?.block_on(reading)
}

/// Opens the folder and closes it again; returns its name.
pub(in crate::commands) fn look_at(context: Context<'_>, imap: &ImapConfig) -> Result<String, Error> {
    let server = server(context, imap)?;
    super::super::runtime()?.block_on(server.look())?;
    Ok(format!("{} on {}", imap.folder, server.name()))
}

fn server(context: Context<'_>, imap: &ImapConfig) -> Result<ImapServer, Error> {
    let project = context.project;
    let source = imap.password().source(&project.dir);
    let source = source.ok_or_else(|| Error::new(ErrorKind::Config, "[inbox.imap] has no password"))?;
    Ok(ImapServer {
        host: imap.host.clone(),
        port: imap.port(),
        security: imap.security,
        ca_file: imap.ca_file.as_ref().map(|file| project.dir.join(file)),
        login: Login { user: imap.username.clone(), password: source.read()?, auth: imap.auth },
        folder: imap.folder.clone(),
        move_to: imap.move_to.clone(),
        timeout: imap.timeout.0,
        transcript: context.transcript(),
    })
}
