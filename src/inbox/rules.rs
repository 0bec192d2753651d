//! The rules: data in `rules/`, checked and compiled once.

use std::collections::{BTreeMap, HashMap};

use serde::Deserialize;

use super::leave::Language;
use super::phrase::{Found, PhraseBook, fold};
use crate::domain::bounce::Reason;

/// Why the built-in rules cannot be used; a test keeps it from happening.
#[derive(Debug, thiserror::Error)]
pub enum RulesError {
    #[error("rule file `{file}`: {reason}")]
    Toml { file: &'static str, reason: String },
    #[error("the phrases of `{file}` are too many: {source}")]
    Phrases { file: &'static str, source: aho_corasick::BuildError },
}

/// All rules, ready for use.
#[derive(Debug)]
pub struct Rules {
    /// Reasons by phrase: the general ones with their rank, and those of families, which come first.
    pub reasons: PhraseBook<Meaning>,
    pub codes: Codes,
    pub notice: PhraseBook<Sign>,
    pub header: PhraseBook<Sign>,
    pub reply_words: PhraseBook<ReplySign>,
    pub reply: Replies,
    pub unsubscribe: Unsubscribe,
    pub leave: Vec<Language>,
    pub complaints: Complaints,
    pub addresses: AddressRules,
    pub original: Lines,
    pub families: Vec<Family>,
}

/// What a phrase about a refusal means; the lowest rank decides.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Meaning {
    /// The family that uses the phrase so, or none.
    pub family: Option<usize>,
    pub rank: usize,
    /// Takes precedence over what nearer texts say.
    pub decides: bool,
    pub reason: Reason,
}

/// What a phrase says about a message as a whole.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Sign {
    Daemon,
    Failure,
    Delay,
    Final,
    /// A family that writes notices.
    Family(usize),
    /// A family that is quoted in notices.
    Host(usize),
    Complaint,
}

/// Where a phrase of an automatic answer stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum ReplySign {
    Challenge,
    Text,
}

/// What codes mean (RFC 3463, RFC 5321 §4.2).
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Codes {
    /// By subject and detail.
    pub status: HashMap<String, Reason>,
    pub smtp: BTreeMap<String, Reason>,
}

/// Words by which a member leaves.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Unsubscribe {
    pub subjects: Vec<String>,
    pub ambiguous: Vec<String>,
    pub negations: Vec<String>,
    pub whole: Vec<String>,
    pub courtesies: Vec<String>,
    pub closings: Vec<String>,
    /// Words of the line above a quotation.
    pub wrote: Vec<String>,
}

/// The words of requests to leave, by language.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Leave {
    language: Vec<Language>,
}

/// How complaints are known and whom they name.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Complaints {
    signs: Vec<String>,
    pub fields: Vec<String>,
    pub by_machine: HashMap<String, Reason>,
    pub praise: Vec<String>,
}

/// Which addresses of a notice are recipients.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct AddressRules {
    pub before: Vec<String>,
    pub not_after: Vec<String>,
    pub never: Vec<String>,
}

/// A family of programs that write alike.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Family {
    #[expect(dead_code, reason = "for whoever reads the rules")]
    pub name: String,
    /// Phrases in `header: value` or in the notice, any of which tells that the family wrote it.
    #[serde(default)]
    known_by: Vec<String>,
    /// Phrases which tell that the notice quotes a host of the family; they don't make a mail a notice.
    #[serde(default)]
    quoted_by: Vec<String>,
    /// Lines in which recipients stand: text around `{address}`, or around `{local}` where the domain is left out.
    #[serde(default)]
    pub recipients: Vec<String>,
    /// Header fields that list the recipients.
    #[serde(default)]
    pub fields: Vec<String>,
    #[serde(default)]
    group: Vec<Group>,
}

impl Family {
    fn decides(&self) -> bool {
        self.group.iter().any(|group| group.decides)
    }
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Group {
    reason: Reason,
    #[serde(default)]
    decides: bool,
    phrases: Vec<String>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Phrases {
    group: Vec<Group>,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Notices {
    daemons: Vec<String>,
    failure: Words,
    delay: Words,
    r#final: Vec<String>,
    original: Lines,
    addresses: AddressRules,
}

#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
struct Words {
    subjects: Vec<String>,
    texts: Vec<String>,
}

/// The beginning of the line that precedes a returned letter.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Lines {
    pub lines: Vec<String>,
    /// Only in a line that is ruled off.
    pub ruled: Vec<String>,
}

/// How automatic answers are known.
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

/// What automatic answers tell of their senders.
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

impl Rules {
    /// Reads the rules that are built in.
    ///
    /// # Errors
    /// If a rule file is not what it should be.
    pub fn built_in() -> Result<Self, RulesError> {
        let phrases: Phrases = read(rule_file!("phrases.toml"))?;
        let notices: Notices = read(rule_file!("notices.toml"))?;
        let replies: Replies = read(rule_file!("replies.toml"))?;
        let complaints: Complaints = read(rule_file!("complaints.toml"))?;
        let families = FAMILIES.iter().map(|file| read(*file)).collect::<Result<Vec<Family>, _>>()?;
        Ok(Self {
            reasons: book("phrases", reasons(&phrases, &families))?,
            codes: read(rule_file!("codes.toml"))?,
            notice: book("notices", notices.in_text().chain(in_families(&families)))?,
            header: book(
                "headers",
                notices.in_header().chain(complaints.in_header()).chain(in_families(&families)),
            )?,
            reply_words: book("replies", replies.phrases())?,
            original: notices.original,
            reply: replies,
            unsubscribe: read(rule_file!("unsubscribe.toml"))?,
            leave: read::<Leave>(rule_file!("leave.toml"))?.language,
            complaints,
            addresses: notices.addresses,
            families,
        })
    }

    /// The reason given by texts, the nearest text first; in each a family's own words take precedence over the general ones.
    pub fn reason_in<'t>(&self, texts: impl Iterator<Item = &'t str>, families: &[usize]) -> Option<Reason> {
        let may_decide = families.iter().filter_map(|family| self.families.get(*family)).any(Family::decides);
        let mut nearest: Option<Meaning> = None;
        for text in texts {
            let found = self.reasons.find(&fold(text));
            let meanings = found.into_iter().map(|found| found.meaning);
            let known =
                meanings.filter(|meaning| meaning.family.is_none_or(|family| families.contains(&family)));
            let best = known.min_by_key(|meaning| (!meaning.decides, meaning.family.is_none(), meaning.rank));
            if best.is_some_and(|meaning| meaning.decides) {
                return best.map(|meaning| meaning.reason);
            }
            nearest = nearest.or(best);
            if nearest.is_some() && !may_decide {
                break;
            }
        }
        nearest.map(|meaning| meaning.reason)
    }
}

fn read<'f, T: Deserialize<'f>>((file, text): (&'static str, &'f str)) -> Result<T, RulesError> {
    toml::from_str(text).map_err(|source| RulesError::Toml { file, reason: source.to_string() })
}

fn book<'p, T: Copy>(
    file: &'static str,
    phrases: impl Iterator<Item = (&'p str, T)>,
) -> Result<PhraseBook<T>, RulesError> {
    PhraseBook::new(phrases).map_err(|source| RulesError::Phrases { file, source })
}

fn reasons<'r>(general: &'r Phrases, families: &'r [Family]) -> impl Iterator<Item = (&'r str, Meaning)> {
    let own = families.iter().enumerate().map(|(index, family)| (Some(index), &family.group));
    own.chain([(None, &general.group)]).flat_map(|(family, groups)| {
        groups.iter().enumerate().flat_map(move |(rank, group)| {
            let meaning = Meaning { family, rank, decides: group.decides, reason: group.reason };
            group.phrases.iter().map(move |phrase| (phrase.as_str(), meaning))
        })
    })
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

/// Tells whether a sign is among what was found.
pub fn has<T: PartialEq>(found: &[Found<T>], sign: &T) -> bool {
    found.iter().any(|found| found.meaning == *sign)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_mean_reasons() {
        let rules = Rules::built_in().unwrap();
        for (text, want) in [
            ("550 5.1.1 no such user here", Some(Reason::UserUnknown)),
            ("552 mailbox for anna is full", Some(Reason::MailboxFull)),
            ("anna's mailbox is full", Some(Reason::MailboxFull)),
            ("mottagaren finns inte", Some(Reason::UserUnknown)),
            ("rejected by spf: user unknown", Some(Reason::AuthFailure)),
            ("host or domain name not found", Some(Reason::HostUnknown)),
            ("hello there", None),
        ] {
            assert_eq!(rules.reason_in([text].into_iter(), &[]), want, "{text}");
        }
    }

    #[test]
    fn words_that_are_compared_whole_are_written_folded() {
        let rules = Rules::built_in().unwrap();
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
            &rules.addresses.not_after,
            &rules.addresses.never,
        ];
        for phrase in lists.into_iter().flatten() {
            assert_eq!(*phrase, fold(phrase));
        }
    }
}
