//! `[[event]]` in a section's front matter.

use jiff::civil::{Date, Time};
use serde::{Deserialize, Deserializer, de};

use crate::domain::{Event, EventStatus, Repeat};

use super::moment::{Moment, parsed, parsed_if_any};

/// An event as written by an editor.
#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
pub(super) struct EventTable {
    id: Option<String>,
    title: String,
    #[serde(deserialize_with = "parsed")]
    date: Date,
    #[serde(default, deserialize_with = "parsed_if_any")]
    end_date: Option<Date>,
    #[serde(default, deserialize_with = "parsed_if_any")]
    start: Option<Time>,
    #[serde(default, deserialize_with = "parsed_if_any")]
    end: Option<Time>,
    #[serde(default, deserialize_with = "repeat")]
    repeat: Option<Repeat>,
    #[serde(default, deserialize_with = "status")]
    status: EventStatus,
    place: Option<String>,
    online: Option<String>,
    signup: Option<String>,
    description: Option<String>,
}

impl From<EventTable> for Event {
    fn from(table: EventTable) -> Self {
        let EventTable {
            id,
            title,
            date,
            end_date,
            start,
            end,
            repeat,
            status,
            place,
            online,
            signup,
            description,
        } = table;
        let end_date = end_date.filter(|end| *end != date);
        Self { id, title, date, end_date, start, end, repeat, status, place, online, signup, description }
    }
}

/// "weekly until 2027-05-01", "varannan vecka till 1 maj 2027", "monthly".
fn repeat<'de, D: Deserializer<'de>>(deserializer: D) -> Result<Option<Repeat>, D::Error> {
    let text = String::deserialize(deserializer)?;
    let until = [" until ", " till ", " t.o.m. ", " to "].iter().find_map(|word| text.split_once(word));
    let (every, until) = until.map_or((text.as_str(), None), |(every, until)| (every, Some(until)));
    let wrong = || {
        de::Error::custom(format!(
            "`{text}` is not a repetition such as \"weekly until 2027-05-01\": use daily, weekly, every other week, \
             monthly or yearly"
        ))
    };
    let every = every.parse().map_err(|()| wrong())?;
    let until = until.map(|until| Date::read(until).ok_or_else(wrong)).transpose()?;
    Ok(Some(Repeat { every, until }))
}

fn status<'de, D: Deserializer<'de>>(deserializer: D) -> Result<EventStatus, D::Error> {
    let text = String::deserialize(deserializer)?;
    match text.trim().to_lowercase().as_str() {
        "planned" => Ok(EventStatus::Planned),
        "cancelled" | "canceled" | "inställt" | "inställd" => Ok(EventStatus::Cancelled),
        "moved" | "flyttat" | "flyttad" => Ok(EventStatus::Moved),
        _ => Err(de::Error::custom(format!("`{text}` is not a status: use cancelled or moved"))),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::Frequency;
    use jiff::civil::date;

    fn read(lines: &str) -> Result<Event, String> {
        let text = format!("title = \"Kurs\"\ndate = 2027-02-05\n{lines}");
        toml::from_str::<EventTable>(&text).map(Event::from).map_err(|error| error.message().to_owned())
    }

    #[test]
    fn days_repetitions_and_states_are_parsed() {
        let event = read("end_date = \"7 februari 2027\"\nstatus = \"Inställt\"").unwrap();
        assert_eq!((event.end_date, event.status), (Some(date(2027, 2, 7)), EventStatus::Cancelled));
        assert_eq!(read("end_date = 2027-02-05").unwrap().end_date, None);
        for (text, every, until) in [
            ("weekly until 2027-05-01", Frequency::Weekly, Some(date(2027, 5, 1))),
            ("varannan vecka till 1 maj 2027", Frequency::EveryOtherWeek, Some(date(2027, 5, 1))),
            ("monthly", Frequency::Monthly, None),
        ] {
            let event = read(&format!("repeat = \"{text}\"")).unwrap();
            assert_eq!(event.repeat, Some(Repeat { every, until }), "{text}");
        }
        for (line, message) in [
            ("repeat = \"ibland\"", "`ibland` is not a repetition"),
            ("repeat = \"weekly until spring\"", "is not a repetition"),
            ("status = \"kanske\"", "`kanske` is not a status"),
        ] {
            assert!(read(line).unwrap_err().contains(message), "{line}");
        }
    }
}
