//! Files that a command writes for the user.

use std::fs;
use std::io::{self, Write};
use std::path::Path;

use crate::error::{Error, ErrorKind};
use crate::private;

/// Writes a private file and its folders, replacing an existing file.
pub(super) fn overwrite(path: &Path, content: &[u8]) -> Result<(), Error> {
    let folder = path.parent().map_or(Ok(()), private::create_folder);
    folder.and_then(|()| private::overwrite(path, content)).map_err(|error| unwritable(path, &error))
}

/// Writes a file and its folders; fails if the file exists.
pub(super) fn write_new(path: &Path, content: &[u8]) -> Result<(), Error> {
    let create = || {
        path.parent().map_or(Ok(()), fs::create_dir_all)?;
        fs::File::create_new(path)?.write_all(content)
    };
    create().map_err(|error| unwritable(path, &error))
}

fn unwritable(path: &Path, error: &io::Error) -> Error {
    Error::new(ErrorKind::TryAgain, format!("cannot write `{}`: {error}", path.display()))
}
