//! Word lists of the rules: data in `words.toml`.

use serde::Deserialize;

/// The content of `words.toml`.
#[derive(Debug, Default, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct CheckWords {
    pub leftovers: Vec<String>,
    pub leftover_phrases: Vec<String>,
    pub language: Vec<LanguageWords>,
}

/// The words of one language.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct LanguageWords {
    pub vague_links: Vec<String>,
    pub placeholders: Vec<String>,
    /// Beginnings of words that promise an attachment.
    pub attachments: Vec<String>,
    weekdays: Vec<Vec<String>>,
    months: Vec<Vec<String>>,
    pub before_day: Vec<String>,
    pub slash_dates: bool,
    pub past: Vec<String>,
}

impl CheckWords {
    /// The built-in lists; a unit test ensures that they can be parsed.
    pub fn load() -> Self {
        toml::from_str(include_str!("words.toml")).unwrap_or_default()
    }
}

impl LanguageWords {
    /// The weekday meant by a word, counted from Monday as 1.
    pub fn weekday(&self, word: &str) -> Option<i8> {
        number_of(&self.weekdays, word)
    }

    /// The month meant by a word, counted from January as 1.
    pub fn month(&self, word: &str) -> Option<i8> {
        number_of(&self.months, word)
    }

    /// The name of a weekday, counted from Monday as 1.
    pub fn weekday_name(&self, weekday: i8) -> &str {
        let forms = usize::try_from(weekday - 1).ok().and_then(|index| self.weekdays.get(index));
        forms.and_then(|forms| forms.first()).map_or("", String::as_str)
    }
}

/// English names are capitalised, so that `sat` and `may` stay verbs.
fn number_of(names: &[Vec<String>], word: &str) -> Option<i8> {
    let is = |form: &String| {
        let is_capital = form.starts_with(char::is_uppercase);
        form.to_lowercase() == word.to_lowercase() && (!is_capital || word.starts_with(char::is_uppercase))
    };
    let index = names.iter().position(|forms| forms.iter().any(is))?;
    i8::try_from(index + 1).ok()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_lists_can_be_parsed() {
        let words = CheckWords::load();
        let sizes = words.language.iter().map(|language| (language.weekdays.len(), language.months.len()));
        assert_eq!(sizes.collect::<Vec<_>>(), [(7, 12), (7, 12)]);
    }

    #[test]
    fn days_and_months_are_known_in_all_their_forms() {
        let words = CheckWords::load();
        let [swedish, english] = words.language.as_slice() else { panic!() };
        for (language, word, want) in [
            (swedish, "Lördagen", Some(6)),
            (swedish, "sön", Some(7)),
            (swedish, "helg", None),
            (english, "Sat", Some(6)),
            (english, "sat", None),
        ] {
            assert_eq!(language.weekday(word), want, "{word}");
        }
        assert_eq!(
            (swedish.month("maj"), english.month("May"), english.month("may")),
            (Some(5), Some(5), None)
        );
        assert_eq!(swedish.weekday_name(6), "lördag");
    }
}
