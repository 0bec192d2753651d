//! Files that travel with the letter: inline images and attachments, encoded once for all letters.

use std::path::{Path, PathBuf};

use lettre::message::header::{ContentDisposition, ContentId, ContentTransferEncoding, ContentType};
use lettre::message::{Body, SinglePart};
use percent_encoding::percent_decode_str;
use pulldown_cmark::{CowStr, Event, Tag};

use super::{ComposeError, limits};

/// The width of a section in the default template, in CSS pixels.
const LETTER_WIDTH: usize = 552;

/// The images that the letter's HTML refers to by `cid:` (RFC 2392).
#[derive(Debug)]
pub(super) struct InlineImages {
    /// The project's folder.
    project: PathBuf,
    /// Right side of the content ids: the sender's domain.
    domain: String,
    images: Vec<(PathBuf, String)>,
    parts: Vec<SinglePart>,
}

impl InlineImages {
    /// Images of the project in the folder `project`; content ids end in `domain`.
    pub fn new(project: &Path, domain: &str) -> Self {
        Self { project: project.to_owned(), domain: domain.to_owned(), images: Vec::new(), parts: Vec::new() }
    }

    /// Takes an image in, once however often it is referred to, and returns its `cid:` URL.
    ///
    /// # Errors
    /// If the file is missing or is not an image that mail programs show.
    pub fn add(&mut self, path: &Path) -> Result<String, ComposeError> {
        if let Some((_, id)) = self.images.iter().find(|(known, _)| known == path) {
            return Ok(format!("cid:{id}"));
        }
        let kind = mime_guess::from_path(path).first_or_octet_stream();
        let is_shown =
            kind.type_() == mime::IMAGE && ["png", "jpeg", "gif"].contains(&kind.subtype().as_str());
        if !is_shown {
            return Err(ComposeError::NotAnImage { path: path.to_owned() });
        }
        let id = format!("image-{}@{}", self.images.len() + 1, self.domain);
        let builder = SinglePart::builder()
            .header(ContentType::from(kind))
            .header(ContentDisposition::inline_with_name(&file_name(path)))
            .header(ContentId::from(format!("<{id}>")))
            .header(ContentTransferEncoding::Base64);
        self.parts.push(builder.body(encoded(&self.project, path)?));
        self.images.push((path.to_owned(), id.clone()));
        Ok(format!("cid:{id}"))
    }

    /// Replaces the paths of local images in a section's events.
    ///
    /// # Errors
    /// As [`InlineImages::add`].
    pub fn take_in<'a>(
        &mut self,
        events: Vec<Event<'a>>,
        dir: &Path,
    ) -> Result<Vec<Event<'a>>, ComposeError> {
        let replace = |event| match event {
            Event::Html(html) => Ok(Event::Html(self.take_in_tags(&html, dir)?.into())),
            Event::InlineHtml(html) => Ok(Event::InlineHtml(self.take_in_tags(&html, dir)?.into())),
            Event::Start(Tag::Image { link_type, dest_url, title, id }) if !dest_url.contains("://") => {
                let path = image_path(dir, &dest_url);
                let dest_url = CowStr::from(self.add(&path)?);
                Ok(Event::Start(Tag::Image { link_type, dest_url, title, id }))
            }
            other => Ok(other),
        };
        events.into_iter().map(replace).collect()
    }

    /// Replaces the paths of local images in `<img>` tags that an editor wrote.
    fn take_in_tags(&mut self, html: &str, dir: &Path) -> Result<String, ComposeError> {
        let mut replaced = String::new();
        let mut rest = html;
        while let Some(at) = rest.to_ascii_lowercase().find("<img") {
            let (before, tag) = rest.split_at(at);
            let (tag, after) = tag.split_at(tag.find('>').unwrap_or(tag.len()));
            replaced.push_str(before);
            let source = tag.find("src=\"").map(|at| at + 5).and_then(|start| {
                let length = tag.get(start..)?.find('"')?;
                Some(start..start + length)
            });
            let target = source.clone().and_then(|range| tag.get(range)).unwrap_or_default();
            match source {
                Some(range) if !target.contains(':') && !target.is_empty() => {
                    let id = self.add(&image_path(dir, target))?;
                    let (start, end) = (tag.get(..range.start), tag.get(range.end..));
                    replaced.push_str(start.unwrap_or_default());
                    replaced.push_str(&id);
                    replaced.push_str(end.unwrap_or_default());
                }
                _ => replaced.push_str(tag),
            }
            rest = after;
        }
        replaced.push_str(rest);
        Ok(replaced)
    }

    /// Gives the images in a section's HTML the widths that Outlook needs, up to the letter's own.
    pub fn with_widths(&self, html: &str) -> String {
        self.images.iter().fold(html.to_owned(), |html, (path, id)| {
            let Ok(size) = imagesize::size(path) else { return html };
            let source = format!("src=\"cid:{id}\"");
            let width = format!("{source} width=\"{}\"", size.width.clamp(1, LETTER_WIDTH));
            let mut parts = html.split(source.as_str());
            let mut wide = parts.next().unwrap_or_default().to_owned();
            for part in parts {
                // An editor's own width stays.
                let rest = part.split('>').next().unwrap_or_default();
                let before = wide.rsplit('<').next().unwrap_or_default();
                let has_width = rest.contains(" width=") || before.contains(" width=");
                wide.push_str(if has_width { &source } else { &width });
                wide.push_str(part);
            }
            wide
        })
    }

    /// The images' files and content ids, and the encoded images.
    pub fn into_parts(self) -> (Vec<(PathBuf, String)>, Vec<SinglePart>) {
        (self.images, self.parts)
    }
}

/// The file that an image's target names: also where one of the two is in decomposed Unicode, as macOS writes names.
pub fn image_path(dir: &Path, target: &str) -> PathBuf {
    use unicode_normalization::UnicodeNormalization;
    let path = dir.join(&*percent_decode_str(target).decode_utf8_lossy());
    if path.exists() {
        return path;
    }
    let composed = |name: &std::ffi::OsStr| name.to_string_lossy().nfc().collect::<String>();
    let wanted = path.file_name().map(composed);
    let entries =
        path.parent().and_then(|folder| std::fs::read_dir(folder).ok()).into_iter().flatten().flatten();
    let found = entries.map(|entry| entry.path()).find(|entry| entry.file_name().map(composed) == wanted);
    found.unwrap_or(path)
}

/// An attachment with its MIME type by its name (RFC 2183, file name by RFC 2231).
///
/// # Errors
/// If the file cannot be read.
pub(super) fn attachment(project: &Path, path: &Path) -> Result<SinglePart, ComposeError> {
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    let builder = SinglePart::builder()
        .header(ContentType::from(kind))
        .header(ContentDisposition::attachment(&file_name(path)))
        .header(ContentTransferEncoding::Base64);
    Ok(builder.body(encoded(project, path)?))
}

/// The calendar of a letter's events (RFC 6047 §2.4); `name` is the file's, without its ending.
///
/// # Errors
/// If the headers cannot be written.
pub(super) fn calendar(text: String, name: &str) -> Result<SinglePart, ComposeError> {
    let refused = |message: String| ComposeError::Letter { member: "everyone".to_owned(), message };
    let kind =
        ContentType::parse(super::calendar::CONTENT_TYPE).map_err(|error| refused(error.to_string()))?;
    let body = Body::new_with_encoding(text.into_bytes(), ContentTransferEncoding::Base64)
        .map_err(|_| refused("the calendar cannot be encoded".to_owned()))?;
    let file = format!("{}.ics", name.to_lowercase());
    Ok(SinglePart::builder().header(kind).header(ContentDisposition::attachment(&file)).body(body))
}

fn encoded(project: &Path, path: &Path) -> Result<Body, ComposeError> {
    let bytes = limits::read_file(project, path)?;
    Body::new_with_encoding(bytes, ContentTransferEncoding::Base64)
        .map_err(|_| ComposeError::NotAnImage { path: path.to_owned() })
}

fn file_name(path: &Path) -> String {
    use unicode_normalization::UnicodeNormalization;
    // macOS writes names with combining marks, which some mail programs show apart.
    path.file_name().map(|name| name.to_string_lossy().nfc().collect()).unwrap_or_default()
}
