//! The bytes that were read last, for messages about them.

use std::io::{self, Read};

use super::text::CHUNK;

/// Passes bytes on, and keeps those that may still be needed.
#[derive(Debug)]
pub(super) struct Window<R> {
    from: R,
    kept: Vec<u8>,
    /// The place of the first byte that is kept.
    start: usize,
}

impl<R> Window<R> {
    /// Reads `from`, whose first byte has the place `start`.
    pub fn new(from: R, start: usize) -> Self {
        Self { from, kept: Vec::new(), start }
    }

    /// The bytes between two places; those that were forgotten or not read yet are missing.
    pub fn get(&self, from: usize, to: usize) -> &[u8] {
        let within = |place: usize| place.saturating_sub(self.start).min(self.kept.len());
        self.kept.get(within(from)..within(to)).unwrap_or_default()
    }

    /// Drops bytes before `place`, which are no longer needed.
    pub fn forget_before(&mut self, place: usize) {
        let count = place.saturating_sub(self.start).min(self.kept.len());
        // Moving the rest is only worth it if it is little.
        if count > CHUNK && count > self.kept.len() / 2 {
            drop(self.kept.drain(..count));
            self.kept.shrink_to(2 * CHUNK);
            self.start += count;
        }
    }
}

impl<R: Read> Read for Window<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.from.read(into)?;
        self.kept.extend_from_slice(into.get(..read).unwrap_or_default());
        Ok(read)
    }
}
