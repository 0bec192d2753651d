//! Detects which files were saved, however an editor saves them.

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};
use std::sync::mpsc::{Receiver, RecvTimeoutError, Sender, channel};
use std::thread::JoinHandle;
use std::time::{Duration, Instant};

use notify::event::{AccessKind, AccessMode, EventKind};
use notify::{Event, RecommendedWatcher, RecursiveMode, Watcher};

/// A save is complete when nothing has happened for this long.
const QUIET: Duration = Duration::from_millis(20);
/// If changes never pause, they are reported after this time.
const PATIENCE: Duration = Duration::from_millis(200);

/// The files and folders to watch.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Places {
    pub files: BTreeSet<PathBuf>,
    /// Including everything in them; they need not exist yet.
    pub folders: BTreeSet<PathBuf>,
}

/// Watches until it is dropped, which waits until the last change has been handled.
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

/// Calls `saved` with the changed files whenever some were saved; it returns the places to watch from then on.
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
                // New folders are watched before their content is read. A place that cannot be watched now may exist
                // at the next change.
                let _missing = self.look_at(self.places.clone());
                let _missing = self.look_at(saved(&changed));
            }
        }
    }

    /// Waits for a change and the quiet after it; `None` at the end.
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
            // Events were lost, so anything may have changed.
            Ok(event) if event.need_rescan() => changed.extend(self.places.files.iter().cloned()),
            Ok(event) if is_save(event.kind) => {
                changed.extend(event.paths.into_iter().filter(|path| self.places.have(path)));
            }
            Ok(_) => {}
            Err(error) => changed.extend(error.paths.into_iter().filter(|path| self.places.have(path))),
        }
    }

    /// Watches the folders of the places; a folder that was created again is watched again.
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
        // If a folder appears or disappears, so does everything in it.
        is_inside || self.files.contains(path) || self.folders.iter().any(|folder| folder.starts_with(path))
    }

    /// Every existing folder that matters. The folders of single files are watched instead of the files, because most
    /// editors save by replacing the file.
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
    // Symbolic links are skipped, since they may form a circle.
    let inner = entries.flatten().filter(|entry| entry.file_type().is_ok_and(|kind| kind.is_dir()));
    inner.for_each(|entry| with_inner(&entry.path(), found));
}

/// Tells whether an event is a save: reading does not count, and a program that writes closes the file.
fn is_save(kind: EventKind) -> bool {
    match kind {
        EventKind::Access(access) => access == AccessKind::Close(AccessMode::Write),
        EventKind::Create(_) | EventKind::Modify(_) | EventKind::Remove(_) => true,
        EventKind::Any | EventKind::Other => false,
    }
}

/// Tells whether a file is a temporary one of an editor.
fn is_left_over(path: &Path) -> bool {
    let name = path.file_name().map(|name| name.to_string_lossy()).unwrap_or_default();
    name.starts_with('.') || name.starts_with('#') || name.ends_with('~') || name == "4913"
}

#[cfg(test)]
mod tests {
    use std::fs;

    use super::*;

    #[test]
    fn saves_are_reported_and_other_events_are_not() {
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
        // Files in a new folder are reported too, even if the folder was created just before.
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
