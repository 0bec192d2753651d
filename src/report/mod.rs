//! Output for the user: data on stdout, messages and progress on stderr.

mod csv;
mod document;
mod log;
mod mask;
mod output;
mod paint;
mod table;
mod width;

use std::borrow::Cow;
use std::io::{IsTerminal, Write};

use serde::Serialize;

pub use csv::spreadsheet_csv;
pub use document::JsonDocument;
pub use log::{JsonLines, LogError};
pub use mask::{masked, masked_address};
pub use output::{OUTPUT_FAILED, finish as finish_output};
pub use paint::TextRole;
pub use table::Table;
use width::wrapped;
pub use width::{stderr_width, stdout_width};

/// How to talk to the user.
#[derive(Debug, Clone, Copy)]
pub struct Terminal {
    pub quiet: bool,
    pub verbose: u8,
    pub json: bool,
    /// Set if no question may be asked, even if stdin is a terminal.
    pub unattended: bool,
}

impl Terminal {
    /// Prints a message on stderr, unless quiet.
    pub fn say(self, message: impl AsRef<str>) {
        if !self.quiet {
            let message = shown_on(&std::io::stderr(), message.as_ref());
            let _closed = writeln!(anstream::stderr(), "{}", wrapped(&message, stderr_width()));
        }
    }

    /// Prints a readable result on stdout, wrapped at words if its width is limited.
    pub fn text(self, text: impl AsRef<str>) {
        self.data(wrapped(text.as_ref(), if self.json { None } else { stdout_width() }));
    }

    /// Prints a result on stdout.
    pub fn data(self, text: impl AsRef<str>) {
        let text = shown_on(&std::io::stdout(), text.as_ref());
        let end = if text.ends_with('\n') { "" } else { "\n" };
        if self.json {
            return document::keep_text(&format!("{text}{end}"));
        }
        output::written(write!(anstream::stdout(), "{text}{end}"));
    }

    /// Prints a long text; on a terminal with too few lines it uses the pager of `PAGER`, or `less`.
    pub fn pages(self, text: impl AsRef<str>) {
        let text = text.as_ref();
        let height = console::Term::stdout().size_checked().map_or(usize::MAX, |(rows, _)| usize::from(rows));
        if !std::io::stdout().is_terminal() || text.lines().count() < height || page(text).is_err() {
            self.data(text);
        }
    }

    /// Stores a command's result for the JSON document that is printed when it ends.
    pub fn json(self, value: &impl Serialize) {
        if self.json {
            document::keep(value);
        }
    }

    /// Asks a yes-or-no question; `None` if nobody can answer.
    pub fn confirm(self, question: &str) -> Option<bool> {
        if self.unattended || !std::io::stdin().is_terminal() {
            return None;
        }
        let _closed = write!(anstream::stderr(), "{question} [y/N] ");
        let _closed = std::io::stderr().flush();
        let mut answer = String::new();
        std::io::stdin().read_line(&mut answer).ok()?;
        Some(["y", "yes", "j", "ja"].contains(&answer.trim().to_lowercase().as_str()))
    }

    /// The same terminal without a person to answer.
    pub fn unattended(self) -> Self {
        Self { unattended: true, ..self }
    }

    /// A progress bar on stderr; hidden if that is not a terminal.
    pub fn progress(self, total: u64) -> indicatif::ProgressBar {
        let bar = if self.quiet || self.json || self.verbose > 1 {
            indicatif::ProgressBar::hidden()
        } else {
            indicatif::ProgressBar::new(total)
        };
        let style = if stderr_width().is_some_and(|width| width < 80) {
            "{wide_bar} {pos}/{len}  {rate}  {eta} left\n{wide_msg}"
        } else {
            "{wide_bar} {pos}/{len}  {rate}  {eta} left  {msg}"
        };
        if let Ok(style) = indicatif::ProgressStyle::with_template(style) {
            let rate = |state: &indicatif::ProgressState, out: &mut dyn std::fmt::Write| {
                // If the terminal is gone, nobody misses the bar.
                let _closed = write!(out, "{:.1}/s", state.per_sec());
            };
            bar.set_style(style.with_key("rate", rate));
        }
        bar
    }
}

/// Prints a line of a conversation with a server on stderr, without characters that could change the terminal's
/// state.
pub fn print_transcript(line: &str) {
    let clean: String = line
        .chars()
        .map(|c| if c.is_control() || is_bidirectional_control(c) { '\u{FFFD}' } else { c })
        .collect();
    let _closed = writeln!(anstream::stderr(), "{clean}");
}

/// The text without characters that would reorder it on a terminal: names and replies may contain them.
fn shown_on<'a>(stream: &impl IsTerminal, text: &'a str) -> Cow<'a, str> {
    if !stream.is_terminal() || !text.contains(is_bidirectional_control) {
        return Cow::Borrowed(text);
    }
    Cow::Owned(text.replace(is_bidirectional_control, "\u{FFFD}"))
}

/// UAX #9 §2: embeddings, overrides, isolates and marks.
fn is_bidirectional_control(c: char) -> bool {
    matches!(c, '\u{61C}' | '\u{200E}' | '\u{200F}' | '\u{202A}'..='\u{202E}' | '\u{2066}'..='\u{2069}')
}

/// Shows a text in the pager.
fn page(text: &str) -> std::io::Result<()> {
    let pager = std::env::var("PAGER").ok().filter(|pager| !pager.trim().is_empty());
    let mut command = std::process::Command::new("sh");
    command.arg("-c").arg(pager.unwrap_or_else(|| "less -R".to_owned())).stdin(std::process::Stdio::piped());
    let mut child = command.spawn()?;
    if let Some(mut input) = child.stdin.take() {
        // Ignore errors: the user may quit the pager early.
        let _closed = input.write_all(text.as_bytes());
    }
    match child.wait()?.code() {
        // The shell found no such program.
        Some(126 | 127) => Err(std::io::ErrorKind::NotFound.into()),
        _ => Ok(()),
    }
}

/// A number with grouped digits: 12,345.
pub fn count(number: u64) -> String {
    let digits = number.to_string();
    let groups: Vec<&str> =
        digits.as_bytes().rchunks(3).rev().filter_map(|group| std::str::from_utf8(group).ok()).collect();
    groups.join(",")
}

/// The number with the right form of the word.
pub fn plural(number: u64, one: &str, many: &str) -> String {
    format!("{} {}", count(number), if number == 1 { one } else { many })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_grouped() {
        for (number, want) in [(0, "0"), (999, "999"), (1000, "1,000"), (1_234_567, "1,234,567")] {
            assert_eq!(count(number), want);
        }
    }
}
