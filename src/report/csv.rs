//! CSV for spreadsheet programs.

/// Rows as CSV with semicolons and CRLF, as the Swedish Excel expects; no cell can run as a formula.
///
/// # Errors
/// Those of the CSV writer.
pub fn spreadsheet_csv(rows: impl Iterator<Item = Vec<String>>) -> Result<String, csv::Error> {
    let mut writer =
        csv::WriterBuilder::new().delimiter(b';').terminator(csv::Terminator::CRLF).from_writer(Vec::new());
    for row in rows {
        writer.write_record(row.into_iter().map(harmless))?;
    }
    let bytes = writer.into_inner().map_err(csv::IntoInnerError::into_error)?;
    Ok(String::from_utf8_lossy(&bytes).into_owned())
}

/// Puts an apostrophe before a cell that a spreadsheet would treat as a formula; telephone numbers stay as they are.
fn harmless(cell: String) -> String {
    let is_number = cell.chars().all(|c| c.is_ascii_digit() || " +-()/.,".contains(c));
    let is_formula = cell.starts_with(['=', '+', '-', '@', '\t', '\r']) && !is_number;
    if is_formula { format!("'{cell}") } else { cell }
}
