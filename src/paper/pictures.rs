//! Embeds pictures, each only once even if it is printed several times.

use std::collections::BTreeMap;
use std::io::Cursor;

use image::{DynamicImage, ImageDecoder, ImageReader, Limits};
use krilla::image::Image;

/// A CSS pixel in points.
const PIXEL: f32 = 0.75;
/// No picture is wider than 380 pixels or taller than half a page.
const WIDEST: f32 = 380.0 * PIXEL;
const TALLEST: f32 = 378.0;
const MOST_PIXELS: u32 = 10_000;
const MOST_BYTES: u64 = 256 << 20;

/// The readable pictures, by the value of their `src`.
#[derive(Debug, Default)]
pub(super) struct Pictures(BTreeMap<String, Image>);

impl Pictures {
    pub fn new(pictures: &BTreeMap<String, Vec<u8>>) -> Self {
        let read = pictures.iter().filter_map(|(name, bytes)| Some((name.clone(), read(bytes)?)));
        Self(read.collect())
    }

    pub fn get(&self, src: &str) -> Option<&Image> {
        self.0.get(src)
    }

    /// The size in points of a picture with a width of `width` pixels.
    pub fn size(&self, src: &str, width: Option<f32>) -> Option<(f32, f32)> {
        let (natural, height) = size(self.get(src)?)?;
        Some(fitted((natural, height), width.unwrap_or(natural) * PIXEL, (WIDEST, TALLEST)))
    }
}

/// The size in pixels; `None` for an empty picture.
pub(super) fn size(image: &Image) -> Option<(f32, f32)> {
    let (width, height) = image.size();
    let pixels = |value| u16::try_from(value).ok().filter(|value| *value > 0).map(f32::from);
    Some((pixels(width)?, pixels(height)?))
}

/// The size of a picture that is at most `wanted` wide and fits into a box.
pub(super) fn fitted((width, height): (f32, f32), wanted: f32, most: (f32, f32)) -> (f32, f32) {
    let scale = (wanted / width).min(most.0 / width).min(most.1 / height);
    (width * scale, height * scale)
}

/// Decodes a picture; `None` if its bytes are broken.
pub(super) fn read(bytes: &[u8]) -> Option<Image> {
    let mut reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok()?;
    let mut limits = Limits::default();
    limits.max_image_width = Some(MOST_PIXELS);
    limits.max_image_height = Some(MOST_PIXELS);
    limits.max_alloc = Some(MOST_BYTES);
    reader.limits(limits);
    let is_jpeg = reader.format() == Some(image::ImageFormat::Jpeg);
    let mut decoder = reader.into_decoder().ok()?;
    let orientation = decoder.orientation().ok()?;
    let mut picture = DynamicImage::from_decoder(decoder).ok()?;
    let is_plain = orientation == image::metadata::Orientation::NoTransforms;
    // Four channels are CMYK, which PDF/A allows only with a profile.
    if is_jpeg && is_plain && has_three_channels(bytes) {
        return Image::from_jpeg(bytes.to_vec().into(), false).ok();
    }
    picture.apply_orientation(orientation);
    let pixels = picture.to_rgba8();
    let (width, height) = pixels.dimensions();
    (width > 0 && height > 0).then(|| Image::from_rgba8(pixels.into_raw(), width, height))
}

/// Reads the number of channels from the frame header of a JPEG file.
fn has_three_channels(bytes: &[u8]) -> bool {
    let mut at = 2;
    while let Some([0xff, kind, high, low]) = bytes.get(at..at + 4) {
        if matches!(kind, 0xc0..=0xc3) {
            return bytes.get(at + 9).is_some_and(|channels| *channels == 3);
        }
        at += 2 + usize::from(u16::from_be_bytes([*high, *low])).max(2);
    }
    false
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn pictures_fit_into_their_box() {
        for (natural, wanted, want) in [
            ((800.0, 400.0), 600.0, (285.0, 142.5)),
            ((100.0, 50.0), 75.0, (75.0, 37.5)),
            ((100.0, 1_000.0), 75.0, (37.8, 378.0)),
        ] {
            assert_eq!(fitted(natural, wanted, (WIDEST, TALLEST)), want);
        }
    }

    #[test]
    fn broken_pictures_are_skipped() {
        let mut jpeg = Cursor::new(Vec::new());
        DynamicImage::new_rgb8(8, 4).write_to(&mut jpeg, image::ImageFormat::Jpeg).unwrap();
        let bytes = jpeg.into_inner();
        assert_eq!(read(&bytes).map(|image| image.size()), Some((8, 4)));
        for broken in [&bytes[..bytes.len() / 4], b"", b"GIF89a", &[0xff; 40]] {
            assert!(read(broken).is_none());
        }
    }
}
