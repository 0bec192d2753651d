//! A folder of `.eml` files: for dry runs, for tests, and for a mail program that sends them.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::domain::{Letter, Outcome, Reply, Traces};
use crate::private;

use super::{After, Delivered, RelayError};

/// The prefix of unfinished files.
const UNFINISHED: &str = ".letter-";

/// An outbox folder.
#[derive(Debug)]
pub struct Outbox {
    dir: PathBuf,
    durability: Durability,
}

/// Whether a letter must survive a power cut before it counts as accepted.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Durability {
    Synced,
    /// No: the letters can be composed again.
    Cached,
}

impl Outbox {
    /// Writes to `dir`, which is created for the first letter.
    pub fn new(dir: PathBuf, durability: Durability) -> Self {
        Self { dir, durability }
    }

    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The file of a letter, named after member and address, so that writing the letter again yields the same file.
    pub fn file(&self, letter: &Letter) -> PathBuf {
        let address = in_file_name(letter.recipient.as_str());
        self.dir.join(format!("{:06}-{address}.eml", letter.member.0))
    }

    /// All letters to a person in a folder and its subfolders, by their file names.
    ///
    /// # Errors
    /// If a folder cannot be read.
    pub fn letters_to(dir: &Path, traces: &Traces) -> std::io::Result<Vec<PathBuf>> {
        let addresses: Vec<String> = traces.addresses.iter().map(|address| in_file_name(address)).collect();
        let mut found = Vec::new();
        let mut folders = vec![dir.to_owned()];
        while let Some(folder) = folders.pop() {
            let entries = match std::fs::read_dir(&folder) {
                Err(error) if error.kind() == std::io::ErrorKind::NotFound => continue,
                entries => entries?,
            };
            for entry in entries {
                let entry = entry?;
                if entry.file_type()?.is_dir() {
                    folders.push(entry.path());
                    continue;
                }
                let name = entry.file_name().to_string_lossy().to_lowercase();
                let Some((number, address)) = name.strip_suffix(".eml").and_then(|name| name.split_once('-'))
                else {
                    continue;
                };
                let is_member = number.parse() == Ok(traces.member.0);
                if is_member || addresses.iter().any(|known| known == address) {
                    found.push(entry.path());
                }
            }
        }
        Ok(found)
    }

    /// Deletes unfinished files of a killed run; no other run may be active.
    ///
    /// # Errors
    /// If a file cannot be deleted.
    pub fn clear_unfinished(&self) -> std::io::Result<()> {
        for entry in std::fs::read_dir(&self.dir).into_iter().flatten().flatten() {
            if entry.file_name().to_string_lossy().starts_with(UNFINISHED) {
                std::fs::remove_file(entry.path())?;
            }
        }
        Ok(())
    }

    pub(super) fn open(&self) -> Result<(), RelayError> {
        private::create_folder(&self.dir)
            .map_err(|source| RelayError::Folder { path: self.dir.clone(), source })
    }

    pub(super) fn deliver(&self, letter: &Letter) -> Delivered {
        let path = self.file(letter);
        match tokio::task::block_in_place(|| self.write(&path, &letter.bytes)) {
            Ok(()) => Delivered::go_on(Outcome::Accepted(Reply::local(path.display().to_string()))),
            Err(error) => Delivered {
                outcome: Outcome::Deferred(Reply::local(format!(
                    "cannot write `{}`: {error}",
                    path.display()
                ))),
                after: After::Stop,
            },
        }
    }

    /// Writes under another name first, so that every file in the folder is complete.
    fn write(&self, path: &Path, bytes: &[u8]) -> std::io::Result<()> {
        let mut file = tempfile::Builder::new().prefix(UNFINISHED).tempfile_in(&self.dir)?;
        file.write_all(bytes)?;
        if self.durability == Durability::Synced {
            file.as_file().sync_data()?;
        }
        file.persist(path)?;
        if self.durability == Durability::Synced {
            std::fs::File::open(&self.dir)?.sync_all()?;
        }
        Ok(())
    }
}

fn in_file_name(address: &str) -> String {
    let allowed = |c: char| c.is_alphanumeric() || "@.+-_".contains(c);
    address.chars().map(|c| if allowed(c) { c } else { '_' }).take(100).collect()
}
