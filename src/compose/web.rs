//! The letter as a web page, and the index of such pages.

use std::path::{Path, PathBuf};

use data_encoding::BASE64;
use serde::Serialize;

use super::language::Language;
use super::template::{self, Templates};
use super::{Association, ComposeError, Composer, helpers};

/// A letter for everyone to read: no greeting, no unsubscribe link, only sections that are for all.
#[derive(Debug)]
pub struct WebPage {
    pub html: String,
    /// The page's images: their name in the folder named after the issue, and their file.
    pub images: Vec<(String, PathBuf)>,
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
    /// The letter as a web page.
    ///
    /// # Errors
    /// If a template cannot be rendered.
    pub fn web_page(&self) -> Result<WebPage, ComposeError> {
        let mut html = self.public_html()?;
        let mut images: Vec<(String, PathBuf)> = Vec::new();
        for (path, id) in &self.images {
            if !html.contains(&format!("cid:{id}")) {
                continue;
            }
            let name = path.file_name().map(|name| name.to_string_lossy().into_owned()).unwrap_or_default();
            let is_taken = images.iter().any(|(taken, _)| *taken == name);
            let name = if is_taken { format!("{}-{name}", images.len() + 1) } else { name };
            let url = percent_encoding::utf8_percent_encode(&name, percent_encoding::NON_ALPHANUMERIC);
            // Dots are safe in a path and keep the file's ending readable.
            let url = url.to_string().replace("%2E", ".").replace("%2D", "-").replace("%5F", "_");
            html = html.replace(&format!("cid:{id}"), &format!("{}/{url}", self.issue.name));
            images.push((name, path.clone()));
        }
        Ok(WebPage { html, images })
    }

    /// A letter's HTML with its images inside, so that a browser shows it as it is.
    ///
    /// # Errors
    /// If an image cannot be read any more.
    pub fn with_images_inside(&self, html: &str) -> Result<String, ComposeError> {
        let mut html = html.to_owned();
        for (path, id) in &self.images {
            let bytes =
                std::fs::read(path).map_err(|source| ComposeError::Read { path: path.clone(), source })?;
            let kind = mime_guess::from_path(path).first_or_octet_stream();
            let url = format!("data:{kind};base64,{}", BASE64.encode(&bytes));
            html = html.replace(&format!("cid:{id}"), &url);
        }
        Ok(html)
    }

    /// The file of an image that a letter's HTML refers to by `cid:`.
    pub fn image_file(&self, source: &str) -> Option<&Path> {
        let id = source.strip_prefix("cid:")?;
        self.images.iter().find(|(_, known)| known == id).map(|(path, _)| path.as_path())
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
    /// When either cannot be used.
    pub fn load(templates: &Path, language: &str, association: Association) -> Result<Self, ComposeError> {
        let language = Language::load(language, templates)?;
        let (path, text) =
            template::load(templates, INDEX, include_str!("../../templates/archive.html.hbs"))?;
        let mut compiled = Templates::html();
        helpers::register(compiled.registry(), &language);
        compiled.add(INDEX, &path, &text)?;
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
