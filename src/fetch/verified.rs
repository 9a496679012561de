//! The proof that a file is what the table of sources says.

use std::io;
use std::path::{Path, PathBuf};

use crate::digest::Sha256;
use crate::source::Source;

/// A local file whose digest was compared with its source's and matched.
///
/// Only [`crate::fetch`] makes one, and [`crate::unpack`] takes nothing else.
#[derive(Debug, Clone)]
pub struct VerifiedFile {
    path: PathBuf,
    size: u64,
}

/// Why a local file is not the source it should be.
#[derive(Debug, thiserror::Error)]
pub enum VerifyError {
    /// It could not be read.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// Its bytes are others.
    #[error("wrong SHA-256: expected {expected}, found {found} ({size} bytes)")]
    Digest {
        /// The pinned digest.
        expected: Sha256,
        /// The file's digest.
        found: Sha256,
        /// The file's size in bytes.
        size: u64,
    },
}

impl VerifiedFile {
    /// Hashes the file at `path` and compares it with what `source` pins. Leaves the file alone.
    pub fn check(path: &Path, source: &Source) -> Result<Self, VerifyError> {
        let (found, size) = Sha256::of_file(path)?;
        Self::from_digest(path, source, found, size)
    }

    /// For a digest that was computed while the bytes went to `path`.
    pub(super) fn from_digest(path: &Path, source: &Source, found: Sha256, size: u64) -> Result<Self, VerifyError> {
        if found == source.sha256 {
            Ok(Self { path: path.to_owned(), size })
        } else {
            Err(VerifyError::Digest { expected: source.sha256, found, size })
        }
    }

    /// Where the file is.
    pub fn path(&self) -> &Path {
        &self.path
    }

    /// Its size in bytes.
    pub fn size(&self) -> u64 {
        self.size
    }
}
