//! Letters that the mail server refused for good are bounces too.

use jiff::Timestamp;

use crate::domain::bounce::Class;
use crate::domain::{IssueName, Reply, State, Suppression, SuppressionReason};
use crate::error::{Error, Kind};
use crate::inbox::{Hints, Reader};
use crate::ledger::{BounceAction, BounceRecord, DeliveryRow, Ledger};
use crate::report::JsonLines;

use crate::commands::Project;
use crate::commands::bounces::LogLine;

/// Records each refusal of the issue once, and suppresses addresses that are dead.
pub(in crate::commands) fn record(
    project: &Project,
    ledger: &Ledger,
    issue: &IssueName,
) -> Result<(), Error> {
    let refused = ledger.deliveries(issue, State::Rejected)?;
    let mut log = None;
    let mut reader = None;
    for row in refused.into_iter().filter(|row| row.code.is_some()) {
        let what = format!("{issue} {} {}", row.member, row.attempts);
        let digest = crate::commands::sha256(what.as_bytes());
        if ledger.has_bounce(&digest)? {
            continue;
        }
        let reader = match &mut reader {
            Some(reader) => reader,
            none => none.insert(
                Reader::new(&Hints::default())
                    .map_err(|error| Error::new(Kind::Config, error.to_string()))?,
            ),
        };
        let record = one(ledger, issue, reader, row, digest)?;
        let log = match &mut log {
            Some(log) => log,
            none => none.insert(JsonLines::open(&project.log_path("bounce"))?),
        };
        log.add(&LogLine { time: Timestamp::now(), event: "refused", record: &record })?;
    }
    Ok(())
}

fn one(
    ledger: &Ledger,
    issue: &IssueName,
    reader: &Reader,
    row: DeliveryRow,
    digest: String,
) -> Result<BounceRecord, Error> {
    let now = Timestamp::now();
    let text = row.reply.clone().unwrap_or_default();
    let reason = reader.reason(&Reply { code: row.code, status: row.status.clone(), text: text.clone() });
    let is_dead = reason.class() == Class::Hard;
    Ok(ledger.at_once(|ledger| {
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
        Ok::<_, crate::ledger::LedgerError>(record)
    })?)
}
