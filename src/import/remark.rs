//! Remarks about unusual rows that can be imported nevertheless.

use std::collections::HashMap;

use crate::domain::{ListedMember, Remark};

use super::Sheet;

/// Popular mail domains, and real domains that are one letter away from them.
const WELL_KNOWN: [&str; 34] = [
    "gmail.com",
    "googlemail.com",
    "hotmail.com",
    "hotmail.se",
    "outlook.com",
    "outlook.se",
    "live.com",
    "live.se",
    "msn.com",
    "telia.com",
    "telia.se",
    "yahoo.com",
    "yahoo.se",
    "ymail.com",
    "mail.com",
    "email.com",
    "icloud.com",
    "me.com",
    "mac.com",
    "bredband.net",
    "bredband2.com",
    "comhem.se",
    "tele2.se",
    "spray.se",
    "passagen.se",
    "bahnhof.se",
    "swipnet.se",
    "home.se",
    "glocalnet.net",
    "proton.me",
    "protonmail.com",
    "gmx.com",
    "gmx.net",
    "aol.com",
];

/// Shorter names are too similar to one another to guess.
const SHORTEST: usize = 7;

/// The domains examined so far; most members share a few.
#[derive(Debug, Default)]
pub(super) struct DomainTypos(HashMap<String, Option<&'static str>>);

impl DomainTypos {
    /// Returns a remark if the domain of the row's address looks like a misspelt popular one.
    pub fn remark(&mut self, row: &ListedMember, sheet: &Sheet) -> Option<Remark> {
        let address = row.address.as_ref()?;
        let meant = match self.0.get(address.domain()) {
            Some(known) => *known,
            None => {
                *self.0.entry(address.domain().to_owned()).or_insert_with(|| probably_meant(address.domain()))
            }
        };
        let message = format!("looks like a typo: did you mean {}@{}?", address.local_part(), meant?);
        let column = sheet.columns.iter().find(|column| column.field.as_deref() == Some("email"));
        let column = column.map_or_else(String::new, |column| column.header.clone());
        Some(Remark { line: row.line, column, value: address.to_string(), message })
    }
}

/// The popular domain that was probably meant.
fn probably_meant(domain: &str) -> Option<&'static str> {
    if WELL_KNOWN.contains(&domain) || domain.len() < SHORTEST {
        return None;
    }
    let near = WELL_KNOWN.iter().filter(|known| known.len() >= SHORTEST && is_slip(domain, known));
    near.min_by_key(|known| strsim::damerau_levenshtein(domain, known)).copied()
}

/// A typing error: one edit, or two in the name alone. Another country's domain is not an error.
fn is_slip(domain: &str, known: &str) -> bool {
    let (Some((name, end)), Some((known_name, known_end))) =
        (domain.rsplit_once('.'), known.rsplit_once('.'))
    else {
        return false;
    };
    if name == known_name {
        return ["con", "cmo", "om", "co", "cm", "comm", "vom", "xom", "ee", "sse", "s", "nett"]
            .contains(&end);
    }
    let slips = strsim::damerau_levenshtein(name, known_name);
    end == known_end && (slips == 1 || slips == 2 && name.len() >= 7)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn typing_errors_in_popular_domains_are_found() {
        for (domain, meant) in [
            ("gmial.com", Some("gmail.com")),
            ("gmail.con", Some("gmail.com")),
            ("hotmial.se", Some("hotmail.se")),
            ("hotmail.co", Some("hotmail.com")),
            ("outlok.com", Some("outlook.com")),
            ("gmail.com", None),
            ("mail.com", None),
            ("hotmail.no", None),
            ("live.no", None),
            ("malarbyn.se", None),
            ("example.se", None),
        ] {
            assert_eq!(probably_meant(domain), meant, "{domain}");
        }
    }
}
