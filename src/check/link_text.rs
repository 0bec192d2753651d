//! The visible text of links, which people who listen to a letter often hear on its own.

use super::markdown::MarkdownLink;
use super::text::SectionText;
use super::{Finding, Subject};

/// A shorter bare URL is readable enough.
const LONG_URL: usize = 40;

/// Finds links without a visible text.
pub(super) fn empty(subject: &Subject<'_>) -> Vec<Finding> {
    with_text(subject, |text| {
        text.trim().is_empty().then(|| {
            let advice = "put the link text between the square brackets";
            Finding::error("link-text-empty", "this link is invisible: it has no text", advice)
        })
    })
}

/// Finds links such as "Click here".
pub(super) fn vague(subject: &Subject<'_>) -> Vec<Finding> {
    let vague: Vec<&String> =
        subject.words.language.iter().flat_map(|language| &language.vague_links).collect();
    with_text(subject, |text| {
        let bare = text.trim_matches(|c: char| !c.is_alphanumeric()).to_lowercase();
        let bare = bare.split_whitespace().collect::<Vec<_>>().join(" ");
        vague.iter().any(|vague| **vague == bare).then(|| {
            let message = format!("the link text `{}` does not say where the link leads", text.trim());
            Finding::warning(
                "link-text-vague",
                message,
                "use the words that name the target as the link text",
            )
        })
    })
}

/// Finds long URLs used instead of words.
pub(super) fn bare_url(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = Vec::new();
    for section in &subject.sections {
        for link in &section.markdown.links {
            let is_autolink = link.text.is_none() && section.source(&link.range).starts_with("<http");
            let text =
                link.text.as_deref().or(is_autolink.then_some(link.target.as_str())).unwrap_or_default();
            let is_url = ["https://", "http://", "www."].iter().any(|start| text.starts_with(start));
            if is_url && text.chars().count() > LONG_URL {
                let message = "words would read better than a long web address";
                let finding =
                    Finding::warning("link-text-url", message, "write [words that say what it is](address)");
                findings.push(finding.at(section.place(&link.range)));
            }
        }
    }
    findings
}

fn with_text(subject: &Subject<'_>, judge: impl Fn(&str) -> Option<Finding>) -> Vec<Finding> {
    let of_link = |section: &SectionText<'_>, link: &MarkdownLink| {
        Some(judge(link.text.as_deref()?)?.at(section.place(&link.range)))
    };
    let of_section = |section| {
        let section: &SectionText<'_> = section;
        section.markdown.links.iter().filter_map(|link| of_link(section, link)).collect::<Vec<_>>()
    };
    subject.sections.iter().flat_map(of_section).collect()
}

#[cfg(test)]
mod tests {
    use super::super::tests::names;
    use super::*;

    #[test]
    fn a_link_must_be_visible() {
        for (markdown, want) in [
            ("[](https://example.se)", 1),
            ("[ ](https://example.se)", 1),
            ("[![](a.png)](https://example.se)", 1),
            ("[![Karta](a.png)](https://example.se)", 0),
            ("[`kod`](https://example.se)", 0),
            ("<https://example.se>", 0),
        ] {
            assert_eq!(names(empty, markdown).len(), want, "{markdown}");
        }
    }

    #[test]
    fn a_link_says_where_it_leads() {
        for (text, want) in [
            ("klicka här", 1),
            ("Här", 1),
            ("**här**", 1),
            ("Läs mer »", 1),
            ("läs\nmer", 1),
            ("Click here!", 1),
            ("here", 1),
            ("Read more…", 1),
            ("Läs mer om bygdepengen", 0),
            ("Här finns ansökan", 0),
            ("villkoren", 0),
            ("Read the report", 0),
            ("{{member.name}}", 0),
        ] {
            assert_eq!(names(vague, &format!("[{text}](https://example.se)")).len(), want, "{text}");
        }
    }

    #[test]
    fn long_urls_are_not_a_link_text() {
        let long = "https://www.example.se/bygdepengen/ansok/2026/blankett";
        for (markdown, want) in [
            (format!("[{long}]({long})"), 1),
            (format!("<{long}>"), 1),
            (format!("[blanketten]({long})"), 0),
            ("<https://www.example.se>".to_owned(), 0),
            (format!("<a href=\"{long}\">blanketten</a>"), 0),
        ] {
            assert_eq!(names(bare_url, &markdown).len(), want, "{markdown}");
        }
    }
}
