//! Whether everything reached standard output.

use std::io::{self, ErrorKind, Write};
use std::sync::{Mutex, PoisonError};

/// The first error, kept until the command ends: its work is done then.
static FAILED: Mutex<Option<io::Error>> = Mutex::new(None);

/// Notes how a write ended; a reader that has quit, such as `head`, is not an error.
pub(super) fn written(result: io::Result<()>) {
    if let Err(error) = result
        && error.kind() != ErrorKind::BrokenPipe
    {
        FAILED.lock().unwrap_or_else(PoisonError::into_inner).get_or_insert(error);
    }
}

/// The beginning of the message of such an error.
pub const OUTPUT_FAILED: &str = "cannot write to standard output";

/// Writes what is still buffered; the error if anything could not be written, as on a full disk.
pub fn finish() -> Option<io::Error> {
    written(io::stdout().flush());
    FAILED.lock().unwrap_or_else(PoisonError::into_inner).take()
}
