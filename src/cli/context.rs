//! What the process was given: arguments, variables, folder, terminal. Read once, here only.

use std::collections::BTreeMap;
use std::ffi::OsString;
use std::io::{self, IsTerminal};
use std::path::{Path, PathBuf};

use anyhow::{Context as _, bail};

use crate::env;
use crate::launcher;

/// The process's surroundings.
pub struct Context {
    /// Arguments, the program's name first.
    pub arguments: Vec<OsString>,
    /// Variables whose name is UTF-8.
    pub variables: BTreeMap<String, OsString>,
    /// The current folder.
    pub folder: PathBuf,
    /// This program's file.
    pub program: PathBuf,
    /// Whether stderr is a terminal.
    pub terminal: bool,
    /// Whether stdout is one, so that a person reads it.
    pub shown: bool,
}

impl Context {
    /// Those of this process.
    pub fn of_process() -> io::Result<Self> {
        let named = |(name, value): (OsString, OsString)| Some((name.into_string().ok()?, value));
        Ok(Self {
            arguments: Self::arguments_of_process(),
            variables: std::env::vars_os().filter_map(named).collect(),
            folder: std::env::current_dir()
                .map_err(|error| io::Error::new(error.kind(), format!("the current folder: {error}")))?,
            program: std::env::current_exe()?,
            terminal: io::stderr().is_terminal(),
            shown: io::stdout().is_terminal(),
        })
    }

    /// The arguments of this process, which are there even where the rest is not.
    pub fn arguments_of_process() -> Vec<OsString> {
        std::env::args_os().collect()
    }

    /// The value of a variable that is set, not empty, and UTF-8.
    pub fn variable(&self, name: &str) -> Option<&str> {
        self.variables.get(name).and_then(|value| value.to_str()).filter(|value| !value.is_empty())
    }

    fn is_unreadable(&self, name: &str) -> bool {
        self.variables.get(name).is_some_and(|value| value.to_str().is_none())
    }

    /// Refuses variables of muslchain's own that are not UTF-8, which would count as not set.
    pub fn refuse_what_is_not_utf8(&self) -> anyhow::Result<()> {
        // The user's own variables are recorded as they are.
        let is_setting = |name: &&String| name.starts_with(variable::PREFIX) && !env::is_record(name);
        match self.variables.keys().filter(is_setting).find(|name| self.is_unreadable(name)) {
            Some(name) => bail!("{name} is not valid UTF-8: set it to something that is"),
            None => Ok(()),
        }
    }

    /// The store's root: `$MUSLCHAIN_HOME`, else `muslchain` in the XDG data folder.
    pub fn store(&self) -> anyhow::Result<PathBuf> {
        let store = match self.variable(variable::HOME) {
            Some(home) => self.folder.join(home),
            None => match self.xdg("XDG_DATA_HOME", ".local/share")? {
                Some(data) => data.join("muslchain"),
                None => bail!("HOME is not set, so the store has no place: set MUSLCHAIN_HOME to a folder"),
            },
        };
        if store.to_str().is_none() {
            bail!("{}: the store's path is not valid UTF-8: set MUSLCHAIN_HOME to one that is", store.display());
        }
        Ok(store)
    }

    /// The user's folder of settings, which need not exist.
    pub fn config_folder(&self) -> anyhow::Result<Option<PathBuf>> {
        Ok(self.xdg("XDG_CONFIG_HOME", ".config")?.map(|config| config.join("muslchain")))
    }

    /// The folder in which a launcher keeps its files where its own variable says no other.
    pub fn launcher_folder(&self, kind: launcher::Kind) -> anyhow::Result<PathBuf> {
        let folder = match kind {
            launcher::Kind::Ccache => self.xdg("XDG_CACHE_HOME", ".cache")?.map(|cache| cache.join(kind.name())),
            launcher::Kind::Distcc => self.variable("HOME").map(|home| Path::new(home).join(".distcc")),
        };
        folder.with_context(|| format!("HOME is not set, so {} has no place for its files", kind.name()))
    }

    /// A folder of the XDG base directory specification, which says to pass over relative ones.
    fn xdg(&self, name: &str, below_home: &str) -> anyhow::Result<Option<PathBuf>> {
        let readable = |asked: &str| {
            if self.is_unreadable(asked) {
                bail!("{asked} is not valid UTF-8: set {name} to a path that is");
            }
            Ok(self.variable(asked))
        };
        if let Some(folder) = readable(name)?.map(Path::new).filter(|folder| folder.is_absolute()) {
            return Ok(Some(folder.to_owned()));
        }
        Ok(readable("HOME")?.map(|home| Path::new(home).join(below_home)))
    }
}

/// The variables that muslchain reads.
pub mod variable {
    /// How the names of all begin.
    pub const PREFIX: &str = "MUSLCHAIN_";
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
    /// As `--no-defaults` when it is 0.
    pub const DEFAULTS: &str = "MUSLCHAIN_DEFAULTS";
    /// As `--grade`.
    pub const GRADE: &str = "MUSLCHAIN_GRADE";
    /// As `--bootstrap`: 1 or 0.
    pub const BOOTSTRAP: &str = "MUSLCHAIN_BOOTSTRAP";
    /// As `--jobs`.
    pub const JOBS: &str = "MUSLCHAIN_JOBS";
    /// As `--offline`: 1 or 0.
    pub const OFFLINE: &str = "MUSLCHAIN_OFFLINE";
    /// As `--mirror`, several separated by blanks.
    pub const MIRROR: &str = "MUSLCHAIN_MIRROR";
    /// As `--keep-work`: 1 or 0.
    pub const KEEP_WORK: &str = "MUSLCHAIN_KEEP_WORK";
    /// As `--clang`.
    pub const CLANG: &str = "MUSLCHAIN_CLANG";
    /// As `--cc`.
    pub const CC: &str = "MUSLCHAIN_CC";
    /// As `--launcher`.
    pub const LAUNCHER: &str = "MUSLCHAIN_LAUNCHER";
    /// As `--keep-gb`.
    pub const KEEP_GB: &str = "MUSLCHAIN_KEEP_GB";
    /// As `--remote`, several separated by blanks.
    pub const REMOTE: &str = "MUSLCHAIN_REMOTE";
    /// A token for the remotes that the variable before and `--remote` name.
    pub const REMOTE_TOKEN: &str = "MUSLCHAIN_REMOTE_TOKEN";
    /// As `--no-remote`: 1 or 0.
    pub const NO_REMOTE: &str = "MUSLCHAIN_NO_REMOTE";
    /// As `--no-build`: 1 or 0.
    pub const NO_BUILD: &str = "MUSLCHAIN_NO_BUILD";
    /// As `--locked`: 1 or 0.
    pub const LOCKED: &str = "MUSLCHAIN_LOCKED";
    /// Public keys that are trusted beside those of the user's file, separated by blanks.
    pub const TRUST: &str = "MUSLCHAIN_TRUST";
    /// The text of the key to sign with.
    pub const SIGNING_KEY: &str = "MUSLCHAIN_SIGNING_KEY";
    /// Its password.
    pub const KEY_PASSWORD: &str = "MUSLCHAIN_KEY_PASSWORD";
    /// As `--isolation`.
    pub const ISOLATION: &str = "MUSLCHAIN_ISOLATION";
    /// As `--quiet`: 1 or 0.
    pub const QUIET: &str = "MUSLCHAIN_QUIET";
    /// As `--verbose`: 1 or 0.
    pub const VERBOSE: &str = "MUSLCHAIN_VERBOSE";
    /// As `--no-progress`: 1 or 0.
    pub const NO_PROGRESS: &str = "MUSLCHAIN_NO_PROGRESS";
}
