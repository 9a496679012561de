//! The store: the local home of toolchains, sources, stages' snapshots, work trees and logs.
//!
//! Guarantee: a toolchain's folder appears under its final name only when it is complete and on
//! disk. It is made in a work tree on the same file system, its manifest is written last, the file
//! system is synced, and one rename publishes it. Nothing is replaced in place; which of several
//! toolchains a triple means is a symlink, switched by rename. `tests/install/crash.rs` kills installs in
//! every phase. Known limit: whoever can write to the store can change a toolchain in it; its files
//! are only marked read-only.

mod manifest;
mod records;

use std::fs::Permissions;
use std::io::{self, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};

use fs_err::File;
use serde::{Deserialize, Serialize};

pub use self::manifest::{BootstrapRecord, CompilerRecord, MANIFEST_SCHEMA, Manifest, PatchRecord, StageRecord};
use crate::contents::{CONTENTS_FILE, Contents, Difference, MANIFEST_FILE};
use crate::digest::Sha256;
use crate::event::{Event, Observer};
use crate::lock::FileLock;
use crate::scratch::{self, Kind, Scratch};
use crate::whole::{self, sync_folder};

/// Says in a work tree that it stays although its toolchain is built.
const KEPT_FILE: &str = "kept";

/// Why the store could not do what was asked.
#[derive(Debug, thiserror::Error)]
pub enum StoreError {
    /// The file system refused; the message names the path.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// A file of the store is not what it should be.
    #[error("{}: {message}; remove it and run the command again", path.display())]
    Damaged {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// Another version of this program wrote it, in a format that this one does not know.
    #[error("{}: a newer muslchain made it; use that one, or remove it and run the command again", .0.display())]
    Newer(PathBuf),
    /// No such toolchain.
    #[error("no toolchain for {0} is installed; run `muslchain install {0}`")]
    NotInstalled(String),
    /// There are some, but the triple means none of them: an install or uninstall was killed.
    #[error("{0} means none of its toolchains; run `muslchain install {0}`, or name one that `muslchain list` shows")]
    NoneMeant(String),
}

/// The store's folders.
#[derive(Debug, Clone)]
pub struct Store {
    root: PathBuf,
}

impl Store {
    /// The store at `root`, which need not exist yet.
    pub fn at(root: PathBuf) -> Self {
        Self { root }
    }

    /// Its root.
    pub fn root(&self) -> &Path {
        &self.root
    }

    /// Where [`crate::fetch`] keeps its files.
    pub fn sources(&self) -> PathBuf {
        self.root.join("sources")
    }

    /// Where a toolchain is, or will be.
    pub fn toolchain(&self, name: &str) -> PathBuf {
        self.root.join("toolchains").join(name)
    }

    /// The work tree of a toolchain that is being built.
    pub fn work(&self, name: &str) -> PathBuf {
        self.root.join("work").join(name)
    }

    /// The logs of a toolchain's stages.
    pub fn logs(&self, name: &str) -> PathBuf {
        self.root.join("logs").join(name)
    }

    /// The scripts beside a toolchain that stand in PATH with it.
    pub fn shims(&self, name: &str) -> PathBuf {
        self.root.join("shims").join(name)
    }

    /// The manifest of a toolchain, if it is installed.
    pub fn manifest(&self, name: &str) -> Result<Option<Manifest>, StoreError> {
        #[derive(Deserialize)]
        struct Format {
            schema: u32,
        }
        let folder = self.toolchain(name);
        if let Ok(Some(Format { schema })) = read_json(&folder.join(MANIFEST_FILE))
            && schema > MANIFEST_SCHEMA
        {
            return Err(StoreError::Newer(folder));
        }
        read_json(&folder.join(MANIFEST_FILE)).map_err(|error| match error {
            // Without its manifest, the rest of it would be of no use to anybody.
            StoreError::Damaged { message, .. } => {
                StoreError::Damaged { path: folder, message: format!("the toolchain's {MANIFEST_FILE}: {message}") }
            }
            error => error,
        })
    }

    /// The list of what a toolchain's folder held when it was published.
    pub fn contents(&self, manifest: &Manifest) -> Result<Contents, StoreError> {
        let path = self.toolchain(&manifest.name).join(CONTENTS_FILE);
        let damaged = |message: &str| StoreError::Damaged {
            path: self.toolchain(&manifest.name),
            message: format!("the toolchain's {CONTENTS_FILE} {message}"),
        };
        let bytes = match fs_err::read(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Err(damaged("is gone")),
            bytes => bytes?,
        };
        if Sha256::of(&bytes) != manifest.contents {
            return Err(damaged("was changed"));
        }
        serde_json::from_slice(&bytes).map_err(|error| damaged(&error.to_string()))
    }

    /// What of a toolchain's folder is not as it was published.
    pub fn changes(&self, manifest: &Manifest) -> Result<Vec<Difference>, StoreError> {
        let found = Contents::of(&self.toolchain(&manifest.name))?;
        Ok(self.contents(manifest)?.differences(&found))
    }

    /// The manifests of all toolchains, sorted by name.
    pub fn list(&self) -> Result<Vec<Manifest>, StoreError> {
        let mut manifests = Vec::new();
        for name in names_in(&self.root.join("toolchains"))? {
            manifests.extend(self.manifest(&name)?);
        }
        manifests.sort_by(|a, b| a.name.cmp(&b.name));
        Ok(manifests)
    }

    /// The names of the toolchains whose build was begun and has not ended well, sorted: some may be under way.
    pub fn unfinished(&self) -> Result<Vec<String>, StoreError> {
        let mut names = Vec::new();
        for name in names_in(&self.root.join("work"))? {
            if !scratch::is_called_so(&name) && self.manifest(&name)?.is_none() {
                names.push(name);
            }
        }
        names.sort();
        Ok(names)
    }

    /// Removes the work tree and the logs of a build that has not ended well.
    ///
    /// The caller holds the toolchain's lock.
    pub fn remove_unfinished(&self, name: &str) -> Result<(), StoreError> {
        remove_tree(&self.logs(name))?;
        Ok(remove_tree(&self.work(name))?)
    }

    /// The toolchain that a triple means: the one that was installed last.
    pub fn current(&self, triple: &str) -> Result<Manifest, StoreError> {
        let meant = match fs_err::read_link(self.alias(triple)) {
            Ok(target) => self.manifest(&target.file_name().unwrap_or_default().to_string_lossy())?,
            Err(error) if error.kind() == io::ErrorKind::NotFound => None,
            Err(error) => return Err(error.into()),
        };
        match meant {
            Some(manifest) => Ok(manifest),
            None if self.list()?.iter().any(|other| other.triple == triple) => {
                Err(StoreError::NoneMeant(triple.to_owned()))
            }
            None => Err(StoreError::NotInstalled(triple.to_owned())),
        }
    }

    /// Makes `triple` mean the toolchain `name`.
    pub fn set_current(&self, triple: &str, name: &str) -> Result<(), StoreError> {
        let alias = self.alias(triple);
        let target = Path::new("../toolchains").join(name);
        if fs_err::read_link(&alias).is_ok_and(|present| present == target) {
            return Ok(());
        }
        let folder = self.folder("current")?;
        let fresh = self.scratch(Kind::Switch)?;
        let link = fresh.path().join(triple);
        symlink(&target, &link)?;
        fs_err::rename(&link, &alias)?;
        sync_folder(&folder)?;
        Ok(())
    }

    /// Publishes the finished folder `out`, which holds `contents`, as a toolchain. Its triple means what it meant before.
    ///
    /// The caller holds the toolchain's lock.
    pub fn publish(&self, out: &Path, contents: &Contents, manifest: &Manifest) -> Result<PathBuf, StoreError> {
        let toolchains = self.folder("toolchains")?;
        mark_read_only(out)?;
        // Made beside it, so that what a kill leaves is not published by the next run.
        for (name, bytes) in [(CONTENTS_FILE, contents.to_bytes()?), (MANIFEST_FILE, json(manifest)?)] {
            let fresh = out.with_file_name(name);
            whole::write(&fresh, |file| file.write_all(&bytes))?;
            fs_err::set_permissions(&fresh, Permissions::from_mode(0o444))?;
            fs_err::rename(&fresh, out.join(name))?;
        }
        let opened = File::open(out)?;
        rustix::fs::syncfs(opened.file()).map_err(io::Error::from)?;
        let place = self.toolchain(&manifest.name);
        // Only a folder without its manifest can be there: one that was tampered with.
        remove_tree(&place)?;
        fs_err::rename(out, &place)?;
        sync_folder(&toolchains)?;
        Ok(place)
    }

    /// Keeps the work tree of a toolchain that is built already.
    pub fn keep_work(&self, name: &str) -> Result<(), StoreError> {
        Ok(fs_err::write(self.work(name).join(KEPT_FILE), "")?)
    }

    /// Removes what a run that was killed between publishing and tidying up left of its work tree.
    pub fn remove_leftover_work(&self, name: &str, observer: &dyn Observer) -> Result<(), StoreError> {
        let work = self.work(name);
        let is_left_over = || work.exists() && !work.join(KEPT_FILE).exists();
        if is_left_over() {
            let _lock = self.lock(name, name, observer)?;
            // It may have been another process's, which is done with it now.
            if is_left_over() {
                remove_tree(&work)?;
            }
        }
        Ok(())
    }

    /// Removes a toolchain with its shims, its logs and what is left of its work tree. If its triple means it, the triple then
    /// means the newest other one, if any.
    ///
    /// The caller holds the toolchain's lock.
    pub fn remove(&self, manifest: &Manifest) -> Result<(), StoreError> {
        // While the toolchain is there, so that what a kill leaves of them is found by its name.
        remove_tree(&self.shims(&manifest.name))?;
        remove_tree(&self.logs(&manifest.name))?;
        remove_tree(&self.work(&manifest.name))?;
        // Before it goes, so that a triple that has others never means what is not there.
        self.set_other_current(manifest)?;
        let trash = self.scratch(Kind::Trash)?;
        fs_err::rename(self.toolchain(&manifest.name), trash.path().join("toolchain"))?;
        // Once it is gone, so that the last of a triple is meant as long as it is there.
        if self.is_current(manifest) {
            fs_err::remove_file(self.alias(&manifest.triple))?;
        }
        Ok(trash.remove()?)
    }

    /// A folder of a moment, on the file system of toolchains and work trees.
    pub fn scratch(&self, kind: Kind) -> Result<Scratch, StoreError> {
        Ok(Scratch::new(kind, &self.folder("work")?, &self.folder("locks")?)?)
    }

    /// Removes what killed processes left of folders of a moment.
    pub fn sweep(&self, observer: &dyn Observer) -> Result<(), StoreError> {
        Ok(scratch::sweep(&self.root.join("work"), &self.root.join("locks"), observer)?)
    }

    fn is_current(&self, manifest: &Manifest) -> bool {
        fs_err::read_link(self.alias(&manifest.triple)).is_ok_and(|target| target.ends_with(&manifest.name))
    }

    /// If the triple means this toolchain, and has others, it means the newest of them then.
    fn set_other_current(&self, manifest: &Manifest) -> Result<(), StoreError> {
        if !self.is_current(manifest) {
            return Ok(());
        }
        let mut others = Vec::new();
        let is_other = |other: &Manifest| other.triple == manifest.triple && other.name != manifest.name;
        for other in self.list()?.into_iter().filter(is_other) {
            let published = fs_err::metadata(self.toolchain(&other.name).join(MANIFEST_FILE))?.modified()?;
            others.push((published, other.name));
        }
        if let Some((_, newest)) = others.into_iter().max() {
            self.set_current(&manifest.triple, &newest)?;
        }
        Ok(())
    }

    /// Takes the lock of that name, waiting for whoever holds it.
    pub fn lock(&self, name: &str, what: &str, observer: &dyn Observer) -> Result<FileLock, StoreError> {
        let path = self.folder("locks")?.join(format!("{name}.lock"));
        Ok(FileLock::acquire(&path, |holder| observer.event(Event::Waiting { what, holder }))?)
    }

    /// The lock of that name, unless another holds it.
    pub fn try_lock(&self, name: &str) -> Result<Option<FileLock>, StoreError> {
        Ok(FileLock::try_acquire(&self.folder("locks")?.join(format!("{name}.lock")))?)
    }

    fn alias(&self, triple: &str) -> PathBuf {
        self.root.join("current").join(triple)
    }

    fn folder(&self, name: &str) -> Result<PathBuf, StoreError> {
        let folder = self.root.join(name);
        fs_err::create_dir_all(&folder)?;
        Ok(folder)
    }
}

/// Removes a folder with everything in it; nothing happens if it is not there.
pub fn remove_tree(folder: &Path) -> io::Result<()> {
    match fs_err::remove_dir_all(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(()),
        result => result,
    }
}

/// The names of a folder's entries; none where it is not there.
fn names_in(folder: &Path) -> io::Result<Vec<String>> {
    let entries = match fs_err::read_dir(folder) {
        Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(Vec::new()),
        entries => entries?,
    };
    entries.map(|entry| Ok(entry?.file_name().to_string_lossy().into_owned())).collect()
}

fn mark_read_only(folder: &Path) -> Result<(), StoreError> {
    for entry in walkdir::WalkDir::new(folder) {
        let entry = entry.map_err(io::Error::from)?;
        if entry.file_type().is_file() {
            let mode = entry.metadata().map_err(io::Error::from)?.permissions().mode();
            fs_err::set_permissions(entry.path(), Permissions::from_mode(mode & 0o7555))?;
        }
    }
    Ok(())
}

fn read_json<T: serde::de::DeserializeOwned>(path: &Path) -> Result<Option<T>, StoreError> {
    let bytes = match fs_err::read(path) {
        Err(error) if matches!(error.kind(), io::ErrorKind::NotFound | io::ErrorKind::NotADirectory) => {
            return Ok(None);
        }
        bytes => bytes?,
    };
    serde_json::from_slice(&bytes)
        .map(Some)
        .map_err(|error| StoreError::Damaged { path: path.to_owned(), message: error.to_string() })
}

fn json<T: Serialize>(value: &T) -> io::Result<Vec<u8>> {
    let mut bytes = serde_json::to_vec_pretty(value)?;
    bytes.push(b'\n');
    Ok(bytes)
}
