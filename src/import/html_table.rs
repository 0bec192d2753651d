//! Converts the largest table of an HTML page to semicolon-separated text: some registers export such pages as .xls.

use std::cell::RefCell;
use std::io;

use html5ever::tendril::StrTendril;
use html5ever::tokenizer::{
    BufferQueue, TagKind, Token, TokenSink, TokenSinkResult, Tokenizer, TokenizerOpts,
};

use super::text::ListText;

/// How far into a list a page may begin, after white space.
const LONGEST_START: usize = 64 * 1024;

/// The delimiter in the converted text.
pub(super) const DELIMITER: u8 = b';';

/// What a list is as a page.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum ListPage {
    No,
    /// One whose table cannot be written as text.
    Unread,
    Read,
}

/// The text of the table if a list is an HTML page, else the list's own.
pub(super) fn in_page(list: ListText) -> io::Result<(ListText, ListPage)> {
    if !begins_page(&String::from_utf8_lossy(&list.head(LONGEST_START)?)) {
        return Ok((list, ListPage::No));
    }
    let page = String::from_utf8(list.into_bytes()?).map_err(io::Error::other)?;
    if !page.to_ascii_lowercase().contains("<tr") {
        return Ok((page.into_bytes().into(), ListPage::No));
    }
    match text(&page) {
        Some(table) => Ok((table.into_bytes().into(), ListPage::Read)),
        None => Ok((page.into_bytes().into(), ListPage::Unread)),
    }
}

/// Tells whether a text begins as HTML pages do.
fn begins_page(text: &str) -> bool {
    let start = text.trim_start_matches(['\u{feff}', ' ', '\r', '\n', '\t']);
    let begins = ["<!doctype html", "<html", "<table", "<meta", "<head", "<body", "<div", "<?xml"];
    begins.iter().any(|begin| start.get(..begin.len()).is_some_and(|head| head.eq_ignore_ascii_case(begin)))
}

/// The table with the most rows as CSV; `None` if it cannot be written.
fn text(page: &str) -> Option<String> {
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
        let (table, kind) = in_page(page.as_bytes().to_vec().into()).unwrap();
        assert_eq!(kind, ListPage::Read);
        assert_eq!(table.into_bytes().unwrap(), "Namn;E-post\nÅsa & Bo;a@example.se\n".as_bytes());
        for list in ["Namn;E-post\n", "<html>;E-post\n"] {
            let (text, kind) = in_page(list.as_bytes().to_vec().into()).unwrap();
            assert_eq!((text.into_bytes().unwrap().as_slice(), kind), (list.as_bytes(), ListPage::No));
        }
    }
}
