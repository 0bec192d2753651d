//! Lays out a table within the available columns: side by side, wrapped, or as one card per row.

use unicode_width::UnicodeWidthStr;

use super::block::{Ink, Piece, TerminalCell, TextStyle};
use super::wrap::{ScreenLine, wrap};

/// The columns between two cells.
const GAP: usize = 2;
/// Lays a table out.
pub(super) fn lay_out(rows: &[Vec<TerminalCell>], width: usize) -> Vec<ScreenLine> {
    let columns = rows.iter().map(Vec::len).max().unwrap_or(0);
    let natural: Vec<usize> = (0..columns).map(|column| widest(rows, column, natural_width)).collect();
    match shrunk(rows, &natural, width) {
        Some(widths) => side_by_side(rows, &widths),
        None => cards(rows, width),
    }
}

fn widest(rows: &[Vec<TerminalCell>], column: usize, of: fn(&TerminalCell) -> usize) -> usize {
    rows.iter().filter_map(|row| row.get(column)).map(of).max().unwrap_or(0)
}

fn natural_width(cell: &TerminalCell) -> usize {
    wrap(&cell.text, usize::MAX).iter().map(ScreenLine::width).max().unwrap_or(0)
}

/// The minimum width of a column without breaking words.
fn longest_word(cell: &TerminalCell) -> usize {
    let text: String = cell.text.iter().map(|piece| piece.text.as_str()).collect();
    text.split_ascii_whitespace().map(UnicodeWidthStr::width).max().unwrap_or(0)
}

/// Narrows the widest columns until all fit; `None` if words would have to be broken.
fn shrunk(rows: &[Vec<TerminalCell>], natural: &[usize], width: usize) -> Option<Vec<usize>> {
    let room = width.checked_sub(GAP * natural.len().saturating_sub(1))?;
    let least: Vec<usize> = natural
        .iter()
        .enumerate()
        .map(|(column, natural)| widest(rows, column, longest_word).min(*natural))
        .collect();
    if least.iter().sum::<usize>() > room {
        return None;
    }
    let mut widths = natural.to_vec();
    while widths.iter().sum::<usize>() > room {
        let shrinkable = widths.iter_mut().zip(&least).filter(|(width, least)| **width > **least);
        let (widest, _) = shrinkable.max_by_key(|(width, _)| **width)?;
        *widest -= 1;
    }
    Some(widths)
}

fn side_by_side(rows: &[Vec<TerminalCell>], widths: &[usize]) -> Vec<ScreenLine> {
    let mut lines = Vec::new();
    for row in rows {
        let cells: Vec<Vec<ScreenLine>> =
            row.iter().zip(widths).map(|(cell, width)| wrap(&cell.text, *width)).collect();
        let height = cells.iter().map(Vec::len).max().unwrap_or(0);
        for number in 0..height {
            let mut line = ScreenLine::default();
            for ((cell, source), width) in cells.iter().zip(row).zip(widths) {
                let mut part = cell.get(number).cloned().unwrap_or_default();
                part.pad(*width, source.to_the_right);
                line.append(&part);
                line.push(&" ".repeat(GAP), TextStyle::default());
            }
            lines.push(line);
        }
        if row.iter().any(|cell| cell.is_header) {
            let rules: Vec<String> = widths.iter().map(|width| "─".repeat(*width)).collect();
            lines.push(ScreenLine::inked(rules.join(&" ".repeat(GAP)), Ink::Frame));
        }
    }
    lines
}

/// Each row as a list: its first cell, then the others after the names of their columns.
fn cards(rows: &[Vec<TerminalCell>], width: usize) -> Vec<ScreenLine> {
    let header = rows.first().filter(|row| row.iter().any(|cell| cell.is_header));
    let mut lines = Vec::new();
    for row in rows.iter().skip(usize::from(header.is_some())) {
        for (column, cell) in row.iter().enumerate() {
            let name = header.and_then(|header| header.get(column)).filter(|_| column > 0);
            let mut text: Vec<Piece> = name.into_iter().flat_map(|name| name.text.clone()).collect();
            text.extend(name.map(|_| Piece { text: ": ".to_owned(), face: TextStyle::default() }));
            text.extend(cell.text.iter().cloned());
            let (first, next) = if column == 0 { ("• ", "  ") } else { ("  ", "    ") };
            let wrapped = wrap(&text, width.saturating_sub(4));
            lines.extend(wrapped.into_iter().enumerate().map(|(number, line)| {
                line.after(&ScreenLine::inked(if number == 0 { first } else { next }, Ink::Frame))
            }));
        }
    }
    lines
}

#[cfg(test)]
mod tests {
    use super::*;

    fn cell(text: &str, is_header: bool, to_the_right: bool) -> TerminalCell {
        let text = vec![Piece { text: text.to_owned(), face: TextStyle::default() }];
        TerminalCell { text, is_header, to_the_right }
    }

    fn laid_out(width: usize) -> Vec<String> {
        let rows = [["Vad", "Till vem", "kr"], ["Respengen", "den som är på väg", "400"]].map(|row| {
            let is_header = row.contains(&"Vad");
            row.into_iter().enumerate().map(|(at, text)| cell(text, is_header, at == 2)).collect()
        });
        lay_out(&rows, width).iter().map(|line| line.text().trim_end().to_owned()).collect()
    }

    #[test]
    fn a_table_is_shown_side_by_side_wrapped_or_as_cards() {
        assert_eq!(
            laid_out(40),
            [
                "Vad        Till vem            kr",
                "─────────  ─────────────────  ───",
                "Respengen  den som är på väg  400",
            ]
        );
        assert_eq!(
            laid_out(25),
            [
                "Vad        Till vem    kr",
                "─────────  ─────────  ───",
                "Respengen  den som    400",
                "           är på väg",
            ]
        );
        assert_eq!(laid_out(18), ["• Respengen", "  Till vem: den", "    som är på väg", "  kr: 400"]);
    }
}
