//! Detects whether all output reached standard output.

use std::io::{self, ErrorKind, Write};
use std::sync::{Mutex, PoisonError};

/// The first error, kept until the command ends, when its work is done.
static FAILED: Mutex<Option<io::Error>> = Mutex::new(None);

/// Records the result of a write; a closed pipe, as with `head`, is not an error.
pub(super) fn written(result: io::Result<()>) {
    if let Err(error) = result
        && error.kind() != ErrorKind::BrokenPipe
    {
        FAILED.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }
}

/// The start of the error message.
pub const OUTPUT_FAILED: &str = "cannot write to standard output";

/// Flushes the output; returns the error if anything could not be written, for example because the disk is full.
pub fn finish() -> Option<io::Error> {
    written(io::stdout().flush());
    FAILED.lock().unwrap_or_else(PoisonError::into_inner).take()
}
