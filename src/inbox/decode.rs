//! Transfer encodings (RFC 2045 §6) and HTML as text, decoded leniently: broken codes stay as they are.

use html_escape::decode_html_entities;

/// Decodes quoted-printable; an `=` that starts no valid code stays.
pub fn quoted_printable(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len());
    let mut rest = text;
    while let Some((&byte, after)) = rest.split_first() {
        rest = after;
        if byte != b'=' {
            bytes.push(byte);
        } else if let Some(next) = soft_break(after) {
            rest = next;
        } else if let Some((value, next)) = hex_pair(after) {
            bytes.push(value);
            rest = next;
        } else {
            bytes.push(byte);
        }
    }
    bytes
}

fn soft_break(text: &[u8]) -> Option<&[u8]> {
    let spaces = text.iter().take_while(|b| matches!(b, b' ' | b'\t')).count();
    text.get(spaces..)?.strip_prefix(b"\n")
}

fn hex_pair(text: &[u8]) -> Option<(u8, &[u8])> {
    let (pair, rest) = text.split_at_checked(2)?;
    let digit = |b: &u8| char::from(*b).to_digit(16);
    let value = digit(pair.first()?)? * 16 + digit(pair.last()?)?;
    Some((u8::try_from(value).ok()?, rest))
}

/// Decodes base64 up to the padding, or up to the first line that is not base64.
pub fn base64(text: &[u8]) -> Vec<u8> {
    let mut bytes = Vec::with_capacity(text.len() / 4 * 3);
    let (mut bits, mut count) = (0u32, 0u32);
    for byte in text {
        let value = match byte {
            b'A'..=b'Z' => byte - b'A',
            b'a'..=b'z' => byte - b'a' + 26,
            b'0'..=b'9' => byte - b'0' + 52,
            b'+' => 62,
            b'/' => 63,
            byte if byte.is_ascii_whitespace() => continue,
            _ => break,
        };
        bits = bits << 6 | u32::from(value);
        count += 6;
        if count >= 8 {
            count -= 8;
            bytes.push((bits >> count & 0xff) as u8);
        }
    }
    bytes
}

/// The words of an HTML text, with a line for each block.
pub fn html(text: &str) -> String {
    let mut words = String::with_capacity(text.len() / 2);
    let mut rest = text;
    while let Some((before, tag)) = rest.split_once('<') {
        push_entities(&mut words, before);
        let name: String = tag
            .chars()
            .take_while(|c| c.is_ascii_alphanumeric() || matches!(c, '/' | '!'))
            .take(12)
            .collect();
        let name = name.to_ascii_lowercase();
        rest = match name.as_str() {
            "style" | "script" | "title" => after_element(tag, &name),
            // An unescaped address in angle brackets.
            _ if is_address(tag) => {
                words.push('<');
                tag
            }
            _ => tag.split_once('>').map_or("", |(_, after)| after),
        };
        if is_block(&name) {
            words.push('\n');
        }
    }
    push_entities(&mut words, rest);
    words
}

fn is_address(tag: &str) -> bool {
    tag.find(['@', '>', ' ', '"', '=', ':', '\n']).is_some_and(|at| tag.get(at..=at) == Some("@"))
}

fn after_element<'t>(tag: &'t str, name: &str) -> &'t str {
    let close = format!("</{name}");
    let upper = close.to_ascii_uppercase();
    let end = tag.find(&close).or_else(|| tag.find(&upper));
    let rest = end.and_then(|end| tag.get(end..)).unwrap_or("");
    rest.split_once('>').map_or("", |(_, after)| after)
}

fn is_block(name: &str) -> bool {
    let name = name.trim_matches('/');
    matches!(name, "br" | "p" | "div" | "tr" | "td" | "th" | "li" | "ul" | "table" | "pre" | "hr")
        || name.strip_prefix('h').is_some_and(|level| level.len() == 1)
}

fn push_entities(words: &mut String, text: &str) {
    if text.contains('&') {
        // The rules treat a no-break space as a space.
        words.push_str(&decode_html_entities(text).replace('\u{a0}', " "));
    } else {
        words.push_str(text);
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn quoted_printable_is_decoded() {
        for (text, want) in
            [("a=3Db", "a=b"), ("a= \nb", "ab"), ("a=zz", "a=zz"), ("a=", "a="), ("=C3=A5", "å")]
        {
            assert_eq!(quoted_printable(text.as_bytes()), want.as_bytes(), "{text}");
        }
    }

    #[test]
    fn base64_is_decoded() {
        for (text, want) in [("aGVq", "hej"), ("aG\nVqIQ==", "hej!"), ("aGVq\n--x", "hej"), ("", "")] {
            assert_eq!(base64(text.as_bytes()), want.as_bytes(), "{text}");
        }
    }

    #[test]
    fn html_becomes_lines() {
        for (text, want) in [
            ("<style>p{}</style>a<br/>b", "a\nb"),
            ("to <anna@example.se>: no", "to <anna@example.se>: no"),
            ("a &lt;b&gt; &#229; &x; &", "a <b> å &x; &"),
            ("<td>a</td><td>b", "\na\n\nb"),
            ("<!-- x", ""),
        ] {
            assert_eq!(html(text), want, "{text}");
        }
    }
}
