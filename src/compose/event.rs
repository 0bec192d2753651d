//! An event for templates: its days, times and texts in the letter's language.

use jiff::civil::Date;
use serde::Serialize;

use crate::domain::{Event, EventStatus};

use super::LetterBody;
use super::language::Language;

/// An event with its description rendered.
#[derive(Debug)]
pub(super) struct CompiledEvent {
    pub event: Event,
    pub description: Option<LetterBody>,
}

/// An event's own values, and how a date block and a line of text show them.
#[derive(Debug, Serialize)]
pub(super) struct EventView<'a> {
    #[serde(flatten)]
    pub event: &'a Event,
    /// "lördag", or "fredag–söndag".
    pub weekdays: String,
    /// "9", "5–7", or "30 jan".
    pub days: String,
    /// "maj", "maj 2027" in another year than the letter's, or "till 14 mars".
    pub months: String,
    /// Whether it lasts several days.
    pub several_days: bool,
    /// "13:00–16:00"; empty if there is no time.
    pub time: String,
    /// Days and times on one line: "lördag 9 maj, 13:00–16:00".
    when: String,
    /// "Varje vecka till 1 maj 2027"; empty for a single event.
    pub repeats: String,
    /// "Inställt"; empty if the event takes place as planned.
    pub note: &'a str,
    pub cancelled: bool,
    /// The description in the format of the template.
    pub details: &'a str,
}

impl CompiledEvent {
    /// The event for one format's template; `issued` is the letter's date.
    pub fn view<'a>(
        &'a self,
        of_body: fn(&LetterBody) -> &String,
        language: &'a Language,
        issued: Date,
    ) -> EventView<'a> {
        let event = &self.event;
        let time = event.start.map(|start| language.times(start, event.end)).unwrap_or_default();
        let days = days(event, language, issued);
        let when = if time.is_empty() { days.clone() } else { format!("{days}, {time}") };
        let [weekdays, number, months] = block(event, language, issued);
        EventView {
            event,
            weekdays,
            days: number,
            months,
            several_days: event.end_date.is_some(),
            time,
            when,
            repeats: repeats(event, language, issued),
            note: match event.status {
                EventStatus::Planned => "",
                EventStatus::Moved => language.text("moved"),
                EventStatus::Cancelled => language.text("cancelled"),
            },
            cancelled: event.status == EventStatus::Cancelled,
            details: self.description.as_ref().map_or("", |body| of_body(body)),
        }
    }
}

/// A day and month, with the year if it differs from the letter's.
fn day(date: Date, language: &Language, issued: Date) -> String {
    if date.year() == issued.year() { language.day_and_month(date) } else { language.date(date) }
}

/// "lördag 9 maj", "fredag 5 februari – söndag 7 februari 2027".
fn days(event: &Event, language: &Language, issued: Date) -> String {
    let named = |date| format!("{} {}", language.weekday(date), day(date, language, issued));
    match event.end_date {
        None => named(event.date),
        Some(end) => format!("{} – {}", named(event.date), named(end)),
    }
}

/// The three lines of a date block.
fn block(event: &Event, language: &Language, issued: Date) -> [String; 3] {
    let date = event.date;
    let year = |date: Date| {
        if date.year() == issued.year() { String::new() } else { format!(" {}", date.year()) }
    };
    let month = |date: Date| format!("{}{}", language.month(date), year(date));
    match event.end_date {
        None => [language.weekday(date), date.day().to_string(), month(date)],
        Some(end) if (end.year(), end.month()) == (date.year(), date.month()) => [
            format!("{}–{}", language.weekday(date), language.weekday(end)),
            format!("{}–{}", date.day(), end.day()),
            month(end),
        ],
        Some(end) => [
            language.weekday(date),
            format!("{} {}", date.day(), language.short_month(date)),
            format!("{} {}", language.text("until"), day(end, language, issued)),
        ],
    }
}

fn repeats(event: &Event, language: &Language, issued: Date) -> String {
    let Some(repeat) = event.repeat else { return String::new() };
    let every = language.text(repeat.every.into());
    match repeat.until {
        None => every.to_owned(),
        Some(until) => format!("{every} {} {}", language.text("until"), day(until, language, issued)),
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::compose::event_table::EventTable;
    use jiff::civil::date;

    fn view(lines: &str) -> (String, String, String) {
        let language = Language::load("sv", std::path::Path::new("/nowhere")).unwrap();
        let table: EventTable = toml::from_str(&format!("title = \"Kurs\"\n{lines}")).unwrap();
        let event = CompiledEvent { event: table.into(), description: None };
        let view = event.view(|body| &body.text, &language, date(2026, 11, 15));
        (format!("{} | {} | {}", view.weekdays, view.days, view.months), view.when, view.repeats)
    }

    #[test]
    fn days_are_written_as_people_write_them() {
        for (lines, block, when, repeats) in [
            ("date = 2026-12-05\nstart = \"13\"", "lördag | 5 | december", "lördag 5 december, 13:00", ""),
            ("date = 2027-05-08", "lördag | 8 | maj 2027", "lördag 8 maj 2027", ""),
            (
                "date = 2026-12-04\nend_date = 2026-12-06",
                "fredag–söndag | 4–6 | december",
                "fredag 4 december – söndag 6 december",
                "",
            ),
            (
                "date = 2027-01-30\nend_date = 2027-03-14",
                "lördag | 30 jan | till 14 mars 2027",
                "lördag 30 januari 2027 – söndag 14 mars 2027",
                "",
            ),
            (
                "date = 2026-12-01\nrepeat = \"every other week until 2027-05-01\"",
                "tisdag | 1 | december",
                "tisdag 1 december",
                "Varannan vecka till 1 maj 2027",
            ),
        ] {
            assert_eq!(view(lines), (block.to_owned(), when.to_owned(), repeats.to_owned()), "{lines}");
        }
    }
}
