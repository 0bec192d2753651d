//! A section's file: TOML between two lines `+++`, or a title alone, then Markdown.

use std::path::Path;

use serde::Deserialize;
use toml::Spanned;

use crate::domain::segment::SegmentError;
use crate::domain::{Event, Excerpt, Section, Segment};

use super::event_table::EventTable;
use super::source::{read, toml_error};
use super::{ComposeError, limits};

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct FrontMatter {
    title: String,
    order: Option<i64>,
    audience: Option<Spanned<String>>,
    /// BCP 47 code, if it is another language than the letter's.
    language: Option<String>,
    #[serde(default)]
    event: Vec<EventTable>,
}

/// A file's text in its parts.
#[derive(Debug, PartialEq, Eq)]
enum SectionParts<'t> {
    /// Below a line `# Title`.
    Titled { title: &'t str, markdown: &'t str },
    /// With front matter, which starts at the byte `offset`.
    Fronted { front: &'t str, offset: usize, markdown: &'t str },
}

/// Reads a section file.
///
/// # Errors
/// Points at the line that is wrong.
pub(super) fn load(path: &Path) -> Result<Section, ComposeError> {
    let text = read(path)?;
    let parts = SectionParts::of(&text).map_err(|message| no_front_matter(path, &text, message))?;
    let (SectionParts::Titled { markdown, .. } | SectionParts::Fronted { markdown, .. }) = parts;
    limits::section(path, &text, markdown)?;
    match parts {
        SectionParts::Titled { title, .. } => Ok(plain_section(path, &text, title, markdown)),
        SectionParts::Fronted { front, offset, .. } => fronted_section(path, &text, front, offset, markdown),
    }
}

impl<'t> SectionParts<'t> {
    fn of(text: &'t str) -> Result<Self, &'static str> {
        let above = text.len() - text.trim_start_matches(['\n', ' ', '\t', '\u{feff}']).len();
        let mut lines = text.get(above..).unwrap_or_default().split_inclusive('\n');
        let opening = lines.next().unwrap_or_default();
        let offset = above + opening.len();
        if let Some(title) = opening.strip_prefix("# ") {
            let title = title.trim().trim_end_matches('#').trim();
            return Ok(Self::Titled { title, markdown: text.get(offset..).unwrap_or_default() });
        }
        if opening.trim_end() != "+++" {
            return Err("the front matter is missing");
        }
        let mut end = offset;
        for line in lines {
            if line.trim_end() == "+++" {
                let front = text.get(offset..end).unwrap_or_default();
                let markdown = text.get(end + line.len()..).unwrap_or_default();
                return Ok(Self::Fronted { front, offset, markdown });
            }
            end += line.len();
        }
        Err("the front matter has no closing `+++`")
    }
}

fn no_front_matter(path: &Path, text: &str, message: &str) -> ComposeError {
    let hint = "a section file starts with `+++`, then `title = \"…\"`, then `+++`; or with the title alone: `# Title`";
    ComposeError::Source {
        message: message.to_owned(),
        hint: Some(hint.to_owned()),
        excerpt: Excerpt::at(path, text, 1, 1),
    }
}

fn fronted_section(
    path: &Path,
    text: &str,
    front: &str,
    offset: usize,
    markdown: &str,
) -> Result<Section, ComposeError> {
    let matter = front_matter(front).map_err(|error| toml_error(path, text, offset, &error))?;
    let audience =
        matter.audience.map(|audience| parse_audience(path, text, offset, &audience)).transpose()?;
    let plain = plain_section(path, text, &matter.title, markdown);
    Ok(Section {
        order: matter.order.unwrap_or(plain.order),
        audience,
        events: matter.event.into_iter().map(Event::from).collect(),
        language: matter.language,
        ..plain
    })
}

/// A section of a title and Markdown.
fn plain_section(path: &Path, text: &str, title: &str, markdown: &str) -> Section {
    let above = text.len().checked_sub(markdown.len()).and_then(|end| text.get(..end));
    Section {
        path: path.to_owned(),
        title: title.to_owned(),
        order: number_of(path).unwrap_or(i64::MAX),
        audience: None,
        events: Vec::new(),
        language: None,
        markdown: markdown.to_owned(),
        lines_above: above.map_or(0, |above| above.matches('\n').count()),
    }
}

/// Reads front matter; word processors turn its quotation marks into curly ones.
fn front_matter(front: &str) -> Result<FrontMatter, toml::de::Error> {
    toml::from_str(front).or_else(|error| {
        let straight = front.replace(['“', '”', '„', '″'], "\"").replace(['‘', '’', '‚'], "'");
        toml::from_str(&straight).map_err(|_| error)
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

/// The error of a tag in an event's description.
pub(super) fn tag_in_event(path: &Path, description: &str) -> ComposeError {
    let text = read(path).unwrap_or_default();
    let first = description.lines().next().unwrap_or_default();
    let start = text.find(first).unwrap_or(0);
    ComposeError::Source {
        message: "an event's description is the same for all members: tags such as {{member.name}} do not work there"
            .to_owned(),
        hint: Some("move the tag to the section's text, below the +++".to_owned()),
        excerpt: Excerpt::new(path, &text, start..start + first.len()),
    }
}

/// The number that a section file's name starts with.
fn number_of(path: &Path) -> Option<i64> {
    let name = path.file_name()?.to_str()?;
    let digits = name.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

#[cfg(test)]
mod tests {
    use super::super::IssueSource;
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
