//! The rules of RFC 5321 and its extensions for a client's lines and addresses.

use super::options::{Extension, Options};

/// RFC 5321 §4.5.3.1.4, with room for the parameters of extensions.
const LONGEST_COMMAND: usize = 1012;
/// RFC 4954 §4.
const LONGEST_LOGIN: usize = 12_288;
/// RFC 5321 §4.5.3.1.6, with the line end.
const LONGEST_TEXT_LINE: usize = 1000;
/// RFC 5321 §4.5.3.1.1.
const LONGEST_LOCAL_PART: usize = 64;
/// RFC 5321 §4.5.3.1.3, without the angle brackets.
const LONGEST_ADDRESS: usize = 254;

/// The error in the bytes of a command line.
pub fn command_line(line: &[u8]) -> Option<&'static str> {
    let limit = if line.starts_with(b"AUTH") { LONGEST_LOGIN } else { LONGEST_COMMAND };
    line_end(line).or_else(|| (line.len() > limit).then_some("a command line is too long"))
}

/// The error in the bytes of a letter's line as received.
pub fn text_line(line: &[u8], is_8bit: bool) -> Option<&'static str> {
    if line.starts_with(b".") && !line.starts_with(b"..") {
        return Some("a leading dot was not doubled");
    }
    if unstuffed(line).len() > LONGEST_TEXT_LINE {
        return Some("a line of a letter is longer than 998 bytes");
    }
    if line.contains(&0) {
        return Some("a letter holds a NUL");
    }
    if !is_8bit && !line.is_ascii() {
        return Some("a letter holds 8-bit bytes without BODY=8BITMIME");
    }
    line_end(line)
}

fn line_end(line: &[u8]) -> Option<&'static str> {
    let Some(text) = line.strip_suffix(b"\r\n") else {
        return Some("a line ends with a bare LF");
    };
    text.contains(&b'\r').then_some("a line holds a bare CR")
}

/// The line without the dot that was added for the transfer (RFC 5321 §4.5.2).
pub fn unstuffed(line: &[u8]) -> &[u8] {
    line.strip_prefix(b".").unwrap_or(line)
}

/// Tells whether other commands may follow before this one is answered (RFC 2920 §3.1).
pub fn may_be_followed(verb: &str) -> bool {
    matches!(verb, "MAIL" | "RCPT" | "RSET")
}

/// The argument of MAIL or RCPT.
#[derive(Debug)]
pub struct Path {
    pub address: String,
    pub parameters: Vec<String>,
}

impl Path {
    /// Parses `FROM:<address> PARAMETERS`; a space after the colon is forbidden (RFC 5321 §3.3).
    pub fn parse(argument: &str, keyword: &str) -> Option<Self> {
        let (head, rest) = argument.split_at_checked(keyword.len())?;
        let (address, parameters) = rest.strip_prefix('<')?.split_once('>')?;
        let spaced = parameters.is_empty() || parameters.starts_with(' ');
        (head.eq_ignore_ascii_case(keyword) && spaced).then(|| Self {
            address: address.to_owned(),
            parameters: parameters.split_whitespace().map(str::to_owned).collect(),
        })
    }

    pub fn parameter(&self, keyword: &str) -> Option<&str> {
        self.parameters.iter().find_map(|parameter| {
            let (name, value) = parameter.split_once('=').unwrap_or((parameter, ""));
            name.eq_ignore_ascii_case(keyword).then_some(value)
        })
    }

    /// The first parameter that belongs to no offered extension.
    pub fn unknown_parameter(&self, verb: &str, options: &Options) -> Option<&str> {
        let known = |parameter: &&String| {
            let name = parameter.split('=').next().unwrap_or_default().to_ascii_uppercase();
            is_offered(verb, &name, options)
        };
        self.parameters.iter().find(|parameter| !known(parameter)).map(String::as_str)
    }

    /// The error in the address.
    pub fn violation(&self) -> Option<&'static str> {
        let (local, domain) = self.address.rsplit_once('@')?;
        if local.len() > LONGEST_LOCAL_PART {
            return Some("a local part is longer than 64 bytes");
        }
        if self.address.len() > LONGEST_ADDRESS {
            return Some("an address is longer than 254 bytes");
        }
        let is_bad = |byte: u8| byte.is_ascii_control() || b" <>,;".contains(&byte);
        (domain.is_empty() || self.address.bytes().any(is_bad)).then_some("an address holds what it must not")
    }
}

fn is_offered(verb: &str, parameter: &str, options: &Options) -> bool {
    match (verb, parameter) {
        ("MAIL", "SIZE") => options.size_limit().is_some(),
        ("MAIL", "BODY") => options.offers(Extension::EightBitMime),
        ("MAIL", "SMTPUTF8") => options.offers(Extension::SmtpUtf8),
        ("MAIL", "AUTH") => options.account.is_some(),
        ("MAIL", "RET" | "ENVID") | ("RCPT", "NOTIFY" | "ORCPT") => options.offers(Extension::Dsn),
        _ => false,
    }
}
