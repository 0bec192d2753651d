//! `check`: finds problems before an issue is sent.

mod households;
mod login;
mod own_files;
#[cfg(feature = "paper")]
mod paper;
mod sending;

use std::collections::BTreeSet;
use std::fmt::Write as _;

use jiff::Timestamp;

use crate::check::{self, Audience, Delivery, Facts, Finding, FindingReport, Severity};
use crate::cli::CheckArgs;
use crate::compose::{ComposeError, Composer, IssueSource, Setup};
use crate::config::{FILE, TransportKind};
use crate::domain::{IssueName, Member};
use crate::error::{Error, ErrorKind, Exit};
use crate::ledger::Ledger;
use crate::report::{TextRole, plural};

use super::{Context, Project};

/// The findings, and the composer if there is one.
struct Checked {
    composer: Result<Composer, ComposeError>,
    findings: Vec<Finding>,
}

/// Runs the command.
pub fn run(context: Context<'_>, arguments: &CheckArgs) -> Result<Exit, Error> {
    if arguments.login {
        return login::run(context);
    }
    let issue = context.project.issue(arguments.issue.as_ref())?;
    let (ledger, fault) = match super::import::register_as_sent(context) {
        Ok(ledger) => (ledger, None),
        // The letter is checked nevertheless, with the members of the last import.
        Err(error) if error.kind() == ErrorKind::Data => (context.project.ledger_copy()?, Some(error)),
        Err(error) => return Err(error),
    };
    let Checked { composer, mut findings } =
        look(context.project, &issue, &ledger, arguments.allow_large, true)?;
    findings.extend(fault.map(|fault| {
        let advice = fault.document().hint.unwrap_or("see it with: medlemsbrev import --dry-run").to_owned();
        Finding::error("member-list", fault.to_string(), advice)
    }));
    if let Ok(composer) = &composer {
        findings.extend(households::differing(context.project, &issue, composer, &ledger)?);
        findings.extend(own_files::findings(context.project, composer, &ledger)?);
        #[cfg(feature = "paper")]
        findings.extend(paper::findings(context.project, composer, &ledger)?);
    }
    if let Err(error) = &composer {
        add_error(&mut findings, error);
    }
    #[cfg(feature = "online")]
    if arguments.online {
        findings.extend(online(context.project, &issue, arguments.allow_large)?);
    }
    check::sort(&mut findings);
    if context.terminal.json {
        context
            .terminal
            .json(&findings.iter().map(|finding| finding.report(&context.project.dir)).collect::<Vec<_>>());
    } else {
        let mut lines: String =
            findings.iter().map(|finding| shown(context.project, finding, true) + "\n").collect();
        let _infallible = writeln!(lines, "{}", summary(&findings));
        context.terminal.text(lines);
    }
    let has_errors = count(&findings, Severity::Error) > 0;
    Ok(if has_errors { Exit::Failed(ErrorKind::Data) } else { Exit::Done })
}

/// Checks an issue's links and the sender's domain over the network.
#[cfg(feature = "online")]
fn online(project: &Project, issue: &IssueName, allow_large: bool) -> Result<Vec<Finding>, Error> {
    // Problems of the files themselves are reported elsewhere.
    let Ok(source) = project.source(issue) else { return Ok(Vec::new()) };
    let sender = &project.config.sender;
    let from = sender.address.domain().to_owned();
    let return_path = sender.bounce_address.as_ref().unwrap_or(&sender.address).domain().to_owned();
    let signers = project.signers()?;
    let keys = signers.iter().map(|signer| check::PublishedKey {
        domain: signer.domain().to_owned(),
        name: signer.dns_name(),
        record: signer.dns_record(),
    });
    let sending = check::SenderNames { from, return_path, keys: keys.collect() };
    let facts = facts(project, allow_large);
    Ok(super::runtime()?.block_on(check::online(&source, &facts, &sending)))
}

/// Checks an issue before it is sent: errors end the run, and warnings are printed. `has_web_page` says whether its
/// letters link to the archive.
pub(super) fn before_sending(
    context: Context<'_>,
    issue: &IssueName,
    ledger: &Ledger,
    allow_large: bool,
    has_web_page: bool,
) -> Result<Composer, Error> {
    let Checked { composer, findings } = look(context.project, issue, ledger, allow_large, has_web_page)?;
    let is_broken = composer.is_err();
    for finding in &findings {
        // Errors of an issue that can be composed are in the error that ends the run.
        if is_broken || finding.severity == Severity::Warning {
            context.terminal.say(shown(context.project, finding, true));
        }
    }
    let composer = composer?;
    let errors: Vec<&Finding> =
        findings.iter().filter(|finding| finding.severity == Severity::Error).collect();
    if errors.is_empty() {
        return Ok(composer);
    }
    let mut message =
        format!("{issue} has {}; nothing was sent", plural(errors.len() as u64, "error", "errors"));
    for error in errors {
        let _infallible = write!(message, "\n{}", shown(context.project, error, false));
    }
    Err(Error::new(ErrorKind::Data, message).hint(format!("see everything with: medlemsbrev check {issue}")))
}

fn look(
    project: &Project,
    issue: &IssueName,
    ledger: &Ledger,
    allow_large: bool,
    has_web_page: bool,
) -> Result<Checked, Error> {
    let source = match project.source(issue) {
        Ok(source) => source,
        Err(error @ ComposeError::NoIssue { .. }) => return Err(error.into()),
        Err(error) => return Ok(Checked { composer: Err(error), findings: Vec::new() }),
    };
    let composer = compose(project, &source, ledger.fields()?, has_web_page)?;
    let findings = findings(project, &source, composer.as_ref(), allow_large, |each| {
        ledger.for_each_member(|row| {
            if row.skip_of(source.issue.kind).is_none() {
                each(&row.member);
            }
            Ok(())
        })
    })?;
    Ok(Checked { composer, findings })
}

/// Composes files that were read; `fields` are the register's.
pub(super) fn compose(
    project: &Project,
    source: &IssueSource,
    fields: BTreeSet<String>,
    has_web_page: bool,
) -> Result<Result<Composer, ComposeError>, Error> {
    let key = project.token_key()?;
    let setup = project.setup(fields).map(|setup| Setup { has_web_page, ..setup });
    Ok(setup.and_then(|setup| Composer::new(source.clone(), setup, key)))
}

/// The findings in an issue's files and, if they can be composed, in its letters; `members` provides everybody who
/// can be mailed.
pub(super) fn findings(
    project: &Project,
    source: &IssueSource,
    composer: Result<&Composer, &ComposeError>,
    allow_large: bool,
    members: impl FnOnce(&mut dyn FnMut(&Member)) -> Result<(), Error>,
) -> Result<Vec<Finding>, Error> {
    let facts = facts(project, allow_large);
    let mut findings = check::source(source, &facts);
    findings.extend(sending::window(project, source));
    findings.extend(sending::port(project));
    findings.extend(sending::untouched(project, source));
    if let Ok(composer) = composer {
        let mut readers = Ok(Audience::default());
        let mut letters = 0;
        members(&mut |member| {
            letters += u64::from(composer.has_section_for(member));
            if let Ok(known) = &mut readers
                && let Err(error) = known.add(source, composer, member)
            {
                readers = Err(error);
            }
        })?;
        findings.extend(sending::provider(project, letters, Timestamp::now()));
        let looked = readers.and_then(|readers| check::letters(source, composer, &readers, &facts));
        findings.extend(looked.unwrap_or_else(|error| vec![Finding::from(&error)]));
    }
    check::sort(&mut findings);
    Ok(findings)
}

/// Adds the error that keeps the issue from being composed, unless a rule has found it already.
pub(super) fn add_error(findings: &mut Vec<Finding>, error: &ComposeError) {
    let is_found = matches!(error, ComposeError::Read { .. } | ComposeError::NotAnImage { .. })
        && findings.iter().any(|finding| ["image-missing", "image-type"].contains(&finding.rule));
    findings.extend((!is_found).then(|| Finding::from(error)));
    check::sort(findings);
}

fn facts(project: &Project, allow_large: bool) -> Facts {
    let config = &project.config;
    let is_smtp = config.transport.kind == TransportKind::Smtp;
    Facts {
        association: project.association(),
        logo: config.association.logo.as_ref().map(|logo| project.dir.join(logo)),
        partners: project.partners(),
        delivery: Delivery {
            config: project.dir.join(FILE),
            sender_domain: config.sender.address.domain().to_owned(),
            smtp_host: config.transport.host.clone().filter(|_| is_smtp),
            has_bounce_address: config.sender.bounce_address.is_some(),
            has_archive: config.archive.url.is_some(),
        },
        sender_name: config.sender_name().to_owned(),
        templates: project.templates_dir(),
        notice_days: config.association.notice_days,
        has_voting: config.members.voting.is_some(),
        allow_large,
    }
}

/// A finding for people to read: place, message, and the advice below it.
fn shown(project: &Project, finding: &Finding, color: bool) -> String {
    let FindingReport { severity, rule, file, line, message, advice } = finding.report(&project.dir);
    let mut text = file.map_or_else(String::new, |file| format!("{}:", file.display()));
    let _infallible = line.map(|line| write!(text, "{line}:"));
    let (name, paint) = match severity {
        Severity::Error => ("error", TextRole::Error),
        Severity::Warning => ("warning", TextRole::Warning),
        Severity::Note => ("note", TextRole::Strong),
    };
    let name = if color { paint.on(name) } else { name.to_owned() };
    let space = if text.is_empty() { "" } else { " " };
    let _infallible = write!(text, "{space}{name}: {message} [{rule}]");
    if !advice.is_empty() {
        let _infallible = write!(text, "\n    {advice}");
    }
    text
}

fn summary(findings: &[Finding]) -> String {
    let counts = [
        (count(findings, Severity::Error), "error", "errors"),
        (count(findings, Severity::Warning), "warning", "warnings"),
    ];
    let parts: Vec<String> = counts
        .iter()
        .filter(|(number, ..)| *number > 0)
        .map(|(number, one, many)| plural(*number, one, many))
        .collect();
    let notes = match count(findings, Severity::Note) {
        0 => None,
        notes => Some(plural(notes, "note", "notes")),
    };
    match (parts.is_empty(), notes) {
        (true, None) => "No problems found.".to_owned(),
        (true, Some(notes)) => format!("No problems found. {notes}."),
        (false, notes) => parts.into_iter().chain(notes).collect::<Vec<_>>().join(", "),
    }
}

fn count(findings: &[Finding], severity: Severity) -> u64 {
    findings.iter().filter(|finding| finding.severity == severity).count() as u64
}

/// Findings name no more members or files than this.
const NAMED: usize = 5;

/// The first few names, and how many more there are; `None` without any.
fn named(names: &[String]) -> Option<String> {
    let more = if names.len() > NAMED { format!(" and {} more", names.len() - NAMED) } else { String::new() };
    (!names.is_empty()).then(|| names.get(..NAMED).unwrap_or(names).join(", ") + &more)
}
