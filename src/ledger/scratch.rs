//! A ledger for one dry run: a copy in files, because several connections use it.

use std::fs::{self, File};
use std::io;
use std::path::Path;

use tempfile::TempDir;

use crate::private;

use super::db::Db;
use super::db::sqlite::Durable;
use super::{Ledger, LedgerError, LedgerPlace};

const PREFIX: &str = "copy-";
const LOCK: &str = "lock";

/// A private folder for the copy; it is removed when this is dropped, or by the next one after a crash.
#[derive(Debug)]
pub struct Scratch {
    folder: TempDir,
    /// Held while the copy is in use.
    _lock: File,
}

impl Scratch {
    /// Removes the copies that dead processes left in `state`.
    pub fn remove_abandoned(state: &Path) {
        remove_abandoned(state);
    }

    /// A new folder in `state`, or in the system's temporary folder if `state` is read-only.
    ///
    /// # Errors
    /// If no folder can be created.
    pub fn new(state: &Path) -> Result<Self, LedgerError> {
        remove_abandoned(state);
        let build = || {
            let mut builder = tempfile::Builder::new();
            builder.prefix(PREFIX).permissions(private::folder_permissions());
            let inside = private::create_folder(state).and_then(|()| builder.tempdir_in(state));
            let folder = inside.or_else(|_| builder.tempdir())?;
            let lock = private::append_to(&folder.path().join(LOCK))?;
            lock.lock()?;
            Ok(Self { folder, _lock: lock })
        };
        build().map_err(|source: io::Error| LedgerError::Folder { path: state.to_owned(), source })
    }

    /// Copies the ledger at `of` into the folder.
    ///
    /// # Errors
    /// If the ledger cannot be read or the copy cannot be written.
    pub fn ledger(&self, of: &LedgerPlace) -> Result<Ledger, LedgerError> {
        let path = self.folder.path().join("copy.db");
        let db = Db::copy_at(&path, of)?;
        Ok(Ledger { db, place: LedgerPlace::from(&path), durable: Durable::No, part: None })
    }
}

/// Removes the copies of dead processes, whose locks nobody holds.
fn remove_abandoned(state: &Path) {
    for entry in fs::read_dir(state).into_iter().flatten().flatten() {
        if !entry.file_name().to_string_lossy().starts_with(PREFIX) {
            continue;
        }
        let is_abandoned = File::open(entry.path().join(LOCK)).is_ok_and(|lock| lock.try_lock().is_ok());
        // One that cannot be removed is private anyway. An empty one lost its process before it was locked.
        let _kept =
            if is_abandoned { fs::remove_dir_all(entry.path()) } else { fs::remove_dir(entry.path()) };
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn copies_of_dead_processes_are_removed_and_those_in_use_stay() {
        let state = tempfile::tempdir().unwrap();
        let used = Scratch::new(state.path()).unwrap();
        let dead = state.path().join("copy-dead");
        fs::create_dir(&dead).unwrap();
        fs::write(dead.join(LOCK), "").unwrap();
        fs::write(dead.join("copy.db"), "names").unwrap();
        let next = Scratch::new(state.path()).unwrap();
        assert!(!dead.exists() && used.folder.path().exists() && next.folder.path().exists());
        drop((used, next));
        assert_eq!(fs::read_dir(state.path()).unwrap().count(), 0);
    }
}
