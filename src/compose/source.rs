//! An issue's folder: `issue.toml`, the section files, images and attachments.

use std::path::{Path, PathBuf};

use encoding_rs::{Encoding, UTF_8, WINDOWS_1252};
use jiff::civil::{Date, DateTime};
use serde::Deserialize;
use toml::Spanned;

use crate::domain::segment::SegmentError;
use crate::domain::{Event, Excerpt, Issue, IssueKind, IssueName, Partner, Section, Segment, suggest};

use super::design::Hero;
use super::event_table::EventTable;
use super::images::image_path;
use super::moment::{parsed, parsed_if_any};
use super::{ComposeError, limits};

/// The content of an issue's folder, read and checked but not rendered.
#[derive(Debug, Clone)]
pub struct IssueSource {
    pub dir: PathBuf,
    pub issue: Issue,
    /// In the order of the letter.
    pub sections: Vec<Section>,
    /// The picture below the title.
    pub hero: Option<Hero>,
    /// Sponsors of this issue, in addition to the association's partners; their logos are files in the issue's
    /// folder.
    pub partners: Vec<Partner>,
    /// Files to attach, sorted by name.
    pub attachments: Vec<PathBuf>,
    /// Files in the folder that are not part of the letter, with the reason.
    pub left_out: Vec<(PathBuf, LeftOut)>,
}

/// Why a file in an issue's folder is not part of the letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LeftOut {
    /// Neither a section nor `issue.toml`.
    NotASection,
    /// In a folder that is not searched.
    InAFolder,
    /// An attachment that is a program's own file, such as a lock file.
    NotForReaders,
    /// An empty attachment.
    Empty,
}

/// Extensions of section files.
const SECTIONS: [&str; 4] = ["md", "markdown", "mdown", "txt"];
/// Folders of an issue with a special meaning.
const FOLDERS: [&str; 2] = ["images", "attachments"];

#[derive(Deserialize)]
#[serde(deny_unknown_fields)]
struct IssueFile {
    title: String,
    #[serde(default)]
    kind: IssueKind,
    #[serde(deserialize_with = "parsed")]
    date: Date,
    subject: Option<String>,
    preheader: Option<String>,
    language: Option<String>,
    greeting: Option<String>,
    calendar: Option<bool>,
    hero: Option<String>,
    hero_alt: Option<String>,
    #[serde(default)]
    partner: Vec<Partner>,
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
    /// BCP 47 code, if the section is not in the letter's language.
    language: Option<String>,
    #[serde(default)]
    event: Vec<EventTable>,
}

impl IssueSource {
    /// Reads the folder `dir` of the issue `name`; `language` is the association's own.
    ///
    /// # Errors
    /// Points to the file and line with the problem.
    pub fn load(dir: &Path, name: &IssueName, language: &str) -> Result<Self, ComposeError> {
        let path = dir.join("issue.toml");
        if !path.is_file() {
            return Err(ComposeError::NoIssue { name: name.to_string(), dir: dir.to_owned() });
        }
        let text = read(&path)?;
        let file: IssueFile = toml::from_str(&text).map_err(|error| toml_error(&path, &text, 0, &error))?;
        let alt = file.hero_alt.unwrap_or_default();
        let hero = file.hero.map(|hero| Hero { path: image_path(dir, &hero), alt });
        let mut partners = file.partner;
        for logo in partners.iter_mut().filter_map(|partner| partner.logo.as_mut()) {
            *logo = image_path(dir, &logo.to_string_lossy());
        }
        let issue = Issue {
            name: name.clone(),
            kind: file.kind,
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
        let (section_files, others): (Vec<PathBuf>, Vec<PathBuf>) =
            files(dir)?.into_iter().partition(|path| is_section(path));
        let mut sections =
            section_files.iter().map(|path| load_section(path)).collect::<Result<Vec<_>, _>>()?;
        let others = others.into_iter().filter(|other| *other != path);
        let mut left_out: Vec<_> = others.map(|other| (other, LeftOut::NotASection)).collect();
        left_out.extend(in_folders(dir)?.into_iter().map(|path| (path, LeftOut::InAFolder)));
        if sections.is_empty() {
            return Err(ComposeError::NoSection { dir: dir.to_owned() });
        }
        sections.sort_by(|a, b| (a.order, &a.path).cmp(&(b.order, &b.path)));
        let attachments = dir.join("attachments");
        let mut attachments = if attachments.is_dir() { files(&attachments)? } else { Vec::new() };
        attachments.retain(|path| match not_attached(path) {
            Some(why) => {
                left_out.push((path.clone(), why));
                false
            }
            None => true,
        });
        Ok(Self { dir: dir.to_owned(), issue, sections, hero, partners, attachments, left_out })
    }
}

fn is_section(path: &Path) -> bool {
    let ending = path.extension().map(|ending| ending.to_string_lossy().to_lowercase());
    ending.is_some_and(|ending| SECTIONS.contains(&ending.as_str()))
}

/// The files that look like sections in folders that are not searched.
fn in_folders(dir: &Path) -> Result<Vec<PathBuf>, ComposeError> {
    let failed = |source| ComposeError::Read { path: dir.to_owned(), source };
    let mut found = Vec::new();
    for entry in std::fs::read_dir(dir).map_err(failed)? {
        let entry = entry.map_err(failed)?;
        let name = entry.file_name().to_string_lossy().into_owned();
        if entry.path().is_dir() && !name.starts_with('.') && !FOLDERS.contains(&name.as_str()) {
            found.extend(files(&entry.path())?.into_iter().filter(|path| is_section(path)));
        }
    }
    found.sort();
    Ok(found)
}

/// Why a file in the attachments folder is not attached: it is a lock file of an office program, or left by a file
/// manager.
fn not_attached(path: &Path) -> Option<LeftOut> {
    let name = path.file_name()?.to_string_lossy().to_lowercase();
    let is_own = name.starts_with("~$") || ["thumbs.db", "desktop.ini"].contains(&name.as_str());
    let is_temporary =
        name.ends_with('~') || path.extension().is_some_and(|ending| ending.eq_ignore_ascii_case("tmp"));
    if is_own || is_temporary {
        return Some(LeftOut::NotForReaders);
    }
    let is_empty = std::fs::metadata(path).is_ok_and(|file| file.is_file() && file.len() == 0);
    is_empty.then_some(LeftOut::Empty)
}

/// Reads one section file: TOML between two lines `+++`, then Markdown.
fn load_section(path: &Path) -> Result<Section, ComposeError> {
    let text = read(path)?;
    let missing = |message: &str| {
        ComposeError::Source {
        message: message.to_owned(),
        hint: Some(
            "a section file starts with `+++`, then `title = \"…\"`, then `+++`; or with the title alone: `# Title`".to_owned(),
        ),
        excerpt: Excerpt::at(path, &text, 1, 1),
    }
    };
    let above = text.len() - text.trim_start_matches(['\n', ' ', '\t', '\u{feff}']).len();
    let mut lines = text.get(above..).unwrap_or_default().split_inclusive('\n');
    let opening = lines.next().unwrap_or_default();
    if let Some(title) = opening.strip_prefix("# ") {
        let markdown = text.get(above + opening.len()..).unwrap_or_default();
        limits::section(path, &text, markdown)?;
        return Ok(plain_section(path, &text, title.trim().trim_end_matches('#').trim(), markdown));
    }
    if opening.trim_end() != "+++" {
        return Err(missing("the front matter is missing"));
    }
    let opening_end = above + opening.len();
    let mut end = opening_end;
    let closing = lines.find(|line| {
        let is_fence = line.trim_end() == "+++";
        end += if is_fence { 0 } else { line.len() };
        is_fence
    });
    let closing = closing.ok_or_else(|| missing("the front matter has no closing `+++`"))?;
    let front = text.get(opening_end..end).unwrap_or_default();
    let markdown = text.get(end + closing.len()..).unwrap_or_default();
    limits::section(path, &text, markdown)?;
    let matter = front_matter(front).map_err(|error| toml_error(path, &text, opening_end, &error))?;
    let audience =
        matter.audience.map(|audience| parse_audience(path, &text, opening_end, &audience)).transpose()?;
    let events = matter.event.into_iter().map(Event::from).collect();
    let plain = plain_section(path, &text, &matter.title, markdown);
    Ok(Section {
        order: matter.order.unwrap_or(plain.order),
        audience,
        events,
        language: matter.language,
        ..plain
    })
}

/// A section with only a title and Markdown.
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

/// Parses front matter; word processors turn its quotation marks into curly ones.
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

/// An error in an audience, found after the file was read.
pub(super) fn audience_error(path: &Path, audience: &Segment, error: &SegmentError) -> ComposeError {
    let text = read(path).unwrap_or_default();
    let start = text.find(audience.source()).unwrap_or(0);
    ComposeError::Source {
        message: format!("audience: {error}"),
        hint: Some("the fields are the columns of the member list".to_owned()),
        excerpt: Excerpt::new(path, &text, start + error.span.start..start + error.span.end),
    }
}

/// The error for a tag in an event's description.
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

/// The number at the start of a section file's name.
fn number_of(path: &Path) -> Option<i64> {
    let name = path.file_name()?.to_str()?;
    let digits = name.split(|c: char| !c.is_ascii_digit()).next()?;
    digits.parse().ok()
}

fn read(path: &Path) -> Result<String, ComposeError> {
    // Reading a pipe could wait forever.
    if path.exists() && !path.is_file() {
        return Err(ComposeError::NotAFile { path: path.to_owned() });
    }
    let bytes = std::fs::read(path).map_err(|source| ComposeError::Read { path: path.to_owned(), source })?;
    let text = decoded(bytes);
    let text = text.strip_prefix('\u{feff}').unwrap_or(&text);
    Ok(text.replace("\r\n", "\n").replace('\r', "\n"))
}

/// Decodes UTF-8, or the encodings of Windows editors: UTF-16 with a byte order mark, else Windows-1252.
fn decoded(bytes: Vec<u8>) -> String {
    let marked = Encoding::for_bom(&bytes).filter(|(encoding, _)| *encoding != UTF_8);
    if let Some((encoding, length)) = marked {
        return encoding.decode_without_bom_handling(bytes.get(length..).unwrap_or_default()).0.into_owned();
    }
    String::from_utf8(bytes).unwrap_or_else(|error| WINDOWS_1252.decode(error.as_bytes()).0.into_owned())
}

/// The visible files in a folder, without subfolders, sorted by name.
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
    fn a_section_is_read_completely() {
        let text = "+++\r\ntitle = \"Möten\"\r\naudience = 'typ = byalag'\r\n[[event]]\r\ntitle = \"Årsmöte\"\r\n\
                    date = 2026-05-09\r\nstart = \"13.00\"\r\n+++\r\nText\r\n";
        let source = issue(text).unwrap();
        let section = &source.sections[0];
        assert_eq!((section.order, section.lines_above, section.markdown.as_str()), (10, 8, "Text\n"));
        assert_eq!(section.events[0].start, Some(jiff::civil::time(13, 0, 0, 0)));
    }

    #[test]
    fn errors_point_to_file_and_line() {
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
