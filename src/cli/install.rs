//! `muslchain install`, and what `fetch` shares with it.

use anyhow::{Context as _, Result, bail};
use clap::Args;

use super::context::{Context, variable};
use super::progress::Progress;
use super::remotes::{self, RemoteFlags};
use super::settings::{Flags, Settings, switch};
use super::{OutputOptions, key, room, store};
use crate::build::BuildError;
use crate::cache::Cache;
use crate::choice::{ChoiceError, Chooser, RecipeChoice};
use crate::fetch::Fetcher;
use crate::host::{HostCompilers, Lacking};
use crate::install::{InstallError, Installer, Way};
use crate::plan::GradeChoice;
use crate::rebuild::RebuildError;
use crate::remote::Remote;
use crate::source::{Source, Sources};
use crate::store::Store;
use crate::target::Target;
use crate::trust::PublicKey;

/// Options of `install`.
#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    order: Order,
    #[command(flatten)]
    remotes: RemoteFlags,
    /// Take what a remote has, and build nothing [env: MUSLCHAIN_NO_BUILD]
    #[arg(long)]
    no_build: bool,
    /// Install what the project's toolchains.lock says, or nothing [env: MUSLCHAIN_LOCKED]
    #[arg(long)]
    locked: bool,
}

impl Options {
    /// Runs the command.
    pub fn run(self, context: &Context, output: OutputOptions) -> Result<()> {
        let no_build = self.no_build || switch(context, variable::NO_BUILD)?.unwrap_or(false);
        install(context, self.order.asking(self.remotes), output, !no_build, self.locked)
    }
}

/// Brings what was ordered into the store.
pub fn install(context: &Context, order: Order, output: OutputOptions, may_build: bool, locked: bool) -> Result<()> {
    let preparation = Preparation::new(context, order, output)?.with_remotes(context)?.kept_to_lock(context, locked)?;
    let install = |installer: &mut Installer<'_>, targets: &[&Target]| {
        installer.may_build = may_build;
        installer.install(targets)
    };
    for toolchain in preparation.run(context, install)? {
        let manifest = toolchain.manifest;
        let how = match toolchain.way {
            Way::Present => "is installed".to_owned(),
            Way::Built => "installed".to_owned(),
            Way::Pulled(remote) => format!("installed from {remote}"),
        };
        let folder = preparation.store.toolchain(&manifest.name);
        preparation.progress.say(&format!("{} {how}: {}", manifest.triple, folder.display()));
    }
    Ok(())
}

/// What the user orders: targets, and how they are to be had.
#[derive(Args)]
pub struct Order {
    /// Targets or ports of Go; those of the project's toolchains.toml if none is given
    #[arg(value_name = "TARGET|PORT")]
    pub targets: Vec<String>,
    /// How they are to be had.
    #[command(flatten)]
    pub flags: Flags,
}

impl Order {
    /// The same, with these remotes.
    pub fn asking(mut self, remotes: RemoteFlags) -> Self {
        self.flags.remotes = remotes;
        self
    }
}

/// Everything that an installer borrows.
pub struct Preparation {
    /// All settings.
    pub settings: Settings,
    /// Places that keep toolchains, for the commands that ask any.
    remotes: Vec<Remote>,
    /// Whose signatures are trusted.
    keys: Vec<PublicKey>,
    sources: Sources,
    /// Whether toolchains have to be what the project's lock says.
    locked: bool,
    /// What moving versions mean, by the project's lock.
    locked_sources: Vec<Source>,
    /// Each once.
    pub targets: Vec<Target>,
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
        let locked_sources = match &settings.lock {
            Some(lock) => lock.moving_sources(&sources).context("toolchains.lock")?,
            None => Vec::new(),
        };
        let names = if order.targets.is_empty() { &settings.targets } else { &order.targets };
        if names.is_empty() {
            bail!(
                "no target is named: say which, as in `muslchain install aarch64`, or list a project's in its \
                 toolchains.toml: targets = [\"aarch64\"]"
            );
        }
        let mut targets: Vec<Target> = Vec::new();
        for name in names {
            let (target, _) = table.find(name)?;
            if !targets.iter().any(|other| other.triple == target.triple) {
                targets.push(target.clone());
            }
        }
        Ok(Self {
            settings,
            remotes: Vec::new(),
            keys: Vec::new(),
            sources,
            locked: false,
            locked_sources,
            targets,
            store,
            progress,
        })
    }

    /// With the remotes that the settings name.
    pub fn with_remotes(mut self, context: &Context) -> Result<Self> {
        self.remotes = remotes::open(context, &self.settings, &self.progress)?;
        if !self.remotes.is_empty() {
            self.keys = key::trusted(context)?;
        }
        Ok(self)
    }

    /// Whose toolchains have to be what the project's lock says, if that was asked for here or by the variable.
    pub fn kept_to_lock(mut self, context: &Context, asked: bool) -> Result<Self> {
        self.locked = asked || switch(context, variable::LOCKED)?.unwrap_or(false);
        if self.locked && self.settings.lock.is_none() {
            bail!("there is no toolchains.lock beside a toolchains.toml here or above: `muslchain lock` makes it");
        }
        Ok(self)
    }

    /// Forgets what the lock says of the moving version of a component, or of all where it is empty.
    pub fn unlock(&mut self, component: &str) {
        self.locked_sources.retain(|source| !component.is_empty() && source.name != component);
    }

    /// For all targets there are, where none is named.
    pub fn of_all(context: &Context, mut order: Order, output: OutputOptions) -> Result<Self> {
        if order.targets.is_empty() {
            let table = super::recipes(context)?.targets()?;
            order.targets = table.iter().map(|target| target.triple.clone()).collect();
        }
        Self::new(context, order, output)
    }

    /// Has an installer do `work` for the targets.
    pub fn run<T, E: Into<anyhow::Error>>(
        &self,
        context: &Context,
        work: impl FnOnce(&mut Installer<'_>, &[&Target]) -> Result<T, E>,
    ) -> Result<T> {
        let table = self.settings.recipes.host_tools()?;
        let compilers = HostCompilers::new(&table, &self.settings.named_tools);
        let fetcher = Fetcher::new(self.settings.fetch.clone(), &self.progress);
        let lock = self.settings.lock.as_ref();
        // Where nobody says otherwise, it is the recipe and the grade that were locked.
        let recipe = match (&self.settings.recipe, lock) {
            (RecipeChoice::Auto, Some(lock)) => RecipeChoice::Named(lock.recipe.clone()),
            (recipe, _) => recipe.clone(),
        };
        let locked = lock.filter(|_| self.locked);
        let mut request = self.settings.request.clone();
        let same_recipe = lock.filter(|lock| recipe == RecipeChoice::Named(lock.recipe.clone()));
        if let (GradeChoice::Soonest, Some(grade)) = (&request.grade, same_recipe.and_then(|lock| lock.grade.as_ref()))
        {
            request.grade = GradeChoice::Named(grade.clone());
        }
        let mut installer = Installer {
            chooser: Chooser {
                recipes: &self.settings.recipes,
                sources: &self.sources,
                store: &self.store,
                fetcher: &fetcher,
                recipe,
                request,
                locked: &self.locked_sources,
                compilers: &compilers,
                for_others: false,
                observer: &self.progress,
            },
            cache: Cache::new(&self.store, &self.remotes, &self.keys, locked, &self.progress),
            may_build: true,
            locked,
            isolation: self.settings.isolation,
            jobs: self.settings.jobs,
            keep_work: self.settings.keep_work,
            kept_cap: self.settings.kept_cap,
            named_tools: &self.settings.named_tools,
            launcher: self.settings.launcher.as_ref(),
            program: &context.program,
            room_arguments: &[room::COMMAND],
        };
        work(&mut installer, &self.targets.iter().collect::<Vec<_>>()).map_err(Into::into)
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
