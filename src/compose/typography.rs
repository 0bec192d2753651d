//! What belongs together stays on one line, and long words break between syllables: "15 000 kr", "9 maj", "kl. 18".

use hypher::Lang;
use pulldown_cmark::{Event, Tag, TagEnd};

use super::language::Language;

const NO_BREAK_SPACE: &str = "\u{a0}";
const SOFT_HYPHEN: &str = "\u{ad}";
/// Words of more letters get soft hyphens: they are wider than a phone at large text sizes.
const LONG: usize = 20;

/// Sets the text of a section's HTML; code, and what describes a picture, stay as they are.
pub(super) fn set<'a>(events: Vec<Event<'a>>, language: &Language) -> Vec<Event<'a>> {
    let mut untouched = 0_usize;
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
            Event::Text(hyphenated(&together(&text, language), &language.code).into())
        }
        other => other,
    };
    events.into_iter().map(set).collect()
}

/// A text with no-break spaces between numbers and what belongs to them.
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
    let is_address = |word: &str| word.contains(['@', '/', '\\', '_']) || word.starts_with("www.");
    let words = text.split(' ').map(|word| if is_address(word) { word.to_owned() } else { set_word(word) });
    words.collect::<Vec<_>>().join(" ")
}

#[cfg(test)]
mod tests {
    use super::*;

    fn language(code: &str) -> Language {
        Language::load(code, std::path::Path::new("/nowhere")).unwrap()
    }

    #[test]
    fn what_belongs_together_stays_together() {
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
