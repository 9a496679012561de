//! An exclusive lock on a file's name, between threads and between processes.

use std::io::{self, Read, Seek, Write};
use std::os::unix::fs::MetadataExt;
use std::path::{Path, PathBuf};

use fs_err::{self as fs, File, OpenOptions};
use rustix::fs::{FlockOperation, flock};
use rustix::io::{Errno, retry_on_intr};

/// Held until dropped. The kernel lets it go when the process dies, so none is ever stale.
#[derive(Debug)]
pub struct FileLock {
    path: PathBuf,
    file: File,
}

impl FileLock {
    /// Takes the lock `path`, which is created for it. Where another has it, tells `waiting` who
    /// that is, and waits.
    pub fn acquire(path: &Path, waiting: impl Fn(&str)) -> io::Result<Self> {
        loop {
            let mut file = open(path)?;
            if !take_if_free(&file, path)? {
                waiting(&holder(&mut file));
                retry_on_intr(|| flock(file.file(), FlockOperation::LockExclusive))
                    .map_err(|error| refused(path, error))?;
            }
            if let Some(lock) = Self::of_named(file, path)? {
                return Ok(lock);
            }
        }
    }

    /// Takes the lock `path`, which is created for it; nothing where another has it.
    pub fn try_acquire(path: &Path) -> io::Result<Option<Self>> {
        loop {
            let file = open(path)?;
            if !take_if_free(&file, path)? {
                return Ok(None);
            }
            if let Some(lock) = Self::of_named(file, path)? {
                return Ok(Some(lock));
            }
        }
    }

    /// The lock on a locked file, unless whoever had it before removed its name. A lock on a file without a name keeps
    /// nobody out.
    fn of_named(mut file: File, path: &Path) -> io::Result<Option<Self>> {
        if !is_named(&file, path)? {
            return Ok(None);
        }
        file.set_len(0)?;
        file.rewind()?;
        file.write_all(std::process::id().to_string().as_bytes())?;
        Ok(Some(Self { path: path.to_owned(), file }))
    }

    /// Lets processes that are started from now on hold the lock too: it is free when the last of
    /// them has ended, should this process be killed before.
    pub fn share_with_children(&self) -> io::Result<()> {
        Ok(rustix::io::fcntl_setfd(self.file.file(), rustix::io::FdFlags::empty())?)
    }
}

impl Drop for FileLock {
    fn drop(&mut self) {
        // While the lock still holds; a name that stays behind does no harm.
        let _ = fs::remove_file(&self.path);
    }
}

fn open(path: &Path) -> io::Result<File> {
    OpenOptions::new().read(true).write(true).create(true).truncate(false).open(path)
}

/// Whether nobody had the lock; it is taken then.
fn take_if_free(file: &File, path: &Path) -> io::Result<bool> {
    match retry_on_intr(|| flock(file.file(), FlockOperation::NonBlockingLockExclusive)) {
        Ok(()) => Ok(true),
        Err(Errno::WOULDBLOCK) => Ok(false),
        Err(error) => Err(refused(path, error)),
    }
}

fn refused(path: &Path, error: Errno) -> io::Error {
    io::Error::new(io::Error::from(error).kind(), format!("cannot lock {}: {error}", path.display()))
}

fn holder(file: &mut File) -> String {
    let mut process = String::new();
    match file.read_to_string(&mut process) {
        Ok(_) if process == std::process::id().to_string() => "another thread".to_owned(),
        Ok(_) if !process.is_empty() => format!("process {process}"),
        _ => "another process".to_owned(),
    }
}

fn is_named(file: &File, path: &Path) -> io::Result<bool> {
    let mine = file.metadata()?;
    match fs::metadata(path) {
        Ok(named) => Ok((named.dev(), named.ino()) == (mine.dev(), mine.ino())),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
        Err(error) => Err(error),
    }
}
