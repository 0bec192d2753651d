//! `completions` and `man`: what a shell and `man` want to know.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::PathBuf;

use clap::CommandFactory;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::{CompleteEnv, Shells};

use crate::cli::{Cli, Man};
use crate::error::{Error, Exit, Kind};
use crate::report::Terminal;

use super::Project;

/// The variable by which a shell asks for candidates.
const VARIABLE: &str = "MEDLEMSBREV_COMPLETE";
const NAME: &str = "medlemsbrev";

/// Answers a shell that asks how a command line may continue; false if none asks.
///
/// # Errors
/// If the shell is not supported.
pub fn answer(arguments: &[OsString]) -> Result<bool, clap::Error> {
    let here = std::env::current_dir().ok();
    CompleteEnv::with_factory(command).var(VARIABLE).try_complete(arguments, here.as_deref())
}

/// Prints the script that makes a shell ask.
pub(super) fn completions(shell: clap_complete::Shell, terminal: Terminal) -> Result<Exit, Error> {
    let mut script = Vec::new();
    if let Some(shell) = Shells::builtins().completer(&shell.to_string()) {
        shell.write_registration(VARIABLE, NAME, NAME, NAME, &mut script).map_err(|error| {
            Error::new(Kind::TryAgain, format!("cannot write the completion script: {error}"))
        })?;
    }
    terminal.data(String::from_utf8_lossy(&script));
    Ok(Exit::Done)
}

/// Prints the manual page, or writes one for each command.
pub(super) fn man(arguments: &Man, terminal: Terminal) -> Result<Exit, Error> {
    let Some(dir) = &arguments.output else {
        let mut page = Vec::new();
        let written = clap_mangen::Man::new(Cli::command()).render(&mut page);
        written.map_err(|error| Error::new(Kind::TryAgain, format!("cannot write the page: {error}")))?;
        terminal.data(String::from_utf8_lossy(&page));
        return Ok(Exit::Done);
    };
    let pages = pages(dir).map_err(|error| {
        Error::new(Kind::TryAgain, format!("cannot write the pages into `{}`: {error}", dir.display()))
    })?;
    terminal.data(pages.join("\n"));
    Ok(Exit::Done)
}

/// Writes the pages and returns their files.
fn pages(dir: &PathBuf) -> io::Result<Vec<String>> {
    std::fs::create_dir_all(dir)?;
    clap_mangen::generate_to(Cli::command(), dir)?;
    let mut files = Vec::new();
    for entry in std::fs::read_dir(dir)? {
        let path = entry?.path();
        if path.extension() == Some(OsStr::new("1")) {
            files.push(path.display().to_string());
        }
    }
    files.sort();
    Ok(files)
}

/// The command line, with the candidates that only the project knows.
fn command() -> clap::Command {
    completing(Cli::command())
}

fn completing(command: clap::Command) -> clap::Command {
    command
        .mut_args(|argument| match argument.get_id().as_str() {
            "issue" | "issues" => argument.add(ArgValueCompleter::new(issues)),
            "segment" | "expression" => argument.add(ArgValueCompleter::new(segments)),
            _ => argument,
        })
        .mut_subcommands(completing)
}

fn issues(begun: &OsStr) -> Vec<CompletionCandidate> {
    let names = project().into_iter().flat_map(|project| project.issues());
    beginning(begun, names.map(|name| name.to_string()))
}

fn segments(begun: &OsStr) -> Vec<CompletionCandidate> {
    beginning(begun, project().into_iter().flat_map(|project| project.config.segments.into_keys()))
}

fn beginning(begun: &OsStr, names: impl Iterator<Item = String>) -> Vec<CompletionCandidate> {
    let begun = begun.to_string_lossy();
    names.filter(|name| name.starts_with(&*begun)).map(CompletionCandidate::new).collect()
}

/// The project that the command line to be completed is about.
fn project() -> Option<Project> {
    let words: Vec<OsString> = std::env::args_os().collect();
    let named = words.windows(2).find_map(|pair| match pair {
        [option, dir] if option == "-C" || option == "--dir" => Some(PathBuf::from(dir)),
        _ => None,
    });
    Project::open(&named.unwrap_or_else(|| PathBuf::from("."))).ok()
}
