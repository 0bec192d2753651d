//! Dates written with their weekday: "lördagen den 9 maj" must be a Saturday.

use std::ops::Range;

use jiff::civil::Date;

use super::text::Passage;
use super::words::LanguageWords;
use super::{Finding, Subject};

/// A date without a year may refer to the past if it was at most this many days before the issue.
const LOOK_BACK: i32 = 183;
/// Number of bytes before a date that are searched for "last year" and the like.
const BEFORE: usize = 120;

/// A word or a number, with the text before it.
#[derive(Debug, Clone)]
struct DateToken<'t> {
    text: &'t str,
    gap: &'t str,
    range: Range<usize>,
}

/// A date with its weekday, as written.
#[derive(Debug, Clone, PartialEq, Eq)]
struct WrittenDate {
    weekday: i8,
    day: i8,
    month: i8,
    year: Option<i16>,
    range: Range<usize>,
}

/// Finds weekdays that do not match their dates.
pub(super) fn weekdays(subject: &Subject<'_>) -> Vec<Finding> {
    let issued = subject.source.issue.date;
    let mut findings = Vec::new();
    for passage in subject.passages() {
        let tokens = tokens(&passage.text);
        for language in &subject.words.language {
            let spelled = (0..tokens.len()).filter_map(|at| WrittenDate::read(tokens.get(at..)?, language));
            findings.extend(spelled.filter_map(|spelled| judge(&spelled, &passage, language, issued)));
        }
    }
    findings
}

fn judge(
    spelled: &WrittenDate,
    passage: &Passage<'_>,
    language: &LanguageWords,
    issued: Date,
) -> Option<Finding> {
    if is_long_past(&passage.text, spelled.range.start, language) {
        return None;
    }
    let written = passage.text.get(spelled.range.clone()).unwrap_or_default();
    let written = written.split_whitespace().collect::<Vec<_>>().join(" ");
    let is_right = |date: &Date| date.weekday().to_monday_one_offset() == spelled.weekday;
    let meant = spelled.meant(issued);
    let mut candidates = meant.iter().copied().chain(spelled.in_years_of(&passage.text, issued));
    if candidates.any(|date| is_right(&date)) {
        return None;
    }
    let place = passage.place(spelled.range.clone());
    if meant.is_empty() {
        let message = format!("`{written}` is not a date");
        return Some(Finding::error("weekday", message, "correct the date").at(place));
    }
    let facts: Vec<String> =
        meant.iter().map(|date| format!("{date} is a {}", date.strftime("%A"))).collect();
    let name = |date: &Date| language.weekday_name(date.weekday().to_monday_one_offset());
    let right: Vec<&str> = meant.iter().map(name).collect();
    let message = format!("`{written}` is wrong: {}", facts.join(", "));
    let advice = format!("write {} or correct the date", right.join(" or "));
    Some(Finding::error("weekday", message, advice).at(place))
}

fn is_long_past(text: &str, at: usize, language: &LanguageWords) -> bool {
    let mut start = at.saturating_sub(BEFORE);
    while !text.is_char_boundary(start) {
        start += 1;
    }
    let before = text.get(start..at).unwrap_or_default().to_lowercase().replace('\n', " ");
    language.past.iter().any(|words| before.contains(words.as_str()))
}

impl WrittenDate {
    /// Parses weekday, day, month and an optional year at the start of `tokens`.
    fn read(tokens: &[DateToken<'_>], language: &LanguageWords) -> Option<Self> {
        let (first, rest) = tokens.split_first()?;
        let weekday = language.weekday(first.text)?;
        let is_short = first.text.chars().count() < 6;
        let may_have_comma = !language.slash_dates;
        let gap = |token: &DateToken<'_>| {
            let gap = token.gap.trim();
            gap.is_empty() || (gap == "." && is_short) || (gap == "," && may_have_comma)
        };
        let rest = rest
            .split_first()
            .filter(|(word, _)| gap(word) && language.before_day.contains(&word.text.to_lowercase()));
        let rest = rest.map_or(tokens.get(1..)?, |(_, rest)| rest);
        let next = rest.first().filter(|token| gap(token))?;
        let (day, month, rest) =
            day_first(next, rest, language).or_else(|| month_first(next, rest, language))?;
        let last = tokens.len() - rest.len() - 1;
        let mut end = tokens.get(last)?.range.end;
        let year =
            rest.first().filter(|token| matches!(token.gap.trim(), "" | "," | "/") && !token.gap.is_empty());
        let year = year.and_then(|token| Some((token, year_of(token.text)?)));
        if let Some((token, _)) = year {
            end = token.range.end;
        }
        Some(Self { weekday, day, month, year: year.map(|(_, year)| year), range: first.range.start..end })
    }

    /// The possible days: in the written year, or else the next one after the issue and a recent one, nearest first.
    fn meant(&self, issued: Date) -> Vec<Date> {
        let in_year = |year| Date::new(year, self.month, self.day).ok();
        // A number such as 2000 after a date is probably a time of day, not a distant year.
        if let Some(year) = self.year.filter(|year| (issued.year() - 1..=issued.year() + 2).contains(year)) {
            return in_year(year).into_iter().collect();
        }
        let years = [issued.year() - 1, issued.year(), issued.year() + 1];
        let distance = |date: &Date| (*date - issued).get_days();
        let mut dates: Vec<Date> = years.into_iter().filter_map(in_year).collect();
        let next = dates.iter().copied().find(|date| *date >= issued);
        dates.retain(|date| Some(*date) == next || (-LOOK_BACK..0).contains(&distance(date)));
        dates.sort_by_key(|date| distance(date).abs());
        dates
    }

    /// The same day in every year mentioned in the text.
    fn in_years_of(&self, text: &str, issued: Date) -> Vec<Date> {
        if self.year.is_some_and(|year| (issued.year() - 1..=issued.year() + 2).contains(&year)) {
            return Vec::new();
        }
        let years = text.split(|c: char| !c.is_alphanumeric()).filter_map(year_of);
        years.filter_map(|year| Date::new(year, self.month, self.day).ok()).collect()
    }
}

/// "9 maj", "9:e maj", "9th of May", "9/5".
fn day_first<'a, 't>(
    next: &DateToken<'t>,
    rest: &'a [DateToken<'t>],
    language: &LanguageWords,
) -> Option<(i8, i8, &'a [DateToken<'t>])> {
    let day = day_of(next.text)?;
    let rest = rest.get(1..)?;
    if let Some(slash) = rest.first().filter(|token| token.gap == "/" && language.slash_dates) {
        let month = slash.text.parse().ok().filter(|month| (1..=12).contains(month))?;
        return Some((day, month, rest.get(1..)?));
    }
    let is_ordinal = |token: &DateToken<'_>| token.gap == ":" && ["a", "e"].contains(&token.text);
    let skipped = usize::from(rest.first().is_some_and(is_ordinal));
    let rest = rest.get(skipped..)?;
    let rest = if rest.first().is_some_and(|token| token.text == "of") { rest.get(1..)? } else { rest };
    let month = rest.first().filter(|token| token.gap.trim().is_empty() && !token.gap.is_empty())?;
    Some((day, language.month(month.text)?, rest.get(1..)?))
}

/// "May 9", "May the 9th".
fn month_first<'a, 't>(
    next: &DateToken<'t>,
    rest: &'a [DateToken<'t>],
    language: &LanguageWords,
) -> Option<(i8, i8, &'a [DateToken<'t>])> {
    let month = language.month(next.text)?;
    let rest = rest.get(1..)?;
    let rest = if rest.first().is_some_and(|token| token.text == "the") { rest.get(1..)? } else { rest };
    let day = rest.first().filter(|token| token.gap.trim().is_empty())?;
    Some((day_of(day.text)?, month, rest.get(1..)?))
}

/// `9`, `9th`.
fn day_of(text: &str) -> Option<i8> {
    let digits = text.trim_end_matches(|c: char| c.is_ascii_alphabetic());
    let suffix = text.get(digits.len()..)?;
    let is_day = ["", "st", "nd", "rd", "th"].contains(&suffix);
    digits.parse().ok().filter(|day| is_day && (1..=31).contains(day))
}

fn year_of(text: &str) -> Option<i16> {
    text.parse().ok().filter(|year| text.len() == 4 && (1900..2100).contains(year))
}

fn tokens(text: &str) -> Vec<DateToken<'_>> {
    let mut tokens = Vec::new();
    let mut end = 0;
    for word in text.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()) {
        let Some(start) = text.get(end..).and_then(|rest| rest.find(word)).map(|at| end + at) else { break };
        let range = start..start + word.len();
        tokens.push(DateToken {
            text: word,
            gap: text.get(end..start).unwrap_or_default(),
            range: range.clone(),
        });
        end = range.end;
    }
    tokens
}

#[cfg(test)]
mod tests {
    use super::super::tests::{found, issue};
    use super::*;

    /// The issue is of Wednesday 15 April 2026.
    #[test]
    fn right_weekdays_pass() {
        for text in [
            "lördagen den 9 maj",
            "Lördag 9 maj",
            "lördag den 9:e maj 2026",
            "lör 9/5",
            "lör. 9 maj",
            "lördag 9/5 2026",
            "**lördagen den 9 maj**",
            "lördagen\nden 9 maj",
            "lördag\u{a0}9\u{a0}maj",
            "söndagen den 13 september",
            "Saturday 9 May",
            "Sat 9 May 2026",
            "Sat. 9 May",
            "Saturday, May 9",
            "Saturday, 9 May 2026",
            "Saturday the 9th of May",
            "Saturday, May 9th, 2026",
            "Friday 1 January",
            "lördagen den 7 mars var vi på tur",
            "i fjol, söndagen den 10 maj",
            "Förra året sågs vi söndagen\nden 10 maj",
            "År 2024 var det torsdagen den 9 maj",
            "torsdag 9 maj 2024",
            "last year, on Friday 9 May",
            "lördag 9 maj 2000–2200",
        ] {
            assert_eq!(found(weekdays, "", &format!("Vi ses {text} i bygdegården.\n")), [], "{text}");
        }
    }

    #[test]
    fn texts_without_a_weekday_and_date_pass() {
        for text in [
            "Vi ses på söndag. 9 maj är sista dagen.",
            "söndag, 9 maj är sista dagen",
            "söndag–måndag 9–10 maj",
            "lördag och söndag 9–10 maj",
            "Tisdagar och torsdagar 9 maj till 3 juni",
            "25–27 september",
            "We sat 9 May",
            "`söndag 9 maj`",
            "söndag\n\n9 maj",
            "Saturday and Sunday 9 and 10 May",
            "Sunday 9/5",
            "söndag 9/13",
            "[x](https://example.se/sondag-9-maj)",
            "https://example.se/söndag 9 maj",
            "Sunday 3 may come",
            "fredagskväll 9 maj",
            "söndag 9 personer",
            "lördagen den 9 {{member.ort}}",
        ] {
            assert_eq!(found(weekdays, "", &format!("{text}\n")), [], "{text}");
        }
    }

    #[test]
    fn wrong_weekdays_are_found_and_named() {
        for (text, message) in [
            ("söndagen den 9 maj", "`söndagen den 9 maj` is wrong: 2026-05-09 is a Saturday"),
            ("lördag 14 mars", "2026-03-14 is a Saturday"),
            ("söndag 14 mars", ""),
            ("fredag 14 mars", "`fredag 14 mars` is wrong: 2026-03-14 is a Saturday, 2027-03-14 is a Sunday"),
            ("sön 9/5", "`sön 9/5` is wrong: 2026-05-09 is a Saturday"),
            ("fredag\nden 9 maj", "`fredag den 9 maj` is wrong: 2026-05-09 is a Saturday"),
            ("Sunday 9 May", "`Sunday 9 May` is wrong: 2026-05-09 is a Saturday"),
            ("Sun, May 9, 2026", "`Sun, May 9, 2026` is wrong: 2026-05-09 is a Saturday"),
            ("Friday the 9th of May", "2026-05-09 is a Saturday"),
            ("lördagen den 9 maj 2027", "2027-05-09 is a Sunday"),
            ("lördag 31 april", "`lördag 31 april` is not a date"),
            ("måndag 1 januari", "2026-01-01 is a Thursday, 2027-01-01 is a Friday"),
        ] {
            let found = found(weekdays, "", &format!("\nVi ses {text}.\n"));
            // The next 14 March is a Sunday and the last one was a Saturday: both are possible.
            let is_either = ["lördag 14 mars", "söndag 14 mars"].contains(&text);
            let [(rule, line, got)] = found.as_slice() else {
                assert!(is_either && found.is_empty(), "{text}: {found:?}");
                continue;
            };
            assert_eq!((*rule, *line), ("weekday", 5), "{text}");
            assert!(got.contains(message), "{text}: {got}");
        }
    }

    #[test]
    fn the_advice_uses_the_language_of_the_text() {
        let dir = tempfile::tempdir().unwrap();
        let front = "[[event]]\ntitle = \"Möte\"\ndate = 2026-05-09\ndescription = \"Sunday 9 May\"\n";
        let source = issue(dir.path(), front, "söndag 9 maj\n");
        let facts = super::super::tests::facts();
        let found = weekdays(&Subject::new(&source, &facts));
        let found: Vec<_> = found.iter().map(|f| (f.line().unwrap(), f.advice.as_str())).collect();
        let [swedish, english] = ["write lördag or correct the date", "write Saturday or correct the date"];
        assert_eq!(found, [(8, swedish), (6, english)]);
    }
}
