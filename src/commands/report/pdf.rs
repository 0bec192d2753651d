//! The report as a PDF: the same tables, laid out like a letter without an address.

use std::collections::BTreeMap;
use std::fmt::Write as _;

use html_escape::encode_text as escaped;
use jiff::Timestamp;

use crate::commands::Project;
use crate::compose::{BoardChart, BoardReport, BoardRow, BoardTable, PrintedSection, Texts};
use crate::domain::WindowSide;
use crate::error::Error;
use crate::paper::{EnvelopeWindow, PdfInfo, PrintLetter, Printer, Stationery};

/// Lays out the report.
pub(super) fn written(project: &Project, report: &BoardReport, texts: &Texts) -> Result<Vec<u8>, Error> {
    let association = project.association();
    let zone = project.config.association.time_zone.0.clone();
    let today = Timestamp::now().to_zoned_datetime(zone).date();
    let stationery = Stationery {
        info: PdfInfo { title: &report.title, language: &report.language, created: today },
        sender_name: &association.name,
        return_line: "",
        logo: None,
        window: EnvelopeWindow::new(WindowSide::Left, 0.0, 0.0),
        page_of: texts.language.text("page_of"),
        two_sided: false,
    };
    let mut printer = Printer::new(&stationery, &BTreeMap::new())?;
    printer.add(&PrintLetter {
        language: &report.language,
        date: texts.language.date(today),
        title: report.title.clone(),
        lead: Some(report.lead.clone()),
        sections: sections(report),
        foot: report.foot.clone(),
        ..PrintLetter::default()
    })?;
    Ok(printer.finish()?)
}

fn sections(report: &BoardReport) -> Vec<PrintedSection> {
    let section = |title: &str, html: String| PrintedSection {
        title: title.to_owned(),
        language: report.language.clone(),
        html,
        ..PrintedSection::default()
    };
    let mut sections = Vec::new();
    for (place, table) in report.tables.iter().enumerate() {
        match report.chart.as_ref().filter(|_| place == 0) {
            // The notes follow the chart, so that the chart is on the first page.
            Some(chart) => {
                sections.push(section(&table.title, rows(table)));
                sections.push(section(&chart.title, bars(chart) + &notes(table)));
            }
            None => sections.push(section(&table.title, rows(table) + &notes(table))),
        }
    }
    sections
}

fn rows(table: &BoardTable) -> String {
    let mut html = String::new();
    if !table.rows.is_empty() {
        let align = if table.is_numbers { " style=\"text-align:right\"" } else { "" };
        html += "<table><thead><tr>";
        for (place, cell) in table.header.iter().enumerate() {
            let align = if place == 0 { "" } else { align };
            let _infallible = write!(html, "<th scope=\"col\"{align}>{}</th>", escaped(cell));
        }
        html += "</tr></thead><tbody>";
        table.rows.iter().for_each(|row| html += &self::row(row, align));
        html += "</tbody></table>";
    }
    html
}

fn notes(table: &BoardTable) -> String {
    table.notes.iter().map(|note| format!("<p><small>{}</small></p>", escaped(note))).collect()
}

fn row(row: &BoardRow, align: &str) -> String {
    let (open, close) = if row.is_strong { ("<strong>", "</strong>") } else { ("", "") };
    let indent = if row.is_part { "\u{a0}\u{a0}\u{a0}" } else { "" };
    // A header cell would be bold.
    let mut html = format!("<tr><td>{open}{indent}{}{close}</td>", escaped(&row.label));
    for cell in &row.cells {
        let _infallible = write!(html, "<td{align}>{open}{}{close}</td>", escaped(cell));
    }
    html + "</tr>"
}

fn bars(chart: &BoardChart) -> String {
    let mut html = "<table><tbody>".to_owned();
    for bar in &chart.bars {
        let (label, words) = (escaped(&bar.label), escaped(&bar.words));
        let _infallible = write!(
            html,
            "<tr><td>{label}</td><td><meter min=\"0\" max=\"100\" value=\"{}\">{words}</meter></td><td>{words}</td></tr>",
            bar.percent
        );
    }
    html + "</tbody></table>"
}
