//! Finds possible tokens of ours in a message: VERP addresses, Message-IDs, unsubscribe links.

use std::collections::HashSet;

use super::header::Headers;
use super::mime::{MimeMessage, MimePart, Role};

/// A message has few; more would be an attempt to keep us busy checking signatures.
const MAX_TOKENS: usize = 64;
/// The maximum length of a local part (RFC 5321 §4.5.3.1.1).
const MAX_LENGTH: usize = 64;

const TO_US: [&str; 8] = [
    "to",
    "delivered-to",
    "x-original-to",
    "envelope-to",
    "x-envelope-to",
    "x-delivered-to",
    "cc",
    "resent-to",
];
const IDS: [&str; 3] = ["in-reply-to", "references", "original-message-id"];
const OF_OURS: [&str; 8] = [
    "message-id",
    "return-path",
    "list-unsubscribe",
    "sender",
    "reply-to",
    "x-medlemsbrev",
    "feedback-id",
    "errors-to",
];

/// The candidates, unverified; those from the envelope come first.
pub fn candidates(message: &MimeMessage<'_>, original: &Headers<'_>, notice: &str) -> Vec<String> {
    let headers = &message.headers;
    let own = TO_US.iter().chain(&IDS).flat_map(|name| headers.all(name));
    let fields: Vec<String> = message
        .with(Role::Feedback)
        .chain(message.with(Role::Status))
        .take(4)
        .map(MimePart::text)
        .map(String::from)
        .collect();
    let returned = OF_OURS.iter().chain(&TO_US).flat_map(|name| original.all(name));
    let mut seen = HashSet::new();
    own.chain(returned)
        .flat_map(in_value)
        .chain(fields.iter().flat_map(|text| in_value(super::verdict::cut(text, 64 * 1024))))
        .chain(in_value(super::verdict::cut(notice, 64 * 1024)))
        .filter(|token| seen.insert(token.clone()))
        .take(MAX_TOKENS)
        .collect()
}

/// The words of a value that have the form of a token: dots inside, no `@`.
fn in_value(value: &str) -> impl Iterator<Item = String> {
    let words = value.split(|c: char| !c.is_ascii_alphanumeric() && !matches!(c, '-' | '.' | '@' | '='));
    words.filter_map(|word| {
        let word = word.split('@').next()?.trim_matches(['.', '-', '=']);
        let word = word.rsplit('=').next()?;
        let parts = word.split('.').filter(|part| !part.is_empty()).count();
        (parts >= 3 && word.len() <= MAX_LENGTH).then(|| word.to_owned())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tokens_are_searched_wherever_they_can_be() {
        for value in [
            "studs+2026-1.42.abcdefghijkl@example.se",
            "<2026-1.42.abcdefghijkl@example.se>",
            "<mailto:avsluta+2026-1.42.abcdefghijkl@example.se?subject=x>, <https://example.org/u/2026-1.42.abcdefghijkl>",
        ] {
            assert!(in_value(value).any(|word| word == "2026-1.42.abcdefghijkl"), "{value}");
        }
        assert_eq!(in_value("anna@example.se").count(), 0);
    }

    #[test]
    fn a_returned_letter_is_searched_too() {
        let original = Headers::of_text("Message-ID: <2026-1.42.abcdefghijkl@example.se>\n");
        let empty = MimeMessage::parse(b"");
        assert_eq!(candidates(&empty, &original, ""), ["2026-1.42.abcdefghijkl"]);
    }
}
