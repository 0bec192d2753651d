//! Where a word or an address may be broken at the end of a line.

use hypher::Lang;

use super::fonts::is_invisible;

/// Longer words are not real words.
const LONGEST_WORD: usize = 100;
/// Minimum number of letters on each side of a hyphen from the dictionary.
const SHORTEST_PART: usize = 2;
const SHORTEST_WORD: usize = 6;

/// A place in a word where a line may end.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) struct BreakPoint {
    /// The byte of the text after the break.
    pub at: usize,
    /// Whether a hyphen is printed before the break.
    pub hyphen: bool,
}

/// A word as printed, without its soft hyphens, and its break points.
pub(super) fn break_points(word: &str, language: &str) -> (String, Vec<BreakPoint>) {
    let mut text = String::with_capacity(word.len());
    let mut points = Vec::new();
    for c in word.chars() {
        match c {
            '\u{ad}' => points.push(BreakPoint { at: text.len(), hyphen: true }),
            '\u{200b}' => points.push(BreakPoint { at: text.len(), hyphen: false }),
            c if is_invisible(c) => {}
            c => text.push(c),
        }
    }
    let has_own = !points.is_empty();
    if is_address(&text) {
        points.extend(address_points(&text));
    } else {
        points.extend(after_hyphens(&text));
        if !has_own {
            points.extend(between_syllables(&text, language));
        }
    }
    points.retain(|point| point.at > 0 && point.at < text.len());
    points.sort_by_key(|point| (point.at, point.hyphen));
    points.dedup_by_key(|point| point.at);
    (text, points)
}

fn is_address(word: &str) -> bool {
    word.contains(['@', '_', '\\']) || word.contains("://") || word.contains("www.") || {
        let first = word.split('/').next().unwrap_or_default();
        first.len() < word.len() && first.trim_matches('.').contains('.')
    }
}

/// The break points of an address, without hyphens, which would look like a part of it.
fn address_points(word: &str) -> Vec<BreakPoint> {
    let pairs = word.char_indices().zip(word.chars().skip(1));
    let is_break = |((_, c), next): &((usize, char), char)| match c {
        '/' => *next != '/',
        '?' | '&' | '=' | '-' | '_' | '@' => true,
        _ => *next == '.',
    };
    let at = |((at, c), _): ((usize, char), char)| BreakPoint { at: at + c.len_utf8(), hyphen: false };
    pairs.filter(is_break).map(at).collect()
}

/// "Lund-Malmö", "och/eller" and "ja–nej" break after the sign; "08-465" and "25–27" do not.
fn after_hyphens(word: &str) -> Vec<BreakPoint> {
    let chars: Vec<(usize, char)> = word.char_indices().collect();
    let mut points = Vec::new();
    for window in chars.windows(3) {
        if let [(_, before), (_, sign), (at, after)] = window
            && matches!(sign, '-' | '/' | '\u{2010}' | '–' | '—')
            && before.is_alphanumeric()
            && after.is_alphabetic()
        {
            points.push(BreakPoint { at: *at, hyphen: false });
        }
    }
    points
}

fn between_syllables(word: &str, language: &str) -> Vec<BreakPoint> {
    let code: Option<[u8; 2]> = language.get(..2).and_then(|code| code.as_bytes().try_into().ok());
    let Some(language) = code.and_then(Lang::from_iso) else { return Vec::new() };
    let mut points = Vec::new();
    let mut start = 0;
    for part in word.split_inclusive(|c: char| !c.is_alphabetic()) {
        let letters = part.trim_end_matches(|c: char| !c.is_alphabetic());
        let count = letters.chars().count();
        // Words in capitals are abbreviations.
        if (SHORTEST_WORD..=LONGEST_WORD).contains(&count) && letters.chars().any(char::is_lowercase) {
            let mut at = start;
            for syllable in hypher::hyphenate(letters, language) {
                at += syllable.len();
                let before = letters.get(..at - start).map_or(0, |text| text.chars().count());
                if before >= SHORTEST_PART && count - before >= SHORTEST_PART {
                    points.push(BreakPoint { at, hyphen: true });
                }
            }
        }
        start += part.len();
    }
    points
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn words_break_between_syllables_and_addresses_at_punctuation() {
        let shown = |word: &str, language: &str| {
            let (mut text, points) = break_points(word, language);
            for point in points.iter().rev() {
                text.insert(point.at, if point.hyphen { '-' } else { '|' });
            }
            text
        };
        for (word, language, want) in [
            ("bygdegården", "sv", "byg-de-går-den"),
            ("(bygdegården),", "sv", "(byg-de-går-den),"),
            ("association", "en", "as-so-ci-a-tion"),
            ("bygdegården", "fi", "bygdegården"),
            ("bygde\u{ad}gården", "sv", "bygde-gården"),
            ("hus", "sv", "hus"),
            ("EU-budgeten", "sv", "EU-|bud-ge-ten"),
            ("08-465", "sv", "08-465"),
            ("25–27", "sv", "25–27"),
            ("example.se/byar/stod", "sv", "example|.se/|byar/|stod"),
            ("info@example.se", "sv", "info@|example|.se"),
            ("a\u{200b}b", "sv", "a|b"),
            ("\u{ad}hej\u{ad}", "sv", "hej"),
            ("", "sv", ""),
        ] {
            assert_eq!(shown(word, language), want, "{word}");
        }
        assert_eq!(break_points(&"x".repeat(20_000), "sv").1, []);
    }
}
