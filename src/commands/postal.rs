//! Letters on paper: their recipients, addresses and cost.

mod address;

use crate::config::PaperConfig;
use crate::domain::{IssueKind, Segment, SuppressionReason};
use crate::ledger::MemberRow;
#[cfg(feature = "paper")]
use crate::{compose::Composer, domain::Member, error::Error, ledger::Ledger};

#[cfg(feature = "paper")]
use super::Project;

pub(super) use address::lines;
#[cfg(feature = "paper")]
pub(super) use address::order;

/// Weight in grams of an A4 sheet of 80 g/m², and of an envelope.
const SHEET_GRAMS: f64 = 4.99;
const ENVELOPE_GRAMS: f64 = 7.0;

/// Tells whether a member gets the issue on paper: those who asked for paper, and those whom no e-mail can reach,
/// unless they unsubscribed.
pub(super) fn gets_paper(row: &MemberRow, kind: IssueKind, wanted: Option<&Segment>) -> bool {
    if !row.active || row.held.is_some() {
        return false;
    }
    // Until a notice is first sent, the ledger does not know that the issue is one.
    let lifted = |reason: &SuppressionReason| kind == IssueKind::Notice && reason.is_for_newsletters();
    let is_unreachable = match row.suppressed.filter(|reason| !lifted(reason)) {
        None => row.member.address.is_none(),
        Some(SuppressionReason::HardBounce | SuppressionReason::SoftBounces) => true,
        Some(_) => kind == IssueKind::Notice,
    };
    is_unreachable || wanted.is_some_and(|wanted| wanted.matches(&row.member))
}

/// The members who get the issue on paper.
///
/// # Errors
/// If `wanted` in `[paper]` names a field that no member has, or the ledger cannot be read.
#[cfg(feature = "paper")]
pub(super) fn on_paper(
    project: &Project,
    ledger: &Ledger,
    composer: &Composer,
) -> Result<Vec<Member>, Error> {
    let issue = composer.issue();
    let wanted = project.config.paper.wanted.as_ref();
    let wanted =
        wanted.map(|wanted| project.configured_segment("wanted", wanted, &ledger.fields()?)).transpose()?;
    let mut members = Vec::new();
    ledger.for_each_member_of(&issue.name, |row| {
        let is_for = crate::send::skip(composer, None, &row.member).is_none();
        if is_for && gets_paper(&row, issue.kind, wanted.as_ref()) {
            members.push(row.member);
        }
        Ok::<_, Error>(())
    })?;
    Ok(members)
}

/// The sheets of a letter.
pub(super) fn sheets(pages: usize, settings: &PaperConfig) -> usize {
    if settings.one_sided { pages } else { pages.div_ceil(2) }
}

/// The weight of a letter.
pub(super) fn grams(sheets: usize) -> f64 {
    SHEET_GRAMS * f64::from(u32::try_from(sheets).unwrap_or(u32::MAX)) + ENVELOPE_GRAMS
}

/// The price of the first weight step that is sufficient.
pub(super) fn price(grams: f64, settings: &PaperConfig) -> Option<f64> {
    let mut steps = settings.postage.clone();
    steps.sort_by_key(|(up_to, _)| *up_to);
    steps.into_iter().find(|(up_to, _)| f64::from(*up_to) >= grams).map(|(_, price)| price)
}

/// The postage of letters with these numbers of pages; `None` if there is no price for one of them, or no letter.
pub(super) fn postage(pages: &[usize], settings: &PaperConfig) -> Option<f64> {
    let price = |pages: &usize| price(grams(sheets(*pages, settings)), settings);
    pages.iter().map(price).sum::<Option<f64>>().filter(|_| !pages.is_empty())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn letters_cost_by_weight() {
        let settings = PaperConfig { postage: vec![(100, 44.0), (50, 22.0)], ..PaperConfig::default() };
        for (pages, want) in [(4, Some(22.0)), (18, Some(44.0)), (60, None)] {
            let sheets = f64::from(u32::try_from(sheets(pages, &settings)).unwrap());
            assert_eq!(price(sheets * SHEET_GRAMS + ENVELOPE_GRAMS, &settings), want, "{pages}");
        }
        assert_eq!(sheets(5, &settings), 3);
        assert_eq!(sheets(5, &PaperConfig { one_sided: true, ..settings }), 5);
    }
}
