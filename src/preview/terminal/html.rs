//! The letter's HTML as a tree.
//!
//! A serialiser wrote the HTML, so its tags are balanced, and html5ever's tokenizer with a stack is enough.

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer};

use crate::compose::VOID_ELEMENTS;

use super::clean::{clean, clean_lines};

/// Elements with content that is not text.
const RAW: [&str; 2] = ["style", "script"];

#[derive(Debug)]
pub(super) enum HtmlNode {
    Text(String),
    Element(HtmlElement),
}

#[derive(Debug, Default)]
pub(super) struct HtmlElement {
    pub name: String,
    attributes: Vec<(String, String)>,
    pub children: Vec<HtmlNode>,
}

impl HtmlElement {
    /// The value of an attribute; empty if there is none.
    pub fn attribute(&self, name: &str) -> &str {
        self.attributes.iter().find(|(known, _)| known == name).map_or("", |(_, value)| value)
    }

    /// Tells whether the element has the attribute, such as `checked`.
    pub fn has(&self, name: &str) -> bool {
        self.attributes.iter().any(|(known, _)| known == name)
    }

    /// Tells whether the element has the class.
    pub fn has_class(&self, class: &str) -> bool {
        self.attribute("class").split_ascii_whitespace().any(|known| known == class)
    }

    /// Tells whether the element's style has the declaration.
    pub fn has_style(&self, property: &str, value: &str) -> bool {
        let declarations = self.attribute("style").split(';');
        declarations.filter_map(|declaration| declaration.split_once(':')).any(|(name, given)| {
            name.trim().eq_ignore_ascii_case(property) && given.trim().eq_ignore_ascii_case(value)
        })
    }

    /// The elements among the children.
    pub fn elements(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter_map(|child| match child {
            HtmlNode::Element(element) => Some(element),
            HtmlNode::Text(_) => None,
        })
    }
}

/// Parses a document or a part of one; the root has no name.
pub(super) fn parse(html: &str) -> HtmlElement {
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(html));
    let tokenizer =
        Tokenizer::new(HtmlTreeBuilder::default(), html5ever::tokenizer::TokenizerOpts::default());
    // The tokenizer stops only at scripts, which are raw text here.
    let _done = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink.open.into_inner().finish()
}

/// Builds the tree from tokens.
#[derive(Default)]
struct HtmlTreeBuilder {
    open: RefCell<OpenElements>,
}

/// The open elements, the outermost first.
#[derive(Default)]
struct OpenElements {
    root: HtmlElement,
    open: Vec<HtmlElement>,
}

impl TokenSink for HtmlTreeBuilder {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut stack = self.open.borrow_mut();
        match token {
            Token::CharacterTokens(text) => stack.text(&text),
            Token::TagToken(tag) => {
                let is_raw = RAW.contains(&&*tag.name) && tag.kind == TagKind::StartTag;
                stack.tag(&tag);
                if is_raw {
                    return TokenSinkResult::RawData(RawKind::Rawtext);
                }
            }
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

impl OpenElements {
    fn add(&mut self, node: HtmlNode) {
        self.open.last_mut().unwrap_or(&mut self.root).children.push(node);
    }

    fn text(&mut self, text: &str) {
        let text = clean_lines(text);
        match self.open.last_mut().unwrap_or(&mut self.root).children.last_mut() {
            // Text arrives in pieces, with a new one at each character reference.
            Some(HtmlNode::Text(start)) => start.push_str(&text),
            _ => self.add(HtmlNode::Text(text)),
        }
    }

    fn tag(&mut self, tag: &Tag) {
        match tag.kind {
            TagKind::EndTag => self.close(&tag.name),
            TagKind::StartTag => {
                let element = element(tag);
                if tag.self_closing || VOID_ELEMENTS.contains(&element.name.as_str()) {
                    self.add(HtmlNode::Element(element));
                } else {
                    self.open.push(element);
                }
            }
        }
    }

    /// Closes the innermost element of this name and everything in it; an unmatched end tag is ignored.
    fn close(&mut self, name: &str) {
        let Some(depth) = self.open.iter().rposition(|element| element.name == *name) else { return };
        while self.open.len() > depth {
            self.close_one();
        }
    }

    fn close_one(&mut self) {
        if let Some(element) = self.open.pop() {
            self.add(HtmlNode::Element(element));
        }
    }

    fn finish(mut self) -> HtmlElement {
        while !self.open.is_empty() {
            self.close_one();
        }
        self.root
    }
}

fn element(tag: &Tag) -> HtmlElement {
    let attributes =
        tag.attrs.iter().map(|attribute| (attribute.name.local.to_string(), clean(&attribute.value)));
    HtmlElement { name: tag.name.to_string(), attributes: attributes.collect(), children: Vec::new() }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn shape(element: &HtmlElement) -> String {
        let children = element.children.iter().map(|child| match child {
            HtmlNode::Text(text) => text.clone(),
            HtmlNode::Element(element) => shape(element),
        });
        format!("{}({})", element.name, children.collect::<Vec<_>>().join(","))
    }

    #[test]
    fn html_becomes_a_tree() {
        for (html, want) in [
            ("<p>a<br>b &amp; c</p>", "(p(a,br(),b & c))"),
            ("<style>p > a { }</style>x", "(style(p > a { }),x)"),
            ("<ul><li>a</ul>b</p>", "(ul(li(a)),b)"),
            ("<p>a\u{1b}[31mb", "(p(a[31mb))"),
        ] {
            assert_eq!(shape(&parse(html)), want, "{html}");
        }
    }

    #[test]
    fn attributes_are_found() {
        let root = parse("<p class='a b' style='color: red; display: NONE'>x</p>");
        let element = root.elements().next().unwrap();
        assert!(element.has_class("b") && !element.has_class("c"));
        assert!(element.has_style("display", "none") && element.attribute("id").is_empty());
    }
}
