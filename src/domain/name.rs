//! Names of people and organisations: whether two names mean the same person, and how a letter greets its reader.

use unicode_normalization::UnicodeNormalization;
use unicode_normalization::char::is_combining_mark;

/// Titles and offices that precede a name, without full stops.
const TITLES: [&str; 46] = [
    "dr",
    "doktor",
    "doc",
    "docent",
    "prof",
    "professor",
    "herr",
    "hr",
    "fru",
    "fr",
    "fröken",
    "frk",
    "mr",
    "mrs",
    "ms",
    "miss",
    "sir",
    "rev",
    "hon",
    "ordf",
    "ordförande",
    "sekr",
    "sekreterare",
    "kassör",
    "ledamot",
    "fd",
    "ing",
    "ingenjör",
    "civing",
    "kyrkoherde",
    "kh",
    "pastor",
    "prost",
    "adv",
    "advokat",
    "dir",
    "direktör",
    "leg",
    "lic",
    "kand",
    "tekn",
    "fil",
    "jur",
    "med",
    "major",
    "kapten",
];

/// Words that mark the name of an organisation. For compounds see [`ENDINGS`].
const ORGANISATIONS: [&str; 32] = [
    "ab",
    "hb",
    "kb",
    "brf",
    "if",
    "ik",
    "bk",
    "sk",
    "fk",
    "gf",
    "ff",
    "ifk",
    "ltd",
    "inc",
    "gmbh",
    "ev",
    "ry",
    "as",
    "oy",
    "ekonomisk",
    "ideell",
    "council",
    "association",
    "society",
    "club",
    "committee",
    "university",
    "styrelsen",
    "kansliet",
    "expeditionen",
    "redaktionen",
    "vänner",
];

const ENDINGS: [&str; 40] = [
    "förening",
    "föreningen",
    "föreningar",
    "byalag",
    "byalaget",
    "byaråd",
    "byarådet",
    "bygd",
    "bygden",
    "gård",
    "gården",
    "samfällighet",
    "samfälligheten",
    "klubb",
    "klubben",
    "kommun",
    "kommunen",
    "församling",
    "församlingen",
    "stiftelse",
    "stiftelsen",
    "förbund",
    "förbundet",
    "kansli",
    "skola",
    "skolan",
    "museum",
    "museet",
    "kooperativ",
    "kooperativet",
    "nätverk",
    "nätverket",
    "sällskap",
    "sällskapet",
    "kommitté",
    "kommittén",
    "styrelse",
    "distrikt",
    "bolag",
    "bolaget",
];

const FAMILY: [&str; 4] = ["familjen", "fam", "family", "familie"];

const AND: [&str; 6] = ["&", "och", "and", "o", "+", "/"];

/// How to address somebody, judging by the name alone.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Called {
    /// By first names: one person, or a couple.
    FirstNames(Vec<String>),
    /// By the whole name: a family, an organisation, or a title with a single name.
    WholeName,
    /// A neutral greeting is safer, for example for capitals in unknown order or an initial.
    Unclear,
}

/// How to address somebody with this name.
pub fn called(name: &str) -> Called {
    let words: Vec<&str> = name.split_whitespace().collect();
    let Some(first) = words.first().filter(|_| !name.contains('@')) else { return Called::Unclear };
    if words.iter().any(|word| is_of_organisation(word)) || FAMILY.contains(&folded(first).as_str()) {
        return Called::WholeName;
    }
    if let Some((_, given)) = name.split_once(',') {
        return first_names(&given.split_whitespace().collect::<Vec<_>>());
    }
    let letters = || name.chars().filter(|c| c.is_alphabetic());
    if words.len() > 1 && letters().all(char::is_uppercase) {
        return Called::Unclear;
    }
    first_names(&words)
}

fn first_names(words: &[&str]) -> Called {
    let people: Vec<&[&str]> = words
        .split(|word| AND.contains(&word.to_lowercase().as_str()))
        .filter(|part| !part.is_empty())
        .collect();
    let mut names = Vec::new();
    for person in &people {
        let titles = person.iter().take_while(|word| is_title(word)).count();
        let name = person.get(titles..).unwrap_or_default();
        match name {
            // A single name after a title is a surname.
            [_] if titles > 0 => return Called::WholeName,
            [first, ..] if is_name(first) => names.push(capitalized(first)),
            _ => return Called::Unclear,
        }
    }
    if names.is_empty() { Called::Unclear } else { Called::FirstNames(names) }
}

fn is_of_organisation(word: &str) -> bool {
    let folded = folded(word);
    // In capitals, `If` and `As` could be names too.
    let is_short = word.chars().count() <= 3;
    let is_known =
        ORGANISATIONS.contains(&folded.as_str()) && (!is_short || word.chars().any(char::is_uppercase));
    is_known || ENDINGS.iter().any(|ending| folded.ends_with(ending))
}

fn is_title(word: &str) -> bool {
    TITLES.contains(&folded(word).as_str())
}

/// Tells whether a word is a name; initials and words with digits are not.
fn is_name(word: &str) -> bool {
    let letters = word.chars().filter(|c| c.is_alphabetic()).count();
    letters > 1 && !word.ends_with('.') && !word.chars().any(char::is_numeric)
}

/// `anna-karin` as `Anna-Karin` and `ANNA` as `Anna`; mixed case stays.
fn capitalized(word: &str) -> String {
    let letters = || word.chars().filter(|c| c.is_alphabetic());
    let is_shouted = letters().count() > 2 && letters().all(char::is_uppercase);
    if !is_shouted && !letters().all(char::is_lowercase) {
        return word.to_owned();
    }
    let parts = word.split('-').map(|part| {
        let mut letters = part.chars();
        let first = letters.next().map(|c| c.to_uppercase().collect::<String>()).unwrap_or_default();
        first + &letters.as_str().to_lowercase()
    });
    parts.collect::<Vec<_>>().join("-")
}

/// A word in lower case without full stops.
fn folded(word: &str) -> String {
    word.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// A word as people without a Swedish keyboard type it: `Gösta` as `gosta`.
fn without_accents(word: &str) -> String {
    folded(word).nfd().filter(|c| !is_combining_mark(*c)).collect()
}

/// A name without case, accents, punctuation and word order, so that `Ek, Gösta` and `Gosta Ek` have the same key.
pub fn key(name: &str) -> String {
    let words = name.split_whitespace().map(without_accents);
    let mut words: Vec<String> = words.filter(|word| !word.is_empty()).collect();
    words.sort_unstable();
    words.join(" ")
}

/// Tells whether one name contains all parts of the other: `Anna Ek` and `Anna Maria Ek`.
pub fn contain_each_other(one: &str, other: &str) -> bool {
    let (left, right) = (key(one), key(other));
    let is_part =
        |of: &str, whole: &str| of.split(' ').all(|word| whole.split(' ').any(|known| known == word));
    is_part(&left, &right) || is_part(&right, &left)
}

/// Tells whether two names could be the same person's: equal names, one with all parts of the other, the same first
/// name with another surname, or a spelling mistake apart.
pub fn are_alike(one: &str, other: &str) -> bool {
    if contain_each_other(one, other) {
        return true;
    }
    let (left, right) = (key(one), key(other));
    let is_same_given = match (called(one), called(other)) {
        (Called::FirstNames(one), Called::FirstNames(other)) => {
            one.iter().map(|name| without_accents(name)).eq(other.iter().map(|name| without_accents(name)))
        }
        _ => false,
    };
    is_same_given || strsim::damerau_levenshtein(&left, &right) <= 2 && left.chars().count() >= 8
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn people_are_greeted_by_their_first_names() {
        for (name, want) in [
            ("Anna Ek", "Anna"),
            ("Ek, Anna Maria", "Anna"),
            ("anna ek", "Anna"),
            ("Anna & Bo Ek", "Anna Bo"),
            ("Anna och Bo Ek", "Anna Bo"),
            ("Anna Ek / Bo Al", "Anna Bo"),
            ("Dr. Karin Ek", "Karin"),
            ("F.d. ordf. Nils Ek", "Nils"),
            ("Anna-Karin af Ek", "Anna-Karin"),
            ("ANNA", "Anna"),
            ("Åkerlind, Ann-Sofie", "Ann-Sofie"),
        ] {
            let names = want.split(' ').map(str::to_owned).collect();
            assert_eq!(called(name), Called::FirstNames(names), "{name}");
        }
    }

    #[test]
    fn families_and_organisations_are_greeted_by_the_whole_name_and_nothing_is_guessed() {
        for name in [
            "Familjen Ek",
            "Testby bygdeförening",
            "Styrelsen",
            "Brf Huset",
            "Väddö IF",
            "Fru Ek",
            "Provbo byalag",
        ] {
            assert_eq!(called(name), Called::WholeName, "{name}");
        }
        for name in ["EK ANNA", "A. Ek", "", "a@example.se", "Dr.", "1:a kassör"] {
            assert_eq!(called(name), Called::Unclear, "{name}");
        }
    }

    #[test]
    fn names_of_one_person_are_alike() {
        for (one, other) in [
            ("Anna Ek", "Ek, Anna"),
            ("Anna", "Anna Ek"),
            ("Gosta B. Alm", "Gösta Alm"),
            ("Anna Ek", "Anna Berg"),
            ("Christina Alm", "Kristina Alm"),
        ] {
            assert!(are_alike(one, other), "{one}, {other}");
        }
        for (one, other) in [("Anna Ek", "Bo Ek"), ("Eva Al", "Bo Al"), ("Testby byalag", "Provbo byalag")] {
            assert!(!are_alike(one, other), "{one}, {other}");
        }
    }
}
