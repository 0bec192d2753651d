//! A variant of the letter: a combination of sections, rendered once for all members who get exactly these.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use handlebars::{Context, RenderError};

use jiff::civil::Date;

use crate::domain::{Addressees, IssueKind, Token};

use super::encode::{EncodedPage, filled, hole};
use super::language::Language;
use super::page::{ArchiveNeighbours, Page, SectionView};
use super::template::Templates;
use super::{
    CONTENTS_FROM, CompiledSection, ComposeError, Composer, HTML, LetterBody, RenderedLetter, TEXT, text,
};

/// Nobody needs more combinations; beyond them the oldest ones are rendered again.
const MAX_VARIANTS: usize = 256;

/// The numbers of the holes; the fields follow, then the sections.
const GREETING: usize = 0;
const UNSUBSCRIBE: usize = 1;
const FIRST: usize = 2;

/// The letter with these sections; it has holes only for personal values.
#[derive(Debug)]
pub(super) struct Variant {
    html: EncodedPage,
    text: EncodedPage,
}

/// The code of the frame's language, and the sections.
type VariantKey = (String, Vec<usize>);

/// The variants rendered so far.
#[derive(Debug, Default)]
pub(super) struct Variants(RwLock<HashMap<VariantKey, Arc<Variant>>>);

/// The personal values of one member's letter.
#[derive(Debug)]
pub(super) struct PersonalValues {
    pub subject: String,
    /// The code of the frame's language.
    language: String,
    greeting: String,
    unsubscribe: String,
    fields: Vec<String>,
    /// The sections that make decisions based on the member, by their hole.
    sections: BTreeMap<usize, LetterBody>,
}

/// A letter's values with the variant for them.
#[derive(Debug)]
pub(super) struct Filled {
    variant: Arc<Variant>,
    values: PersonalValues,
}

impl Filled {
    pub fn subject(&self) -> &str {
        &self.values.subject
    }

    /// The readable letter.
    pub fn rendered(&self) -> RenderedLetter {
        RenderedLetter {
            subject: self.values.subject.clone(),
            html: self.variant.html.readable(|number| self.values.html(number)),
            text: self.variant.text.readable(|number| self.values.text(number)),
        }
    }

    /// The HTML and the text in quoted-printable.
    pub fn encoded(&self) -> (Vec<u8>, Vec<u8>) {
        let html = self.variant.html.encoded(|number| self.values.html(number));
        (html, self.variant.text.encoded(|number| self.values.text(number)))
    }
}

impl PersonalValues {
    /// The HTML for a hole.
    pub fn html(&self, number: usize) -> String {
        match self.sections.get(&number) {
            Some(body) => body.html.clone(),
            None => handlebars::html_escape(self.value(number)),
        }
    }

    fn text(&self, number: usize) -> String {
        match self.sections.get(&number) {
            Some(body) => body.text.clone(),
            None => self.value(number).to_owned(),
        }
    }

    /// The words of the greeting.
    pub fn greeting(&self) -> &str {
        &self.greeting
    }

    fn value(&self, number: usize) -> &str {
        match number {
            GREETING => &self.greeting,
            UNSUBSCRIBE => &self.unsubscribe,
            field => self.fields.get(field.wrapping_sub(FIRST)).map_or("", String::as_str),
        }
    }
}

impl Composer {
    /// The member's letter: its variant and its personal values.
    ///
    /// # Errors
    /// If a template cannot be rendered with this member's fields.
    pub(super) fn fill(&self, readers: Addressees<'_>, token: &Token) -> Result<Filled, ComposeError> {
        self.fill_with(readers, self.setup.sender.unsubscribe(token)?)
    }

    /// The member's letter with this unsubscribe link.
    ///
    /// # Errors
    /// Like [`Composer::fill`].
    pub(super) fn fill_with(
        &self,
        readers: Addressees<'_>,
        unsubscribe: String,
    ) -> Result<Filled, ComposeError> {
        let visible = self.visible(readers);
        let failed = |error: RenderError| ComposeError::Letter {
            member: readers.lead.name.clone(),
            message: error.to_string(),
        };
        let values = self.values(readers, unsubscribe, &visible, false).map_err(failed)?;
        let variant = if self.pages_have_logic {
            // The page's content depends on the member, so it is rendered for each.
            Arc::new(self.variant(&visible, &values).map_err(failed)?)
        } else {
            self.known_variant(visible, &values.language).map_err(failed)?
        };
        Ok(Filled { variant, values })
    }

    /// The numbers of the sections that these readers get.
    pub(super) fn visible(&self, readers: Addressees<'_>) -> Vec<usize> {
        let numbered = self.sections.iter().enumerate();
        numbered.filter(|(_, section)| section.is_for_any(readers)).map(|(number, _)| number).collect()
    }

    fn known_variant(&self, visible: Vec<usize>, language: &str) -> Result<Arc<Variant>, RenderError> {
        let key = (language.to_owned(), visible);
        let known = self.variants.0.read().unwrap_or_else(PoisonError::into_inner).get(&key).cloned();
        if let Some(variant) = known {
            return Ok(variant);
        }
        let variant = Arc::new(self.variant(&key.1, &self.holes(language))?);
        let mut variants = self.variants.0.write().unwrap_or_else(PoisonError::into_inner);
        if variants.len() >= MAX_VARIANTS {
            variants.clear();
        }
        variants.insert(key, Arc::clone(&variant));
        Ok(variant)
    }

    /// The personal values of a letter with these sections; `web` is for the public page.
    ///
    /// # Errors
    /// If a template cannot be rendered with the first member's fields.
    pub(super) fn values(
        &self,
        readers: Addressees<'_>,
        unsubscribe: String,
        visible: &[usize],
        web: bool,
    ) -> Result<PersonalValues, RenderError> {
        let fields = self.fields_of(readers.lead);
        let language = if web { &self.language } else { self.language_of(readers.lead) };
        let page = Page { web, ..self.page(&fields, language, "", &unsubscribe, &[]) };
        let mut context = Context::wraps(page)?;
        let greeting = if web { String::new() } else { self.greeting(readers, &context)? };
        if let Some(data) = context.data_mut().as_object_mut() {
            data.insert("greeting".to_owned(), greeting.as_str().into());
        }
        let subject = if self.subject_is_personal {
            self.text.render("subject", &context)?
        } else {
            self.issue.subject.clone()
        };
        let mut sections = BTreeMap::new();
        for number in visible {
            let Some(section) = self.sections.get(*number).filter(|section| section.body.is_none()) else {
                continue;
            };
            if let Some(data) = context.data_mut().as_object_mut() {
                data.insert("language".to_owned(), section.language.as_str().into());
            }
            sections.insert(self.section_hole(*number), self.body(&section.anchor, &context)?);
        }
        let fields = fields.into_values().map(Cow::into_owned).collect();
        let language = language.code.clone();
        Ok(PersonalValues { subject, language, greeting, unsubscribe, fields, sections })
    }

    fn body(&self, anchor: &str, context: &Context) -> Result<LetterBody, RenderError> {
        Ok(LetterBody { html: self.html.render(anchor, context)?, text: self.text.render(anchor, context)? })
    }

    /// The body of a section that shows values without making decisions by them, with holes for the values.
    ///
    /// # Errors
    /// If its templates cannot be rendered.
    pub(super) fn open_body(&self, anchor: &str, language: &str) -> Result<LetterBody, ComposeError> {
        let holes = self.holes(language);
        let fields = self.named(&holes.fields);
        let page = self.page(&fields, self.language(language), &holes.greeting, &holes.unsubscribe, &[]);
        Context::wraps(page).and_then(|context| self.body(anchor, &context)).map_err(|error| {
            ComposeError::Letter { member: "everyone".to_owned(), message: error.to_string() }
        })
    }

    /// The number of the hole for a section that makes decisions based on the member.
    pub(super) fn section_hole(&self, number: usize) -> usize {
        FIRST + self.setup.fields.len() + number
    }

    /// A hole for each value.
    fn holes(&self, language: &str) -> PersonalValues {
        PersonalValues {
            subject: String::new(),
            language: language.to_owned(),
            greeting: hole(GREETING),
            unsubscribe: hole(UNSUBSCRIBE),
            fields: (FIRST..).take(self.setup.fields.len()).map(hole).collect(),
            sections: BTreeMap::new(),
        }
    }

    fn named<'a>(&'a self, values: &'a [String]) -> BTreeMap<&'a str, Cow<'a, str>> {
        let values = values.iter().map(|value| Cow::Borrowed(value.as_str()));
        self.setup.fields.iter().map(String::as_str).zip(values).collect()
    }

    /// Renders the page with these sections and values; the values are holes, unless the page makes decisions by
    /// them.
    fn variant(&self, visible: &[usize], values: &PersonalValues) -> Result<Variant, RenderError> {
        let html = self.whole(&self.html, HTML, |body| &body.html, visible, values, None)?;
        let text = self.whole(&self.text, TEXT, |body| &body.text, visible, values, None)?;
        Ok(Variant {
            html: EncodedPage::new(&html, str::to_owned),
            text: EncodedPage::new(&text, text::flow),
        })
    }

    /// One of the page's two formats.
    fn whole(
        &self,
        templates: &Templates,
        name: &str,
        of_body: fn(&LetterBody) -> &String,
        visible: &[usize],
        values: &PersonalValues,
        archive: Option<&ArchiveNeighbours>,
    ) -> Result<String, RenderError> {
        let fields = self.named(&values.fields);
        let numbered = visible.iter().filter_map(|number| Some((*number, self.sections.get(*number)?)));
        let has_contents = visible.len() >= CONTENTS_FROM;
        let mut sections: Vec<SectionView<'_>> = numbered
            .enumerate()
            .map(|(place, (index, section))| {
                let number = if has_contents { place + 1 } else { 0 };
                section.view(of_body, self.section_hole(index), number, self)
            })
            .collect();
        // If everything were highlighted, nothing would stand out.
        let warm = sections.iter_mut().filter(|section| section.tone == WARM);
        warm.skip(MOST_WARM).for_each(|section| section.tone = PLAIN);
        let language = self.language(&values.language);
        let page = self.page(&fields, language, &values.greeting, &values.unsubscribe, &sections);
        templates.render_data(name, &Page { web: archive.is_some(), archive, ..page })
    }

    /// The public page: a neutral reader's, without the parts only for members.
    ///
    /// # Errors
    /// If a template cannot be rendered.
    pub(super) fn public_html(&self, archive: &ArchiveNeighbours) -> Result<String, ComposeError> {
        let reader = self.neutral_reader();
        let failed = |error: RenderError| ComposeError::Letter {
            member: "the web page".to_owned(),
            message: error.to_string(),
        };
        // A section with an audience is never public, even if its expression matches the neutral reader.
        let sections = self.sections.iter().enumerate();
        let visible: Vec<usize> =
            sections.filter(|(_, section)| section.audience.is_none()).map(|(number, _)| number).collect();
        let values = self.values((&reader).into(), String::new(), &visible, true).map_err(failed)?;
        let page = self.whole(&self.html, HTML, |body| &body.html, &visible, &values, Some(archive));
        Ok(filled(&page.map_err(failed)?, |number| values.html(number)))
    }

    /// The data of a page.
    pub(super) fn page<'a>(
        &'a self,
        member: &'a BTreeMap<&'a str, Cow<'a, str>>,
        language: &'a Language,
        greeting: &'a str,
        unsubscribe: &'a str,
        sections: &'a [SectionView<'a>],
    ) -> Page<'a> {
        Page {
            association: &self.setup.association,
            issue: &self.issue,
            language: &language.code,
            member,
            greeting,
            web: false,
            archive: None,
            notice: self.issue.kind == IssueKind::Notice,
            contents: sections.len() >= CONTENTS_FROM,
            sections,
            attachments: &self.attachment_names,
            links: super::page::Links { unsubscribe, web_version: self.web_version.as_deref() },
            t: &language.texts,
            logo: self.logo.as_ref(),
            hero: self.hero.as_ref(),
            partners: &self.partners,
        }
    }
}

/// The tones of sections with an audience, and of other sections without events.
const WARM: &str = "warm";
const PLAIN: &str = "plain";
/// The maximum number of warm sections in a letter.
const MOST_WARM: usize = 2;

/// The maximum number of a section's events that are shown as cards; more become a table.
const MOST_CARDS: usize = 6;
/// The maximum number of days per section in the table of contents; otherwise only the first and the last are listed.
const MOST_DAYS: usize = 4;

impl CompiledSection {
    fn view<'a>(
        &'a self,
        of_body: fn(&LetterBody) -> &String,
        hole_number: usize,
        number: usize,
        composer: &'a Composer,
    ) -> SectionView<'a> {
        let (language, issued) = (composer.language(&self.language), composer.issue.date);
        let tone = match (&self.audience, self.events.is_empty()) {
            (Some(_), _) => WARM,
            (None, false) => "tint",
            (None, true) => PLAIN,
        };
        SectionView {
            title: &self.title,
            anchor: &self.anchor,
            number,
            tone,
            dates: days(self.events.iter().map(|event| event.event.date), language),
            body: self.body.as_ref().map_or_else(|| hole(hole_number), |body| of_body(body).clone()),
            events: self.events.iter().map(|event| event.view(of_body, language, issued)).collect(),
            many_events: self.events.len() > MOST_CARDS,
            language: &self.language,
            t: &language.texts,
        }
    }
}

/// The days of events: "29 april, 9 maj", or the first and the last of many.
fn days(dates: impl Iterator<Item = Date>, language: &Language) -> String {
    let mut days: Vec<String> = dates.map(|date| language.day_and_month(date)).collect();
    days.dedup();
    match days.as_slice() {
        [first, .., last] if days.len() > MOST_DAYS => format!("{first} – {last}"),
        _ => days.join(", "),
    }
}
