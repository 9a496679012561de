//! `muslchain import`.

use std::path::PathBuf;

use anyhow::{Result, bail};
use clap::Args;

use super::context::Context;
use super::progress::Progress;
use super::{OutputOptions, recipes, store};
use crate::event::{Event, Observer};
use crate::pack;
use crate::plan::host_triple;
use crate::scratch::Kind;
use crate::shim;

/// Options of `import`.
#[derive(Args)]
pub struct Options {
    /// Files that `muslchain export` wrote
    #[arg(required = true, value_name = "FILE")]
    files: Vec<PathBuf>,
}

impl Options {
    /// Runs the command.
    pub fn run(self, context: &Context, output: OutputOptions) -> Result<()> {
        let store = store(context)?;
        let progress = Progress::new(context, output)?;
        let targets = recipes(context)?.targets()?;
        store.sweep(&progress)?;
        for file in &self.files {
            let file = context.folder.join(file);
            let manifest = pack::manifest_of(&file)?;
            let machine = |triple: &str| triple.split('-').next().unwrap_or_default().to_owned();
            if machine(&manifest.host) != machine(&host_triple()) {
                bail!("{}: its programs run on {}, and this machine is another", file.display(), manifest.host);
            }
            let (target, _) = targets.find(&manifest.triple)?;
            let _lock = store.lock(&manifest.name, &manifest.name, &progress)?;
            let (how, manifest) = if let Some(present) = store.manifest(&manifest.name)? {
                ("is installed", present)
            } else {
                progress.event(Event::Busy { doing: &format!("unpacking {}", manifest.name) });
                let scratch = store.scratch(Kind::Import)?;
                let out = scratch.path().join("out");
                fs_err::create_dir(&out)?;
                let (manifest, contents) = pack::import(&file, &out)?;
                store.publish(&out, &contents, &manifest)?;
                ("installed", manifest)
            };
            store.set_current(&manifest.triple, &manifest.name)?;
            shim::ensure(&store, target, &manifest)?;
            let folder = store.toolchain(&manifest.name);
            progress.say(&format!("{} {how}: {}", manifest.triple, folder.display()));
        }
        Ok(())
    }
}
