//! The results of an issue in numbers: every member of its audience was either reached or counts in one row of those
//! who were not.

use std::collections::{BTreeMap, HashMap, HashSet};

use jiff::Timestamp;
use serde::{Deserialize, Serialize};

use crate::domain::bounce::Reason;
use crate::domain::{IssueName, Member, MemberId, State};

use super::db::ResultRow;
use super::types::Stamp;
use super::{Ledger, LedgerError, MemberStanding, Skip};

/// A field with more values describes single members rather than groups, so members are not grouped by it.
pub const MOST_VALUES: usize = 40;

/// The counts of an issue, by member.
#[derive(Debug, Clone, Default, PartialEq, Serialize, Deserialize)]
#[serde(default)]
pub struct IssueSummary {
    /// When the last letter was sent, by e-mail or on paper.
    pub last_letter: Option<Timestamp>,
    /// The members of the issue's audience.
    pub members: u64,
    /// Members whose letters a server accepted or refused.
    pub sent: u64,
    /// The members among them whose letters were refused or came back, by reason.
    pub bounced: BTreeMap<String, u64>,
    pub in_doubt: u64,
    pub by_mail: u64,
    /// Members reached only by a posted letter.
    pub on_paper: u64,
    pub reached: u64,
    pub not_reached: BTreeMap<String, u64>,
    /// Since the issue before; `None` for the first one.
    pub joined: Option<u64>,
    pub left: Option<u64>,
    /// The cost of posted letters.
    pub postage: Option<f64>,
    /// By field and value.
    pub coverage: BTreeMap<String, BTreeMap<String, Coverage>>,
}

/// How many members of a group were reached.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize, Deserialize)]
pub struct Coverage {
    pub members: u64,
    pub reached: u64,
}

/// How a member was reached by an issue, or why not.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Reached {
    ByMail,
    OnPaper,
    Not(NotReached),
}

/// Why a member was not reached.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum NotReached {
    Bounced(Option<Reason>),
    Rejected(Option<Reason>),
    InDoubt,
    /// The letter has not been sent yet.
    Waiting,
    /// The letter on paper has not been posted yet.
    ToPrint,
    Skipped(Skip),
}

impl NotReached {
    /// The name in JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::Bounced(_) => "bounced",
            Self::Rejected(_) => "rejected",
            Self::InDoubt => "in_doubt",
            Self::Waiting => "waiting",
            Self::ToPrint => "to_print",
            Self::Skipped(skip) => skip.as_str(),
        }
    }
}

/// The ledger's data about an issue's letters besides their states.
struct Known {
    bounced: HashMap<MemberId, Option<Reason>>,
    refused: HashMap<MemberId, Reason>,
    /// The letters on paper, and whether they were posted.
    paper: HashMap<MemberId, bool>,
}

impl Known {
    fn reached(&self, member: &Member, standing: MemberStanding) -> Option<Reached> {
        let paper = self.paper.get(&member.id);
        let bounce = self.bounced.get(&member.id);
        let why = match standing {
            MemberStanding::In(State::Accepted) if bounce.is_none() => return Some(Reached::ByMail),
            MemberStanding::Skipped(Skip::SharesLetter) => return Some(Reached::ByMail),
            _ if paper == Some(&true) => return Some(Reached::OnPaper),
            MemberStanding::In(State::Accepted) => NotReached::Bounced(bounce.copied().flatten()),
            MemberStanding::In(State::Rejected) => {
                NotReached::Rejected(self.refused.get(&member.id).copied())
            }
            _ if paper == Some(&false) => NotReached::ToPrint,
            MemberStanding::In(State::InDoubt | State::Sending) => NotReached::InDoubt,
            MemberStanding::In(State::Queued | State::Deferred) => NotReached::Waiting,
            MemberStanding::Skipped(
                Skip::Later | Skip::NotVoting | Skip::NoSection | Skip::OutsideSegment | Skip::Departed,
            ) => return None,
            MemberStanding::Skipped(skip) => NotReached::Skipped(skip),
        };
        Some(Reached::Not(why))
    }
}

impl IssueSummary {
    /// The number of letters that were refused or came back.
    pub fn bounces(&self) -> u64 {
        self.bounced.values().sum()
    }

    /// The share of members who were reached, from 0 to 1; `None` without members.
    #[expect(clippy::cast_precision_loss, reason = "member counts are far below 2^52")]
    pub fn share(&self) -> Option<f64> {
        (self.members > 0).then(|| self.reached as f64 / self.members as f64)
    }

    fn add(&mut self, member: &Member, standing: MemberStanding, known: &Known, by: &[String]) {
        let Some(reached) = known.reached(member, standing) else { return };
        self.members += 1;
        let reason = match standing {
            MemberStanding::In(State::Accepted) => known.bounced.get(&member.id).copied(),
            MemberStanding::In(State::Rejected) => Some(known.refused.get(&member.id).copied()),
            _ => None,
        };
        self.sent += u64::from(matches!(standing, MemberStanding::In(State::Accepted | State::Rejected)));
        if let Some(reason) = reason {
            *self.bounced.entry(reason.map_or("other", <&str>::from).to_owned()).or_default() += 1;
        }
        self.in_doubt += u64::from(matches!(standing, MemberStanding::In(State::InDoubt | State::Sending)));
        match reached {
            Reached::ByMail => self.by_mail += 1,
            Reached::OnPaper => self.on_paper += 1,
            Reached::Not(why) => *self.not_reached.entry(why.as_str().to_owned()).or_default() += 1,
        }
        self.reached = self.by_mail + self.on_paper;
        for field in by {
            let value = member.field(field).unwrap_or_default().trim().to_owned();
            let group = self.coverage.entry(field.clone()).or_default().entry(value).or_default();
            group.members += 1;
            group.reached += u64::from(!matches!(reached, Reached::Not(_)));
        }
    }
}

impl Ledger {
    /// Calls `each` for every member of an issue's audience, with how they were reached. `skip` says why the issue is
    /// not for a member who could be mailed.
    ///
    /// # Errors
    /// Those of the ledger and of `each`.
    pub fn for_each_reached<E: From<LedgerError>>(
        &self,
        issue: &IssueName,
        skip: impl FnMut(&Member) -> Option<Skip>,
        mut each: impl FnMut(&Member, Reached) -> Result<(), E>,
    ) -> Result<(), E> {
        let known = self.known(issue)?;
        self.for_each_standing(issue, skip, |member, standing, _| {
            known.reached(member, standing).map_or(Ok(()), |reached| each(member, reached))
        })
    }

    /// Counts an issue; `by` are the fields to group members by.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn summary(
        &self,
        issue: &IssueName,
        by: &[String],
        skip: impl FnMut(&Member) -> Option<Skip>,
    ) -> Result<IssueSummary, LedgerError> {
        let known = self.known(issue)?;
        let last_letter = self.last_letter(issue)?;
        let mut summary = IssueSummary { last_letter, ..IssueSummary::default() };
        self.for_each_standing(issue, skip, |member, standing, _| {
            summary.add(member, standing, &known, by);
            Ok::<_, LedgerError>(())
        })?;
        summary.coverage.retain(|_, groups| groups.len() <= MOST_VALUES);
        if let Some(last) = last_letter
            && let Some(before) = self.letter_before(issue, last)?
        {
            let (joined, left) = self.changes_between(before, last)?;
            (summary.joined, summary.left) = (Some(joined), Some(left));
        }
        Ok(summary)
    }

    /// When the last letter of an issue was sent, by e-mail or on paper.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn last_letter(&self, issue: &IssueName) -> Result<Option<Timestamp>, LedgerError> {
        let sql = "SELECT max(at) FROM (
                       SELECT changed_at AS at FROM delivery WHERE issue = ?1 AND state IN ('accepted', 'rejected')
                       UNION ALL SELECT at FROM paper WHERE issue = ?1 AND state = 'posted') AS letters";
        let at: Option<Stamp> = self.db.one(sql, [issue], |row| row.get(0))?;
        Ok(at.map(|Stamp(at)| at))
    }

    /// The page counts of an issue's posted letters.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn posted_pages(&self, issue: &IssueName) -> Result<Vec<usize>, LedgerError> {
        let sql = "SELECT pages FROM paper WHERE issue = ?1 AND state = 'posted'";
        self.db.list(sql, [issue], |row| row.get(0))
    }

    /// The last letter by e-mail of the issue before this one, which ended at `time`.
    fn letter_before(&self, issue: &IssueName, time: Timestamp) -> Result<Option<Timestamp>, LedgerError> {
        let sql = "SELECT max(last) FROM (
                       SELECT max(changed_at) AS last FROM delivery
                       WHERE issue <> ?1 AND state IN ('accepted', 'rejected') GROUP BY issue) AS issues
                   WHERE last < ?2";
        let at: Option<Stamp> = self.db.one(sql, (issue, Stamp(time)), |row| row.get(0))?;
        Ok(at.map(|Stamp(at)| at))
    }

    /// How many members joined and left after `from` and until `to`.
    fn changes_between(&self, from: Timestamp, to: Timestamp) -> Result<(u64, u64), LedgerError> {
        let sql = "SELECT
            (SELECT count(*) FROM member WHERE added_at > ?1 AND added_at <= ?2)
            + (SELECT count(DISTINCT member) FROM change WHERE field = 'active' AND new = 'yes' AND at > ?1 AND at <= ?2),
            (SELECT count(DISTINCT member) FROM change WHERE field = 'active' AND new = 'no' AND at > ?1 AND at <= ?2)";
        let row = |row: &ResultRow<'_>| Ok((row.get(0)?, row.get(1)?));
        self.db.one(sql, (Stamp(from), Stamp(to)), row)
    }

    fn known(&self, issue: &IssueName) -> Result<Known, LedgerError> {
        let paper = self.paper_letters(issue)?.into_iter();
        Ok(Known {
            bounced: self.bounced_members(issue)?,
            refused: self.refusal_reasons(issue)?,
            paper: paper.map(|(member, (is_posted, _))| (member, is_posted)).collect(),
        })
    }

    /// The members who joined after the last letter of an issue that was sent to all, and did not get it.
    pub(super) fn later_members(&self, issue: &IssueName) -> Result<HashSet<MemberId>, LedgerError> {
        let Some(last) = self.last_letter(issue)? else { return Ok(HashSet::new()) };
        let sql = "SELECT id FROM member WHERE added_at > ?2
                   AND id NOT IN (SELECT member FROM delivery WHERE issue = ?1)
                   AND id NOT IN (SELECT member FROM paper WHERE issue = ?1)";
        self.db.list(sql, (issue, Stamp(last)), |row| row.get(0))
    }
}
