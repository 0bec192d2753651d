//! The confirmation to members who unsubscribed by mail, if `confirm` is set.
//!
//! It is sent once the unsubscription is durable, and is not retried: at most one confirmation per mail, whatever
//! fails.

use jiff::Timestamp;

use crate::compose::{InReplyTo, Notice, Texts};
use crate::domain::bounce::MessageKind;
use crate::domain::{Address, IssueName, Letter, Outcome};
use crate::error::Error;
use crate::feedback::BounceAttribution;
use crate::inbox::MessageReport;
use crate::ledger::{BounceAction, BounceRecord, LedgerError};
use crate::relay::After;
use crate::report::plural;

use crate::commands::{Context, Project};

/// Somebody who unsubscribed in this run.
#[derive(Debug)]
pub(super) struct Unsubscriber {
    to: Address,
    /// The names of everybody who has the address and unsubscribed with it.
    names: Vec<String>,
    issue: Option<IssueName>,
    digest: String,
    message_id: String,
    references: Vec<String>,
}

impl Unsubscriber {
    /// The member whom a mail has just unsubscribed, if a machine may answer that mail.
    pub fn of(
        report: &MessageReport,
        record: &BounceRecord,
        attribution: &BounceAttribution<'_>,
    ) -> Result<Option<Self>, LedgerError> {
        let has_left = report.kind == MessageKind::Unsubscribe && record.action == BounceAction::Suppressed;
        let Some(member) = record.member.filter(|_| has_left && report.may_be_answered) else {
            return Ok(None);
        };
        // Only if the address is the member's own: anybody can put any address into From.
        let [mailed, own] = attribution.addresses(record.issue.as_ref(), member)?;
        let is_from = |address: &&String| address.eq_ignore_ascii_case(&report.from);
        let to = [&mailed, &own].into_iter().flatten().find(is_from).or(mailed.as_ref()).or(own.as_ref());
        let Some(to) = to.and_then(|to| Address::parse(to).ok()) else { return Ok(None) };
        let sharing = attribution.ledger.members_at(&to)?;
        Ok(Some(Self {
            to,
            names: sharing.into_iter().map(|row| row.member.name).collect(),
            issue: record.issue.clone(),
            digest: record.digest.clone(),
            message_id: report.message_id.clone(),
            references: report.references.clone(),
        }))
    }
}

/// Sends confirmations to members who unsubscribed; a failure is reported and does not undo it.
pub(super) fn write_to(context: Context<'_>, unsubscribers: &[Unsubscriber]) {
    if unsubscribers.is_empty() {
        return;
    }
    let told = super::super::runtime().and_then(|runtime| runtime.block_on(deliver(context, unsubscribers)));
    context.terminal.say(match told {
        Ok(told) => format!("{} of unsubscribing sent.", plural(told, "confirmation", "confirmations")),
        Err(error) => format!("Cannot send the confirmations: {error}"),
    });
}

async fn deliver(context: Context<'_>, unsubscribers: &[Unsubscriber]) -> Result<u64, Error> {
    let relay = context
        .relay_or(context.project.dir.join(&context.project.config.transport.dir).join("confirmations"))?;
    let mut session = relay.connect().await?;
    let mut told = 0;
    for unsubscriber in unsubscribers {
        let letter = letter(context.project, unsubscriber)?;
        let delivered = session.deliver(&letter).await;
        match delivered.outcome {
            Outcome::Accepted(_) => told += 1,
            outcome => context.terminal.say(format!(
                "The confirmation to {} was not accepted: {}",
                unsubscriber.to,
                outcome.reply()
            )),
        }
        if delivered.after != After::GoOn {
            session.close().await;
            session = relay.connect().await?;
        }
    }
    session.close().await;
    Ok(told)
}

fn letter(project: &Project, unsubscriber: &Unsubscriber) -> Result<Letter, Error> {
    let config = &project.config;
    let issue = unsubscriber.issue.as_ref().and_then(|issue| project.source(issue).ok());
    let language = issue.map_or_else(|| config.association.language.clone(), |source| source.issue.language);
    let texts = Texts::load(&language, &project.templates_dir())?;
    let sharing = if unsubscriber.names.len() > 1 { unsubscriber.names.join(", ") } else { String::new() };
    let data = serde_json::json!({ "association": project.association(), "sharing": sharing });
    let from = &config.sender.address;
    let name = unsubscriber.digest.get(..24).unwrap_or_default();
    let notice = Notice {
        from_name: Some(config.sender_name().to_owned()),
        from,
        to: &unsubscriber.to,
        subject: &texts.fill("unsubscribed_subject", &data)?,
        text: &texts.fill("unsubscribed_text", &data)?,
        message_id: format!("left-{name}@{}", from.domain()),
        answer: Some(InReplyTo {
            message_id: &unsubscriber.message_id,
            references: &unsubscriber.references,
        }),
    };
    Ok(notice.letter(&project.signers()?, Timestamp::now())?)
}
