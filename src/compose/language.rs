//! A language file: months, weekdays, number forms and the letter's fixed texts.

use std::collections::{BTreeMap, BTreeSet};
use std::path::Path;
use std::sync::OnceLock;

use jiff::civil::{Date, Time};
use serde::Deserialize;

use super::ComposeError;

const BUILT_IN: [(&str, &str); 2] = [
    ("sv", include_str!("../../templates/language/sv.toml")),
    ("en", include_str!("../../templates/language/en.toml")),
];

/// Tables that a project's own language file takes from English until it has them: newer versions may need more
/// texts.
const SHARED: [&str; 8] =
    ["day", "quotes", "units", "before_numbers", "texts", "mails", "returned", "report"];

/// The words and forms of one language.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Language {
    /// BCP 47 code.
    pub code: String,
    /// Names of the language in member lists, in lower case.
    #[serde(default)]
    names: Vec<String>,
    months: Vec<String>,
    weekdays: Vec<String>,
    seasons: Vec<String>,
    date: String,
    day: String,
    weekday_date: String,
    time: String,
    time_range: String,
    pub decimal: String,
    pub thousands: String,
    pub money: String,
    /// Words that stay on the line of the number before them.
    pub units: Vec<String>,
    /// Words, in lower case, that stay on the line of the number after them.
    pub before_numbers: Vec<String>,
    pub and: String,
    /// Quotation marks: the opening and the closing one, then those of a nested quotation.
    pub quotes: [String; 4],
    /// Template of the greeting.
    pub greeting: String,
    /// The greeting for many members with one address, with `{place}`.
    pub greeting_many: String,
    /// The greeting for somebody whose name is unknown or unclear.
    pub greeting_neutral: String,
    pub texts: BTreeMap<String, String>,
    /// Mails other than letters: templates that are filled in when they are sent.
    #[serde(default)]
    pub mails: BTreeMap<String, String>,
    /// The words of the report to the board.
    #[serde(default)]
    pub report: BTreeMap<String, String>,
    /// The list of addresses to correct: the problem, and what to do.
    #[serde(default)]
    pub returned: BTreeMap<String, String>,
}

impl Language {
    /// Loads a language: the built-in file, overridden by the project's `templates/language/CODE.toml`.
    ///
    /// # Errors
    /// If neither exists or a file is invalid.
    pub fn load(code: &str, templates: &Path) -> Result<Self, ComposeError> {
        let path = templates.join("language").join(format!("{code}.toml"));
        let built_in = BUILT_IN.iter().find(|(known, _)| *known == code);
        let own = match std::fs::read_to_string(&path) {
            Ok(text) => Some(text),
            Err(error) if error.kind() == std::io::ErrorKind::NotFound => None,
            Err(source) => return Err(ComposeError::Read { path, source }),
        };
        let table = |text: &str| {
            toml::from_str::<toml::Table>(text)
                .map_err(|error| super::source::toml_error(&path, text, 0, &error))
        };
        let mut layers = match (built_in, &own) {
            (Some((_, text)), _) => table(text)?,
            (None, Some(_)) => {
                let [_, (_, english)] = BUILT_IN;
                table(english)?.into_iter().filter(|(key, _)| SHARED.contains(&key.as_str())).collect()
            }
            (None, None) => return Err(ComposeError::NoLanguage { language: code.to_owned() }),
        };
        if let Some(own) = &own {
            lay_over(&mut layers, table(own)?);
        }
        let text = own.unwrap_or_default();
        layers.try_into().map_err(|error| super::source::toml_error(&path, &text, 0, &error))
    }

    /// The built-in languages and those of the project, except one; an invalid file is skipped, since only the
    /// letter's own language is required.
    pub fn others(code: &str, templates: &Path) -> Vec<Self> {
        let entries = std::fs::read_dir(templates.join("language")).into_iter().flatten().flatten();
        let own = entries.filter_map(|entry| Some(entry.path().file_stem()?.to_str()?.to_owned()));
        let mut codes: BTreeSet<String> = own.collect();
        codes.extend(BUILT_IN.iter().map(|(code, _)| (*code).to_owned()));
        codes.remove(code);
        codes.iter().filter_map(|code| Self::load(code, templates).ok()).collect()
    }

    /// Whether a word in a member list means this language: its code, with or without a country, or one of its names.
    pub fn is_called(&self, word: &str) -> bool {
        let word = word.trim().to_lowercase();
        let code = word.split(['-', '_']).next().unwrap_or_default();
        code == self.code.to_lowercase() || self.names.contains(&word)
    }

    /// A date in full, such as "15 april 2026".
    pub fn date(&self, date: Date) -> String {
        self.fill(&self.date, date)
    }

    /// A date with its weekday, such as "lördag 9 maj".
    pub fn weekday_date(&self, date: Date) -> String {
        self.fill(&self.weekday_date, date)
    }

    /// The weekday of a date, such as "lördag".
    pub fn weekday(&self, date: Date) -> String {
        self.fill("{weekday}", date)
    }

    /// The month of a date, such as "maj".
    pub fn month(&self, date: Date) -> String {
        self.fill("{month}", date)
    }

    /// The month of a date in three letters, or in four if that is the whole name: "jan", "mars".
    pub fn short_month(&self, date: Date) -> String {
        let month = self.month(date);
        if month.chars().count() > 4 { month.chars().take(3).collect() } else { month }
    }

    /// Whether a word is the name of a month.
    pub fn is_month(&self, word: &str) -> bool {
        self.months.iter().any(|month| month == word)
    }

    /// A day and month without the year, such as "9 maj".
    pub fn day_and_month(&self, date: Date) -> String {
        self.fill(&self.day, date)
    }

    /// The season of a date, such as "våren 2026"; December belongs to the winter of its own year.
    pub fn season(&self, date: Date) -> String {
        let season = usize::from(date.month().unsigned_abs() % 12 / 3);
        format!("{} {}", name(&self.seasons, season), date.year())
    }

    /// A time or a range of times, such as "13.00–16.00".
    pub fn times(&self, start: Time, end: Option<Time>) -> String {
        let clock = |time: Time| time.strftime("%H:%M").to_string();
        match end {
            None => self.time.replace("{start}", &clock(start)),
            Some(end) => self.time_range.replace("{start}", &clock(start)).replace("{end}", &clock(end)),
        }
    }

    /// Names joined as in a sentence: "a, b och c".
    pub fn list(&self, items: &[String]) -> String {
        match items.split_last() {
            None => String::new(),
            Some((only, [])) => only.clone(),
            Some((last, before)) => format!("{} {} {last}", before.join(", "), self.and),
        }
    }

    fn fill(&self, pattern: &str, date: Date) -> String {
        let weekday = usize::from(date.weekday().to_monday_zero_offset().unsigned_abs());
        let month = usize::from(date.month().unsigned_abs()).saturating_sub(1);
        pattern
            .replace("{weekday}", name(&self.weekdays, weekday))
            .replace("{day}", &date.day().to_string())
            .replace("{month}", name(&self.months, month))
            .replace("{year}", &date.year().to_string())
    }

    /// A word of the report; the key itself if the language file lacks it.
    pub fn report_word<'a>(&'a self, key: &'a str) -> &'a str {
        self.report.get(key).map_or(key, String::as_str)
    }

    /// An amount of money, without decimals if there are none.
    pub fn money(&self, amount: f64) -> String {
        let written = format!("{:.2}", amount.abs());
        let (whole, part) = written.split_once('.').unwrap_or((&written, "00"));
        let sign = if amount < 0.0 { "−" } else { "" };
        let part = if part == "00" { String::new() } else { format!("{}{part}", self.decimal) };
        self.money.replace("{amount}", &format!("{sign}{}{part}", self.grouped(whole)))
    }

    /// A number with the language's separator.
    pub fn number(&self, number: u64) -> String {
        self.grouped(&number.to_string())
    }

    fn grouped(&self, digits: &str) -> String {
        let groups = digits.as_bytes().rchunks(3).rev();
        let groups: Vec<&str> = groups.filter_map(|group| std::str::from_utf8(group).ok()).collect();
        groups.join(&self.thousands)
    }

    /// A fixed text; the key itself if the language file lacks it.
    pub fn text<'a>(&'a self, key: &'a str) -> &'a str {
        self.texts.get(key).map_or(key, String::as_str)
    }
}

/// The number of a month from its name in a built-in language, or from at least its first three letters.
pub(super) fn month_number(word: &str) -> Option<i8> {
    static MONTHS: OnceLock<Vec<Vec<String>>> = OnceLock::new();
    let languages = MONTHS.get_or_init(|| {
        let built_in = BUILT_IN.iter().filter_map(|(code, _)| Language::load(code, Path::new("/")).ok());
        built_in.map(|language| language.months.iter().map(|month| month.to_lowercase()).collect()).collect()
    });
    let is_meant = |month: &String| word.chars().count() >= 3 && month.starts_with(word);
    let found = languages.iter().find_map(|months| months.iter().position(is_meant))?;
    i8::try_from(found + 1).ok()
}

fn name(names: &[String], index: usize) -> &str {
    names.get(index).map_or("", String::as_str)
}

fn lay_over(table: &mut toml::Table, layer: toml::Table) {
    for (key, value) in layer {
        match (table.get_mut(&key), value) {
            (Some(toml::Value::Table(below)), toml::Value::Table(above)) => lay_over(below, above),
            (_, value) => drop(table.insert(key, value)),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::{date, time};

    #[test]
    fn dates_are_written_in_the_language() {
        let sv = Language::load("sv", Path::new("/nowhere")).unwrap();
        assert_eq!(sv.date(date(2026, 4, 15)), "15 april 2026");
        assert_eq!(sv.weekday_date(date(2026, 5, 9)), "lördag 9 maj");
        assert_eq!(sv.season(date(2026, 4, 15)), "våren 2026");
        assert_eq!(sv.season(date(2026, 12, 1)), "vintern 2026");
        assert_eq!(sv.times(time(13, 0, 0, 0), Some(time(16, 30, 0, 0))), "13:00–16:30");
        let en = Language::load("en", Path::new("/nowhere")).unwrap();
        assert_eq!(en.weekday_date(date(2026, 5, 9)), "Saturday 9 May");
    }

    #[test]
    fn the_project_can_change_a_text() {
        let dir = tempfile::tempdir().unwrap();
        std::fs::create_dir(dir.path().join("language")).unwrap();
        std::fs::write(dir.path().join("language/sv.toml"), "[texts]\nsignup = \"Kom med\"\n").unwrap();
        let sv = Language::load("sv", dir.path()).unwrap();
        assert_eq!((sv.text("signup"), sv.text("contents")), ("Kom med", "I det här brevet"));
    }

    #[test]
    fn languages_have_the_same_texts() {
        let [sv, en] = ["sv", "en"].map(|code| Language::load(code, Path::new("/nowhere")).unwrap());
        assert!(sv.texts.keys().eq(en.texts.keys()));
        assert!(sv.report.keys().eq(en.report.keys()));
    }
}
