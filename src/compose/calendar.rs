//! The calendar file with an issue's events (RFC 5545, 5546 §3.2.1, 6047 §2).

mod zone;

use std::collections::BTreeSet;

use aws_lc_rs::digest::{SHA256, digest};
use data_encoding::BASE32_NOPAD;
use jiff::civil::{Date, DateTime, date};
use jiff::tz::TimeZone;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};

use crate::domain::{Address, Event, EventStatus, Issue, Repeat};

/// The `Content-Type` of the attachment (RFC 6047 §2.4).
pub const CONTENT_TYPE: &str = "text/calendar; charset=utf-8; method=PUBLISH; component=VEVENT";

/// RFC 5545 §3.1: octets of a line without its CRLF.
const WIDTH: usize = 75;
/// RFC 6068 §2: characters to encode in the address of a `mailto:` URL.
const IN_MAILTO: &AsciiSet =
    &CONTROLS.add(b' ').add(b'%').add(b'?').add(b'&').add(b'#').add(b'<').add(b'>').add(b'"').add(b'/');

/// The organiser (RFC 5545 §3.8.4.3); the domain of its address also ends the UIDs.
#[derive(Debug, Clone, Copy)]
pub struct Organiser<'a> {
    pub name: &'a str,
    pub address: &'a Address,
}

/// A calendar of an issue's events, whose times are in `zone`; `None` if there are none.
///
/// It is a pure function: the same events yield the same bytes.
pub fn calendar(
    events: &[Event],
    issue: &Issue,
    zone: &TimeZone,
    organiser: Organiser<'_>,
) -> Option<String> {
    let first = events.iter().map(|event| event.date.year()).min()?;
    let last = events.iter().map(|event| event.last_day().unwrap_or(event.date).year()).max()?;
    let mut calendar = Calendar { text: String::new(), zone };
    calendar.line("BEGIN:VCALENDAR");
    calendar.line("VERSION:2.0");
    calendar.line("PRODID:-//medlemsbrev//medlemsbrev//EN");
    calendar.line("METHOD:PUBLISH");
    if calendar.zone_name().is_some() && events.iter().any(|event| event.start.is_some()) {
        zone::lines(zone, first, last).iter().for_each(|line| calendar.line(line));
    }
    let mut written = Vec::new();
    for event in events {
        let uid = uid(event, events, organiser.address.domain());
        // An event announced in two sections: a UID may occur only once.
        if !written.contains(&uid) {
            calendar.event(event, &uid, issue, organiser);
            written.push(uid);
        }
    }
    calendar.line("END:VCALENDAR");
    Some(calendar.text)
}

/// The identifier that an event keeps when a later letter corrects its time or place (RFC 5545 §3.8.4.7): its own id,
/// or else made from its title and day. Two equal events on one day are distinguished by their time.
fn uid(event: &Event, events: &[Event], domain: &str) -> String {
    let key = match &event.id {
        Some(id) => id.trim().to_owned(),
        None => {
            let (title, day) = (event.title.trim(), event.date);
            let is_twin = |other: &Event| other.title.trim() == title && other.date == day;
            let hours = events.iter().filter(|other| is_twin(other)).map(|other| other.start);
            let hour = event.start.filter(|_| hours.collect::<BTreeSet<_>>().len() > 1);
            format!("{title}\n{day}\n{hour:?}")
        }
    };
    let mut hash = BASE32_NOPAD.encode(digest(&SHA256, key.as_bytes()).as_ref()).to_ascii_lowercase();
    hash.truncate(26);
    format!("{hash}@{domain}")
}

/// Grows from letter to letter, so that calendars prefer the later one (RFC 5545 §3.8.7.4): days since 2020.
fn sequence(issue: &Issue) -> i32 {
    (issue.date - date(2020, 1, 1)).get_days().max(0)
}

struct Calendar<'a> {
    text: String,
    zone: &'a TimeZone,
}

impl<'a> Calendar<'a> {
    fn event(&mut self, event: &Event, uid: &str, issue: &Issue, organiser: Organiser<'_>) {
        self.line("BEGIN:VEVENT");
        self.line(&format!("UID:{uid}"));
        self.line(&issue.date.strftime("DTSTAMP:%Y%m%dT000000Z").to_string());
        self.line(&format!("SEQUENCE:{}", sequence(issue)));
        self.times(event);
        self.repetition(event);
        match event.status {
            EventStatus::Cancelled => self.line("STATUS:CANCELLED"),
            EventStatus::Planned | EventStatus::Moved => self.line("STATUS:CONFIRMED"),
        }
        self.text("SUMMARY", Some(&event.title));
        self.text("LOCATION", event.place.as_deref().or(event.online.as_deref()));
        self.text("DESCRIPTION", description(event).as_deref());
        if let Some(link) = event.signup.as_ref().or(event.online.as_ref()) {
            self.line(&format!("URL:{link}"));
        }
        let address = utf8_percent_encode(organiser.address.as_str(), IN_MAILTO);
        // RFC 5545 §3.2: a quoted parameter cannot hold a quotation mark.
        let name = organiser.name.replace('"', "'");
        self.line(&format!("ORGANIZER;CN=\"{name}\":mailto:{address}"));
        self.line("END:VEVENT");
    }

    /// Exchange refuses an event with neither DTEND nor DURATION (MS-STANXICAL §2.2.67).
    fn times(&mut self, event: &Event) {
        let last = event.end_date.filter(|last| *last > event.date);
        let Some(start) = event.start else {
            self.line(&event.date.strftime("DTSTART;VALUE=DATE:%Y%m%d").to_string());
            let last = last.unwrap_or(event.date);
            let end = last.tomorrow().unwrap_or(last);
            self.line(&end.strftime("DTEND;VALUE=DATE:%Y%m%d").to_string());
            // An all-day event does not block the day.
            return self.line("TRANSP:TRANSPARENT");
        };
        self.moment("DTSTART", event.date.to_datetime(start));
        if let (Some(last), Some(end)) = (last, event.end) {
            return self.moment("DTEND", last.to_datetime(end));
        }
        match event.end {
            Some(end) if end > start => self.moment("DTEND", event.date.to_datetime(end)),
            // An event from 19:00 to 1:00.
            Some(end) if end < start => {
                self.moment("DTEND", event.date.tomorrow().unwrap_or(event.date).to_datetime(end));
            }
            // The meaning of an event without an end (RFC 5545 §3.6.1).
            _ => self.line("DURATION:PT0S"),
        }
    }

    /// RFC 5545 §3.3.10: UNTIL is a date if DTSTART is one, else in UTC.
    fn repetition(&mut self, event: &Event) {
        let Some(Repeat { every, until }) = event.repeat else { return };
        let end = |last: Date| match (event.start, self.zone.to_timestamp(last.at(23, 59, 59, 0))) {
            (Some(_), Ok(utc)) => utc.strftime(";UNTIL=%Y%m%dT%H%M%SZ").to_string(),
            _ => last.strftime(";UNTIL=%Y%m%d").to_string(),
        };
        self.line(&format!("RRULE:{}{}", every.rule(), until.map(end).unwrap_or_default()));
    }

    /// Writes a local time with its zone (RFC 5545 §3.3.5), or in UTC if the zone has no name.
    fn moment(&mut self, name: &str, local: DateTime) {
        let line = match (self.zone_name(), self.zone.to_timestamp(local)) {
            (None, Ok(utc)) => format!("{name}:{}", utc.strftime("%Y%m%dT%H%M%SZ")),
            (zone, _) => {
                let zone = zone.map(|zone| format!(";TZID={zone}")).unwrap_or_default();
                format!("{name}{zone}:{}", local.strftime("%Y%m%dT%H%M%S"))
            }
        };
        self.line(&line);
    }

    fn zone_name(&self) -> Option<&'a str> {
        self.zone.iana_name().filter(|name| *name != "UTC")
    }

    fn text(&mut self, name: &str, value: Option<&str>) {
        if let Some(value) = value {
            self.line(&format!("{name}:{}", escaped(value)));
        }
    }

    /// Writes a line, folded between characters (RFC 5545 §3.1); a control character cannot start a new line.
    fn line(&mut self, line: &str) {
        let mut width = 0;
        for char in line.chars().filter(|char| !char.is_control()) {
            if width + char.len_utf8() > WIDTH {
                self.text.push_str("\r\n ");
                width = 1;
            }
            self.text.push(char);
            width += char.len_utf8();
        }
        self.text.push_str("\r\n");
    }
}

/// Includes the link, since Google Calendar and Outlook don't show URL.
fn description(event: &Event) -> Option<String> {
    let parts: Vec<&str> = [&event.description, &event.signup, &event.online]
        .into_iter()
        .flatten()
        .map(|part| part.trim())
        .collect();
    Some(parts.join("\n\n")).filter(|text| !text.is_empty())
}

/// RFC 5545 §3.3.11.
fn escaped(text: &str) -> String {
    text.replace('\\', "\\\\").replace(';', "\\;").replace(',', "\\,").replace('\t', " ").replace('\n', "\\n")
}

#[cfg(test)]
mod tests {
    use super::*;
    use jiff::civil::{Date, Time, date, time};

    fn event(title: &str, date: Date, start: Option<Time>, end: Option<Time>) -> Event {
        Event {
            id: None,
            title: title.to_owned(),
            date,
            end_date: None,
            start,
            end,
            repeat: None,
            status: EventStatus::Planned,
            place: None,
            online: None,
            signup: None,
            description: None,
        }
    }

    fn written(events: &[Event]) -> String {
        let issue = Issue {
            name: "2026-1".parse().unwrap(),
            kind: crate::domain::IssueKind::Newsletter,
            title: "Brevet".to_owned(),
            subject: "Brevet".to_owned(),
            preheader: None,
            date: date(2026, 4, 15),
            language: "sv".to_owned(),
            greeting: None,
            calendar: true,
            send_at: None,
            send_until: None,
        };
        let address = Address::parse("kansliet@example.se").unwrap();
        let zone = TimeZone::get("Europe/Stockholm").unwrap();
        calendar(events, &issue, &zone, Organiser { name: "Rådet \"X\"", address: &address })
            .unwrap_or_default()
    }

    #[test]
    fn times_are_written_in_the_form_calendars_expect() {
        let day = date(2026, 5, 9);
        let (one, seven) = (Some(time(1, 0, 0, 0)), Some(time(19, 0, 0, 0)));
        for (start, end, want) in [
            (None, None, "DTSTART;VALUE=DATE:20260509\r\nDTEND;VALUE=DATE:20260510"),
            (seven, None, "DTSTART;TZID=Europe/Stockholm:20260509T190000\r\nDURATION:PT0S"),
            (one, seven, "DTEND;TZID=Europe/Stockholm:20260509T190000"),
            (seven, one, "DTEND;TZID=Europe/Stockholm:20260510T010000"),
        ] {
            let text = written(&[event("Möte", day, start, end)]);
            assert!(text.contains(want), "{text}");
            assert_eq!(text.contains("BEGIN:VTIMEZONE"), start.is_some());
        }
    }

    #[test]
    fn days_repetitions_and_cancellations_are_written() {
        let (day, noon) = (date(2026, 5, 9), Some(time(12, 0, 0, 0)));
        let camp = Event { end_date: Some(date(2026, 5, 11)), ..event("Läger", day, None, None) };
        let whole = "DTSTART;VALUE=DATE:20260509\r\nDTEND;VALUE=DATE:20260512\r\nTRANSP:TRANSPARENT";
        let feast = Event { end: noon, ..Event { start: noon, ..camp.clone() } };
        let weekly = Repeat { every: crate::domain::Frequency::Weekly, until: Some(date(2026, 6, 1)) };
        let course = Event { repeat: Some(weekly), ..event("Kurs", day, noon, None) };
        let off = Event { status: EventStatus::Cancelled, ..course.clone() };
        for (event, want) in [
            (&camp, whole),
            (&feast, "DTEND;TZID=Europe/Stockholm:20260511T120000"),
            (&course, "RRULE:FREQ=WEEKLY;UNTIL=20260601T215959Z"),
            (&course, "SEQUENCE:2296"),
            (&off, "STATUS:CANCELLED"),
        ] {
            let text = written(std::slice::from_ref(event));
            assert!(text.contains(want), "{text}");
        }
    }

    #[test]
    fn a_correction_keeps_the_identifier() {
        let uid_of = |event: &Event| uid(event, std::slice::from_ref(event), "example.se");
        let meeting = event("Möte", date(2026, 5, 9), Some(time(12, 0, 0, 0)), None);
        let later =
            Event { start: Some(time(13, 0, 0, 0)), place: Some("Skolan".to_owned()), ..meeting.clone() };
        assert_eq!(uid_of(&meeting), uid_of(&later));
        let named = Event { id: Some("mote".to_owned()), ..meeting.clone() };
        assert_eq!(uid_of(&named), uid_of(&Event { date: date(2026, 6, 1), ..named.clone() }));
        let twins = [meeting, later];
        assert_ne!(uid(&twins[0], &twins, "example.se"), uid(&twins[1], &twins, "example.se"));
    }

    #[test]
    fn texts_are_escaped_and_lines_folded_between_characters() {
        let title = "Åk, ät; drick\\sjung\nefter ".repeat(8);
        let text = written(&[event(&title, date(2026, 5, 9), None, None)]);
        assert!(text.split("\r\n").all(|line| line.len() <= 75), "{text}");
        let unfolded = text.replace("\r\n ", "");
        assert!(unfolded.contains("SUMMARY:Åk\\, ät\\; drick\\\\sjung\\nefter Åk"), "{unfolded}");
        assert!(unfolded.contains("ORGANIZER;CN=\"Rådet 'X'\":mailto:kansliet@example.se"));
    }

    #[test]
    fn an_event_occurs_once_and_without_events_there_is_no_calendar() {
        let twice =
            [event("Möte", date(2026, 5, 9), None, None), event("Möte", date(2026, 5, 9), None, None)];
        assert_eq!(written(&twice).matches("BEGIN:VEVENT").count(), 1);
        assert_eq!(written(&[]), "");
    }
}
