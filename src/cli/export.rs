//! `muslchain export`.

use std::path::PathBuf;

use anyhow::{Context as _, Result};
use clap::Args;
use indicatif::DecimalBytes;

use super::context::Context;
use super::progress::Progress;
use super::show::find;
use super::{OutputOptions, store};
use crate::cache::packable;
use crate::event::{Event, Observer};
use crate::pack;

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
        let folder = file.parent().with_context(|| format!("{} is no file", file.display()))?;
        progress.event(Event::Busy { doing: &format!("packing {}", manifest.name) });
        // Beside its place: what is there is whole.
        let mut fresh = tempfile::NamedTempFile::new_in(folder).with_context(|| folder.display().to_string())?;
        let (digest, size) =
            pack::export(&store.toolchain(&manifest.name), &manifest, &contents, fresh.as_file_mut(), pack::threads())?;
        fresh.as_file().sync_all()?;
        let permissions = std::os::unix::fs::PermissionsExt::from_mode(0o644);
        fs_err::set_permissions(fresh.path(), permissions)?;
        fresh.persist(&file).map_err(|error| error.error).with_context(|| file.display().to_string())?;
        progress.say(&format!("{}: {}, sha256:{digest}", file.display(), DecimalBytes(size)));
        Ok(())
    }
}
