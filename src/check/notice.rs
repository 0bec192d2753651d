//! Notices to every member: their timing and their audience.

use crate::domain::IssueKind;

use super::{Finding, Subject};

/// Finds notices with less time before their meeting than the statutes require.
pub(super) fn days(subject: &Subject<'_>) -> Vec<Finding> {
    let issue = &subject.source.issue;
    let Some(wanted) = subject.facts.notice_days.filter(|_| issue.kind == IssueKind::Notice) else {
        return Vec::new();
    };
    let sent = issue.send_at.map_or(issue.date, jiff::civil::DateTime::date);
    let mut findings = Vec::new();
    for section in &subject.sections {
        for (index, event) in section.section.events.iter().enumerate() {
            let days = (event.date - sent).get_days();
            if (0..i32::from(wanted)).contains(&days) {
                let message = format!(
                    "«{}» is {days} days after the notice is sent ({sent}): notice_days asks for {wanted}",
                    event.title
                );
                let advice = "send the notice earlier, or move the meeting";
                findings.push(Finding::warning("notice-days", message, advice).at(section.event(index)));
            }
        }
    }
    findings
}

/// Finds notices to everybody in the register, whether members or not.
pub(super) fn voters(subject: &Subject<'_>) -> Vec<Finding> {
    if subject.source.issue.kind == IssueKind::Newsletter || subject.facts.has_voting {
        return Vec::new();
    }
    let message = "the notice goes to everybody in the register: `voting` is missing in [members]";
    let advice = "say who is a member with a vote, such as voting = 'typ != \"intressent\"'";
    vec![Finding::warning("notice-voting", message, advice).at(subject.issue_file.key("", "kind"))]
}

#[cfg(test)]
mod tests {
    use super::super::Facts;
    use super::super::tests::{facts, issue};
    use super::*;

    #[test]
    fn a_notice_comes_in_time_and_to_the_members() {
        for (kind, date, has_voting, want) in [
            (IssueKind::Notice, "2026-04-29", true, &[][..]),
            (IssueKind::Notice, "2026-04-28", true, &["notice-days"]),
            (IssueKind::Notice, "2026-04-28", false, &["notice-days", "notice-voting"]),
            (IssueKind::Newsletter, "2026-04-16", false, &[]),
        ] {
            let dir = tempfile::tempdir().unwrap();
            let front = format!("[[event]]\ntitle = \"Årsmöte\"\ndate = {date}\n");
            let mut source = issue(dir.path(), &front, "Hej\n");
            source.issue.kind = kind;
            let facts = Facts { notice_days: Some(14), has_voting, ..facts() };
            let subject = Subject::new(&source, &facts);
            let found: Vec<&str> =
                days(&subject).iter().chain(&voters(&subject)).map(|finding| finding.rule).collect();
            assert_eq!(found, want, "{kind:?} {date}");
        }
    }
}
