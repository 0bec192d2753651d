//! Events that a section announces: meetings, courses and the like.

use std::str::FromStr;

use jiff::civil::{Date, Time};
use serde::Serialize;

/// An event that a section announces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// An identifier that stays the same when the event is moved or cancelled (default: made from title and date).
    pub id: Option<String>,
    pub title: String,
    /// The first day.
    pub date: Date,
    /// The last day, if there are several.
    pub end_date: Option<Date>,
    pub start: Option<Time>,
    pub end: Option<Time>,
    pub repeat: Option<Repeat>,
    pub status: EventStatus,
    pub place: Option<String>,
    /// Where to take part on the web: an `https:` link.
    pub online: Option<String>,
    /// Where to sign up: an `https:` or `mailto:` link.
    pub signup: Option<String>,
    /// Markdown.
    pub description: Option<String>,
}

/// Whether an event takes place as first announced.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EventStatus {
    #[default]
    Planned,
    /// The time or the place has changed since it was announced.
    Moved,
    Cancelled,
}

/// How often an event repeats, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Repeat {
    pub every: Frequency,
    /// The last possible day.
    pub until: Option<Date>,
}

/// How often an event repeats.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, strum::IntoStaticStr, strum::EnumIter)]
#[serde(rename_all = "snake_case")]
#[strum(serialize_all = "snake_case")]
pub enum Frequency {
    Daily,
    Weekly,
    EveryOtherWeek,
    Monthly,
    Yearly,
}

impl Event {
    /// The last day of the event; `None` if it repeats indefinitely.
    pub fn last_day(&self) -> Option<Date> {
        match self.repeat {
            Some(repeat) => repeat.until,
            None => Some(self.end_date.unwrap_or(self.date)),
        }
    }

    /// Whether the event and all its repetitions are over on a given day.
    pub fn is_over(&self, today: Date) -> bool {
        self.last_day().is_some_and(|last| last < today)
    }
}

impl Frequency {
    /// The recurrence rule's parts (RFC 5545 §3.3.10).
    pub fn rule(self) -> &'static str {
        match self {
            Self::Daily => "FREQ=DAILY",
            Self::Weekly => "FREQ=WEEKLY",
            Self::EveryOtherWeek => "FREQ=WEEKLY;INTERVAL=2",
            Self::Monthly => "FREQ=MONTHLY",
            Self::Yearly => "FREQ=YEARLY",
        }
    }
}

impl FromStr for Frequency {
    type Err = ();

    /// Parses "weekly", "every week", "varje vecka" and the like.
    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let words: Vec<String> = text.split_whitespace().map(str::to_lowercase).collect();
        match words.join(" ").as_str() {
            "daily" | "every day" | "dagligen" | "varje dag" => Ok(Self::Daily),
            "weekly" | "every week" | "varje vecka" | "veckovis" => Ok(Self::Weekly),
            "biweekly" | "fortnightly" | "every other week" | "every second week" | "every 2 weeks"
            | "varannan vecka" => Ok(Self::EveryOtherWeek),
            "monthly" | "every month" | "varje månad" | "månadsvis" => Ok(Self::Monthly),
            "yearly" | "annually" | "every year" | "varje år" | "årligen" => Ok(Self::Yearly),
            _ => Err(()),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn frequencies_are_parsed_in_both_languages() {
        for (text, want) in [
            ("weekly", Ok(Frequency::Weekly)),
            ("Varje  vecka", Ok(Frequency::Weekly)),
            ("every other week", Ok(Frequency::EveryOtherWeek)),
            ("varje månad", Ok(Frequency::Monthly)),
            ("sometimes", Err(())),
            ("", Err(())),
        ] {
            assert_eq!(text.parse::<Frequency>(), want, "{text}");
        }
    }
}
