//! HTML blocks in a section as lines of text.

use crate::compose::html::{decoded, elements, is_tag, one_line, pieces, tag_name};

/// Tags that start a new line, and tags that separate the cells of a line.
const LINES: [&str; 18] = [
    "p",
    "div",
    "tr",
    "li",
    "br",
    "h1",
    "h2",
    "h3",
    "h4",
    "h5",
    "h6",
    "table",
    "ul",
    "ol",
    "blockquote",
    "section",
    "hr",
    "dt",
];
const CELLS: [&str; 3] = ["td", "th", "dd"];

/// Separates cells until a line is complete.
const CELL: &str = "\t";

/// The words of a block, one line per paragraph, row or item.
pub(super) fn lines(block: &str) -> Vec<String> {
    let mut text = String::new();
    for (at, piece) in pieces(block) {
        let name = tag_name(piece);
        if !is_tag(piece) {
            let is_unfinished =
                piece == "<" && block.get(at + 1..).is_some_and(|rest| rest.starts_with(char::is_alphabetic));
            if is_unfinished {
                break;
            }
            text.push_str(&piece.replace(char::is_whitespace, " "));
        } else if LINES.contains(&name.as_str()) {
            text.push('\n');
        } else if CELLS.contains(&name.as_str()) {
            text.push_str(CELL);
        } else {
            text.push_str(&image_words(piece));
        }
    }
    let line = |line: &str| {
        let cells = line.split(CELL).map(|cell| one_line(&decoded(cell)));
        cells.filter(|cell| !cell.is_empty()).collect::<Vec<_>>().join("  ")
    };
    text.lines().map(line).filter(|line| !line.is_empty()).collect()
}

/// The alternative text of an `<img>` in square brackets; nothing for other tags.
pub(super) fn image_words(tag: &str) -> String {
    let images = elements(tag).into_iter().filter(|element| element.name == "img");
    let words = images.filter_map(|image| image.attribute("alt").map(|alt| alt.trim().to_owned()));
    words.filter(|words| !words.is_empty()).map(|words| format!("[{words}]")).collect()
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_become_lines() {
        for (html, want) in [
            (
                "<table><tr><td>Anna, 070</td><td>Bo</td></tr><tr><td>C</td></tr></table>\n",
                vec!["Anna, 070  Bo", "C"],
            ),
            ("<p>Mötet är <b>inställt</b>.</p>\n", vec!["Mötet är inställt."]),
            ("<p><b>Nytt</b> i <em>byn</em>\ni dag</p>", vec!["Nytt i byn i dag"]),
            ("<P TITLE='a > b'>x<IMG ALT=Karta SRC=y></P>", vec!["x[Karta]"]),
            ("a < b", vec!["a < b"]),
            ("<div>A &amp; B<br>C</div>", vec!["A & B", "C"]),
            ("<!-- <p>x</p> --><style>p { }</style><p>y", vec!["y"]),
            ("<img src=\"x\" alt=\"Stugan\"> bredvid", vec!["[Stugan] bredvid"]),
            ("<p", vec![]),
        ] {
            assert_eq!(lines(html), want, "{html}");
        }
    }
}
