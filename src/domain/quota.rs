//! How many letters may be sent in a given time.

use std::fmt;
use std::str::FromStr;

use jiff::SignedDuration;
use serde::Deserialize;

/// A limit such as `200/h` or `25/5min`: at most this many letters in any period of that length.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Quota {
    pub letters: u32,
    minutes: u32,
}

const HOUR: u32 = 60;
const DAY: u32 = 24 * HOUR;
const LONGEST: u32 = 7 * DAY;
/// A run waits for its turn only if the quota's period is at most this many minutes.
const WAITED_FOR: u32 = 5;

impl Quota {
    /// No quota counts letters over a longer period.
    pub const LONGEST_SPAN: SignedDuration = SignedDuration::from_mins(LONGEST as i64);

    /// The period over which letters are counted.
    pub fn span(self) -> SignedDuration {
        SignedDuration::from_mins(self.minutes.into())
    }

    /// Tells whether a run waits for the next letter's turn; if that could take an hour or a day, it ends instead.
    pub fn is_waited_for(self) -> bool {
        self.minutes <= WAITED_FOR
    }
}

impl FromStr for Quota {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong =
            || format!("`{text}` is not a quota such as \"30/min\", \"25/5min\", \"200/h\" or \"300/day\"");
        let (letters, unit) = text.split_once('/').ok_or_else(wrong)?;
        let letters = letters.trim().parse().ok().filter(|letters| *letters > 0).ok_or_else(wrong)?;
        let unit = unit.trim();
        let digits = unit.find(|c: char| !c.is_ascii_digit()).unwrap_or(unit.len());
        let (number, unit) = unit.split_at(digits);
        let number: u32 = if number.is_empty() { 1 } else { number.parse().map_err(|_| wrong())? };
        let minutes = match unit.trim() {
            "min" | "minute" | "minutes" => 1,
            "h" | "hour" | "hours" => HOUR,
            "d" | "day" | "days" => DAY,
            _ => return Err(wrong()),
        };
        let minutes = number.checked_mul(minutes).filter(|minutes| (1..=LONGEST).contains(minutes));
        Ok(Self { letters, minutes: minutes.ok_or_else(wrong)? })
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
        let (number, unit) = match self.minutes {
            minutes if minutes % DAY == 0 => (minutes / DAY, "day"),
            minutes if minutes % HOUR == 0 => (minutes / HOUR, "h"),
            minutes => (minutes, "min"),
        };
        let number = if number == 1 { String::new() } else { number.to_string() };
        write!(f, "{}/{number}{unit}", self.letters)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quotas_are_a_number_per_period() {
        for (text, shown, minutes) in [
            ("30/min", "30/min", 1),
            (" 200 / hour", "200/h", 60),
            ("300/d", "300/day", 1440),
            ("25/5min", "25/5min", 5),
            ("300/4h", "300/4h", 240),
            ("10/60min", "10/h", 60),
        ] {
            let quota: Quota = text.parse().unwrap();
            assert_eq!((quota.to_string().as_str(), quota.span().as_mins()), (shown, minutes));
        }
        for text in ["", "200", "0/h", "-1/h", "5/week", "x/h", "9999999999/h", "5/0h", "5/99999999h"] {
            assert!(text.parse::<Quota>().is_err(), "{text}");
        }
    }
}
