//! The signs of a notice in a message, and the addresses that are not its recipient's.

use std::collections::HashSet;

use super::address;
use super::header::{Headers, decoded};
use super::mime::starts_with;
use super::rules::{InboxRules, Sign, has};
use super::verdict::cut;
use crate::diagnosis::phrase::{FoundPhrase, fold};

/// Header text beyond this does not help to recognise a program.
const MAX_CLUES: usize = 8192;

/// What the words of a message indicate about it as a whole.
#[derive(Debug, Default)]
#[expect(clippy::struct_excessive_bools, reason = "each is a sign of its own, found or not")]
pub struct Signs {
    /// From is a mail system.
    pub daemon: bool,
    /// The envelope or a field shows that no person sent it (RFC 3834 §5, RFC 5321 §6.1).
    pub automatic: bool,
    /// The return path is empty, as it must be for notices.
    pub null_path: bool,
    pub subject_fails: bool,
    pub text_fails: bool,
    /// Delivery is still being tried.
    pub delayed: bool,
    pub complaint: bool,
    /// It was written by a family of programs that sends notices.
    pub family: bool,
    /// The families that wrote it or are quoted in it.
    pub families: Vec<usize>,
}

impl Signs {
    /// Finds the signs in a header and a notice.
    pub fn of(headers: &Headers<'_>, notice: &str, rules: &InboxRules) -> Self {
        let in_clues = rules.header.find(&fold(&clues(headers)));
        let in_subject = rules.header.find(&fold(&headers.text("subject")));
        let in_text = rules.notice.find(&fold(notice));
        let found = || in_clues.iter().chain(&in_text);
        Self {
            daemon: is_daemon(headers, rules),
            automatic: is_automatic(headers),
            null_path: has_null_path(headers),
            subject_fails: has(&in_subject, &Sign::Failure),
            text_fails: has(&in_text, &Sign::Failure),
            delayed: is_delayed(&in_subject, &in_text),
            complaint: has(&in_clues, &Sign::Complaint),
            family: found().any(|found| matches!(found.meaning, Sign::Family(_))),
            families: families(found()),
        }
    }
}

/// Tells whether a text gives a reason for a failed delivery.
pub fn refuses(notice: &str, rules: &InboxRules) -> bool {
    rules.vocabulary.meaning(cut(notice, MAX_CLUES), &[]).is_some()
}

/// Tells whether it is a multipart/report (RFC 6522), which only programs send.
pub fn is_report(headers: &Headers<'_>) -> bool {
    headers.get("content-type").is_some_and(|kind| starts_with(kind, "multipart/report"))
}

/// Tells whether a person seems to have written a message: not a mail system or program, and not a report or a
/// forwarded notice.
pub fn is_by_person(headers: &Headers<'_>, rules: &InboxRules) -> bool {
    let subject = || rules.header.find(&fold(&headers.text("subject")));
    !is_daemon(headers, rules)
        && !is_automatic(headers)
        && !is_report(headers)
        && !has(&subject(), &Sign::Failure)
}

fn is_daemon(headers: &Headers<'_>, rules: &InboxRules) -> bool {
    let from = headers.text("from");
    let path = headers.get("return-path").unwrap_or_default();
    has(&rules.header.find(&fold(&from)), &Sign::Daemon)
        || starts_with(path.trim_start_matches('<'), "mailer-daemon")
        || !from.is_empty() && !from.contains('@')
}

fn has_null_path(headers: &Headers<'_>) -> bool {
    headers.get("return-path") == Some("<>")
}

fn is_automatic(headers: &Headers<'_>) -> bool {
    has_null_path(headers)
        || headers.get("auto-submitted").is_some_and(|value| !value.eq_ignore_ascii_case("no"))
}

fn is_delayed(in_subject: &[FoundPhrase<Sign>], in_text: &[FoundPhrase<Sign>]) -> bool {
    let in_subject = has(in_subject, &Sign::Delay) && !has(in_subject, &Sign::Failure);
    in_subject || has(in_text, &Sign::Delay) && !has(in_text, &Sign::Final)
}

fn families<'f>(found: impl Iterator<Item = &'f FoundPhrase<Sign>>) -> Vec<usize> {
    let mut families: Vec<usize> = found
        .filter_map(|found| match found.meaning {
            Sign::Family(index) | Sign::Host(index) => Some(index),
            _ => None,
        })
        .collect();
    families.sort_unstable();
    families.dedup();
    families
}

/// The header fields that help to recognise a program, as one text: `name: value`.
fn clues(headers: &Headers<'_>) -> String {
    let mut clues = String::new();
    for (name, value) in headers.iter() {
        let telling =
            ["from", "subject", "return-path", "to"].iter().any(|known| name.eq_ignore_ascii_case(known))
                || starts_with(name, "x-");
        if telling && clues.len() < MAX_CLUES {
            clues.extend([name, ": ", &decoded(cut(value, 512)), " "]);
        }
    }
    clues
}

/// The sender and recipients of a notice, and the letter's authors.
pub fn correspondents(headers: &Headers<'_>, original: &Headers<'_>) -> HashSet<String> {
    let of_notice = ["to", "from", "reply-to", "return-path", "delivered-to", "x-original-to"];
    let of_letter = ["from", "sender", "return-path", "reply-to", "errors-to"];
    let values = of_notice
        .iter()
        .flat_map(|name| headers.all(name))
        .chain(of_letter.iter().flat_map(|name| original.all(name)));
    values.flat_map(address::find).map(|spot| address::key(spot.address)).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signs_are_read_from_header_and_text() {
        let rules = InboxRules::built_in().unwrap();
        for (header, text, daemon, fails, delayed) in [
            (
                "From: MAILER-DAEMON@example.se\nSubject: failure notice",
                "could not be delivered",
                true,
                true,
                false,
            ),
            ("From: Postmaster <>\nSubject: Delayed mail", "has not yet been delivered", true, false, true),
            ("From: anna@example.se\nSubject: SV: brev", "tack", false, false, false),
            (
                "From: postmaster@example.se\nSubject: x",
                "is delayed; giving up, could not be delivered",
                true,
                true,
                false,
            ),
        ] {
            let signs = Signs::of(&Headers::of_text(header), text, &rules);
            assert_eq!((signs.daemon, signs.text_fails, signs.delayed), (daemon, fails, delayed), "{header}");
        }
    }
}
