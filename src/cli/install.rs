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
use crate::host::{HostCompilers, Lacking};
use crate::install::{InstallError, Installer};
use crate::rebuild::RebuildError;
use crate::source::Sources;
use crate::store::Store;
use crate::target::Target;

/// Options of `install`.
#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    order: Order,
}

impl Options {
    /// Runs the command.
    pub fn run(self, context: &Context, output: OutputOptions) -> Result<()> {
        let preparation = Preparation::new(context, self.order, output)?;
        for toolchain in preparation.run(context, |installer, targets| installer.install(targets))? {
            let manifest = toolchain.manifest;
            let how = if toolchain.built { "installed" } else { "is installed" };
            let folder = preparation.store.toolchain(&manifest.name);
            preparation.progress.say(&format!("{} {how}: {}", manifest.triple, folder.display()));
        }
        Ok(())
    }
}

/// What the user orders: targets, and how they are to be had.
#[derive(Args)]
pub struct Order {
    /// Targets or ports of Go
    #[arg(required = true, value_name = "TARGET|PORT")]
    pub targets: Vec<String>,
    /// How they are to be had.
    #[command(flatten)]
    pub flags: Flags,
}

/// Everything that an installer borrows.
pub struct Preparation {
    settings: Settings,
    sources: Sources,
    /// Each once.
    targets: Vec<Target>,
    /// The store.
    pub store: Store,
    /// The terminal.
    pub progress: Progress,
}

impl Preparation {
    /// Reads all settings and tables, and finds the targets.
    pub fn new(context: &Context, order: Order, output: OutputOptions) -> Result<Self> {
        let settings = Settings::load(context, order.flags)?;
        let sources = settings.recipes.sources()?;
        let table = settings.recipes.targets()?;
        let store = store(context)?;
        let progress = Progress::new(context, output)?;
        let mut targets: Vec<Target> = Vec::new();
        for name in &order.targets {
            let (target, _) = table.find(name)?;
            if !targets.iter().any(|other| other.triple == target.triple) {
                targets.push(target.clone());
            }
        }
        Ok(Self { settings, sources, targets, store, progress })
    }

    /// Has an installer do `work` for the targets.
    pub fn run<T, E: std::error::Error + Send + Sync + 'static>(
        &self,
        context: &Context,
        work: impl FnOnce(&Installer<'_>, &[&Target]) -> Result<T, E>,
    ) -> Result<T> {
        let table = self.settings.recipes.host_tools()?;
        let compilers = HostCompilers::new(&table, &self.settings.named_tools);
        let fetcher = Fetcher::new(self.settings.fetch.clone(), &self.progress);
        let installer = Installer {
            chooser: Chooser {
                recipes: &self.settings.recipes,
                sources: &self.sources,
                store: &self.store,
                fetcher: &fetcher,
                recipe: self.settings.recipe.clone(),
                request: self.settings.request.clone(),
                compilers: &compilers,
                observer: &self.progress,
            },
            isolation: self.settings.isolation,
            jobs: self.settings.jobs,
            keep_work: self.settings.keep_work,
            kept_cap: self.settings.kept_cap,
            named_tools: &self.settings.named_tools,
            launcher: self.settings.launcher.as_ref(),
            program: &context.program,
            room_arguments: &[room::COMMAND],
        };
        Ok(work(&installer, &self.targets.iter().collect::<Vec<_>>())?)
    }
}

/// What the user can do about an error, where the error itself does not say it.
pub fn hints(error: &anyhow::Error) -> Vec<&'static str> {
    match (error.downcast_ref(), error.downcast_ref()) {
        (Some(error), _) | (_, Some(RebuildError::Install(error))) => hints_of_install(error),
        (_, Some(RebuildError::Lacking(lacking))) => hints_of_lacking(lacking),
        _ => Vec::new(),
    }
}

fn hints_of_install(error: &InstallError) -> Vec<&'static str> {
    match error {
        InstallError::Fetch(failed) => failed.hint().into_iter().collect(),
        InstallError::Choice(ChoiceError::NoRecipe(_)) => {
            vec!["`--mirror URL|DIR` adds a place to look; `--recipe NAME` tells everything that one of them lacks"]
        }
        InstallError::Lacking(lacking) => hints_of_lacking(lacking),
        InstallError::Build(BuildError::Stage { .. }) => {
            vec!["the same command again goes on at this stage; what was finished is not done twice"]
        }
        _ => Vec::new(),
    }
}

fn hints_of_lacking(lacking: &Lacking) -> Vec<&'static str> {
    let without = "`--isolation none` builds without isolation; the recipe's scripts then see the whole machine";
    let elsewhere = "set MUSLCHAIN_HOME to a folder whose path has no blank";
    [lacking.isolation.then_some(without), lacking.path.then_some(elsewhere)].into_iter().flatten().collect()
}
