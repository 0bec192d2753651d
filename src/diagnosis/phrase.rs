//! Searches a text for many phrases in one pass.

use aho_corasick::AhoCorasick;

/// How many characters a ` * ` may match.
const GAP: usize = 120;

/// Folds a text for the search: lower case, one space for any white space, plain quotes.
pub fn fold(text: &str) -> String {
    let mut folded = String::with_capacity(text.len());
    for c in text.chars() {
        match c {
            c if c.is_ascii_graphic() => folded.push(c.to_ascii_lowercase()),
            c if c.is_whitespace() || c == '\u{200B}' => {
                if !folded.ends_with(' ') {
                    folded.push(' ');
                }
            }
            '\u{2018}' | '\u{2019}' | '\u{00B4}' => folded.push('\''),
            '\u{201C}' | '\u{201D}' => folded.push('"'),
            '\u{00AD}' => {}
            c => folded.extend(c.to_lowercase()),
        }
    }
    folded
}

/// Phrases with their meanings; a phrase is one text or several with ` * ` between them, which matches a few words.
#[derive(Debug)]
pub struct PhraseBook<T> {
    search: AhoCorasick,
    /// For each literal of the search: its phrase, and its position in the phrase.
    pieces: Vec<(usize, usize)>,
    phrases: Vec<Phrase<T>>,
}

#[derive(Debug)]
struct Phrase<T> {
    meaning: T,
    pieces: usize,
}

/// A phrase found in a text.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct FoundPhrase<T> {
    pub meaning: T,
    /// Where its last word ends in the folded text.
    pub end: usize,
}

impl<T: Copy> PhraseBook<T> {
    /// Compiles the phrases.
    ///
    /// # Errors
    /// If there are too many for the search.
    pub fn new<'p>(
        phrases: impl IntoIterator<Item = (&'p str, T)>,
    ) -> Result<Self, aho_corasick::BuildError> {
        let mut literals = Vec::new();
        let mut book = (Vec::new(), Vec::new());
        for (index, (text, meaning)) in phrases.into_iter().enumerate() {
            let words: Vec<String> = text.split(" * ").map(fold).collect();
            book.0.extend((0..words.len()).map(|place| (index, place)));
            book.1.push(Phrase { meaning, pieces: words.len() });
            literals.extend(words);
        }
        let search = AhoCorasick::new(literals)?;
        Ok(Self { search, pieces: book.0, phrases: book.1 })
    }

    /// All phrases found in a folded text, in the order of their ends.
    pub fn find(&self, folded: &str) -> Vec<FoundPhrase<T>> {
        let mut found = Vec::new();
        // For phrases with gaps: how many pieces were found, and where the last one ended.
        let mut begun: Vec<(usize, usize, usize)> = Vec::new();
        for hit in self.search.find_overlapping_iter(folded) {
            let Some((index, phrase, place)) = self.piece(hit.pattern().as_usize()) else { continue };
            if !starts_a_word(folded, hit.start()) {
                continue;
            }
            if phrase.pieces > 1 && !advance(&mut begun, index, place, phrase.pieces, hit.start(), hit.end())
            {
                continue;
            }
            found.push(FoundPhrase { meaning: phrase.meaning, end: hit.end() });
        }
        found
    }

    fn piece(&self, literal: usize) -> Option<(usize, &Phrase<T>, usize)> {
        let &(index, place) = self.pieces.get(literal)?;
        Some((index, self.phrases.get(index)?, place))
    }
}

/// Records another piece of a phrase with gaps, and tells whether it was the last one.
fn advance(
    begun: &mut Vec<(usize, usize, usize)>,
    index: usize,
    place: usize,
    pieces: usize,
    start: usize,
    end: usize,
) -> bool {
    let known = begun.iter().position(|(phrase, ..)| *phrase == index);
    match known.and_then(|at| begun.get_mut(at)) {
        None if place == 0 => begun.push((index, 1, end)),
        Some(state) if place == 0 && state.1 <= 1 => *state = (index, 1, end),
        Some(state) if state.1 == place && start >= state.2 && start - state.2 <= GAP => {
            *state = (index, place + 1, end);
            if place + 1 == pieces {
                *state = (index, 0, end);
                return true;
            }
        }
        Some(state) if place == 0 => *state = (index, 1, end),
        _ => {}
    }
    false
}

/// A phrase in Latin letters must start at the start of a word; its end may be inside a word.
fn starts_a_word(text: &str, start: usize) -> bool {
    let bytes = text.as_bytes();
    let first = bytes.get(start).is_some_and(u8::is_ascii_alphanumeric);
    let before = start.checked_sub(1).and_then(|at| bytes.get(at)).is_some_and(u8::is_ascii_alphanumeric);
    !(first && before)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn texts_are_folded() {
        for (text, want) in [
            ("User  Unknown\n\there", "user unknown here"),
            ("isn\u{2019}t", "isn't"),
            ("OKÄND\u{a0}Användare", "okänd användare"),
            ("", ""),
        ] {
            assert_eq!(fold(text), want);
        }
    }

    #[test]
    fn phrases_may_have_gaps_and_begin_at_a_word() {
        let book =
            PhraseBook::new([("User unknown", 1), ("mailbox * is full", 2), ("a * b * c", 3), ("満杯", 4)])
                .unwrap();
        for (text, want) in [
            ("550 user unknown", vec![1]),
            ("superuser unknown", vec![]),
            ("the mailbox of anna is full", vec![2]),
            ("is full: mailbox", vec![]),
            ("mailbox mailbox x is full, mailbox y is full", vec![2, 2]),
            ("a x b y c", vec![3]),
            ("a x c", vec![]),
            ("受信箱が満杯です", vec![4]),
        ] {
            let found: Vec<i32> = book.find(&fold(text)).iter().map(|found| found.meaning).collect();
            assert_eq!(found, want, "{text}");
        }
    }

    #[test]
    fn a_gap_matches_only_a_few_words() {
        let book = PhraseBook::new([("mailbox * full", ())]).unwrap();
        assert!(book.find(&format!("mailbox {} full", "x".repeat(200))).is_empty());
    }
}
