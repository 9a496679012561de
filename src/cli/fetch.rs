//! `muslchain fetch`.

use anyhow::Result;
use clap::Args;
use serde_json::json;

use super::context::Context;
use super::install::{Order, Preparation};
use super::{OutputOptions, print_list};
use crate::fetch::VerifiedFile;
use crate::source::Source;

/// Options of `fetch`.
#[derive(Args)]
pub struct Options {
    #[command(flatten)]
    order: Order,
    /// Print a document for programs
    #[arg(long)]
    json: bool,
}

impl Options {
    /// Runs the command.
    pub fn run(self, context: &Context, output: OutputOptions) -> Result<()> {
        let preparation = Preparation::new(context, self.order, output)?;
        let fetched = preparation.run(context, |installer, targets| installer.fetch_only(targets))?;
        preparation.progress.finish();
        let document = |(source, file): &(Source, VerifiedFile)| {
            json!({
                "component": source.name,
                "version": source.version,
                "sha256": source.sha256,
                "size": file.size(),
                "path": file.path(),
            })
        };
        let row = |(source, file): &(Source, VerifiedFile)| {
            let path = file.path().display().to_string();
            vec![source.name.clone(), source.version.clone(), source.sha256.to_string(), path]
        };
        print_list(self.json, "sources", &fetched, document, row)
    }
}
