//! A partner of the association, or a sponsor of an issue, shown above the letter's footer.

use std::path::PathBuf;

use serde::Deserialize;

/// A partner as written in the configuration or in `issue.toml`.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Partner {
    pub name: String,
    /// Image file; the name is shown if there is none.
    pub logo: Option<PathBuf>,
    pub link: Option<WebLink>,
    /// Text for readers who do not see the logo (default: the name).
    pub alt: Option<String>,
}

/// An `https:` or `http:` URL.
#[derive(Debug, Clone, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct WebLink(pub String);

impl TryFrom<String> for WebLink {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let rest = text.strip_prefix("https://").or_else(|| text.strip_prefix("http://"));
        match rest {
            Some(rest) if rest.contains('.') && !rest.contains(char::is_whitespace) => Ok(Self(text)),
            _ => Err(format!("`{text}` is not a web address such as \"https://www.example.se/\"")),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_link_is_a_web_address() {
        for (text, want) in [
            ("https://www.example.se/", true),
            ("http://example.se", true),
            ("www.example.se", false),
            ("https://example se", false),
            ("javascript:alert(1)", false),
        ] {
            assert_eq!(WebLink::try_from(text.to_owned()).is_ok(), want, "{text}");
        }
    }
}
