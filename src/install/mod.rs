//! From what the user asked for to toolchains in the store: asks the remotes, looks at the host, has the plans made,
//! brings the sources, builds what is missing.

mod pull;

use std::collections::BTreeMap;
use std::io;
use std::panic::resume_unwind;
use std::path::Path;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};

pub use self::pull::NotOffered;

use crate::build::{BuildError, Builder};
use crate::cache::{Cache, CacheError};
use crate::choice::{Candidate, ChoiceError, Chooser, sources_of};
use crate::digest::Sha256;
use crate::event::Event;
use crate::fetch::{FetchError, VerifiedFile};
use crate::host::{Host, Lacking, Look, NamedTools, Needs, Survey};
use crate::jobs::JobServer;
use crate::kept::Kept;
use crate::launcher::Launcher;
use crate::lockfile::LockFile;
use crate::plan::{Linkage, Plan};
use crate::recipe::{HostTools, RecipeError};
use crate::sandbox::Isolation;
use crate::scratch::Kind;
use crate::shim;
use crate::source::Source;
use crate::store::{Manifest, Store, StoreError};
use crate::target::Target;

/// How toolchains come into the store.
pub struct Installer<'a> {
    /// Makes the plans.
    pub chooser: Chooser<'a>,
    /// Where toolchains are that need not be built.
    pub cache: Cache<'a>,
    /// Whether what no remote has is built.
    pub may_build: bool,
    /// What toolchains have to be, or nothing is installed.
    pub locked: Option<&'a LockFile>,
    /// The level of isolation that was asked for; the best possible one where none was.
    pub isolation: Option<Isolation>,
    /// Compilations at once.
    pub jobs: usize,
    /// Whether work trees stay.
    pub keep_work: bool,
    /// The most that is kept for later builds, in bytes.
    pub kept_cap: u64,
    /// Where the user says that tools of the host are.
    pub named_tools: &'a NamedTools,
    /// What the host's compilers are called through.
    pub launcher: Option<&'a Launcher>,
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
    /// How it came there.
    pub way: Way,
}

/// How a toolchain came into the store.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Way {
    /// It was there.
    Present,
    /// From this remote.
    Pulled(String),
    /// It was built.
    Built,
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
    /// What would be installed is not what the project's lock says.
    #[error("this is not what toolchains.lock says:{}; `muslchain lock` locks what is", .0.iter().map(|line| format!("\n  {line}")).collect::<String>())]
    NotLocked(Vec<String>),
    /// It has the right key, and holds something else than the project's lock says.
    #[error(
        "{name} holds sha256:{found}, and toolchains.lock says sha256:{locked}: the same inputs came out otherwise. Where it was \
         installed before, `muslchain uninstall {name}` removes it; `install --no-build` takes what was locked from a remote"
    )]
    OtherContents {
        /// The toolchain.
        name: String,
        /// The digest of its list of contents.
        found: Sha256,
        /// The locked one.
        locked: Sha256,
    },
    /// Nothing may be built, and no remote has these.
    #[error("nothing is to be built, and no remote has it:{}", pull::listed(.0))]
    NotOffered(Vec<NotOffered>),
    /// The exchange with remotes failed for a reason of this machine.
    #[error(transparent)]
    Cache(#[from] CacheError),
    /// A source cannot be had.
    #[error(transparent)]
    Fetch(#[from] FetchError),
    /// The host lacks something.
    #[error(transparent)]
    Lacking(#[from] Lacking),
    /// What is to compile the others' programs is not what it was.
    #[error(
        "{0} is to compile others' programs, and is not as it was published: `muslchain verify {0}` tells what was changed, `muslchain uninstall {0}` has it built anew"
    )]
    Changed(String),
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

/// How many of so many toolchains are built at the same time.
fn at_once(toolchains: usize, jobs: usize) -> usize {
    toolchains.min(jobs)
}

impl Installer<'_> {
    /// Brings a toolchain for each of `targets` into the store, with its shims, and makes its triple mean it.
    ///
    /// The host is not looked at if all is installed or remotes have it, and no source is asked for before the host was looked at.
    pub fn install(&self, targets: &[&Target]) -> Result<Vec<Installed>, InstallError> {
        let installed = self.install_toolchains(targets)?;
        for (target, installed) in targets.iter().zip(&installed) {
            shim::stamp(self.store(), &installed.manifest)?;
            shim::ensure(self.store(), target, &installed.manifest)?;
        }
        Ok(installed)
    }

    fn install_toolchains(&self, targets: &[&Target]) -> Result<Vec<Installed>, InstallError> {
        self.store().sweep(self.chooser.observer)?;
        let mut linkage = Linkage::Static;
        let mut candidates = self.chooser.candidates(targets, linkage)?;
        self.check_lock(candidates.iter().find_map(|candidate| candidate.plans.as_deref()))?;
        if let Some(plans) = self.chooser.installed(&candidates)? {
            return plans.iter().map(|plan| self.take_installed(plan)).collect();
        }
        if let Some(installed) = self.pull_all(&candidates, targets)? {
            return Ok(installed);
        }
        candidates.retain(|candidate| candidate.is_to_build);
        let table = self.chooser.recipes.host_tools()?;
        let survey = self.survey(&table, &candidates, targets)?;
        if let (Err(lack), false) = (&survey.static_link, self.chooser.request.bootstrap) {
            self.chooser.observer.event(Event::Note(&lack.to_string()));
            linkage = Linkage::Dynamic;
            candidates = self.chooser.candidates(targets, linkage)?;
            if let Some(plans) = self.chooser.installed(&candidates)? {
                return plans.iter().map(|plan| self.take_installed(plan)).collect();
            }
            candidates.retain(|candidate| candidate.is_to_build);
        }
        let hosts = self.check(&survey, &mut candidates, targets)?;
        let plans = self.chooser.choose(&candidates, targets, linkage)?;
        self.check_lock(Some(&plans))?;
        // What one of several remotes has of a recipe that came to be chosen only now.
        let pulled = self.pull(&plans)?;
        let missing = self.missing(&plans)?;
        let files = self.fetch(&missing)?;
        let kept = Kept::of(self.store());
        let in_use = kept.in_use()?;
        self.bootstrap(&missing, &survey)?;
        let mut installed = self.take_or_build_all(&plans, &files, &hosts)?;
        drop(in_use);
        kept.trim(self.kept_cap)?;
        pull::note_ways(&mut installed, &pulled);
        Ok(installed)
    }

    /// Brings the toolchains into the store that are to compile the programs of `plans`. Their triples mean what they
    /// meant before.
    pub fn bootstrap(&self, plans: &[Plan], survey: &Survey<'_>) -> Result<(), InstallError> {
        let first = plans.iter().find_map(|plan| plan.bootstrap.as_ref());
        let Some(plan) = first.map(|bootstrap| &*bootstrap.plan) else { return Ok(()) };
        let plans = std::slice::from_ref(plan);
        self.pull(plans)?;
        let name = plan.name();
        if let Some(manifest) = self.store().manifest(&name)? {
            // Nobody may have looked at it for long, and what it makes is signed.
            return match self.store().changes(&manifest)?.is_empty() {
                true => Ok(()),
                false => Err(InstallError::Changed(name)),
            };
        }
        let host = survey.check(&self.needs_of_bootstrap(plan))?;
        let files = self.fetch(plans)?;
        let kept = Kept::of(self.store());
        let in_use = kept.in_use()?;
        self.have(plan, &files, &host, &self.job_server()?)?;
        drop(in_use);
        kept.trim(self.kept_cap)?;
        Ok(())
    }

    /// What building the toolchain needs that compiles others' programs.
    pub fn needs_of_bootstrap(&self, plan: &Plan) -> Needs {
        let mut needs = self.through_launcher(Needs::of_plan(plan));
        needs.static_link = true;
        self.goes_on(needs, std::slice::from_ref(plan))
    }

    /// How much room a build still needs that was begun before is not known.
    fn goes_on(&self, mut needs: Needs, plans: &[Plan]) -> Needs {
        if plans.iter().any(|plan| self.store().work(&plan.name()).exists()) {
            needs.room = 0;
        }
        needs
    }

    fn through_launcher(&self, mut needs: Needs) -> Needs {
        needs.tools.extend(self.launcher.map(|launcher| launcher.kind.name().to_owned()));
        needs
    }

    /// Whether a toolchain holds what the lock says, where it says so.
    fn check_contents(&self, manifest: &Manifest) -> Result<(), InstallError> {
        let (name, found) = (manifest.name.clone(), manifest.contents);
        match self.locked.and_then(|lock| lock.contents_of(&manifest.key)) {
            Some(locked) if locked != found => Err(InstallError::OtherContents { name, found, locked }),
            _ => Ok(()),
        }
    }

    /// Whether the plans, where they are known, are what the lock says.
    fn check_lock(&self, plans: Option<&[Plan]>) -> Result<(), InstallError> {
        let differences = self.locked.zip(plans).map(|(lock, plans)| lock.differences(plans)).unwrap_or_default();
        match differences.is_empty() {
            true => Ok(()),
            false => Err(InstallError::NotLocked(differences)),
        }
    }

    /// Several at once, no more than there are jobs. When one fails, those that have begun go on to their ends, and
    /// no other begins. The error is that of the first in order; others are told as notes.
    fn take_or_build_all(
        &self,
        plans: &[Plan],
        files: &BTreeMap<Sha256, VerifiedFile>,
        hosts: &BTreeMap<String, Host>,
    ) -> Result<Vec<Installed>, InstallError> {
        let jobs = self.job_server()?;
        let (next, failed) = (AtomicUsize::new(0), AtomicBool::new(false));
        let work = || {
            let mut done = Vec::new();
            while !failed.load(Ordering::Relaxed) {
                let number = next.fetch_add(1, Ordering::Relaxed);
                let Some(plan) = plans.get(number) else { break };
                let result = self.take_or_build(plan, files, &hosts[&plan.recipe_name], &jobs);
                if result.is_err() && !failed.swap(true, Ordering::Relaxed) && plans.len() > 1 {
                    let note = format!("{} failed; no other is begun", plan.target.triple);
                    self.chooser.observer.event(Event::Note(&note));
                }
                done.push((number, result));
            }
            done
        };
        let mut results = std::thread::scope(|scope| {
            let workers: Vec<_> = (0..at_once(plans.len(), self.jobs)).map(|_| scope.spawn(work)).collect();
            let joined = workers.into_iter().map(|worker| worker.join().unwrap_or_else(|panic| resume_unwind(panic)));
            joined.flatten().collect::<Vec<_>>()
        });
        results.sort_by_key(|(number, _)| *number);
        for (_, result) in results.iter().filter(|(_, result)| result.is_err()).skip(1) {
            if let Err(error) = result {
                self.chooser.observer.event(Event::Note(&error.to_string()));
            }
        }
        results.into_iter().map(|(_, result)| result).collect()
    }

    /// Brings the sources for each of `targets` here, for a later install without network.
    ///
    /// They are those of the recipe that this machine would build by. One that can build by none is taken for the
    /// errand of another machine: what it lacks is told, and counts for nothing.
    pub fn fetch_only(&self, targets: &[&Target]) -> Result<Vec<(Source, VerifiedFile)>, InstallError> {
        let linkage = Linkage::Static;
        let mut candidates = self.chooser.candidates(targets, linkage)?;
        let plans = match self.chooser.installed(&candidates)? {
            Some(plans) => plans.to_vec(),
            None => {
                candidates.retain(|candidate| candidate.is_to_build);
                let table = self.chooser.recipes.host_tools()?;
                let survey = self.survey(&table, &candidates, targets)?;
                match self.check(&survey, &mut candidates, targets) {
                    Err(InstallError::Lacking(lacking)) => {
                        let note = format!("{}: it could not build from these sources", lacking.names());
                        self.chooser.observer.event(Event::Note(&note));
                        candidates.iter_mut().for_each(|candidate| candidate.impossible = None);
                    }
                    checked => drop(checked?),
                }
                self.chooser.choose(&candidates, targets, linkage)?
            }
        };
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
        self.check_contents(&manifest)?;
        self.store().set_current(&manifest.triple, &manifest.name)?;
        self.store().remove_leftover_work(&manifest.name, self.chooser.observer)?;
        Ok(Installed { manifest, way: Way::Present })
    }

    fn take_or_build(
        &self,
        plan: &Plan,
        files: &BTreeMap<Sha256, VerifiedFile>,
        host: &Host,
        jobs: &JobServer,
    ) -> Result<Installed, InstallError> {
        let built = self.have(plan, files, host, jobs)?;
        let installed = self.take_installed(plan)?;
        Ok(Installed { way: if built { Way::Built } else { Way::Present }, ..installed })
    }

    /// Has the toolchain in the store; whether it had to be built.
    fn have(
        &self,
        plan: &Plan,
        files: &BTreeMap<Sha256, VerifiedFile>,
        host: &Host,
        jobs: &JobServer,
    ) -> Result<bool, InstallError> {
        let name = plan.name();
        if self.store().manifest(&name)?.is_some() {
            return Ok(false);
        }
        let lock = self.store().lock(&name, &name, self.chooser.observer)?;
        // Whoever had the lock may have built it.
        if self.store().manifest(&name)?.is_some() {
            return Ok(false);
        }
        // Where nothing ends a stage's processes with this one, the next build must not start
        // among them.
        lock.share_with_children()?;
        let manifest = self.builder(host, jobs).build(plan, files)?;
        if let Err(error) = self.check_contents(&manifest) {
            self.store().remove(&manifest)?;
            return Err(error);
        }
        Ok(true)
    }

    /// What builds on `host`.
    pub fn builder<'a>(&'a self, host: &'a Host, jobs: &'a JobServer) -> Builder<'a> {
        Builder {
            store: self.store(),
            program: self.program,
            room_arguments: self.room_arguments,
            isolation: host.isolation,
            host,
            jobs,
            threads: self.jobs,
            launcher: self.launcher,
            keep_work: self.keep_work,
            observer: self.chooser.observer,
        }
    }

    /// What all builds of a run share.
    pub fn job_server(&self) -> io::Result<JobServer> {
        JobServer::new(self.jobs)
    }

    fn store(&self) -> &Store {
        self.chooser.store
    }

    fn missing(&self, plans: &[Plan]) -> Result<Vec<Plan>, InstallError> {
        let mut missing = Vec::new();
        for plan in plans {
            if self.store().manifest(&plan.name())?.is_none() {
                missing.push(plan.clone());
            }
        }
        Ok(missing)
    }

    fn survey<'a>(
        &'a self,
        table: &'a HostTools,
        candidates: &[Candidate],
        targets: &[&Target],
    ) -> Result<Survey<'a>, InstallError> {
        let mut all = Needs::default();
        for candidate in candidates {
            all = all.or(&self.needs_in_all(table, candidate, targets)?);
        }
        self.look(table, &all)
    }

    /// Looks at the host for what a build may need.
    pub fn look<'a>(&'a self, table: &'a HostTools, needs: &Needs) -> Result<Survey<'a>, InstallError> {
        let look = Look {
            table,
            named: self.named_tools,
            store: self.store().root(),
            isolation: self.isolation,
            program: self.program,
            room_arguments: self.room_arguments,
        };
        let scratch = self.store().scratch(Kind::Room)?;
        Ok(look.survey(&needs.tools, scratch.path())?)
    }

    /// What each of the candidates uses of the host. Those that lack something are marked; where all do, the error tells
    /// what it takes to have none lack anything.
    fn check(
        &self,
        survey: &Survey<'_>,
        candidates: &mut [Candidate],
        targets: &[&Target],
    ) -> Result<BTreeMap<String, Host>, InstallError> {
        let mut hosts = BTreeMap::new();
        let mut all = Needs::default();
        for candidate in candidates {
            let in_all = self.needs_in_all(survey.table, candidate, targets)?;
            match survey.check(&in_all) {
                Ok(_) => {
                    let host = survey.check(&self.needs(survey.table, candidate, targets)?)?;
                    hosts.insert(candidate.recipe.clone(), host);
                }
                Err(lacking) => candidate.impossible = Some(lacking.names()),
            }
            all = all.or(&in_all);
        }
        match hosts.values().next() {
            None => {
                survey.check(&all)?;
            }
            Some(host) if host.isolation != Isolation::Namespaces => {
                let note = format!("builds are isolated at level `{}` only", host.isolation.name());
                self.chooser.observer.event(Event::Note(&note));
            }
            Some(_) => {}
        }
        Ok(hosts)
    }

    /// What the builds themselves need; what has to be built before is bootstrapped.
    fn needs(&self, table: &HostTools, candidate: &Candidate, targets: &[&Target]) -> Result<Needs, InstallError> {
        let needs = self.needs_of_recipe(candidate, targets)?;
        let compiles_for_host = self.chooser.recipes.recipe(&candidate.recipe)?.host_compiler.is_none();
        Ok(match (self.chooser.request.bootstrap, compiles_for_host) {
            (true, _) => needs.bootstrapped(table),
            (false, true) => self.through_launcher(needs),
            (false, false) => needs,
        })
    }

    /// What has to be there for all to be built, that which compiles for the host included.
    fn needs_in_all(
        &self,
        table: &HostTools,
        candidate: &Candidate,
        targets: &[&Target],
    ) -> Result<Needs, InstallError> {
        let needs = self.needs(table, candidate, targets)?;
        if !self.chooser.request.bootstrap {
            return Ok(needs);
        }
        let first = candidate.plans.iter().flatten().find_map(|plan| plan.bootstrap.as_ref());
        match first {
            Some(bootstrap) if self.missing(std::slice::from_ref(&bootstrap.plan))?.is_empty() => Ok(needs),
            Some(bootstrap) => Ok(needs.or(&self.needs_of_bootstrap(&bootstrap.plan))),
            // What it is to be is not known yet.
            None => {
                let mut first = self.through_launcher(self.needs_of_recipe(candidate, targets)?);
                first.static_link = true;
                Ok(needs.or(&first))
            }
        }
    }

    fn needs_of_recipe(&self, candidate: &Candidate, targets: &[&Target]) -> Result<Needs, InstallError> {
        let recipe = self.chooser.recipes.recipe(&candidate.recipe)?;
        let versions = &self.chooser.request.versions;
        let Some(plans) = &candidate.plans else {
            return Ok(Needs::of(&recipe, versions, targets.len(), at_once(targets.len(), self.jobs)));
        };
        let missing = self.missing(plans)?;
        let needs = Needs::of(&recipe, versions, missing.len(), at_once(missing.len(), self.jobs));
        Ok(self.goes_on(needs, &missing))
    }

    /// Brings the sources of `plans` here.
    pub fn fetch(&self, plans: &[Plan]) -> Result<BTreeMap<Sha256, VerifiedFile>, InstallError> {
        let sources = sources_of(plans);
        let files = self.chooser.fetcher.fetch_all(&sources)?;
        Ok(sources.iter().map(|source| source.sha256).zip(files).collect())
    }
}
