//! Leftovers of a draft.

use std::ops::Range;

use super::{Finding, Subject};

const ADVICE: &str = "finish or remove the text";

/// Finds `TODO`, "lorem ipsum" and the like.
pub(super) fn words(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for passage in subject.passages() {
        let lower = passage.text.to_lowercase();
        // If lower case changes the length, the positions would be wrong.
        let lower = if lower.len() == passage.text.len() { lower.as_str() } else { &passage.text };
        let words = subject.words.leftovers.iter().map(|word| (passage.text.as_str(), word));
        let phrases = subject.words.leftover_phrases.iter().map(|phrase| (lower, phrase));
        for (text, word) in words.chain(phrases) {
            for range in whole_words(text, word) {
                let message = format!("`{word}` is left over from a draft");
                findings.push(Finding::error("leftover-word", message, ADVICE).at(passage.place(range)));
            }
        }
        if matches!(passage.text.trim_matches(|c: char| c.is_whitespace() || c == '\0'), "…" | "...") {
            let place = passage.place(0..passage.text.len());
            findings
                .push(Finding::error("leftover-word", "this text has not been written", ADVICE).at(place));
        }
    }
    findings
}

/// Finds `[datum]` and `[…]`.
pub(super) fn placeholders(subject: &Subject<'_>) -> Vec<Finding> {
    let known: Vec<&String> =
        subject.words.language.iter().flat_map(|language| &language.placeholders).collect();
    let mut findings = Vec::new();
    for passage in subject.passages() {
        for range in brackets(&passage.text) {
            let inner =
                passage.text.get(range.start + 1..range.end - 1).unwrap_or_default().trim().to_lowercase();
            let is_known = known.iter().any(|word| {
                inner == **word || (word.contains(' ') && inner.starts_with(&format!("{word} ")))
            });
            let finding = if is_known {
                Finding::error("placeholder", format!("`[{inner}]` has not been filled in"), ADVICE)
            } else if matches!(inner.as_str(), "…" | "...") {
                let advice = "finish the text; in a quotation you can leave it";
                Finding::warning("placeholder", format!("`[{inner}]` may be an unfilled placeholder"), advice)
            } else {
                continue;
            };
            findings.push(finding.at(passage.place(range)));
        }
    }
    findings
}

/// Finds fields of other newsletter systems and of word processors: `*|FNAME|*`, `<<Namn>>`, `«Namn»`, `%NAMN%`.
pub(super) fn merge_tags(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for passage in subject.passages() {
        for (open, close) in [("*|", "|*"), ("<<", ">>"), ("«", "»"), ("%", "%"), ("[[", "]]"), ("${", "}")]
        {
            for (start, _) in passage.text.match_indices(open) {
                let from = start + open.len();
                let rest = passage.text.get(from..).unwrap_or_default();
                let Some(length) = rest.find(close) else { continue };
                let name = rest.get(..length).unwrap_or_default();
                let is_name = !name.is_empty()
                    && name.len() <= 30
                    && name.chars().all(|c| c.is_alphanumeric() || "_:- ".contains(c))
                    && !name.starts_with(' ');
                // Guillemets are also quotation marks, and percentages are common, so only capitals count as a field
                // there.
                let is_shouted = name.chars().any(char::is_alphabetic)
                    && !name.chars().any(|c| c.is_lowercase() || c == ' ');
                if is_name && (is_shouted || !["%", "«"].contains(&open)) {
                    let message =
                        format!("`{open}{name}{close}` is a field of another system and stays as it is");
                    let advice = "write {{member.name}} or another field of the member list";
                    let end = from + length + close.len();
                    findings.push(Finding::error("merge-tag", message, advice).at(passage.place(start..end)));
                }
            }
        }
    }
    findings
}

/// The positions of `word` as a whole word.
fn whole_words<'t>(text: &'t str, word: &'t str) -> impl Iterator<Item = Range<usize>> {
    let is_joined = |c: Option<char>| c.is_some_and(|c| c.is_alphanumeric() || "-_/#\u{2011}".contains(c));
    text.match_indices(word).map(|(at, word)| at..at + word.len()).filter(move |range| {
        let before = text.get(..range.start).and_then(|before| before.chars().next_back());
        let after = text.get(range.end..).and_then(|after| after.chars().next());
        !is_joined(before) && !is_joined(after)
    })
}

/// Square brackets on one line, with their content.
fn brackets(text: &str) -> Vec<Range<usize>> {
    let mut found = Vec::new();
    for (start, _) in text.match_indices('[') {
        let rest = text.get(start + 1..).unwrap_or_default();
        if let Some(length) = rest.find(['[', ']', '\n', '\0'])
            && rest.get(length..).is_some_and(|end| end.starts_with(']'))
        {
            found.push(start..start + length + 2);
        }
    }
    found
}

#[cfg(test)]
mod tests {
    use super::super::tests::{found, names};
    use super::*;

    #[test]
    fn leftovers_of_a_draft_are_found() {
        for markdown in [
            "TODO: skriv mer",
            "Mer text (TODO).",
            "FIXME",
            "XXX kronor",
            "Lorem ipsum dolor sit amet",
            "**TODO**",
            "- [ ] TODO",
            "{{#if member.ort}}TODO{{/if}}",
            "…",
        ] {
            assert!(names(words, &format!("{markdown}\n")).contains(&"leftover-word"), "{markdown}");
        }
        assert_eq!(found(words, "", "Hej\n\noch TODO\n")[0].1, 6);
    }

    #[test]
    fn finished_texts_pass() {
        for markdown in [
            "todo",
            "Vår TODO-lista är lång",
            "METODOLOGI",
            "`TODO`",
            "    TODO\n",
            "https://example.se/TODO",
            "[lista](https://example.se/TODO)",
            "<!-- TODO -->",
            "{{!-- TODO --}}",
            "XXXL och XXL",
            "Och så …",
            "todo@example.se",
        ] {
            assert!(names(words, &format!("{markdown}\n")).is_empty(), "{markdown}");
        }
    }

    #[test]
    fn gaps_in_brackets_are_found() {
        for (markdown, want) in [
            ("Vi ses [datum] i bygdegården", 1),
            ("Kom till [PLATS]!", 1),
            ("[fyll i namn] hälsar", 1),
            ("Dear [name],", 1),
            ("\"Byn […] lever\"", 1),
            ("[länken](https://example.se)", 0),
            ("Han skrev \"vi [sic] komma\"", 0),
            ("- [x] Klart", 0),
            ("[1] och [2]", 0),
            ("`[datum]`", 0),
        ] {
            assert_eq!(names(placeholders, markdown).len(), want, "{markdown}");
        }
    }
}
