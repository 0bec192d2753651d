//! Reads elements and words out of HTML that was written by a program or has passed one.
//!
//! Hand-written, because findings need the byte range of an element, which html5ever does not report.

use std::ops::Range;

use html_escape::decode_html_entities;

/// A start tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Element {
    pub name: String,
    attributes: Vec<(String, String)>,
    /// Bytes of the HTML.
    pub range: Range<usize>,
}

impl Element {
    /// The value of an attribute, with its character references decoded.
    pub fn attribute(&self, name: &str) -> Option<&str> {
        self.attributes.iter().find(|(known, _)| known == name).map(|(_, value)| value.as_str())
    }

    /// The value of a property in the `style` attribute; the last one counts.
    pub fn style(&self, property: &str) -> Option<&str> {
        let declarations = self.attribute("style")?.split(';').rev();
        let mut pairs = declarations.filter_map(|declaration| declaration.split_once(':'));
        pairs.find(|(name, _)| name.trim().eq_ignore_ascii_case(property)).map(|(_, value)| value.trim())
    }
}

/// All start tags outside of comments.
pub fn elements(html: &str) -> Vec<Element> {
    let mut elements = Vec::new();
    let mut at = 0;
    while let Some(start) = html.get(at..).and_then(|rest| rest.find('<')).map(|found| at + found) {
        let tag = html.get(start..).unwrap_or_default();
        let length = tag_length(tag);
        let inner = tag.get(1..length).unwrap_or_default();
        if inner.starts_with(|c: char| c.is_ascii_alphabetic()) {
            let inner = inner.trim_end_matches('>').trim_end_matches('/');
            let name: String = inner.chars().take_while(char::is_ascii_alphanumeric).collect();
            let attributes = attributes(inner.get(name.len()..).unwrap_or_default());
            let name = name.to_ascii_lowercase();
            elements.push(Element { name, attributes, range: start..start + length });
        }
        at = start + length;
    }
    elements
}

/// The words between the tags, with one space for any white space.
pub(super) fn words(html: &str) -> String {
    let mut text = String::new();
    let mut rest = html;
    while let Some((before, _)) = rest.split_once('<') {
        text.push_str(before);
        text.push(' ');
        let tag = rest.get(before.len()..).unwrap_or_default();
        let mut length = tag_length(tag);
        if tag.starts_with("<style") {
            length = tag.find("</style").unwrap_or(tag.len());
        }
        rest = tag.get(length..).unwrap_or_default();
    }
    text.push_str(rest);
    one_line(&decoded(&text))
}

/// A text with one space for any white space.
pub(super) fn one_line(text: &str) -> String {
    text.split_whitespace().collect::<Vec<_>>().join(" ")
}

/// The length of the tag or comment at the start of `text`; at least one byte.
fn tag_length(text: &str) -> usize {
    if text.starts_with("<!--") {
        return text.find("-->").map_or(text.len(), |end| end + 3);
    }
    if !text
        .get(1..)
        .is_some_and(|rest| rest.starts_with(|c: char| c.is_ascii_alphabetic() || "/!?".contains(c)))
    {
        return 1;
    }
    let mut quote = None;
    for (at, c) in text.char_indices() {
        match (quote, c) {
            (None, '"' | '\'') => quote = Some(c),
            (None, '>') => return at + 1,
            (Some(open), c) if c == open => quote = None,
            _ => {}
        }
    }
    // No tag after all: a `<` in a text.
    1
}

fn attributes(text: &str) -> Vec<(String, String)> {
    let mut attributes = Vec::new();
    let mut rest = text.trim_start();
    while !rest.is_empty() {
        let name_length = rest.find(|c: char| c.is_whitespace() || c == '=').unwrap_or(rest.len());
        let (name, after) = rest.split_at(name_length);
        let (value, after) = match after.trim_start().strip_prefix('=') {
            None => ("", after),
            Some(after) => value(after.trim_start()),
        };
        if !name.is_empty() {
            attributes.push((name.to_ascii_lowercase(), decoded(value)));
        }
        rest = after.trim_start();
    }
    attributes
}

fn value(text: &str) -> (&str, &str) {
    for quote in ['"', '\''] {
        if let Some(inner) = text.strip_prefix(quote) {
            return inner.split_once(quote).unwrap_or((inner, ""));
        }
    }
    text.split_at(text.find(char::is_whitespace).unwrap_or(text.len()))
}

fn decoded(text: &str) -> String {
    decode_html_entities(text).into_owned()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn elements_are_read_with_their_attributes() {
        let html = "<!--[if mso]><p><![endif]-->a < b<a href=\"x?a&#x3D;1&amp;b='>'\" title='t' hidden>c</a><br/>\
                    <img src=y.png ALT = \"\">";
        let found = elements(html);
        let names: Vec<&str> = found.iter().map(|element| element.name.as_str()).collect();
        assert_eq!(names, ["a", "br", "img"]);
        assert_eq!(found[0].attribute("href"), Some("x?a=1&b='>'"));
        assert_eq!((found[0].attribute("title"), found[0].attribute("hidden")), (Some("t"), Some("")));
        assert_eq!((found[2].attribute("src"), found[2].attribute("alt")), (Some("y.png"), Some("")));
        assert_eq!(&html[found[1].range.clone()], "<br/>");
    }

    #[test]
    fn the_last_declaration_counts() {
        let found = elements("<p style=\"color: red; Color:#fff\">");
        assert_eq!((found[0].style("color"), found[0].style("margin")), (Some("#fff"), None));
    }

    #[test]
    fn words_are_what_a_reader_sees() {
        let html = "<style>p { color: red }</style><p>Bo &amp;\n Åsa<br>R&D &#xe5; &x;</p><!-- no -->";
        assert_eq!(words(html), "Bo & Åsa R&D å &x;");
    }
}
