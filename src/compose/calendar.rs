//! The calendar file with a letter's events (RFC 5545, 5546 §3.2.1, 6047 §2).

mod zone;

use data_encoding::BASE32_NOPAD;
use jiff::civil::DateTime;
use jiff::tz::TimeZone;
use percent_encoding::{AsciiSet, CONTROLS, utf8_percent_encode};
use ring::digest::{SHA256, digest};

use crate::domain::{Address, Event, Issue};

/// The `Content-Type` of the attachment (RFC 6047 §2.4).
pub const CONTENT_TYPE: &str = "text/calendar; charset=utf-8; method=PUBLISH; component=VEVENT";

/// RFC 5545 §3.1: octets of a line without its CRLF.
const WIDTH: usize = 75;
/// RFC 6068 §2: what must be encoded in the address of a `mailto:` URL.
const IN_MAILTO: &AsciiSet =
    &CONTROLS.add(b' ').add(b'%').add(b'?').add(b'&').add(b'#').add(b'<').add(b'>').add(b'"').add(b'/');

/// Who invites (RFC 5545 §3.8.4.3); the domain of the address also ends the UIDs.
#[derive(Debug, Clone, Copy)]
pub struct Organiser<'a> {
    pub name: &'a str,
    pub address: &'a Address,
}

/// A calendar with the events of an issue, whose times are in `zone`; `None` if there are none.
///
/// It is a pure function: the same events give the same bytes.
pub fn calendar(
    events: &[Event],
    issue: &Issue,
    zone: &TimeZone,
    organiser: Organiser<'_>,
) -> Option<String> {
    let first = events.iter().map(|event| event.date.year()).min()?;
    let last = events.iter().map(|event| event.date.year()).max()?;
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
        let uid = uid(event, issue, organiser.address.domain());
        // An event that two sections announce: a UID may stand only once.
        if !written.contains(&uid) {
            calendar.event(event, &uid, issue, organiser);
            written.push(uid);
        }
    }
    calendar.line("END:VCALENDAR");
    Some(calendar.text)
}

/// Of what the reader sees, not of the place in the letter: sections differ from member to member.
fn uid(event: &Event, issue: &Issue, domain: &str) -> String {
    let place = event.place.as_deref().unwrap_or_default();
    let key = format!("{}\n{}\n{:?}\n{}\n{place}", issue.name, event.date, event.start, event.title);
    let mut hash = BASE32_NOPAD.encode(digest(&SHA256, key.as_bytes()).as_ref()).to_ascii_lowercase();
    hash.truncate(20);
    format!("{}-{hash}@{domain}", issue.name)
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
        self.times(event);
        self.text("SUMMARY", Some(&event.title));
        self.text("LOCATION", event.place.as_deref());
        self.text("DESCRIPTION", description(event).as_deref());
        if let Some(link) = &event.signup {
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
        let Some(start) = event.start else {
            self.line(&event.date.strftime("DTSTART;VALUE=DATE:%Y%m%d").to_string());
            let end = event.date.tomorrow().unwrap_or(event.date);
            return self.line(&end.strftime("DTEND;VALUE=DATE:%Y%m%d").to_string());
        };
        self.moment("DTSTART", event.date.to_datetime(start));
        match event.end {
            Some(end) if end > start => self.moment("DTEND", event.date.to_datetime(end)),
            // A feast from 19 to 1.
            Some(end) if end < start => {
                self.moment("DTEND", event.date.tomorrow().unwrap_or(event.date).to_datetime(end));
            }
            // What RFC 5545 §3.6.1 takes an event without an end for.
            _ => self.line("DURATION:PT0S"),
        }
    }

    /// A local time with its zone (RFC 5545 §3.3.5), or in UTC where the zone has no name.
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

    /// Folds between characters (RFC 5545 §3.1); a control character cannot start a line of its own.
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

/// With the link, since Google Calendar and Outlook don't show URL.
fn description(event: &Event) -> Option<String> {
    let parts: Vec<&str> =
        [&event.description, &event.signup].into_iter().flatten().map(|part| part.trim()).collect();
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
        Event { title: title.to_owned(), date, start, end, place: None, signup: None, description: None }
    }

    fn written(events: &[Event]) -> String {
        let issue = Issue {
            name: "2026-1".parse().unwrap(),
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
    fn times_are_written_as_calendars_read_them() {
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
    fn texts_are_escaped_and_lines_folded_between_characters() {
        let title = "Åk, ät; drick\\sjung\nefter ".repeat(8);
        let text = written(&[event(&title, date(2026, 5, 9), None, None)]);
        assert!(text.split("\r\n").all(|line| line.len() <= 75), "{text}");
        let unfolded = text.replace("\r\n ", "");
        assert!(unfolded.contains("SUMMARY:Åk\\, ät\\; drick\\\\sjung\\nefter Åk"), "{unfolded}");
        assert!(unfolded.contains("ORGANIZER;CN=\"Rådet 'X'\":mailto:kansliet@example.se"));
    }

    #[test]
    fn an_event_stands_once_and_no_events_are_no_calendar() {
        let twice =
            [event("Möte", date(2026, 5, 9), None, None), event("Möte", date(2026, 5, 9), None, None)];
        assert_eq!(written(&twice).matches("BEGIN:VEVENT").count(), 1);
        assert_eq!(written(&[]), "");
    }
}
