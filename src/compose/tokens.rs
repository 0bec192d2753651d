//! Table cells with an address or another long token, which may break anywhere, unlike other words of a table.

use pulldown_cmark::{Event, Tag, TagEnd};

/// A longer token would make a column, and so the letter, too wide.
const LONG: usize = 20;

/// Marks the long tokens in the cells of tables.
pub(super) fn in_cells(events: Vec<Event<'_>>) -> Vec<Event<'_>> {
    let mut in_cell = false;
    let mut made = Vec::with_capacity(events.len());
    for event in events {
        match &event {
            Event::Start(Tag::TableCell) => in_cell = true,
            Event::End(TagEnd::TableCell) => in_cell = false,
            _ => {}
        }
        match event {
            Event::Text(text) if in_cell && text.split_whitespace().any(is_long) => {
                made.push(Event::InlineHtml("<span class=\"long\">".into()));
                made.push(Event::Text(text));
                made.push(Event::InlineHtml("</span>".into()));
            }
            other => made.push(other),
        }
    }
    made
}

/// Words are hyphenated; other long tokens have no place to break.
fn is_long(token: &str) -> bool {
    token.chars().count() > LONG && token.contains(|c: char| !c.is_alphabetic())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn addresses_in_cells_may_break_but_words_may_not() {
        for (cell, want) in [
            ("Hembygdsföreningen", false),
            ("Skärgårdskommunikationsutredningen", false),
            ("15 000 kr", false),
            ("fastighetsforvaltning@example.se", true),
            ("SE45 5000 0000058398257466", false),
            ("SE4550000000058398257466", true),
        ] {
            let cell =
                vec![Event::Start(Tag::TableCell), Event::Text(cell.into()), Event::End(TagEnd::TableCell)];
            assert_eq!(in_cells(cell).len(), if want { 5 } else { 3 });
        }
        assert_eq!(
            in_cells(vec![Event::Text("SE4550000000058398257466".into())]).len(),
            1,
            "outside of a table"
        );
    }
}
