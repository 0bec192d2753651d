//! Which files were saved, however the editor saves them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};

/// A save is over when nothing happened for that long.
const QUIET: Duration = Duration::from_millis(20);
/// Where something happens all the time, what happened so far is told after this.
const PATIENCE: Duration = Duration::from_millis(200);

/// What is watched.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    pub files: BTreeSet<PathBuf>,
    /// With everything in them; they need not be there yet.
    pub folders: BTreeSet<PathBuf>,
}

/// Watches until it is dropped; then what is being done about the last change is done to its end.
#[derive(Debug)]
pub struct Watch {
    lookout: Sender<WatchMessage>,
    thread: Option<JoinHandle<()>>,
}

/// Why files cannot be watched.
#[derive(Debug, thiserror::Error)]
#[error("cannot watch files: {0}")]
pub struct WatchError(#[from] notify::Error);

#[derive(Debug)]
enum WatchMessage {
    Happened(notify::Result<Event>),
    Stop,
}

impl Drop for Watch {
    fn drop(&mut self) {
        let _ended = self.lookout.send(WatchMessage::Stop);
        let _panicked = self.thread.take().map(JoinHandle::join);
    }
}

/// Calls `saved` with the changed files, each time that some of the places' were saved; it says which places matter
/// from then on.
///
/// # Errors
/// If the system cannot watch files.
pub fn watch(
    places: Places,
    saved: impl FnMut(&BTreeSet<PathBuf>) -> Places + Send + 'static,
) -> Result<Watch, WatchError> {
    let (sender, receiver) = channel();
    let events = sender.clone();
    let watcher = notify::recommended_watcher(move |event| {
        let _ended = events.send(WatchMessage::Happened(event));
    })?;
    let mut lookout = Lookout { watcher, places: Places::default(), watched: BTreeSet::new() };
    lookout.look_at(places)?;
    let thread = std::thread::spawn(move || lookout.run(&receiver, saved));
    Ok(Watch { lookout: sender, thread: Some(thread) })
}

struct Lookout {
    watcher: RecommendedWatcher,
    places: Places,
    watched: BTreeSet<PathBuf>,
}

impl Lookout {
    fn run(mut self, events: &Receiver<WatchMessage>, mut saved: impl FnMut(&BTreeSet<PathBuf>) -> Places) {
        while let Some(changed) = self.next_change(events) {
            if !changed.is_empty() {
                // New folders are watched before anyone reads what is in them. What cannot be watched now may be there
                // at the next change.
                let _missing = self.look_at(self.places.clone());
                let _missing = self.look_at(saved(&changed));
            }
        }
    }

    /// Waits for a change, and for the quiet after it; `None` at the end.
    fn next_change(&self, events: &Receiver<WatchMessage>) -> Option<BTreeSet<PathBuf>> {
        let mut changed = BTreeSet::new();
        let Ok(WatchMessage::Happened(first)) = events.recv() else { return None };
        self.note(first, &mut changed);
        let start = Instant::now();
        while !changed.is_empty() && start.elapsed() < PATIENCE {
            match events.recv_timeout(QUIET) {
                Ok(WatchMessage::Happened(event)) => self.note(event, &mut changed),
                Ok(WatchMessage::Stop) | Err(RecvTimeoutError::Disconnected) => return None,
                Err(RecvTimeoutError::Timeout) => break,
            }
        }
        Some(changed)
    }

    fn note(&self, event: notify::Result<Event>, changed: &mut BTreeSet<PathBuf>) {
        match event {
            // Events were lost: anything may have changed.
            Ok(event) if event.need_rescan() => changed.extend(self.places.files.iter().cloned()),
            Ok(event) if is_save(event.kind) => {
                changed.extend(event.paths.into_iter().filter(|path| self.places.have(path)));
            }
            Ok(_) => {}
            Err(error) => changed.extend(error.paths.into_iter().filter(|path| self.places.have(path))),
        }
    }

    /// Watches the folders of the places; one that was made again is watched again.
    fn look_at(&mut self, places: Places) -> Result<(), WatchError> {
        let wanted = places.watched_folders();
        for gone in self.watched.difference(&wanted) {
            let _was_removed = self.watcher.unwatch(gone);
        }
        for folder in &wanted {
            self.watcher.watch(folder, RecursiveMode::NonRecursive)?;
        }
        self.watched = wanted;
        self.places = places;
        Ok(())
    }
}

impl Places {
    fn have(&self, path: &Path) -> bool {
        let is_inside = self.folders.iter().any(|folder| path.starts_with(folder)) && !is_left_over(path);
        // A folder that comes or goes takes everything in it along.
        is_inside || self.files.contains(path) || self.folders.iter().any(|folder| folder.starts_with(path))
    }

    /// Every folder that is there and has something to say. The files' own folders are watched and not the files,
    /// because most editors put a new file in the old one's place.
    fn watched_folders(&self) -> BTreeSet<PathBuf> {
        let parents =
            self.files.iter().chain(&self.folders).filter_map(|path| path.parent()).map(Path::to_owned);
        let mut found: BTreeSet<PathBuf> = parents.filter(|folder| folder.is_dir()).collect();
        self.folders.iter().for_each(|folder| with_inner(folder, &mut found));
        found
    }
}

fn with_inner(folder: &Path, found: &mut BTreeSet<PathBuf>) {
    let Ok(entries) = std::fs::read_dir(folder) else { return };
    found.insert(folder.to_owned());
    // Linked folders are left out: they may lead round in a circle.
    let inner = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    inner.for_each(|entry| with_inner(&entry.path(), found));
}

/// Reading a file is not a change; who wrote it closes it.
fn is_save(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_) => true,
        EventKind::Any | EventKind::Other => false,
    }
}

/// What editors leave next to the file for a moment.
fn is_left_over(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    name.starts_with('.') || name.starts_with('#') || name.ends_with('~') || name == "4913"
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn saves_are_told_and_what_does_not_matter_is_not() {
        let dir = tempfile::tempdir().unwrap();
        let root = fs::canonicalize(dir.path()).unwrap();
        let (list, texts) = (root.join("list.csv"), root.join("texts"));
        fs::create_dir(&texts).unwrap();
        let places = Places { files: [list.clone()].into(), folders: [texts.clone()].into() };
        let (told, heard) = channel();
        let again = places.clone();
        let watch = watch(places, move |changed| {
            told.send(changed.clone()).unwrap();
            again.clone()
        })
        .unwrap();
        let next = || heard.recv_timeout(Duration::from_secs(10)).unwrap();
        fs::write(root.join("other.csv"), "x").unwrap();
        fs::write(texts.join(".a.md.swp"), "x").unwrap();
        fs::write(texts.join("a.md"), "x").unwrap();
        assert_eq!(next(), BTreeSet::from([texts.join("a.md")]));
        // Reading is not a change.
        fs::read(texts.join("a.md")).unwrap();
        fs::write(root.join("new"), "x").unwrap();
        fs::rename(root.join("new"), &list).unwrap();
        assert_eq!(next(), BTreeSet::from([list]));
        // What comes into a new folder is told as well, even if the folder came a moment before.
        fs::create_dir(texts.join("deep")).unwrap();
        fs::write(texts.join("deep/b.md"), "x").unwrap();
        while !next().contains(&texts.join("deep/b.md")) {
            fs::write(texts.join("deep/b.md"), "y").unwrap();
        }
        drop(watch);
        fs::write(texts.join("a.md"), "y").unwrap();
        assert!(heard.recv_timeout(Duration::from_millis(100)).is_err());
    }
}
