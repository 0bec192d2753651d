//! Sheets other than letters: address labels, and a page for testing the window.

use krilla::tagging::{Artifact, ArtifactType, ContentTag, Tag, TagGroup};

use crate::domain::LabelSheet;

use super::document::{HEIGHT, PdfDocument, SIDE, WIDTH, a4};
use super::draw::{ItemSpot, LinkAreas, Pen};
use super::flow::{BlockFlow, Laid};
use super::pictures::Pictures;
use super::shape::Shaper;
use super::tags::DrawnTags;
use super::window::{Area, EnvelopeWindow, MM};
use super::{PaperError, PdfInfo};

/// The distance of an address from the edge of its label, in mm.
const PADDING: f32 = 5.0;

fn is_valid(sheet: &LabelSheet) -> bool {
    let LabelSheet { columns, rows, top, left, width, height } = *sheet;
    let last = label_area(sheet, columns.saturating_mul(rows).saturating_sub(1));
    let is_number = [top, left, width, height].iter().all(|value| value.is_finite() && *value >= 0.0);
    is_number
        && (1..=20).contains(&columns)
        && (1..=60).contains(&rows)
        && width >= 4.0 * PADDING
        && height >= 3.0 * PADDING
        && last.x + last.width + PADDING * MM <= WIDTH + 0.5
        && last.y + last.height + PADDING * MM <= HEIGHT + 0.5
}

/// The part of a label for the address.
fn label_area(sheet: &LabelSheet, index: usize) -> Area {
    let count = |value: usize| f32::from(u16::try_from(value).unwrap_or(u16::MAX));
    let columns = sheet.columns.max(1);
    let x = sheet.left + count(index % columns) * sheet.width + PADDING;
    let y = sheet.top + count(index / columns) * sheet.height + PADDING;
    let (width, height) = (sheet.width - 2.0 * PADDING, sheet.height - 2.0 * PADDING);
    Area { x: x * MM, y: y * MM, width: width * MM, height: height * MM }
}

/// Prints addresses on sheets of labels.
pub fn labels(
    addresses: &[Vec<String>],
    sheet: &LabelSheet,
    info: &PdfInfo<'_>,
) -> Result<Vec<u8>, PaperError> {
    if !is_valid(sheet) {
        return Err(PaperError::Labels);
    }
    let mut paper = PdfDocument::new(info)?;
    let mut shaper = Shaper::default();
    for page in addresses.chunks(sheet.columns * sheet.rows) {
        let pictures = Pictures::default();
        let mut layout = BlockFlow::new(&mut shaper, &pictures, info.language);
        for (index, address) in page.iter().enumerate() {
            layout.address(address, label_area(sheet, index));
        }
        draw(&mut paper, &layout.laid, &|_| {})?;
    }
    paper.finish()
}

/// Prints a page with rulers and the outline of the window, to be held behind an envelope; the lines are printed in
/// the window.
pub fn test_sheet(
    window: &EnvelopeWindow,
    lines: &[String],
    info: &PdfInfo<'_>,
) -> Result<Vec<u8>, PaperError> {
    if !window.is_valid() {
        return Err(PaperError::Window);
    }
    let mut paper = PdfDocument::new(info)?;
    let mut shaper = Shaper::default();
    let pictures = Pictures::default();
    let mut layout = BlockFlow::new(&mut shaper, &pictures, info.language);
    let below = Area { x: SIDE, y: 220.0 * MM, width: WIDTH - 2.0 * SIDE, height: 30.0 };
    layout.address(&[info.title.to_owned()], below);
    layout.address(lines, window.address_box());
    for centimetre in 1_u8..29 {
        let at = f32::from(centimetre) * 10.0 * MM;
        let text = [centimetre.to_string()];
        if centimetre < 21 {
            layout.address(&text, Area { x: at + 1.0, y: 5.0 * MM, width: 20.0, height: 9.0 });
        }
        layout.address(&text, Area { x: 5.5 * MM, y: at - 5.0, width: 20.0, height: 9.0 });
    }
    let window = *window;
    draw(&mut paper, &layout.laid, &move |pen| rulers(pen, &window))?;
    paper.finish()
}

fn rulers(pen: &mut Pen<'_, '_>, window: &EnvelopeWindow) {
    pen.outline(window.left * MM, window.top * MM, window.width * MM, window.height * MM, 0.7);
    for millimetre in 1_u16..297 {
        let length = match millimetre {
            tens if tens % 10 == 0 => 5.0,
            fives if fives % 5 == 0 => 3.5,
            _ => 2.0,
        } * MM;
        let at = f32::from(millimetre) * MM;
        if millimetre < 210 {
            pen.fill(at - 0.2, 0.0, 0.4, length);
        }
        pen.fill(0.0, at - 0.2, length, 0.4);
    }
}

/// Draws a page.
fn draw(paper: &mut PdfDocument, laid: &Laid, extra: &dyn Fn(&mut Pen<'_, '_>)) -> Result<(), PaperError> {
    let settings = a4().ok_or_else(|| PaperError::Pdf("no page size".to_owned()))?;
    let pictures = Pictures::default();
    let mut drawn = DrawnTags::new(&laid.tags);
    let mut page = paper.document.start_page_with(settings);
    let mut pen = Pen { surface: page.surface(), pictures: &pictures, links: LinkAreas::new() };
    pen.surface.start_tagged(ContentTag::Artifact(Artifact::with_kind(ArtifactType::Layout)));
    extra(&mut pen);
    pen.surface.end_tagged();
    for item in &laid.items {
        let spot = ItemSpot { x: SIDE, y: 0.0, is_first: true };
        pen.item(item, spot, 0, &mut drawn, &laid.tags, &laid.language);
    }
    pen.finish();
    page.finish();
    paper.pages += 1;
    let groups = drawn.groups();
    paper.push(TagGroup::with_children(Tag::Part, groups.into_iter().map(Into::into).collect()));
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn labels_are_on_the_page() {
        let sheet = LabelSheet::default();
        let area = label_area(&sheet, 4);
        let mm = |points: f32| format!("{:.1}", points / MM);
        assert_eq!([area.x, area.y, area.width, area.height].map(mm), ["75.0", "42.5", "60.0", "27.0"]);
        for (sheet, expected) in [
            (sheet, true),
            (LabelSheet { columns: 4, ..sheet }, false),
            (LabelSheet { rows: 9, ..sheet }, false),
            (LabelSheet { rows: 0, ..sheet }, false),
            (LabelSheet { width: f32::NAN, ..sheet }, false),
        ] {
            assert_eq!(is_valid(&sheet), expected, "{sheet:?}");
        }
    }

    #[test]
    fn sheets_are_written() {
        let info = PdfInfo { title: "", language: "sv", created: jiff::civil::date(2026, 4, 29) };
        let address =
            vec!["Anna Exempel".to_owned(), "Exempelgatan 1".to_owned(), "123 45 Exempelby".to_owned()];
        let pdf = labels(&vec![address.clone(); 30], &LabelSheet::default(), &info).unwrap();
        assert!(pdf.starts_with(b"%PDF-1.7"));
        let window = EnvelopeWindow::new(crate::domain::WindowSide::Right, 0.0, 0.0);
        assert!(test_sheet(&window, &address, &info).is_ok());
        assert!(labels(&[], &LabelSheet::default(), &info).is_ok());
    }
}
