//! How wide a text may be.

use console::Term;

/// Narrower than this nothing can be shown; such a number is a mistake of the environment.
const NARROWEST: usize = 20;

/// The columns that a text on stdout may take: the terminal's, else those that `COLUMNS` names; `None` if nothing
/// limits them, as in a pipe.
pub fn stdout_width() -> Option<usize> {
    of(&Term::stdout())
}

/// The same on stderr.
pub fn stderr_width() -> Option<usize> {
    of(&Term::stderr())
}

fn of(terminal: &Term) -> Option<usize> {
    let size = terminal.size_checked().map(|(_, columns)| usize::from(columns)).filter(|width| *width > 0);
    let width = size.or_else(|| std::env::var("COLUMNS").ok()?.trim().parse().ok())?;
    (width >= NARROWEST).then_some(width)
}

/// The text with its lines wrapped at words; what is indented stays so. Addresses and paths stay whole.
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

/// How texts are wrapped everywhere: at spaces.
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
    fn messages_wrap_at_words_and_keep_their_indent() {
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
