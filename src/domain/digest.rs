//! SHA-256 in hexadecimal, by which the program recognises content it has seen before.

use aws_lc_rs::digest::{Context, SHA256};

/// An incremental digest.
pub struct Sha256(Context);

impl Sha256 {
    /// Starts a digest.
    pub fn new() -> Self {
        Self(Context::new(&SHA256))
    }

    /// Adds bytes.
    pub fn update(&mut self, bytes: &[u8]) {
        self.0.update(bytes);
    }

    /// The digest in lower-case hexadecimal.
    pub fn finish(self) -> String {
        data_encoding::HEXLOWER.encode(self.0.finish().as_ref())
    }

    /// The digest of these bytes.
    pub fn of(bytes: &[u8]) -> String {
        let mut digest = Self::new();
        digest.update(bytes);
        digest.finish()
    }
}

impl Default for Sha256 {
    fn default() -> Self {
        Self::new()
    }
}

impl std::fmt::Debug for Sha256 {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("Sha256").finish_non_exhaustive()
    }
}
