//! What a letter is made of, whatever its width: read from the HTML that is sent.

use super::clean::{clean, clean_lines};
use crate::compose::tree::{Element, Node};

/// The tables of the letter's frame are inside one another, and sections may have as many elements again.
const DEEPEST: usize = 128;

/// How a piece of text looks.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub struct Face {
    pub ink: Ink,
    pub bold: bool,
    pub italic: bool,
    pub strike: bool,
    /// The number of the link it belongs to, from 0.
    pub link: Option<usize>,
}

/// What a piece of text is, for its colour.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Hash)]
pub enum Ink {
    #[default]
    Plain,
    Title,
    Link,
    Button,
    Frame,
    Code,
    /// Notes, labels, the letter's foot.
    Quiet,
}

/// A text of one face.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Piece {
    pub text: String,
    pub face: Face,
}

#[derive(Debug, PartialEq, Eq)]
pub(super) enum Block {
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
    Table(Vec<Vec<Cell>>),
    Event(Vec<Self>),
    Button(Vec<Piece>),
    Image {
        alt: String,
        picture: usize,
    },
    Rule,
    /// The links since the last notes.
    Notes(Vec<Note>),
    Foot(Vec<Self>),
}

#[derive(Debug, PartialEq, Eq)]
pub(super) struct Cell {
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

/// A letter that is read and not yet laid out.
#[derive(Debug)]
pub struct Document {
    pub(super) blocks: Vec<Block>,
    /// Targets of the links.
    pub links: Vec<String>,
    /// Sources of the pictures.
    pub pictures: Vec<String>,
}

/// Elements that are in a line of text.
const INLINE: [&str; 22] = [
    "a", "abbr", "b", "bdi", "bdo", "br", "cite", "code", "del", "em", "font", "i", "input", "ins", "kbd",
    "mark", "s", "small", "span", "strong", "sub", "sup",
];
const HIDDEN: [&str; 5] = ["head", "script", "style", "template", "title"];

impl Document {
    /// Reads the HTML of a letter or of a part of one.
    pub fn read(html: &str) -> Self {
        let mut reader = Reader::default();
        let mut blocks = reader.blocks(&Element::parse(html, DEEPEST).map(clean_lines, clean));
        blocks.extend(reader.notes());
        Self { blocks, links: reader.links, pictures: reader.pictures }
    }
}

#[derive(Default)]
struct Reader {
    links: Vec<String>,
    /// The links that have a number, which is their place here plus one.
    numbered: Vec<usize>,
    /// How many of them are in notes already.
    noted: usize,
    pictures: Vec<String>,
}

impl Reader {
    fn blocks(&mut self, parent: &Element) -> Vec<Block> {
        let mut blocks = Vec::new();
        let mut line = Vec::new();
        for node in &parent.children {
            match node {
                Node::Text(text) => line.push(Piece { text: text.clone(), face: Face::default() }),
                Node::Element(element) if INLINE.contains(&element.name.as_str()) => {
                    self.inline(element, Face::default(), &mut line);
                }
                Node::Element(element) if is_hidden(element) => {}
                Node::Element(element) => {
                    blocks.extend(paragraph(std::mem::take(&mut line)));
                    self.block(element, &mut blocks);
                }
            }
        }
        blocks.extend(paragraph(line));
        blocks
    }

    fn block(&mut self, element: &Element, blocks: &mut Vec<Block>) {
        match element.name.as_str() {
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => self.heading(element, blocks),
            "ul" | "ol" => blocks.push(self.list(element)),
            "blockquote" => {
                let inside = self.blocks(element);
                blocks.push(Block::Quote(inside));
            }
            "pre" => blocks.push(Block::Code(text_of(element))),
            "hr" => blocks.push(Block::Rule),
            "img" => blocks.extend(self.image(element)),
            "table" if element.has_class("event") => {
                let inside = self.blocks(element);
                blocks.push(Block::Event(inside));
            }
            "td" if element.has_class("date") => {
                let mut line = self.text(element, Face::default());
                line.iter_mut().for_each(|piece| piece.text = piece.text.replace(HARD_BREAK, " "));
                blocks.extend(paragraph(line));
            }
            "table" if element.has_class("contents") => self.contents(element, blocks),
            "table" if element.attribute("role") != Some("presentation") => {
                let mut rows = Vec::new();
                self.rows(element, &mut rows);
                blocks.push(Block::Table(rows));
            }
            "td" if element.has_class("button-cell") => {
                let label = self.text(element, Face { ink: Ink::Button, ..Face::default() });
                blocks.push(Block::Button(label));
            }
            "td" if element.has_class("foot") => {
                blocks.extend(self.notes());
                let inside = self.blocks(element);
                blocks.push(Block::Foot(inside));
            }
            _ => blocks.extend(self.blocks(element)),
        }
    }

    fn heading(&mut self, element: &Element, blocks: &mut Vec<Block>) {
        let level = element.name.trim_start_matches('h').parse().unwrap_or(6);
        if level <= 2 {
            blocks.extend(self.notes());
        }
        let text = self.text(element, Face { ink: Ink::Title, bold: true, ..Face::default() });
        blocks.push(Block::Heading { level, text });
    }

    /// The table of contents: its heading, and the titles as a numbered list.
    fn contents(&mut self, element: &Element, blocks: &mut Vec<Block>) {
        let rows = element.elements().flat_map(Element::elements);
        let cells: Vec<&Element> = rows.flat_map(Element::elements).collect();
        let (titles, others): (Vec<_>, Vec<_>) =
            cells.into_iter().partition(|cell| cell.has_class("contents-row"));
        for head in others.into_iter().filter(|cell| cell.has_class("contents-head")) {
            blocks.extend(self.blocks(head));
        }
        let items = titles.into_iter().map(|title| self.blocks(title)).collect();
        blocks.push(Block::List { first: Some(1), items });
    }

    fn list(&mut self, element: &Element) -> Block {
        let first = (element.name == "ol")
            .then(|| element.attribute("start").and_then(|start| start.parse().ok()).unwrap_or(1));
        let items =
            element.elements().filter(|item| item.name == "li").map(|item| self.blocks(item)).collect();
        Block::List { first, items }
    }

    fn rows(&mut self, element: &Element, rows: &mut Vec<Vec<Cell>>) {
        for child in element.elements() {
            if child.name == "tr" {
                rows.push(child.elements().map(|cell| self.cell(cell)).collect());
            } else {
                self.rows(child, rows);
            }
        }
    }

    fn cell(&mut self, element: &Element) -> Cell {
        let is_header = element.name == "th";
        let to_the_right = element.has_style("text-align", "right")
            || element.attribute("align").is_some_and(|align| align.eq_ignore_ascii_case("right"));
        Cell {
            text: self.text(element, Face { bold: is_header, ..Face::default() }),
            is_header,
            to_the_right,
        }
    }

    /// All of an element as one line of text.
    fn text(&mut self, element: &Element, face: Face) -> Vec<Piece> {
        let mut line = Vec::new();
        self.inline_children(element, face, &mut line);
        line
    }

    fn inline_children(&mut self, element: &Element, face: Face, line: &mut Vec<Piece>) {
        for node in &element.children {
            match node {
                Node::Text(text) => line.push(Piece { text: text.clone(), face }),
                Node::Element(child) if is_hidden(child) => {}
                Node::Element(child) => self.inline(child, face, line),
            }
        }
    }

    fn inline(&mut self, element: &Element, face: Face, line: &mut Vec<Piece>) {
        let face = match element.name.as_str() {
            "a" => return self.link(element, face, line),
            "br" => return line.push(Piece { text: HARD_BREAK.to_owned(), face }),
            "img" => {
                return line.push(Piece { text: label(element), face: Face { ink: Ink::Quiet, ..face } });
            }
            "input" => return line.push(Piece { text: checkbox(element).to_owned(), face }),
            "strong" | "b" => Face { bold: true, ..face },
            "em" | "i" | "cite" => Face { italic: true, ..face },
            "del" | "s" => Face { strike: true, ..face },
            "code" | "kbd" => Face { ink: Ink::Code, ..face },
            _ => face,
        };
        self.inline_children(element, face, line);
    }

    fn link(&mut self, element: &Element, face: Face, line: &mut Vec<Piece>) {
        let target = element.attribute("href").unwrap_or_default();
        if target.is_empty() || target.starts_with('#') {
            return self.inline_children(element, face, line);
        }
        let link = place(&mut self.links, target.to_owned());
        let ink = if face.ink == Ink::Plain { Ink::Link } else { face.ink };
        let start = line.len();
        self.inline_children(element, Face { ink, link: Some(link), ..face }, line);
        let label: String = line.iter().skip(start).map(|piece| piece.text.as_str()).collect();
        let says_its_target = [target, target.trim_start_matches("mailto:")].contains(&label.trim());
        let is_phone = target.starts_with("tel:") && !label.contains(char::is_alphabetic);
        if !says_its_target && !is_phone {
            let number = place(&mut self.numbered, link) + 1;
            let face = Face { ink: Ink::Quiet, ..Face::default() };
            line.push(Piece { text: format!("{NO_BREAK_SPACE}[{number}]"), face });
        }
    }

    fn image(&mut self, element: &Element) -> Option<Block> {
        let alt = element.attribute("alt").unwrap_or_default().trim().to_owned();
        let picture = place(&mut self.pictures, element.attribute("src").unwrap_or_default().to_owned());
        // WCAG H67: an empty alternative text says that the image is for the eye only.
        (!alt.is_empty()).then_some(Block::Image { alt, picture })
    }

    fn notes(&mut self) -> Option<Block> {
        let numbers = self.noted + 1..;
        let notes: Vec<Note> = self
            .numbered
            .iter()
            .skip(self.noted)
            .zip(numbers)
            .map(|(&link, number)| Note { number, link })
            .collect();
        self.noted = self.numbered.len();
        (!notes.is_empty()).then_some(Block::Notes(notes))
    }
}

/// The value's place in the list, at whose end it is put if it is new.
fn place<T: PartialEq>(list: &mut Vec<T>, value: T) -> usize {
    list.iter().position(|known| *known == value).unwrap_or_else(|| {
        list.push(value);
        list.len() - 1
    })
}

/// A line end that the letter asks for.
pub(super) const HARD_BREAK: &str = "\u{b}";
const NO_BREAK_SPACE: char = '\u{a0}';

fn paragraph(line: Vec<Piece>) -> Option<Block> {
    let has_text = line.iter().any(|piece| !piece.text.trim().is_empty());
    has_text.then_some(Block::Paragraph(line))
}

fn label(element: &Element) -> String {
    match element.attribute("alt").unwrap_or_default().trim() {
        "" => String::new(),
        alt => format!("[{alt}]"),
    }
}

fn checkbox(element: &Element) -> &'static str {
    if element.attribute("checked").is_some() { "[x]" } else { "[ ]" }
}

fn is_hidden(element: &Element) -> bool {
    HIDDEN.contains(&element.name.as_str()) || element.is_hidden()
}

fn text_of(element: &Element) -> String {
    let children = element.children.iter().map(|child| match child {
        Node::Text(text) => text.clone(),
        Node::Element(element) => text_of(element),
    });
    children.collect()
}
