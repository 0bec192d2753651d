//! A place in a text file, shown under an error.

use std::ops::Range;
use std::path::{Path, PathBuf};

/// A piece of a source text with the place that an error speaks of.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// The file, as the user knows it.
    pub path: PathBuf,
    /// The whole source text.
    pub text: String,
    /// Bytes of `text` that are marked.
    pub span: Range<usize>,
}

impl Excerpt {
    /// Marks `span` (bytes, cut to the text's length) of `text`, the content of `path`.
    pub fn new(path: &Path, text: &str, span: Range<usize>) -> Self {
        let end = span.end.min(text.len());
        let start = span.start.min(end);
        Self { path: path.to_owned(), text: text.to_owned(), span: start..end }
    }

    /// Marks the place at `line` and `column` (both from 1; columns are characters) up to the line's end.
    pub fn at(path: &Path, text: &str, line: usize, column: usize) -> Self {
        let start_of_line: usize =
            text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
        let rest = text.get(start_of_line..).unwrap_or_default();
        let line_text = rest.lines().next().unwrap_or_default();
        let before: usize = line_text.chars().take(column.saturating_sub(1)).map(char::len_utf8).sum();
        Self::new(path, text, start_of_line + before..start_of_line + line_text.len())
    }

    /// The line (from 1) on which the marked place starts.
    pub fn line(&self) -> usize {
        let before = self.text.get(..self.span.start).unwrap_or(&self.text);
        before.matches('\n').count() + 1
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_place_is_found_by_line_and_column() {
        let excerpt = Excerpt::at(Path::new("a.md"), "ett\ntvå tre\nfyra", 2, 5);
        assert_eq!(&excerpt.text[excerpt.span.clone()], "tre");
        assert_eq!(excerpt.line(), 2);
    }

    #[test]
    fn a_place_outside_the_text_is_cut() {
        let excerpt = Excerpt::new(Path::new("a.md"), "ett", 10..20);
        assert_eq!(excerpt.span, 3..3);
        assert_eq!(Excerpt::at(Path::new("a.md"), "ett", 9, 9).line(), 1);
    }
}
