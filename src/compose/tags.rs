//! Finds Handlebars tags in a text without compiling it.

use std::ops::Range;

/// A complete tag: `{{…}}`, `{{{…}}}` or `{{!-- … --}}`.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct TemplateTag<'t> {
    /// The range of bytes in the text.
    pub range: Range<usize>,
    /// The tag with its braces.
    pub text: &'t str,
}

/// What a tag does.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum TagKind<'t> {
    /// Shows a value, or the result of a helper.
    Value,
    /// Opens the block of this name.
    Open(&'t str),
    /// Closes a block.
    Close(&'t str),
    Else,
    Comment,
}

/// All tags of a text in order; an unclosed tag ends the search.
pub fn template_tags(text: &str) -> impl Iterator<Item = TemplateTag<'_>> {
    let mut at = 0;
    std::iter::from_fn(move || {
        let start = at + text.get(at..)?.find("{{")?;
        let rest = text.get(start..)?;
        let end = if rest.starts_with("{{!--") {
            "--}}"
        } else if rest.starts_with("{{{") {
            "}}}"
        } else {
            "}}"
        };
        at = start + rest.find(end)? + end.len();
        Some(TemplateTag { range: start..at, text: text.get(start..at)? })
    })
}

impl<'t> TemplateTag<'t> {
    /// What the tag does.
    pub fn kind(&self) -> TagKind<'t> {
        let inner = self.text.trim_start_matches(['{', '~']).trim_start();
        let name = |inner: &'t str| {
            let inner = inner.trim_start();
            let end = inner.find(|c: char| !c.is_alphanumeric() && !"_-.".contains(c));
            inner.get(..end.unwrap_or(inner.len())).unwrap_or_default()
        };
        match inner.split_at_checked(1) {
            Some(("#", rest)) => TagKind::Open(name(rest)),
            Some(("/", rest)) => TagKind::Close(name(rest)),
            Some(("!", _)) => TagKind::Comment,
            _ if inner.starts_with("else") => TagKind::Else,
            _ => TagKind::Value,
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn tags_are_found_with_their_kind() {
        let text = "a {{b.c}} {{#if x}}{{else}}{{/if}} {{!-- }} --}}{{{raw}}} {{~ # each y}} {{open";
        let found: Vec<_> = template_tags(text).map(|tag| (tag.text, tag.kind())).collect();
        assert_eq!(
            found,
            [
                ("{{b.c}}", TagKind::Value),
                ("{{#if x}}", TagKind::Open("if")),
                ("{{else}}", TagKind::Else),
                ("{{/if}}", TagKind::Close("if")),
                ("{{!-- }} --}}", TagKind::Comment),
                ("{{{raw}}}", TagKind::Value),
                ("{{~ # each y}}", TagKind::Open("each")),
            ]
        );
    }
}
