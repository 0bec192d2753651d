//! Repairs pasted Markdown before it is parsed: bullets and tabs from word processors, and picture names with spaces.
//! No line is added or removed, so that line numbers stay right.

use std::borrow::Cow;

/// Bullets of word processors; the last is that of Symbol fonts.
const BULLETS: [char; 7] = ['•', '·', '▪', '●', '◦', '‣', '\u{F0B7}'];

/// The text with word-processor formatting turned into Markdown.
pub(super) fn prepared(markdown: &str) -> Cow<'_, str> {
    let needs_it = markdown.contains(BULLETS) || markdown.contains('\t') || markdown.contains("](");
    if !needs_it {
        return Cow::Borrowed(markdown);
    }
    let mut in_code = false;
    let mut after_item = false;
    let lines = markdown.split_inclusive('\n').map(|line| {
        let bare = line.trim();
        if bare.starts_with("```") || bare.starts_with("~~~") {
            in_code = !in_code;
        }
        if in_code {
            return Cow::Borrowed(line);
        }
        let line = bulleted(line).unwrap_or_else(|| without_tab(line, after_item));
        after_item =
            is_item(&line) || after_item && (line.trim().is_empty() || line.starts_with([' ', '\t']));
        match line {
            Cow::Borrowed(line) => spaced_target(line),
            Cow::Owned(line) => Cow::Owned(spaced_target(&line).into_owned()),
        }
    });
    Cow::Owned(lines.collect())
}

/// `•⇥One` as `- One`.
fn bulleted(line: &str) -> Option<Cow<'_, str>> {
    let bare = line.trim_start_matches([' ', '\t']);
    let rest = bare.strip_prefix(BULLETS)?;
    // A middle dot without a space may mean something else.
    rest.starts_with(char::is_whitespace)
        .then(|| Cow::Owned(format!("- {}", rest.trim_start_matches([' ', '\t', '\u{a0}']))))
}

/// A paragraph that starts with a tab is not code, unless it continues a list.
fn without_tab(line: &str, after_item: bool) -> Cow<'_, str> {
    let rest = line.trim_start_matches('\t');
    let is_pasted = rest.len() < line.len() && rest.starts_with(char::is_alphabetic) && !after_item;
    Cow::Borrowed(if is_pasted { rest } else { line })
}

fn is_item(line: &str) -> bool {
    let bare = line.trim_start();
    let number = bare.trim_start_matches(|c: char| c.is_ascii_digit());
    bare.starts_with(['-', '*', '+']) && bare.get(1..).is_some_and(|rest| rest.starts_with([' ', '\t']))
        || number.len() < bare.len() && number.starts_with(['.', ')'])
}

/// Tells whether a name has the extension of a picture.
pub fn is_picture_name(name: &str) -> bool {
    mime_guess::from_path(name).first().is_some_and(|kind| kind.type_() == mime::IMAGE)
}

/// `![x](images/my picture.png)` with the target in angle brackets, as `CommonMark` requires.
fn spaced_target(line: &str) -> Cow<'_, str> {
    let mut changed = String::new();
    let mut copied = 0;
    for (at, _) in line.match_indices("](") {
        let start = at + 2;
        let Some(length) = line.get(start..).and_then(|rest| rest.find(')')) else { continue };
        let target = line.get(start..start + length).unwrap_or_default();
        if is_picture_name(target)
            && target.contains(' ')
            && !target.contains(['<', '"', ':'])
            && start >= copied
        {
            changed.push_str(line.get(copied..start).unwrap_or_default());
            changed.push('<');
            changed.push_str(target);
            changed.push('>');
            copied = start + length;
        }
    }
    if copied == 0 {
        return Cow::Borrowed(line);
    }
    changed.push_str(line.get(copied..).unwrap_or_default());
    Cow::Owned(changed)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn formatting_of_word_processors_becomes_markdown() {
        for (text, want) in [
            ("•\tEtt\n•\tTvå\n", "- Ett\n- Två\n"),
            ("  ● Ett\n", "- Ett\n"),
            ("\tStycke med tabb.\n", "Stycke med tabb.\n"),
            ("- ett\n\t- två\n\n\ttext till ett\n", "- ett\n\t- två\n\n\ttext till ett\n"),
            ("```\n•\tkod\n\ttabb\n```\n", "```\n•\tkod\n\ttabb\n```\n"),
            ("A·B\n", "A·B\n"),
            ("![x](images/min bild.png) och [y](a b)\n", "![x](<images/min bild.png>) och [y](a b)\n"),
            ("![x](images/IMG 1.HEIC) ![y](a b.webp)\n", "![x](<images/IMG 1.HEIC>) ![y](<a b.webp>)\n"),
            ("![x](<images/min bild.png>)\n", "![x](<images/min bild.png>)\n"),
            ("inget\n", "inget\n"),
        ] {
            assert_eq!(prepared(text), want, "{text:?}");
        }
    }
}
