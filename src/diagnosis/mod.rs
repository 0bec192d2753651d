//! Tells whom a refusal is about: the recipient, us, or the message. Words take precedence over codes.
//!
//! Hosts describe a recipient's problem in the same words in SMTP replies and in bounces: see [`vocabulary`]. Their
//! words about us are in `ours`.

mod ours;
pub mod phrase;
pub mod vocabulary;

use std::sync::LazyLock;

use crate::domain::Reply;
use crate::domain::bounce::Class;

use phrase::{PhraseBook, fold};
pub use vocabulary::{RulesError, Vocabulary};

/// All phrases; a test ensures that they compile.
static WORDS: LazyLock<Option<DiagnosisWords>> = LazyLock::new(|| DiagnosisWords::new().ok());

#[derive(Debug)]
struct DiagnosisWords {
    vocabulary: Vocabulary,
    /// Phrases about us, by their group in `ours::PHRASES`.
    ours: PhraseBook<usize>,
}

impl DiagnosisWords {
    fn new() -> Result<Self, RulesError> {
        let groups = ours::PHRASES.iter().enumerate();
        let phrases = groups.flat_map(|(group, (_, phrases))| phrases.iter().map(move |text| (*text, group)));
        let ours = PhraseBook::new(phrases);
        Ok(Self {
            vocabulary: Vocabulary::new(&[])?,
            ours: ours.map_err(|source| RulesError::Phrases { file: "ours", source })?,
        })
    }

    fn about(&self, text: &str) -> Option<About> {
        let group = self.ours.find(&fold(text)).into_iter().map(|found| found.meaning).min();
        let is_beside = group.is_none_or(|group| group >= ours::BESIDES);
        if is_beside && self.is_dead(text) {
            return Some(About::Recipient);
        }
        ours::PHRASES.get(group?).map(|(about, _)| *about)
    }

    /// Tells whether the words clearly say that an address does not exist, or no longer does.
    fn is_dead(&self, text: &str) -> bool {
        let meaning = self.vocabulary.meaning(text, &[]);
        meaning.is_some_and(|meaning| meaning.reason.class() == Class::Hard && !meaning.is_vague)
    }
}

/// Whom a refusal is about.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum About {
    /// The recipient's address, mailbox or rules.
    Recipient,
    /// The sender: every further letter would be refused too.
    Us(Fault),
    /// The message itself: its size or content.
    Message,
    /// This reply alone does not tell.
    Unknown,
}

/// The kind of problem on our side.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The account is suspended, closed or not verified.
    Account,
    /// The server wants a login, or does not relay without one.
    Login,
    /// Too many letters in a period.
    Quota,
    /// The server does not allow us to use the sender address.
    SenderAddress,
    /// Block lists, and missing or failing SPF, DKIM or DMARC.
    Reputation,
}

impl Fault {
    /// Tells whether the problem passes with time.
    pub fn passes(self) -> bool {
        self == Self::Quota
    }

    /// What to do about it.
    pub fn advice(self) -> &'static str {
        match self {
            Self::Account => {
                "ask the mail provider why the account may not send: it is suspended or not verified"
            }
            Self::Login => {
                "set username and a password source in [transport]: the server only relays after a login"
            }
            Self::Quota => {
                "the provider limits how many letters may leave: set quota in [transport] and run again later"
            }
            Self::SenderAddress => "set [sender] address to an address that the mail account may send from",
            Self::Reputation => {
                "the server distrusts the sender: check SPF, DKIM and DMARC with `medlemsbrev check --online`, and block lists"
            }
        }
    }
}

/// Tells whom a refusal is about, whether temporary or permanent.
pub fn about(reply: &Reply) -> About {
    // The address repeated in a reply may contain any word, such as `virus` or `relay`.
    let words = reply.text.split_whitespace().filter(|word| !word.contains('@'));
    let text = words.collect::<Vec<_>>().join(" ").to_lowercase();
    if let Some(about) = WORDS.as_ref().and_then(|words| words.about(&text)) {
        return about;
    }
    let status = reply.status.as_deref().unwrap_or_default();
    let (_, detail) = status.split_once('.').unwrap_or_default();
    let by_status = ours::STATUSES.iter().find(|(_, details)| {
        details.iter().any(|known| {
            detail == *known || known.strip_suffix('*').is_some_and(|start| detail.starts_with(start))
        })
    });
    match (by_status, reply.code) {
        (Some((about, _)), _) => *about,
        // RFC 4954 §6: replies to a login.
        (None, Some(525 | 530 | 534 | 535 | 538)) => About::Us(Fault::Login),
        (None, Some(552)) if status.is_empty() && text.contains("size") => About::Message,
        _ => About::Unknown,
    }
}

/// The words of a refusal without the parts that differ between letters: addresses, numbers and identifiers.
pub fn masked(reply: &Reply) -> String {
    let is_own = |word: &str| word.contains('@') || word.chars().any(|c| c.is_ascii_digit());
    let words = reply.text.split_whitespace().filter(|word| !is_own(word));
    words.collect::<Vec<_>>().join(" ").to_lowercase()
}

/// Advice on a refused login; `None` if the reply only says that user name or password is wrong.
pub fn login_advice(reply: &str) -> Option<&'static str> {
    let reply = reply.to_lowercase();
    let means = |signs: &[&str]| signs.iter().any(|sign| reply.contains(sign));
    ours::LOGINS.iter().find(|(signs, _)| means(signs)).map(|(_, advice)| *advice)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn of(code: u16, text: &str) -> About {
        about(&Reply::from_server(code, text))
    }

    use About::{Message, Recipient, Unknown, Us};
    use Fault::{Account, Login, Quota, Reputation, SenderAddress};

    const CASES: [(u16, &str, About); 41] = [
        (
            550,
            "Domain brev.example has exceeded the max emails per hour (150/150 (100%)) allowed. Message discarded.",
            Us(Quota),
        ),
        (
            554,
            "5.2.0 STOREDRV.Submission.Exception: SubmissionQuotaExceededException; the sender's submission quota was exceeded",
            Us(Quota),
        ),
        (550, "5.4.5 Daily user sending limit exceeded", Us(Quota)),
        (451, "4.7.1 You have exceeded your hourly limit", Us(Quota)),
        (550, "Too many messages, you are blocked for 24 hours", Us(Quota)),
        (452, "4.3.1 Sending quota for today is used up", Us(Quota)),
        (550, "5.1.8 Access denied, bad outbound sender", Us(Account)),
        (554, "Message not accepted: account suspended", Us(Account)),
        (554, "Message rejected: Email address is not verified", Us(Account)),
        (550, "Your account has been disabled for sending mail", Us(Account)),
        (554, "5.2.252 SendAsDenied; a@example.se not allowed to send as b@example.se", Us(SenderAddress)),
        (550, "5.1.0 <a@example.se>: Sender address rejected: User unknown", Us(SenderAddress)),
        (553, "5.7.1 <a@example.se>: Sender address rejected: not owned by user b", Us(SenderAddress)),
        (550, "Authentication is required for relay", Us(Login)),
        (550, "relay not permitted", Us(Login)),
        (554, "5.7.1 <x@example.org>: Relay access denied", Us(Login)),
        (530, "Must issue a STARTTLS command first", Us(Login)),
        (
            554,
            "5.7.1 Service unavailable; Client host [192.0.2.1] blocked using a block list",
            Us(Reputation),
        ),
        (
            550,
            "5.7.26 Unauthenticated email from example.se is not accepted due to domain's DMARC policy",
            Us(Reputation),
        ),
        (550, "5.7.1 Mail refused", Unknown),
        (552, "5.3.4 Message size exceeds fixed limit", Message),
        (552, "message too large", Message),
        (550, "5.1.1 No such user", Recipient),
        (
            550,
            "5.1.1 <x@example.org>: Recipient address rejected: User unknown in virtual mailbox table",
            Recipient,
        ),
        (550, "5.7.1 Your message was blocked by the recipient's rules", Recipient),
        (550, "5.2.1 The email account that you tried to reach is disabled", Recipient),
        (552, "5.2.2 The recipient's mailbox is over its quota", Recipient),
        (452, "4.2.2 Mailbox full", Recipient),
        (550, "användaren finns inte", Recipient),
        (550, "5.1.1 <virusforskning@example.org>: no such user", Recipient),
        (550, "<rbl.suspended@example.org> unknown", Unknown),
        (
            550,
            "5.1.1 <x@example.org>: Recipient address rejected: unverified address: host said no",
            Recipient,
        ),
        (550, "5.4.1 Recipient address rejected: Access denied", Recipient),
        (550, "mailbox unavailable", Unknown),
        (554, "5.4.6 Too many hops", Unknown),
        (450, "4.2.0 Recipient address rejected: Greylisted, see the help page", Unknown),
        (550, "Konto gibt es nicht", Recipient),
        (550, "Host or domain name not found", Recipient),
        (550, "5.7.1 blocked, see https://example.org/rbl?ip=192.0.2.1", Us(Reputation)),
        (554, "rejected", Unknown),
        (550, "5.0.0 no", Unknown),
    ];

    #[test]
    fn refusals_about_us_and_about_recipients_are_distinguished() {
        for (code, text, want) in CASES {
            assert_eq!(of(code, text), want, "{code} {text}");
        }
    }

    #[test]
    fn parts_that_differ_between_letters_are_masked() {
        let words = |text| masked(&Reply::from_server(550, text));
        assert_eq!(words("<a@example.org> refused (id 4F2)"), words("<b@example.net> refused (id 9X1)"));
        assert_ne!(words("refused"), words("unknown"));
    }
}
