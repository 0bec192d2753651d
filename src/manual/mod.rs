//! The manual pages, made from the command line's help and the documents in `docs`.

mod markdown;

use std::io;

use clap::CommandFactory;
use clap_mangen::Man;
use roff::{Roff, bold, roman};

use crate::cli::{self, Cli};

const CONFIGURATION: &str = include_str!("../../docs/configuration.md");
const EXIT_CODES: &str = include_str!("../../docs/exit-codes.md");
const PROJECT: &str = include_str!("../../docs/project.md");
const README: &str = include_str!("../../README.md");

const NAME: &str = "medlemsbrev";
const MANUAL: &str = "medlemsbrev manual";

/// A manual page in roff.
#[derive(Debug)]
pub(crate) struct ManualPage {
    /// Its file in a manuals folder, such as `man1/medlemsbrev.1`.
    pub file: String,
    pub text: String,
}

/// The pages of the program, of each command, and of the configuration.
///
/// # Errors
/// If the page of a command cannot be written.
pub(crate) fn pages() -> io::Result<Vec<ManualPage>> {
    let command = Cli::command();
    let mut pages = vec![program()?, configuration()];
    for subcommand in command.get_subcommands().filter(|subcommand| is_shown(subcommand)) {
        add_command(subcommand, NAME, &mut pages)?;
    }
    pages.sort_by(|a, b| a.file.cmp(&b.file));
    Ok(pages)
}

/// `medlemsbrev(1)`.
///
/// # Errors
/// If it cannot be written.
pub(crate) fn program() -> io::Result<ManualPage> {
    let command = Cli::command();
    let mut text = Vec::new();
    let man = man(command.clone(), NAME);
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    let mut roff = Roff::new();
    markdown::write(&mut roff, README.split("\n## ").next().unwrap_or_default());
    text.extend_from_slice(section("DESCRIPTION", &roff).as_bytes());
    let mut roff = Roff::new();
    for (heading, names) in cli::GROUPS {
        roff.control("SS", [heading]);
        for subcommand in names.iter().filter_map(|name| command.find_subcommand(name)) {
            roff.control("TP", []).text([bold(format!("{NAME} {}", subcommand.get_name()))]);
            roff.text([roman(subcommand.get_about().map(ToString::to_string).unwrap_or_default())]);
        }
    }
    text.extend_from_slice(section("COMMANDS", &roff).as_bytes());
    man.render_options_section(&mut text)?;
    let mut roff = Roff::new();
    markdown::write(&mut roff, EXIT_CODES);
    text.extend_from_slice(section("EXIT STATUS", &roff).as_bytes());
    let mut roff = Roff::new();
    markdown::write(&mut roff, PROJECT);
    roff.control("SH", ["SEE ALSO"]).text([
        bold("medlemsbrev.toml"),
        roman("(5), and a page for each command, such as "),
        bold("medlemsbrev-send"),
        roman("(1)"),
    ]);
    text.extend_from_slice(roff.to_roff().as_bytes());
    Ok(ManualPage {
        file: format!("man1/{NAME}.1"),
        text: without_backticks(&String::from_utf8_lossy(&text)),
    })
}

/// `medlemsbrev.toml(5)`.
fn configuration() -> ManualPage {
    let mut roff = Roff::new();
    roff.control("TH", ["medlemsbrev.toml", "5", " ", &version(), MANUAL]);
    roff.control("SH", ["NAME"]);
    roff.text([roman("medlemsbrev.toml, issue.toml - the configuration of a newsletter and its issues")]);
    roff.control("SH", ["DESCRIPTION"]);
    markdown::write(&mut roff, CONFIGURATION);
    roff.control("SH", ["SEE ALSO"]).text([bold(NAME), roman("(1)")]);
    ManualPage { file: "man5/medlemsbrev.toml.5".to_owned(), text: roff.render() }
}

/// Adds the page of a command and those of its subcommands; `above` is the name of its parent command.
fn add_command(command: &clap::Command, above: &str, pages: &mut Vec<ManualPage>) -> io::Result<()> {
    let spoken = format!("{above} {}", command.get_name());
    let name = spoken.replace(' ', "-");
    let mut text = Vec::new();
    let titled = command.clone().bin_name(&spoken).display_name(&name).subcommand_value_name("COMMAND");
    let man = man(titled, &name);
    man.render_title(&mut text)?;
    man.render_name_section(&mut text)?;
    man.render_synopsis_section(&mut text)?;
    man.render_description_section(&mut text)?;
    let mut roff = Roff::new();
    for inner in command.get_subcommands().filter(|inner| is_shown(inner)) {
        roff.control("TP", []).text([bold(format!("{spoken} {}", inner.get_name()))]);
        roff.text([roman(inner.get_about().map(ToString::to_string).unwrap_or_default())]);
        add_command(inner, &spoken, pages)?;
    }
    if command.has_subcommands() {
        text.extend_from_slice(section("COMMANDS", &roff).as_bytes());
    }
    man.render_options_section(&mut text)?;
    text.extend_from_slice(examples(command).as_bytes());
    let mut roff = Roff::new();
    roff.text([bold(NAME), roman("(1) with the options of all commands and the exit codes, ")]);
    roff.text([bold("medlemsbrev.toml"), roman("(5)")]);
    text.extend_from_slice(section("SEE ALSO", &roff).as_bytes());
    pages.push(ManualPage {
        file: format!("man1/{name}.1"),
        text: without_backticks(&String::from_utf8_lossy(&text)),
    });
    Ok(())
}

/// The section with the examples in a command's help.
fn examples(command: &clap::Command) -> String {
    let help = command.get_after_help().map(ToString::to_string).unwrap_or_default();
    let lines: Vec<&str> = help.lines().filter_map(|line| line.strip_prefix("  ")).collect();
    if lines.is_empty() {
        return String::new();
    }
    let mut roff = Roff::new();
    roff.control("nf", []);
    for line in lines {
        roff.text([roman(line)]);
    }
    roff.control("fi", []);
    section("EXAMPLES", &roff)
}

fn section(heading: &str, text: &Roff) -> String {
    let mut roff = Roff::new();
    roff.control("SH", [heading]);
    roff.to_roff() + &text.to_roff()
}

fn man(command: clap::Command, title: &str) -> Man {
    Man::new(command).title(title).date(" ").source(version()).manual(MANUAL)
}

fn version() -> String {
    format!("{NAME} {}", env!("CARGO_PKG_VERSION"))
}

fn is_shown(command: &clap::Command) -> bool {
    command.get_name() != "help" && !command.is_hide_set()
}

/// The page with bold text instead of backticks.
fn without_backticks(page: &str) -> String {
    let lines = page.lines().map(|line| {
        let parts: Vec<&str> = line.split('`').collect();
        if parts.len().is_multiple_of(2) {
            return line.to_owned();
        }
        let styled = parts.iter().enumerate().map(|(number, part)| match number % 2 {
            0 => (*part).to_owned(),
            _ => format!("\\fB{part}\\fR"),
        });
        styled.collect()
    });
    lines.map(|line: String| line + "\n").collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pages_have_their_sections() {
        let pages = pages().unwrap();
        let text = |file: &str| pages.iter().find(|page| page.file == file).unwrap().text.clone();
        let (program, config) = (text("man1/medlemsbrev.1"), text("man5/medlemsbrev.toml.5"));
        let sections = |page: &str| {
            page.lines().filter_map(|line| Some(line.strip_prefix(".SH ")?.to_owned())).collect::<Vec<_>>()
        };
        let want = "NAME SYNOPSIS DESCRIPTION COMMANDS OPTIONS \"GLOBAL OPTIONS\" \"EXIT STATUS\" FILES ENVIRONMENT \
                    \"SEE ALSO\"";
        assert_eq!(sections(&program).join(" "), want);
        assert!(program.contains("\n.TP\n\\fB65\\fR\nbad input data"), "{program}");
        assert!(sections(&config).contains(&"[inbox.imap]".to_owned()), "{config}");
        assert!(
            text("man1/medlemsbrev-members-list.1").contains("EXAMPLES\n.nf\nmedlemsbrev members list\n")
        );
        assert!(pages.len() > 35, "{}", pages.len());
        for page in &pages {
            assert!(!page.text.contains(['`', '\u{1b}']), "{}", page.file);
        }
    }
}
