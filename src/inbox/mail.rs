//! A message with everything known about it as a whole, and the steps that classify it.

use std::collections::HashSet;

use super::header::Headers;
use super::mime::{MimeMessage, MimePart, Role};
use super::notice::{Confidence, NamedRecipient, Others};
use super::own::Own;
use super::reply::AutoReply;
use super::rules::InboxRules;
use super::signs::{Signs, correspondents, is_report, refuses};
use super::status::{Action, Record};
use super::verdict::{Evidence, reply_code};
use super::{address, complaint, notice, notification, reply, status, unsubscribe};
use crate::domain::bounce::{Class, MessageKind, Verdict};

/// A message with everything known about it as a whole.
#[derive(Debug)]
pub struct IncomingMail<'m> {
    message: &'m MimeMessage<'m>,
    notice: &'m str,
    original: &'m Headers<'m>,
    rules: &'m InboxRules,
    subject: String,
    signs: Signs,
    by_person: bool,
    own: &'m Own,
    /// Sender and recipients of the notice and of the letter.
    enveloped: HashSet<String>,
}

impl<'m> IncomingMail<'m> {
    /// Collects the signs of a message, given its notice and the returned letter.
    pub fn new(
        message: &'m MimeMessage<'m>,
        notice: &'m str,
        original: &'m Headers<'m>,
        rules: &'m InboxRules,
        own: &'m Own,
        by_person: bool,
    ) -> Self {
        let headers = &message.headers;
        let (signs, enveloped) = (Signs::of(headers, notice, rules), correspondents(headers, original));
        Self {
            message,
            notice,
            original,
            rules,
            subject: headers.text("subject"),
            signs,
            by_person,
            own,
            enveloped,
        }
    }

    /// Classifies the message and returns its verdicts.
    pub fn read(&self) -> (MessageKind, Vec<Verdict>) {
        if let Some(found) = notification::read(self.notice, self.rules) {
            return found;
        }
        if let Some(found) = complaint::read(self.message, self.original, self.signs.complaint, self.rules) {
            return found;
        }
        if self.is_challenge() {
            return (MessageKind::AutoReply, Vec::new());
        }
        if let Some(found) = self.by_status() {
            return found;
        }
        let listed = self.listed();
        if !listed.is_empty() {
            return self.judged(self.about(listed));
        }
        if self.asks_by_button() {
            return (MessageKind::Unsubscribe, Vec::new());
        }
        if self.is_answer() {
            return self.refusal_by_nobody().unwrap_or((MessageKind::AutoReply, Vec::new()));
        }
        if let Some(found) = self.by_words() {
            return found;
        }
        if unsubscribe::is_request(&self.subject, self.notice, self.rules) {
            return (MessageKind::Unsubscribe, Vec::new());
        }
        (MessageKind::Other, Vec::new())
    }

    /// Tells whether a mail program asks on its user's behalf, or whether somebody sent an empty mail to the
    /// unsubscribe address.
    ///
    /// When its user presses the button, Apple Mail sends a request that is marked as an automatic reply, in the
    /// user's language.
    fn asks_by_button(&self) -> bool {
        let is_empty = || unsubscribe::own_words(self.notice, self.rules).trim().is_empty();
        self.message.headers.get("x-apple-unsubscribe").is_some()
            || self.is_sent_to_leave() && is_empty() && !self.is_answer()
    }

    fn is_sent_to_leave(&self) -> bool {
        let to = ["to", "delivered-to", "x-original-to"]
            .into_iter()
            .flat_map(|name| self.message.headers.all(name));
        let leave = self.own.unsubscribe.as_deref();
        leave.is_some_and(|leave| {
            to.flat_map(address::find).any(|to| address::without_tag(&address::key(to.address)) == leave)
        })
    }

    /// The verdict of a bounce or a complaint that does not name its recipient.
    pub fn unnamed(&self, kind: MessageKind) -> Option<Verdict> {
        match kind {
            MessageKind::Complaint => Some(complaint::unnamed(self.message, self.rules)),
            MessageKind::Bounce => {
                let text = self.message.with(Role::Status).map(MimePart::text).next().unwrap_or_default();
                let record = status::records(&text).into_iter().next().unwrap_or_default();
                let scopes = vec![self.notice, self.subject.as_str()];
                Some(self.evidence(&record, scopes).judge(self.rules, String::new()))
            }
            _ => None,
        }
    }

    /// Tells whether a mail system reports a failed delivery.
    fn is_notice(&self) -> bool {
        let Signs { daemon, null_path, subject_fails, text_fails, delayed, .. } = self.signs;
        daemon && (subject_fails || text_fails || delayed) || null_path && subject_fails && text_fails
    }

    fn is_answer(&self) -> bool {
        let is_receipt = self.message.with(Role::Receipt).next().is_some();
        is_receipt
            || match reply::is_automatic(&self.message.headers, &self.subject, self.notice, self.rules) {
                AutoReply::Sure => true,
                AutoReply::Likely => !self.is_notice(),
                AutoReply::No => false,
            }
    }

    /// Tells whether the letter is held until somebody presses a button; a delivery report may say so too, but no
    /// host refused it.
    fn is_challenge(&self) -> bool {
        let reports = || self.message.with(Role::Status).map(MimePart::text);
        reply::is_challenge(self.notice, self.rules)
            && reply_code(self.notice).is_none()
            && reports().all(|report| reply_code(&report).is_none())
    }

    /// Tells whether the recipient's Sieve script refused the letter; the refusal looks like a receipt (RFC 5429
    /// §2.1, RFC 3834 §5).
    fn is_refused_by_script(&self) -> bool {
        let automatic = self.message.headers.get("auto-submitted").unwrap_or_default();
        automatic.to_ascii_lowercase().contains("rejected")
    }

    /// A refusal marked as an automatic answer: it has no author, and it names an unknown user.
    fn refusal_by_nobody(&self) -> Option<(MessageKind, Vec<Verdict>)> {
        let from = self.message.headers.get("from").unwrap_or_default();
        if from.contains('@') {
            return None;
        }
        let found = self.in_words(true);
        let is_dead = !found.is_empty() && found.iter().all(|verdict| verdict.class == Class::Hard);
        is_dead.then(|| self.judged(found))
    }

    /// Reads a notice without any fields.
    fn by_words(&self) -> Option<(MessageKind, Vec<Verdict>)> {
        let is_notice = self.is_notice();
        if self.by_person {
            // Somebody quotes a notice, or writes about one.
            return None;
        }
        let Signs { daemon, null_path, subject_fails, text_fails, delayed, .. } = self.signs;
        let says_so = text_fails || subject_fails || delayed || refuses(self.notice, self.rules);
        if !(daemon || null_path && says_so || self.signs.family || subject_fails && text_fails) {
            return None;
        }
        let found =
            self.in_words(is_notice || daemon && says_so || self.signs.automatic || self.signs.family);
        // Phishing uses the same words but returns no letter.
        let has_letter = self.original.iter().next().is_some() || self.signs.automatic;
        let is_sure =
            is_notice && (is_report(&self.message.headers) || subject_fails && text_fails && has_letter);
        (!found.is_empty() || is_sure).then(|| self.judged(found))
    }

    /// Reads delivery status fields, in their own part or in the text.
    fn by_status(&self) -> Option<(MessageKind, Vec<Verdict>)> {
        let refused = self.message.with(Role::Receipt).filter(|_| self.is_refused_by_script());
        let parts = self.message.with(Role::Status).chain(refused);
        let mut records: Vec<Record> = parts.flat_map(|part| status::records(&part.text())).collect();
        let has_part = !records.is_empty();
        if !has_part {
            let mentions =
                |name| memchr::memmem::find(self.notice.to_ascii_lowercase().as_bytes(), name).is_some();
            if (mentions(b"final-recipient:") || mentions(b"original-recipient:")) && !self.by_person {
                records = status::records(self.notice);
            }
        }
        records.retain(|record| record.action.is_some() || has_part || record.status.is_some());
        if records.is_empty() {
            return None;
        }
        records.retain(|record| record.action != Some(Action::Done));
        if records.is_empty() {
            return Some((MessageKind::Other, Vec::new()));
        }
        let verdicts = self.by_records(&records);
        Some(self.judged(verdicts))
    }

    fn by_records(&self, records: &[Record]) -> Vec<Verdict> {
        let blocks = notice::blocks(self.notice);
        let originals = notice::originals(self.notice, self.rules);
        let alone = records.len() == 1;
        let mut verdicts = Vec::with_capacity(records.len());
        let mut seen = HashSet::new();
        for record in records {
            let mut named = [&record.original, &record.last].into_iter().flatten();
            let Some(address) = named.find(|address| !self.is_own(address)).cloned() else {
                continue;
            };
            let address = originals.get(&address::key(&address)).cloned().unwrap_or(address);
            if !seen.insert(address::key(&address)) {
                continue;
            }
            let mut scopes = Vec::new();
            scopes.extend(
                record.status.as_deref().and_then(|status| status.split_once(' ')).map(|(_, words)| words),
            );
            let block = blocks.get(&address::key(&address)).copied();
            scopes.extend(block.map(notice::paragraph));
            let mut far: Vec<&str> = block.into_iter().collect();
            if alone {
                far.extend([self.notice, self.subject.as_str()]);
            }
            verdicts.push(Evidence { far, ..self.evidence(record, scopes) }.judge(self.rules, address));
        }
        match records.first() {
            Some(record) if verdicts.is_empty() => self.by_nameless(record),
            _ => verdicts,
        }
    }

    /// Handles a record that names a pipe, a file or nobody: the text or a header field identifies the recipient.
    fn by_nameless(&self, record: &Record) -> Vec<Verdict> {
        let judge = |address, scopes| self.evidence(record, scopes).judge(self.rules, address);
        let listed = self.listed();
        if !listed.is_empty() {
            return listed.into_iter().map(|address| judge(address, vec![self.notice])).collect();
        }
        let named = self.named(true).into_iter();
        named.map(|named| judge(named.address, vec![named.words, named.block, self.notice])).collect()
    }

    fn evidence<'e>(&'e self, record: &'e Record, scopes: Vec<&'e str>) -> Evidence<'e> {
        let action = record.action.or_else(|| self.action());
        Evidence {
            status: record.status.as_deref(),
            diagnostic: &record.diagnostic,
            scopes,
            far: Vec::new(),
            action,
            families: &self.signs.families,
        }
    }

    fn action(&self) -> Option<Action> {
        self.signs.delayed.then_some(Action::Delayed)
    }

    /// The recipients listed in a header field, such as Exim's `X-Failed-Recipients`.
    fn listed(&self) -> Vec<String> {
        let fields = self.rules.families.iter().flat_map(|family| &family.fields);
        let values = fields.flat_map(|name| self.message.headers.all(name));
        let listed = values.flat_map(|value| value.split([',', '\n'])).filter_map(address::in_field);
        listed.filter(|address| !self.is_own(address)).map(str::to_owned).collect()
    }

    fn about(&self, addresses: Vec<String>) -> Vec<Verdict> {
        let blocks = notice::blocks(self.notice);
        let originals = notice::originals(self.notice, self.rules);
        let alone = addresses.len() == 1;
        let mut seen = HashSet::new();
        addresses
            .into_iter()
            .map(|address| originals.get(&address::key(&address)).cloned().unwrap_or(address))
            .filter(|address| seen.insert(address::key(address)))
            .map(|address| {
                let block = blocks.get(&address::key(&address)).copied();
                let mut far: Vec<&str> = block.into_iter().collect();
                if alone || block.is_none() {
                    far.extend([self.notice, self.subject.as_str()]);
                }
                self.words(block.map(notice::paragraph).into_iter().collect(), far).judge(self.rules, address)
            })
            .collect()
    }

    fn words<'e>(&'e self, scopes: Vec<&'e str>, far: Vec<&'e str>) -> Evidence<'e> {
        Evidence { scopes, far, action: self.action(), families: &self.signs.families, ..Evidence::default() }
    }

    /// The verdicts of a notice without fields. Unless it is `sure` to be a notice, only marks that no person writes
    /// count.
    fn in_words(&self, sure: bool) -> Vec<Verdict> {
        let named = self.named(sure);
        let alone = named.len() == 1;
        named
            .into_iter()
            .map(|named| {
                let says_nothing =
                    || self.rules.vocabulary.meaning(named.block, &self.signs.families).is_none();
                let mut far = vec![named.block];
                if alone || says_nothing() {
                    far.extend([self.notice, self.subject.as_str()]);
                }
                let near = vec![named.words, notice::paragraph(named.block)];
                self.words(near, far).judge(self.rules, named.address)
            })
            .collect()
    }

    /// The recipients named in the text, else the one named by the returned letter or our return path.
    fn named(&self, sure: bool) -> Vec<NamedRecipient<'m>> {
        let mut named = self.in_text();
        // A person may write that somebody's letter came back; only a machine marks the address.
        named.retain(|named| sure || named.sureness <= Confidence::Marked);
        // A notice may also name its writer or a successor; the returned letter identifies the recipient.
        let is_letters = |named: &NamedRecipient<'_>| self.is_in_letter(&named.address);
        if named.iter().all(|named| named.sureness >= Confidence::AfterLeadIn) && named.iter().any(is_letters)
        {
            named.retain(is_letters);
        }
        let doubtful = sure && named.iter().all(|named| named.sureness >= Confidence::Mentioned);
        match self.sent_to().filter(|_| doubtful) {
            Some(address) => {
                vec![NamedRecipient { address, sureness: Confidence::Marked, words: "", block: self.notice }]
            }
            None => named,
        }
    }

    fn in_text(&self) -> Vec<NamedRecipient<'m>> {
        let from = address::first(self.message.headers.get("from").unwrap_or_default());
        let domain = from.and_then(|from| from.rsplit_once('@')).map_or("", |(_, domain)| domain);
        let others = Others { own: self.own, enveloped: &self.enveloped };
        notice::recipients(self.notice, self.rules, &self.signs.families, others, domain)
    }

    fn is_own(&self, address: &str) -> bool {
        self.own.has(&address::key(address))
    }

    fn is_in_letter(&self, address: &str) -> bool {
        let key = address::key(address);
        self.original.all("to").flat_map(address::find).any(|to| address::key(to.address) == key)
    }

    fn sent_to(&self) -> Option<String> {
        let in_subject = address::first(&self.subject).map(str::to_owned);
        let in_path = || {
            self.message
                .headers
                .all("to")
                .flat_map(address::find)
                .find_map(|to| address::in_return_path(to.address))
        };
        let in_letter = || {
            let mut to = self.original.all("to").chain(self.original.all("cc")).flat_map(address::find);
            to.next().filter(|_| to.next().is_none()).map(|spot| spot.address.to_owned())
        };
        in_subject
            .filter(|found| !self.enveloped.contains(&address::key(found)))
            .or_else(in_path)
            .or_else(in_letter)
            .filter(|found| !self.is_own(found))
    }

    fn judged(&self, verdicts: Vec<Verdict>) -> (MessageKind, Vec<Verdict>) {
        let waiting = if verdicts.is_empty() {
            self.signs.delayed
        } else {
            verdicts.iter().all(|verdict| verdict.class == Class::Delayed)
        };
        (if waiting { MessageKind::Delayed } else { MessageKind::Bounce }, verdicts)
    }
}
