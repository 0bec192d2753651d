//! What a letter says, as a digest: two letters with the same one read the same.

use ring::digest::{Context, SHA256};
use serde::Serialize;

use crate::domain::Addressees;

use super::{ComposeError, Composer};

/// Stands for the link that is each member's own.
const UNSUBSCRIBE: &str = "unsubscribe";

/// What a letter says, without date and token, which are other ones each time.
#[derive(Debug, Clone, PartialEq, Eq, Serialize)]
pub struct Content {
    pub subject: String,
    /// SHA-256 in hexadecimal, of subject, HTML, text, attachments, images and the headers that all letters share.
    pub digest: String,
}

impl Composer {
    /// What a letter to these readers says.
    ///
    /// # Errors
    /// If a template cannot be rendered with the first member's fields.
    pub fn content<'a>(&self, readers: impl Into<Addressees<'a>>) -> Result<Content, ComposeError> {
        let readers = readers.into();
        let rendered = self.fill_with(readers, UNSUBSCRIBE.to_owned())?.rendered();
        let mut context = Context::new(&SHA256);
        for part in [&rendered.subject, &rendered.html, &rendered.text] {
            context.update(&part.len().to_be_bytes());
            context.update(part.as_bytes());
        }
        context.update(self.frame.digest().as_ref());
        if let Some((_, file)) = self.own_content(readers)? {
            context.update(&file);
        }
        let digest = data_encoding::HEXLOWER.encode(context.finish().as_ref());
        Ok(Content { subject: rendered.subject, digest })
    }
}
