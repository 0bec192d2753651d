//! Tables: columns sized by content, unsplit rows, and a repeated header.

use std::rc::Rc;

use krilla::tagging::{TableHeaderScope, Tag};

use super::blocks::{Align, PaperCell};
use super::flow::{BlockFlow, Item, PageMark, TextColumn};
use super::lines::{TextLine, widest_word};
use super::pages::{Slot, keep_lines};

const GAP: f32 = 12.0;
const PADDING: f32 = 3.5;
const SMALLEST: f32 = 5.0;
/// A row with more lines may be split.
const TALLEST_ROW: usize = 30;

/// The columns of a table, and the font size in which they fit.
struct Grid {
    columns: Vec<TextColumn>,
    size: f32,
}

/// A column's lines, and the node they belong to.
pub(super) struct ColumnLines {
    pub column: TextColumn,
    pub align: Align,
    pub lines: Vec<TextLine>,
    pub node: usize,
}

impl BlockFlow<'_> {
    pub fn table(
        &mut self,
        head: &[Vec<PaperCell>],
        rows: &[Vec<PaperCell>],
        column: TextColumn,
        size: f32,
        parent: usize,
    ) {
        let grid = self.grid(head, rows, column, size);
        let table = self.laid.tags.add(Tag::Table, Some(parent));
        let first = self.laid.items.len();
        if !head.is_empty() {
            let node = self.laid.tags.add(Tag::THead, Some(table));
            for row in head {
                self.row(row, &grid, node, true);
            }
            self.underline(&grid, 1.0);
            self.laid.items.iter_mut().skip(first).for_each(|item| item.slot.keep = true);
        }
        let header: Vec<Item> = self.laid.items.iter().skip(first).cloned().collect();
        let height = header.iter().map(|item| item.slot.before + item.slot.height).sum();
        let header = (!header.is_empty() && height < 200.0).then(|| Rc::new(header));
        let body = self.laid.tags.add(Tag::TBody, Some(table));
        for row in rows {
            let start = self.laid.items.len();
            self.row(row, &grid, body, false);
            self.underline(&grid, 0.4);
            for item in self.laid.items.iter_mut().skip(start) {
                item.header.clone_from(&header);
                item.slot.header = if header.is_some() { height } else { 0.0 };
            }
        }
        if let Some(item) = self.laid.items.get_mut(first) {
            item.slot.before += 8.0;
        }
    }

    fn row(&mut self, row: &[PaperCell], grid: &Grid, parent: usize, is_head: bool) {
        let node = self.laid.tags.add(Tag::TR, Some(parent));
        let mut stacks = Vec::new();
        for (cell, column) in row.iter().zip(&grid.columns) {
            let node = if is_head {
                self.laid.tags.add(Tag::TH(TableHeaderScope::Column), Some(node))
            } else {
                self.laid.tags.add(Tag::TD, Some(node))
            };
            let setting = self.setting(grid.size, is_head);
            let lines = self.lines(&cell.content, &setting, column.width);
            stacks.push(ColumnLines { column: *column, align: cell.align, lines, node });
        }
        self.stacks(&stacks, PADDING);
    }

    /// Adds columns of lines side by side; they stay on one page unless they are too tall for any page.
    pub fn stacks(&mut self, stacks: &[ColumnLines], gap: f32) {
        let count = stacks.iter().map(|stack| stack.lines.len()).max().unwrap_or(0);
        let keeps: Vec<bool> = keep_lines(count).collect();
        for (index, keep) in keeps.into_iter().enumerate() {
            let lines = stacks.iter().filter_map(|stack| stack.lines.get(index));
            let (ascent, descent) = lines.fold((0.0_f32, 0.0_f32), |(ascent, descent), line| {
                (ascent.max(line.ascent), descent.max(line.height - line.ascent))
            });
            let mut marks = Vec::new();
            for stack in stacks {
                let Some(line) = stack.lines.get(index) else { continue };
                let free = (stack.column.width - line.width).max(0.0);
                let x = stack.column.x
                    + match stack.align {
                        Align::Left => 0.0,
                        Align::Center => free / 2.0,
                        Align::Right => free,
                    };
                marks.extend(self.marks(line, x, ascent, stack.node));
            }
            let is_whole = count <= TALLEST_ROW && index + 1 < count;
            let before = if index == 0 { gap } else { 0.0 };
            let slot = Slot { before, height: ascent + descent, keep: keep || is_whole, header: 0.0 };
            self.laid.items.push(Item { slot, marks, header: None });
        }
    }

    /// Draws a rule under the last row.
    fn underline(&mut self, grid: &Grid, height: f32) {
        let (Some(first), Some(last)) = (grid.columns.first(), grid.columns.last()) else { return };
        let width = last.x + last.width - first.x;
        if let Some(item) = self.laid.items.last_mut() {
            let y = item.slot.height + PADDING - height;
            item.marks.push(PageMark::Fill { x: first.x, y, width, height });
            item.slot.height += PADDING;
        }
    }

    fn grid(
        &mut self,
        head: &[Vec<PaperCell>],
        rows: &[Vec<PaperCell>],
        column: TextColumn,
        size: f32,
    ) -> Grid {
        let count = head.iter().chain(rows).map(Vec::len).max().unwrap_or(0).max(1);
        let parts = f32::from(u16::try_from(count).unwrap_or(u16::MAX));
        let gap = GAP.min(column.width / parts / 4.0);
        let room = column.width - gap * (parts - 1.0);
        let mut least = vec![8.0_f32; count];
        let mut natural = vec![8.0_f32; count];
        for (row, is_head) in head.iter().map(|row| (row, true)).chain(rows.iter().map(|row| (row, false))) {
            for (cell, (least, natural)) in row.iter().zip(least.iter_mut().zip(&mut natural)) {
                let setting = self.setting(size, is_head);
                *least = least.max(widest_word(&cell.content, &setting, self.shaper).min(room / 3.0));
                let lines = self.lines(&cell.content, &setting, f32::MAX);
                *natural = lines.iter().map(|line| line.width + 0.1).fold(*natural, f32::max).max(*least);
            }
        }
        let (widths, scale) = shared(&least, &natural, room);
        let mut x = column.x;
        let columns = widths.into_iter().map(|width| {
            let column = TextColumn { x, width };
            x += width + gap;
            column
        });
        Grid { columns: columns.collect(), size: (size * scale).max(SMALLEST) }
    }
}

/// The widths of columns, and the scale at which the widest words fit.
fn shared(least: &[f32], natural: &[f32], room: f32) -> (Vec<f32>, f32) {
    let (sum_least, sum_natural): (f32, f32) = (least.iter().sum(), natural.iter().sum());
    if sum_natural <= room {
        return (natural.to_vec(), 1.0);
    }
    if sum_least >= room {
        return (least.iter().map(|width| width * room / sum_least).collect(), room / sum_least);
    }
    let share = (room - sum_least) / (sum_natural - sum_least);
    (least.iter().zip(natural).map(|(least, natural)| least + (natural - least) * share).collect(), 1.0)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn columns_share_the_room() {
        for (least, natural, room, want) in [
            ([10.0, 20.0], [30.0, 40.0], 100.0, (vec![30.0, 40.0], 1.0)),
            ([10.0, 20.0], [30.0, 80.0], 70.0, (vec![20.0, 50.0], 1.0)),
            ([30.0, 90.0], [30.0, 900.0], 60.0, (vec![15.0, 45.0], 0.5)),
        ] {
            assert_eq!(shared(&least, &natural, room), want);
        }
    }
}
