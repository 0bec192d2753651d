//! The exit codes in `--help`, from the table of `docs/exit-codes.md`.

use std::fmt::Write;

const DOCUMENT: &str = include_str!("../../docs/exit-codes.md");

/// The text after the options in the program's own help.
pub(super) fn help() -> String {
    let mut help = "To begin: `medlemsbrev init brev`. For examples: `medlemsbrev COMMAND --help`.\n\n\
                    \u{1b}[1m\u{1b}[4mExit codes:\u{1b}[0m"
        .to_owned();
    for (code, meaning) in rows() {
        let _infallible = write!(help, "\n  {code:>2}  {meaning}");
    }
    help
}

/// Each code with its meaning.
fn rows() -> impl Iterator<Item = (&'static str, &'static str)> {
    DOCUMENT.lines().filter_map(|line| {
        let (code, meaning) = line.strip_prefix("| ")?.strip_suffix(" |")?.split_once(" | ")?;
        code.bytes().all(|b| b.is_ascii_digit()).then_some((code, meaning))
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_fit_a_terminal() {
        assert_eq!(rows().map(|(code, _)| code).collect::<Vec<_>>(), ["0", "1", "2", "65", "75", "78"]);
        assert!(help().lines().all(|line| line.chars().count() <= 90), "{}", help());
        assert!(rows().all(|(_, meaning)| meaning.len() <= 74));
    }
}
