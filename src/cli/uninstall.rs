//! `muslchain uninstall`.

use anyhow::{Result, bail};
use clap::Args;

use super::context::Context;
use super::progress::Progress;
use super::{OutputOptions, recipes, store};
use crate::store::Manifest;

/// Options of `uninstall`.
#[derive(Args)]
pub struct Options {
    /// What to remove: a target (all its toolchains), a port, or one toolchain by its full name
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
        let mut chosen: Vec<&Manifest> = Vec::new();
        for name in &self.names {
            let by_name = installed.iter().find(|manifest| manifest.name == *name);
            let found: Vec<&Manifest> = match by_name {
                Some(manifest) => vec![manifest],
                None => {
                    let triple = &targets.find(name)?.0.triple;
                    installed.iter().filter(|manifest| manifest.triple == *triple).collect()
                }
            };
            if found.is_empty() {
                bail!("no toolchain for {name} is installed; `muslchain list` shows what is");
            }
            chosen.extend(found);
        }
        for manifest in chosen {
            let _lock = store.lock(&manifest.name, &manifest.name, &progress)?;
            // Another process may have removed it meanwhile, or it was named twice.
            if store.manifest(&manifest.name)?.is_some() {
                store.remove(manifest)?;
                progress.say(&format!("{} removed", manifest.name));
            }
        }
        Ok(())
    }
}
