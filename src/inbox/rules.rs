//! The rules: data in `rules/`, checked and compiled once.

use std::collections::HashMap;

use serde::Deserialize;

use super::leave::LeaveLanguage;
use crate::diagnosis::phrase::{FoundPhrase, PhraseBook};
use crate::diagnosis::vocabulary::{PhraseGroup, RulesError, Vocabulary, read};
use crate::domain::bounce::Reason;

/// All rules, ready for use.
#[derive(Debug)]
pub struct InboxRules {
    pub vocabulary: Vocabulary,
    pub notice: PhraseBook<Sign>,
    pub header: PhraseBook<Sign>,
    pub reply_words: PhraseBook<ReplySign>,
    pub reply: Replies,
    pub unsubscribe: Unsubscribe,
    pub leave: Vec<LeaveLanguage>,
    pub complaints: Complaints,
    pub addresses: AddressRules,
    pub original: Lines,
    pub families: Vec<Family>,
}

/// What a phrase indicates about a message as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    Daemon,
    Failure,
    Delay,
    Final,
    /// Written by this family of programs.
    Family(usize),
    /// Quotes this family of programs.
    Host(usize),
    Complaint,
}

/// Where a phrase of an automatic answer appears.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplySign {
    Challenge,
    Text,
}

/// Phrases of requests to leave.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unsubscribe {
    pub subjects: Vec<String>,
    pub ambiguous: Vec<String>,
    pub negations: Vec<String>,
    pub whole: Vec<String>,
    pub courtesies: Vec<String>,
    pub closings: Vec<String>,
    /// Words in the line above a quotation.
    pub wrote: Vec<String>,
}

/// The words of requests to leave, by language.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct LeaveRules {
    language: Vec<LeaveLanguage>,
}

/// How to recognise complaints and their recipients.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Complaints {
    signs: Vec<String>,
    pub fields: Vec<String>,
    pub by_machine: HashMap<String, Reason>,
    pub praise: Vec<String>,
}

/// Which addresses of a notice are its recipients.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddressRules {
    pub before: Vec<String>,
    /// Words right before the letter's original recipient, in a sentence that says so.
    pub originally: Vec<String>,
    /// Words in brackets before the letter's original recipient, on the line below the address that it was forwarded
    /// to.
    pub aliases: Vec<String>,
    pub not_after: Vec<String>,
    pub never: Vec<String>,
}

/// A family of programs whose notices look alike.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Family {
    #[expect(dead_code, reason = "for whoever reads the rules")]
    pub name: String,
    /// Phrases in `header: value` or in the notice; any of them shows that the family wrote it.
    #[serde(default)]
    known_by: Vec<String>,
    /// Phrases which show that the notice quotes a host of the family; they don't make a mail a notice.
    #[serde(default)]
    quoted_by: Vec<String>,
    /// Lines that name recipients: text around `{address}`, or around `{local}` if the domain is omitted.
    #[serde(default)]
    pub recipients: Vec<String>,
    /// Header fields that list the recipients.
    #[serde(default)]
    pub fields: Vec<String>,
    #[serde(default)]
    group: Vec<PhraseGroup>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Notices {
    daemons: Vec<String>,
    failure: RuleWords,
    delay: RuleWords,
    r#final: Vec<String>,
    original: Lines,
    addresses: AddressRules,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct RuleWords {
    subjects: Vec<String>,
    texts: Vec<String>,
}

/// How the line before a returned letter starts.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lines {
    pub lines: Vec<String>,
    /// Counts only in a ruled line.
    pub ruled: Vec<String>,
}

/// How to recognise automatic answers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Replies {
    pub headers: Vec<String>,
    pub subjects: Vec<String>,
    pub away: Vec<String>,
    pub machine: Vec<String>,
    pub unanswered: Vec<String>,
    challenges: Vec<String>,
    texts: Vec<String>,
    pub news: NewsWords,
}

/// Phrases of news in automatic answers.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct NewsWords {
    pub left: Vec<String>,
    pub moved: Vec<String>,
    pub deceased: Vec<String>,
}

macro_rules! rule_file {
    ($name:literal) => {
        ($name, include_str!(concat!("rules/", $name)))
    };
}

const FAMILIES: &[(&str, &str)] = &[
    rule_file!("families/carriers.toml"),
    rule_file!("families/chinese.toml"),
    rule_file!("families/cisco.toml"),
    rule_file!("families/clients.toml"),
    rule_file!("families/domino.toml"),
    rule_file!("families/dovecot.toml"),
    rule_file!("families/exchange.toml"),
    rule_file!("families/exim.toml"),
    rule_file!("families/filters.toml"),
    rule_file!("families/fml.toml"),
    rule_file!("families/gmail.toml"),
    rule_file!("families/groupwise.toml"),
    rule_file!("families/imail.toml"),
    rule_file!("families/interscan.toml"),
    rule_file!("families/local-names.toml"),
    rule_file!("families/messaging-server.toml"),
    rule_file!("families/office365.toml"),
    rule_file!("families/postfix.toml"),
    rule_file!("families/qmail.toml"),
    rule_file!("families/russian.toml"),
    rule_file!("families/sendmail.toml"),
    rule_file!("families/services.toml"),
    rule_file!("families/ses.toml"),
    rule_file!("families/yahoo.toml"),
];

impl InboxRules {
    /// Compiles the built-in rules.
    ///
    /// # Errors
    /// If a rule file is invalid.
    pub fn built_in() -> Result<Self, RulesError> {
        let notices: Notices = read(rule_file!("notices.toml"))?;
        let replies: Replies = read(rule_file!("replies.toml"))?;
        let complaints: Complaints = read(rule_file!("complaints.toml"))?;
        let families = FAMILIES.iter().map(|file| read(*file)).collect::<Result<Vec<Family>, _>>()?;
        let groups: Vec<&[PhraseGroup]> = families.iter().map(|family| family.group.as_slice()).collect();
        Ok(Self {
            vocabulary: Vocabulary::new(&groups)?,
            notice: book("notices", notices.in_text().chain(in_families(&families)))?,
            header: book(
                "headers",
                notices.in_header().chain(complaints.in_header()).chain(in_families(&families)),
            )?,
            reply_words: book("replies", replies.phrases())?,
            original: notices.original,
            reply: replies,
            unsubscribe: read(rule_file!("unsubscribe.toml"))?,
            leave: read::<LeaveRules>(rule_file!("leave.toml"))?.language,
            complaints,
            addresses: notices.addresses,
            families,
        })
    }
}

fn book<'p, T: Copy>(
    file: &'static str,
    phrases: impl Iterator<Item = (&'p str, T)>,
) -> Result<PhraseBook<T>, RulesError> {
    PhraseBook::new(phrases).map_err(|source| RulesError::Phrases { file, source })
}

fn in_families(families: &[Family]) -> impl Iterator<Item = (&str, Sign)> {
    families.iter().enumerate().flat_map(|(index, family)| {
        signs(&family.known_by, Sign::Family(index)).chain(signs(&family.quoted_by, Sign::Host(index)))
    })
}

fn signs<T: Copy>(phrases: &[String], sign: T) -> impl Iterator<Item = (&str, T)> {
    phrases.iter().map(move |phrase| (phrase.as_str(), sign))
}

impl Notices {
    fn in_text(&self) -> impl Iterator<Item = (&str, Sign)> {
        signs(&self.failure.texts, Sign::Failure)
            .chain(signs(&self.delay.texts, Sign::Delay))
            .chain(signs(&self.r#final, Sign::Final))
    }

    fn in_header(&self) -> impl Iterator<Item = (&str, Sign)> {
        signs(&self.failure.subjects, Sign::Failure)
            .chain(signs(&self.delay.subjects, Sign::Delay))
            .chain(signs(&self.daemons, Sign::Daemon))
    }
}

impl Complaints {
    fn in_header(&self) -> impl Iterator<Item = (&str, Sign)> {
        signs(&self.signs, Sign::Complaint)
    }
}

impl Replies {
    fn phrases(&self) -> impl Iterator<Item = (&str, ReplySign)> {
        signs(&self.challenges, ReplySign::Challenge).chain(signs(&self.texts, ReplySign::Text))
    }
}

/// Tells whether a sign is among the phrases found.
pub fn has<T: PartialEq>(found: &[FoundPhrase<T>], sign: &T) -> bool {
    found.iter().any(|found| found.meaning == *sign)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::diagnosis::phrase::fold;

    #[test]
    fn words_compared_as_a_whole_are_folded_in_the_rules() {
        let rules = InboxRules::built_in().unwrap();
        let lists = [
            &rules.original.lines,
            &rules.original.ruled,
            &rules.reply.subjects,
            &rules.reply.away,
            &rules.reply.news.left,
            &rules.reply.news.moved,
            &rules.reply.news.deceased,
            &rules.unsubscribe.subjects,
            &rules.unsubscribe.ambiguous,
            &rules.unsubscribe.negations,
            &rules.unsubscribe.whole,
            &rules.unsubscribe.courtesies,
            &rules.unsubscribe.closings,
            &rules.unsubscribe.wrote,
            &rules.addresses.before,
            &rules.addresses.aliases,
            &rules.addresses.not_after,
            &rules.addresses.never,
        ];
        for phrase in lists.into_iter().flatten() {
            assert_eq!(*phrase, fold(phrase));
        }
    }
}
