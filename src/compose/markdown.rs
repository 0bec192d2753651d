//! Converts a section's Markdown to sanitised HTML with inline styles.

use std::collections::HashSet;
use std::path::Path;

use pulldown_cmark::{Event, HeadingLevel, Options, Parser, Tag, TagEnd, TextMergeStream};

use super::autolink::with_links;
use super::language::Language;
use super::prepare::prepared;
use super::style::Styles;
use super::tag_mask::TagMask;
use super::{ComposeError, figure, images::InlineImages, people, tokens, typography};

/// A section as templates: rendered once if nothing in it is personal.
#[derive(Debug)]
pub(super) struct RenderedSection {
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

/// Renders the Markdown of a section file into an element with these classes; image paths are relative to `dir`.
///
/// # Errors
/// If an image is missing or not an image.
pub(super) fn render(
    markdown: &str,
    anchor: &str,
    classes: &str,
    dir: &Path,
    language: &Language,
    styles: &Styles,
    images: &mut InlineImages,
) -> Result<RenderedSection, ComposeError> {
    let (mask, source) = TagMask::markdown(&prepared(markdown));
    let events =
        TextMergeStream::new(Parser::new_ext(&source, options())).map(|event| for_mail(event, anchor));
    let events = with_links(events.collect());
    let text = super::text::render(&figure::in_text(&events));
    let events = unwrap_block_tags(shift_headings(figure::in_html(&events)), &mask);
    let events = labelled(people::arranged(&buttons(&images.take_in(events, dir)?)));
    let events = typography::set(tokens::in_cells(with_callouts(&events)), language);
    let mut html = String::new();
    pulldown_cmark::html::push_html(&mut html, events.into_iter());
    // WCAG H63: a header cell states its scope.
    let html = html.replace("<th>", "<th scope=\"col\">").replace("<th style", "<th scope=\"col\" style");
    let html = with_cards(&html);
    let html = styles.write_into_fragment(&images.take_in_html(&sanitised(&html), dir)?, classes)?;
    Ok(RenderedSection {
        html: mask.restore(html.trim_end()),
        text: mask.restore(text.trim_end()),
        is_personal: !mask.is_empty(),
    })
}

/// Adds the section to the name of a footnote, since several sections may have a first one, and replaces the box of a
/// task list with a character, since mail programs show no forms.
fn for_mail<'a>(event: Event<'a>, anchor: &str) -> Event<'a> {
    match event {
        Event::FootnoteReference(name) => Event::FootnoteReference(format!("{anchor}-{name}").into()),
        Event::Start(Tag::FootnoteDefinition(name)) => {
            Event::Start(Tag::FootnoteDefinition(format!("{anchor}-{name}").into()))
        }
        Event::TaskListMarker(is_done) => Event::Text(if is_done { "☑ " } else { "☐ " }.into()),
        other => other,
    }
}

/// Makes the section's highest heading an `h3`, below the titles of the letter and the section.
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

/// Unwraps paragraphs that consist of `{{#if …}}` or `{{/if}}`, which would leave an empty paragraph.
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

/// Link titles that turn a link into a button.
const BUTTON: [&str; 2] = ["button", "knapp"];

/// Puts links with the title `button` that are alone in their paragraph or list item into table cells, side by side:
/// mail programs support colour and padding for cells, but not for links.
fn buttons<'a>(events: &[Event<'a>]) -> Vec<Event<'a>> {
    let mut rest = events;
    let mut made = Vec::with_capacity(events.len());
    while let Some((first, later)) = rest.split_first() {
        let Some(length) = buttons_length(rest) else {
            made.push(first.clone());
            rest = later;
            continue;
        };
        let (block, later) = rest.split_at(length);
        let is_item = matches!(first, Event::Start(Tag::Item));
        made.extend(is_item.then(|| first.clone()));
        button_row(block, &mut made);
        made.extend(is_item.then_some(Event::End(TagEnd::Item)));
        rest = later;
    }
    made
}

/// Puts each link of a block into a separate cell.
fn button_row<'a>(block: &[Event<'a>], made: &mut Vec<Event<'a>>) {
    let is_start = |event: &Event<'_>| matches!(event, Event::Start(Tag::Link { .. }));
    made.push(Event::Html("<table role=\"presentation\" class=\"buttons\"><tbody><tr>".into()));
    let parts = block.split(|event| matches!(event, Event::End(TagEnd::Link)));
    let links = parts.filter_map(|part| part.get(part.iter().position(is_start)?..));
    for (number, link) in links.enumerate() {
        if number > 0 {
            made.push(Event::Html("<td class=\"button-gap\">&nbsp;</td>".into()));
        }
        made.push(Event::Html("<td class=\"button-cell\">".into()));
        made.extend(link.iter().map(in_button));
        made.push(Event::End(TagEnd::Link));
        made.push(Event::Html("</td>".into()));
    }
    made.push(Event::Html("</tr></tbody></table>\n".into()));
}

/// The number of events in the next block, if it consists of buttons only.
fn buttons_length(events: &[Event<'_>]) -> Option<usize> {
    let (first, rest) = events.split_first()?;
    let is_end = |event: &Event<'_>| match first {
        Event::Start(Tag::Paragraph) => matches!(event, Event::End(TagEnd::Paragraph)),
        Event::Start(Tag::Item) => matches!(event, Event::End(TagEnd::Item)),
        _ => false,
    };
    let mut in_link = false;
    let mut has_button = false;
    for (number, event) in rest.iter().enumerate() {
        match event {
            Event::Start(Tag::Link { title, .. }) if BUTTON.contains(&title.to_lowercase().as_str()) => {
                (in_link, has_button) = (true, true);
            }
            Event::End(TagEnd::Link) => in_link = false,
            _ if in_link => {}
            Event::Text(text) if text.trim().is_empty() => {}
            Event::SoftBreak | Event::HardBreak => {}
            event if is_end(event) => return has_button.then_some(number + 2),
            _ => return None,
        }
    }
    None
}

fn in_button<'a>(event: &Event<'a>) -> Event<'a> {
    match event {
        Event::Start(Tag::Link { link_type, dest_url, id, .. }) => {
            let (link_type, dest_url, id) = (*link_type, dest_url.clone(), id.clone());
            Event::Start(Tag::Link { link_type, dest_url, title: "".into(), id })
        }
        other => other.clone(),
    }
}

/// Turns a quotation that starts in bold into a callout box, since nobody quotes like that.
fn with_callouts<'a>(events: &[Event<'a>]) -> Vec<Event<'a>> {
    let mut open = Vec::new();
    let mut made = Vec::with_capacity(events.len());
    let mut rest = events;
    while let Some((event, later)) = rest.split_first() {
        let is_callout = matches!(
            rest,
            [Event::Start(Tag::BlockQuote(_)), Event::Start(Tag::Paragraph), Event::Start(Tag::Strong), ..]
        );
        match event {
            Event::Start(Tag::BlockQuote(_)) => open.push(is_callout),
            Event::End(TagEnd::BlockQuote(_)) if open.pop() == Some(true) => {
                made.push(Event::Html("</blockquote>\n".into()));
                rest = later;
                continue;
            }
            _ => {}
        }
        made.push(if is_callout {
            Event::Html("<blockquote class=\"callout\">\n".into())
        } else {
            event.clone()
        });
        rest = later;
    }
    made
}

/// Marks the tables whose rows become cards on phones.
fn with_cards(html: &str) -> String {
    let mut parts = html.split("<table>");
    let mut marked = parts.next().unwrap_or_default().to_owned();
    for part in parts {
        let table = part.split("</table>").next().unwrap_or_default();
        let is_wide = ["label", "contact"].iter().any(|class| table.contains(&format!("class=\"{class}\"")));
        marked.push_str(if is_wide { "<table class=\"cards\">" } else { "<table>" });
        marked.push_str(part);
    }
    marked
}

/// The rows of tables with at least this many columns become cards on phones.
const CARD_COLUMNS: usize = 3;

/// Adds the column's name at the start of each further cell of a wide table; it is shown on phones, where each row is
/// a card.
fn labelled(events: Vec<Event<'_>>) -> Vec<Event<'_>> {
    let mut made = Vec::with_capacity(events.len());
    let (mut header, mut in_head, mut column) = (Vec::<String>::new(), false, 0_usize);
    for event in events {
        match &event {
            Event::Start(Tag::Table(_)) => header.clear(),
            Event::Start(Tag::TableHead) => in_head = true,
            Event::End(TagEnd::TableHead) => in_head = false,
            Event::Start(Tag::TableRow) => column = 0,
            Event::Start(Tag::TableCell) if in_head => header.push(String::new()),
            Event::Text(text) | Event::Code(text) if in_head => {
                header.last_mut().into_iter().for_each(|name| name.push_str(text));
            }
            _ => {}
        }
        let is_cell = matches!(event, Event::Start(Tag::TableCell)) && !in_head;
        made.push(event);
        if is_cell {
            let name = header.get(column).map_or("", |name| name.trim());
            if column > 0 && header.len() >= CARD_COLUMNS && !name.is_empty() {
                made.push(Event::InlineHtml("<span class=\"label\">".into()));
                made.push(Event::Text(format!("{name}: ").into()));
                made.push(Event::InlineHtml("</span>".into()));
            }
            column += 1;
        }
    }
    made
}

/// Keeps only markup that mail programs show; nothing that runs, loads or tracks.
pub(super) fn sanitised(html: &str) -> String {
    let mut cleaner = ammonia::Builder::default();
    cleaner
        .url_schemes(HashSet::from(["http", "https", "mailto", "tel", "cid"]))
        .add_generic_attributes(["id"])
        .add_tag_attributes("img", ["width", "height", "alt"])
        .add_tag_attributes("td", ["align"])
        .add_tag_attributes("th", ["align"])
        .add_tag_attributes("table", ["role"])
        .add_allowed_classes("table", ["buttons", "cards"])
        .add_allowed_classes("td", ["button-cell", "button-gap"])
        .add_allowed_classes("div", ["figure", "left", "right", "footnote-definition"])
        .add_allowed_classes("p", ["caption"])
        .add_allowed_classes("blockquote", ["callout"])
        .add_allowed_classes("span", ["label", "caption", "contact", "long", "figure", "left", "right"])
        .filter_style_properties(HashSet::from(["text-align"]))
        .add_tag_attributes("td", ["style"])
        .add_tag_attributes("th", ["style"])
        .link_rel(None);
    cleaner.clean(html).to_string()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_quotation_that_starts_in_bold_is_a_box() {
        for (markdown, want) in [
            (
                "> **Obs!** Nytt datum.",
                "<blockquote class=\"callout\"><p><strong>Obs!</strong> Nytt datum.</p></blockquote>",
            ),
            ("> Hon sa **ja**.", "<blockquote><p>Hon sa <strong>ja</strong>.</p></blockquote>"),
            (
                "> **A**\n>\n> > b\n>\n> c",
                "<blockquote class=\"callout\"><p><strong>A</strong></p><blockquote><p>b</p></blockquote><p>c</p></blockquote>",
            ),
        ] {
            let events: Vec<Event<'_>> = Parser::new_ext(markdown, options()).collect();
            let mut html = String::new();
            pulldown_cmark::html::push_html(&mut html, with_callouts(&events).into_iter());
            assert_eq!(sanitised(&html).replace('\n', ""), want, "{markdown}");
        }
    }
}
