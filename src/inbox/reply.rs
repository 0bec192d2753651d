//! Automatic answers: vacation notices, receipts, challenges (RFC 3834).

use super::header::Headers;
use super::mime::starts_with;
use super::rules::{InboxRules, ReplySign, has};
use crate::diagnosis::phrase::fold;

/// How certain it is that a message is an automatic answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum AutoReply {
    No,
    /// It has header fields that bounces have as well.
    Likely,
    /// The subject says so, or it asks somebody to press a button.
    Sure,
}

/// Tells whether a message is an automatic answer.
pub fn is_automatic(headers: &Headers<'_>, subject: &str, text: &str, rules: &InboxRules) -> AutoReply {
    let subject = fold(subject);
    let is_answers_tag = tag(&subject).is_some_and(|(tag, _)| begins(tag, &rules.reply.subjects));
    let subject = without_prefixes(&subject);
    let words = rules.reply_words.find(&fold(text));
    if is_answers_tag || begins(subject, &rules.reply.subjects) || has(&words, &ReplySign::Challenge) {
        return AutoReply::Sure;
    }
    let away = begins(subject, &rules.reply.away) || has(&words, &ReplySign::Text);
    if has_field(headers, &rules.reply.headers) || away && has_field(headers, &rules.reply.machine) {
        return AutoReply::Likely;
    }
    AutoReply::No
}

/// Tells whether a machine may answer a mail: a person wrote it, and to nobody but us (RFC 3834 §2).
pub fn may_be_answered(headers: &Headers<'_>, rules: &InboxRules) -> bool {
    !has_field(headers, &rules.reply.unanswered)
}

/// Tells whether a subject starts with one of the phrases as a whole.
fn begins(subject: &str, phrases: &[String]) -> bool {
    phrases.iter().any(|phrase| {
        let rest = subject.strip_prefix(phrase.as_str());
        rest.is_some_and(|rest| !phrase.is_ascii() || !rest.starts_with(|c: char| c.is_alphanumeric()))
    })
}

/// The subject without `Re:`, `SV:`, `AW:` and a list's tag.
fn without_prefixes(subject: &str) -> &str {
    let mut bare = subject.trim_start();
    loop {
        let tag = tag(bare).map(|(_, rest)| rest);
        let prefix =
            ["re:", "sv:", "aw:", "vs:", "antw:", "rv:", "***"].iter().find_map(|p| bare.strip_prefix(p));
        match tag.or(prefix) {
            Some(rest) => bare = rest.trim_start(),
            None => return bare,
        }
    }
}

/// The words in brackets at the start of a subject, and the rest.
fn tag(subject: &str) -> Option<(&str, &str)> {
    subject.trim_start().strip_prefix('[').and_then(|rest| rest.split_once(']'))
}

/// Tells whether a text asks its reader to confirm being a person.
pub fn is_challenge(text: &str, rules: &InboxRules) -> bool {
    has(&rules.reply_words.find(&fold(text)), &ReplySign::Challenge)
}

fn has_field(headers: &Headers<'_>, rules: &[String]) -> bool {
    rules.iter().any(|rule| match rule.split_once(": ") {
        Some((name, start)) => headers.all(name).any(|value| starts_with(value, start)),
        None => headers.get(rule).is_some_and(|value| !value.eq_ignore_ascii_case("no")),
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn lists_and_machines_are_not_answered() {
        let rules = InboxRules::built_in().unwrap();
        for (header, want) in [
            ("From: anna@example.org\nReturn-Path: <anna@example.org>\n\n", true),
            ("Auto-Submitted: no\n\n", true),
            ("Auto-Submitted: auto-generated\n\n", false),
            ("List-Id: <lista.example.org>\n\n", false),
            ("Precedence: bulk\n\n", false),
            ("Return-Path: <>\n\n", false),
        ] {
            let (headers, _) = Headers::split(header.as_bytes());
            assert_eq!(may_be_answered(&headers, &rules), want, "{header}");
        }
    }

    #[test]
    fn automatic_answers_are_recognised_by_subject_field_and_text() {
        let rules = InboxRules::built_in().unwrap();
        for (header, subject, text, want) in [
            ("", "Automatic reply: the letter", "", AutoReply::Sure),
            ("", "SV: Autosvar: brevet", "", AutoReply::Sure),
            ("", "[Auto-Reply] the letter", "", AutoReply::Sure),
            ("", "[Styrelsen] the letter", "", AutoReply::No),
            ("", "Frånvaro: brevet", "", AutoReply::Sure),
            ("Precedence: junk\n\n", "Semester", "", AutoReply::Likely),
            ("Precedence: junk\n\n", "Semesterhus", "", AutoReply::No),
            ("", "Frånvaro vid årsmötet", "", AutoReply::No),
            ("", "about my vacation notice", "", AutoReply::No),
            ("Auto-Submitted: auto-replied\n\n", "x", "", AutoReply::Likely),
            ("Auto-Submitted: no\n\n", "x", "", AutoReply::No),
            ("Return-Path: <>\n\n", "x", "Jag är på semester till den 5 augusti", AutoReply::Likely),
            ("", "x", "Jag är på semester till den 5 augusti", AutoReply::No),
            ("", "x", "Please confirm your message by clicking", AutoReply::Sure),
        ] {
            let (headers, _) = Headers::split(header.as_bytes());
            assert_eq!(is_automatic(&headers, subject, text, &rules), want, "{subject} {text}");
        }
    }
}
