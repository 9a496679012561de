//! Folders of a moment, which a killed process leaves and a later one sweeps away.
//!
//! Guarantee: whoever makes one holds a lock of its name from before it is there until after it is gone, and a sweep
//! removes only what it got the lock of. So what is in use stays, what is left over goes, and two that sweep at once are
//! not in each other's way. `tests/install/crash.rs` sweeps what is left and what is in use. Known limit: what this user
//! may not remove stays, and each sweep says so.

use std::io;
use std::path::{Path, PathBuf};

use crate::event::{Event, Observer};
use crate::lock::FileLock;

/// What such a folder is for: the beginning of its name.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Kind {
    /// Something that is being removed.
    Trash,
    /// A room that is set up to see whether it can be.
    Room,
    /// A symlink before it takes another's place.
    Switch,
    /// A snapshot that is being written.
    Snapshot,
    /// The work tree of a toolchain that is built once more, to be compared.
    Rebuild,
    /// A source that is being unpacked and mended.
    Unpack,
    /// A toolchain that is being imported, or comes from a remote.
    Import,
    /// A toolchain's archive on its way to a remote.
    Pack,
}

impl Kind {
    const ALL: [Self; 8] =
        [Self::Trash, Self::Room, Self::Switch, Self::Snapshot, Self::Rebuild, Self::Unpack, Self::Import, Self::Pack];

    fn prefix(self) -> &'static str {
        match self {
            Self::Trash => "trash-",
            Self::Room => "room-",
            Self::Switch => "switch-",
            Self::Snapshot => "snapshot-",
            Self::Rebuild => "rebuild-",
            Self::Unpack => "unpack-",
            Self::Import => "import-",
            Self::Pack => "pack-",
        }
    }
}

/// An empty folder at first; goes with everything in it when dropped.
#[derive(Debug)]
pub struct Scratch {
    path: PathBuf,
    // Let go after the folder is gone.
    _lock: FileLock,
}

impl Scratch {
    /// Makes one in `folder`, with its lock in `locks`.
    pub fn new(kind: Kind, folder: &Path, locks: &Path) -> io::Result<Self> {
        for number in 0_u64.. {
            let name = format!("{}{}-{number}", kind.prefix(), std::process::id());
            let Some(lock) = FileLock::try_acquire(&lock_of(&name, locks))? else { continue };
            let path = folder.join(name);
            match fs_err::create_dir(&path) {
                Ok(()) => return Ok(Self { path, _lock: lock }),
                // Left by another process that had the same number.
                Err(error) if error.kind() == io::ErrorKind::AlreadyExists => {}
                Err(error) => return Err(error),
            }
        }
        Err(io::Error::other("no number is free"))
    }

    /// Where it is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Removes it now, where a failure matters.
    pub fn remove(self) -> io::Result<()> {
        fs_err::remove_dir_all(&self.path)
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What stays is for the next sweep.
        let _ = fs_err::remove_dir_all(&self.path);
    }
}

/// Whether a file is called as such a folder is.
pub fn is_called_so(name: &str) -> bool {
    Kind::ALL.iter().any(|kind| name.starts_with(kind.prefix()))
}

/// Removes what killed processes left of such folders in `folder`. What cannot be removed is told and stays: it is in
/// nobody's way.
pub fn sweep(folder: &Path, locks: &Path, observer: &dyn Observer) -> io::Result<()> {
    let entries = match fs_err::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(()),
        entries => entries?,
    };
    fs_err::create_dir_all(locks)?;
    for entry in entries {
        let name = entry?.file_name().to_string_lossy().into_owned();
        if is_called_so(&name)
            && let Err(error) = remove_if_left_over(&folder.join(&name), &lock_of(&name, locks))
        {
            observer.event(Event::Note(&format!("what an earlier run left cannot be removed: {error}")));
        }
    }
    Ok(())
}

fn remove_if_left_over(path: &Path, lock: &Path) -> io::Result<()> {
    let Some(_lock) = FileLock::try_acquire(lock)? else { return Ok(()) };
    match fs_err::remove_dir_all(path) {
        // Its owner was done with it after all.
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

fn lock_of(name: &str, locks: &Path) -> PathBuf {
    locks.join(format!("{name}.lock"))
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    struct Notes(Mutex<Vec<String>>);

    impl Observer for Notes {
        fn event(&self, event: Event<'_>) {
            self.0.lock().unwrap().push(format!("{event:?}"));
        }
    }

    #[test]
    fn sweeps_at_once_remove_what_is_left_over_and_nothing_in_use() {
        let place = tempfile::tempdir().unwrap();
        let [work, locks] = ["work", "locks"].map(|name| place.path().join(name));
        fs_err::create_dir_all(&locks).unwrap();
        for left in 0..40 {
            fs_err::create_dir_all(work.join(format!("trash-1-{left}/toolchain/lib/deep"))).unwrap();
        }
        fs_err::create_dir_all(work.join("tiny-linux-musl-tiny")).unwrap();
        let used: Vec<Scratch> = Kind::ALL.map(|kind| Scratch::new(kind, &work, &locks).unwrap()).into();
        let notes = Notes(Mutex::default());
        std::thread::scope(|scope| {
            for _ in 0..4 {
                scope.spawn(|| sweep(&work, &locks, &notes).unwrap());
            }
            for _ in 0..40 {
                let scratch = Scratch::new(Kind::Trash, &work, &locks).unwrap();
                fs_err::write(scratch.path().join("file"), "").unwrap();
                scratch.remove().unwrap();
            }
        });
        assert_eq!(*notes.0.lock().unwrap(), [""; 0]);
        assert!(used.iter().all(|scratch| scratch.path().exists()));
        drop(used);
        let stay: Vec<_> = fs_err::read_dir(&work).unwrap().map(|entry| entry.unwrap().file_name()).collect();
        assert_eq!(stay, ["tiny-linux-musl-tiny"]);
        assert_eq!(fs_err::read_dir(&locks).unwrap().count(), 0);
    }
}
