//! E-mail addresses in running text.

use super::mime::starts_with;

/// The maximum length of an address (RFC 5321 §4.5.3.1.3).
const MAX_LENGTH: usize = 254;

/// An address found in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AddressSpot<'t> {
    pub address: &'t str,
    /// Where it starts in the text, without quotes and brackets.
    pub start: usize,
    pub end: usize,
}

/// All addresses of a text, in order.
pub fn find(text: &str) -> impl Iterator<Item = AddressSpot<'_>> {
    let mut from = 0;
    memchr::memchr_iter(b'@', text.as_bytes()).filter_map(move |at| {
        let spot = around(text, at, from)?;
        from = spot.end;
        Some(spot)
    })
}

/// The first address of a text.
pub fn first(text: &str) -> Option<&str> {
    find(text).next().map(|spot| spot.address)
}

/// The address in a machine-written field: the whole value if it is one, however odd it looks, else the first address
/// in it.
pub fn in_field(value: &str) -> Option<&str> {
    let bare = value.trim().trim_end_matches([',', ';', '.']);
    let bare = bare.strip_prefix('<').and_then(|bare| bare.strip_suffix('>')).unwrap_or(bare);
    let bare = if starts_with(bare, "smtp:") { bare.get("smtp:".len()..).unwrap_or(bare) } else { bare };
    let is_whole = bare.rsplit_once('@').is_some_and(|(local, domain)| {
        let odd = |c: char| c.is_whitespace() || c.is_control() || "@<>()[],;:\"".contains(c);
        !local.is_empty() && !local.contains(odd) && !domain.is_empty() && domain.chars().all(in_domain)
    });
    if is_whole && bare.len() <= MAX_LENGTH { Some(bare) } else { first(value) }
}

fn around(text: &str, at: usize, from: usize) -> Option<AddressSpot<'_>> {
    let before = text.get(from..at)?;
    let after = text.get(at + 1..)?;
    let length = local_length(before)?;
    let start = at - length;
    let domain: usize =
        after.char_indices().take_while(|(_, c)| in_domain(*c)).map(|(_, c)| c.len_utf8()).sum();
    let domain = after.get(..domain)?.trim_end_matches(['.', '-', '_']);
    let end = at + 1 + domain.len();
    let is_bracketed =
        before.get(..before.len() - length)?.ends_with('<') && text.get(end..)?.starts_with('>');
    let sound = is_domain(domain, is_bracketed) && end - start <= MAX_LENGTH;
    let address = text.get(start..end)?;
    sound.then_some(AddressSpot { address, start, end })
}

/// The length of the local part at the end of a text, including a quoted one (RFC 5322 §3.2.4).
fn local_length(before: &str) -> Option<usize> {
    if let Some(quoted) = before.strip_suffix('"') {
        let open = quoted.rfind('"')?;
        let local = quoted.get(open + 1..)?;
        return (!local.is_empty() && !local.contains('\n') && local.len() < 80).then(|| before.len() - open);
    }
    let local: usize =
        before.chars().rev().take_while(|c| in_local(*c)).take(MAX_LENGTH).map(char::len_utf8).sum();
    let text = before.get(before.len() - local..)?;
    // X.400 writes `dda:SMTP=anna@example.se`.
    let text = text.rsplit_once("SMTP=").map_or(text, |(_, local)| local);
    let local = text.len();
    let is_bracketed = before.strip_suffix(text).is_some_and(|rest| rest.ends_with('<'));
    if is_bracketed && local > 0 {
        return Some(local);
    }
    let lead = local - text.trim_start_matches(['.', '\'', '*', '=', '/', '`', '|', '-', '&']).len();
    (local > lead).then_some(local - lead)
}

fn in_local(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || "!#$%&'*+-/=?^_`{|}~.".contains(c)
        || !c.is_ascii() && c.is_alphanumeric() && !is_wide(c)
}

fn in_domain(c: char) -> bool {
    c.is_ascii_alphanumeric()
        || matches!(c, '.' | '-' | '_')
        || !c.is_ascii() && c.is_alphanumeric() && !is_wide(c)
}

/// Letters of scripts that put no space between an address and the neighbouring words.
fn is_wide(c: char) -> bool {
    c >= '\u{2E80}'
}

/// Tells whether a text is a domain name; a top-level domain of a single letter is credible only in brackets.
fn is_domain(domain: &str, is_bracketed: bool) -> bool {
    let top = domain.rsplit('.').next().unwrap_or_default();
    domain.contains('.')
        && !domain.contains("..")
        && !domain.starts_with('.')
        && (is_bracketed || top.chars().count() > 1)
        && !top.chars().all(|c| c.is_ascii_digit())
}

/// The form in which addresses are compared: lower case, without the quotes around a local part.
pub fn key(address: &str) -> String {
    address.replace('"', "").to_lowercase()
}

/// The key of an address without the part after `+` in its local part (RFC 5233).
pub fn without_tag(key: &str) -> String {
    let bare = key.rsplit_once('@').and_then(|(local, domain)| Some((local.split_once('+')?.0, domain)));
    bare.map_or_else(|| key.to_owned(), |(local, domain)| format!("{local}@{domain}"))
}

/// The recipient encoded in a return path such as `list-bounces+anna=example.se@…` (VERP).
pub fn in_return_path(address: &str) -> Option<String> {
    let (local, _) = address.rsplit_once('@')?;
    let (user, domain) = local.rsplit_once('=')?;
    let user = user.rsplit(['+', '=']).next()?;
    let user = if user.len() == local.len() - domain.len() - 1 { user.rsplit('-').next()? } else { user };
    let recipient = format!("{user}@{domain}");
    (first(&recipient) == Some(recipient.as_str())).then_some(recipient)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_found_in_text() {
        for (text, want) in [
            ("to <anna@example.se>: no", vec!["anna@example.se"]),
            ("anna@example.se.", vec!["anna@example.se"]),
            ("c=SE;dda:SMTP=anna@example.se;", vec!["anna@example.se"]),
            ("'anna@example.se','bo@example.org'", vec!["anna@example.se", "bo@example.org"]),
            ("[SMTP:anna@example.se]", vec!["anna@example.se"]),
            ("\"anna ek\"@example.se", vec!["\"anna ek\"@example.se"]),
            ("åsa@räksmörgås.example.se", vec!["åsa@räksmörgås.example.se"]),
            ("宛先anna@example.seは", vec!["anna@example.se"]),
            ("<=anna@example.x>", vec!["=anna@example.x"]),
            ("bo@example.org, your letter to anna@example.se", vec!["bo@example.org", "anna@example.se"]),
            ("anna@localhost, @example.se, x@1.2, a@b..se", vec![]),
            ("", vec![]),
        ] {
            let found: Vec<&str> = find(text).map(|spot| spot.address).collect();
            assert_eq!(found, want, "{text}");
        }
    }

    #[test]
    fn a_field_is_taken_literally() {
        for (value, want) in [
            ("anna@example.se", Some("anna@example.se")),
            ("<anna@example.x>", Some("anna@example.x")),
            ("=anna@example.se", Some("=anna@example.se")),
            ("'anna'@example.se", Some("'anna'@example.se")),
            ("anna@brevhost", Some("anna@brevhost")),
            ("SMTP:anna@example.se;", Some("anna@example.se")),
            ("Anna Ek <anna@example.se>", Some("anna@example.se")),
            ("\"anna ek\"@example.se", Some("\"anna ek\"@example.se")),
            ("anna", None),
            ("@example.se", None),
        ] {
            assert_eq!(in_field(value), want, "{value}");
        }
    }

    #[test]
    fn a_return_path_may_carry_the_recipient() {
        for (path, want) in [
            ("list-bounces+anna=example.se@lists.example.org", Some("anna@example.se")),
            ("bounce-12-345-anna=example.se@lists.example.org", Some("anna@example.se")),
            ("studs+2026-1.42.abc@example.se", None),
            ("a=b@example.se", None),
        ] {
            assert_eq!(in_return_path(path).as_deref(), want, "{path}");
        }
    }
}
