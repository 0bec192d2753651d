//! One choice of sections, rendered once for all members who get just these.

use std::collections::{BTreeMap, HashMap};
use std::sync::{Arc, PoisonError, RwLock};

use handlebars::{Context, RenderError};

use crate::domain::{Member, Token};

use super::encode::{Sheet, filled, hole};
use super::page::{Page, SectionView};
use super::template::Templates;
use super::{Body, CONTENTS_FROM, CompiledSection, ComposeError, Composer, HTML, Rendered, TEXT, text};

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
    /// The sections that decide something by the member, by their hole.
    sections: BTreeMap<usize, Body>,
    fields: Vec<String>,
    /// The hole of the first field.
    first_field: usize,
}

/// A letter's values with the variant they go into.
#[derive(Debug)]
pub(super) struct Filled {
    variant: Arc<Variant>,
    values: Values,
}

impl Filled {
    pub fn subject(&self) -> &str {
        &self.values.subject
    }

    /// The letter as it reads.
    pub fn rendered(&self) -> Rendered {
        Rendered {
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

impl Values {
    fn html(&self, number: usize) -> String {
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

    fn value(&self, number: usize) -> &str {
        match number {
            GREETING => &self.greeting,
            UNSUBSCRIBE => &self.unsubscribe,
            field => self.fields.get(field.wrapping_sub(self.first_field)).map_or("", String::as_str),
        }
    }
}

impl Composer {
    /// The member's letter: its variant and what is personal in it.
    ///
    /// # Errors
    /// When a template can't be rendered with this member's fields.
    pub(super) fn fill(&self, member: &Member, token: &Token) -> Result<Filled, ComposeError> {
        let visible = self.visible(member);
        let failed = |error: RenderError| ComposeError::Letter {
            member: member.name.clone(),
            message: error.to_string(),
        };
        let unsubscribe = self.setup.sender.unsubscribe(token)?;
        let values = self.values(member, unsubscribe, &visible, false).map_err(failed)?;
        let variant = if self.pages_have_logic {
            // What the page shows depends on the member: it is rendered for each.
            Arc::new(self.variant(&visible, Some(&values)).map_err(failed)?)
        } else {
            self.known_variant(visible).map_err(failed)?
        };
        Ok(Filled { variant, values })
    }

    fn visible(&self, member: &Member) -> Vec<usize> {
        let numbered = self.sections.iter().enumerate();
        numbered.filter(|(_, section)| section.is_for(member)).map(|(number, _)| number).collect()
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
        unsubscribe: String,
        visible: &[usize],
        web: bool,
    ) -> Result<Values, RenderError> {
        let fields = self.fields_of(member);
        let page = Page { web, ..self.page(&fields, "", &unsubscribe, &[]) };
        let mut context = Context::wraps(page)?;
        let greeting = if web { String::new() } else { self.text.render("greeting", &context)? };
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
            sections.insert(FIRST + number, self.body(&section.anchor, &context)?);
        }
        let fields = fields.values().map(|value| (*value).to_owned()).collect();
        Ok(Values { subject, greeting, unsubscribe, sections, fields, first_field: self.first_field() })
    }

    fn body(&self, anchor: &str, context: &Context) -> Result<Body, RenderError> {
        Ok(Body { html: self.html.render(anchor, context)?, text: self.text.render(anchor, context)? })
    }

    /// Renders, with holes for the values, the sections that show values and decide nothing by them.
    ///
    /// # Errors
    /// When a template can't be rendered.
    pub(super) fn prepare_sections(&mut self) -> Result<(), ComposeError> {
        let failed = |error: RenderError| ComposeError::Letter {
            member: "everyone".to_owned(),
            message: error.to_string(),
        };
        let fields = self.holes();
        let fields = fields.iter().map(|(name, value)| (*name, value.as_str())).collect();
        let (greeting, unsubscribe) = (hole(GREETING), hole(UNSUBSCRIBE));
        let context = Context::wraps(self.page(&fields, &greeting, &unsubscribe, &[])).map_err(failed)?;
        let bodies = self.sections.iter().map(|section| match section.body {
            None if !section.decides => self.body(&section.anchor, &context).map(Some),
            _ => Ok(None),
        });
        let bodies = bodies.collect::<Result<Vec<_>, _>>().map_err(failed)?;
        for (section, body) in self.sections.iter_mut().zip(bodies) {
            section.body = section.body.take().or(body);
        }
        Ok(())
    }

    fn first_field(&self) -> usize {
        FIRST + self.sections.len()
    }

    fn holes(&self) -> Vec<(&str, String)> {
        let numbers = self.first_field()..;
        self.setup.fields.iter().zip(numbers).map(|(name, number)| (name.as_str(), hole(number))).collect()
    }

    /// Renders the page with these sections: with holes, or with one member's values where the page asks for them.
    fn variant(&self, visible: &[usize], values: Option<&Values>) -> Result<Variant, RenderError> {
        let html = self.whole(&self.html, HTML, |body| &body.html, visible, values, false)?;
        let text = self.whole(&self.text, TEXT, |body| &body.text, visible, values, false)?;
        Ok(Variant { html: Sheet::new(&html, str::to_owned), text: Sheet::new(&text, text::flow) })
    }

    /// One of the page's two formats.
    fn whole(
        &self,
        templates: &Templates,
        name: &str,
        of_body: fn(&Body) -> &String,
        visible: &[usize],
        values: Option<&Values>,
        web: bool,
    ) -> Result<String, RenderError> {
        let holes = self.holes();
        let mut fields: BTreeMap<&str, &str> =
            holes.iter().map(|(name, hole)| (*name, hole.as_str())).collect();
        let (mut greeting, mut unsubscribe) = (&*hole(GREETING), &*hole(UNSUBSCRIBE));
        if let Some(values) = values {
            (greeting, unsubscribe) = (&values.greeting, &values.unsubscribe);
            fields =
                self.setup.fields.iter().zip(&values.fields).map(|(n, v)| (n.as_str(), v.as_str())).collect();
        }
        let numbered = visible.iter().filter_map(|number| Some((*number, self.sections.get(*number)?)));
        let sections: Vec<SectionView<'_>> = numbered
            .map(|(number, section)| section.view(section.body.as_ref().map(of_body), number))
            .collect();
        templates.render_data(name, &Page { web, ..self.page(&fields, greeting, unsubscribe, &sections) })
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
        let visible = self.visible(&reader);
        let values = self.values(&reader, String::new(), &visible, true).map_err(failed)?;
        let page = self.whole(&self.html, HTML, |body| &body.html, &visible, Some(&values), true);
        Ok(filled(&page.map_err(failed)?, |number| values.html(number)))
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
