//! Complaints: reports in the Abuse Reporting Format (RFC 5965), and the formats of hosts that do not use it.

use super::address;
use super::header::Headers;
use super::mime::{MimeMessage, MimePart, Role};
use super::rules::InboxRules;
use crate::domain::bounce::{Class, MessageKind, Reason, Verdict};

/// What a report about a letter says of those whom it names; `None` if the message is not such a report.
///
/// The report of somebody who calls the letter "not spam" has nobody to complain about.
pub fn read(
    message: &MimeMessage<'_>,
    original: &Headers<'_>,
    signed: bool,
    rules: &InboxRules,
) -> Option<(MessageKind, Vec<Verdict>)> {
    let report = message.with(Role::Feedback).next().map(MimePart::text);
    let report = report.as_deref();
    if report.is_none() && !signed {
        return None;
    }
    let fields = Headers::of_text(report.unwrap_or_default());
    let kind = feedback_type(&fields);
    if rules.complaints.praise.contains(&kind) {
        return Some((MessageKind::Other, Vec::new()));
    }
    let reason = reason(&kind, rules);
    let named = recipients(&[&fields, original, &message.headers], rules).into_iter();
    Some((MessageKind::Complaint, named.map(|address| verdict(address, reason, &kind)).collect()))
}

/// The verdict of a complaint that names nobody.
pub fn unnamed(message: &MimeMessage<'_>, rules: &InboxRules) -> Verdict {
    let report = message.with(Role::Feedback).next().map(MimePart::text).unwrap_or_default();
    let kind = feedback_type(&Headers::of_text(&report));
    verdict(String::new(), reason(&kind, rules), &kind)
}

fn feedback_type(fields: &Headers<'_>) -> String {
    fields.text("feedback-type").to_lowercase()
}

/// A machine's report, for example about DMARC or a virus, is not a person's complaint, and suppresses nobody.
fn reason(kind: &str, rules: &InboxRules) -> Reason {
    rules.complaints.by_machine.get(kind).copied().unwrap_or(Reason::Complaint)
}

fn verdict(address: String, reason: Reason, kind: &str) -> Verdict {
    let class = if reason == Reason::Complaint { Class::Hard } else { Class::Soft };
    Verdict { address, class, status: None, reason, diagnostic: kind.to_owned() }
}

/// The addresses in the fields of a report, else the recipients of the returned letter.
fn recipients(places: &[&Headers<'_>], rules: &InboxRules) -> Vec<String> {
    let named = |names: &[String]| {
        let values = places.iter().flat_map(|headers| names.iter().flat_map(|name| headers.all(name)));
        values.flat_map(address::find).map(|spot| spot.address.to_owned()).collect::<Vec<_>>()
    };
    let mut found = named(&rules.complaints.fields);
    if found.is_empty() {
        let original = places.get(1).map(|headers| headers.all("to")).into_iter().flatten();
        found = original.flat_map(address::find).map(|spot| spot.address.to_owned()).collect();
    }
    let mut seen = std::collections::HashSet::new();
    found.retain(|address| seen.insert(address::key(address)));
    found
}

#[cfg(test)]
mod tests {
    use super::*;

    fn complained(report: &str, original: &str) -> (MessageKind, Vec<(String, Reason)>) {
        let raw = format!(
            "Content-Type: multipart/report; boundary=x\n\n--x\nContent-Type: message/feedback-report\n\n{report}\n--x--"
        );
        let (kind, verdicts) = read(
            &MimeMessage::parse(raw.as_bytes()),
            &Headers::of_text(original),
            false,
            &InboxRules::built_in().unwrap(),
        )
        .unwrap();
        (kind, verdicts.into_iter().map(|v| (v.address, v.reason)).collect())
    }

    #[test]
    fn a_report_names_the_complainant() {
        let anna = |reason| (MessageKind::Complaint, vec![("anna@example.se".to_owned(), reason)]);
        for (report, original, want) in [
            ("Feedback-Type: abuse\nOriginal-Rcpt-To: <anna@example.se>\n", "", anna(Reason::Complaint)),
            ("Feedback-Type: abuse\n", "To: anna@example.se\n", anna(Reason::Complaint)),
            ("Feedback-Type: auth-failure\n", "To: anna@example.se\n", anna(Reason::AuthFailure)),
            ("Feedback-Type: virus\n", "To: anna@example.se\n", anna(Reason::SpamPolicy)),
            ("Feedback-Type: not-spam\n", "To: anna@example.se\n", (MessageKind::Other, vec![])),
            ("Feedback-Type: fraud\n", "", (MessageKind::Complaint, vec![])),
        ] {
            assert_eq!(complained(report, original), want, "{report}");
        }
    }
}
