//! The marks by which logs and messages identify a person: the member's number and every address the member ever had.

use super::MemberId;

/// Replaces the person's address in texts about somebody else.
const FORGOTTEN: &str = "(forgotten)";

/// Everything that identifies one person.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Traces {
    pub member: MemberId,
    /// In lower case.
    pub addresses: Vec<String>,
}

impl Traces {
    /// Tells whether `address` is one of the person's, whatever its case.
    pub fn has(&self, address: &str) -> bool {
        let key = address.to_lowercase();
        self.addresses.contains(&key)
    }

    /// Tells whether a text contains one of the person's addresses.
    pub fn are_in(&self, text: &str) -> bool {
        self.redacted(text).is_some()
    }

    /// The text without the person's addresses; `None` if it contains none.
    pub fn redacted(&self, text: &str) -> Option<String> {
        let mut redacted = None;
        for address in &self.addresses {
            let current = redacted.as_deref().unwrap_or(text);
            redacted = without(current, address).or(redacted);
        }
        redacted
    }
}

/// The text without an address; a longer address that contains it stays.
fn without(text: &str, address: &str) -> Option<String> {
    let lower = text.to_ascii_lowercase();
    let is_part = |c: char| c.is_alphanumeric() || "._%+-@".contains(c);
    let mut redacted = String::new();
    let mut copied = 0;
    for (start, found) in lower.match_indices(&address.to_ascii_lowercase()) {
        let end = start + found.len();
        let before = text.get(..start).and_then(|before| before.chars().next_back());
        let after = text.get(end..).unwrap_or_default().trim_start_matches('.');
        if before.is_some_and(is_part) || after.starts_with(is_part) {
            continue;
        }
        redacted.push_str(text.get(copied..start)?);
        redacted.push_str(FORGOTTEN);
        copied = end;
    }
    (copied > 0).then(|| redacted + text.get(copied..).unwrap_or_default())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_persons_addresses_leave_a_text_and_others_stay() {
        let addresses = ["a@example.se", "anna@example.org"].map(str::to_owned).to_vec();
        let traces = Traces { member: MemberId(1), addresses };
        for (text, want) in [
            ("550 <A@Example.SE>: no such user", Some("550 <(forgotten)>: no such user")),
            ("a@example.se, anna@example.org.", Some("(forgotten), (forgotten).")),
            ("aa@example.se and a@example.se.org", None),
            ("nobody", None),
        ] {
            assert_eq!(traces.redacted(text).as_deref(), want, "{text}");
        }
    }
}
