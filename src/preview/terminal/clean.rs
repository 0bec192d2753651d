//! Makes text from anybody harmless for a terminal.

/// Removes characters that would control a terminal or reverse the reading direction; line ends and tabs become
/// spaces.
pub fn clean(text: &str) -> String {
    text.chars().filter_map(|c| if matches!(c, '\n' | '\r' | '\t') { Some(' ') } else { shown(c) }).collect()
}

/// Like [`clean`], but keeps the lines of the text.
pub fn clean_lines(text: &str) -> String {
    let text = text.replace("\r\n", "\n").replace('\t', "    ");
    text.chars().filter_map(|c| if c == '\n' { Some(c) } else { shown(c) }).collect()
}

/// The character, unless it is a control of C0 or C1 (such as ESC and CSI), or is invisible and does not join letters
/// or emoji.
fn shown(c: char) -> Option<char> {
    let is_hidden = c.is_control()
        || matches!(c, '\u{ad}' | '\u{34f}' | '\u{61c}' | '\u{200b}' | '\u{200e}' | '\u{200f}' | '\u{feff}')
        || matches!(c, '\u{2028}'..='\u{202e}' | '\u{2060}'..='\u{206f}' | '\u{fff9}'..='\u{fffb}')
        // Tags (U+E0000) can write invisible text.
        || matches!(c, '\u{e0000}'..='\u{e007f}');
    (!is_hidden).then_some(c)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn no_text_controls_the_terminal() {
        for (text, want) in [
            ("Anna\u{1b}[2J\u{7}", "Anna[2J"),
            ("\u{9b}31mAnna\u{202e}annA", "31mAnnaannA"),
            ("a\tb\nc", "a b c"),
            ("👩\u{200d}👧 å", "👩\u{200d}👧 å"),
        ] {
            assert_eq!(clean(text), want);
        }
        assert_eq!(clean_lines("a\r\nb\u{1b}]8;;x\u{7}\n"), "a\nb]8;;x\n");
    }
}
