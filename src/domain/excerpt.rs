//! A marked place in a text file, shown below an error message.

use std::ops::Range;
use std::path::{Path, PathBuf};

/// A source text with the place that an error is about.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Excerpt {
    /// The file, as the user knows it.
    pub path: PathBuf,
    /// The whole source text.
    pub text: String,
    /// The range of bytes in `text` to mark.
    pub span: Range<usize>,
}

impl Excerpt {
    /// Marks `span` (in bytes, cut to the text's length) in `text`, the content of the file `path`.
    pub fn new(path: &Path, text: &str, span: Range<usize>) -> Self {
        let end = span.end.min(text.len());
        let start = span.start.min(end);
        Self { path: path.to_owned(), text: text.to_owned(), span: start..end }
    }

    /// Marks the text from `line` and `column` (both from 1; columns are characters) to the end of the line.
    pub fn at(path: &Path, text: &str, line: usize, column: usize) -> Self {
        let start_of_line: usize =
            text.split_inclusive('\n').take(line.saturating_sub(1)).map(str::len).sum();
        let rest = text.get(start_of_line..).unwrap_or_default();
        let line_text = rest.lines().next().unwrap_or_default();
        let before: usize = line_text.chars().take(column.saturating_sub(1)).map(char::len_utf8).sum();
        Self::new(path, text, start_of_line + before..start_of_line + line_text.len())
    }

    /// The excerpt with its lines cut to `width` characters, but never before the end of the marked place.
    #[must_use]
    pub fn cut(&self, width: usize) -> Self {
        let part = |range: Range<usize>| self.text.get(range).unwrap_or_default();
        let Range { start, end } = self.span;
        let line = part(0..start).rfind('\n').map_or(0, |at| at + 1);
        let next = part(end..self.text.len()).find('\n').map_or(self.text.len(), |at| end + at);
        let before = cut_lines(part(0..line), width);
        let used = part(line..end).chars().count();
        let behind = cut_line(part(end..next), width.saturating_sub(used));
        let after = cut_lines(part(next..self.text.len()), width);
        let start_now = before.len() + (start - line);
        let text = [&before, part(line..end), &behind, &after].concat();
        Self { path: self.path.clone(), text, span: start_now..start_now + (end - start) }
    }

    /// The line (from 1) on which the mark starts.
    pub fn line(&self) -> usize {
        let before = self.text.get(..self.span.start).unwrap_or(&self.text);
        before.matches('\n').count() + 1
    }
}

fn cut_lines(text: &str, width: usize) -> String {
    text.split('\n').map(|line| cut_line(line, width)).collect::<Vec<_>>().join("\n")
}

fn cut_line(line: &str, width: usize) -> String {
    match line.char_indices().nth(width) {
        None => line.to_owned(),
        Some(_) => line.chars().take(width.saturating_sub(1)).chain(['…']).collect(),
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
    fn long_lines_are_cut_and_the_mark_stays_in_place() {
        let text =
            "en mycket lång rad före\nkort\nnamn = \"åäö\" # och en lång anmärkning\nslut på en lång text";
        let excerpt = Excerpt::at(Path::new("a.toml"), text, 3, 8);
        let excerpt = Excerpt { span: excerpt.span.start..excerpt.span.start + 8, ..excerpt };
        let cut = excerpt.cut(12);
        assert_eq!(cut.text, "en mycket l…\nkort\nnamn = \"åäö\"…\nslut på en …");
        assert_eq!(&cut.text[cut.span.clone()], "\"åäö\"");
        assert_eq!((cut.line(), excerpt.cut(100)), (3, excerpt));
    }

    #[test]
    fn a_place_outside_the_text_is_cut() {
        let excerpt = Excerpt::new(Path::new("a.md"), "ett", 10..20);
        assert_eq!(excerpt.span, 3..3);
        assert_eq!(Excerpt::at(Path::new("a.md"), "ett", 9, 9).line(), 1);
    }
}
