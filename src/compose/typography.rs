//! Keeps related words on one line ("15 000 kr", "9 maj", "kl. 18"), breaks long words between syllables, and
//! replaces typewriter quotation marks, dashes and dots with the language's own.

use hypher::Lang;
use pulldown_cmark::{Event, Tag, TagEnd};

use super::language::Language;

const NO_BREAK_SPACE: &str = "\u{a0}";
const SOFT_HYPHEN: &str = "\u{ad}";
/// Longer words get soft hyphens, because they are wider than a phone at large text sizes.
const LONG: usize = 20;

/// Sets the text of a section's HTML; code and descriptions of pictures stay as they are.
pub(super) fn set<'a>(events: Vec<Event<'a>>, language: &Language) -> Vec<Event<'a>> {
    let mut untouched = 0_usize;
    let mut before = None;
    let set = |event: Event<'a>| match event {
        Event::Start(Tag::CodeBlock(_) | Tag::Image { .. }) => {
            untouched += 1;
            event
        }
        Event::End(TagEnd::CodeBlock | TagEnd::Image) => {
            untouched = untouched.saturating_sub(1);
            event
        }
        Event::Text(text) if untouched == 0 => {
            let set = title(&marked(&text, before, language), language);
            before = text.chars().next_back();
            Event::Text(set.into())
        }
        Event::Start(ref tag) if !is_inline(tag) => {
            before = None;
            event
        }
        Event::SoftBreak | Event::HardBreak => {
            before = None;
            event
        }
        other => other,
    };
    events.into_iter().map(set).collect()
}

fn is_inline(tag: &Tag<'_>) -> bool {
    matches!(tag, Tag::Emphasis | Tag::Strong | Tag::Strikethrough | Tag::Link { .. })
}

/// A text with the right punctuation, no-break spaces and soft hyphens.
fn title(text: &str, language: &Language) -> String {
    hyphenated(&together(text, language), &language.code)
}

/// A title, set like the letter's text.
pub(super) fn set_title(text: &str, language: &Language) -> String {
    title(&marked(text, None, language), language)
}

/// A text with the language's quotation marks, dashes and ellipses; `before` is the preceding character.
fn marked(text: &str, mut before: Option<char>, language: &Language) -> String {
    if !text.contains(['"', '\'', '-', '.']) {
        return text.to_owned();
    }
    let words = text.split_inclusive(' ').map(|word| {
        let set = match word.trim_end_matches(' ') {
            "-" | "--" if before.is_none_or(char::is_whitespace) => word.replace("--", "–").replace('-', "–"),
            "---" => word.replace("---", "–"),
            bare if is_address(bare) => word.to_owned(),
            _ => quoted(&word.replace("...", "…"), before, language),
        };
        before = word.chars().next_back();
        set
    });
    words.collect()
}

/// A word with the language's quotation marks; after a digit they mean inches and feet.
fn quoted(word: &str, mut before: Option<char>, language: &Language) -> String {
    let [open, close, open_single, close_single] = &language.quotes;
    let mut set = String::with_capacity(word.len());
    let mut rest = word.chars().peekable();
    while let Some(char) = rest.next() {
        let opens = before.is_none_or(|before| before.is_whitespace() || "([{–—/\"'".contains(before));
        match char {
            '"' | '\'' if before.is_some_and(|before| before.is_ascii_digit()) => set.push(char),
            '"' => set.push_str(if opens { open } else { close }),
            // '90s
            '\'' if opens && !rest.peek().is_some_and(char::is_ascii_digit) => set.push_str(open_single),
            '\'' => set.push_str(close_single),
            other => set.push(other),
        }
        before = Some(char);
    }
    set
}

/// A text with no-break spaces between numbers and related words.
fn together(text: &str, language: &Language) -> String {
    let mut words = text.split(' ');
    let mut last = words.next().unwrap_or_default();
    let mut set = last.to_owned();
    for word in words {
        set.push_str(if belong_together(last, word, language) { NO_BREAK_SPACE } else { " " });
        set.push_str(word);
        last = word;
    }
    set
}

fn belong_together(left: &str, right: &str, language: &Language) -> bool {
    let is_digit = |c: char| c.is_ascii_digit();
    let bare = right.trim_end_matches(|c: char| !c.is_alphanumeric() && c != '%');
    let is_roman = bare.len() > 1 && bare.chars().all(|c| "IVX".contains(c));
    let named = |words: &[String], word: &str| words.iter().any(|known| known == word);
    if left.ends_with(is_digit) {
        return right.starts_with(is_digit) || named(&language.units, bare) || language.is_month(bare);
    }
    let opened = left.trim_start_matches(|c: char| !c.is_alphanumeric() && c != '§').to_lowercase();
    (right.starts_with(is_digit) && named(&language.before_numbers, &opened))
        || (is_roman && left.starts_with(char::is_uppercase))
}

/// A text with soft hyphens between the syllables of its long words; addresses stay as they are.
pub(super) fn hyphenated(text: &str, language: &str) -> String {
    let code: Option<[u8; 2]> = language.get(..2).and_then(|code| code.as_bytes().try_into().ok());
    let Some(language) = code.and_then(Lang::from_iso) else { return text.to_owned() };
    let is_long = |word: &str| word.chars().count() > LONG && word.chars().all(char::is_alphabetic);
    let set_word = |word: &str| {
        let parts = word.split_inclusive(|c: char| !c.is_alphabetic());
        let set = parts.map(|part| {
            let letters = part.trim_end_matches(|c: char| !c.is_alphabetic());
            let rest = part.get(letters.len()..).unwrap_or_default();
            if is_long(letters) {
                let syllables: Vec<&str> = hypher::hyphenate(letters, language).collect();
                syllables.join(SOFT_HYPHEN) + rest
            } else {
                part.to_owned()
            }
        });
        set.collect::<String>()
    };
    let words = text.split(' ').map(|word| if is_address(word) { word.to_owned() } else { set_word(word) });
    words.collect::<Vec<_>>().join(" ")
}

fn is_address(word: &str) -> bool {
    word.contains(['@', '/', '\\', '_']) || word.starts_with("www.")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn language(code: &str) -> Language {
        Language::load(code, std::path::Path::new("/nowhere")).unwrap()
    }

    #[test]
    fn related_words_stay_together() {
        let swedish = [
            ("Högst 15 000 kr, den 9 maj.", "Högst 15·000·kr, den 9·maj."),
            ("Ring 08-465 004 10 kl. 18", "Ring 08-465·004·10 kl.·18"),
            ("Ta (kl. 18) 5 km, 7 % och s. 4", "Ta (kl.·18) 5·km, 7·% och s.·4"),
            ("Karl XVI Gustaf", "Karl·XVI Gustaf"),
            ("I Byn I år är 12 personer", "I Byn I år är 12 personer"),
            ("Den 9 november  och", "Den 9·november  och"),
            (" 5 ", " 5 "),
            ("", ""),
        ];
        let sv = language("sv");
        for (text, want) in swedish {
            assert_eq!(together(text, &sv).replace(NO_BREAK_SPACE, "·"), want);
        }
        let en = language("en");
        assert_eq!(together("on 9 May, p. 4", &en).replace(NO_BREAK_SPACE, "·"), "on 9·May, p.·4");
    }

    #[test]
    fn punctuation_is_the_languages_own() {
        for (text, sv, en) in [
            (r#"Vi sa "hej" - och gick."#, "Vi sa ”hej” – och gick.", "Vi sa “hej” – och gick."),
            (r#"("Ja," sa hon...)"#, "(”Ja,” sa hon…)", "(“Ja,” sa hon…)"),
            ("Lars' båt, it's, 'x'", "Lars’ båt, it’s, ’x’", "Lars’ båt, it’s, ‘x’"),
            (r#"ett rör på 5" och '90s"#, r#"ett rör på 5" och ’90s"#, r#"ett rör på 5" och ’90s"#),
            (
                "08-465 004 10, 2026-05-09, 13-16",
                "08-465 004 10, 2026-05-09, 13-16",
                "08-465 004 10, 2026-05-09, 13-16",
            ),
            (
                "https://example.se/a--b...c 'x@example.se'",
                "https://example.se/a--b...c 'x@example.se'",
                "https://example.se/a--b...c 'x@example.se'",
            ),
        ] {
            assert_eq!(marked(text, None, &language("sv")), sv);
            assert_eq!(marked(text, None, &language("en")), en);
        }
        let events: Vec<Event<'_>> = pulldown_cmark::Parser::new(r#"a "*b*" c"#).collect();
        let texts = set(events, &language("en")).into_iter().filter_map(|event| match event {
            Event::Text(text) => Some(text.into_string()),
            _ => None,
        });
        assert_eq!(texts.collect::<String>(), "a “b” c");
    }

    #[test]
    fn long_words_break_between_syllables() {
        let shown = |text: &str, code: &str| hyphenated(text, code).replace(SOFT_HYPHEN, "-");
        assert_eq!(shown("(Fastighetsskötselutbildning!)", "sv"), "(Fas-tig-hets-sköt-sel-ut-bild-ning!)");
        for whole in [
            "en kort text",
            "bygdegårdsforeningen@example.se",
            "https://www.example.se/fastighetsskötselutbildningen",
            "www.fastighetsskötselutbildningen.example.se",
            "x".repeat(20).as_str(),
            "",
        ] {
            assert_eq!(hyphenated(whole, "sv"), whole);
        }
        assert_eq!(hyphenated("fastighetsskötselutbildning", "xx"), "fastighetsskötselutbildning");
        assert_eq!(hyphenated("fastighetsskötselutbildning", "å"), "fastighetsskötselutbildning");
    }

    #[test]
    fn code_and_descriptions_of_pictures_stay() {
        let markdown = "`15 000` ![15 000 kr](a.png)\n\n    15 000 kr\n";
        let events: Vec<Event<'_>> = pulldown_cmark::Parser::new(markdown).collect();
        assert_eq!(set(events.clone(), &language("sv")), events);
    }
}
