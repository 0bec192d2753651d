//! From an issue's folder to one letter per member.
//!
//! [`IssueSource`] reads the files. [`Composer::new`] does the work that is the same for all members once: Markdown,
//! styles, images, attachments and compiling templates. [`Composer::letter`] does the personal part.

mod autolink;
mod board;
mod built_in;
mod calendar;
mod compiler;
mod design;
mod digest;
mod dkim;
#[cfg(test)]
mod documented;
mod encode;
mod error;
mod event;
mod event_table;
mod figure;
mod greeting;
mod helpers;
pub mod html;
mod images;
mod include;
mod issue_file;
mod language;
mod limits;
mod markdown;
mod member_file;
mod message;
mod moment;
mod notice;
mod page;
mod parts;
mod people;
mod phone;
mod picture;
mod prepare;
mod printed;
mod section_file;
mod sender;
mod source;
mod style;
mod tag_mask;
mod tags;
mod template;
mod text;
mod texts;
mod tokens;
pub mod tree;
mod typography;
mod variant;
mod web;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use jiff::tz::TimeZone;

use crate::domain::{
    Address, Addressees, Issue, IssueKind, Letter, Member, MemberId, Segment, Token, TokenKey,
};

use design::{FramePicture, PartnerView};
use event::CompiledEvent;
use language::Language;
pub use language::fill_pattern;
use message::Frame;
use page::Logo;
use template::Templates;
use variant::Variants;

pub use board::{BoardBar, BoardChart, BoardReport, BoardRow, BoardTable};
pub use built_in::{TemplateState, template_states, write_templates};
pub use design::{Design, HERO_WIDTH, Hero};
pub use digest::LetterContent;
pub use dkim::{DkimError, DkimKey, KeyProblem, Signer};
pub use error::ComposeError;
pub use figure::FigureLayout;
use images::InlineImage;
pub use images::image_path;
pub use limits::VOID_ELEMENTS;
pub use markdown::options as markdown_options;
pub use member_file::{MemberAttachment, MemberFile};
pub use notice::{Enclosures, InReplyTo, Notice};
pub use page::{ArchiveNeighbours, Association, PageLink};
pub use phone::Phone;
pub use picture::{channels, unsupported};
pub use prepare::is_picture_name;
pub use printed::{Printed, PrintedEvent, PrintedPartner, PrintedPicture, PrintedSection};
pub use sender::Sender;
pub use source::{IssueSource, LeftOut};
pub use tags::{TagKind, TemplateTag, template_tags};
pub use texts::Texts;
pub use web::{Index, WebPage};

/// Letters with at least this many sections get a table of contents.
const CONTENTS_FROM: usize = 4;
/// Fields of the register for a member's language.
const LANGUAGE_FIELDS: [&str; 4] = ["språk", "language", "sprak", "lang"];
const HTML: &str = "letter.html.hbs";
const TEXT: &str = "letter.txt.hbs";

/// The settings that letters need besides the issue.
#[derive(Debug)]
pub struct Setup {
    pub association: Association,
    pub sender: Sender,
    /// Image file of the logo.
    pub logo: Option<PathBuf>,
    /// The project's folder; files outside it are never sent.
    pub project: PathBuf,
    /// The project's templates folder.
    pub templates: PathBuf,
    /// All fields of the register.
    pub fields: BTreeSet<String>,
    /// Whether the issue has a page in the archive for its letters to link to.
    pub has_web_page: bool,
    /// The time zone of the events.
    pub zone: TimeZone,
    /// The members with a vote; a notice is only for them.
    pub voting: Option<Segment>,
    /// The keys that sign every letter (DKIM).
    pub signers: Vec<Signer>,
    pub design: Design,
}

/// A compiled issue that can be composed for any member.
#[derive(Debug)]
pub struct Composer {
    issue: Issue,
    setup: Setup,
    key: TokenKey,
    /// The letter's language.
    language: Language,
    /// Other languages for the frame of a reader's letter.
    others: Vec<Language>,
    html: Templates,
    text: Templates,
    sections: Vec<CompiledSection>,
    subject_is_personal: bool,
    /// The names that the greeting shows.
    greets_by: greeting::GreetsBy,
    /// Whether the page templates make decisions based on the member, beyond showing values.
    pages_have_logic: bool,
    variants: Variants,
    web_version: Option<String>,
    logo: Option<Logo>,
    hero: Option<FramePicture>,
    /// The partners, three in a row.
    partners: Vec<Vec<PartnerView>>,
    frame: Frame,
    /// The frame of letters with a file that is the member's own, if the issue has such files.
    frame_with_file: Option<Frame>,
    member_attachment: Option<MemberAttachment>,
    images: Vec<InlineImage>,
    attachment_names: Vec<String>,
}

#[derive(Debug)]
struct CompiledSection {
    title: String,
    anchor: String,
    audience: Option<Segment>,
    events: Vec<CompiledEvent>,
    language: String,
    /// With holes for values; `None` if the templates must be rendered for each member.
    body: Option<LetterBody>,
}

#[derive(Debug)]
struct LetterBody {
    html: String,
    text: String,
}

/// A letter before it becomes a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RenderedLetter {
    pub subject: String,
    pub html: String,
    pub text: String,
}

/// Whether a letter is real or a marked test letter.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum LetterMark {
    None,
    /// The subject starts with the language file's `test_mark`.
    Test,
}

impl Composer {
    /// The issue.
    pub fn issue(&self) -> &Issue {
        &self.issue
    }

    /// The titles of the sections that these readers get.
    pub fn sections_for<'a>(&'a self, readers: impl Into<Addressees<'a>>) -> impl Iterator<Item = &'a str> {
        let readers = readers.into();
        self.sections
            .iter()
            .filter(move |section| section.is_for_any(readers))
            .map(|section| section.title.as_str())
    }

    /// Tells whether an issue of this kind is for a member: a notice is only for members with a vote.
    pub fn is_entitled(&self, member: &Member) -> bool {
        let voting = self.setup.voting.as_ref().filter(|_| self.issue.kind == IssueKind::Notice);
        voting.is_none_or(|voting| voting.matches(member))
    }

    /// Tells whether any section is for this member.
    pub fn has_section_for(&self, member: &Member) -> bool {
        self.sections.iter().any(|section| section.is_for(member))
    }

    /// The title of every section, with whether these readers get it.
    pub fn sections<'a>(
        &'a self,
        readers: impl Into<Addressees<'a>>,
    ) -> impl Iterator<Item = (&'a str, bool)> {
        let readers = readers.into();
        self.sections.iter().map(move |section| (section.title.as_str(), section.is_for_any(readers)))
    }

    /// The titles of sections with an audience, with their audiences.
    pub fn audiences(&self) -> impl Iterator<Item = (&str, &Segment)> {
        self.sections.iter().filter_map(|section| Some((section.title.as_str(), section.audience.as_ref()?)))
    }

    /// The titles of all sections.
    pub fn section_titles(&self) -> impl Iterator<Item = &str> {
        self.sections.iter().map(|section| section.title.as_str())
    }

    /// The picture files of the letter, including the logo.
    pub fn image_files(&self) -> impl Iterator<Item = &Path> {
        self.images.iter().map(|image| image.path.as_path())
    }

    /// The sender as mail programs show it.
    pub fn from(&self) -> String {
        format!("{} <{}>", self.setup.sender.name, self.setup.sender.address)
    }

    /// A reader without personal fields, for viewing the letter.
    pub fn neutral_reader(&self) -> Member {
        let name = self.language.text("neutral_reader").to_owned();
        Member {
            id: MemberId(0),
            number: None,
            address: Some(self.setup.sender.address.clone()),
            fields: BTreeMap::from([("first_name".to_owned(), name.clone())]),
            name,
        }
    }

    /// Renders the letter's subject, HTML and text for one member, or for all who share an address.
    ///
    /// # Errors
    /// If a template cannot be rendered with the first member's fields.
    pub fn render<'a>(&self, readers: impl Into<Addressees<'a>>) -> Result<RenderedLetter, ComposeError> {
        let readers = readers.into();
        let token = self.key.sign(&self.issue.name, readers.lead.id);
        Ok(self.fill(readers, &token)?.rendered())
    }

    /// Composes and signs the letter to one member, or to all who share an address.
    ///
    /// # Errors
    /// If the member has no address, and those of [`Composer::render`].
    pub fn letter<'a>(
        &self,
        readers: impl Into<Addressees<'a>>,
        mark: LetterMark,
        now: Timestamp,
    ) -> Result<Letter, ComposeError> {
        let mut letter = self.unsigned(readers.into(), mark, now)?;
        let mut signed = dkim::signatures(&self.setup.signers, &letter.bytes, now)?.into_bytes();
        if !signed.is_empty() {
            signed.append(&mut letter.bytes);
            letter.bytes = signed;
        }
        Ok(letter)
    }

    /// Composes a letter without the costly signature, to check that it can be sent.
    ///
    /// # Errors
    /// Like [`Composer::letter`].
    pub fn rehearse<'a>(
        &self,
        readers: impl Into<Addressees<'a>>,
        now: Timestamp,
    ) -> Result<(), ComposeError> {
        let readers = readers.into();
        let (recipient, token) = self.addressee(readers.lead)?;
        self.usable_own_file(readers)?;
        let filled = self.fill(readers, &token)?;
        let sender = &self.setup.sender;
        sender.return_path(&token)?;
        let id = message::message_id(&token, &sender.address);
        let to = self.names(readers);
        message::headers(sender, to, &recipient, self.leaving(&token), filled.subject(), &id, now).map(drop)
    }

    fn unsigned(
        &self,
        readers: Addressees<'_>,
        mark: LetterMark,
        now: Timestamp,
    ) -> Result<Letter, ComposeError> {
        let (recipient, token) = self.addressee(readers.lead)?;
        let filled = self.fill(readers, &token)?;
        let (html, text) = filled.encoded();
        let subject = match mark {
            LetterMark::None => filled.subject().to_owned(),
            LetterMark::Test => {
                format!("{} {}", self.language_of(readers.lead).text("test_mark"), filled.subject())
            }
        };
        let sender = &self.setup.sender;
        let message_id = match mark {
            LetterMark::None => message::message_id(&token, &sender.address),
            // Mail programs discard a letter with a known Message-ID.
            LetterMark::Test => message::message_id(&token, &sender.address).replacen(
                '@',
                &format!(".test-{}@", now.as_microsecond()),
                1,
            ),
        };
        let headers = message::headers(
            sender,
            self.names(readers),
            &recipient,
            self.leaving(&token),
            &subject,
            &message_id,
            now,
        )?;
        let bytes = match (self.own_part(readers)?, &self.frame_with_file) {
            (Some(file), Some(frame)) => frame.message(&headers, &text, &html, &file),
            _ => self.frame.message(&headers, &text, &html, &[]),
        };
        Ok(Letter {
            member: readers.lead.id,
            others: readers.others.iter().map(|member| member.id).collect(),
            sender: Some(sender.return_path(&token)?),
            message_id,
            bytes,
            recipient,
        })
    }

    /// The language of the letter's frame: the member's own if it has a language file, else the letter's.
    fn language_of(&self, member: &Member) -> &Language {
        let named = LANGUAGE_FIELDS.iter().find_map(|field| member.field(field));
        let own = named.filter(|named| !self.language.is_called(named));
        let known = own.and_then(|named| self.others.iter().find(|language| language.is_called(named)));
        known.unwrap_or(&self.language)
    }

    /// The language with this code, or else the letter's.
    fn language(&self, code: &str) -> &Language {
        self.others.iter().find(|language| language.code == code).unwrap_or(&self.language)
    }

    /// The token with which a member unsubscribes; `None` for a notice.
    fn leaving<'a>(&self, token: &'a Token) -> Option<&'a Token> {
        (self.issue.kind == IssueKind::Newsletter).then_some(token)
    }

    fn addressee(&self, member: &Member) -> Result<(Address, Token), ComposeError> {
        let recipient = member.address.clone().ok_or_else(|| ComposeError::Letter {
            member: member.name.clone(),
            message: "the member has no e-mail address".to_owned(),
        })?;
        Ok((recipient, self.key.sign(&self.issue.name, member.id)))
    }

    /// The URL in the letter that unsubscribes a member.
    ///
    /// # Errors
    /// If the token makes the local part too long.
    pub fn unsubscribe_link(&self, member: &Member) -> Result<String, ComposeError> {
        self.setup.sender.unsubscribe(&self.key.sign(&self.issue.name, member.id))
    }

    fn fields_of<'a>(&'a self, member: &'a Member) -> BTreeMap<&'a str, Cow<'a, str>> {
        let value = |field: &str| match field {
            "first_name" => Cow::Owned(greeting::first_name(member, self.language_of(member))),
            field => Cow::Borrowed(member.field(field).unwrap_or_default()),
        };
        self.setup.fields.iter().map(|field| (field.as_str(), value(field))).collect()
    }
}

impl CompiledSection {
    fn is_for(&self, member: &Member) -> bool {
        self.audience.as_ref().is_none_or(|audience| audience.matches(member))
    }

    fn is_for_any(&self, readers: Addressees<'_>) -> bool {
        readers.members().any(|member| self.is_for(member))
    }
}
