//! The destination of a letter on paper: the lines of the address, and the postal order.

use crate::domain::Member;

/// Fields that may name the country.
const COUNTRY: [&str; 2] = ["country", "land"];

/// The lines of a member's postal address; the error says what is missing.
pub(in crate::commands) fn lines(member: &Member) -> Result<Vec<String>, &'static str> {
    let field = |name: &str| member.field(name).map(str::trim).filter(|value| !value.is_empty());
    let place = match (field("postcode"), field("city")) {
        (Some(postcode), Some(city)) => format!("{postcode} {city}"),
        (None, Some(_)) => return Err("the postcode is missing"),
        (_, None) => return Err("the city is missing"),
    };
    let Some(street) = field("street") else { return Err("the street is missing") };
    let organisation = field("organisation").filter(|organisation| *organisation != member.name);
    let country = COUNTRY.iter().find_map(|name| field(name)).map(str::to_uppercase);
    let lines =
        [organisation, Some(member.name.trim()), Some(street), Some(place.as_str()), country.as_deref()];
    Ok(lines.into_iter().flatten().filter(|line| !line.is_empty()).map(str::to_owned).collect())
}

/// The sort key of postal order: postcode, street, name.
#[cfg(feature = "paper")]
pub(in crate::commands) fn order(member: &Member) -> (String, String, String) {
    let folded = |name: &str| member.field(name).unwrap_or_default().to_lowercase();
    let postcode = folded("postcode").replace(' ', "");
    (postcode, folded("street"), member.name.to_lowercase())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::domain::MemberId;

    fn member(fields: &[(&str, &str)]) -> Member {
        let fields = fields.iter().map(|(name, value)| ((*name).to_owned(), (*value).to_owned()));
        Member {
            id: MemberId(1),
            number: None,
            name: "Anna Al".to_owned(),
            address: None,
            fields: fields.collect(),
        }
    }

    #[test]
    fn a_postal_address_is_complete_or_says_what_is_missing() {
        let whole = [("street", "Bygatan 1"), ("postcode", "100 00"), ("city", "Byn")];
        assert_eq!(lines(&member(&whole)).unwrap(), ["Anna Al", "Bygatan 1", "100 00 Byn"]);
        let more = [&whole[..], &[("organisation", "Byalaget"), ("land", "Finland")]].concat();
        assert_eq!(
            lines(&member(&more)).unwrap(),
            ["Byalaget", "Anna Al", "Bygatan 1", "100 00 Byn", "FINLAND"]
        );
        assert_eq!(lines(&member(&whole[1..])), Err("the street is missing"));
        assert_eq!(lines(&member(&whole[..2])), Err("the city is missing"));
        assert_eq!(lines(&member(&[("street", "x"), ("city", "Byn")])), Err("the postcode is missing"));
    }

    #[cfg(feature = "paper")]
    #[test]
    fn postal_order_is_by_postcode_first() {
        let at = |postcode: &str, street: &str| order(&member(&[("postcode", postcode), ("street", street)]));
        assert!(at("100 05", "Ö") < at("10012", "A") && at("100 05", "A") < at("10005", "B"));
    }
}
