//! Counts how a notice reaches every member: by e-mail, on paper, or not at all.

use serde::Serialize;

use crate::commands::{Project, postal};
use crate::compose::Composer;
use crate::domain::{IssueKind, Member};
use crate::error::Error;
use crate::ledger::{Ledger, Reached};
use crate::report::count;
use crate::send::skip;

/// The members whom a notice is for; each is in exactly one of the numbers.
#[derive(Debug, Clone, Copy, Default, Serialize)]
pub(super) struct NoticeSum {
    by_mail: u64,
    /// Letters to print and post.
    to_print: u64,
    posted: u64,
    not_reached: u64,
}

impl NoticeSum {
    /// Counts the members of a notice; `None` for a newsletter.
    pub fn of(project: &Project, ledger: &Ledger, composer: &Composer) -> Result<Option<Self>, Error> {
        let issue = composer.issue();
        if issue.kind != IssueKind::Notice {
            return Ok(None);
        }
        let wanted = project.config.paper.wanted.as_ref();
        let mut printable = std::collections::HashSet::new();
        ledger.for_each_member_of(&issue.name, |row| {
            if postal::gets_paper(&row, issue.kind, wanted) && postal::lines(&row.member).is_ok() {
                printable.insert(row.member.id);
            }
            Ok::<_, Error>(())
        })?;
        let mut sum = Self::default();
        let skip = |member: &Member| skip(composer, None, member);
        ledger.for_each_reached(&issue.name, skip, |member, reached| {
            *match reached {
                Reached::ByMail => &mut sum.by_mail,
                Reached::OnPaper => &mut sum.posted,
                Reached::Not(_) if printable.contains(&member.id) => &mut sum.to_print,
                Reached::Not(_) => &mut sum.not_reached,
            } += 1;
            Ok::<_, Error>(())
        })?;
        Ok(Some(sum))
    }
}

impl std::fmt::Display for NoticeSum {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        let Self { by_mail, to_print, posted, not_reached } = *self;
        write!(f, "every member: {} by mail, {} to print, ", count(by_mail), count(to_print))?;
        if posted > 0 {
            write!(f, "{} posted, ", count(posted))?;
        }
        write!(f, "{} not reached", count(not_reached))
    }
}
