//! The names of a member's fields, in the program's English and in the headers that treasurers write.

/// The fields that every member has, in the order in which they are shown; other columns come after them.
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

/// Headers, folded as by [`fold`], with the field that they mean.
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
    ("name", &["namn", "fullständigtnamn", "kontaktperson", "kontakt", "kundnamn", "fullname", "contact"]),
    ("first_name", &["förnamn", "tilltalsnamn", "givenname"]),
    ("last_name", &["efternamn", "surname", "familyname"]),
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
        ],
    ),
    ("organisation", &["organization", "förening", "föreningsnamn", "medlemsförening", "företag", "company"]),
    ("type", &["typ", "medlemstyp", "kategori", "category"]),
    ("area", &["område", "region"]),
    (
        "street",
        &[
            "adress",
            "gatuadress",
            "adress1",
            "adressrad1",
            "gata",
            "address",
            "street",
            "streetaddress",
            "address1",
        ],
    ),
    ("postcode", &["postnr", "postnummer", "zip", "zipcode", "postalcode"]),
    ("city", &["ort", "postort", "stad", "town"]),
    ("municipality", &["kommun"]),
    ("phone", &["telefon", "telefonnummer", "telefonnr", "tel", "telephone"]),
    ("language", &["språk", "lang"]),
];

/// The name under which a column with this header is kept: a known field, or the header as an identifier.
pub fn canonical(header: &str) -> String {
    known(header).map_or_else(|| identifier(header), str::to_owned)
}

/// The known field that a header means, in Swedish or English, whatever its case, spaces and hyphens.
pub fn known(header: &str) -> Option<&'static str> {
    let folded = fold(header);
    if let Some(name) = KNOWN.iter().find(|name| fold(name) == folded) {
        return Some(name);
    }
    let alias = ALIASES.iter().find(|(_, aliases)| aliases.contains(&folded.as_str()));
    alias.map(|(name, _)| *name)
}

/// Every name that a field has in headers and expressions, in English and Swedish.
pub fn names<'a>() -> impl Iterator<Item = &'a str> {
    let aliases = ALIASES.iter().flat_map(|(_, aliases)| aliases.iter().copied());
    KNOWN.into_iter().chain(aliases).map(|name: &'a str| name)
}

fn fold(header: &str) -> String {
    use unicode_normalization::UnicodeNormalization;
    header.nfc().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect()
}

fn identifier(header: &str) -> String {
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
