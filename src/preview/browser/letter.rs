//! One member's letter in the parts that the page shows.

use jiff::Timestamp;
use serde::Serialize;

use crate::compose::{ComposeError, LetterMark};
use crate::domain::{Address, Household, Member, MemberId};

use super::readers::{BrowserMember, Filter, ListNeighbours};
use super::sheet::{self, Scheme};
use super::{Edition, PrintOption};

/// The parameters of a request.
#[derive(Debug, Default)]
pub(super) struct Ask {
    /// 0 for the neutral reader.
    pub member: i64,
    pub query: String,
    pub segment: String,
    pub offset: usize,
    pub is_dark: bool,
    pub without_images: bool,
}

/// A letter without its HTML.
#[derive(Debug, Serialize)]
pub(super) struct LetterView<'a> {
    member: MemberItem<'a>,
    from: String,
    subject: String,
    preheader: Option<&'a str>,
    attachments: &'a [String],
    text: String,
    /// Bytes of the HTML part; Gmail clips letters after 102,400.
    html_size: usize,
    /// Bytes of the whole message; `None` if the member has no address.
    size: Option<usize>,
    headers: Option<String>,
    previous: Option<MemberId>,
    next: Option<MemberId>,
}

/// A member in the list.
#[derive(Debug, Serialize)]
pub(super) struct MemberItem<'a> {
    id: MemberId,
    name: &'a str,
    address: Option<&'a str>,
    organisation: Option<&'a str>,
    /// The reason why this member gets no letter.
    skipped: Option<&'a str>,
}

/// A part of the member list.
#[derive(Debug, Serialize)]
pub(super) struct MemberSlice<'a> {
    total: usize,
    offset: usize,
    members: Vec<MemberItem<'a>>,
}

/// How many members to list at once.
const LISTED: usize = 100;
/// How many bytes of a message's source to show at once.
const SHOWN: usize = 200_000;
const NO_SECTION: &str = "no section of this issue is for this member";

impl Ask {
    /// Parses the query of a request; unknown and invalid parts are ignored.
    pub fn read(query: &str) -> Self {
        let mut ask = Self::default();
        for (name, value) in url::form_urlencoded::parse(query.as_bytes()) {
            match name.as_ref() {
                "member" => ask.member = value.parse().unwrap_or_default(),
                "q" => ask.query = value.into_owned(),
                "segment" => ask.segment = value.into_owned(),
                "offset" => ask.offset = value.parse().unwrap_or_default(),
                "scheme" => ask.is_dark = value == "dark",
                "images" => ask.without_images = value == "off",
                _ => {}
            }
        }
        ask
    }
}

/// The requested member, and the reason if there is no letter.
struct Chosen<'a> {
    member: Member,
    skipped: Option<&'a str>,
}

impl Edition {
    /// The letter's parts, except its HTML; `None` if there is no such member.
    pub(super) fn letter_view(&self, ask: &Ask) -> Option<Result<String, ComposeError>> {
        let chosen = self.chosen(ask.member)?;
        Some(self.view(&chosen, ask).map(|view| json(&view)))
    }

    fn view<'a>(&'a self, chosen: &'a Chosen<'_>, ask: &Ask) -> Result<LetterView<'a>, ComposeError> {
        let member = &chosen.member;
        let rendered = self.composer.render(&self.household(member))?;
        let message = self.message(member)?;
        let ListNeighbours { previous, next } = self.readers.neighbours(member.id, &self.filter(ask));
        Ok(LetterView {
            member: named(member, chosen.skipped),
            from: self.composer.from(),
            subject: rendered.subject,
            preheader: self.composer.issue().preheader.as_deref(),
            attachments: self.composer.attachment_names(),
            text: rendered.text,
            html_size: rendered.html.len(),
            size: message.as_ref().map(String::len),
            headers: message.map(|message| message.split("\n\n").next().unwrap_or_default().to_owned()),
            previous,
            next,
        })
    }

    /// The HTML for the frame.
    pub(super) fn letter_html(&self, ask: &Ask) -> Option<Result<String, ComposeError>> {
        let Chosen { member, .. } = self.chosen(ask.member)?;
        if !self.composer.has_section_for(&member) {
            return Some(Ok(format!(
                "<!DOCTYPE html><html lang=\"en\"><title>No letter</title><p>No letter: {NO_SECTION}."
            )));
        }
        let scheme = if ask.is_dark { Scheme::Dark } else { Scheme::Light };
        Some(self.html(&member, scheme, ask.without_images))
    }

    fn html(&self, member: &Member, scheme: Scheme, without_images: bool) -> Result<String, ComposeError> {
        let household = self.household(member);
        let html = self.composer.render(&household)?.html;
        let html = sheet::with_harmless_links(&html, &self.composer.unsubscribe_link(&household.lead)?);
        let html = sheet::in_scheme(&html, scheme);
        if without_images { Ok(html) } else { Ok(self.composer.with_images_inside(&html)) }
    }

    /// The message as sent, either whole or only its beginning.
    pub(super) fn source(&self, ask: &Ask, whole: bool) -> Option<Result<String, ComposeError>> {
        let Chosen { member, .. } = self.chosen(ask.member)?;
        let message = self
            .message(&member)
            .map(|message| message.unwrap_or_else(|| "This member has no e-mail address.".to_owned()));
        Some(message.map(|message| if whole { message } else { beginning(message) }))
    }

    /// The letter as a PDF; `None` if there is no such member or printing is not available.
    pub(super) fn pdf(&self, ask: &Ask) -> Option<Result<Vec<u8>, String>> {
        let PrintOption(print) = self.print.as_ref()?;
        Some(print(&self.composer, self.chosen(ask.member)?.member))
    }

    fn household(&self, member: &Member) -> Household {
        self.readers.household(member, |reader| self.composer.has_section_for(reader))
    }

    fn message(&self, member: &Member) -> Result<Option<String>, ComposeError> {
        if member.address.is_none() {
            return Ok(None);
        }
        let letter = self.composer.letter(&self.household(member), LetterMark::None, Timestamp::now())?;
        Ok(Some(letter.text()))
    }

    /// The members that match a search.
    pub(super) fn members(&self, ask: &Ask) -> String {
        let filter = self.filter(ask);
        let total = self.readers.found(&filter).count();
        let some = self.readers.found(&filter).skip(ask.offset).take(LISTED);
        let members = some.map(|reader| named(&reader.member, self.skipped(reader))).collect();
        json(&MemberSlice { total, offset: ask.offset, members })
    }

    fn filter(&self, ask: &Ask) -> Filter<'_> {
        Filter::new(&ask.query, self.segments.get(&ask.segment))
    }

    fn chosen(&self, id: i64) -> Option<Chosen<'_>> {
        if id == 0 {
            let member = self.composer.neutral_reader();
            let skipped = (!self.composer.has_section_for(&member)).then_some(NO_SECTION);
            return Some(Chosen { member, skipped });
        }
        let reader = self.readers.get(MemberId(id))?;
        Some(Chosen { member: reader.member.clone(), skipped: self.skipped(reader) })
    }

    fn skipped<'a>(&self, reader: &'a BrowserMember) -> Option<&'a str> {
        let no_section = || (!self.composer.has_section_for(&reader.member)).then_some(NO_SECTION);
        reader.skipped.as_deref().or_else(no_section)
    }
}

fn named<'a>(member: &'a Member, skipped: Option<&'a str>) -> MemberItem<'a> {
    MemberItem {
        id: member.id,
        name: &member.name,
        address: member.address.as_ref().map(Address::as_str),
        organisation: member.field("organisation"),
        skipped,
    }
}

fn beginning(mut message: String) -> String {
    if message.len() > SHOWN {
        let end = message.get(..=SHOWN).and_then(|start| start.rfind('\n')).unwrap_or(0);
        message.truncate(end);
        message.push_str("\n…\n");
    }
    message
}

fn json(value: &impl Serialize) -> String {
    serde_json::to_string(value).unwrap_or_default()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_query_is_parsed_and_nonsense_is_ignored() {
        let ask = Ask::read("member=12&q=%C3%85sa+Ek&scheme=dark&images=off&offset=x&other=1");
        assert_eq!((ask.member, ask.query.as_str(), ask.offset), (12, "Åsa Ek", 0));
        assert!(ask.is_dark && ask.without_images && ask.segment.is_empty());
    }

    #[test]
    fn a_long_message_is_cut_at_a_line() {
        let message = "0123456789\n".repeat(SHOWN / 10);
        let shown = beginning(message);
        assert!(shown.len() <= SHOWN + 5 && shown.ends_with("9\n…\n"), "{}", shown.len());
        assert_eq!(beginning("Hej\n".to_owned()), "Hej\n");
    }
}
