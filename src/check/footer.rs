//! What the law and mail providers require of every letter, and what no letter may do.

use crate::compose::html;

use super::{CheckedLetters, Finding};

/// Finds letters without a postal address or a way to unsubscribe.
pub(super) fn required(letters: &CheckedLetters<'_>) -> Vec<Finding> {
    let association = &letters.facts.association;
    let rendered = &letters.rendered;
    let unsubscribe = letters.unsubscribe.as_deref();
    missing(&rendered.html, &rendered.text, &association.postal_address, unsubscribe)
}

/// Finds letters that load something from the web, which reveals who reads them.
pub(super) fn remote_loads(letters: &CheckedLetters<'_>) -> Vec<Finding> {
    remote(&letters.rendered.html)
        .map(|url| {
            let message = format!("the letter would load `{url}` from the web");
            let advice =
                "put images in the issue's images folder; the template must not load anything remote";
            Finding::error("remote-load", message, advice)
        })
        .into_iter()
        .collect()
}

/// `unsubscribe` is the link to unsubscribe; notices have none.
fn missing(
    html_part: &str,
    text_part: &str,
    postal_address: &str,
    unsubscribe: Option<&str>,
) -> Vec<Finding> {
    let address = html::one_line(postal_address);
    let mut findings = Vec::new();
    let mut need = |is_there: bool, what: &str, advice: &str| {
        let message = format!("the letter lacks {what}");
        findings.extend((!is_there).then(|| Finding::error("postal-address", message, advice)));
    };
    let in_html = !address.is_empty() && html::words(html_part).contains(&address);
    let advice = "put {{association.postal_address}} into templates/letter.html.hbs";
    need(in_html, "the postal address", advice);
    let in_text = !address.is_empty() && html::one_line(text_part).contains(&address);
    let advice = "put {{association.postal_address}} into templates/letter.txt.hbs";
    need(in_text || !in_html, "the postal address in its text part", advice);
    let Some(unsubscribe) = unsubscribe else { return findings };
    let elements = html::elements(html_part);
    let can_leave = elements.iter().any(|element| element.attribute("href") == Some(unsubscribe));
    let mut need = |is_there: bool, what: &str, advice: &str| {
        let message = format!("the letter lacks {what}");
        findings.extend((!is_there).then(|| Finding::error("unsubscribe", message, advice)));
    };
    let advice = "put a link to {{links.unsubscribe}} into templates/letter.html.hbs";
    need(can_leave, "the link to unsubscribe", advice);
    // Long lines of the text part are broken at spaces; a URL has none.
    let advice = "put {{links.unsubscribe}} into templates/letter.txt.hbs";
    need(text_part.contains(unsubscribe) || !can_leave, "the link to unsubscribe in its text part", advice);
    findings
}

/// The first thing in the HTML that is loaded from the web.
fn remote(html_part: &str) -> Option<String> {
    html::elements(html_part).into_iter().find_map(|element| {
        let loaded = match element.name.as_str() {
            "link" => element.attribute("href"),
            _ => element.attribute("src").or_else(|| element.attribute("background")),
        };
        let is_remote = |url: &&str| ["http://", "https://", "//"].iter().any(|start| url.starts_with(start));
        loaded.filter(is_remote).map(str::to_owned)
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    const LINK: &str = "mailto:avsluta+abc@example.se?subject=unsubscribe%20abc";

    #[test]
    fn every_letter_has_a_postal_address_and_a_way_to_unsubscribe() {
        let address = "Bygatan 1 & 2,\n100 00 Byn";
        let html = "<p><b>Byalaget</b><br>Bygatan 1 &amp; 2, 100 00\n Byn</p><a href=\"mailto:avsluta+abc@example.se?subject&#x3D;unsubscribe%20abc\">x</a>";
        let text = format!("Bygatan 1 & 2, 100 00\nByn\n{LINK}");
        for (html, text, want) in [
            (html, text.as_str(), &[][..]),
            ("<p>Bygatan 1 &amp; 2, 100 00 Byn</p>", &text, &["unsubscribe"]),
            ("<p>Hej</p>", &text, &["postal-address", "unsubscribe"]),
            (html, "Hej", &["postal-address", "unsubscribe"]),
        ] {
            let found: Vec<&str> =
                missing(html, text, address, Some(LINK)).iter().map(|finding| finding.rule).collect();
            assert_eq!(found, want, "{html} {text}");
        }
        assert!(missing(html, "Bygatan 1 & 2, 100 00 Byn", address, None).is_empty());
    }

    #[test]
    fn nothing_is_loaded_from_the_web() {
        for (html, want) in [
            ("<img src=\"cid:image-1@example.se\"><a href=\"https://example.se\">x</a>", None),
            ("<img src=\"https://example.se/a.gif\">", Some("https://example.se/a.gif")),
            ("<link rel=stylesheet href=\"//example.se/a.css\">", Some("//example.se/a.css")),
            ("<td background=\"http://example.se/a.gif\">", Some("http://example.se/a.gif")),
        ] {
            assert_eq!(remote(html).as_deref(), want, "{html}");
        }
    }
}
