//! Member search.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

use super::Member;

/// The fields in which a search looks.
const SEARCHED: [&str; 6] = ["name", "email", "number", "organisation", "area", "city"];

/// A search query: each word must be in one of a member's searched fields.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct SearchQuery(Vec<String>);

/// The searchable text of one member.
#[derive(Debug, Clone)]
pub struct SearchedText(String);

impl SearchQuery {
    /// Splits a query into words, ignoring case and accents; an empty query matches everybody.
    pub fn new(text: &str) -> Self {
        Self(folded(text).split_whitespace().map(str::to_owned).collect())
    }

    /// Tells whether every word of the query is in the text.
    pub fn matches(&self, text: &SearchedText) -> bool {
        self.0.iter().all(|word| text.0.contains(word.as_str()))
    }
}

impl SearchedText {
    /// Collects a member's searchable text.
    pub fn of(member: &Member) -> Self {
        let values = SEARCHED.iter().filter_map(|field| member.field(field));
        Self(folded(&values.collect::<Vec<_>>().join("\n")))
    }
}

/// Lower case without diacritics: `gosta` finds Gösta.
fn folded(text: &str) -> String {
    text.nfkd().filter(|c| !is_combining_mark(*c)).flat_map(char::to_lowercase).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::member::tests::member;

    #[test]
    fn every_word_is_found_in_one_of_the_fields() {
        let text = SearchedText::of(&member("Gösta Ek", &[("organisation", "Byalaget"), ("area", "Ö")]));
        for (query, matches) in [
            ("", true),
            ("gosta", true),
            ("GÖSTA byala", true),
            ("anna@example", true),
            ("o ek", true),
            ("gosta bo", false),
        ] {
            assert_eq!(SearchQuery::new(query).matches(&text), matches, "{query:?}");
        }
    }
}
