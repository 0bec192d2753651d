//! Converts Markdown documents to manual pages (man(7)).

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd};
use roff::{Inline, Roff, bold, italic, roman};

/// Writes a document as sections of a page; its title is omitted.
pub(super) fn write(roff: &mut Roff, document: &str) {
    let mut writer = ManualWriter::new(roff);
    let mut is_title = false;
    for event in Parser::new_ext(document, Options::ENABLE_TABLES) {
        match event {
            Event::Start(Tag::Heading { level: HeadingLevel::H1, .. }) => is_title = true,
            Event::End(TagEnd::Heading(HeadingLevel::H1)) => is_title = false,
            _ if is_title => {}
            event => writer.event(event),
        }
    }
}

/// The page so far, and the position in the document.
struct ManualWriter<'a> {
    roff: &'a mut Roff,
    /// The text of the current paragraph, heading or cell.
    line: Vec<Inline>,
    is_emphasized: bool,
    is_strong: bool,
    /// Whether the heading contains code, which must keep its case.
    has_code: bool,
    is_literal: bool,
    /// How many lists are open, and whether an item's first paragraph is still to come.
    lists: usize,
    begins_item: bool,
    /// The table's header, and the row so far.
    header: Vec<String>,
    row: Vec<Vec<Inline>>,
}

impl<'a> ManualWriter<'a> {
    fn new(roff: &'a mut Roff) -> Self {
        Self {
            roff,
            line: Vec::new(),
            is_emphasized: false,
            is_strong: false,
            has_code: false,
            is_literal: false,
            lists: 0,
            begins_item: false,
            header: Vec::new(),
            row: Vec::new(),
        }
    }

    fn event(&mut self, event: Event<'_>) {
        match event {
            Event::Start(tag) => self.start(&tag),
            Event::End(tag) => self.end(tag),
            Event::Text(text) => self.text(&text),
            Event::Code(code) => {
                self.has_code = true;
                self.line.push(bold(code.into_string()));
            }
            Event::SoftBreak => self.line.push(roman(" ")),
            Event::HardBreak => self.line.push(Inline::LineBreak),
            _ => {}
        }
    }

    fn start(&mut self, tag: &Tag<'_>) {
        match tag {
            Tag::Heading { .. } => self.has_code = false,
            Tag::Emphasis => self.is_emphasized = true,
            Tag::Strong => self.is_strong = true,
            Tag::List(_) => {
                self.flush_item();
                self.lists += 1;
            }
            Tag::Item => self.begins_item = true,
            Tag::CodeBlock(_) => {
                self.is_literal = true;
                self.roff.control("PP", []).control("RS", ["4"]).control("nf", []);
            }
            Tag::TableHead => self.header.clear(),
            Tag::TableRow => self.row.clear(),
            _ => {}
        }
    }

    fn end(&mut self, tag: TagEnd) {
        match tag {
            TagEnd::Emphasis => self.is_emphasized = false,
            TagEnd::Strong => self.is_strong = false,
            TagEnd::Heading(level) => self.heading(level),
            TagEnd::Paragraph => self.paragraph(),
            TagEnd::Item => self.flush_item(),
            TagEnd::List(_) => self.lists = self.lists.saturating_sub(1),
            TagEnd::CodeBlock => {
                self.is_literal = false;
                self.roff.control("fi", []).control("RE", []);
            }
            TagEnd::TableCell => {
                let cell = std::mem::take(&mut self.line);
                self.row.push(cell);
            }
            TagEnd::TableHead => self.header = self.row.drain(..).map(|cell| plain(&cell)).collect(),
            TagEnd::TableRow => self.table_row(),
            _ => {}
        }
    }

    fn text(&mut self, text: &str) {
        if self.is_literal {
            for line in text.lines() {
                self.roff.text([roman(line)]);
            }
        } else if self.is_strong {
            self.line.push(bold(text));
        } else if self.is_emphasized {
            self.line.push(italic(text));
        } else {
            self.line.push(roman(text));
        }
    }

    fn heading(&mut self, level: HeadingLevel) {
        let text = plain(&std::mem::take(&mut self.line));
        match level {
            HeadingLevel::H2 if self.has_code => self.roff.control("SH", [text.as_str()]),
            HeadingLevel::H2 => self.roff.control("SH", [text.to_uppercase().as_str()]),
            _ => self.roff.control("SS", [text.as_str()]),
        };
    }

    fn paragraph(&mut self) {
        if self.lists > 0 {
            return self.flush_item();
        }
        let line = std::mem::take(&mut self.line);
        self.roff.control("PP", []).text(line);
    }

    /// Writes the text so far of a list's item.
    fn flush_item(&mut self) {
        let line = std::mem::take(&mut self.line);
        if line.is_empty() {
            return;
        }
        if std::mem::take(&mut self.begins_item) {
            self.roff.control("IP", ["\\(bu", "2"]);
        }
        self.roff.text(line);
    }

    /// Writes a row as a term with a description: the last cell is the description, the others follow the term like
    /// "(default: 4)".
    fn table_row(&mut self) {
        let mut cells = self.row.drain(..);
        let Some(term) = cells.next() else { return };
        let mut others: Vec<Vec<Inline>> = cells.collect();
        let mut text = others.pop().unwrap_or_default();
        for (name, cell) in self.header.iter().skip(1).zip(others) {
            match plain(&cell).as_str() {
                "none" => continue,
                "required" => text.push(roman(" (")),
                _ => text.push(roman(format!(" ({name}: "))),
            }
            text.extend(cell);
            text.push(roman(")"));
        }
        let term: Vec<Inline> = term.into_iter().map(|part| bold(plain(&[part]))).collect();
        self.roff.control("TP", []).text(term).text(text);
    }
}

/// The words without their styles.
fn plain(line: &[Inline]) -> String {
    line.iter()
        .map(|part| match part {
            Inline::Roman(text) | Inline::Bold(text) | Inline::Italic(text) => text.as_str(),
            Inline::LineBreak => " ",
        })
        .collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn markdown_becomes_roff() {
        for (markdown, want) in [
            (
                "# Title\n\nText with `code`, *care* and **force**.",
                ".PP\nText with \\fBcode\\fR, \\fIcare\\fR and \\fBforce\\fR.\n",
            ),
            ("## Two words", ".SH \"TWO WORDS\"\n"),
            ("## `[a.b]`", ".SH [a.b]\n"),
            ("- one\n  line\n- two", ".IP \\(bu 2\none line\n.IP \\(bu 2\ntwo\n"),
            ("- one\n\n  more\n", ".IP \\(bu 2\none\nmore\n"),
            ("```toml\na = 1\n\n.b\n```", ".PP\n.RS 4\n.nf\na = 1\n\n\\&.b\n.fi\n.RE\n"),
            ("see [there](a.md)", ".PP\nsee there\n"),
            (
                "| key | default | meaning |\n|---|---|---|\n| `a` | `1` | x |\n| `b` | required | y |\n| `c` | none | z |",
                ".TP\n\\fBa\\fR\nx (default: \\fB1\\fR)\n.TP\n\\fBb\\fR\ny (required)\n.TP\n\\fBc\\fR\nz\n",
            ),
            ("| code | meaning |\n|---|---|\n| 0 | done |", ".TP\n\\fB0\\fR\ndone\n"),
        ] {
            let mut roff = Roff::new();
            write(&mut roff, markdown);
            assert_eq!(roff.to_roff(), want, "{markdown}");
        }
    }
}
