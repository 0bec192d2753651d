//! A member's letter in parts, for layout on paper.

use std::collections::BTreeMap;

use crate::domain::{Addressees, Member};

use super::encode::filled;
use super::event::{CompiledEvent, EventView};
use super::language::Language;
use super::variant::PersonalValues;
use super::{CONTENTS_FROM, CompiledSection, ComposeError, Composer, LetterBody};

/// One member's letter, with everything personal filled in.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Printed {
    /// BCP 47 code of the frame's language.
    pub language: String,
    pub date: String,
    pub title: String,
    pub lead: Option<String>,
    pub greeting: Option<String>,
    pub sections: Vec<PrintedSection>,
    /// The heading of the list of attachments, and their names.
    pub enclosures: Option<(String, Vec<String>)>,
    pub foot: Vec<String>,
}

/// A section of a printed letter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct PrintedSection {
    pub title: String,
    /// The number before the title; 0 for none.
    pub number: usize,
    pub language: String,
    /// Sanitised HTML; its pictures are those of [`Composer::pictures`].
    pub html: String,
    pub events: Vec<PrintedEvent>,
}

/// An event of a printed letter.
#[derive(Debug, Clone, Default, PartialEq, Eq, Hash)]
pub struct PrintedEvent {
    /// Date and time.
    pub date_lines: Vec<String>,
    pub title: String,
    pub lines: Vec<String>,
    /// A link's text and its URL.
    pub link: Option<(String, String)>,
}

impl Composer {
    /// A member's letter for print; the member needs no e-mail address.
    ///
    /// # Errors
    /// If a template cannot be rendered with the member's fields.
    pub fn printed(&self, member: &Member) -> Result<Printed, ComposeError> {
        let readers = Addressees::from(member);
        let visible = self.visible(readers);
        let values = self.values(readers, String::new(), &visible, false).map_err(|error| {
            ComposeError::Letter { member: member.name.clone(), message: error.to_string() }
        })?;
        let language = self.language_of(member);
        let has_contents = visible.len() >= CONTENTS_FROM;
        let shown = visible.iter().filter_map(|index| Some((*index, self.sections.get(*index)?)));
        let sections = shown.enumerate().map(|(place, (index, section))| {
            let number = if has_contents { place + 1 } else { 0 };
            self.printed_section(section, number, self.section_hole(index), &values)
        });
        // A calendar file is useless on paper.
        let calendar = self.calendar_name();
        let files: Vec<String> =
            self.attachment_names.iter().filter(|name| **name != calendar).cloned().collect();
        Ok(Printed {
            language: language.code.clone(),
            date: language.date(self.issue.date),
            title: super::typography::set_title(&self.issue.title, &self.language),
            lead: self
                .issue
                .preheader
                .as_ref()
                .map(|lead| super::typography::set_title(lead, &self.language)),
            greeting: Some(values.greeting().to_owned()),
            sections: sections.collect(),
            enclosures: (!files.is_empty()).then(|| (language.text("attachments").to_owned(), files)),
            foot: self.printed_foot(language),
        })
    }

    /// The letter's pictures by their URL in the HTML.
    pub fn pictures(&self) -> BTreeMap<String, Vec<u8>> {
        self.images.iter().map(|image| (image.url(), image.picture.bytes.clone())).collect()
    }

    /// The logo in its reduced size.
    pub fn logo_picture(&self) -> Option<&[u8]> {
        let source = &self.logo.as_ref()?.src;
        self.images.iter().find(|image| image.url() == *source).map(|image| image.picture.bytes.as_slice())
    }

    /// A text of the letter's language file.
    pub fn text<'a>(&'a self, key: &'a str) -> &'a str {
        self.language.text(key)
    }

    fn printed_section(
        &self,
        section: &CompiledSection,
        number: usize,
        hole: usize,
        values: &PersonalValues,
    ) -> PrintedSection {
        let html = match &section.body {
            Some(body) => filled(&body.html, |number| values.html(number)),
            None => values.html(hole),
        };
        let language = self.language(&section.language);
        let event =
            |event: &CompiledEvent| printed_event(&event.view(text_of, language, self.issue.date), language);
        PrintedSection {
            title: super::typography::set_title(&section.title, language),
            number,
            language: section.language.clone(),
            html,
            events: section.events.iter().map(event).collect(),
        }
    }

    fn printed_foot(&self, language: &Language) -> Vec<String> {
        let association = &self.setup.association;
        let reach = match &association.phone {
            Some(phone) => {
                format!("{} {} {}", language.text("call"), phone.number, language.text("or_write"))
            }
            None => language.text("contact").to_owned(),
        };
        let ask = format!("{} {reach} {}", language.text("question"), association.contact);
        vec![ask, association.name.clone(), super::html::one_line(&association.postal_address)]
    }
}

fn text_of(body: &LetterBody) -> &String {
    &body.text
}

fn printed_event(view: &EventView<'_>, language: &Language) -> PrintedEvent {
    let event = view.event;
    let title =
        if view.note.is_empty() { event.title.clone() } else { format!("{}: {}", view.note, event.title) };
    let given = [Some(view.repeats.as_str()), event.place.as_deref()];
    let lines = given.into_iter().flatten().chain(view.details.lines()).map(str::trim);
    let link = event.signup.as_ref().map(|url| (language.text("signup"), url));
    let link = link.or_else(|| event.online.as_ref().map(|url| (language.text("online"), url)));
    let day = if view.several_days {
        vec![view.weekdays.clone(), format!("{} {}", view.days, view.months)]
    } else {
        vec![format!("{} {} {}", view.weekdays, view.days, view.months)]
    };
    PrintedEvent {
        date_lines: day.into_iter().chain([view.time.clone()]).filter(|line| !line.is_empty()).collect(),
        title: super::typography::set_title(&title, language),
        lines: lines.filter(|line| !line.is_empty()).map(str::to_owned).collect(),
        link: link.filter(|_| !view.cancelled).map(|(label, url)| (label.to_owned(), url.clone())),
    }
}
