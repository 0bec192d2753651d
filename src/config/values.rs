//! Values of the configuration that are validated while it is parsed.

use std::str::FromStr;
use std::time::Duration;

use jiff::tz::TimeZone;
use jiff::{SignedDuration, Timestamp};
use serde::Deserialize;

/// A time zone in the IANA database.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct ZoneName(pub TimeZone);

/// An `https:` URL with `{token}` for the member's token (RFC 8058 requires HTTPS).
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct UnsubscribeUrl(pub String);

/// A list identifier (RFC 2919 §2), such as `medlemsbrev.example.se`.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct ListId(pub String);

/// A number from 1 to 1,000.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "u32")]
pub struct Count(pub usize);

/// A length of time such as `30s` or `5min`.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(try_from = "SignedDuration")]
pub struct Span(pub Duration);

/// An `https:` or `http:` URL that ends in `/`.
#[derive(Debug, Clone, Deserialize)]
#[serde(try_from = "String")]
pub struct FolderUrl(pub String);

/// How many active members may be missing from a new file: a number or a percentage.
#[derive(Debug, Clone, Copy, PartialEq, Deserialize)]
#[serde(try_from = "MaxMissingText")]
pub enum MaxMissing {
    Number(u64),
    /// Per cent of the active members.
    Percent(f64),
}

/// What to do with active members who are missing from a new file.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, clap::ValueEnum)]
#[serde(rename_all = "lowercase")]
pub enum Missing {
    /// They stay as they are.
    Keep,
    /// They get no letters until they are in a list again.
    #[default]
    Deactivate,
}

#[derive(Deserialize)]
#[serde(untagged)]
enum MaxMissingText {
    Number(u64),
    Text(String),
}

/// A length of time that may be zero, such as `0s`, `30s` or `5min`.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize)]
#[serde(try_from = "SignedDuration")]
pub struct Wait(pub Duration);

impl TryFrom<SignedDuration> for Wait {
    type Error = String;

    fn try_from(span: SignedDuration) -> Result<Self, Self::Error> {
        Duration::try_from(span).map(Self).map_err(|_| "the time must not be negative".to_owned())
    }
}

impl FromStr for Wait {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("`{text}` is not a duration such as 30s or 5min");
        let span: SignedDuration = text.parse().map_err(|_| wrong())?;
        Duration::try_from(span).map(Self).map_err(|_| wrong())
    }
}

/// An age such as `90d`, `24m` (months) or `3y`.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct Age {
    days: u32,
    months: u32,
}

impl TryFrom<String> for Age {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        text.parse()
    }
}

impl Age {
    /// This many days.
    pub const fn days(days: u32) -> Self {
        Self { days, months: 0 }
    }

    /// The moment this long before `now`; `None` before the calendar's first year.
    pub fn before(self, now: Timestamp) -> Option<Timestamp> {
        let span = jiff::Span::new().try_months(self.months).ok()?.try_days(self.days).ok()?;
        now.to_zoned_datetime(TimeZone::UTC).checked_sub(span).ok().map(|time| time.timestamp())
    }
}

impl FromStr for Age {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("`{text}` is not an age such as 90d, 24m (months) or 3y");
        let text = text.trim();
        let unit = text.chars().last().ok_or_else(wrong)?;
        let number: u32 = text.strip_suffix(unit).unwrap_or_default().trim().parse().map_err(|_| wrong())?;
        match unit {
            'd' => Ok(Self { days: number, months: 0 }),
            'm' => Ok(Self { days: 0, months: number }),
            'y' => Ok(Self { days: 0, months: number.checked_mul(12).ok_or_else(wrong)? }),
            _ => Err(wrong()),
        }
    }
}

impl Default for MaxMissing {
    fn default() -> Self {
        Self::Percent(10.0)
    }
}

impl MaxMissing {
    /// Tells whether too many of the `active` members are `missing`.
    pub fn stops(self, missing: u64, active: u64) -> bool {
        match self {
            Self::Number(number) => missing > number,
            #[expect(clippy::cast_precision_loss, reason = "member counts are far below 2^52")]
            Self::Percent(percent) => missing as f64 * 100.0 > percent * active as f64,
        }
    }
}

impl FromStr for MaxMissing {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("`{text}` is neither a number nor a share such as \"10%\"");
        match text.trim().strip_suffix('%') {
            Some(percent) => match percent.trim().parse::<f64>() {
                Ok(percent) if (0.0..=100.0).contains(&percent) => Ok(Self::Percent(percent)),
                _ => Err(wrong()),
            },
            None => text.trim().parse().map(Self::Number).map_err(|_| wrong()),
        }
    }
}

impl TryFrom<MaxMissingText> for MaxMissing {
    type Error = String;

    fn try_from(value: MaxMissingText) -> Result<Self, Self::Error> {
        match value {
            MaxMissingText::Number(number) => Ok(Self::Number(number)),
            MaxMissingText::Text(text) => text.parse(),
        }
    }
}

impl TryFrom<u32> for Count {
    type Error = String;

    fn try_from(number: u32) -> Result<Self, Self::Error> {
        match usize::try_from(number) {
            Ok(number) if (1..=1000).contains(&number) => Ok(Self(number)),
            _ => Err(format!("{number} is not between 1 and 1,000")),
        }
    }
}

impl TryFrom<SignedDuration> for Span {
    type Error = String;

    fn try_from(span: SignedDuration) -> Result<Self, Self::Error> {
        match Duration::try_from(span) {
            Ok(span) if !span.is_zero() => Ok(Self(span)),
            _ => Err("the time must be greater than zero".to_owned()),
        }
    }
}

impl TryFrom<String> for ZoneName {
    type Error = String;

    fn try_from(name: String) -> Result<Self, Self::Error> {
        TimeZone::get(&name)
            .map(Self)
            .map_err(|_| format!("`{name}` is not a time zone, such as \"Europe/Stockholm\""))
    }
}

impl TryFrom<String> for UnsubscribeUrl {
    type Error = String;

    fn try_from(url: String) -> Result<Self, Self::Error> {
        let printable = url.bytes().all(|b| b.is_ascii_graphic() && !b"<>\"".contains(&b));
        if url.starts_with("https://") && url.contains("{token}") && printable && url.len() < 300 {
            return Ok(Self(url));
        }
        Err(format!("`{url}` must start with https:// and have {{token}} for the member's token"))
    }
}

impl TryFrom<String> for FolderUrl {
    type Error = String;

    fn try_from(url: String) -> Result<Self, Self::Error> {
        let printable = url.bytes().all(|b| b.is_ascii_graphic() && !b"<>\"".contains(&b));
        let has_scheme = url.starts_with("https://") || url.starts_with("http://");
        if has_scheme && printable && url.len() < 300 {
            return Ok(Self(if url.ends_with('/') { url } else { url + "/" }));
        }
        Err(format!("`{url}` is not a web address such as \"https://www.example.se/brev/\""))
    }
}

impl TryFrom<String> for ListId {
    type Error = String;

    fn try_from(id: String) -> Result<Self, Self::Error> {
        let allowed = |b: u8| b.is_ascii_alphanumeric() || b == b'-' || b == b'.';
        if id.contains('.') && id.bytes().all(allowed) && id.len() < 200 {
            return Ok(Self(id));
        }
        Err(format!("`{id}` is not a list ID such as \"medlemsbrev.example.se\" (RFC 2919)"))
    }
}
