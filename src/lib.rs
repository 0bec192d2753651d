//! `medlemsbrev` writes an association's newsletter and mails it to its members.
//!
//! # Layers
//! Imports point down only; `tests/layers.rs` fails where one points up.
//!
//! ```text
//! main → cli → commands → report, config, error
//!                  ↓
//!    send   import   check   inbox   publish   preview   mailbox
//!      └→ ledger, relay, compose                             └→ server
//!                   └→ server
//!                  ↓
//!                domain        (no input or output)
//! ```
//!
//! * [`domain`] has the nouns: Member, Segment, Issue, Section, Letter, delivery State, Outcome, Suppression.
//! * [`import`] reads a member list; [`ledger`] keeps register, deliveries and bounces in `SQLite`.
//! * [`compose`] makes an issue's folder into one letter per member.
//! * [`check`] looks for what would be wrong, before it is sent.
//! * [`mailbox`] gets the messages that came back, from files and IMAP servers; [`inbox`] says what they mean.
//! * [`preview`] shows letters to who writes them.
//! * [`relay`] hands letters to SMTP, sendmail or an outbox folder, and says what happened.
//! * [`server`] connects to a mail server, with TLS.
//! * [`publish`] writes the letters as web pages.
//! * [`send`] is the loop: compose, claim durably, deliver, settle.
//! * `commands` ties them together; nothing below it knows the configuration or the command line.

pub mod check;
pub mod cli;
mod commands;
pub mod compose;
pub mod config;
pub mod domain;
mod error;
pub mod import;
pub mod inbox;
pub mod ledger;
pub mod mailbox;
pub mod preview;
pub mod publish;
pub mod relay;
mod report;
pub mod send;
pub mod server;

use std::ffi::{OsStr, OsString};
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::{Parser, ValueEnum};

use cli::{Cli, Color};
use report::Terminal;

/// Runs the program with the given arguments, the program's name first.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let arguments: Vec<OsString> = arguments.into_iter().collect();
    // What is wrong with the command line is said before its --color is understood.
    set_color(color_of(&arguments));
    let parsed = match commands::answer(&arguments) {
        Ok(true) => return ExitCode::SUCCESS,
        Ok(false) => Cli::try_parse_from(arguments),
        Err(error) => Err(error),
    };
    let cli = match parsed {
        Ok(cli) => cli,
        Err(error) => {
            let _closed = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    set_color(cli.color);
    let terminal = Terminal { quiet: cli.quiet, verbose: cli.verbose, json: cli.json, unattended: false };
    match commands::run(cli, terminal) {
        Ok(code) => code,
        Err(error) => {
            let stderr = std::io::stderr();
            let color = anstream::AutoStream::choice(&stderr) != anstream::ColorChoice::Never;
            let width = report::stderr_width().unwrap_or(if stderr.is_terminal() { 80 } else { 400 });
            let _closed = write!(anstream::stderr(), "{}", error.render(color, width));
            ExitCode::from(error.exit_code())
        }
    }
}

/// The last `--color` of a command line.
fn color_of(arguments: &[OsString]) -> Color {
    let text = arguments.join(OsStr::new(" ")).to_string_lossy().into_owned();
    let value = text.rsplit_once(" --color").map(|(_, rest)| rest.trim_start_matches(['=', ' ']));
    let value = value.and_then(|rest| rest.split(' ').next());
    value.and_then(|value| Color::from_str(value, false).ok()).unwrap_or(Color::Auto)
}

fn set_color(color: Color) {
    match color {
        Color::Auto => anstream::ColorChoice::Auto,
        Color::Always => anstream::ColorChoice::Always,
        Color::Never => anstream::ColorChoice::Never,
    }
    .write_global();
}
