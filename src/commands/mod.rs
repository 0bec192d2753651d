//! One file a command: raw arguments in, checked values to the layers below, a report out.

mod archive;
mod bounces;
mod build;
mod check;
mod current_issue;
mod files;
mod import;
mod init;
mod log;
mod members;
mod new;
mod preview;
mod project;
mod prune;
mod schedule;
mod send;
mod shell;
mod states;
mod status;

use crate::cli::{Cli, Command, Status};
use crate::error::{Error, Exit, Kind};
use crate::report::Terminal;

use project::Project;
pub use shell::answer;

/// Runs one command.
///
/// # Errors
/// Whatever ends it; the error knows its exit code.
pub fn run(cli: Cli, terminal: Terminal) -> Result<Exit, Error> {
    let project = || Project::open(&cli.dir);
    let Some(command) = cli.command else {
        return status::run(&project()?, &Status::default(), terminal);
    };
    match command {
        Command::Init(arguments) => init::run(&arguments, terminal),
        Command::New(arguments) => new::run(&project()?, &arguments, terminal),
        Command::Archive(arguments) => archive::run(&project()?, &arguments, terminal),
        Command::Import(arguments) => import::run(&project()?, &arguments, terminal),
        Command::Check(arguments) => check::run(&project()?, &arguments, terminal),
        Command::Preview(arguments) => preview::run(&project()?, &arguments, terminal),
        Command::Build(arguments) => build::run(&project()?, &arguments, terminal),
        Command::Send(arguments) if arguments.due => schedule::due::run(&project()?, &arguments, terminal),
        Command::Send(arguments) => send::run(&project()?, &arguments, terminal),
        Command::Approve(arguments) => send::approve::approve(&project()?, &arguments, terminal),
        Command::Cancel(arguments) => send::approve::cancel(&project()?, &arguments, terminal),
        Command::Resolve(arguments) => send::resolve::run(&project()?, &arguments, terminal),
        Command::Bounces(arguments) => bounces::run(&cli.dir, &arguments, terminal),
        Command::Unsuppress { address, why } => members::unsuppress(&project()?, &address, &why, terminal),
        Command::Status(arguments) => status::run(&project()?, &arguments, terminal),
        Command::Log(arguments) => log::run(&project()?, &arguments, terminal),
        Command::Members(command) => members::run(&project()?, &command, terminal),
        Command::Organisations => members::organisations(&project()?, terminal),
        Command::Segments => members::segments(&project()?, terminal),
        Command::Prune(arguments) => prune::run(&project()?, &arguments, terminal),
        Command::Schedule(arguments) => schedule::run(&project()?, &arguments, terminal),
        Command::Remind => schedule::remind::run(&project()?, terminal),
        Command::Completions { shell } => shell::completions(shell, terminal),
        Command::Man(arguments) => shell::man(&arguments, terminal),
    }
}

/// Asks before something is done; `instead` says how to agree without a terminal.
fn agree(terminal: Terminal, question: &str, instead: &str) -> Result<(), Error> {
    match terminal.confirm(question) {
        Some(true) => Ok(()),
        Some(false) => Err(Error::cancelled()),
        None => Err(Error::new(Kind::Usage, "no terminal to confirm on").hint(instead)),
    }
}

/// What runs everything that waits for a network.
fn runtime() -> Result<tokio::runtime::Runtime, Error> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::new(Kind::TryAgain, format!("the system gives no threads: {error}")))
}
