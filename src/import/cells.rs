//! Address cells, in all the ways people fill them.

use std::borrow::Cow;

use crate::domain::Address;

/// The content of an address cell.
#[derive(Debug, Clone, PartialEq, Eq)]
pub(super) enum AddressCell {
    /// The member has no address.
    None,
    /// One address or several.
    Some { address: Address, others: Vec<Address>, was_cleaned: bool },
    /// An invalid address, and the reason.
    Invalid(String),
}

/// Words that mean "no address", without case and punctuation.
const NO_ADDRESS: [&str; 26] = [
    "saknas",
    "saknar",
    "nej",
    "ej",
    "ej epost",
    "ingen",
    "ingen epost",
    "ingen mejl",
    "ingen mail",
    "har ej",
    "har inte",
    "har ingen",
    "finns ej",
    "finns inte",
    "okänd",
    "utan",
    "na",
    "none",
    "no",
    "no email",
    "unknown",
    "null",
    "x",
    "missing",
    "ej mail",
    "nej tack",
];

/// Characters that separate several addresses in a cell.
const BETWEEN: [char; 8] = [',', ';', '/', '|', ' ', '\n', '\r', '\t'];

/// Parses a cell; an empty one means that there is no address.
pub(super) fn read(cell: &str) -> AddressCell {
    let clean = cleaned(cell);
    let text = clean.as_ref();
    if says_none(text) {
        return AddressCell::None;
    }
    if let Some(addresses) = several(text) {
        return some(cell, addresses);
    }
    let bare = bare(text);
    match several(bare) {
        Some(addresses) => some(cell, addresses),
        None => AddressCell::Invalid(reason(bare)),
    }
}

fn some(cell: &str, mut addresses: Vec<Address>) -> AddressCell {
    if addresses.is_empty() {
        return AddressCell::None;
    }
    let address = addresses.remove(0);
    // A domain in ASCII is the same domain.
    let cell = cell.trim();
    let was_cleaned =
        Address::parse(cell).is_err() || cell.is_ascii() && !cell.eq_ignore_ascii_case(address.as_str());
    addresses.retain(|other| other.key() != address.key());
    AddressCell::Some { address, others: addresses, was_cleaned }
}

/// Removes invisible characters, and replaces those that only look like ASCII.
fn cleaned(cell: &str) -> Cow<'_, str> {
    let cell = cell.trim();
    if cell.is_ascii() && !cell.contains(['<', '&']) {
        return Cow::Borrowed(cell);
    }
    let unseen = |c: char| matches!(c, '\u{200B}'..='\u{200F}' | '\u{2060}' | '\u{FEFF}' | '\u{AD}');
    let seen = cell.chars().filter(|c| !unseen(*c)).map(|c| match c {
        '\u{FF01}'..='\u{FF5E}' => char::from_u32(u32::from(c) - 0xFEE0).unwrap_or(c),
        c if c.is_whitespace() => ' ',
        c => c,
    });
    let text: String = seen.collect();
    Cow::Owned(without_tags(&text).trim().to_owned())
}

/// Removes HTML tags, except those with an `@`, which may be addresses, and character references.
fn without_tags(text: &str) -> String {
    let mut bare = String::new();
    let mut rest = text;
    while let Some((before, from)) = rest.split_once('<') {
        bare.push_str(before);
        let Some((tag, after)) = from.split_once('>') else {
            rest = from;
            break;
        };
        let is_tag = tag.starts_with('/') || tag.contains('=') || !tag.contains('@');
        if !is_tag {
            bare.push('<');
            bare.push_str(tag);
            bare.push('>');
        }
        rest = after;
    }
    bare.push_str(rest);
    html_escape::decode_html_entities(&bare).into_owned()
}

fn says_none(text: &str) -> bool {
    if text.contains('@') {
        return false;
    }
    let words: String = text.chars().filter(|c| c.is_alphanumeric() || *c == ' ').collect();
    let words = words.trim().to_lowercase();
    words.is_empty() || NO_ADDRESS.contains(&words.as_str())
}

/// Splits a text that consists of addresses only.
fn several(text: &str) -> Option<Vec<Address>> {
    let text = text.replace(":::", ",");
    let parts = text.split(BETWEEN).map(str::trim);
    let parts = parts.filter(|part| !part.is_empty() && !["och", "and", "&"].contains(part));
    let addresses: Option<Vec<Address>> = parts.map(|part| Address::parse(part).ok()).collect();
    addresses.filter(|addresses| !addresses.is_empty())
}

/// The address in `Anna Ek <anna@example.se>`, without quotation marks and trailing full stops.
fn bare(text: &str) -> &str {
    let inside = text.rsplit_once('<').and_then(|(_, rest)| rest.split_once('>')).map(|(inside, _)| inside);
    let text = inside.filter(|inside| inside.contains('@')).unwrap_or(text);
    let is_around = |c: char| c.is_whitespace() || "\"'`´“”‘’«».,;:()[]".contains(c);
    let text = text.trim_matches(is_around);
    let scheme = text.get(..7).filter(|start| start.eq_ignore_ascii_case("mailto:"));
    let text = scheme.and_then(|_| text.get(7..)).unwrap_or(text);
    text.split('?').next().unwrap_or(text).trim_matches(is_around)
}

fn reason(text: &str) -> String {
    if text.matches('@').count() > 1 && text.contains(BETWEEN) {
        return "contains several addresses, one of them invalid: keep one".to_owned();
    }
    if text.contains('@') && text.contains(char::is_whitespace) {
        return "is not a valid e-mail address: there is a space in it".to_owned();
    }
    match Address::parse(text) {
        Err(error) => format!("is not a valid e-mail address: {error}"),
        Ok(_) => "is not a valid e-mail address".to_owned(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_in_what_people_write() {
        for (cell, want) in [
            ("a@example.org", "a@example.org"),
            ("\u{a0}a@example.org\u{a0}", "a@example.org"),
            ("a\u{200b}b@example.org", "ab@example.org"),
            ("a\u{ad}b@example.org", "ab@example.org"),
            ("mailto:a@example.org", "a@example.org"),
            ("mailto:a@example.org?subject=Hej", "a@example.org"),
            ("Anna Ek <a@example.org>", "a@example.org"),
            ("\"Ek, Anna\" <a@example.org>", "a@example.org"),
            ("a@example.org.", "a@example.org"),
            ("a@example.org,", "a@example.org"),
            ("'a@example.org'", "a@example.org"),
            ("(a@example.org)", "a@example.org"),
            ("a\u{ff20}example.org", "a@example.org"),
            ("<a href=\"mailto:a@example.org\">a@example.org</a>", "a@example.org"),
            ("&lt;a@example.org&gt;", "a@example.org"),
            ("a@example.org, b@example.org", "a@example.org b@example.org"),
            ("a@example.org ::: b@example.com", "a@example.org b@example.com"),
            ("a@example.org/a@example.org", "a@example.org"),
            ("saknas", ""),
            ("-", ""),
            ("ej e-post", ""),
            ("NEJ", ""),
            ("", ""),
            ("n/a", ""),
        ] {
            let found = match read(cell) {
                AddressCell::Some { address, others, .. } => std::iter::once(address)
                    .chain(others)
                    .map(|one| one.to_string())
                    .collect::<Vec<_>>()
                    .join(" "),
                AddressCell::None => String::new(),
                AddressCell::Invalid(reason) => panic!("{cell}: {reason}"),
            };
            assert_eq!(found, want, "{cell}");
        }
    }

    #[test]
    fn an_invalid_address_is_explained() {
        for (cell, want) in [
            ("a(at)example.org", "no @"),
            ("mel lan@example.org", "a space"),
            ("a@example", "incomplete"),
            ("a@b@example.org, c", "several addresses"),
            ("Storgatan 1", "no @"),
        ] {
            let AddressCell::Invalid(reason) = read(cell) else { panic!("{cell}") };
            assert!(reason.contains(want) && !reason.contains("RFC"), "{cell}: {reason}");
        }
    }
}
