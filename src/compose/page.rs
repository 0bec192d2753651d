//! The data for templates.

use std::borrow::Cow;
use std::collections::BTreeMap;

use serde::Serialize;

use crate::domain::Issue;

use super::design::{FramePicture, PartnerView};
use super::event::EventView;
use super::phone::Phone;

/// Everything that a letter's templates can refer to.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Page<'a> {
    pub association: &'a Association,
    pub issue: &'a Issue,
    /// BCP 47 code of the frame's language: the reader's, or the letter's.
    pub language: &'a str,
    /// All fields of the register; fields without a value are empty.
    pub member: &'a BTreeMap<&'a str, Cow<'a, str>>,
    pub greeting: &'a str,
    /// Whether this is the public web page, which has no greeting and no unsubscribe link.
    pub web: bool,
    /// The page's position in the archive; `None` in a letter.
    pub archive: Option<&'a ArchiveNeighbours>,
    /// Whether it is a notice to all members, which has no unsubscribe link.
    pub notice: bool,
    /// Whether to show a table of contents.
    pub contents: bool,
    pub sections: &'a [SectionView<'a>],
    /// The names of the attached files.
    pub attachments: &'a [String],
    pub links: Links<'a>,
    /// The texts of the language file.
    pub t: &'a BTreeMap<String, String>,
    pub logo: Option<&'a Logo>,
    /// The picture below the title.
    pub hero: Option<&'a FramePicture>,
    /// The partners, three in a row.
    pub partners: &'a [Vec<PartnerView>],
}

/// The pages before and after a page in the archive.
#[derive(Debug, Default, Serialize)]
pub struct ArchiveNeighbours {
    /// The previous letter.
    pub earlier: Option<PageLink>,
    /// The next letter.
    pub later: Option<PageLink>,
    /// The file of the letter for print.
    pub pdf: Option<String>,
    /// The archive's public address; it ends in `/`.
    pub url: Option<String>,
}

/// A page of the archive.
#[derive(Debug, Clone, Serialize)]
pub struct PageLink {
    pub file: String,
    pub title: String,
}

/// The association for templates.
#[derive(Debug, Clone, Serialize)]
pub struct Association {
    pub name: String,
    pub postal_address: String,
    pub website: Option<String>,
    pub contact: String,
    /// The telephone number for questions, for reading and as a link (RFC 3966).
    pub phone: Option<Phone>,
}

/// A section for templates.
#[derive(Debug, Serialize)]
pub(super) struct SectionView<'a> {
    pub title: &'a str,
    pub anchor: &'a str,
    /// Its number in this letter, from 1; 0 in a letter without a table of contents.
    pub number: usize,
    /// `plain`, `tint` for a section with events, `warm` for a section with an audience.
    pub tone: &'static str,
    /// The days of its events, for the table of contents.
    pub dates: String,
    pub body: String,
    pub events: Vec<EventView<'a>>,
    /// Whether there are too many events for cards.
    pub many_events: bool,
    /// BCP 47 code.
    pub language: &'a str,
    /// The fixed texts in the section's language.
    pub t: &'a BTreeMap<String, String>,
}

/// Links of one member's letter.
#[derive(Debug, Clone, Copy, Serialize)]
pub(super) struct Links<'a> {
    pub unsubscribe: &'a str,
    pub web_version: Option<&'a str>,
}

/// The logo's `cid:` URL and its size in CSS pixels.
#[derive(Debug, Serialize)]
pub(super) struct Logo {
    pub src: String,
    pub width: usize,
    pub height: usize,
}
