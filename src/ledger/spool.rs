//! A file for outcomes that the ledger could not take, for example because another program holds it for minutes.

use std::fs;
use std::io::{self, BufRead, BufReader, Write};
use std::path::PathBuf;

use crate::private;

use super::claims::{Settlement, settle};
use super::{Ledger, LedgerError, with_end};

impl Ledger {
    fn spool_path(&self) -> PathBuf {
        with_end(self.place.file(), ".outcomes")
    }

    /// Stores outcomes in a file until the ledger can be written again.
    pub(super) fn spool(&self, settlements: &[&Settlement]) -> io::Result<()> {
        let mut lines = Vec::new();
        for settlement in settlements {
            serde_json::to_writer(&mut lines, settlement)?;
            lines.push(b'\n');
        }
        let mut file = private::append_to(&self.spool_path())?;
        file.write_all(&lines)?;
        file.sync_all()
    }

    /// Records the outcomes waiting in the file, and removes it. A line truncated by a crash is skipped: its letter
    /// was never reported as settled.
    pub(super) fn record_spooled(&self) -> Result<(), LedgerError> {
        let path = self.spool_path();
        let failed = |source| LedgerError::Spool { path: path.clone(), source };
        let file = match fs::File::open(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
            file => file.map_err(failed)?,
        };
        self.at_once(|ledger| {
            for line in BufReader::new(file).split(b'\n') {
                if let Ok(settlement) = serde_json::from_slice(&line.map_err(failed)?) {
                    settle(&ledger.db, &settlement)?;
                }
            }
            Ok::<_, LedgerError>(())
        })?;
        fs::remove_file(&path).map_err(failed)
    }
}
