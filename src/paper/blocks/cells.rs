//! The rows and cells of a table.

use std::num::NonZeroU16;

use super::{Align, Around, BlockReader, Flow, PaperBlock, PaperCell, is_printed, shown};
use crate::compose::tree::HtmlElement;

/// A cell that wants more columns or rows gets so many.
const WIDEST_SPAN: u16 = 40;

impl BlockReader {
    pub(super) fn table(&mut self, element: &HtmlElement, around: &Around, flow: &mut Flow) {
        flow.flush();
        let (mut head, mut body) = (Vec::new(), Vec::new());
        let mut below = Vec::new();
        for part in shown(element) {
            match part.name.as_str() {
                "tr" => body.push(self.row(part, around, &mut below)),
                "caption" => self.paragraph(part, around.clone(), flow),
                name => {
                    let rows = shown(part).filter(|row| row.name == "tr");
                    let rows = rows.map(|row| self.row(row, around, &mut below));
                    if name == "thead" { head.extend(rows) } else { body.extend(rows) }
                }
            }
        }
        if head.iter().chain(&body).flatten().any(|cell| cell.content.iter().any(is_printed)) {
            flow.block(PaperBlock::Table(head, body));
        }
    }

    /// Reads a row; `below` is how many rows of each column a cell above still takes.
    fn row(&mut self, row: &HtmlElement, around: &Around, below: &mut Vec<u16>) -> Vec<PaperCell> {
        let mut cells = Vec::new();
        let mut column = 0;
        for cell in shown(row) {
            column += free_column(below, column, &mut cells);
            let mut inner = around.clone();
            inner.style.bold |= cell.name == "th";
            let (span, rows) = (span(cell, "colspan"), span(cell, "rowspan"));
            cells.push(PaperCell { content: self.inline(cell, &inner), align: align(cell), span });
            let end = column + usize::from(span.get());
            below.resize(below.len().max(end), 0);
            below.get_mut(column..end).unwrap_or_default().fill(rows.get() - 1);
            column = end;
        }
        free_column(below, column, &mut cells);
        cells
    }
}

/// Adds empty cells for the columns from `column` that a cell above takes; returns how many.
fn free_column(below: &mut [u16], column: usize, cells: &mut Vec<PaperCell>) -> usize {
    let taken = below.iter_mut().skip(column).take_while(|rows| **rows > 0);
    let taken = taken.map(|rows| *rows -= 1).count();
    let empty = || PaperCell { content: Vec::new(), align: Align::Left, span: NonZeroU16::MIN };
    cells.extend(std::iter::repeat_with(empty).take(taken));
    taken
}

/// How many columns or rows a cell takes.
fn span(cell: &HtmlElement, name: &str) -> NonZeroU16 {
    let given = cell.attribute(name).and_then(|span| span.trim().parse().ok());
    given.and_then(|span: u16| NonZeroU16::new(span.min(WIDEST_SPAN))).unwrap_or(NonZeroU16::MIN)
}

fn align(cell: &HtmlElement) -> Align {
    let style = cell.attribute("style").unwrap_or_default().replace(' ', "").to_ascii_lowercase();
    let given = cell.attribute("align").unwrap_or_default().to_ascii_lowercase();
    match given.as_str() {
        "right" => Align::Right,
        "center" => Align::Center,
        _ if style.contains("text-align:right") => Align::Right,
        _ if style.contains("text-align:center") => Align::Center,
        _ => Align::Left,
    }
}
