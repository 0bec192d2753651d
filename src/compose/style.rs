//! Styles written into the elements, because mail programs drop or ignore stylesheets.

use css_inline::{CSSInliner, InlineOptions};

use super::ComposeError;
use super::shield::Shield;

/// The letter's stylesheet.
pub(super) struct Styles {
    css: String,
    inliner: CSSInliner<'static>,
}

/// Where a template wants the stylesheet's `@media` rules.
pub(super) const MARK: &str = "{{> style.css}}";
/// The element that a section's HTML stands in.
const SECTION: (&str, &str) = ("<div class=\"prose\">", "</div>");

impl Styles {
    /// Takes the text of `style.css`.
    pub fn new(css: String) -> Self {
        let options = InlineOptions {
            load_remote_stylesheets: false,
            keep_style_tags: false,
            keep_at_rules: true,
            ..InlineOptions::default()
        };
        Self { css, inliner: CSSInliner::new(options) }
    }

    /// Writes the rules into an HTML template; `@media` rules go into the head, tags stay as they are.
    ///
    /// # Errors
    /// When the stylesheet is not CSS.
    pub fn write_into_template(&self, template: &str) -> Result<String, ComposeError> {
        let with_css = template.replace(MARK, &format!("<style>{}</style>", self.css));
        let (shield, html) = Shield::html(&with_css);
        let html = self.inliner.inline(&html).map_err(|error| ComposeError::Style(error.to_string()))?;
        Ok(shield.restore(&html))
    }

    /// Writes the rules into the HTML of a section.
    ///
    /// # Errors
    /// When the stylesheet is not CSS.
    pub fn write_into_fragment(&self, html: &str) -> Result<String, ComposeError> {
        let (open, close) = SECTION;
        self.inliner
            .inline_fragment(&format!("{open}{html}{close}"), &self.css)
            .map_err(|error| ComposeError::Style(error.to_string()))
    }
}

impl std::fmt::Debug for Styles {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Styles").field("css", &self.css.len()).finish_non_exhaustive()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn rules_go_into_elements_and_tags_stay() {
        let styles = Styles::new("p { color: #111; } @media print { p { color: #000; } }".to_owned());
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
