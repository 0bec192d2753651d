//! Phrases and codes of refusing hosts and their meanings, for SMTP replies as well as bounces: data in `words/`,
//! compiled once.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use super::phrase::{PhraseBook, fold};
use crate::domain::bounce::Reason;

/// Why built-in rules cannot be used; tests keep this from happening.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    #[error("rule file `{file}`: {reason}")]
    Toml { file: &'static str, reason: String },
    #[error("the phrases of `{file}` are too many: {source}")]
    Phrases { file: &'static str, source: aho_corasick::BuildError },
}

/// Phrases for one reason.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PhraseGroup {
    reason: Reason,
    /// Takes precedence over phrases in nearer texts.
    #[serde(default)]
    decides: bool,
    /// Hosts also use it for existing addresses.
    #[serde(default)]
    is_vague: bool,
    /// The address once existed, and will not again.
    #[serde(default)]
    is_gone: bool,
    phrases: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Phrases {
    group: Vec<PhraseGroup>,
}

/// The meanings of codes (RFC 3463, RFC 5321 §4.2).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Codes {
    /// By subject and detail.
    status: HashMap<String, Reason>,
    smtp: BTreeMap<String, Reason>,
}

/// The meaning of a phrase in a refusal; the lowest rank decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct PhraseMeaning {
    pub reason: Reason,
    pub is_vague: bool,
    pub is_gone: bool,
    /// The family that uses the phrase in this sense, or none.
    family: Option<usize>,
    rank: usize,
    decides: bool,
}

/// Phrases and codes, ready for use.
#[derive(Debug)]
pub struct Vocabulary {
    phrases: PhraseBook<PhraseMeaning>,
    codes: Codes,
    /// For each family, whether any of its phrases may decide over nearer texts.
    may_decide: Vec<bool>,
}

impl Vocabulary {
    /// Compiles the general phrases and those of the families of programs, which are then known by their index.
    ///
    /// # Errors
    /// If a built-in file is invalid or there are too many phrases.
    pub fn new(families: &[&[PhraseGroup]]) -> Result<Self, RulesError> {
        let general: Phrases = read(("phrases", include_str!("words/phrases.toml")))?;
        let own = families.iter().enumerate().map(|(index, groups)| (Some(index), *groups));
        let phrases = own.chain([(None, general.group.as_slice())]).flat_map(|(family, groups)| {
            groups.iter().enumerate().flat_map(move |(rank, group)| {
                let PhraseGroup { reason, decides, is_vague, is_gone, .. } = *group;
                let meaning = PhraseMeaning { reason, is_vague, is_gone, family, rank, decides };
                group.phrases.iter().map(move |phrase| (phrase.as_str(), meaning))
            })
        });
        Ok(Self {
            phrases: PhraseBook::new(phrases)
                .map_err(|source| RulesError::Phrases { file: "phrases", source })?,
            codes: read(("codes", include_str!("words/codes.toml")))?,
            may_decide: families.iter().map(|groups| groups.iter().any(|group| group.decides)).collect(),
        })
    }

    /// The meaning of a text; phrases of the given families take precedence over general ones.
    pub fn meaning(&self, text: &str, families: &[usize]) -> Option<PhraseMeaning> {
        let words = without_names(&fold(text));
        let meanings = self.phrases.find(&words).into_iter().map(|found| found.meaning);
        let known = meanings.filter(|meaning| meaning.family.is_none_or(|family| families.contains(&family)));
        known.min_by_key(|meaning| (!meaning.decides, meaning.family.is_none(), meaning.rank))
    }

    /// The meaning of several texts, the nearest first.
    pub fn meaning_in<'t>(
        &self,
        texts: impl Iterator<Item = &'t str>,
        families: &[usize],
    ) -> Option<PhraseMeaning> {
        let may_decide = families.iter().filter_map(|family| self.may_decide.get(*family)).any(|may| *may);
        let mut nearest: Option<PhraseMeaning> = None;
        for text in texts {
            let best = self.meaning(text, families);
            if best.is_some_and(|meaning| meaning.decides) {
                return best;
            }
            nearest = nearest.or(best);
            if nearest.is_some() && !may_decide {
                break;
            }
        }
        nearest
    }

    /// The meaning of an enhanced status code; for an unlisted detail, the meaning of its subject.
    pub fn by_status(&self, status: &str) -> Option<Reason> {
        let (_, detail) = status.split_once('.')?;
        let subject = detail.split_once('.').map(|(subject, _)| subject).filter(|subject| *subject != "1");
        let known = |detail: &str| self.codes.status.get(detail).copied();
        known(detail)
            .or_else(|| known(&format!("{}.0", subject?)))
            .filter(|reason| *reason != Reason::Undefined)
    }

    /// The meaning of a reply code (RFC 5321 §4.2).
    pub fn by_code(&self, code: &str) -> Option<Reason> {
        self.codes.smtp.get(code).copied()
    }
}

/// A folded text without addresses and host names, which may contain any word, such as `virus` or `blocklist`.
fn without_names(folded: &str) -> String {
    let mut words = String::with_capacity(folded.len());
    let mut after_host = false;
    for word in folded.split(' ') {
        let is_name = word.contains('@') || after_host && word.contains(['.', '[']);
        after_host = word == "host";
        if !is_name {
            words.push_str(word);
            words.push(' ');
        }
    }
    words
}

/// Parses a built-in rule file.
///
/// # Errors
/// If it is invalid.
pub fn read<'f, T: Deserialize<'f>>((file, text): (&'static str, &'f str)) -> Result<T, RulesError> {
    toml::from_str(text).map_err(|source| RulesError::Toml { file, reason: source.to_string() })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_mean_reasons() {
        let vocabulary = Vocabulary::new(&[]).unwrap();
        for (text, want) in [
            ("550 5.1.1 no such user here", Some(Reason::UserUnknown)),
            ("552 mailbox for anna is full", Some(Reason::MailboxFull)),
            ("anna's mailbox is full", Some(Reason::MailboxFull)),
            ("mottagaren finns inte", Some(Reason::UserUnknown)),
            ("rejected by spf: user unknown", Some(Reason::AuthFailure)),
            ("host or domain name not found", Some(Reason::HostUnknown)),
            (
                "host in.spamhaus.example[192.0.2.1] said: 550 user <virus@example.se> unknown",
                Some(Reason::UserUnknown),
            ),
            ("554 delivery error: this user doesn't have an account here", Some(Reason::UserUnknown)),
            ("550 that recipient is not hosted here", Some(Reason::UserUnknown)),
            ("550 Empfänger existiert hier nicht", Some(Reason::UserUnknown)),
            ("550 Ogiltig mottagare", Some(Reason::UserUnknown)),
            ("550 Vastaanottaja tuntematon", Some(Reason::UserUnknown)),
            ("550 5.1.4 several matches found", Some(Reason::Filtered)),
            ("Unbekannter Fehler", None),
            ("getaddrinfo ENOTFOUND example.se", Some(Reason::HostUnknown)),
            ("DNS: lookup responded with code NXDOMAIN", Some(Reason::HostUnknown)),
            ("an MX or SRV record indicated no SMTP service", Some(Reason::HostUnknown)),
            ("Host not found, try again", Some(Reason::Network)),
            ("DNS lookup failed: SERVFAIL", Some(Reason::Network)),
            ("TLS is required, but was not offered", Some(Reason::Network)),
            ("mail loop detected", Some(Reason::Network)),
            ("504 <localhost>: Helo command rejected: need fully-qualified hostname", Some(Reason::Blocked)),
            ("554 5.7.1 rejected: quota exceeded for this mailbox", Some(Reason::MailboxFull)),
            ("Das Postfach ist überfüllt", Some(Reason::MailboxFull)),
            ("550 Benutzerkonto gesperrt", Some(Reason::Suspended)),
            ("Brevet returneras till avsändaren", None),
            ("avsändaren är blockerad", Some(Reason::SenderRejected)),
            ("4.4.7 giving up after 4 days", Some(Reason::Expired)),
            ("hello there", None),
        ] {
            assert_eq!(vocabulary.meaning(text, &[]).map(|meaning| meaning.reason), want, "{text}");
        }
    }
}
