//! Inlines styles into the elements, because mail programs drop or ignore stylesheets.

use css_inline::{CSSInliner, InlineOptions};

use super::ComposeError;
use super::tag_mask::TagMask;

/// The letter's stylesheet.
pub(super) struct Styles {
    /// Rules to inline.
    plain: String,
    /// `@media` and other at-rules, which stay in the head.
    at_rules: String,
    inliner: CSSInliner<'static>,
}

/// Where a template includes the stylesheet's `@media` rules.
pub(super) const MARK: &str = "{{> style.css}}";
/// The placeholder for at-rules while the other rules are inlined.
const HEAD_STYLE: &str = "<!--head-style-->";

impl Styles {
    /// Takes the text of `style.css`.
    pub fn new(css: &str) -> Self {
        let options = InlineOptions {
            load_remote_stylesheets: false,
            keep_style_tags: false,
            ..InlineOptions::default()
        };
        let (plain, at_rules) = parted(css);
        Self { plain, at_rules, inliner: CSSInliner::new(options) }
    }

    /// Inlines the rules into an HTML template; `@media` rules go into the head, and tags stay as they are.
    ///
    /// # Errors
    /// If the stylesheet is not valid CSS.
    pub fn write_into_template(&self, template: &str) -> Result<String, ComposeError> {
        let with_css = template.replace(MARK, &format!("<style>{}</style>{HEAD_STYLE}", self.plain));
        let (mask, html) = TagMask::html(&with_css);
        let html = self.inliner.inline(&html).map_err(|error| ComposeError::Style(error.to_string()))?;
        let head_style = format!("<style>{}</style>", self.at_rules);
        Ok(mask.restore(&html).replace(HEAD_STYLE, &head_style))
    }

    /// Inlines the rules into the HTML of a section or an event's details, in an element with these classes.
    ///
    /// # Errors
    /// If the stylesheet is not valid CSS.
    pub fn write_into_fragment(&self, html: &str, classes: &str) -> Result<String, ComposeError> {
        self.inliner
            .inline_fragment(&format!("<div class=\"{classes}\">{html}</div>"), &self.plain)
            .map_err(|error| ComposeError::Style(error.to_string()))
    }
}

/// Splits a stylesheet into plain rules and at-rules, without comments.
fn parted(css: &str) -> (String, String) {
    let (mut plain, mut at_rules) = (String::new(), String::new());
    let mut block = String::new();
    let mut depth = 0_usize;
    for part in without_comments(css).split_inclusive(['{', '}']) {
        block.push_str(part);
        depth = if part.ends_with('{') { depth + 1 } else { depth.saturating_sub(1) };
        if depth == 0 {
            let target = if block.trim_start().starts_with('@') { &mut at_rules } else { &mut plain };
            target.push_str(&block.split_whitespace().collect::<Vec<_>>().join(" "));
            block.clear();
        }
    }
    (plain, at_rules)
}

fn without_comments(css: &str) -> String {
    let mut parts = css.split("/*");
    let first = parts.next().unwrap_or_default().to_owned();
    parts.fold(first, |text, part| text + part.split_once("*/").map_or("", |(_, rest)| rest))
}

impl std::fmt::Debug for Styles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Styles").field("css", &self.plain.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_are_inlined_and_tags_stay() {
        let styles =
            Styles::new("/* x */ p { color: #111; } @media print { p { color: #000; } } a { color: #222; }");
        assert_eq!(styles.at_rules, "@media print { p { color: #000; } }");
        let html = styles
            .write_into_template(
                "<html><head>{{> style.css}}</head><body><table>{{#each a}}<tr><td><p>{{b}}</p></td></tr>\
                 {{/each}}</table><!--[if mso]>x<![endif]--></body></html>",
            )
            .unwrap();
        assert!(
            html.contains("<table>{{#each a}}<tbody><tr>") || html.contains("<table>{{#each a}}<tr>"),
            "{html}"
        );
        assert!(html.contains("color: #111") && html.contains("@media print"), "{html}");
        assert!(html.contains("{{b}}</p>") && html.contains("<!--[if mso]>x<![endif]-->"), "{html}");
    }
}
