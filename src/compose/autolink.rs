//! Turns bare web addresses, e-mail addresses and telephone numbers in a text into links.

use linkify::{LinkFinder, LinkKind};
use pulldown_cmark::{CowStr, Event, LinkType, Tag, TagEnd};

use super::phone::{self, Phone};

/// The events with links for bare addresses; link texts and code stay as they are.
pub(super) fn with_links(events: Vec<Event<'_>>) -> Vec<Event<'_>> {
    let mut linked = Vec::with_capacity(events.len());
    let mut depth = 0_usize;
    for event in events {
        match &event {
            Event::Start(Tag::Link { .. } | Tag::CodeBlock(_) | Tag::Image { .. }) => depth += 1,
            Event::End(TagEnd::Link | TagEnd::CodeBlock | TagEnd::Image) => depth = depth.saturating_sub(1),
            _ => {}
        }
        match event {
            Event::Text(text) if depth == 0 && text.contains(['@', '.', '0', '+']) => {
                parts(&text, &mut linked);
            }
            other => linked.push(other),
        }
    }
    linked
}

fn parts(text: &str, linked: &mut Vec<Event<'_>>) {
    let mut finder = LinkFinder::new();
    finder.url_must_have_scheme(false);
    for span in finder.spans(text) {
        let word = span.as_str();
        let target = match span.kind() {
            Some(LinkKind::Email) => Some(format!("mailto:{word}")),
            Some(LinkKind::Url) if word.contains("://") => Some(word.to_owned()),
            // Without a scheme, only what people write as an address: `2.b` and `t.ex` are not.
            Some(LinkKind::Url) if word.to_lowercase().starts_with("www.") => Some(format!("https://{word}")),
            _ => None,
        };
        match target {
            Some(target) => link(word, target, linked),
            None => phones(word, linked),
        }
    }
}

fn phones(text: &str, linked: &mut Vec<Event<'_>>) {
    let mut copied = 0;
    let plain = |words: Option<&str>, linked: &mut Vec<Event<'_>>| {
        let words = words.filter(|words| !words.is_empty());
        linked.extend(words.map(|words| Event::Text(CowStr::from(words.to_owned()))));
    };
    for range in phone::find(text) {
        plain(text.get(copied..range.start), linked);
        let Phone { number, link: target } = Phone::new(text.get(range.clone()).unwrap_or_default());
        link(&number, target, linked);
        copied = range.end;
    }
    plain(text.get(copied..), linked);
}

fn link(words: &str, target: String, linked: &mut Vec<Event<'_>>) {
    linked.push(Event::Start(Tag::Link {
        link_type: LinkType::Autolink,
        dest_url: CowStr::from(target),
        title: "".into(),
        id: "".into(),
    }));
    linked.push(Event::Text(CowStr::from(words.to_owned())));
    linked.push(Event::End(TagEnd::Link));
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulldown_cmark::{Parser, TextMergeStream, html::push_html};

    fn html(markdown: &str) -> String {
        let mut html = String::new();
        push_html(&mut html, with_links(TextMergeStream::new(Parser::new(markdown)).collect()).into_iter());
        html.trim().to_owned()
    }

    #[test]
    fn only_bare_addresses_become_links() {
        for (text, want) in [
            ("Se www.example.se.", "<p>Se <a href=\"https://www.example.se\">www.example.se</a>.</p>"),
            (
                "https://example.se/a_b_c?x=1",
                "<p><a href=\"https://example.se/a_b_c?x=1\">https://example.se/a_b_c?x=1</a></p>",
            ),
            ("(info@example.se)", "<p>(<a href=\"mailto:info@example.se\">info@example.se</a>)</p>"),
            (
                "Ring 08-12 34 56 78!",
                "<p>Ring <a href=\"tel:0812345678\">08-12\u{a0}34\u{a0}56\u{a0}78</a>!</p>",
            ),
            ("t.ex. 2.b kl.18", "<p>t.ex. 2.b kl.18</p>"),
            (
                "[www.example.se](https://example.org)",
                "<p><a href=\"https://example.org\">www.example.se</a></p>",
            ),
            ("`www.example.se`", "<p><code>www.example.se</code></p>"),
        ] {
            assert_eq!(html(text), want, "{text}");
        }
    }
}
