//! Personal identity numbers, which a newsletter does not need: recognised by a column's header or its content.

use jiff::civil::Date;

/// Headers of such columns, without case and punctuation.
const HEADERS: [&str; 14] = [
    "personnummer",
    "personnr",
    "persnr",
    "pnr",
    "pnummer",
    "personid",
    "födelsenummer",
    "födelsenr",
    "samordningsnummer",
    "ssn",
    "socialsecuritynumber",
    "personalidentitynumber",
    "cpr",
    "hetu",
];

/// The number of rows to examine.
pub(super) const LOOKED_AT: usize = 500;
/// A column is dropped if more than this percentage of its filled cells are such numbers.
const MORE_THAN: usize = 50;
/// A column with fewer such numbers is not suspected.
const FEWEST: usize = 2;

/// Tells whether a header names personal identity numbers.
pub(super) fn is_named(header: &str) -> bool {
    let folded: String =
        header.chars().filter(|c| c.is_alphanumeric()).flat_map(char::to_lowercase).collect();
    HEADERS.contains(&folded.as_str())
}

/// Tells whether most of a column's cells are personal identity numbers.
#[derive(Debug, Clone, Copy, Default)]
pub(super) struct Suspicion {
    filled: usize,
    numbers: usize,
}

impl Suspicion {
    pub fn add(&mut self, cell: &str) {
        let cell = cell.trim();
        self.filled += usize::from(!cell.is_empty());
        self.numbers += usize::from(is_number(cell));
    }

    pub fn holds(self) -> bool {
        self.numbers >= FEWEST && self.numbers * 100 > self.filled * MORE_THAN
    }
}

/// Tells whether a text is a Swedish personal identity or coordination number: a date of six or eight digits
/// (coordination numbers have 60 added to the day), then four digits that end in a check digit (Luhn over the last
/// ten).
pub(super) fn is_number(text: &str) -> bool {
    let digits: Vec<u32> = text.chars().filter_map(|c| c.to_digit(10)).collect();
    let others = text.chars().filter(|c| !c.is_ascii_digit()).count();
    let has_form = others <= 1 && text.chars().all(|c| c.is_ascii_digit() || "-+ ".contains(c));
    let short = match digits.len() {
        10 => digits.as_slice(),
        12 if matches!(digits.as_slice(), [1, 8 | 9, ..] | [2, 0, ..]) => digits.get(2..).unwrap_or_default(),
        _ => return false,
    };
    has_form && is_date(short) && is_checked(short)
}

fn is_date(digits: &[u32]) -> bool {
    let &[y1, y2, m1, m2, d1, d2, ..] = digits else { return false };
    let number = |tens: u32, ones: u32| i8::try_from(tens * 10 + ones).unwrap_or(0);
    let (month, day) = (number(m1, m2), number(d1, d2));
    let day = if day > 60 { day - 60 } else { day };
    // The century hardly matters: only 1900, unlike 2000, has no 29 February.
    let year = 2000 + i16::from(number(y1, y2));
    Date::new(year, month, day).is_ok()
}

fn is_checked(digits: &[u32]) -> bool {
    let sum: u32 = digits
        .iter()
        .enumerate()
        .map(|(at, digit)| {
            let doubled = if at % 2 == 0 { digit * 2 } else { *digit };
            doubled / 10 + doubled % 10
        })
        .sum();
    sum.is_multiple_of(10)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn numbers_have_a_date_and_a_check_digit() {
        // Test numbers published by the tax agency.
        for text in [
            "19900101-2385",
            "900101-2385",
            "9001012385",
            "199001012385",
            // A coordination number: the day is 1 + 60.
            "900161-2382",
        ] {
            assert!(is_number(text), "{text}");
        }
        for text in
            ["900101-2386", "556000-0000", "802400-0000", "070-174 06 05", "901301-2385", "12345", "19900101"]
        {
            assert!(!is_number(text), "{text}");
        }
    }

    #[test]
    fn headers_are_recognised_in_any_spelling() {
        for header in ["Personnummer", "person-nr", "PERSONNR.", "Pers.nr"] {
            assert!(is_named(header), "{header}");
        }
        for header in ["Telefon", "Organisationsnummer", "Medlemsnummer"] {
            assert!(!is_named(header), "{header}");
        }
    }
}
