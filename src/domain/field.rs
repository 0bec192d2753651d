//! Names of a member's fields: the program's English names, and the headers that treasurers use.

/// The built-in fields, in display order; other columns follow them.
pub const KNOWN: [&str; 14] = [
    "number",
    "name",
    "first_name",
    "last_name",
    "email",
    "organisation",
    "type",
    "area",
    "street",
    "postcode",
    "city",
    "municipality",
    "phone",
    "language",
];

/// For each field, its headers, folded as by [`fold`].
const ALIASES: [(&str, &[&str]); 14] = [
    (
        "number",
        &[
            "medlemsnr",
            "medlemsnummer",
            "medlemnr",
            "medlemsid",
            "membernumber",
            "memberno",
            "memberid",
            "kundnr",
            "kundnummer",
            "kundid",
            "nr",
            "nummer",
            "id",
        ],
    ),
    (
        "name",
        &[
            "namn",
            "fullständigtnamn",
            "fullname",
            "medlemsnamn",
            "förochefternamn",
            "förnamnefternamn",
            "efternamnförnamn",
            "namn1",
            "kundnamn",
            "displayname",
            "fileas",
            "kontaktperson",
            "kontakt",
            "contact",
        ],
    ),
    ("first_name", &["förnamn", "tilltalsnamn", "givenname", "förnamn1"]),
    ("last_name", &["efternamn", "surname", "familyname", "efternamn1"]),
    (
        "email",
        &[
            "epost",
            "epostadress",
            "mejl",
            "mejladress",
            "mail",
            "mailadress",
            "emailaddress",
            "mailaddress",
            "emailadress",
            "email1value",
            "email1address",
            "epost1",
            "email1",
            "epostadresser",
        ],
    ),
    (
        "organisation",
        &[
            "organization",
            "förening",
            "föreningsnamn",
            "medlemsförening",
            "företag",
            "company",
            "organisationsnamn",
            "organizationname",
            "föreningensnamn",
            "företagsnamn",
            "companyname",
        ],
    ),
    ("type", &["typ", "medlemstyp", "kategori", "category"]),
    ("area", &["område", "region"]),
    (
        "street",
        &[
            "adress",
            "gatuadress",
            "gata",
            "address",
            "street",
            "adress1",
            "adressrad1",
            "streetaddress",
            "address1",
            "address1street",
            "homestreet",
            "homeaddress",
            "gatuadresshem",
            "utdelningsadress",
        ],
    ),
    (
        "postcode",
        &[
            "postnr",
            "postnummer",
            "zip",
            "zipcode",
            "postalcode",
            "address1postalcode",
            "homepostalcode",
            "postnummerhem",
        ],
    ),
    ("city", &["ort", "postort", "stad", "town", "address1city", "homecity", "orthem", "postorthem"]),
    ("municipality", &["kommun"]),
    (
        "phone",
        &[
            "telefon",
            "telefonnummer",
            "telefonnr",
            "tel",
            "telephone",
            "telefon1",
            "phone1value",
            "primaryphone",
            "homephone",
        ],
    ),
    ("language", &["språk", "lang"]),
];

/// The name under which a column is kept: a known field, or the header turned into an identifier.
pub fn canonical(header: &str) -> String {
    known(header).map_or_else(|| identifier(header), str::to_owned)
}

/// The known field that a header means, in Swedish or English, ignoring case, spaces and hyphens.
pub fn known(header: &str) -> Option<&'static str> {
    ranked(header).map(|(name, _)| name)
}

/// The known field that a header means, and how many of its headers are more exact.
pub fn ranked(header: &str) -> Option<(&'static str, usize)> {
    let folded = fold(header);
    if let Some(name) = KNOWN.iter().find(|name| fold(name) == folded) {
        return Some((name, 0));
    }
    ALIASES
        .iter()
        .find_map(|(name, aliases)| Some((*name, aliases.iter().position(|alias| *alias == folded)? + 1)))
}

/// The number of an address column such as `E-post 2`; `None` if the header is not for an address.
pub fn number_of_address(header: &str) -> Option<usize> {
    let folded = fold(header);
    let folded = folded.strip_suffix("value").or(folded.strip_suffix("address")).unwrap_or(&folded);
    let name = folded.trim_end_matches(|c: char| c.is_ascii_digit());
    let number: usize = folded.get(name.len()..)?.parse().ok()?;
    (known(name) == Some("email")).then_some(number)
}

/// Every name of every field in headers and expressions, in English and Swedish.
pub fn names<'a>() -> impl Iterator<Item = &'a str> {
    let aliases = ALIASES.iter().flat_map(|(_, aliases)| aliases.iter().copied());
    KNOWN.into_iter().chain(aliases).map(|name: &'a str| name)
}

fn fold(header: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    header.nfc().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

/// A header turned into an identifier.
pub fn identifier(header: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    let lower: String = header.nfc().flat_map(char::to_lowercase).collect();
    let words: Vec<&str> =
        lower.split(|c: char| !c.is_alphanumeric()).filter(|word| !word.is_empty()).collect();
    words.join("_")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn headers_mean_fields() {
        for (header, want) in [
            ("E-post", "email"),
            (" E-POSTADRESS ", "email"),
            ("\u{feff}Namn", "name"),
            ("Förnamn", "first_name"),
            ("Förnamn 1", "first_name"),
            ("Efternamn, förnamn", "name"),
            ("För- och efternamn", "name"),
            ("Område", "area"),
            ("Email", "email"),
            ("e-mail address", "email"),
            ("Medlemsnr.", "number"),
            ("Postnr", "postcode"),
            ("first_name", "first_name"),
            ("Medlem sedan (år)", "medlem_sedan_år"),
            ("***", ""),
        ] {
            assert_eq!(canonical(header), want, "{header:?}");
        }
    }
}
