//! What a stage finds in its work tree: unpacked and mended sources, and the files of the recipe that it reads.

use std::io;
use std::os::unix::fs::symlink;
use std::path::{Path, PathBuf};
use std::sync::PoisonError;
use std::sync::atomic::Ordering;
use std::time::SystemTime;

use fs_err::File;

use super::script::{FIXUP_FOLDER, FIXUP_SCRIPT, Script};
use super::{BuildError, Run};
use crate::event::Event;
use crate::plan::{PlannedStage, Tree};
use crate::scratch::Kind;
use crate::store::remove_tree;
use crate::unpack;

impl Run<'_> {
    /// Puts the files that the stage reads into the work tree's folder `recipe`, and no others, and makes the place for what is
    /// shown there.
    pub(super) fn lay_out(&self, stage: &PlannedStage) -> io::Result<()> {
        let recipe = self.tree.join("recipe");
        remove_tree(&recipe)?;
        fs_err::create_dir_all(&recipe)?;
        for (name, content) in &stage.files {
            fs_err::write(recipe.join(name), content)?;
        }
        if let Some((_, Some(place))) = self.bootstrap_shown() {
            fs_err::create_dir_all(self.tree.join(place))?;
        }
        Ok(())
    }

    /// Has a source at its place in the work tree: the kept one is shown there, where builds share, else it is
    /// unpacked there.
    pub(super) fn unpack(&self, number: usize, tree: &Tree) -> Result<(), BuildError> {
        let place = self.tree.join(&tree.folder);
        let parent = place.parent().unwrap_or(&self.tree);
        fs_err::create_dir_all(parent)?;
        if !self.shares {
            if fs_err::symlink_metadata(&place).is_err() {
                let base = self.tree.join("unpacking");
                remove_tree(&base)?;
                fs_err::create_dir_all(&base)?;
                let (fresh, _) = self.unpack_in(number, tree, &base)?;
                fs_err::rename(fresh, &place)?;
                remove_tree(&base)?;
            }
            return Ok(());
        }
        self.unpack_to_keep(number, tree)?;
        self.kept().note_use(&self.kept().unpacked(tree))?;
        Ok(fs_err::create_dir_all(&place)?)
    }

    /// Unpacks the sources of later stages while earlier ones run: it takes one processor, and configure scripts leave
    /// others idle. Ends when all is there or no stage is to follow, and at what fails, which its stage will meet again and tell. What
    /// another build is unpacking is left to that.
    pub(super) fn unpack_ahead(&self) {
        for (number, stage) in self.plan.stages.iter().enumerate() {
            for tree in stage.unpack.iter().filter(|tree| !self.kept().unpacked(tree).exists()) {
                let Ok(_job) = self.builder.jobs.job() else { return };
                if self.ended.load(Ordering::Relaxed) {
                    return;
                }
                let _one = self.unpacking.lock().unwrap_or_else(PoisonError::into_inner);
                match self.builder.store.try_lock(&self.unpacking_lock(tree)) {
                    Ok(Some(_lock)) if self.unpack_locked(number, tree).is_ok() => {}
                    Ok(None) => {}
                    Ok(Some(_)) | Err(_) => return,
                }
            }
        }
    }

    /// Has a source unpacked and mended among what is kept.
    fn unpack_to_keep(&self, number: usize, tree: &Tree) -> Result<(), BuildError> {
        if self.kept().unpacked(tree).exists() {
            return Ok(());
        }
        // Within this build nobody needs to hear of the waiting.
        let _one = self.unpacking.lock().unwrap_or_else(PoisonError::into_inner);
        let what = format!("the unpacking of {}", tree.source.file);
        let _lock = self.builder.store.lock(&self.unpacking_lock(tree), &what, self.builder.observer)?;
        self.unpack_locked(number, tree)
    }

    fn unpacking_lock(&self, tree: &Tree) -> String {
        format!("unpack-{}", self.kept().unpacked(tree).file_name().unwrap_or_default().display())
    }

    /// Has a source unpacked and mended among what is kept, where this build has the lock of that.
    fn unpack_locked(&self, number: usize, tree: &Tree) -> Result<(), BuildError> {
        let kept = self.kept().unpacked(tree);
        if !kept.exists() {
            let scratch = self.builder.store.scratch(Kind::Unpack)?;
            let (fresh, bytes) = self.unpack_in(number, tree, scratch.path())?;
            self.kept().note_size(&kept, bytes)?;
            fs_err::rename(fresh, &kept)?;
        }
        Ok(())
    }

    /// Unpacks and mends a source in the empty folder `base`. Where it is now, complete and on disk, and its size.
    fn unpack_in(&self, number: usize, tree: &Tree, base: &Path) -> Result<(PathBuf, u64), BuildError> {
        let toolchain = &self.plan.target.triple;
        self.builder.observer.event(Event::Unpacking { toolchain, file: &tree.source.file });
        let into = base.join(FIXUP_FOLDER);
        let file = self.files.get(&tree.source.sha256).ok_or_else(|| io::Error::other("a source was not fetched"))?;
        let unpacked = unpack::unpack(file, &tree.source, &tree.selection, &into)?;
        if let Some(fixup) = &tree.fixup {
            fs_err::create_dir_all(base.join("tmp"))?;
            let script = base.join(FIXUP_SCRIPT);
            fs_err::write(&script, fixup)?;
            let started = fs_err::metadata(&script)?.modified()?;
            self.run_script(number, &Script::Fixup { source: &tree.source.name, base })?;
            date_back(&into, started)?;
        }
        rustix::fs::syncfs(File::open(&into)?.file()).map_err(io::Error::from)?;
        Ok((into, unpacked.bytes))
    }

    /// What stages may only read of their work tree: the unpacked sources that are there by now, and the toolchain that compiles
    /// for the host. Where it is, and its folder in the work tree.
    pub(super) fn inputs(&self) -> Vec<(PathBuf, PathBuf)> {
        let trees = self.plan.stages.iter().flat_map(|stage| &stage.unpack);
        let there = trees.filter(|tree| self.tree.join(&tree.folder).exists());
        let place = |tree: &Tree| if self.shares { self.kept().unpacked(tree) } else { self.tree.join(&tree.folder) };
        let bootstrap = self.bootstrap_shown().and_then(|(folder, place)| Some((folder, PathBuf::from(place?))));
        let bootstrap = bootstrap.filter(|(_, place)| self.tree.join(place).exists());
        there.map(|tree| (place(tree), PathBuf::from(&tree.folder))).chain(bootstrap).collect()
    }

    /// Puts links to the kept sources where stages saw them, for whoever looks at the work tree.
    pub(super) fn leave_inputs(&self) -> io::Result<()> {
        for (from, folder) in self.inputs() {
            let place = self.tree.join(folder);
            if from != place {
                fs_err::remove_dir(&place)?;
                symlink(from, place)?;
            }
        }
        Ok(())
    }
}

/// Gives the files of `tree` that were changed since `then` the time of the newest other one: the same whenever the
/// source is unpacked, and older than whatever is built from it. To make, a file of today's time would be newer
/// than all that a snapshot brings back.
fn date_back(tree: &Path, then: SystemTime) -> io::Result<()> {
    let mut newest_other = SystemTime::UNIX_EPOCH;
    let mut changed = Vec::new();
    for entry in walkdir::WalkDir::new(tree) {
        let entry = entry?;
        if entry.file_type().is_file() {
            let modified = entry.metadata()?.modified()?;
            if modified >= then {
                changed.push(entry.into_path());
            } else {
                newest_other = newest_other.max(modified);
            }
        }
    }
    changed.into_iter().try_for_each(|path| File::open(path)?.file().set_modified(newest_other))
}
