//! Uses the send log as a second record, so that a restored or copied ledger does not send everything again.

use std::collections::BTreeMap;

use serde::Deserialize;

use crate::commands::{Context, Project};
use crate::domain::{Address, IssueName, MemberId, State};
use crate::error::{Error, ErrorKind};
use crate::ledger::Ledger;
use crate::report::{JsonLines, plural};

/// A log line about an accepted letter.
#[derive(Debug, Deserialize)]
struct AcceptedLine {
    issue: IssueName,
    event: String,
    address: Option<Address>,
    letter: Option<AcceptedLetter>,
}

#[derive(Debug, Deserialize)]
struct AcceptedLetter {
    message_id: String,
}

/// A letter that was accepted according to the log, but is unknown or in doubt in the ledger.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) struct LostRecord {
    pub member: MemberId,
    pub name: String,
    pub address: Address,
    pub message_id: String,
}

/// The letters of an issue that were accepted according to the log, but not according to the ledger. `in_doubt`
/// includes those that are in doubt in the ledger.
pub(super) fn lost_records(
    project: &Project,
    ledger: &Ledger,
    issue: &IssueName,
    in_doubt: bool,
) -> Result<Vec<LostRecord>, Error> {
    let accepted = accepted_in_log(project, issue)?;
    let mut lost = Vec::new();
    for (address, message_id) in accepted.into_values() {
        let Some(row) = ledger.member_by_address(&address)? else { continue };
        let is_known = match ledger.progress_of(issue, row.member.id)? {
            Some((State::InDoubt | State::Sending, _)) => !in_doubt,
            Some((State::Accepted | State::Rejected, _)) => true,
            // After the attempt a person has queued the letter again, or a streak was undone.
            Some((State::Queued | State::Deferred, attempts)) => attempts > 0,
            // The address may have belonged to another member, who got the letter.
            None => ledger.has_letter(issue, &address)?,
        };
        if !is_known {
            lost.push(LostRecord { member: row.member.id, name: row.member.name, address, message_id });
        }
    }
    Ok(lost)
}

/// Address and Message-ID of each accepted letter of the issue in the log, by the address's key.
fn accepted_in_log(
    project: &Project,
    issue: &IssueName,
) -> Result<BTreeMap<String, (Address, String)>, Error> {
    let mut accepted = BTreeMap::new();
    let sign = format!("\"{issue}\"");
    JsonLines::lines(&project.log_path("send"), |line| {
        // Most lines of a long log are about other issues and need not be parsed.
        if memchr::memmem::find(line, sign.as_bytes()).is_none() {
            return;
        }
        if let Ok(AcceptedLine { issue: of, event, address: Some(address), letter: Some(letter) }) =
            serde_json::from_slice(line)
            && of == *issue
            && event == State::Accepted.as_str()
        {
            accepted.insert(address.key(), (address, letter.message_id));
        }
    })?;
    Ok(accepted)
}

/// Refuses to send while the log has accepted letters that the ledger does not.
pub(super) fn refuse_lost_records(
    context: Context<'_>,
    ledger: &Ledger,
    issue: &IssueName,
) -> Result<(), Error> {
    let lost = lost_records(context.project, ledger, issue, false)?;
    let Some(first) = lost.first() else { return Ok(()) };
    let letters = plural(lost.len() as u64, "letter", "letters");
    let message = format!(
        "the send log says that {letters} of {issue} left ({} at {} the first) of which the ledger knows nothing; nothing \
         was sent",
        first.name, first.address
    );
    Err(Error::new(ErrorKind::Data, message).hint(format!(
        "the ledger may be an old copy; copy what the log has with: medlemsbrev resolve {issue} --from-log"
    )))
}
