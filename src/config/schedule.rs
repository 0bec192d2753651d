//! `[schedule]`: when issues are due, and whom to remind.

use std::str::FromStr;

use jiff::civil::Date;
use serde::Deserialize;

use crate::domain::Address;

/// The year's issues and their authors.
#[derive(Debug, Deserialize)]
#[serde(deny_unknown_fields, default)]
pub struct ScheduleConfig {
    /// The due date of each of the year's issues, in order.
    pub due: Vec<MonthDay>,
    pub editors: Vec<Address>,
    /// How many days before the due date `remind` starts.
    pub remind_days: u16,
}

impl Default for ScheduleConfig {
    fn default() -> Self {
        Self { due: Vec::new(), editors: Vec::new(), remind_days: 21 }
    }
}

/// A month and day, such as `05-15`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct MonthDay {
    month: i8,
    day: i8,
}

impl MonthDay {
    /// The day in `year`; `None` for a year outside the calendar.
    pub fn in_year(self, year: i16) -> Option<Date> {
        Date::new(year, self.month, self.day).ok()
    }
}

impl FromStr for MonthDay {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let parts =
            text.split_once('-').and_then(|(month, day)| Some((month.parse().ok()?, day.parse().ok()?)));
        // 29 February does not exist in every year.
        let day = parts.and_then(|(month, day)| Date::new(2023, month, day).ok());
        let day = day.ok_or_else(|| format!("`{text}` is not a month and day such as \"05-15\""))?;
        Ok(Self { month: day.month(), day: day.day() })
    }
}

impl TryFrom<String> for MonthDay {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_day_exists_in_every_year() {
        let day: MonthDay = "05-15".parse().unwrap();
        assert_eq!(day.in_year(2026).unwrap().to_string(), "2026-05-15");
        for text in ["", "15 maj", "13-01", "02-29", "5"] {
            assert!(text.parse::<MonthDay>().is_err(), "{text}");
        }
    }
}
