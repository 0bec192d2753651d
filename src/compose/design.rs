//! The association's changes to the look of the letter: its colour, its partners, and an issue's hero picture.

use std::borrow::Cow;
use std::path::PathBuf;

use serde::Serialize;

use crate::domain::{Color, LetterColor, Partner};

use super::ComposeError;
use super::images::{InlineImages, TakenImage};

/// The colour of the built-in style sheet for headings, bands and buttons.
const GREEN: Color = Color([0x1f, 0x51, 0x38]);
/// Backgrounds of headings in dark mode.
const DARK: [Color; 3] = [Color([0x18, 0x20, 0x1b]), Color([0x21, 0x2b, 0x25]), Color([0x33, 0x29, 0x0f])];
/// The contrast of the built-in colours in dark mode.
const COMFORTABLE: f64 = 7.0;

/// The maximum width of the hero picture: the letter's own, in CSS pixels.
pub const HERO_WIDTH: usize = 600;
/// The maximum size of a partner's logo in CSS pixels, and how many are side by side.
const PARTNER: (usize, usize) = (140, 80);
const IN_A_ROW: usize = 3;

/// The association's own design.
#[derive(Debug, Clone, Default)]
pub struct Design {
    /// The colour of headings, bands and buttons (default: green).
    pub color: Option<LetterColor>,
    /// Partners in every letter; an issue may have more.
    pub partners: Vec<Partner>,
}

/// The picture below an issue's title.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Hero {
    pub path: PathBuf,
    pub alt: String,
}

/// A picture of the frame for templates, with its size in CSS pixels.
#[derive(Debug, Serialize)]
pub(super) struct FramePicture {
    pub src: String,
    pub alt: String,
    pub width: usize,
    pub height: usize,
}

/// A partner for templates.
#[derive(Debug, Serialize)]
pub(super) struct PartnerView {
    pub name: String,
    pub link: Option<String>,
    /// Its logo.
    pub picture: Option<FramePicture>,
}

impl Design {
    /// A style sheet or template in this design: the built-in greens are replaced by the colour and matching shades.
    pub(super) fn recolored<'t>(&self, text: &'t str) -> Cow<'t, str> {
        let Some(color) = self.color().filter(|color| *color != GREEN) else { return Cow::Borrowed(text) };
        let mut changed = text.to_owned();
        for (green, other) in companions(color) {
            changed = changed.replace(green, &other.to_string());
        }
        Cow::Owned(changed)
    }

    fn color(&self) -> Option<Color> {
        self.color.map(|color| color.0)
    }

    /// The background for light logos.
    pub(super) fn ground(&self) -> [u8; 3] {
        self.color().unwrap_or(GREEN).0
    }
}

/// The built-in colours that depend on the main one, with their replacements.
fn companions(color: Color) -> [(&'static str, Color); 8] {
    [
        ("#1f5138", color),
        // Backgrounds and hairlines.
        ("#eef4ee", Color::WHITE.mixed(color, 7).readable(Color::WHITE, &[color], LetterColor::NEEDED)),
        ("#e9ede6", Color::WHITE.mixed(color, 10)),
        ("#cdd8ce", Color::WHITE.mixed(color, 24)),
        ("#7fae8e", Color::WHITE.mixed(color, 60)),
        // In dark mode: headings, bands with white text, and dates.
        ("#a5dcba", color.readable(Color::WHITE, &DARK, COMFORTABLE)),
        ("#1d4a34", color.readable(Color::BLACK, &[Color::WHITE], COMFORTABLE)),
        ("#2b6a4b", color),
    ]
}

/// Adds an issue's hero picture.
///
/// # Errors
/// If it is missing or not a picture.
pub(super) fn hero(hero: &Hero, images: &mut InlineImages) -> Result<FramePicture, ComposeError> {
    let image = images.add(&hero.path, HERO_WIDTH)?;
    Ok(framed(image, &hero.alt, (HERO_WIDTH, usize::MAX)))
}

/// Adds the partners' logos and returns the partners in rows.
///
/// # Errors
/// If a logo is missing or not a picture.
pub(super) fn rows(
    partners: &[Partner],
    images: &mut InlineImages,
) -> Result<Vec<Vec<PartnerView>>, ComposeError> {
    let view = |partner: &Partner| {
        let alt = partner.alt.as_ref().unwrap_or(&partner.name);
        let logo = partner
            .logo
            .as_ref()
            .map(|logo| images.add_logo(logo, PARTNER.0).map(|image| framed(image, alt, PARTNER)));
        let link = partner.link.as_ref().map(|link| link.0.clone());
        Ok(PartnerView { name: partner.name.clone(), link, picture: logo.transpose()? })
    };
    let views = partners.iter().map(view).collect::<Result<Vec<_>, ComposeError>>()?;
    let mut views = views.into_iter().peekable();
    let mut rows = Vec::new();
    while views.peek().is_some() {
        rows.push(views.by_ref().take(IN_A_ROW).collect());
    }
    Ok(rows)
}

fn framed(image: &TakenImage, alt: &str, (width, height): (usize, usize)) -> FramePicture {
    let (fitted, high) = image.fitted(width);
    let (width, height) = if high > height { (fitted * height / high, height) } else { (fitted, high) };
    FramePicture { src: image.url(), alt: alt.to_owned(), width: width.max(1), height: height.max(1) }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn every_color_derived_from_a_main_color_is_readable() {
        for main in ["#7a1f1f", "#0b5a8a", "#000000", "#5b2a86", "#8a4b00", "#b3003c"] {
            let LetterColor(main) = LetterColor::try_from(main.to_owned()).unwrap();
            let [(_, color), (_, tint), _, _, _, (_, light), (_, band), (_, date)] = companions(main);
            assert!(color.contrast(tint) >= LetterColor::NEEDED, "{main} on {tint}");
            assert!(DARK.iter().all(|ground| light.contrast(*ground) >= COMFORTABLE), "{main}: {light}");
            assert!(
                band.contrast(Color::WHITE) >= COMFORTABLE
                    && date.contrast(Color::WHITE) >= LetterColor::NEEDED,
                "{main}"
            );
            // The text of buttons in dark mode.
            assert!(light.contrast(Color([0x0f, 0x1f, 0x17])) >= LetterColor::NEEDED, "{main}: {light}");
        }
        let design = Design { color: Some(LetterColor(Color([0x7a, 0x1f, 0x1f]))), ..Design::default() };
        assert_eq!(design.recolored("a { color: #1f5138; }"), "a { color: #7a1f1f; }");
        assert_eq!(Design::default().recolored("#1f5138"), "#1f5138");
    }
}
