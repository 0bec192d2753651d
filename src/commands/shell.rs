//! `completions` and `man`: scripts for shells, and manual pages.

use std::ffi::{OsStr, OsString};
use std::io;
use std::path::{Path, PathBuf};

use clap::CommandFactory;
use clap_complete::engine::{ArgValueCompleter, CompletionCandidate};
use clap_complete::env::{CompleteEnv, Shells};

use crate::cli::{Cli, ManArgs};
use crate::error::{Error, ErrorKind, Exit};
use crate::manual::{self, ManualPage};
use crate::report::Terminal;

use super::Project;

/// The environment variable that a shell sets to ask for candidates.
const VARIABLE: &str = "MEDLEMSBREV_COMPLETE";
const NAME: &str = "medlemsbrev";

/// Answers a shell's request to complete a command line; false if there is none.
///
/// # Errors
/// If the shell is not supported.
pub fn answer(arguments: &[OsString]) -> Result<bool, clap::Error> {
    let here = std::env::current_dir().ok();
    CompleteEnv::with_factory(command).var(VARIABLE).try_complete(arguments, here.as_deref())
}

/// Prints the completion script of a shell.
pub(super) fn completions(shell: clap_complete::Shell, terminal: Terminal) -> Result<Exit, Error> {
    let mut script = Vec::new();
    if let Some(shell) = Shells::builtins().completer(&shell.to_string()) {
        shell.write_registration(VARIABLE, NAME, NAME, NAME, &mut script).map_err(|error| {
            Error::new(ErrorKind::TryAgain, format!("cannot write the completion script: {error}"))
        })?;
    }
    terminal.data(String::from_utf8_lossy(&script));
    Ok(Exit::Done)
}

/// Prints the program's manual page, or writes all pages and prints their file names.
pub(super) fn man(arguments: &ManArgs, terminal: Terminal) -> Result<Exit, Error> {
    let failed = |what: &str, error: io::Error| {
        Error::new(ErrorKind::TryAgain, format!("cannot write {what}: {error}"))
    };
    let Some(dir) = &arguments.output else {
        terminal.data(manual::program().map_err(|error| failed("the page", error))?.text);
        return Ok(Exit::Done);
    };
    let files = pages(dir).map_err(|error| failed(&format!("the pages into `{}`", dir.display()), error))?;
    terminal.data(files.join("\n"));
    Ok(Exit::Done)
}

/// Writes the pages into the folders `man1` and `man5` and returns their files.
fn pages(dir: &Path) -> io::Result<Vec<String>> {
    let mut files = Vec::new();
    for ManualPage { file, text } in manual::pages()? {
        let path = dir.join(file);
        path.parent().map_or(Ok(()), std::fs::create_dir_all)?;
        std::fs::write(&path, text)?;
        files.push(path.display().to_string());
    }
    Ok(files)
}

/// The command line with candidates from the project.
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

/// The project of the command line to complete.
fn project() -> Option<Project> {
    let words: Vec<OsString> = std::env::args_os().collect();
    let named = words.windows(2).find_map(|pair| match pair {
        [option, dir] if option == "-C" || option == "--dir" => Some(PathBuf::from(dir)),
        _ => None,
    });
    Project::open(&named.unwrap_or_else(|| PathBuf::from("."))).ok()
}
