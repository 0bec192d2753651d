//! Delivery status fields (RFC 3464 §2), in any place and any order.

use super::address;
use super::header::decoded;

/// What happened to a recipient (RFC 3464 §2.3.3).
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Action {
    Failed,
    Delayed,
    /// Delivered, relayed or expanded.
    Done,
}

/// The fields of one recipient.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Record {
    pub original: Option<String>,
    pub last: Option<String>,
    pub action: Option<Action>,
    pub status: Option<String>,
    pub diagnostic: String,
}

impl Record {
    fn names_someone(&self) -> bool {
        self.original.is_some() || self.last.is_some()
    }

    fn says_something(&self) -> bool {
        self.action.is_some() || self.status.is_some() || !self.diagnostic.is_empty()
    }
}

/// Parses the records of a delivery status part, or of a text that quotes one.
///
/// A record ends at an empty line once it has a recipient and an action or status, or when a field occurs again: some
/// programs write empty lines between the fields, others none between the records.
pub fn records(text: &str) -> Vec<Record> {
    let mut records = Vec::new();
    let mut record = Record::default();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        if line.trim().is_empty() {
            if record.names_someone() && record.says_something() {
                records.push(std::mem::take(&mut record));
            }
            continue;
        }
        let Some((name, first)) = line.split_once(':') else { continue };
        let Some(field) = StatusField::named(name.trim_matches([' ', '\t', '>', '*'])) else { continue };
        let mut value = first.trim().to_owned();
        while let Some(more) = lines.next_if(|line| line.starts_with([' ', '\t']) && is_continuation(line)) {
            if value.len() < 4096 {
                value.push(' ');
                value.push_str(more.trim());
            }
        }
        if field.is_in(&record) && record.names_someone() {
            records.push(std::mem::take(&mut record));
        }
        field.put(value, &mut record);
    }
    records.push(record);
    records.retain(|record| record.names_someone() || record.action.is_some());
    records
}

#[derive(Debug, Clone, Copy)]
enum StatusField {
    Original,
    Final,
    Action,
    Status,
    Diagnostic,
}

impl StatusField {
    fn named(name: &str) -> Option<Self> {
        let names = [
            ("original-recipient", Self::Original),
            ("final-recipient", Self::Final),
            ("action", Self::Action),
            ("status", Self::Status),
            ("diagnostic-code", Self::Diagnostic),
        ];
        names.into_iter().find(|(known, _)| name.eq_ignore_ascii_case(known)).map(|(_, field)| field)
    }

    fn is_in(self, record: &Record) -> bool {
        match self {
            Self::Original => record.original.is_some(),
            Self::Final => record.last.is_some(),
            Self::Action => record.action.is_some(),
            Self::Status => record.status.is_some(),
            Self::Diagnostic => !record.diagnostic.is_empty(),
        }
    }

    fn put(self, value: String, record: &mut Record) {
        match self {
            Self::Original => record.original = recipient(&value),
            Self::Final => record.last = recipient(&value),
            Self::Action => record.action = action(&value),
            Self::Status => record.status = Some(value),
            Self::Diagnostic => typed(&decoded(&value)).clone_into(&mut record.diagnostic),
        }
    }
}

fn is_continuation(line: &str) -> bool {
    !line.trim().is_empty()
        && line.split_once(':').is_none_or(|(name, _)| StatusField::named(name.trim()).is_none())
}

fn action(value: &str) -> Option<Action> {
    let word: String = value.trim().chars().take_while(char::is_ascii_alphabetic).collect();
    Some(match word.to_ascii_lowercase().as_str() {
        "failed" | "failure" | "fail" | "expired" => Action::Failed,
        "delayed" | "deferred" => Action::Delayed,
        "delivered" | "relayed" | "expanded" | "relay" | "success" => Action::Done,
        _ => return None,
    })
}

/// The value without its type (`rfc822;`, `smtp;`).
fn typed(value: &str) -> &str {
    match value.split_once(';') {
        Some((kind, rest)) if kind.len() < 20 && !kind.trim().contains([' ', '@', '<']) => rest.trim(),
        _ => value.trim(),
    }
}

/// The address of a recipient field; `None` for a pipe, a file or a bare alias.
fn recipient(value: &str) -> Option<String> {
    let value = unescaped(typed(value));
    let value = value.trim();
    if value.starts_with(['|', '/']) || value.starts_with("\"|") {
        return None;
    }
    address::in_field(value).map(str::to_owned)
}

/// Decodes xtext (RFC 3461 §4) and the escapes of internationalised addresses (RFC 6533 §3).
fn unescaped(value: &str) -> String {
    let value = value.replace("+40", "@").replace("+2B", "+").replace("+3D", "=");
    let mut text = String::with_capacity(value.len());
    let mut rest = value.as_str();
    while let Some((before, after)) = rest.split_once("\\x{") {
        text.push_str(before);
        let Some((hex, tail)) = after.split_once('}') else {
            rest = after;
            break;
        };
        text.extend(u32::from_str_radix(hex, 16).ok().and_then(char::from_u32));
        rest = tail;
    }
    text.push_str(rest);
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn summary(text: &str) -> Vec<(Option<String>, Option<Action>, Option<String>)> {
        records(text)
            .into_iter()
            .map(|record| (record.original.or(record.last), record.action, record.status))
            .collect()
    }

    #[test]
    fn records_are_parsed_in_any_layout() {
        let want = vec![(Some("anna@example.se".to_owned()), Some(Action::Failed), Some("5.1.1".to_owned()))];
        for text in [
            "Reporting-MTA: dns; mx.example.se\n\nFinal-Recipient: rfc822; anna@example.se\nAction: failed\nStatus: 5.1.1\n",
            "Action: failed\nStatus: 5.1.1\nFinal-Recipient: <anna@example.se>",
            "Final-Recipient: rfc822;\n anna@example.se\n\nAction: Failed (gone)\nStatus: 5.1.1",
            "Original-Recipient: rfc822;anna+40example.se\nFinal-Recipient: LOCAL; |/bin/sort\nAction: failed\nStatus: 5.1.1",
            "Original-Recipient: utf-8;\\x{61}nna@example.se\nFinal-Recipient: rfc822;list@example.org\nAction: failed\nStatus: 5.1.1",
        ] {
            assert_eq!(summary(text), want, "{text}");
        }
    }

    #[test]
    fn records_without_a_line_between_them_are_separated() {
        let text = "Final-Recipient: rfc822;a@example.se\nAction: failed\nFinal-Recipient: rfc822;b@example.se\nAction: delayed";
        let found = summary(text);
        assert_eq!(found.len(), 2);
        assert_eq!(found[1].1, Some(Action::Delayed));
    }

    #[test]
    fn a_diagnostic_loses_its_type_and_its_folds() {
        let text = "Final-Recipient: rfc822;a@example.se\nDiagnostic-Code: smtp;\n 550 5.1.1\n  no such user";
        assert_eq!(records(text)[0].diagnostic, "550 5.1.1 no such user");
    }
}
