//! `muslchain export`.

use std::path::PathBuf;

use anyhow::Result;
use clap::Args;
use indicatif::DecimalBytes;

use super::context::Context;
use super::progress::Progress;
use super::show::find;
use super::{OutputOptions, store};
use crate::cache::packable;
use crate::event::{Event, Observer};
use crate::pack;
use crate::whole;

/// Options of `export`.
#[derive(Args)]
pub struct Options {
    /// A target, a port, or a toolchain's full name
    #[arg(value_name = "TARGET|PORT|NAME")]
    name: String,
    /// The file to write; NAME.tar.zst in this folder if not said
    #[arg(value_name = "FILE")]
    file: Option<PathBuf>,
}

impl Options {
    /// Runs the command.
    pub fn run(self, context: &Context, output: OutputOptions) -> Result<()> {
        let store = store(context)?;
        let progress = Progress::new(context, output)?;
        let manifest = find(context, &store, &self.name)?;
        let contents = packable(&store, &manifest)?;
        let file = context.folder.join(self.file.unwrap_or_else(|| format!("{}.tar.zst", manifest.name).into()));
        progress.event(Event::Busy { doing: &format!("packing {}", manifest.name) });
        let folder = store.toolchain(&manifest.name);
        let (digest, size) = whole::write(&file, |out| pack::export(&folder, &manifest, &contents, out))?;
        progress.say(&format!("{}: {}, sha256:{digest}", file.display(), DecimalBytes(size)));
        Ok(())
    }
}
