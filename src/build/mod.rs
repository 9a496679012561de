//! Builds a toolchain: sources into a work tree, stage after stage in a room, a folder at the end.
//!
//! Guarantee: a stage counts as done when its script ended well and the file system was synced;
//! only then its mark is written, so that a build that was killed goes on at the stage where it
//! stopped. A stage's script may find what an interrupted run of itself left and has to cope.

mod additions;
mod environment;
mod inputs;
mod log;
mod record;
mod script;

use std::collections::BTreeMap;
use std::fs::Permissions;
use std::io;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::Mutex;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::{Duration, Instant};

use fs_err::File;
use serde::{Deserialize, Serialize};

use self::script::Script;
use crate::contents::Contents;
use crate::digest::Sha256;
use crate::event::{Event, Observer};
use crate::fetch::VerifiedFile;
use crate::host::{self, Host};
use crate::jobs::JobServer;
use crate::kept::Kept;
use crate::launcher::{self, Launcher};
use crate::lock::FileLock;
use crate::plan::{Plan, PlannedStage};
use crate::sandbox::Isolation;
use crate::scratch::Kind;
use crate::snapshot::{self, RestoreError};
use crate::store::{Manifest, StageRecord, Store, StoreError, remove_tree};
use crate::unpack::UnpackError;

/// The folder of the work tree that becomes the toolchain.
const OUT: &str = "out";

/// The folder of the work tree at which the toolchain is shown that takes the place of the host's compiler.
const BOOTSTRAP: &str = "bootstrap";

/// The file beside the work tree that says at which level of isolation it is built.
const LEVEL_FILE: &str = "isolation";

/// How a build runs.
pub struct Builder<'a> {
    /// Where everything goes.
    pub store: &'a Store,
    /// This very program, which rooms are entered by.
    pub program: &'a Path,
    /// Arguments that lead to [`crate::sandbox::enter`].
    pub room_arguments: &'a [&'a str],
    /// The level of isolation.
    pub isolation: Isolation,
    /// What was found on the host.
    pub host: &'a Host,
    /// What stages compile with, they and those of other builds.
    pub jobs: &'a JobServer,
    /// How many threads write a snapshot.
    pub threads: usize,
    /// Whether the work tree stays after a build that went well.
    pub keep_work: bool,
    /// What the host's compilers are called through.
    pub launcher: Option<&'a Launcher>,
    /// Hears of everything.
    pub observer: &'a dyn Observer,
}

/// Why a build failed.
#[derive(Debug, thiserror::Error)]
pub enum BuildError {
    /// A stage's script failed.
    #[error("stage {stage} of {toolchain} failed with exit code {code}; {}\nthe whole log: {}", shown(tail), log.display())]
    Stage {
        /// The toolchain's name.
        toolchain: String,
        /// The stage.
        stage: String,
        /// The script's exit code.
        code: i32,
        /// The log.
        log: PathBuf,
        /// The last lines that matter.
        tail: Vec<String>,
    },
    /// A source could not be unpacked.
    #[error(transparent)]
    Unpack(#[from] UnpackError),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file system refused; the message names the path.
    #[error(transparent)]
    Io(#[from] io::Error),
}

fn shown(tail: &[String]) -> String {
    if tail.is_empty() {
        return "it printed nothing".to_owned();
    }
    tail.iter().fold("its log ends:".to_owned(), |text, line| format!("{text}\n  | {line}"))
}

/// The mark of a finished stage.
#[derive(Serialize, Deserialize)]
struct Done {
    seconds: f64,
}

impl Builder<'_> {
    /// Builds `plan` from `files` and publishes it. The caller holds the toolchain's lock. What it is bootstrapped with is there.
    pub fn build(&self, plan: &Plan, files: &BTreeMap<Sha256, VerifiedFile>) -> Result<Manifest, BuildError> {
        let name = plan.name();
        let work = self.store.work(&name);
        let run = self.run(plan, files, &work, self.store.logs(&name), self.isolation == Isolation::Namespaces);
        if run.is_spent()? || run.is_of_another_level(&work)? {
            remove_tree(&work)?;
        }
        run.set_up(&work)?;
        run.restore_snapshot()?;
        let finished = run.is_finished()?;
        let records = std::thread::scope(|scope| {
            if run.shares && !finished {
                scope.spawn(|| run.unpack_ahead());
            }
            run.stages()
        })?;
        let contents = Contents::of(&run.out())?;
        let manifest = run.manifest(&name, records, &contents)?;
        self.store.publish(&run.out(), &contents, &manifest)?;
        if self.keep_work {
            run.leave_inputs()?;
            self.store.keep_work(&name)?;
        } else {
            remove_tree(&work)?;
        }
        self.observer.event(Event::BuildDone { toolchain: &manifest.triple });
        Ok(manifest)
    }

    /// Builds `plan` from `files` once more, from nothing, in the empty folder `work`, and returns where the result is.
    /// The store is left as it is, but for the logs.
    pub fn rebuild(
        &self,
        plan: &Plan,
        files: &BTreeMap<Sha256, VerifiedFile>,
        work: &Path,
    ) -> Result<PathBuf, BuildError> {
        let run = self.run(plan, files, work, self.store.logs(&plan.name()).join("rebuild"), false);
        run.set_up(work)?;
        run.stages()?;
        self.observer.event(Event::BuildDone { toolchain: &plan.target.triple });
        Ok(run.out())
    }

    fn run<'a>(
        &'a self,
        plan: &'a Plan,
        files: &'a BTreeMap<Sha256, VerifiedFile>,
        work: &Path,
        logs: PathBuf,
        shares: bool,
    ) -> Run<'a> {
        Run {
            builder: self,
            plan,
            files,
            tree: work.join("tree"),
            marks: work.join("done"),
            tools: work.join("tools"),
            logs,
            shares,
            unpacking: Mutex::new(()),
            ended: AtomicBool::new(false),
            finished_seconds: AtomicU64::new(0),
        }
    }
}

/// A script in a compiler's place that calls it through a launcher.
fn launching(kind: launcher::Kind, compiler: &Path) -> String {
    format!("#!/bin/sh\nexec {} '{}' \"$@\"\n", kind.name(), compiler.display())
}

/// One build under way.
struct Run<'a> {
    builder: &'a Builder<'a>,
    plan: &'a Plan,
    files: &'a BTreeMap<Sha256, VerifiedFile>,
    tree: PathBuf,
    marks: PathBuf,
    /// The programs that stages may call by name.
    tools: PathBuf,
    logs: PathBuf,
    /// Whether stages' results and unpacked sources are kept for other builds and taken from them: only where all work
    /// trees have the same path, which is in what is built, and a folder can be shown at another place.
    shares: bool,
    /// Held while a source is unpacked.
    unpacking: Mutex<()>,
    /// Whether no other stage is to begin.
    ended: AtomicBool,
    /// Of the stages that are done, as the recipe expects them.
    finished_seconds: AtomicU64,
}

impl Run<'_> {
    fn set_up(&self, work: &Path) -> io::Result<()> {
        fs_err::create_dir_all(&self.marks)?;
        fs_err::write(work.join(LEVEL_FILE), self.builder.isolation.name())?;
        fs_err::create_dir_all(self.tree.join("tmp"))?;
        remove_tree(&self.tools)?;
        fs_err::create_dir_all(&self.tools)?;
        for (name, program) in &self.builder.host.programs {
            let tool = self.tools.join(name);
            match self.launcher() {
                Some(launcher) if host::is_compiler(name) => {
                    let script = launching(launcher.kind, &program.path);
                    fs_err::write(&tool, script)?;
                    fs_err::set_permissions(&tool, Permissions::from_mode(0o755))?;
                }
                // Where it is in the end: what is on the way to it need not be seen in a room.
                _ => symlink(fs_err::canonicalize(&program.path)?, tool)?,
            }
        }
        if let Some(bootstrap) = &self.plan.bootstrap
            && let Some((folder, place)) = self.bootstrap_shown()
        {
            let work = self.builder.isolation.work_in_room(&self.tree);
            let programs = place.map_or(folder, |place| work.join(place)).join("bin");
            for name in &bootstrap.programs {
                symlink(programs.join(format!("{}-{name}", bootstrap.plan.target.triple)), self.tools.join(name))?;
            }
        }
        if let Some(launcher) = self.launcher() {
            fs_err::create_dir_all(&launcher.folder)?;
        }
        Ok(())
    }

    /// Where the toolchain is that takes the place of the host's compiler, and where in the work tree stages see it. Outside of
    /// namespaces nothing can be shown at another place: they see it where it is.
    fn bootstrap_shown(&self) -> Option<(PathBuf, Option<&'static str>)> {
        let bootstrap = self.plan.bootstrap.as_ref()?;
        let place = (self.builder.isolation == Isolation::Namespaces).then_some(BOOTSTRAP);
        Some((self.builder.store.toolchain(&bootstrap.plan.name()), place))
    }

    /// What the host's compilers are called through: not for a recipe that compiles nothing for the host, or not by them.
    fn launcher(&self) -> Option<&Launcher> {
        self.builder.launcher.filter(|_| self.plan.host_compiler.is_none() && self.plan.bootstrap.is_none())
    }

    /// Where the toolchain is, in the end.
    fn out(&self) -> PathBuf {
        self.tree.join(OUT)
    }

    fn stages(&self) -> Result<Vec<StageRecord>, BuildError> {
        let records = self.stages_in_order();
        self.ended.store(true, Ordering::Relaxed);
        records
    }

    fn stages_in_order(&self) -> Result<Vec<StageRecord>, BuildError> {
        let mut records = Vec::new();
        let mut shared: Option<(usize, FileLock)> = None;
        for (number, stage) in self.plan.stages.iter().enumerate() {
            shared = shared.filter(|(last, _)| number <= *last);
            if self.shares && shared.is_none() && self.done(stage)?.is_none() {
                shared = self.lock_shared_stages(number)?;
            }
            records.push(self.stage(number, stage)?);
        }
        Ok(records)
    }

    /// Keeps other builds from doing the same up to the next stage whose result is kept, from `number` on: they wait for the
    /// result. What another one made meanwhile is taken.
    fn lock_shared_stages(&self, number: usize) -> Result<Option<(usize, FileLock)>, BuildError> {
        let later = self.plan.stages.iter().enumerate().skip(number);
        let Some((last, stage)) = later.clone().find(|(_, stage)| stage.snapshot) else { return Ok(None) };
        let what = format!("stage {} of {}", stage.name, self.plan.compiler.triple);
        let store = self.builder.store;
        let lock = store.lock(&format!("stage-{}", stage.key), &what, self.builder.observer)?;
        if self.kept().snapshot(stage.key).exists() {
            self.restore_snapshot()?;
            for earlier in &self.plan.stages[..number] {
                if self.done(earlier)?.is_none() {
                    let message = "a damaged snapshot took finished stages with it: run the same command again";
                    return Err(io::Error::other(message).into());
                }
            }
        }
        Ok(Some((last, lock)))
    }

    /// Whether the work tree's result was published before: it was kept, or its process was killed.
    fn is_spent(&self) -> io::Result<bool> {
        Ok(self.is_finished()? && !self.out().exists())
    }

    /// Whether all stages are done.
    fn is_finished(&self) -> io::Result<bool> {
        Ok(self.plan.stages.last().map(|stage| self.done(stage)).transpose()?.flatten().is_some())
    }

    /// Whether the work tree was begun at another level of isolation, where it has another path that
    /// is in what was built so far.
    fn is_of_another_level(&self, work: &Path) -> io::Result<bool> {
        match fs_err::read_to_string(work.join(LEVEL_FILE)) {
            Ok(level) => Ok(level != self.builder.isolation.name()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(false),
            Err(error) => Err(error),
        }
    }

    fn stage(&self, number: usize, stage: &PlannedStage) -> Result<StageRecord, BuildError> {
        let observer = self.builder.observer;
        let toolchain = &self.plan.target.triple;
        let record = |seconds| StageRecord { name: stage.name.clone(), key: stage.key, seconds };
        let mut took = self.done(stage)?.map(|done| done.seconds);
        if took.is_none() && stage.additions && self.shares {
            took = self.take_over(number)?;
        }
        if let Some(seconds) = took {
            observer.event(Event::StageReused { toolchain, stage: &stage.name });
            self.finished_seconds.fetch_add(stage.seconds, Ordering::Relaxed);
            return Ok(record(seconds));
        }
        for (number, earlier) in self.plan.stages[..=number].iter().enumerate() {
            for tree in &earlier.unpack {
                self.unpack(number, tree)?;
            }
        }
        let _job = self.builder.jobs.job()?;
        let log = self.log(number, &Script::Stage);
        let count = self.plan.stages.len();
        observer.event(Event::StageStarted { toolchain, stage: &stage.name, number: number + 1, count, log: &log });
        let started = Instant::now();
        self.lay_out(stage)?;
        if stage.additions {
            self.make_room_for_additions()?;
        }
        // Before its job goes to who would unpack for the stages that do not follow.
        self.run_script(number, &Script::Stage).inspect_err(|_| self.ended.store(true, Ordering::Relaxed))?;
        let elapsed = started.elapsed();
        // Before the mark: a run that is killed in between finds the snapshot and goes on from it.
        if stage.additions {
            self.add(number, elapsed)?;
        }
        if stage.snapshot && self.shares {
            self.take_snapshot(number, elapsed)?;
        }
        self.mark_done(stage, elapsed)?;
        self.finished_seconds.fetch_add(stage.seconds, Ordering::Relaxed);
        observer.event(Event::StageDone { toolchain, stage: &stage.name, elapsed });
        Ok(record(elapsed.as_secs_f64()))
    }

    fn kept(&self) -> Kept<'_> {
        Kept::of(self.builder.store)
    }

    fn mark(&self, stage: &PlannedStage) -> PathBuf {
        self.marks.join(stage.key.to_string())
    }

    fn done(&self, stage: &PlannedStage) -> io::Result<Option<Done>> {
        match fs_err::read(self.mark(stage)) {
            Ok(bytes) => Ok(serde_json::from_slice(&bytes).ok()),
            Err(error) if error.kind() == io::ErrorKind::NotFound => Ok(None),
            Err(error) => Err(error),
        }
    }

    fn mark_done(&self, stage: &PlannedStage, elapsed: Duration) -> io::Result<()> {
        let tree = File::open(&self.tree)?;
        rustix::fs::syncfs(tree.file())?;
        let mut mark = tempfile::NamedTempFile::new_in(&self.marks)?;
        serde_json::to_writer(&mut mark, &Done { seconds: elapsed.as_secs_f64() })?;
        mark.as_file().sync_all()?;
        mark.persist(self.mark(stage)).map_err(|error| error.error)?;
        Ok(())
    }

    /// Keeps the work tree after the stage `number` without its inputs, which can be unpacked again.
    fn take_snapshot(&self, number: usize, elapsed: Duration) -> Result<(), BuildError> {
        let inputs: Vec<PathBuf> = self.inputs().iter().map(|(_, folder)| self.tree.join(folder)).collect();
        let mut seconds = Vec::new();
        for earlier in &self.plan.stages[..number] {
            seconds.push(self.done(earlier)?.map_or(0.0, |done| done.seconds));
        }
        seconds.push(elapsed.as_secs_f64());
        let kept = self.kept().snapshot(self.plan.stages[number].key);
        let scratch = self.builder.store.scratch(Kind::Snapshot)?;
        Ok(snapshot::take(&self.tree, &inputs, &seconds, self.builder.threads, scratch.path(), &kept)?)
    }

    /// Tells that something kept is damaged, and removes it.
    fn discard(&self, kept: &Path, error: &RestoreError) -> io::Result<()> {
        self.builder.observer.event(Event::Note(&format!("{error}; it is removed, and built again")));
        fs_err::remove_file(kept)
    }

    /// Puts the latest kept result in place of a work tree that is not as far.
    fn restore_snapshot(&self) -> Result<(), BuildError> {
        for (number, stage) in self.plan.stages.iter().enumerate().rev() {
            if self.done(stage)?.is_some() {
                return Ok(());
            }
            let kept = self.kept().snapshot(stage.key);
            if !stage.snapshot || !self.shares || !kept.exists() {
                continue;
            }
            // They speak of the tree that is replaced.
            remove_tree(&self.marks)?;
            fs_err::create_dir_all(&self.marks)?;
            let seconds = match snapshot::restore(&kept, &self.tree) {
                Ok(seconds) => seconds,
                Err(RestoreError::Io(error)) => return Err(error.into()),
                Err(error @ RestoreError::Damaged { .. }) => {
                    self.discard(&kept, &error)?;
                    remove_tree(&self.tree)?;
                    fs_err::create_dir_all(self.tree.join("tmp"))?;
                    continue;
                }
            };
            self.kept().note_use(&kept)?;
            fs_err::create_dir_all(self.tree.join("tmp"))?;
            for (stage, seconds) in self.plan.stages[..=number].iter().zip(seconds) {
                self.mark_done(stage, Duration::from_secs_f64(seconds))?;
            }
            return Ok(());
        }
        Ok(())
    }
}
