//! From what the user asked for to toolchains in the store: has the plans made, looks at the host,
//! brings the sources, builds what is missing.

use std::collections::BTreeMap;
use std::io;
use std::path::{Path, PathBuf};

use crate::build::{BuildError, Builder};
use crate::choice::{ChoiceError, Chooser, sources_of};
use crate::digest::Sha256;
use crate::event::Event;
use crate::fetch::{FetchError, VerifiedFile};
use crate::host::{self, HostError};
use crate::plan::{Linkage, Plan};
use crate::recipe::RecipeError;
use crate::sandbox::{self, Isolation};
use crate::source::Source;
use crate::store::{Manifest, Store, StoreError};
use crate::target::Target;

/// How toolchains come into the store.
pub struct Installer<'a> {
    /// Makes the plans.
    pub chooser: Chooser<'a>,
    /// The level of isolation that was asked for; the best possible one where none was.
    pub isolation: Option<Isolation>,
    /// Compilations at once.
    pub jobs: usize,
    /// Whether work trees stay.
    pub keep_work: bool,
    /// This very program.
    pub program: &'a Path,
    /// Arguments with which it enters a room.
    pub room_arguments: &'a [&'a str],
}

/// A toolchain that is in the store now.
#[derive(Debug)]
pub struct Installed {
    /// Its manifest.
    pub manifest: Manifest,
    /// Whether it was built by this call.
    pub built: bool,
}

/// Why nothing came into the store.
#[derive(Debug, thiserror::Error)]
pub enum InstallError {
    /// No plan can be made.
    #[error(transparent)]
    Choice(#[from] ChoiceError),
    /// The recipes cannot be read.
    #[error(transparent)]
    Recipe(#[from] RecipeError),
    /// A source cannot be had.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The host lacks something.
    #[error(transparent)]
    Host(#[from] HostError),
    /// The kernel allows no isolation, or not the one that was asked for.
    #[error("builds cannot be isolated on this machine: the kernel allows {}", .0)]
    Isolation(&'static str),
    /// The store's path is of no use to a build.
    #[error("{}: a build cannot run below a path with a blank in it at isolation level {level}", path.display())]
    BlankInPath {
        /// The store.
        path: PathBuf,
        /// The level that was reached.
        level: &'static str,
    },
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

impl Installer<'_> {
    /// Brings a toolchain for each of `targets` into the store and makes its triple mean it.
    pub fn install(&self, targets: &[&Target]) -> Result<Vec<Installed>, InstallError> {
        let mut plans = self.chooser.plans(targets, Linkage::Static)?;
        if self.chooser.all_installed(&plans)? {
            return plans.iter().map(|plan| self.take_installed(plan)).collect();
        }
        let (host, isolation) = self.look_at_host(&plans)?;
        if host.static_link.is_err() {
            plans = self.chooser.plans(targets, Linkage::Dynamic)?;
        }
        let missing = self.missing(plans.clone())?;
        let files = self.fetch(&missing)?;
        plans.iter().map(|plan| self.take_or_build(plan, &files, &host, isolation)).collect()
    }

    /// Brings the sources for each of `targets` here, for a later install without network.
    pub fn fetch_only(&self, targets: &[&Target]) -> Result<Vec<(Source, VerifiedFile)>, InstallError> {
        let plans = self.chooser.plans(targets, Linkage::Static)?;
        let files = self.fetch(&plans)?;
        let mut sources: Vec<Source> = plans.iter().flat_map(Plan::sources).cloned().collect();
        sources.sort_by(|a, b| (&a.name, &a.version).cmp(&(&b.name, &b.version)));
        sources.dedup();
        Ok(sources
            .into_iter()
            .filter_map(|source| files.get(&source.sha256).map(|file| (source.clone(), file.clone())))
            .collect())
    }

    fn take_installed(&self, plan: &Plan) -> Result<Installed, InstallError> {
        let name = plan.name();
        let manifest = self.store().manifest(&name)?.ok_or(StoreError::NotInstalled(name))?;
        self.store().set_current(&manifest.triple, &manifest.name)?;
        self.store().remove_leftover_work(&manifest.name, self.chooser.observer)?;
        Ok(Installed { manifest, built: false })
    }

    fn take_or_build(
        &self,
        plan: &Plan,
        files: &BTreeMap<Sha256, VerifiedFile>,
        host: &host::Host,
        isolation: Isolation,
    ) -> Result<Installed, InstallError> {
        let name = plan.name();
        if self.store().manifest(&name)?.is_some() {
            return self.take_installed(plan);
        }
        let lock = self.store().lock(&name, &name, self.chooser.observer)?;
        // Whoever had the lock may have built it.
        if self.store().manifest(&name)?.is_some() {
            drop(lock);
            return self.take_installed(plan);
        }
        // Where nothing ends a stage's processes with this one, the next build must not start
        // among them.
        lock.share_with_children()?;
        let builder = Builder {
            store: self.store(),
            program: self.program,
            room_arguments: self.room_arguments,
            isolation,
            host,
            jobs: self.jobs,
            keep_work: self.keep_work,
            observer: self.chooser.observer,
        };
        Ok(Installed { manifest: builder.build(plan, files)?, built: true })
    }

    fn store(&self) -> &Store {
        self.chooser.store
    }

    fn missing(&self, plans: Vec<Plan>) -> Result<Vec<Plan>, InstallError> {
        let mut missing = Vec::new();
        for plan in plans {
            if self.store().manifest(&plan.name())?.is_none() {
                missing.push(plan);
            }
        }
        Ok(missing)
    }

    fn look_at_host(&self, plans: &[Plan]) -> Result<(host::Host, Isolation), InstallError> {
        let plans = self.missing(plans.to_vec())?;
        // What is on disk of an interrupted build needs no room again.
        let begun = plans.iter().any(|plan| self.store().work(&plan.name()).exists());
        let host = host::check(&plans, &self.chooser.recipes.host_tools()?, self.store().root(), begun)?;
        if let Err(lack) = &host.static_link {
            self.chooser.observer.event(Event::Note(&lack.to_string()));
        }
        let isolation = self.choose_isolation()?;
        if isolation != Isolation::Namespaces {
            let note = format!("builds are isolated at level `{}` only", isolation.name());
            self.chooser.observer.event(Event::Note(&note));
            if self.store().root().to_string_lossy().contains(char::is_whitespace) {
                let path = self.store().root().to_owned();
                return Err(InstallError::BlankInPath { path, level: isolation.name() });
            }
        }
        Ok((host, isolation))
    }

    fn choose_isolation(&self) -> Result<Isolation, InstallError> {
        if self.isolation == Some(Isolation::None) {
            return Ok(Isolation::None);
        }
        fs_err::create_dir_all(self.store().root())?;
        let possible = |level| sandbox::is_possible(level, self.program, self.room_arguments, self.store().root());
        let wanted: &[Isolation] = match &self.isolation {
            Some(level) => &[*level],
            None => &[Isolation::Namespaces, Isolation::Landlock],
        };
        for level in wanted {
            if possible(*level)? {
                return Ok(*level);
            }
        }
        Err(InstallError::Isolation(match self.isolation {
            Some(Isolation::Namespaces) => "no namespaces to this user",
            Some(_) => "no Landlock",
            None => "neither namespaces nor Landlock to this user",
        }))
    }

    fn fetch(&self, plans: &[Plan]) -> Result<BTreeMap<Sha256, VerifiedFile>, InstallError> {
        let sources = sources_of(plans);
        let files = self.chooser.fetcher.fetch_all(&sources)?;
        Ok(sources.iter().map(|source| source.sha256).zip(files).collect())
    }
}
