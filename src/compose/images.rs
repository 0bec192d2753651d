//! The pictures of a letter: collected while it is rendered, and prepared once the display width of each is known.

use std::path::{Path, PathBuf};

use lettre::message::SinglePart;
use lettre::message::header::{ContentDisposition, ContentId, ContentTransferEncoding, ContentType};
use percent_encoding::percent_decode_str;
use pulldown_cmark::{CowStr, Event, Tag};

use super::figure::SIDE_BLOCKS;
use super::html::{StartTag, elements};
use super::parts::{base64, file_name};
use super::picture::{self, LIGHT, Picture};
use super::{ComposeError, limits};

/// The width of a section's text in the default template, in CSS pixels.
pub(super) const TEXT_WIDTH: usize = 536;
/// The maximum size of all pictures of a letter together, in bytes.
const BUDGET: usize = 1_000_000;
/// How many pictures to prepare at the same time, since each may need much memory.
const AT_ONCE: usize = 4;

/// The images to which the letter's HTML refers by `cid:` (RFC 2392).
#[derive(Debug)]
pub(super) struct InlineImages {
    /// The project's folder.
    project: PathBuf,
    /// Right-hand side of the content ids: the sender's domain.
    domain: String,
    /// The background for light logos.
    ground: [u8; 3],
    images: Vec<TakenImage>,
}

/// An image of the letter before it is prepared.
#[derive(Debug)]
pub(super) struct TakenImage {
    path: PathBuf,
    /// The maximum display width in CSS pixels.
    shown: usize,
    /// Its own width and height in pixels.
    size: (usize, usize),
    content_id: String,
    /// The result, for a picture that is prepared at once.
    ready: Option<Picture>,
}

impl TakenImage {
    /// The `cid:` URL (RFC 2392).
    pub fn url(&self) -> String {
        format!("cid:{}", self.content_id)
    }

    /// The display width and height within `width` CSS pixels, never beyond its own.
    pub fn fitted(&self, width: usize) -> (usize, usize) {
        let (own, height) = self.size;
        let fitted = own.clamp(1, width.max(1));
        (fitted, height * fitted / own.max(1))
    }
}

/// An image of the letter.
#[derive(Debug)]
pub(super) struct InlineImage {
    /// The file it is made from.
    pub path: PathBuf,
    /// The attachment's name: that of the file, with the extension of its new format.
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
    /// Images for the project in the folder `project`; content ids end in `domain`, and light logos get the
    /// background `ground`.
    pub fn new(project: &Path, domain: &str, ground: [u8; 3]) -> Self {
        Self { project: project.to_owned(), domain: domain.to_owned(), ground, images: Vec::new() }
    }

    /// Adds an image, only once even if it is used several times and at different widths; `shown` is the maximum
    /// display width of this use in CSS pixels.
    ///
    /// # Errors
    /// If the file is missing or is not an image that mail programs show.
    pub fn add(&mut self, path: &Path, shown: usize) -> Result<&TakenImage, ComposeError> {
        let known = self.images.iter().position(|image| image.path == path && image.ready.is_none());
        let index = match known {
            Some(index) => index,
            None => {
                let size = picture::size(path, &limits::read_file(&self.project, path)?)?;
                self.push(path, size, None)
            }
        };
        let image = self.images.get_mut(index).ok_or_else(|| missing(path))?;
        image.shown = image.shown.max(shown);
        Ok(image)
    }

    /// Adds a logo, on a background of its own if it needs one; `shown` is its maximum display width in CSS pixels.
    ///
    /// # Errors
    /// Like [`InlineImages::add`].
    pub fn add_logo(&mut self, path: &Path, shown: usize) -> Result<&TakenImage, ComposeError> {
        let bytes = limits::read_file(&self.project, path)?;
        let picture = Picture::new(path, bytes, shown, LIGHT)?.on_ground(shown, self.ground);
        let index = self.push(path, (picture.width, picture.height), Some(picture));
        self.images.get(index).ok_or_else(|| missing(path))
    }

    fn push(&mut self, path: &Path, size: (usize, usize), ready: Option<Picture>) -> usize {
        let content_id = format!("image-{}@{}", self.images.len() + 1, self.domain);
        self.images.push(TakenImage { path: path.to_owned(), shown: 0, size, content_id, ready });
        self.images.len() - 1
    }

    /// Adds the images of a section's Markdown.
    ///
    /// # Errors
    /// Like [`InlineImages::add`].
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

    /// Adds the images of HTML written by an editor, and sets the width that Outlook needs on all images, up to the
    /// letter's and their own; `html` is sanitised, with its attributes in double quotes.
    ///
    /// # Errors
    /// Like [`InlineImages::add`].
    pub fn take_in_html(&mut self, html: &str, dir: &Path) -> Result<String, ComposeError> {
        let mut replaced = String::new();
        let mut copied = 0;
        for element in elements(html).into_iter().filter(|element| element.name == "img") {
            let asked = element.attribute("width").and_then(|width| width.parse::<usize>().ok());
            let asked = asked.filter(|width| *width > 0).unwrap_or(TEXT_WIDTH).min(TEXT_WIDTH);
            let source = element.attribute("src").unwrap_or_default();
            let known = self.images.iter().position(|image| image.url() == source);
            let image = match known.and_then(|index| self.images.get(index)) {
                Some(image) => image,
                None if source.is_empty() || source.contains(':') => continue,
                None => self.add(&image_path(dir, source), asked)?,
            };
            let (width, _) = image.fitted(asked);
            let Some(tag) = with_source(html, &element, &image.url(), width) else { continue };
            replaced.push_str(html.get(copied..element.range.start).unwrap_or_default());
            if let Some(at) = side_block(&replaced) {
                // The caption is as wide as the picture.
                replaced.insert_str(at, &format!(" style=\"width: {width}px\""));
            }
            replaced.push_str(&tag);
            copied = element.range.end;
        }
        replaced.push_str(html.get(copied..).unwrap_or_default());
        Ok(replaced)
    }

    /// All images in the form in which they are sent. If they are too large together, each may use an equal share of
    /// the budget.
    ///
    /// # Errors
    /// If a picture is damaged, or its file can no longer be read.
    pub fn into_images(self) -> Result<Vec<InlineImage>, ComposeError> {
        let mut images = ready(&self.images, |image| {
            let bytes = limits::read_file(&self.project, &image.path)?;
            Picture::new(&image.path, bytes, image.shown, LIGHT)
        })?;
        if images.iter().map(|picture| picture.bytes.len()).sum::<usize>() > BUDGET {
            let share = BUDGET / images.len().max(1);
            let is_heavy = |(picture, image): &(&mut Picture, &TakenImage)| {
                picture.bytes.len() > share && image.ready.is_none()
            };
            for (picture, image) in images.iter_mut().zip(&self.images).filter(is_heavy) {
                // It is small by now, so this takes little time.
                *picture = Picture::new(&image.path, picture.bytes.clone(), image.shown, share)?;
            }
        }
        let inline = |(image, picture): (TakenImage, Picture)| InlineImage {
            name: name_as(&image.path, &picture.kind),
            path: image.path,
            content_id: image.content_id,
            picture,
        };
        Ok(self.images.into_iter().zip(images).map(inline).collect())
    }
}

/// Prepares pictures, several at a time.
fn ready(
    images: &[TakenImage],
    make: impl Fn(&TakenImage) -> Result<Picture, ComposeError> + Sync,
) -> Result<Vec<Picture>, ComposeError> {
    let threads = std::thread::available_parallelism().map_or(1, usize::from).min(AT_ONCE);
    let share = images.len().div_ceil(threads).max(1);
    let made = |image: &TakenImage| image.ready.clone().map_or_else(|| make(image), Ok);
    let work = &|images: &[TakenImage]| images.iter().map(made).collect::<Vec<_>>();
    std::thread::scope(|scope| {
        let spawn = |images| scope.spawn(move || work(images));
        let threads: Vec<_> = images.chunks(share).map(spawn).collect();
        let joined = threads.into_iter().flat_map(|thread| match thread.join() {
            Ok(pictures) => pictures,
            Err(panic) => std::panic::resume_unwind(panic),
        });
        joined.collect()
    })
}

fn missing(path: &Path) -> ComposeError {
    ComposeError::NotAnImage { path: path.to_owned(), why: String::new() }
}

/// The `<img>` with another source and its display width.
fn with_source(html: &str, element: &StartTag, url: &str, width: usize) -> Option<String> {
    let tag = html.get(element.range.clone())?;
    let (before, rest) = tag.split_once("src=\"")?;
    let (_, after) = rest.split_once('"')?;
    let mut made = format!("{before}src=\"{url}\"{after}");
    let attribute = format!("width=\"{width}\"");
    match element.attribute("width") {
        Some(asked) => made = made.replacen(&format!("width=\"{asked}\""), &attribute, 1),
        None => made = made.replacen(&format!("src=\"{url}\""), &format!("src=\"{url}\" {attribute}"), 1),
    }
    Some(made)
}

/// The position for the style of a block that starts with a picture, or with a link around it.
fn side_block(html: &str) -> Option<usize> {
    let is_link = |start: &usize| html.get(*start..).is_some_and(|link| link.matches('<').count() == 1);
    let block = html.rfind("<a ").filter(is_link).and_then(|start| html.get(..start)).unwrap_or(html);
    SIDE_BLOCKS.iter().any(|start| block.ends_with(start)).then(|| block.len() - 1)
}

/// The file of an image's target, even if one of the two is in decomposed Unicode, as macOS writes names.
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

/// A file's name, with a different extension if its format has changed.
fn name_as(path: &Path, kind: &mime::Mime) -> String {
    if mime_guess::from_path(path).first().as_ref() == Some(kind) {
        return file_name(path);
    }
    let ending = if *kind == mime::IMAGE_JPEG { "jpg" } else { kind.subtype().as_str() };
    file_name(&path.with_extension(ending))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn images_in_html_are_found_in_any_notation() {
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
            ("<img width=0 src=e.png>", "<img width=\"80\" src=\"cid:image-1@example.se\">"),
            ("<img width=300 src=e.png>", "<img width=\"80\" src=\"cid:image-1@example.se\">"),
            ("<img src=\"cid:other\"> <i>src=\"a.png\"</i>", "<img src=\"cid:other\"> <i>src=\"a.png\"</i>"),
            ("<img alt=\"x\">", "<img alt=\"x\">"),
        ] {
            let mut images = InlineImages::new(dir.path(), "example.se", [31, 81, 56]);
            let html = super::super::markdown::sanitised(tag);
            assert_eq!(images.take_in_html(&html, dir.path()).unwrap(), want, "{tag}");
        }
        let missing = InlineImages::new(dir.path(), "example.se", [31, 81, 56])
            .take_in_html("<img src=\"c.png\">", dir.path());
        assert!(matches!(missing, Err(ComposeError::Read { .. })));
    }

    #[test]
    fn a_picture_is_sent_once_at_its_maximum_width() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("a.png");
        image::DynamicImage::new_rgb8(3000, 30).save(&path).unwrap();
        let mut images = InlineImages::new(dir.path(), "example.se", [31, 81, 56]);
        for shown in [100, 400, 200] {
            assert_eq!(images.add(&path, shown).unwrap().url(), "cid:image-1@example.se");
        }
        images.add_logo(&path, 100).unwrap();
        let widths: Vec<usize> =
            images.into_images().unwrap().iter().map(|image| image.picture.width).collect();
        assert_eq!(widths, [800, 200]);
    }

    #[test]
    fn a_block_is_as_wide_as_its_picture_in_a_link_too() {
        let dir = tempfile::tempdir().unwrap();
        image::DynamicImage::new_rgb8(80, 60).save(dir.path().join("e.png")).unwrap();
        let mut images = InlineImages::new(dir.path(), "example.se", [31, 81, 56]);
        for (html, want) in [
            ("<div class=\"figure left\"><img src=\"e.png\" width=\"256\"></div>", true),
            ("<div class=\"figure left\"><a href=\"https://e.se\"><img src=\"e.png\"></a></div>", true),
            ("<span class=\"figure right\"><img src=\"e.png\"></span>", true),
            ("<div class=\"figure left\"><b>x</b><img src=\"e.png\"></div>", false),
        ] {
            let made = images.take_in_html(html, dir.path()).unwrap();
            assert_eq!(made.contains("style=\"width: 80px\">"), want, "{made}");
        }
    }
}
