//! HTML blocks of a section as lines of text.

/// Tags that begin a line, and that part cells of one.
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

/// The words of a block, a line for each paragraph, row or item.
pub(super) fn lines(block: &str) -> Vec<String> {
    let mut text = String::new();
    let mut rest = block;
    while let Some((before, from)) = rest.split_once('<') {
        text.push_str(&before.split_whitespace().collect::<Vec<_>>().join(" "));
        if before.ends_with(char::is_whitespace) && !before.trim().is_empty() {
            text.push(' ');
        }
        if let Some(comment) = from.strip_prefix("!--") {
            rest = comment.split_once("-->").map_or("", |(_, after)| after);
            continue;
        }
        let Some((tag, after)) = from.split_once('>') else {
            rest = "";
            break;
        };
        rest = after;
        let name = tag
            .trim_start_matches('/')
            .split(|c: char| c.is_whitespace() || c == '/')
            .next()
            .unwrap_or_default();
        let name = name.to_ascii_lowercase();
        if ["style", "script"].contains(&name.as_str()) && !tag.starts_with('/') {
            let end = after.split_once("</").and_then(|(_, after)| after.split_once('>'));
            rest = end.map_or("", |(_, after)| after);
        } else if LINES.contains(&name.as_str()) {
            text.push('\n');
        } else if CELLS.contains(&name.as_str()) && !tag.starts_with('/') && !text.ends_with('\n') {
            text.push_str("  ");
        } else if name == "img" {
            text.push_str(&image_words(&format!("<{tag}>")));
        }
    }
    text.push_str(&rest.split_whitespace().collect::<Vec<_>>().join(" "));
    let lines = text.lines().map(|line| html_escape::decode_html_entities(line.trim()).into_owned());
    lines.filter(|line| !line.is_empty()).collect()
}

/// The alternative text of an `<img>` in square brackets; nothing for other tags.
pub(super) fn image_words(tag: &str) -> String {
    let lower = tag.to_ascii_lowercase();
    let Some(at) = lower.find("alt=").filter(|_| lower.starts_with("<img")) else { return String::new() };
    let rest = tag.get(at + 4..).unwrap_or_default();
    let words = rest.strip_prefix('"').and_then(|rest| rest.split('"').next());
    let words = words.or_else(|| rest.strip_prefix('\'').and_then(|rest| rest.split('\'').next()));
    match words.map(|words| html_escape::decode_html_entities(words.trim())) {
        Some(words) if !words.is_empty() => format!("[{words}]"),
        _ => String::new(),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn blocks_read_as_lines() {
        for (html, want) in [
            (
                "<table><tr><td>Anna, 070</td><td>Bo</td></tr><tr><td>C</td></tr></table>\n",
                vec!["Anna, 070  Bo", "C"],
            ),
            ("<p>Mötet är <b>inställt</b>.</p>\n", vec!["Mötet är inställt."]),
            ("<div>A &amp; B<br>C</div>", vec!["A & B", "C"]),
            ("<!-- <p>x</p> --><style>p { }</style><p>y", vec!["y"]),
            ("<img src=\"x\" alt=\"Stugan\"> bredvid", vec!["[Stugan]bredvid"]),
            ("<p", vec![]),
        ] {
            assert_eq!(lines(html), want, "{html}");
        }
    }
}
