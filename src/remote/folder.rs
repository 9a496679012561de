//! A folder: on this machine, or one that many machines mount.

use std::fmt;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};

use fs_err::File;

use super::Stream;

/// The folder and what is below it. Files appear whole: they are written beside their places.
#[derive(Debug)]
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn at(folder: PathBuf) -> Self {
        Self(folder)
    }

    pub(super) fn path(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }

    pub(super) fn read(&self, path: &str, limit: u64) -> Result<Option<Vec<u8>>, String> {
        let Some(stream) = self.open(path)? else { return Ok(None) };
        let mut content = Vec::new();
        stream.take(limit).read_to_end(&mut content).map_err(|error| error.to_string())?;
        Ok(Some(content))
    }

    pub(super) fn open(&self, path: &str) -> Result<Option<Stream>, String> {
        match File::open(self.path(path)) {
            Ok(file) => Ok(Some(Box::new(file.into_parts().0))),
            Err(error) => Self::absent(error).map(|()| None),
        }
    }

    pub(super) fn size(&self, path: &str) -> Result<Option<u64>, String> {
        match fs_err::metadata(self.path(path)) {
            Ok(metadata) => Ok(Some(metadata.len())),
            Err(error) => Self::absent(error).map(|()| None),
        }
    }

    pub(super) fn put(&self, path: &str, content: &[u8]) -> Result<(), String> {
        self.write(path, |file| file.write_all(content)).map_err(|error| error.to_string())
    }

    pub(super) fn put_file(&self, path: &str, from: &Path) -> Result<(), String> {
        let copy = |file: &mut std::fs::File| io::copy(&mut File::open(from)?, file).map(drop);
        self.write(path, copy).map_err(|error| error.to_string())
    }

    pub(super) fn remove(&self, path: &str) -> Result<bool, String> {
        match fs_err::remove_file(self.path(path)) {
            Ok(()) => Ok(true),
            Err(error) => Self::absent(error).map(|()| false),
        }
    }

    fn write(&self, path: &str, fill: impl FnOnce(&mut std::fs::File) -> io::Result<()>) -> io::Result<()> {
        let place = self.path(path);
        let folder = place.parent().unwrap_or(&self.0);
        fs_err::create_dir_all(folder)?;
        let mut fresh = tempfile::NamedTempFile::new_in(folder)?;
        fill(fresh.as_file_mut())?;
        fresh.as_file().sync_all()?;
        // For all who share the folder, whatever the umask is.
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        fs_err::set_permissions(fresh.path(), permissions)?;
        fresh.persist(&place).map_err(|error| error.error)?;
        File::open(folder)?.sync_all()
    }

    /// What is not there is no error; the folder itself may be missing too.
    fn absent(error: io::Error) -> Result<(), String> {
        match error.kind() {
            io::ErrorKind::NotFound => Ok(()),
            _ => Err(error.to_string()),
        }
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}
