//! A member in the register.

use std::collections::BTreeMap;
use std::fmt;

use serde::{Deserialize, Serialize};

use super::Address;

/// The register's own number for a member; never reused.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct MemberId(pub i64);

impl fmt::Display for MemberId {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

/// A person, an association or another party that gets the letter.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Member {
    pub id: MemberId,
    /// The association's own member number.
    pub number: Option<String>,
    pub name: String,
    /// `None` for members who get the letter on paper.
    pub address: Option<Address>,
    /// All other fields by their canonical names (see [`super::field`]); empty values are omitted.
    pub fields: BTreeMap<String, String>,
}

impl Member {
    /// The value of a field by its canonical name; `None` for empty and unknown fields.
    pub fn field(&self, name: &str) -> Option<&str> {
        let value = match name {
            "number" => self.number.as_deref(),
            "name" => Some(self.name.as_str()),
            "email" => self.address.as_ref().map(Address::as_str),
            "first_name" => return self.first_name(),
            _ => self.fields.get(name).map(String::as_str),
        };
        value.filter(|value| !value.is_empty())
    }

    /// The first name: the field of that name, or the part of the full name after the comma or before the first
    /// space.
    pub fn first_name(&self) -> Option<&str> {
        let given = self.fields.get("first_name").map(String::as_str);
        let derived = || match self.name.split_once(',') {
            Some((_, first)) => first.split_whitespace().next(),
            None => self.name.split_whitespace().next(),
        };
        given.or_else(derived).filter(|name| !name.is_empty())
    }
}

#[cfg(test)]
pub(crate) mod tests {
    use super::*;

    pub(crate) fn member(name: &str, fields: &[(&str, &str)]) -> Member {
        let fields = fields.iter().map(|(k, v)| ((*k).to_owned(), (*v).to_owned()));
        Member {
            id: MemberId(1),
            number: None,
            name: name.to_owned(),
            address: Address::parse("anna@example.se").ok(),
            fields: fields.collect(),
        }
    }

    #[test]
    fn the_first_name_is_a_field_or_part_of_the_full_name() {
        for (name, given, want) in
            [("Anna Ek", None, "Anna"), ("Ek, Anna Maria", None, "Anna"), ("Ek Anna", Some("Anna"), "Anna")]
        {
            let fields: Vec<_> = given.map(|g| ("first_name", g)).into_iter().collect();
            assert_eq!(member(name, &fields).first_name(), Some(want));
        }
        assert_eq!(member("", &[]).first_name(), None);
    }
}
