//! `archive`: the letters as web pages.

use std::collections::BTreeMap;

use crate::cli::ArchiveArgs;
use crate::compose::{Composer, Index};
use crate::domain::{IssueName, field};
use crate::error::{Error, ErrorKind, Exit};
use crate::ledger::{Ledger, ReviewKind};
use crate::publish::Site;
use crate::report::plural;

use super::{Context, Project};

/// Runs the command.
pub fn run(context: Context<'_>, arguments: &ArchiveArgs) -> Result<Exit, Error> {
    let ledger = Ledger::open_for_reading(context.project.ledger_place()?)?;
    let fields = match &ledger {
        Some(ledger) => ledger.fields()?,
        None => field::KNOWN.map(str::to_owned).into(),
    };
    let issues = if arguments.issues.is_empty() {
        public(context.project, ledger.as_ref())?
    } else {
        arguments.issues.clone()
    };
    if issues.is_empty() {
        return Err(Error::new(ErrorKind::Data, "no issue has been approved for or sent to all members")
            .hint("name an issue to write its page before it is sent: medlemsbrev archive 2026-1"));
    }
    let composers = issues
        .iter()
        .map(|issue| context.project.composer(issue, fields.clone()))
        .collect::<Result<Vec<_>, _>>()?;
    let association = &context.project.config.association;
    let project = context.project;
    let index = Index::load(
        &project.templates_dir(),
        &association.language,
        project.association(),
        &project.design(),
    )?;
    let site = Site {
        dir: arguments.output.clone().unwrap_or_else(|| context.project.dir.join("archive")),
        url: context.project.config.archive.url.as_ref().map(|url| url.0.as_str()),
        association: &association.name,
        zone: &association.time_zone.0,
        pdfs: pdfs(context, &composers)?,
    };
    let files = site.write(&composers, &index)?;
    if context.terminal.json {
        context.terminal.json(&files);
    } else {
        files.iter().for_each(|file| context.terminal.text(file.display().to_string()));
        context.terminal.say(format!("{} written.", plural(files.len() as u64, "file", "files")));
    }
    Ok(Exit::Done)
}

/// Each letter for print, as a neutral reader gets it.
#[cfg(feature = "paper")]
fn pdfs(context: Context<'_>, composers: &[Composer]) -> Result<BTreeMap<IssueName, Vec<u8>>, Error> {
    let (project, settings) = (context.project, &context.project.config.paper);
    let pdf = |composer: &Composer| {
        super::paper::letter(project.association(), settings, composer, composer.neutral_reader())
    };
    composers.iter().map(|composer| Ok((composer.issue().name.clone(), pdf(composer)?))).collect()
}

/// Without the feature `paper` there are no PDFs.
#[cfg(not(feature = "paper"))]
#[expect(clippy::unnecessary_wraps, reason = "as with the feature")]
fn pdfs(_: Context<'_>, _: &[Composer]) -> Result<BTreeMap<IssueName, Vec<u8>>, Error> {
    Ok(BTreeMap::new())
}

/// The issues that were approved for, or sent to, all members, are not cancelled, and still have their folder.
fn public(project: &Project, ledger: Option<&Ledger>) -> Result<Vec<IssueName>, Error> {
    let Some(ledger) = ledger else { return Ok(Vec::new()) };
    let mut issues = Vec::new();
    for issue in project.issues() {
        if is_public(ledger, &issue)? {
            issues.push(issue);
        }
    }
    Ok(issues)
}

/// Tells whether an issue was approved for, or sent to, all members, and is not cancelled.
pub(super) fn is_public(ledger: &Ledger, issue: &IssueName) -> Result<bool, Error> {
    let has = |kind| Ok::<_, Error>(ledger.review(issue, kind)?.is_some());
    Ok(!has(ReviewKind::Cancelled)? && (has(ReviewKind::Approved)? || has(ReviewKind::SentToAll)?))
}
