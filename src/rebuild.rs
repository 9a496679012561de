//! Builds an installed toolchain once more, to see whether the same bytes come out.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::build::{BuildError, Builder};
use crate::contents::{Contents, Difference, differing_parts};
use crate::event::Event;
use crate::host::{Lacking, Needs};
use crate::install::{InstallError, Installer};
use crate::plan::{GradeChoice, Linkage, Plan, PlanError, Request};
use crate::recipe::RecipeError;
use crate::sandbox::Isolation;
use crate::scratch::Kind;
use crate::source::Source;
use crate::store::{Manifest, StoreError, remove_tree};
use crate::target::Target;

/// The most parts of a file that are named.
const NAMED: usize = 6;

/// Why a toolchain could not be built once more.
#[derive(Debug, thiserror::Error)]
pub enum RebuildError {
    /// The recipes of today are not those that it was built from.
    #[error(
        "{name} was built by muslchain {muslchain} from other recipes: with those of this one its key would be {key}; \
         `--recipes DIR` names a folder with the ones that it was built from"
    )]
    OtherRecipes {
        /// The toolchain.
        name: String,
        /// The version that built it.
        muslchain: String,
        /// The key that its inputs have today.
        key: crate::plan::Key,
    },
    /// The host's compiler that it calls is another one by now.
    #[error(
        "{name} calls a compiler of this machine that has changed since: `muslchain install` builds one for that of today"
    )]
    OtherCompiler {
        /// The toolchain.
        name: String,
    },
    /// What is compared holds the paths of its work tree, which are the same in namespaces only.
    #[error(
        "only builds in namespaces can be compared, because a work tree has the same path in all of them: {name} was \
         built at level `{was}`, and here it would be at level `{is}`"
    )]
    NotComparable {
        /// The toolchain.
        name: String,
        /// Its level.
        was: String,
        /// The level that is possible here.
        is: &'static str,
    },
    /// The host cannot link as the host that built it.
    #[error("{name} has statically linked programs, and {lack}")]
    Linkage {
        /// The toolchain.
        name: String,
        /// What the host lacks.
        lack: crate::host::NoStaticLink,
    },
    /// No plan can be made.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The recipes cannot be read.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// The host lacks something.
    #[error(transparent)]
    Lacking(#[from] Lacking),
    /// The host cannot be looked at, or a source cannot be had.
    #[error(transparent)]
    Install(#[from] InstallError),
    /// The build failed.
    #[error(transparent)]
    Build(#[from] BuildError),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file system refused; the message names the path.
    #[error(transparent)]
    Io(#[from] io::Error),
}

/// What came of a build that was done once more.
#[derive(Debug)]
pub struct Rebuilt {
    /// What is not the same, file by file and down to the sections of ELF files.
    pub differences: Vec<Difference>,
    /// Where the other result is kept, if it is another one.
    pub kept: Option<PathBuf>,
}

/// Builds the toolchain of `manifest` for `target` from nothing and holds what came out against `published`, the list of what is in
/// `folder`. Another result stays as the toolchain's kept work tree.
///
/// The folder must be as the list says, see [`crate::store::Store::changes`].
pub fn rebuild(
    installer: &Installer<'_>,
    target: &Target,
    manifest: &Manifest,
    published: &Contents,
    folder: &Path,
) -> Result<Rebuilt, RebuildError> {
    let chooser = &installer.chooser;
    let plan = plan_of(installer, target, manifest)?;
    if plan.host_compiler != manifest.host_compiler.as_ref().map(|compiler| compiler.found.clone()) {
        return Err(RebuildError::OtherCompiler { name: manifest.name.clone() });
    }
    if plan.key() != manifest.key {
        return Err(RebuildError::OtherRecipes {
            name: manifest.name.clone(),
            muslchain: manifest.muslchain.clone(),
            key: plan.key(),
        });
    }
    let table = chooser.recipes.host_tools()?;
    let mut needs = Needs::of_plan(&plan);
    let mut all = needs.clone();
    if let Some(bootstrap) = &plan.bootstrap {
        all = all.or(&installer.needs_of_bootstrap(&bootstrap.plan));
        needs = needs.bootstrapped(&table);
    }
    let survey = installer.look(&table, &all)?;
    let host = survey.check(&needs)?;
    if host.isolation != Isolation::Namespaces || manifest.isolation != Isolation::Namespaces.name() {
        return Err(RebuildError::NotComparable {
            name: manifest.name.clone(),
            was: manifest.isolation.clone(),
            is: host.isolation.name(),
        });
    }
    if let (true, None, Err(lack)) = (manifest.host_static, &plan.bootstrap, &survey.static_link) {
        return Err(RebuildError::Linkage { name: manifest.name.clone(), lack: lack.clone() });
    }
    installer.bootstrap(std::slice::from_ref(&plan), &survey)?;
    if let Some(then) = &manifest.bootstrap
        && chooser.store.manifest(&then.name)?.is_some_and(|now| now.contents != then.contents)
    {
        let note = format!("{} came out otherwise here than where it compiled {}", then.name, manifest.name);
        chooser.observer.event(Event::Note(&note));
    }
    let files = installer.fetch(std::slice::from_ref(&plan))?;
    let _lock = chooser.store.lock(&manifest.name, &manifest.name, chooser.observer)?;
    let jobs = installer.job_server()?;
    // What a launcher keeps was made before: this is to be made now.
    let builder = Builder { launcher: None, ..installer.builder(&host, &jobs) };
    let scratch = chooser.store.scratch(Kind::Rebuild)?;
    let out = builder.rebuild(&plan, &files, scratch.path())?;
    let mut differences = published.differences(&Contents::of(&out)?);
    for difference in &mut differences {
        if let Difference::Changed { path, what } = difference
            && let (one, other) = (folder.join(&path), out.join(&path))
            && one.is_file()
            && other.is_file()
        {
            what.push_str(&named(&differing_parts(&one, &other)?));
        }
    }
    if differences.is_empty() {
        scratch.remove()?;
        return Ok(Rebuilt { differences, kept: None });
    }
    let work = chooser.store.work(&manifest.name);
    remove_tree(&work)?;
    fs_err::rename(scratch.path(), &work)?;
    chooser.store.keep_work(&manifest.name)?;
    let kept = out.strip_prefix(scratch.path()).map(|inside| work.join(inside)).ok();
    Ok(Rebuilt { differences, kept })
}

fn named(parts: &[String]) -> String {
    match parts.len() {
        0 => String::new(),
        1..=NAMED => format!(", in {}", parts.join(", ")),
        more => format!(", in {} and {} more parts", parts[..NAMED].join(", "), more - NAMED),
    }
}

/// From the inputs that the manifest names.
fn plan_of(installer: &Installer<'_>, target: &Target, manifest: &Manifest) -> Result<Plan, RebuildError> {
    let chooser = &installer.chooser;
    let request = Request {
        versions: versions_of(installer, manifest),
        languages: manifest.languages.clone(),
        plain: !manifest.defaults,
        grade: manifest.grade.clone().map_or(GradeChoice::Soonest, GradeChoice::Named),
        bootstrap: manifest.bootstrap.is_some(),
    };
    let linkage = if manifest.host_static { Linkage::Static } else { Linkage::Dynamic };
    // What a moving version meant then.
    let resolved: Vec<Source> = manifest.components.values().cloned().collect();
    let compiler = chooser.compiler_for(&manifest.recipe).map_err(InstallError::from)?;
    let (recipes, sources, compiler) = (chooser.recipes, chooser.sources, compiler.as_ref());
    Ok(Plan::new(recipes, sources, &manifest.recipe, target, &request, linkage, &resolved, compiler)?)
}

/// Its components' versions as `--set` would name them.
fn versions_of(installer: &Installer<'_>, manifest: &Manifest) -> BTreeMap<String, String> {
    let version = |source: &Source| match installer.chooser.sources.moving_behind(source) {
        Some(moving) => moving.version.clone(),
        None => source.version.clone(),
    };
    manifest.components.iter().map(|(name, source)| (name.clone(), version(source))).collect()
}
