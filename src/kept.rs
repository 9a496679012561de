//! What the store keeps to build the next toolchain sooner: stages' results and unpacked sources. All of it can be made
//! again, so it has a cap, and what was used longest ago goes first.
//!
//! Guarantee: nothing goes that a build may be using. A build holds [`InUse`]; while any does, nothing is removed.
//! `tests/install/kept.rs` has the proofs.

use std::io;
use std::path::{Path, PathBuf};
use std::time::SystemTime;

use fs_err::File;
use rustix::fs::{FlockOperation, flock};
use rustix::io::{Errno, retry_on_intr};

use crate::digest::Sha256;
use crate::plan::{Key, Tree};
use crate::scratch::Kind;
use crate::store::{Store, StoreError};

/// How the file is called that has the size of an unpacked source, and the time of its last use as its own.
const SIZE: &str = "size";

/// The compressed work tree after a stage.
const SNAPSHOT: &str = "tar.zst";

/// Held by a build: what is kept stays.
#[derive(Debug)]
pub struct InUse(#[expect(dead_code, reason = "its lock is what counts")] File);

/// One thing that is kept.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Item {
    /// The file or folder.
    pub path: PathBuf,
    /// Its size in bytes.
    pub bytes: u64,
    /// When a build used it last.
    pub used: SystemTime,
}

/// What was removed, and what is left.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Trimmed {
    /// How many things went.
    pub removed: usize,
    /// Their size in bytes.
    pub bytes: u64,
    /// The size of what is left, in bytes.
    pub left: u64,
}

/// The store's part for what is kept.
#[derive(Debug, Clone, Copy)]
pub struct Kept<'a> {
    store: &'a Store,
}

impl<'a> Kept<'a> {
    /// That of this store.
    pub fn of(store: &'a Store) -> Self {
        Self { store }
    }

    /// Keeps everything as long as the result lives.
    pub fn in_use(&self) -> Result<InUse, StoreError> {
        let file = self.lock_file()?;
        retry_on_intr(|| flock(file.file(), FlockOperation::LockShared)).map_err(io::Error::from)?;
        Ok(InUse(file))
    }

    /// The kept result of a stage.
    pub fn snapshot(&self, key: Key) -> PathBuf {
        self.snapshots().join(format!("{key}.{SNAPSHOT}"))
    }

    /// The folder of an unpacked and mended source.
    pub fn unpacked(&self, tree: &Tree) -> PathBuf {
        self.sources().join(tree.content_key().to_string())
    }

    /// Notes the size of what will be at `unpacked`, before it is there.
    pub fn note_size(&self, unpacked: &Path, bytes: u64) -> io::Result<()> {
        fs_err::create_dir_all(self.sources())?;
        fs_err::write(unpacked.with_extension(SIZE), bytes.to_string())
    }

    /// Notes that a snapshot or an unpacked source is used now.
    pub fn note_use(&self, path: &Path) -> io::Result<()> {
        let stamped = if path.is_dir() { path.with_extension(SIZE) } else { path.to_owned() };
        File::open(stamped)?.file().set_modified(SystemTime::now())
    }

    /// Everything that is kept, what was used longest ago first.
    pub fn items(&self) -> Result<Vec<Item>, StoreError> {
        let mut items = Vec::new();
        for path in files_in(&self.snapshots())? {
            let metadata = fs_err::metadata(&path)?;
            items.push(Item { bytes: metadata.len(), used: metadata.modified()?, path });
        }
        for path in files_in(&self.sources())?.into_iter().filter(|path| path.extension().is_some_and(|it| it == SIZE))
        {
            let bytes = fs_err::read_to_string(&path)?.parse().unwrap_or(0);
            items.push(Item { bytes, used: fs_err::metadata(&path)?.modified()?, path: path.with_extension("") });
        }
        items.sort_by(|one, other| (one.used, &one.path).cmp(&(other.used, &other.path)));
        Ok(items)
    }

    /// Removes what was used longest ago until the rest has at most `cap` bytes. `None` where a build is under way.
    pub fn trim(&self, cap: u64) -> Result<Option<Trimmed>, StoreError> {
        let lock = self.lock_file()?;
        match retry_on_intr(|| flock(lock.file(), FlockOperation::NonBlockingLockExclusive)) {
            Err(Errno::WOULDBLOCK) => return Ok(None),
            result => result.map_err(io::Error::from)?,
        }
        let items = self.items()?;
        let mut trimmed = Trimmed { removed: 0, bytes: 0, left: items.iter().map(|item| item.bytes).sum() };
        let trash = self.store.scratch(Kind::Trash)?;
        for item in items {
            if trimmed.left <= cap {
                break;
            }
            // By one rename: a kill leaves no half of it under its name.
            let name = item.path.file_name().unwrap_or_default();
            match fs_err::rename(&item.path, trash.path().join(name)) {
                Err(error) if error.kind() == io::ErrorKind::NotFound => {}
                result => result?,
            }
            if item.path.parent() == Some(&self.sources()) {
                fs_err::remove_file(item.path.with_extension(SIZE))?;
            }
            trimmed.removed += 1;
            trimmed.bytes += item.bytes;
            trimmed.left -= item.bytes;
        }
        trash.remove()?;
        Ok(Some(trimmed))
    }

    fn snapshots(&self) -> PathBuf {
        self.store.root().join("stages")
    }

    fn sources(&self) -> PathBuf {
        self.store.root().join("unpacked")
    }

    fn lock_file(&self) -> Result<File, StoreError> {
        let locks = self.store.root().join("locks");
        fs_err::create_dir_all(&locks)?;
        // Its name stays: a lock on a file without a name would keep nobody out.
        Ok(fs_err::OpenOptions::new().write(true).create(true).truncate(false).open(locks.join("kept.lock"))?)
    }
}

impl Tree {
    /// What determines its content.
    fn content_key(&self) -> Sha256 {
        let parts = (self.source.sha256, &self.source.nested, &self.selection, self.fixup.as_deref().map(Sha256::of));
        Sha256::of(&serde_json::to_vec(&parts).expect("digests and texts always serialise"))
    }
}

fn files_in(folder: &Path) -> io::Result<Vec<PathBuf>> {
    let entries = match fs_err::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    let mut files = Vec::new();
    for entry in entries {
        let entry = entry?;
        if entry.file_type()?.is_file() {
            files.push(entry.path());
        }
    }
    Ok(files)
}
