//! The environment in which plain `go build` makes a static binary with a toolchain, and what other build
//! systems take in its place.
//!
//! Measured with Go 1.24, 1.26 and 1.27: `-static` in CGO_LDFLAGS asks for external
//! linking since Go 1.27 (cmd/go/internal/work/security.go; golang/go#77768), in CGO_CFLAGS it does so
//! before, because it is not among the flags that allow internal linking. Neither is replaced by the
//! user's own `-ldflags`, as GOFLAGS would be. CC is one bare word found through PATH: Go's linker
//! probes the first word only, and a path would be part of what it builds.
//!
//! An environment records what it changes: MUSLCHAIN_SAVED_NAME says what NAME was, MUSLCHAIN_PATH what went before
//! PATH. So it can be evaluated again, the environment of another port takes its place, and
//! [`Environment::undone`] gives back what was there. Known limits: what was set but not exported is exported
//! afterwards, and a later change of the user's to a variable other than PATH is undone with it. tests/env
//! proves it in real shells.

mod conventions;
mod formats;
mod path;
mod sh;

use std::collections::{BTreeMap, BTreeSet};
use std::ffi::{OsStr, OsString};
use std::path::PathBuf;

pub use conventions::{Convention, cmake, meson};
pub use formats::{GithubFiles, dotenv, fish, github, json, make, nu, pwsh};
pub use sh::sh;

use crate::store::Manifest;
use crate::target::{Port, Target};

/// Variables by name. The names are text, the values may be anything.
pub type Variables = BTreeMap<String, OsString>;

/// What the name of a variable begins with that says what another one was: `=` and its value, or `-` where it
/// was not set.
const SAVED: &str = "MUSLCHAIN_SAVED_";

/// The variable that holds what was put before PATH.
const OUR_PATH: &str = "MUSLCHAIN_PATH";

/// Why there is no environment to tell.
#[derive(Debug, thiserror::Error)]
pub enum EnvError {
    /// No shell can use the store's path.
    #[error("the store's path {path:?} has a {what}: set MUSLCHAIN_HOME to another folder")]
    Path {
        /// The path.
        path: String,
        /// What it has.
        what: &'static str,
    },
    /// A variable of the user's cannot be written in the format.
    #[error("{name} holds {what}, which the format {format} has no way to write")]
    Value {
        /// The variable.
        name: String,
        /// What is in its value.
        what: &'static str,
        /// The format.
        format: &'static str,
    },
    /// The table of targets does not say what a build system has to know.
    #[error("{triple} is no target of {system}: its row in targets.toml has no `{key}`")]
    NotInTable {
        /// The target.
        triple: String,
        /// The build system.
        system: &'static str,
        /// The missing key.
        key: &'static str,
    },
}

/// A toolchain in its place, for one port.
pub struct Toolchain<'a> {
    /// What it is made of.
    pub manifest: &'a Manifest,
    /// What it compiles for.
    pub target: &'a Target,
    /// The port among the target's.
    pub port: &'a Port,
    /// Its folder.
    pub folder: PathBuf,
    /// The folder of its [`crate::shim`]s.
    pub shims: PathBuf,
}

/// What is wanted of an environment.
#[derive(Debug, Clone, Copy)]
pub struct Options {
    /// Whose convention the variables follow.
    pub convention: Convention,
    /// Whether Go makes position-independent executables.
    pub pie: bool,
    /// Whether programs are found through PATH; by absolute paths where not.
    pub path: bool,
}

/// What a variable has to be.
enum Wish {
    /// This.
    Set(String),
    /// What the user has, or a default, and a word after it unless it is there.
    Append { word: &'static str, default: &'static str },
}

/// A step on the way to an environment: what becomes of one variable.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Change {
    /// It has this value.
    Set(String),
    /// It is not set.
    Unset,
    /// A word goes after what it holds, or after a default where it holds nothing.
    Append {
        /// The word.
        word: &'static str,
        /// What comes before it where the variable is empty.
        default: &'static str,
    },
    /// It says what the variable of this name is.
    Save(String),
    /// It has the value again that was saved.
    Restore,
    /// Folders go before what it holds.
    Before(String),
    /// It begins with what [`OUR_PATH`] holds, whose place these folders take; nothing takes it if there are none.
    Instead(Option<String>),
}

/// What has to be done to variables, and what comes of it.
pub struct Environment {
    /// One after another.
    changes: Vec<(String, Change)>,
    /// The variables that it is about, whether they have to be changed or not.
    names: BTreeSet<String>,
    /// What is put before PATH.
    folders: Vec<String>,
    present: Variables,
}

impl Environment {
    /// The environment of a toolchain, for a process whose variables are `present`.
    pub fn of(toolchain: &Toolchain, options: Options, present: &Variables) -> Result<Self, EnvError> {
        let wishes = options.convention.wishes(toolchain, options)?;
        let folders = if options.path {
            [&toolchain.shims, &toolchain.folder.join("bin")].map(|folder| path::entry(folder)).into_iter().collect()
        } else {
            Ok(Vec::new())
        }?;
        Ok(Self::from_wishes(wishes, folders, present))
    }

    /// What gives back everything as it was before the first environment, for a process whose variables are `present`.
    pub fn undone(present: &Variables) -> Self {
        Self::from_wishes(BTreeMap::new(), Vec::new(), present)
    }

    fn from_wishes(wishes: BTreeMap<String, Wish>, folders: Vec<String>, present: &Variables) -> Self {
        let saved: BTreeSet<&str> = present.keys().filter_map(|name| saved_name(name)).collect();
        let mut saves = Vec::new();
        let mut changes = Vec::new();
        let mut forgotten = Vec::new();
        for name in saved.iter().filter(|name| !wishes.contains_key(**name)) {
            let was_set = present[&format!("{SAVED}{name}")].as_encoded_bytes().starts_with(b"=");
            changes.push(((*name).to_owned(), if was_set { Change::Restore } else { Change::Unset }));
            forgotten.push((format!("{SAVED}{name}"), Change::Unset));
        }
        let mut names: BTreeSet<String> = changes.iter().map(|(name, _)| name.clone()).collect();
        for (name, wish) in wishes {
            names.insert(name.clone());
            let change = match wish {
                Wish::Set(text) => Change::Set(text),
                Wish::Append { word, .. } if present.get(&name).is_some_and(|value| has_word(value, word)) => continue,
                Wish::Append { word, default } => Change::Append { word, default },
            };
            if !saved.contains(name.as_str()) {
                saves.push((format!("{SAVED}{name}"), Change::Save(name.clone())));
            }
            changes.push((name, change));
        }
        let path = path::changes(&folders, present);
        if !(folders.is_empty() && path.is_empty()) {
            names.insert("PATH".to_owned());
        }
        let changes = [saves, changes, path, forgotten].concat();
        Self { changes, names, folders, present: present.clone() }
    }

    /// The changed variables, in the order of the changes, with what becomes of them; those without a value are unset.
    pub fn values(&self) -> Vec<(&str, Option<OsString>)> {
        let mut state = self.present.clone();
        let mut values = Vec::new();
        for (name, change) in &self.changes {
            let value = change.result(name, &state);
            match &value {
                Some(value) => state.insert(name.clone(), value.clone()),
                None => state.remove(name),
            };
            values.push((name.as_str(), value));
        }
        values
    }

    /// All variables that the environment is about, with the values that they have in it, without the records for
    /// [`Self::undone`].
    fn data(&self) -> BTreeMap<&str, Option<OsString>> {
        let mut data: BTreeMap<&str, Option<OsString>> =
            self.names.iter().map(|name| (name.as_str(), self.present.get(name).cloned())).collect();
        data.extend(self.values().into_iter().filter(|(name, _)| self.names.contains(*name)));
        data
    }
}

impl Change {
    fn result(&self, name: &str, state: &Variables) -> Option<OsString> {
        let held = state.get(name).filter(|value| !value.is_empty());
        match self {
            Self::Set(text) => Some(text.into()),
            Self::Unset => None,
            Self::Append { word, default } => {
                let before = held.map_or(OsStr::new(default), OsString::as_os_str);
                Some(joined(before, if before.is_empty() { "" } else { " " }, OsStr::new(word)))
            }
            Self::Save(other) => Some(match state.get(other) {
                Some(value) => joined(OsStr::new("="), "", value),
                None => OsString::from("-"),
            }),
            Self::Restore => Some(path::after(state.get(&format!("{SAVED}{name}"))?, "=".as_ref())?.to_owned()),
            Self::Before(folders) => Some(match held {
                Some(held) => joined(OsStr::new(folders), ":", held),
                None => folders.into(),
            }),
            Self::Instead(folders) => {
                let rest = path::after(held?, state.get(OUR_PATH)?)?;
                match folders {
                    Some(folders) => Some(joined(OsStr::new(folders), "", rest)),
                    None => Some(path::after(rest, ":".as_ref())?.to_owned()),
                }
            }
        }
    }
}

fn joined(first: &OsStr, between: &str, second: &OsStr) -> OsString {
    let mut whole = first.to_owned();
    whole.push(between);
    whole.push(second);
    whole
}

fn has_word(value: &OsStr, word: &str) -> bool {
    value.to_string_lossy().split_whitespace().any(|other| other == word)
}

/// Whether the variable `name` is an environment's record of what was there before.
pub fn is_record(name: &str) -> bool {
    name == OUR_PATH || name.starts_with(SAVED)
}

/// The variable that the variable `name` says something of. What could not be a shell's variable is passed over.
fn saved_name(name: &str) -> Option<&str> {
    let saved = name.strip_prefix(SAVED)?;
    let is_word = saved.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_');
    (is_word && !saved.is_empty() && !saved.starts_with(|first: char| first.is_ascii_digit())).then_some(saved)
}
