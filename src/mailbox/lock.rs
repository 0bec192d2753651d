//! Locks of an mbox, which must not be read while another program writes to it: `flock`, and `FILE.lock` as mail
//! delivery agents create it.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// The pause between two checks of a lock that another program holds.
const PAUSE: Duration = Duration::from_millis(100);

/// The locks of an mbox, released when dropped.
#[derive(Debug)]
pub(super) struct Locked {
    pub file: File,
    dotlock: Option<PathBuf>,
}

/// The lock that keeps an mbox from being read.
enum Holder {
    Flock,
    Dotlock(PathBuf),
}

impl Locked {
    /// Opens an mbox once no other program writes to it. A lock is never broken, however old it is.
    ///
    /// # Errors
    /// If the file cannot be opened, or another program holds it for longer than `patience`.
    pub fn open(path: &Path, patience: Duration, told: &mut dyn FnMut(String)) -> io::Result<Self> {
        let until = Instant::now() + patience;
        let mut locked = Self { file: File::open(path)?, dotlock: None };
        loop {
            let Some(holder) = locked.take(path, told)? else { return Ok(locked) };
            // A program that waits for one lock while we wait for the other must not wait indefinitely.
            locked.file.unlock()?;
            if Instant::now() >= until {
                return Err(holder.into());
            }
            std::thread::sleep(PAUSE);
        }
    }

    /// Takes both locks, starting with the one that ends with this process; otherwise returns which lock is held.
    fn take(&mut self, path: &Path, told: &mut dyn FnMut(String)) -> io::Result<Option<Holder>> {
        match self.file.try_lock_shared() {
            Ok(()) => {}
            Err(TryLockError::WouldBlock) => return Ok(Some(Holder::Flock)),
            Err(TryLockError::Error(error)) => return Err(error),
        }
        let mut name = OsString::from(path);
        name.push(".lock");
        let name = PathBuf::from(name);
        match OpenOptions::new().write(true).create_new(true).open(&name) {
            Ok(mut dotlock) => {
                self.dotlock = Some(name);
                // For people only: no program checks whether the process still runs.
                let _unimportant = write!(dotlock, "{}", std::process::id());
                Ok(None)
            }
            Err(error) => match error.kind() {
                ErrorKind::AlreadyExists => Ok(Some(Holder::Dotlock(name))),
                ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem => {
                    let name = name.display();
                    told(format!("cannot create `{name}` ({error}): the mbox is locked by flock only."));
                    Ok(None)
                }
                _ => Err(error),
            },
        }
    }
}

impl From<Holder> for io::Error {
    fn from(holder: Holder) -> Self {
        let words = match holder {
            Holder::Flock => "another program holds its lock (flock)".to_owned(),
            Holder::Dotlock(name) => format!(
                "another program has locked it with `{}`; if no program is using it, delete that file",
                name.display()
            ),
        };
        Self::new(ErrorKind::WouldBlock, words)
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        if let Some(dotlock) = &self.dotlock {
            let _gone_already = std::fs::remove_file(dotlock);
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(150);

    #[test]
    fn a_lock_is_never_broken() {
        let dir = tempfile::tempdir().unwrap();
        let mbox = dir.path().join("mbox");
        let dotlock = dir.path().join("mbox.lock");
        std::fs::write(&mbox, "").unwrap();
        let mut told = |words: String| panic!("{words}");
        drop(Locked::open(&mbox, SHORT, &mut told).unwrap());
        assert!(!dotlock.exists());

        std::fs::write(&dotlock, "").unwrap();
        let error = Locked::open(&mbox, SHORT, &mut told).unwrap_err();
        assert!(error.kind() == ErrorKind::WouldBlock && error.to_string().contains("mbox.lock"), "{error}");
        assert!(dotlock.exists());
        std::fs::remove_file(&dotlock).unwrap();

        let writer = File::open(&mbox).unwrap();
        writer.lock().unwrap();
        let error = Locked::open(&mbox, SHORT, &mut told).unwrap_err();
        assert!(error.to_string().contains("flock") && !dotlock.exists(), "{error}");
        let waiting = std::thread::spawn(move || {
            std::thread::sleep(SHORT);
            drop(writer);
        });
        Locked::open(&mbox, Duration::from_secs(30), &mut told).unwrap();
        waiting.join().unwrap();
    }
}
