//! One choice of sections, rendered once for all members who get just these.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use handlebars::{Context, RenderError};

use crate::domain::{Member, Token};

use super::encode::{Sheet, hole};
use super::page::{Page, SectionView};
use super::{CONTENTS_FROM, CompiledSection, ComposeError, Composer, HTML, Rendered, TEXT, text};

/// More choices than anyone has audiences for; beyond them the oldest work is done again.
const MAX_VARIANTS: usize = 256;

/// The numbers of the holes; sections and fields follow.
const GREETING: usize = 0;
const UNSUBSCRIBE: usize = 1;
const FIRST: usize = 2;

/// The letter with these sections, open only where it is personal.
#[derive(Debug)]
pub(super) struct Variant {
    html: Sheet,
    text: Sheet,
}

/// The variants that were rendered so far.
#[derive(Debug, Default)]
pub(super) struct Variants(RwLock<HashMap<Vec<usize>, Arc<Variant>>>);

/// What is personal in one member's letter.
#[derive(Debug)]
pub(super) struct Values {
    pub subject: String,
    greeting: String,
    unsubscribe: String,
    /// HTML and text of the personal sections, by their number.
    sections: BTreeMap<usize, (String, String)>,
    fields: Vec<String>,
}

/// A letter's values with the variant they go into.
#[derive(Debug)]
pub(super) struct Filled {
    variant: Arc<Variant>,
    values: Values,
    sections: usize,
}

impl Filled {
    pub fn subject(&self) -> &str {
        &self.values.subject
    }

    /// The letter as it reads.
    pub fn rendered(&self) -> Rendered {
        Rendered {
            subject: self.values.subject.clone(),
            html: self.variant.html.readable(|number| self.html(number)),
            text: self.variant.text.readable(|number| self.text(number)),
        }
    }

    /// The HTML and the text in quoted-printable.
    pub fn encoded(&self) -> (Vec<u8>, Vec<u8>) {
        let html = self.variant.html.encoded(|number| self.html(number));
        (html, self.variant.text.encoded(|number| self.text(number)))
    }

    fn html(&self, number: usize) -> String {
        match self.values.sections.get(&number.wrapping_sub(FIRST)) {
            Some((html, _)) => html.clone(),
            None => handlebars::html_escape(self.value(number)),
        }
    }

    fn text(&self, number: usize) -> String {
        match self.values.sections.get(&number.wrapping_sub(FIRST)) {
            Some((_, text)) => text.clone(),
            None => self.value(number).to_owned(),
        }
    }

    fn value(&self, number: usize) -> &str {
        match number {
            GREETING => &self.values.greeting,
            UNSUBSCRIBE => &self.values.unsubscribe,
            field => {
                self.values.fields.get(field.wrapping_sub(FIRST + self.sections)).map_or("", String::as_str)
            }
        }
    }
}

impl Composer {
    /// The member's letter: its variant and what is personal in it.
    ///
    /// # Errors
    /// When a template can't be rendered with this member's fields.
    pub(super) fn fill(&self, member: &Member, token: &Token) -> Result<Filled, ComposeError> {
        let visible: Vec<usize> =
            (0..self.sections.len()).filter(|number| self.is_visible(*number, member)).collect();
        let failed = |error: RenderError| ComposeError::Letter {
            member: member.name.clone(),
            message: error.to_string(),
        };
        let values = self.values(member, token, &visible, failed)?;
        let variant = if self.pages_have_logic {
            // What the page shows depends on the member: it is rendered for each.
            Arc::new(self.variant(&visible, Some(&values)).map_err(failed)?)
        } else {
            self.known_variant(visible).map_err(failed)?
        };
        Ok(Filled { variant, values, sections: self.sections.len() })
    }

    fn is_visible(&self, number: usize, member: &Member) -> bool {
        self.sections.get(number).is_some_and(|section| section.is_for(member))
    }

    fn known_variant(&self, visible: Vec<usize>) -> Result<Arc<Variant>, RenderError> {
        let known = self.variants.0.read().unwrap_or_else(PoisonError::into_inner).get(&visible).cloned();
        if let Some(variant) = known {
            return Ok(variant);
        }
        let variant = Arc::new(self.variant(&visible, None)?);
        let mut variants = self.variants.0.write().unwrap_or_else(PoisonError::into_inner);
        if variants.len() >= MAX_VARIANTS {
            variants.clear();
        }
        variants.insert(visible, Arc::clone(&variant));
        Ok(variant)
    }

    fn values(
        &self,
        member: &Member,
        token: &Token,
        visible: &[usize],
        failed: impl Fn(RenderError) -> ComposeError,
    ) -> Result<Values, ComposeError> {
        let unsubscribe = self.setup.sender.unsubscribe(token)?;
        let fields = self.fields_of(member);
        let page = self.page(&fields, "", &unsubscribe, &[]);
        let mut context = Context::wraps(page).map_err(&failed)?;
        let greeting = self.text.render("greeting", &context).map_err(&failed)?;
        if let Some(data) = context.data_mut().as_object_mut() {
            data.insert("greeting".to_owned(), greeting.as_str().into());
        }
        let subject = if self.subject_is_personal {
            self.text.render("subject", &context).map_err(&failed)?
        } else {
            self.issue.subject.clone()
        };
        let mut sections = BTreeMap::new();
        for number in visible {
            let Some(section) = self.sections.get(*number).filter(|section| section.body.is_none()) else {
                continue;
            };
            let html = self.html.render(&section.anchor, &context).map_err(&failed)?;
            let text = self.text.render(&section.anchor, &context).map_err(&failed)?;
            sections.insert(*number, (html, text));
        }
        let fields = fields.values().map(|value| (*value).to_owned()).collect();
        Ok(Values { subject, greeting, unsubscribe, sections, fields })
    }

    /// Renders the page with these sections: with holes, or with one member's values where the page asks for them.
    fn variant(&self, visible: &[usize], values: Option<&Values>) -> Result<Variant, RenderError> {
        let first_field = FIRST + self.sections.len();
        let names = self.setup.fields.iter().enumerate();
        let fields: Vec<(&str, String)> = names
            .map(|(index, name)| {
                let value = values.and_then(|values| values.fields.get(index)).cloned();
                (name.as_str(), value.unwrap_or_else(|| hole(first_field + index)))
            })
            .collect();
        let fields = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let greeting = values.map_or_else(|| hole(GREETING), |values| values.greeting.clone());
        let unsubscribe = values.map_or_else(|| hole(UNSUBSCRIBE), |values| values.unsubscribe.clone());
        let sections = |body: fn(&CompiledSection) -> Option<&String>| -> Vec<SectionView<'_>> {
            let numbered = visible.iter().filter_map(|number| Some((*number, self.sections.get(*number)?)));
            numbered.map(|(number, section)| section.view(body(section), number)).collect()
        };
        let html = sections(|section| section.body.as_ref().map(|body| &body.html));
        let html = self.html.render_data(HTML, &self.page(&fields, &greeting, &unsubscribe, &html))?;
        let text = sections(|section| section.body.as_ref().map(|body| &body.text));
        let text = self.text.render_data(TEXT, &self.page(&fields, &greeting, &unsubscribe, &text))?;
        Ok(Variant { html: Sheet::new(&html, str::to_owned), text: Sheet::new(&text, text::flow) })
    }

    /// The page for everyone: a neutral reader's, without what only members need.
    ///
    /// # Errors
    /// When a template can't be rendered.
    pub(super) fn public_html(&self) -> Result<String, ComposeError> {
        let reader = self.neutral_reader();
        let failed = |error: RenderError| ComposeError::Letter {
            member: "the web page".to_owned(),
            message: error.to_string(),
        };
        let fields = self.fields_of(&reader);
        let page = Page { web: true, ..self.page(&fields, "", "", &[]) };
        let context = Context::wraps(page).map_err(failed)?;
        let mut sections = Vec::new();
        for (number, section) in
            self.sections.iter().enumerate().filter(|(_, section)| section.is_for(&reader))
        {
            let view = match &section.body {
                Some(body) => section.view(Some(&body.html), number),
                None => {
                    let html = self.html.render(&section.anchor, &context).map_err(failed)?;
                    section.view(Some(&html), number)
                }
            };
            sections.push(view);
        }
        let page = Page { contents: sections.len() >= CONTENTS_FROM, sections: &sections, ..page };
        self.html.render_data(HTML, &page).map_err(failed)
    }

    /// The data of a page.
    pub(super) fn page<'a>(
        &'a self,
        member: &'a BTreeMap<&'a str, &'a str>,
        greeting: &'a str,
        unsubscribe: &'a str,
        sections: &'a [SectionView<'a>],
    ) -> Page<'a> {
        Page {
            association: &self.setup.association,
            issue: &self.issue,
            member,
            greeting,
            web: false,
            contents: sections.len() >= CONTENTS_FROM,
            sections,
            links: super::page::Links { unsubscribe, web_version: self.web_version.as_deref() },
            t: &self.language.texts,
            logo: self.logo.as_ref(),
        }
    }
}

impl CompiledSection {
    fn view<'a>(&'a self, body: Option<&String>, number: usize) -> SectionView<'a> {
        let body = body.cloned().unwrap_or_else(|| hole(FIRST + number));
        SectionView { title: &self.title, anchor: &self.anchor, body, events: &self.events }
    }
}
