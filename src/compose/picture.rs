//! Pictures as sent: upright, without the camera's metadata (place and time, thumbnail), and no larger than a
//! high-density screen needs. The original file stays as it is.

use std::io::Cursor;
use std::path::Path;

use image::codecs::{jpeg::JpegEncoder, png::PngEncoder};
use image::imageops::FilterType;
use image::{
    DynamicImage, ExtendedColorType, ImageDecoder, ImageEncoder, ImageError, ImageFormat, ImageReader,
    ImageResult, Limits,
};

use crate::domain::Color;

use super::ComposeError;

/// Pixels per CSS pixel of a scaled-down picture, for high-density screens.
const DENSITY: usize = 2;
/// The maximum size of a light picture in bytes.
pub(super) const LIGHT: usize = 200_000;
/// The maximum number of pixels per CSS pixel of a light picture that is sent unchanged.
const DENSE: usize = 3;
/// From good to acceptable: the first quality that makes a picture light is used.
const QUALITIES: [u8; 3] = [82, 72, 60];
/// Scales in per cent, for a picture that no quality makes light.
const SCALES: [u32; 3] = [100, 70, 50];
/// A logo gets a background if more than this percentage of it is transparent.
const SEE_THROUGH: usize = 5;
/// The padding around such a logo in CSS pixels.
const ROOM: u32 = 8;
/// Above this luminance, a logo's contrast with white is less than 2:1.
const LIGHT_LOGO: f64 = 0.475;
/// A picture that would need more memory is rejected.
const MEMORY: u64 = 512 << 20;
/// How metadata starts: EXIF, XMP, IPTC (in JPEG), and PNG's own.
const NOTES: [&[u8]; 7] =
    [b"Exif\0\0", b"http://ns.adobe.com/xap/", b"Photoshop 3.0", b"eXIf", b"tEXt", b"zTXt", b"iTXt"];

/// A picture in a format that every mail program shows.
#[derive(Debug, Clone)]
pub(super) struct Picture {
    pub bytes: Vec<u8>,
    /// PNG, JPEG or GIF.
    pub kind: mime::Mime,
    /// Its size in pixels.
    pub width: usize,
    pub height: usize,
}

impl Picture {
    /// Prepares a file's content; `shown` is its maximum display width in the letter, in CSS pixels, and `light` the
    /// maximum number of bytes.
    ///
    /// # Errors
    /// If it is not a supported picture, or is damaged.
    pub fn new(path: &Path, bytes: Vec<u8>, shown: usize, light: usize) -> Result<Self, ComposeError> {
        let refused = |why: String| ComposeError::NotAnImage { path: path.to_owned(), why };
        if let Some(why) = unsupported(&bytes) {
            return Err(refused(why.to_owned()));
        }
        let format = image::guess_format(&bytes).map_err(|error| refused(damage(&error)))?;
        let size =
            imagesize::blob_size(&bytes).map_err(|error| refused(format!("it is damaged ({error})")))?;
        let is_fit = size.width <= shown.saturating_mul(DENSE) && bytes.len() <= light && !has_notes(&bytes);
        let kind = match format {
            ImageFormat::Gif => Some(mime::IMAGE_GIF),
            ImageFormat::Png if is_fit => Some(mime::IMAGE_PNG),
            ImageFormat::Jpeg if is_fit => Some(mime::IMAGE_JPEG),
            _ => None,
        };
        match kind {
            Some(kind) => Ok(Self { bytes, kind, width: size.width, height: size.height }),
            None => remade(&bytes, format, shown.saturating_mul(DENSITY), light)
                .map_err(|error| refused(damage(&error))),
        }
    }

    /// Puts a transparent logo on a background: otherwise a dark one would be invisible on a dark page, and a light
    /// one on a white page. `dark` is the background for light logos.
    pub fn on_ground(self, shown: usize, dark: [u8; 3]) -> Self {
        let grounded = (self.kind == mime::IMAGE_PNG).then(|| grounded(&self.bytes, shown, dark)).flatten();
        match grounded {
            Some((bytes, width, height)) => Self { bytes, width, height, ..self },
            None => self,
        }
    }
}

/// A picture's own width and height, after the rotation in its EXIF data.
///
/// # Errors
/// If it is not a supported picture, or is damaged.
pub(super) fn size(path: &Path, bytes: &[u8]) -> Result<(usize, usize), ComposeError> {
    let refused = |why: String| ComposeError::NotAnImage { path: path.to_owned(), why };
    if let Some(why) = unsupported(bytes) {
        return Err(refused(why.to_owned()));
    }
    let size = imagesize::blob_size(bytes).map_err(|error| refused(format!("it is damaged ({error})")))?;
    Ok(if is_on_its_side(bytes) { (size.height, size.width) } else { (size.width, size.height) })
}

/// Tells whether EXIF data swaps width and height; a picture without EXIF is upright.
fn is_on_its_side(bytes: &[u8]) -> bool {
    use image::metadata::Orientation;
    let reader = ImageReader::new(Cursor::new(bytes)).with_guessed_format().ok();
    let decoder = reader.and_then(|reader| reader.into_decoder().ok());
    let orientation = decoder.and_then(|mut decoder| decoder.orientation().ok());
    matches!(
        orientation,
        Some(
            Orientation::Rotate90
                | Orientation::Rotate270
                | Orientation::Rotate90FlipH
                | Orientation::Rotate270FlipH
        )
    )
}

/// The logo on a background, as PNG with its width and height; `None` if it needs none or is damaged.
fn grounded(bytes: &[u8], shown: usize, dark: [u8; 3]) -> Option<(Vec<u8>, usize, usize)> {
    let logo = image::load_from_memory_with_format(bytes, ImageFormat::Png).ok()?;
    if !logo.color().has_alpha() {
        return None;
    }
    let logo = logo.to_rgba8();
    let (mut weight, mut light, mut clear) = (0.0, 0.0, 0);
    for &image::Rgba([red, green, blue, alpha]) in logo.pixels() {
        let opacity = f64::from(alpha) / 255.0;
        weight += opacity;
        light += opacity * Color([red, green, blue]).luminance();
        clear += usize::from(alpha < 128);
    }
    let pixels = logo.pixels().len();
    if clear * 100 <= pixels * SEE_THROUGH || weight == 0.0 {
        return None;
    }
    let [red, green, blue] = if light / weight > LIGHT_LOGO { dark } else { Color::WHITE.0 };
    let ground = image::Rgba([red, green, blue, u8::MAX]);
    let density = logo.width().div_ceil(u32::try_from(shown).ok()?.max(1)).max(1);
    let room = ROOM * density;
    let (width, height) = (logo.width() + 2 * room, logo.height() + 2 * room);
    let mut plate = image::RgbaImage::from_pixel(width, height, ground);
    image::imageops::overlay(&mut plate, &logo, room.into(), room.into());
    let bytes = png(&DynamicImage::from(plate).to_rgb8().into(), None).ok()?;
    Some((bytes, width as usize, height as usize))
}

/// Why mail programs don't show a file that starts like this, and what to do; `None` if it can be used.
pub fn unsupported(head: &[u8]) -> Option<&'static str> {
    use imagesize::ImageType;
    match imagesize::image_type(head) {
        Ok(ImageType::Png | ImageType::Jpeg | ImageType::Gif | ImageType::Webp) => None,
        Ok(ImageType::Heif(_)) => {
            Some("it is in HEIC or AVIF: share it from the phone by e-mail, or export it, as JPEG")
        }
        Ok(_) => Some(
            "mail programs do not show pictures of this kind: export it as JPEG (photographs) or PNG (drawings)",
        ),
        Err(_) if memchr::memmem::find(head, b"<svg").is_some() || head.starts_with(b"<?xml") => {
            Some("mail programs do not show SVG: export it as PNG, 1,200 pixels wide")
        }
        Err(_) => Some("it is not a picture: save it as JPEG (photographs) or PNG (drawings)"),
    }
}

fn damage(error: &ImageError) -> String {
    match error {
        ImageError::Limits(_) => {
            "it has too many pixels: make it smaller, 4,000 pixels wide at most".to_owned()
        }
        error => format!("it is damaged ({error}): save it again from the program it comes from"),
    }
}

fn has_notes(bytes: &[u8]) -> bool {
    NOTES.iter().any(|note| memchr::memmem::find(bytes, note).is_some())
}

/// Decodes a picture, rotates it as its EXIF data says, scales it to at most `widest` pixels and encodes it again.
fn remade(bytes: &[u8], format: ImageFormat, widest: usize, light: usize) -> ImageResult<Picture> {
    let widest = u32::try_from(widest).unwrap_or(u32::MAX);
    let mut reader = ImageReader::with_format(Cursor::new(bytes), format);
    let mut limits = Limits::default();
    limits.max_alloc = Some(MEMORY);
    reader.limits(limits);
    let mut decoder = reader.into_decoder()?;
    let orientation = decoder.orientation()?;
    // The profile of another colour model does not fit the new file.
    let is_rgb = matches!(decoder.original_color_type(), ExtendedColorType::Rgb8 | ExtendedColorType::Rgba8);
    let profile = if is_rgb { decoder.icc_profile()? } else { None };
    let mut picture = DynamicImage::from_decoder(decoder)?;
    picture.apply_orientation(orientation);
    if picture.width() > widest {
        picture = picture.resize(widest, u32::MAX, FilterType::CatmullRom);
    }
    let is_photograph = format == ImageFormat::Jpeg;
    let png = if is_photograph { None } else { Some(png(&picture, profile.as_deref())?) };
    let see_through =
        picture.color().has_alpha() && picture.to_rgba8().pixels().any(|pixel| pixel.0[3] < u8::MAX);
    let bytes = match png {
        Some(png) if see_through || png.len() <= light => {
            let (width, height) = (picture.width() as usize, picture.height() as usize);
            return Ok(Picture { bytes: png, kind: mime::IMAGE_PNG, width, height });
        }
        _ => jpeg(&mut picture, profile.as_deref(), light)?,
    };
    let (width, height) = (picture.width() as usize, picture.height() as usize);
    Ok(Picture { bytes, kind: mime::IMAGE_JPEG, width, height })
}

fn png(picture: &DynamicImage, profile: Option<&[u8]>) -> ImageResult<Vec<u8>> {
    let mut bytes = Vec::new();
    let has_alpha = picture.color().has_alpha();
    let picture: DynamicImage = if has_alpha { picture.to_rgba8().into() } else { picture.to_rgb8().into() };
    write(&picture, profile, PngEncoder::new(&mut bytes))?;
    Ok(bytes)
}

/// Encodes the picture as JPEG with the best quality that makes it light, scaled down if none does.
fn jpeg(picture: &mut DynamicImage, profile: Option<&[u8]>, light: usize) -> ImageResult<Vec<u8>> {
    *picture = picture.to_rgb8().into();
    let whole = picture.clone();
    let mut bytes = Vec::new();
    for scale in SCALES {
        if scale < 100 {
            *picture = whole.resize((whole.width() * scale / 100).max(1), u32::MAX, FilterType::CatmullRom);
        }
        for quality in QUALITIES {
            bytes.clear();
            write(picture, profile, JpegEncoder::new_with_quality(&mut bytes, quality))?;
            if bytes.len() <= light {
                return Ok(bytes);
            }
        }
    }
    Ok(bytes)
}

fn write(picture: &DynamicImage, profile: Option<&[u8]>, mut encoder: impl ImageEncoder) -> ImageResult<()> {
    if let Some(profile) = profile {
        // Without a profile the colours are slightly paler.
        let _paler = encoder.set_icc_profile(profile.to_vec());
    }
    picture.write_with_encoder(encoder)
}

#[cfg(test)]
mod tests {
    use super::*;

    /// A phone's photograph: rotated, with EXIF data about rotation and place.
    fn photograph(width: u32, height: u32) -> Vec<u8> {
        let pixel = |x: u32, y: u32| {
            let noise = x.wrapping_mul(2_654_435_761).wrapping_add(y.wrapping_mul(40_503)) >> 13;
            image::Rgb([x / 16 % 256, y / 16 % 256, noise % 64].map(|value| u8::try_from(value).unwrap()))
        };
        let mut bytes = Vec::new();
        let mut encoder = JpegEncoder::new_with_quality(&mut bytes, 95);
        let mut exif = b"MM\0*\0\0\0\x08\0\x01\x01\x12\0\x03\0\0\0\x01\0\x06\0\0\0\0\0\0".to_vec();
        exif.extend(b"GPS 59.3293 18.0686");
        encoder.set_exif_metadata(exif).unwrap();
        DynamicImage::from(image::RgbImage::from_fn(width, height, pixel))
            .write_with_encoder(encoder)
            .unwrap();
        bytes
    }

    fn prepared(bytes: &[u8]) -> Result<Picture, ComposeError> {
        Picture::new(Path::new("a.jpg"), bytes.to_vec(), 536, LIGHT)
    }

    #[test]
    fn a_phones_photograph_is_upright_and_small_and_does_not_reveal_its_place() {
        let taken = photograph(2400, 1600);
        assert!(memchr::memmem::find(&taken, b"GPS").is_some());
        let picture = prepared(&taken).unwrap();
        assert_eq!((picture.width, picture.height), (1072, 1608));
        assert!(picture.bytes.len() < taken.len() / 2, "{} of {}", picture.bytes.len(), taken.len());
        assert!(!has_notes(&picture.bytes) && memchr::memmem::find(&picture.bytes, b"GPS").is_none());
        let small = prepared(&photograph(80, 40)).unwrap();
        assert_eq!((small.width, small.height), (40, 80), "not blown up, and its notes are gone");
        assert!(!has_notes(&small.bytes));
    }

    #[test]
    fn a_suitable_picture_is_sent_unchanged() {
        let small = DynamicImage::new_rgb8(40, 30);
        let mut file = Vec::new();
        small.write_to(&mut Cursor::new(&mut file), ImageFormat::Png).unwrap();
        let picture = prepared(&file).unwrap();
        assert_eq!((picture.bytes, picture.kind), (file, mime::IMAGE_PNG));
    }

    #[test]
    fn a_transparent_logo_stays_transparent_and_webp_is_converted() {
        for (format, colour, kind) in [
            (ImageFormat::WebP, DynamicImage::new_rgba8(1700, 20), mime::IMAGE_PNG),
            (ImageFormat::Png, DynamicImage::new_rgba8(1700, 20), mime::IMAGE_PNG),
            (ImageFormat::Png, DynamicImage::new_rgb16(1700, 20), mime::IMAGE_PNG),
        ] {
            let mut file = Vec::new();
            colour.write_to(&mut Cursor::new(&mut file), format).unwrap();
            let picture = prepared(&file).unwrap();
            assert_eq!((picture.kind, picture.width), (kind, 1072), "{format:?}");
            let shown = image::load_from_memory(&picture.bytes).unwrap();
            assert_eq!(shown.color().has_alpha(), colour.color().has_alpha(), "{format:?}");
        }
    }

    #[test]
    fn a_mostly_transparent_logo_gets_a_contrasting_background() {
        let logo = |mark: image::Rgba<u8>, is_clear: fn(u32) -> bool| {
            let pixel = |x, _| if is_clear(x) { image::Rgba([0; 4]) } else { mark };
            let mut file = Vec::new();
            let picture = DynamicImage::from(image::RgbaImage::from_fn(400, 100, pixel));
            picture.write_to(&mut Cursor::new(&mut file), ImageFormat::Png).unwrap();
            Picture::new(Path::new("logo.png"), file, 200, LIGHT).unwrap().on_ground(200, [31, 81, 56])
        };
        let half = |x: u32| x > 200;
        for (mark, ground) in [([20, 20, 60, 255], [255, 255, 255]), ([250, 250, 250, 255], [31, 81, 56])] {
            let made = logo(image::Rgba(mark), half);
            assert_eq!((made.width, made.height), (432, 132));
            let shown = image::load_from_memory(&made.bytes).unwrap().to_rgb8();
            assert_eq!(shown.get_pixel(0, 0).0, ground);
            assert_eq!(shown.get_pixel(20, 20).0[..], mark[..3]);
        }
        let opaque = logo(image::Rgba([9, 9, 9, 255]), |x| x < 8);
        assert_eq!((opaque.width, opaque.height), (400, 100), "left as it is");
    }

    #[test]
    fn an_unsupported_picture_says_what_to_do() {
        let heic = b"\0\0\0\x18ftypheic\0\0\0\0mif1heic";
        let mut torn = photograph(300, 200);
        torn.truncate(30);
        for (bytes, words) in [
            (&heic[..], "export it, as JPEG"),
            (b"<svg xmlns=\"x\"></svg>", "export it as PNG"),
            (b"II*\0\x08\0\0\0\0\0\0\0\0\0", "of this kind"),
            (b"hello", "it is not a picture"),
            (b"", "it is not a picture"),
            (&torn, "damaged"),
            (b"\x89PNG\r\n\x1a\n\0\0\0\rIHDR\0\0\xff\xff\0\0\xff\xff\x10\x06\0\0\0", "it"),
        ] {
            let error = prepared(bytes).unwrap_err().to_string();
            assert!(error.contains(words), "{error}");
        }
    }
}
