//! News in automatic answers: somebody has left, has a new address, or has died. Nobody is suppressed for it, but the
//! member list may need correction.

use super::address;
use super::rules::InboxRules;
use crate::diagnosis::phrase::fold;
use crate::domain::bounce::Reason;

/// How much of an answer is read.
const MOST: usize = 4_000;
const LONGEST_SENTENCE: usize = 240;

/// News about the sender of an automatic answer.
#[derive(Debug, Clone, PartialEq, Eq, serde::Serialize)]
pub struct SenderNews {
    /// `Moved`, `Left` or `Deceased`.
    pub reason: Reason,
    /// The sentence with the news.
    pub words: String,
    /// The new address, if the answer names one.
    pub new_address: Option<String>,
}

/// Finds the news in a text by `sender`.
pub fn read(text: &str, sender: &str, rules: &InboxRules) -> Option<SenderNews> {
    let text = super::verdict::cut(text, MOST);
    let (sentence, reason) = sentences(text).find_map(|sentence| {
        let folded = fold(sentence);
        let has = |phrases: &[String]| phrases.iter().any(|phrase| folded.contains(phrase.as_str()));
        let news = &rules.reply.news;
        let reason = if has(&news.deceased) {
            Reason::Deceased
        } else if has(&news.left) {
            Reason::Left
        } else if has(&news.moved) {
            Reason::Moved
        } else {
            return None;
        };
        Some((sentence, reason))
    })?;
    let new_address = address::find(text).map(|spot| spot.address.to_owned());
    let new_address = new_address.into_iter().find(|found| address::key(found) != address::key(sender));
    let words: Vec<&str> = sentence.split_whitespace().collect();
    let words: String = words.join(" ").chars().take(LONGEST_SENTENCE).collect();
    Some(SenderNews { reason, words, new_address: new_address.filter(|_| reason != Reason::Deceased) })
}

/// Sentences end at a full stop before white space, or at an empty line.
fn sentences(text: &str) -> impl Iterator<Item = &str> {
    text.split("\n\n")
        .flat_map(|paragraph| paragraph.split_inclusive(['.', '!']))
        .filter(|sentence| !sentence.trim().is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn news_is_distinguished_from_a_holiday() {
        let rules = InboxRules::built_in().unwrap();
        for (text, want) in [
            (
                "Hej! Jag har slutat på kommunen. Kontakta info@kommunen.example.se",
                Some((Reason::Left, true)),
            ),
            ("Min nya e-postadress är siv@example.org från 1 maj.", Some((Reason::Moved, true))),
            ("Bertil har gått bort.", Some((Reason::Deceased, false))),
            ("Siv no longer works here.", Some((Reason::Left, false))),
            ("I have a new email address: siv@example.org", Some((Reason::Moved, true))),
            ("Jag är på semester till den 5 augusti.", None),
            ("Tack för ditt mejl, vi svarar så snart vi kan.", None),
        ] {
            let news = read(text, "siv@example.se", &rules);
            assert_eq!(news.map(|news| (news.reason, news.new_address.is_some())), want, "{text}");
        }
    }
}
