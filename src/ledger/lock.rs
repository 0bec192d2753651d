//! One run at a time: a lock that ends with its process. A ledger on a server has one lock for all hosts.

use crate::domain::IssueName;
use crate::private;

use super::db::Guard;
use super::{LedgerError, LedgerPlace};
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{Read, Seek, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The pause between two checks of a lock that another process holds.
const PAUSE: Duration = Duration::from_millis(50);
/// How long a host waits for another one that imports and queues.
const PREPARES: Duration = Duration::from_mins(2);

/// The held lock; released when dropped or when the process ends in any way.
#[derive(Debug)]
pub struct Lock {
    _file: File,
    guard: Option<Guard>,
    joins: bool,
}

/// Why the lock could not be taken.
#[derive(Debug, thiserror::Error)]
pub enum LockError {
    #[error("another run is in progress: {holder}")]
    Held { holder: String },
    #[error(transparent)]
    Ledger(#[from] LedgerError),
    #[error("cannot use the lock file `{path}`: {source}")]
    Io { path: PathBuf, source: std::io::Error },
}

impl Lock {
    /// Takes the lock of the ledger at `place`, with its file at `path`, as soon as it is free, and leaves a note
    /// about the holder. Another process's lock is never removed.
    ///
    /// # Errors
    /// If another process still holds it after `patience` (the error has its note), or the server cannot be reached.
    pub fn take(place: &LedgerPlace, path: &Path, note: &str, patience: Duration) -> Result<Self, LockError> {
        Self::take_for(None, place, path, note, patience)
    }

    /// Takes the lock to send an issue; hosts that send it already share theirs.
    ///
    /// # Errors
    /// Like [`Self::take`]. Waits for a host that is still preparing the issue.
    pub fn take_to_send(
        issue: &IssueName,
        place: &LedgerPlace,
        path: &Path,
        note: &str,
        patience: Duration,
    ) -> Result<Self, LockError> {
        Self::take_for(Some(issue), place, path, note, patience)
    }

    fn take_for(
        issue: Option<&IssueName>,
        place: &LedgerPlace,
        path: &Path,
        note: &str,
        patience: Duration,
    ) -> Result<Self, LockError> {
        let start = Instant::now();
        let retry = |error: LockError| {
            if !matches!(error, LockError::Held { .. }) || start.elapsed() >= patience {
                return Err(error);
            }
            std::thread::sleep(PAUSE);
            Ok(())
        };
        let file = loop {
            match Self::take_file(path, note) {
                Ok(file) => break file,
                Err(error) => retry(error)?,
            }
        };
        let guard = Guard::new(place)?;
        let mut joins = false;
        while let Some(guard) = &guard
            && !guard.take(note)?
        {
            joins = issue.map_or(Ok(false), |issue| guard.join(issue, note))?;
            let holder = guard.holder()?.unwrap_or_else(|| "another host".to_owned());
            // Another host may be about to send the same issue.
            let prepares = issue.is_some_and(|issue| holder.contains(&format!("send {issue}")));
            if joins {
                break;
            } else if prepares && start.elapsed() < PREPARES {
                std::thread::sleep(PAUSE);
            } else {
                retry(LockError::Held { holder })?;
            }
        }
        Ok(Self { _file: file, guard, joins })
    }

    /// Tells whether other hosts are sending the issue already.
    pub fn joins(&self) -> bool {
        self.joins
    }

    /// Lets other hosts take part in sending.
    ///
    /// # Errors
    /// If the server cannot be reached.
    pub fn share(&self) -> Result<(), LockError> {
        match &self.guard {
            Some(guard) if !self.joins => Ok(guard.share()?),
            _ => Ok(()),
        }
    }

    fn take_file(path: &Path, note: &str) -> Result<File, LockError> {
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
        Ok(file)
    }

    /// Tells whether a living process holds the lock: on this host, by its file at `path`, or on another one.
    pub fn is_held(place: &LedgerPlace, path: &Path) -> bool {
        let is_held = |file: File| matches!(file.try_lock_shared(), Err(TryLockError::WouldBlock));
        File::open(path).is_ok_and(is_held) || Guard::is_held(place)
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_second_run_is_told_who_holds_the_lock() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("state/lock");
        let place = LedgerPlace::from(&dir.path().join("state/l.db"));
        assert!(!Lock::is_held(&place, &path));
        let lock = Lock::take(&place, &path, "send 2026-1", Duration::ZERO).unwrap();
        assert!(Lock::is_held(&place, &path));
        let error = Lock::take(&place, &path, "import", PAUSE).unwrap_err().to_string();
        assert!(error.contains("send 2026-1"), "{error}");
        drop(lock);
        assert!(Lock::take(&place, &path, "import", Duration::ZERO).is_ok());
    }
}
