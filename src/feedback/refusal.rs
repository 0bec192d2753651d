//! Letters that the mail server refused for good: recorded like bounces.

use jiff::Timestamp;

use crate::domain::bounce::Class;
use crate::domain::{IssueName, Reply, Sha256, State, Suppression, SuppressionReason};
use crate::inbox::Reader;
use crate::ledger::{BounceAction, BounceRecord, DeliveryRow, Ledger, LedgerError};

/// Records each refusal of the issue once and suppresses addresses that are dead; returns what is new.
///
/// # Errors
/// If the ledger cannot be read or written.
pub fn record_refusals(
    ledger: &Ledger,
    issue: &IssueName,
    reader: &Reader,
    now: Timestamp,
) -> Result<Vec<BounceRecord>, LedgerError> {
    let mut records = Vec::new();
    for row in ledger.deliveries(issue, State::Rejected)?.into_iter().filter(|row| row.code.is_some()) {
        let digest = Sha256::of(format!("{issue} {} {}", row.member, row.attempts).as_bytes());
        if !ledger.has_bounce(&digest)? {
            records.push(record_refusal(ledger, issue, reader, row, digest, now)?);
        }
    }
    Ok(records)
}

fn record_refusal(
    ledger: &Ledger,
    issue: &IssueName,
    reader: &Reader,
    row: DeliveryRow,
    digest: String,
    now: Timestamp,
) -> Result<BounceRecord, LedgerError> {
    let text = row.reply.clone().unwrap_or_default();
    let reason = reader.reason(&Reply { code: row.code, status: row.status.clone(), text: text.clone() });
    let is_dead = reason.class() == Class::Hard;
    ledger.at_once(|ledger| {
        let action = match &row.address {
            Some(address) if is_dead => {
                let note = format!("{reason} {text}");
                let reason = SuppressionReason::HardBounce;
                let suppression = Suppression { address: address.clone(), reason, since: now, note };
                if ledger.suppress(&suppression)? {
                    BounceAction::Suppressed
                } else {
                    BounceAction::AlreadySuppressed
                }
            }
            _ => BounceAction::Counted,
        };
        let record = BounceRecord {
            digest,
            position: 0,
            file: "smtp".to_owned(),
            kind: "bounce".to_owned(),
            address: row.address,
            class: Some(if is_dead { "hard" } else { "soft" }.to_owned()),
            status: row.status,
            reason: Some(reason.to_string()),
            diagnostic: Some(text),
            issue: Some(issue.clone()),
            member: Some(row.member),
            action,
        };
        ledger.add_bounce(&record, now)?;
        Ok(record)
    })
}
