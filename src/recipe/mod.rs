//! Recipes: which sources a toolchain has and which stages build it.
//!
//! A recipe is a folder `recipes/toolchains/NAME` with a `recipe.toml` and the stages' scripts as
//! files; scripts that several recipes have in common are in `recipes/shared`. The recipes of this repository are embedded in the program; a folder of one's own takes
//! their place as a whole.

mod host_tools;

use std::borrow::Cow;
use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::{Path, PathBuf};

use include_dir::{Dir, include_dir};
use indexmap::IndexMap;
use serde::{Deserialize, Serialize};

pub use self::host_tools::{HostTool, HostTools, StaticLibc, Versions};
use crate::source::Sources;
use crate::target::Targets;

static EMBEDDED: Dir<'_> = include_dir!("$CARGO_MANIFEST_DIR/recipes");

/// A recipe as `recipe.toml` describes it.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Recipe {
    /// Its place among those that `auto` tries, the lowest first; `auto` passes over it if absent.
    #[serde(default)]
    pub preference: Option<u32>,
    /// The component whose version stands in the toolchain's name.
    pub named_after: String,
    /// The languages it can build, the first of which is always there.
    pub languages: Vec<String>,
    /// Host programs that its stages call, by their names in `host-tools.toml`.
    pub host_tools: Vec<String>,
    /// Host programs that only some versions of a component call.
    #[serde(default)]
    pub host_tools_for: Vec<HostToolsFor>,
    /// What a build takes at most.
    pub disk: Disk,
    /// Each component's version when nobody says another.
    pub components: BTreeMap<String, String>,
    /// The compiler of the host that its toolchains call, where it builds none.
    #[serde(default)]
    pub host_compiler: Option<HostCompiler>,
    /// Component to a script that runs in its unpacked tree, after the source's own: a file of the recipe's folder, or
    /// else of the shared ones.
    #[serde(default)]
    pub fixups: BTreeMap<String, String>,
    /// How well its own programs can be compiled: variables for each grade. The first is the one that is built soonest, the last the
    /// one whose programs work soonest: when nobody says another, it depends on what is built for which is taken.
    #[serde(default)]
    pub grades: IndexMap<String, BTreeMap<String, String>>,
    /// Variables for all stages.
    #[serde(default)]
    pub environment: BTreeMap<String, String>,
    /// The chain of stages, in order.
    #[serde(rename = "stage")]
    pub stages: Vec<Stage>,
}

impl Recipe {
    /// The host tools that its stages may call where components have these versions in place of its own.
    pub fn host_tools_with(&self, versions: &BTreeMap<String, String>) -> BTreeSet<String> {
        let mut tools = BTreeSet::from_iter(self.host_tools.iter().cloned());
        for extra in &self.host_tools_for {
            let version = versions.get(&extra.component).or_else(|| self.components.get(&extra.component));
            if version.is_some_and(|version| !version.starts_with(&extra.unless_version)) {
                tools.extend(extra.tools.iter().cloned());
            }
        }
        tools
    }
}

/// A compiler of the host that serves every target, and what a toolchain makes of it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct HostCompiler {
    /// Its name among the host tools.
    pub tool: String,
    /// The commands that are called `TRIPLE-NAME`, by NAME.
    pub programs: BTreeMap<String, Command>,
}

/// A program of the host with arguments before the user's.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Command {
    /// The program, by its name among the tool's.
    pub program: String,
    /// What it is told first; `@TOOLCHAIN@` stands for the toolchain's folder.
    #[serde(default)]
    pub arguments: Vec<String>,
    /// Whether it links, and statically unless it is told otherwise.
    #[serde(default)]
    pub links: bool,
    /// The language that a toolchain must compile to have it; none if it always has it.
    #[serde(default)]
    pub language: Option<String>,
}

/// Host programs that a component needs in all versions but some.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct HostToolsFor {
    /// The component.
    pub component: String,
    /// Versions that begin so need none of them.
    pub unless_version: String,
    /// The programs.
    pub tools: Vec<String>,
}

/// Room on disk.
#[derive(Debug, Clone, Copy, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Disk {
    /// The work tree, in gigabytes (10^9 bytes).
    pub work_gb: u64,
    /// The finished toolchain, in megabytes (10^6 bytes).
    pub store_mb: u64,
}

/// One step of a build.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields, rename_all = "kebab-case")]
pub struct Stage {
    /// Its name, which is also its log's.
    pub name: String,
    /// The script's file name in the recipe's folder, or else among the shared ones.
    pub script: String,
    /// Further files that the script reads, found in the same places.
    #[serde(default)]
    pub files: Vec<String>,
    /// What it may know, and so what its result serves.
    #[serde(default)]
    pub scope: Scope,
    /// Component to its place in the work tree, in the order of unpacking.
    #[serde(default)]
    pub unpack: IndexMap<String, Place>,
    /// How many compilations it runs for each language, for the estimate of the time left.
    #[serde(default)]
    pub steps: BTreeMap<String, u64>,
    /// How long it took for each language where it was measured, in seconds. What counts is the
    /// relation between stages.
    #[serde(default)]
    pub seconds: BTreeMap<String, u64>,
    /// Where its compilations are not equally long: after which share of them which share of the time
    /// has passed, both from 0 to 1, in rising order.
    #[serde(default)]
    pub pace: Vec<[f64; 2]>,
    /// Whether its result is kept for other toolchains that begin in the same way.
    #[serde(default)]
    pub snapshot: bool,
    /// A file that it writes into the work tree, which says all that later stages with additions see of its result. These are then
    /// taken over where it says the same, whatever else changed. For stages of the scope `target`.
    #[serde(default)]
    pub interface: Option<String>,
    /// Whether it makes nothing that later stages or the manifest need but what it puts into the folder `additions`, from where it
    /// comes into the toolchain: that is kept for other builds in which the stage sees the same.
    #[serde(default)]
    pub additions: bool,
    /// Whether it is passed over but for a bootstrap, where host programs have musl in them.
    #[serde(default)]
    pub bootstrap_only: bool,
}

/// Where a component is unpacked.
#[derive(Debug, Clone, Deserialize)]
#[serde(untagged)]
pub enum Place {
    /// All of it, into this folder of the work tree. `{gcc}` in its name stands for that component's upstream version.
    Whole(String),
    /// Parts of it.
    Parts(Parts),
}

/// Where parts of a component are unpacked.
#[derive(Debug, Clone, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct Parts {
    /// The folder of the work tree.
    folder: String,
    /// As [`Selection::only`].
    #[serde(default)]
    only: Vec<String>,
    /// As [`Selection::without`].
    #[serde(default)]
    without: Vec<String>,
}

/// Which paths of a tree are unpacked, each with what is below it.
#[derive(Debug, Clone, Default, PartialEq, Eq, Serialize)]
pub struct Selection {
    /// Nothing but these; everything if there are none.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub only: Vec<String>,
    /// And of that, not these, where they are there.
    #[serde(skip_serializing_if = "Vec::is_empty")]
    pub without: Vec<String>,
}

impl Place {
    /// The folder of the work tree.
    pub fn folder(&self) -> &str {
        match self {
            Self::Whole(folder) => folder,
            Self::Parts(parts) => &parts.folder,
        }
    }

    /// What of it is unpacked.
    pub fn selection(&self) -> Selection {
        match self {
            Self::Whole(_) => Selection::default(),
            Self::Parts(parts) => Selection { only: parts.only.clone(), without: parts.without.clone() },
        }
    }
}

/// What a stage may know, and so what its result serves; in the order in which stages stand.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, PartialOrd, Ord, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Scope {
    /// Nothing but the host: all toolchains that run on it.
    Host,
    /// The target whose compiler proper is built, and the languages: all targets of its family.
    Compiler,
    /// The toolchain's own target.
    #[default]
    Target,
}

impl fmt::Display for Scope {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            Self::Host => "host",
            Self::Compiler => "compiler",
            Self::Target => "target",
        })
    }
}

/// Why the recipes cannot be read.
#[derive(Debug, thiserror::Error)]
pub enum RecipeError {
    /// There is no recipe of that name.
    #[error("no recipe is called `{name}`; there are: {}", known.join(", "))]
    Unknown {
        /// What was asked for.
        name: String,
        /// The names that exist.
        known: Vec<String>,
    },
    /// A file of the recipes is missing.
    #[error("{}: no such file in the recipes", .0.display())]
    Missing(PathBuf),
    /// A file could not be read.
    #[error(transparent)]
    Io(#[from] std::io::Error),
    /// A file is not what it should be.
    #[error("{file}: {message}")]
    Invalid {
        /// The file, as the user can find it.
        file: String,
        /// The line and what is wrong there.
        message: String,
    },
}

/// The recipes' files: those embedded in the program, or those of a folder.
#[derive(Debug, Clone)]
pub struct Recipes {
    folder: Option<PathBuf>,
}

impl Recipes {
    /// The recipes that came with the program.
    pub fn embedded() -> Self {
        Self { folder: None }
    }

    /// The recipes in `folder`, which has the layout of this repository's `recipes`.
    pub fn in_folder(folder: PathBuf) -> Self {
        Self { folder: Some(folder) }
    }

    /// The table of targets.
    pub fn targets(&self) -> Result<Targets, RecipeError> {
        let targets: Targets = self.table("targets.toml")?;
        match targets.find_fault() {
            Some(message) => Err(RecipeError::Invalid { file: self.shown("targets.toml"), message }),
            None => Ok(targets),
        }
    }

    /// The table of sources.
    pub fn sources(&self) -> Result<Sources, RecipeError> {
        self.table("sources.toml")
    }

    /// The table of host programs.
    pub fn host_tools(&self) -> Result<HostTools, RecipeError> {
        self.table("host-tools.toml")
    }

    /// The recipe of this name.
    pub fn recipe(&self, name: &str) -> Result<Recipe, RecipeError> {
        let known = self.names()?;
        if !known.iter().any(|other| other == name) {
            return Err(RecipeError::Unknown { name: name.to_owned(), known });
        }
        let recipe: Recipe = self.table(&format!("toolchains/{name}/recipe.toml"))?;
        Ok(recipe)
    }

    /// The names of all recipes, sorted.
    pub fn names(&self) -> Result<Vec<String>, RecipeError> {
        let mut names: Vec<String> = self
            .list("toolchains")?
            .into_iter()
            .filter(|name| self.read(&format!("toolchains/{name}/recipe.toml")).is_ok())
            .collect();
        names.sort();
        Ok(names)
    }

    /// The names of the recipes that `auto` tries, in its order.
    pub fn in_order_of_preference(&self) -> Result<Vec<String>, RecipeError> {
        let mut ranked = Vec::new();
        for name in self.names()? {
            if let Some(preference) = self.recipe(&name)?.preference {
                ranked.push((preference, name));
            }
        }
        ranked.sort();
        Ok(ranked.into_iter().map(|(_, name)| name).collect())
    }

    /// The files that a stage of the recipe `name` sees, by name: its script and those that it reads.
    pub fn files_of(&self, name: &str, stage: &Stage) -> Result<BTreeMap<String, Vec<u8>>, RecipeError> {
        std::iter::once(&stage.script)
            .chain(&stage.files)
            .map(|file| Ok((file.clone(), self.file_of(name, file)?)))
            .collect()
    }

    /// A file of the recipe `name`: from its folder, or else from those that recipes share.
    pub fn file_of(&self, name: &str, file: &str) -> Result<Vec<u8>, RecipeError> {
        let own = format!("toolchains/{name}");
        let folder = if self.list(&own)?.iter().any(|other| other == file) { &own } else { "shared" };
        Ok(self.read(&format!("{folder}/{file}"))?.into_owned())
    }

    /// The script that mends a repacked source after it was unpacked.
    pub fn fixup(&self, name: &str) -> Result<Vec<u8>, RecipeError> {
        Ok(self.read(&format!("fixups/{name}"))?.into_owned())
    }

    /// A table in the recipes' folder, read as `T`.
    pub fn table<T: serde::de::DeserializeOwned>(&self, path: &str) -> Result<T, RecipeError> {
        let bytes = self.read(path)?;
        let invalid = |message: String| RecipeError::Invalid { file: self.shown(path), message };
        let text = std::str::from_utf8(&bytes).map_err(|error| invalid(error.to_string()))?;
        toml::from_str(text).map_err(|error| invalid(error.to_string()))
    }

    fn read(&self, path: &str) -> Result<Cow<'static, [u8]>, RecipeError> {
        match &self.folder {
            None => EMBEDDED
                .get_file(path)
                .map(|file| Cow::Borrowed(file.contents()))
                .ok_or_else(|| RecipeError::Missing(path.into())),
            Some(folder) => Ok(Cow::Owned(fs_err::read(folder.join(path))?)),
        }
    }

    /// Names of the entries of a folder; for the toolchains' folder also of its sub-folders.
    fn list(&self, path: &str) -> Result<Vec<String>, RecipeError> {
        let name_of = |path: &Path| path.file_name().map(|name| name.to_string_lossy().into_owned());
        match &self.folder {
            None => {
                let dir = EMBEDDED.get_dir(path).ok_or_else(|| RecipeError::Missing(path.into()))?;
                Ok(dir.entries().iter().filter_map(|entry| name_of(entry.path())).collect())
            }
            Some(folder) => {
                let mut names = Vec::new();
                for entry in fs_err::read_dir(folder.join(path))? {
                    names.extend(name_of(&entry?.path()));
                }
                Ok(names)
            }
        }
    }

    fn shown(&self, path: &str) -> String {
        match &self.folder {
            None => format!("recipes/{path} (embedded)"),
            Some(folder) => folder.join(path).display().to_string(),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_embedded_recipes_hold_together() {
        let recipes = Recipes::embedded();
        let sources = recipes.sources().unwrap();
        let tools = recipes.host_tools().unwrap();
        for name in recipes.names().unwrap() {
            let recipe = recipes.recipe(&name).unwrap();
            let mut seen = vec!["recipe.toml".to_owned()];
            for tool in &recipe.host_tools {
                assert!(tools.tools.iter().any(|known| known.name == *tool), "{name}: {tool}");
            }
            for stage in &recipe.stages {
                seen.extend(recipes.files_of(&name, stage).unwrap().into_keys());
                for component in stage.unpack.keys() {
                    assert!(recipe.components.contains_key(component), "{name}: {component}");
                }
            }
            for (component, fixup) in &recipe.fixups {
                assert!(recipe.components.contains_key(component), "{name}: {component}");
                assert!(recipes.file_of(&name, fixup).is_ok(), "{name}: {fixup}");
                seen.push(fixup.clone());
            }
            for file in recipes.list(&format!("toolchains/{name}")).unwrap() {
                assert!(seen.contains(&file), "{name}: no stage reads {file}");
            }
            for (component, version) in &recipe.components {
                let known = sources.versions(component);
                assert!(known.contains(&version.as_str()), "{name}: {component} {version}");
            }
        }
        for fixup in sources.iter().filter_map(|source| source.fixup.as_deref()) {
            assert!(recipes.fixup(fixup).is_ok(), "{fixup}");
        }
    }

    #[test]
    fn an_unknown_key_is_refused_with_its_place() {
        let folder = tempfile::tempdir().unwrap();
        fs_err::write(folder.path().join("targets.toml"), "[[target]]\ntriple = \"x\"\nflavour = 1\n").unwrap();
        let error = Recipes::in_folder(folder.path().to_owned()).targets().unwrap_err().to_string();
        assert!(error.contains("targets.toml") && error.contains("flavour") && error.contains("line 3"), "{error}");
    }

    #[test]
    fn what_would_be_a_command_or_a_path_is_no_name() {
        let folder = tempfile::tempdir().unwrap();
        let row = |triple: &str, env: &str| {
            format!(
                "[[target]]\ntriple = \"{triple}\"\nnames = []\nkernel-arch = \"x\"\nmultiarch = \"x\"\nqemu = \"x\"\n\
                 elf = {{ class = 64, endian = \"little\", machine = \"x\" }}\nports = [{{ name = \"linux/x\", env = {{ {env} }} }}]\n"
            )
        };
        for (row, names) in [
            (row("x-linux-musl", "GOARCH = \"x\""), None),
            (row("../x", ""), Some("`../x` is no triple")),
            (row("", ""), Some("`` is no triple")),
            (row("x", "\"A=1; touch y; B\" = \"1\""), Some("`A=1; touch y; B` is no name of a variable")),
            (row("x", "GOARCH = \"../../x\""), Some("`../../x` is no GOARCH")),
        ] {
            fs_err::write(folder.path().join("targets.toml"), &row).unwrap();
            let error = Recipes::in_folder(folder.path().to_owned()).targets().err().map(|error| error.to_string());
            match (&error, names) {
                (None, None) => {}
                (Some(error), Some(names)) => assert!(error.contains(names), "{error}"),
                _ => panic!("{row}: {error:?}"),
            }
        }
    }
}
