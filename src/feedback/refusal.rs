//! What a mail server's permanent refusal of a letter means for the register.

use jiff::Timestamp;

use crate::diagnosis::RulesError;
use crate::domain::bounce::{Class, MessageKind};
use crate::domain::{Address, Reply, Suppression, SuppressionReason};
use crate::inbox::{Hints, MessageReader};
use crate::ledger::{Attempt, BounceAction, BounceRecord, Refusal};

/// Judges refusals by the rules for returned messages.
#[derive(Debug)]
pub struct RefusalJudge(MessageReader);

impl RefusalJudge {
    /// Compiles the rules.
    ///
    /// # Errors
    /// If a built-in rule file is broken.
    pub fn new() -> Result<Self, RulesError> {
        MessageReader::new(&Hints::default()).map(Self)
    }

    /// The record of the refusal of a letter to `address`; a dead address is not mailed again.
    pub fn refusal(&self, attempt: &Attempt, address: &Address, reply: &Reply, now: Timestamp) -> Refusal {
        let reason = self.0.reason(reply);
        let class = reason.class();
        let suppression = (class == Class::Hard).then(|| Suppression {
            address: address.to_string(),
            reason: SuppressionReason::HardBounce,
            since: now,
            note: format!("{reason} {}", reply.text),
        });
        let record = BounceRecord {
            digest: attempt.digest(),
            position: 0,
            file: "smtp".to_owned(),
            kind: MessageKind::Bounce,
            address: Some(address.to_string()),
            class: Some(class),
            status: reply.status.clone(),
            reason: Some(reason),
            diagnostic: Some(reply.text.clone()),
            issue: Some(attempt.issue.clone()),
            member: Some(attempt.member),
            action: BounceAction::Counted,
        };
        Refusal { record, suppression }
    }
}
