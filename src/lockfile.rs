//! `toolchains.lock`: what a project's toolchains are to be, to the byte, on every machine that builds it.
//!
//! It stands beside the project's toolchains.toml and names the recipe, every source with its digest, and for each target and each host the
//! toolchain's key and, where one was ever seen, the digest of the list of its contents. What moving versions mean is taken
//! from it; `--locked` takes everything from it, or fails with what differs.

use std::collections::{BTreeMap, BTreeSet};
use std::io::{self, Write};
use std::path::{Path, PathBuf};

use serde::{Deserialize, Serialize};

use crate::digest::Sha256;
use crate::plan::{Key, Plan};
use crate::source::{Source, Sources};
use crate::whole;

/// The file's name.
pub const LOCK_FILE: &str = "toolchains.lock";

const SCHEMA: u32 = 1;

const HEAD: &str = "# Made by `muslchain lock`, and not meant to be edited. It belongs into the repository.\n\n";

/// A project's lock.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct LockFile {
    schema: u32,
    /// The recipe that builds.
    pub recipe: String,
    languages: Vec<String>,
    defaults: bool,
    /// How well they are compiled.
    pub grade: Option<String>,
    #[serde(default)]
    bootstrap: bool,
    /// The toolchains, by triple, then by the host's triple.
    target: BTreeMap<String, BTreeMap<String, Locked>>,
    /// What they are made of.
    #[serde(rename = "source")]
    sources: Vec<Source>,
}

/// A toolchain of one target on one host.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
struct Locked {
    /// Its key, unless it calls a compiler of its machine: then each machine's is another.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    key: Option<Key>,
    /// The digest of the list of its contents, where it was ever seen.
    #[serde(skip_serializing_if = "Option::is_none", default)]
    contents: Option<Sha256>,
}

/// Why a lock cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum LockFileError {
    /// The file system refused; the message names the path.
    #[error(transparent)]
    Io(#[from] io::Error),
    /// It is not what it should be.
    #[error("{}: {message}; `muslchain lock` makes it anew", path.display())]
    Invalid {
        /// The file.
        path: PathBuf,
        /// What is wrong.
        message: String,
    },
    /// It is in a format of the future.
    #[error("{}: a newer muslchain made it: use that one", .0.display())]
    Newer(PathBuf),
}

/// A source that no moving version was ever resolved to.
#[derive(Debug, thiserror::Error)]
#[error("its source {name} {version} is none that `muslchain lock` writes: make it anew")]
pub struct NotResolved {
    name: String,
    version: String,
}

impl LockFile {
    /// The lock of these plans, which are all by one recipe. Of `former`, what still holds stays: other hosts' toolchains, as
    /// long as the sources are the same. `seen` knows what a toolchain's contents are.
    pub fn of(plans: &[Plan], former: Option<&Self>, seen: impl Fn(&Plan) -> Option<Sha256>) -> Option<Self> {
        let first = plans.first()?;
        let mut lock = Self {
            schema: SCHEMA,
            recipe: first.recipe_name.clone(),
            languages: first.languages.clone(),
            defaults: !first.plain,
            grade: first.grade.clone(),
            bootstrap: first.bootstrap.is_some(),
            target: BTreeMap::new(),
            sources: first.components.values().cloned().collect(),
        };
        let still_holds = |former: &&Self| Self { target: BTreeMap::new(), ..(*former).clone() } == lock;
        let former = former.filter(still_holds).cloned();
        for plan in plans {
            let triple = &plan.target.triple;
            let mut hosts = former.as_ref().and_then(|former| former.target.get(triple)).cloned().unwrap_or_default();
            let key = key_of(plan);
            let before = hosts.get(&plan.host).filter(|locked| locked.key == key);
            let contents = seen(plan).or(before.and_then(|locked| locked.contents));
            hosts.insert(plan.host.clone(), Locked { key, contents });
            lock.target.insert(triple.clone(), hosts);
        }
        Some(lock)
    }

    /// The one at `path`, if there is one.
    pub fn read(path: &Path) -> Result<Option<Self>, LockFileError> {
        #[derive(Deserialize)]
        struct Format {
            schema: u32,
        }
        let text = match fs_err::read_to_string(path) {
            Err(error) if error.kind() == io::ErrorKind::NotFound => return Ok(None),
            text => text?,
        };
        let invalid =
            |error: toml::de::Error| LockFileError::Invalid { path: path.to_owned(), message: error.to_string() };
        let Format { schema } = toml::from_str(&text).map_err(invalid)?;
        if schema > SCHEMA {
            return Err(LockFileError::Newer(path.to_owned()));
        }
        toml::from_str(&text).map(Some).map_err(invalid)
    }

    /// Writes it to `path`, which has the old content or the new at any time.
    pub fn write(&self, path: &Path) -> io::Result<()> {
        let text = toml::to_string_pretty(self).map_err(io::Error::other)?;
        whole::write(path, |file| write!(file, "{HEAD}{text}"))
    }

    /// Those of its sources that are what a moving version means. All else is in the tables: a lock, which may be anybody's, says nothing of
    /// where files are to be had or what is done with them.
    pub fn moving_sources(&self, table: &Sources) -> Result<Vec<Source>, NotResolved> {
        let mut moving = Vec::new();
        for source in &self.sources {
            let Some(version) = table.moving_behind(source) else { continue };
            match version.resolved_as(source) {
                Some(resolved) if resolved == *source => moving.push(resolved),
                _ => return Err(NotResolved { name: source.name.clone(), version: source.version.clone() }),
            }
        }
        Ok(moving)
    }

    /// What the toolchain of that key was seen to hold.
    pub fn contents_of(&self, key: &Key) -> Option<Sha256> {
        self.target.values().flat_map(BTreeMap::values).find(|locked| locked.key == Some(*key))?.contents
    }

    /// In what `plans` are other than the lock, in lines for people; nothing if they are what it says.
    pub fn differences(&self, plans: &[Plan]) -> Vec<String> {
        let mut lines = BTreeSet::new();
        for plan in plans {
            let (triple, host) = (&plan.target.triple, &plan.host);
            let Some(hosts) = self.target.get(triple) else {
                lines.insert(format!("{triple} is not in it"));
                continue;
            };
            match (hosts.get(host).map(|locked| locked.key), key_of(plan)) {
                (Some(locked), key) if locked == key => {
                    lines.extend(self.other_inputs(plan));
                }
                (Some(Some(locked)), Some(key)) => {
                    lines.insert(format!("{triple}: its key is {key}, locked is {locked}"));
                    let others = self.other_inputs(plan);
                    if others.is_empty() {
                        let why = "the sources are the same: the recipe's scripts are others, or how the host links";
                        lines.insert(why.to_owned());
                    }
                    lines.extend(others);
                }
                _ => drop(lines.insert(format!("{triple} is not in it for {host}"))),
            }
        }
        lines.into_iter().collect()
    }

    /// Which of a plan's inputs are others.
    fn other_inputs(&self, plan: &Plan) -> Vec<String> {
        let mut lines = Vec::new();
        let mut compare = |what: &str, ours: &str, locked: &str| {
            if ours != locked {
                lines.push(format!("{what}: {ours}, locked is {locked}"));
            }
        };
        let grade = |grade: &Option<String>| grade.clone().unwrap_or_else(|| "none".to_owned());
        compare("recipe", &plan.recipe_name, &self.recipe);
        compare("languages", &plan.languages.join(","), &self.languages.join(","));
        compare("defaults", &(!plan.plain).to_string(), &self.defaults.to_string());
        compare("grade", &grade(&plan.grade), &grade(&self.grade));
        compare("bootstrap", &plan.bootstrap.is_some().to_string(), &self.bootstrap.to_string());
        let locked: BTreeMap<&str, &Source> = self.sources.iter().map(|source| (&*source.name, source)).collect();
        for (name, source) in &plan.components {
            let described = |source: &Source| format!("{} (sha256:{})", source.version, source.sha256.short(16));
            compare(name, &described(source), &locked.get(&**name).map_or("none".to_owned(), |it| described(it)));
        }
        lines
    }
}

fn key_of(plan: &Plan) -> Option<Key> {
    plan.host_compiler.is_none().then(|| plan.key())
}
