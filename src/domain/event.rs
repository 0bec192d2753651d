//! What a section announces: meetings, courses and other happenings.

use std::str::FromStr;

use jiff::civil::{Date, Time};
use serde::Serialize;

/// A meeting or another happening that a section announces.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Event {
    /// What stays the same when the event is moved or cancelled; default: made from its title and date.
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
    /// Where one takes part on the web: an `https:` link.
    pub online: Option<String>,
    /// Where one signs up: an `https:` or `mailto:` link.
    pub signup: Option<String>,
    /// Markdown.
    pub description: Option<String>,
}

/// Whether an event takes place as announced before.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Serialize)]
#[serde(rename_all = "lowercase")]
pub enum EventStatus {
    #[default]
    Planned,
    /// It takes place at another time or place than was announced before.
    Moved,
    Cancelled,
}

/// How often an event takes place, and until when.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize)]
pub struct Repeat {
    pub every: Frequency,
    /// The last day on which it may take place.
    pub until: Option<Date>,
}

/// How often something takes place.
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
    /// The last day on which something takes place; `None` if it repeats without an end.
    pub fn last_day(&self) -> Option<Date> {
        match self.repeat {
            Some(repeat) => repeat.until,
            None => Some(self.end_date.unwrap_or(self.date)),
        }
    }

    /// Whether nothing of it is left on a day.
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

    /// Reads "weekly", "every week" or "varje vecka", and the like.
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
    fn frequencies_are_read_in_both_languages() {
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
