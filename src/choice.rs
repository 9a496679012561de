//! Chooses what to build: the recipe, and for each target the plan.

use std::io;

use crate::event::{Event, Observer};
use crate::fetch::{ArchiveError, Fetcher};
use crate::plan::{Linkage, Plan, PlanError, Request};
use crate::recipe::{RecipeError, Recipes};
use crate::source::{Moving, Source, Sources};
use crate::store::{Store, StoreError};
use crate::target::Target;

/// Which recipe builds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum RecipeChoice {
    /// The first whose sources can be had.
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
    /// Hears of everything.
    pub observer: &'a dyn Observer,
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
    /// No recipe's sources can be had.
    #[error("no recipe's sources can be had:{}", listed(.0))]
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
    /// A plan for each of `targets`, all by one recipe.
    ///
    /// Without network if all is installed, or what was asked for fits no recipe.
    pub fn plans(&self, targets: &[&Target], linkage: Linkage) -> Result<Vec<Plan>, ChoiceError> {
        match &self.recipe {
            RecipeChoice::Named(name) => self.plans_by(name, targets, linkage),
            RecipeChoice::Auto => self.plans_by_first_possible(targets, linkage),
        }
    }

    /// Whether every one of `plans` is in the store.
    pub fn all_installed(&self, plans: &[Plan]) -> Result<bool, StoreError> {
        for plan in plans {
            if self.store.manifest(&plan.name())?.is_none() {
                return Ok(false);
            }
        }
        Ok(true)
    }

    fn plans_by_first_possible(&self, targets: &[&Target], linkage: Linkage) -> Result<Vec<Plan>, ChoiceError> {
        let mut possible = Vec::new();
        let mut misfit = None;
        for recipe in self.recipes.in_order_of_preference()? {
            match self.plans_as_known(&recipe, targets, linkage) {
                Ok(plans) if self.all_installed(&plans)? => return Ok(plans),
                Ok(_) | Err(ChoiceError::Plan(PlanError::Unresolved(_))) => possible.push(recipe),
                // A recipe that lacks a component may be followed by one that has it.
                Err(ChoiceError::Plan(error)) if !matches!(error, PlanError::Recipe(_)) => {
                    misfit.get_or_insert(error);
                }
                Err(error) => return Err(error),
            }
        }
        if let (true, Some(misfit)) = (possible.is_empty(), misfit) {
            return Err(misfit.into());
        }
        let mut reasons: Vec<(String, String)> = Vec::new();
        for recipe in possible {
            self.observer.event(Event::Busy { doing: &format!("looking for the sources of recipe {recipe}") });
            let reason = match self.plans_by(&recipe, targets, linkage) {
                Ok(plans) => match self.first_unavailable(&plans) {
                    None => {
                        if let Some((first, reason)) = reasons.first() {
                            let note = format!("recipe {recipe} is used: {first} is not possible here ({reason})");
                            self.observer.event(Event::Note(&note));
                        }
                        return Ok(plans);
                    }
                    Some(reason) => reason,
                },
                Err(error @ ChoiceError::Resolve { .. }) => error.to_string(),
                Err(error) => return Err(error),
            };
            reasons.push((recipe, reason));
        }
        Err(ChoiceError::NoRecipe(reasons))
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
    fn plans_by(&self, recipe: &str, targets: &[&Target], linkage: Linkage) -> Result<Vec<Plan>, ChoiceError> {
        let plans = loop {
            match self.plans_as_known(recipe, targets, linkage) {
                Err(ChoiceError::Plan(PlanError::Unresolved(moving))) => self.resolve(&moving)?,
                result => break result?,
            }
        };
        if self.all_installed(&plans)? || !self.resolve_what_is_gone(&plans) {
            return Ok(plans);
        }
        self.plans_as_known(recipe, targets, linkage)
    }

    fn plans_as_known(&self, recipe: &str, targets: &[&Target], linkage: Linkage) -> Result<Vec<Plan>, ChoiceError> {
        let resolved = self.store.resolved()?;
        let plan =
            |target: &&Target| Plan::new(self.recipes, self.sources, recipe, target, &self.request, linkage, &resolved);
        Ok(targets.iter().map(plan).collect::<Result<Vec<_>, _>>()?)
    }

    /// Resolves again the moving versions whose files cannot be had any more, because the
    /// distribution has newer ones. Whether there were any; a failure is left to the fetching.
    fn resolve_what_is_gone(&self, plans: &[Plan]) -> bool {
        let mut changed = false;
        for source in sources_of(plans) {
            if let Some(moving) = self.sources.moving_behind(source)
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

    fn resolve(&self, moving: &Moving) -> Result<(), ChoiceError> {
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
