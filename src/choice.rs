//! Chooses what to build: the recipe, and for each target the plan.

use std::io;

use crate::event::{Event, Observer};
use crate::fetch::{ArchiveError, Fetcher};
use crate::host::HostCompilers;
use crate::plan::{FoundCompiler, GradeChoice, Linkage, Plan, PlanError, Request};
use crate::recipe::{RecipeError, Recipes};
use crate::source::{Moving, Source, Sources};
use crate::store::{Store, StoreError};
use crate::target::Target;

/// Which recipe builds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecipeChoice {
    /// The first that this machine can build by and whose sources can be had.
    Auto,
    /// This one, or none.
    Named(String),
}

/// Makes plans from what the user asked for.
pub struct Chooser<'a> {
    /// The recipes.
    pub recipes: &'a Recipes,
    /// The table of sources.
    pub sources: &'a Sources,
    /// What is there already.
    pub store: &'a Store,
    /// Knows what can be had.
    pub fetcher: &'a Fetcher<'a>,
    /// Which recipe.
    pub recipe: RecipeChoice,
    /// What of it.
    pub request: Request,
    /// What moving versions mean, whatever the store's record says.
    pub locked: &'a [Source],
    /// Compilers of this machine that recipes may ask for.
    pub compilers: &'a HostCompilers<'a>,
    /// Whether recipes are left out whose toolchains call a compiler of this machine, and are of use here only.
    pub for_others: bool,
    /// Hears of everything.
    pub observer: &'a dyn Observer,
}

/// A recipe that what was asked for fits.
#[derive(Debug)]
pub struct Candidate {
    /// Its name.
    pub recipe: String,
    /// Of which grade.
    pub grade: GradeChoice,
    /// Whether what is neither in the store nor at a remote may be built by it.
    pub is_to_build: bool,
    /// A plan for each target; none where a moving version has not been resolved yet.
    pub plans: Option<Vec<Plan>>,
    /// Why this machine cannot build by it, in one line, where that is so.
    pub impossible: Option<String>,
}

/// Why no plans can be made.
#[derive(Debug, thiserror::Error)]
pub enum ChoiceError {
    /// The request does not fit the recipe.
    #[error(transparent)]
    Plan(#[from] PlanError),
    /// The recipes cannot be read.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// What the recipe makes is of use on this machine only.
    #[error(
        "the toolchains of recipe {recipe} call this machine's {tool}, and are of no use on another: `--recipe` names another recipe"
    )]
    NotForOthers {
        /// The recipe.
        recipe: String,
        /// The compiler's name among the host tools.
        tool: String,
    },
    /// A moving version cannot be resolved.
    #[error("{component} `{version}` means the newest {package} of {suite}, which cannot be found out: {reason}")]
    Resolve {
        /// The component.
        component: String,
        /// The moving version's name.
        version: String,
        /// The package.
        package: String,
        /// The release.
        suite: String,
        /// Why.
        reason: Box<ArchiveError>,
    },
    /// This machine cannot build by any recipe, or not have its sources.
    #[error("no recipe is possible here:{}", listed(.0))]
    NoRecipe(Vec<(String, String)>),
    /// The store refused.
    #[error(transparent)]
    Store(#[from] StoreError),
    /// The file system refused; the message names the path.
    #[error(transparent)]
    Io(#[from] io::Error),
}

fn listed(reasons: &[(String, String)]) -> String {
    reasons.iter().map(|(recipe, reason)| format!("\n  {recipe}: {reason}")).collect()
}

impl Chooser<'_> {
    /// The recipes that may build, the preferred one first, with what is known of their plans without network.
    ///
    /// An error if what was asked for fits none.
    pub fn candidates(&self, targets: &[&Target], linkage: Linkage) -> Result<Vec<Candidate>, ChoiceError> {
        let mut recipes = match &self.recipe {
            RecipeChoice::Named(name) => vec![name.clone()],
            RecipeChoice::Auto => self.recipes.in_order_of_preference()?,
        };
        if self.for_others {
            for name in std::mem::take(&mut recipes) {
                match self.recipes.recipe(&name)?.host_compiler {
                    None => recipes.push(name),
                    Some(compiler) if self.recipe != RecipeChoice::Auto => {
                        return Err(ChoiceError::NotForOthers { recipe: name, tool: compiler.tool });
                    }
                    Some(_) => {}
                }
            }
        }
        let mut candidates = Vec::new();
        let mut misfit = None;
        for (recipe, grade) in recipes.iter().flat_map(|recipe| self.grades(recipe)) {
            let plans = match self.plans_as_known(recipe, &grade, targets, linkage) {
                Ok(plans) => Some(plans),
                // What is lacking is told by who looks at the host.
                Err(ChoiceError::Plan(PlanError::Unresolved(_) | PlanError::NoHostCompiler { .. })) => None,
                // A recipe that lacks a component may be followed by one that has it.
                Err(ChoiceError::Plan(error)) if !matches!(error, PlanError::Recipe(_)) => {
                    misfit.get_or_insert(error);
                    continue;
                }
                Err(error) => return Err(error),
            };
            let is_to_build = grade == self.request.grade;
            candidates.push(Candidate { recipe: recipe.clone(), grade, is_to_build, plans, impossible: None });
        }
        match misfit {
            Some(misfit) if candidates.is_empty() => Err(misfit.into()),
            _ => Ok(candidates),
        }
    }

    /// The grades of a recipe that will do, what was asked for last.
    fn grades<'a>(&self, recipe: &'a String) -> impl Iterator<Item = (&'a String, GradeChoice)> + use<'a> {
        let asked = self.request.grade.clone();
        let grades = self.recipes.recipe(recipe).map_or(0, |recipe| recipe.grades.len());
        let better = (asked == GradeChoice::Soonest && grades > 1).then_some(GradeChoice::Best);
        better.into_iter().chain([asked]).map(move |grade| (recipe, grade))
    }

    /// The plans of the first of `candidates` by which everything is in the store.
    pub fn installed<'a>(&self, candidates: &'a [Candidate]) -> Result<Option<&'a [Plan]>, StoreError> {
        for plans in candidates.iter().filter_map(|candidate| candidate.plans.as_deref()) {
            if self.all_installed(plans)? {
                return Ok(Some(plans));
            }
        }
        Ok(None)
    }

    /// Plans by the first of `candidates` that is possible and whose sources can be had; where a recipe was named, by
    /// that one. This asks the network.
    pub fn choose(
        &self,
        candidates: &[Candidate],
        targets: &[&Target],
        linkage: Linkage,
    ) -> Result<Vec<Plan>, ChoiceError> {
        if let RecipeChoice::Named(name) = &self.recipe {
            return self.plans_by(name, &self.request.grade, targets, linkage);
        }
        let mut reasons: Vec<(String, String)> = Vec::new();
        for Candidate { recipe, impossible, .. } in candidates.iter().filter(|candidate| candidate.is_to_build) {
            let plans = match impossible {
                Some(reason) => Err(reason.clone()),
                None => self.plans_if_available(recipe, targets, linkage)?,
            };
            match plans {
                Ok(plans) => {
                    if let Some((first, reason)) = reasons.first() {
                        let note = format!("recipe {recipe} is used: {first} is not possible here ({reason})");
                        self.observer.event(Event::Note(&note));
                    }
                    return Ok(plans);
                }
                Err(reason) => reasons.push((recipe.clone(), reason)),
            }
        }
        Err(ChoiceError::NoRecipe(reasons))
    }

    fn all_installed(&self, plans: &[Plan]) -> Result<bool, StoreError> {
        for plan in plans {
            if self.store.manifest(&plan.name())?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    /// Plans by one recipe, or in one line why its sources cannot be had.
    fn plans_if_available(
        &self,
        recipe: &str,
        targets: &[&Target],
        linkage: Linkage,
    ) -> Result<Result<Vec<Plan>, String>, ChoiceError> {
        self.observer.event(Event::Busy { doing: &format!("looking for the sources of recipe {recipe}") });
        match self.plans_by(recipe, &self.request.grade, targets, linkage) {
            Ok(plans) => Ok(match self.first_unavailable(&plans) {
                None => Ok(plans),
                Some(reason) => Err(reason),
            }),
            Err(error @ ChoiceError::Resolve { .. }) => Ok(Err(error.to_string())),
            Err(error) => Err(error),
        }
    }

    /// In one line, which of the plans' sources cannot be had, and what its last origin said.
    fn first_unavailable(&self, plans: &[Plan]) -> Option<String> {
        let sources = sources_of(plans);
        let answers = self.fetcher.can_get_all(&sources);
        sources.iter().zip(answers).find_map(|(source, answer)| {
            let origins = answer.err()?;
            let last = origins.last().map_or("no place is known to have it".to_owned(), ToString::to_string);
            Some(format!("{}: {last}", source.file))
        })
    }

    /// Plans by one recipe, with moving versions resolved; again where what one was resolved to
    /// cannot be had any more.
    pub fn plans_by(
        &self,
        recipe: &str,
        grade: &GradeChoice,
        targets: &[&Target],
        linkage: Linkage,
    ) -> Result<Vec<Plan>, ChoiceError> {
        let plans = loop {
            match self.plans_as_known(recipe, grade, targets, linkage) {
                Err(ChoiceError::Plan(PlanError::Unresolved(moving))) => self.resolve(&moving)?,
                result => break result?,
            }
        };
        if self.all_installed(&plans)? || !self.resolve_what_is_gone(&plans) {
            return Ok(plans);
        }
        self.plans_as_known(recipe, grade, targets, linkage)
    }

    fn plans_as_known(
        &self,
        recipe: &str,
        grade: &GradeChoice,
        targets: &[&Target],
        linkage: Linkage,
    ) -> Result<Vec<Plan>, ChoiceError> {
        let request = Request { grade: grade.clone(), ..self.request.clone() };
        // The first of a component counts.
        let mut resolved = self.locked.to_vec();
        resolved.extend(self.store.resolved()?);
        let compiler = self.compiler_for(recipe)?;
        let plan = |target: &&Target| {
            let (recipes, sources) = (self.recipes, self.sources);
            Plan::new(recipes, sources, recipe, target, &request, linkage, &resolved, compiler.as_ref())
        };
        Ok(targets.iter().map(plan).collect::<Result<Vec<_>, _>>()?)
    }

    /// The host's compiler that a recipe asks for, if it does and there is one.
    pub fn compiler_for(&self, recipe: &str) -> Result<Option<FoundCompiler>, ChoiceError> {
        match self.recipes.recipe(recipe)?.host_compiler {
            Some(wanted) => Ok(self.compilers.find(&wanted.tool)?),
            None => Ok(None),
        }
    }

    /// Resolves again the moving versions whose files cannot be had any more, because the
    /// distribution has newer ones. Whether there were any; a failure is left to the fetching.
    fn resolve_what_is_gone(&self, plans: &[Plan]) -> bool {
        let mut changed = false;
        for source in sources_of(plans) {
            if let Some(moving) = self.sources.moving_behind(source)
                && !self.locked.contains(source)
                && self.fetcher.can_get(source).is_err()
                && self.resolve(moving).is_ok()
            {
                let note = format!("{} cannot be had any more: the newest {} is taken", source.file, moving.package);
                self.observer.event(Event::Note(&note));
                changed = true;
            }
        }
        changed
    }

    /// Finds out what a moving version means now, and records it.
    pub fn resolve(&self, moving: &Moving) -> Result<(), ChoiceError> {
        let found = self.fetcher.resolve_distribution_binary(&moving.suite, &moving.package).map_err(|reason| {
            ChoiceError::Resolve {
                component: moving.name.clone(),
                version: moving.version.clone(),
                package: moving.package.clone(),
                suite: moving.suite.clone(),
                reason: Box::new(reason),
            }
        })?;
        let source = moving.resolved(&found.version, &found.path, found.size, found.sha256);
        Ok(self.store.record_resolved(&source)?)
    }
}

/// The sources of all `plans`, each once.
pub fn sources_of(plans: &[Plan]) -> Vec<&Source> {
    let mut sources: Vec<&Source> = plans.iter().flat_map(Plan::sources).collect();
    sources.sort_by_key(|source| source.sha256);
    sources.dedup_by_key(|source| source.sha256);
    sources
}
