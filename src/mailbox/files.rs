//! Messages in files: single ones, folders, Maildirs, mboxes and standard input.

use std::fs::{self, File};
use std::io::{self, Read};
use std::path::{Path, PathBuf};
use std::time::Duration;

use mail_parser::mailbox::mbox::MessageIterator;

use super::lock::Locked;

/// The source for a single message on standard input, delivered by a mail server's pipe or procmail.
const STDIN: &str = "-";
/// How long to wait for a program that is writing to an mbox.
const PATIENCE: Duration = Duration::from_secs(10);

/// A file with one message, or an mbox with several.
#[derive(Debug)]
pub struct MessageFile {
    pub path: PathBuf,
    /// Whether it is a message in a folder, which may be moved.
    is_of_folder: bool,
}

/// The content of a file: one message, or several.
#[derive(Debug)]
pub struct FileContent {
    name: String,
    bytes: Vec<u8>,
}

/// A folder that cannot be read.
#[derive(Debug, thiserror::Error)]
#[error("cannot read `{path}`: {source}")]
pub struct FindError {
    pub path: PathBuf,
    pub source: io::Error,
}

/// The message files: a Maildir's new and read ones, the files of a folder, or the file itself.
///
/// # Errors
/// If a path does not exist or cannot be read.
pub fn find(named: &[PathBuf]) -> Result<Vec<MessageFile>, FindError> {
    let mut found = Vec::new();
    for path in named {
        if path.is_file() || path == Path::new(STDIN) {
            found.push(MessageFile { path: path.clone(), is_of_folder: false });
        } else if path.join("cur").is_dir() || path.join("new").is_dir() {
            for folder in ["new", "cur"].map(|name| path.join(name)).iter().filter(|path| path.is_dir()) {
                found.extend(in_folder(folder)?);
            }
        } else {
            found.extend(in_folder(path)?);
        }
    }
    Ok(found)
}

fn in_folder(folder: &Path) -> Result<Vec<MessageFile>, FindError> {
    let entries = fs::read_dir(folder).map_err(|source| FindError { path: folder.to_owned(), source })?;
    let mut paths: Vec<PathBuf> =
        entries.flatten().map(|entry| entry.path()).filter(|path| path.is_file()).collect();
    paths.sort();
    Ok(paths.into_iter().map(|path| MessageFile { path, is_of_folder: true }).collect())
}

impl MessageFile {
    /// Reads the file; waits with an mbox until nobody writes to it, and calls `told` if that cannot be ensured.
    ///
    /// # Errors
    /// If it cannot be read, or another program keeps the mbox locked.
    pub fn read(&self, told: &mut dyn FnMut(String)) -> io::Result<FileContent> {
        let name = self.path.display().to_string();
        let mut bytes = Vec::new();
        if self.path == Path::new(STDIN) {
            io::stdin().lock().read_to_end(&mut bytes)?;
            return Ok(FileContent { name, bytes });
        }
        let mut start = Vec::new();
        let mut file = File::open(&self.path)?;
        file.by_ref().take(FROM.len() as u64).read_to_end(&mut start)?;
        if start == FROM && !self.is_of_folder {
            Locked::open(&self.path, PATIENCE, told)?.file.read_to_end(&mut bytes)?;
        } else {
            bytes = start;
            file.read_to_end(&mut bytes)?;
        }
        Ok(FileContent { name, bytes })
    }

    /// Moves a handled message of a folder to `to`, or a Maildir's new message to its read ones.
    ///
    /// # Errors
    /// If it cannot be moved, or a file of that name already exists.
    pub fn put_away(&self, to: Option<&Path>) -> io::Result<()> {
        let is_new = self.path.parent().is_some_and(|folder| folder.ends_with("new"));
        let maildir =
            self.path.parent().and_then(Path::parent).filter(|maildir| maildir.join("cur").is_dir());
        let Some(name) = self.path.file_name().filter(|_| self.is_of_folder) else { return Ok(()) };
        let target = match (to, maildir) {
            (Some(to), _) if to.join("cur").is_dir() => to.join("cur"),
            (Some(to), _) => to.to_owned(),
            (None, Some(maildir)) if is_new => maildir.join("cur"),
            (None, _) => return Ok(()),
        };
        fs::create_dir_all(&target)?;
        let mut name = name.to_owned();
        if target.ends_with("cur") && !name.to_string_lossy().contains(":2,") {
            // The flag "seen" of mail programs.
            name.push(":2,S");
        }
        let target = target.join(name);
        if target.exists() {
            let message = format!("`{}` already exists", target.display());
            return Err(io::Error::new(io::ErrorKind::AlreadyExists, message));
        }
        fs::rename(&self.path, target)
    }
}

impl FileContent {
    /// Calls `each` for every message with its name; in an mbox, a number follows the file's name.
    ///
    /// # Errors
    /// Those of `each`.
    pub fn each<E>(&self, mut each: impl FnMut(&str, &[u8]) -> Result<(), E>) -> Result<(), E> {
        if !is_mbox(&self.bytes) {
            return each(&self.name, &self.bytes);
        }
        // Reading from a byte slice cannot fail.
        let messages = MessageIterator::new(self.bytes.as_slice()).flatten();
        for (number, message) in messages.enumerate() {
            each(&format!("{}#{}", self.name, number + 1), &message.unwrap_contents())?;
        }
        Ok(())
    }
}

/// Tells whether the file has several messages: separator lines are at its start and after an empty line. A single
/// message after such a line is read as it is.
fn is_mbox(bytes: &[u8]) -> bool {
    if !is_separator(bytes) {
        return false;
    }
    let after_empty_line = |pattern: &'static [u8]| {
        memchr::memmem::find_iter(bytes, pattern)
            .filter_map(move |at| bytes.get(at + pattern.len() - FROM.len()..))
            .any(is_separator)
    };
    after_empty_line(b"\n\nFrom ") || after_empty_line(b"\n\r\nFrom ")
}

const FROM: &[u8] = b"From ";

/// `From ADDRESS WEEKDAY MONTH DAY TIME … YEAR` (RFC 4155 appendix A).
fn is_separator(bytes: &[u8]) -> bool {
    let line = bytes.split(|byte| *byte == b'\n').next().unwrap_or_default();
    let Some(line) = line.strip_prefix(FROM).and_then(|line| std::str::from_utf8(line).ok()) else {
        return false;
    };
    let mut words = line.split_whitespace().skip(1);
    let is_one =
        |word: Option<&str>, names: &str| word.is_some_and(|word| word.len() == 3 && names.contains(word));
    is_one(words.next(), "Mon Tue Wed Thu Fri Sat Sun")
        && is_one(words.next(), "Jan Feb Mar Apr May Jun Jul Aug Sep Oct Nov Dec")
        && words.any(|word| word.len() == 4 && word.bytes().all(|byte| byte.is_ascii_digit()))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn an_mbox_has_several_separator_lines() {
        let one = "From a@example.org Tue Nov 24 10:00:00 2026\nSubject: x\n\nFrom here on\n";
        let two = format!("{one}\nFrom - Tue Nov 24 10:00:01 2026\nSubject: y\n\n>From me\n");
        assert!(!is_mbox(one.as_bytes()) && is_mbox(two.as_bytes()));
        assert!(is_mbox(two.replace('\n', "\r\n").as_bytes()));
        assert!(!is_mbox(b"") && !is_mbox(b"Subject: x\n\nFrom a Tue Nov 24 2026\n"));
    }
}
