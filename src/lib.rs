//! `medlemsbrev` writes an association's newsletter and mails it to its members.
//!
//! # Layers
//! Imports point down only; `tests/layers.rs` fails where one points up.
//!
//! ```text
//! main → cli → commands → report, config, error
//!                  ↓
//!    send   import   check   inbox   publish   preview
//!      └→ ledger, relay, compose
//!                  ↓
//!                domain        (no input or output)
//! ```
//!
//! * [`domain`] has the nouns: Member, Segment, Issue, Section, Letter, delivery State, Outcome, Suppression.
//! * [`import`] reads a member list; [`ledger`] keeps register, deliveries and bounces in `SQLite`.
//! * [`compose`] makes an issue's folder into one letter per member.
//! * [`check`] looks for what would be wrong, before it is sent.
//! * [`relay`] hands letters to SMTP, sendmail or an outbox folder, and says what happened.
//! * [`preview`] shows the letter before it is sent.
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
pub mod preview;
pub mod publish;
pub mod relay;
mod report;
pub mod send;

use std::ffi::OsString;
use std::io::{IsTerminal, Write};
use std::process::ExitCode;

use clap::Parser;

use cli::{Cli, Color};
use report::Terminal;

/// Runs the program with the given arguments, the program's name first.
pub fn run(arguments: impl IntoIterator<Item = OsString>) -> ExitCode {
    let cli = match Cli::try_parse_from(arguments) {
        Ok(cli) => cli,
        Err(error) => {
            let _closed = error.print();
            return ExitCode::from(u8::try_from(error.exit_code()).unwrap_or(2));
        }
    };
    set_color(cli.color);
    let terminal = Terminal { quiet: cli.quiet, verbose: cli.verbose, json: cli.json };
    match commands::run(cli, terminal) {
        Ok(code) => code,
        Err(error) => {
            let stderr = std::io::stderr();
            let color = anstream::AutoStream::choice(&stderr) != anstream::ColorChoice::Never;
            let width = if stderr.is_terminal() { 100 } else { 400 };
            let _closed = write!(anstream::stderr(), "{}", error.render(color, width));
            ExitCode::from(error.exit_code())
        }
    }
}

fn set_color(color: Color) {
    match color {
        Color::Auto => anstream::ColorChoice::Auto,
        Color::Always => anstream::ColorChoice::Always,
        Color::Never => anstream::ColorChoice::Never,
    }
    .write_global();
}
