//! Hides Handlebars tags from tools that do not know them.
//!
//! Markdown and CSS tools would change, move or escape `{{…}}`. Each tag is replaced with a placeholder that they
//! leave alone, and restored afterwards; so the slow work on a text is done once, not for each member.

use super::tags::{TagKind, template_tags};

/// The tags removed from a text.
#[derive(Debug, Default)]
pub(super) struct TagMask {
    tags: Vec<String>,
}

/// Private-use characters: inert in Markdown and in HTML.
const OPEN: char = '\u{E000}';
const CLOSE: char = '\u{E001}';

impl TagMask {
    /// Masks all tags in Markdown. `{{{raw}}}` becomes `{{raw}}`, because a member's field never becomes markup.
    pub fn markdown(source: &str) -> (Self, String) {
        let mut mask = Self::default();
        let clean = source.replace([OPEN, CLOSE], "");
        let text = mask.replace(&clean, |index, _| format!("{OPEN}{index}{CLOSE}"));
        for tag in &mut mask.tags {
            if tag.starts_with("{{{") {
                *tag = tag.replace("{{{", "{{").replace("}}}", "}}");
            }
        }
        (mask, text)
    }

    /// Masks all tags in an HTML template: as comments between elements, since tables allow nothing else there, and
    /// as plain words inside tags and raw text elements.
    pub fn html(source: &str) -> (Self, String) {
        let mut mask = Self::default();
        let text = mask.replace(source, |index, before| {
            if is_inside_tag(before) { format!("hbs-{index}-") } else { format!("<!--hbs-{index}-->") }
        });
        (mask, text)
    }

    /// Restores the tags.
    pub fn restore(&self, text: &str) -> String {
        let mut restored = text.to_owned();
        for (index, tag) in self.tags.iter().enumerate().rev() {
            let escaped = format!("%EE%80%80{index}%EE%80%81");
            for placeholder in [
                format!("{OPEN}{index}{CLOSE}"),
                escaped,
                format!("<!--hbs-{index}-->"),
                format!("hbs-{index}-"),
            ] {
                if restored.contains(&placeholder) {
                    restored = restored.replace(&placeholder, tag);
                }
            }
        }
        restored
    }

    /// Tells whether there are no tags.
    pub fn is_empty(&self) -> bool {
        self.tags.is_empty()
    }

    /// Tells whether `text` consists only of block tags (`{{#if …}}`, `{{else}}`, `{{/if}}`) and white space.
    pub fn is_only_blocks(&self, text: &str) -> bool {
        let mut rest = text.trim();
        while let Some(inner) = rest.strip_prefix(OPEN) {
            let Some((index, after)) = inner.split_once(CLOSE) else { return false };
            let tag = index.parse().ok().and_then(|index: usize| self.tags.get(index));
            if !tag.is_some_and(|tag| is_block(tag)) {
                return false;
            }
            rest = after.trim_start();
        }
        rest.is_empty() && !text.trim().is_empty()
    }

    fn replace(&mut self, source: &str, placeholder: impl Fn(usize, &str) -> String) -> String {
        let mut text = String::with_capacity(source.len());
        let mut copied = 0;
        for tag in template_tags(source) {
            text.push_str(source.get(copied..tag.range.start).unwrap_or_default());
            let mark = placeholder(self.tags.len(), &text);
            text.push_str(&mark);
            self.tags.push(tag.text.to_owned());
            copied = tag.range.end;
        }
        text + source.get(copied..).unwrap_or_default()
    }
}

fn is_block(tag: &str) -> bool {
    template_tags(tag).next().is_some_and(|tag| tag.kind() != TagKind::Value)
}

fn is_inside_tag(before: &str) -> bool {
    let inside_element = |name: &str| {
        let opened = before.rfind(&format!("<{name}"));
        opened > before.rfind(&format!("</{name}")) && opened.is_some()
    };
    let inside_comment = before.rfind("<!--") > before.rfind("-->");
    before.rfind('<') > before.rfind('>')
        || inside_element("title")
        || inside_element("style")
        || inside_comment
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_restored_unchanged() {
        let source =
            "Hej {{member.name}}, [x](https://example.se/{{member.number}}) {{#if a}}{{else}}{{/if}}";
        let (mask, text) = TagMask::markdown(source);
        assert!(!text.contains("{{"));
        assert_eq!(mask.restore(&text), source);
        let html = "<p title=\"{{a}}\">{{b}}</p><table>{{#each c}}<tr></tr>{{/each}}</table>";
        let (mask, text) = TagMask::html(html);
        assert!(text.contains("title=\"hbs-0-\"") && text.contains("<table><!--hbs-2-->"));
        assert_eq!(mask.restore(&text), html);
    }

    #[test]
    fn more_than_ten_tags_stay_distinct() {
        let source = (0..25).map(|n| format!("{{{{t{n}}}}} ")).collect::<String>();
        let (mask, text) = TagMask::html(&source);
        assert_eq!(mask.restore(&text), source);
    }

    #[test]
    fn raw_tags_lose_their_third_brace() {
        let (mask, text) = TagMask::markdown("{{{member.name}}}");
        assert_eq!(mask.restore(&text), "{{member.name}}");
    }

    #[test]
    fn block_tags_and_values_are_distinguished() {
        let (mask, text) = TagMask::markdown("{{#if a}}|{{member.name}}|{{/if}} {{else}}");
        let parts: Vec<bool> = text.split('|').map(|part| mask.is_only_blocks(part)).collect();
        assert_eq!(parts, [true, false, true]);
    }
}
