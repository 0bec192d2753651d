//! The verdict on one recipient: words count first, then codes.

use super::rules::InboxRules;
use super::status::Action;
use crate::domain::bounce::{Class, Reason, Verdict};

/// The longest quotation from a host that a log line needs.
const MAX_DIAGNOSTIC: usize = 500;
/// How much text is searched for a reason.
const MAX_SCOPE: usize = 16 * 1024;

/// The evidence about one recipient in a notice, from the nearest words to the farthest.
#[derive(Debug, Default)]
pub struct Evidence<'t> {
    pub status: Option<&'t str>,
    /// The refusing host's words.
    pub diagnostic: &'t str,
    /// Texts that may contain the reason, the best one first.
    pub scopes: Vec<&'t str>,
    /// Surrounding texts, which may be about something else: a specific status counts for more.
    pub far: Vec<&'t str>,
    pub action: Option<Action>,
    pub families: &'t [usize],
}

impl Evidence<'_> {
    /// Reaches the verdict on an address.
    pub fn judge(&self, rules: &InboxRules, address: String) -> Verdict {
        let texts = || self.near().chain(self.far.iter().copied());
        let status = self.best_status();
        let said = |texts: &mut dyn Iterator<Item = &str>| {
            rules.vocabulary.meaning_in(texts.map(|text| cut(text, MAX_SCOPE)), self.families)
        };
        // The surrounding words may explain the recipient's own words, but not replace them.
        let near = said(&mut self.near()).and_then(|_| said(&mut texts()));
        let clear = near.filter(|meaning| !meaning.is_vague).map(|meaning| meaning.reason);
        let is_gone = near.is_some_and(|meaning| meaning.is_gone);
        let by_status = |status: &str| rules.vocabulary.by_status(status);
        let own_status = self.status.into_iter().chain(self.near().find_map(enhanced_status));
        let named = || own_status.clone().filter(|status| is_specific(status)).find_map(by_status);
        let vague = || {
            let said = near.map(|meaning| meaning.reason)?;
            own_status.clone().filter(|status| is_about_recipient(status)).find_map(by_status).or(Some(said))
        };
        let around = || said(&mut texts()).map(|meaning| meaning.reason);
        let coded = || status.as_deref().and_then(by_status);
        let replied = || texts().find_map(reply_code).and_then(|code| rules.vocabulary.by_code(code));
        let known = clear.or_else(named).or_else(vague).or_else(around).or_else(coded).or_else(replied);
        let reason = match known.unwrap_or(Reason::Undefined) {
            // x.2.1 is a closed mailbox, whatever the host calls it, unless the words say that it is gone for good.
            Reason::UserUnknown
                if status.as_deref().is_some_and(|status| status.ends_with(".2.1")) && !is_gone =>
            {
                Reason::Suspended
            }
            reason => reason,
        };
        // RFC 3463 §2, RFC 5321 §4.2.1: a code that starts with 4 is temporary.
        let telling = status.as_deref().filter(|status| !status.ends_with(".0.0"));
        let code = telling.or_else(|| texts().find_map(reply_code)).or(status.as_deref());
        // A refusal in clear words is final, whatever status the reporting host gives it.
        let is_refused = clear.is_some()
            && self.action == Some(Action::Failed)
            && reply_code(self.diagnostic).is_some_and(|code| code.starts_with('5'));
        let class = match self.action {
            Some(Action::Delayed) => Class::Delayed,
            _ if is_refused => reason.class(),
            _ if code.is_some_and(|code| code.starts_with('4')) => Class::Soft,
            _ => reason.class(),
        };
        Verdict { address, class, status, reason, diagnostic: self.words() }
    }

    /// The words about this recipient.
    fn near(&self) -> impl Iterator<Item = &str> {
        std::iter::once(self.diagnostic).chain(self.scopes.iter().copied())
    }

    /// The most specific status: `5.2.2` in the host's own words says more than `5.0.0` in a field.
    fn best_status(&self) -> Option<String> {
        let field = self.status.and_then(enhanced_status);
        let in_words = || self.near().chain(self.far.iter().copied()).find_map(enhanced_status);
        match field {
            Some(status) if !status.ends_with(".0.0") => Some(status.to_owned()),
            field => in_words().or(field).map(str::to_owned),
        }
    }

    /// The refusing host's words, else the words about the recipient; a bare address does not count.
    fn words(&self) -> String {
        let telling = self
            .scopes
            .iter()
            .chain(&self.far)
            .find(|scope| scope.trim().contains([' ', '\n']))
            .or(self.scopes.first());
        let text =
            if self.diagnostic.is_empty() { telling.copied().unwrap_or_default() } else { self.diagnostic };
        let clean: String =
            cut(text, MAX_SCOPE).chars().map(|c| if c.is_control() { ' ' } else { c }).collect();
        let words: Vec<&str> = clean.split_whitespace().collect();
        words.join(" ").chars().take(MAX_DIAGNOSTIC).collect()
    }
}

/// Tells whether a status names a specific problem with the recipient's address or mailbox (RFC 3463 §3.2 and §3.3).
fn is_specific(status: &str) -> bool {
    ["5.1.1", "5.1.2", "5.1.3", "5.1.6", "5.1.10", "5.2.2"]
        .contains(&enhanced_status(status).unwrap_or_default())
}

/// Tells whether a status is about the recipient's address, mailbox or rules (RFC 3463 §3.2, §3.3 and §3.8).
fn is_about_recipient(status: &str) -> bool {
    let status = enhanced_status(status).unwrap_or_default();
    ["5.1.", "5.2.", "5.7."].iter().any(|subject| status.starts_with(subject))
}

/// The first enhanced status code in a text (RFC 3463 §2): `4.` or `5.` and two numbers of up to three digits.
pub fn enhanced_status(text: &str) -> Option<&str> {
    let bytes = text.as_bytes();
    let is_number = |c: &u8| c.is_ascii_digit() || *c == b'.';
    let mut from = 0;
    while let Some(at) = bytes.get(from..)?.iter().position(|b| matches!(b, b'4' | b'5')) {
        let start = from + at;
        let length = bytes.get(start..)?.iter().take_while(|c| is_number(c)).count();
        let word = text.get(start..start + length)?.trim_end_matches('.');
        let joined = start
            .checked_sub(1)
            .and_then(|at| bytes.get(at))
            .is_some_and(|b| is_number(b) || b.is_ascii_alphabetic());
        if !joined && is_enhanced(word) {
            return Some(word);
        }
        from = start + length.max(1);
    }
    None
}

fn is_enhanced(word: &str) -> bool {
    let parts: Vec<&str> = word.split('.').collect();
    parts.len() == 3
        && parts.iter().all(|part| (1..=3).contains(&part.len()))
        && parts.first().is_some_and(|class| class.len() == 1)
}

/// The first SMTP reply code of a refusal (RFC 5321 §4.2): three digits that start with `4` or `5`, as a separate
/// word.
pub fn reply_code(text: &str) -> Option<&str> {
    cut(text, MAX_SCOPE).split(|c: char| !c.is_ascii_alphanumeric() && c != '.').find(|word| {
        word.len() == 3 && word.starts_with(['4', '5']) && word.bytes().all(|b| b.is_ascii_digit())
    })
}

/// The start of a text, at most `limit` bytes.
pub fn cut(text: &str, limit: usize) -> &str {
    let mut end = text.len().min(limit);
    while !text.is_char_boundary(end) {
        end -= 1;
    }
    text.get(..end).unwrap_or(text)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn codes_are_found_in_words() {
        for (text, status, code) in [
            ("550 5.1.1 no", Some("5.1.1"), Some("550")),
            ("550-5.7.26 no", Some("5.7.26"), Some("550")),
            ("(#5.1.1)", Some("5.1.1"), None),
            ("[192.0.2.5] 15.1.1 5.1.1.1 4.44", None, None),
            ("at 5.4.2021 we had 451 letters", None, Some("451")),
            ("", None, None),
        ] {
            assert_eq!((enhanced_status(text), reply_code(text)), (status, code), "{text}");
        }
    }

    #[test]
    fn a_temporary_code_makes_no_address_dead() {
        let rules = InboxRules::built_in().unwrap();
        for (status, diagnostic, class) in [
            (Some("4.1.1"), "450 4.1.1 user unknown", Class::Soft),
            (None, "450 user unknown", Class::Soft),
            (Some("5.0.0"), "450 user unknown", Class::Soft),
            (None, "550 user unknown", Class::Hard),
            (Some("5.2.1"), "user unknown", Class::Soft),
            (Some("5.2.1"), "the account no longer exists", Class::Hard),
            (Some("5.2.1"), "This mailbox has been Deleted", Class::Hard),
            (Some("5.2.1"), "Kontot finns inte längre", Class::Hard),
        ] {
            let evidence = Evidence { status, diagnostic, ..Evidence::default() };
            assert_eq!(evidence.judge(&rules, "a@example.se".to_owned()).class, class, "{diagnostic}");
        }
    }

    #[test]
    fn a_refusal_in_clear_words_outweighs_the_reporters_status() {
        let rules = InboxRules::built_in().unwrap();
        for (status, diagnostic, class) in [
            ("4.4.7", "550 there is no such user", Class::Hard),
            ("4.4.7", "450 there is no such user", Class::Soft),
            ("4.4.7", "550 mailbox full", Class::Soft),
            ("4.4.7", "550 delivery time expired", Class::Soft),
        ] {
            let action = Some(Action::Failed);
            let evidence = Evidence { status: Some(status), diagnostic, action, ..Evidence::default() };
            assert_eq!(evidence.judge(&rules, "a@example.se".to_owned()).class, class, "{diagnostic}");
        }
    }

    #[test]
    fn words_take_precedence_over_codes() {
        let rules = InboxRules::built_in().unwrap();
        for (status, diagnostic, scope, reason) in [
            ("5.1.1", "550 mailbox full", "", Reason::MailboxFull),
            ("5.1.1", "", "", Reason::UserUnknown),
            ("5.0.0", "550 x", "", Reason::Filtered),
            ("5.0.0", "", "no such user", Reason::UserUnknown),
            ("", "", "", Reason::Undefined),
        ] {
            let evidence =
                Evidence { status: Some(status), diagnostic, scopes: vec![scope], ..Evidence::default() };
            assert_eq!(
                evidence.judge(&rules, "a@example.se".to_owned()).reason,
                reason,
                "{status} {diagnostic}"
            );
        }
    }
}
