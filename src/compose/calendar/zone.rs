//! The VTIMEZONE of a zone for some years (RFC 5545 §3.6.5).

use jiff::civil::{Date, DateTime, Time};
use jiff::tz::{Offset, TimeZone, TimeZoneTransition};

/// A change of the clocks.
#[derive(Debug, Clone)]
struct Onset {
    /// In local time before the change.
    local: DateTime,
    from: Offset,
    to: Offset,
    is_summer: bool,
    name: String,
}

/// The lines of the component, correct from the first day of `first` to the last day of `last`.
pub(super) fn lines(zone: &TimeZone, first: i16, last: i16) -> Vec<String> {
    let mut onsets = onsets(zone, first - 1, last + 1);
    let mut lines = vec!["BEGIN:VTIMEZONE".to_owned()];
    lines.extend(zone.iana_name().map(|name| format!("TZID:{name}")));
    // Without a change in the year before, an offset must apply from 1 January on.
    if onsets.first().is_none_or(|onset| onset.local.year() >= first) {
        lines.extend(start(zone, first - 1).iter().flat_map(|start| start.lines(None)));
    }
    let years = usize::try_from(last + 3 - first).unwrap_or_default();
    while let Some(onset) = onsets.first().cloned() {
        let same: Vec<Onset> = onsets.iter().filter(|other| onset.recurs_as(other)).cloned().collect();
        match rule(&same).filter(|_| same.len() == years) {
            Some(rule) => {
                lines.extend(onset.lines(Some(&rule)));
                onsets.retain(|other| !onset.recurs_as(other));
            }
            None => lines.extend(onsets.remove(0).lines(None)),
        }
    }
    lines.push("END:VTIMEZONE".to_owned());
    lines
}

/// The changes from the year `first` to the year `last`.
fn onsets(zone: &TimeZone, first: i16, last: i16) -> Vec<Onset> {
    let Some(start) = start(zone, first) else { return Vec::new() };
    let Ok(from) = start.from.to_timestamp(start.local) else { return Vec::new() };
    let mut before = start.to;
    let onset = |change: TimeZoneTransition<'_>| {
        let from = std::mem::replace(&mut before, change.offset());
        Onset {
            local: from.to_datetime(change.timestamp()),
            from,
            to: change.offset(),
            is_summer: change.dst().is_dst(),
            name: change.abbreviation().to_owned(),
        }
    };
    zone.following(from).map(onset).take_while(|onset| onset.local.year() <= last).collect()
}

/// The offset in force when the year starts, as if it had started then.
fn start(zone: &TimeZone, year: i16) -> Option<Onset> {
    let local = Date::new(year, 1, 1).ok()?.to_datetime(Time::midnight());
    let now = zone.to_offset_info(zone.to_timestamp(local).ok()?);
    Some(Onset {
        local,
        from: now.offset(),
        to: now.offset(),
        is_summer: now.dst().is_dst(),
        name: now.abbreviation().to_owned(),
    })
}

impl Onset {
    fn recurs_as(&self, other: &Self) -> bool {
        let key = |onset: &Self| {
            (onset.local.month(), onset.local.weekday(), onset.local.time(), onset.from, onset.to)
        };
        key(self) == key(other)
    }

    fn lines(&self, rule: Option<&str>) -> Vec<String> {
        let kind = if self.is_summer { "DAYLIGHT" } else { "STANDARD" };
        let mut lines = vec![
            format!("BEGIN:{kind}"),
            format!("DTSTART:{}", self.local.strftime("%Y%m%dT%H%M%S")),
            format!("TZOFFSETFROM:{}", digits(self.from)),
            format!("TZOFFSETTO:{}", digits(self.to)),
            format!("TZNAME:{}", self.name),
            format!("END:{kind}"),
        ];
        if let Some(rule) = rule {
            lines.insert(2, format!("RRULE:{rule}"));
        }
        lines
    }
}

/// The rule for each of these changes, such as the last Sunday in March.
fn rule(onsets: &[Onset]) -> Option<String> {
    let local = onsets.first()?.local;
    let week = |at: DateTime| (at.day() + 6) / 7;
    let is_last = |at: DateTime| at.day() > at.days_in_month() - 7;
    let nth = if onsets.iter().all(|onset| is_last(onset.local)) {
        -1
    } else if onsets.iter().all(|onset| week(onset.local) == week(local)) {
        week(local)
    } else {
        return None;
    };
    let day = local.strftime("%a").to_string().to_uppercase();
    Some(format!("FREQ=YEARLY;BYMONTH={};BYDAY={nth}{}", local.month(), day.get(..2)?))
}

/// `+0100` (RFC 5545 §3.3.14).
fn digits(offset: Offset) -> String {
    let seconds = offset.seconds();
    let sign = if seconds < 0 { '-' } else { '+' };
    let minutes = seconds.abs() / 60;
    format!("{sign}{:02}{:02}", minutes / 60, minutes % 60)
}
