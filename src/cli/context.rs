//! What the process was given: arguments, variables, folder, terminal. Read once, here only.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

/// The process's surroundings.
pub struct Context {
    /// Arguments, the program's name first.
    pub arguments: Vec<OsString>,
    /// Variables whose name and value are UTF-8.
    pub variables: BTreeMap<String, String>,
    /// The current folder.
    pub folder: PathBuf,
    /// This program's file.
    pub program: PathBuf,
    /// Whether stderr is a terminal.
    pub terminal: bool,
}

impl Context {
    /// Those of this process.
    pub fn of_process() -> io::Result<Self> {
        let text = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value.into_string().ok()?));
        Ok(Self {
            arguments: Self::arguments_of_process(),
            variables: std::env::vars_os().filter_map(text).collect(),
            folder: std::env::current_dir()
                .map_err(|error| io::Error::new(error.kind(), format!("the current folder: {error}")))?,
            program: std::env::current_exe()?,
            terminal: std::io::stderr().is_terminal(),
        })
    }

    /// The arguments of this process, which are there even where the rest is not.
    pub fn arguments_of_process() -> Vec<OsString> {
        std::env::args_os().collect()
    }

    /// The value of a variable that is set and not empty.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).map(String::as_str).filter(|value| !value.is_empty())
    }

    /// The store's root: `$MUSLCHAIN_HOME`, else `muslchain` in the XDG data folder.
    pub fn store(&self) -> anyhow::Result<PathBuf> {
        if let Some(home) = self.variable(variable::HOME) {
            return Ok(self.folder.join(home));
        }
        self.xdg("XDG_DATA_HOME", ".local/share").map(|data| data.join("muslchain"))
    }

    /// The user's file of settings, which need not exist.
    pub fn user_config(&self) -> Option<PathBuf> {
        self.xdg("XDG_CONFIG_HOME", ".config").ok().map(|config| config.join("muslchain/config.toml"))
    }

    /// A folder of the XDG base directory specification, which says to pass over relative ones.
    fn xdg(&self, name: &str, below_home: &str) -> anyhow::Result<PathBuf> {
        if let Some(folder) = self.variable(name).map(Path::new).filter(|folder| folder.is_absolute()) {
            return Ok(folder.to_owned());
        }
        let home = self.variable("HOME").ok_or_else(|| {
            anyhow::anyhow!("HOME is not set, so the store has no place: set MUSLCHAIN_HOME to a folder")
        })?;
        Ok(Path::new(home).join(below_home))
    }
}

/// The variables that muslchain reads.
pub mod variable {
    /// The store's folder.
    pub const HOME: &str = "MUSLCHAIN_HOME";
    /// As `--recipe`.
    pub const RECIPE: &str = "MUSLCHAIN_RECIPE";
    /// As `--recipes`.
    pub const RECIPES: &str = "MUSLCHAIN_RECIPES";
    /// As `--set`, several separated by blanks.
    pub const SET: &str = "MUSLCHAIN_SET";
    /// As `--languages`.
    pub const LANGUAGES: &str = "MUSLCHAIN_LANGUAGES";
    /// As `--jobs`.
    pub const JOBS: &str = "MUSLCHAIN_JOBS";
    /// As `--offline`: 1 or 0.
    pub const OFFLINE: &str = "MUSLCHAIN_OFFLINE";
    /// As `--mirror`, several separated by blanks.
    pub const MIRROR: &str = "MUSLCHAIN_MIRROR";
    /// As `--keep-work`: 1 or 0.
    pub const KEEP_WORK: &str = "MUSLCHAIN_KEEP_WORK";
    /// As `--isolation`.
    pub const ISOLATION: &str = "MUSLCHAIN_ISOLATION";
    /// As `--quiet`: 1 or 0.
    pub const QUIET: &str = "MUSLCHAIN_QUIET";
    /// As `--verbose`: 1 or 0.
    pub const VERBOSE: &str = "MUSLCHAIN_VERBOSE";
    /// As `--no-progress`: 1 or 0.
    pub const NO_PROGRESS: &str = "MUSLCHAIN_NO_PROGRESS";
}
