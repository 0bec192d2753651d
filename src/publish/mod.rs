//! The letters as web pages: one page per issue, an index and an Atom feed (RFC 4287), without personal data.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use atom_syndication::{Entry, Feed, FixedDateTime, Generator, Link, Person, Text};
use jiff::civil::Date;
use jiff::tz::TimeZone;
use serde::Serialize;

use crate::compose::{ArchiveNeighbours, ComposeError, Composer, Index, PageLink};
use crate::domain::IssueName;
use crate::private;

/// The archive's folder and public address.
#[derive(Debug)]
pub struct Site<'a> {
    pub dir: PathBuf,
    /// The public address of the folder; it ends in `/`.
    pub url: Option<&'a str>,
    pub association: &'a str,
    pub zone: &'a TimeZone,
    /// The letters for print, as PDF.
    pub pdfs: BTreeMap<IssueName, Vec<u8>>,
}

/// Why the archive cannot be written.
#[derive(Debug, thiserror::Error)]
pub enum PublishError {
    #[error(transparent)]
    Compose(#[from] ComposeError),
    #[error("cannot write `{path}`: {source}")]
    Write { path: PathBuf, source: std::io::Error },
    #[error("the feed: {0}")]
    Feed(String),
}

/// One issue in the index.
#[derive(Debug, Serialize)]
struct Listed {
    file: String,
    title: String,
    day: Date,
    written_date: String,
    summary: Option<String>,
}

impl Site<'_> {
    /// Writes the pages of the issues, the newest first in index and feed; returns the files in the order of writing.
    ///
    /// # Errors
    /// If a page cannot be rendered or a file cannot be written.
    pub fn write(&self, issues: &[Composer], index: &Index) -> Result<Vec<PathBuf>, PublishError> {
        let mut files = Vec::new();
        let mut listed = Vec::new();
        let mut issues: Vec<&Composer> = issues.iter().collect();
        issues.sort_by_key(|composer| composer.issue().date);
        for (place, composer) in issues.iter().enumerate() {
            let issue = composer.issue();
            let link = |place: Option<usize>| {
                place.and_then(|place| issues.get(place)).map(|other| page_link(other))
            };
            let neighbours = ArchiveNeighbours {
                earlier: link(place.checked_sub(1)),
                later: link(place.checked_add(1)),
                pdf: self.pdfs.contains_key(&issue.name).then(|| format!("{}.pdf", issue.name)),
                url: self.url.map(str::to_owned),
            };
            let page = composer.web_page(&neighbours)?;
            let folder = self.dir.join(issue.name.as_str());
            for (name, image) in &page.images {
                files.push(write(folder.join(name), image)?);
            }
            if let (Some(name), Some(pdf)) = (&neighbours.pdf, self.pdfs.get(&issue.name)) {
                files.push(write(self.dir.join(name), pdf)?);
            }
            let file = page_link(composer).file;
            files.push(write(self.dir.join(&file), page.html.as_bytes())?);
            listed.push(Listed {
                file,
                title: issue.title.clone(),
                day: issue.date,
                written_date: composer.written_date(),
                summary: issue.preheader.clone(),
            });
        }
        listed.sort_by_key(|issue| std::cmp::Reverse(issue.day));
        files.push(write(self.dir.join("index.html"), index.render(&listed)?.as_bytes())?);
        files.push(write(self.dir.join("feed.xml"), self.feed(&listed)?.as_bytes())?);
        Ok(files)
    }

    fn feed(&self, issues: &[Listed]) -> Result<String, PublishError> {
        // An id must never change (RFC 4287 §4.2.6), so use the public address if there is one.
        let base = self.url.unwrap_or("urn:medlemsbrev:");
        let entries = issues.iter().map(|issue| self.entry(base, issue)).collect::<Result<Vec<_>, _>>()?;
        let updated = entries.first().map_or_else(FixedDateTime::default, |entry| entry.updated);
        let link = |href: String, rel: &str| Link { href, rel: rel.to_owned(), ..Link::default() };
        let feed = Feed {
            title: Text::plain(self.association),
            id: base.to_owned(),
            updated,
            authors: vec![Person { name: self.association.to_owned(), ..Person::default() }],
            generator: Some(Generator { value: "medlemsbrev".to_owned(), ..Generator::default() }),
            links: self.url.iter().map(|url| link(format!("{url}feed.xml"), "self")).collect(),
            entries,
            ..Feed::default()
        };
        let xml = feed.write_to(Vec::new()).map_err(|error| PublishError::Feed(error.to_string()))?;
        String::from_utf8(xml).map_err(|error| PublishError::Feed(error.to_string()))
    }

    fn entry(&self, base: &str, issue: &Listed) -> Result<Entry, PublishError> {
        let noon = issue.day.at(12, 0, 0, 0);
        let moment = self.zone.to_ambiguous_timestamp(noon).compatible();
        let moment = moment.map_err(|error| PublishError::Feed(error.to_string()))?;
        let updated: FixedDateTime =
            moment.to_string().parse().map_err(|error| PublishError::Feed(format!("{error}")))?;
        let href = format!("{}{}", self.url.unwrap_or_default(), issue.file);
        Ok(Entry {
            title: Text::plain(issue.title.clone()),
            id: format!("{base}{}", issue.file),
            updated,
            published: Some(updated),
            summary: issue.summary.clone().map(Text::plain),
            links: vec![Link { href, rel: "alternate".to_owned(), ..Link::default() }],
            ..Entry::default()
        })
    }
}

fn page_link(composer: &Composer) -> PageLink {
    let issue = composer.issue();
    PageLink { file: format!("{}.html", issue.name), title: issue.title.clone() }
}

fn write(path: PathBuf, content: &[u8]) -> Result<PathBuf, PublishError> {
    let failed = |path: &Path, source| PublishError::Write { path: path.to_owned(), source };
    if let Some(dir) = path.parent() {
        private::publish_folder(dir).map_err(|source| failed(dir, source))?;
    }
    private::publish_file(&path, content).map_err(|source| failed(&path, source))?;
    Ok(path)
}
