//! Handlebars templates: strict, compiled once, with all names checked before rendering.

use std::path::{Path, PathBuf};

use handlebars::template::{HelperTemplate, Parameter, Template, TemplateElement};
use handlebars::{
    Context, Handlebars, Path as VariablePath, PathSeg, RenderError, TemplateError, TemplateErrorReason,
};
use serde::Serialize;
use serde_json::Value;

use crate::domain::Excerpt;

use super::tags::{TagKind, template_tags};
use super::{ComposeError, helpers, limits};

/// Compiled templates of one output format.
#[derive(Debug)]
pub(super) struct Templates {
    registry: Handlebars<'static>,
}

/// A template's text and its source file, before it is compiled.
#[derive(Debug, Clone)]
pub(super) struct TemplateSource<'a> {
    pub path: &'a Path,
    pub text: &'a str,
    /// Lines of the file above `text`.
    pub lines_above: usize,
}

impl Templates {
    /// Templates whose values are escaped for HTML.
    pub fn html() -> Self {
        Self { registry: registry() }
    }

    /// Templates whose values are not escaped.
    pub fn text() -> Self {
        let mut registry = registry();
        registry.register_escape_fn(handlebars::no_escape);
        Self { registry }
    }

    /// Gives access to register helpers.
    pub fn registry(&mut self) -> &mut Handlebars<'static> {
        &mut self.registry
    }

    /// Compiles `text` under a name.
    ///
    /// # Errors
    /// If it is not a valid template; the place is relative to `text`.
    pub fn add(&mut self, name: &str, path: &Path, text: &str) -> Result<(), ComposeError> {
        limits::template(path, text)?;
        let source = TemplateSource { path, text, lines_above: 0 };
        self.registry
            .register_template_string(name, helpers::with_fallbacks(text))
            .map_err(|error| source.syntax_error(&error))
    }

    /// Renders a template.
    ///
    /// # Errors
    /// If a helper gets an unsuitable value, or a name is missing.
    pub fn render_data(&self, name: &str, data: &impl Serialize) -> Result<String, RenderError> {
        self.registry.render(name, data)
    }

    /// Renders a template with data prepared for several templates.
    ///
    /// # Errors
    /// Like [`Templates::render_data`].
    pub fn render(&self, name: &str, context: &Context) -> Result<String, RenderError> {
        self.registry.render_with_context(name, context)
    }
}

fn registry() -> Handlebars<'static> {
    let mut registry = Handlebars::new();
    registry.set_strict_mode(true);
    registry
}

impl TemplateSource<'_> {
    /// Parses the template and checks every name in it against `schema`, the data that it will get.
    ///
    /// # Errors
    /// Points to an unclosed block, an invalid tag, or an unknown name.
    pub fn check(&self, schema: &Value) -> Result<(), ComposeError> {
        self.check_inside(schema, true)
    }

    /// Checks a template that may be included where bare names have another meaning than at the root.
    ///
    /// # Errors
    /// Like [`TemplateSource::check`].
    pub fn check_inside(&self, schema: &Value, at_root: bool) -> Result<(), ComposeError> {
        limits::template(self.path, self.text)?;
        let template = Template::compile(&helpers::with_fallbacks(self.text))
            .map_err(|error| self.syntax_error(&error))?;
        let check = TemplateCheck { source: self, schema };
        check.template(&template, at_root)
    }

    fn error(&self, line: usize, column: usize, message: String, hint: Option<String>) -> ComposeError {
        // The file is read again only to show the place in it; if that fails, the current part is shown.
        let whole = std::fs::read_to_string(self.path).ok().map(|text| text.replace("\r\n", "\n"));
        let excerpt = match whole {
            Some(whole) => Excerpt::at(self.path, &whole, line + self.lines_above, column),
            None => Excerpt::at(self.path, self.text, line, column),
        };
        ComposeError::Source { message, hint, excerpt }
    }

    fn syntax_error(&self, error: &TemplateError) -> ComposeError {
        if let Some((line, column, block)) = unclosed_block(self.text) {
            let message = format!("`{{{{#{block}}}}}` is not closed");
            return self.error(
                line,
                column,
                message,
                Some(format!("write `{{{{/{block}}}}}` where it ends")),
            );
        }
        let (line, column) = error.pos().unwrap_or((1, 1));
        let message = match error.reason() {
            TemplateErrorReason::MismatchingClosedHelper(open, close) => {
                format!("`{{{{#{open}}}}}` is closed by `{{{{/{close}}}}}`")
            }
            TemplateErrorReason::InvalidSyntax(_) => "invalid tag".to_owned(),
            other => other.to_string(),
        };
        let hint = "tags look like {{member.name}}, {{#if member.organisation}} … {{/if}}; write \\{{ for plain braces";
        self.error(line, column, message, Some(hint.to_owned()))
    }
}

/// The first block that is never closed: its line, column and name.
fn unclosed_block(text: &str) -> Option<(usize, usize, String)> {
    let mut open: Vec<(usize, &str)> = Vec::new();
    for tag in template_tags(text) {
        match tag.kind() {
            TagKind::Open(block) => open.push((tag.range.start, block)),
            TagKind::Close(block) if open.last().is_some_and(|(_, opened)| *opened == block) => {
                open.pop();
            }
            _ => {}
        }
    }
    let (at, block) = open.pop()?;
    let before = text.get(..at)?;
    let line = before.matches('\n').count() + 1;
    let column = before.rsplit('\n').next().map_or(0, |line| line.chars().count()) + 1;
    Some((line, column, block.to_owned()))
}

/// Tells whether a template does more with these roots than show their values: it passes one to a helper or a block,
/// shows a raw value, or has a path that could lead to one.
pub(super) fn decides_by(text: &str, roots: &[&str]) -> bool {
    Template::compile(&helpers::with_fallbacks(text)).map_or(true, |template| decides(&template, roots))
}

fn decides(template: &Template, roots: &[&str]) -> bool {
    let is_personal = |parameter: &Parameter| is_personal(parameter, roots);
    template.elements.iter().any(|element| match element {
        TemplateElement::Expression(helper) | TemplateElement::HelperBlock(helper) => {
            helper.params.iter().chain(helper.hash.values()).any(is_personal)
                || helper.template.iter().chain(&helper.inverse).any(|inner| decides(inner, roots))
        }
        TemplateElement::HtmlExpression(helper) => {
            is_personal(&helper.name) || helper.params.iter().chain(helper.hash.values()).any(is_personal)
        }
        TemplateElement::RawString(_) | TemplateElement::Comment(_) => false,
        _ => true,
    })
}

fn is_personal(parameter: &Parameter, roots: &[&str]) -> bool {
    match parameter {
        Parameter::Literal(_) => false,
        Parameter::Subexpression(inner) => {
            let parameters = inner.params().into_iter().flatten();
            let named = inner.hash().into_iter().flat_map(|hash| hash.values());
            parameters.chain(named).any(|parameter| is_personal(parameter, roots))
        }
        other => {
            // A block that gets everything above it may use any value.
            let name = other.as_name().unwrap_or("..");
            // `links.web_version` is the same for all members.
            name.ends_with("..")
                || roots.iter().any(|root| name.contains(root)) && name != "links.web_version"
        }
    }
}

struct TemplateCheck<'a> {
    source: &'a TemplateSource<'a>,
    schema: &'a Value,
}

impl TemplateCheck<'_> {
    /// `at_root` is false inside `{{#each}}` and `{{#with}}`, where bare names have another meaning.
    fn template(&self, template: &Template, at_root: bool) -> Result<(), ComposeError> {
        for (element, place) in template.elements.iter().zip(&template.mapping) {
            let place = (place.0, place.1);
            match element {
                TemplateElement::Expression(helper) | TemplateElement::HtmlExpression(helper) => {
                    self.helper(helper, place, at_root)?;
                }
                TemplateElement::HelperBlock(helper) => {
                    self.helper(helper, place, at_root)?;
                    let changes_scope = matches!(helper.name.as_name(), Some("each" | "with"));
                    for part in helper.template.iter().chain(&helper.inverse) {
                        self.template(part, at_root && !changes_scope)?;
                    }
                }
                _ => {}
            }
        }
        Ok(())
    }

    fn helper(
        &self,
        helper: &HelperTemplate,
        place: (usize, usize),
        at_root: bool,
    ) -> Result<(), ComposeError> {
        let has_arguments = !helper.params.is_empty() || !helper.hash.is_empty();
        let name = helper.name.as_name().unwrap_or_default();
        if has_arguments || helper.block {
            if !helpers::is_known(name) {
                let message = format!("unknown helper `{name}`");
                return Err(self.source.error(place.0, place.1, message, None));
            }
        } else if !helpers::is_known(name) {
            self.parameter(&helper.name, place, at_root)?;
        }
        let arguments = helper.params.iter().chain(helper.hash.values());
        arguments.into_iter().try_for_each(|parameter| self.parameter(parameter, place, at_root))
    }

    fn parameter(
        &self,
        parameter: &Parameter,
        place: (usize, usize),
        at_root: bool,
    ) -> Result<(), ComposeError> {
        match parameter {
            Parameter::Name(name) => self.name(&[name.as_str()], place, at_root),
            Parameter::Path(VariablePath::Relative((segments, _))) => self.path(segments, place, at_root),
            Parameter::Subexpression(inner) => match inner.as_element() {
                TemplateElement::Expression(helper) => self.helper(helper, place, at_root),
                _ => Ok(()),
            },
            _ => Ok(()),
        }
    }

    fn path(&self, segments: &[PathSeg], place: (usize, usize), at_root: bool) -> Result<(), ComposeError> {
        let is_from_root =
            matches!(segments.first(), Some(PathSeg::Ruled(rule)) if format!("{rule:?}") == "path_root");
        let names: Vec<&str> = segments
            .iter()
            .filter_map(|segment| match segment {
                PathSeg::Named(name) => Some(name.as_str()),
                _ => None,
            })
            .collect();
        if names.len() < segments.len() && !is_from_root {
            return Ok(());
        }
        self.name(&names, place, at_root || is_from_root)
    }

    /// Checks `a` at the root, and `a.b` wherever `a` is one of the root's tables.
    fn name(&self, names: &[&str], place: (usize, usize), at_root: bool) -> Result<(), ComposeError> {
        let Some((first, rest)) = names.split_first() else { return Ok(()) };
        let unknown = |name: String, known: Vec<String>| {
            let message = format!("unknown name `{name}`");
            Err(self.source.error(place.0, place.1, message, Some(suggestion(&name, &known))))
        };
        match (self.schema.get(first), rest.first()) {
            (None, None) if at_root => unknown((*first).to_owned(), self.all_names()),
            (None, Some(second)) if at_root => unknown(format!("{first}.{second}"), self.all_names()),
            (Some(Value::Object(table)), Some(second)) if !table.contains_key(*second) => {
                unknown(format!("{first}.{second}"), self.all_names())
            }
            _ => Ok(()),
        }
    }

    fn all_names(&self) -> Vec<String> {
        let Some(root) = self.schema.as_object() else { return Vec::new() };
        let names = root.iter().flat_map(|(key, value)| match value {
            Value::Object(table) => table.keys().map(|inner| format!("{key}.{inner}")).collect(),
            _ => vec![key.clone()],
        });
        names.collect()
    }
}

fn suggestion(name: &str, known: &[String]) -> String {
    let last = |name: &str| name.rsplit('.').next().unwrap_or_default().to_owned();
    let alike = |known: &&String| {
        let whole = strsim::jaro_winkler(name, known);
        whole.max(if last(known) == last(name) { 1.0 } else { 0.0 })
    };
    let best = known.iter().max_by(|a, b| alike(a).total_cmp(&alike(b)));
    match best.filter(|best| alike(best) > 0.8) {
        Some(best) => format!("did you mean `{best}`?"),
        None => "a letter has member, association, issue, links, greeting and the member list's columns as member.…".to_owned(),
    }
}

/// A template file in the project's folder, else the built-in one.
pub(super) fn load(templates: &Path, name: &str) -> Result<(PathBuf, String), ComposeError> {
    let path = templates.join(name);
    match std::fs::read_to_string(&path) {
        Ok(text) => Ok((path, text.replace("\r\n", "\n"))),
        Err(error) if error.kind() == std::io::ErrorKind::NotFound => {
            Ok((PathBuf::from(format!("built-in {name}")), super::built_in::text(name).to_owned()))
        }
        Err(source) => Err(ComposeError::Read { path, source }),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    fn check(text: &str) -> Result<(), ComposeError> {
        let schema = json!({"member": {"name": "", "organisation": ""}, "greeting": "", "sections": []});
        let source = TemplateSource { path: Path::new("x.md"), text, lines_above: 0 };
        source.check(&schema)
    }

    /// Otherwise the page is rendered for each member, which takes six times as long.
    #[test]
    fn the_built_in_letter_makes_no_decision_by_member() {
        let blocks = Path::new(env!("CARGO_MANIFEST_DIR")).join("templates/letter");
        let mut files: Vec<_> =
            std::fs::read_dir(&blocks).unwrap().map(|file| file.unwrap().path()).collect();
        files.extend([blocks.with_extension("html.hbs"), blocks.with_extension("txt.hbs")]);
        assert!(files.len() > 8, "{files:?}");
        for file in files {
            let text = std::fs::read_to_string(&file).unwrap();
            let text: Vec<&str> = text.lines().filter(|line| !line.contains("{{>")).collect();
            assert!(!decides_by(&text.join("\n"), &["member", "greeting", "links"]), "{}", file.display());
        }
    }

    #[test]
    fn showing_a_value_is_no_decision() {
        for (text, want) in [
            (
                "{{greeting}} {{member.name}} {{@root.member.name}} {{#each sections}}{{{body}}}{{/each}}",
                false,
            ),
            ("{{#if links.web_version}}x{{/if}} {{date issue.date}}", false),
            ("{{#each sections}}{{hyphenated title language=../language}}{{/each}}", false),
            ("{{#each sections}}{{#if (eq tone \"warm\")}}x{{/if}}{{/each}}", false),
            ("{{#each sections}}{{#if ../member.name}}x{{/if}}{{/each}}", true),
            ("{{#each sections}}{{#with ..}}{{#if member.name}}x{{/if}}{{/with}}{{/each}}", true),
            (
                "{{#each sections}}{{hyphenated title language=(lookup ../member \"language\")}}{{/each}}",
                true,
            ),
            ("{{#if member.name}}x{{/if}}", true),
            ("{{#each sections}}{{#if @root.member.name}}x{{/if}}{{/each}}", true),
            ("{{{member.name}}}", true),
            ("{{underline member.name \"=\"}}", true),
            ("{{#if (eq member.name \"x\")}}x{{/if}}", true),
            ("{{#with member}}{{name}}{{/with}}", true),
            ("{{member.name \"friend\"}}", true),
        ] {
            assert_eq!(decides_by(text, &["member", "greeting"]), want, "{text}");
        }
    }

    #[test]
    fn known_names_pass() {
        for text in [
            "{{member.name}} {{greeting}} {{{member.name}}} {{member.name \"friend\"}}",
            "{{#if (eq member.organisation \"x\")}}a{{else}}b{{/if}}",
            "{{#each sections}}{{title}} {{@root.member.name}} {{this}} {{@index}} {{../greeting}}{{/each}}",
        ] {
            check(text).unwrap();
        }
    }

    #[test]
    fn unknown_names_are_found_that_strict_mode_misses() {
        for (text, line, message, hint) in [
            ("a\n{{member.nmae}}", 2, "unknown name `member.nmae`", "member.name"),
            ("{{#if member.organization}}x{{/if}}", 1, "`member.organization`", "member.organisation"),
            ("{{name}}", 1, "`name`", "member.name"),
            ("{{#each sections}}{{member.x}}{{/each}}", 1, "`member.x`", ""),
            ("{{member.nmae \"friend\"}}", 1, "unknown name `member.nmae`", "member.name"),
            ("{{upper member.name}}", 1, "unknown helper `upper`", ""),
            ("a\n\n{{#if greeting}}x", 3, "`{{#if}}` is not closed", "{{/if}}"),
            ("{{#if greeting}}x{{/each}}", 1, "`{{#if}}` is not closed", "{{/if}}"),
            ("{{member.}}", 1, "invalid tag", "tags look like"),
        ] {
            match check(text).unwrap_err() {
                ComposeError::Source { message: found, hint: advice, excerpt } => {
                    assert_eq!(excerpt.line(), line, "{text}");
                    assert!(found.contains(message), "{text}: {found}");
                    assert!(advice.unwrap_or_default().contains(hint), "{text}");
                }
                other => panic!("{other}"),
            }
        }
    }
}
