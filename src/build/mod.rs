//! Builds a toolchain: sources into a work tree, stage after stage in a room, a folder at the end.
//!
//! Guarantee: a stage counts as done when its script ended well and the file system was synced;
//! only then its mark is written, so that a build that was killed goes on at the stage where it
//! stopped. A stage's script may find what an interrupted run of itself left and has to cope.

mod environment;
mod log;

use std::collections::{BTreeMap, BTreeSet};
use std::fs::Permissions;
use std::io::{self, BufRead, BufReader, Write};
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicU64, Ordering};
use std::time::{Duration, Instant, SystemTime};

use fs_err::File;
use serde::{Deserialize, Serialize};

use crate::contents::Contents;
use crate::digest::Sha256;
use crate::event::{Event, Observer};
use crate::fetch::VerifiedFile;
use crate::host::Host;
use crate::jobs::JobServer;
use crate::kept::Kept;
use crate::launcher::{self, Launcher};
use crate::lock::FileLock;
use crate::plan::{Linkage, Plan, PlannedStage, Tree};
use crate::provenance::fixup_of;
use crate::sandbox::{self, Isolation, Room};
use crate::scratch::Kind;
use crate::snapshot::{self, RestoreError};
use crate::store::{
    CompilerRecord, MANIFEST_SCHEMA, Manifest, PatchRecord, StageRecord, Store, StoreError, remove_tree,
};
use crate::unpack::{self, UnpackError};

/// The folder of the work tree that becomes the toolchain.
const OUT: &str = "out";

/// The host's programs that a launcher is put before.
const COMPILERS: [&str; 2] = ["gcc", "g++"];

/// The folder in which a source is mended, and the script beside it that does so.
const FIXUP_FOLDER: &str = "source";
const FIXUP_SCRIPT: &str = "fixup.sh";

/// The file of the work tree in which stages say what they patched: lines of COMPONENT SHA256  FILE.
const PATCHES_FILE: &str = "applied-patches";

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

/// A script that runs in a room.
enum Script<'a> {
    /// That of the stage itself.
    Stage,
    /// One that mends a source, in the folder that is unpacked below `base`.
    Fixup { source: &'a str, base: &'a Path },
}

impl Builder<'_> {
    /// Builds `plan` from `files` and publishes it. The caller holds the toolchain's lock.
    pub fn build(&self, plan: &Plan, files: &BTreeMap<Sha256, VerifiedFile>) -> Result<Manifest, BuildError> {
        let name = plan.name();
        let work = self.store.work(&name);
        let run = self.run(plan, files, &work, self.store.logs(&name), self.isolation == Isolation::Namespaces);
        if run.is_spent()? || run.is_of_another_level(&work)? {
            remove_tree(&work)?;
        }
        run.set_up(&work)?;
        run.restore_snapshot()?;
        let records = run.stages()?;
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
            finished_seconds: AtomicU64::new(0),
        }
    }
}

/// A script in a compiler's place that calls it through a launcher.
fn launching(kind: launcher::Kind, compiler: &Path) -> String {
    format!("#!/bin/sh\nexec {} '{}' \"$@\"\n", kind.name(), compiler.display())
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
                Some(launcher) if COMPILERS.contains(&name.as_str()) => {
                    let script = launching(launcher.kind, &program.path);
                    fs_err::write(&tool, script)?;
                    fs_err::set_permissions(&tool, Permissions::from_mode(0o755))?;
                }
                // Where it is in the end: what is on the way to it need not be seen in a room.
                _ => symlink(fs_err::canonicalize(&program.path)?, tool)?,
            }
        }
        if let Some(launcher) = self.launcher() {
            fs_err::create_dir_all(&launcher.folder)?;
        }
        Ok(())
    }

    /// What the host's compilers are called through: not for a recipe that compiles nothing for the host.
    fn launcher(&self) -> Option<&Launcher> {
        self.builder.launcher.filter(|_| self.plan.host_compiler.is_none())
    }

    /// Where the toolchain is, in the end.
    fn out(&self) -> PathBuf {
        self.tree.join(OUT)
    }

    fn stages(&self) -> Result<Vec<StageRecord>, BuildError> {
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
        let finished = self.plan.stages.last().map(|stage| self.done(stage)).transpose()?.flatten().is_some();
        Ok(finished && !self.out().exists())
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
        if let Some(done) = self.done(stage)? {
            observer.event(Event::StageReused { toolchain, stage: &stage.name });
            self.finished_seconds.fetch_add(stage.seconds, Ordering::Relaxed);
            return Ok(record(done.seconds));
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
        self.run_script(number, &Script::Stage)?;
        let elapsed = started.elapsed();
        // Before the mark: a run that is killed in between finds the snapshot and goes on from it.
        if stage.snapshot && self.shares {
            self.take_snapshot(number, elapsed)?;
        }
        self.mark_done(stage, elapsed)?;
        self.finished_seconds.fetch_add(stage.seconds, Ordering::Relaxed);
        observer.event(Event::StageDone { toolchain, stage: &stage.name, elapsed });
        Ok(record(elapsed.as_secs_f64()))
    }

    /// Puts the files that the stage reads into the work tree's folder `recipe`, and no others.
    fn lay_out(&self, stage: &PlannedStage) -> io::Result<()> {
        let recipe = self.tree.join("recipe");
        remove_tree(&recipe)?;
        fs_err::create_dir_all(&recipe)?;
        for (name, content) in &stage.files {
            fs_err::write(recipe.join(name), content)?;
        }
        Ok(())
    }

    /// Has a source at its place in the work tree: the kept one is shown there, where builds share, else it is
    /// unpacked there.
    fn unpack(&self, number: usize, tree: &Tree) -> Result<(), BuildError> {
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
        let store = self.builder.store;
        let kept = self.kept().unpacked(tree);
        if !kept.exists() {
            let what = format!("the unpacking of {}", tree.source.file);
            let name = format!("unpack-{}", kept.file_name().unwrap_or_default().display());
            let _lock = store.lock(&name, &what, self.builder.observer)?;
            if !kept.exists() {
                let scratch = store.scratch(Kind::Unpack)?;
                let (fresh, bytes) = self.unpack_in(number, tree, scratch.path())?;
                self.kept().note_size(&kept, bytes)?;
                fs_err::rename(fresh, &kept)?;
            }
        }
        self.kept().note_use(&kept)?;
        Ok(fs_err::create_dir_all(&place)?)
    }

    /// Unpacks and mends a source in the empty folder `base`. Where it is now, complete and on disk, and its size.
    fn unpack_in(&self, number: usize, tree: &Tree, base: &Path) -> Result<(PathBuf, u64), BuildError> {
        let toolchain = &self.plan.target.triple;
        self.builder.observer.event(Event::Unpacking { toolchain, file: &tree.source.file });
        let into = base.join(FIXUP_FOLDER);
        let file = self.files.get(&tree.source.sha256).ok_or_else(|| io::Error::other("a source was not fetched"))?;
        let unpacked = unpack::unpack(file, &tree.source, &tree.only, &into)?;
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

    /// Puts links to the kept sources where stages saw them, for whoever looks at the work tree.
    fn leave_inputs(&self) -> io::Result<()> {
        for (from, folder) in self.inputs() {
            let place = self.tree.join(folder);
            if from != place {
                fs_err::remove_dir(&place)?;
                symlink(from, place)?;
            }
        }
        Ok(())
    }

    fn kept(&self) -> Kept<'_> {
        Kept::of(self.builder.store)
    }

    /// Where a script's output goes.
    fn log(&self, number: usize, script: &Script) -> PathBuf {
        let name = match script {
            Script::Stage => format!("{}-{}.log", number + 1, self.plan.stages[number].name),
            Script::Fixup { source, .. } => format!("fixup-{source}.log"),
        };
        self.logs.join(name)
    }

    /// Runs a script of the stage `number`.
    fn run_script(&self, number: usize, script: &Script) -> Result<(), BuildError> {
        let builder = self.builder;
        let stage = &self.plan.stages[number];
        let (what, tree) = match script {
            Script::Stage => (stage.name.clone(), self.tree.as_path()),
            Script::Fixup { source, base } => (format!("fixup of {source}"), *base),
        };
        let log = self.log(number, script);
        if let Some(logs) = log.parent() {
            fs_err::create_dir_all(logs)?;
        }
        let mut log_file = File::create(&log)?;
        let (reader, writer) = io::pipe()?;
        let second = writer.try_clone()?;
        let work = builder.isolation.work_in_room(tree);
        let tools = builder.isolation.tools_in_room(&self.tools);
        // A fix-up compiles nothing.
        let launcher = self.launcher().filter(|_| matches!(script, Script::Stage));
        let (folder, path, read_only, mut environment) = match script {
            Script::Stage => (
                PathBuf::new(),
                Path::new("recipe").join(&stage.script),
                self.inputs(),
                environment::of_stage(self.plan, number, &work, &tools, builder.jobs),
            ),
            Script::Fixup { .. } => {
                (FIXUP_FOLDER.into(), FIXUP_SCRIPT.into(), Vec::new(), environment::of_any(&work, &tools))
            }
        };
        if let Some(launcher) = launcher {
            let folder = builder.isolation.writable_in_room(&launcher.folder).display().to_string();
            environment.extend(launcher.variables.clone());
            environment.insert(launcher.kind.folder_variable().to_owned(), folder);
        }
        let room = Room {
            isolation: builder.isolation,
            work: tree.to_owned(),
            shown: self.shown()?,
            tools: self.tools.clone(),
            writable: launcher.map(|launcher| launcher.folder.clone()),
            network: launcher.is_some_and(|launcher| launcher.kind.needs_network()),
            read_only,
            folder,
            script: path,
            environment,
        };
        let status = std::thread::scope(|scope| {
            let pump = scope.spawn(|| self.pump(stage, reader, &mut log_file));
            let status = room.run(builder.program, builder.room_arguments, || Ok((writer.into(), second.into())));
            let pumped = pump.join().unwrap_or_else(|_| Err(io::Error::other("the log's thread panicked")));
            status.and_then(|status| pumped.map(|()| status))
        })?;
        if status.success() {
            return Ok(());
        }
        let (code, tail) = (sandbox::exit_code(status), log::lines_that_matter(&log)?);
        Err(BuildError::Stage { toolchain: self.plan.name(), stage: what, code, log, tail })
    }

    /// Where programs of the host are that no system folder has.
    fn shown(&self) -> io::Result<Vec<PathBuf>> {
        let mut shown = BTreeSet::new();
        for program in self.builder.host.programs.values() {
            shown.extend(sandbox::shown_for(&program.path)?);
        }
        Ok(shown.into_iter().collect())
    }

    /// Copies a stage's output to its log and counts its compilations.
    fn pump(&self, stage: &PlannedStage, output: io::PipeReader, log: &mut File) -> io::Result<()> {
        let mut output = BufReader::with_capacity(1 << 16, output);
        let mut steps = 0;
        let mut line = Vec::new();
        while output.read_until(b'\n', &mut line)? > 0 {
            log.write_all(&line)?;
            if log::is_compilation(&line) {
                steps += 1;
                self.tell_progress(stage, steps);
            }
            line.clear();
        }
        log.file().sync_data()
    }

    /// Tells how far the build is after `steps` compilations of `stage`.
    fn tell_progress(&self, stage: &PlannedStage, steps: u64) {
        let total: u64 = self.plan.stages.iter().map(|stage| stage.seconds).sum();
        let of_stage = stage.share_of_time(steps);
        let finished = self.finished_seconds.load(Ordering::Relaxed) as f64;
        if total > 0 {
            let share = (finished + of_stage * stage.seconds as f64) / total as f64;
            self.builder.observer.event(Event::BuildProgress { toolchain: &self.plan.target.triple, share });
        }
    }

    /// The unpacked sources that are there by now, which stages may only read: where they are, and their folders in the
    /// work tree.
    fn inputs(&self) -> Vec<(PathBuf, PathBuf)> {
        let trees = self.plan.stages.iter().flat_map(|stage| &stage.unpack);
        let there = trees.filter(|tree| self.tree.join(&tree.folder).exists());
        let place = |tree: &Tree| if self.shares { self.kept().unpacked(tree) } else { self.tree.join(&tree.folder) };
        there.map(|tree| (place(tree), PathBuf::from(&tree.folder))).collect()
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
                    self.builder.observer.event(Event::Note(&format!("{error}; it is removed, and built again")));
                    fs_err::remove_file(&kept)?;
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

    /// The host's compiler, with the commands that the toolchain's languages have.
    fn host_compiler(&self) -> Option<CompilerRecord> {
        let found = self.plan.host_compiler.clone()?;
        let mut commands = self.plan.recipe.host_compiler.clone()?;
        let has = |language: &String| self.plan.languages.contains(language);
        commands.programs.retain(|_, command| command.language.as_ref().is_none_or(has));
        Some(CompilerRecord { found, commands })
    }

    /// The digests of the files that stages saw, and of the fix-ups.
    fn recipe_files(&self) -> BTreeMap<String, Sha256> {
        let files = self.plan.stages.iter().flat_map(|stage| &stage.files);
        let files = files.map(|(name, content)| (name.clone(), Sha256::of(content)));
        let trees = self.plan.stages.iter().flat_map(|stage| &stage.unpack);
        let fixups = trees.filter_map(|tree| Some((fixup_of(&tree.source.name), Sha256::of(tree.fixup.as_ref()?))));
        files.chain(fixups).collect()
    }

    /// The patches that stages recorded.
    fn patches(&self) -> io::Result<BTreeSet<PatchRecord>> {
        let path = self.tree.join(PATCHES_FILE);
        let text = match fs_err::read_to_string(&path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => String::new(),
            text => text?,
        };
        let record = |line: &str| {
            let (component, rest) = line.split_once(' ')?;
            let (digest, file) = rest.split_once("  ")?;
            let file = file.rsplit('/').next().unwrap_or(file).to_owned();
            Some(PatchRecord { component: component.to_owned(), file, sha256: digest.parse().ok()? })
        };
        let wrong = |line: &str| io::Error::other(format!("{}: `{line}` names no patch", path.display()));
        text.lines().map(|line| record(line).ok_or_else(|| wrong(line))).collect()
    }

    fn manifest(&self, name: &str, stages: Vec<StageRecord>, contents: &Contents) -> io::Result<Manifest> {
        let (builder, plan) = (self.builder, self.plan);
        Ok(Manifest {
            schema: MANIFEST_SCHEMA,
            name: name.to_owned(),
            key: plan.key(),
            triple: plan.target.triple.clone(),
            recipe: plan.recipe_name.clone(),
            languages: plan.languages.clone(),
            host: plan.host.clone(),
            host_static: plan.linkage == Linkage::Static,
            gcc_options: plan.target.gcc_options.clone(),
            defaults: !plan.plain,
            environment: plan.environment.clone(),
            grade: plan.grade.clone(),
            recipe_files: self.recipe_files(),
            patches: self.patches()?,
            components: plan.components.clone(),
            host_tools: builder.host.programs.clone(),
            host_compiler: self.host_compiler(),
            launcher: self.launcher().map(|launcher| launcher.kind),
            isolation: builder.isolation.name().to_owned(),
            stages,
            muslchain: env!("CARGO_PKG_VERSION").to_owned(),
            contents: Sha256::of(&contents.to_bytes()?),
        })
    }
}
