//! The targets of links.

use std::collections::BTreeSet;

use percent_encoding::percent_decode_str;
use url::Url;

use crate::compose::is_picture_name;
use crate::domain::{Address, Excerpt};

use super::text::FoundTarget;
use super::{Finding, Subject};

/// A link in a text, or the sign-up link of an event.
struct Target<'a> {
    url: &'a str,
    place: Excerpt,
}

/// Finds links with an unusable target.
pub(super) fn targets(subject: &Subject<'_>) -> Vec<Finding> {
    all(subject).into_iter().filter_map(|target| Some(judge(target.url)?.at(target.place))).collect()
}

/// Finds links to places that the letter does not have.
pub(super) fn anchors(subject: &Subject<'_>) -> Vec<Finding> {
    let mut ids: BTreeSet<String> = (1..=subject.sections.len()).map(|n| format!("section-{n}")).collect();
    ids.insert("top".to_owned());
    ids.extend(subject.sections.iter().flat_map(|section| section.markdown.ids.iter().cloned()));
    let finding = |target: Target<'_>| {
        let name = target.url.strip_prefix('#')?;
        let name = percent_decode_str(name).decode_utf8_lossy();
        (!name.is_empty() && !ids.contains(&*name)).then(|| {
            Finding::error(
                "link-anchor",
                format!("the letter has no place `#{name}`"),
                format!(
                    "the sections are #section-1 to #section-{}, its start is #top",
                    subject.sections.len()
                ),
            )
            .at(target.place)
        })
    };
    all(subject).into_iter().filter_map(finding).collect()
}

/// Finds `[text](address with spaces)` and the like, which readers would see as typed.
pub(super) fn not_parsed(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for section in &subject.sections {
        for (at, mark) in section.markdown.prose.match_indices("](") {
            let target =
                section.markdown.prose.get(at + mark.len()..).and_then(|rest| rest.split(')').next());
            // A picture's name may have spaces.
            if target.is_some_and(is_picture_name) {
                continue;
            }
            let finding = Finding::warning(
                "link-syntax",
                "this looks like a link but is not one",
                "write [text](https://…) without spaces in or around the address",
            );
            findings.push(finding.at(section.place(&(at..at + mark.len()))));
        }
    }
    findings
}

/// Finds links that tell others who opened them, or that hide their target.
pub(super) fn trackers(subject: &Subject<'_>) -> Vec<Finding> {
    let found = all(subject).into_iter().filter_map(|target| {
        let url =
            Url::parse(target.url.trim()).ok().filter(|url| matches!(url.scheme(), "http" | "https"))?;
        Some(tracker(&url)?.at(target.place))
    });
    found.collect()
}

/// Parameters with which web sites and newsletter systems track readers; those that end in `_` are prefixes.
const TRACKING: [&str; 14] = [
    "utm_", "fbclid", "gclid", "dclid", "msclkid", "mc_cid", "mc_eid", "igshid", "igsh", "yclid", "_hsenc",
    "_hsmi", "mkt_tok", "vero_id",
];
const SHORTENERS: [&str; 16] = [
    "bit.ly",
    "tinyurl.com",
    "goo.gl",
    "t.co",
    "ow.ly",
    "is.gd",
    "buff.ly",
    "lnkd.in",
    "rebrand.ly",
    "cutt.ly",
    "shorturl.at",
    "t.ly",
    "rb.gy",
    "kortlink.se",
    "dub.sh",
    "tiny.cc",
];

fn tracker(url: &Url) -> Option<Finding> {
    let host = url.host_str().unwrap_or_default().trim_start_matches("www.");
    let parameter =
        |name: &str| url.query_pairs().find(|(key, _)| key == name).map(|(_, value)| value.into_owned());
    if host.ends_with("safelinks.protection.outlook.com") {
        let advice = parameter("url")
            .map_or("copy the address from the web page".to_owned(), |bare| format!("write {bare}"));
        return Some(Finding::warning(
            "link-tracking",
            "the link leads through Outlook's Safe Links of one reader",
            advice,
        ));
    }
    if SHORTENERS.contains(&host) {
        let advice = "write the address to which it leads: readers and spam filters distrust short ones";
        return Some(Finding::warning(
            "link-shortener",
            format!("`{host}` hides where the link leads"),
            advice,
        ));
    }
    let is_tracking = |key: &str| {
        TRACKING.iter().any(|known| if known.ends_with('_') { key.starts_with(known) } else { key == *known })
    };
    let (followed, kept): (Vec<_>, Vec<_>) =
        url.query_pairs().partition(|(key, _)| is_tracking(&key.to_lowercase()));
    let (first, _) = followed.first()?;
    let mut bare = url.clone();
    bare.set_query(None);
    if !kept.is_empty() {
        bare.query_pairs_mut().extend_pairs(kept);
    }
    Some(Finding::warning(
        "link-tracking",
        format!("`{first}` in the link follows readers"),
        format!("write {bare}"),
    ))
}

/// The links to web pages, with their places.
#[cfg(feature = "online")]
pub(super) fn web<'a>(subject: &'a Subject<'_>) -> impl Iterator<Item = (String, Excerpt)> + use<'a> {
    let is_web = |url: &str| judge(url).is_none_or(|finding| finding.rule == "link-http");
    all(subject).into_iter().filter(move |target| is_web(target.url)).filter_map(|target| {
        let url = Url::parse(target.url.trim()).ok()?;
        matches!(url.scheme(), "http" | "https").then(|| (url.to_string(), target.place))
    })
}

/// The targets of all links that are not personal.
fn all<'a>(subject: &'a Subject<'_>) -> Vec<Target<'a>> {
    let mut targets = Vec::new();
    for section in &subject.sections {
        for FoundTarget { item, after, place } in section.links() {
            if !after.get(..item.range.len()).is_some_and(|link| link.contains("{{")) {
                targets.push(Target { url: &item.target, place });
            }
        }
        for (index, event) in section.section.events.iter().enumerate() {
            let links =
                [&event.signup, &event.online].into_iter().flatten().filter(|url| !url.contains("{{"));
            targets.extend(links.map(|url| Target { url, place: section.event(index) }));
        }
    }
    targets
}

fn judge(target: &str) -> Option<Finding> {
    let target = target.trim();
    if target.is_empty() || target == "#" {
        let advice = "put the address between the parentheses, or remove the link";
        return Some(Finding::error("link-empty", "the link has no target", advice));
    }
    if target.starts_with('#') {
        return None;
    }
    let url = match Url::parse(target) {
        Ok(url) => url,
        Err(url::ParseError::RelativeUrlWithoutBase) => return Some(relative(target)),
        Err(error) => return Some(malformed(target, &error.to_string())),
    };
    match url.scheme() {
        "http" | "https" => web_address(target, &url),
        "mailto" => mailto(&url),
        "tel" => None,
        scheme => {
            let message = format!("mail programs do not open links that start with `{scheme}:`");
            Some(Finding::error("link-scheme", message, "use https:, mailto: or tel:"))
        }
    }
}

fn malformed(target: &str, why: &str) -> Finding {
    let message = format!("`{target}` is not a valid web address: {why}");
    Finding::error("link-malformed", message, "copy the address from the browser again")
}

fn web_address(target: &str, url: &Url) -> Option<Finding> {
    let has_slashes = target.split_once(':').is_some_and(|(_, rest)| rest.starts_with("//"));
    if !has_slashes {
        return Some(malformed(target, "`//` is missing"));
    }
    let host = url.host_str().unwrap_or_default();
    if !host.trim_matches('.').contains('.') && !host.starts_with('[') {
        return Some(malformed(target, &format!("`{host}` is not a website")));
    }
    (url.scheme() == "http").then(|| {
        let advice = "use https:// if the site supports it";
        Finding::warning("link-http", format!("`{target}` is not encrypted"), advice)
    })
}

/// A link without a scheme: a mail has no URL of its own to which it could be relative.
fn relative(target: &str) -> Finding {
    let host = target.split(['/', '?']).next().unwrap_or_default();
    let (_, ending) = host.rsplit_once('.').unwrap_or_default();
    let is_page = ["html", "htm", "php", "pdf", "md", "jpg", "png", "docx"].contains(&ending);
    let advice = if Address::parse(target).is_ok() {
        format!("write mailto:{target}")
    } else if target.starts_with("//") {
        format!("write https:{target}")
    } else if !ending.is_empty() && !is_page && !target.contains(' ') {
        format!("write https://{target}")
    } else {
        "write the whole address with https://; files can be attached in the folder attachments".to_owned()
    };
    Finding::error("link-relative", format!("`{target}` does not work in a mail"), advice)
}

/// RFC 6068: addresses with commas between them, then headers.
fn mailto(url: &Url) -> Option<Finding> {
    let addresses = url.path();
    if addresses.is_empty() {
        // A mail to a recipient of the reader's choice, as in "tell a friend".
        return url.query().is_none().then(|| {
            Finding::error("link-mailto", "the mailto link has no address", "write mailto:name@example.org")
        });
    }
    addresses.split(',').find_map(|address| {
        let address = percent_decode_str(address).decode_utf8_lossy();
        let error = Address::parse(&address).err()?;
        let advice = "correct the address: mail to it would not arrive";
        Some(Finding::error("link-mailto", format!("`{address}` {error}"), advice))
    })
}

#[cfg(test)]
mod tests {
    use super::super::tests::{found, names};
    use super::*;

    #[test]
    fn links_that_track_readers_are_found() {
        for (target, rule, advice) in [
            ("https://example.se/a?fbclid=x&id=3", "link-tracking", "write https://example.se/a?id=3"),
            ("https://example.se/a?utm_source=brev", "link-tracking", "write https://example.se/a"),
            ("https://bit.ly/3abc", "link-shortener", "the address to which it leads"),
            (
                "https://eur01.safelinks.protection.outlook.com/?url=https%3A%2F%2Fexample.se&data=1",
                "link-tracking",
                "write https://example.se",
            ),
        ] {
            let finding = tracker(&Url::parse(target).unwrap()).unwrap();
            assert_eq!(finding.rule, rule, "{target}");
            assert!(finding.advice.contains(advice), "{}", finding.advice);
        }
        assert!(tracker(&Url::parse("https://example.se/a?id=3&q=utm").unwrap()).is_none());
    }

    #[test]
    fn links_that_lead_somewhere_pass() {
        for target in [
            "https://www.example.se/bygdepengen",
            "https://räksmörgås.se/sök?q=å#del",
            "https://example.org",
            "HTTPS://EXAMPLE.org/",
            "https://192.0.2.1/",
            "https://[2001:db8::1]/",
            "mailto:kansliet@example.se",
            "mailto:kansliet@example.se,styrelsen@example.se?subject=Motion%20till%20%C3%A5rsm%C3%B6tet",
            "mailto:?subject=L%C3%A4s",
            "tel:+46846500410",
            "#section-1",
        ] {
            assert_eq!(judge(target), None, "{target}");
        }
    }

    #[test]
    fn links_that_lead_nowhere_are_found() {
        for (target, rule, advice) in [
            ("", "link-empty", "put the address"),
            ("#", "link-empty", "put the address"),
            ("http://example.se", "link-http", "https://"),
            ("www.example.se/sida", "link-relative", "write https://www.example.se/sida"),
            ("//example.se", "link-relative", "write https://example.se"),
            ("kansliet@example.se", "link-relative", "write mailto:kansliet@example.se"),
            ("images/karta.pdf", "link-relative", "attachments"),
            ("program.pdf", "link-relative", "attachments"),
            ("https:/example.se", "link-malformed", "copy"),
            ("https://", "link-malformed", "copy"),
            ("https://https://example.se", "link-malformed", "copy"),
            ("https://example", "link-malformed", "copy"),
            ("https://exa mple.se", "link-malformed", "copy"),
            ("https://example.se:port", "link-malformed", "copy"),
            ("mailto:", "link-mailto", "write mailto:"),
            ("mailto:kansliet@example", "link-mailto", "correct"),
            ("mailto:kansliet.example.se", "link-mailto", "correct"),
            ("javascript:alert(1)", "link-scheme", "use https:"),
            ("file:///C:/program.pdf", "link-scheme", "use https:"),
        ] {
            let finding = judge(target).unwrap_or_else(|| panic!("{target} passed"));
            assert_eq!(finding.rule, rule, "{target}");
            assert!(finding.advice.contains(advice), "{target}: {}", finding.advice);
        }
    }

    #[test]
    fn links_are_found_everywhere() {
        let front = "[[event]]\ntitle = \"Möte\"\ndate = 2026-05-09\nsignup = \"example.se\"\n";
        let markdown =
            "\nEn [länk](www.example.se) och <a href=\"\">en till</a>, [din](x{{member.number}}).\n";
        let found = found(targets, front, markdown);
        let places: Vec<(&str, usize)> = found.iter().map(|(rule, line, _)| (*rule, *line)).collect();
        assert_eq!(places, [("link-relative", 9), ("link-empty", 9), ("link-relative", 3)]);
    }

    #[test]
    fn places_in_the_letter_must_exist() {
        for (markdown, want) in [
            ("[a](#section-1) [b](#top) [c](#karta) <p id=\"karta\">x</p>", 0),
            ("[a](#section-2)", 1),
            ("[a](#Möten)", 1),
        ] {
            assert_eq!(names(anchors, markdown).len(), want, "{markdown}");
        }
    }

    #[test]
    fn links_with_spaces_are_not_links() {
        assert_eq!(names(not_parsed, "[a](https://example.se/en sida)"), ["link-syntax"]);
        assert!(names(not_parsed, "[a](https://example.se) `[a](b c)` [sic] (så)").is_empty());
    }
}
