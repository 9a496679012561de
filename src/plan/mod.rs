//! A plan: everything that determines a toolchain's content, and the keys made from it.
//!
//! Keys are a chain. Each stage's key is the SHA-256 of a canonical form of the key before it, its
//! script, the files that it reads and its sources; the first link covers recipe, host, linkage and
//! variables, and the key of the toolchain that compiles for the host where one of ours does. Stages that know nothing but the host come first. Behind a link that covers the languages and the target
//! that it is built for come those of the compiler proper, then, behind another, those of the toolchain's
//! own target. The last stage's key is the toolchain's. So two plans that begin alike share the keys of their first
//! stages. Not in a key: paths, times, job counts, origins, the name of the machine.

mod chain;
mod error;
mod inputs;

use std::collections::{BTreeMap, BTreeSet};
use std::fmt;
use std::path::PathBuf;

use serde::{Deserialize, Serialize};

pub use self::error::PlanError;
use self::inputs::{
    choose_bootstrap, choose_compiler, choose_components, choose_grade, choose_languages, owner_of_compiler,
    programs_of,
};
use crate::digest::Sha256;
use crate::recipe::{Recipe, Recipes, Scope, Selection};
use crate::source::{Source, Sources};
use crate::target::{Served, Target};

/// What stands for a toolchain's key inside the files that a build makes, until its last stage.
pub const VERSION_MARK: &str = "muslchain-................";

/// SHA-256 over everything that determines the content of a toolchain or of a stage's result.
#[derive(Clone, Copy, PartialEq, Eq, PartialOrd, Ord, Hash, Serialize, Deserialize)]
#[serde(transparent)]
pub struct Key(Sha256);

impl Key {
    /// The digits that names show.
    pub fn short(&self) -> String {
        self.0.short(16)
    }

    fn over(canonical: &impl Serialize) -> Self {
        let bytes = serde_json::to_vec(canonical).expect("maps with text keys always serialise");
        Self(Sha256::of(&bytes))
    }
}

impl fmt::Display for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl fmt::Debug for Key {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Key({})", self.0)
    }
}

/// What the user asks of a recipe.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Request {
    /// Component to version, where it differs from the recipe's own choice.
    pub versions: BTreeMap<String, String>,
    /// Languages; those that the recipe does not know are refused.
    pub languages: Vec<String>,
    /// Whether the compiler behaves as upstream's, without muslchain's defaults.
    pub plain: bool,
    /// How well the toolchain's own programs are compiled.
    pub grade: GradeChoice,
    /// Whether they are compiled by a toolchain for the host, of the same recipe, and not by the host's compiler.
    pub bootstrap: bool,
}

/// Which of a recipe's grades.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub enum GradeChoice {
    /// The one that is built soonest, the recipe's first: for a toolchain that is built where it is used. Where one of the last grade
    /// need not be built, it will do.
    #[default]
    Soonest,
    /// The one whose programs work soonest, the recipe's last: for a toolchain that is built once and used by many.
    Best,
    /// The one of this name.
    Named(String),
}

/// How the toolchain's own programs are linked.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "kebab-case")]
pub enum Linkage {
    /// Statically: they run on any Linux of their architecture.
    Static,
    /// With the C library of the host that they were built on.
    Dynamic,
}

/// A compiler of the host: what a toolchain is that calls it depends on it.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct FoundCompiler {
    /// Where it is: the toolchain's commands call it there.
    pub path: PathBuf,
    /// What it says to `--version`, in its first line.
    pub version: String,
    /// The digest of its program.
    pub sha256: Sha256,
}

/// What compiles a toolchain's own programs in the place of the host's compiler.
#[derive(Debug, Clone)]
pub struct Bootstrap {
    /// A toolchain for the host, by the same recipe: its programs do the work.
    pub plan: Box<Plan>,
    /// The names of the host's programs that it takes the place of; its own have its triple before them.
    pub programs: BTreeSet<String>,
}

/// A toolchain to be: all inputs chosen, all keys known.
#[derive(Debug, Clone)]
pub struct Plan {
    /// The recipe's name.
    pub recipe_name: String,
    /// The recipe.
    pub recipe: Recipe,
    /// What it compiles for.
    pub target: Target,
    /// The target whose compiler proper it has: itself, or another of its family.
    pub compiler: Target,
    /// The triple of the machine it runs on.
    pub host: String,
    /// How its own programs are linked.
    pub linkage: Linkage,
    /// Languages, in the recipe's order.
    pub languages: Vec<String>,
    /// Component to source, of what its stages unpack.
    pub components: BTreeMap<String, Source>,
    /// Whether the compiler behaves as upstream's, without muslchain's defaults.
    pub plain: bool,
    /// How well the toolchain's own programs are compiled, where the recipe has grades.
    pub grade: Option<String>,
    /// Variables for all stages: the recipe's and its grade's.
    pub environment: BTreeMap<String, String>,
    /// The host's compiler that the toolchain calls, where the recipe builds none.
    pub host_compiler: Option<FoundCompiler>,
    /// The names of the host's programs that its stages may call.
    pub host_programs: BTreeSet<String>,
    /// What takes the place of some of them.
    pub bootstrap: Option<Bootstrap>,
    /// The stages, in order.
    pub stages: Vec<PlannedStage>,
}

/// A stage with its inputs chosen.
#[derive(Debug, Clone)]
pub struct PlannedStage {
    /// Its name.
    pub name: String,
    /// Its script's file name.
    pub script: String,
    /// The files that it sees, by name: its script and those that it reads.
    pub files: BTreeMap<String, Vec<u8>>,
    /// What it may know.
    pub scope: Scope,
    /// What is unpacked for it, in order.
    pub unpack: Vec<Tree>,
    /// How many compilations it runs.
    pub steps: u64,
    /// How long it took where it was measured, in seconds.
    pub seconds: u64,
    /// After which share of its compilations which share of its time has passed.
    pub pace: Vec<[f64; 2]>,
    /// Whether its result is kept.
    pub snapshot: bool,
    /// The file of the work tree that says all that stages with additions see of its result, where that is less.
    pub interface: Option<String>,
    /// Whether what it adds to the toolchain is kept, under [`Plan::key_by_sight`].
    pub additions: bool,
    /// What its key has of everything before it.
    before: Key,
    /// Its key, which covers all stages before it.
    pub key: Key,
}

impl PlannedStage {
    /// The share of its time that has passed after this many compilations, from 0 to 1.
    pub fn share_of_time(&self, steps: u64) -> f64 {
        // Another version of a source may take more steps than the recipe expects.
        let of_steps = (steps as f64 / self.steps.max(1) as f64).min(1.0);
        let mut from = [0.0, 0.0];
        for &to in self.pace.iter().chain(&[[1.0, 1.0]]) {
            if of_steps <= to[0] {
                let length = (to[0] - from[0]).max(f64::EPSILON);
                return from[1] + (of_steps - from[0]) / length * (to[1] - from[1]);
            }
            from = to;
        }
        1.0
    }
}

/// A source in a work tree.
#[derive(Debug, Clone)]
pub struct Tree {
    /// The source.
    pub source: Source,
    /// The folder of the work tree that holds its content.
    pub folder: String,
    /// What of it is unpacked.
    pub selection: Selection,
    /// The script that mends it: the source's own, and the recipe's behind it.
    pub fixup: Option<Vec<u8>>,
}

/// The triple of the machine that this program was built for, as GCC's `--build` takes it.
pub fn host_triple() -> String {
    format!("{}-pc-linux-gnu", host_machine())
}

/// The first part of that triple: Rust's names leave the order of bytes open, and are others in part.
fn host_machine() -> &'static str {
    match (std::env::consts::ARCH, cfg!(target_endian = "little")) {
        ("x86", _) => "i686",
        ("mips", true) => "mipsel",
        ("mips64", true) => "mips64el",
        ("powerpc64", true) => "powerpc64le",
        (machine, _) => machine,
    }
}

impl Plan {
    /// Chooses every input of the recipe `name` for `target`.
    ///
    /// `resolved` has the sources that moving versions stand for, `compiler` is the host's, where there is one that the
    /// recipe asks for.
    #[expect(clippy::too_many_arguments, reason = "each is an input of its own")]
    pub fn new(
        recipes: &Recipes,
        sources: &Sources,
        name: &str,
        target: &Target,
        request: &Request,
        linkage: Linkage,
        resolved: &[Source],
        compiler: Option<&FoundCompiler>,
    ) -> Result<Self, PlanError> {
        let recipe = recipes.recipe(name)?;
        if request.bootstrap && recipe.host_compiler.is_some() {
            return Err(PlanError::NothingToBootstrap { recipe: name.to_owned() });
        }
        let host_compiler = choose_compiler(&recipe, name, target, compiler)?;
        let languages = choose_languages(&recipe, name, request)?;
        let components = choose_components(&recipe, name, sources, request, resolved)?;
        let (grade, of_grade) = choose_grade(&recipe, name, request)?;
        let tools = recipe.host_tools_with(&request.versions);
        let bootstrap = match request.bootstrap {
            true => Some(choose_bootstrap(recipes, sources, name, request, resolved)?),
            false => None,
        };
        let mut plan = Self {
            recipe_name: name.to_owned(),
            compiler: owner_of_compiler(recipes, target)?,
            target: target.clone(),
            host: host_triple(),
            // A toolchain of ours can always link statically.
            linkage: if bootstrap.is_some() { Linkage::Static } else { linkage },
            languages,
            components,
            plain: request.plain,
            grade,
            environment: recipe.environment.clone().into_iter().chain(of_grade).collect(),
            host_compiler,
            host_programs: programs_of(recipes, &tools)?,
            bootstrap,
            stages: Vec::new(),
            recipe,
        };
        plan.stages = plan.chain(recipes)?;
        let unpacked = |component: &str| {
            let mut trees = plan.stages.iter().flat_map(|stage| &stage.unpack);
            trees.any(|tree| tree.source.name == component)
        };
        plan.components.retain(|component, _| unpacked(component));
        Ok(plan)
    }

    /// The toolchain's key.
    pub fn key(&self) -> Key {
        self.stages.last().map_or_else(|| self.first_link(), |stage| stage.key)
    }

    /// The toolchain's name: triple, recipe, version and key.
    pub fn name(&self) -> String {
        let named_after = &self.recipe.named_after;
        let version = self.components.get(named_after).map_or("", |source| source.upstream_version());
        format!("{}-{}-{named_after}{version}-{}", self.target.triple, self.recipe_name, self.key().short())
    }

    /// What takes the place of [`VERSION_MARK`]: as long as the mark.
    pub fn version_text(&self) -> String {
        let text = format!("muslchain-{}", self.key().short());
        debug_assert_eq!(text.len(), VERSION_MARK.len());
        text
    }

    /// The sources that its stages unpack, each once.
    pub fn sources(&self) -> Vec<&Source> {
        let mut sources: Vec<&Source> = Vec::new();
        for tree in self.stages.iter().flat_map(|stage| &stage.unpack) {
            if !sources.iter().any(|known| known.sha256 == tree.source.sha256) {
                sources.push(&tree.source);
            }
        }
        sources
    }

    /// What the host's compiler is told to compile for the target; nothing where the recipe builds its own.
    pub fn compiler_arguments(&self) -> &[String] {
        let tool = self.recipe.host_compiler.as_ref().map(|compiler| &compiler.tool);
        match tool.and_then(|tool| self.target.host_compilers.get(tool)) {
            Some(Served::With(arguments)) => arguments,
            Some(Served::Not(_)) | None => &[],
        }
    }

    fn of_languages(&self, figures: &BTreeMap<String, u64>) -> u64 {
        self.languages.iter().filter_map(|language| figures.get(language)).sum()
    }

    fn with_versions(&self, folder: &str) -> String {
        self.components.iter().fold(folder.to_owned(), |folder, (component, source)| {
            folder.replace(&format!("{{{component}}}"), source.upstream_version())
        })
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn plan(target: &str, versions: &[(&str, &str)], languages: &[&str]) -> Result<Plan, PlanError> {
        let recipes = Recipes::embedded();
        let sources = recipes.sources().unwrap();
        let targets = recipes.targets().unwrap();
        let resolved = vec![resolved_headers(&sources)];
        let request = Request {
            versions: versions.iter().map(|(name, version)| ((*name).to_owned(), (*version).to_owned())).collect(),
            languages: languages.iter().map(|language| (*language).to_owned()).collect(),
            ..Request::default()
        };
        let target = targets.find(target).unwrap().0;
        Plan::new(&recipes, &sources, "debian", target, &request, Linkage::Static, &resolved, None)
    }

    fn resolved_headers(sources: &Sources) -> Source {
        let moving = sources.moving("linux", "debian").unwrap();
        moving.resolved("6.12.1-1", "pool/l.deb", 10, Sha256::of(b"headers"))
    }

    #[test]
    fn the_same_inputs_give_the_same_key_and_each_input_counts() {
        let base = plan("aarch64", &[], &["c"]).unwrap();
        assert_eq!(base.key(), plan("linux/arm64", &[], &["c"]).unwrap().key());
        let others = [
            plan("x86_64", &[], &["c"]).unwrap(),
            plan("aarch64", &[], &["c", "c++"]).unwrap(),
            plan("aarch64", &[("musl", "1.2.6")], &["c"]).unwrap(),
            plan("aarch64", &[("gcc", "14.2.0")], &["c"]).unwrap(),
        ];
        for other in others {
            assert_ne!(base.key(), other.key());
        }
    }

    #[test]
    fn a_new_musl_leaves_the_stages_before_it_alone() {
        let old = plan("aarch64", &[], &["c"]).unwrap();
        let new = plan("aarch64", &[("musl", "1.2.6")], &["c"]).unwrap();
        let same: Vec<bool> = old.stages.iter().zip(&new.stages).map(|(old, new)| old.key == new.key).collect();
        let compiler = old.stages.iter().position(|stage| stage.name == "compiler").unwrap();
        let libc = old.stages.iter().position(|stage| stage.name == "libc").unwrap();
        assert!(compiler < libc && same[..libc].iter().all(|same| *same), "{same:?}");
        assert!(same[libc..].iter().all(|same| !*same), "{same:?}");
    }

    #[test]
    fn what_is_compiled_against_musl_is_kept_by_what_it_sees_of_it() {
        let by_sight = |target: &str, versions: &[(&str, &str)], interface: &[u8]| {
            let plan = plan(target, versions, &["c"]).unwrap();
            let runtime = plan.stages.iter().position(|stage| stage.name == "runtime").unwrap();
            assert!(plan.stages[runtime].additions);
            plan.key_by_sight(runtime, |_| Ok(Sha256::of(interface))).unwrap()
        };
        let base = by_sight("armv7", &[], b"headers");
        assert_eq!(base, by_sight("armv7", &[("musl", "1.2.6")], b"headers"));
        let others = [
            by_sight("armv7", &[], b"other headers"),
            by_sight("armv7", &[("gcc", "14.2.0")], b"headers"),
            by_sight("armv5", &[], b"headers"),
        ];
        for other in others {
            assert_ne!(base, other);
        }
    }

    #[test]
    fn targets_of_a_family_share_the_stages_of_the_compiler() {
        let (seven, five) = (plan("armv7", &[], &["c"]).unwrap(), plan("armv5", &[], &["c"]).unwrap());
        assert_ne!(seven.key(), five.key());
        for (seven, five) in seven.stages.iter().zip(&five.stages) {
            assert_eq!(seven.key == five.key, seven.scope < Scope::Target, "{}", seven.name);
        }
        assert!(seven.stages.iter().any(|stage| stage.scope == Scope::Compiler && stage.snapshot));
    }

    #[test]
    fn all_toolchains_of_a_host_share_the_stages_that_know_nothing_else() {
        let plans = [
            plan("armv7", &[], &["c"]).unwrap(),
            plan("s390x", &[], &["c"]).unwrap(),
            plan("armv7", &[("gcc", "14.2.0")], &["c", "c++"]).unwrap(),
        ];
        for other in &plans[1..] {
            for (one, other) in plans[0].stages.iter().zip(&other.stages) {
                assert_eq!(one.key == other.key, one.scope == Scope::Host, "{}", one.name);
            }
        }
        assert!(plans[0].stages.iter().any(|stage| stage.scope == Scope::Host && stage.snapshot));
    }

    #[test]
    fn the_share_of_time_follows_the_stages_pace() {
        let mut stage = plan("aarch64", &[], &["c"]).unwrap().stages.remove(1);
        (stage.steps, stage.pace) = (100, vec![[0.5, 0.2], [0.6, 0.8]]);
        let shares = [0, 25, 50, 55, 60, 80, 100, 130].map(|steps| (stage.share_of_time(steps) * 100.0).round());
        assert_eq!(shares, [0.0, 10.0, 20.0, 50.0, 80.0, 90.0, 100.0, 100.0]);
    }

    #[test]
    fn what_is_not_known_is_refused_by_name() {
        let message = |result: Result<Plan, PlanError>| result.unwrap_err().to_string();
        assert!(message(plan("aarch64", &[("gmpp", "1")], &[])).contains("no component `gmpp`"));
        let version = message(plan("aarch64", &[("gcc", "4.0")], &[]));
        assert!(version.contains("gcc 4.0") && version.contains("14.2.0-debian"), "{version}");
        assert!(message(plan("aarch64", &[], &["fortran"])).contains("cannot build `fortran`"));
    }

    #[test]
    fn a_moving_version_needs_to_be_resolved_first() {
        let recipes = Recipes::embedded();
        let sources = recipes.sources().unwrap();
        let targets = recipes.targets().unwrap();
        let target = targets.find("aarch64").unwrap().0;
        let request = Request::default();
        let error = Plan::new(&recipes, &sources, "debian", target, &request, Linkage::Static, &[], None).unwrap_err();
        assert!(matches!(error, PlanError::Unresolved(moving) if moving.package == "linux-libc-dev"));
    }

    #[test]
    fn the_version_text_is_as_long_as_its_mark() {
        assert_eq!(plan("aarch64", &[], &[]).unwrap().version_text().len(), VERSION_MARK.len());
    }
}
