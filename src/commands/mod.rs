//! One file per command: it turns raw arguments into checked values for the layers below, and reports the result.

mod archive;
mod bounces;
mod build;
mod check;
mod context;
mod current_issue;
mod files;
mod history;
mod import;
mod init;
#[cfg(feature = "postgres")]
mod ledger;
mod log;
mod members;
mod new;
#[cfg(feature = "paper")]
mod paper;
mod postal;
mod preview;
mod project;
mod prune;
mod report;
mod schedule;
mod send;
mod shell;
mod states;
mod status;
mod stop;
mod templates;

use std::io::{IsTerminal, Write as _};

#[cfg(feature = "postgres")]
use crate::cli::LedgerCommand;
use crate::cli::{Cli, Command, StatusArgs};
use crate::error::{Error, ErrorKind, Exit};
use crate::report::Terminal;

use context::Context;
use project::Project;
pub use shell::answer;

/// Runs one command.
///
/// # Errors
/// Any error that ends the command; it knows its exit code.
pub fn run(cli: Cli, terminal: Terminal) -> Result<Exit, Error> {
    let within = |run: &dyn Fn(Context<'_>) -> Result<Exit, Error>| {
        let project = Project::open(&cli.dir)?;
        project.tighten(terminal);
        run(Context { project: &project, terminal })
    };
    match cli.command.unwrap_or_else(|| Command::Status(StatusArgs::default())) {
        Command::Init(arguments) => init::run(&arguments, terminal),
        Command::New(arguments) => within(&|context| new::run(context, &arguments)),
        Command::Archive(arguments) => within(&|context| archive::run(context, &arguments)),
        Command::Import(arguments) => within(&|context| import::run(context, &arguments)),
        Command::Check(arguments) => within(&|context| check::run(context, &arguments)),
        Command::Preview(arguments) => within(&|context| preview::run(context, &arguments)),
        Command::Build(arguments) => within(&|context| build::run(context, &arguments)),
        Command::Send(arguments) if arguments.due => {
            within(&|context| schedule::due::run(context, &arguments))
        }
        Command::Send(arguments) => within(&|context| send::run(context, &arguments)),
        #[cfg(feature = "paper")]
        Command::Paper(arguments) => within(&|context| paper::run(context, &arguments)),
        Command::Approve(arguments) => within(&|context| send::approve::approve(context, &arguments)),
        Command::Cancel(arguments) => within(&|context| send::approve::cancel(context, &arguments)),
        Command::Resolve(arguments) => within(&|context| send::resolve::run(context, &arguments)),
        Command::Bounces(arguments) => bounces::run(&cli.dir, &arguments, terminal),
        Command::Unsuppress { address, why } => {
            within(&|context| members::unsuppress(context, &address, &why))
        }
        Command::Status(arguments) => within(&|context| status::run(context, &arguments)),
        Command::Report(arguments) => within(&|context| report::run(context, &arguments)),
        Command::Log(arguments) => within(&|context| log::run(context, &arguments)),
        Command::Members(command) => within(&|context| members::run(context, &command)),
        Command::Organisations => within(&|context| members::organisations(context)),
        Command::Segments => within(&|context| members::segments(context)),
        Command::Templates(arguments) => within(&|context| templates::run(context, &arguments)),
        #[cfg(feature = "postgres")]
        Command::Ledger(LedgerCommand::Copy(arguments)) => {
            within(&|context| ledger::copy(context, &arguments))
        }
        Command::Prune(arguments) => within(&|context| prune::run(context, &arguments)),
        Command::Schedule(arguments) => within(&|context| schedule::run(context, &arguments)),
        Command::Remind => within(&|context| schedule::remind::run(context)),
        Command::Completions { shell } => shell::completions(shell, terminal),
        Command::Man(arguments) => shell::man(&arguments, terminal),
    }
}

/// Asks for confirmation; `instead` says how to confirm without a terminal.
fn agree(terminal: Terminal, question: &str, instead: &str) -> Result<(), Error> {
    match terminal.confirm(question) {
        Some(true) => Ok(()),
        Some(false) => Err(Error::cancelled()),
        None => Err(Error::new(ErrorKind::Usage, "there is no terminal to confirm on").hint(instead)),
    }
}

/// The runtime for everything that waits for the network.
fn runtime() -> Result<tokio::runtime::Runtime, Error> {
    tokio::runtime::Builder::new_multi_thread()
        .enable_all()
        .build()
        .map_err(|error| Error::new(ErrorKind::TryAgain, format!("cannot start threads: {error}")))
}

/// Prints an error on stderr, with its causes if `-v` is given.
pub(crate) fn print_error(error: &Error, terminal: Terminal) {
    let stderr = std::io::stderr();
    let color = anstream::AutoStream::choice(&stderr) != anstream::ColorChoice::Never;
    let width = crate::report::stderr_width().unwrap_or(if stderr.is_terminal() { 80 } else { 400 });
    let causes = if terminal.verbose > 0 { error.causes() } else { String::new() };
    let _closed = write!(anstream::stderr(), "{}{causes}", error.render(color, width));
}
