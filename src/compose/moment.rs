//! Dates and times in the forms that editors use: `2026-05-09`, `"13:00"`, `"kl. 18"`, `"9 maj 2027"`, `"May 9,
//! 2027"`.

use jiff::civil::{Date, DateTime, Time};
use serde::{Deserialize, Deserializer};

use super::language::month_number;

/// Words before a time, without case and full stop.
const BEFORE_TIME: [&str; 6] = ["kl", "klockan", "at", "um", "klo", "från"];
/// Words before a date or between its parts.
const IN_DATE: [&str; 5] = ["den", "the", "of", "på", "on"];

/// A type that can be parsed from a date or time value.
pub(super) trait Moment: Sized {
    /// Parses a text.
    fn read(text: &str) -> Option<Self>;
}

impl Moment for Time {
    fn read(text: &str) -> Option<Self> {
        let lower = text.trim().to_lowercase();
        let words: Vec<&str> = lower.split_whitespace().collect();
        let is_before = |word: &&str| BEFORE_TIME.contains(&word.trim_end_matches('.'));
        let words: Vec<&str> = words.into_iter().skip_while(|word| is_before(word)).collect();
        let text = words.concat();
        // `kl.18` has no space.
        let text =
            BEFORE_TIME.iter().find_map(|word| text.strip_prefix(&format!("{word}."))).unwrap_or(&text);
        let (text, half) = match (text.strip_suffix("pm"), text.strip_suffix("am")) {
            (Some(text), _) => (text, Some(12)),
            (_, Some(text)) => (text, Some(0)),
            _ => (text.trim_end_matches('h'), None),
        };
        let (hour, rest) = text.split_once([':', '.']).unwrap_or((text, "0"));
        let mut parts = rest.split([':', '.']);
        let number = |text: &str| text.parse::<i8>().ok().filter(|_| text.len() <= 2);
        let (hour, minute) = (number(hour)?, number(parts.next()?)?);
        let second = parts.next().map_or(Some(0), number)?;
        let hour = match half {
            Some(half) if (1..=12).contains(&hour) => hour % 12 + half,
            Some(_) => return None,
            None => hour,
        };
        Self::new(hour, minute, second, 0).ok().filter(|_| parts.next().is_none())
    }
}

impl Moment for Date {
    fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(date) = text.parse() {
            return Some(date);
        }
        let lower = text.to_lowercase();
        let words =
            lower.split(|c: char| c.is_whitespace() || c == ',').map(|word| word.trim_end_matches('.'));
        let words: Vec<&str> = words.filter(|word| !word.is_empty() && !IN_DATE.contains(word)).collect();
        let month = words.iter().find_map(|word| month_number(word))?;
        let number =
            |word: &&str| word.trim_end_matches(|c: char| c.is_alphabetic() || c == ':').parse::<i16>().ok();
        let numbers: Vec<i16> = words.iter().filter_map(number).collect();
        // A weekday may precede it.
        let &[first, second] = numbers.as_slice() else { return None };
        let (day, year) = if first > 31 { (second, first) } else { (first, second) };
        Self::new(year, month, i8::try_from(day).ok()?).ok().filter(|_| year > 1900)
    }
}

impl Moment for DateTime {
    fn read(text: &str) -> Option<Self> {
        let text = text.trim();
        if let Ok(moment) = text.replace(' ', "T").replace('.', ":").parse() {
            return Some(moment);
        }
        let lower = text.to_lowercase();
        let (date, time) = lower.split_once("kl").or_else(|| lower.rsplit_once(' '))?;
        let (date, time) =
            (Date::read(date)?, Time::read(time.trim_start_matches(['o', 'c', 'k', 'a', 'n', '.', ' ']))?);
        Some(date.to_datetime(time))
    }
}

/// Dates and times in TOML are bare (`2026-05-09`) or strings (`"13:00"`).
#[derive(Deserialize)]
#[serde(untagged)]
enum Written {
    Bare(toml::value::Datetime),
    Text(String),
}

/// Parses a date or time.
pub(super) fn parsed<'de, D: Deserializer<'de>, T: Moment>(deserializer: D) -> Result<T, D::Error> {
    let text = match Written::deserialize(deserializer)? {
        Written::Bare(moment) => moment.to_string(),
        Written::Text(text) => text,
    };
    T::read(&text).ok_or_else(|| {
        serde::de::Error::custom(format!(
            "`{text}` is not a date or time such as 2026-04-15, \"9 maj 2026\", \"kl. 13\" or 2026-04-15T08:00"
        ))
    })
}

/// Parses a date or time of an optional key.
pub(super) fn parsed_if_any<'de, D: Deserializer<'de>, T: Moment>(
    deserializer: D,
) -> Result<Option<T>, D::Error> {
    parsed(deserializer).map(Some)
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::{date, time};

    #[test]
    fn times_are_parsed_as_people_write_them() {
        for (text, want) in [
            ("13:00", Some(time(13, 0, 0, 0))),
            ("13:00:00", Some(time(13, 0, 0, 0))),
            ("18.30", Some(time(18, 30, 0, 0))),
            ("kl. 18", Some(time(18, 0, 0, 0))),
            ("kl.18", Some(time(18, 0, 0, 0))),
            ("kl 18.30", Some(time(18, 30, 0, 0))),
            ("Klockan 9", Some(time(9, 0, 0, 0))),
            ("6 pm", Some(time(18, 0, 0, 0))),
            ("12:15 am", Some(time(0, 15, 0, 0))),
            ("25", None),
            ("13 pm", None),
            ("kväll", None),
            ("", None),
        ] {
            assert_eq!(Time::read(text), want, "{text}");
        }
    }

    #[test]
    fn dates_are_parsed_in_both_languages() {
        let want = Some(date(2027, 5, 9));
        for text in [
            "2027-05-09",
            "9 maj 2027",
            "den 9 maj 2027",
            "Söndag 9 maj 2027",
            "May 9, 2027",
            "9 May 2027",
            "9th of May 2027",
            "9 MAJ 2027",
        ] {
            assert_eq!(Date::read(text), want, "{text}");
        }
        for text in ["9 maj", "maj 2027", "31 februari 2027", "i maj", ""] {
            assert_eq!(Date::read(text), None, "{text}");
        }
        assert_eq!(DateTime::read("9 maj 2027 kl. 8"), Some(date(2027, 5, 9).at(8, 0, 0, 0)));
        assert_eq!(DateTime::read("2027-05-09 08:00"), Some(date(2027, 5, 9).at(8, 0, 0, 0)));
    }
}
