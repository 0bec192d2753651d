//! The letter as a web page, and the index of such pages.

use std::path::Path;

use data_encoding::BASE64;
use serde::Serialize;

use super::language::Language;
use super::template::{self, Templates};
use super::{ArchiveNeighbours, Association, ComposeError, Composer, Design, helpers};

/// A public letter: no greeting, no unsubscribe link, and only sections without an audience.
#[derive(Debug)]
pub struct WebPage {
    pub html: String,
    /// The page's images: their name in the folder named after the issue, and their content.
    pub images: Vec<(String, Vec<u8>)>,
}

/// The page that lists all letters.
#[derive(Debug)]
pub struct Index {
    templates: Templates,
    language: Language,
    association: Association,
}

const INDEX: &str = "archive.html.hbs";

#[derive(Serialize)]
struct IndexPage<'a, T> {
    language: &'a str,
    association: &'a Association,
    t: &'a std::collections::BTreeMap<String, String>,
    issues: &'a [T],
}

impl Composer {
    /// The letter as a web page between its neighbours.
    ///
    /// # Errors
    /// If a template cannot be rendered.
    pub fn web_page(&self, archive: &ArchiveNeighbours) -> Result<WebPage, ComposeError> {
        let mut html = self.public_html(archive)?;
        let mut images: Vec<(String, Vec<u8>)> = Vec::new();
        for image in &self.images {
            if !html.contains(&image.url()) {
                continue;
            }
            let name = image.name.clone();
            let is_taken = images.iter().any(|(taken, _)| *taken == name);
            let name = if is_taken { format!("{}-{name}", images.len() + 1) } else { name };
            let url = percent_encoding::utf8_percent_encode(&name, percent_encoding::NON_ALPHANUMERIC);
            // Dots are safe in a path and keep the file's extension readable.
            let url = url.to_string().replace("%2E", ".").replace("%2D", "-").replace("%5F", "_");
            html = html.replace(&image.url(), &format!("{}/{url}", self.issue.name));
            images.push((name, image.picture.bytes.clone()));
        }
        Ok(WebPage { html, images })
    }

    /// A letter's HTML with embedded images, so that a browser shows it on its own.
    pub fn with_images_inside(&self, html: &str) -> String {
        self.images.iter().fold(html.to_owned(), |html, image| {
            let url = format!("data:{};base64,{}", image.picture.kind, BASE64.encode(&image.picture.bytes));
            html.replace(&image.url(), &url)
        })
    }

    /// The file of an image that a letter's HTML refers to by `cid:`.
    pub fn image_file(&self, source: &str) -> Option<&Path> {
        self.images.iter().find(|image| image.url() == source).map(|image| image.path.as_path())
    }

    /// The issue's date in the letter's language.
    pub fn written_date(&self) -> String {
        self.language.date(self.issue.date)
    }
}

impl Index {
    /// Loads the index's template and the language's texts.
    ///
    /// # Errors
    /// If either cannot be used.
    pub fn load(
        templates: &Path,
        language: &str,
        association: Association,
        design: &Design,
    ) -> Result<Self, ComposeError> {
        let language = Language::load(language, templates)?;
        let (path, text) = template::load(templates, INDEX)?;
        let mut compiled = Templates::html();
        helpers::register(compiled.registry(), &std::sync::Arc::from([language.clone()]));
        compiled.add(INDEX, &path, &design.recolored(&text))?;
        Ok(Self { templates: compiled, language, association })
    }

    /// Renders the index of these issues.
    ///
    /// # Errors
    /// If the template cannot be rendered.
    pub fn render<T: Serialize>(&self, issues: &[T]) -> Result<String, ComposeError> {
        let page = IndexPage {
            language: &self.language.code,
            association: &self.association,
            t: &self.language.texts,
            issues,
        };
        self.templates.render_data(INDEX, &page).map_err(|error| ComposeError::Letter {
            member: "the archive".to_owned(),
            message: error.to_string(),
        })
    }
}
