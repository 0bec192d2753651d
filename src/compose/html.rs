//! Finds elements and words in HTML that was written or cleaned by a program.
//!
//! Hand-written, because findings need the byte range of an element, which html5ever does not report.

use std::ops::Range;

use html_escape::decode_html_entities;

/// A start tag.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StartTag {
    pub name: String,
    attributes: Vec<(String, String)>,
    /// The range of bytes in the HTML.
    pub range: Range<usize>,
}

impl StartTag {
    /// The value of an attribute, with character references decoded.
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
pub fn elements(html: &str) -> Vec<StartTag> {
    let tags = pieces(html).filter(|(_, piece)| is_tag(piece));
    let starts = tags.filter(|(_, tag)| !tag.starts_with("</") && !tag_name(tag).is_empty());
    let element = |(start, tag): (usize, &str)| {
        let inner = tag.trim_start_matches('<').trim_end_matches('>').trim_end_matches('/');
        let name = tag_name(tag);
        let attributes = attributes(inner.get(name.len()..).unwrap_or_default());
        StartTag { name, attributes, range: start..start + tag.len() }
    };
    starts.map(element).collect()
}

/// The words between the tags, with one space for any white space.
pub fn words(html: &str) -> String {
    let texts = pieces(html).map(|(_, piece)| if is_tag(piece) { " " } else { piece });
    one_line(&decoded(&texts.collect::<String>()))
}

/// Elements with content that is not text.
const RAW: [&str; 2] = ["style", "script"];

/// The texts, tags and comments in order, each with its position; without the content of `<style>` and `<script>`.
pub(super) fn pieces(html: &str) -> impl Iterator<Item = (usize, &str)> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let rest = html.get(at..).filter(|rest| !rest.is_empty())?;
        let start = at;
        let length =
            if rest.starts_with('<') { tag_length(rest) } else { rest.find('<').unwrap_or(rest.len()) };
        let (piece, after) = rest.split_at(length);
        at += length;
        let name = tag_name(piece);
        if is_tag(piece) && !piece.starts_with("</") && RAW.contains(&name.as_str()) {
            at += after.to_ascii_lowercase().find(&format!("</{name}")).unwrap_or(after.len());
        }
        Some((start, piece))
    })
}

/// Tells whether a piece is a tag or a comment; a lone `<` is text.
pub(super) fn is_tag(piece: &str) -> bool {
    piece.len() > 1 && piece.starts_with('<')
}

/// The name of a start or end tag in lower case; empty for a comment.
pub(super) fn tag_name(tag: &str) -> String {
    let inner = tag.trim_start_matches(['<', '/']);
    let name = inner.chars().take_while(char::is_ascii_alphanumeric);
    name.map(|c| c.to_ascii_lowercase()).collect()
}

/// A text with one space for any white space.
pub fn one_line(text: &str) -> String {
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
    // Not a tag: a `<` in a text.
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

pub(super) fn decoded(text: &str) -> String {
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
    fn words_are_the_visible_text() {
        let html = "<style>p { color: red }</style><p>Bo &amp;\n Åsa<br>R&D &#xe5; &x;</p><!-- no -->";
        assert_eq!(words(html), "Bo & Åsa R&D å &x;");
    }
}
