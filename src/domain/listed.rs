//! A member list's rows: the data of a member, before it is known which member of the register it is.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use serde::Serialize;

use super::Address;

/// A row that names a member.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListedMember {
    /// The line of the file on which it starts, from 1.
    pub line: u64,
    pub number: Option<String>,
    pub name: String,
    pub address: Option<Address>,
    /// The other fields that have a value.
    pub fields: BTreeMap<String, String>,
    /// What a person should look at.
    pub remarks: Vec<Remark>,
}

/// A row that cannot be imported, with its place and the value that is wrong.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct InvalidRow {
    pub line: u64,
    /// The column's header; empty if the whole row is meant.
    pub column: String,
    pub value: String,
    pub reason: String,
    /// Whom the row is about, so that a typing error does not take a member out of the register.
    #[serde(skip)]
    pub number: Option<String>,
    #[serde(skip)]
    pub name: String,
}

/// Something that a person should look at; nothing is changed because of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remark {
    pub line: u64,
    /// The column's header.
    pub column: String,
    pub value: String,
    pub message: String,
}

/// A set of texts, such as a list's member numbers. Hashes, not texts: a million take 19 MB.
#[derive(Debug, Default)]
pub struct TextSet {
    hashes: HashSet<u64>,
    hasher: RandomState,
}

impl ListedMember {
    /// The identity of a member without address and number: name, organisation and street.
    pub fn paper_key(&self) -> String {
        let field = |name: &str| self.fields.get(name).map_or("", String::as_str);
        format!("{}\u{1f}{}\u{1f}{}", self.name, field("organisation"), field("street")).to_lowercase()
    }
}

impl TextSet {
    /// Tells whether the set has no text.
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// Adds a text; false if the set has it already.
    pub fn insert(&mut self, text: &str) -> bool {
        self.hashes.insert(self.hasher.hash_one(text))
    }

    /// Tells whether the set has this text.
    pub fn contains(&self, text: &str) -> bool {
        self.hashes.contains(&self.hasher.hash_one(text))
    }
}
