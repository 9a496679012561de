//! A place of its own for each test: an empty HOME, small recipes, a mirror folder with their
//! sources, and the real program that is run in it.

// Each test program uses a part of it.
#![allow(dead_code)]

pub mod process;
pub mod recipes;
pub mod registry;
pub mod server;

use std::path::{Path, PathBuf};

use self::process::{Ran, Running};

/// The program under test.
pub const PROGRAM: &str = env!("CARGO_BIN_EXE_muslchain");

/// A folder with everything that a run needs.
pub struct Place {
    folder: tempfile::TempDir,
    /// The user's HOME, empty at first.
    pub home: PathBuf,
    /// A folder of recipes, see [`recipes::write`].
    pub recipes: PathBuf,
    /// The sources of these recipes.
    pub mirror: PathBuf,
    /// Where commands are run: a project's folder, empty at first.
    pub project: PathBuf,
}

impl Place {
    /// With a HOME of a plain name.
    pub fn new() -> Self {
        Self::with_home("home")
    }

    /// With a HOME that is called `name`.
    pub fn with_home(name: &str) -> Self {
        let folder = tempfile::tempdir().unwrap();
        let [home, recipes, mirror, project] =
            [name, "recipes", "mirror", "project"].map(|name| folder.path().join(name));
        for folder in [&home, &project] {
            std::fs::create_dir(folder).unwrap();
        }
        recipes::write(&recipes, &mirror);
        Self { folder, home, recipes, mirror, project }
    }

    /// The folder that holds the others.
    pub fn path(&self) -> &Path {
        self.folder.path()
    }

    /// The store, at its usual place.
    pub fn store(&self) -> PathBuf {
        self.home.join(".local/share/muslchain")
    }

    /// The folders of the toolchains that are in the store, sorted.
    pub fn toolchains(&self) -> Vec<PathBuf> {
        entries(&self.store().join("toolchains"))
    }

    /// The work trees that are in the store, sorted.
    pub fn works(&self) -> Vec<PathBuf> {
        entries(&self.store().join("work"))
    }

    /// The log of a stage, of the only toolchain that has logs.
    pub fn log(&self, stage: &str) -> String {
        let [logs] = &entries(&self.store().join("logs"))[..] else { panic!("not one folder of logs") };
        let ends = format!("-{stage}.log");
        let log = entries(logs).into_iter().find(|log| log.to_string_lossy().ends_with(&ends));
        std::fs::read_to_string(log.expect(stage)).unwrap()
    }

    /// Replaces the script of a stage.
    pub fn script(&self, stage: &str, text: &str) {
        std::fs::write(self.recipes.join(format!("toolchains/tiny/{stage}.sh")), text).unwrap();
    }

    /// Puts lines before the script of a stage.
    pub fn before(&self, stage: &str, lines: &str) {
        let path = self.recipes.join(format!("toolchains/tiny/{stage}.sh"));
        self.script(stage, &format!("{lines}\n{}", std::fs::read_to_string(path).unwrap()));
    }

    /// Replaces a part of a file of the recipes.
    pub fn edit(&self, file: &str, old: &str, new: &str) {
        let path = self.recipes.join(file);
        let text = std::fs::read_to_string(&path).unwrap();
        assert!(text.contains(old), "{file} has no {old}");
        std::fs::write(&path, text.replacen(old, new, 1)).unwrap();
    }

    /// The program with these arguments and no variables but PATH, HOME and the recipes' folder.
    pub fn command(&self, arguments: &[&str]) -> std::process::Command {
        let mut command = std::process::Command::new(PROGRAM);
        command
            .args(arguments)
            .env_clear()
            .env("PATH", std::env::var_os("PATH").unwrap())
            .env("HOME", &self.home)
            .env("MUSLCHAIN_RECIPES", &self.recipes)
            .current_dir(&self.project);
        command
    }

    /// Runs the program to its end.
    pub fn run(&self, arguments: &[&str]) -> Ran {
        Ran::of(self.command(arguments))
    }

    /// Runs the program with one more variable.
    pub fn run_with(&self, variables: &[(&str, &str)], arguments: &[&str]) -> Ran {
        let mut command = self.command(arguments);
        command.envs(variables.iter().copied());
        Ran::of(command)
    }

    /// The `install` of these targets and options from the mirror folder, to its end.
    pub fn install(&self, arguments: &[&str]) -> Ran {
        let mirror = self.mirror.to_str().unwrap();
        self.run(&[&["install", "--mirror", mirror], arguments].concat())
    }

    /// The same, begun.
    pub fn begin_install(&self, arguments: &[&str]) -> Running {
        let mirror = self.mirror.to_str().unwrap();
        Running::of(self.command(&[&["install", "--mirror", mirror], arguments].concat()))
    }
}

/// What is in a folder, sorted; nothing where there is none.
pub fn entries(folder: &Path) -> Vec<PathBuf> {
    let Ok(entries) = std::fs::read_dir(folder) else { return Vec::new() };
    let mut entries: Vec<PathBuf> = entries.map(|entry| entry.unwrap().path()).collect();
    entries.sort();
    entries
}
