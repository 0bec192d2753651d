//! Tables of people: a table with a column of e-mail addresses is reduced to two columns, the name with other
//! details, and how to reach the person. Four columns do not fit on a phone, and hardly in a letter.

use pulldown_cmark::{Alignment, Event, Tag, TagEnd};

use super::phone;

/// A table with fewer columns stays as it is.
const COLUMNS: usize = 3;

type PeopleCell<'a> = Vec<Event<'a>>;

/// The kind of a column.
#[derive(Clone, Copy, PartialEq, Eq)]
enum PeopleColumn {
    Name,
    Fact,
    Contact,
}

/// The events with tables of people rearranged.
pub(super) fn arranged<'a>(events: &[Event<'a>]) -> Vec<Event<'a>> {
    let mut made = Vec::with_capacity(events.len());
    let mut rest = events;
    while let Some((first, later)) = rest.split_first() {
        let end = match first {
            Event::Start(Tag::Table(_)) => {
                later.iter().position(|event| matches!(event, Event::End(TagEnd::Table)))
            }
            _ => None,
        };
        match end.and_then(|end| Some((table(later.get(..end)?)?, later.get(end + 1..)?))) {
            Some((table, after)) => {
                made.extend(table);
                rest = after;
            }
            None => {
                made.push(first.clone());
                rest = later;
            }
        }
    }
    made
}

/// The rearranged table; `None` if it is not a table of people.
fn table<'a>(events: &[Event<'a>]) -> Option<Vec<Event<'a>>> {
    let rows = rows(events);
    let (header, body) = rows.split_first()?;
    let columns = columns(header.len(), body)?;
    let mut made =
        vec![Event::Start(Tag::Table(vec![Alignment::None, Alignment::None])), Event::Start(Tag::TableHead)];
    for wanted in [PeopleColumn::Name, PeopleColumn::Contact] {
        made.push(Event::Start(Tag::TableCell));
        let cells = header.iter().zip(&columns).filter(|(_, column)| **column == wanted);
        for (number, (cell, _)) in cells.enumerate() {
            made.extend((number > 0).then(|| Event::Text(", ".into())));
            made.extend(cell.iter().cloned());
        }
        made.push(Event::End(TagEnd::TableCell));
    }
    made.push(Event::End(TagEnd::TableHead));
    for row in body {
        made.push(Event::Start(Tag::TableRow));
        person(header, row, &columns, &mut made);
        made.push(Event::End(TagEnd::TableRow));
    }
    made.push(Event::End(TagEnd::Table));
    Some(made)
}

/// The two cells of a person.
fn person<'a>(
    header: &[PeopleCell<'a>],
    row: &[PeopleCell<'a>],
    columns: &[PeopleColumn],
    made: &mut Vec<Event<'a>>,
) {
    let cells = |wanted: PeopleColumn| {
        let all = row.iter().zip(header).zip(columns);
        all.filter(move |((cell, _), column)| **column == wanted && !words(cell).trim().is_empty())
    };
    made.push(Event::Start(Tag::TableCell));
    for ((cell, _), _) in cells(PeopleColumn::Name) {
        made.push(Event::Start(Tag::Strong));
        made.extend(cell.iter().filter(|event| !is_strong(event)).cloned());
        made.push(Event::End(TagEnd::Strong));
    }
    for ((cell, name), _) in cells(PeopleColumn::Fact) {
        made.push(Event::HardBreak);
        // A year or a number means nothing without its column's name.
        let is_number = words(cell).trim_start().starts_with(|c: char| c.is_ascii_digit());
        made.extend(is_number.then(|| Event::Text(format!("{}: ", words(name).trim()).into())));
        made.extend(cell.iter().cloned());
    }
    made.extend([Event::End(TagEnd::TableCell), Event::Start(Tag::TableCell)]);
    for (number, ((cell, _), _)) in cells(PeopleColumn::Contact).enumerate() {
        made.extend((number > 0).then_some(Event::HardBreak));
        made.push(Event::InlineHtml("<span class=\"contact\">".into()));
        made.extend(cell.iter().cloned());
        made.push(Event::InlineHtml("</span>".into()));
    }
    made.push(Event::End(TagEnd::TableCell));
}

/// The cells of a table, the header first.
fn rows<'a>(events: &[Event<'a>]) -> Vec<Vec<PeopleCell<'a>>> {
    let mut rows: Vec<Vec<PeopleCell<'a>>> = Vec::new();
    let mut in_cell = false;
    for event in events {
        match event {
            Event::Start(Tag::TableHead | Tag::TableRow) => rows.push(Vec::new()),
            Event::Start(Tag::TableCell) => {
                in_cell = true;
                rows.last_mut().into_iter().for_each(|row| row.push(Vec::new()));
            }
            Event::End(TagEnd::TableCell) => in_cell = false,
            event if in_cell => {
                let cell = rows.last_mut().and_then(|row| row.last_mut());
                cell.into_iter().for_each(|cell| cell.push(event.clone()));
            }
            _ => {}
        }
    }
    rows
}

/// The kind of each column; `None` if there is no column of e-mail addresses, or the first column has contacts.
fn columns(number: usize, body: &[Vec<PeopleCell<'_>>]) -> Option<Vec<PeopleColumn>> {
    if number < COLUMNS {
        return None;
    }
    let is_full_of = |column: usize, is: fn(&str) -> bool| {
        let cells: Vec<String> =
            body.iter().filter_map(|row| row.get(column)).map(|cell| words(cell)).collect();
        let filled = cells.iter().filter(|cell| !cell.trim().is_empty()).count();
        let matching = cells.iter().filter(|cell| is(cell)).count();
        matching > 0 && matching * 2 > filled
    };
    let is_address = |cell: &str| cell.contains('@') && !cell.trim().contains(' ');
    let mut has_address = false;
    let columns = (0..number).map(|column| {
        let is_of_addresses = is_full_of(column, is_address);
        has_address |= is_of_addresses;
        match is_of_addresses || is_full_of(column, |cell| !phone::find(cell).is_empty()) {
            true => PeopleColumn::Contact,
            false if column == 0 => PeopleColumn::Name,
            false => PeopleColumn::Fact,
        }
    });
    let columns: Vec<PeopleColumn> = columns.collect();
    (has_address && columns.first() == Some(&PeopleColumn::Name)).then_some(columns)
}

fn is_strong(event: &Event<'_>) -> bool {
    matches!(event, Event::Start(Tag::Strong) | Event::End(TagEnd::Strong))
}

fn words(cell: &[Event<'_>]) -> String {
    let text = |event: &Event<'_>| match event {
        Event::Text(text) | Event::Code(text) => text.to_string(),
        _ => String::new(),
    };
    cell.iter().map(text).collect()
}

#[cfg(test)]
mod tests {
    use super::*;
    use pulldown_cmark::{Parser, TextMergeStream, html::push_html};

    fn html(markdown: &str) -> String {
        let mut html = String::new();
        let events = TextMergeStream::new(Parser::new_ext(markdown, super::super::markdown::options()));
        push_html(&mut html, arranged(&events.collect::<Vec<_>>()).into_iter());
        html.replace('\n', "")
    }

    #[test]
    fn a_table_of_people_has_a_name_and_a_contact() {
        let made = html(
            "| Namn | Uppdrag | Vald till | Telefon | E-post |\n|--|--|--|--|--|\n\
             | **Kim** | Ordförande | 2027 | 070-123 45 67 | kim@example.se |\n| Åsa | | | | asa@example.se |\n",
        );
        assert_eq!(
            made,
            "<table><thead><tr><th>Namn</th><th>Telefon, E-post</th></tr></thead><tbody>\
             <tr><td><strong>Kim</strong><br />Ordförande<br />Vald till: 2027</td>\
             <td><span class=\"contact\">070-123 45 67</span><br /><span class=\"contact\">kim@example.se</span></td></tr>\
             <tr><td><strong>Åsa</strong></td><td><span class=\"contact\">asa@example.se</span></td></tr>\
             </tbody></table>"
        );
    }

    #[test]
    fn other_tables_stay_as_they_are() {
        for markdown in [
            "| Namn | E-post |\n|--|--|\n| Kim | kim@example.se |\n",
            "| Dag | Plats | Pris |\n|--|--|--|\n| 9 maj | Torget | 50 kr |\n",
            "| E-post | Namn | Ort |\n|--|--|--|\n| kim@example.se | Kim | Byn |\n",
            "| Namn | Ort | Not |\n|--|--|--|\n| Kim | Byn | skriv till kim@example.se i tid |\n",
        ] {
            let mut plain = String::new();
            push_html(&mut plain, Parser::new_ext(markdown, super::super::markdown::options()));
            assert_eq!(html(markdown), plain.replace('\n', ""), "{markdown}");
        }
    }
}
