//! Attached files, including the calendar, encoded once for all letters.

use std::path::Path;

use lettre::message::header::{ContentDisposition, ContentTransferEncoding, ContentType};
use lettre::message::{Body, SinglePart};

use super::{ComposeError, limits};

/// An attachment; its MIME type follows from its name (RFC 2183, file name by RFC 2231).
///
/// # Errors
/// If the file cannot be read.
pub(super) fn attachment(project: &Path, path: &Path) -> Result<SinglePart, ComposeError> {
    let kind = mime_guess::from_path(path).first_or_octet_stream();
    let builder = SinglePart::builder()
        .header(ContentType::from(kind))
        .header(ContentDisposition::attachment(&file_name(path)))
        .header(ContentTransferEncoding::Base64);
    Ok(builder.body(base64(path, limits::read_file(project, path)?)?))
}

/// The calendar of an issue's events (RFC 6047 §2.4); `name` is the file's.
///
/// # Errors
/// If the headers cannot be written.
pub(super) fn calendar(text: String, name: &str) -> Result<SinglePart, ComposeError> {
    let refused = |message: String| ComposeError::Letter { member: "everyone".to_owned(), message };
    let kind =
        ContentType::parse(super::calendar::CONTENT_TYPE).map_err(|error| refused(error.to_string()))?;
    let body = Body::new_with_encoding(text.into_bytes(), ContentTransferEncoding::Base64)
        .map_err(|_| refused("the calendar cannot be encoded".to_owned()))?;
    Ok(SinglePart::builder().header(kind).header(ContentDisposition::attachment(name)).body(body))
}

pub(super) fn base64(path: &Path, bytes: Vec<u8>) -> Result<Body, ComposeError> {
    let refused =
        |_| ComposeError::NotAnImage { path: path.to_owned(), why: "it cannot be encoded".to_owned() };
    Body::new_with_encoding(bytes, ContentTransferEncoding::Base64).map_err(refused)
}

/// The name of a file for mail programs.
pub(super) fn file_name(path: &Path) -> String {
    use unicode_normalization::UnicodeNormalization;
    // macOS writes names with combining marks, which some mail programs show as separate characters.
    path.file_name().map(|name| name.to_string_lossy().nfc().collect()).unwrap_or_default()
}
