//! The standing of every member with regard to an issue: each is in exactly one row.

use std::collections::{BTreeMap, HashSet};

use serde::Serialize;

use crate::domain::{IssueKind, IssueName, Member, State, SuppressionReason};

use super::db::ResultRow;
use super::deliveries::SHARES_LETTER;
use super::members::{ISSUE_MEMBERS, MEMBER_COLUMNS, MemberRow, member_row};
use super::{Ledger, LedgerError, ReviewKind};

/// Why a member gets no letter of an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq, PartialOrd, Ord)]
pub enum Skip {
    NoAddress,
    Suppressed(SuppressionReason),
    /// The member's identity is uncertain.
    Held,
    /// Left the association after the letter was queued.
    Departed,
    /// Does not match the run's segment.
    OutsideSegment,
    /// Has no vote, so that a notice is not for this member.
    NotVoting,
    /// Every section is for somebody else.
    NoSection,
    /// Another member with the same address has the letter already.
    SharesLetter,
    /// Was not among the recipients when the issue was sent to all.
    Later,
}

impl Skip {
    /// The name in logs and JSON.
    pub fn as_str(self) -> &'static str {
        match self {
            Self::NoAddress => "no_address",
            Self::Suppressed(reason) => reason.as_str(),
            Self::Held => "held",
            Self::Departed => "departed",
            Self::OutsideSegment => "outside_segment",
            Self::NotVoting => "not_voting",
            Self::NoSection => "no_section",
            Self::SharesLetter => "shares_letter",
            Self::Later => "later",
        }
    }
}

/// The standing of one member with regard to an issue.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum MemberStanding {
    Skipped(Skip),
    In(State),
}

/// The number of members by standing; they add up to all members.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct MemberCounts {
    #[serde(flatten)]
    pub states: BTreeMap<&'static str, u64>,
    pub skipped: BTreeMap<&'static str, u64>,
    /// Members who share a letter with another member.
    pub sharing: u64,
}

impl MemberCounts {
    /// How many deliveries are in this state.
    pub fn in_state(&self, state: State) -> u64 {
        self.states.get(state.as_str()).copied().unwrap_or(0)
    }

    /// The sum over all rows.
    pub fn total(&self) -> u64 {
        self.states.values().chain(self.skipped.values()).sum()
    }

    /// Deliveries that another run would continue with.
    pub fn open(&self) -> u64 {
        self.in_state(State::Queued) + self.in_state(State::Deferred)
    }
}

impl MemberRow {
    /// Why this member is not mailed at all.
    pub fn skip(&self) -> Option<Skip> {
        match (&self.member.address, self.suppressed) {
            (None, _) => Some(Skip::NoAddress),
            (_, Some(reason)) => Some(Skip::Suppressed(reason)),
            (Some(_), None) if !self.active => Some(Skip::Departed),
            (Some(_), None) => self.held.map(|_| Skip::Held),
        }
    }
}

impl MemberRow {
    /// Why this member gets no issue of a kind; opt-outs do not apply to notices.
    pub fn skip_of(&self, kind: IssueKind) -> Option<Skip> {
        let is_lifted = |skip: &Skip| {
            kind == IssueKind::Notice
                && matches!(skip, Skip::Suppressed(reason) if reason.is_for_newsletters())
        };
        self.skip().filter(|skip| !is_lifted(skip))
    }
}

impl Ledger {
    /// Calls `each` for every active member, and every former one with a letter, with their standing and whether they
    /// get their letter as another member's who shares the address. `skip` says why the issue is not for a member who
    /// could be mailed.
    ///
    /// # Errors
    /// Those of the ledger and of `each`.
    pub fn for_each_standing<E: From<LedgerError>>(
        &self,
        issue: &IssueName,
        mut skip: impl FnMut(&Member) -> Option<Skip>,
        mut each: impl FnMut(&Member, MemberStanding, bool) -> Result<(), E>,
    ) -> Result<(), E> {
        let sql = format!(
            "SELECT {MEMBER_COLUMNS}, d.state, {SHARES_LETTER}, d.message_id FROM {ISSUE_MEMBERS}
             LEFT JOIN delivery d ON d.issue = ?1 AND d.member = m.id WHERE m.active = 1 OR d.state IS NOT NULL
             OR m.id IN (SELECT member FROM paper WHERE issue = ?1)"
        );
        // Once an issue was sent to all, members without a delivery were not recipients then.
        let is_sent = self.review(issue, ReviewKind::SentToAll)?.is_some() && self.has_left(issue)?;
        let later = if is_sent { self.later_members(issue)? } else { HashSet::new() };
        self.db.each(&sql, [issue], |row| {
            let member = member_row(row)?;
            let standing = match row.get::<Option<State>>(8)? {
                Some(state) if !state.may_be_claimed() => MemberStanding::In(state),
                None if later.contains(&member.member.id)
                    && matches!(member.skip(), None | Some(Skip::NoAddress)) =>
                {
                    MemberStanding::Skipped(shares(row).unwrap_or(Skip::Later))
                }
                state => match member.skip().or_else(|| skip(&member.member)).or_else(|| shares(row)) {
                    Some(skip) => MemberStanding::Skipped(skip),
                    None if is_sent && state.is_none() => MemberStanding::Skipped(Skip::Later),
                    None => MemberStanding::In(state.unwrap_or(State::Queued)),
                },
            };
            let shares = matches!(standing, MemberStanding::In(_)) && is_anothers(row, &member.member);
            each(&member.member, standing, shares)
        })
    }

    /// Counts every active member, and every former one with a delivery, in one row each. `skip` says why the issue
    /// is not for a member who could be mailed.
    ///
    /// # Errors
    /// If the ledger cannot be read.
    pub fn survey(
        &self,
        issue: &IssueName,
        skip: impl FnMut(&Member) -> Option<Skip>,
    ) -> Result<MemberCounts, LedgerError> {
        let states = State::ALL.iter().map(|state| (state.as_str(), 0));
        let mut counts = MemberCounts { states: states.collect(), skipped: BTreeMap::new(), sharing: 0 };
        self.for_each_standing(issue, skip, |_, standing, shares| {
            counts.sharing += u64::from(shares);
            *match standing {
                MemberStanding::Skipped(skip) => counts.skipped.entry(skip.as_str()).or_default(),
                MemberStanding::In(state) => counts.states.entry(state.as_str()).or_default(),
            } += 1;
            Ok::<_, LedgerError>(())
        })?;
        Ok(counts)
    }
}

/// Whether the letter's Message-ID, which contains its lead member, names another member.
fn is_anothers(row: &ResultRow<'_>, member: &Member) -> bool {
    let id: Option<String> = row.get(10).unwrap_or(None);
    let lead = id.as_deref().and_then(|id| id.split('@').next()?.rsplit('.').nth(1)?.parse().ok());
    lead.is_some_and(|lead: i64| lead != member.id.0)
}

/// Whether the member's address has the letter already, from the column after the state.
fn shares(row: &ResultRow<'_>) -> Option<Skip> {
    row.get(9).unwrap_or(false).then_some(Skip::SharesLetter)
}
