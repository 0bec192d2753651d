//! Tables: columns separated by two spaces, numbers aligned to the right, as wide as there is room.
//!
//! Nothing is ever cut off. If there is too little room, cells are wrapped at words; if even that does not help, each
//! row becomes a block of lines with the headers before the values.

use textwrap::core::display_width;

use super::TextRole;
use super::width::{options, stdout_width};

/// The space between two columns.
const GAP: usize = 2;
/// A longer word is broken so that the table keeps its shape.
const LONGEST_WORD: usize = 32;

/// A table that grows row by row.
#[derive(Debug, Default)]
pub struct Table {
    header: Option<TableRow>,
    rows: Vec<TableRow>,
    right: Vec<usize>,
    /// Columns that are never wrapped, in addition to numbers.
    whole: Vec<usize>,
}

#[derive(Debug, Default)]
struct TableRow {
    cells: Vec<String>,
    paint: Option<TextRole>,
}

impl Table {
    /// A table with a header row.
    pub fn new<const N: usize>(header: [&str; N]) -> Self {
        Self::with_header(header)
    }

    /// A table with a header row of any length.
    pub fn with_header<T: AsRef<str>>(cells: impl IntoIterator<Item = T>) -> Self {
        Self { header: Some(TableRow::new(cells, Some(TextRole::Strong))), ..Self::default() }
    }

    /// A table without a header row.
    pub fn bare() -> Self {
        Self::default()
    }

    /// Sets a column, from 0, to the right.
    #[must_use]
    pub fn right(mut self, column: usize) -> Self {
        self.right.push(column);
        self
    }

    /// Keeps a column, from 0, from being wrapped.
    #[must_use]
    pub fn whole(mut self, column: usize) -> Self {
        self.whole.push(column);
        self
    }

    /// Adds a row of any length.
    pub fn add(&mut self, cells: Vec<String>) {
        self.rows.push(TableRow::new(cells, None));
    }

    /// Adds a row.
    pub fn row<const N: usize>(&mut self, cells: [String; N]) {
        self.add(cells.into());
    }

    /// Adds a row in a colour.
    pub fn painted<const N: usize>(&mut self, paint: TextRole, cells: [String; N]) {
        self.rows.push(TableRow::new(cells, Some(paint)));
    }

    /// The table in at most this many columns; `None` for no limit.
    pub fn fitted(&self, room: Option<usize>) -> String {
        let natural = self.widths(longest_line);
        match room {
            Some(room) if total(&natural) > room => {
                // Texts are wrapped first; long words are broken only if that is not enough.
                let words = shrunk(natural, &self.widths(longest_word), room);
                let least = self.widths(|cell| longest_word(cell).min(LONGEST_WORD));
                if total(&least) <= room || self.header.is_none() {
                    self.lines(&shrunk(words, &least, room))
                } else {
                    self.blocks(room)
                }
            }
            _ => self.lines(&natural),
        }
    }

    fn all_rows(&self) -> impl Iterator<Item = &TableRow> {
        self.header.iter().chain(&self.rows)
    }

    /// The widest cell of each column by this measure; columns that are never wrapped have their full width.
    fn widths(&self, measure: fn(&str) -> usize) -> Vec<usize> {
        let columns = self.all_rows().map(|row| row.cells.len()).max().unwrap_or(0);
        let widest = |column: usize| {
            let is_whole = self.right.contains(&column) || self.whole.contains(&column);
            let measure = if is_whole { longest_line } else { measure };
            let cells = self.all_rows().filter_map(|row| row.cells.get(column));
            cells.map(|cell| measure(cell)).max().unwrap_or(0)
        };
        (0..columns).map(widest).collect()
    }

    fn lines(&self, widths: &[usize]) -> String {
        self.all_rows().map(|row| self.row_lines(row, widths)).collect()
    }

    fn row_lines(&self, row: &TableRow, widths: &[usize]) -> String {
        let wrap = |(cell, width): (&String, &usize)| wrapped_cell(cell, *width);
        let cells: Vec<Vec<String>> = row.cells.iter().zip(widths).map(wrap).collect();
        let height = cells.iter().map(Vec::len).max().unwrap_or(0);
        (0..height).map(|line| row.painted(&self.line(&cells, widths, line)) + "\n").collect()
    }

    fn line(&self, cells: &[Vec<String>], widths: &[usize], line: usize) -> String {
        let aligned = cells.iter().zip(widths).enumerate().map(|(column, (cell, width))| {
            let text = cell.get(line).map_or("", String::as_str);
            let space = " ".repeat(width.saturating_sub(display_width(text)));
            if self.right.contains(&column) { space + text } else { text.to_owned() + &space }
        });
        aligned.collect::<Vec<_>>().join(&" ".repeat(GAP)).trim_end().to_owned()
    }

    /// Each row as a block, with one line per header and value.
    fn blocks(&self, room: usize) -> String {
        let header: &[String] = self.header.as_ref().map_or(&[], |row| &row.cells);
        let label = header.iter().map(|cell| display_width(cell)).max().unwrap_or(0);
        let block = |row: &TableRow| {
            let named = row.cells.iter().zip(header).filter(|(cell, _)| !cell.is_empty());
            let lines = named.map(|(cell, name)| {
                let beside = room.saturating_sub(label + GAP);
                let fits = longest_word(cell) <= beside;
                let indent = if fits { label + GAP } else { GAP };
                let value = options(room.saturating_sub(indent)).break_words(false);
                let value = textwrap::wrap(cell, value).join(&format!("\n{}", " ".repeat(indent)));
                let space = " ".repeat(label - display_width(name) + GAP);
                let space = if fits { space } else { format!("\n{}", " ".repeat(GAP)) };
                format!("{}{space}{}\n", TextRole::Strong.on(name), row.painted(&value))
            });
            lines.collect::<String>()
        };
        self.rows.iter().map(block).collect::<Vec<_>>().join("\n")
    }
}

impl TableRow {
    fn new<T: AsRef<str>>(cells: impl IntoIterator<Item = T>, paint: Option<TextRole>) -> Self {
        Self { cells: cells.into_iter().map(|cell| clean(cell.as_ref())).collect(), paint }
    }

    fn painted(&self, text: &str) -> String {
        self.paint.map_or_else(|| text.to_owned(), |paint| paint.on(text))
    }
}

/// Text from a server or a list must not control the terminal.
fn clean(cell: &str) -> String {
    cell.trim().chars().map(|c| if c.is_control() { ' ' } else { c }).collect()
}

fn total(widths: &[usize]) -> usize {
    widths.iter().sum::<usize>() + GAP * widths.len().saturating_sub(1)
}

fn longest_line(cell: &str) -> usize {
    display_width(cell)
}

fn longest_word(cell: &str) -> usize {
    cell.split(' ').map(display_width).max().unwrap_or(0)
}

/// Narrows the widest columns until all fit, but none below its minimum.
fn shrunk(mut widths: Vec<usize>, least: &[usize], room: usize) -> Vec<usize> {
    while total(&widths) > room {
        let above = widths.iter_mut().zip(least).filter(|(width, least)| **width > **least);
        let Some((width, _)) = above.max_by_key(|(width, _)| **width) else { break };
        *width -= 1;
    }
    widths
}

fn wrapped_cell(cell: &str, width: usize) -> Vec<String> {
    if display_width(cell) <= width {
        return vec![cell.to_owned()];
    }
    textwrap::wrap(cell, options(width.max(1))).into_iter().map(std::borrow::Cow::into_owned).collect()
}

impl std::fmt::Display for Table {
    /// The table in the width of stdout.
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str(&self.fitted(stdout_width()))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn members() -> Table {
        let mut table = Table::new(["name", "email", "letters"]).right(2);
        table.row(["Åsa Älghorna".to_owned(), "asa@example.se".to_owned(), "12".to_owned()]);
        table.row(["Bo Ek".to_owned(), String::new(), "3".to_owned()]);
        table
    }

    fn plain(text: &str) -> String {
        anstream::adapter::strip_str(text).to_string()
    }

    #[test]
    fn columns_line_up() {
        let table = plain(&members().fitted(None));
        assert_eq!(
            table,
            "name          email           letters\n\
             Åsa Älghorna  asa@example.se       12\n\
             Bo Ek                               3\n"
        );
        assert_eq!(table, plain(&members().fitted(Some(37))));
    }

    #[test]
    fn cells_wrap_if_there_is_too_little_room() {
        assert_eq!(
            plain(&members().fitted(Some(34))),
            "name       email           letters\n\
             Åsa        asa@example.se       12\n\
             Älghorna\n\
             Bo Ek                            3\n"
        );
    }

    #[test]
    fn rows_become_blocks_if_words_do_not_fit() {
        assert_eq!(
            plain(&members().fitted(Some(25))),
            "name     Åsa Älghorna\nemail    asa@example.se\nletters  12\n\nname     Bo Ek\nletters  3\n"
        );
    }

    #[test]
    fn a_long_word_is_put_below_its_header_and_not_broken() {
        let mut table = Table::new(["address", "why", "file"]);
        let address = "a-long-name@a-long-domain.example.se";
        table.row([address.to_owned(), "no such user".to_owned(), "a-file-with-a-long-name.eml".to_owned()]);
        let text = plain(&table.fitted(Some(38)));
        assert_eq!(
            text,
            format!("address\n  {address}\nwhy      no such user\nfile     a-file-with-a-long-name.eml\n")
        );
        assert!(plain(&table.fitted(Some(75))).starts_with(&format!("address{}why", " ".repeat(31))));
    }

    #[test]
    fn wide_characters_take_two_columns_and_controls_are_removed() {
        let mut table = Table::bare();
        table.row(["日本".to_owned(), "x\u{1b}[2J\ty".to_owned()]);
        table.row(["abcde".to_owned(), "z".to_owned()]);
        assert_eq!(table.fitted(None), "日本   x [2J y\nabcde  z\n");
    }

    #[test]
    fn no_width_is_exceeded() {
        for room in 20..120 {
            let text = plain(&members().fitted(Some(room)));
            assert!(text.lines().all(|line| display_width(line) <= room.max(25)), "{room}: {text}");
        }
    }
}
