//! Scripts in rooms: a stage's own, and those that mend sources. What they print goes to logs.

use std::collections::BTreeSet;
use std::io::{self, BufRead, BufReader, Write};
use std::path::{Path, PathBuf};
use std::sync::atomic::Ordering;

use fs_err::File;

use super::{BuildError, Run, environment, log};
use crate::event::Event;
use crate::plan::PlannedStage;
use crate::sandbox::{self, Room};

/// The folder in which a source is mended, and the script beside it that does so.
pub(super) const FIXUP_FOLDER: &str = "source";
pub(super) const FIXUP_SCRIPT: &str = "fixup.sh";

/// A script that runs in a room.
pub(super) enum Script<'a> {
    /// That of the stage itself.
    Stage,
    /// One that mends a source, in the folder that is unpacked below `base`.
    Fixup { source: &'a str, base: &'a Path },
}

impl Run<'_> {
    /// Where a script's output goes.
    pub(super) fn log(&self, number: usize, script: &Script) -> PathBuf {
        let name = match script {
            Script::Stage => format!("{}-{}.log", number + 1, self.plan.stages[number].name),
            Script::Fixup { source, .. } => format!("fixup-{source}.log"),
        };
        self.logs.join(name)
    }

    /// Runs a script of the stage `number`.
    pub(super) fn run_script(&self, number: usize, script: &Script) -> Result<(), BuildError> {
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
            environment.extend(launcher.kind.defaults());
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
        if let Some((folder, None)) = self.bootstrap_shown() {
            shown.insert(folder);
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
}
