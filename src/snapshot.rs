//! Snapshots: the work tree after a costly stage, kept as one archive, so that a toolchain that
//! begins with the same stages goes on from there.
//!
//! Guarantee: a snapshot appears under its name only when it is complete. It is the store's own file
//! and is trusted as the rest of the store is.

use std::io::{self, Read};
use std::path::{Path, PathBuf};

use fs_err::File;

use crate::store::remove_tree;

/// Low: a snapshot is written during a build and must not cost it much.
const COMPRESSION_LEVEL: i32 = 1;

/// The entry that says how long each stage up to here took.
const SECONDS_ENTRY: &str = ".stage-seconds.json";

/// Why a tree was not restored.
#[derive(Debug, thiserror::Error)]
pub enum RestoreError {
    /// The snapshot was cut or changed.
    #[error("the snapshot {} is damaged ({reason})", path.display())]
    Damaged {
        /// The snapshot.
        path: PathBuf,
        /// What is wrong.
        reason: io::Error,
    },
    /// The file system refused; the message names the path.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// Writes everything in `tree` but the folders `without` to `archive`, with the stages' times, in as
/// many threads as there are `jobs`. It is made in the folder `scratch`, on the same file system.
pub fn take(
    tree: &Path,
    without: &[PathBuf],
    seconds: &[f64],
    jobs: usize,
    scratch: &Path,
    archive: &Path,
) -> io::Result<()> {
    fs_err::create_dir_all(archive.parent().unwrap_or(Path::new(".")))?;
    let fresh = tempfile::NamedTempFile::new_in(scratch)?;
    let mut encoder = zstd::Encoder::new(fresh, COMPRESSION_LEVEL)?;
    encoder.multithread(u32::try_from(jobs).unwrap_or(1))?;
    let mut builder = tar::Builder::new(encoder);
    builder.follow_symlinks(false);

    let times = serde_json::to_vec(seconds)?;
    let mut header = tar::Header::new_gnu();
    header.set_size(times.len() as u64);
    header.set_mode(0o644);
    builder.append_data(&mut header, SECONDS_ENTRY, times.as_slice())?;

    let wanted = |entry: &walkdir::DirEntry| !without.iter().any(|folder| folder == entry.path());
    for entry in walkdir::WalkDir::new(tree).min_depth(1).into_iter().filter_entry(wanted) {
        let entry = entry?;
        let name = entry.path().strip_prefix(tree).map_err(io::Error::other)?;
        builder.append_path_with_name(entry.path(), name)?;
    }
    let fresh = builder.into_inner()?.finish()?;
    fresh.as_file().sync_all()?;
    fresh.persist(archive).map_err(|error| error.error)?;
    Ok(())
}

/// Replaces `tree` by what `archive` holds and returns the stages' times in seconds.
pub fn restore(archive: &Path, tree: &Path) -> Result<Vec<f64>, RestoreError> {
    remove_tree(tree)?;
    fs_err::create_dir_all(tree)?;
    unpack(File::open(archive)?, tree).map_err(|error| match error.kind() {
        // As zstd and tar call what they cannot read.
        io::ErrorKind::Other
        | io::ErrorKind::InvalidData
        | io::ErrorKind::InvalidInput
        | io::ErrorKind::UnexpectedEof => RestoreError::Damaged { path: archive.to_owned(), reason: error },
        kind => io::Error::new(kind, format!("{}: {error}", tree.display())).into(),
    })
}

fn unpack(archive: File, tree: &Path) -> io::Result<Vec<f64>> {
    let mut archive = tar::Archive::new(zstd::Decoder::new(archive)?);
    archive.set_preserve_permissions(true);
    archive.set_preserve_mtime(true);
    let mut seconds = Vec::new();
    for entry in archive.entries()? {
        let mut entry = entry?;
        if entry.path()?.as_ref() == Path::new(SECONDS_ENTRY) {
            let mut text = String::new();
            entry.read_to_string(&mut text)?;
            seconds = serde_json::from_str(&text)?;
        } else {
            entry.unpack_in(tree)?;
        }
    }
    Ok(seconds)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_tree_comes_back_without_its_inputs() {
        let folder = tempfile::tempdir().unwrap();
        let tree = folder.path().join("tree");
        fs_err::create_dir_all(tree.join("obj")).unwrap();
        fs_err::create_dir_all(tree.join("src/gcc")).unwrap();
        fs_err::write(tree.join("obj/a.o"), "object").unwrap();
        fs_err::write(tree.join("src/gcc/a.c"), "source").unwrap();
        std::os::unix::fs::symlink("a.o", tree.join("obj/link")).unwrap();
        let before = fs_err::metadata(tree.join("obj/a.o")).unwrap().modified().unwrap();

        let archive = folder.path().join("stages/key.tar.zst");
        take(&tree, &[tree.join("src/gcc")], &[1.5, 2.0], 2, folder.path(), &archive).unwrap();
        fs_err::write(tree.join("obj/later"), "gone after restoring").unwrap();
        assert_eq!(restore(&archive, &tree).unwrap(), [1.5, 2.0]);

        assert_eq!(fs_err::read_to_string(tree.join("obj/link")).unwrap(), "object");
        assert!(!tree.join("obj/later").exists() && !tree.join("src/gcc").exists());
        let after = fs_err::metadata(tree.join("obj/a.o")).unwrap().modified().unwrap();
        assert_eq!(
            before.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs(),
            after.duration_since(std::time::UNIX_EPOCH).unwrap().as_secs()
        );
    }

    #[test]
    fn a_cut_or_changed_snapshot_is_said_to_be_damaged() {
        let folder = tempfile::tempdir().unwrap();
        let (tree, archive) = (folder.path().join("tree"), folder.path().join("stages/key.tar.zst"));
        fs_err::create_dir_all(&tree).unwrap();
        fs_err::write(tree.join("a.o"), "object").unwrap();
        take(&tree, &[], &[1.5], 1, folder.path(), &archive).unwrap();
        let whole = fs_err::read(&archive).unwrap();
        for bytes in [&whole[..whole.len() / 2], b"", b"something else"] {
            fs_err::write(&archive, bytes).unwrap();
            let error = restore(&archive, &tree).unwrap_err();
            assert!(matches!(&error, RestoreError::Damaged { path, .. } if *path == archive), "{error:?}");
        }
        fs_err::remove_file(&archive).unwrap();
        assert!(matches!(restore(&archive, &tree).unwrap_err(), RestoreError::Io(_)));
    }
}
