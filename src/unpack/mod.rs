//! Unpacks verified archives.
//!
//! What [`unpack`] guarantees, whatever the archive says:
//!
//! - Nothing is written outside the new tree, and no link in the tree leads out of it. Absolute names, `..`,
//!   names through a link, links that lead out, hard links to what the archive has not made itself,
//!   devices and pipes are refused, each with its own [`Refusal`]. Every name is reached from the tree's
//!   root through directory descriptors that never follow a link, so this does not rest on names alone.
//! - A tree that is there is complete: it grows in `<into>.partial` and is renamed at the end. After a
//!   failure neither is left.
//! - Space, time and memory have limits: [`Source::unpacked_bound`] for the content,
//!   `Limits` for the number of entries and the length of a header, 256 MiB for a decompressor.
//! - The result does not depend on the umask or on who unpacks: files are 0644 or 0755, folders 0755.
//!   Files get their time stamps, since Makefiles of release trees compare them.
//!
//! Limits: owners, extended attributes, symlinks' and folders' time stamps are dropped. Sparse files in the pax form,
//! symlinks with a `..` after a name, and multi-volume archives are refused. Nothing is synced: the tree
//! survives a killed process, not a power cut. One process at a time may unpack into the same place; the caller
//! holds the lock. What follows the archive's end marker is not read.
//!
//! The proofs are in `tests/unpack`: `hostile_archives_are_refused_and_leave_nothing`,
//! `a_link_is_never_followed`, `the_bound_holds`, `a_headers_length_is_bounded`,
//! `a_cut_archive_is_no_tree`, `random_hostile_entries_never_get_out`, `random_trees_come_back_as_they_were`.

mod ar;
mod error;
mod extract;
mod name;
mod stream;
mod tree;

use std::ffi::OsString;
use std::fs::{self, Permissions};
use std::io;
use std::os::unix::fs::PermissionsExt;
use std::path::{Path, PathBuf};

use crate::fetch::VerifiedFile;
use crate::recipe::Selection;
use crate::source::Source;

pub use error::{Refusal, UnpackError};
pub(crate) use stream::{Meter, Metered};

use error::write_error;
use extract::{Limits, extract};

/// What was unpacked.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Unpacked {
    /// Entries of the archive, folders and links included.
    pub entries: u64,
    /// Bytes of content written.
    pub bytes: u64,
}

/// Unpacks `file`, whose name and bounds `source` tells, into the new folder `into`.
///
/// The formats are told by [`Source::file`]: `.tar`, `.tar.gz`, `.tgz`, `.tar.xz`, `.tar.zst` and `.deb`. With
/// [`Source::nested`] the archive of that name inside is unpacked and nothing else of the outer one. The one top-level
/// folder of a tarball is stripped; a `.deb` is unpacked as it is.
///
/// What `selection` leaves out is not written; its names are checked all the same.
///
/// `into` must be absent or an empty folder, and its parent must exist. `<into>.partial` is
/// removed if an earlier run left it.
pub fn unpack(
    file: &VerifiedFile,
    source: &Source,
    selection: &Selection,
    into: &Path,
) -> Result<Unpacked, UnpackError> {
    must_be_free(into)?;
    let mut partial = Partial::create(into)?;
    let unpacked = extract(file.path(), source, selection, &partial.path, Limits::of(source))?;
    fs::rename(&partial.path, into).map_err(|source| write_error(into, source))?;
    partial.renamed = true;
    Ok(unpacked)
}

fn must_be_free(into: &Path) -> Result<(), UnpackError> {
    let taken = || UnpackError::Taken { path: into.to_owned() };
    match fs::symlink_metadata(into) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(source) => Err(write_error(into, source)),
        Ok(metadata) if !metadata.is_dir() => Err(taken()),
        Ok(_) => match fs::read_dir(into).map_err(|source| write_error(into, source))?.next() {
            None => Ok(()),
            Some(_) => Err(taken()),
        },
    }
}

/// The tree while it is not complete. Removed when dropped, unless it was renamed.
struct Partial {
    path: PathBuf,
    renamed: bool,
}

impl Partial {
    fn create(into: &Path) -> Result<Self, UnpackError> {
        let name = into.file_name().ok_or_else(|| UnpackError::Taken { path: into.to_owned() })?;
        let mut partial_name = OsString::from(name);
        partial_name.push(".partial");
        let path = into.with_file_name(partial_name);
        let failed = |source| write_error(&path, source);
        remove(&path).map_err(failed)?;
        fs::create_dir(&path).map_err(failed)?;
        fs::set_permissions(&path, Permissions::from_mode(0o755)).map_err(failed)?;
        Ok(Self { path, renamed: false })
    }
}

impl Drop for Partial {
    fn drop(&mut self) {
        if !self.renamed {
            // The failure that led here is the one to tell; the next run removes what stays.
            let _ = remove(&self.path);
        }
    }
}

/// Removes a tree, a file or a link, whichever is there, and follows nothing.
fn remove(path: &Path) -> io::Result<()> {
    match fs::symlink_metadata(path) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        Err(error) => Err(error),
        Ok(metadata) if metadata.is_dir() => fs::remove_dir_all(path),
        Ok(_) => fs::remove_file(path),
    }
}
