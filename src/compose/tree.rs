//! A letter's HTML as a tree of bounded depth.
//!
//! What is in a letter was written by a serialiser, so its tags are paired: html5ever's tokenizer and a stack are enough.

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer};

use super::VOID_ELEMENTS;

/// Elements whose text is not a text.
const RAW: [&str; 2] = ["style", "script"];

/// A text or an element.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum HtmlNode {
    Text(String),
    Element(HtmlElement),
}

/// An element with what is in it.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct HtmlElement {
    pub name: String,
    attributes: Vec<(String, String)>,
    pub children: Vec<HtmlNode>,
}

impl HtmlElement {
    /// Parses a document or a part of one; the root has no name. Elements that are more than `deepest` deep are passed over:
    /// their text is in the one around them.
    pub fn parse(html: &str, deepest: usize) -> Self {
        let input = BufferQueue::default();
        input.push_back(StrTendril::from(html));
        let builder =
            TreeBuilder { stack: RefCell::new(OpenElements { deepest, ..OpenElements::default() }) };
        let tokenizer = Tokenizer::new(builder, html5ever::tokenizer::TokenizerOpts::default());
        // The tokenizer stops only at scripts, which are raw text here.
        let _done = tokenizer.feed(&input);
        tokenizer.end();
        tokenizer.sink.stack.into_inner().finish()
    }

    /// The value of an attribute.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// Tells whether the element has the class.
    pub fn has_class(&self, class: &str) -> bool {
        self.attribute("class").unwrap_or_default().split_ascii_whitespace().any(|known| known == class)
    }

    /// Tells whether the element's style has the declaration.
    pub fn has_style(&self, property: &str, value: &str) -> bool {
        let declarations = self.attribute("style").unwrap_or_default().split(';');
        declarations.filter_map(|declaration| declaration.split_once(':')).any(|(name, given)| {
            name.trim().eq_ignore_ascii_case(property) && given.trim().eq_ignore_ascii_case(value)
        })
    }

    /// Tells whether a mail program would not show the element, such as the names of columns that only phones show.
    pub fn is_hidden(&self) -> bool {
        self.has_style("display", "none")
    }

    /// The elements among the children.
    pub fn elements(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter_map(|child| match child {
            HtmlNode::Element(element) => Some(element),
            HtmlNode::Text(_) => None,
        })
    }

    /// All text in the element.
    pub fn text(&self) -> String {
        let texts = self.children.iter().map(|child| match child {
            HtmlNode::Text(text) => text.clone(),
            HtmlNode::Element(element) => element.text(),
        });
        texts.collect()
    }

    /// The same with other texts and other values of attributes.
    #[must_use]
    pub fn map(self, text: fn(&str) -> String, value: fn(&str) -> String) -> Self {
        let attributes = self.attributes.into_iter().map(|(name, old)| (name, value(&old))).collect();
        let children = self.children.into_iter().map(|child| match child {
            HtmlNode::Text(old) => HtmlNode::Text(text(&old)),
            HtmlNode::Element(element) => HtmlNode::Element(element.map(text, value)),
        });
        Self { name: self.name, attributes, children: children.collect() }
    }
}

struct TreeBuilder {
    stack: RefCell<OpenElements>,
}

/// The elements whose end has not come yet, the outermost first.
#[derive(Default)]
struct OpenElements {
    deepest: usize,
    root: HtmlElement,
    open: Vec<HtmlElement>,
    /// Names of open elements that are too deep.
    skipped: Vec<String>,
}

impl TokenSink for TreeBuilder {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut stack = self.stack.borrow_mut();
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
    fn siblings(&mut self) -> &mut Vec<HtmlNode> {
        &mut self.open.last_mut().unwrap_or(&mut self.root).children
    }

    fn text(&mut self, text: &str) {
        match self.siblings().last_mut() {
            // A text comes in parts, at each character reference a new one.
            Some(HtmlNode::Text(start)) => start.push_str(text),
            _ => self.siblings().push(HtmlNode::Text(text.to_owned())),
        }
    }

    fn tag(&mut self, tag: &Tag) {
        let name = tag.name.to_string();
        match tag.kind {
            TagKind::EndTag => self.close(&name),
            TagKind::StartTag if VOID_ELEMENTS.contains(&name.as_str()) => {
                self.siblings().push(HtmlNode::Element(element(tag)));
            }
            TagKind::StartTag if self.open.len() >= self.deepest => self.skipped.push(name),
            TagKind::StartTag => self.open.push(element(tag)),
        }
    }

    /// Ends the innermost element of this name and all in it; an end without a start is passed over.
    fn close(&mut self, name: &str) {
        if let Some(at) = self.skipped.iter().rposition(|known| known == name) {
            self.skipped.truncate(at);
            return;
        }
        let Some(depth) = self.open.iter().rposition(|element| element.name == name) else { return };
        self.skipped.clear();
        while self.open.len() > depth {
            self.close_one();
        }
    }

    fn close_one(&mut self) {
        if let Some(element) = self.open.pop() {
            self.siblings().push(HtmlNode::Element(element));
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
        tag.attrs.iter().map(|attribute| (attribute.name.local.to_string(), attribute.value.to_string()));
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
            ("<i><b><u>a<s>b</s></u>c</b></i>d", "(i(b(u(ab),c)),d)"),
        ] {
            assert_eq!(shape(&HtmlElement::parse(html, 3)), want, "{html}");
        }
        let deep = HtmlElement::parse(&"<b>".repeat(100_000), 3);
        assert_eq!(shape(&deep), "(b(b(b())))");
        assert_eq!(shape(&deep.map(str::to_owned, str::to_owned)), "(b(b(b())))");
    }

    #[test]
    fn attributes_are_found() {
        let root = HtmlElement::parse("<p class='a b' style='color: red; display: NONE'>x</p>", 3);
        let element = root.elements().next().unwrap();
        assert!(element.has_class("b") && !element.has_class("c"));
        assert!(element.is_hidden() && element.attribute("id").is_none());
        let upper = root.map(str::to_uppercase, str::to_uppercase);
        assert_eq!(
            (upper.text(), upper.elements().next().unwrap().attribute("class")),
            ("X".to_owned(), Some("A B"))
        );
    }
}
