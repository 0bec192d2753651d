//! The structure of a letter, independent of the width: read from the HTML that is sent.

use super::html::{HtmlElement, HtmlNode};

/// The style of a piece of text.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct TextStyle {
    pub ink: Ink,
    pub bold: bool,
    pub italic: bool,
    pub strike: bool,
    /// The number of its link, from 0.
    pub link: Option<usize>,
}

/// The role of a piece of text, which decides its colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Ink {
    #[default]
    Plain,
    Title,
    Link,
    Button,
    Frame,
    Code,
    /// Notes, labels, the letter's footer.
    Quiet,
}

/// A text in one style.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub text: String,
    pub face: TextStyle,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum TerminalBlock {
    Heading {
        level: u8,
        text: Vec<Piece>,
    },
    Paragraph(Vec<Piece>),
    List {
        first: Option<u64>,
        items: Vec<Vec<Self>>,
    },
    Quote(Vec<Self>),
    Code(String),
    Table(Vec<Vec<TerminalCell>>),
    Event(Vec<Self>),
    Button(Vec<Piece>),
    Image {
        alt: String,
        picture: usize,
    },
    Rule,
    /// The links since the last list of notes.
    Notes(Vec<Note>),
    Foot(Vec<Self>),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct TerminalCell {
    pub text: Vec<Piece>,
    pub is_header: bool,
    pub to_the_right: bool,
}

/// The target of a numbered link.
#[derive(Debug, PartialEq, Eq)]
pub(super) struct Note {
    pub number: usize,
    pub link: usize,
}

/// A letter that is parsed but not laid out yet.
#[derive(Debug)]
pub struct TerminalDocument {
    pub(super) blocks: Vec<TerminalBlock>,
    /// Targets of the links.
    pub links: Vec<String>,
    /// Sources of the pictures.
    pub pictures: Vec<String>,
}

/// Elements within a line of text.
const INLINE: [&str; 22] = [
    "a", "abbr", "b", "bdi", "bdo", "br", "cite", "code", "del", "em", "font", "i", "input", "ins", "kbd",
    "mark", "s", "small", "span", "strong", "sub", "sup",
];
const HIDDEN: [&str; 5] = ["head", "script", "style", "template", "title"];

impl TerminalDocument {
    /// Parses the HTML of a letter or of a part of one.
    pub fn read(html: &str) -> Self {
        let mut reader = LetterReader::default();
        let mut blocks = reader.blocks(&super::html::parse(html));
        blocks.extend(reader.notes());
        Self { blocks, links: reader.links, pictures: reader.pictures }
    }
}

#[derive(Default)]
struct LetterReader {
    links: Vec<String>,
    /// The links that have a number, which is their position here plus one.
    numbered: Vec<usize>,
    /// How many of them have been listed in notes.
    noted: usize,
    pictures: Vec<String>,
}

impl LetterReader {
    fn blocks(&mut self, parent: &HtmlElement) -> Vec<TerminalBlock> {
        let mut blocks = Vec::new();
        let mut line = Vec::new();
        for node in &parent.children {
            match node {
                HtmlNode::Text(text) => line.push(Piece { text: text.clone(), face: TextStyle::default() }),
                HtmlNode::Element(element) if INLINE.contains(&element.name.as_str()) => {
                    self.inline(element, TextStyle::default(), &mut line);
                }
                HtmlNode::Element(element) if is_hidden(element) => {}
                HtmlNode::Element(element) => {
                    blocks.extend(paragraph(std::mem::take(&mut line)));
                    self.block(element, &mut blocks);
                }
            }
        }
        blocks.extend(paragraph(line));
        blocks
    }

    fn block(&mut self, element: &HtmlElement, blocks: &mut Vec<TerminalBlock>) {
        match element.name.as_str() {
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => self.heading(element, blocks),
            "ul" | "ol" => blocks.push(self.list(element)),
            "blockquote" => {
                let inside = self.blocks(element);
                blocks.push(TerminalBlock::Quote(inside));
            }
            "pre" => blocks.push(TerminalBlock::Code(text_of(element))),
            "hr" => blocks.push(TerminalBlock::Rule),
            "img" => blocks.extend(self.image(element)),
            "table" if element.has_class("event") => {
                let inside = self.blocks(element);
                blocks.push(TerminalBlock::Event(inside));
            }
            "td" if element.has_class("date") => {
                let mut line = self.text(element, TextStyle::default());
                line.iter_mut().for_each(|piece| piece.text = piece.text.replace(HARD_BREAK, " "));
                blocks.extend(paragraph(line));
            }
            "table" if element.has_class("contents") => self.contents(element, blocks),
            "table" if element.attribute("role") != "presentation" => {
                let mut rows = Vec::new();
                self.rows(element, &mut rows);
                blocks.push(TerminalBlock::Table(rows));
            }
            "td" if element.has_class("button-cell") => {
                let label = self.text(element, TextStyle { ink: Ink::Button, ..TextStyle::default() });
                blocks.push(TerminalBlock::Button(label));
            }
            "td" if element.has_class("foot") => {
                blocks.extend(self.notes());
                let inside = self.blocks(element);
                blocks.push(TerminalBlock::Foot(inside));
            }
            _ => blocks.extend(self.blocks(element)),
        }
    }

    fn heading(&mut self, element: &HtmlElement, blocks: &mut Vec<TerminalBlock>) {
        let level = element.name.trim_start_matches('h').parse().unwrap_or(6);
        if level <= 2 {
            blocks.extend(self.notes());
        }
        let text = self.text(element, TextStyle { ink: Ink::Title, bold: true, ..TextStyle::default() });
        blocks.push(TerminalBlock::Heading { level, text });
    }

    /// The table of contents: its heading, and the titles as a numbered list.
    fn contents(&mut self, element: &HtmlElement, blocks: &mut Vec<TerminalBlock>) {
        let rows = element.elements().flat_map(HtmlElement::elements);
        let cells: Vec<&HtmlElement> = rows.flat_map(HtmlElement::elements).collect();
        let (titles, others): (Vec<_>, Vec<_>) =
            cells.into_iter().partition(|cell| cell.has_class("contents-row"));
        for head in others.into_iter().filter(|cell| cell.has_class("contents-head")) {
            blocks.extend(self.blocks(head));
        }
        let items = titles.into_iter().map(|title| self.blocks(title)).collect();
        blocks.push(TerminalBlock::List { first: Some(1), items });
    }

    fn list(&mut self, element: &HtmlElement) -> TerminalBlock {
        let first = (element.name == "ol").then(|| element.attribute("start").parse().unwrap_or(1));
        let items =
            element.elements().filter(|item| item.name == "li").map(|item| self.blocks(item)).collect();
        TerminalBlock::List { first, items }
    }

    fn rows(&mut self, element: &HtmlElement, rows: &mut Vec<Vec<TerminalCell>>) {
        for child in element.elements() {
            if child.name == "tr" {
                rows.push(child.elements().map(|cell| self.cell(cell)).collect());
            } else {
                self.rows(child, rows);
            }
        }
    }

    fn cell(&mut self, element: &HtmlElement) -> TerminalCell {
        let is_header = element.name == "th";
        let to_the_right = element.has_style("text-align", "right")
            || element.attribute("align").eq_ignore_ascii_case("right");
        TerminalCell {
            text: self.text(element, TextStyle { bold: is_header, ..TextStyle::default() }),
            is_header,
            to_the_right,
        }
    }

    /// The content of an element as one line of text.
    fn text(&mut self, element: &HtmlElement, face: TextStyle) -> Vec<Piece> {
        let mut line = Vec::new();
        self.inline_children(element, face, &mut line);
        line
    }

    fn inline_children(&mut self, element: &HtmlElement, face: TextStyle, line: &mut Vec<Piece>) {
        for node in &element.children {
            match node {
                HtmlNode::Text(text) => line.push(Piece { text: text.clone(), face }),
                HtmlNode::Element(child) if is_hidden(child) => {}
                HtmlNode::Element(child) => self.inline(child, face, line),
            }
        }
    }

    fn inline(&mut self, element: &HtmlElement, face: TextStyle, line: &mut Vec<Piece>) {
        let face = match element.name.as_str() {
            "a" => return self.link(element, face, line),
            "br" => return line.push(Piece { text: HARD_BREAK.to_owned(), face }),
            "img" => {
                return line
                    .push(Piece { text: label(element), face: TextStyle { ink: Ink::Quiet, ..face } });
            }
            "input" => return line.push(Piece { text: checkbox(element).to_owned(), face }),
            "strong" | "b" => TextStyle { bold: true, ..face },
            "em" | "i" | "cite" => TextStyle { italic: true, ..face },
            "del" | "s" => TextStyle { strike: true, ..face },
            "code" | "kbd" => TextStyle { ink: Ink::Code, ..face },
            _ => face,
        };
        self.inline_children(element, face, line);
    }

    fn link(&mut self, element: &HtmlElement, face: TextStyle, line: &mut Vec<Piece>) {
        let target = element.attribute("href");
        if target.is_empty() || target.starts_with('#') {
            return self.inline_children(element, face, line);
        }
        let link = place(&mut self.links, target.to_owned());
        let ink = if face.ink == Ink::Plain { Ink::Link } else { face.ink };
        let start = line.len();
        self.inline_children(element, TextStyle { ink, link: Some(link), ..face }, line);
        let label: String = line.iter().skip(start).map(|piece| piece.text.as_str()).collect();
        let says_its_target = [target, target.trim_start_matches("mailto:")].contains(&label.trim());
        let is_phone = target.starts_with("tel:") && !label.contains(char::is_alphabetic);
        if !says_its_target && !is_phone {
            let number = place(&mut self.numbered, link) + 1;
            let face = TextStyle { ink: Ink::Quiet, ..TextStyle::default() };
            line.push(Piece { text: format!("{NO_BREAK_SPACE}[{number}]"), face });
        }
    }

    fn image(&mut self, element: &HtmlElement) -> Option<TerminalBlock> {
        let alt = element.attribute("alt").trim().to_owned();
        let picture = place(&mut self.pictures, element.attribute("src").to_owned());
        // WCAG H67: an image with an empty alternative text is decorative.
        (!alt.is_empty()).then_some(TerminalBlock::Image { alt, picture })
    }

    fn notes(&mut self) -> Option<TerminalBlock> {
        let numbers = self.noted + 1..;
        let notes: Vec<Note> = self
            .numbered
            .iter()
            .skip(self.noted)
            .zip(numbers)
            .map(|(&link, number)| Note { number, link })
            .collect();
        self.noted = self.numbered.len();
        (!notes.is_empty()).then_some(TerminalBlock::Notes(notes))
    }
}

/// The value's position in the list, to which it is added if it is new.
fn place<T: PartialEq>(list: &mut Vec<T>, value: T) -> usize {
    list.iter().position(|known| *known == value).unwrap_or_else(|| {
        list.push(value);
        list.len() - 1
    })
}

/// A line break in the letter itself.
pub(super) const HARD_BREAK: &str = "\u{b}";
const NO_BREAK_SPACE: char = '\u{a0}';

fn paragraph(line: Vec<Piece>) -> Option<TerminalBlock> {
    let has_text = line.iter().any(|piece| !piece.text.trim().is_empty());
    has_text.then_some(TerminalBlock::Paragraph(line))
}

fn label(element: &HtmlElement) -> String {
    match element.attribute("alt").trim() {
        "" => String::new(),
        alt => format!("[{alt}]"),
    }
}

fn checkbox(element: &HtmlElement) -> &'static str {
    if element.has("checked") { "[x]" } else { "[ ]" }
}

fn is_hidden(element: &HtmlElement) -> bool {
    HIDDEN.contains(&element.name.as_str()) || element.has_style("display", "none")
}

fn text_of(element: &HtmlElement) -> String {
    let children = element.children.iter().map(|child| match child {
        HtmlNode::Text(text) => text.clone(),
        HtmlNode::Element(element) => text_of(element),
    });
    children.collect()
}
