//! Events of an issue.

use jiff::civil::Time;

use crate::domain::Event;

use super::{Finding, Subject};

/// An event that ends before this hour may have started on the evening before.
const NIGHT_ENDS: i8 = 6;

/// Finds events before the issue's own date. Today's date does not matter, so that an old issue can still be checked.
pub(super) fn over(subject: &Subject<'_>) -> Vec<Finding> {
    let issued = subject.source.issue.date;
    each(subject, |event| {
        let day = event.last_day().filter(|last| *last < issued)?;
        let message = format!("«{}» on {day} is before the issue's date, {issued}", event.title);
        Some(Finding::warning("event-over", message, "correct or remove the event"))
    })
}

/// Finds events that end before they start.
pub(super) fn times(subject: &Subject<'_>) -> Vec<Finding> {
    each(subject, |event| {
        let title = &event.title;
        let advice = "correct start or end";
        let last = event.end_date.or_else(|| event.repeat.and_then(|repeat| repeat.until));
        if last.is_some_and(|last| last < event.date) {
            let message = format!("the last day of «{title}» is before its first");
            return Some(Finding::error("event-times", message, "correct date, end_date or repeat"));
        }
        match (event.start, event.end) {
            // It ends on a different day.
            (Some(_), Some(_)) if event.end_date.is_some() => None,
            (None, Some(_)) => {
                let message = format!("«{title}» has an end but no start");
                Some(Finding::warning("event-times", message, "add start = \"18:00\""))
            }
            (Some(start), Some(end)) if start == end => {
                Some(Finding::warning("event-times", format!("«{title}» ends when it starts"), advice))
            }
            (Some(start), Some(end)) if ends_before(start, end) => {
                Some(Finding::error("event-times", format!("«{title}» ends before it starts"), advice))
            }
            _ => None,
        }
    })
}

/// Finds events without a place.
pub(super) fn places(subject: &Subject<'_>) -> Vec<Finding> {
    each(subject, |event| {
        let is_given = |text: &Option<String>| text.as_ref().is_some_and(|text| !text.trim().is_empty());
        let has_place = is_given(&event.place) || is_given(&event.online);
        (!has_place).then(|| {
            let message = format!("«{}» has no place", event.title);
            Finding::warning(
                "event-place",
                message,
                "add place = \"…\", or online = \"https://…\" for a meeting on the web",
            )
        })
    })
}

fn ends_before(start: Time, end: Time) -> bool {
    end < start && end.hour() >= NIGHT_ENDS
}

fn each(subject: &Subject<'_>, judge: impl Fn(&Event) -> Option<Finding>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for section in &subject.sections {
        for (index, event) in section.section.events.iter().enumerate() {
            findings.extend(judge(event).map(|finding| finding.at(section.event(index))));
        }
    }
    findings
}

#[cfg(test)]
mod tests {
    use super::super::tests::found;
    use super::*;

    type Rule = fn(&Subject<'_>) -> Vec<Finding>;

    #[test]
    fn events_are_in_the_future_in_order_and_somewhere() {
        for (rule, lines, want) in [
            (over as Rule, "date = 2026-05-09", ""),
            (over, "date = 2026-04-15", ""),
            (over, "date = 2026-04-14", "is before the issue's date"),
            (times, "date = 2026-05-09\nstart = \"13:00\"\nend = \"16:00\"", ""),
            (times, "date = 2026-05-09\nstart = \"20:00\"\nend = \"01:00\"", ""),
            (times, "date = 2026-05-09\nstart = \"16:00\"\nend = \"13:00\"", "ends before it starts"),
            (times, "date = 2026-05-09\nstart = \"16:00\"\nend = \"16:00\"", "ends when it starts"),
            (times, "date = 2026-05-09\nend = \"16:00\"", "has an end but no start"),
            (places, "date = 2026-05-09\nplace = \"Bygdegården\"", ""),
            (places, "date = 2026-05-09\nplace = \" \"", "has no place"),
            (places, "date = 2026-05-09", "has no place"),
        ] {
            let front = format!(
                "[[event]]\ntitle = \"Ett\"\ndate = 2026-06-01\nplace = \"x\"\n\n[[event]]\ntitle = \"Möte\"\n{lines}\n"
            );
            let found = found(rule, &front, "");
            let [(_, line, message)] = found.as_slice() else {
                assert!(want.is_empty() && found.is_empty(), "{lines}: {found:?}");
                continue;
            };
            assert_eq!(*line, 8, "{lines}");
            assert!(!want.is_empty() && message.contains(want), "{lines}: {message}");
        }
    }
}
