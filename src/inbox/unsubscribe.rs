//! Mails that ask to leave the list: clear words only, in the subject or as the whole text.

use super::leave;
use super::rules::InboxRules;
use crate::diagnosis::phrase::fold;

/// A subject with more words besides the request is left for a person to read.
const MAX_EXTRA_WORDS: usize = 3;

/// Tells whether a mail asks to leave the list and says nothing else.
pub fn is_request(subject: &str, text: &str, rules: &InboxRules) -> bool {
    text_asks(text, rules) || subject_asks(subject, own_words(text, rules).trim().is_empty(), rules)
}

/// A subject that says more than the request, or is ambiguous, counts only if the body is empty.
fn subject_asks(subject: &str, is_alone: bool, rules: &InboxRules) -> bool {
    let folded = fold(subject);
    let folded = folded.trim();
    // An answer to a letter whose title has such words is not a request.
    if ["re:", "sv:", "fwd:", "fw:", "vb:"].iter().any(|prefix| folded.starts_with(prefix)) {
        return false;
    }
    rules.unsubscribe.subjects.iter().any(|phrase| {
        folded.strip_prefix(phrase.as_str()).is_some_and(|rest| {
            !rest.starts_with(char::is_alphanumeric)
                && !rest.contains('?')
                && rest.split_whitespace().count() <= MAX_EXTRA_WORDS
                && !is_negated(rest, rules)
                && (is_alone || is_bare(rest) && !rules.unsubscribe.ambiguous.contains(phrase))
        })
    })
}

fn is_negated(rest: &str, rules: &InboxRules) -> bool {
    let mut words = rest.split(|c: char| !c.is_alphanumeric() && c != '\'');
    words.any(|word| rules.unsubscribe.negations.iter().any(|negation| negation == word))
}

/// Tells whether only punctuation and a token follow the request.
fn is_bare(rest: &str) -> bool {
    let mut words = rest.split_whitespace().filter(|word| word.contains(char::is_alphanumeric));
    words.all(|word| word.matches('.').count() >= 2 && word.contains(|c: char| c.is_ascii_digit()))
}

fn text_asks(text: &str, rules: &InboxRules) -> bool {
    let own = own_words(text, rules);
    if leave::asks(&own, &rules.leave) {
        return true;
    }
    let folded = fold(&own);
    let bare = |text: &str| text.trim_matches(|c: char| !c.is_alphanumeric()).to_owned();
    let mut words = bare(&folded);
    while let Some(rest) = without_courtesy(&words, rules) {
        words = bare(&rest);
    }
    rules.unsubscribe.whole.contains(&words)
}

fn without_courtesy(words: &str, rules: &InboxRules) -> Option<String> {
    rules.unsubscribe.courtesies.iter().find_map(|courtesy| {
        let at_end =
            words.strip_suffix(courtesy.as_str()).filter(|rest| !rest.ends_with(char::is_alphanumeric));
        let at_start =
            words.strip_prefix(courtesy.as_str()).filter(|rest| !rest.starts_with(char::is_alphanumeric));
        at_start.or(at_end).filter(|rest| !rest.is_empty()).map(str::to_owned)
    })
}

/// The text without quoted lines, without the message that it answers, and without a signature.
pub fn own_words(text: &str, rules: &InboxRules) -> String {
    let mut words = String::new();
    let mut lines = text.lines().take(200).map(str::trim).peekable();
    while let Some(line) = lines.next() {
        if introduces_quotation(line, rules) {
            // The quotation has quotation marks, so the writer's own words may follow it.
            while lines.next_if(|next| next.is_empty()).is_some() {}
            if lines.peek().is_some_and(|next| is_quoted(next)) {
                continue;
            }
            break;
        }
        if is_end_of_own_words(line, rules) {
            break;
        }
        if !is_quoted(line) {
            words.push_str(line);
            words.push('\n');
        }
    }
    words
}

fn is_quoted(line: &str) -> bool {
    line.starts_with(['>', '|'])
}

/// Tells whether a line says who wrote the following text and when: `Den 3 maj 2027 skrev Anna:`.
fn introduces_quotation(line: &str, rules: &InboxRules) -> bool {
    let folded = fold(line);
    let has_word = |words: &[String]| {
        folded.split(|c: char| !c.is_alphanumeric()).any(|word| words.iter().any(|known| known == word))
    };
    folded.ends_with(':')
        && folded.contains(|c: char| c.is_ascii_digit() || c == '@')
        && has_word(&rules.unsubscribe.wrote)
}

fn is_end_of_own_words(line: &str, rules: &InboxRules) -> bool {
    let folded = fold(line);
    line == "--"
        || line.starts_with("-----")
        || line.starts_with("_____")
        || rules.unsubscribe.closings.iter().any(|closing| folded.starts_with(closing))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn clear_requests_are_recognised() {
        let rules = InboxRules::built_in().unwrap();
        for (subject, text, want) in [
            ("unsubscribe", "", true),
            ("Avsluta 2026-1.42.abcdefghijkl", "", true),
            ("AVREGISTRERA", "hej", true),
            (
                "SV: Medlemsbrev våren",
                "Ta bort mig från listan, tack!\n\nDen 3 maj skrev X:\n> avsluta",
                true,
            ),
            ("Re: letter", "Please unsubscribe me.\n--\nAnna", true),
            ("Re: letter", "Hej!\nAvsluta tack\n\nSkickat från min iPhone", true),
            ("Sv: brev", "Hej!\nJag vill inte ha fler utskick.\nMvh Anna\nExempelby", true),
            (
                "SV: brev",
                "tir. 18. aug. kl. 09:14 skrev brev@example.se:\n> Høstens møter\n\nJeg ønsker ikke flere nyhetsbrev fra dere, takk.",
                true,
            ),
            ("SV: brev", "Avsluta\n\nDen 3 maj 2027 skrev Anna:\nTa inte bort mig", true),
            ("Re: Avsluta året", "Tack för brevet!\n> avsluta", false),
            ("Avsluta året med en fest i bygdegården för alla", "", false),
            ("Hur kan jag avsluta?", "Hur gör jag?", false),
            ("Stoppa bygget", "x", false),
            ("Avbeställ kaffet till mötet", "Vi blir bara tre.", false),
            ("Säg upp lokalen", "Den är för dyr.", false),
            ("Ta bort mig inte", "", false),
            ("Ta bort mig inte, men byt adress", "Ny adress nedan", false),
            ("Vill inte ha vindkraft", "Det bullrar.", false),
            ("Avbeställ", "Avsluta", true),
            ("Stop", "", true),
            ("letter", "Can we stop the meeting at five?", false),
        ] {
            assert_eq!(is_request(subject, text, &rules), want, "{subject} / {text}");
        }
    }
}
