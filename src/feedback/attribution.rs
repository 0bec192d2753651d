//! Decides which member a message is about, and what follows.

use jiff::Timestamp;

use crate::diagnosis::{self, About};
use crate::domain::bounce::{Class, MessageKind, Reason, Verdict};
use crate::domain::{Address, IssueName, MemberId, Reply, Suppression, SuppressionReason, Token, TokenKey};
use crate::inbox::{MessageReport, SenderNews};
use crate::ledger::{BounceAction, BounceRecord, Ledger, LedgerError};

/// Finds the member whom a message is about.
#[derive(Debug)]
pub struct BounceAttribution<'a> {
    pub ledger: &'a Ledger,
    pub key: &'a TokenKey,
    /// An address is suppressed after soft bounces from this many issues in a row.
    pub soft_issues: usize,
    /// Whether every letter's return path has a token, so that a bounce without one may be forged.
    pub has_tokens: bool,
    /// The mail server whose `Authentication-Results` are trusted.
    pub authenticator: Option<&'a str>,
}

impl BounceAttribution<'_> {
    /// The first token in a message that this project signed.
    pub fn token(&self, report: &MessageReport) -> Option<Token> {
        report.tokens.iter().find_map(|text| self.key.verify(text))
    }

    /// The member whom a verdict is about: by the token, else by the address if a letter was sent there.
    pub fn member(&self, token: Option<&Token>, address: &str) -> Result<Option<MemberId>, LedgerError> {
        if let Some(token) = token {
            return Ok(Some(token.member));
        }
        let Ok(address) = Address::parse(address) else { return Ok(None) };
        let present = self.ledger.member_by_address(&address)?.map(|row| row.member.id);
        match present
            .map(|member| Ok::<_, LedgerError>((member, self.ledger.was_mailed(member)?)))
            .transpose()?
        {
            Some((member, true)) => Ok(Some(member)),
            // The letter went to a former address of the member.
            _ => self.ledger.mailed_at(address.as_str()),
        }
    }

    /// The records of a message and their consequences; at least one, so that the message is read only once.
    pub fn records(
        &self,
        report: &MessageReport,
        digest: &str,
        file: &str,
        now: Timestamp,
    ) -> Result<Vec<BounceRecord>, LedgerError> {
        let token = self.token(report);
        let blank = BounceRecord {
            digest: digest.to_owned(),
            position: 0,
            file: file.to_owned(),
            kind: report.kind,
            address: None,
            class: None,
            status: None,
            reason: None,
            diagnostic: None,
            issue: token.as_ref().map(|token| token.issue.clone()),
            member: None,
            action: BounceAction::None,
        };
        // Our own token identifies the member if a report has no readable address.
        let unnamed = report.unnamed.as_slice().iter().filter(|_| token.is_some());
        let verdicts: Vec<&Verdict> = report.recipients.iter().chain(unnamed).collect();
        if verdicts.is_empty() {
            return Ok(vec![self.without_verdict(report, token.as_ref(), blank, now)?]);
        }
        verdicts
            .into_iter()
            .enumerate()
            .map(|(position, verdict)| {
                let member = self.member(token.as_ref(), &verdict.address)?;
                let issue = match (&blank.issue, member) {
                    (None, Some(member)) => self.ledger.last_issue_of(member)?,
                    (issue, _) => issue.clone(),
                };
                let action = self.judge(report.kind, token.as_ref(), issue.as_ref(), member, verdict, now)?;
                Ok(BounceRecord {
                    position,
                    address: self.shown_address(verdict, issue.as_ref(), member)?,
                    class: Some(verdict.class),
                    status: verdict.status.clone(),
                    reason: Some(verdict.reason),
                    diagnostic: Some(verdict.diagnostic.clone()),
                    issue,
                    member,
                    action,
                    ..blank.clone()
                })
            })
            .collect()
    }

    /// The record of a message without a verdict: an answer, a request to leave, or other mail.
    fn without_verdict(
        &self,
        report: &MessageReport,
        token: Option<&Token>,
        blank: BounceRecord,
        now: Timestamp,
    ) -> Result<BounceRecord, LedgerError> {
        let from = report.from.clone();
        let member = self.member(token, &from)?;
        let is_forged =
            token.is_none() && report.kind == MessageKind::Unsubscribe && self.is_disowned(report);
        let action = if is_forged {
            BounceAction::Unverified
        } else {
            self.withdraw(report.kind, token, member, &from, now)?
        };
        let address = Some(from).filter(|from| !from.is_empty());
        let (reason, diagnostic) = match &report.news {
            Some(SenderNews { reason, words, new_address }) => {
                let new = new_address.as_ref().map_or_else(String::new, |new| format!(" <{new}>"));
                (Some(*reason), Some(format!("{words}{new}")))
            }
            None => (None, None),
        };
        Ok(BounceRecord { address, reason, diagnostic, member, action, ..blank })
    }

    /// The address to record: the named one, else the one that the letter was sent to.
    fn shown_address(
        &self,
        verdict: &Verdict,
        issue: Option<&IssueName>,
        member: Option<MemberId>,
    ) -> Result<Option<String>, LedgerError> {
        match member.filter(|_| verdict.address.is_empty()) {
            Some(member) => Ok(self.addresses(issue, member)?.into_iter().flatten().next()),
            None => Ok(Some(verdict.address.clone())),
        }
    }

    /// Tells whether our own mail server says that the message is not from its sender's domain.
    fn is_disowned(&self, report: &MessageReport) -> bool {
        self.authenticator
            .is_some_and(|own| report.disowned_by.iter().any(|server| own.eq_ignore_ascii_case(server)))
    }

    /// Handles a request to leave: by the member's own token, or from the member's own address.
    fn withdraw(
        &self,
        kind: MessageKind,
        token: Option<&Token>,
        member: Option<MemberId>,
        from: &str,
        now: Timestamp,
    ) -> Result<BounceAction, LedgerError> {
        match (kind, member) {
            (MessageKind::Unsubscribe, Some(member)) => {
                let note = format!("mail from {from}");
                self.suppress(token, member, from, SuppressionReason::Unsubscribed, &note, now)
            }
            (MessageKind::Unsubscribe, None) => Ok(BounceAction::NotOurs),
            _ => Ok(BounceAction::None),
        }
    }

    fn judge(
        &self,
        kind: MessageKind,
        token: Option<&Token>,
        issue: Option<&IssueName>,
        member: Option<MemberId>,
        verdict: &Verdict,
        now: Timestamp,
    ) -> Result<BounceAction, LedgerError> {
        let Some(member) = member else { return Ok(BounceAction::NotOurs) };
        if kind == MessageKind::Bounce && is_about_us(verdict) {
            return Ok(BounceAction::None);
        }
        if kind == MessageKind::Bounce && token.is_none() && self.has_tokens {
            return Ok(BounceAction::Unverified);
        }
        let reason = match (kind, verdict.class) {
            // A report on DKIM or DMARC is not a recipient's complaint (RFC 6591).
            (MessageKind::Complaint, Class::Hard) => SuppressionReason::Complaint,
            (MessageKind::Bounce, Class::Hard) => SuppressionReason::HardBounce,
            (MessageKind::Bounce, Class::Soft) => {
                let before = self.ledger.soft_bounces_in_a_row(member, issue)?;
                if before + 1 < self.soft_issues {
                    return Ok(BounceAction::Counted);
                }
                SuppressionReason::SoftBounces
            }
            _ => return Ok(BounceAction::None),
        };
        let status = verdict.status.clone().unwrap_or_default();
        let note = format!("{} {status} {}", verdict.reason, verdict.diagnostic);
        self.suppress(token, member, &verdict.address, reason, &note, now)
    }

    /// The address that the issue's letter to a member was sent to, and the member's present one.
    pub fn addresses(
        &self,
        issue: Option<&IssueName>,
        member: MemberId,
    ) -> Result<[Option<String>; 2], LedgerError> {
        let mailed = match issue {
            Some(issue) => self.ledger.mailed_address(issue, member)?,
            None => None,
        };
        let own = self.ledger.member(member)?.and_then(|row| row.member.address).map(String::from);
        Ok([mailed, own])
    }

    /// Suppresses the address that the letter was sent to; a report may name the one that it was forwarded to.
    fn suppress(
        &self,
        token: Option<&Token>,
        member: MemberId,
        address: &str,
        reason: SuppressionReason,
        note: &str,
        now: Timestamp,
    ) -> Result<BounceAction, LedgerError> {
        let [mailed, own] = self.addresses(token.map(|token| &token.issue), member)?;
        // A dead address is suppressed only where the letter was sent; a member's wish applies to the present address
        // too.
        let own = own.filter(|_| reason.is_wish() || mailed.is_none());
        let mut addresses: Vec<String> = mailed.into_iter().chain(own).collect();
        if addresses.is_empty() && !address.is_empty() {
            addresses.push(address.to_owned());
        }
        let mut is_new = false;
        for address in addresses {
            is_new |=
                self.ledger.suppress(&Suppression { address, reason, since: now, note: note.to_owned() })?;
        }
        Ok(if is_new { BounceAction::Suppressed } else { BounceAction::AlreadySuppressed })
    }
}

/// Tells whether a bounce is about our account, reputation or limits, and so says nothing about the address.
fn is_about_us(verdict: &Verdict) -> bool {
    let is_ours = matches!(
        verdict.reason,
        Reason::AuthFailure | Reason::Blocked | Reason::RateLimited | Reason::SenderRejected
    );
    if is_ours {
        return true;
    }
    let text = verdict.diagnostic.clone();
    let reply = Reply { code: None, status: verdict.status.clone(), text };
    matches!(diagnosis::about(&reply), About::Us(_))
}
