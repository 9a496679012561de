//! `muslchain uninstall`.

use std::collections::BTreeSet;

use anyhow::{Result, bail};
use clap::Args;

use super::context::Context;
use super::progress::Progress;
use super::show::find_target;
use super::{OutputOptions, recipes, store};
use crate::store::Manifest;

/// Options of `uninstall`.
#[derive(Args)]
pub struct Options {
    /// What to remove: a target (all its toolchains), a port, or one toolchain by its full name, which
    /// may be that of a build that did not end well
    #[arg(required = true, value_name = "TARGET|PORT|NAME")]
    names: Vec<String>,
}

impl Options {
    /// Runs the command.
    pub fn run(self, context: &Context, output: OutputOptions) -> Result<()> {
        let store = store(context)?;
        let progress = Progress::new(context, output)?;
        let targets = recipes(context)?.targets()?;
        let installed = store.list()?;
        // Everything is found before anything is removed: a typing error loses nothing.
        let unfinished = store.unfinished()?;
        let mut abandoned: Vec<&String> = Vec::new();
        let mut chosen: Vec<&Manifest> = Vec::new();
        for name in &self.names {
            if unfinished.contains(name) {
                abandoned.push(name);
                continue;
            }
            let means = |manifest: &&Manifest| manifest.name == *name || manifest.triple == *name;
            let mut found: Vec<&Manifest> = installed.iter().filter(means).collect();
            if found.is_empty() {
                let triple = &find_target(&targets, name)?.triple;
                found = installed.iter().filter(|manifest| manifest.triple == *triple).collect();
            }
            if found.is_empty() {
                bail!("no toolchain for {name} is installed; `muslchain list` shows what is");
            }
            chosen.extend(found);
        }
        let is_meant = |manifest: &Manifest| store.current(&manifest.triple).is_ok_and(|it| it.name == manifest.name);
        let changed: BTreeSet<&str> =
            chosen.iter().filter(|manifest| is_meant(manifest)).map(|manifest| manifest.triple.as_str()).collect();
        store.sweep(&progress)?;
        for manifest in chosen {
            let _lock = store.lock(&manifest.name, &manifest.name, &progress)?;
            // Another process may have removed it meanwhile, or it was named twice.
            if store.manifest(&manifest.name)?.is_some() {
                store.remove(manifest)?;
                progress.say(&format!("{} removed", manifest.name));
            }
        }
        for name in abandoned {
            let _lock = store.lock(name, name, &progress)?;
            // It may have been under way, and well.
            if store.manifest(name)?.is_none() {
                store.remove_unfinished(name)?;
                progress.say(&format!("what there was of {name} removed"));
            }
        }
        for triple in changed {
            if let Ok(next) = store.current(triple) {
                progress.say(&format!("{triple} means {} now", next.name));
            }
        }
        Ok(())
    }
}
