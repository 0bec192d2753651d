//! A section's HTML as a tree of bounded depth.
//!
//! A serialiser wrote the HTML, so its tags are balanced, and html5ever's tokenizer with a stack is enough.

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::states::RawKind;
use html5ever::tokenizer::{BufferQueue, Tag, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer};

use crate::compose::VOID_ELEMENTS;

/// Elements whose content is not printed.
const RAW: [&str; 2] = ["style", "script"];
/// Deeper elements are skipped; their text stays.
const DEEPEST: usize = 32;

#[derive(Debug)]
pub(super) enum SectionNode {
    Text(String),
    Element(SectionElement),
}

#[derive(Debug, Default)]
pub(super) struct SectionElement {
    pub name: String,
    attributes: Vec<(String, String)>,
    pub children: Vec<SectionNode>,
}

impl SectionElement {
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    pub fn elements(&self) -> impl Iterator<Item = &Self> {
        self.children.iter().filter_map(|child| match child {
            SectionNode::Element(element) => Some(element),
            SectionNode::Text(_) => None,
        })
    }

    /// All text in the element.
    pub fn text(&self) -> String {
        let texts = self.children.iter().map(|child| match child {
            SectionNode::Text(text) => text.clone(),
            SectionNode::Element(element) => element.text(),
        });
        texts.collect()
    }
}

/// Parses a part of a document; the root has no name.
pub(super) fn parse(html: &str) -> SectionElement {
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(html));
    let tokenizer =
        Tokenizer::new(SectionTreeBuilder::default(), html5ever::tokenizer::TokenizerOpts::default());
    // The tokenizer stops only at scripts, which are raw text here.
    let _done = tokenizer.feed(&input);
    tokenizer.end();
    tokenizer.sink.stack.into_inner().finish()
}

#[derive(Default)]
struct SectionTreeBuilder {
    stack: RefCell<SectionStack>,
}

/// The open elements, the outermost first.
#[derive(Default)]
struct SectionStack {
    root: SectionElement,
    open: Vec<SectionElement>,
    /// Names of open elements that are too deep.
    skipped: Vec<String>,
}

impl TokenSink for SectionTreeBuilder {
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

impl SectionStack {
    fn siblings(&mut self) -> &mut Vec<SectionNode> {
        &mut self.open.last_mut().unwrap_or(&mut self.root).children
    }

    fn text(&mut self, text: &str) {
        match self.siblings().last_mut() {
            // Text arrives in pieces, with a new one at each character reference.
            Some(SectionNode::Text(start)) => start.push_str(text),
            _ => self.siblings().push(SectionNode::Text(text.to_owned())),
        }
    }

    fn tag(&mut self, tag: &Tag) {
        let name = tag.name.to_string();
        match tag.kind {
            TagKind::EndTag => self.close(&name),
            TagKind::StartTag if VOID_ELEMENTS.contains(&name.as_str()) => {
                self.siblings().push(SectionNode::Element(element(tag)));
            }
            TagKind::StartTag if self.open.len() >= DEEPEST => self.skipped.push(name),
            TagKind::StartTag => self.open.push(element(tag)),
        }
    }

    /// Closes the innermost element of this name and everything in it; an unmatched end tag is ignored.
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
        if let Some(element) = self.open.pop().filter(|element| !is_hidden(element)) {
            self.siblings().push(SectionNode::Element(element));
        }
    }

    fn finish(mut self) -> SectionElement {
        while !self.open.is_empty() {
            self.close_one();
        }
        self.root
    }
}

/// Whether mail programs hide the element, for example column names shown only on phones.
fn is_hidden(element: &SectionElement) -> bool {
    let style = element.attribute("style").unwrap_or_default().to_ascii_lowercase();
    style.split(';').any(|rule| rule.split_whitespace().collect::<String>() == "display:none")
}

fn element(tag: &Tag) -> SectionElement {
    let attributes =
        tag.attrs.iter().map(|attribute| (attribute.name.local.to_string(), attribute.value.to_string()));
    SectionElement { name: tag.name.to_string(), attributes: attributes.collect(), children: Vec::new() }
}
