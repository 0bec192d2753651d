//! Pictures with a caption, a width, or text beside them: `![alt](x.jpg "caption"){width=50% side=left}`.

use std::fmt::Write;

use html_escape::encode_double_quoted_attribute as escaped;
use pulldown_cmark::{Event, Tag, TagEnd};

use super::images::TEXT_WIDTH;

/// The start of the HTML of a picture with text beside it.
pub(super) const SIDE_BLOCKS: [&str; 4] = [
    "<div class=\"figure left\">",
    "<div class=\"figure right\">",
    "<span class=\"figure left\">",
    "<span class=\"figure right\">",
];
/// The default width of a picture with text beside it, in CSS pixels.
const BESIDE: usize = 256;

/// The layout requested by the braces after a picture.
#[derive(Debug, Default, Clone, Copy, PartialEq, Eq)]
pub struct FigureLayout {
    /// In CSS pixels.
    pub width: Option<usize>,
    pub side: Option<Side>,
}

/// The side of the text on which the picture is.
#[derive(Debug, Clone, Copy, PartialEq, Eq, strum::EnumString, strum::IntoStaticStr)]
#[strum(serialize_all = "lowercase")]
pub enum Side {
    Left,
    Right,
}

impl FigureLayout {
    /// Parses the braces at the start of the text after a picture; returns the layout and the length of the braces in
    /// bytes.
    ///
    /// # Errors
    /// Names the unknown word.
    pub fn read(after: &str) -> Option<Result<(Self, usize), String>> {
        let inner = after.strip_prefix('{').filter(|rest| !rest.starts_with('{'))?;
        let (inner, _) = inner.split_once('}')?;
        let read = inner.split_whitespace().try_fold(Self::default(), Self::with);
        Some(read.map(|layout| (layout, inner.len() + 2)))
    }

    fn with(self, word: &str) -> Result<Self, String> {
        let unknown = || word.to_owned();
        let (key, value) = word.split_once('=').ok_or_else(unknown)?;
        let value = value.trim_matches(['"', '\'', '“', '”']);
        match key {
            "side" => Ok(Self { side: Some(value.parse().map_err(|_| unknown())?), ..self }),
            "width" => {
                let (digits, whole) = match value.strip_suffix('%') {
                    Some(percent) => (percent, Some(100)),
                    None => (value.strip_suffix("px").unwrap_or(value), None),
                };
                let number: usize = digits.parse().ok().filter(|number| *number > 0).ok_or_else(unknown)?;
                let pixels = whole.map_or(number, |whole| TEXT_WIDTH.saturating_mul(number) / whole);
                Ok(Self { width: Some(pixels.clamp(1, TEXT_WIDTH)), ..self })
            }
            _ => Err(unknown()),
        }
    }
}

/// A picture in the Markdown.
#[derive(Debug)]
struct Figure<'e, 'a> {
    source: String,
    caption: String,
    layout: FigureLayout,
    /// Its description.
    alt: &'e [Event<'a>],
    /// The link around it, if it has no other content.
    link: Option<&'e Event<'a>>,
}

impl<'e, 'a> Figure<'e, 'a> {
    /// Takes the picture at the start of `events`, alone or in a link, with the braces after it. Also returns the
    /// text after the braces, and the events that follow.
    fn take(events: &'e [Event<'a>]) -> Option<(Self, &'e str, &'e [Event<'a>])> {
        let (link, events) = match events.split_first()? {
            (link @ Event::Start(Tag::Link { .. }), rest) => (Some(link), rest),
            _ => (None, events),
        };
        let (Event::Start(Tag::Image { dest_url, title, .. }), rest) = events.split_first()? else {
            return None;
        };
        let end = rest.iter().position(|event| matches!(event, Event::End(TagEnd::Image)))?;
        let (alt, rest) = rest.split_at(end);
        let mut after =
            FigureTail { layout: FigureLayout::default(), text: "", rest: rest.get(1..).unwrap_or_default() };
        after = after.braces();
        if link.is_some() {
            let (Event::End(TagEnd::Link), rest) = after.rest.split_first()? else { return None };
            if !after.text.trim().is_empty() {
                return None;
            }
            after = FigureTail { rest, ..after }.braces();
        }
        let (source, caption) = (dest_url.to_string(), title.trim().to_owned());
        Some((Self { source, caption, layout: after.layout, alt, link }, after.text, after.rest))
    }

    /// Whether it has neither a caption nor a layout, and is rendered as plain Markdown.
    fn is_plain(&self) -> bool {
        self.caption.is_empty() && self.layout == FigureLayout::default()
    }

    /// Adds the `<img>`, in its link if it has one; the picture file is added later.
    fn push_element(&self, made: &mut Vec<Event<'a>>) {
        let text = |event: &Event<'_>| match event {
            Event::Text(text) | Event::Code(text) => text.to_string(),
            Event::SoftBreak | Event::HardBreak => " ".to_owned(),
            _ => String::new(),
        };
        let alt: String = self.alt.iter().map(text).collect();
        let mut element = format!("<img src=\"{}\" alt=\"{}\"", escaped(&self.source), escaped(&alt));
        if let Some(width) = self.layout.width.or_else(|| self.layout.side.map(|_| BESIDE)) {
            let _infallible = write!(element, " width=\"{width}\"");
        }
        element.push('>');
        made.extend(self.link.cloned());
        made.push(Event::InlineHtml(element.into()));
        made.extend(self.link.map(|_| Event::End(TagEnd::Link)));
    }

    fn caption(&self) -> Option<Event<'a>> {
        (!self.caption.is_empty()).then(|| Event::Text(self.caption.clone().into()))
    }

    /// Adds a picture that is alone in its paragraph.
    fn push_block(&self, made: &mut Vec<Event<'a>>) {
        let side: &'static str = self.layout.side.map_or("", Side::into);
        made.push(Event::Html(format!("<div class=\"figure {side}\">").into()));
        self.push_element(made);
        if let Some(caption) = self.caption() {
            made.extend([Event::Html("<p class=\"caption\">".into()), caption, Event::Html("</p>".into())]);
        }
        made.push(Event::Html("</div>\n".into()));
    }

    /// Adds a picture in a text, a list item or a table cell.
    fn push_inline(&self, made: &mut Vec<Event<'a>>) {
        let side: Option<&'static str> = self.layout.side.map(Side::into);
        let open = side.map(|side| format!("<span class=\"figure {side}\">"));
        made.extend(open.map(|open| Event::InlineHtml(open.into())));
        self.push_element(made);
        if let Some(caption) = self.caption() {
            let line = if side.is_some() { "" } else { "<br>" };
            let open = format!("{line}<span class=\"caption\">");
            made.extend([Event::InlineHtml(open.into()), caption, Event::InlineHtml("</span>".into())]);
        }
        made.extend(side.map(|_| Event::InlineHtml("</span>".into())));
    }
}

/// The events after a picture.
struct FigureTail<'e, 'a> {
    layout: FigureLayout,
    /// The text after the braces.
    text: &'e str,
    rest: &'e [Event<'a>],
}

impl FigureTail<'_, '_> {
    /// Takes the braces at the start of the text that follows.
    fn braces(self) -> Self {
        let Some((Event::Text(text), rest)) = self.rest.split_first() else { return self };
        match FigureLayout::read(text) {
            Some(Ok((layout, length))) => Self { layout, text: text.get(length..).unwrap_or_default(), rest },
            _ => self,
        }
    }
}

/// Pictures in the text part: the description, then the caption.
pub(super) fn in_text<'a>(events: &[Event<'a>]) -> Vec<Event<'a>> {
    made(events, |figure, _, made| {
        made.extend(figure.link.cloned());
        made.push(Event::Text("[".into()));
        made.extend(figure.alt.iter().cloned());
        made.push(Event::Text("]".into()));
        made.extend(figure.link.map(|_| Event::End(TagEnd::Link)));
        if !figure.caption.is_empty() {
            made.push(Event::Text(format!(" {}", figure.caption).into()));
        }
    })
}

/// Pictures in the HTML: one that is alone in its paragraph becomes a block with its caption below.
pub(super) fn in_html<'a>(events: &[Event<'a>]) -> Vec<Event<'a>> {
    made(
        events,
        |figure, is_alone, made| {
            if is_alone { figure.push_block(made) } else { figure.push_inline(made) }
        },
    )
}

/// Renders each picture that has a caption or a layout with `write`, which is told whether the picture is alone in
/// its paragraph.
fn made<'a>(
    events: &[Event<'a>],
    mut write: impl FnMut(&Figure<'_, 'a>, bool, &mut Vec<Event<'a>>),
) -> Vec<Event<'a>> {
    let mut made: Vec<Event<'a>> = Vec::with_capacity(events.len());
    let mut rest = events;
    while let Some((first, later)) = rest.split_first() {
        match Figure::take(rest).filter(|(figure, ..)| !figure.is_plain()) {
            Some((figure, left, after)) => {
                let is_alone = matches!(made.last(), Some(Event::Start(Tag::Paragraph)))
                    && left.trim().is_empty()
                    && matches!(after.first(), Some(Event::End(TagEnd::Paragraph)));
                if is_alone {
                    made.pop();
                }
                write(&figure, is_alone, &mut made);
                if is_alone {
                    rest = after.get(1..).unwrap_or_default();
                } else {
                    made.extend((!left.is_empty()).then(|| Event::Text(left.to_owned().into())));
                    rest = after;
                }
            }
            None => {
                made.push(first.clone());
                rest = later;
            }
        }
    }
    made
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulldown_cmark::Parser;

    fn html(markdown: &str) -> String {
        let events: Vec<Event<'_>> = pulldown_cmark::TextMergeStream::new(Parser::new_ext(
            markdown,
            super::super::markdown::options(),
        ))
        .collect();
        let mut html = String::new();
        pulldown_cmark::html::push_html(&mut html, in_html(&events).into_iter());
        html.replace('\n', "")
    }

    #[test]
    fn a_picture_gets_its_braces_and_caption() {
        for (markdown, want) in [
            ("![A](a.jpg)", "<p><img src=\"a.jpg\" alt=\"A\" /></p>"),
            (
                "![A & \"b\"](a.jpg \"Foto: Kim\"){width=50% side=left}",
                "<div class=\"figure left\"><img src=\"a.jpg\" alt=\"A &amp; &quot;b&quot;\" width=\"268\">\
                 <p class=\"caption\">Foto: Kim</p></div>",
            ),
            (
                "![A](a.jpg){side=right}",
                "<div class=\"figure right\"><img src=\"a.jpg\" alt=\"A\" width=\"256\"></div>",
            ),
            (
                "x ![A](a.jpg \"c\"){width=90} y",
                "<p>x <img src=\"a.jpg\" alt=\"A\" width=\"90\"><br><span class=\"caption\">c</span> y</p>",
            ),
            (
                "![A](a.jpg){width=9000px}",
                "<div class=\"figure \"><img src=\"a.jpg\" alt=\"A\" width=\"536\"></div>",
            ),
            ("![A](a.jpg){widht=50%}", "<p><img src=\"a.jpg\" alt=\"A\" />{widht=50%}</p>"),
            (
                "- ![A](a.jpg){side=left} b",
                "<ul><li><span class=\"figure left\"><img src=\"a.jpg\" alt=\"A\" width=\"256\"></span> b</li></ul>",
            ),
            (
                "[![A](a.jpg \"c\")](https://e.se){width=90 side=left}",
                "<div class=\"figure left\"><a href=\"https://e.se\"><img src=\"a.jpg\" alt=\"A\" width=\"90\"></a>\
                 <p class=\"caption\">c</p></div>",
            ),
            (
                "x [![A](a.jpg){width=90}](https://e.se) y",
                "<p>x <a href=\"https://e.se\"><img src=\"a.jpg\" alt=\"A\" width=\"90\"></a> y</p>",
            ),
            (
                "[![A](a.jpg){width=90} z](https://e.se)",
                "<p><a href=\"https://e.se\"><img src=\"a.jpg\" alt=\"A\" width=\"90\"> z</a></p>",
            ),
            (
                "| a | b |\n|---|---|\n| ![A](a.jpg){width=90 side=right} | x |",
                "<table><thead><tr><th>a</th><th>b</th></tr></thead><tbody><tr><td><span class=\"figure right\">\
                 <img src=\"a.jpg\" alt=\"A\" width=\"90\"></span></td><td>x</td></tr></tbody></table>",
            ),
            ("![A](a.jpg) {x}", "<p><img src=\"a.jpg\" alt=\"A\" /> {x}</p>"),
        ] {
            assert_eq!(html(markdown), want, "{markdown}");
        }
    }

    #[test]
    fn an_unknown_word_is_named() {
        for (after, want) in [
            ("{width=0}", "width=0"),
            ("{side=middle width=50%}", "side=middle"),
            ("{width}", "width"),
            ("{height=50}", "height=50"),
        ] {
            assert_eq!(FigureLayout::read(after), Some(Err(want.to_owned())), "{after}");
        }
        assert_eq!(FigureLayout::read("{{member.name}}"), None);
        assert_eq!(FigureLayout::read("{width=50%"), None);
    }
}
