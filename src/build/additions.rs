//! What a stage adds to the toolchain, kept under a key of what it sees: where a stage before it changed without anything that
//! this one sees, as musl's code behind its headers, the additions are taken over from another build.

use std::io;
use std::path::{Path, PathBuf};
use std::time::Duration;

use super::{BuildError, OUT, Run};
use crate::digest::Sha256;
use crate::scratch::Kind;
use crate::snapshot::{self, RestoreError};
use crate::store::remove_tree;

/// The folder of the work tree that a stage fills with its additions.
const ADDITIONS: &str = "additions";

impl Run<'_> {
    fn additions(&self) -> PathBuf {
        self.tree.join(ADDITIONS)
    }

    /// Has an empty folder for the additions of a stage.
    pub(super) fn make_room_for_additions(&self) -> io::Result<()> {
        remove_tree(&self.additions())?;
        fs_err::create_dir_all(self.additions())
    }

    /// Puts the additions of the stage `number` into the toolchain, and keeps them, where builds share.
    pub(super) fn add(&self, number: usize, elapsed: Duration) -> Result<(), BuildError> {
        if self.shares {
            let scratch = self.builder.store.scratch(Kind::Snapshot)?;
            let seconds = [elapsed.as_secs_f64()];
            let kept = self.kept_additions(number)?;
            snapshot::take(&self.additions(), &[], &seconds, self.builder.threads, scratch.path(), &kept)?;
        }
        Ok(merge(&self.additions(), &self.tree.join(OUT))?)
    }

    /// Takes the additions of the stage `number` over from a build in which it saw the same, and marks it as done. How many seconds
    /// it took there; `None` where there are none.
    pub(super) fn take_over(&self, number: usize) -> Result<Option<f64>, BuildError> {
        let kept = self.kept_additions(number)?;
        if !kept.exists() {
            return Ok(None);
        }
        let seconds = match snapshot::restore(&kept, &self.additions()) {
            Ok(seconds) => seconds,
            Err(RestoreError::Io(error)) => return Err(error.into()),
            Err(error @ RestoreError::Damaged { .. }) => {
                self.discard(&kept, &error)?;
                return Ok(None);
            }
        };
        self.kept().note_use(&kept)?;
        merge(&self.additions(), &self.tree.join(OUT))?;
        let seconds = seconds.iter().sum();
        self.mark_done(&self.plan.stages[number], Duration::from_secs_f64(seconds))?;
        Ok(Some(seconds))
    }

    fn kept_additions(&self, number: usize) -> io::Result<PathBuf> {
        let interface = |file: &str| Ok(Sha256::of(&fs_err::read(self.tree.join(file))?));
        Ok(self.kept().snapshot(self.plan.key_by_sight(number, interface)?))
    }
}

/// Moves what is below `from` to the same places below `into`, into the folders that are there, or are linked to, and over files that are there.
fn merge(from: &Path, into: &Path) -> io::Result<()> {
    let entries: Vec<_> = walkdir::WalkDir::new(from).min_depth(1).into_iter().collect::<Result<_, _>>()?;
    for entry in entries {
        let place = into.join(entry.path().strip_prefix(from).map_err(io::Error::other)?);
        if !entry.file_type().is_dir() {
            fs_err::rename(entry.path(), place)?;
        } else if !place.is_dir() {
            fs_err::create_dir(&place)?;
            fs_err::set_permissions(&place, entry.metadata()?.permissions())?;
        }
    }
    remove_tree(from)
}

#[cfg(test)]
mod tests {
    use std::os::unix::fs::symlink;

    use super::*;

    #[test]
    fn what_is_added_goes_into_the_folders_that_are_there() {
        let folder = tempfile::tempdir().unwrap();
        let (from, into) = (folder.path().join("from"), folder.path().join("into"));
        for made in [from.join("lib64/new"), into.join("lib")] {
            fs_err::create_dir_all(made).unwrap();
        }
        symlink("lib", into.join("lib64")).unwrap();
        symlink("nowhere", from.join("lib64/link")).unwrap();
        for (file, content) in [
            (from.join("lib64/a"), "new"),
            (from.join("lib64/new/b"), "new"),
            (into.join("lib/a"), "old"),
            (into.join("lib/c"), "old"),
        ] {
            fs_err::write(file, content).unwrap();
        }
        merge(&from, &into).unwrap();
        let read = |file: &str| fs_err::read_to_string(into.join("lib").join(file)).unwrap();
        assert_eq!([read("a"), read("new/b"), read("c")], ["new", "new", "old"]);
        assert_eq!(fs_err::read_link(into.join("lib/link")).unwrap(), Path::new("nowhere"));
        assert!(fs_err::symlink_metadata(into.join("lib64")).unwrap().is_symlink() && !from.exists());
    }
}
