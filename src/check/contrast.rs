//! Contrast of text with its background (WCAG 2.2, 1.4.3).

use std::collections::BTreeSet;

use super::{CheckedLetters, Finding};
use crate::compose::html::{StartTag, elements};
use crate::domain::Color;

const AA: f64 = 4.5;
const AA_LARGE: f64 = 3.0;
/// Sizes in pixels from which text and bold text count as large.
const LARGE: f64 = 24.0;
const LARGE_BOLD: f64 = 18.66;

/// Finds elements that set both colours with too little contrast.
pub(super) fn pairs(letters: &CheckedLetters<'_>) -> Vec<Finding> {
    too_close(&letters.rendered.html)
}

fn too_close(html: &str) -> Vec<Finding> {
    let mut seen = BTreeSet::new();
    let mut findings = Vec::new();
    for element in elements(html) {
        let Some((color, ground)) = colors(&element) else { continue };
        let (Some(text), Some(behind)) = (luminance(&color), luminance(&ground)) else { continue };
        let ratio = (text.max(behind) + 0.05) / (text.min(behind) + 0.05);
        let needed = if is_large(&element) { AA_LARGE } else { AA };
        if ratio < needed && seen.insert((color.clone(), ground.clone())) {
            let message = format!(
                "{color} on {ground} has a contrast of {ratio:.1}:1; {needed}:1 is needed to read it"
            );
            let advice = "use a darker or lighter color in templates/style.css";
            findings.push(Finding::warning("contrast", message, advice));
        }
    }
    findings
}

fn colors(element: &StartTag) -> Option<(String, String)> {
    let color = element.style("color")?;
    let ground = element.style("background-color").or_else(|| element.style("background"));
    Some((color.to_lowercase(), ground.or_else(|| element.attribute("bgcolor"))?.to_lowercase()))
}

fn is_large(element: &StartTag) -> bool {
    let pixels = element.style("font-size").and_then(|size| size.strip_suffix("px"));
    let pixels: f64 = pixels.and_then(|size| size.trim().parse().ok()).unwrap_or(0.0);
    let is_bold = matches!(element.style("font-weight"), Some("bold" | "700" | "800" | "900"));
    pixels >= LARGE || (is_bold && pixels >= LARGE_BOLD)
}

/// The relative luminance of `#rgb`, `#rrggbb`, `black` and `white`.
fn luminance(color: &str) -> Option<f64> {
    let digits = match color {
        "white" => "ffffff",
        "black" => "000000",
        _ => color.strip_prefix('#')?,
    };
    let digits: String = match digits.len() {
        3 => digits.chars().flat_map(|c| [c, c]).collect(),
        6 => digits.to_owned(),
        _ => return None,
    };
    let [_, colour @ ..] = u32::from_str_radix(&digits, 16).ok()?.to_be_bytes();
    Some(Color(colour).luminance())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_contrasts_with_its_background() {
        for (style, want) in [
            ("color: #1d2a22; background-color: #ffffff", 0),
            ("color: #fff; background-color: #1f5138", 0),
            ("color: #767676; background-color: white", 0),
            ("color: #777777; background-color: #ffffff", 1),
            ("color: #AAA; background: #fff", 1),
            ("color: #777; background-color: #fff; font-size: 24px", 0),
            ("color: #777; background-color: #fff; font-size: 19px; font-weight: bold", 0),
            ("color: #777; background-color: #fff; font-size: 19px", 1),
            ("color: #777", 0),
            ("color: inherit; background-color: #fff", 0),
        ] {
            let html = format!("<p style=\"{style}\">a</p><p style=\"{style}\">b</p>");
            assert_eq!(too_close(&html).len(), want, "{style}");
        }
        assert_eq!(too_close("<td bgcolor=\"#ffffff\" style=\"color: #999999\">").len(), 1);
    }
}
