//! The cache of sources, by digest, and the partial files from which it is filled.
//!
//! A file stands under its final name only when its digest was compared, its bytes are on the
//! disk and the lock of its digest is held. Limit: a file system without `flock` is refused.

use std::io;
use std::path::{Path, PathBuf};

use fs_err::{self as fs, File, OpenOptions};
use serde::{Deserialize, Serialize};

use super::error::FetchError;
use super::verified::{VerifiedFile, VerifyError};
use crate::digest::HashingWriter;
use crate::event::{Event, Observer};
use crate::lock::FileLock;
use crate::source::Source;

/// The folder of sources: `sha256/<digest>/<file>` and `partial/<digest>`.
pub(super) struct Cache {
    folder: PathBuf,
}

/// What the cache has of a source.
pub(super) enum Cached {
    Nothing,
    File(VerifiedFile),
    /// A file whose bytes are others by now, and what is wrong.
    Wrong(String),
}

impl Cache {
    pub(super) fn new(folder: PathBuf) -> Self {
        Self { folder }
    }

    /// Where `source` stands once it is verified.
    pub(super) fn path(&self, source: &Source) -> PathBuf {
        self.folder.join("sha256").join(source.sha256.to_string()).join(&source.file)
    }

    /// Looks for `source` and hashes what it finds.
    pub(super) fn look_up(&self, source: &Source) -> Result<Cached, FetchError> {
        let path = self.path(source);
        match VerifiedFile::check(&path, source) {
            Ok(file) => Ok(Cached::File(file)),
            Err(VerifyError::Io(error)) if error.kind() == io::ErrorKind::NotFound => Ok(Cached::Nothing),
            Err(VerifyError::Io(error)) => Err(FetchError::local(&path, error)),
            Err(wrong @ VerifyError::Digest { .. }) => Ok(Cached::Wrong(wrong.to_string())),
        }
    }

    /// Removes the file of `source`, whose bytes are wrong.
    pub(super) fn remove(&self, source: &Source) -> Result<(), FetchError> {
        let path = self.path(source);
        fs::remove_file(&path).map_err(|error| FetchError::local(&path, error))
    }

    /// The right to fill the cache with `source`. Waits while another process has it.
    pub(super) fn partial<'a>(
        &'a self,
        source: &'a Source,
        observer: &dyn Observer,
    ) -> Result<Partial<'a>, FetchError> {
        let folder = self.folder.join("partial");
        fs::create_dir_all(&folder).map_err(|error| FetchError::local(&folder, error))?;
        let path = folder.join(source.sha256.to_string());
        let lock = path.with_extension("lock");
        let what = format!("the download of {}", source.file);
        let lock = FileLock::acquire(&lock, |holder| observer.event(Event::Waiting { what: &what, holder }))
            .map_err(|error| FetchError::local(&lock, error))?;
        Ok(Partial { cache: self, source, note: path.with_extension("json"), path, _lock: lock })
    }
}

/// What a server said of the file whose beginning is here: enough to ask it for the rest.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(super) struct Note {
    /// The address, without credentials.
    pub(super) url: String,
    /// Its strong `ETag`, or else its `Last-Modified`, as the server wrote it.
    pub(super) validator: String,
}

/// A file on its way into the cache, and the lock that makes it this process's own.
pub(super) struct Partial<'a> {
    cache: &'a Cache,
    source: &'a Source,
    path: PathBuf,
    note: PathBuf,
    _lock: FileLock,
}

/// A folder that goes when it is dropped.
pub(super) struct Scratch(PathBuf);

impl Scratch {
    pub(super) fn path(&self) -> &Path {
        &self.0
    }
}

impl Drop for Scratch {
    fn drop(&mut self) {
        // What cannot be removed is removed by the next run that needs the name.
        let _ = fs::remove_dir_all(&self.0);
    }
}

/// Why a complete partial file did not get into the cache.
pub(super) enum Refused {
    /// Its bytes are not the pinned ones.
    Wrong(String),
    Here(FetchError),
}

impl<'a> Partial<'a> {
    /// The source that it is to become.
    pub(super) fn source(&self) -> &'a Source {
        self.source
    }

    /// Where its bytes are.
    pub(super) fn path(&self) -> &Path {
        &self.path
    }

    /// An empty folder on the cache's file system, for a client that writes files of its own.
    pub(super) fn scratch(&self) -> Result<Scratch, FetchError> {
        // One name per digest: what a killed run left is found and goes.
        let path = self.path.with_extension("apt");
        let scratch = match fs::remove_dir_all(&path) {
            Err(error) if error.kind() != io::ErrorKind::NotFound => Err(error),
            _ => fs::create_dir(&path),
        };
        scratch.map_err(|error| FetchError::local(&path, error))?;
        Ok(Scratch(path))
    }

    /// The bytes that are here from `url`, and its validator; `None` where nothing can be resumed.
    pub(super) fn begun(&self, url: &str) -> Option<(u64, String)> {
        // A note that cannot be read or understood only costs the bytes it stood for.
        let note: Note = serde_json::from_slice(&fs::read(&self.note).ok()?).ok()?;
        let have = fs::metadata(&self.path).ok()?.len();
        let sensible = have > 0 && self.source.size.is_none_or(|size| have <= size);
        (note.url == url && sensible).then_some((have, note.validator))
    }

    /// Starts at the first byte. `note` is what will allow to resume.
    pub(super) fn restart(&self, note: Option<&Note>) -> Result<HashingWriter<File>, FetchError> {
        // In this order, no note ever stands beside bytes of another file.
        remove_if_there(&self.note)?;
        let file = File::create(&self.path).map_err(|error| self.local(error))?;
        if let Some(note) = note {
            let text = serde_json::to_vec(note).map_err(|error| self.local(error.into()))?;
            fs::write(&self.note, text).map_err(|error| FetchError::local(&self.note, error))?;
        }
        Ok(HashingWriter::new(file))
    }

    /// Goes on behind the last byte; the hash covers the bytes before.
    pub(super) fn resume(&self) -> Result<HashingWriter<File>, FetchError> {
        let file = OpenOptions::new().append(true).open(&self.path).map_err(|error| self.local(error))?;
        let already = File::open(&self.path).map_err(|error| self.local(error))?;
        HashingWriter::resume(file, already).map_err(|error| self.local(error))
    }

    /// The first bytes, to tell what they look like.
    pub(super) fn first_bytes(&self) -> Vec<u8> {
        let mut bytes = Vec::new();
        // What cannot be read looks like nothing.
        if let Ok(file) = File::open(&self.path) {
            let _ = io::Read::read_to_end(&mut io::Read::take(file, super::transfer::TASTE), &mut bytes);
        }
        bytes
    }

    /// Forgets what is here.
    pub(super) fn discard(&self) -> Result<(), FetchError> {
        remove_if_there(&self.note)?;
        remove_if_there(&self.path)
    }

    /// Compares the digest and moves the file into the cache.
    pub(super) fn publish(&self, sink: HashingWriter<File>) -> Result<VerifiedFile, Refused> {
        let (file, found, size) = sink.finish();
        let target = self.cache.path(self.source);
        let verified = VerifiedFile::from_digest(&target, self.source, found, size)
            .map_err(|error| Refused::Wrong(error.to_string()))?;
        file.sync_all().and_then(|()| place(&self.path, &target)).map_err(|error| Refused::Here(self.local(error)))?;
        remove_if_there(&self.note).map_err(Refused::Here)?;
        Ok(verified)
    }

    /// Takes a file that another program wrote into [`Self::scratch`].
    pub(super) fn adopt(&self, path: &Path) -> Result<VerifiedFile, Refused> {
        let here = |error| Refused::Here(FetchError::local(path, error));
        self.discard().map_err(Refused::Here)?;
        fs::rename(path, &self.path).map_err(here)?;
        self.publish(self.resume().map_err(Refused::Here)?)
    }

    fn local(&self, error: io::Error) -> FetchError {
        FetchError::local(&self.path, error)
    }
}

/// Moves `path` to `target` so that a power cut leaves one of the two.
fn place(path: &Path, target: &Path) -> io::Result<()> {
    let folder = target.parent().unwrap_or(target);
    fs::create_dir_all(folder)?;
    fs::rename(path, target)?;
    // The folder's own name, new as it may be, has to last too.
    for folder in folder.ancestors().take(3) {
        File::open(folder)?.sync_all()?;
    }
    Ok(())
}

fn remove_if_there(path: &Path) -> Result<(), FetchError> {
    match fs::remove_file(path) {
        Err(error) if error.kind() != io::ErrorKind::NotFound => Err(FetchError::local(path, error)),
        _ => Ok(()),
    }
}
