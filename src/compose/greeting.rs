//! Greetings: by first names or whole names, together if several members share an address, or neutral.

use handlebars::{Context, RenderError};
use serde_json::Value;

use crate::domain::name::{Called, called};
use crate::domain::{Addressees, Member};

use super::Composer;
use super::language::Language;
use super::tags::template_tags;

/// The maximum number of people to greet by name.
const MOST_NAMED: usize = 3;

/// The names that a greeting shows.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct GreetsBy {
    name: bool,
    first_name: bool,
}

impl GreetsBy {
    /// Finds them in the greeting's template.
    pub fn of(template: &str) -> Self {
        // A tag with a default for an empty name needs no neutral greeting.
        let shows = |field: &str| {
            template_tags(template).any(|tag| tag.text.contains(field) && !tag.text.contains('"'))
        };
        let first_name = shows("member.first_name");
        Self { name: shows("member.name"), first_name }
    }
}

/// A member's first name, the first names of a couple, or the whole name of a family or an organisation; empty if a
/// guess could be wrong.
pub(super) fn first_name(member: &Member, language: &Language) -> String {
    if let Some(given) = member.fields.get("first_name").filter(|given| !given.trim().is_empty()) {
        return match called(given) {
            Called::FirstNames(names) if names.len() > 1 => language.list(&names),
            _ => given.clone(),
        };
    }
    match called(&member.name) {
        Called::FirstNames(names) => language.list(&names),
        Called::WholeName => member.name.clone(),
        Called::Unclear => String::new(),
    }
}

/// The whole name in spoken order: `Ek, Anna` is `Anna Ek`; empty if a guess could be wrong.
fn whole_name(member: &Member) -> String {
    let name = member.name.trim();
    let is_shouted = name.contains(' ') && !name.contains(char::is_lowercase);
    match (called(name), name.split_once(',')) {
        (Called::Unclear, _) if is_shouted => String::new(),
        (Called::FirstNames(_), Some((last, first))) if !first.contains(',') => {
            format!("{} {}", first.trim(), last.trim())
        }
        _ => name.to_owned(),
    }
}

/// The name of the greeting template in a language.
pub(super) fn greeting_in(language: &Language) -> String {
    format!("greeting-{}", language.code)
}

impl Composer {
    /// The names for the `To` header.
    pub(super) fn names(&self, readers: Addressees<'_>) -> String {
        match readers.others.len() {
            0 => readers.lead.name.clone(),
            others if others < MOST_NAMED => {
                let names: Vec<String> = readers.members().map(|member| member.name.clone()).collect();
                self.language_of(readers.lead).list(&names)
            }
            _ => place(readers),
        }
    }

    /// The greeting of a letter; `context` is the letter's data.
    pub(super) fn greeting(&self, readers: Addressees<'_>, context: &Context) -> Result<String, RenderError> {
        let language = self.language_of(readers.lead);
        let names = if readers.others.len() >= MOST_NAMED {
            let place = place(readers);
            return Ok(language.greeting_many.replace("{place}", &place));
        } else if readers.others.is_empty() {
            [whole_name(readers.lead), first_name(readers.lead, language)]
        } else {
            let names: Vec<String> = readers
                .members()
                .map(|member| first_name(member, language))
                .filter(|name| !name.is_empty())
                .collect();
            let all = language.list(&names);
            [all.clone(), all]
        };
        let [name, first_name] = &names;
        let by = self.greets_by(language);
        if by.name && name.is_empty() || by.first_name && first_name.is_empty() {
            return Ok(language.greeting_neutral.clone());
        }
        let mut context = context.clone();
        if let Some(Value::Object(member)) = context.data_mut().get_mut("member") {
            member.insert("name".to_owned(), name.as_str().into());
            member.insert("first_name".to_owned(), first_name.as_str().into());
        }
        self.text.render(&greeting_in(language), &context)
    }

    fn greets_by(&self, language: &Language) -> GreetsBy {
        let is_letters = language.code == self.language.code;
        if is_letters { self.greets_by } else { GreetsBy::of(&language.greeting) }
    }

    /// Tells whether a member's letter gets the neutral greeting although the greeting should name the member.
    pub fn greets_neutrally(&self, member: &Member) -> bool {
        let language = self.language_of(member);
        let by = self.greets_by(language);
        by.name && whole_name(member).is_empty() || by.first_name && first_name(member, language).is_empty()
    }
}

/// If many share an address: the organisation, if all are in the same one, else the address.
fn place(readers: Addressees<'_>) -> String {
    let organisation = readers.lead.field("organisation");
    let is_shared = readers.members().all(|member| member.field("organisation") == organisation);
    let address = readers.lead.address.as_ref().map_or(String::new(), ToString::to_string);
    organisation.filter(|_| is_shared).map_or(address, str::to_owned)
}
