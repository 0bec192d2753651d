//! Suggestions for a mistyped name.

/// A longer list of suggestions would not help.
const MOST: usize = 3;

/// The names most similar to `word`, if any are similar enough.
pub fn nearest<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Vec<&'a str> {
    let word = word.to_lowercase();
    let allowed = (word.chars().count() / 3).clamp(1, 3);
    let slips = |name: &str| strsim::damerau_levenshtein(&word, &name.to_lowercase());
    let mut near: Vec<(usize, &str)> = names.into_iter().map(|name| (slips(name), name)).collect();
    near.retain(|(slips, name)| *slips <= allowed && *slips < name.chars().count());
    near.sort_unstable();
    near.dedup();
    let best = near.first().map_or(0, |(slips, _)| *slips);
    near.into_iter().take_while(|(slips, _)| *slips == best).map(|(_, name)| name).take(MOST).collect()
}

/// `did you mean …?` with the names most similar to `word`; `None` if no name is similar enough.
pub fn did_you_mean<'a>(word: &str, names: impl IntoIterator<Item = &'a str>) -> Option<String> {
    let quoted: Vec<String> = nearest(word, names).iter().map(|name| format!("`{name}`")).collect();
    let (last, others) = quoted.split_last()?;
    Some(match others {
        [] => format!("did you mean {last}?"),
        others => format!("did you mean {} or {last}?", others.join(", ")),
    })
}

/// Splits serde's message about an unknown name into what is wrong and what would be right.
pub fn unknown_name(message: &str) -> (String, Option<String>) {
    let Some((wrong, expected)) = message.split_once(", expected ") else {
        return (message.to_owned(), None);
    };
    let is_name = wrong.starts_with("unknown field") || wrong.starts_with("unknown variant");
    let known: Vec<&str> = expected.split('`').skip(1).step_by(2).collect();
    let word = wrong.split('`').nth(1).filter(|_| is_name && !known.is_empty());
    let Some(word) = word else { return (message.to_owned(), None) };
    let all = format!("known here: {}", known.join(", "));
    let hint = did_you_mean(word, known).map_or_else(|| all.clone(), |near| format!("{near} {all}"));
    (wrong.to_owned(), Some(hint))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn similar_names_are_suggested() {
        for (word, names, want) in [
            ("2026-l", &["2026-1", "2026-2", "2025-1"][..], Some("did you mean `2026-1` or `2026-2`?")),
            ("bylag", &["byalag", "stad"], Some("did you mean `byalag`?")),
            ("Epost", &["email", "epost"], Some("did you mean `epost`?")),
            ("zzz", &["byalag", "stad"], None),
            ("x", &["a"], None),
        ] {
            assert_eq!(did_you_mean(word, names.iter().copied()).as_deref(), want, "{word}");
        }
    }

    #[test]
    fn a_message_of_serde_is_split_in_two() {
        for (message, wrong, hint) in [
            (
                "unknown field `adress`, expected one of `name`, `address`",
                "unknown field `adress`",
                Some("did you mean `address`? known here: name, address"),
            ),
            (
                "unknown variant `pigeon`, expected `smtp` or `outbox`",
                "unknown variant `pigeon`",
                Some("known here: smtp, outbox"),
            ),
            ("invalid type: string \"x\", expected u16", "invalid type: string \"x\", expected u16", None),
        ] {
            assert_eq!(unknown_name(message), (wrong.to_owned(), hint.map(str::to_owned)));
        }
    }
}
