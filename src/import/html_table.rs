//! Converts the largest table of an HTML page to semicolon-separated text: some registers export such pages as .xls.

use std::cell::RefCell;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{
    BufferQueue, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};

/// The delimiter in the converted text.
pub(super) const DELIMITER: u8 = b';';

/// Tells whether a file is an HTML page.
pub(super) fn is_page(text: &str) -> bool {
    let start = text.trim_start_matches(['\u{feff}', ' ', '\r', '\n', '\t']);
    let head: String = start.chars().take(2_000).collect::<String>().to_ascii_lowercase();
    let begins = ["<!doctype html", "<html", "<table", "<meta", "<head", "<body", "<div", "<?xml"];
    begins.iter().any(|begin| head.starts_with(begin)) && text.to_ascii_lowercase().contains("<tr")
}

/// The table with the most rows as CSV; `None` if it cannot be written.
pub(super) fn text(page: &str) -> Option<String> {
    let tokenizer = Tokenizer::new(HtmlTables::default(), TokenizerOpts::default());
    let input = BufferQueue::default();
    input.push_back(StrTendril::from(page));
    while matches!(tokenizer.feed(&input), html5ever::TokenizerResult::Script(())) {}
    tokenizer.end();
    let TableBuilder { tables, .. } = tokenizer.sink.0.into_inner();
    let rows = tables.into_iter().max_by_key(Vec::len)?;
    let mut writer = csv::WriterBuilder::new().delimiter(DELIMITER).flexible(true).from_writer(Vec::new());
    for row in rows.iter().filter(|row| !row.is_empty()) {
        writer.write_record(row).ok()?;
    }
    String::from_utf8(writer.into_inner().ok()?).ok()
}

/// The tables of a page, each with its rows of cells.
#[derive(Debug, Default)]
struct HtmlTables(RefCell<TableBuilder>);

#[derive(Debug, Default)]
struct TableBuilder {
    tables: Vec<Vec<Vec<String>>>,
    /// Whether the current text is in a cell.
    in_cell: bool,
}

impl TableBuilder {
    fn row(&mut self) -> Option<&mut Vec<String>> {
        self.tables.last_mut()?.last_mut()
    }

    fn begin(&mut self, tag: &str) {
        match tag {
            "table" => self.tables.push(Vec::new()),
            "tr" => {
                if self.tables.is_empty() {
                    self.tables.push(Vec::new());
                }
                self.in_cell = false;
                self.tables.iter_mut().next_back().into_iter().for_each(|table| table.push(Vec::new()));
            }
            "td" | "th" => {
                self.in_cell = true;
                self.row().into_iter().for_each(|row| row.push(String::new()));
            }
            "br" => self.write(" "),
            _ => {}
        }
    }

    fn write(&mut self, text: &str) {
        if self.in_cell
            && let Some(cell) = self.row().and_then(|row| row.last_mut())
        {
            cell.push_str(text);
        }
    }
}

impl TokenSink for HtmlTables {
    type Handle = ();

    fn process_token(&self, token: Token, _line: u64) -> TokenSinkResult<()> {
        let mut state = self.0.borrow_mut();
        match token {
            Token::TagToken(tag) if tag.kind == TagKind::StartTag => state.begin(&tag.name),
            Token::TagToken(tag) if ["td", "th", "tr", "table"].contains(&&*tag.name) => {
                state.in_cell = false;
            }
            Token::CharacterTokens(text) => state.write(&text),
            _ => {}
        }
        TokenSinkResult::Continue
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_largest_table_is_read() {
        let page = "<html><body><table><tr><td>Meny</table><table><tr><th>Namn<th>E-post</tr>\
                    <tr><td>Åsa &amp; Bo</td><td><b>a@example.se</b></td></tr></table></html>";
        assert!(is_page(page));
        assert_eq!(text(page).unwrap(), "Namn;E-post\nÅsa & Bo;a@example.se\n");
        assert!(!is_page("Namn;E-post\n"));
    }
}
