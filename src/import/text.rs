//! A list's bytes: in memory or, if they are many, in a file without a name.

use std::fs::File;
use std::io::{self, BufReader, Read, Write};
use std::os::unix::fs::FileExt;
use std::path::Path;
use std::sync::OnceLock;

use tempfile::{SpooledTempFile, spooled_tempfile};

use super::ImportError;

/// Longer lists are not held in memory.
const MOST_IN_MEMORY: usize = 4 * 1024 * 1024;

/// What is read or decoded in one go.
pub(super) const CHUNK: usize = 64 * 1024;

/// Bytes that were read from a list or decoded: one version, whatever becomes of the list meanwhile.
#[derive(Debug)]
pub(super) struct ListText {
    kept: ListBytes,
    /// The first error at reading them back.
    failure: OnceLock<io::Error>,
}

#[derive(Debug)]
enum ListBytes {
    Memory(Vec<u8>),
    /// `length` bytes from `start` on.
    File {
        file: File,
        start: usize,
        length: usize,
    },
}

/// Reads a text from a place on.
#[derive(Debug)]
pub(super) struct ListReader<'a> {
    text: &'a ListText,
    at: usize,
}

/// Collects bytes piece by piece.
#[derive(Debug)]
pub(super) struct ListWriter(SpooledTempFile);

impl From<Vec<u8>> for ListText {
    fn from(bytes: Vec<u8>) -> Self {
        Self { kept: ListBytes::Memory(bytes), failure: OnceLock::new() }
    }
}

impl ListText {
    /// Reads the list at `path` once and whole.
    pub fn read(path: &Path, mut from: impl Read) -> Result<Self, ImportError> {
        let unreadable = |source| ImportError::Read { path: path.to_owned(), source };
        let uncopied = |source| ImportError::Copy { path: path.to_owned(), source };
        let mut writer = ListWriter::new();
        let mut bytes = Vec::new();
        while from.by_ref().take(CHUNK as u64).read_to_end(&mut bytes).map_err(unreadable)? > 0 {
            writer.push(&bytes).map_err(uncopied)?;
            bytes.clear();
        }
        writer.finish().map_err(uncopied)
    }

    /// Without its first bytes.
    pub fn after(self, skipped: usize) -> Self {
        let kept = match self.kept {
            ListBytes::Memory(mut bytes) => {
                drop(bytes.drain(..skipped.min(bytes.len())));
                ListBytes::Memory(bytes)
            }
            ListBytes::File { file, start, length } => {
                ListBytes::File { file, start: start + skipped, length: length.saturating_sub(skipped) }
            }
        };
        Self { kept, ..self }
    }

    pub fn len(&self) -> usize {
        match &self.kept {
            ListBytes::Memory(bytes) => bytes.len(),
            ListBytes::File { length, .. } => *length,
        }
    }

    pub fn reader(&self, at: usize) -> ListReader<'_> {
        ListReader { text: self, at }
    }

    /// The bytes from `at` on, one by one.
    pub fn bytes(&self, at: usize) -> impl Iterator<Item = u8> {
        BufReader::with_capacity(CHUNK, self.reader(at)).bytes().map_while(Result::ok)
    }

    /// The first bytes, at most `most`.
    pub fn head(&self, most: usize) -> io::Result<Vec<u8>> {
        let mut head = Vec::new();
        self.reader(0).take(most as u64).read_to_end(&mut head)?;
        Ok(head)
    }

    /// As much of it as a message about the place `at` needs: all of it if it is in memory.
    pub fn shown(&self, at: usize) -> String {
        let most = match &self.kept {
            ListBytes::Memory(bytes) => bytes.len(),
            ListBytes::File { .. } => at.saturating_add(CHUNK),
        };
        String::from_utf8_lossy(&self.head(most).unwrap_or_default()).into_owned()
    }

    /// All of it, however large.
    pub fn into_bytes(self) -> io::Result<Vec<u8>> {
        match self.kept {
            ListBytes::Memory(bytes) => Ok(bytes),
            ListBytes::File { length, .. } => self.head(length),
        }
    }

    /// The error at which reading ended early, if it did.
    pub fn failure(&self) -> Option<io::Error> {
        self.failure.get().map(|error| io::Error::new(error.kind(), error.to_string()))
    }

    fn read_at(&self, at: usize, into: &mut [u8]) -> io::Result<usize> {
        match &self.kept {
            ListBytes::Memory(bytes) => bytes.get(at..).unwrap_or_default().read(into),
            ListBytes::File { length, .. } if at >= *length || into.is_empty() => Ok(0),
            ListBytes::File { file, start, length } => {
                let most = into.len().min(length - at);
                match file.read_at(into.get_mut(..most).unwrap_or_default(), (start + at) as u64)? {
                    0 => Err(io::ErrorKind::UnexpectedEof.into()),
                    read => Ok(read),
                }
            }
        }
    }
}

impl Read for ListReader<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.text.read_at(self.at, into).inspect_err(|error| {
            let _first = self.text.failure.set(io::Error::new(error.kind(), error.to_string()));
        })?;
        self.at += read;
        Ok(read)
    }
}

impl ListWriter {
    pub fn new() -> Self {
        Self(spooled_tempfile(MOST_IN_MEMORY))
    }

    pub fn push(&mut self, bytes: &[u8]) -> io::Result<()> {
        self.0.write_all(bytes)
    }

    pub fn finish(self) -> io::Result<ListText> {
        use tempfile::SpooledData::{InMemory, OnDisk};
        match self.0.into_inner() {
            InMemory(bytes) => Ok(bytes.into_inner().into()),
            OnDisk(file) => {
                let length = usize::try_from(file.metadata()?.len()).map_err(io::Error::other)?;
                Ok(ListText { kept: ListBytes::File { file, start: 0, length }, failure: OnceLock::new() })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use std::fmt::Write as _;

    use super::super::{Options, Plan, Sheet};
    use super::*;
    use crate::import::encoding_for;

    /// A list that is not held in memory: few rows with long notes, some of them on several lines or wrong.
    fn large() -> String {
        let mut text = "Namn;E-post;Anteckning\r\n".to_owned();
        for row in 0..1_500 {
            let note = format!("å ä {row}, \"\"ö\"\"\r\n").repeat(row % 400);
            write!(text, "Åsa {row};m{row}@example.se;\"{note}\"\r\n").unwrap();
            if row % 200 == 0 {
                write!(text, "Bo {row};m{row}@@example.se\r\n\r\nÅsa;m{row}@example.se\r\n").unwrap();
            }
        }
        text
    }

    #[test]
    fn a_list_in_a_file_gives_the_rows_that_it_gives_in_memory() {
        let text = large();
        let held =
            Sheet::from_bytes(Path::new("m.csv"), text.clone().into_bytes(), &Options::default()).unwrap();
        assert!(matches!(held.text.kept, ListBytes::Memory(_)));
        let rows: Vec<_> = held.rows().collect();
        let plan = Plan::make(&held);
        for label in ["utf-8", "windows-1252", "macintosh"] {
            let list = tempfile::NamedTempFile::new().unwrap();
            let encoding = encoding_rs::Encoding::for_label(label.as_bytes()).unwrap();
            let bytes = encoding.encode(&text).0;
            assert!(bytes.len() > MOST_IN_MEMORY);
            std::fs::write(list.path(), bytes).unwrap();
            let options = Options { encoding: Some(encoding_for(label).unwrap()), ..Options::default() };
            let sheet = Sheet::open(list.path(), &options).unwrap();
            // What becomes of the list meanwhile does not matter.
            std::fs::write(list.path(), "").unwrap();
            assert!(matches!(sheet.text.kept, ListBytes::File { .. }), "{label}");
            assert!(sheet.rows().eq(rows.iter().cloned()), "{label}");
            let found = Plan::make(&sheet);
            assert_eq!((found.bad, found.duplicates), (plan.bad.clone(), plan.duplicates.clone()), "{label}");
            sheet.check_read().unwrap();
        }
    }

    #[test]
    fn a_file_that_cannot_be_read_back_is_an_error() {
        let list = tempfile::NamedTempFile::new().unwrap();
        std::fs::write(list.path(), large()).unwrap();
        let sheet = Sheet::open(list.path(), &Options::default()).unwrap();
        let ListBytes::File { file, .. } = &sheet.text.kept else { panic!("it is in memory") };
        file.set_len(100_000).unwrap();
        assert!(Plan::make(&sheet).members < 1_500);
        assert!(matches!(sheet.check_read().unwrap_err(), ImportError::Read { .. }));
    }
}
