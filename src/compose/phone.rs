//! Telephone numbers: found in a text, and as dialled.

use std::ops::Range;

use serde::Serialize;

/// The number of digits in a number that starts with 0, and in one that starts with +.
const NATIONAL: Range<usize> = 8..11;
const INTERNATIONAL: Range<usize> = 9..14;

/// A telephone number for templates.
#[derive(Debug, Clone, Serialize)]
pub struct Phone {
    pub number: String,
    /// The `tel:` URL (RFC 3966).
    pub link: String,
}

impl Phone {
    /// The number as written.
    pub fn new(number: &str) -> Self {
        let dialled: String =
            number.replace("(0)", "").chars().filter(|c| c.is_ascii_digit() || *c == '+').collect();
        // Without breaks, so that it stays on one line.
        let parts: Vec<&str> = number.split_whitespace().collect();
        Self { number: parts.join("\u{a0}"), link: format!("tel:{dialled}") }
    }
}

/// The telephone numbers in a text; dates, amounts and account numbers don't count.
pub(super) fn find(text: &str) -> Vec<Range<usize>> {
    let mut found: Vec<Range<usize>> = Vec::new();
    for (start, _) in text.match_indices(['0', '+']) {
        let before = text.get(..start).and_then(|before| before.chars().next_back());
        let is_free = before.is_none_or(|c| !c.is_alphanumeric() && !"-–.,:/+#_".contains(c));
        if is_free
            && found.last().is_none_or(|last| last.end <= start)
            && let Some(length) = text.get(start..).and_then(length)
        {
            found.push(start..start + length);
        }
    }
    found
}

/// The length in bytes of the number at the start of a text.
fn length(text: &str) -> Option<usize> {
    let digits = |text: &str| text.len() - text.trim_start_matches(|c: char| c.is_ascii_digit()).len();
    let (sign, allowed) = if text.starts_with('+') { (1, INTERNATIONAL) } else { (0, NATIONAL) };
    let first = digits(text.get(sign..)?);
    if !begins(text, sign, first, &allowed) {
        return None;
    }
    let (mut end, mut count) = (sign + first, first);
    loop {
        let rest = text.get(end..)?;
        let hyphens: &[&str] = if count == first || sign == 1 { &["-", "–", " (0)", "(0)"] } else { &[] };
        let separator =
            hyphens.iter().chain(&[" ", "\u{a0}"]).find(|separator| rest.starts_with(**separator));
        let Some(mut skipped) = separator.map(|separator| separator.len()) else { break };
        if separator.is_some_and(|separator| separator.ends_with(')'))
            && rest.get(skipped..)?.starts_with(['-', ' '])
        {
            skipped += 1;
        }
        let group = digits(rest.get(skipped..)?);
        if group == 0 || count + group >= allowed.end {
            break;
        }
        (end, count) = (end + skipped + group, count + group);
    }
    let mut after = text.get(end..)?.chars();
    let is_whole = match after.next() {
        Some(c) if c.is_alphanumeric() || "%_/@".contains(c) => false,
        Some(c) if ".,:-–".contains(c) => !after.next().is_some_and(|c| c.is_ascii_digit()),
        _ => true,
    };
    (is_whole && allowed.contains(&count)).then_some(end)
}

/// Tells whether a number may start with this area or country code, which has `first` digits after the sign.
fn begins(text: &str, sign: usize, first: usize, allowed: &Range<usize>) -> bool {
    let after = text.get(sign + first..).unwrap_or_default();
    match (sign, first) {
        (1, 1..=3) => after.starts_with([' ', '\u{a0}', '-', '(']),
        (1, length) => allowed.contains(&length),
        (_, 2) => text.starts_with("08") && after.starts_with(['-', '–']),
        (_, 3 | 4) => {
            after.starts_with(['-', '–']) || text.starts_with("07") && after.starts_with([' ', '\u{a0}'])
        }
        (_, length) => length == 10 && text.starts_with("07"),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_are_found_but_not_dates_amounts_and_accounts() {
        for (text, want) in [
            ("Ring 08-123 456 78.", &["08-123 456 78"][..]),
            ("070-123 45 67 eller 0176-123 45", &["070-123 45 67", "0176-123 45"]),
            ("+46 8 123 45 67, +46 (0)70-123 45 67", &["+46 8 123 45 67", "+46 (0)70-123 45 67"]),
            ("0701234567", &["0701234567"]),
            ("tel. 070 123 45 67", &["070 123 45 67"]),
            ("08-123\u{a0}456\u{a0}78 (kl. 9–11)", &["08-123\u{a0}456\u{a0}78"]),
            ("08-123 45 67 15 personer", &["08-123 45 67"]),
            ("2026-05-09 kl. 08.30–10.00", &[]),
            ("org.nr 802001-1234, bg 123-4567, pg 12 34 56-7", &[]),
            ("09-05-2026, 08-09 juli, 0,5 mg", &[]),
            ("OCR 0012345678901", &[]),
            ("08:30-12:00 och 07.00", &[]),
            ("+1, +12 grader, 0", &[]),
            ("08-123 456 78x", &[]),
        ] {
            let found: Vec<&str> = find(text).into_iter().map(|range| &text[range]).collect();
            assert_eq!(found, want, "{text}");
        }
        assert_eq!(Phone::new("+46 (0)8-123 45").link, "tel:+46812345");
    }
}
