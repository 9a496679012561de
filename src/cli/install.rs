//! `muslchain install`, and what `fetch` shares with it.

use anyhow::Result;
use clap::Args;

use super::context::Context;
use super::progress::Progress;
use super::settings::{Flags, Settings};
use super::{OutputOptions, room, store};
use crate::build::BuildError;
use crate::choice::{ChoiceError, Chooser};
use crate::fetch::Fetcher;
use crate::install::{InstallError, Installer};
use crate::recipe::Recipes;
use crate::source::Sources;
use crate::store::Store;
use crate::target::{Target, Targets};

/// Options of `install`.
#[derive(Args)]
pub struct Options {
    /// What to install for: a target or a port of Go
    #[arg(required = true, value_name = "TARGET|PORT")]
    targets: Vec<String>,
    #[command(flatten)]
    flags: Flags,
}

impl Options {
    /// Runs the command.
    pub fn run(self, context: &Context, output: OutputOptions) -> Result<()> {
        let preparation = Preparation::new(context, self.flags, output)?;
        let targets = preparation.find(&self.targets)?;
        let fetcher = preparation.fetcher();
        let installed = preparation.installer(context, &fetcher).install(&targets)?;
        for toolchain in installed {
            let manifest = toolchain.manifest;
            let how = if toolchain.built { "installed" } else { "is installed" };
            let folder = preparation.store.toolchain(&manifest.name);
            preparation.progress.say(&format!("{} {how}: {}", manifest.triple, folder.display()));
        }
        Ok(())
    }
}

/// Everything that an installer borrows.
pub struct Preparation {
    settings: Settings,
    sources: Sources,
    targets: Targets,
    /// The store.
    pub store: Store,
    /// The terminal.
    pub progress: Progress,
}

impl Preparation {
    /// Reads all settings and tables.
    pub fn new(context: &Context, flags: Flags, output: OutputOptions) -> Result<Self> {
        let settings = Settings::load(context, flags)?;
        let recipes: &Recipes = &settings.recipes;
        Ok(Self {
            sources: recipes.sources()?,
            targets: recipes.targets()?,
            store: store(context)?,
            progress: Progress::new(context, output)?,
            settings,
        })
    }

    /// The targets that the user means, each once.
    pub fn find(&self, names: &[String]) -> Result<Vec<&Target>> {
        let mut found: Vec<&Target> = Vec::new();
        for name in names {
            let (target, _) = self.targets.find(name)?;
            if !found.iter().any(|other| other.triple == target.triple) {
                found.push(target);
            }
        }
        Ok(found)
    }

    /// What brings sources.
    pub fn fetcher(&self) -> Fetcher<'_> {
        Fetcher::new(self.settings.fetch.clone(), &self.progress)
    }

    /// What installs.
    pub fn installer<'a>(&'a self, context: &'a Context, fetcher: &'a Fetcher<'a>) -> Installer<'a> {
        Installer {
            chooser: Chooser {
                recipes: &self.settings.recipes,
                sources: &self.sources,
                store: &self.store,
                fetcher,
                recipe: self.settings.recipe.clone(),
                request: self.settings.request.clone(),
                observer: &self.progress,
            },
            isolation: self.settings.isolation,
            jobs: self.settings.jobs,
            keep_work: self.settings.keep_work,
            program: &context.program,
            room_arguments: &[room::COMMAND],
        }
    }
}

/// What the user can do about an error, where the error itself does not say it.
pub fn hint(error: &anyhow::Error) -> Option<&'static str> {
    match error.downcast_ref::<InstallError>()? {
        InstallError::Fetch(failed) => failed.hint(),
        InstallError::Choice(ChoiceError::NoRecipe(_)) => {
            Some("`--mirror URL|DIR` adds a place to look; `--recipe NAME` shows every place that was asked")
        }
        InstallError::Isolation(_) => {
            Some("`--isolation none` builds without; the recipe's scripts then see the whole machine")
        }
        InstallError::BlankInPath { .. } => Some("set MUSLCHAIN_HOME to a folder without one"),
        InstallError::Build(BuildError::Stage { .. }) => {
            Some("the same command again goes on at this stage; what was finished is not done twice")
        }
        _ => None,
    }
}
