//! `medlemsbrev` writes an association's newsletter and mails it to its members.
//!
//! # Layers
//! Imports point down only; `tests/it/layers.rs` fails if one points up.
//!
//! ```text
//! main → cli → commands → report, config, error, manual
//!                  ↓
//!    send   import   check   publish   paper   preview   feedback   mailbox
//!      └→ ledger, relay, compose, diagnosis        └→ inbox, ledger, diagnosis
//!                  ↓
//!    net (connections)       private (file permissions)
//!                  ↓
//!                domain        (no input or output)
//! ```
//!
//! * [`domain`] has the nouns: Member, Segment, Issue, Section, Letter, delivery State, Outcome, Suppression.
//! * [`private`] creates files and folders that only their owner can read, and the public ones of the archive.
//! * [`net`] connects to a mail server, with TLS.
//! * [`import`] reads a member list; [`ledger`] keeps register, deliveries and bounces in `SQLite` or `PostgreSQL`.
//! * [`compose`] composes an issue's folder into one letter per member.
//! * [`check`] finds what is wrong with an issue before it is sent.
//! * [`diagnosis`] tells whom a refusal is about: the recipient, us, or the message.
//! * [`mailbox`] gets returned messages from files and IMAP servers; [`inbox`] says what they mean; [`feedback`] decides
//!   whom they concern and what follows.
//! * [`preview`] shows letters to the person who writes them.
//! * [`relay`] hands letters to SMTP, sendmail or an outbox folder, and says what happened.
//! * `paper` (with the feature of that name) lays letters out as a PDF to print.
//! * [`publish`] writes the letters as web pages.
//! * [`send`] is the loop: compose, claim durably, deliver, settle.
//! * [`cli`] has the command line, [`config`] the configuration, `report` what the user sees, `error` its errors,
//!   `manual` the manual pages.
//! * `commands` ties them together; nothing below it knows the configuration or the command line.

pub mod check;
pub mod cli;
mod commands;
pub mod compose;
pub mod config;
pub mod diagnosis;
pub mod domain;
mod error;
pub mod feedback;
pub mod import;
pub mod inbox;
pub mod ledger;
pub mod mailbox;
mod manual;
pub mod net;
#[cfg(feature = "paper")]
pub mod paper;
pub mod preview;
pub mod private;
pub mod publish;
pub mod relay;
mod report;
pub mod send;

use std::ffi::{OsStr, OsString};
use std::io::Write;
use std::process::ExitCode;

use clap::{FromArgMatches, ValueEnum};
use serde::Serialize;

use cli::{Cli, ColorChoice};
use error::Error;
use report::{JsonDocument, Terminal};

/// Runs the program with the given arguments, starting with the program's name.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    // Usage errors are printed before clap has parsed --color.
    set_color(color_of(&arguments));
    let is_json = arguments.iter().any(|argument| argument == "--json");
    let parsed = match commands::answer(&arguments) {
        Ok(true) => return ExitCode::SUCCESS,
        Ok(false) => parse(arguments),
        Err(error) => Err(error),
    };
    let (cli, command) = match parsed {
        Ok(parsed) => parsed,
        Err(error) => return usage_error(&error, is_json),
    };
    set_color(cli.color);
    let terminal = Terminal { quiet: cli.quiet, verbose: cli.verbose, json: cli.json, unattended: false };
    let ended = commands::run(cli, terminal).and_then(|exit| match report::finish_output() {
        Some(error) => {
            let message = format!("{}: {error}", report::OUTPUT_FAILED);
            Err(Error::new(error::ErrorKind::TryAgain, message).hint("free some space and run again"))
        }
        None => Ok(exit),
    });
    let mut code = ended.as_ref().map_or_else(Error::exit_code, |exit| exit.code());
    let error = ended.as_ref().err().filter(|error| !error.is_cancelled());
    if terminal.json {
        code = print_document(&JsonDocument::new(command, code, error.map(Error::document)));
    } else if let Some(error) = error {
        commands::print_error(error, terminal);
    } else if let Err(cancelled) = ended {
        terminal.say(cancelled.to_string());
    }
    ExitCode::from(code)
}

/// The width of the help text in a pipe, and its maximum width.
const HELP_COLUMNS: usize = 100;

/// Parses the arguments; also returns the command's full name, such as `members list`.
fn parse(arguments: Vec<OsString>) -> Result<(Cli, String), clap::Error> {
    let columns = report::stdout_width().unwrap_or(HELP_COLUMNS).min(HELP_COLUMNS);
    let matches = cli::command(columns).try_get_matches_from(arguments)?;
    let commands = std::iter::successors(matches.subcommand(), |(_, inner)| inner.subcommand());
    let name = commands.map(|(name, _)| name).collect::<Vec<_>>().join(" ");
    Ok((Cli::from_arg_matches(&matches)?, name))
}

/// Prints clap's output: a usage error, or the requested help.
fn usage_error(error: &clap::Error, is_json: bool) -> ExitCode {
    let code = u8::try_from(error.exit_code()).unwrap_or(2);
    if is_json && code != 0 {
        let text = error.render().to_string();
        let message = text.trim().trim_start_matches("error: ");
        let error = Error::new(error::ErrorKind::Usage, message);
        return ExitCode::from(print_document(&JsonDocument::new(
            String::new(),
            code,
            Some(error.document()),
        )));
    }
    // The reading end of the pipe may be closed.
    let _closed = error.print();
    ExitCode::from(code)
}

/// Prints the `--json` document; returns the exit code, which changes if the document cannot be written.
fn print_document<E: Serialize>(document: &JsonDocument<E>) -> u8 {
    document.print();
    match report::finish_output() {
        Some(error) => {
            let _closed = writeln!(anstream::stderr(), "{}: {error}", report::OUTPUT_FAILED);
            error::ErrorKind::TryAgain.exit_code()
        }
        None => document.exit_code,
    }
}

/// The last `--color` of a command line.
fn color_of(arguments: &[OsString]) -> ColorChoice {
    let text = arguments.join(OsStr::new(" ")).to_string_lossy().into_owned();
    let value = text.rsplit_once(" --color").map(|(_, rest)| rest.trim_start_matches(['=', ' ']));
    let value = value.and_then(|rest| rest.split(' ').next());
    value.and_then(|value| ColorChoice::from_str(value, false).ok()).unwrap_or(ColorChoice::Auto)
}

fn set_color(color: ColorChoice) {
    match color {
        ColorChoice::Auto => anstream::ColorChoice::Auto,
        ColorChoice::Always => anstream::ColorChoice::Always,
        ColorChoice::Never => anstream::ColorChoice::Never,
    }
    .write_global();
}
