//! Spreadsheets (.xlsx, .xls, .ods) as text: the sheet with the members, cells as a person reads them.

use std::io::Cursor;
use std::path::Path;

use calamine::{Data, Range, Reader, open_workbook_auto_from_rs};

use super::ImportError;
use crate::domain::field;

/// What stands between cells in the text.
pub(super) const DELIMITER: u8 = b';';

/// The text of the sheet that has a column for e-mail addresses, else of the first that is not empty; and its name.
pub(super) fn text(path: &Path, bytes: Vec<u8>) -> Result<(String, String), ImportError> {
    let failed = |reason: String| ImportError::Spreadsheet { path: path.to_owned(), reason };
    let mut book =
        open_workbook_auto_from_rs(Cursor::new(bytes)).map_err(|error| failed(error.to_string()))?;
    let sheets = book.worksheets();
    let with_addresses = sheets.iter().find(|(_, cells)| has_addresses(cells));
    let chosen = with_addresses.or_else(|| sheets.iter().find(|(_, cells)| !cells.is_empty()));
    let Some((name, cells)) = chosen else { return Err(ImportError::Empty { path: path.to_owned() }) };
    let mut writer = csv::WriterBuilder::new().delimiter(DELIMITER).flexible(true).from_writer(Vec::new());
    for row in cells.rows() {
        writer.write_record(row.iter().map(words)).map_err(|error| failed(error.to_string()))?;
    }
    let written = writer.into_inner().map_err(|error| failed(error.to_string()))?;
    // A row of the text is on the line that has its number in the spreadsheet.
    let above = usize::try_from(cells.start().map_or(0, |(row, _)| row)).unwrap_or(0);
    let text = String::from_utf8(written).map_err(|error| failed(error.to_string()))?;
    Ok(("\n".repeat(above) + &text, name.clone()))
}

fn has_addresses(cells: &Range<Data>) -> bool {
    let mut header =
        cells.rows().find(|row| row.iter().any(|cell| *cell != Data::Empty)).into_iter().flatten();
    header.any(|cell| field::known(&words(cell)) == Some("email"))
}

/// A cell without line breaks, numbers without decimals that they don't have, dates as in ISO 8601.
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
