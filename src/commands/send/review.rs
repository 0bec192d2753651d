//! The review before a send: digests of everything that letters are made of, and the changes since.

use std::collections::HashSet;
use std::collections::btree_map::Entry;
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use serde::Serialize;

use crate::compose::Composer;
use crate::config::FILE;
use crate::domain::{IssueName, MemberId, Sha256};
use crate::error::{Error, ErrorKind};
use crate::ledger::{Ledger, Review, ReviewKind};
use crate::report::plural;
use crate::send::Job;

use super::prepare::Prepared;
use super::request::{Mode, SendRequest};
use crate::commands::{Context, Project};

/// How many names to list.
const NAMED: usize = 10;
/// Tables of the configuration that do not affect letters.
const NOT_IN_LETTERS: [&str; 6] = ["transport", "members", "schedule", "dkim", "inbox", "ledger"];

/// Computes digests of an issue's files, the templates, the configuration and the recipients, including those who
/// have their letter already.
pub(in crate::commands) fn review(
    project: &Project,
    ledger: &Ledger,
    composer: &Composer,
    job: &Job,
) -> Result<Review, Error> {
    let mut review = Review::default();
    let mut paths = vec![project.dir.join("issues").join(job.issue.as_str()), project.templates_dir()];
    // Pictures can be elsewhere in the project, for example the logo.
    paths.extend(composer.image_files().map(Path::to_owned));
    while let Some(path) = paths.pop() {
        if path.is_dir() {
            let entries = std::fs::read_dir(&path).map_err(|error| Error::unreadable(&path, &error))?;
            paths.extend(entries.flatten().map(|entry| entry.path()));
        } else if path.is_file() {
            let name = path.strip_prefix(&project.dir).unwrap_or(&path).display().to_string();
            if let Entry::Vacant(entry) = review.files.entry(name) {
                let bytes = std::fs::read(&path).map_err(|error| Error::unreadable(&path, &error))?;
                entry.insert(Sha256::of(&bytes));
            }
        }
    }
    review.files.insert(FILE.to_owned(), configuration(&project.dir.join(FILE))?);
    let mut list = Sha256::new();
    ledger.for_each_member_of(&job.issue, |row| {
        if row.skip().is_none() && job.is_for(composer, &row.member) {
            let member = &row.member;
            let address = member.address.as_ref().map(ToString::to_string);
            let text = serde_json::to_vec(&(&member.name, address, &member.fields)).unwrap_or_default();
            list.update(&text);
            review.letters += 1;
        }
        Ok::<_, Error>(())
    })?;
    review.list = list.finish();
    Ok(review)
}

fn configuration(path: &PathBuf) -> Result<String, Error> {
    let text = std::fs::read_to_string(path).map_err(|error| Error::unreadable(path, &error))?;
    let mut tables: toml::Table = text.parse().unwrap_or_default();
    tables.retain(|name, _| !NOT_IN_LETTERS.contains(&name));
    Ok(Sha256::of(tables.to_string().as_bytes()))
}

/// Fails if the issue is cancelled.
pub(in crate::commands) fn refuse_cancelled(
    project: &Project,
    ledger: &Ledger,
    issue: &IssueName,
) -> Result<(), Error> {
    let Some(cancelled) = ledger.review(issue, ReviewKind::Cancelled)? else { return Ok(()) };
    Err(Error::new(
        ErrorKind::Data,
        format!("{issue} was cancelled at {}; nothing was sent", project.clock_time(cancelled.at)),
    )
    .hint(format!("undo with: medlemsbrev cancel {issue} --undo")))
}

/// The differences from an earlier review.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub(in crate::commands) struct Changes {
    /// When the earlier review was made.
    pub since: Timestamp,
    files: Vec<FileChange>,
    recipients_before: u64,
    recipients: u64,
    /// Whether there are other recipients, or recipients with other fields.
    list_changed: bool,
}

#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
struct FileChange {
    /// `new`, `changed` or `gone`.
    what: &'static str,
    file: String,
}

impl Changes {
    fn between(old: &Review, new: &Review) -> Self {
        let change = |what, file: &String| FileChange { what, file: file.clone() };
        let now = new.files.iter().filter_map(|(name, digest)| match old.files.get(name) {
            None => Some(change("new", name)),
            Some(before) => (before != digest).then(|| change("changed", name)),
        });
        let gone = old.files.keys().filter(|name| !new.files.contains_key(*name));
        Self {
            since: old.at,
            files: now.chain(gone.map(|name| change("gone", name))).collect(),
            recipients_before: old.letters,
            recipients: new.letters,
            list_changed: old.list != new.list,
        }
    }

    /// One line per change; `with_list` adds the changes of the member list.
    pub fn lines(&self, with_list: bool) -> Vec<String> {
        let files = self.files.iter().map(|FileChange { what, file }| format!("{what:<8} {file}"));
        let list = (with_list && self.list_changed).then(|| {
            let then = plural(self.recipients_before, "recipient", "recipients");
            if self.recipients_before == self.recipients {
                format!("changed  the member list: still {then}, but not the same members or fields")
            } else {
                format!("changed  the member list: {then} then, {} now", self.recipients)
            }
        });
        files.chain(list).collect()
    }
}

/// Fails if the issue has changed since it was approved.
pub(in crate::commands) fn refuse_unapproved(
    issue: &IssueName,
    approved: &Review,
    now: &Review,
    is_begun: bool,
) -> Result<(), Error> {
    // Once letters have been sent, members who join, leave or bounce do not stop the rest.
    let changes = Changes::between(approved, now).lines(!is_begun);
    if changes.is_empty() {
        return Ok(());
    }
    let message =
        format!("{issue} changed since it was approved; nothing was sent\n  {}", changes.join("\n  "));
    Err(Error::new(ErrorKind::Data, message)
        .hint(format!("review it with `send {issue} --dry-run`, then run: medlemsbrev approve {issue}")))
}

/// Fails if there are members whom the approval is not for: cron mails nobody whom no person has seen in the list.
pub(in crate::commands) fn refuse_unknown_members(
    prepared: &Prepared,
    approved: &HashSet<MemberId>,
) -> Result<(), Error> {
    let issue = &prepared.job.issue;
    let mut new = Vec::new();
    prepared.ledger.for_each_member_of(issue, |row| {
        let member = &row.member;
        if row.skip().is_none() && !approved.contains(&member.id) {
            let is_theirs =
                crate::send::skip(&prepared.composer, prepared.job.segment.as_ref(), member).is_none();
            let has_letter = prepared.ledger.mailed_address(issue, member.id)?.is_some();
            new.extend((is_theirs && !has_letter).then(|| member.name.clone()));
        }
        Ok::<_, Error>(())
    })?;
    if new.is_empty() {
        return Ok(());
    }
    let count = plural(new.len() as u64, "member is", "members are");
    let names = new.iter().take(NAMED).map(String::as_str).collect::<Vec<_>>().join(", ");
    let more = if new.len() > NAMED { ", …" } else { "" };
    let message = format!("{count} new since {issue} was approved: {names}{more}; nothing was sent");
    Err(Error::new(ErrorKind::Data, message).hint(format!(
        "approve the issue again (medlemsbrev approve {issue}), or send to them by hand later with --only-missing"
    )))
}

/// Ensures that the rest of an issue has the same content as its first letters, or that the user wants it to differ.
pub(in crate::commands) fn agree_to_changes(
    context: Context<'_>,
    prepared: &Prepared,
    request: &SendRequest,
    now: &Review,
) -> Result<(), Error> {
    let issue = &prepared.job.issue;
    let left = prepared.ledger.review(issue, ReviewKind::Left)?;
    let Some(left) = left.filter(|_| prepared.letters > 0) else { return Ok(()) };
    let changes = Changes::between(&left, now).lines(false);
    // An approval newer than the letters is a decision about the rest.
    let is_decided = matches!(&request.mode, Mode::Approved(approved) if approved.at > left.at);
    if changes.is_empty() || request.changed || is_decided || !prepared.ledger.has_left(issue)? {
        return Ok(());
    }
    let listed = format!("{issue} has changed since its first letters left:\n  {}", changes.join("\n  "));
    if matches!(request.mode, Mode::Ask) {
        context.terminal.say(&listed);
        let letters = plural(prepared.letters, "letter", "letters");
        let question = format!("Send the other {letters} as the issue is now?");
        return crate::commands::agree(context.terminal, &question, "use --changed to send them anyway");
    }
    Err(Error::new(ErrorKind::Data, format!("{listed}\nNothing was sent"))
        .hint(format!("undo the changes, or send the rest as it is now: medlemsbrev send {issue} --changed")))
}

/// Where to store the last dry run's review: next to its log, since a dry run does not change the ledger.
fn dry_run_path(project: &Project, issue: &IssueName) -> PathBuf {
    project.dir.join("logs").join(format!("dry-run-{issue}.json"))
}

/// Stores the review, so that the next send can say what has changed.
pub(in crate::commands) fn keep_dry_run(context: Context<'_>, issue: &IssueName, review: Review) {
    let path = dry_run_path(context.project, issue);
    let review = Review { at: Timestamp::now(), ..review };
    if let Err(error) =
        crate::private::overwrite(&path, &serde_json::to_vec_pretty(&review).unwrap_or_default())
    {
        context.terminal.say(format!("Cannot save the dry run in `{}`: {error}", path.display()));
    }
}

/// The differences from the last dry run; `None` if there was none.
pub(in crate::commands) fn changes_since_dry_run(
    project: &Project,
    issue: &IssueName,
    now: &Review,
) -> Option<Changes> {
    let kept = std::fs::read(dry_run_path(project, issue)).ok()?;
    let then = serde_json::from_slice::<Review>(&kept).ok()?;
    Some(Changes::between(&then, now))
}

/// Prints the differences from the last dry run.
pub(in crate::commands) fn say_changes(context: Context<'_>, issue: &IssueName, now: &Review) {
    let Some(changes) = changes_since_dry_run(context.project, issue, now) else {
        context.terminal.say(format!("No dry run of {issue} has been made."));
        return;
    };
    let lines = changes.lines(true);
    if !lines.is_empty() {
        context.terminal.say(format!(
            "Since the dry run of {}:\n  {}",
            context.project.clock_time(changes.since),
            lines.join("\n  ")
        ));
    }
}
