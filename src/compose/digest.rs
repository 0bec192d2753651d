//! Digests of letters: letters with the same digest have the same content.

use aws_lc_rs::digest::{Context, SHA256};
use serde::Serialize;

use crate::domain::Addressees;

use super::{ComposeError, Composer};

/// Replaces the unsubscribe link, which differs between members.
const UNSUBSCRIBE: &str = "unsubscribe";

/// The content of a letter, without its date and token, which are different each time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct LetterContent {
    pub subject: String,
    /// SHA-256 in hexadecimal, of subject, HTML, text, attachments, images and the headers that all letters share.
    pub digest: String,
}

impl Composer {
    /// The content of a letter to these readers.
    ///
    /// # Errors
    /// If a template cannot be rendered with the first member's fields.
    pub fn content<'a>(&self, readers: impl Into<Addressees<'a>>) -> Result<LetterContent, ComposeError> {
        let rendered = self.fill_with(readers.into(), UNSUBSCRIBE.to_owned())?.rendered();
        let mut context = Context::new(&SHA256);
        for part in [&rendered.subject, &rendered.html, &rendered.text] {
            context.update(&part.len().to_be_bytes());
            context.update(part.as_bytes());
        }
        context.update(self.frame.digest().as_ref());
        let digest = data_encoding::HEXLOWER.encode(context.finish().as_ref());
        Ok(LetterContent { subject: rendered.subject, digest })
    }
}
