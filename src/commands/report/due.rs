//! `report --due`: mails the report to the board, once.
//!
//! A report that may have arrived is not sent again, as with letters: the attempt is recorded before any data is
//! sent.

use jiff::{SignedDuration, Timestamp};

use crate::cli::ReportArgs;
use crate::commands::{Context, Project};
use crate::compose::{BoardReport, Enclosures, Notice, Texts};
use crate::diagnosis::{self, About};
use crate::domain::{Address, IssueName, Letter, Outcome};
use crate::error::{Error, ErrorKind, Exit};
use crate::ledger::{Ledger, MailedReport};
use crate::relay::After;

use super::board::ReportWords;
use super::{Findings, sent_issues, texts};

/// A report in doubt is mentioned only once.
const ONCE: SignedDuration = SignedDuration::from_hours(24 * 365 * 100);

/// Runs the command: silent if nothing is due.
pub(super) fn run(context: Context<'_>, arguments: &ReportArgs) -> Result<Exit, Error> {
    let project = context.project;
    let settings = &project.config.report;
    if settings.to.is_empty() {
        return Err(Error::new(ErrorKind::Config, "nobody to report to: [report] has no `to`")
            .hint("add to = [\"board@example.org\"]"));
    }
    if !project.ledger_place()?.may_exist() {
        return Ok(Exit::Done);
    }
    let now = Timestamp::now();
    let _lock = project.lock("report --due")?;
    let ledger = project.ledger()?;
    crate::commands::history::freeze(project, &ledger, now)?;
    // Earlier issues were reported already, or are part of this report.
    let Some((last, issue)) = sent_issues(&ledger)?.pop() else { return Ok(Exit::Done) };
    if settings.after.before(now).is_none_or(|before| last > before) {
        return Ok(Exit::Done);
    }
    let doubtful = in_doubt(context, &ledger, &issue, now)?;
    let mut open = Vec::new();
    for to in &settings.to {
        if ledger.mailed_report(&issue, to)?.is_none() {
            open.push(to);
        }
    }
    if open.is_empty() {
        return Ok(if doubtful { Exit::Partly } else { Exit::Done });
    }
    let texts = texts(project, arguments)?;
    let report = Findings::new(project, &ledger, &issue, false)?.report(project, &texts);
    let mail = ReportMail::new(context, &issue, &report, &texts)?;
    crate::commands::runtime()?.block_on(mail.send(context, &ledger, &open))
}

/// Says once to whom an interrupted run may have mailed the report.
fn in_doubt(context: Context<'_>, ledger: &Ledger, issue: &IssueName, now: Timestamp) -> Result<bool, Error> {
    let mut is_news = false;
    for to in &context.project.config.report.to {
        let is_doubtful = ledger.mailed_report(issue, to)? == Some(MailedReport::Sending);
        if is_doubtful && ledger.tell(issue, &format!("report {}", to.key()), ONCE, now)? {
            is_news = true;
            context.terminal.say(format!(
                "The report on {issue} may have reached {to}; it is not mailed again. Write it with: medlemsbrev report {issue} --format html"
            ));
        }
    }
    Ok(is_news)
}

/// The report as a mail.
struct ReportMail<'a> {
    issue: &'a IssueName,
    subject: String,
    text: String,
    enclosures: Enclosures,
}

impl<'a> ReportMail<'a> {
    fn new(
        context: Context<'_>,
        issue: &'a IssueName,
        report: &BoardReport,
        texts: &Texts,
    ) -> Result<Self, Error> {
        let words = ReportWords { project: context.project, texts };
        let association = context.project.config.association.name.as_str();
        let subject =
            words.filled("mail_subject", &[("association", association), ("issue", issue.as_str())]);
        Ok(Self {
            issue,
            subject,
            text: format!("{}\n\n{}\n\n{}\n", report.title, report.lead, words.of("mail_text")),
            enclosures: Enclosures {
                html: report.html(&context.project.templates_dir(), &texts.language)?,
                file: attachment(context, issue, report, texts)?,
            },
        })
    }

    async fn send(&self, context: Context<'_>, ledger: &Ledger, to: &[&Address]) -> Result<Exit, Error> {
        let project = context.project;
        let relay = context.relay_or(project.dir.join(&project.config.transport.dir).join("reports"))?;
        let mut session = relay.connect().await?;
        let mut exit = Exit::Done;
        for (place, address) in to.iter().enumerate() {
            let letter = self.letter(project, address)?;
            ledger.set_mailed_report(self.issue, address, Some(MailedReport::Sending), Timestamp::now())?;
            let delivered = session.deliver(&letter).await;
            let state = after(&delivered.outcome);
            ledger.set_mailed_report(self.issue, address, state, Timestamp::now())?;
            if let Outcome::Accepted(_) = delivered.outcome {
                context.terminal.text(format!("The report on {} was mailed to {address}.", self.issue));
            } else {
                exit = refused(context, self.issue, address, &delivered.outcome, exit)?;
            }
            if delivered.after != After::GoOn && place + 1 < to.len() {
                session.close().await;
                session = relay.connect().await?;
            }
        }
        session.close().await;
        Ok(exit)
    }

    fn letter(&self, project: &Project, to: &Address) -> Result<Letter, Error> {
        let now = Timestamp::now();
        let from = &project.config.sender.address;
        let name = data_encoding::HEXLOWER.encode(to.key().as_bytes());
        let name: String = name.chars().take(40).collect();
        let notice = Notice {
            from_name: Some(project.config.sender_name().to_owned()),
            from,
            to,
            subject: &self.subject,
            text: &self.text,
            message_id: format!("report-{}-{name}.{}@{}", self.issue, now.as_second(), from.domain()),
            answer: None,
        };
        Ok(notice.letter_with(&self.enclosures, &project.signers()?, now)?)
    }
}

/// The record to make after an attempt; `None` if it is retried.
fn after(outcome: &Outcome) -> Option<MailedReport> {
    match outcome {
        Outcome::Accepted(_) => Some(MailedReport::Sent),
        Outcome::InDoubt(_) => Some(MailedReport::Sending),
        Outcome::Rejected(reply) if !matches!(diagnosis::about(reply), About::Us(_)) => {
            Some(MailedReport::Refused)
        }
        Outcome::Rejected(_) | Outcome::Deferred(_) => None,
    }
}

/// Reports a refusal; an error if the server refuses us.
fn refused(
    context: Context<'_>,
    issue: &IssueName,
    to: &Address,
    outcome: &Outcome,
    exit: Exit,
) -> Result<Exit, Error> {
    let reply = outcome.reply();
    if let (Outcome::Rejected(_) | Outcome::Deferred(_), About::Us(fault)) =
        (outcome, diagnosis::about(reply))
    {
        let kind = if fault.passes() { ErrorKind::TryAgain } else { ErrorKind::Config };
        return Err(
            Error::new(kind, format!("the server refuses the report from us: {reply}")).hint(fault.advice())
        );
    }
    let (what, code) = match outcome {
        Outcome::Deferred(_) => ("was not accepted yet", Exit::Failed(ErrorKind::TryAgain)),
        Outcome::InDoubt(_) => ("may have arrived and is not mailed again", Exit::Partly),
        _ => ("was rejected and is not mailed again", Exit::Partly),
    };
    context.terminal.say(format!("The report on {issue} to {to} {what}: {reply}"));
    Ok(if matches!(exit, Exit::Failed(_)) { exit } else { code })
}

#[cfg(feature = "paper")]
fn attachment(
    context: Context<'_>,
    issue: &IssueName,
    report: &BoardReport,
    texts: &Texts,
) -> Result<Option<(String, Vec<u8>)>, Error> {
    Ok(Some((format!("{issue}.pdf"), super::pdf(context, report, texts)?)))
}

/// The web page is attached if there is no PDF.
#[cfg(not(feature = "paper"))]
#[expect(clippy::unnecessary_wraps, reason = "as with PDF")]
fn attachment(
    _: Context<'_>,
    _: &IssueName,
    _: &BoardReport,
    _: &Texts,
) -> Result<Option<(String, Vec<u8>)>, Error> {
    Ok(None)
}
