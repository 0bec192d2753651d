//! Compiles an issue: everything that is the same for all members is rendered, styled and encoded once.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use lettre::message::SinglePart;

use crate::domain::{Event, Section, TokenKey};

use super::calendar::{Organiser, calendar};

use super::event::CompiledEvent;
use super::greeting::{GreetsBy, greeting_in};
use super::images::{InlineImage, InlineImages};
use super::language::Language;
use super::message::Frame;
use super::page::Logo;
use super::parts;
use super::style::Styles;
use super::template::{self, Templates};
use super::variant::Variants;
use super::{
    CompiledSection, ComposeError, Composer, HTML, IssueSource, LetterBody, Setup, TEXT, design, helpers,
    include, markdown, source,
};

impl Composer {
    /// Compiles an issue.
    ///
    /// # Errors
    /// Points to the problem in the issue's files or templates.
    pub fn new(source: IssueSource, setup: Setup, key: TokenKey) -> Result<Self, ComposeError> {
        let mut language = Language::load(&source.issue.language, &setup.templates)?;
        let mut others = Language::others(&language.code, &setup.templates);
        let (_, css) = template::load(&setup.templates, "style.css")?;
        let styles = Styles::new(&setup.design.recolored(&css));
        let mut images =
            InlineImages::new(&setup.project, setup.sender.address.domain(), setup.design.ground());
        let attachments = source
            .attachments
            .iter()
            .map(|path| parts::attachment(&setup.project, path))
            .collect::<Result<Vec<_>, _>>()?;
        let partners = [setup.design.partners.as_slice(), &source.partners].concat();
        let mut composer = Self {
            logo: setup.logo.as_deref().map(|path| logo(path, &mut images)).transpose()?,
            hero: source.hero.as_ref().map(|hero| design::hero(hero, &mut images)).transpose()?,
            partners: design::rows(&partners, &mut images)?,
            html: Templates::html(),
            text: Templates::text(),
            sections: Vec::new(),
            greets_by: GreetsBy::default(),
            subject_is_personal: source.issue.subject.contains("{{"),
            pages_have_logic: false,
            variants: Variants::default(),
            web_version: setup
                .sender
                .archive_url
                .as_ref()
                .filter(|_| setup.has_web_page)
                .map(|url| format!("{url}{}.html", source.issue.name)),
            // Built again once the images are known.
            frame: Frame::new(&setup.sender, &source.issue, &[], &[])?,
            images: Vec::new(),
            attachment_names: names(&source.attachments),
            language: language.clone(),
            others: Vec::new(),
            issue: source.issue,
            setup,
            key,
        };
        composer.fill_texts(&mut language)?;
        others.retain_mut(|other| composer.fill_texts(other).is_ok());
        let all: Arc<[Language]> = std::iter::once(&language).chain(&others).cloned().collect();
        helpers::register(composer.html.registry(), &all);
        helpers::register(composer.text.registry(), &all);
        (composer.language, composer.others) = (language, others);
        composer.add_page_templates(&styles)?;
        for (index, section) in source.sections.into_iter().enumerate() {
            let compiled = composer.compile(index, section, &source.dir, &styles, &mut images)?;
            composer.sections.push(compiled);
        }
        composer.finished(images, attachments)
    }

    /// Adds the calendar, and the images in the form in which they are sent.
    fn finished(
        mut self,
        images: InlineImages,
        mut attachments: Vec<SinglePart>,
    ) -> Result<Self, ComposeError> {
        let events = self.sections.iter().filter(|section| section.audience.is_none());
        let events: Vec<Event> =
            events.flat_map(|section| &section.events).map(|event| event.event.clone()).collect();
        if self.issue.calendar
            && let Some((name, part)) = self.calendar(&events)?
        {
            attachments.push(part);
            self.attachment_names.push(name);
        }
        self.images = images.into_images()?;
        let image_parts = self.images.iter().map(InlineImage::part).collect::<Result<Vec<_>, _>>()?;
        self.frame = Frame::new(&self.setup.sender, &self.issue, &image_parts, &attachments)?;
        Ok(self)
    }

    /// The calendar of the events in sections for everyone, with its file name.
    fn calendar(&self, events: &[Event]) -> Result<Option<(String, SinglePart)>, ComposeError> {
        let sender = &self.setup.sender;
        let organiser = Organiser { name: &self.setup.association.name, address: sender.contact() };
        let Some(text) = calendar(events, &self.issue, &self.setup.zone, organiser) else { return Ok(None) };
        let name = self.calendar_name();
        let part = parts::calendar(text, &name)?;
        Ok(Some((name, part)))
    }

    /// The name of the calendar file.
    pub(super) fn calendar_name(&self) -> String {
        format!("{}.ics", self.language.text("calendar").to_lowercase())
    }

    /// Renders the texts of the language file that are the same for all members.
    fn fill_texts(&self, language: &mut Language) -> Result<(), ComposeError> {
        let data = serde_json::json!({ "association": self.setup.association, "issue": self.issue });
        let mut texts = Templates::text();
        for (key, text) in language.texts.iter_mut().filter(|(_, text)| text.contains("{{")) {
            texts.add(key, &PathBuf::from(format!("templates/language/{}.toml", language.code)), text)?;
            *text = texts.render_data(key, &data).map_err(|error| ComposeError::Letter {
                member: "everyone".to_owned(),
                message: format!("the text `{key}` of the language file: {error}"),
            })?;
        }
        Ok(())
    }

    /// Sample data of a letter, which defines the known names.
    fn schema(&self) -> Result<serde_json::Value, ComposeError> {
        let reader = self.neutral_reader();
        let fields = self.fields_of(&reader);
        let page = self.page(&fields, &self.language, "", "", &[]);
        serde_json::to_value(page)
            .map_err(|error| ComposeError::Letter { member: reader.name, message: error.to_string() })
    }

    fn add_page_templates(&mut self, styles: &Styles) -> Result<(), ComposeError> {
        let schema = self.schema()?;
        let dir = self.setup.templates.clone();
        let (path, html) = template::load(&dir, HTML)?;
        let check =
            |path: &Path, text: &str| template::TemplateSource { path, text, lines_above: 0 }.check(&schema);
        let html = include::with_blocks(&dir, &path, &html, &schema)?;
        self.pages_have_logic = decides_by_member(&html.replace(super::style::MARK, ""));
        self.html.add(HTML, &path, &styles.write_into_template(&self.setup.design.recolored(&html))?)?;
        let (path, text) = template::load(&dir, TEXT)?;
        check(&path, &text)?;
        self.pages_have_logic |= decides_by_member(&text);
        self.text.add(TEXT, &path, &text)?;
        let greeting = self.issue.greeting.clone().unwrap_or_else(|| self.language.greeting.clone());
        let issue_file = PathBuf::from("issue.toml");
        self.greets_by = GreetsBy::of(&greeting);
        let greetings = self.others.iter().map(|other| (greeting_in(other), other.greeting.clone()));
        let own =
            [(greeting_in(&self.language), greeting), ("subject".to_owned(), self.issue.subject.clone())];
        for (name, text) in greetings.chain(own).collect::<Vec<_>>() {
            check(&issue_file, &text)?;
            self.text.add(&name, &issue_file, &text)?;
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
        let Section { path, title, audience, events, language, markdown, lines_above, .. } = section;
        if let Some(audience) = &audience {
            audience
                .check_fields(|field| self.setup.fields.contains(field))
                .map_err(|error| source::audience_error(&path, audience, &error))?;
        }
        template::TemplateSource { path: &path, text: &markdown, lines_above }.check(&self.schema()?)?;
        let anchor = format!("section-{}", index + 1);
        let language = language.unwrap_or_else(|| self.issue.language.clone());
        // A section in a language without a language file is set like the letter.
        let set_in = self.language(&language).clone();
        let set_in = &set_in;
        let rendered = markdown::render(&markdown, &anchor, "prose", dir, set_in, styles, images)?;
        let body = if rendered.is_personal {
            self.html.add(&anchor, &path, &rendered.html)?;
            self.text.add(&anchor, &path, &rendered.text)?;
            if decides_by_member(&markdown) { None } else { Some(self.open_body(&anchor, &language)?) }
        } else {
            Some(LetterBody { html: rendered.html, text: rendered.text })
        };
        let mut events = events;
        events.sort_by_key(|event| (event.date, event.start));
        let place = TextOrigin { anchor: &anchor, path: &path, dir };
        let described = |(number, event)| describe(number, event, place, set_in, styles, images);
        let events = events.into_iter().enumerate().map(described).collect::<Result<Vec<_>, _>>()?;
        Ok(CompiledSection { title, anchor, audience, events, language, body })
    }
}

/// The source of a section's texts.
#[derive(Clone, Copy)]
struct TextOrigin<'a> {
    anchor: &'a str,
    path: &'a Path,
    /// The issue's folder, for pictures.
    dir: &'a Path,
}

/// Renders an event's description, which is the same for all members.
fn describe(
    number: usize,
    event: Event,
    place: TextOrigin<'_>,
    language: &Language,
    styles: &Styles,
    images: &mut InlineImages,
) -> Result<CompiledEvent, ComposeError> {
    let Some(text) = event.description.as_deref().filter(|text| !text.trim().is_empty()) else {
        return Ok(CompiledEvent { event, description: None });
    };
    let anchor = format!("{}-event-{}", place.anchor, number + 1);
    let rendered = markdown::render(text, &anchor, "prose details", place.dir, language, styles, images)?;
    if rendered.is_personal {
        return Err(source::tag_in_event(place.path, text));
    }
    let description = Some(LetterBody { html: rendered.html, text: rendered.text });
    Ok(CompiledEvent { event, description })
}

fn decides_by_member(text: &str) -> bool {
    template::decides_by(text, &["member", "greeting", "links"])
}

/// The display width of a logo in CSS pixels.
const LOGO_WIDTH: usize = 200;

fn logo(path: &Path, images: &mut InlineImages) -> Result<Logo, ComposeError> {
    let image = images.add_logo(path, LOGO_WIDTH)?;
    let (width, height) = image.fitted(LOGO_WIDTH);
    Ok(Logo { src: image.url(), width, height })
}

fn names(paths: &[PathBuf]) -> Vec<String> {
    paths.iter().filter_map(|path| path.file_name()).map(|name| name.to_string_lossy().into_owned()).collect()
}
