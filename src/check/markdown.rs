//! The parts of a section's Markdown that the rules need, with their places.

use std::ops::Range;

use pulldown_cmark::{Event, LinkType, Parser, Tag, TagEnd};

use crate::compose::markdown_options;
use crate::compose::{TagKind, template_tags};

use crate::compose::html;

/// The parts of a section's Markdown.
#[derive(Debug, Default)]
pub(super) struct Markdown {
    pub links: Vec<MarkdownLink>,
    pub images: Vec<Image>,
    pub headings: Vec<Heading>,
    /// The anchors that links may lead to.
    pub ids: Vec<String>,
    /// The prose, as long as the Markdown; NULs replace markup, link targets and code.
    pub prose: String,
    /// Whether there is anything to read or to see.
    pub has_content: bool,
}

#[derive(Debug)]
pub(super) struct MarkdownLink {
    pub target: String,
    /// The visible text; `None` for HTML and for `<https://…>`.
    pub text: Option<String>,
    pub range: Range<usize>,
}

#[derive(Debug)]
pub(super) struct Image {
    pub target: String,
    pub alt: String,
    pub range: Range<usize>,
}

#[derive(Debug)]
pub(super) struct Heading {
    pub level: usize,
    pub range: Range<usize>,
}

#[derive(Default)]
struct MarkdownReader {
    found: Markdown,
    prose: Vec<u8>,
    links: Vec<MarkdownLink>,
    images: Vec<Image>,
    in_code: bool,
}

impl Markdown {
    /// Parses Markdown; places are bytes of `source`.
    pub fn read(source: &str) -> Self {
        let masked = without_tags(source);
        let mut reader = MarkdownReader { prose: vec![0; source.len()], ..MarkdownReader::default() };
        for (event, range) in Parser::new_ext(&masked, markdown_options()).into_offset_iter() {
            reader.event(event, range, &masked);
        }
        let prose = String::from_utf8(reader.prose).unwrap_or_default();
        let has_words = prose.contains(char::is_alphanumeric);
        Self { has_content: has_words || reader.found.has_content, prose, ..reader.found }
    }
}

impl MarkdownReader {
    fn event(&mut self, event: Event<'_>, range: Range<usize>, source: &str) {
        match event {
            Event::Start(tag) => self.start(tag, range, source),
            Event::End(TagEnd::Link) => self.found.links.extend(self.links.pop()),
            Event::End(TagEnd::Image) => {
                self.found.images.extend(self.images.pop());
                self.found.has_content = true;
            }
            Event::End(TagEnd::CodeBlock) => self.in_code = false,
            Event::Text(text) => self.text(&text, range, source),
            Event::Code(text) => {
                self.found.has_content = true;
                self.visible(&text);
            }
            Event::SoftBreak | Event::HardBreak => {
                self.copy(range, source);
                self.visible(" ");
            }
            Event::InlineHtml(html) => self.html(&html, range.start),
            Event::FootnoteReference(_) => self.found.has_content = true,
            _ => {}
        }
    }

    fn start(&mut self, tag: Tag<'_>, range: Range<usize>, source: &str) {
        match tag {
            Tag::Link { link_type, dest_url, .. } => {
                let is_bare = matches!(link_type, LinkType::Autolink | LinkType::Email);
                let target = match link_type {
                    LinkType::Email => format!("mailto:{dest_url}"),
                    _ => dest_url.into_string(),
                };
                self.links.push(MarkdownLink { target, text: (!is_bare).then(String::new), range });
            }
            Tag::Image { dest_url, .. } => {
                self.images.push(Image { target: dest_url.into_string(), alt: String::new(), range });
            }
            Tag::Heading { level, .. } => self.found.headings.push(Heading { level: level as usize, range }),
            Tag::CodeBlock(_) => {
                self.in_code = true;
                self.found.has_content = true;
            }
            Tag::HtmlBlock => self.html(source.get(range.clone()).unwrap_or_default(), range.start),
            _ => {}
        }
    }

    fn text(&mut self, text: &str, range: Range<usize>, source: &str) {
        self.visible(text);
        let is_bare = self.links.last().is_some_and(|link| link.text.is_none());
        if is_bare {
            self.found.has_content = true;
        } else if !self.in_code && self.images.is_empty() {
            self.copy(range, source);
        }
    }

    fn visible(&mut self, text: &str) {
        self.links.iter_mut().filter_map(|link| link.text.as_mut()).for_each(|words| words.push_str(text));
        self.images.iter_mut().for_each(|image| image.alt.push_str(text));
    }

    fn copy(&mut self, range: Range<usize>, source: &str) {
        if let (Some(target), Some(words)) = (self.prose.get_mut(range.clone()), source.get(range)) {
            target.copy_from_slice(words.as_bytes());
        }
    }

    fn html(&mut self, html: &str, offset: usize) {
        for element in html::elements(html) {
            let range = offset + element.range.start..offset + element.range.end;
            self.found.ids.extend(element.attribute("id").map(str::to_owned));
            let attribute = |name| element.attribute(name).unwrap_or_default().to_owned();
            if element.name == "img" {
                self.found.has_content = true;
                self.found.images.push(Image { target: attribute("src"), alt: attribute("alt"), range });
            } else if element.name == "a" && element.attribute("href").is_some() {
                self.found.links.push(MarkdownLink { target: attribute("href"), text: None, range });
            }
        }
        self.found.has_content |= html::words(html).contains(char::is_alphanumeric);
    }
}

/// Replaces Handlebars values with letters, and blocks and comments with dots: inert in Markdown, and equally long.
fn without_tags(source: &str) -> String {
    let mut masked = String::with_capacity(source.len());
    let mut copied = 0;
    for tag in template_tags(source) {
        let filler = if tag.kind() == TagKind::Value { 'x' } else { '.' };
        masked.push_str(source.get(copied..tag.range.start).unwrap_or_default());
        masked.extend(tag.text.bytes().map(|byte| if byte == b'\n' { '\n' } else { filler }));
        copied = tag.range.end;
    }
    masked + source.get(copied..).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_become_inert_and_keep_their_length() {
        for (source, want) in [
            ("Hej {{member.name}}!", "Hej xxxxxxxxxxxxxxx!"),
            ("{{{a}}} b", "xxxxxxx b"),
            ("{{#if å}}TODO{{else}}b{{/if}}", "..........TODO........b......."),
            ("{{!-- TODO }} --}}x {{", "..................x {{"),
        ] {
            let masked = without_tags(source);
            assert_eq!((masked.as_str(), masked.len()), (want, source.len()), "{source}");
        }
    }

    #[test]
    fn markdown_is_taken_apart() {
        let source = "## Rubrik\n\nEn [länk *hit*](https://a.example) och `TODO kod` <https://b.example> \
                      ![Bild med å](c.png) <a href=\"d\" id=\"e\">f</a>\n\n    TODO kod\n\nlördag\n9 maj {{x}}\n";
        let found = Markdown::read(source);
        let targets: Vec<_> =
            found.links.iter().map(|link| (link.target.as_str(), link.text.as_deref())).collect();
        assert_eq!(
            targets,
            [("https://a.example", Some("länk hit")), ("https://b.example", None), ("d", None)]
        );
        assert_eq!((found.images[0].target.as_str(), found.images[0].alt.as_str()), ("c.png", "Bild med å"));
        assert_eq!((found.headings[0].level, found.ids.as_slice()), (2, &["e".to_owned()][..]));
        assert_eq!(found.prose.len(), source.len());
        assert!(!found.prose.contains("TODO") && !found.prose.contains("Bild"));
        assert!(found.prose.contains("lördag\n9 maj xxxxx"), "{:?}", found.prose);
    }

    #[test]
    fn markup_without_text_is_no_content() {
        for (source, want) in [
            ("", false),
            ("\n  \n***\n", false),
            ("<!-- kommer -->\n", false),
            ("{{#if a}}\n{{/if}}\n", false),
            ("![](a.png)", true),
            ("`kod`", true),
            ("Hej", true),
            ("<p>Hej</p>", true),
        ] {
            assert_eq!(Markdown::read(source).has_content, want, "{source}");
        }
    }
}
