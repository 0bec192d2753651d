//! How many letters may leave in a time.

use std::fmt;
use std::str::FromStr;

use jiff::SignedDuration;
use serde::Deserialize;

/// A limit such as `200/h`: at most this many letters in any such span of time.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Quota {
    pub letters: u32,
    unit: Unit,
}

#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Unit {
    Minute,
    Hour,
    Day,
}

impl Quota {
    /// The time in which the letters are counted.
    pub fn span(self) -> SignedDuration {
        SignedDuration::from_hours(match self.unit {
            Unit::Minute => return SignedDuration::from_mins(1),
            Unit::Hour => 1,
            Unit::Day => 24,
        })
    }

    /// Tells whether a run waits for the next letter's turn; it ends where that could take an hour or a day.
    pub fn is_waited_for(self) -> bool {
        self.unit == Unit::Minute
    }
}

impl FromStr for Quota {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("`{text}` is not a quota such as \"30/min\", \"200/h\" or \"300/day\"");
        let (letters, unit) = text.split_once('/').ok_or_else(wrong)?;
        let letters = letters.trim().parse().ok().filter(|letters| *letters > 0).ok_or_else(wrong)?;
        let unit = match unit.trim() {
            "min" | "minute" => Unit::Minute,
            "h" | "hour" => Unit::Hour,
            "d" | "day" => Unit::Day,
            _ => return Err(wrong()),
        };
        Ok(Self { letters, unit })
    }
}

impl TryFrom<String> for Quota {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl fmt::Display for Quota {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let unit = match self.unit {
            Unit::Minute => "min",
            Unit::Hour => "h",
            Unit::Day => "day",
        };
        write!(f, "{}/{unit}", self.letters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_a_number_in_a_time() {
        for (text, shown, minutes) in
            [("30/min", "30/min", 1), (" 200 / hour", "200/h", 60), ("300/d", "300/day", 1440)]
        {
            let quota: Quota = text.parse().unwrap();
            assert_eq!((quota.to_string().as_str(), quota.span().as_mins()), (shown, minutes));
        }
        for text in ["", "200", "0/h", "-1/h", "5/week", "x/h", "9999999999/h"] {
            assert!(text.parse::<Quota>().is_err(), "{text}");
        }
    }
}
