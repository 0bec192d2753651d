//! Rows of a member list: a member's data before it is matched with the register.

use std::collections::{BTreeMap, HashSet};
use std::hash::{BuildHasher, RandomState};

use serde::Serialize;

use super::Address;

/// A row of a member list that can be imported.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct ListedMember {
    /// The line of the file on which the row starts, from 1.
    pub line: u64,
    pub number: Option<String>,
    pub name: String,
    pub address: Option<Address>,
    /// The other fields that have a value.
    pub fields: BTreeMap<String, String>,
    /// Remarks for a person to look at.
    pub remarks: Vec<Remark>,
}

/// A row that cannot be imported, with its place and the invalid value.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct InvalidRow {
    pub line: u64,
    /// The column's header; empty if the remark is about the whole row.
    pub column: String,
    pub value: String,
    pub reason: String,
    /// The row's member number, so that a typing error in it does not remove the member from the register.
    #[serde(skip)]
    pub number: Option<String>,
    #[serde(skip)]
    pub name: String,
}

/// A remark for a person to look at; it changes nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remark {
    pub line: u64,
    /// The column's header.
    pub column: String,
    pub value: String,
    pub message: String,
}

/// A set of texts, such as the member numbers of a list. It stores hashes, so that a million texts take only 19 MB.
#[derive(Debug, Default)]
pub struct TextSet {
    hashes: HashSet<u64>,
    hasher: RandomState,
}

impl ListedMember {
    /// The identity of a member who has neither address nor number: name, organisation and street.
    pub fn paper_key(&self) -> String {
        let field = |name: &str| self.fields.get(name).map_or("", String::as_str);
        format!("{}\u{1f}{}\u{1f}{}", self.name, field("organisation"), field("street")).to_lowercase()
    }
}

impl TextSet {
    /// Tells whether the set is empty.
    pub fn is_empty(&self) -> bool {
        self.hashes.is_empty()
    }

    /// Adds a text; returns false if it was in the set already.
    pub fn insert(&mut self, text: &str) -> bool {
        self.hashes.insert(self.hasher.hash_one(text))
    }

    /// Tells whether the text is in the set.
    pub fn contains(&self, text: &str) -> bool {
        self.hashes.contains(&self.hasher.hash_one(text))
    }
}
