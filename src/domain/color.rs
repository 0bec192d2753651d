//! Colours, and whether text in one is readable on another.

use std::fmt;
use std::str::FromStr;

use serde::Deserialize;

/// A colour in sRGB, written `#1f5138` or `#153`.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Color(pub [u8; 3]);

impl Color {
    pub const WHITE: Self = Self([255; 3]);
    pub const BLACK: Self = Self([0; 3]);

    /// The relative luminance, from 0 to 1 (WCAG 2.2).
    pub fn luminance(self) -> f64 {
        let [red, green, blue] = self.0.map(|channel| {
            let value = f64::from(channel) / 255.0;
            if value <= 0.04045 { value / 12.92 } else { ((value + 0.055) / 1.055).powf(2.4) }
        });
        0.2126 * red + 0.7152 * green + 0.0722 * blue
    }

    /// The contrast between two colours, from 1 to 21 (WCAG 2.2).
    pub fn contrast(self, other: Self) -> f64 {
        let (one, two) = (self.luminance(), other.luminance());
        (one.max(two) + 0.05) / (one.min(two) + 0.05)
    }

    /// The colour with `percent` per cent of another mixed in.
    #[must_use]
    pub fn mixed(self, other: Self, percent: u16) -> Self {
        let percent = percent.min(100);
        let [mut red, mut green, mut blue] = self.0;
        for (channel, part) in [&mut red, &mut green, &mut blue].into_iter().zip(other.0) {
            let sum = u16::from(*channel) * (100 - percent) + u16::from(part) * percent;
            *channel = u8::try_from(sum / 100).unwrap_or(u8::MAX);
        }
        Self([red, green, blue])
    }

    /// The nearest mixture with `other` that has at least this contrast with each ground.
    #[must_use]
    pub fn readable(self, other: Self, grounds: &[Self], contrast: f64) -> Self {
        let is_readable = |color: &Self| grounds.iter().all(|ground| color.contrast(*ground) >= contrast);
        (0..100).step_by(4).map(|percent| self.mixed(other, percent)).find(is_readable).unwrap_or(other)
    }
}

impl FromStr for Color {
    type Err = String;

    fn from_str(text: &str) -> Result<Self, Self::Err> {
        let wrong = || format!("`{text}` is not a color such as \"#1f5138\"");
        let digits = text.trim().strip_prefix('#').ok_or_else(wrong)?;
        let digits = match digits.len() {
            3 => digits.chars().flat_map(|digit| [digit, digit]).collect(),
            _ => digits.to_owned(),
        };
        let bytes = data_encoding::HEXLOWER_PERMISSIVE.decode(digits.as_bytes()).map_err(|_| wrong())?;
        <[u8; 3]>::try_from(bytes).map(Self).map_err(|_| wrong())
    }
}

impl fmt::Display for Color {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "#{}", data_encoding::HEXLOWER.encode(&self.0))
    }
}

/// A letter's main colour: text in this colour is readable on the letter's backgrounds, and white text is readable on
/// it.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize)]
#[serde(try_from = "String")]
pub struct LetterColor(pub Color);

impl LetterColor {
    /// The contrast that text needs (WCAG 2.2, 1.4.3).
    pub const NEEDED: f64 = 4.5;
    /// Backgrounds of headings: plain, green and sand.
    const GROUNDS: [Color; 3] = [Color::WHITE, Color([0xee, 0xf4, 0xee]), Color([0xfd, 0xf4, 0xdf])];
}

impl TryFrom<String> for LetterColor {
    type Error = String;

    fn try_from(text: String) -> Result<Self, Self::Error> {
        let color: Color = text.parse()?;
        let needed = Self::NEEDED;
        let contrast = Self::GROUNDS.iter().map(|ground| color.contrast(*ground)).fold(f64::MAX, f64::min);
        if contrast >= needed {
            return Ok(Self(color));
        }
        let darker = color.readable(Color::BLACK, &Self::GROUNDS, needed);
        Err(format!(
            "`{text}` is too light for headings: its contrast is {contrast:.1}:1 and at least {needed}:1 is needed; use a darker color, such as \"{darker}\""
        ))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn colors_are_parsed_mixed_and_compared() {
        let green: Color = "#1f5138".parse().unwrap();
        assert_eq!((green.to_string().as_str(), "#ABC".parse()), ("#1f5138", Ok(Color([0xaa, 0xbb, 0xcc]))));
        assert!((green.contrast(Color::WHITE) - 9.2).abs() < 0.1);
        assert_eq!(Color::BLACK.mixed(Color::WHITE, 50), Color([127; 3]));
        assert_eq!(Color::BLACK.mixed(Color::WHITE, 500), Color::WHITE);
        for text in ["1f5138", "#1f513", "#gggggg", "green", "", "#åå"] {
            assert!(Color::from_str(text).is_err(), "{text}");
        }
    }

    #[test]
    fn an_unreadable_color_is_rejected_with_a_readable_suggestion() {
        for (color, is_fit) in [
            ("#1f5138", true),
            ("#7a1f1f", true),
            ("#0b5a8a", true),
            ("#f0c060", false),
            ("#fff", false),
            ("red", false),
        ] {
            let read = LetterColor::try_from(color.to_owned());
            assert_eq!(read.is_ok(), is_fit, "{color}");
            if let Err(message) = read {
                let advised = message.rsplit('"').nth(1).unwrap();
                assert!(LetterColor::try_from(advised.to_owned()).is_ok(), "{message}");
            }
        }
    }

    #[test]
    fn a_color_is_mixed_until_it_is_readable() {
        let dark = Color([0x18, 0x20, 0x1b]);
        let light = Color([0x1f, 0x51, 0x38]).readable(Color::WHITE, &[dark], 7.0);
        assert!(light.contrast(dark) >= 7.0 && light != Color::WHITE, "{light}");
        assert_eq!(Color::WHITE.readable(Color::BLACK, &[dark], 7.0), Color::WHITE, "as it is");
    }
}
