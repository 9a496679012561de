//! What can go wrong while unpacking.

use std::io;
use std::path::{Path, PathBuf};

/// Why an archive was not unpacked. Nothing of it is left then.
#[derive(Debug, thiserror::Error)]
pub enum UnpackError {
    /// The file's name has no ending that is known.
    #[error("`{name}` is none of .tar, .tar.gz, .tgz, .tar.xz, .tar.zst, .deb")]
    Format {
        /// The file's name, or the nested archive's.
        name: String,
    },
    /// Something is where the tree should go.
    #[error("{} is there already and is no empty folder", path.display())]
    Taken {
        /// Where the tree should go.
        path: PathBuf,
    },
    /// An entry is not of the kind that is unpacked.
    #[error("{}: refused entry {entry:?}: {refusal}", archive.display())]
    Refused {
        /// The archive.
        archive: PathBuf,
        /// The entry's name, as it stands in the archive.
        entry: PathBuf,
        /// Why.
        refusal: Refusal,
    },
    /// The archive ends before its end marker.
    #[error("{} is cut off", archive.display())]
    Truncated {
        /// The archive.
        archive: PathBuf,
    },
    /// The archive breaks the rules of its format.
    #[error("{} is no sound archive: {source}", archive.display())]
    Corrupt {
        /// The archive.
        archive: PathBuf,
        /// What the decoder said.
        source: io::Error,
    },
    /// The archive could not be opened.
    #[error("cannot read {}: {source}", archive.display())]
    Read {
        /// The archive.
        archive: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The outer archive does not hold the nested one.
    #[error("{} has no file `{nested}`", archive.display())]
    NestedMissing {
        /// The outer archive.
        archive: PathBuf,
        /// The name that was looked for.
        nested: String,
    },
    /// A part that was wanted is not in the archive.
    #[error("{} has nothing at `{part}`", archive.display())]
    PartMissing {
        /// The archive.
        archive: PathBuf,
        /// The path in the tree.
        part: String,
    },
    /// The file system has no room left, or the user's quota is used up.
    #[error("no space left on the disk while writing {}", path.display())]
    DiskFull {
        /// What was being written.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
    /// The file system refused.
    #[error("cannot write {}: {source}", path.display())]
    Write {
        /// What was being written.
        path: PathBuf,
        /// The system's answer.
        source: io::Error,
    },
}

/// What is wrong with an entry.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Refusal {
    /// A name or a link target is empty.
    #[error("an empty name")]
    Empty,
    /// A name or a link target has a NUL byte.
    #[error("a NUL byte in a name")]
    Nul,
    /// The name starts at the root.
    #[error("an absolute name")]
    Absolute,
    /// The name has a `..`.
    #[error("`..` in a name")]
    Parent,
    /// The name has more components than are unpacked.
    #[error("more than {limit} folders deep")]
    TooDeep {
        /// The limit.
        limit: usize,
    },
    /// The name leads through a symlink of the archive.
    #[error("it leads through the symlink {link:?}")]
    ThroughSymlink {
        /// The symlink's place in the tree.
        link: PathBuf,
    },
    /// The symlink's target starts at the root.
    #[error("a symlink to the absolute {target:?}")]
    SymlinkAbsolute {
        /// The target.
        target: PathBuf,
    },
    /// The symlink's target is outside the tree.
    #[error("a symlink to {target:?}, which is outside the tree")]
    SymlinkLeaves {
        /// The target.
        target: PathBuf,
    },
    /// The symlink's target has a `..` after a name, so where it leads depends on other links.
    #[error("a symlink to {target:?}, where `..` follows a name")]
    SymlinkWinds {
        /// The target.
        target: PathBuf,
    },
    /// The hard link's target is outside the tree.
    #[error("a hard link to {target:?}, which is outside the tree")]
    HardLinkLeaves {
        /// The target.
        target: PathBuf,
    },
    /// The hard link's target is no file that an earlier entry made.
    #[error("a hard link to {target:?}, which is no file of an earlier entry")]
    HardLinkMissing {
        /// The target.
        target: PathBuf,
    },
    /// A device or a pipe.
    #[error("a {kind}")]
    Special {
        /// Which.
        kind: &'static str,
    },
    /// A kind of entry that is not unpacked.
    #[error("an entry of an unsupported kind: {kind}")]
    Unsupported {
        /// The type byte, or the extension's name.
        kind: String,
    },
    /// The entry would replace what an earlier one made.
    #[error("it would replace a {was} of an earlier entry")]
    Replaces {
        /// What is there.
        was: &'static str,
    },
    /// The archive has no single top-level folder.
    #[error("it is outside the top-level folder {top:?}, which the first entry is in")]
    SecondTop {
        /// The top-level folder of the first entry.
        top: PathBuf,
    },
    /// The first component of the names is no folder.
    #[error("it is no folder and stands at the top level")]
    TopIsNoFolder,
    /// More content than the source may have.
    #[error("the content is more than the {bound} bytes that the source may unpack to")]
    TooManyBytes {
        /// The source's bound.
        bound: u64,
    },
    /// More entries and folders than are unpacked.
    #[error("more than {limit} entries")]
    TooManyEntries {
        /// The limit.
        limit: u64,
    },
}

/// A failure to write at `path`, with a full disk told apart.
pub(super) fn write_error(path: &Path, source: io::Error) -> UnpackError {
    let path = path.to_owned();
    match source.kind() {
        io::ErrorKind::StorageFull | io::ErrorKind::QuotaExceeded => UnpackError::DiskFull { path, source },
        _ => UnpackError::Write { path, source },
    }
}

/// A failure to read the content of `archive`, with a missing rest told apart.
pub(super) fn read_error(archive: &Path, source: io::Error) -> UnpackError {
    let archive = archive.to_owned();
    match source.kind() {
        io::ErrorKind::UnexpectedEof => UnpackError::Truncated { archive },
        _ => UnpackError::Corrupt { archive, source },
    }
}

/// What one entry met, before it is known to which archive the entry belongs.
#[derive(Debug)]
pub(super) enum Failure {
    Refused(Refusal),
    Read(io::Error),
    Write(PathBuf, io::Error),
}

impl From<Refusal> for Failure {
    fn from(refusal: Refusal) -> Self {
        Self::Refused(refusal)
    }
}

impl Failure {
    /// The error that names archive and entry.
    pub(super) fn of_entry(self, archive: &Path, entry: &Path) -> UnpackError {
        match self {
            Self::Refused(refusal) => {
                UnpackError::Refused { archive: archive.to_owned(), entry: entry.to_owned(), refusal }
            }
            Self::Read(source) => read_error(archive, source),
            Self::Write(path, source) => write_error(&path, source),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_full_disk_is_told_apart() {
        for errno in [rustix::io::Errno::NOSPC, rustix::io::Errno::DQUOT] {
            let error = write_error(Path::new("/store/file"), errno.into());
            assert_eq!(error.to_string(), "no space left on the disk while writing /store/file");
        }
        assert!(matches!(write_error(Path::new("/x"), rustix::io::Errno::ROFS.into()), UnpackError::Write { .. }));
    }
}
