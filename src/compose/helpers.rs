//! Helpers for templates besides Handlebars' own: dates, times, money, lists and plurals.

use std::borrow::Cow;
use std::sync::Arc;

use handlebars::{Context, Handlebars, Helper, HelperResult, Output, RenderContext, RenderErrorReason};
use jiff::civil::{Date, Time};
use serde_json::Value;
use unicode_width::UnicodeWidthStr;

use super::language::Language;
use super::tags::template_tags;

/// A title with the language's punctuation, no-break spaces and, in long words, soft hyphens.
fn hyphenated(language: &Language, values: &[&Value]) -> Result<String, String> {
    match values {
        [Value::String(text)] => Ok(super::typography::set_title(text, language)),
        _ => Err("expects a text".to_owned()),
    }
}

type WordHelper = fn(&Language, &[&Value]) -> Result<String, String>;

const HELPERS: [(&str, WordHelper); 14] = [
    ("hyphenated", hyphenated),
    ("weekday_name", |language, values| Ok(language.weekday(date(values)?))),
    ("day_of_month", |_, values| Ok(date(values)?.day().to_string())),
    ("month_name", |language, values| Ok(language.month(date(values)?))),
    (VALUE_OR, value_or),
    ("date", |language, values| Ok(language.date(date(values)?))),
    ("weekday_date", |language, values| Ok(language.weekday_date(date(values)?))),
    ("season", |language, values| Ok(language.season(date(values)?))),
    ("time_range", time_range),
    ("money", money),
    ("list", list),
    ("plural", plural),
    ("underline", underline),
    ("indented", indented),
];

/// The helper that `{{member.first_name "friend"}}` is turned into.
const VALUE_OR: &str = "value_or";

/// Handlebars' own helpers.
pub(super) const BUILT_IN: [&str; 18] = [
    "if", "unless", "each", "with", "lookup", "log", "raw", "else", "eq", "ne", "gt", "gte", "lt", "lte",
    "and", "or", "not", "len",
];

/// Tells whether templates may call a helper with this name.
pub(super) fn is_known(name: &str) -> bool {
    BUILT_IN.contains(&name) || HELPERS.iter().any(|(known, _)| *known == name)
}

/// The names of the helpers, without Handlebars' own.
#[cfg(test)]
pub(super) fn names() -> impl Iterator<Item = &'static str> {
    HELPERS.into_iter().map(|(name, _)| name)
}

/// Registers the helpers for several languages: `language=…` or the data's `language` selects one (default: the
/// first).
pub(super) fn register(registry: &mut Handlebars<'_>, languages: &Arc<[Language]>) {
    for (name, words) in HELPERS {
        let languages = Arc::clone(languages);
        let helper = move |helper: &Helper<'_>,
                           handlebars: &Handlebars<'_>,
                           context: &Context,
                           _: &mut RenderContext<'_, '_>,
                           out: &mut dyn Output|
              -> HelperResult {
            let values: Vec<&Value> = helper.params().iter().map(handlebars::PathAndJson::value).collect();
            let given = helper.hash_get("language").map(handlebars::PathAndJson::value);
            let code = given.or_else(|| context.data().get("language")).and_then(Value::as_str);
            let meant = languages.iter().find(|language| Some(language.code.as_str()) == code);
            let Some(language) = meant.or(languages.first()) else { return Ok(()) };
            let text = words(language, &values)
                .map_err(|what| RenderErrorReason::Other(format!("{{{{{name}}}}} {what}")))?;
            // A member's field never becomes markup.
            Ok(out.write(&handlebars.get_escape_fn()(&text))?)
        };
        registry.register_helper(name, Box::new(helper));
    }
}

/// The value, or the default after it if it is empty.
fn value_or(_: &Language, values: &[&Value]) -> Result<String, String> {
    let value = values.first().map(|value| plain(value)).unwrap_or_default();
    if value.trim().is_empty() || value == "null" { Ok(text(values, 1)?.to_owned()) } else { Ok(value) }
}

/// The template with tags such as `{{member.first_name "friend"}}`, which Handlebars does not support, turned into
/// calls of a helper.
pub(super) fn with_fallbacks(template: &str) -> Cow<'_, str> {
    let mut changed = String::new();
    let mut copied = 0;
    for tag in template_tags(template) {
        let name = tag.text.trim_start_matches(['{', '~']).trim_start();
        let is_value = ["member.", "association.", "issue."].iter().any(|root| name.starts_with(root));
        let rest = name.split_once(char::is_whitespace).map(|(_, rest)| rest.trim_start());
        if is_value && rest.is_some_and(|rest| rest.starts_with(['"', '\''])) {
            let at = tag.range.start + tag.text.len() - name.len();
            changed.push_str(template.get(copied..at).unwrap_or_default());
            changed.push_str(VALUE_OR);
            changed.push(' ');
            copied = at;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(template);
    }
    changed.push_str(template.get(copied..).unwrap_or_default());
    Cow::Owned(changed)
}

fn text<'a>(values: &[&'a Value], index: usize) -> Result<&'a str, String> {
    match values.get(index) {
        Some(Value::String(text)) => Ok(text),
        Some(other) => Err(format!("expects a text, found `{other}`")),
        None => Err(format!("needs {} values", index + 1)),
    }
}

fn date(values: &[&Value]) -> Result<Date, String> {
    let text = text(values, 0)?;
    text.parse().map_err(|_| format!("expects a date such as 2026-04-15, found `{text}`"))
}

fn time_range(language: &Language, values: &[&Value]) -> Result<String, String> {
    let clock = |text: &str| {
        text.parse::<Time>().map_err(|_| format!("expects a time such as 13:00, found `{text}`"))
    };
    let start = clock(text(values, 0)?)?;
    let end = match values.get(1) {
        None | Some(Value::Null) => None,
        Some(_) => Some(clock(text(values, 1)?)?),
    };
    Ok(language.times(start, end))
}

/// An amount with the language's separators: whole kronor without decimals.
fn money(language: &Language, values: &[&Value]) -> Result<String, String> {
    let value = values.first().ok_or("expects an amount")?;
    let number = match value {
        Value::String(text) => text.trim().replace(' ', "").replace(',', ".").parse().ok(),
        other => other.as_f64(),
    };
    let number: f64 =
        number.filter(|n: &f64| n.is_finite()).ok_or(format!("expects an amount, found `{value}`"))?;
    Ok(language.money(number))
}

/// Values joined as in a sentence: "a, b och c".
#[expect(clippy::unnecessary_wraps, reason = "one signature for all helpers")]
fn list(language: &Language, values: &[&Value]) -> Result<String, String> {
    let items: Vec<String> = match values {
        [Value::Array(items)] => items.iter().map(plain).collect(),
        items => items.iter().map(|item| plain(item)).collect(),
    };
    let items: Vec<String> = items.into_iter().filter(|item| !item.is_empty()).collect();
    Ok(language.list(&items))
}

fn plain(value: &Value) -> String {
    value.as_str().map_or_else(|| value.to_string(), str::to_owned)
}

/// `{{plural n "möte" "möten"}}`: the number with the right form of the word.
fn plural(_: &Language, values: &[&Value]) -> Result<String, String> {
    let number = values.first().map(|value| plain(value)).ok_or("expects a number and two words")?;
    let word = if number == "1" { text(values, 1)? } else { text(values, 2)? };
    Ok(format!("{number} {word}"))
}

/// `{{indented text 4}}`: indents each line but the first by that many columns.
fn indented(_: &Language, values: &[&Value]) -> Result<String, String> {
    let columns =
        values.get(1).and_then(|value| value.as_u64()).ok_or("expects a text and a number of columns")?;
    let indent = " ".repeat(usize::try_from(columns.min(40)).unwrap_or_default());
    Ok(text(values, 0)?.lines().collect::<Vec<_>>().join(&format!("\n{indent}")))
}

/// A heading of the text part: the words, and a line of the given character below them.
fn underline(_: &Language, values: &[&Value]) -> Result<String, String> {
    let heading = text(values, 0)?;
    Ok(format!("{heading}\n{}", text(values, 1)?.repeat(heading.width().min(72))))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::json;

    #[test]
    fn helpers_produce_swedish() {
        let mut registry = Handlebars::new();
        let language = Language::load("sv", std::path::Path::new("/nowhere")).unwrap();
        register(&mut registry, &Arc::from([language]));
        let data = json!({"d": "2026-05-09", "a": "12500", "l": ["a", "b", "c"], "s": "13:00:00", "e": null,
                           "member": {"name": "A & B", "city": ""}});
        for (template, want) in [
            ("{{date d}}", "9 maj 2026"),
            ("{{weekday_date d}}", "lördag 9 maj"),
            ("{{season d}}", "våren 2026"),
            ("{{money a}}", "12\u{a0}500 kr"),
            ("{{money 9.5}}", "9,50 kr"),
            ("{{list l}}", "a, b och c"),
            ("{{list \"a\" \"b\"}}", "a och b"),
            ("{{plural 1 \"möte\" \"möten\"}}, {{plural 3 \"möte\" \"möten\"}}", "1 möte, 3 möten"),
            ("{{time_range s e}}", "13:00"),
            ("{{underline \"Åh\" \"-\"}}", "Åh\n--"),
            ("{{list member.name}}", "A &amp; B"),
            ("{{member.name \"vän\"}}, {{member.city \"byn\"}}", "A &amp; B, byn"),
        ] {
            assert_eq!(
                registry.render_template(&with_fallbacks(template), &data).unwrap(),
                want,
                "{template}"
            );
        }
        for wrong in [
            "{{date \"i maj\"}}",
            "{{money \"mycket\"}}",
            "{{date}}",
            "{{plural 2 \"x\"}}",
            "{{unknown \"x\"}}",
        ] {
            assert!(registry.render_template(wrong, &data).is_err(), "{wrong}");
        }
    }
}
