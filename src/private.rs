//! Private files and folders, readable by their owner only because the register is personal data; and public ones.

use std::fs::{self, DirBuilder, File, OpenOptions, Permissions};
use std::io;
use std::os::unix::fs::{DirBuilderExt, MetadataExt, OpenOptionsExt, PermissionsExt};
use std::path::Path;

const FOLDER: u32 = 0o700;
const FILE: u32 = 0o600;
const PUBLIC_FOLDER: u32 = 0o755;
const PUBLIC_FILE: u32 = 0o644;
/// Permission bits of group and others.
const OTHERS: u32 = 0o077;
const SETGID: u32 = 0o2000;

/// What happened to a folder that others could read.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Tightened {
    /// It was private already, or does not exist.
    Unchanged,
    /// It is private now.
    Yes,
    /// It is shared with a group on purpose (setgid), and stays that way.
    Shared,
}

/// Creates a folder and its parents, readable by the owner only, whatever the umask; an existing folder stays as it
/// is.
///
/// # Errors
/// If it cannot be created.
pub fn create_folder(path: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(FOLDER).create(path)
}

/// The permissions of a private folder.
pub fn folder_permissions() -> Permissions {
    Permissions::from_mode(FOLDER)
}

/// Tells whether the group or others may read or write a file.
///
/// # Errors
/// If its permissions cannot be read.
pub fn is_open_to_others(path: &Path) -> io::Result<bool> {
    Ok(fs::metadata(path)?.mode() & OTHERS != 0)
}

/// Removes the permissions of group and others from a file, unless its folder is shared with a group on purpose
/// (setgid).
///
/// # Errors
/// If the permissions cannot be read or changed.
pub fn close_to_others(path: &Path) -> io::Result<()> {
    let folder = path.parent().map(fs::metadata).transpose()?;
    if folder.is_some_and(|folder| folder.mode() & SETGID != 0) || !is_open_to_others(path)? {
        return Ok(());
    }
    fs::set_permissions(path, Permissions::from_mode(FILE))
}

/// Opens a file for appending; a new one is readable by the owner only.
///
/// # Errors
/// If it cannot be opened.
pub fn append_to(path: &Path) -> io::Result<File> {
    OpenOptions::new().create(true).append(true).read(true).mode(FILE).open(path)
}

/// Creates an empty file, readable by the owner only, unless it exists.
///
/// # Errors
/// If it cannot be created.
pub fn create_if_missing(path: &Path) -> io::Result<()> {
    match OpenOptions::new().create_new(true).write(true).mode(FILE).open(path) {
        Err(error) if error.kind() == io::ErrorKind::AlreadyExists => Ok(()),
        created => created.map(drop),
    }
}

/// Replaces a file with one that only the owner can read.
///
/// # Errors
/// If it cannot be written; the old one may be lost then.
pub fn overwrite(path: &Path, content: &[u8]) -> io::Result<()> {
    use std::io::Write;
    let mut file = OpenOptions::new().create(true).write(true).truncate(true).mode(FILE).open(path)?;
    file.set_permissions(Permissions::from_mode(FILE))?;
    file.write_all(content)
}

/// Creates a folder and its parents, readable by a web server.
///
/// # Errors
/// If it cannot be created.
pub fn publish_folder(path: &Path) -> io::Result<()> {
    if path.is_dir() {
        return Ok(());
    }
    if let Some(parent) = path.parent().filter(|parent| !parent.as_os_str().is_empty()) {
        publish_folder(parent)?;
    }
    fs::create_dir(path)?;
    fs::set_permissions(path, Permissions::from_mode(PUBLIC_FOLDER))
}

/// Writes a file, readable by a web server.
///
/// # Errors
/// If it cannot be written.
pub fn publish_file(path: &Path, content: &[u8]) -> io::Result<()> {
    fs::write(path, content)?;
    fs::set_permissions(path, Permissions::from_mode(PUBLIC_FILE))
}

/// Removes the permissions of others from a folder and the files directly in it.
///
/// # Errors
/// If the permissions cannot be read or changed.
pub fn tighten(folder: &Path) -> io::Result<Tightened> {
    let metadata = match fs::metadata(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Tightened::Unchanged),
        found => found?,
    };
    let mode = metadata.mode();
    if mode & OTHERS == 0 || !metadata.is_dir() {
        return Ok(Tightened::Unchanged);
    }
    if mode & SETGID != 0 {
        return Ok(Tightened::Shared);
    }
    // The owner's own bits do not change: a read-only file stays read-only.
    fs::set_permissions(folder, Permissions::from_mode(mode & !OTHERS))?;
    for entry in fs::read_dir(folder)?.flatten() {
        let file = entry.metadata()?;
        if file.is_file() && file.mode() & OTHERS != 0 {
            fs::set_permissions(entry.path(), Permissions::from_mode(file.mode() & !OTHERS))?;
        }
    }
    Ok(Tightened::Yes)
}

#[cfg(test)]
mod tests {
    use super::*;

    fn mode(path: &Path) -> u32 {
        fs::metadata(path).unwrap().mode() & 0o7777
    }

    #[test]
    fn created_files_are_readable_by_the_owner_only() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("a/b");
        create_folder(&folder).unwrap();
        append_to(&folder.join("log")).unwrap();
        create_if_missing(&folder.join("db")).unwrap();
        overwrite(&folder.join("report"), b"x").unwrap();
        assert_eq!((mode(&dir.path().join("a")), mode(&folder)), (0o700, 0o700));
        for name in ["log", "db", "report"] {
            assert_eq!(mode(&folder.join(name)), 0o600, "{name}");
        }
    }

    #[test]
    fn an_open_folder_becomes_private_unless_it_is_shared_on_purpose() {
        let dir = tempfile::tempdir().unwrap();
        for (before, want, after) in [
            (0o755, Tightened::Yes, 0o700),
            (0o700, Tightened::Unchanged, 0o700),
            (0o2770, Tightened::Shared, 0o2770),
        ] {
            let folder = dir.path().join(format!("{before:o}"));
            fs::create_dir(&folder).unwrap();
            fs::write(folder.join("file"), "x").unwrap();
            fs::set_permissions(folder.join("file"), Permissions::from_mode(0o644)).unwrap();
            fs::set_permissions(&folder, Permissions::from_mode(before)).unwrap();
            assert_eq!(tighten(&folder).unwrap(), want);
            assert_eq!(mode(&folder), after);
            assert_eq!(mode(&folder.join("file")) == 0o600, want == Tightened::Yes);
        }
        assert_eq!(tighten(&dir.path().join("none")).unwrap(), Tightened::Unchanged);
    }
}
