//! From an issue's folder to one letter per member.
//!
//! [`IssueSource`] reads the files; [`Composer::new`] does once what is the same for all members: Markdown, styles,
//! images, attachments and the compiling of templates; [`Composer::letter`] does what is personal.

mod error;
mod helpers;
mod language;
mod markdown;
mod message;
mod page;
mod parts;
mod shield;
mod source;
mod style;
mod template;
mod text;

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

use jiff::Timestamp;
use lettre::message::SinglePart;

use crate::domain::{Event, Issue, Letter, Member, MemberId, Section, Segment, Token, TokenKey};

use language::Language;
use message::Content;
use page::{Links, Logo, Page, SectionView};
use parts::InlineImages;
use style::Styles;
use template::Templates;

pub use error::ComposeError;
pub use message::Sender;
pub use page::Association;
pub use source::IssueSource;

/// A section beside whose events and title no table of contents is needed.
const CONTENTS_FROM: usize = 3;
const HTML: &str = "letter.html.hbs";
const TEXT: &str = "letter.txt.hbs";

/// What letters need beside the issue.
#[derive(Debug)]
pub struct Setup {
    pub association: Association,
    pub sender: Sender,
    /// Image file of the logo.
    pub logo: Option<PathBuf>,
    /// The project's folder of templates.
    pub templates: PathBuf,
    /// Every field of the register.
    pub fields: BTreeSet<String>,
}

/// An issue that is ready to be written to any member.
#[derive(Debug)]
pub struct Composer {
    issue: Issue,
    setup: Setup,
    key: TokenKey,
    language: Language,
    html: Templates,
    text: Templates,
    sections: Vec<CompiledSection>,
    subject_is_personal: bool,
    logo: Option<Logo>,
    images: Vec<SinglePart>,
    attachments: Vec<SinglePart>,
    attachment_names: Vec<String>,
}

#[derive(Debug)]
struct CompiledSection {
    title: String,
    anchor: String,
    audience: Option<Segment>,
    events: Vec<Event>,
    /// Finished bodies; `None` where the templates named after the anchor are to be rendered.
    html: Option<String>,
    text: Option<String>,
}

/// A letter before it becomes a message.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Rendered {
    pub subject: String,
    pub html: String,
    pub text: String,
}

/// Whether a letter is the real one or a marked try-out.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Mark {
    None,
    /// The subject starts with the language file's `test_mark`.
    Test,
}

impl Composer {
    /// Compiles an issue.
    ///
    /// # Errors
    /// Points at whatever in the issue's files or templates is wrong.
    pub fn new(source: IssueSource, setup: Setup, key: TokenKey) -> Result<Self, ComposeError> {
        let mut language = Language::load(&source.issue.language, &setup.templates)?;
        let (_, css) =
            template::load(&setup.templates, "style.css", include_str!("../../templates/style.css"))?;
        let styles = Styles::new(css);
        let mut images = InlineImages::new(setup.sender.address.domain());
        let mut composer = Self {
            logo: setup.logo.as_deref().map(|path| logo(path, &mut images)).transpose()?,
            html: Templates::html(),
            text: Templates::text(),
            sections: Vec::new(),
            subject_is_personal: source.issue.subject.contains("{{"),
            images: Vec::new(),
            attachments: Vec::new(),
            attachment_names: names(&source.attachments),
            language: language.clone(),
            issue: source.issue,
            setup,
            key,
        };
        helpers::register(composer.html.registry(), &language);
        helpers::register(composer.text.registry(), &language);
        composer.fill_texts(&mut language)?;
        composer.language = language;
        composer.add_page_templates(&styles)?;
        for (index, section) in source.sections.into_iter().enumerate() {
            let compiled = composer.compile(index, section, &source.dir, &styles, &mut images)?;
            composer.sections.push(compiled);
        }
        composer.images = images.into_parts();
        composer.attachments =
            source.attachments.iter().map(|path| parts::attachment(path)).collect::<Result<_, _>>()?;
        Ok(composer)
    }

    /// The issue.
    pub fn issue(&self) -> &Issue {
        &self.issue
    }

    /// The titles of the sections that this member gets.
    pub fn sections_for<'a>(&'a self, member: &'a Member) -> impl Iterator<Item = &'a str> {
        self.sections.iter().filter(|section| section.is_for(member)).map(|section| section.title.as_str())
    }

    /// The names of the attached files.
    pub fn attachment_names(&self) -> &[String] {
        &self.attachment_names
    }

    /// A reader without personal fields, for looking at the letter.
    pub fn neutral_reader(&self) -> Member {
        Member {
            id: MemberId(0),
            number: None,
            name: self.language.text("neutral_reader").to_owned(),
            address: Some(self.setup.sender.address.clone()),
            fields: BTreeMap::new(),
        }
    }

    /// Renders the letter's subject, HTML and text for one member.
    ///
    /// # Errors
    /// When a template can't be rendered with this member's fields.
    pub fn render(&self, member: &Member) -> Result<Rendered, ComposeError> {
        let token = self.key.sign(&self.issue.name, member.id);
        let fields = self.fields_of(member);
        let links = self.links(&token)?;
        let visible: Vec<&CompiledSection> =
            self.sections.iter().filter(|section| section.is_for(member)).collect();
        let mut page = Page {
            association: &self.setup.association,
            issue: &self.issue,
            member: &fields,
            greeting: "",
            contents: visible.len() >= CONTENTS_FROM,
            sections: &[],
            links: &links,
            t: &self.language.texts,
            logo: self.logo.as_ref(),
        };
        let failed = |error: handlebars::RenderError| ComposeError::Letter {
            member: member.name.clone(),
            message: error.to_string(),
        };
        let greeting = self.text.render("greeting", &page).map_err(failed)?;
        page.greeting = &greeting;
        let subject = if self.subject_is_personal {
            self.text.render("subject", &page).map_err(failed)?
        } else {
            self.issue.subject.clone()
        };
        let view = |templates: &Templates, body: fn(&CompiledSection) -> Option<&String>| {
            visible
                .iter()
                .map(|section| section.view(templates, body(section), &page))
                .collect::<Result<Vec<_>, _>>()
        };
        let html_sections = view(&self.html, |section| section.html.as_ref()).map_err(failed)?;
        let text_sections = view(&self.text, |section| section.text.as_ref()).map_err(failed)?;
        let html = self.html.render(HTML, &Page { sections: &html_sections, ..page }).map_err(failed)?;
        let text = self.text.render(TEXT, &Page { sections: &text_sections, ..page }).map_err(failed)?;
        Ok(Rendered { subject, html, text: text::flow(&text) })
    }

    /// Composes the letter to one member.
    ///
    /// # Errors
    /// When the member has no address, or as [`Composer::render`].
    pub fn letter(&self, member: &Member, mark: Mark, now: Timestamp) -> Result<Letter, ComposeError> {
        let recipient = member.address.clone().ok_or_else(|| ComposeError::Letter {
            member: member.name.clone(),
            message: "the member has no e-mail address".to_owned(),
        })?;
        let rendered = self.render(member)?;
        let token = self.key.sign(&self.issue.name, member.id);
        let subject = match mark {
            Mark::None => rendered.subject,
            Mark::Test => format!("{} {}", self.language.text("test_mark"), rendered.subject),
        };
        let content = Content {
            subject: &subject,
            language: &self.issue.language,
            text: rendered.text,
            html: rendered.html,
            images: &self.images,
            attachments: &self.attachments,
        };
        let sender = &self.setup.sender;
        let bytes = sender.message(member, &recipient, &token, &content, now)?;
        Ok(Letter {
            member: member.id,
            sender: sender.return_path(&token)?,
            recipient,
            message_id: message::message_id(&token, &sender.address),
            bytes,
        })
    }

    fn fields_of<'a>(&'a self, member: &'a Member) -> BTreeMap<&'a str, &'a str> {
        let fields = self.setup.fields.iter();
        fields.map(|field| (field.as_str(), member.field(field).unwrap_or_default())).collect()
    }

    fn links(&self, token: &Token) -> Result<Links, ComposeError> {
        let sender = &self.setup.sender;
        let unsubscribe = match sender.unsubscribe_link(token) {
            Some(link) => link,
            None => sender.unsubscribe_mailto(token)?,
        };
        Ok(Links { unsubscribe, web_version: None })
    }

    /// Renders the language file's texts, which are the same for all members.
    fn fill_texts(&self, language: &mut Language) -> Result<(), ComposeError> {
        let data = serde_json::json!({ "association": self.setup.association, "issue": self.issue });
        let mut texts = Templates::text();
        for (key, text) in language.texts.iter_mut().filter(|(_, text)| text.contains("{{")) {
            texts.add(key, &PathBuf::from(format!("templates/language/{}.toml", language.code)), text)?;
            *text = texts.render(key, &data).map_err(|error| ComposeError::Letter {
                member: "everyone".to_owned(),
                message: format!("the text `{key}` of the language file: {error}"),
            })?;
        }
        Ok(())
    }

    /// The data of a letter, as an example of which names there are.
    fn schema(&self) -> Result<serde_json::Value, ComposeError> {
        let reader = self.neutral_reader();
        let token = self.key.sign(&self.issue.name, reader.id);
        let page = Page {
            association: &self.setup.association,
            issue: &self.issue,
            member: &self.fields_of(&reader),
            greeting: "",
            contents: false,
            sections: &[],
            links: &self.links(&token)?,
            t: &self.language.texts,
            logo: None,
        };
        serde_json::to_value(page)
            .map_err(|error| ComposeError::Letter { member: reader.name, message: error.to_string() })
    }

    fn add_page_templates(&mut self, styles: &Styles) -> Result<(), ComposeError> {
        let schema = self.schema()?;
        let dir = self.setup.templates.clone();
        let (path, html) = template::load(&dir, HTML, include_str!("../../templates/letter.html.hbs"))?;
        let check = |path: &Path, text: &str| template::Source { path, text, lines_above: 0 }.check(&schema);
        check(&path, &html)?;
        self.html.add(HTML, &path, &styles.write_into_template(&html)?)?;
        let (path, text) = template::load(&dir, TEXT, include_str!("../../templates/letter.txt.hbs"))?;
        check(&path, &text)?;
        self.text.add(TEXT, &path, &text)?;
        let greeting = self.issue.greeting.clone().unwrap_or_else(|| self.language.greeting.clone());
        let issue_file = PathBuf::from("issue.toml");
        for (name, text) in [("greeting", greeting), ("subject", self.issue.subject.clone())] {
            check(&issue_file, &text)?;
            self.text.add(name, &issue_file, &text)?;
        }
        Ok(())
    }

    fn compile(
        &mut self,
        index: usize,
        section: Section,
        dir: &Path,
        styles: &Styles,
        images: &mut InlineImages,
    ) -> Result<CompiledSection, ComposeError> {
        let Section { path, title, audience, events, markdown, lines_above, .. } = section;
        if let Some(audience) = &audience {
            audience
                .check_fields(|field| self.setup.fields.contains(field))
                .map_err(|error| source::audience_error(&path, audience, &error))?;
        }
        template::Source { path: &path, text: &markdown, lines_above }.check(&self.schema()?)?;
        let anchor = format!("section-{}", index + 1);
        let rendered = markdown::render(&markdown, dir, styles, images)?;
        let (html, text) = if rendered.is_personal {
            self.html.add(&anchor, &path, &rendered.html)?;
            self.text.add(&anchor, &path, &rendered.text)?;
            (None, None)
        } else {
            (Some(rendered.html), Some(text::flow(&rendered.text)))
        };
        Ok(CompiledSection { title, anchor, audience, events, html, text })
    }
}

impl CompiledSection {
    fn is_for(&self, member: &Member) -> bool {
        self.audience.as_ref().is_none_or(|audience| audience.matches(member))
    }

    fn view<'a>(
        &'a self,
        templates: &Templates,
        body: Option<&String>,
        page: &Page<'_>,
    ) -> Result<SectionView<'a>, handlebars::RenderError> {
        let body = match body {
            Some(body) => body.clone(),
            None => templates.render(&self.anchor, page)?,
        };
        Ok(SectionView { title: &self.title, anchor: &self.anchor, body, events: &self.events })
    }
}

fn logo(path: &Path, images: &mut InlineImages) -> Result<Logo, ComposeError> {
    let src = images.add(path)?;
    let size = imagesize::size(path).map_err(|_| ComposeError::NotAnImage { path: path.to_owned() })?;
    // Sharp on dense screens: the file may have up to twice the pixels that are shown.
    let width = size.width.clamp(1, 200);
    Ok(Logo { src, width, height: size.height * width / size.width.max(1) })
}

fn names(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().filter_map(|path| path.file_name()).map(|name| name.to_string_lossy().into_owned()).collect()
}
