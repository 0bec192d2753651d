//! Names of IMAP folders: modified UTF-7 and quoting (RFC 3501 §5.1.3, §4.3).

/// A folder's name in a command.
pub(super) fn folder(name: &str) -> String {
    quoted(&modified_utf7(name))
}

/// A quoted string; line ends and NUL are not allowed in it and are omitted.
pub(super) fn quoted(text: &str) -> String {
    let mut quoted = String::with_capacity(text.len() + 2);
    quoted.push('"');
    for character in text.chars().filter(|c| !['\r', '\n', '\0'].contains(c)) {
        if ['"', '\\'].contains(&character) {
            quoted.push('\\');
        }
        quoted.push(character);
    }
    quoted.push('"');
    quoted
}

/// Printable ASCII as it is, `&` as `&-`, and everything else as base64 of UTF-16 between `&` and `-`.
fn modified_utf7(name: &str) -> String {
    let mut coded = String::with_capacity(name.len());
    let mut run = Vec::new();
    for character in name.chars() {
        if (' '..='~').contains(&character) {
            end_run(&mut coded, &mut run);
            coded.push(character);
            if character == '&' {
                coded.push('-');
            }
        } else {
            let mut units = [0; 2];
            run.extend(character.encode_utf16(&mut units).iter().flat_map(|unit| unit.to_be_bytes()));
        }
    }
    end_run(&mut coded, &mut run);
    coded
}

fn end_run(coded: &mut String, run: &mut Vec<u8>) {
    if run.is_empty() {
        return;
    }
    coded.push('&');
    coded.push_str(&data_encoding::BASE64_NOPAD.encode(run).replace('/', ","));
    coded.push('-');
    run.clear();
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn names_are_encoded_and_quoted() {
        for (name, want) in [
            ("INBOX", "\"INBOX\""),
            ("Åtgärdat", "\"&AMU-tg&AOQ-rdat\""),
            ("R&D \"x\"", "\"R&-D \\\"x\\\"\""),
            ("~peter/mail/台北/日本語", "\"~peter/mail/&U,BTFw-/&ZeVnLIqe-\""),
            ("a\r\nb DELETE c", "\"a&AA0ACg-b DELETE c\""),
        ] {
            assert_eq!(folder(name), want, "{name}");
        }
    }
}
