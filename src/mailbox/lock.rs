//! An mbox is read while nobody writes into it: `flock`, and `FILE.lock` as mail delivery agents make it.

use std::ffi::OsString;
use std::fs::{File, OpenOptions, TryLockError};
use std::io::{self, ErrorKind, Write};
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

/// Between two looks at a lock that somebody holds.
const PAUSE: Duration = Duration::from_millis(100);

/// The locks of an mbox, released when dropped.
#[derive(Debug)]
pub(super) struct Locked {
    pub file: File,
    dotlock: Option<PathBuf>,
}

impl Locked {
    /// Opens an mbox once nobody writes into it. A lock is never broken, however old it is.
    ///
    /// # Errors
    /// When the file can't be opened, or another program holds it for longer than `patience`.
    pub fn open(path: &Path, patience: Duration, told: &mut dyn FnMut(String)) -> io::Result<Self> {
        let until = Instant::now() + patience;
        let file = File::open(path)?;
        let mut locked = Self { file, dotlock: None };
        locked.make_dotlock(path, until, told)?;
        loop {
            match locked.file.try_lock_shared() {
                Ok(()) => return Ok(locked),
                Err(TryLockError::Error(error)) => return Err(error),
                Err(TryLockError::WouldBlock) if Instant::now() < until => std::thread::sleep(PAUSE),
                Err(TryLockError::WouldBlock) => {
                    return Err(busy("another program has it locked (flock) and does not let go".to_owned()));
                }
            }
        }
    }

    fn make_dotlock(&mut self, path: &Path, until: Instant, told: &mut dyn FnMut(String)) -> io::Result<()> {
        let mut name = OsString::from(path);
        name.push(".lock");
        let name = PathBuf::from(name);
        loop {
            match OpenOptions::new().write(true).create_new(true).open(&name) {
                Ok(mut dotlock) => {
                    self.dotlock = Some(name);
                    // For people only: nobody asks whether the process still runs.
                    let _unimportant = write!(dotlock, "{}", std::process::id());
                    return Ok(());
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists && Instant::now() < until => {
                    std::thread::sleep(PAUSE);
                }
                Err(error) if error.kind() == ErrorKind::AlreadyExists => {
                    return Err(busy(format!(
                        "another program has locked it by `{}`; if none is at work, delete that file",
                        name.display()
                    )));
                }
                Err(error)
                    if matches!(
                        error.kind(),
                        ErrorKind::PermissionDenied | ErrorKind::ReadOnlyFilesystem
                    ) =>
                {
                    told(format!(
                        "can't make `{}` ({error}): the mbox is locked by flock alone.",
                        name.display()
                    ));
                    return Ok(());
                }
                Err(error) => return Err(error),
            }
        }
    }
}

impl Drop for Locked {
    fn drop(&mut self) {
        if let Some(dotlock) = &self.dotlock {
            let _gone_already = std::fs::remove_file(dotlock);
        }
    }
}

fn busy(words: String) -> io::Error {
    io::Error::new(ErrorKind::WouldBlock, words)
}

#[cfg(test)]
mod tests {
    use super::*;

    const SHORT: Duration = Duration::from_millis(150);

    #[test]
    fn a_lock_is_waited_for_and_never_broken() {
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
