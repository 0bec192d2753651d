//! The texts of an issue, with their places in its files.

use std::ops::Range;
use std::path::Path;

use crate::domain::{Excerpt, Section};

use super::markdown::{Image, Markdown, MarkdownLink};

/// A text file as read.
#[derive(Debug)]
pub(super) struct TextFile {
    whole: Excerpt,
}

/// A text to search for words: as long as in its file, with NULs instead of anything that is not a word.
#[derive(Debug)]
pub(super) struct Passage<'a> {
    file: &'a TextFile,
    pub text: String,
    /// The position in the file; unknown if the text is spelt differently there.
    offset: Option<usize>,
}

/// A section with its file's text.
#[derive(Debug)]
pub(super) struct SectionText<'a> {
    pub section: &'a Section,
    pub file: TextFile,
    pub markdown: Markdown,
    /// The descriptions of its events, in order.
    descriptions: Vec<Option<Description<'a>>>,
    /// The position of the Markdown in the file.
    offset: usize,
}

/// An event's description with its position.
#[derive(Debug)]
struct Description<'a> {
    text: &'a str,
    markdown: Markdown,
    /// Its position in the file; unknown if the text is spelt differently there.
    offset: Option<usize>,
}

/// A picture or a link in the section's text or in an event's description.
#[derive(Debug)]
pub(super) struct FoundTarget<'s, T> {
    pub item: &'s T,
    /// The Markdown from the item on.
    pub after: &'s str,
    pub place: Excerpt,
}

impl TextFile {
    /// Reads a file in the same way as [`crate::compose::IssueSource`]; an unreadable one is empty.
    pub fn read(path: &Path) -> Self {
        let text = std::fs::read_to_string(path).unwrap_or_default();
        let text = text.strip_prefix('\u{feff}').unwrap_or(&text).replace("\r\n", "\n").replace('\r', "\n");
        Self::new(path, &text)
    }

    pub fn new(path: &Path, text: &str) -> Self {
        Self { whole: Excerpt::new(path, text, 0..0) }
    }

    /// A place in the file.
    pub fn place(&self, span: Range<usize>) -> Excerpt {
        Excerpt::new(&self.whole.path, &self.whole.text, span)
    }

    /// The line that sets `key` in `[table]`, else the table's head, else the file's first line.
    pub fn key(&self, table: &str, key: &str) -> Excerpt {
        let mut current = "";
        let mut head = 1;
        for (index, line) in self.whole.text.lines().enumerate() {
            if let Some(name) = line.trim().strip_prefix('[').and_then(|name| name.split(']').next()) {
                current = name.trim();
                if current == table {
                    head = index + 1;
                }
            }
            let is_key = line.split_once('=').is_some_and(|(name, _)| name.trim() == key);
            if is_key && current == table {
                return Excerpt::at(&self.whole.path, &self.whole.text, index + 1, 1);
            }
        }
        Excerpt::at(&self.whole.path, &self.whole.text, head, 1)
    }

    /// The passage for a value found in the file after byte `from`.
    pub fn passage(&self, value: &str, from: usize) -> Passage<'_> {
        let found = self.whole.text.get(from..).and_then(|rest| rest.find(value));
        Passage::new(self, value.to_owned(), found.map(|at| from + at))
    }
}

/// The line of a TOML file that sets `key` in `[table]`, else the table's head, else the file's first line. A key above all
/// tables has the table "".
pub fn place_of_key(path: &Path, table: &str, key: &str) -> Excerpt {
    TextFile::read(path).key(table, key)
}

impl<'a> Passage<'a> {
    fn new(file: &'a TextFile, text: String, offset: Option<usize>) -> Self {
        Self { file, text: without_addresses(text), offset }
    }

    /// A place in the passage.
    pub fn place(&self, range: Range<usize>) -> Excerpt {
        match self.offset {
            Some(offset) => self.file.place(offset + range.start..offset + range.end),
            None => self.file.place(0..0),
        }
    }
}

impl<'a> SectionText<'a> {
    pub fn new(section: &'a Section) -> Self {
        let mut file = TextFile::read(&section.path);
        if !file.whole.text.ends_with(&section.markdown) {
            let above = "\n".repeat(section.lines_above);
            file = TextFile::new(&section.path, &format!("{above}{}", section.markdown));
        }
        let offset = file.whole.text.len().saturating_sub(section.markdown.len());
        let markdown = Markdown::read(&section.markdown);
        let mut made = Self { section, offset, markdown, file, descriptions: Vec::new() };
        made.descriptions = (0..section.events.len()).map(|index| made.description(index)).collect();
        made
    }

    fn description(&self, index: usize) -> Option<Description<'a>> {
        let text = self.section.events.get(index)?.description.as_deref()?;
        let from = self.event_offset(index);
        let found = self.file.whole.text.get(from..).and_then(|rest| rest.find(text));
        Some(Description { text, markdown: Markdown::read(text), offset: found.map(|at| from + at) })
    }

    /// The pictures of its text and of its events' descriptions.
    pub fn pictures(&self) -> Vec<FoundTarget<'_, Image>> {
        self.everywhere(|markdown| &markdown.images, |image| &image.range)
    }

    /// The links of its text and of its events' descriptions.
    pub fn links(&self) -> Vec<FoundTarget<'_, MarkdownLink>> {
        self.everywhere(|markdown| &markdown.links, |link| &link.range)
    }

    fn everywhere<T>(
        &self,
        items: fn(&Markdown) -> &Vec<T>,
        range: fn(&T) -> &Range<usize>,
    ) -> Vec<FoundTarget<'_, T>> {
        let mut found: Vec<FoundTarget<'_, T>> = Vec::new();
        for item in items(&self.markdown) {
            let place = self.place(range(item));
            found.push(FoundTarget {
                item,
                after: self.section.markdown.get(range(item).start..).unwrap_or_default(),
                place,
            });
        }
        for (index, description) in self.descriptions.iter().enumerate() {
            let Some(Description { text, markdown, offset }) = description else { continue };
            for item in items(markdown) {
                let range = range(item);
                let place = match offset {
                    Some(offset) => self.file.place(offset + range.start..offset + range.end),
                    None => self.event(index),
                };
                found.push(FoundTarget { item, after: text.get(range.start..).unwrap_or_default(), place });
            }
        }
        found
    }

    /// A place in the Markdown.
    pub fn place(&self, range: &Range<usize>) -> Excerpt {
        self.file.place(self.offset + range.start..self.offset + range.end)
    }

    /// The file's text at a place in the Markdown.
    pub fn source(&self, range: &Range<usize>) -> &str {
        self.section.markdown.get(range.clone()).unwrap_or_default()
    }

    /// The line with the section's title.
    pub fn head(&self) -> Excerpt {
        self.file.key("", "title")
    }

    /// The head of an event, counted from 0.
    pub fn event(&self, index: usize) -> Excerpt {
        let start = self.event_offset(index);
        self.file.place(start..start + "[[event]]".len())
    }

    /// All visible text: the title, the Markdown, the events.
    pub fn passages(&self) -> Vec<Passage<'_>> {
        let mut passages = vec![
            self.file.passage(&self.section.title, 0),
            Passage::new(&self.file, self.markdown.prose.clone(), Some(self.offset)),
        ];
        for (index, event) in self.section.events.iter().enumerate() {
            let from = self.event_offset(index);
            let texts = [Some(&event.title), event.place.as_ref(), event.description.as_ref()];
            passages.extend(texts.into_iter().flatten().map(|text| self.file.passage(text, from)));
        }
        passages
    }

    fn event_offset(&self, index: usize) -> usize {
        let front = self.file.whole.text.get(..self.offset).unwrap_or_default();
        front.match_indices("[[event]]").nth(index).map_or(0, |(at, _)| at)
    }
}

/// Replaces words that are links or addresses with NULs.
fn without_addresses(text: String) -> String {
    let is_address = |word: &str| word.contains("://") || word.contains('@') || word.starts_with("www.");
    if !is_address(&text) && !text.contains("www.") {
        return text;
    }
    let pieces = text.split_inclusive(|c: char| c.is_whitespace() || c == '\0');
    pieces.map(|word| if is_address(word) { "\0".repeat(word.len()) } else { word.to_owned() }).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn keys_are_found_in_their_table() {
        let file = TextFile::new(Path::new("a.toml"), "title = \"x\"\n[a]\nb = 1\n[c] # c\nb = 2\n");
        for (table, key, line) in
            [("", "title", 1), ("a", "b", 3), ("c", "b", 5), ("c", "d", 4), ("x", "b", 1)]
        {
            assert_eq!(file.key(table, key).line(), line, "{table}.{key}");
        }
    }

    #[test]
    fn a_passage_has_the_right_place() {
        let file = TextFile::new(Path::new("a.toml"), "a\nb = \"Skriv till info@example.se TODO\"\n");
        let passage = file.passage("Skriv till info@example.se TODO", 0);
        assert!(!passage.text.contains('@'), "{:?}", passage.text);
        let at = passage.text.find("TODO").unwrap();
        let place = passage.place(at..at + 4);
        assert_eq!((&place.text[place.span.clone()], place.line()), ("TODO", 2));
    }
}
