//! A section's Markdown as HTML: sanitised, with its styles written into the elements.

use std::collections::HashSet;
use std::path::Path;

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd, TextMergeStream};

use super::autolink::with_links;
use super::prepare::prepared;
use super::style::Styles;
use super::tag_mask::TagMask;
use super::{ComposeError, parts::InlineImages};

/// A section as templates: rendered once if nothing in it is personal.
#[derive(Debug)]
pub(super) struct Rendered {
    /// Handlebars template of the HTML, or finished HTML.
    pub html: String,
    /// Handlebars template of the text, or finished text.
    pub text: String,
    pub is_personal: bool,
}

/// `CommonMark` with tables, strike-through, task lists and footnotes.
pub fn options() -> Options {
    Options::ENABLE_TABLES
        | Options::ENABLE_STRIKETHROUGH
        | Options::ENABLE_TASKLISTS
        | Options::ENABLE_FOOTNOTES
}

/// Renders the Markdown of a section file; images are looked for in `dir`.
///
/// # Errors
/// If an image is missing or is none.
pub(super) fn render(
    markdown: &str,
    anchor: &str,
    dir: &Path,
    styles: &Styles,
    images: &mut InlineImages,
) -> Result<Rendered, ComposeError> {
    let (mask, source) = TagMask::markdown(&prepared(markdown));
    let events =
        TextMergeStream::new(Parser::new_ext(&source, options())).map(|event| own_footnote(event, anchor));
    let events = with_links(events.collect());
    let text = super::text::render(&events);
    let events = unwrap_block_tags(shift_headings(events), &mask);
    let events = buttons(&images.take_in(events, dir)?);
    let mut html = String::new();
    pulldown_cmark::html::push_html(&mut html, events.into_iter());
    // WCAG H63: a header cell says what it is the header of.
    let html = html.replace("<th>", "<th scope=\"col\">").replace("<th style", "<th scope=\"col\" style");
    let html = images.with_widths(&styles.write_into_fragment(&sanitised(&html))?);
    Ok(Rendered {
        html: mask.restore(html.trim_end()),
        text: mask.restore(text.trim_end()),
        is_personal: !mask.is_empty(),
    })
}

/// Names a footnote by its section too: several sections may have a first one. A box of a task list is a character, as mail
/// programs show no form.
fn own_footnote<'a>(event: Event<'a>, anchor: &str) -> Event<'a> {
    match event {
        Event::FootnoteReference(name) => Event::FootnoteReference(format!("{anchor}-{name}").into()),
        Event::Start(Tag::FootnoteDefinition(name)) => {
            Event::Start(Tag::FootnoteDefinition(format!("{anchor}-{name}").into()))
        }
        Event::TaskListMarker(is_done) => Event::Text(if is_done { "☑ " } else { "☐ " }.into()),
        other => other,
    }
}

/// Puts the section's highest heading at `h3`, below the letter's title and the section's.
fn shift_headings(events: Vec<Event<'_>>) -> Vec<Event<'_>> {
    let levels = events.iter().filter_map(|event| match event {
        Event::Start(Tag::Heading { level, .. }) => Some(*level as usize),
        _ => None,
    });
    let highest = levels.min().unwrap_or(3);
    let shifted = |level: HeadingLevel| {
        HeadingLevel::try_from((level as usize + 3).saturating_sub(highest).min(6))
            .unwrap_or(HeadingLevel::H6)
    };
    let shift = |event| match event {
        Event::Start(Tag::Heading { level, id, classes, attrs }) => {
            Event::Start(Tag::Heading { level: shifted(level), id, classes, attrs })
        }
        Event::End(TagEnd::Heading(level)) => Event::End(TagEnd::Heading(shifted(level))),
        other => other,
    };
    events.into_iter().map(shift).collect()
}

/// A paragraph of nothing but `{{#if …}}` or `{{/if}}` would leave an empty paragraph behind.
fn unwrap_block_tags<'a>(events: Vec<Event<'a>>, mask: &TagMask) -> Vec<Event<'a>> {
    let mut unwrapped: Vec<Event<'a>> = Vec::with_capacity(events.len());
    for event in events {
        let is_end = matches!(event, Event::End(TagEnd::Paragraph));
        let is_tag_paragraph = is_end
            && matches!(
                unwrapped.as_slice(),
                [.., Event::Start(Tag::Paragraph), Event::Text(text)] if mask.is_only_blocks(text)
            );
        if is_tag_paragraph && let Some(text) = unwrapped.pop() {
            unwrapped.pop();
            unwrapped.push(text);
        } else {
            unwrapped.push(event);
        }
    }
    unwrapped
}

/// A link's title that makes a button of it.
const BUTTON: [&str; 2] = ["button", "knapp"];

/// Puts a link that is alone in its paragraph, with the title `button`, into a table's cell: mail programs give
/// cells the colour and the room that they don't give links.
fn buttons<'a>(events: &[Event<'a>]) -> Vec<Event<'a>> {
    let mut rest = events;
    let mut made = Vec::with_capacity(events.len());
    while let Some((first, later)) = rest.split_first() {
        let Some(length) = button_length(rest) else {
            made.push(first.clone());
            rest = later;
            continue;
        };
        let (paragraph, later) = rest.split_at(length);
        made.push(Event::Html("<table role=\"presentation\"><tbody><tr><td class=\"button-cell\">".into()));
        made.extend(paragraph.iter().filter_map(in_button));
        made.push(Event::Html("</td></tr></tbody></table>\n".into()));
        rest = later;
    }
    made
}

/// How many events make up the button that comes next.
fn button_length(events: &[Event<'_>]) -> Option<usize> {
    let [Event::Start(Tag::Paragraph), Event::Start(Tag::Link { title, .. }), ..] = events else {
        return None;
    };
    let end = events.iter().position(|event| matches!(event, Event::End(TagEnd::Link)))?;
    let is_alone = matches!(events.get(end + 1), Some(Event::End(TagEnd::Paragraph)));
    (is_alone && BUTTON.contains(&title.to_lowercase().as_str())).then_some(end + 2)
}

fn in_button<'a>(event: &Event<'a>) -> Option<Event<'a>> {
    match event {
        Event::Start(Tag::Paragraph) | Event::End(TagEnd::Paragraph) => None,
        Event::Start(Tag::Link { link_type, dest_url, id, .. }) => {
            let (link_type, dest_url, id) = (*link_type, dest_url.clone(), id.clone());
            Some(Event::Start(Tag::Link { link_type, dest_url, title: "".into(), id }))
        }
        other => Some(other.clone()),
    }
}

/// Lets through what mail programs show and nothing that runs, loads or tracks.
fn sanitised(html: &str) -> String {
    let mut cleaner = ammonia::Builder::default();
    cleaner
        .url_schemes(HashSet::from(["http", "https", "mailto", "tel", "cid"]))
        .add_generic_attributes(["id"])
        .add_tag_attributes("img", ["width", "height", "alt"])
        .add_tag_attributes("td", ["align"])
        .add_tag_attributes("th", ["align"])
        .add_tag_attributes("table", ["role"])
        .add_allowed_classes("td", ["button-cell"])
        .filter_style_properties(HashSet::from(["text-align"]))
        .add_tag_attributes("td", ["style"])
        .add_tag_attributes("th", ["style"])
        .link_rel(None);
    cleaner.clean(html).to_string()
}
