//! The blocks and the running text of a section, parsed from its HTML.

use std::rc::Rc;

use super::links;
use super::tree::{SectionElement, SectionNode, parse};

/// How a text differs from the surrounding text.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) struct Style {
    pub bold: bool,
    pub italic: bool,
    pub strike: bool,
    pub small: bool,
    pub rise: Rise,
}

/// Whether a text is raised or lowered.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Rise {
    #[default]
    None,
    Raised,
    Lowered,
}

/// A piece of running text.
#[derive(Debug, Clone, PartialEq)]
pub(super) enum Inline {
    Text {
        text: String,
        style: Style,
        language: Option<Rc<str>>,
        link: Option<usize>,
    },
    Break,
    Picture {
        src: String,
        alt: String,
        width: Option<f32>,
    },
    /// A bar filled to a share between 0 and 1.
    Meter {
        share: f32,
        alt: String,
    },
}

/// A cell of a table.
#[derive(Debug, Clone, PartialEq, Default)]
pub(super) struct PaperCell {
    pub content: Vec<Inline>,
    pub align: Align,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub(super) enum Align {
    #[default]
    Left,
    Center,
    Right,
}

#[derive(Debug, Clone, PartialEq)]
pub(super) enum PaperBlock {
    Paragraph(Vec<Inline>),
    Heading(u8, Vec<Inline>),
    /// A list with its first number, or with bullets.
    List(Option<u64>, Vec<Vec<PaperBlock>>),
    Quote(Vec<PaperBlock>),
    Indented(Vec<PaperBlock>),
    Note(Vec<PaperBlock>),
    /// The header rows, and the others.
    Table(Vec<Vec<PaperCell>>, Vec<Vec<PaperCell>>),
    Rule,
    Code(Vec<Inline>),
}

/// The content of a section's HTML; links are numbered.
#[derive(Debug, Default, PartialEq)]
pub(super) struct SectionContent {
    pub blocks: Vec<PaperBlock>,
    pub links: Vec<String>,
}

/// Reads a section's HTML.
pub(super) fn read(html: &str) -> SectionContent {
    let mut reader = BlockReader::default();
    let blocks = reader.flow(&parse(html), &Around::default());
    SectionContent { blocks, links: reader.links }
}

/// The effect of the surrounding elements on a text.
#[derive(Debug, Clone, Default)]
struct Around {
    style: Style,
    language: Option<Rc<str>>,
    link: Option<usize>,
    preformatted: bool,
}

#[derive(Debug, Default)]
struct BlockReader {
    links: Vec<String>,
}

/// Complete blocks, and the running text after them.
#[derive(Default)]
struct Flow {
    blocks: Vec<PaperBlock>,
    open: Vec<Inline>,
}

impl Flow {
    fn flush(&mut self) {
        let open = std::mem::take(&mut self.open);
        if open.iter().any(is_printed) {
            self.blocks.push(PaperBlock::Paragraph(open));
        }
    }

    fn block(&mut self, block: PaperBlock) {
        self.flush();
        self.blocks.push(block);
    }

    fn text(&mut self, text: &str, around: &Around) {
        if !text.is_empty() {
            let Around { style, language, link, .. } = around.clone();
            self.open.push(Inline::Text { text: text.to_owned(), style, language, link });
        }
    }

    /// Tells whether the running text is only a footnote's number, which belongs to the paragraph after it.
    fn is_label(&self) -> bool {
        let mut printed = self.open.iter().filter(|inline| is_printed(inline)).peekable();
        printed.peek().is_some()
            && printed
                .all(|inline| matches!(inline, Inline::Text { style, .. } if style.rise == Rise::Raised))
    }
}

fn is_printed(inline: &Inline) -> bool {
    match inline {
        Inline::Text { text, .. } => !text.trim().is_empty(),
        Inline::Break => false,
        Inline::Picture { .. } | Inline::Meter { .. } => true,
    }
}

impl BlockReader {
    fn flow(&mut self, element: &SectionElement, around: &Around) -> Vec<PaperBlock> {
        let mut flow = Flow::default();
        self.children(element, around, &mut flow);
        flow.flush();
        flow.blocks
    }

    fn inline(&mut self, element: &SectionElement, around: &Around) -> Vec<Inline> {
        flattened(self.flow(element, around))
    }

    fn children(&mut self, element: &SectionElement, around: &Around, flow: &mut Flow) {
        for child in &element.children {
            match child {
                SectionNode::Text(text) if around.preformatted => preformatted(text, around, flow),
                SectionNode::Text(text) => flow.text(text, around),
                SectionNode::Element(child) => self.element(child, around, flow),
            }
        }
    }

    fn element(&mut self, element: &SectionElement, around: &Around, flow: &mut Flow) {
        let mut inner = around.clone();
        if let Some(language) = element.attribute("lang") {
            inner.language = Some(language.into());
        }
        let around = inner;
        match element.name.as_str() {
            "p" | "dt" | "figcaption" | "caption" | "summary" => self.paragraph(element, around, flow),
            "h1" | "h2" | "h3" | "h4" | "h5" | "h6" => {
                let level = element.name.get(1..).and_then(|level| level.parse().ok()).unwrap_or(3);
                let text = self.inline(element, &around);
                if text.iter().any(is_printed) {
                    flow.block(PaperBlock::Heading(level, text));
                }
            }
            "ul" | "ol" => {
                let items = element.elements().filter(|child| child.name == "li" || child.name == "ul");
                let items = items.map(|item| self.flow(item, &around)).collect();
                let start = element.attribute("start").and_then(|start| start.trim().parse().ok());
                flow.block(PaperBlock::List((element.name == "ol").then_some(start.unwrap_or(1)), items));
            }
            "blockquote" => flow.block(PaperBlock::Quote(self.flow(element, &around))),
            "dd" => flow.block(PaperBlock::Indented(self.flow(element, &around))),
            "table" => self.table(element, &around, flow),
            "hr" => flow.block(PaperBlock::Rule),
            "pre" => {
                let code = self.inline(element, &Around { preformatted: true, ..around });
                flow.block(PaperBlock::Code(code));
            }
            "div" | "section" | "aside" | "article" | "figure" | "dl" | "details" | "footer" | "header" => {
                self.container(element, &around, flow);
            }
            _ => self.phrase(element, around, flow),
        }
    }

    fn paragraph(&mut self, element: &SectionElement, mut around: Around, flow: &mut Flow) {
        if flow.is_label() {
            flow.text(" ", &around);
        } else {
            flow.flush();
        }
        around.style.bold |= element.name == "dt" || element.name == "caption";
        around.style.small |= element.name == "figcaption";
        self.children(element, &around, flow);
        flow.flush();
    }

    fn container(&mut self, element: &SectionElement, around: &Around, flow: &mut Flow) {
        flow.flush();
        let is_note = element.attribute("class").is_some_and(|class| class.contains("footnote"));
        if is_note {
            let blocks = self.flow(element, around);
            flow.block(PaperBlock::Note(blocks));
        } else {
            self.children(element, around, flow);
            flow.flush();
        }
    }

    fn phrase(&mut self, element: &SectionElement, mut around: Around, flow: &mut Flow) {
        match element.name.as_str() {
            "br" => flow.open.push(Inline::Break),
            "img" => flow.open.push(picture(element)),
            "meter" => flow.open.push(meter(element)),
            "input" => {
                let box_drawn = if element.attribute("checked").is_some() { "☑ " } else { "☐ " };
                flow.text(box_drawn, &around);
            }
            "wbr" => flow.text("\u{200b}", &around),
            "a" => self.link(element, &around, flow),
            "style" | "script" | "head" | "title" | "template" => {}
            name => {
                match name {
                    "strong" | "b" | "th" => around.style.bold = true,
                    "em" | "i" | "cite" | "dfn" | "var" => around.style.italic = true,
                    "del" | "s" | "strike" => around.style.strike = true,
                    "small" => around.style.small = true,
                    "sup" => around.style.rise = Rise::Raised,
                    "sub" => around.style.rise = Rise::Lowered,
                    _ => {}
                }
                self.children(element, &around, flow);
            }
        }
    }

    fn link(&mut self, element: &SectionElement, around: &Around, flow: &mut Flow) {
        let url = element.attribute("href").unwrap_or_default().trim();
        let mut inner = around.clone();
        if links::is_external(url) && around.link.is_none() {
            inner.link = Some(self.links.len());
            self.links.push(url.to_owned());
        }
        self.children(element, &inner, flow);
        let text = element.text();
        if inner.link.is_none() {
            return;
        }
        if let Some(address) = links::printed_address(url, &text) {
            let bare = Around { style: Style { small: true, ..Style::default() }, ..inner };
            let is_empty = text.trim().is_empty();
            let address = if is_empty { address } else { format!("({address})") };
            flow.text(" ", around);
            flow.text(&address, &bare);
        }
    }

    fn table(&mut self, element: &SectionElement, around: &Around, flow: &mut Flow) {
        flow.flush();
        let (mut head, mut body) = (Vec::new(), Vec::new());
        for part in element.elements() {
            match part.name.as_str() {
                "tr" => body.push(self.row(part, around)),
                "caption" => self.paragraph(part, around.clone(), flow),
                name => {
                    let rows =
                        part.elements().filter(|row| row.name == "tr").map(|row| self.row(row, around));
                    if name == "thead" { head.extend(rows) } else { body.extend(rows) }
                }
            }
        }
        if head.iter().chain(&body).flatten().any(|cell| cell.content.iter().any(is_printed)) {
            flow.block(PaperBlock::Table(head, body));
        }
    }

    fn row(&mut self, row: &SectionElement, around: &Around) -> Vec<PaperCell> {
        let mut cells = Vec::new();
        for cell in row.elements() {
            let mut inner = around.clone();
            inner.style.bold |= cell.name == "th";
            cells.push(PaperCell { content: self.inline(cell, &inner), align: align(cell) });
        }
        cells
    }
}

fn align(cell: &SectionElement) -> Align {
    let style = cell.attribute("style").unwrap_or_default().replace(' ', "").to_ascii_lowercase();
    let given = cell.attribute("align").unwrap_or_default().to_ascii_lowercase();
    match given.as_str() {
        "right" => Align::Right,
        "center" => Align::Center,
        _ if style.contains("text-align:right") => Align::Right,
        _ if style.contains("text-align:center") => Align::Center,
        _ => Align::Left,
    }
}

fn number(element: &SectionElement, name: &str) -> Option<f32> {
    let value = element.attribute(name)?.trim().trim_end_matches("px").parse::<f32>().ok()?;
    value.is_finite().then_some(value)
}

fn picture(element: &SectionElement) -> Inline {
    let text = |name| element.attribute(name).unwrap_or_default().to_owned();
    let width = number(element, "width").filter(|width| *width >= 1.0);
    Inline::Picture { src: text("src"), alt: text("alt"), width }
}

fn meter(element: &SectionElement) -> Inline {
    let least = number(element, "min").unwrap_or(0.0);
    let most = number(element, "max").unwrap_or(1.0);
    let value = number(element, "value").unwrap_or(0.0);
    let share = if most > least { ((value - least) / (most - least)).clamp(0.0, 1.0) } else { 0.0 };
    let given = element.text();
    let alt = if given.trim().is_empty() { format!("{value} / {most}") } else { given.trim().to_owned() };
    Inline::Meter { share, alt }
}

/// Keeps the spaces and line breaks of a text.
fn preformatted(text: &str, around: &Around, flow: &mut Flow) {
    for (index, line) in text.split('\n').enumerate() {
        if index > 0 {
            flow.open.push(Inline::Break);
        }
        flow.text(&line.replace('\t', "    ").replace("  ", "\u{a0}\u{a0}"), around);
    }
}

/// Blocks as running text with line breaks, for a table cell or a heading.
fn flattened(blocks: Vec<PaperBlock>) -> Vec<Inline> {
    let mut text = Vec::new();
    for block in blocks {
        let more = match block {
            PaperBlock::Paragraph(inner) | PaperBlock::Heading(_, inner) | PaperBlock::Code(inner) => inner,
            PaperBlock::Quote(inner) | PaperBlock::Indented(inner) | PaperBlock::Note(inner) => {
                flattened(inner)
            }
            PaperBlock::List(start, items) => flattened_list(start, items),
            PaperBlock::Table(head, rows) => {
                let rows = head.into_iter().chain(rows);
                let cells = rows.flatten().map(|cell| PaperBlock::Paragraph(cell.content));
                flattened(cells.collect())
            }
            PaperBlock::Rule => continue,
        };
        if !text.is_empty() {
            text.push(Inline::Break);
        }
        text.extend(more);
    }
    text
}

fn flattened_list(start: Option<u64>, items: Vec<Vec<PaperBlock>>) -> Vec<Inline> {
    let items = items.into_iter().zip(0_u64..).map(|(item, index)| {
        let text = start.map_or("• ".to_owned(), |start| format!("{}. ", start.saturating_add(index)));
        let label = Inline::Text { text, style: Style::default(), language: None, link: None };
        PaperBlock::Paragraph(std::iter::once(label).chain(flattened(item)).collect())
    });
    flattened(items.collect())
}

#[cfg(test)]
mod tests;
