//! `import --suppress`: a list of people who must not be mailed, such as another newsletter system exports.

use std::collections::BTreeMap;
use std::fmt::Write as _;
use std::path::Path;

use jiff::Timestamp;
use serde::Serialize;

use crate::cli::Import;
use crate::commands::Context;
use crate::domain::{Address, InvalidRow, Suppression, SuppressionReason};
use crate::error::{Error, Exit};
use crate::import::{ImportError, Options, Sheet};
use crate::report::{count, plural};

use super::{List, ListRequest, SHOWN, would_stop};

/// Columns in which newsletter systems say what became of an address.
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

/// What a status says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Meaning {
    Subscribed,
    Not(SuppressionReason),
    Unknown,
}

/// What newsletter systems call those who get letters, and why others don't, as the words begin.
const WORDS: [(&str, Meaning); 18] = [
    ("unsub", Meaning::Not(SuppressionReason::Unsubscribed)),
    ("opt", Meaning::Not(SuppressionReason::Unsubscribed)),
    ("block", Meaning::Not(SuppressionReason::Unsubscribed)),
    ("black", Meaning::Not(SuppressionReason::Unsubscribed)),
    ("remov", Meaning::Not(SuppressionReason::Unsubscribed)),
    ("disabled", Meaning::Not(SuppressionReason::Unsubscribed)),
    ("avreg", Meaning::Not(SuppressionReason::Unsubscribed)),
    ("bounc", Meaning::Not(SuppressionReason::HardBounce)),
    ("clean", Meaning::Not(SuppressionReason::HardBounce)),
    ("invalid", Meaning::Not(SuppressionReason::HardBounce)),
    ("undeliv", Meaning::Not(SuppressionReason::HardBounce)),
    ("compl", Meaning::Not(SuppressionReason::Complaint)),
    ("spam", Meaning::Not(SuppressionReason::Complaint)),
    ("abuse", Meaning::Not(SuppressionReason::Complaint)),
    ("subscribed", Meaning::Subscribed),
    ("active", Meaning::Subscribed),
    ("enabled", Meaning::Subscribed),
    ("confirmed", Meaning::Subscribed),
];

/// What was done with the list.
#[derive(Debug, Default, Serialize)]
struct Suppressed {
    added: u64,
    /// Suppressed before.
    known: u64,
    /// Addresses of present members among those that were added.
    members: u64,
    /// Those whom the list calls subscribed.
    subscribed: u64,
    invalid_rows: Vec<InvalidRow>,
}

/// Suppresses every address of a list.
pub(super) fn run(context: Context<'_>, file: &Path, arguments: &Import) -> Result<Exit, Error> {
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

/// The addresses of a list with the reason of each, by their keys; a list may be addresses alone, one a line.
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
        let reason = match status.map_or(Meaning::Unknown, |status| meaning(status)) {
            Meaning::Subscribed => {
                done.subscribed += 1;
                continue;
            }
            Meaning::Not(reason) => reason,
            Meaning::Unknown => usual,
        };
        found.extend(row.address.map(|address| (address.key(), (address, reason))));
    }
    sheet.check_read()?;
    Ok(found)
}

fn meaning(status: &str) -> Meaning {
    let status = status.trim().to_lowercase();
    WORDS.iter().find(|(word, _)| status.starts_with(word)).map_or(Meaning::Unknown, |(_, meaning)| *meaning)
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
    fn the_words_of_newsletter_systems_are_known() {
        for (status, want) in [
            ("Unsubscribed", Meaning::Not(SuppressionReason::Unsubscribed)),
            ("subscribed", Meaning::Subscribed),
            ("cleaned", Meaning::Not(SuppressionReason::HardBounce)),
            ("blocklisted", Meaning::Not(SuppressionReason::Unsubscribed)),
            ("enabled", Meaning::Subscribed),
            ("Spam complaint", Meaning::Not(SuppressionReason::Complaint)),
            ("1", Meaning::Unknown),
        ] {
            assert_eq!(meaning(status), want, "{status}");
        }
    }
}
