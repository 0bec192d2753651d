//! The printed form of addresses: what a reader has to type, and no more.

/// The address to print after its link; `None` if the link's text is the address already.
pub(super) fn printed_address(url: &str, text: &str) -> Option<String> {
    let short = shortened(url)?;
    let plain =
        |text: &str| text.chars().filter(|c| !c.is_whitespace() && *c != '\u{ad}').collect::<String>();
    let is_phone = url.starts_with("tel:");
    let bare = plain(text.trim().trim_matches(['(', ')', '<', '>', '.', ',', ';', ':']));
    let known = shortened(&bare).unwrap_or_default();
    let same =
        if is_phone { is_same_number(&short, &bare) } else { known.eq_ignore_ascii_case(&plain(&short)) };
    (!same).then_some(short)
}

/// Web addresses without scheme, `www.` and final slash, and bare mail addresses and numbers; `None` for links within
/// the letter.
fn shortened(url: &str) -> Option<String> {
    let url = url.trim();
    let lower = url.to_ascii_lowercase();
    if url.is_empty() || url.starts_with('#') {
        return None;
    }
    for scheme in ["mailto:", "tel:", "sms:"] {
        if lower.starts_with(scheme) {
            let address = url.get(scheme.len()..)?.split('?').next()?;
            return Some(decoded(address)).filter(|address| !address.is_empty());
        }
    }
    let scheme =
        ["https://", "http://"].into_iter().find(|scheme| lower.starts_with(scheme)).unwrap_or_default();
    let rest = url.get(scheme.len()..)?;
    let is_www = rest.get(..4).is_some_and(|start| start.eq_ignore_ascii_case("www."));
    let rest = if is_www { rest.get(4..)? } else { rest };
    Some(rest.strip_suffix('/').unwrap_or(rest).to_owned()).filter(|rest| !rest.is_empty())
}

fn decoded(text: &str) -> String {
    percent_encoding::percent_decode_str(text).decode_utf8_lossy().into_owned()
}

/// Compares the last digits: "+46 8 465 004 10" is "08-465 004 10".
fn is_same_number(number: &str, text: &str) -> bool {
    const COMPARED: usize = 7;
    let digits =
        |text: &str| text.chars().rev().filter(char::is_ascii_digit).take(COMPARED).collect::<String>();
    !digits(number).is_empty() && digits(number) == digits(text)
}

/// Tells whether a link leads outside the letter.
pub(super) fn is_external(url: &str) -> bool {
    let lower = url.trim().to_ascii_lowercase();
    ["https://", "http://", "mailto:", "tel:", "sms:"].iter().any(|scheme| lower.starts_with(scheme))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_are_written_out_once() {
        for (url, text, want) in [
            ("https://www.example.se/stod/", "stöd", Some("example.se/stod")),
            ("http://example.se", "här", Some("example.se")),
            ("https://www.example.se/stod", "www.example.se/stod", None),
            ("https://example.se/", "https://example.se", None),
            ("https://example.se/lång", "example.se/l\u{ad}ång", None),
            ("mailto:a%40b@example.se?subject=Hej", "skriv", Some("a@b@example.se")),
            ("mailto:info@example.se", "Info@example.se", None),
            ("tel:+46846500410", "08-465 004 10", None),
            ("tel:+46846500410", "ring oss", Some("+46846500410")),
            ("#fn1", "1", None),
            ("", "x", None),
            ("https://", "x", None),
            ("/bara/vag", "x", Some("/bara/vag")),
        ] {
            assert_eq!(printed_address(url, text).as_deref(), want, "{url} {text}");
        }
    }
}
