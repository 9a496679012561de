//! `muslchain lock`.

use anyhow::{Context as _, Result, bail};
use clap::Args;

use super::OutputOptions;
use super::context::Context;
use super::install::{Order, Preparation};
use super::remotes::RemoteFlags;
use crate::choice::Chooser;
use crate::digest::Sha256;
use crate::install::{InstallError, Installer};
use crate::lockfile::LockFile;
use crate::plan::{Linkage, Plan};
use crate::target::Target;

/// Options of `lock`.
#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    order: Order,
    #[command(flatten)]
    remotes: RemoteFlags,
    /// Only tell whether the lock is up to date; the exit code is 1 if it is not
    #[arg(long)]
    check: bool,
    /// Find out anew what the moving version of a component means, or of all
    #[arg(long, value_name = "COMPONENT", num_args = 0..=1, default_missing_value = "", conflicts_with = "check")]
    upgrade: Option<String>,
}

impl Options {
    /// Runs the command.
    pub fn run(self, context: &Context, output: OutputOptions) -> Result<()> {
        let preparation = Preparation::new(context, self.order.asking(self.remotes), output)?;
        let mut preparation = preparation.with_remotes(context)?;
        let path = preparation
            .settings
            .lock_path
            .clone()
            .context("there is no toolchains.toml here or above: the lock stands beside one")?;
        let former = preparation.settings.lock.clone();
        if self.check {
            let Some(former) = former else { bail!("{} is missing: `muslchain lock` makes it", path.display()) };
            return preparation.run(context, |installer, targets| {
                let plans = plans(&installer.chooser, targets)?;
                match &former.differences(&plans)[..] {
                    [] => Ok(()),
                    lines => bail!(
                        "{} is not up to date:\n  {}\n`muslchain lock` brings it up to date",
                        path.display(),
                        lines.join("\n  ")
                    ),
                }
            });
        }
        if let Some(component) = &self.upgrade {
            preparation.unlock(component);
        }
        let lock = preparation.run(context, |installer, targets| {
            if let Some(component) = &self.upgrade {
                upgrade(installer, targets, component)?;
            }
            let plans = plans(&installer.chooser, targets)?;
            let mut seen = Vec::new();
            for plan in &plans {
                seen.push(contents_of(installer, plan)?);
            }
            let seen_of =
                |plan: &Plan| plans.iter().position(|it| it.key() == plan.key()).and_then(|place| seen[place]);
            anyhow::Ok(LockFile::of(&plans, former.as_ref(), seen_of))
        })?;
        let lock = lock.context("there is nothing to lock")?;
        let what = match &former {
            Some(former) if *former == lock => "is up to date",
            _ => {
                lock.write(&path)?;
                "written"
            }
        };
        preparation.progress.say(&format!("{} {what}", path.display()));
        Ok(())
    }
}

/// The plans by the recipe that was named or locked, or else by the first whose sources can be had.
fn plans(chooser: &Chooser<'_>, targets: &[&Target]) -> Result<Vec<Plan>> {
    let candidates = chooser.candidates(targets, Linkage::Static)?;
    Ok(chooser.choose(&candidates, targets, Linkage::Static)?)
}

/// What the toolchain holds, if it is installed or a remote has it.
fn contents_of(installer: &Installer<'_>, plan: &Plan) -> Result<Option<Sha256>> {
    // What calls a compiler of this machine is the same nowhere else.
    if plan.host_compiler.is_some() {
        return Ok(None);
    }
    if let Some(manifest) = installer.chooser.store.manifest(&plan.name())? {
        return Ok(Some(manifest.contents));
    }
    for remote in installer.cache.remotes {
        // Whoever cannot say anything of it does not keep it from being locked.
        if let Ok(Some(artifact)) = installer.cache.look_up(remote, &plan.key(), &plan.name()) {
            return Ok(Some(artifact.toolchain.contents));
        }
    }
    Ok(None)
}

/// Finds out what moving versions mean now: that of a component, or all.
fn upgrade(installer: &Installer<'_>, targets: &[&Target], component: &str) -> Result<()> {
    let chooser = &installer.chooser;
    let plans = plans(chooser, targets)?;
    let mut any = false;
    for source in plans.iter().flat_map(Plan::sources) {
        let Some(moving) = chooser.sources.moving_behind(source) else { continue };
        if component.is_empty() || moving.name == component {
            chooser.resolve(moving).map_err(InstallError::from)?;
            any = true;
        }
    }
    if !any && !component.is_empty() {
        bail!(
            "{component} has no moving version here: it is the recipe's own choice; `--set {component}=VERSION`, or [versions] in \
             toolchains.toml, chooses another"
        );
    }
    Ok(())
}
