//! What goes wrong while sources are brought here.

use std::fmt;
use std::io;
use std::path::{Path, PathBuf};

/// An origin that could not supply a file.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct OriginFailure {
    /// The origin as the user knows it: a URL, a path, `the distribution's archive`.
    pub origin: String,
    /// Why, in one line.
    pub reason: String,
}

impl fmt::Display for OriginFailure {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "{}: {}", self.origin, self.reason)
    }
}

/// A file that no origin could supply.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct SourceFailure {
    /// The file's name.
    pub file: String,
    /// Every origin that was asked, in order. Empty where none is known.
    pub origins: Vec<OriginFailure>,
}

/// The files that no origin could supply. Shown as one line per file and one per origin.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub struct Unavailable {
    /// The files, in the order in which they were asked for.
    pub failed: Vec<SourceFailure>,
    /// How many files were asked for.
    pub asked: usize,
}

impl fmt::Display for Unavailable {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self.asked {
            1 => write!(f, "could not get the source:")?,
            asked => write!(f, "could not get {} of {asked} sources:", self.failed.len())?,
        }
        for source in &self.failed {
            write!(f, "\n  {}", source.file)?;
            if source.origins.is_empty() {
                write!(f, "\n    no place is known to have it")?;
            }
            for origin in &source.origins {
                write!(f, "\n    {origin}")?;
            }
        }
        Ok(())
    }
}

/// Why sources could not be brought here.
#[derive(Debug, thiserror::Error)]
pub enum FetchError {
    /// No origin had them.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
    /// The disk is full. Final: no other origin could help. What arrived is kept.
    #[error("the disk is full: no room for {}", path.display())]
    DiskFull {
        /// What was written.
        path: PathBuf,
        /// What the system said.
        source: io::Error,
    },
    /// The folder of sources could not be read or written. The message has the path.
    #[error(transparent)]
    Folder(io::Error),
}

impl FetchError {
    /// For a failed operation on `path` in the folder of sources.
    pub(super) fn local(path: &Path, source: io::Error) -> Self {
        match source.kind() {
            io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => {
                Self::DiskFull { path: path.to_owned(), source }
            }
            _ => Self::Folder(source),
        }
    }

    /// What the user can do about it.
    pub fn hint(&self) -> Option<&'static str> {
        match self {
            Self::Unavailable(_) => Some("`--mirror URL|DIR` adds a place to look"),
            Self::DiskFull { .. } => Some("make room and run it again: the download goes on where it stopped"),
            Self::Folder(_) => None,
        }
    }
}

/// Why one origin was given up.
pub(super) enum Stop {
    /// It has not got the file; the next origin may.
    Origin(String),
    /// Nothing to do with the origin; no other one can help.
    Here(FetchError),
}

impl From<FetchError> for Stop {
    fn from(error: FetchError) -> Self {
        Self::Here(error)
    }
}
