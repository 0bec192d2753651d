//! Subject, preheader and sender's name, which decide whether a letter is opened.

use super::text::TextFile;
use super::{CheckedLetters, Finding};

/// How many characters of a subject and of a preheader most mail programs show.
const SUBJECT: usize = 60;
const PREHEADER: usize = 120;
/// How many characters of a sender's name phones show, and from how many on too much is hidden.
const SENDER_SHOWN: usize = 30;
const SENDER_NAME: usize = 50;
/// Shorter subjects are not informative.
const SHORT: usize = 5;
/// A word of this many capitals looks like shouting, not like an abbreviation.
const SHOUT: usize = 8;

/// Finds subjects that are too long, uninformative, or disliked by spam filters.
pub(super) fn subject(letters: &CheckedLetters<'_>) -> Vec<Finding> {
    let place = letters.issue_file.key("", "subject");
    judge_subject(&letters.rendered.subject).into_iter().map(|finding| finding.at(place.clone())).collect()
}

/// Finds missing preheaders and ones that are too long.
pub(super) fn preheader(letters: &CheckedLetters<'_>) -> Vec<Finding> {
    let finding = judge_preheader(letters.source.issue.preheader.as_deref());
    finding.into_iter().map(|finding| finding.at(letters.issue_file.key("", "preheader"))).collect()
}

/// Finds a sender's name of which inboxes show only the beginning.
pub(super) fn sender_name(letters: &CheckedLetters<'_>) -> Vec<Finding> {
    let facts = letters.facts;
    let file = TextFile::read(&facts.delivery.config);
    let is_own = facts.sender_name != facts.association.name;
    let (table, key) = if is_own { ("sender", "name") } else { ("association", "name") };
    judge_sender_name(&facts.sender_name)
        .map(|finding| finding.at(file.key(table, key)))
        .into_iter()
        .collect()
}

fn judge_sender_name(name: &str) -> Option<Finding> {
    let length = name.chars().count();
    let message = format!(
        "the sender's name has {length} characters: telephones show about {SENDER_SHOWN}, as in `{}…`",
        name.chars().take(SENDER_SHOWN).collect::<String>()
    );
    let advice = "set a shorter name in [sender]; the letter itself shows the association's whole name";
    (length > SENDER_NAME).then(|| Finding::warning("sender-name", message, advice))
}

fn judge_subject(subject: &str) -> Vec<Finding> {
    let subject = subject.trim();
    let length = subject.chars().count();
    let letters: Vec<char> = subject.chars().filter(|c| c.is_alphabetic()).collect();
    let is_shouted = letters.len() >= SHOUT && !letters.iter().any(|c| c.is_lowercase());
    let mut findings = Vec::new();
    let mut warn = |is_wrong: bool, message: String, advice: &str| {
        findings.extend(is_wrong.then(|| Finding::warning("subject", message, advice)));
    };
    let long = format!("the subject has {length} characters: telephones cut it after about {SUBJECT}");
    warn(length > SUBJECT, long, "shorten it, with the most important words first");
    let short = format!("the subject `{subject}` is very short");
    warn(length < SHORT, short, "name what is in the letter");
    warn(
        is_shouted,
        "the subject is all capitals".to_owned(),
        "write it as a sentence: spam filters dislike capitals",
    );
    let marks = subject.matches('!').count();
    warn(
        marks > 1,
        format!("the subject has {marks} exclamation marks"),
        "use one at most: spam filters dislike them",
    );
    findings
}

fn judge_preheader(preheader: Option<&str>) -> Option<Finding> {
    let preheader = preheader.map(str::trim).filter(|text| !text.is_empty());
    let Some(text) = preheader else {
        let message =
            "there is no preheader: inboxes show the letter's first words after the subject instead";
        let advice = "add preheader = \"…\" to issue.toml, a line that continues from the subject";
        return Some(Finding::warning("preheader", message, advice));
    };
    let length = text.chars().count();
    (length > PREHEADER).then(|| {
        let message =
            format!("the preheader has {length} characters: mail programs cut it after {PREHEADER}");
        Finding::warning("preheader", message, "make it shorter")
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_subject_is_short_and_calm() {
        let long = "å".repeat(61);
        for (subject, want) in [
            ("Vårens medlemsbrev: årsmöte 9 maj och stöd att söka", ""),
            ("Välkommen till årsmötet!", ""),
            ("EU-val", ""),
            ("AGM 2026", ""),
            (long.as_str(), "61 characters"),
            ("Brev", "very short"),
            ("", "very short"),
            ("VÅRENS MEDLEMSBREV", "all capitals"),
            ("Kom! Nu!", "2 exclamation marks"),
        ] {
            let found: Vec<String> =
                judge_subject(subject).into_iter().map(|finding| finding.message).collect();
            assert_eq!(found.len(), usize::from(!want.is_empty()), "{subject}: {found:?}");
            assert!(found.iter().all(|message| message.contains(want)), "{subject}: {found:?}");
        }
    }

    #[test]
    fn a_senders_name_can_be_read_in_an_inbox() {
        for (length, want) in [(1, false), (50, false), (51, true), (300, true)] {
            assert_eq!(judge_sender_name(&"å".repeat(length)).is_some(), want, "{length}");
        }
    }

    #[test]
    fn a_preheader_is_present_and_short_enough() {
        let long = "å".repeat(121);
        for (preheader, want) in [
            (None, true),
            (Some(" "), true),
            (Some(long.as_str()), true),
            (Some("Sök senast 29 maj."), false),
        ] {
            assert_eq!(judge_preheader(preheader).is_some(), want, "{preheader:?}");
        }
    }
}
