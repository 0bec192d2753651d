//! A folder of `.eml` files: for dry runs, for trying out, and for a mail program that sends them.

use std::io::Write;
use std::path::{Path, PathBuf};

use crate::domain::{Letter, Outcome, Reply, Traces};
use crate::private;

use super::{After, Delivered, RelayError};

/// How the names of files begin that are still being written.
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
    /// For letters that can be made again.
    Cached,
}

impl Outbox {
    /// Writes into `dir`, which is made when the first letter comes.
    pub fn new(dir: PathBuf, durability: Durability) -> Self {
        Self { dir, durability }
    }

    /// The folder.
    pub fn dir(&self) -> &Path {
        &self.dir
    }

    /// The file of a letter: named by member and address, so that writing it again returns one file.
    pub fn file(&self, letter: &Letter) -> PathBuf {
        let address = in_file_name(letter.recipient.as_str());
        self.dir.join(format!("{:06}-{address}.eml", letter.member.0))
    }

    /// The letters to a person in a folder and the folders in it, by their names.
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

    /// Takes away what a run that was killed left half written; no other run may be at work.
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

    /// Under another name first: a file in the folder is always whole.
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
