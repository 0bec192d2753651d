//! A letter's HTML for the frame: light or dark as chosen, with harmless links.

use crate::check::elements;

/// The colour scheme to show.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Scheme {
    Light,
    Dark,
}

/// The media feature with which a letter distinguishes light and dark.
const FEATURE: &str = "prefers-color-scheme";
/// Media features that always match, and never match.
const ALWAYS: &str = "min-width: 0px";
const NEVER: &str = "max-width: 0px";

/// The letter in one scheme, whatever the browser's setting is.
pub(super) fn in_scheme(html: &str, scheme: Scheme) -> String {
    declared(&decided(html, scheme), scheme)
}

/// Makes links open outside the page, and disables the link that would unsubscribe the member.
pub(super) fn with_harmless_links(html: &str, unsubscribe: &str) -> String {
    let mut shown = html.to_owned();
    for element in elements(html).into_iter().rev().filter(|element| element.name == "a") {
        let Some(target) = element.attribute("href").filter(|target| !target.starts_with('#')) else {
            continue;
        };
        let at = element.range.start + "<a".len();
        if target == unsubscribe || !(target.starts_with("http:") || target.starts_with("https:")) {
            // The first of two equal attributes counts (HTML, 13.2.5.33); this one leads nowhere.
            shown.insert_str(at, " href=\"#nowhere\" title=\"This link does nothing in the preview\"");
        } else {
            shown.insert_str(at, " target=\"_blank\" rel=\"noopener noreferrer\"");
        }
    }
    shown
}

/// Replaces every query for the scheme in styles and attributes with its answer.
fn decided(html: &str, scheme: Scheme) -> String {
    let lower = html.to_ascii_lowercase();
    let mut shown = String::with_capacity(html.len());
    let mut at = 0;
    while let Some(start) = lower.get(at..).and_then(|rest| rest.find(FEATURE)).map(|found| at + found) {
        let end = start + lower.get(start..).and_then(|rest| rest.find(')')).unwrap_or(FEATURE.len());
        let asked = lower.get(start + FEATURE.len()..end).unwrap_or_default().trim_start_matches(':').trim();
        shown.push_str(html.get(at..start).unwrap_or_default());
        let is_question = lower.get(..start).is_some_and(|before| before.trim_end().ends_with('('));
        shown.push_str(match (is_question && is_code(&lower, start), asked, scheme) {
            (true, "dark", Scheme::Dark) | (true, "light", Scheme::Light) | (true, "", _) => ALWAYS,
            (true, "dark" | "light", _) => NEVER,
            _ => html.get(start..end).unwrap_or_default(),
        });
        at = end;
    }
    shown + html.get(at..).unwrap_or_default()
}

/// Tells whether a place is inside a tag or a stylesheet, as opposed to visible text.
fn is_code(lower: &str, at: usize) -> bool {
    let before = lower.get(..at).unwrap_or_default();
    before.rfind('<') > before.rfind('>') || before.rfind("<style") > before.rfind("</style")
}

/// Makes the letter declare this scheme only, so that the browser's own colours match it.
fn declared(html: &str, scheme: Scheme) -> String {
    let is_meant = |name: Option<&str>| name.is_some_and(|name| name.eq_ignore_ascii_case("color-scheme"));
    let elements = elements(html);
    let Some(meta) =
        elements.iter().find(|element| element.name == "meta" && is_meant(element.attribute("name")))
    else {
        return html.to_owned();
    };
    let knows_dark = meta.attribute("content").is_some_and(|content| content.contains("dark"));
    let name = if scheme == Scheme::Dark && knows_dark { "dark" } else { "light" };
    let mut shown = html.to_owned();
    shown.replace_range(meta.range.clone(), &format!("<meta name=\"color-scheme\" content=\"{name}\">"));
    shown
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_scheme_is_forced_in_styles_but_not_in_text() {
        let html = "<meta name=\"color-scheme\" content=\"light dark\"><style>@media (Prefers-Color-Scheme:dark) and \
                    (width < 9px) { p { color: red } } @media not (prefers-color-scheme: light) {}</style>\
                    <source media=\"(prefers-color-scheme: dark)\"><p>(prefers-color-scheme: dark)</p>";
        let dark = in_scheme(html, Scheme::Dark);
        assert!(dark.contains("@media (min-width: 0px) and (width < 9px)"), "{dark}");
        assert!(dark.contains("@media not (max-width: 0px)"), "{dark}");
        assert!(dark.contains("<source media=\"(min-width: 0px)\">"), "{dark}");
        assert!(dark.contains("<p>(prefers-color-scheme: dark)</p>"), "{dark}");
        assert!(dark.contains("content=\"dark\""), "{dark}");
        let light = in_scheme(html, Scheme::Light);
        assert!(
            light.contains("@media (max-width: 0px) and") && light.contains("content=\"light\""),
            "{light}"
        );
    }

    #[test]
    fn a_letter_without_dark_mode_stays_light() {
        let html = "<meta name=\"color-scheme\" content=\"light only\"><p>Hej</p>";
        assert!(in_scheme(html, Scheme::Dark).contains("content=\"light\""));
        assert_eq!(in_scheme("<p>Hej</p>", Scheme::Dark), "<p>Hej</p>");
    }

    #[test]
    fn links_open_outside_the_page_and_nobody_is_unsubscribed() {
        let html = "<a style=\"x\" href=\"https://www.example.se/\">a</a><a href=\"#section-1\">b</a>\
                    <a href=\"https://www.example.se/leave?t&#x3D;1\">c</a><a href=\"javascript:x\">d</a>";
        let shown = with_harmless_links(html, "https://www.example.se/leave?t=1");
        let links: Vec<&str> = shown.split("</a>").collect();
        assert!(links[0].contains("target=\"_blank\" rel=\"noopener noreferrer\" style"), "{shown}");
        assert_eq!(links[1], "<a href=\"#section-1\">b");
        assert!(
            links[2].starts_with("<a href=\"#nowhere\"") && links[3].starts_with("<a href=\"#nowhere\""),
            "{shown}"
        );
    }
}
