//! A small grammar of requests to leave a list. It accepts short texts with a sentence that has only words of such
//! requests.

use serde::Deserialize;

use crate::diagnosis::phrase::fold;

/// Longer texts are left for a person to read.
const MOST_WORDS: usize = 60;
const MOST_POLITE_WORDS: usize = 8;
/// A closing and a name.
const MOST_CLOSING_WORDS: usize = 4;

/// The words of one language, folded.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct LeaveLanguage {
    #[expect(dead_code, reason = "names the table for people")]
    name: String,
    /// Verbs for leaving.
    verbs: Vec<String>,
    /// Words for the writer or the address.
    whom: Vec<String>,
    /// Words for the list.
    what: Vec<String>,
    wants: Vec<String>,
    not: Vec<String>,
    /// Words for "nothing more".
    none: Vec<String>,
    /// How questions that are really requests begin.
    openings: Vec<String>,
    /// Words that may appear in between.
    others: Vec<String>,
    /// How sentences begin that thank, greet or wish well.
    polite: Vec<String>,
}

/// What one sentence says.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
enum Sentence {
    /// It names verb, writer and list: a request, whatever the other sentences say.
    WholeRequest,
    Request,
    /// It has only words without a bearing, such as thanks.
    Empty,
    /// About something else.
    Something,
    /// It is about the list too, or a question: left for a person to read.
    Unclear,
}

/// Tells whether a text asks to leave and says nothing else, in one of the languages.
///
/// A name on a line of its own ends the writer's own text: titles, addresses and disclaimers follow it.
pub fn asks(text: &str, languages: &[LeaveLanguage]) -> bool {
    [without_name(text).as_str(), above_name(text)].into_iter().any(|text| {
        text.split_whitespace().count() <= MOST_WORDS && languages.iter().any(|language| language.asks(text))
    })
}

impl LeaveLanguage {
    fn asks(&self, text: &str) -> bool {
        let sentences: Vec<Sentence> = sentences(text)
            .into_iter()
            .map(|(sentence, is_question)| self.sentence(&fold(&sentence), is_question))
            .collect();
        let has = |kind: Sentence| sentences.contains(&kind);
        !has(Sentence::Unclear)
            && (has(Sentence::WholeRequest) || has(Sentence::Request) && !has(Sentence::Something))
    }

    fn sentence(&self, sentence: &str, is_question: bool) -> Sentence {
        let words = words(sentence);
        if words.is_empty() {
            return Sentence::Empty;
        }
        let is_polite = !is_question && self.polite.iter().any(|opening| begins(&words, opening));
        if is_polite && words.len() <= MOST_POLITE_WORDS {
            return Sentence::Empty;
        }
        let is_opened = self.openings.iter().any(|opening| begins(&words, opening));
        if is_question && !is_opened {
            return Sentence::Unclear;
        }
        let words = self.before_closing(&words);
        let Some(found) = self.sort(words) else { return self.other(words) };
        // "No" alone is not a request: the text must also say what is unwanted.
        let wants_none = found.has_none && found.has_what;
        let is_unwanted = found.is_unwanted || found.wants && found.is_negated;
        let wants_not = is_unwanted && (found.has_what || found.has_whom);
        let leaves =
            found.has_verb && !found.is_negated && (found.has_what || found.has_whom || words.len() <= 2);
        let is_negated_verb = found.has_verb && found.is_negated && !found.has_none;
        match () {
            () if is_negated_verb => Sentence::Unclear,
            () if leaves && found.has_what && found.has_whom => Sentence::WholeRequest,
            () if leaves || wants_not || wants_none => Sentence::Request,
            () if found.has_verb || found.has_what || found.wants => Sentence::Unclear,
            () => Sentence::Empty,
        }
    }

    /// The words before a closing such as `mvh Anna` on the same line.
    fn before_closing<'w, 's>(&self, words: &'w [&'s str]) -> &'w [&'s str] {
        let is_closing = |at: &usize| {
            let rest = words.get(*at..).unwrap_or_default();
            self.polite.iter().any(|opening| begins(rest, opening))
        };
        let last = words.len().saturating_sub(MOST_CLOSING_WORDS).max(1)..words.len();
        words.get(..last.into_iter().find(is_closing).unwrap_or(words.len())).unwrap_or(words)
    }

    /// Classifies a sentence with words that belong to no request: it says something else, or reverses the request.
    fn other(&self, words: &[&str]) -> Sentence {
        let has = |phrases: &[String]| {
            (0..words.len()).any(|from| {
                let rest = words.get(from..).unwrap_or_default();
                phrases.iter().any(|phrase| begins(rest, phrase))
            })
        };
        let leaves = has(&self.verbs);
        if has(&self.not) && (leaves || has(&self.what)) || has(&self.wants) && has(&self.what) && !leaves {
            Sentence::Unclear
        } else {
            Sentence::Something
        }
    }

    /// Sorts the words of a sentence into kinds; `None` if one belongs to no request.
    fn sort(&self, words: &[&str]) -> Option<FoundWords> {
        let mut found = FoundWords::default();
        let mut rest = words;
        while let [first, others @ ..] = rest {
            let longest = |phrases: &[String]| {
                phrases
                    .iter()
                    .filter(|phrase| begins(rest, phrase))
                    .map(|phrase| phrase.split(' ').count())
                    .max()
            };
            let lengths =
                [&self.none, &self.verbs, &self.wants, &self.openings, &self.not].map(|list| longest(list));
            let best = lengths.iter().copied().flatten().max();
            if let Some(length) = best {
                let is = |index: usize| lengths.get(index).copied().flatten() == best;
                let [none, verb, wants, _, not] = [0, 1, 2, 3, 4].map(is);
                // In `remove me I don't want it` the wish is negated, in `I don't want to leave` the verb.
                found.is_negated |= verb && found.is_unwanted || not && !found.is_wish_last;
                found.is_unwanted |= not && found.is_wish_last;
                found.is_wish_last = wants || found.is_wish_last && !verb;
                found.has_none |= none;
                found.has_verb |= verb;
                found.wants |= wants;
                // `take me off` names the writer too.
                found.has_whom |= verb && rest.iter().take(length).any(|word| is_among(&self.whom, word));
                rest = rest.get(length..).unwrap_or_default();
                continue;
            }
            let is_whom = is_among(&self.whom, first) || first.contains('@');
            let is_what = is_among(&self.what, first);
            if !is_whom && !is_what && !is_among(&self.others, first) {
                return None;
            }
            found.has_whom |= is_whom;
            found.has_what |= is_what;
            rest = others;
        }
        Some(found)
    }
}

/// Tells whether a list has a word, or a long one from which it differs by one typing error, not at its ends.
///
/// Verbs must match exactly: in German only one letter distinguishes `anmelden` (subscribe) from `abmelden`.
fn is_among(list: &[String], word: &str) -> bool {
    list.iter().any(|known| known == word || is_slip(word, known))
}

fn is_slip(word: &str, known: &str) -> bool {
    word.chars().count() >= 6
        && word.chars().next() == known.chars().next()
        && word.chars().rev().take(2).eq(known.chars().rev().take(2))
        && strsim::osa_distance(word, known) == 1
}

/// The kinds of words in a sentence.
#[derive(Debug, Clone, Copy, Default)]
struct FoundWords {
    has_verb: bool,
    has_whom: bool,
    has_what: bool,
    wants: bool,
    /// A verb is negated.
    is_negated: bool,
    /// A wish is negated.
    is_unwanted: bool,
    /// The last verb or wish was a wish.
    is_wish_last: bool,
    has_none: bool,
}

/// The text without the names, places and telephone numbers that people sign with.
fn without_name(text: &str) -> String {
    let mut lines: Vec<&str> = text.lines().map(str::trim).filter(|line| !line.is_empty()).collect();
    while lines.len() > 1 && lines.last().is_some_and(|line| is_name(line)) {
        lines.pop();
    }
    lines.join("\n")
}

/// The text before the first name that follows an empty line.
fn above_name(text: &str) -> &str {
    let mut after_empty = false;
    let mut offset = 0;
    for line in text.split_inclusive('\n') {
        let bare = line.trim();
        if after_empty && !bare.is_empty() && is_name(bare) {
            break;
        }
        after_empty = bare.is_empty() && offset > 0;
        offset += line.len();
    }
    text.get(..offset).unwrap_or(text)
}

fn is_name(line: &str) -> bool {
    let starts =
        |word: &str| word.starts_with(|c: char| c.is_uppercase() || c.is_ascii_digit() || "+/".contains(c));
    line.split_whitespace().count() <= 4
        && line.split_whitespace().all(starts)
        && !line.ends_with(['!', '?', '.'])
}

/// The sentences of a text, and whether each is a question.
fn sentences(text: &str) -> Vec<(String, bool)> {
    let mut sentences = Vec::new();
    let mut sentence = String::new();
    let mut characters = text.chars().peekable();
    while let Some(c) = characters.next() {
        // A full stop inside an address does not end the sentence.
        let is_before_space = characters.peek().is_none_or(|next| next.is_whitespace());
        let is_dash = "-–—".contains(c) && is_before_space && sentence.ends_with(' ');
        let ends = "!?;,\n".contains(c) || ".:".contains(c) && is_before_space || is_dash;
        if ends {
            sentences.push((std::mem::take(&mut sentence), c == '?'));
        } else {
            sentence.push(c);
        }
    }
    sentences.push((sentence, false));
    sentences
}

fn words(sentence: &str) -> Vec<&str> {
    sentence
        .split(|c: char| c.is_whitespace() || "()\"“”:/".contains(c))
        .map(|word| word.trim_matches(|c: char| !c.is_alphanumeric()))
        .filter(|word| !word.is_empty())
        .collect()
}

fn begins(words: &[&str], phrase: &str) -> bool {
    let mut words = words.iter();
    phrase.split(' ').all(|part| words.next() == Some(&part))
}

#[cfg(test)]
mod tests {
    use super::super::rules::InboxRules;
    use super::*;

    #[test]
    fn requests_are_recognised_in_peoples_own_words() {
        let rules = InboxRules::built_in().unwrap();
        for text in [
            "Jag vill inte längre få era medlemsbrev.",
            "Kan ni plocka bort mig från utskickslistan? Tack.",
            "Jag önskar inte längre få dessa utskick",
            "Ta bort mig från denna lista!!!",
            "Hi, could you please unsubscribe me from this newsletter? Thanks!",
            "Please stop sending me emails",
            "Vill avsluta prenumerationen",
            "Hej! Vänligen stryk min adress ur ert register. Tack!",
            "Inga fler brev, tack.",
            "I no longer wish to receive your newsletter.",
            "Jag vill slippa era mejl framöver",
            "Sluta skicka brev till oss",
            "Please take me off your mailing list",
            "Kan du avregistrera anna@example.se?",
            "Poistakaa minut postituslistalta, kiitos.",
            "Jeg ønsker ikke å motta flere nyhetsbrev.",
            "Afmeld mig venligst fra listen",
            "Bitte löschen Sie mich aus dem Verteiler.",
            "Ta bort mig från listan\nAnna Ek\nTestby",
            "Hej!\n\nVi vill inte stå kvar på er sändlista.\n\nAnna Ek\nKassör, med ansvar för medlemsregistret\nTel 0000-11 22 33",
            "Låt bli att mejla mig, tack. Det har varit fina år.",
            "Meld meg av. Vennlig hilsen Anna",
            "En halua enää saada jäsenkirjettä. Kiitos näistä vuosista!",
            "Ich habe kein Interesse mehr an Ihrem Newsletter.",
            "Nu har vi flyttat och jag skulle vilja slippa utskicken. Kan ni stryka mig från sändlistan?",
            "Kan ni avsluta min prenumeration? Lyckas inte med länken.",
            "SLUTA SKICKA MEJL TILL MIG!!! Har bett er två gånger redan.",
            "Nej tack, inga fler brev till mig.",
            "Stop venligst med at sende mig disse breve - jeg er ikke længere medlem.",
            "Please remove this email address from your mailing list. This request was sent by Example Mail on behalf of anna@example.se.",
            "I'm no longer interested in your newsletter. Thank you for all these years!",
            "kan du stryka mig från sänndlistan jag vill inte ha utskickken länngre mvh Anna",
            "Vi har flyttat till Skåne. Could you take us off the list please? Thanks!",
            "FÖR ANDRA GÅNGEN: sluta skicka det här skräpet till mig. Annars ringer jag!",
            "Nej tack, inga fler sådana här. Ta bort min adress.",
            "Jag vill bli borttagen från listan",
            "I would like to be removed from your list.",
            "Länken går inte att öppna. Kan ni avsluta prenumerationen åt mig?",
        ] {
            assert!(asks(text, &rules.leave), "{text}");
        }
    }

    #[test]
    fn similar_sentences_are_not_requests() {
        let rules = InboxRules::built_in().unwrap();
        for text in [
            "Avbeställ kaffet till mötet",
            "Stoppa vindkraften!",
            "Säg upp lokalen",
            "Ta bort mig inte, men byt min adress",
            "Jag vill inte avsluta prenumerationen",
            "Vill inte ha vindkraft",
            "Vi i byn vill inte ha fler vindkraftverk. Skriv om det i nästa brev!",
            "Hur avregistrerar jag mig?",
            "Avsluta mötet i tid",
            "Is this letter free?",
            "Please remove my neighbour from the list",
            "Ta bort min man från listan, han är död",
            "Don't unsubscribe me",
            "Jag vill absolut inte lämna listan",
            "I don't want to be removed from the list",
            "Jag vill inte bli struken från listan",
            "Please don't remove me from the list",
            "Jag vill ha brevet",
            "Kan ni skicka brevet till mig?",
            "Tack för brevet!",
            "Tack för att ni inte tar bort mig",
            "Ta inte bort mig.\n\nAnna Ek",
            "Hej\n\nAnna Ek\n\nTa bort Kalle ur styrelsen",
            "Jag vill stå kvar på listan",
            "Stryk mig från listan. Jag vill i stället ha brevet på papper i brevlådan.",
            "Ta bort mig från listan? Nej, ta inte bort mig från listan!",
            "Ta bort mig från listan över ledamöter. Årsmötet valde en annan.",
            "Kan ni stryka mig från sändlistan? När är nästa möte?",
            "Någon bad mig skriva: ta bort Bo från listan",
            "Avsluta. Mötet blev långt i går och vi hann inte med allt",
            "Stop the wind farm!",
            "Bitte melden Sie mich zum Newsletter an",
            "Sluta skicka skräp till återvinningen",
            "Inga brev har kommit till mig",
            "Jag vill bli medlem",
            "Nein",
            "",
        ] {
            assert!(!asks(text, &rules.leave), "{text}");
        }
    }
}
