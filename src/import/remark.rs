//! What is odd in a row that can be imported all the same.

use serde::Serialize;

use crate::domain::Address;

/// Something that a person should look at; nothing is changed because of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Remark {
    pub line: u64,
    /// The column's header.
    pub column: String,
    pub value: String,
    pub message: String,
}

/// Domains at which many have their mailbox, and some that are one letter away from those.
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

/// Shorter names are too near to each other for a guess.
const SHORTEST: usize = 7;

/// The address that was probably meant, where the domain looks like a typing error of a well-known one.
pub(super) fn probably_meant(address: &Address) -> Option<String> {
    let domain = address.domain();
    if WELL_KNOWN.contains(&domain) || domain.len() < SHORTEST {
        return None;
    }
    let near = WELL_KNOWN.iter().filter(|known| known.len() >= SHORTEST && is_slip(domain, known));
    let best = near.min_by_key(|known| strsim::damerau_levenshtein(domain, known))?;
    Some(format!("{}@{best}", address.local_part()))
}

/// One slip of the finger, or two in the name alone; another country's domain is none.
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
    fn slips_in_well_known_domains_are_seen() {
        for (address, meant) in [
            ("a@gmial.com", Some("a@gmail.com")),
            ("a@gmail.con", Some("a@gmail.com")),
            ("a@hotmial.se", Some("a@hotmail.se")),
            ("a@hotmail.co", Some("a@hotmail.com")),
            ("a@outlok.com", Some("a@outlook.com")),
            ("a@gmail.com", None),
            ("a@mail.com", None),
            ("a@hotmail.no", None),
            ("a@live.no", None),
            ("a@malarbyn.se", None),
            ("a@example.se", None),
        ] {
            let found = probably_meant(&Address::parse(address).unwrap());
            assert_eq!(found.as_deref(), meant, "{address}");
        }
    }
}
