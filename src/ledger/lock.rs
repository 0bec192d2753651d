//! One run at a time: a lock that dies with its process.

use crate::private;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Between two looks at a lock that somebody holds.
const PAUSE: Duration = Duration::from_millis(50);

/// The held lock; released when dropped or when the process ends, however it ends.
#[derive(Debug)]
pub struct Lock {
    _file: File,
}

/// Why the lock was not given.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("another run is in progress: {holder}")]
    Held { holder: String },
    #[error("cannot use the lock file `{path}`: {source}")]
    Io { path: PathBuf, source: std::io::Error },
}

impl Lock {
    /// Takes the lock at `path`, as soon as it is free, and leaves a note of who holds it. Another process's lock is never removed.
    ///
    /// # Errors
    /// Where another process holds it after `patience`, with that one's note.
    pub fn take(path: &Path, note: &str, patience: Duration) -> Result<Self, LockError> {
        let start = Instant::now();
        loop {
            match Self::take_at_once(path, note) {
                Err(LockError::Held { .. }) if start.elapsed() < patience => std::thread::sleep(PAUSE),
                taken => return taken,
            }
        }
    }

    fn take_at_once(path: &Path, note: &str) -> Result<Self, LockError> {
        let failed = |source| LockError::Io { path: path.to_owned(), source };
        if let Some(dir) = path.parent() {
            private::create_folder(dir).map_err(failed)?;
        }
        private::create_if_missing(path).map_err(failed)?;
        let options = OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path);
        let mut file = options.map_err(failed)?;
        match file.try_lock() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => {
                let mut holder = String::new();
                let _unreadable = file.read_to_string(&mut holder);
                return Err(LockError::Held { holder: holder.trim().to_owned() });
            }
            Err(TryLockError::Error(source)) => return Err(failed(source)),
        }
        let text = format!("process {}: {note}\n", std::process::id());
        file.set_len(0)
            .and_then(|()| file.rewind())
            .and_then(|()| file.write_all(text.as_bytes()))
            .map_err(failed)?;
        Ok(Self { _file: file })
    }

    /// Tells whether a living process holds the lock at `path`.
    pub fn is_held(path: &Path) -> bool {
        File::open(path).is_ok_and(|file| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock)))
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_run_hears_who_is_at_work() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state/lock");
        assert!(!Lock::is_held(&path));
        let lock = Lock::take(&path, "send 2026-1", Duration::ZERO).unwrap();
        assert!(Lock::is_held(&path));
        let error = Lock::take(&path, "import", PAUSE).unwrap_err().to_string();
        assert!(error.contains("send 2026-1"), "{error}");
        drop(lock);
        assert!(Lock::take(&path, "import", Duration::ZERO).is_ok());
    }
}
