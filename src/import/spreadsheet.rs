//! Converts spreadsheets (.xlsx, .xls, .ods) to text: the sheet with the members, with cells as a person sees them.

use std::io::{BufReader, Cursor, Read as _};
use std::path::Path;

use calamine::{Data, Range, Reader, Sheets, Xlsx, open_workbook_auto_from_rs};
use quick_xml::events::{BytesStart, Event};

use super::ImportError;
use crate::domain::field;

/// The delimiter in the converted text.
pub(super) const DELIMITER: u8 = b';';

/// The text and the name of the sheet that has an address column, else of the first sheet that is not empty.
pub(super) fn text(path: &Path, bytes: Vec<u8>) -> Result<(String, String), ImportError> {
    let failed = |reason: String| ImportError::Spreadsheet { path: path.to_owned(), reason };
    check_unpacked_size(&bytes, LARGEST_UNPACKED).map_err(failed)?;
    check_repeats(&bytes).map_err(failed)?;
    let mut book =
        open_workbook_auto_from_rs(Cursor::new(bytes)).map_err(|error| failed(error.to_string()))?;
    if let Sheets::Xlsx(book) = &mut book {
        check_extent(book).map_err(failed)?;
    }
    let sheets = book.worksheets();
    let with_addresses = sheets.iter().find(|(_, cells)| has_addresses(cells));
    let chosen = with_addresses.or_else(|| sheets.iter().find(|(_, cells)| !cells.is_empty()));
    let Some((name, cells)) = chosen else { return Err(ImportError::Empty { path: path.to_owned() }) };
    let mut writer = csv::WriterBuilder::new().delimiter(DELIMITER).flexible(true).from_writer(Vec::new());
    for row in cells.rows() {
        writer.write_record(row.iter().map(words)).map_err(|error| failed(error.to_string()))?;
    }
    let written = writer.into_inner().map_err(|error| failed(error.to_string()))?;
    // Each row's line in the text equals its row number in the spreadsheet.
    let above = usize::try_from(cells.start().map_or(0, |(row, _)| row)).unwrap_or(0);
    let text = String::from_utf8(written).map_err(|error| failed(error.to_string()))?;
    Ok(("\n".repeat(above) + &text, name.clone()))
}

/// A spreadsheet of a million members unpacks to less.
const LARGEST_UNPACKED: u64 = 512 * 1024 * 1024;
/// A list with more columns is not a member list; each row is held in memory with all of them.
const MOST_COLUMNS: u32 = 1_000;
/// The limit on cells in memory, including empty ones.
const MOST_CELLS: u64 = 16_000_000;

/// Rejects an archive whose files unpack to more than a member list can need.
fn check_unpacked_size(bytes: &[u8], most: u64) -> Result<(), String> {
    // An .xls file is not an archive.
    let Ok(mut archive) = zip::ZipArchive::new(Cursor::new(bytes)) else { return Ok(()) };
    let mut total = 0_u64;
    for index in 0..archive.len() {
        // The size stated in the archive may be false, so the file is unpacked, and its content discarded.
        let file = archive.by_index(index).map_err(|error| error.to_string())?;
        let mut limited = file.take(most.saturating_sub(total).saturating_add(1));
        let unpacked =
            std::io::copy(&mut limited, &mut std::io::sink()).map_err(|error| error.to_string())?;
        total = total.saturating_add(unpacked);
        if total > most {
            return Err(format!("it unpacks to more than {} MB", most / 1024 / 1024));
        }
    }
    Ok(())
}

/// Rejects a sheet with a cell so far out that the cells before it would fill the memory. The cells count, whatever
/// size the sheet states.
fn check_extent<R: std::io::Read + std::io::Seek>(book: &mut Xlsx<R>) -> Result<(), String> {
    for name in book.sheet_names() {
        let mut cells = book.worksheet_cells_reader(&name).map_err(|error| error.to_string())?;
        let (mut rows, mut columns) = (0, 0);
        while let Some(cell) = cells.next_cell().map_err(|error| error.to_string())? {
            let (row, column) = cell.get_position();
            rows = rows.max(row.saturating_add(1));
            columns = columns.max(column.saturating_add(1));
            if columns > MOST_COLUMNS || u64::from(rows) * u64::from(columns) > MOST_CELLS {
                return Err(format!(
                    "the sheet `{name}` has a cell in row {}, column {}: delete what is far outside the list",
                    row.saturating_add(1),
                    column.saturating_add(1)
                ));
            }
        }
    }
    Ok(())
}

/// Rejects a sheet of an `.ods` file if a cell or a row is repeated so often that the copies would fill the memory
/// (ODF 1.3 part 3, §19.677 and §19.679). Empty cells are often repeated up to the sheet's edge; they only count if
/// others follow.
fn check_repeats(bytes: &[u8]) -> Result<(), String> {
    let Ok(mut archive) = zip::ZipArchive::new(Cursor::new(bytes)) else { return Ok(()) };
    let Ok(content) = archive.by_name("content.xml") else { return Ok(()) };
    let mut reader = quick_xml::Reader::from_reader(BufReader::new(content));
    let mut extent = Extent::default();
    let mut buffer = Vec::new();
    loop {
        buffer.clear();
        match reader.read_event_into(&mut buffer).map_err(|error| error.to_string())? {
            Event::Eof => return Ok(()),
            Event::Empty(tag) => {
                extent.start(&tag);
                extent.end(tag.name().as_ref());
            }
            Event::Start(tag) => extent.start(&tag),
            Event::End(tag) => extent.end(tag.name().as_ref()),
            Event::Text(text) => extent.has_text |= !text.trim_ascii().is_empty(),
            _ => {}
        }
        extent.check()?;
    }
}

/// The extent of a sheet's cells, updated as they are read.
#[derive(Debug, Default)]
struct Extent {
    cell_repeats: u64,
    has_text: bool,
    /// Cells of the row so far, with and without trailing empty ones.
    cells: u64,
    used: u64,
    row_repeats: u64,
    rows: u64,
    used_rows: u64,
    widest: u64,
}

impl Extent {
    fn start(&mut self, tag: &BytesStart<'_>) {
        let repeats = |name: &str| {
            let found = tag.attributes().flatten().find(|attribute| attribute.key.as_ref() == name);
            let number = found.and_then(|found| found.value.parse().ok());
            number.unwrap_or(1_u64)
        };
        match tag.name().as_ref() {
            "table:table" => *self = Self::default(),
            "table:table-row" => {
                (self.cells, self.used) = (0, 0);
                self.row_repeats = repeats("table:number-rows-repeated");
            }
            "table:table-cell" | "table:covered-table-cell" => {
                self.cell_repeats = repeats("table:number-columns-repeated");
                self.has_text = tag.attributes().flatten().any(|attribute| {
                    attribute.key.as_ref().starts_with("office:") && !attribute.value.is_empty()
                });
            }
            _ => {}
        }
    }

    fn end(&mut self, name: &str) {
        match name {
            "table:table-cell" | "table:covered-table-cell" => {
                self.cells = self.cells.saturating_add(self.cell_repeats);
                if self.has_text {
                    self.used = self.cells;
                }
                self.has_text = false;
            }
            "table:table-row" => {
                self.rows = self.rows.saturating_add(self.row_repeats);
                self.widest = self.widest.max(self.used);
                if self.used > 0 {
                    self.used_rows = self.rows;
                }
            }
            _ => {}
        }
    }

    fn check(&self) -> Result<(), String> {
        let columns = self.widest.max(self.used);
        if columns > u64::from(MOST_COLUMNS) || self.used_rows.saturating_mul(columns) > MOST_CELLS {
            return Err(format!(
                "a sheet has cells as far as row {}, column {columns}: delete what is far outside the list",
                self.used_rows.max(self.rows)
            ));
        }
        Ok(())
    }
}

fn has_addresses(cells: &Range<Data>) -> bool {
    let mut header =
        cells.rows().find(|row| row.iter().any(|cell| *cell != Data::Empty)).into_iter().flatten();
    header.any(|cell| field::known(&words(cell)) == Some("email"))
}

/// A cell on one line: numbers without needless decimals, dates as in ISO 8601.
fn words(cell: &Data) -> String {
    match cell {
        Data::Empty => String::new(),
        Data::DateTime(time) if time.is_datetime() => {
            let (year, month, day, hour, minute, second, _) = time.to_ymd_hms_milli();
            let date = format!("{year:04}-{month:02}-{day:02}");
            if (hour, minute, second) == (0, 0, 0) { date } else { format!("{date} {hour:02}:{minute:02}") }
        }
        other => other.to_string().split_whitespace().collect::<Vec<_>>().join(" "),
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;
    use std::io::Write as _;

    use super::*;

    /// A workbook with one sheet.
    fn archive(files: &[(&str, &[u8])]) -> Vec<u8> {
        let mut archive = zip::ZipWriter::new(Cursor::new(Vec::new()));
        for (name, content) in files {
            archive.start_file(*name, zip::write::SimpleFileOptions::default()).unwrap();
            archive.write_all(content).unwrap();
        }
        archive.finish().unwrap().into_inner()
    }

    fn workbook(sheet: &[u8]) -> Vec<u8> {
        let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
        let relations = "http://schemas.openxmlformats.org/officeDocument/2006/relationships";
        let workbook = format!(
            "<workbook xmlns=\"{main}\" xmlns:r=\"{relations}\"><sheets>\
             <sheet name=\"Lista\" sheetId=\"1\" r:id=\"rId1\"/></sheets></workbook>"
        );
        let related = format!(
            "<Relationships xmlns=\"http://schemas.openxmlformats.org/package/2006/relationships\">\
             <Relationship Id=\"rId1\" Type=\"{relations}/worksheet\" Target=\"worksheets/sheet1.xml\"/>\
             </Relationships>"
        );
        let package = related
            .replace("/worksheet", "/officeDocument")
            .replace("worksheets/sheet1.xml", "xl/workbook.xml");
        archive(&[
            ("_rels/.rels", package.as_bytes()),
            ("xl/workbook.xml", workbook.as_bytes()),
            ("xl/_rels/workbook.xml.rels", related.as_bytes()),
            ("xl/worksheets/sheet1.xml", sheet),
        ])
    }

    fn sheet(dimension: &str, cells: &[(&str, &str)]) -> Vec<u8> {
        let main = "http://schemas.openxmlformats.org/spreadsheetml/2006/main";
        let mut text = format!("<worksheet xmlns=\"{main}\"><dimension ref=\"{dimension}\"/><sheetData>");
        for (place, value) in cells {
            let row: String = place.chars().filter(char::is_ascii_digit).collect();
            let cell = format!("<c r=\"{place}\" t=\"inlineStr\"><is><t>{value}</t></is></c>");
            let _infallible = write!(text, "<row r=\"{row}\">{cell}</row>");
        }
        (text + "</sheetData></worksheet>").into_bytes()
    }

    fn read(bytes: Vec<u8>) -> Result<String, String> {
        text(Path::new("list.xlsx"), bytes).map(|(text, _)| text).map_err(|error| error.to_string())
    }

    #[test]
    fn a_cell_far_outside_the_list_is_an_error_and_does_not_fill_the_memory() {
        let list = [("A1", "E-post"), ("A2", "anna@example.org")];
        assert!(read(workbook(&sheet("A1:A2", &list))).unwrap().contains("anna@example.org"));
        for (dimension, far) in [("A1:XFD1048576", "XFD1048576"), ("A1:A2", "XFD1048576"), ("A1", "ALM5000")]
        {
            let cells = [&list[..], &[(far, "x")]].concat();
            let error = read(workbook(&sheet(dimension, &cells))).unwrap_err();
            assert!(error.contains("`Lista` has a cell in row"), "{error}");
        }
        // A dimension that is too large costs nothing.
        assert!(read(workbook(&sheet("A1:XFD1048576", &list))).is_ok());
    }

    #[test]
    fn repeated_cells_of_an_opendocument_sheet_are_counted_before_they_are_copied() {
        let cell = |repeats: &str, text: &str| {
            format!(
                "<table:table-cell table:number-columns-repeated=\"{repeats}\"><text:p>{text}</text:p></table:table-cell>"
            )
        };
        let row = |repeats: &str, cells: &str| {
            format!("<table:table-row table:number-rows-repeated=\"{repeats}\">{cells}</table:table-row>")
        };
        let sheet = |rows: &str| {
            let content = format!("<x><table:table>{rows}</table:table></x>");
            archive(&[("content.xml", content.as_bytes())])
        };
        let empty = "<table:table-cell table:number-columns-repeated=\"16000\"/>";
        let usual = row("1", &(cell("1", "Namn") + empty)) + &row("1048576", empty);
        assert_eq!(check_repeats(&sheet(&usual)), Ok(()));
        for hostile in [
            row("1", &cell("1000000000", "x")),
            row("1000000000", &cell("1", "x")),
            row("1", &(empty.to_owned() + &cell("1", "x"))),
            row("100000000", empty) + &row("1", &cell("1", "x")),
        ] {
            assert!(check_repeats(&sheet(&hostile)).is_err(), "{hostile}");
        }
    }

    #[test]
    fn a_zip_bomb_is_rejected_before_it_is_unpacked() {
        let bomb = workbook(&vec![b' '; 4 * 1024 * 1024]);
        assert!(bomb.len() < 10_000);
        assert!(check_unpacked_size(&bomb, LARGEST_UNPACKED).is_ok());
        let error = check_unpacked_size(&bomb, 3 * 1024 * 1024).unwrap_err();
        assert_eq!(error, "it unpacks to more than 3 MB");
    }
}
