//! Files that travel with the letter: inline images and attachments, encoded once for all letters.

use std::fmt::Write;
use std::path::{Path, PathBuf};

use lettre::message::header::{ContentDisposition, ContentId, ContentTransferEncoding, ContentType};
use lettre::message::{Body, SinglePart};
use percent_encoding::percent_decode_str;
use pulldown_cmark::{CowStr, Event, Tag};

use super::figure::SIDE_BLOCKS;
use super::html::elements;
use super::picture::{LIGHT, Picture};
use super::{ComposeError, limits};

/// The width of a section's text in the default template, in CSS pixels.
pub(super) const TEXT_WIDTH: usize = 536;

/// The most bytes of a letter's pictures together, as files.
const BUDGET: usize = 1_000_000;
/// The images that the letter's HTML refers to by `cid:` (RFC 2392).
#[derive(Debug)]
pub(super) struct InlineImages {
    /// The project's folder.
    project: PathBuf,
    /// Right side of the content ids: the sender's domain.
    domain: String,
    images: Vec<InlineImage>,
}

/// An image of the letter.
#[derive(Debug)]
pub(super) struct InlineImage {
    /// The file it is made from.
    pub path: PathBuf,
    /// The greatest width at which it is shown, in CSS pixels.
    shown: usize,
    is_logo: bool,
    /// The name under which it travels: the file's, with the ending of what it became.
    pub name: String,
    pub content_id: String,
    pub picture: Picture,
}

impl InlineImage {
    /// The `cid:` URL (RFC 2392).
    pub fn url(&self) -> String {
        format!("cid:{}", self.content_id)
    }

    /// The encoded part.
    ///
    /// # Errors
    /// If the bytes cannot be encoded.
    pub fn part(&self) -> Result<SinglePart, ComposeError> {
        let builder = SinglePart::builder()
            .header(ContentType::from(self.picture.kind.clone()))
            .header(ContentDisposition::inline_with_name(&self.name))
            .header(ContentId::from(format!("<{}>", self.content_id)))
            .header(ContentTransferEncoding::Base64);
        Ok(builder.body(base64(&self.path, self.picture.bytes.clone())?))
    }
}

impl InlineImages {
    /// Images of the project in the folder `project`; content ids end in `domain`.
    pub fn new(project: &Path, domain: &str) -> Self {
        Self { project: project.to_owned(), domain: domain.to_owned(), images: Vec::new() }
    }

    /// Takes an image in, once however often it is referred to; `shown` is its greatest width in CSS pixels.
    ///
    /// # Errors
    /// If the file is missing or is not an image that mail programs show.
    pub fn add(&mut self, path: &Path, shown: usize) -> Result<&InlineImage, ComposeError> {
        self.taken(path, shown).map(|image| &*image)
    }

    /// Takes the logo in, on a ground of its own if it needs one; `shown` as for [`InlineImages::add`].
    ///
    /// # Errors
    /// As [`InlineImages::add`].
    pub fn add_logo(&mut self, path: &Path, shown: usize) -> Result<&InlineImage, ComposeError> {
        let image = self.taken(path, shown)?;
        image.picture = image.picture.clone().on_ground(shown);
        image.is_logo = true;
        Ok(image)
    }

    fn taken(&mut self, path: &Path, shown: usize) -> Result<&mut InlineImage, ComposeError> {
        let known = self.images.iter().position(|image| image.path == path && image.shown == shown);
        let index = match known {
            Some(index) => index,
            None => {
                let picture = Picture::new(path, limits::read_file(&self.project, path)?, shown, LIGHT)?;
                let content_id = format!("image-{}@{}", self.images.len() + 1, self.domain);
                let name = name_as(path, &picture.kind);
                let path = path.to_owned();
                self.images.push(InlineImage { path, shown, is_logo: false, name, content_id, picture });
                self.images.len() - 1
            }
        };
        let missing = || ComposeError::NotAnImage { path: path.to_owned(), why: String::new() };
        self.images.get_mut(index).ok_or_else(missing)
    }

    /// Takes in the images of a section's Markdown.
    ///
    /// # Errors
    /// As [`InlineImages::add`].
    pub fn take_in<'a>(
        &mut self,
        events: Vec<Event<'a>>,
        dir: &Path,
    ) -> Result<Vec<Event<'a>>, ComposeError> {
        let replace = |event| match event {
            Event::Start(Tag::Image { link_type, dest_url, title, id }) if !dest_url.contains("://") => {
                let path = image_path(dir, &dest_url);
                let dest_url = CowStr::from(self.add(&path, TEXT_WIDTH)?.url());
                Ok(Event::Start(Tag::Image { link_type, dest_url, title, id }))
            }
            other => Ok(other),
        };
        events.into_iter().map(replace).collect()
    }

    /// Takes in the images of HTML that an editor wrote, and gives all images the widths that Outlook needs, up to the
    /// letter's own; `html` is sanitised, with its attributes in double quotes.
    ///
    /// # Errors
    /// As [`InlineImages::add`].
    pub fn take_in_html(&mut self, html: &str, dir: &Path) -> Result<String, ComposeError> {
        let mut replaced = String::new();
        let mut copied = 0;
        for element in elements(html).into_iter().filter(|element| element.name == "img") {
            let source = element.attribute("src").unwrap_or_default();
            let known = self.images.iter().position(|image| image.url() == source);
            let asked = element.attribute("width").and_then(|width| width.parse::<usize>().ok());
            let image = match known.and_then(|index| self.images.get(index)) {
                Some(image) => image,
                None if source.is_empty() || source.contains(':') => continue,
                None => {
                    self.add(&image_path(dir, source), asked.unwrap_or(TEXT_WIDTH).clamp(1, TEXT_WIDTH))?
                }
            };
            let tag = html.get(element.range.clone()).unwrap_or_default();
            let Some((before, rest)) = tag.split_once("src=\"") else { continue };
            let after = rest.split_once('"').map_or("", |(_, after)| after);
            replaced.push_str(html.get(copied..element.range.start).unwrap_or_default());
            let own = image.picture.width.clamp(1, TEXT_WIDTH);
            if SIDE_BLOCKS.iter().any(|start| replaced.ends_with(start)) {
                // The caption is as wide as the picture.
                replaced.pop();
                let _infallible = write!(replaced, " style=\"width: {}px\">", asked.unwrap_or(own).min(own));
            }
            let _infallible = write!(replaced, "{before}src=\"{}\"", image.url());
            if element.attribute("width").is_none() {
                let _infallible = write!(replaced, " width=\"{own}\"");
            }
            replaced.push_str(after);
            copied = element.range.end;
        }
        replaced.push_str(html.get(copied..).unwrap_or_default());
        Ok(replaced)
    }

    /// All that were taken in. If they are too heavy together, each may have an equal share of the budget.
    ///
    /// # Errors
    /// If a file can no longer be read.
    pub fn into_images(mut self) -> Result<Vec<InlineImage>, ComposeError> {
        if self.images.iter().map(|image| image.picture.bytes.len()).sum::<usize>() > BUDGET {
            let share = BUDGET / self.images.len().max(1);
            let is_heavy = |image: &&mut InlineImage| image.picture.bytes.len() > share && !image.is_logo;
            for image in self.images.iter_mut().filter(is_heavy) {
                let bytes = limits::read_file(&self.project, &image.path)?;
                image.picture = Picture::new(&image.path, bytes, image.shown, share)?;
                image.name = name_as(&image.path, &image.picture.kind);
            }
        }
        Ok(self.images)
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
    Ok(builder.body(base64(path, limits::read_file(project, path)?)?))
}

/// The calendar of a letter's events (RFC 6047 §2.4); `name` is the file's.
///
/// # Errors
/// If the headers cannot be written.
pub(super) fn calendar(text: String, name: &str) -> Result<SinglePart, ComposeError> {
    let refused = |message: String| ComposeError::Letter { member: "everyone".to_owned(), message };
    let kind =
        ContentType::parse(super::calendar::CONTENT_TYPE).map_err(|error| refused(error.to_string()))?;
    let body = Body::new_with_encoding(text.into_bytes(), ContentTransferEncoding::Base64)
        .map_err(|_| refused("the calendar cannot be encoded".to_owned()))?;
    Ok(SinglePart::builder().header(kind).header(ContentDisposition::attachment(name)).body(body))
}

fn base64(path: &Path, bytes: Vec<u8>) -> Result<Body, ComposeError> {
    let refused =
        |_| ComposeError::NotAnImage { path: path.to_owned(), why: "it cannot be encoded".to_owned() };
    Body::new_with_encoding(bytes, ContentTransferEncoding::Base64).map_err(refused)
}

/// A file's name, with another ending if its content became something else.
fn name_as(path: &Path, kind: &mime::Mime) -> String {
    if mime_guess::from_path(path).first().as_ref() == Some(kind) {
        return file_name(path);
    }
    let ending = if *kind == mime::IMAGE_JPEG { "jpg" } else { kind.subtype().as_str() };
    file_name(&path.with_extension(ending))
}

fn file_name(path: &Path) -> String {
    use unicode_normalization::UnicodeNormalization;
    // macOS writes names with combining marks, which some mail programs show apart.
    path.file_name().map(|name| name.to_string_lossy().nfc().collect()).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_in_html_are_taken_in_however_their_tags_are_written() {
        let dir = tempfile::tempdir().unwrap();
        image::DynamicImage::new_rgb8(800, 10).save(dir.path().join("å & b.png")).unwrap();
        image::DynamicImage::new_rgb8(80, 60).save(dir.path().join("e.png")).unwrap();
        for (tag, want) in [
            (
                "<img src='å &amp; b.png' alt='x'>",
                "<img src=\"cid:image-1@example.se\" width=\"536\" alt=\"x\">",
            ),
            (
                "<IMG WIDTH=90 SRC=%C3%A5%20&amp;%20b.png>",
                "<img width=\"90\" src=\"cid:image-1@example.se\">",
            ),
            ("<img width=0 src=e.png>", "<img width=\"0\" src=\"cid:image-1@example.se\">"),
            ("<img src=\"cid:other\"> <i>src=\"a.png\"</i>", "<img src=\"cid:other\"> <i>src=\"a.png\"</i>"),
            ("<img alt=\"x\">", "<img alt=\"x\">"),
        ] {
            let mut images = InlineImages::new(dir.path(), "example.se");
            let html = super::super::markdown::sanitised(tag);
            assert_eq!(images.take_in_html(&html, dir.path()).unwrap(), want, "{tag}");
        }
        let missing =
            InlineImages::new(dir.path(), "example.se").take_in_html("<img src=\"c.png\">", dir.path());
        assert!(matches!(missing, Err(ComposeError::Read { .. })));
    }
}
