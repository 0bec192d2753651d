use std::path::Path;

use crate::import::{Options, Sheet};

fn sheet(text: &str) -> Sheet {
    Sheet::from_bytes(Path::new("m.csv"), text.as_bytes().to_vec(), &Options::default()).unwrap()
}

#[test]
fn rows_have_the_right_line_with_any_line_ending() {
    for end in ["\n", "\r\n", "\r"] {
        let text =
            ["\"Namn\";E-post", "A;a@example.se", "", "\"B", "b\";b@example.se", "C;nej", ""].join(end);
        let sheet = sheet(&text);
        let rows: Vec<_> = sheet.rows().collect();
        let lines: Vec<u64> =
            rows.iter().map(|row| row.as_ref().map_or_else(|bad| bad.line, |row| row.line)).collect();
        assert_eq!(lines, [2, 4, 6], "{end:?}");
        assert_eq!(rows[1].as_ref().unwrap().name, "B b");
    }
}

#[test]
fn invalid_rows_say_what_is_wrong() {
    let header = "Namn;E-post;Ort\n";
    for (row, column, reason) in [
        ("A;a@@example.se;X", "E-post", "is not a valid e-mail address"),
        ("A;a@example.se, b@@example.se;X", "E-post", "several addresses"),
        (&format!("{};a@example.se;X", "x".repeat(601)), "Namn", "longer than 600"),
        ("A;a@example.se;X;Y", "", "has 4 cells, the header has 3"),
        (";;X", "", "neither a name nor"),
        ("\"A;a@example.se;X\nB;b@example.se;Y\n", "", "never closed"),
        ("\"A;a@example.se;X", "", "never closed"),
        ("A;\"a@example.se;X\rB;b@example.se;Y\r", "", "never closed"),
    ] {
        let sheet = sheet(&format!("{header}{row}"));
        let bad = sheet.rows().next().unwrap().unwrap_err();
        assert_eq!((bad.line, bad.column.as_str()), (2, column), "{row}");
        assert!(bad.reason.contains(reason), "{row}: {}", bad.reason);
    }
}

#[test]
fn a_row_that_is_only_a_name_gets_a_remark_in_a_list_that_says_more() {
    for (header, rows) in [("Namn;E-post;Ort;Typ\n", [0, 1]), ("Namn;E-post;Ort\n", [0, 0])] {
        let sheet = sheet(&format!("{header}A;a@example.se\nStyrelsen\n"));
        let remarks: Vec<usize> = sheet.rows().map(|row| row.unwrap().remarks.len()).collect();
        assert_eq!(remarks, rows, "{header}");
    }
}

#[test]
fn several_addresses_are_split() {
    let sheet = sheet("Namn;E-post\nA;a@example.se, b@example.se\nB;b@gmial.com\nC;c@example.se\n");
    let rows: Vec<_> = sheet.rows().map(Result::unwrap).collect();
    assert_eq!(rows[0].address.as_ref().unwrap().as_str(), "a@example.se");
    assert_eq!(rows[0].fields["other_emails"], "b@example.se");
    let remarks: Vec<usize> = rows.iter().map(|row| row.remarks.len()).collect();
    assert_eq!(remarks, [1, 0, 0]);
}

#[test]
fn lines_that_excel_puts_above_the_header_are_skipped() {
    for above in ["sep=;\r\n", " \r\n", "\u{feff}\r\n"] {
        let sheet = sheet(&format!("{above}Namn;E-post;Telefon;Mobil\r\nA;a@example.se;1;2\r\n"));
        let rows: Vec<_> = sheet.rows().map(Result::unwrap).collect();
        assert_eq!((rows.len(), rows[0].line, rows[0].fields["mobil"].as_str()), (1, 3, "2"), "{above:?}");
    }
}

#[test]
fn full_names_are_built_from_parts() {
    let sheet = sheet("Förnamn;Efternamn;Förening;E-post\nÅsa;Ek;;a@example.se\n;;Byalaget;b@example.se");
    let names: Vec<String> = sheet.rows().map(|row| row.unwrap().name).collect();
    assert_eq!(names, ["Åsa Ek", "Byalaget"]);
}

#[test]
fn control_characters_become_spaces() {
    let sheet = sheet("Namn;E-post\n\"Eva\r\nBcc: x@example.se\";eva@example.se\n");
    assert_eq!(sheet.rows().next().unwrap().unwrap().name, "Eva Bcc: x@example.se");
}
