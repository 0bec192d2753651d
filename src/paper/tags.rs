//! The structure of a letter for screen readers: headings, lists, links.

use std::num::NonZeroU16;

use krilla::tagging::{Identifier, Node, Tag, TagGroup, TagKind};

/// A node with the content drawn for it.
#[derive(Debug, Clone)]
struct TagNode {
    kind: TagKind,
    parent: Option<usize>,
    /// The URL of a link.
    url: Option<String>,
}

/// The nodes of a part of a letter.
#[derive(Debug, Clone, Default)]
pub(super) struct Tags(Vec<TagNode>);

impl Tags {
    /// Adds a node and returns its number.
    pub fn add(&mut self, kind: impl Into<TagKind>, parent: Option<usize>) -> usize {
        self.0.push(TagNode { kind: kind.into(), parent, url: None });
        self.0.len() - 1
    }

    pub fn add_link(&mut self, url: &str, parent: usize) -> usize {
        self.0.push(TagNode { kind: Tag::Link.into(), parent: Some(parent), url: Some(url.to_owned()) });
        self.0.len() - 1
    }

    pub fn url(&self, node: usize) -> Option<&str> {
        self.0.get(node)?.url.as_deref()
    }

    fn parent(&self, node: usize) -> Option<usize> {
        self.0.get(node)?.parent
    }
}

/// The tag for a heading; its text is shown in a screen reader's list of headings.
pub(super) fn heading(level: u8, text: &str) -> TagKind {
    let level = NonZeroU16::new(u16::from(level)).unwrap_or(NonZeroU16::MIN);
    Tag::Hn(level, Some(text.to_owned())).into()
}

#[derive(Debug, Clone)]
enum Child {
    Drawn(Identifier),
    Node(usize),
}

/// The drawn content of nodes, in order.
#[derive(Debug)]
pub(super) struct DrawnTags<'a> {
    tags: &'a Tags,
    children: Vec<Vec<Child>>,
    placed: Vec<bool>,
    roots: Vec<usize>,
}

impl<'a> DrawnTags<'a> {
    pub fn new(tags: &'a Tags) -> Self {
        let count = tags.0.len();
        Self { tags, children: vec![Vec::new(); count], placed: vec![false; count], roots: Vec::new() }
    }

    /// Records content drawn for a node.
    pub fn push(&mut self, node: usize, identifier: Identifier) {
        let mut at = node;
        while let Some(placed) = self.placed.get_mut(at).filter(|placed| !**placed) {
            *placed = true;
            match self.tags.parent(at) {
                Some(parent) => {
                    if let Some(children) = self.children.get_mut(parent) {
                        children.push(Child::Node(at));
                    }
                    at = parent;
                }
                None => self.roots.push(at),
            }
        }
        if let Some(children) = self.children.get_mut(node) {
            children.push(Child::Drawn(identifier));
        }
    }

    /// The nodes with drawn content.
    pub fn groups(&self) -> Vec<TagGroup> {
        self.roots.iter().filter_map(|root| self.group(*root)).collect()
    }

    fn group(&self, node: usize) -> Option<TagGroup> {
        let mut group = TagGroup::new(self.tags.0.get(node)?.kind.clone());
        for child in self.children.get(node)? {
            match child {
                Child::Drawn(identifier) => group.push(*identifier),
                Child::Node(inner) => {
                    if let Some(inner) = self.group(*inner) {
                        group.push(Node::Group(inner));
                    }
                }
            }
        }
        Some(group)
    }
}
