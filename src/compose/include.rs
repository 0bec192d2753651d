//! The blocks of the letter's template, each in a separate file that a project can override: `{{> foot}}` is
//! `letter/foot.html.hbs`.
//!
//! They are inserted before the styles are applied, because a style may depend on the surrounding elements.

use std::path::{Path, PathBuf};

use serde_json::Value;

use crate::domain::Excerpt;

use super::tags::{TagKind, template_tags};
use super::{ComposeError, built_in, style, template};

/// The maximum depth of nested blocks; a block that includes itself would be endless.
const DEPTH: usize = 8;

/// A template's text with its blocks inserted; every file is checked against `schema`.
///
/// # Errors
/// Points to the file and line with the problem.
pub(super) fn with_blocks(
    templates: &Path,
    path: &Path,
    text: &str,
    schema: &Value,
) -> Result<String, ComposeError> {
    included(templates, path, text, schema, true, DEPTH)
}

fn included(
    templates: &Path,
    path: &Path,
    text: &str,
    schema: &Value,
    at_root: bool,
    depth: usize,
) -> Result<String, ComposeError> {
    template::TemplateSource { path, text, lines_above: 0 }.check_inside(schema, at_root)?;
    let mut whole = String::with_capacity(text.len());
    let mut copied = 0;
    let mut open: Vec<&str> = Vec::new();
    for tag in template_tags(text) {
        match tag.kind() {
            TagKind::Open(name) => open.push(name),
            TagKind::Close(_) => drop(open.pop()),
            _ => {}
        }
        let Some(name) = block_name(tag.text) else { continue };
        let (inner_path, inner) = block(templates, name, depth).map_err(|wrong| match wrong {
            Wrong::Failed(error) => error,
            Wrong::Tag { message, hint } => {
                let excerpt = Excerpt::new(path, text, tag.range.clone());
                ComposeError::Source { message, hint: Some(hint), excerpt }
            }
        })?;
        let is_root = at_root && !open.iter().any(|block| ["each", "with"].contains(block));
        whole.push_str(text.get(copied..tag.range.start).unwrap_or_default());
        let inner = included(templates, &inner_path, &inner, schema, is_root, depth - 1)?;
        whole.push_str(inner.trim_end_matches('\n'));
        copied = tag.range.end;
    }
    whole.push_str(text.get(copied..).unwrap_or_default());
    Ok(whole)
}

/// Why a block cannot be inserted.
enum Wrong {
    /// The tag names a block that cannot exist.
    Tag {
        message: String,
        hint: String,
    },
    Failed(ComposeError),
}

/// The file and the text of a block.
fn block(templates: &Path, name: &str, depth: usize) -> Result<(PathBuf, String), Wrong> {
    let file = format!("letter/{name}.html.hbs");
    if !templates.join(&file).exists() && built_in::text(&file).is_empty() {
        let hint = format!("write it as templates/{file}, or remove the tag");
        return Err(Wrong::Tag { message: format!("there is no block `{name}`"), hint });
    }
    if depth == 0 {
        let message = format!("the block `{name}` includes itself");
        return Err(Wrong::Tag { message, hint: "remove the tag".to_owned() });
    }
    template::load(templates, &file).map_err(Wrong::Failed)
}

/// The name in `{{> name}}`; the style sheet is inserted elsewhere.
fn block_name(tag: &str) -> Option<&str> {
    let name = tag.strip_prefix("{{>")?.trim_end_matches('}').trim();
    let is_name = !name.is_empty() && name.chars().all(|c| c.is_ascii_alphanumeric() || "-_".contains(c));
    (tag != style::MARK && is_name).then_some(name)
}

#[cfg(test)]
mod tests {
    use serde_json::json;

    use super::*;

    fn whole(files: &[(&str, &str)], text: &str) -> Result<String, String> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("letter")).unwrap();
        for (name, text) in files {
            std::fs::write(dir.path().join(format!("letter/{name}.html.hbs")), text).unwrap();
        }
        let schema = json!({"sections": [], "greeting": ""});
        with_blocks(dir.path(), Path::new("letter.html.hbs"), text, &schema).map_err(|error| match error {
            ComposeError::Source { message, excerpt, .. } => {
                let file = excerpt.path.file_name().unwrap_or_default().to_string_lossy().into_owned();
                format!("{file}:{}: {message}", excerpt.line())
            }
            other => other.to_string(),
        })
    }

    #[test]
    fn blocks_are_inserted_and_may_contain_others() {
        let files = [("a", "<b>{{greeting}}</b>{{> b}}\n"), ("b", "{{title}}\n")];
        assert_eq!(
            whole(&files, "{{> style.css}}\n{{#each sections}}\n{{> a}}\n{{/each}}\n").unwrap(),
            "{{> style.css}}\n{{#each sections}}\n<b>{{greeting}}</b>{{title}}\n{{/each}}\n"
        );
    }

    #[test]
    fn an_error_in_a_block_is_reported_in_its_file() {
        for (files, text, want) in [
            (&[("a", "x\n{{nmae}}")][..], "{{> a}}", "a.html.hbs:2: unknown name `nmae`"),
            (&[("a", "{{#if greeting}}x")], "{{> a}}", "a.html.hbs:1: `{{#if}}` is not closed"),
            (&[], "\n{{> nowhere}}", "letter.html.hbs:2: there is no block `nowhere`"),
            (&[("a", "{{> a}}")], "{{> a}}", "a.html.hbs:1: the block `a` includes itself"),
        ] {
            assert_eq!(whole(files, text).unwrap_err(), want, "{text}");
        }
    }
}
