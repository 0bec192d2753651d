//! Images: their descriptions, their files, and their size.

use std::path::{Path, PathBuf};

use imagesize::ImageType;
use percent_encoding::percent_decode_str;
use unicode_normalization::UnicodeNormalization;

use crate::compose::{FigureLayout, HERO_WIDTH, image_path, is_picture_name, unsupported};
use crate::domain::Excerpt;

use super::markdown::Image;
use super::text::{FoundTarget, SectionText};
use super::{Finding, Subject};

/// Bytes above which an image is heavy, and above which it is too heavy.
const HEAVY: u64 = 200_000;
const TOO_HEAVY: u64 = 1_000_000;
/// This many bytes are enough to recognise an image's type.
const HEAD: usize = 64;

/// Finds images without a text for readers who cannot see them.
pub(super) fn alt_texts(subject: &Subject<'_>) -> Vec<Finding> {
    each(subject, |_, image| {
        let alt = image.alt.trim();
        if alt.is_empty() {
            let advice = "describe it between the square brackets; leave them empty for decoration only";
            return vec![Finding::warning("image-alt", "the image has no description", advice)];
        }
        let is_file_name = is_file_name(alt, &path_of(&image.target));
        let message = format!("`{alt}` is a file name, not a description of the image");
        let advice = "describe what the image shows, as you would on the phone";
        is_file_name.then(|| Finding::warning("image-alt-file-name", message, advice)).into_iter().collect()
    })
}

/// Finds images that cannot be shown, or that make the letter heavy, including the logo.
pub(super) fn files(subject: &Subject<'_>) -> Vec<Finding> {
    let mut findings = each(subject, |subject, image| {
        if image.target.contains("://") || image.target.starts_with("//") || image.target.starts_with("data:")
        {
            let advice = "save the image in the issue's images folder and use that file";
            let message = "the image would be loaded from the web: many mail programs block it, and it reveals who reads the letter";
            return vec![Finding::error("image-remote", message, advice)];
        }
        file(&image_path(&subject.source.dir, &image.target), &path_of(&image.target))
    });
    for picture in of_frame(subject) {
        let finding = file(picture, picture).into_iter();
        findings.extend(finding.map(|finding| finding.at(Excerpt::new(picture, "", 0..0))));
    }
    findings
}

/// The logo, the partners' logos and the hero picture.
fn of_frame<'a>(subject: &'a Subject<'_>) -> Vec<&'a PathBuf> {
    let partners = subject.facts.partners.iter().chain(&subject.source.partners);
    let logos = partners.filter_map(|partner| partner.logo.as_ref());
    let hero = subject.source.hero.as_ref().map(|hero| &hero.path);
    subject.facts.logo.iter().chain(logos).chain(hero).collect()
}

/// Finds a hero picture without a description, or narrower than the letter.
pub(super) fn hero(subject: &Subject<'_>) -> Vec<Finding> {
    let Some(hero) = &subject.source.hero else { return Vec::new() };
    let mut findings = Vec::new();
    let mut warn = |rule, message: String, advice: &str, key| {
        findings.push(Finding::warning(rule, message, advice).at(subject.issue_file.key("", key)));
    };
    if hero.alt.trim().is_empty() {
        let advice = "add hero_alt = \"…\" to issue.toml: what the picture shows";
        warn("image-alt", "the hero picture has no description".to_owned(), advice, "hero");
    }
    let width = imagesize::size(&hero.path).map_or(HERO_WIDTH, |size| size.width);
    if width < HERO_WIDTH {
        let message = format!("the hero picture is {width} pixels wide; the letter is {HERO_WIDTH}");
        warn("hero-narrow", message, "use a picture of 1,200 pixels", "hero");
    }
    findings
}

/// Finds braces after an image that the letter would print, because they contain an unknown word.
pub(super) fn layouts(subject: &Subject<'_>) -> Vec<Finding> {
    let of_section = |section: &SectionText<'_>| {
        let unknown = section.pictures().into_iter().filter_map(|FoundTarget { item, after, place }| {
            let after = after.get(item.range.len()..)?;
            let after_link = after.strip_prefix("](").and_then(|link| link.split_once(')'));
            let word = FigureLayout::read(after_link.map_or(after, |(_, after)| after))?.err()?;
            let message = format!("`{word}` after the image is not understood");
            let advice = "write {width=50%}, {side=left} or {width=40% side=right} directly after the image";
            Some(Finding::error("image-layout", message, advice).at(place))
        });
        unknown.collect::<Vec<_>>()
    };
    subject.sections.iter().flat_map(of_section).collect()
}

/// Finds pictures in the issue's folder that no section uses.
pub(super) fn unused(subject: &Subject<'_>) -> Vec<Finding> {
    let folder = subject.source.dir.join("images");
    let Ok(entries) = std::fs::read_dir(&folder) else { return Vec::new() };
    let mut pictures: Vec<PathBuf> = entries.flatten().map(|entry| entry.path()).collect();
    pictures.retain(|path| path.is_file() && is_picture_name(&path.to_string_lossy()));
    pictures.sort();
    let texts = subject.sections.iter().flat_map(|section| {
        let descriptions = section.section.events.iter().filter_map(|event| event.description.as_deref());
        descriptions.chain([section.section.markdown.as_str()])
    });
    let texts: Vec<String> =
        texts.map(|text| percent_decode_str(text).decode_utf8_lossy().nfc().collect()).collect();
    let is_shown = |path: &PathBuf| {
        let name: String = path.file_name().unwrap_or_default().to_string_lossy().nfc().collect();
        of_frame(subject).contains(&path) || texts.iter().any(|text| text.contains(&name))
    };
    let finding = |path: PathBuf| {
        let name = path.file_name().unwrap_or_default().to_string_lossy().into_owned();
        let message = format!("no section shows `{name}`");
        let advice = format!("show it with ![What it shows](images/{name}), or delete it");
        Finding::warning("image-unused", message, advice).at(Excerpt::new(&path, "", 0..0))
    };
    pictures.into_iter().filter(|path| !is_shown(path)).map(finding).collect()
}

fn each(subject: &Subject<'_>, judge: impl Fn(&Subject<'_>, &Image) -> Vec<Finding>) -> Vec<Finding> {
    let of_section = |section: &SectionText<'_>| {
        let judged = section.pictures().into_iter().flat_map(|FoundTarget { item, place, .. }| {
            let findings = judge(subject, item);
            findings.into_iter().map(|finding| finding.at(place.clone())).collect::<Vec<_>>()
        });
        judged.collect::<Vec<_>>()
    };
    subject.sections.iter().flat_map(of_section).collect()
}

fn path_of(target: &str) -> PathBuf {
    PathBuf::from(&*percent_decode_str(target).decode_utf8_lossy())
}

fn is_file_name(alt: &str, path: &Path) -> bool {
    let alt = alt.to_lowercase();
    let is = |name: Option<&std::ffi::OsStr>| {
        name.is_some_and(|name| name.to_string_lossy().to_lowercase() == alt)
    };
    let endings = [".png", ".jpg", ".jpeg", ".gif", ".webp", ".svg", ".heic", ".tif", ".bmp"];
    let is_camera_name = is(path.file_stem()) && alt.contains(|c: char| c.is_ascii_digit() || c == '_');
    is(path.file_name()) || is_camera_name || endings.iter().any(|ending| alt.ends_with(ending))
}

fn file(path: &Path, name: &Path) -> Vec<Finding> {
    let name = name.display();
    let Ok(size) = std::fs::metadata(path).map(|file| if file.is_file() { file.len() } else { 0 }) else {
        let advice = "add the file or correct its name (upper and lower case matter)";
        return vec![Finding::error("image-missing", format!("there is no file `{name}`"), advice)];
    };
    let head = head(path).unwrap_or_default();
    if let Some(advice) = unsupported(&head) {
        let message = format!("`{name}` is not an image that every mail program can show");
        return vec![Finding::error("image-type", message, advice)];
    }
    // Other images are scaled down.
    let is_animation = matches!(imagesize::image_type(&head), Ok(ImageType::Gif));
    if !is_animation || size <= HEAVY {
        return Vec::new();
    }
    let message = format!("`{name}` has {} kB", size / 1000);
    let advice = "make it smaller, or save it as JPEG or PNG: those are made smaller for the letter";
    let heavy = if size > TOO_HEAVY { Finding::error } else { Finding::warning };
    vec![heavy("image-heavy", &message, advice)]
}

fn head(path: &Path) -> std::io::Result<Vec<u8>> {
    use std::io::Read;
    // Reading a pipe could wait forever.
    if !path.is_file() {
        return Ok(Vec::new());
    }
    let mut head = Vec::with_capacity(HEAD);
    std::fs::File::open(path)?.take(HEAD as u64).read_to_end(&mut head)?;
    Ok(head)
}

#[cfg(test)]
mod tests {
    use super::super::tests::{facts, found, issue, names};
    use super::*;

    #[test]
    fn an_image_has_a_description() {
        for (markdown, want) in [
            ("![](a.png)", &["image-alt"][..]),
            ("<img src=\"a.png\">", &["image-alt"]),
            ("![IMG_1234.JPG](images/IMG_1234.JPG)", &["image-alt-file-name"]),
            ("![IMG_1234](images/IMG_1234.JPG)", &["image-alt-file-name"]),
            ("![karta.png](images/b.png)", &["image-alt-file-name"]),
            ("![Karta](images/karta.png)", &[]),
            ("![Röda stugor vid en brygga.](images/salgrunda.jpg)", &[]),
            ("<img src=\"a.png\" alt=\"En båt\">", &[]),
        ] {
            assert_eq!(names(alt_texts, markdown), want, "{markdown}");
        }
    }

    #[test]
    fn an_image_exists_and_is_light() {
        let png = |size: usize| {
            let mut bytes = b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\0\x01\0\0\0\x01".to_vec();
            bytes.resize(size, 0);
            bytes
        };
        let gif = |size: usize| {
            let mut bytes = b"GIF89a\x01\0\x01\0".to_vec();
            bytes.resize(size, 0);
            bytes
        };
        for (name, content, markdown, want) in [
            ("a b.png", png(100), "![x](images/a%20b.png)", &[][..]),
            ("a.png", png(200_001), "![x](images/a.png)", &[]),
            ("a.gif", gif(200_001), "![x](images/a.gif)", &["image-heavy"]),
            ("a.jpg", b"RIFF....WEBPVP8 ".to_vec(), "![x](images/a.jpg)", &[]),
            ("a.jpg", b"\0\0\0\x18ftypheic\0\0\0\0".to_vec(), "![x](images/a.jpg)", &["image-type"]),
            ("a.svg", b"<svg></svg>".to_vec(), "![x](images/a.svg)", &["image-type"]),
            ("a.png", png(100), "![x](images/A.png)", &["image-missing"]),
            ("a.png", png(100), "![x](https://example.se/a.png)", &["image-remote"]),
            ("a.png", png(100), "<img src=\"//example.se/a.png\">", &["image-remote"]),
        ] {
            let dir = tempfile::tempdir().unwrap();
            std::fs::create_dir(dir.path().join("images")).unwrap();
            std::fs::write(dir.path().join("images").join(name), content).unwrap();
            let source = issue(dir.path(), "", markdown);
            let facts = facts();
            let found = files(&Subject::new(&source, &facts));
            let rules: Vec<&str> = found.iter().map(|finding| finding.rule).collect();
            assert_eq!(rules, want, "{markdown}");
        }
    }

    #[test]
    fn a_hero_picture_is_described_and_as_wide_as_the_letter() {
        let dir = tempfile::tempdir().unwrap();
        let mut source = issue(dir.path(), "", "Hej");
        for (width, alt, want) in
            [(600, "En båt", &[][..]), (600, " ", &["image-alt"]), (599, "En båt", &["hero-narrow"])]
        {
            let path = dir.path().join(format!("{width}.png"));
            image::DynamicImage::new_rgb8(width, 10).save(&path).unwrap();
            source.hero = Some(crate::compose::Hero { path, alt: alt.to_owned() });
            let facts = facts();
            let found = hero(&Subject::new(&source, &facts));
            assert_eq!(found.iter().map(|finding| finding.rule).collect::<Vec<_>>(), want, "{width} {alt}");
        }
    }

    #[test]
    fn braces_that_would_be_printed_are_found_in_descriptions_too() {
        for (markdown, want) in [
            ("![x](a.png){width=9}", &[][..]),
            ("![x](a.png){widht=9}", &[5]),
            ("[![x](a.png)](https://example.se){widht=9}", &[5]),
            ("[![x](a.png)](https://example.se){width=9}", &[]),
        ] {
            let lines: Vec<usize> = found(layouts, "", markdown).iter().map(|found| found.1).collect();
            let want_in_text: Vec<usize> = want.iter().map(|line| line - 1).collect();
            assert_eq!(lines, want_in_text, "{markdown}");
            let event = format!("[[event]]\ntitle = \"M\"\ndescription = '{markdown}'\ndate = 2026-05-09\n");
            let lines: Vec<usize> = found(layouts, &event, "Hej").iter().map(|found| found.1).collect();
            assert_eq!(lines, want, "{markdown}");
        }
        let event = "[[event]]\ntitle = \"M\"\ndescription = \"![x](inte/har.png)\"\ndate = 2026-05-09\n";
        assert_eq!(
            found(files, event, "Hej").iter().map(|found| found.0).collect::<Vec<_>>(),
            ["image-missing"]
        );
    }

    #[test]
    fn a_picture_is_used_by_a_section_an_event_or_as_the_logo() {
        let dir = tempfile::tempdir().unwrap();
        let images = dir.path().join("images");
        std::fs::create_dir(&images).unwrap();
        for name in ["a.png", "b b.jpg", "event.png", "logo.png", "nowhere.png", "notes.txt"] {
            std::fs::write(images.join(name), "x").unwrap();
        }
        let event = "[[event]]\ntitle = \"M\"\ndate = 2026-05-09\ndescription = \"![x](images/event.png)\"\n";
        let markdown = "![x](images/a.png) ![y](images/b%20b.jpg)\n";
        let source = super::super::tests::issue(dir.path(), event, markdown);
        let facts =
            super::super::Facts { logo: Some(images.join("logo.png")), ..super::super::tests::facts() };
        let found: Vec<String> =
            unused(&Subject::new(&source, &facts)).into_iter().map(|finding| finding.message).collect();
        assert_eq!(found, ["no section shows `nowhere.png`"]);
    }
}
