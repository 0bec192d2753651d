//! JSON notifications, which some mail services send instead of delivery reports (for example Amazon SES through
//! SNS).

use serde_json::Value;

use super::rules::InboxRules;
use super::status::Action;
use super::verdict::Evidence;
use crate::domain::bounce::{Class, MessageKind, Reason, Verdict};

/// The maximum number of recipients of one notification to read.
const MOST: usize = 1_000;
/// How many notifications may be wrapped in another one's text, as SNS does.
const MOST_WRAPPED: usize = 2;
/// How many objects may enclose the event.
const MOST_NESTED: usize = 3;

/// What happened to a recipient, in the services' terms.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum What {
    Failed,
    Delayed,
    Complained,
}

/// A service's report on one recipient.
#[derive(Debug)]
struct NotifiedRecipient {
    what: What,
    address: String,
    status: Option<String>,
    diagnostic: String,
    /// Whether the service calls it permanent; `None` if it does not say.
    is_permanent: Option<bool>,
}

/// Parses a text that starts with a JSON notification; `None` for any other text.
pub fn read(text: &str, rules: &InboxRules) -> Option<(MessageKind, Vec<Verdict>)> {
    let text = text.trim_start();
    if !text.starts_with(['{', '[']) {
        return None;
    }
    let value = serde_json::Deserializer::from_str(text).into_iter::<Value>().next()?.ok()?;
    let mut found = Vec::new();
    collect(&value, MOST_WRAPPED, &mut found);
    let first = found.first()?.what;
    let verdicts: Vec<Verdict> = found.into_iter().take(MOST).map(|found| found.judge(rules)).collect();
    let kind = match first {
        What::Complained => MessageKind::Complaint,
        What::Delayed => MessageKind::Delayed,
        What::Failed => MessageKind::Bounce,
    };
    Some((kind, verdicts))
}

impl NotifiedRecipient {
    fn judge(self, rules: &InboxRules) -> Verdict {
        if self.what == What::Complained {
            return Verdict {
                address: self.address,
                class: Class::Hard,
                status: None,
                reason: Reason::Complaint,
                diagnostic: self.diagnostic,
            };
        }
        let action = (self.what == What::Delayed).then_some(Action::Delayed);
        let evidence = Evidence {
            status: self.status.as_deref(),
            diagnostic: &self.diagnostic,
            action,
            ..Evidence::default()
        };
        let verdict = evidence.judge(rules, self.address);
        match (self.is_permanent, verdict.class) {
            // The service will try again, or the next letter may arrive.
            (Some(false), Class::Hard) => Verdict { class: Class::Soft, ..verdict },
            _ => verdict,
        }
    }
}

fn collect(value: &Value, wrapped: usize, found: &mut Vec<NotifiedRecipient>) {
    if let Value::Array(values) = value {
        values.iter().take(MOST).for_each(|value| collect(value, wrapped, found));
        return;
    }
    if let (Some(inner), true) = (value["Message"].as_str(), wrapped > 0)
        && let Ok(inner) = serde_json::from_str::<Value>(inner)
    {
        collect(&inner, wrapped - 1, found);
        return;
    }
    ses(value, found);
    if found.is_empty() {
        found.extend(event(value, MOST_NESTED));
    }
}

/// Amazon SES: `bounce`, `complaint` or `deliveryDelay` with a list of recipients.
fn ses(value: &Value, found: &mut Vec<NotifiedRecipient>) {
    for (table, list, what) in [
        ("bounce", "bouncedRecipients", What::Failed),
        ("complaint", "complainedRecipients", What::Complained),
        ("deliveryDelay", "delayedRecipients", What::Delayed),
    ] {
        let about = &value[table];
        let is_permanent = about["bounceType"].as_str().map(|kind| kind != "Transient");
        let recipients = about[list].as_array().into_iter().flatten();
        found.extend(recipients.filter_map(|recipient| {
            Some(NotifiedRecipient {
                what,
                address: recipient["emailAddress"].as_str()?.to_owned(),
                status: recipient["status"].as_str().map(str::to_owned),
                diagnostic: recipient["diagnosticCode"].as_str().unwrap_or_default().to_owned(),
                is_permanent,
            })
        }));
    }
}

/// Other services: one object per event, possibly nested in others.
fn event(value: &Value, nested: usize) -> Option<NotifiedRecipient> {
    let inside = || {
        let objects = value.as_object()?.values().filter(|inner| inner.is_object());
        nested.checked_sub(1).and_then(|nested| objects.take(MOST).find_map(|inner| event(inner, nested)))
    };
    event_of(value).or_else(inside)
}

/// The recipient and the event, under names that differ between services.
fn event_of(data: &Value) -> Option<NotifiedRecipient> {
    let text = |names: &[&str]| names.iter().find_map(|name| data[*name].as_str()).map(str::to_owned);
    let kind = text(&["event", "Type", "RecordType", "type"])?.to_lowercase().replace(['_', '-', ' '], "");
    let what = match kind.as_str() {
        "complained" | "complaint" | "spam" | "spamreport" | "spamcomplaint" => What::Complained,
        "deferred" | "transient" | "delayed" | "delay" | "deliverydelayed" => What::Delayed,
        "bounce" | "bounced" | "hardbounce" | "softbounce" | "failed" | "dropped" | "invalidemail"
        | "blocked" | "outofband" | "policyrejection" => What::Failed,
        _ => return None,
    };
    let severity = text(&["severity"]).unwrap_or_default();
    let is_permanent = match (kind.as_str(), severity.as_str()) {
        ("softbounce", _) | (_, "temporary") => Some(false),
        ("hardbounce", _) | (_, "permanent") => Some(true),
        _ => data["hard_bounce"].as_bool(),
    };
    let reply = &data["delivery-status"];
    let in_reply = |name: &str| reply[name].as_str().map(str::to_owned);
    let diagnostic =
        text(&["raw_reason", "reason", "Details", "Description", "response", "diagnostic-code", "error"])
            .filter(|words| words.contains(' '))
            .or_else(|| in_reply("message").filter(|message| !message.is_empty()))
            .or_else(|| in_reply("description"));
    Some(NotifiedRecipient {
        what,
        address: text(&["email", "Email", "recipient", "Recipient", "rcpt_to", "rcptTo", "to"])?,
        status: text(&["status", "enhanced_status"]).or_else(|| in_reply("enhanced-code")),
        diagnostic: diagnostic.unwrap_or_default(),
        is_permanent,
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_json_of_several_services_is_read() {
        let rules = InboxRules::built_in().unwrap();
        for (text, kind, class) in [
            (
                r#"{"notificationType":"Bounce","bounce":{"bounceType":"Permanent","bouncedRecipients":[
                   {"emailAddress":"a@example.se","status":"5.1.1","diagnosticCode":"smtp; 550 5.1.1 user unknown"}]}}
                   -- and some words"#,
                MessageKind::Bounce,
                Class::Hard,
            ),
            (
                r#"{"Type":"Notification","Message":"{\"eventType\":\"Complaint\",\"complaint\":{\"complainedRecipients\":[{\"emailAddress\":\"a@example.se\"}]}}"}"#,
                MessageKind::Complaint,
                Class::Hard,
            ),
            (
                r#"{"notificationType":"Bounce","bounce":{"bounceType":"Transient","bouncedRecipients":[{"emailAddress":"a@example.se","diagnosticCode":"no such user"}]}}"#,
                MessageKind::Bounce,
                Class::Soft,
            ),
            (
                r#"[{"email":"a@example.se","event":"bounce","status":"5.1.1","reason":"550 5.1.1 no such user"}]"#,
                MessageKind::Bounce,
                Class::Hard,
            ),
            (
                r#"{"event-data":{"event":"failed","severity":"permanent","recipient":"a@example.se","delivery-status":{"message":"mailbox full"}}}"#,
                MessageKind::Bounce,
                Class::Soft,
            ),
            (
                r#"[{"msys":{"message_event":{"type":"bounce","raw_reason":"550 5.1.1 no such user","rcpt_to":"a@example.se"}}}]"#,
                MessageKind::Bounce,
                Class::Hard,
            ),
            (
                r#"{"signature":{"token":"x"},"event-data":{"event":"failed","severity":"permanent","reason":"bounce","recipient":"a@example.se","delivery-status":{"message":"account does not exist"}}}"#,
                MessageKind::Bounce,
                Class::Hard,
            ),
            (
                r#"{"event":"bounce","email":"a@example.se","hard_bounce":false,"error":"no such user"}"#,
                MessageKind::Bounce,
                Class::Soft,
            ),
            (r#"{"event":"spam","email":"a@example.se"}"#, MessageKind::Complaint, Class::Hard),
        ] {
            let (found, verdicts) = read(text, &rules).unwrap();
            assert_eq!(
                (found, verdicts[0].class, verdicts[0].address.as_str()),
                (kind, class, "a@example.se"),
                "{text}"
            );
        }
        for text in ["{}", "[1]", "{\"event\":\"open\",\"email\":\"a@example.se\"}", "{ no json", "Hej"] {
            assert!(read(text, &rules).is_none(), "{text}");
        }
    }
}
