//! A folder: on this machine, or one that many machines mount.

use std::fmt;
use std::io::{self, Read, Write};
use std::path::{Path, PathBuf};
use std::time::Instant;

use fs_err::File;

use super::{Backend, Files, LONGEST_DOCUMENT, Stream, blob_path, document_path};
use crate::artifact::Artifact;
use crate::digest::Sha256;
use crate::plan::Key;
use crate::whole;

/// The folder and what is below it. Files appear whole: they are written beside their places.
pub(super) struct Folder(PathBuf);

impl Folder {
    pub(super) fn at(folder: PathBuf) -> Self {
        Self(folder)
    }

    fn path(&self, path: &str) -> PathBuf {
        self.0.join(path)
    }

    fn open(&self, path: &str) -> Result<Option<std::fs::File>, String> {
        let path = self.path(path);
        // Opening a pipe would wait for whoever writes to it.
        match present(fs_err::metadata(&path))? {
            Some(metadata) if metadata.is_file() => present(File::open(path).map(|file| file.into_parts().0)),
            Some(_) => Err(format!("{} is no file", path.display())),
            None => Ok(None),
        }
    }

    fn write(&self, path: &str, fill: impl FnOnce(&mut std::fs::File) -> io::Result<()>) -> io::Result<()> {
        whole::write(&self.path(path), fill)
    }
}

/// What is not there is no error; the folder itself may be missing too.
fn present<T>(found: io::Result<T>) -> Result<Option<T>, String> {
    match found {
        Ok(found) => Ok(Some(found)),
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
        Err(error) => Err(error.to_string()),
    }
}

impl Backend for Folder {
    fn document(&self, key: &Key, _: Instant) -> Result<Option<Vec<u8>>, String> {
        let Some(file) = self.open(&document_path(key))? else { return Ok(None) };
        let mut content = Vec::new();
        file.take(LONGEST_DOCUMENT + 1).read_to_end(&mut content).map_err(|error| error.to_string())?;
        Ok(Some(content))
    }

    fn put_document(&self, artifact: &Artifact, document: &[u8], _: Instant) -> Result<(), String> {
        let put = self.write(&document_path(&artifact.toolchain.key), |file| file.write_all(document));
        put.map_err(|error| error.to_string())
    }

    fn remove_document(&self, key: &Key, _: Instant) -> Result<bool, String> {
        Ok(present(fs_err::remove_file(self.path(&document_path(key))))?.is_some())
    }

    fn blob(&self, digest: &Sha256, _: u64, _: Instant) -> Result<Option<Stream>, String> {
        Ok(self.open(&blob_path(digest))?.map(|file| Box::new(file) as Stream))
    }

    fn blob_size(&self, digest: &Sha256, _: Instant) -> Result<Option<u64>, String> {
        Ok(present(fs_err::metadata(self.path(&blob_path(digest))))?.map(|metadata| metadata.len()))
    }

    fn put_blob(&self, digest: &Sha256, path: &Path, _: Instant) -> Result<(), String> {
        let copy = |file: &mut std::fs::File| io::copy(&mut File::open(path)?, file).map(drop);
        self.write(&blob_path(digest), copy).map_err(|error| error.to_string())
    }

    fn remove_blob(&self, digest: &Sha256, _: Instant) -> Result<bool, String> {
        Ok(present(fs_err::remove_file(self.path(&blob_path(digest))))?.is_some())
    }

    fn files(&self) -> Option<Files> {
        Some(Files { documents: self.path("ac"), blobs: self.path("cas") })
    }
}

impl fmt::Display for Folder {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.display().fmt(f)
    }
}
