//! `import --suppress`: imports a list of people who must not be mailed, for example an export of another newsletter
//! system.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;

use crate::cli::ImportArgs;
use crate::commands::Context;
use crate::domain::{Address, InvalidRow, Suppression, SuppressionReason};
use crate::error::{Error, Exit};
use crate::import::{ImportError, Options, Sheet};
use crate::report::{count, plural};

use super::{List, ListRequest, SHOWN, would_stop};

/// Columns for the status of an address in newsletter systems.
const STATUS: [&str; 8] = [
    "status",
    "state",
    "subscription_status",
    "subscriber_status",
    "member_rating_status",
    "blocklisted",
    "blacklisted",
    "confirmed",
];

/// The meaning of a status.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum StatusMeaning {
    Subscribed,
    Not(SuppressionReason),
    Unknown,
}

/// How newsletter systems label those who get letters, and why others don't; only the start of each label.
const WORDS: [(&str, StatusMeaning); 18] = [
    ("unsub", StatusMeaning::Not(SuppressionReason::Unsubscribed)),
    ("opt", StatusMeaning::Not(SuppressionReason::Unsubscribed)),
    ("block", StatusMeaning::Not(SuppressionReason::Unsubscribed)),
    ("black", StatusMeaning::Not(SuppressionReason::Unsubscribed)),
    ("remov", StatusMeaning::Not(SuppressionReason::Unsubscribed)),
    ("disabled", StatusMeaning::Not(SuppressionReason::Unsubscribed)),
    ("avreg", StatusMeaning::Not(SuppressionReason::Unsubscribed)),
    ("bounc", StatusMeaning::Not(SuppressionReason::HardBounce)),
    ("clean", StatusMeaning::Not(SuppressionReason::HardBounce)),
    ("invalid", StatusMeaning::Not(SuppressionReason::HardBounce)),
    ("undeliv", StatusMeaning::Not(SuppressionReason::HardBounce)),
    ("compl", StatusMeaning::Not(SuppressionReason::Complaint)),
    ("spam", StatusMeaning::Not(SuppressionReason::Complaint)),
    ("abuse", StatusMeaning::Not(SuppressionReason::Complaint)),
    ("subscribed", StatusMeaning::Subscribed),
    ("active", StatusMeaning::Subscribed),
    ("enabled", StatusMeaning::Subscribed),
    ("confirmed", StatusMeaning::Subscribed),
];

/// The results of the import.
#[derive(Debug, Default, Serialize)]
struct Suppressed {
    added: u64,
    /// Addresses that were already suppressed.
    known: u64,
    /// Addresses of present members among those that were added.
    members: u64,
    /// Addresses with the status "subscribed".
    subscribed: u64,
    invalid_rows: Vec<InvalidRow>,
}

/// Suppresses every address of a list.
pub(super) fn run(context: Context<'_>, file: &Path, arguments: &ImportArgs) -> Result<Exit, Error> {
    let list = List::new(context.project, file, &ListRequest::new(&arguments.reading))?;
    let options = Options { wanted: crate::import::Wanted::default(), only: None, ..list.options };
    let mut done = Suppressed::default();
    let found = addresses(file, &options, arguments.reason.into(), &mut done)?;
    if !done.invalid_rows.is_empty() && !list.skip_bad {
        let rows = done.invalid_rows.iter().take(SHOWN).map(|bad| format!("invalid    {bad}"));
        rows.for_each(|row| context.terminal.say(row));
        return Err(would_stop(&done.invalid_rows));
    }
    let _lock = (!arguments.dry_run).then(|| context.project.lock("import")).transpose()?;
    let ledger = if arguments.dry_run { context.project.ledger_copy()? } else { context.project.ledger()? };
    let now = Timestamp::now();
    crate::commands::history::freeze(context.project, &ledger, now)?;
    ledger.at_once(|ledger| {
        for (address, reason) in found.values() {
            let members = ledger.members_at(address)?.len() as u64;
            let note = format!("list {}", file.display());
            let address = address.to_string();
            if ledger.suppress(&Suppression { address, reason: *reason, since: now, note })? {
                done.added += 1;
                done.members += members;
            } else {
                done.known += 1;
            }
        }
        Ok::<_, Error>(())
    })?;
    context.terminal.json(&done);
    let mut said = format!(
        "{} suppressed, {} of them with a member of the register; {} known before",
        plural(done.added, "address", "addresses"),
        count(done.members),
        count(done.known)
    );
    if done.subscribed > 0 {
        let _infallible =
            write!(said, "; {} skipped, who are subscribed according to the list", count(done.subscribed));
    }
    let end = if arguments.dry_run { ". Dry run: nothing was changed." } else { "." };
    context.terminal.say(said + end);
    Ok(Exit::Done)
}

/// The addresses of a list by their keys, each with its reason; a list may also be plain addresses, one per line.
fn addresses(
    file: &Path,
    options: &Options,
    usual: SuppressionReason,
    done: &mut Suppressed,
) -> Result<BTreeMap<String, (Address, SuppressionReason)>, Error> {
    let mut found = BTreeMap::new();
    let sheet = match Sheet::open(file, options) {
        Ok(sheet) => sheet,
        Err(error @ ImportError::NoAddresses { .. }) => {
            return bare_addresses(file, usual).ok_or_else(|| error.into());
        }
        Err(error) => return Err(error.into()),
    };
    for row in sheet.rows() {
        let row = match row {
            Ok(row) => row,
            Err(bad) => {
                done.invalid_rows.push(bad);
                continue;
            }
        };
        let status = STATUS.iter().find_map(|name| row.fields.get(*name));
        let reason = match status.map_or(StatusMeaning::Unknown, |status| meaning(status)) {
            StatusMeaning::Subscribed => {
                done.subscribed += 1;
                continue;
            }
            StatusMeaning::Not(reason) => reason,
            StatusMeaning::Unknown => usual,
        };
        found.extend(row.address.map(|address| (address.key(), (address, reason))));
    }
    sheet.check_read()?;
    Ok(found)
}

fn meaning(status: &str) -> StatusMeaning {
    let status = status.trim().to_lowercase();
    WORDS
        .iter()
        .find(|(word, _)| status.starts_with(word))
        .map_or(StatusMeaning::Unknown, |(_, meaning)| *meaning)
}

fn bare_addresses(
    file: &Path,
    reason: SuppressionReason,
) -> Option<BTreeMap<String, (Address, SuppressionReason)>> {
    let text = std::fs::read_to_string(file).ok()?;
    let lines = text.lines().map(str::trim).filter(|line| !line.is_empty());
    let addresses: Option<Vec<Address>> = lines.map(|line| Address::parse(line).ok()).collect();
    Some(addresses?.into_iter().map(|address| (address.key(), (address, reason))).collect())
}

impl From<crate::cli::SuppressFor> for SuppressionReason {
    fn from(reason: crate::cli::SuppressFor) -> Self {
        match reason {
            crate::cli::SuppressFor::Unsubscribed => Self::Unsubscribed,
            crate::cli::SuppressFor::Complaint => Self::Complaint,
            crate::cli::SuppressFor::Bounced => Self::HardBounce,
            crate::cli::SuppressFor::ByHand => Self::ByHand,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_labels_of_newsletter_systems_are_recognised() {
        for (status, want) in [
            ("Unsubscribed", StatusMeaning::Not(SuppressionReason::Unsubscribed)),
            ("subscribed", StatusMeaning::Subscribed),
            ("cleaned", StatusMeaning::Not(SuppressionReason::HardBounce)),
            ("blocklisted", StatusMeaning::Not(SuppressionReason::Unsubscribed)),
            ("enabled", StatusMeaning::Subscribed),
            ("Spam complaint", StatusMeaning::Not(SuppressionReason::Complaint)),
            ("1", StatusMeaning::Unknown),
        ] {
            assert_eq!(meaning(status), want, "{status}");
        }
    }
}
