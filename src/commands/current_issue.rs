//! Finds the issue for a command that was run without ISSUE.

use jiff::Timestamp;

use crate::compose::IssueSource;
use crate::domain::{IssueName, State};
use crate::error::{Error, ErrorKind};
use crate::ledger::{Ledger, ReviewKind};

use super::Project;

/// How far an issue has been sent.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum SentSoFar {
    NotBegun,
    Partly,
    /// Sent, cancelled, or past its window.
    Over,
}

impl Project {
    /// The issue to show: the named one or the current one, which is the earliest that has not been sent, else the
    /// one that is partly sent, else the last.
    ///
    /// # Errors
    /// If the named issue has no folder, or there is no issue.
    pub fn issue(&self, named: Option<&IssueName>) -> Result<IssueName, Error> {
        if let Some(name) = named {
            return self.named_issue(name);
        }
        let issues = self.with_sending()?;
        let first = |wanted| issues.iter().find(|(_, sending)| *sending == wanted);
        let current = first(SentSoFar::NotBegun).or_else(|| first(SentSoFar::Partly)).or(issues.last());
        current.map(|(name, _)| name.clone()).ok_or_else(no_issue_yet)
    }

    /// The issue to send or decide about: the named one, or the only one that is not over.
    ///
    /// # Errors
    /// If the named issue has no folder, or if none is named and several are possible.
    pub fn issue_to_change(&self, named: Option<&IssueName>) -> Result<IssueName, Error> {
        if let Some(name) = named {
            return self.named_issue(name);
        }
        let mut issues = self.with_sending()?;
        if issues.iter().any(|(_, sending)| *sending != SentSoFar::Over) {
            issues.retain(|(_, sending)| *sending != SentSoFar::Over);
        }
        match issues.as_slice() {
            [] => Err(no_issue_yet()),
            [(only, _)] => Ok(only.clone()),
            several => {
                let names: Vec<&str> = several.iter().map(|(name, _)| name.as_str()).collect();
                let hint = format!("name the issue: {}", names.join(" or "));
                Err(Error::new(ErrorKind::Usage, "more than one issue could be meant").hint(hint))
            }
        }
    }

    /// The issue whose letters to decide about: like [`Self::issue_to_change`], but a named issue with letters in the
    /// ledger needs no folder.
    ///
    /// # Errors
    /// Like [`Self::issue_to_change`].
    pub fn issue_in_ledger(&self, named: Option<&IssueName>, ledger: &Ledger) -> Result<IssueName, Error> {
        match named {
            Some(name) if ledger.has_deliveries(name)? => Ok(name.clone()),
            _ => self.issue_to_change(named),
        }
    }

    fn named_issue(&self, name: &IssueName) -> Result<IssueName, Error> {
        let is_there = self.dir.join("issues").join(name.as_str()).is_dir();
        if is_there { Ok(name.clone()) } else { Err(self.no_issue(name)) }
    }

    /// Every issue with a folder, sorted by name.
    fn with_sending(&self) -> Result<Vec<(IssueName, SentSoFar)>, Error> {
        let ledger = Ledger::open_for_reading(self.ledger_place()?)?;
        let of = |name: IssueName| Ok((name.clone(), self.sending(ledger.as_ref(), &name)?));
        self.issues().into_iter().map(of).collect()
    }

    fn sending(&self, ledger: Option<&Ledger>, name: &IssueName) -> Result<SentSoFar, Error> {
        if let Some(ledger) = ledger {
            if ledger.review(name, ReviewKind::Cancelled)?.is_some() {
                return Ok(SentSoFar::Over);
            }
            if ledger.has_deliveries(name)? {
                let open = [State::Queued, State::Deferred, State::Sending, State::InDoubt];
                return Ok(if ledger.has_in(name, &open)? { SentSoFar::Partly } else { SentSoFar::Over });
            }
        }
        let folder = self.dir.join("issues").join(name.as_str());
        let association = &self.config.association;
        // An issue that cannot be read is not over: the command that uses it reports the problem.
        let source = IssueSource::load(&folder, name, &association.language).ok();
        let until = source.and_then(|source| source.issue.send_until);
        let now = Timestamp::now().to_zoned_datetime(association.time_zone.0.clone()).datetime();
        Ok(if until.is_some_and(|until| until < now) { SentSoFar::Over } else { SentSoFar::NotBegun })
    }
}

fn no_issue_yet() -> Error {
    Error::new(ErrorKind::Data, "there is no issue yet")
        .hint("create one: medlemsbrev new ISSUE, such as 2026-1")
}
