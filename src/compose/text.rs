//! A section's Markdown as plain text, in the style of a typed mail.
//!
//! The text is first written in logical lines, each with its hanging indent; [`flow`] then wraps them. So a line with
//! a personal part is wrapped after the member's name is filled in.

use std::borrow::Cow;
use std::fmt::Write as _;

use pulldown_cmark::{Event, Tag, TagEnd};
use unicode_width::UnicodeWidthStr;

use crate::compose::html::tag_name;

/// RFC 3676 §4.2 and RFC 5322 §2.1.1 both aim at less than 78 columns.
const WIDTH: usize = 72;

mod html;

/// Writes the events of a section as unwrapped text; links become numbered notes below it.
pub(super) fn render(events: &[Event<'_>]) -> String {
    let mut writer = TextWriter::default();
    for event in events {
        writer.event(event);
    }
    writer.finish()
}

#[derive(Default)]
struct TextWriter {
    text: String,
    /// Prefixes of the surrounding lists and quotes.
    indents: Vec<String>,
    /// Prefix for the next line only: a bullet or a number.
    bullet: Option<String>,
    /// Next numbers of the ordered lists; `None` for bullet lists.
    lists: Vec<Option<u64>>,
    line: String,
    links: Vec<OpenLink>,
    notes: Vec<String>,
    table: Vec<Vec<String>>,
    in_table: bool,
    in_code: bool,
    /// The current HTML block.
    html: String,
    /// The names of the footnotes, in the order of their numbers.
    footnotes: Vec<String>,
}

/// An open link: where its label starts in the line, and its target.
struct OpenLink {
    start: usize,
    target: String,
}

impl TextWriter {
    fn event(&mut self, event: &Event<'_>) {
        match event {
            Event::Start(tag) => self.start(tag),
            Event::End(tag) => self.end(*tag),
            Event::Text(text) if self.in_code => self.code(text),
            Event::Text(text) | Event::Code(text) | Event::InlineMath(text) | Event::DisplayMath(text) => {
                self.line.push_str(text);
            }
            Event::SoftBreak => self.line.push(' '),
            Event::HardBreak => self.end_line(),
            Event::Rule => {
                self.blank_line();
                self.line.push_str(&"-".repeat(WIDTH / 3));
                self.end_line();
            }
            // Replaced with a character before.
            Event::TaskListMarker(_) => {}
            Event::FootnoteReference(name) => {
                let number = self.footnote(name);
                let _infallible = write!(self.line, "[*{number}]");
            }
            Event::Html(html) => self.html.push_str(html),
            Event::InlineHtml(tag) if tag_name(tag) == "br" && !self.in_table => self.end_line(),
            Event::InlineHtml(tag) if tag_name(tag) == "br" => self.line.push(' '),
            Event::InlineHtml(html) => self.line.push_str(&html::image_words(html)),
        }
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::Paragraph if self.bullet.is_none() => self.blank_line(),
            Tag::Heading { .. } => self.blank_line(),
            Tag::BlockQuote(_) => {
                self.blank_line();
                self.indents.push("> ".to_owned());
            }
            Tag::CodeBlock(_) => {
                self.blank_line();
                self.indents.push("    ".to_owned());
                self.in_code = true;
            }
            Tag::List(first) => {
                if self.lists.is_empty() {
                    self.blank_line();
                } else if !self.line.is_empty() {
                    self.end_line();
                }
                self.lists.push(*first);
            }
            Tag::Item => self.start_item(),
            Tag::Table(_) => {
                self.blank_line();
                self.in_table = true;
            }
            Tag::TableHead | Tag::TableRow => self.table.push(Vec::new()),
            Tag::Link { dest_url, .. } => {
                self.links.push(OpenLink { start: self.line.len(), target: dest_url.to_string() });
            }
            Tag::Image { .. } => self.line.push('['),
            Tag::FootnoteDefinition(name) => {
                self.blank_line();
                let mark = format!("[*{}] ", self.footnote(name));
                self.indents.push(" ".repeat(mark.len()));
                self.bullet = Some(mark);
            }
            _ => {}
        }
    }

    fn start_item(&mut self) {
        if !self.line.is_empty() {
            self.end_line();
        }
        let bullet = match self.lists.last_mut() {
            Some(Some(number)) => {
                *number += 1;
                format!("{}. ", *number - 1)
            }
            _ => "- ".to_owned(),
        };
        self.indents.push(" ".repeat(bullet.len()));
        self.bullet = Some(bullet);
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Paragraph => self.end_line(),
            TagEnd::Heading(_) => {
                let width = self.line.width().min(WIDTH);
                self.end_line();
                self.line.push_str(&"~".repeat(width));
                self.end_line();
            }
            TagEnd::BlockQuote(_) | TagEnd::FootnoteDefinition => drop(self.indents.pop()),
            TagEnd::CodeBlock => {
                self.indents.pop();
                self.in_code = false;
            }
            TagEnd::Item => {
                if !self.line.is_empty() || self.bullet.is_some() {
                    self.end_line();
                }
                self.indents.pop();
            }
            TagEnd::List(_) => drop(self.lists.pop()),
            TagEnd::TableCell => {
                let cell = std::mem::take(&mut self.line);
                self.table.last_mut().into_iter().for_each(|row| row.push(cell.trim().to_owned()));
            }
            TagEnd::Table => self.end_table(),
            TagEnd::HtmlBlock => {
                let block = std::mem::take(&mut self.html);
                let lines = html::lines(&block);
                if !lines.is_empty() {
                    self.blank_line();
                }
                for line in lines {
                    self.line = line;
                    self.end_line();
                }
            }
            TagEnd::Link => self.end_link(),
            TagEnd::Image => self.line.push(']'),
            _ => {}
        }
    }

    /// The number of a footnote, from 1; links are numbered separately.
    fn footnote(&mut self, name: &str) -> usize {
        let known = self.footnotes.iter().position(|footnote| footnote == name);
        known.unwrap_or_else(|| {
            self.footnotes.push(name.to_owned());
            self.footnotes.len() - 1
        }) + 1
    }

    fn end_link(&mut self) {
        let Some(link) = self.links.pop() else { return };
        let label = self.line.get(link.start..).unwrap_or_default();
        let target = link.target.strip_prefix("mailto:").unwrap_or(&link.target);
        let is_phone = link.target.starts_with("tel:") && !label.contains(char::is_alphabetic);
        let is_same = is_phone
            || label == target
            || label == link.target
            || link.target.strip_prefix("https://") == Some(label);
        if is_same || link.target.starts_with('#') {
            return;
        }
        let known = self.notes.iter().position(|note| *note == link.target);
        let number = known.unwrap_or_else(|| {
            self.notes.push(link.target.clone());
            self.notes.len() - 1
        });
        let _infallible = write!(self.line, " [{}]", number + 1);
    }

    /// Writes a table with one line per row under its header if it fits, else with one line per cell.
    fn end_table(&mut self) {
        self.in_table = false;
        let table = std::mem::take(&mut self.table);
        let columns = table.iter().map(Vec::len).max().unwrap_or(0);
        let cell = |row: &'_ Vec<String>, column: usize| row.get(column).cloned().unwrap_or_default();
        let widths: Vec<usize> = (0..columns)
            .map(|column| table.iter().map(|row| cell(row, column).width()).max().unwrap_or(0))
            .collect();
        let fits = widths.iter().sum::<usize>() + columns * 2 <= WIDTH;
        for (index, row) in table.iter().enumerate() {
            if fits {
                let cells = (0..columns).zip(&widths).map(|(column, width)| {
                    let cell = cell(row, column);
                    let padding = " ".repeat(width.saturating_sub(cell.width()));
                    cell + &padding
                });
                self.line = cells.collect::<Vec<_>>().join("  ");
                self.end_line();
                if index == 0 {
                    self.line = widths.iter().map(|width| "-".repeat(*width)).collect::<Vec<_>>().join("  ");
                    self.end_line();
                }
            } else if index > 0 {
                self.card(table.first(), row);
            }
        }
    }

    fn card(&mut self, header: Option<&Vec<String>>, row: &[String]) {
        for (column, cell) in row.iter().enumerate() {
            let name = header.and_then(|header| header.get(column)).map_or("", String::as_str);
            self.line = if column == 0 { format!("- {cell}") } else { format!("  {name}: {cell}") };
            self.end_line();
        }
    }

    fn code(&mut self, text: &str) {
        for line in text.lines() {
            line.clone_into(&mut self.line);
            self.end_line();
        }
    }

    fn end_line(&mut self) {
        let line = std::mem::take(&mut self.line);
        let bullet = self.bullet.take();
        let outer = self.indents.len().saturating_sub(usize::from(bullet.is_some()));
        let prefix: String = self.indents.iter().take(outer).map(String::as_str).collect();
        let start = format!(
            "{prefix}{}{}",
            bullet.unwrap_or_else(|| self.indents.iter().skip(outer).cloned().collect()),
            line.trim_end()
        );
        self.text.push_str(start.trim_end());
        self.text.push('\n');
    }

    fn blank_line(&mut self) {
        if !self.line.is_empty() {
            self.end_line();
        }
        if !self.text.is_empty() && !self.text.ends_with("\n\n") {
            let prefix: String = self.indents.iter().map(String::as_str).collect();
            self.text.push_str(prefix.trim_end());
            self.text.push('\n');
        }
    }

    fn finish(mut self) -> String {
        if !self.line.is_empty() {
            self.end_line();
        }
        if !self.notes.is_empty() {
            self.text.push('\n');
            for (index, note) in self.notes.iter().enumerate() {
                let _infallible = writeln!(self.text, "[{}] {note}", index + 1);
            }
        }
        self.text
    }
}

/// Wraps long lines at 72 columns for `format=flowed` (RFC 3676): the lines of a paragraph end with a space, and
/// programs that support the format join them; indented lines are broken permanently.
pub(super) fn flow(text: &str) -> String {
    let mut flowed = String::with_capacity(text.len() + text.len() / 16);
    for line in text.split('\n') {
        // A line that was wrapped before ends with a space, and so does a signature separator.
        if line.trim_end().width() <= WIDTH {
            flowed.push_str(&stuffed(line));
        } else {
            wrap(line, &mut flowed);
        }
        flowed.push('\n');
    }
    flowed.pop();
    flowed
}

fn wrap(line: &str, flowed: &mut String) {
    let indent = hanging_indent(line);
    let options = textwrap::Options::new(WIDTH)
        .subsequent_indent(&indent)
        .break_words(false)
        .word_splitter(textwrap::WordSplitter::NoHyphenation)
        .word_separator(textwrap::WordSeparator::AsciiSpace);
    let lines = textwrap::wrap(line, options);
    let last = lines.len().saturating_sub(1);
    let is_flowed = indent.is_empty();
    for (index, part) in lines.iter().enumerate() {
        flowed.push_str(&stuffed(part));
        if index < last {
            flowed.push_str(if is_flowed { " \n" } else { "\n" });
        }
    }
}

/// RFC 3676 §4.4: adds a space before a line that could be mistaken for a quote, a separator or an mbox `From `.
fn stuffed(line: &str) -> Cow<'_, str> {
    if line.starts_with('>') || line.starts_with("From ") {
        return Cow::Owned(format!(" {line}"));
    }
    Cow::Borrowed(line)
}

/// The indentation of a line's continuation: its spaces, bullet or quote mark.
fn hanging_indent(line: &str) -> String {
    let spaces = line.len() - line.trim_start_matches(' ').len();
    let body = line.get(spaces..).unwrap_or_default();
    let digits = body.len() - body.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let bullet = if body.starts_with("- ") || body.starts_with("* ") {
        2
    } else if body.starts_with('[') {
        body.find("] ").filter(|at| *at < 5).map_or(0, |at| at + 2)
    } else if digits > 0 && body.get(digits..).is_some_and(|rest| rest.starts_with(". ")) {
        digits + 2
    } else {
        0
    };
    if body.starts_with("> ") {
        return format!("{}> ", " ".repeat(spaces));
    }
    " ".repeat(spaces + bullet)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn text(markdown: &str) -> String {
        let events: Vec<_> =
            pulldown_cmark::Parser::new_ext(markdown, pulldown_cmark::Options::all()).collect();
        flow(render(&events).trim_end())
    }

    #[test]
    fn markdown_reads_like_a_typed_mail() {
        for (markdown, want) in [
            ("En **rad** till\noch en.", "En rad till och en."),
            ("Läs [mer](https://example.se/a) nu.", "Läs mer [1] nu.\n\n[1] https://example.se/a"),
            ("<https://example.se/>", "https://example.se/"),
            ("Skriv till [a@example.se](mailto:a@example.se).", "Skriv till a@example.se."),
            ("- ett\n- två\n  - tre", "- ett\n- två\n  - tre"),
            ("3. tre\n4. fyra", "3. tre\n4. fyra"),
            ("# Rubrik\n\nText", "Rubrik\n~~~~~~\n\nText"),
            ("> Citat\n\nText", " > Citat\n\nText"),
            ("![Karta över ön](images/a.png)", "[Karta över ön]"),
            ("| A | Bb |\n|---|---|\n| 1 | 2 |", "A  Bb\n-  --\n1  2"),
            ("rad  \nny", "rad\nny"),
            ("a\n\n    kod här\n", "a\n\n    kod här"),
        ] {
            assert_eq!(text(markdown), want, "{markdown}");
        }
    }

    #[test]
    fn long_paragraphs_flow_and_long_items_hang() {
        let words = "ord ".repeat(30);
        let paragraph = flow(words.trim());
        assert!(paragraph.lines().rev().skip(1).all(|line| line.ends_with(' ') && line.width() <= 73));
        let item = flow(&format!("- {}", words.trim()));
        assert!(item.lines().skip(1).all(|line| line.starts_with("  ord") && !line.ends_with(' ')));
        let url = format!("https://example.se/{}", "x".repeat(100));
        assert_eq!(flow(&url), url);
    }

    #[test]
    fn lines_with_a_special_meaning_are_space_stuffed() {
        assert_eq!(flow("From här\n>citat\n-- "), " From här\n >citat\n-- ");
    }
}
