//! `report`: tells the board whom an issue reached.

mod board;
mod due;
#[cfg(feature = "paper")]
mod pdf;
mod proof;
mod text;

use std::collections::BTreeMap;

use jiff::Timestamp;
use serde::Serialize;

use crate::cli::{ReportArgs, ReportFormat};
use crate::compose::{BoardReport, Texts};
use crate::domain::{IssueName, suggest};
use crate::error::{Error, ErrorKind, Exit};
use crate::ledger::{AddressCorrection, IssueSummary, Ledger, MOST_VALUES, NotReached, Reached};
use crate::send::skip;

use super::{Context, Project};

/// How many issues to show side by side.
const SIDE_BY_SIDE: usize = 3;

/// The report as JSON.
#[derive(Debug, Serialize)]
pub(super) struct Findings {
    issue: IssueName,
    /// The issue and those before it, the oldest first.
    issues: Vec<Counted>,
    /// The issue's counts minus those of the issue before it.
    #[serde(skip_serializing_if = "Option::is_none")]
    difference: Option<BTreeMap<&'static str, i64>>,
    /// Organisations without a member who can be reached by e-mail, with their numbers of members.
    organisations: BTreeMap<String, u64>,
    /// Addresses to correct, by problem.
    corrections: BTreeMap<String, u64>,
    #[serde(skip_serializing_if = "Option::is_none")]
    names: Option<Names>,
}

/// An issue with its counts.
#[derive(Debug, Serialize)]
struct Counted {
    issue: IssueName,
    /// When the counts became final; null if they may still change.
    frozen: Option<Timestamp>,
    #[serde(flatten)]
    summary: IssueSummary,
}

/// The personal data in a report.
#[derive(Debug, Serialize)]
struct Names {
    not_reached: Vec<Missed>,
    corrections: Vec<AddressCorrection>,
}

/// A member who was not reached.
#[derive(Debug, Serialize)]
struct Missed {
    name: String,
    organisation: Option<String>,
    why: &'static str,
}

/// Runs the command.
pub fn run(context: Context<'_>, arguments: &ReportArgs) -> Result<Exit, Error> {
    let project = context.project;
    if arguments.due {
        return due::run(context, arguments);
    }
    let usage = |message: &str, hint: &str| Err(Error::new(ErrorKind::Usage, message).hint(hint));
    if arguments.format == ReportFormat::Csv && !arguments.notice {
        return usage("--format csv is for --notice only", "use --format json, html or pdf");
    }
    if arguments.output.is_some() && arguments.format == ReportFormat::Text {
        return usage("--output needs a format", "add --format html, pdf, json or csv");
    }
    let texts = texts(project, arguments)?;
    let ledger = ledger(project, arguments.issue.as_ref())?;
    if arguments.notice {
        return proof::run(context, &ledger, &texts, arguments);
    }
    let issue = chosen(project, &ledger, arguments.issue.as_ref())?;
    let findings = Findings::new(project, &ledger, &issue, arguments.names)?;
    let report = findings.report(project, &texts);
    match arguments.format {
        ReportFormat::Text => context.terminal.text(text::shown(&report)),
        ReportFormat::Json => return json(context, &findings, issue.as_str(), arguments),
        _ => return file(context, &report, &texts, issue.as_str(), arguments),
    }
    context.terminal.json(&findings);
    Ok(Exit::Done)
}

/// The texts of the requested language, or of the association's.
fn texts(project: &Project, arguments: &ReportArgs) -> Result<Texts, Error> {
    match &arguments.language {
        None => project.texts(),
        Some(code) => {
            let is_code = code.bytes().all(|b| b.is_ascii_alphanumeric() || b == b'-');
            if !is_code {
                let message = format!("`{code}` is not a language code");
                return Err(Error::new(ErrorKind::Usage, message).hint("use a code such as sv or en"));
            }
            Ok(Texts::load(code, &project.templates_dir())?)
        }
    }
}

/// The ledger, after storing the counts of issues that are over.
fn ledger(project: &Project, issue: Option<&IssueName>) -> Result<Ledger, Error> {
    if !project.ledger_place()?.may_exist() {
        let named = issue.filter(|issue| !project.issues().contains(issue));
        return Err(named.map_or_else(nothing_sent, |issue| project.no_issue(issue)));
    }
    let Ok(ledger) = project.ledger() else { return project.ledger_copy() };
    // On a read-only disk the counts are stored another time.
    let _read_only = super::history::freeze(project, &ledger, Timestamp::now());
    Ok(ledger)
}

fn nothing_sent() -> Error {
    Error::new(ErrorKind::Data, "no letters have been sent yet")
        .hint("send an issue first: medlemsbrev send ISSUE --dry-run")
}

/// The issues with letters that were sent, by the time of their last letter.
fn sent_issues(ledger: &Ledger) -> Result<Vec<(Timestamp, IssueName)>, Error> {
    let mut issues = ledger.issues()?;
    issues.extend(ledger.frozen_issues()?);
    issues.sort();
    issues.dedup();
    let mut sent = Vec::new();
    for issue in issues {
        let last = match ledger.frozen(&issue)? {
            Some((_, summary)) => summary.last_letter,
            None => ledger.last_letter(&issue)?,
        };
        sent.extend(last.map(|last| (last, issue)));
    }
    sent.sort();
    Ok(sent)
}

/// The named issue, or the last one sent.
fn chosen(project: &Project, ledger: &Ledger, named: Option<&IssueName>) -> Result<IssueName, Error> {
    let sent = sent_issues(ledger)?;
    let Some(named) = named else {
        return sent.last().map(|(_, issue)| issue.clone()).ok_or_else(nothing_sent);
    };
    if sent.iter().any(|(_, issue)| issue == named) {
        return Ok(named.clone());
    }
    if !project.issues().contains(named) {
        return Err(project.no_issue(named));
    }
    let names: Vec<&str> = sent.iter().map(|(_, issue)| issue.as_str()).collect();
    let hint = match names.as_slice() {
        [] => format!("send it first: medlemsbrev send {named} --dry-run"),
        names => format!("letters of {} have been sent", names.join(", ")),
    };
    Err(Error::new(ErrorKind::Data, format!("no letters of {named} have been sent")).hint(hint))
}

impl Findings {
    fn new(project: &Project, ledger: &Ledger, issue: &IssueName, names: bool) -> Result<Self, Error> {
        check_fields(project, ledger)?;
        let sent = sent_issues(ledger)?;
        let until = sent.iter().position(|(_, sent)| sent == issue).map_or(sent.len(), |place| place + 1);
        let mut issues = Vec::new();
        for (_, issue) in sent.iter().take(until).skip(until.saturating_sub(SIDE_BY_SIDE)) {
            let (frozen, summary) = super::history::summary(project, ledger, issue)?;
            issues.push(Counted { issue: issue.clone(), frozen, summary });
        }
        let corrections = corrections(ledger)?;
        let mut by_reason: BTreeMap<String, u64> = BTreeMap::new();
        for correction in &corrections {
            let reason = correction.reason.map_or("other", <&str>::from);
            *by_reason.entry(reason.to_owned()).or_default() += 1;
        }
        let not_reached = if names { missed(project, ledger, issue)? } else { Vec::new() };
        Ok(Self {
            issue: issue.clone(),
            difference: difference(&issues),
            issues,
            organisations: unreachable_organisations(ledger)?,
            corrections: by_reason,
            names: names.then_some(Names { not_reached, corrections }),
        })
    }
}

fn corrections(ledger: &Ledger) -> Result<Vec<AddressCorrection>, Error> {
    let mut corrections = ledger.corrections()?;
    corrections.extend(ledger.news()?);
    Ok(corrections)
}

/// Rejects fields that no member has, and fields that describe single members.
fn check_fields(project: &Project, ledger: &Ledger) -> Result<(), Error> {
    let fields = ledger.fields()?;
    for field in &project.config.report.by {
        if !fields.contains(field) {
            let message = format!("`by` in [report]: no member has a field `{field}`");
            let names = fields.iter().map(String::as_str);
            let hint = suggest::did_you_mean(field, names.clone())
                .unwrap_or_else(|| format!("there are {}", names.collect::<Vec<_>>().join(", ")));
            return Err(Error::new(ErrorKind::Config, message).hint(hint));
        }
        let mut values = std::collections::HashSet::new();
        ledger.for_each_member(|row| {
            if row.active {
                values.insert(row.member.field(field).unwrap_or_default().trim().to_owned());
            }
            Ok::<_, Error>(())
        })?;
        if values.len() > MOST_VALUES {
            let message = format!("`by` in [report]: `{field}` has {} different values", values.len());
            let hint = format!("group members by a field with {MOST_VALUES} values at most");
            return Err(Error::new(ErrorKind::Config, message).hint(hint));
        }
    }
    Ok(())
}

/// The changes from the last issue but one to the last one.
fn difference(issues: &[Counted]) -> Option<BTreeMap<&'static str, i64>> {
    let [.., before, last] = issues else { return None };
    let numbers = |summary: &IssueSummary| {
        [
            ("members", summary.members),
            ("sent", summary.sent),
            ("bounced", summary.bounces()),
            ("in_doubt", summary.in_doubt),
            ("reached", summary.reached),
            ("by_mail", summary.by_mail),
            ("on_paper", summary.on_paper),
            ("not_reached", summary.not_reached.values().sum()),
        ]
    };
    let signed = |number: u64| i64::try_from(number).unwrap_or(i64::MAX);
    let pairs = numbers(&last.summary).into_iter().zip(numbers(&before.summary));
    Some(pairs.map(|((name, now), (_, then))| (name, signed(now) - signed(then))).collect())
}

fn unreachable_organisations(ledger: &Ledger) -> Result<BTreeMap<String, u64>, Error> {
    let mut found: BTreeMap<String, (String, u64, bool)> = BTreeMap::new();
    ledger.for_each_member(|row| {
        if let Some(name) =
            row.member.field("organisation").filter(|name| row.active && !name.trim().is_empty())
        {
            let (_, members, is_reachable) =
                found.entry(name.to_lowercase()).or_insert_with(|| (name.to_owned(), 0, false));
            *members += 1;
            *is_reachable |= row.skip().is_none();
        }
        Ok::<_, Error>(())
    })?;
    let unreachable = found.into_values().filter(|(.., is_reachable)| !is_reachable);
    Ok(unreachable.map(|(name, members, _)| (name, members)).collect())
}

/// The members of an issue's audience who were not reached, with their data in the register now.
fn missed(project: &Project, ledger: &Ledger, issue: &IssueName) -> Result<Vec<Missed>, Error> {
    let composer = project.composer(issue, ledger.fields()?).ok();
    let mut missed = Vec::new();
    ledger.for_each_reached(
        issue,
        |member| composer.as_ref().and_then(|composer| skip(composer, None, member)),
        |member, reached| {
            if let Reached::Not(why) = reached {
                let organisation = member.field("organisation").map(str::to_owned);
                missed.push(Missed { name: member.name.clone(), organisation, why: NotReached::as_str(why) });
            }
            Ok::<_, Error>(())
        },
    )?;
    missed.sort_by(|left, right| (&left.why, &left.name).cmp(&(&right.why, &right.name)));
    Ok(missed)
}

fn json(
    context: Context<'_>,
    findings: &impl Serialize,
    name: &str,
    arguments: &ReportArgs,
) -> Result<Exit, Error> {
    let text = serde_json::to_string_pretty(findings)
        .map_err(|error| Error::new(ErrorKind::TryAgain, format!("cannot write JSON: {error}")))?;
    if arguments.output.is_some() {
        return save(context, name, text.as_bytes(), arguments);
    }
    if context.terminal.json {
        context.terminal.json(findings);
    } else {
        context.terminal.data(text);
    }
    Ok(Exit::Done)
}

/// Writes the report to a web page or PDF.
fn file(
    context: Context<'_>,
    report: &BoardReport,
    texts: &Texts,
    name: &str,
    arguments: &ReportArgs,
) -> Result<Exit, Error> {
    let content = match arguments.format {
        ReportFormat::Pdf => pdf(context, report, texts)?,
        _ => report.html(&context.project.templates_dir(), &texts.language)?.into_bytes(),
    };
    save(context, name, &content, arguments)
}

#[cfg(feature = "paper")]
fn pdf(context: Context<'_>, report: &BoardReport, texts: &Texts) -> Result<Vec<u8>, Error> {
    pdf::written(context.project, report, texts)
}

#[cfg(not(feature = "paper"))]
fn pdf(_: Context<'_>, _: &BoardReport, _: &Texts) -> Result<Vec<u8>, Error> {
    Err(Error::new(ErrorKind::Usage, "this program was built without PDF (the feature `paper`)")
        .hint("use --format html and print the page from a browser"))
}

fn save(context: Context<'_>, name: &str, content: &[u8], arguments: &ReportArgs) -> Result<Exit, Error> {
    let path = match &arguments.output {
        Some(path) => path.clone(),
        None => context.project.dir.join(format!("reports/{name}.{}", arguments.format.ending())),
    };
    if path.is_dir() {
        let message = format!("cannot write `{}`: it is a folder", path.display());
        return Err(Error::new(ErrorKind::Usage, message).hint("name a file after --output"));
    }
    super::files::overwrite(&path, content)?;
    context.terminal.text(path.display().to_string());
    context.terminal.json(&serde_json::json!({ "file": path }));
    Ok(Exit::Done)
}
