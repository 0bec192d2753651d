//! An issue's folder: `issue.toml`, the section files, images and attachments.

use std::path::{Path, PathBuf};

use jiff::civil::{Date, DateTime, Time};
use serde::{Deserialize, Deserializer};
use toml::Spanned;

use crate::domain::segment::SegmentError;
use crate::domain::{Event, Excerpt, Issue, IssueName, Section, Segment, suggest};

use super::{ComposeError, limits};

/// What is in an issue's folder, read and checked but not yet rendered.
#[derive(Debug, Clone)]
pub struct IssueSource {
    pub dir: PathBuf,
    pub issue: Issue,
    /// In the order in which they are in the letter.
    pub sections: Vec<Section>,
    /// Files to attach, in the order of their names.
    pub attachments: Vec<PathBuf>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IssueFile {
    title: String,
    #[serde(deserialize_with = "parsed")]
    date: Date,
    subject: Option<String>,
    preheader: Option<String>,
    language: Option<String>,
    greeting: Option<String>,
    calendar: Option<bool>,
    #[serde(default, deserialize_with = "parsed_if_any")]
    send_at: Option<DateTime>,
    #[serde(default, deserialize_with = "parsed_if_any")]
    send_until: Option<DateTime>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FrontMatter {
    title: String,
    order: Option<i64>,
    audience: Option<Spanned<String>>,
    #[serde(default)]
    event: Vec<EventTable>,
}

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct EventTable {
    title: String,
    #[serde(deserialize_with = "parsed")]
    date: Date,
    #[serde(default, deserialize_with = "parsed_if_any")]
    start: Option<Time>,
    #[serde(default, deserialize_with = "parsed_if_any")]
    end: Option<Time>,
    place: Option<String>,
    signup: Option<String>,
    description: Option<String>,
}

/// Dates and times are in TOML bare (`2026-05-09`) or as texts (`"13:00"`).
#[derive(Deserialize)]
#[serde(untagged)]
enum Moment {
    Bare(toml::value::Datetime),
    Text(String),
}

fn parsed<'de, D: Deserializer<'de>, T: std::str::FromStr>(deserializer: D) -> Result<T, D::Error>
where
    T::Err: std::fmt::Display,
{
    let text = match Moment::deserialize(deserializer)? {
        Moment::Bare(moment) => moment.to_string(),
        Moment::Text(text) => text,
    };
    text.trim().replace(' ', "T").replace('.', ":").parse().map_err(|_| {
        serde::de::Error::custom(format!(
            "`{text}` is not a date or time such as 2026-04-15, \"13:00\" or 2026-04-15T08:00"
        ))
    })
}

fn parsed_if_any<'de, D: Deserializer<'de>, T: std::str::FromStr>(
    deserializer: D,
) -> Result<Option<T>, D::Error>
where
    T::Err: std::fmt::Display,
{
    parsed(deserializer).map(Some)
}

impl IssueSource {
    /// Reads the folder `dir` of the issue `name`; `language` is the association's own.
    ///
    /// # Errors
    /// Points at the file and line that is wrong.
    pub fn load(dir: &Path, name: &IssueName, language: &str) -> Result<Self, ComposeError> {
        let path = dir.join("issue.toml");
        if !path.is_file() {
            return Err(ComposeError::NoIssue { name: name.to_string(), dir: dir.to_owned() });
        }
        let text = read(&path)?;
        let file: IssueFile = toml::from_str(&text).map_err(|error| toml_error(&path, &text, 0, &error))?;
        let issue = Issue {
            name: name.clone(),
            subject: file.subject.unwrap_or_else(|| file.title.clone()),
            title: file.title,
            preheader: file.preheader,
            date: file.date,
            language: file.language.unwrap_or_else(|| language.to_owned()),
            greeting: file.greeting,
            calendar: file.calendar.unwrap_or(true),
            send_at: file.send_at,
            send_until: file.send_until,
        };
        let mut sections = files(dir)?
            .into_iter()
            .filter(|path| path.extension().is_some_and(|extension| extension == "md"))
            .map(|path| load_section(&path))
            .collect::<Result<Vec<_>, _>>()?;
        if sections.is_empty() {
            return Err(ComposeError::NoSection { dir: dir.to_owned() });
        }
        sections.sort_by(|a, b| (a.order, &a.path).cmp(&(b.order, &b.path)));
        let attachments = dir.join("attachments");
        let attachments = if attachments.is_dir() { files(&attachments)? } else { Vec::new() };
        Ok(Self { dir: dir.to_owned(), issue, sections, attachments })
    }
}

/// Reads one section file: TOML between two lines `+++`, then Markdown.
fn load_section(path: &Path) -> Result<Section, ComposeError> {
    let text = read(path)?;
    let missing = |message: &str| ComposeError::Source {
        message: message.to_owned(),
        hint: Some("a section file starts with `+++`, then `title = \"…\"`, then `+++`".to_owned()),
        excerpt: Excerpt::at(path, &text, 1, 1),
    };
    let mut lines = text.split_inclusive('\n');
    let opening = lines.next().unwrap_or_default();
    if opening.trim_end() != "+++" {
        return Err(missing("the front matter is missing"));
    }
    let mut end = opening.len();
    let closing = lines.find(|line| {
        let is_fence = line.trim_end() == "+++";
        end += if is_fence { 0 } else { line.len() };
        is_fence
    });
    let closing = closing.ok_or_else(|| missing("the front matter has no closing `+++`"))?;
    let front = text.get(opening.len()..end).unwrap_or_default();
    let markdown = text.get(end + closing.len()..).unwrap_or_default();
    limits::section(path, &text, markdown)?;
    let matter: FrontMatter =
        toml::from_str(front).map_err(|error| toml_error(path, &text, opening.len(), &error))?;
    let audience =
        matter.audience.map(|audience| parse_audience(path, &text, opening.len(), &audience)).transpose()?;
    Ok(Section {
        path: path.to_owned(),
        title: matter.title,
        order: matter.order.or_else(|| number_of(path)).unwrap_or(i64::MAX),
        audience,
        events: matter.event.into_iter().map(Event::from).collect(),
        markdown: markdown.to_owned(),
        lines_above: text
            .len()
            .checked_sub(markdown.len())
            .map_or(0, |end| text.get(..end).unwrap_or_default().matches('\n').count()),
    })
}

fn parse_audience(
    path: &Path,
    text: &str,
    offset: usize,
    audience: &Spanned<String>,
) -> Result<Segment, ComposeError> {
    Segment::parse(audience.get_ref()).map_err(|error| {
        // The expression starts after its quotation mark.
        let start = offset + audience.span().start + 1;
        ComposeError::Source {
            message: format!("audience: {error}"),
            hint: Some("example: audience = 'typ = \"byalag\" and område in [\"stad\"]'".to_owned()),
            excerpt: Excerpt::new(path, text, start + error.span.start..start + error.span.end),
        }
    })
}

/// An error in an audience that was found after the file was read.
pub(super) fn audience_error(path: &Path, audience: &Segment, error: &SegmentError) -> ComposeError {
    let text = read(path).unwrap_or_default();
    let start = text.find(audience.source()).unwrap_or(0);
    ComposeError::Source {
        message: format!("audience: {error}"),
        hint: Some("the fields are the columns of the member list".to_owned()),
        excerpt: Excerpt::new(path, &text, start + error.span.start..start + error.span.end),
    }
}

/// The number that a section file's name starts with.
fn number_of(path: &Path) -> Option<i64> {
    let name = path.file_name()?.to_str()?;
    let digits = name.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

fn read(path: &Path) -> Result<String, ComposeError> {
    // A pipe would be waited for.
    if path.exists() && !path.is_file() {
        return Err(ComposeError::NotAFile { path: path.to_owned() });
    }
    let text = std::fs::read_to_string(path)
        .map_err(|source| ComposeError::Read { path: path.to_owned(), source })?;
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    Ok(text.replace("\r\n", "\n").replace('\r', "\n"))
}

/// What is visible in a folder, but for folders, in the order of the names.
fn files(dir: &Path) -> Result<Vec<PathBuf>, ComposeError> {
    let failed = |source| ComposeError::Read { path: dir.to_owned(), source };
    let entries = std::fs::read_dir(dir).map_err(failed)?.collect::<Result<Vec<_>, _>>().map_err(failed)?;
    let mut paths: Vec<PathBuf> = entries.into_iter().map(|entry| entry.path()).collect();
    paths.retain(|path| {
        let hidden = path.file_name().is_some_and(|name| name.to_string_lossy().starts_with('.'));
        !path.is_dir() && !hidden
    });
    paths.sort();
    Ok(paths)
}

pub(super) fn toml_error(path: &Path, text: &str, offset: usize, error: &toml::de::Error) -> ComposeError {
    let span = error.span().unwrap_or(0..0);
    let (message, hint) = suggest::unknown_name(error.message());
    ComposeError::Source {
        message,
        hint,
        excerpt: Excerpt::new(path, text, span.start + offset..span.end + offset),
    }
}

impl From<EventTable> for Event {
    fn from(table: EventTable) -> Self {
        let EventTable { title, date, start, end, place, signup, description } = table;
        Self { title, date, start, end, place, signup, description }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn issue(section: &str) -> Result<IssueSource, ComposeError> {
        let dir = tempfile::tempdir().unwrap();
        std::fs::write(dir.path().join("issue.toml"), "title = \"T\"\ndate = 2026-04-15\n").unwrap();
        std::fs::write(dir.path().join("10-a.md"), section).unwrap();
        IssueSource::load(dir.path(), &"2026-1".parse().unwrap(), "sv")
    }

    #[test]
    fn a_section_is_read_whole() {
        let text = "+++\r\ntitle = \"Möten\"\r\naudience = 'typ = byalag'\r\n[[event]]\r\ntitle = \"Årsmöte\"\r\n\
                    date = 2026-05-09\r\nstart = \"13.00\"\r\n+++\r\nText\r\n";
        let source = issue(text).unwrap();
        let section = &source.sections[0];
        assert_eq!((section.order, section.lines_above, section.markdown.as_str()), (10, 8, "Text\n"));
        assert_eq!(section.events[0].start, Some(jiff::civil::time(13, 0, 0, 0)));
    }

    #[test]
    fn errors_point_at_file_and_line() {
        for (section, line, message) in [
            ("Text", 1, "front matter is missing"),
            ("+++\ntitle = \"x\"\n", 1, "no closing"),
            ("+++\ntitle = \"x\"\nordre = 1\n+++\n", 3, "unknown field `ordre`"),
            ("+++\ntitle = \"x\"\naudience = 'typ ='\n+++\n", 3, "expected a value"),
            ("+++\ntitle = \"x\"\n[[event]]\ntitle = \"m\"\ndate = \"i maj\"\n+++\n", 5, "is not a date"),
        ] {
            match issue(section).unwrap_err() {
                ComposeError::Source { message: found, excerpt, .. } => {
                    assert_eq!(excerpt.line(), line, "{section}");
                    assert!(found.contains(message), "{found}");
                }
                other => panic!("{other}"),
            }
        }
    }
}
