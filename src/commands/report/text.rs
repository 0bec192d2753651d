//! The report in the terminal.

use std::fmt::Write as _;

use crate::compose::{BoardReport, BoardTable};
use crate::report::{Table, TextRole};

/// The width of a full bar in characters.
const BAR: usize = 30;

/// The report as text.
pub(super) fn shown(report: &BoardReport) -> String {
    let mut parts = vec![format!("{}\n{}\n", TextRole::Strong.on(&report.title), report.lead)];
    for (place, table) in report.tables.iter().enumerate() {
        parts.push(self::table(table));
        if let Some(chart) = report.chart.as_ref().filter(|_| place == 0) {
            let mut bars = Table::bare().whole(0).whole(1).right(2);
            for bar in &chart.bars {
                let filled = (usize::from(bar.percent) * BAR + 50) / 100;
                let drawn = format!("{}{}", "█".repeat(filled), "░".repeat(BAR.saturating_sub(filled)));
                bars.row([bar.label.clone(), drawn, bar.words.clone()]);
            }
            parts.push(format!("{}\n\n{bars}", TextRole::Strong.on(&chart.title)));
        }
    }
    if !report.foot.is_empty() {
        parts.push(format!("{}\n", report.foot.join("\n")));
    }
    parts.join("\n").trim_end().to_owned()
}

fn table(table: &BoardTable) -> String {
    let mut text = String::new();
    if !table.title.is_empty() {
        let _infallible = writeln!(text, "{}\n", TextRole::Strong.on(&table.title));
    }
    if !table.rows.is_empty() {
        let mut shown = Table::with_header(&table.header);
        if table.is_numbers {
            shown = (1..table.header.len()).fold(shown, Table::right);
        }
        for row in &table.rows {
            let indent = if row.is_part { "· " } else { "" };
            let label = std::iter::once(format!("{indent}{}", row.label));
            shown.add(label.chain(row.cells.iter().cloned()).collect());
        }
        let _infallible = writeln!(text, "{shown}");
    }
    for note in &table.notes {
        let _infallible = writeln!(text, "{note}");
    }
    text
}
