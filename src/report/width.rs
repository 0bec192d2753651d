//! The width of text.

use console::Term;

/// Nothing is readable in fewer columns, so a smaller number is a mistake in the environment.
const NARROWEST: usize = 20;

/// The number of columns for text on stdout: the terminal's, or else that of `COLUMNS`; `None` without a limit, as in
/// a pipe.
pub fn stdout_width() -> Option<usize> {
    of(&Term::stdout())
}

/// The number of columns for text on stderr.
pub fn stderr_width() -> Option<usize> {
    of(&Term::stderr())
}

fn of(terminal: &Term) -> Option<usize> {
    let size = terminal.size_checked().map(|(_, columns)| usize::from(columns)).filter(|width| *width > 0);
    let width = size.or_else(|| std::env::var("COLUMNS").ok()?.trim().parse().ok())?;
    (width >= NARROWEST).then_some(width)
}

/// Wraps the lines of a text at words and keeps their indentation. Addresses and paths are not broken.
pub fn wrapped(text: &str, width: Option<usize>) -> String {
    let Some(width) = width else { return text.to_owned() };
    let lines = text.split('\n').map(|line| {
        let indent: String = line.chars().take_while(|c| *c == ' ').collect();
        let below = format!("{indent}  ");
        let options = options(width).break_words(false).initial_indent(&indent).subsequent_indent(&below);
        textwrap::fill(line.trim_start_matches(' '), options)
    });
    lines.collect::<Vec<_>>().join("\n")
}

/// The options for wrapping any text: break at spaces only.
pub(super) fn options<'a>(width: usize) -> textwrap::Options<'a> {
    textwrap::Options::new(width)
        .word_separator(textwrap::WordSeparator::AsciiSpace)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .wrap_algorithm(textwrap::WrapAlgorithm::FirstFit)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn messages_wrap_at_words_and_keep_their_indentation() {
        let path = "outbox/2026-1/dry-run/a-very-long-name";
        for (text, width, want) in [
            ("short", Some(20), "short".to_owned()),
            ("any length in a pipe, whatever it is", None, "any length in a pipe, whatever it is".to_owned()),
            ("one two three four five", Some(20), "one two three four\n  five".to_owned()),
            ("a:\n  one two three fours", Some(20), "a:\n  one two three\n    fours".to_owned()),
            (path, Some(20), path.to_owned()),
        ] {
            assert_eq!(wrapped(text, width), want);
        }
    }
}
