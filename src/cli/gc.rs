//! `muslchain gc`.

use anyhow::{Result, bail};
use clap::Args;
use indicatif::DecimalBytes;
use serde_json::json;

use super::context::Context;
use super::progress::Progress;
use super::settings::{Flags, Settings};
use super::{OutputOptions, print, print_json, store};
use crate::kept::Kept;

/// Options of `gc`.
#[derive(Args)]
pub struct Options {
    /// The most that may stay, in gigabytes; what the settings say if not said
    #[arg(long, value_name = "N")]
    keep_gb: Option<u64>,
    /// Only tell what there is
    #[arg(long)]
    dry_run: bool,
    /// Print a document for programs
    #[arg(long)]
    json: bool,
}

impl Options {
    /// Runs the command.
    pub fn run(self, context: &Context, output: OutputOptions) -> Result<()> {
        let store = store(context)?;
        let progress = Progress::new(context, output)?;
        let kept = Kept::of(&store);
        if self.dry_run {
            let items = kept.items()?;
            let bytes: u64 = items.iter().map(|item| item.bytes).sum();
            if self.json {
                let document = |item: &crate::kept::Item| json!({ "path": item.path, "bytes": item.bytes });
                let items: Vec<_> = items.iter().map(document).collect();
                return print_json(&json!({ "schema": 1, "kept": items, "bytes": bytes }));
            }
            let line =
                |item: &crate::kept::Item| format!("{:>10}  {}\n", DecimalBytes(item.bytes), item.path.display());
            let lines: String = items.iter().map(line).collect();
            return Ok(print(&format!("{lines}{:>10}  in all\n", DecimalBytes(bytes)))?);
        }
        let cap = match self.keep_gb {
            Some(gigabytes) => gigabytes.saturating_mul(1_000_000_000),
            None => Settings::load(context, Flags::default())?.kept_cap,
        };
        store.sweep(&progress)?;
        let Some(trimmed) = kept.trim(cap)? else {
            bail!("a build is under way, which may be using what would go: run this again when it has ended");
        };
        if self.json {
            let document = json!({ "removed": trimmed.removed, "removed_bytes": trimmed.bytes, "bytes": trimmed.left });
            return print_json(&json!({ "schema": 1, "trimmed": document }));
        }
        let (removed, left) = (DecimalBytes(trimmed.bytes), DecimalBytes(trimmed.left));
        progress.say(&format!("{} removed ({removed}), {left} kept", trimmed.removed));
        Ok(())
    }
}
